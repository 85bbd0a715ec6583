// Package fast serves the most frequent kind of request for the least processor time: plain HTTP/1.1 with a body of known length or none, to an upstream of the
// same kind. A loop waits for its sockets with epoll and serves each request where it was read; clients and upstreams are in the same loop, so that nothing is
// handed from thread to thread: two reads and two writes are a request. Connections are spread over as few loops as keep up (spread.go).
//
//	lane, err := fast.New(fast.Config{Policy: gateway, Times: times})
//	server.Serve(judged(lane.Listen(front)))
//
// # What leaves
//
// The package knows the protocol; what may pass, and what is written on it, a Policy says. What else comes is left to the standard lane, net/http, with every byte
// that was read of it, before anything is spent, and so is all that comes behind it on its connection: HTTP/2 and HTTP/1.0, chunked and long bodies, upgrades,
// expectations, whatever the judge of package wire refuses, heads and bodies that do not come at once, and what the Policy wants to leave. The client sees no
// difference.
//
// # How a loop works
//
// loop_linux.go has the rounds: wait for events, serve them, look at deadlines. A client (client_linux.go) has a socket and what was read and not used of it, which
// is nothing while it is idle; the loop reads into one buffer of its own. A request that is there as a whole (request_linux.go) becomes an exchange
// (exchange_linux.go), which the Policy answers or sends on; a backend (backend_linux.go) is a connection to an upstream, kept from one exchange to the next, the
// one that was used last first. A client that reads slowly stops its backend from being read (isBehind); long bodies pass through a pipe in the kernel
// (splice_linux.go).
//
// Nothing in a loop may wait. What must, is done by a goroutine that posts its result to the loop: a connection to an upstream, and what a Policy waits for. No
// event of an earlier life of a descriptor is taken for one of now: each life has a number.
package fast
