package enforcement

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/enforcement/transport"
)

// upload is the body of a request on its way to the upstream: it may not be larger than the stage allows, nor come slower than the operator does. Only time
// in which the client is waited for counts, so that a slow upstream is not the client's fault.
type upload struct {
	io.ReadCloser
	q      *request
	left   int64 // bytes that may still come; below 0: no limit
	pace   pace
	stream bool // of messages that may be far apart: the idle limit of streams is the bound, not pace
	faults error

	mu   sync.Mutex
	over bool // the request has ended, and net/http's side of it is not there any more
}

// longAgo is a deadline that ends whatever waits for a client.
var longAgo = time.Unix(1, 0)

var errBodyTooLarge = errors.New("the body is larger than the stage allows")

// maxBody is how many bytes the body of a request of this stage may have; 0: no limit.
func (c *call) maxBody() int64 { return cmp.Or(c.stage.maxBody, c.g.bounds.Load().MaxBody) }

// maxBody is no more than what can be compared, for a body that had to be.
func (q *request) maxBody() int64 {
	if q.untaken {
		return maxValidated
	}
	return q.call.maxBody()
}

// bodyTooLarge reports whether the request says itself that its body, of length bytes, is larger than it may be.
func (c *call) bodyTooLarge(length int64) bool {
	most := c.maxBody()
	return most > 0 && length > most
}

// guardedBody returns the body as it is to be forwarded; nil: there is none.
func (q *request) guardedBody() io.ReadCloser {
	if q.r.Body == nil || q.r.Body == http.NoBody {
		return nil
	}
	b := &upload{ReadCloser: q.r.Body, q: q, left: -1}
	if most := q.maxBody(); most > 0 {
		b.left = most
	}
	if b.stream = isGRPC(q.r.Header); !b.stream {
		b.pace = q.g.paceOf(b)
	}
	q.body = b
	return b
}

// setDeadline is called by whoever sends to the upstream, who may notice later than the handler that the request has ended.
func (b *upload) setDeadline(at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return http.ErrBodyReadAfterClose
	}
	return http.NewResponseController(b.q.w).SetReadDeadline(at)
}

// Interrupt implements transport.Interrupter.
func (b *upload) Interrupt() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return http.ErrBodyReadAfterClose
	}
	b.over = true
	return http.NewResponseController(b.q.w).SetReadDeadline(longAgo)
}

// end leaves the connection alone from now on. A client that was answered and has not sent all of it has a moment for what net/http takes in before it goes on with
// the connection.
func (b *upload) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	if b.q.r.ProtoMajor != 1 || errors.Is(b.faults, io.EOF) {
		return
	}
	until := time.Now().Add(unreadTimeout)
	switch b.q.exchange.End().Failure {
	case transport.Stopped:
		return // it has less than that
	case transport.ClientGone, transport.BrokeOff:
		until = longAgo
	default:
	}
	_ = http.NewResponseController(b.q.w).SetReadDeadline(until) // in memory there is none to set
}

// ranOut reports whether it was the client's time that was over.
func (b *upload) ranOut() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pace.isOn() && problem(b.q.cut.Load()) == problemNone && !(b.over && time.Now().Before(b.pace.until))
}

// isGRPC reports whether a request is a call of gRPC, which may be a stream.
func isGRPC(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "application/grpc")
}

// Read passes on what comes. It fails when that is too much or too slow.
func (b *upload) Read(p []byte) (int, error) {
	if b.faults != nil {
		return 0, b.faults
	}
	if b.left >= 0 && int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	b.pace.begin(0)
	n, err := b.ReadCloser.Read(p)
	b.pace.end(int64(n))
	if b.left >= 0 {
		if b.left -= int64(n); b.left < 0 {
			b.pace.finish()
			return b.fail(problemBodyTooLarge, errBodyTooLarge)
		}
	}
	switch {
	case err == nil:
	case tooSlow(err) && b.ranOut():
		return b.fail(problemBodyTooSlow, err)
	default:
		b.faults = err
		b.pace.stop() // net/http goes on to read, to see whether the client goes away
	}
	return n, err
}

// fail remembers for the answer why the body is not read any further.
func (b *upload) fail(p problem, err error) (int, error) {
	b.q.bodyFault.CompareAndSwap(uint32(problemNone), uint32(p))
	b.faults = err
	return 0, err
}
