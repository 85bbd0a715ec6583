// Package wire judges HTTP/1.1 before anything else sees it: the head of each request and the framing of chunked bodies.
//
//	l := wire.Listener(tcp, wire.Config{HeadTimeout: 10 * time.Second})
//	wire.Attach(server)     // an *http.Server
//	server.Serve(l)
//
// # The judge
//
// Judge takes the bytes of a head as they arrive and says that it needs more, that the head is good, or what is wrong with it. Chunks does the same for
// a chunked body, and leaves the bytes of it that the next reader needs. Both keep their place: a byte is looked at a bounded number of times, however
// the bytes are cut, and where they are cut never changes the verdict. Neither allocates, reads a clock, or knows of net/http: bytes in, verdict out.
//
// What is refused is what two readers of the same bytes could take for different requests (RFC 9112, 11), or what would let a client speak with the
// gateway's own voice; docs/gateway.md lists it.
//
// # In front of net/http
//
// A Conn hands net/http only heads that were judged good, with chunked bodies freed of their extensions. In place of a bad head it hands over one short request
// that nobody can send through it, GET * with Connection: close, so that it is answered behind all requests before it and the connection ends; a handler learns from
// RefusalOf why. In place of a bad chunk it hands over one that no reader accepts: the body cannot be read to its end. After a switch of protocols, and for
// HTTP/2, a Conn passes bytes on unseen.
//
// # Names of fields
//
// fields.go is the one list of header fields that clients may not speak for the gateway with. FieldsFault applies it to requests that came by HTTP/2.
//
// A Judge, Chunks and the reading side of a Conn are for one goroutine at a time, as net/http uses them.
package wire
