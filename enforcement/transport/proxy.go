package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
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
	reverse httputil.ReverseProxy
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
)

// New returns a proxy without connections.
func New(c Config) *Proxy {
	p := &Proxy{
		dial: c.Dial, hide: c.HideCookies, log: c.Log, clock: c.Clock, checks: make(chan struct{}, maxChecks),
		registry: registry{carriers: map[Reach]*carrier{}},
	}
	p.reverse = httputil.ReverseProxy{
		Transport:      p,
		Rewrite:        p.rewrite,
		ModifyResponse: p.receive,
		ErrorHandler:   fail,
		FlushInterval:  flushInterval,
		BufferPool:     &buffers{sync.Pool{New: func() any { return new([copyBuffer]byte) }}},
		ErrorLog:       slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	return p
}

// Retried is how many requests were sent once more.
func (p *Proxy) Retried() int64 { return p.retried.Load() }

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *Exchange { return ctx.Value(exchangeKey{}).(*Exchange) }

// Serve carries one request. It panics with http.ErrAbortHandler when the client's connection must be closed, because its answer
// cannot be completed.
func (p *Proxy) Serve(w http.ResponseWriter, r *http.Request, x *Exchange) {
	x.pick = x.Pick
	defer func() { x.pick.Release() }() // nothing was sent: a panic
	ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), exchangeKey{}, x))
	defer cancel(nil)
	x.start = time.Now()
	x.cutBy(func() {
		cancel(errCut)
		// A client that does not read, or a WebSocket's that does not write, would keep its goroutine for ever.
		client, soon := http.NewResponseController(w), time.Now().Add(cutTime)
		_ = client.SetReadDeadline(soon) // in memory there is none to set
		_ = client.SetWriteDeadline(soon)
	})
	defer x.cutBy(nil)
	x.answer = answer{ResponseWriter: w, x: x, ctx: ctx, old: !r.ProtoAtLeast(1, 1)}
	x.wait.begin(x.Timeout, func() { cancel(errTooSlow) })
	defer x.wait.end()

	out := r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		// Else net/http reads the whole body before it sends the head of an answer that comes early.
		_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 does not need it
		body := x.Body
		if body == nil {
			body = r.Body
		}
		x.upload = &upload{ReadCloser: body, x: x, in: r}
		defer x.upload.over.Store(true)
		out.Body = x.upload
	}
	defer func() {
		if Failure(x.broken.Load()) == BrokeOff {
			_ = http.NewResponseController(w).Flush() // what came of the answer is the client's: its head names the request
		}
	}()
	p.reverse.ServeHTTP(&x.answer, out)
}

// rewrite makes the upstream's request. Its header is a copy from which hop-by-hop headers are removed already.
func (p *Proxy) rewrite(pr *httputil.ProxyRequest) {
	x := exchangeOf(pr.In.Context())
	out := pr.Out
	out.Host = ""
	out.RequestURI = ""

	if !strings.EqualFold(out.Header.Get("Upgrade"), "websocket") {
		out.Header.Del("Connection")
		out.Header.Del("Upgrade")
	}
	dropPrivate(out.Header, x.KeyHeader)
	if x.KeyHeader != "" {
		out.Header.Del(x.KeyHeader)
		if x.ForwardKey {
			out.Header[textproto.CanonicalMIMEHeaderKey(x.KeyHeader)] = pr.In.Header.Values(x.KeyHeader)
		}
	}
	dropCookies(out.Header, p.hide)
	x.Caller.Prepare(out.Header)
	introduce(out.Header, pr.In, x)
	out.Trailer = announced(pr.In.Trailer, x.KeyHeader)
	if x.upload != nil {
		x.upload.trailer = out.Trailer
	}
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

// receive looks at the head of the upstream's answer.
func (p *Proxy) receive(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	if !x.wait.end() {
		return errTooSlow // it came when the client was about to be told that it did not
	}
	x.latency.Store(int64(max(1, time.Since(x.start))))
	if res.StatusCode < 100 {
		return fmt.Errorf("malformed HTTP response: status %03d", res.StatusCode) // net/http reads it, but panics when told to write it
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		rwc, ok := res.Body.(io.ReadWriteCloser)
		if !ok || res.Request.Header.Get("Upgrade") == "" {
			return errors.New("malformed HTTP response: protocol switched without being asked")
		}
		res.Body = &tunnel{rwc, x}
		x.stream.Store(true)
	} else {
		res.Body = &download{res.Body, x, res.Request.Context()}
		kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
		x.stream.Store(kind == "text/event-stream")
	}
	x.answer.upstream = res.StatusCode
	// Both would speak for the gateway's whole host.
	res.Header.Del("Alt-Svc")
	res.Header.Del("Clear-Site-Data")
	dropSetCookies(res.Header, p.hide)
	x.Caller.Decorate(res.Header)
	return nil
}

// fail answers instead of the upstream.
func fail(_ http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	x.wait.end()
	x.answer.upstream = 0
	x.failure = failureOf(r.Context(), x, err)
	x.Caller.Fail(x.answer.ResponseWriter, x.failure, err)
}

func failureOf(ctx context.Context, x *Exchange, err error) Failure {
	if f := interrupted(ctx); f != None {
		return f
	}
	if f := Failure(x.broken.Load()); f == BadBody {
		return f
	}
	switch text := err.Error(); {
	case errors.Is(err, errTooSlow):
		return Timeout
	case isTimeout(err):
		return Timeout
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

// buffers is an httputil.BufferPool that does not allocate a slice header for each Put.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte { return b.pool.Get().(*[copyBuffer]byte)[:] }

func (b *buffers) Put(buf []byte) { b.pool.Put((*[copyBuffer]byte)(buf)) }
