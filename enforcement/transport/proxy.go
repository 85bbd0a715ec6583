package transport

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/wire"
)

// Config is what a Proxy needs.
type Config struct {
	Dial        func(ctx context.Context, network, address string) (net.Conn, error)
	HideCookies []string // that neither reach an upstream nor come from one
	Log         *slog.Logger
	Clock       func() int64 // nanoseconds, only forward; the pauses of targets run on it
}

// Proxy carries requests. It keeps connections to upstreams open between them. It is safe for concurrent use.
type Proxy struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	hide    []string
	log     *slog.Logger
	clock   func() int64
	checks  chan struct{} // a place for each check under way
	retried atomic.Int64
	registry
}

const (
	maxAnswerHead = 256 << 10
	copyBuffer    = 32 << 10
	// flushInterval is for answers that tell their length but come slowly; others are flushed at each write.
	flushInterval = 50 * time.Millisecond
	// defaultIdle is how long each part of an answer may take.
	defaultIdle = 5 * time.Minute
)

// copyBuffers are for bodies, both ways.
var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// New returns a proxy without connections.
func New(c Config) *Proxy {
	return &Proxy{
		dial: c.Dial, hide: c.HideCookies, log: c.Log, clock: c.Clock, checks: make(chan struct{}, maxChecks),
		registry: registry{carriers: map[Reach]*carrier{}},
	}
}

// Retried is how many requests were sent once more.
func (p *Proxy) Retried() int64 { return p.retried.Load() }

// Serve carries one request. It panics with http.ErrAbortHandler when the client's connection must be closed, because its answer
// cannot be completed.
func (p *Proxy) Serve(w http.ResponseWriter, r *http.Request, x *Exchange) {
	x.pick = x.Pick
	defer func() { x.pick.Release() }() // nothing was sent: a panic
	x.begin(w, r)
	defer x.end()
	x.wait.begin(x.start, x.Timeout)

	rep, err := p.send(p.outgoing(w, r, x))
	if x.upload != nil {
		defer x.upload.end()
	}
	if err == nil {
		err = p.receive(rep, r, x)
	}
	if err != nil {
		x.fail(err)
		return
	}
	defer func() {
		if Failure(x.broken.Load()) == BrokeOff {
			_ = http.NewResponseController(w).Flush() // what came of the answer is the client's: its head names the request
		}
	}()
	if rep.tunnel != nil {
		x.tunnel(rep)
		return
	}
	x.deliver(r, rep)
}

// outgoing makes the upstream's request.
func (p *Proxy) outgoing(w http.ResponseWriter, r *http.Request, x *Exchange) *outgoing {
	o := &x.request
	*o = outgoing{x: x, verb: or(x.Verb, r.Method), by: p, in: r, path: x.Path, query: x.Query}
	if !isPlain(r, x) {
		o.header = p.headerOf(r, x)
	}
	if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
		// Else net/http reads the whole body before it sends the head of an answer that comes early.
		_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 does not need it
		body := x.Body
		if body == nil {
			body = r.Body
		}
		x.upload = &upload{ReadCloser: body, x: x, in: r}
		if x.Remake == nil {
			x.upload.trailer = announced(r.Trailer, x.KeyHeader)
		}
		o.length = r.ContentLength
		x.wait.watch(x) // who sends the body is not who waits for the answer
		if o.length >= spliceFrom && r.ProtoMajor == 1 {
			x.upload.conn = wire.Diverted(r)
		}
	}
	if o.length == 0 {
		if x.Remake == nil && len(r.Header["Upgrade"]) == 1 && strings.EqualFold(r.Header["Upgrade"][0], "websocket") && hasToken(r.Header["Connection"], "upgrade") {
			o.upgrade = r.Header["Upgrade"][0]
		}
	} else {
		o.expect = hasToken(o.header["Expect"], "100-continue")
	}
	if !o.expect {
		delete(o.header, "Expect")
	}
	return o
}

// setPath makes u.RequestURI say exactly escaped, which is canonical.
func setPath(u *url.URL, escaped string) {
	if escaped == "" {
		escaped = "/"
	}
	path, err := url.PathUnescape(escaped)
	if err != nil {
		path = escaped // not reachable with a canonical path: EscapedPath would then escape it once more, which is harmless
	}
	u.Path, u.RawPath = path, escaped
}

// announced is the trailers that may be passed on: their names are known now, their values when the body has been read.
func announced(trailer http.Header, keyHeader string) http.Header {
	if len(trailer) == 0 {
		return nil
	}
	t := make(http.Header, len(trailer))
	for name := range trailer {
		t[name] = nil
	}
	dropPrivate(t, keyHeader)
	if keyHeader != "" {
		t.Del(keyHeader)
	}
	return t
}

// fail answers instead of the upstream.
func (x *Exchange) fail(err error) {
	x.wait.end()
	x.answer.upstream = 0
	x.forget()
	x.failure = failureOf(x, err)
	if x.upload != nil && (x.failure == ClientGone || x.failure == BadBody) {
		x.upload.end() // who reads it may know better what was wrong, and is about to say it
	}
	x.Caller.Fail(x.answer.ResponseWriter, x.failure, err)
}

func failureOf(x *Exchange, err error) Failure {
	if f := x.interrupted(); f != None {
		return f
	}
	if f := Failure(x.broken.Load()); f == BadBody {
		return f
	}
	var bad malformed
	var without unmade
	switch text := err.Error(); {
	case errors.Is(err, errTooSlow), isTimeout(err):
		return Timeout
	case errors.As(err, &without):
		return Unmade
	case errors.As(err, &bad):
		return Invalid
	case strings.Contains(text, "malformed"), strings.Contains(text, "server gave HTTP response to HTTPS client"),
		strings.Contains(text, "switch protocol"), strings.Contains(text, "invalid protocol"), strings.Contains(text, "transfer encoding"),
		strings.Contains(text, "exceeded"), strings.Contains(text, "too many 1xx"), strings.Contains(text, "Content-Length"):
		return Invalid // net/http has no types for these
	default:
		return Unreachable
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
