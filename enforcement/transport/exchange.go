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
	Timeout    time.Duration // for the answer to begin
	Idle       time.Duration // for each part of it; 0: the default
	RequestID  string
	KeyID      string           // empty: the method needs no key
	ConsumerID string           // empty: the key belongs to no app
	KeyHeader  string           // where the key came in; empty: not in a header
	ForwardKey bool             // leave it there
	Body       io.ReadCloser    // in place of the request's, which net/http must find as it was; nil: the request's
	Forwarded  *front.Forwarded // what a proxy that is believed says of the client; nil: the peer is the client
	Caller     Caller

	start    time.Time
	answer   answer
	wait     patience
	stream   atomic.Bool
	in, out  atomic.Int64
	latency  atomic.Int64
	upload   *upload     // nil: there is no body
	pick     Pick        // of the try that is under way
	bodyRead atomic.Bool // some of the client's body was taken
	failure  Failure     // set before the answer's head is written; otherwise none
	broken   atomic.Int32

	mu   sync.Mutex
	stop func() // nil: not served now, or cut already
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

// errTooSlow, errIdle and errCut are causes of cancelling an exchange's context.
var (
	errIdle    = errors.New("the upstream did not go on with its answer in time")
	errTooSlow = errors.New("the upstream did not begin to answer in time")
	errCut     = errors.New("the exchange was cut")
)

// cutTime is what a client gets for reading the last bytes of an exchange that is cut.
const cutTime = 500 * time.Millisecond

// Cut ends the exchange wherever it is. It does nothing before and after Serve, and may be called more than once.
func (x *Exchange) Cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stop != nil {
		x.stop()
		x.stop = nil
	}
}

// cutBy says how the exchange is cut; nil: not any more.
func (x *Exchange) cutBy(stop func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stop = stop
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

// interrupted returns who cancelled ctx, the exchange's; None if nobody did.
func interrupted(ctx context.Context) Failure {
	switch cause := context.Cause(ctx); {
	case ctx.Err() == nil:
		return None
	case errors.Is(cause, errTooSlow):
		return Timeout
	case errors.Is(cause, errIdle):
		return BrokeOff
	case errors.Is(cause, errCut):
		return Stopped
	default:
		return ClientGone
	}
}
