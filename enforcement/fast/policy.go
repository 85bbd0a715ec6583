package fast

import (
	"context"
	"net"
	"time"

	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/wire"
)

// Policy decides about requests. It is safe for concurrent use.
type Policy interface {
	// NewCall returns what a loop asks about a request. The loop, whose number is told, uses it again for others, one after the other.
	NewCall(loop int) Call
}

// Step is what becomes of a request.
type Step uint8

// The steps.
const (
	Leave   Step = iota // the standard lane serves it, and all that comes behind it on its connection: nothing was spent
	Answer              // Request.Out has the whole answer
	Forward             // to Request.Origin
	Wait                // Await is to be called beside the loop, and Begin again after it
)

// Call is what a policy knows of one request. Its methods are called by one goroutine at a time, in this order: Begin, once more after each Wait; if it said
// Forward, AppendRequest for each connection that is tried, Failed for each that failed, and Answered for the answer; End in the end, unless Begin said Leave.
// But for Await they must not block. They may keep what a Request refers to until End returns, and nothing longer.
type Call interface {
	// Begin decides. It appends the answer to r.Out if that is Answer, and sets Origin, Timeout and Idle if it is Forward.
	Begin(r *Request) Step
	// Await waits for what Begin lacked; ctx ends when nobody waits for it any more. It must not touch the Request.
	Await(ctx context.Context)
	// AppendRequest appends the head of the request that Origin gets.
	AppendRequest(r *Request, to []byte) []byte
	// Failed is told why there is no answer. Connected says that some of the request may have arrived, answered that a byte of an answer came. It returns Forward for
	// another try, with Origin set anew, or Answer.
	Failed(r *Request, f transport.Failure, err error, connected, answered bool) Step
	// Answered appends to r.Out the head that the client gets for the upstream's, the empty line behind it included. Of the upstream's fields, those that frame the
	// body (Content-Length, Transfer-Encoding) and those that concern its connection are left out: a.Told and a.Chunked say what the client is to be told. It may
	// set r.Close. It is called for each interim answer (1xx), too.
	Answered(r *Request, a *Answered)
	// IsOver asks, every quarter of a second, whether a request under way must end: its key was revoked, or it is a stream that has lasted too long. The loop
	// then calls Failed with transport.Stopped, if no answer has begun, and ends it in any case.
	IsOver(r *Request) bool
	// End is told how the request ended; where Begin said Answer, e is zero. The Call is as new behind it.
	End(r *Request, e *transport.End)
}

// Request is a request that a loop has read. What Head tells has passed the judge; it has a body with a length of at most MostBody, or none; nothing about it
// concerns the connection but Close.
type Request struct {
	Head   *wire.Head
	Bytes  []byte // of the head; stay as they are until End
	Fields []wire.Field
	Remote string    // the client: address and port
	Now    time.Time // read once for all requests that came together
	Close  bool      // the connection ends behind the answer, which must say so

	Out []byte // what the client gets: to be appended to

	Origin  Origin        // where the request goes
	Timeout time.Duration // for the answer to begin
	Idle    time.Duration // for each part of it; 0: the default
	Stream  bool          // set by Answered: the answer need not end by itself

	Sent  int64 // bytes of the answer that Begin or Failed made, its body alone: set by the Call
	Moved int64 // bytes of bodies so far, both ways: set by the loop
}

// Answered is the head of an upstream's answer.
type Answered struct {
	Status  int
	Fields  []Field // in order; names are tokens, values have no control characters and no whitespace around them
	Told    int64   // the Content-Length that the client is told; -1: none
	Chunked bool    // the client gets the body in chunks
	Date    string  // now, for an answer that does not say when it was made
}

// Field is a header field of an answer, good until Answered returns.
type Field struct{ Name, Value []byte }

// Origin is an upstream of HTTP/1.1 without TLS. It is comparable: what is equal shares connections.
type Origin interface {
	// Dial makes a connection, which must be the system's own: *net.TCPConn or *net.UnixConn.
	Dial(ctx context.Context) (net.Conn, error)
}

// MostBody is the longest body of a request that is not left to the standard lane, in bytes.
const MostBody = 64 << 10
