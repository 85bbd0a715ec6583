// Package front is what stands between the network and the gateway's and the portal's HTTP servers: how many connections there may be, in all and of one
// client, and who the client is.
//
//	TCP listener
//	  Listen     connections in all; the PROXY protocol of the proxies that must speak it; connections of one address      listener.go, proxyheader.go
//	  TLS, judge of HTTP/1.1 (elsewhere)
//	  net/http
//	  Trust      what proxies that are trusted say of the client, instead of the address of their own                      trust.go
//
// A client is its address: of IPv4 the whole, of IPv6 the network of 64 bits that a subscriber has, and an IPv4 address that is written as IPv6 is that
// IPv4 address. What is counted per client is forgotten with the last of it, so that memory is bounded by what is open, however many clients come.
package front
