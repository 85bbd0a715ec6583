package transport

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// This file gives an upstream's answer to the client.

// receive looks at the head of an answer.
func (p *Proxy) receive(rep *reply, in *http.Request, x *Exchange) error {
	if !x.wait.begun(or(x.Idle, defaultIdle)) {
		rep.close()
		return errTooSlow // it came when the client was about to be told that it did not
	}
	x.latency.Store(int64(max(1, time.Since(x.start))))
	switch {
	case rep.status == http.StatusSwitchingProtocols:
		if rep.tunnel == nil || !hasToken(rep.header["Upgrade"], in.Header.Get("Upgrade")) {
			rep.close()
			return malformed("protocol switched without being asked")
		}
		x.wait.end()
		x.stream.Store(true)
	case len(rep.header["Content-Type"]) > 0 && strings.Contains(rep.header["Content-Type"][0], "event-stream"):
		kind, _, _ := mime.ParseMediaType(rep.header["Content-Type"][0])
		x.stream.Store(kind == eventStream)
	}
	if x.Remake != nil {
		if err := x.remake(rep, in); err != nil {
			rep.close()
			return err
		}
	}
	rep.unlike(in, x.request.verb)
	x.answer.upstream = rep.status
	dropHopByHop(rep.header)
	// Both would speak for the gateway's whole host.
	delete(rep.header, "Alt-Svc")
	delete(rep.header, "Clear-Site-Data")
	dropSetCookies(rep.header, p.hide)
	x.Caller.Decorate(rep.header)
	return nil
}

const eventStream = "text/event-stream"

func (rep *reply) close() {
	if rep.tunnel != nil {
		_ = rep.tunnel.Close()
	}
	if rep.body != nil {
		_ = rep.body.Close()
	}
}

// interim passes an answer 1xx on, which may be one of many.
func (x *Exchange) interim(status int, h http.Header) {
	if x.answer.ResponseWriter == nil {
		return // nobody asked
	}
	into := x.answer.Header()
	if x.Remake != nil {
		clear(h)
		return
	}
	dropHopByHop(h)
	if !x.direct {
		maps.Copy(into, h)
	}
	x.answer.WriteHeader(status)
	clear(into)
}

// header returns where the head of an upstream's answer is read to: the client's, if that is empty.
func (x *Exchange) header() http.Header {
	if x.answer.ResponseWriter != nil {
		if h := x.answer.Header(); x.direct || len(h) == 0 {
			x.direct = true
			return h
		}
	}
	return make(http.Header, 12)
}

// forget takes back what was read there.
func (x *Exchange) forget() {
	if x.direct {
		clear(x.answer.Header())
	}
}

// deliver sends head, body and trailers.
func (x *Exchange) deliver(in *http.Request, rep *reply) {
	h := x.answer.Header()
	if !x.direct {
		maps.Copy(h, rep.header)
	}
	for name := range rep.promise {
		h.Add("Trailer", name)
	}
	if rep.isLast(in, x) {
		h["Connection"] = []string{"close"}
	}
	x.answer.WriteHeader(rep.status)
	err := x.copyBody(in, rep)
	if err == nil {
		x.sendRest(in, rep)
	}
	_ = rep.body.Close() // of an answer that was read whole, it has nothing to say
	if err != nil {
		if in.Context().Value(http.ServerContextKey) == nil {
			return // in memory there is no connection to be closed
		}
		panic(http.ErrAbortHandler)
	}
	if rep.trailer == nil {
		return
	}
	trailer := rep.trailer()
	if len(trailer) == 0 {
		return
	}
	// Else net/http would tell a length of a short body, and no trailers.
	_ = http.NewResponseController(x.answer.ResponseWriter).Flush()
	for name, values := range trailer {
		if _, promised := rep.promise[name]; !promised {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// mostUnread is how much of a body net/http takes in behind an answer, to go on with the connection.
const mostUnread = 256 << 10

// isLast reports whether the client's connection ends behind an answer that came early: so much is left of the body that nobody will take in. The upstream does
// not, because it ends its own connection.
func (rep *reply) isLast(in *http.Request, x *Exchange) bool {
	return in.ProtoMajor == 1 && rep.line != nil && !rep.line.keep && rep.line.up.isLeft() && in.ContentLength-x.in.Load() > mostUnread
}

// sendRest goes on sending a body whose answer came early, is the client's now, and leaves the upstream's connection open: clients that send first and read then
// would find their connection reset. In HTTP/2, and where the answer's end is not known before ours, the client must not be kept waiting for it.
func (x *Exchange) sendRest(in *http.Request, rep *reply) {
	b := rep.line
	if in.ProtoMajor != 1 || rep.length < 0 || b == nil || !b.keep || !b.ended || !b.up.isLeft() {
		return
	}
	x.whole.Store(true)
	if x.flush() != nil {
		return
	}
	x.wait.rest()
	select {
	case <-b.up.done:
	case <-x.context().Done():
	}
}

// copyBody sends the body. What comes without a length is flushed part by part; what has one, when more is awaited for a while.
func (x *Exchange) copyBody(in *http.Request, rep *reply) error {
	if rep.length == 0 {
		return nil
	}
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	at := rep.length < 0 || x.stream.Load() // once
	var later *flusher
	if at {
		if err := x.flush(); err != nil {
			return err
		}
	}
	for left := rep.length; ; {
		x.wait.awaitPart()
		n, err := rep.body.Read(buf[:])
		x.wait.gotPart()
		if n > 0 {
			if err := x.write(buf[:n], later); err != nil {
				return err
			}
			if left -= int64(n); rep.length > 0 && left == 0 {
				later.stop()
				return nil
			}
			if at {
				if err := x.flush(); err != nil {
					return err
				}
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // bare
			later.stop()
			return nil
		case err != nil:
			later.stop()
			return x.brokenBy(err)
		case left >= spliceFrom && rep.line != nil && later == nil && in.ProtoMajor == 1:
			if done, err := x.splice(rep, left); done {
				return err
			}
		}
		if !at && later == nil {
			later = &flusher{x: x}
			later.timer = time.AfterFunc(flushInterval, later.fire)
		}
	}
}

// write sends a part, not beside a flush.
func (x *Exchange) write(b []byte, later *flusher) error {
	if later != nil {
		later.mu.Lock()
		defer later.mu.Unlock()
		later.arm()
	}
	_, err := x.answer.Write(b)
	return err
}

func (x *Exchange) flush() error {
	err := http.NewResponseController(x.answer.ResponseWriter).Flush()
	if err != nil {
		x.breakOff(ClientGone)
	}
	return err
}

// brokenBy notes who ended the body early, and returns err.
func (x *Exchange) brokenBy(err error) error {
	if f := x.interrupted(); f != None {
		x.breakOff(f)
	} else {
		x.breakOff(BrokeOff)
	}
	return err
}

// flusher flushes what was written a while ago, while more is awaited.
type flusher struct {
	x     *Exchange
	mu    sync.Mutex
	timer *time.Timer
	armed bool
	over  bool
}

func (f *flusher) arm() {
	if !f.armed && !f.over {
		f.armed = true
		f.timer.Reset(flushInterval)
	}
}

func (f *flusher) fire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = false
	if !f.over {
		_ = f.x.flush() // the next write fails, too
	}
}

func (f *flusher) stop() {
	if f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.over = true
		f.timer.Stop()
	}
}

const (
	// spliceFrom is how much of a body must be left to let the kernel carry it from socket to socket.
	spliceFrom = 256 << 10
	// splicePart is how much of it may go before the clock of idle upstreams starts anew.
	splicePart = 1 << 20
)

// splice sends the rest of a body with a length from connection to connection, without a copy in the process where the system can do that. It returns false, and
// has done nothing, when it cannot.
func (x *Exchange) splice(rep *reply, left int64) (done bool, err error) {
	to, ok := x.answer.ResponseWriter.(io.ReaderFrom)
	if !ok || !isSpliceable(rep.line.c.Conn) {
		return false, nil
	}
	// What was read ahead goes first, and the head before it.
	for rep.line.c.r.Buffered() > 0 {
		ahead, _ := rep.line.c.r.Peek(min(rep.line.c.r.Buffered(), int(left)))
		n, err := x.answer.Write(ahead)
		_, _ = rep.line.c.r.Discard(n)
		rep.line.took(int64(n))
		if err != nil {
			return true, err
		}
		if left -= int64(n); left == 0 {
			return true, nil
		}
	}
	if err := x.flush(); err != nil {
		return true, err
	}
	rep.line.c.unbound()
	c := rep.line.c.Conn
	for left > 0 {
		_ = c.SetReadDeadline(time.Now().Add(x.wait.part))
		if x.interrupted() != None { // else its deadline would be lost
			return true, x.brokenBy(errEnded)
		}
		began := time.Now()
		part := io.LimitedReader{R: c, N: min(left, splicePart)}
		n, err := to.ReadFrom(&part)
		x.out.Add(n)
		rep.line.took(n)
		left -= n
		switch {
		case err == nil && part.N > 0:
			return true, x.brokenBy(io.ErrUnexpectedEOF)
		case err == nil, isTimeout(err) && n > 0 && time.Since(began) >= x.wait.part && x.interrupted() == None: // some of it came in time
		case x.interrupted() != None || isOfSource(c, err, time.Since(began) >= x.wait.part):
			return true, x.brokenBy(err)
		default:
			x.breakOff(ClientGone)
			return true, err
		}
	}
	_ = c.SetReadDeadline(time.Time{})
	return true, nil
}

// isOfSource reports whether it was the source that ended a splice, whose error does not say it. Late: its deadline had passed.
func isOfSource(c net.Conn, err error, late bool) bool {
	switch {
	case isTimeout(err):
		return late
	case errors.Is(err, syscall.EPIPE):
		return false
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, err = c.Read(make([]byte, 1))
	return err != nil && !isTimeout(err)
}

func isSpliceable(c net.Conn) bool {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}
