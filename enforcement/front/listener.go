package front

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Config is what a Listener needs. The zero Config limits nothing.
type Config struct {
	MaxConnections int            // at once; 0: no limit
	MaxPerClient   int            // at once; 0: no limit
	Proxies        []netip.Prefix // whose connections begin with a header of the PROXY protocol, and no others
	HeaderTimeout  time.Duration  // for that header; 0: 10 s
	Refusal        []byte         // said to a connection that is one too many, before it is closed; nil: nothing
	OnShed         func(Reason)   // told of each connection that is closed; nil: nobody is
}

// Reason is why a connection was closed before anything was read of it but a proxy's header.
type Reason string

// The reasons.
const (
	TooMany      Reason = "too-many"        // there were MaxConnections
	TooManyOfOne Reason = "too-many-of-one" // its client had MaxPerClient
	NoHeader     Reason = "no-proxy-header" // it is a proxy's, and has no header that can be believed
)

// PlainRefusal is the Refusal for a listener on which clients speak HTTP without TLS.
func PlainRefusal() []byte {
	const text = "There are too many connections. Try again in a moment.\n"
	return fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nRetry-After: 1\r\n"+
		"Connection: close\r\n\r\n%s", len(text), text)
}

const (
	defaultHeaderTimeout = 10 * time.Second
	// refusalTimeout is for a client that does not read: the few bytes of the refusal fit into what the kernel keeps.
	refusalTimeout = 100 * time.Millisecond
)

// Listener bounds the connections of another listener. What is too much is closed before a byte of it is read. A connection that it returns says the
// client's address as RemoteAddr, the proxy's own where there is none.
type Listener struct {
	net.Listener
	config  Config
	clients Tally

	most, mostPerClient atomic.Int64 // as SetLimits says

	open atomic.Int64

	begin  sync.Once // of accepting for Proxies
	ready  chan accepted
	closed chan struct{}
	end    sync.Once
}

type accepted struct {
	conn net.Conn
	err  error
}

// Listen bounds the connections of a listener.
func Listen(l net.Listener, c Config) *Listener {
	if c.HeaderTimeout <= 0 {
		c.HeaderTimeout = defaultHeaderTimeout
	}
	if c.OnShed == nil {
		c.OnShed = func(Reason) {}
	}
	c.Proxies = plainPrefixes(c.Proxies)
	bounded := &Listener{Listener: l, config: c, ready: make(chan accepted), closed: make(chan struct{})}
	bounded.SetLimits(c.MaxConnections, c.MaxPerClient)
	return bounded
}

// SetLimits changes MaxConnections and MaxPerClient. Connections that are open stay so.
func (l *Listener) SetLimits(connections, perClient int) {
	l.most.Store(int64(connections))
	l.mostPerClient.Store(int64(perClient))
}

// Close stops listening. Connections stay open.
func (l *Listener) Close() error {
	l.end.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// Accept returns the next connection that is not one too many, with its client known.
func (l *Listener) Accept() (net.Conn, error) {
	if len(l.config.Proxies) == 0 {
		for {
			c, err := l.Listener.Accept()
			if err != nil {
				return nil, err
			}
			if c := l.admit(c); c != nil && l.identify(c, c.Conn.RemoteAddr()) {
				return c, nil
			}
		}
	}
	l.begin.Do(func() { go l.acceptAll() })
	select {
	case a := <-l.ready:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// acceptAll accepts without waiting for the headers of proxies: one that is slow holds up nobody else.
func (l *Listener) acceptAll() {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			l.hand(accepted{err: err})
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		c := l.admit(inner)
		switch {
		case c == nil:
		case contains(l.config.Proxies, addressOf(inner.RemoteAddr())):
			go l.introduce(c)
		case l.identify(c, inner.RemoteAddr()):
			l.hand(accepted{conn: c})
		}
	}
}

// introduce reads a proxy's header.
func (l *Listener) introduce(c *conn) {
	_ = c.SetReadDeadline(time.Now().Add(l.config.HeaderTimeout))
	address, err := readHeader(c.Conn)
	if err != nil {
		l.config.OnShed(NoHeader)
		_ = c.Close()
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	if address == nil {
		address = c.Conn.RemoteAddr() // the proxy speaks for itself, as when it looks whether we are there
	}
	if l.identify(c, address) {
		l.hand(accepted{conn: c})
	}
}

// hand gives a connection to Accept.
func (l *Listener) hand(a accepted) {
	select {
	case l.ready <- a:
	case <-l.closed:
		if a.conn != nil {
			_ = a.conn.Close()
		}
	}
}

// admit counts a connection; nil: it was one too many.
func (l *Listener) admit(inner net.Conn) *conn {
	if n := l.open.Add(1); l.most.Load() > 0 && n > l.most.Load() {
		l.open.Add(-1)
		l.shed(inner, TooMany)
		return nil
	}
	return &conn{Conn: inner, listener: l}
}

// identify counts a connection for its client, and says whether it may stay.
func (l *Listener) identify(c *conn, remote net.Addr) bool {
	client := ClientOf(addressOf(remote))
	if !l.clients.Take(client, int(l.mostPerClient.Load())) {
		c.closed.Store(true)
		l.open.Add(-1)
		l.shed(c.Conn, TooManyOfOne)
		return false
	}
	c.remote, c.client, c.known = remote, client, true
	return true
}

// shed closes a connection that is one too many.
func (l *Listener) shed(c net.Conn, why Reason) {
	l.config.OnShed(why)
	if len(l.config.Refusal) > 0 {
		_ = c.SetWriteDeadline(time.Now().Add(refusalTimeout))
		_, _ = c.Write(l.config.Refusal)
	}
	_ = c.Close()
}

// conn is a connection that is counted.
type conn struct {
	net.Conn
	listener *Listener
	remote   net.Addr
	client   Client
	known    bool
	closed   atomic.Bool
}

func (c *conn) RemoteAddr() net.Addr {
	if c.remote == nil {
		return c.Conn.RemoteAddr()
	}
	return c.remote
}

// Close closes the connection and counts it no more.
func (c *conn) Close() error {
	c.release()
	return c.Conn.Close()
}

func (c *conn) release() {
	if c.closed.CompareAndSwap(false, true) {
		c.listener.open.Add(-1)
		if c.known {
			c.listener.clients.Give(c.client)
		}
	}
}

// NetConn returns the connection below, for what speaks to the kernel. It must not be closed by itself.
func (c *conn) NetConn() net.Conn { return c.Conn }

// Detached is what a Listener knows of a connection that somebody else reads and writes.
type Detached struct{ c *conn }

// Detach returns what l knows of a connection that it returned, and the connection below, which is the caller's from now on. It is false for other
// connections.
func Detach(c net.Conn) (below net.Conn, d Detached, ok bool) {
	counted, ok := c.(*conn)
	if !ok {
		return nil, Detached{}, false
	}
	below, counted.Conn = counted.Conn, nil
	return below, Detached{counted}, true
}

// RemoteAddr is the client's address.
func (d Detached) RemoteAddr() net.Addr { return d.c.remote }

// Release counts the connection no more.
func (d Detached) Release() { d.c.release() }

// Attach returns the connection as it was before Detach, on another one below. What was read of that already is read first.
func (d Detached) Attach(below net.Conn, read []byte) net.Conn {
	d.c.Conn = below
	if len(read) == 0 {
		return d.c
	}
	return &begun{d.c, read}
}

// begun is a connection of which some was read before.
type begun struct {
	*conn
	read []byte
}

// Ahead reports whether there is more of that. It is not to be called beside Read.
func (c *begun) Ahead() bool { return len(c.read) > 0 }

// Read implements net.Conn.
func (c *begun) Read(p []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(p, c.read)
		c.read = c.read[n:]
		return n, nil
	}
	return c.conn.Read(p)
}

// SyscallConn is for what reads past us, once there is nothing here to be read first.
func (c *begun) SyscallConn() (syscall.RawConn, error) {
	below, ok := c.conn.Conn.(syscall.Conn)
	if !ok || len(c.read) > 0 {
		return nil, errors.ErrUnsupported
	}
	return below.SyscallConn()
}

// CloseWrite says that nothing more comes: net/http does so before it closes, so that the client reads the answer.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

// ReadFrom lets the kernel copy where it can.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	if w, ok := c.Conn.(io.ReaderFrom); ok {
		return w.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

// addressOf is the address of the other end; the zero Addr where it has none.
func addressOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap()
	case nil:
		return netip.Addr{}
	}
	if p, err := netip.ParseAddrPort(a.String()); err == nil {
		return p.Addr().Unmap()
	}
	return netip.Addr{}
}

// contains reports whether one of the networks has the address. They are plain, and an address that is written as IPv6 is the IPv4 address that it is.
func contains(networks []netip.Prefix, a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// plainPrefixes writes IPv4 networks that are written as IPv6 as what they are.
func plainPrefixes(in []netip.Prefix) (out []netip.Prefix) {
	for _, p := range in {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		out = append(out, p.Masked())
	}
	return out
}
