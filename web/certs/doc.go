// Package certs has the certificates of the listeners: read from files and read again when those change, or obtained by ACME, and chosen by the name that a
// client asks for. Listen puts TLS on a listener.
//
//	c, err := certs.Open(certs.Config{Pairs: pairs, Log: log})  // what cannot be read is an error: nothing is served without its certificate
//	server.Serve(certs.Listen(listener, c.TLS(), log, nil))
//	go c.Run(ctx)                                               // looks at the files, renews
//	err = c.Reload()                                            // on SIGHUP
//
// A certificate that was good once stays until a better one is there: what breaks later is logged once, told by Trouble and by metrics, and changes nothing
// for clients. TLS 1.2 and 1.3 with Go's own choice of suites and with session tickets, whose keys rotate by themselves and never leave the process; no early
// data, no renegotiation, no HTTP/3.
package certs
