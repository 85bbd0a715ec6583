package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"syscall"
	"time"

	"golang.org/x/net/http/httpguts"
)

// direct carries requests without a body to one upstream over plain HTTP/1.1, each in the goroutine that asks. An http.Transport has two goroutines for each
// connection, and hands every request and answer from one to the other: that is half of what carrying a small answer costs. What has a body, or asks for
// another protocol, needs both directions at once and goes to rest.
//
// It is an http.RoundTripper that tells of connections, first bytes and interim answers by httptrace as an http.Transport does.
type direct struct {
	dial func(ctx context.Context) (net.Conn, error)
	rest http.RoundTripper
	idle idleConns
}

// takes reports whether direct carries a request itself.
func (d *direct) takes(r *http.Request) bool {
	if r.Body != nil && r.Body != http.NoBody || len(r.Trailer) > 0 || r.Method == http.MethodConnect {
		return false
	}
	return r.Header["Upgrade"] == nil && r.Header["Expect"] == nil
}

// RoundTrip sends a request and reads the head of its answer.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if !d.takes(r) {
		return d.rest.RoundTrip(r)
	}
	for {
		c, used, err := d.connect(r.Context())
		if err != nil {
			return nil, err
		}
		res, err := c.ask(r, used)
		if err == nil {
			return res, nil
		}
		c.close()
		// The upstream may have closed a connection at the moment at which it was used again. There are no more of these than idle ones.
		if !used || c.answered || !isIdempotent(r.Method) || r.Context().Err() != nil {
			return nil, err
		}
	}
}

// connect returns a connection, and whether it was used before.
func (d *direct) connect(ctx context.Context) (c *directConn, used bool, err error) {
	for c := d.idle.take(); c != nil; c = d.idle.take() {
		if c.isQuiet() {
			return c, true, nil
		}
		c.close()
	}
	conn, err := d.dial(ctx)
	if err != nil {
		return nil, false, err
	}
	return newDirectConn(d, conn), false, nil
}

// CloseIdleConnections closes the connections that carry no request, as http.Transport's method does.
func (d *direct) CloseIdleConnections() {
	d.idle.closeOlder(0)
	if rest, ok := d.rest.(interface{ CloseIdleConnections() }); ok {
		rest.CloseIdleConnections()
	}
}

// directConn is a connection to the upstream.
type directConn struct {
	net.Conn
	of       *direct
	limit    io.LimitedReader // of the connection; what is left for a head to take
	in       *bufio.Reader    // of limit
	out      *bufio.Writer
	answered bool // a byte of the answer under way came
	stop     func() bool
	free     time.Time // since when it is idle

	raw   syscall.RawConn       // nil: it cannot be looked at, and is not used again
	peek  func(fd uintptr) bool // sets quiet
	quiet bool
}

func newDirectConn(of *direct, conn net.Conn) *directConn {
	c := &directConn{Conn: conn, of: of}
	c.limit.R = conn
	c.in, c.out = bufio.NewReader(&c.limit), bufio.NewWriter(conn)
	if s, ok := conn.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	c.peek = func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		c.quiet = errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EWOULDBLOCK)
		return true
	}
	return c
}

// isQuiet reports whether an idle connection is open still and nothing came on it: an answer that nobody asked for would be taken for that to the next request.
func (c *directConn) isQuiet() bool {
	c.quiet = false
	return c.raw != nil && c.raw.Read(c.peek) == nil && c.quiet
}

// unlimited is what may be read when no head is.
const unlimited = 1<<63 - 1

// maxInterim is how many interim answers (1xx) may come before an answer.
const maxInterim = 16

// aLongTimeAgo makes what waits for a connection return.
var aLongTimeAgo = time.Unix(1, 0)

// ask sends a request without a body, and reads answers until one is no interim one.
func (c *directConn) ask(r *http.Request, used bool) (*http.Response, error) {
	ctx := r.Context()
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: c.Conn, Reused: used})
	}
	c.answered, c.limit.N = false, maxAnswerHead
	c.stop = context.AfterFunc(ctx, func() { _ = c.SetDeadline(aLongTimeAgo) })
	if err := c.send(r); err != nil {
		return nil, c.cause(ctx, err)
	}
	if _, err := c.in.Peek(1); err != nil {
		return nil, c.cause(ctx, err)
	}
	c.answered = true
	if trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	for range maxInterim {
		res, err := http.ReadResponse(c.in, r)
		switch {
		case err != nil && c.limit.N <= 0:
			return nil, fmt.Errorf("the answer's head exceeded %d bytes", maxAnswerHead)
		case err != nil:
			return nil, c.cause(ctx, err)
		case res.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("malformed HTTP response: protocol switched without being asked")
		case res.StatusCode >= 200 || res.StatusCode < 100:
			c.limit.N = unlimited
			c.deliver(res)
			return res, nil
		case trace != nil && trace.Got1xxResponse != nil:
			if err := trace.Got1xxResponse(res.StatusCode, map[string][]string(res.Header)); err != nil {
				return nil, err
			}
		}
	}
	return nil, errors.New("malformed HTTP response: too many 1xx informational responses")
}

// cause prefers the reason for which a request was ended to what the connection says of it.
func (c *directConn) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// send writes a request's head.
func (c *directConn) send(r *http.Request) error {
	w := c.out
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	for _, s := range [...]string{r.Method, " ", r.URL.RequestURI(), " HTTP/1.1\r\nHost: ", host, "\r\n"} {
		_, _ = w.WriteString(s) // an error stays until Flush
	}
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		_, _ = w.WriteString("Content-Length: 0\r\n") // RFC 9110, 8.6
	}
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection":
			continue
		case "User-Agent":
			if len(values) == 1 && values[0] == "" {
				continue // said to mean none
			}
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("invalid header field name %q", name)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("invalid header field value for %q", name)
			}
			for _, s := range [...]string{name, ": ", v, "\r\n"} {
				_, _ = w.WriteString(s)
			}
		}
	}
	_, _ = w.WriteString("\r\n")
	return w.Flush()
}

// deliver lets the connection be used again when the answer has been read.
func (c *directConn) deliver(res *http.Response) {
	if res.Body == http.NoBody {
		c.done(!res.Close)
		return
	}
	res.Body = &directBody{ReadCloser: res.Body, conn: c, keep: !res.Close}
}

// done gives the connection back, or closes it.
func (c *directConn) done(keep bool) {
	// What came behind the answer was not asked for: it must not become the answer to the next request.
	if !c.stop() || !keep || c.in.Buffered() > 0 {
		c.close()
		return
	}
	c.of.idle.put(c)
}

func (c *directConn) close() {
	if c.stop != nil {
		c.stop()
	}
	_ = c.Conn.Close()
}

// directBody is the body of an answer.
type directBody struct {
	io.ReadCloser
	conn *directConn // nil: given back
	keep bool
}

func (b *directBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && b.conn != nil {
		b.conn.done(b.keep)
		b.conn = nil
	}
	return n, err
}

// Close closes the connection, too, unless all was read.
func (b *directBody) Close() error {
	if b.conn != nil {
		b.conn.close()
		b.conn = nil
	}
	return nil
}
