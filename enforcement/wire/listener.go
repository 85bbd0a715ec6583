package wire

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// Config is what a Listener needs. The zero Config speaks HTTP/1.1 alone.
type Config struct {
	// HeadTimeout is for a head behind the first one of a connection, from its first byte: net/http does not know that it has begun. Of the first one
	// http.Server.ReadHeaderTimeout is the bound. 0: none.
	HeadTimeout time.Duration
	// H2C lets connections be HTTP/2 from their first byte; the server's Protocols must say so too.
	H2C bool
}

// Listener judges the connections of another listener. Those of TLS must have had their handshake; where it chose HTTP/2 they are passed on as
// they are, since net/http serves it on them alone.
func Listener(inner net.Listener, c Config) net.Listener {
	return &listener{Listener: inner, config: c}
}

type listener struct {
	net.Listener
	config Config
	watch  watch
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	encrypted, ok := inner.(*tls.Conn)
	if !ok {
		return newConn(inner, l), nil
	}
	if encrypted.ConnectionState().NegotiatedProtocol == "h2" {
		return inner, nil
	}
	c := &encryptedConn{newConn(inner, l), encrypted}
	c.stage, c.writes.strict = stageHead, true
	return c, nil
}

// encryptedConn tells net/http of its TLS.
type encryptedConn struct {
	*Conn
	encrypted *tls.Conn
}

// ConnectionState makes http.Request.TLS.
func (c *encryptedConn) ConnectionState() tls.ConnectionState { return c.encrypted.ConnectionState() }

// attached makes c one whose client is looked after, if that can be. The context that it returns ends when the client goes away.
func (c *Conn) attached(ctx context.Context) context.Context {
	if _, encrypted := c.Conn.(*tls.Conn); encrypted {
		return ctx // what comes in is not what the client says
	}
	p := &c.presence
	if p.raw = rawOf(c.Conn); p.raw == nil {
		return ctx
	}
	p.ahead, _ = c.Conn.(ahead)
	ctx, p.cancel = context.WithCancel(ctx)
	c.watch.add(c)
	return ctx
}

func connOf(c net.Conn) *Conn {
	switch c := c.(type) {
	case *Conn:
		return c
	case *encryptedConn:
		return c.Conn
	default:
		return nil
	}
}

type connKey struct{}

// Attach makes a server tell its connections what becomes of them, and its requests of which they are. It keeps what the server's hooks did before. A
// server that serves a Listener must be attached once.
func Attach(s *http.Server) {
	context0, state0 := s.ConnContext, s.ConnState
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if context0 != nil {
			ctx = context0(ctx, c)
		}
		if c := connOf(c); c != nil {
			ctx = context.WithValue(c.attached(ctx), connKey{}, c)
		}
		return ctx
	}
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if c := connOf(c); c != nil {
			switch state {
			case http.StateIdle:
				c.done()
			case http.StateHijacked:
				c.hijacked()
			default:
			}
		}
		if state0 != nil {
			state0(c, state)
		}
	}
}

// ConnOf returns the connection that a request came on; nil: not one of a Listener, or one of HTTP/2, which has many requests.
func ConnOf(r *http.Request) *Conn {
	c, ok := r.Context().Value(connKey{}).(*Conn)
	if !ok || r.ProtoMajor != 1 {
		return nil
	}
	return c
}

// RefusalOf returns why the request that r stands for was refused: r is no request of a client's, but what a Conn put in the place of one. A handler behind a
// Listener asks before anything else, answers with the verdict's status, and looks at nothing else of r.
func RefusalOf(r *http.Request) (Verdict, bool) {
	if r.RequestURI != "*" || r.Method != http.MethodGet && r.Method != http.MethodHead || r.ProtoMajor != 1 {
		return Verdict{}, false
	}
	c, ok := r.Context().Value(connKey{}).(*Conn)
	if !ok || c.verdict.Kind == Passed {
		return Verdict{}, false
	}
	return c.verdict, true
}

// BodyFault says in words why the body of r cannot be read to its end, if it is for how it is framed; "": for something else.
func BodyFault(r *http.Request) string {
	if c, ok := r.Context().Value(connKey{}).(*Conn); ok && r.ProtoMajor == 1 && c.verdict.Kind == BadChunk {
		return c.verdict.Reason
	}
	return ""
}
