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

	x       *Exchange // that it is used for
	bounded bool      // its patience is looked after by who reads
	until   time.Time // deadline of reading that was set for that, by some exchange; zero: none

	out  []byte // what send sends
	sent int
	send func(fd uintptr) bool
}

const lineBuffer = 8 << 10

// get returns an idle connection that is still good, or a new one.
func (l *lines) get(x *Exchange, fresh bool) (*line, error) {
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
	x.wait.watch(x)
	conn, err := l.dial(x.context())
	if err != nil {
		return nil, err
	}
	return newLine(conn), nil
}

func newLine(conn net.Conn) *line {
	c := &line{Conn: conn}
	c.r = bufio.NewReaderSize(c, lineBuffer)
	if s, ok := conn.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	c.look, c.send = c.peek, c.sendSome
	return c
}

// begin gives the connection to an exchange.
func (c *line) begin(x *Exchange) error {
	if c.x, c.bounded = x, x.wait.timer == nil && x.wait.state.Load() == waiting; !c.bounded {
		c.unbound()
	}
	return x.take(c) // who interrupts sets deadlines behind ours
}

// unbound takes the deadline of reading away: somebody else sets one, or looks after it.
func (c *line) unbound() {
	c.bounded = false
	if !c.until.IsZero() {
		c.until = time.Time{}
		_ = c.SetReadDeadline(time.Time{})
	}
}

// Read implements io.Reader for r. It waits no longer than the exchange does. Its deadlines are moved only when one is over, or comes too late: a timer for each
// request would cost more than most answers take to read.
func (c *line) Read(p []byte) (int, error) {
	for c.bounded {
		if until := c.x.wait.until(); c.until.IsZero() || until.Before(c.until) {
			c.until = until
			_ = c.SetReadDeadline(until)
			if Failure(c.x.ended.Load()) != None { // its deadline would be lost
				return 0, errEnded
			}
		}
		n, err := c.Conn.Read(p)
		switch {
		case n > 0 || !isTimeout(err):
			return n, err
		case Failure(c.x.ended.Load()) != None:
			return 0, errEnded
		}
		if err := c.x.wait.lose(c.x); err != nil {
			return 0, err
		}
		c.until = time.Time{}
	}
	return c.Conn.Read(p)
}

// sendHead sends what fits into what the kernel keeps, which is nearly always all of it, without a deadline.
func (c *line) sendHead(b []byte) error {
	if !c.bounded {
		_, err := c.Conn.Write(b)
		return err
	}
	n := 0
	if c.raw != nil {
		c.out = b
		if err := c.raw.Write(c.send); err != nil {
			return err
		}
		n, c.out = c.sent, nil
	}
	for n < len(b) {
		_ = c.SetWriteDeadline(c.x.wait.until())
		if Failure(c.x.ended.Load()) != None {
			return errEnded
		}
		m, err := c.Conn.Write(b[n:])
		n += m
		switch {
		case err == nil:
			_ = c.SetWriteDeadline(time.Time{})
			if Failure(c.x.ended.Load()) != None {
				return errEnded
			}
		case !isTimeout(err):
			return err
		default:
			if err := c.x.wait.lose(c.x); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *line) sendSome(fd uintptr) bool {
	n, _ := syscall.Write(int(fd), c.out) // whoever sends the rest learns why
	c.sent = max(0, n)
	return true
}

// put keeps a connection on which nothing is under way.
func (l *lines) put(c *line) {
	if c.r.Buffered() > 0 { // more than it was asked for
		_ = c.Close()
		return
	}
	c.x = nil
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
