// Package fast serves the most frequent kind of request for the least processor time: plain HTTP/1.1 with a body of known length or none, to an upstream of the
// same kind. Each core has one loop, which waits for its sockets with epoll and serves each request where it was read; clients and upstreams are in the same
// loop, so that nothing is handed from thread to thread. What else comes is left to the standard lane, net/http, with all bytes that were read of it, before
// anything is spent.
//
// The package knows the protocol; what may pass, and what is written on it, a Policy says.
package fast
