package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/front"
	"gatehouse/enforcement/wire"
)

// Caller is asked when an exchange has something to say.
type Caller interface {
	// Prepare changes the headers of the request to the upstream, before the gateway's own are set: each time that one is made, from the client's.
	Prepare(h http.Header)
	// Decorate adds the gateway's headers to the upstream's answer.
	Decorate(h http.Header)
	// Fail answers instead of the upstream.
	Fail(w http.ResponseWriter, f Failure, err error)
}

// Exchange is one request and its answer. The caller sets the exported fields before Serve.
type Exchange struct {
	Pick       Pick          // where to; Serve ends it
	Path       string        // behind the target's own: canonical, empty or beginning with a slash
	Query      string        // as the upstream shall get it
	Prefix     string        // /{api}/{stage}, for X-Forwarded-Prefix
	Verb       string        // that the upstream is asked with; empty: the client's
	Timeout    time.Duration // for the answer to begin
	Idle       time.Duration // for each part of it; 0: the default
	RequestID  string
	KeyID      string           // empty: the method needs no key
	ConsumerID string           // empty: the key belongs to no app
	KeyHeader  string           // where the key came in; empty: not in a header
	ForwardKey bool             // leave it there
	Body       io.ReadCloser    // in place of the request's, which net/http must find as it was: it must not look at what it passes on, and may be an Interrupter; nil: the request's
	Forwarded  *front.Forwarded // what a proxy that is believed says of the client; nil: the peer is the client
	Caller     Caller
	Plain      bool    // the Caller's Prepare changes nothing, and is not asked
	Remake     Remaker // makes another answer of the upstream's, which switches no protocol then; nil: it is passed on

	start    time.Time
	client   context.Context // of the client's request
	conn     *wire.Conn      // that tells when the client goes; nil: client does
	unfollow func() bool     // of client
	answer   answer
	request  outgoing
	reply    reply
	direct   bool     // reply's header is that of the client's answer
	body     lineBody // of reply, where it is on a connection of our own
	wait     patience
	stream   atomic.Bool
	in, out  atomic.Int64
	latency  atomic.Int64
	upload   *upload     // nil: there is no body
	pick     Pick        // of the try that is under way
	bodyRead atomic.Bool // some of the client's body was taken
	whole    atomic.Bool // the client has the whole answer
	failure  Failure     // set before the answer's head is written; otherwise none
	broken   atomic.Int32

	ended atomic.Int32 // the Failure for which everything was interrupted; None: it goes on

	mu     sync.Mutex
	served bool               // now, and not cut
	ctx    context.Context    // nil: nobody needed one
	cancel context.CancelFunc // of ctx
	line   *line              // to the upstream; nil: there is none
	hose   io.Closer          // to the upstream, when the protocol was switched
}

// Failure is why there is no whole answer of the upstream.
type Failure int32

// The failures. The zero value is none.
const (
	None        Failure = iota
	Unreachable         // no connection, or it broke before an answer came
	Invalid             // the answer is not HTTP
	Timeout             // no answer began in time
	BadBody             // the client's body broke
	ClientGone          // the client went away
	Stopped             // Cut was called
	BrokeOff            // the upstream broke in the middle of its answer
	Unmade              // no answer could be made of the upstream's, as Exchange.Remake wants it
)

// End is how an exchange ended.
type End struct {
	Failure  Failure
	Status   int // of the upstream's answer; 0: none came
	BytesIn  int64
	BytesOut int64
	Latency  time.Duration // until the answer's head, or the failure
	Took     time.Duration // until now, when it has ended
	Begun    time.Time     // from when Latency is counted
}

// errTooSlow and errIdle are why an upstream is not waited for any longer, errEnded is why an exchange that was interrupted does not begin anything more.
var (
	errIdle    = errors.New("the upstream did not go on with its answer in time")
	errTooSlow = errors.New("the upstream did not begin to answer in time")
	errEnded   = errors.New("the exchange was interrupted")
)

// cutTime is what a client gets for reading the last bytes of an exchange that is cut.
const cutTime = 500 * time.Millisecond

// begin has the exchange end when its client goes away or somebody cuts it, until end.
func (x *Exchange) begin(w http.ResponseWriter, r *http.Request) {
	x.start, x.client = time.Now(), r.Context()
	x.answer = answer{ResponseWriter: w, x: x, old: !r.ProtoAtLeast(1, 1)}
	x.mu.Lock()
	x.served = true
	x.mu.Unlock()
	if c := wire.ConnOf(r); c != nil && c.Tell(x) {
		x.conn = c
	} else {
		x.unfollow = context.AfterFunc(x.client, x.ClientGone)
	}
}

func (x *Exchange) end() {
	x.wait.end()
	if x.conn != nil {
		x.conn.Tell(nil)
	} else {
		x.unfollow()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.served = false
	if x.cancel != nil {
		x.cancel()
	}
}

// Cut ends the exchange wherever it is. It does nothing before and after Serve, and may be called more than once.
func (x *Exchange) Cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.served {
		return
	}
	x.served = false
	x.interruptLocked(Stopped)
	// A client that does not read, or a WebSocket's that does not write, would keep its goroutine for ever.
	client, soon := http.NewResponseController(x.answer.ResponseWriter), time.Now().Add(cutTime)
	_ = client.SetReadDeadline(soon) // in memory there is none to set
	_ = client.SetWriteDeadline(soon)
}

// ClientGone implements wire.Absentee.
func (x *Exchange) ClientGone() { x.interrupt(ClientGone) }

// interrupt ends all waiting for the upstream. The first reason counts.
func (x *Exchange) interrupt(why Failure) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.interruptLocked(why)
}

func (x *Exchange) interruptLocked(why Failure) {
	if !x.ended.CompareAndSwap(int32(None), int32(why)) {
		return
	}
	if x.line != nil {
		_ = x.line.SetDeadline(longAgo)
	}
	if x.cancel != nil {
		x.cancel()
	}
	if x.hose != nil {
		_ = x.hose.Close()
	}
}

// interrupted returns why the exchange was interrupted; None if it was not.
func (x *Exchange) interrupted() Failure {
	if f := Failure(x.ended.Load()); f != None {
		return f
	}
	if x.client != nil && x.client.Err() != nil {
		return ClientGone // we are about to be told
	}
	return None
}

// context ends with the exchange, or when it is interrupted. It is made for those who need one.
func (x *Exchange) context() context.Context {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ctx == nil {
		x.ctx, x.cancel = context.WithCancel(x.client)
		if Failure(x.ended.Load()) != None {
			x.cancel()
		}
	}
	return x.ctx
}

// take makes a connection the one that is interrupted with the exchange.
func (x *Exchange) take(c *line) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if Failure(x.ended.Load()) != None {
		return errEnded
	}
	x.line = c
	return nil
}

// leave gives it up. It returns false if it was interrupted.
func (x *Exchange) leave() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.line = nil
	return Failure(x.ended.Load()) == None
}

// closeWith has a tunnel closed when the exchange is interrupted.
func (x *Exchange) closeWith(tunnel io.Closer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.hose = tunnel
	if Failure(x.ended.Load()) != None {
		_ = tunnel.Close()
	}
}

// IsStream reports whether the answer is one that need not end by itself: a WebSocket or server-sent events.
func (x *Exchange) IsStream() bool { return x.stream.Load() }

// Moved is how many bytes of bodies and of streams have passed, in both directions.
func (x *Exchange) Moved() int64 { return x.in.Load() + x.out.Load() }

// End returns how the exchange ended. It is to be called after Serve, also if that panicked.
func (x *Exchange) End() End {
	e := End{
		Failure: x.failure, Status: x.answer.upstream, BytesIn: x.in.Load(), BytesOut: x.out.Load(), Latency: time.Duration(x.latency.Load()), Begun: x.start,
	}
	if e.Failure == None {
		e.Failure = Failure(x.broken.Load())
	}
	e.Took = max(1, time.Since(x.start))
	if e.Latency == 0 {
		e.Latency = e.Took
	}
	return e
}

// breakOff notes why an answer under way ended early; the first reason counts.
func (x *Exchange) breakOff(f Failure) { x.broken.CompareAndSwap(int32(None), int32(f)) }
