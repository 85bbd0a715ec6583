package transport

import (
	"bufio"
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// lines are the connections to an upstream that speaks HTTP/1.1 without TLS, which is most of them. They are our own, and not net/http's, for what that does not
// tell or do: whether a connection is still good before a body that cannot be sent twice goes out on it, how much of a request was sent, and an answer that goes
// from socket to socket without passing through the process. Other upstreams are net/http's.
type lines struct {
	dial func(ctx context.Context) (net.Conn, error)
	idle idleConns
}

// line is one connection.
type line struct {
	net.Conn
	r      *bufio.Reader
	raw    syscall.RawConn // nil: it cannot be looked at
	reused bool
	since  time.Time // when it became idle
	quiet  bool      // result of look
	look   func(fd uintptr) bool
}

const lineBuffer = 8 << 10

// get returns an idle connection that is still good, or a new one.
func (l *lines) get(ctx context.Context, fresh bool) (*line, error) {
	for !fresh {
		c := l.idle.take()
		if c == nil {
			break
		}
		if c.isQuiet() {
			c.reused = true
			return c, nil
		}
		_ = c.Close()
	}
	conn, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	return newLine(conn), nil
}

func newLine(conn net.Conn) *line {
	c := &line{Conn: conn, r: bufio.NewReaderSize(conn, lineBuffer)}
	if s, ok := conn.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	c.look = c.peek
	return c
}

// put keeps a connection on which nothing is under way.
func (l *lines) put(c *line) {
	if c.r.Buffered() > 0 { // more than it was asked for
		_ = c.Close()
		return
	}
	l.idle.put(c)
}

// close closes what is idle; for good, also what becomes idle later.
func (l *lines) close(forGood bool) {
	if forGood {
		l.idle.over.Store(true)
	}
	l.idle.closeOlder(0)
}

// isQuiet reports whether an idle connection is open and has nothing to be read: it did not end, and nobody says what was not asked for.
func (c *line) isQuiet() bool {
	if c.raw == nil {
		return false
	}
	c.quiet = false
	return c.raw.Read(c.look) == nil && c.quiet
}

func (c *line) peek(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	c.quiet = errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EWOULDBLOCK)
	return true
}

// longAgo is a deadline that ends whatever waits on a connection.
var longAgo = time.Unix(1, 0)
