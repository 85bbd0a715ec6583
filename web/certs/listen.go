package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

// handshakeTimeout bounds a handshake, however slowly it comes.
const handshakeTimeout = 10 * time.Second

// listener gives out connections whose handshake is done, so that what stands on it knows their protocol and reads decrypted bytes.
type listener struct {
	net.Listener
	config *tls.Config
	log    *slog.Logger
	failed func()

	accepted chan accepted
	closed   chan struct{}
	begin    sync.Once
	end      sync.Once
	stop     context.CancelFunc
	context  context.Context // of handshakes
}

type accepted struct {
	conn net.Conn
	err  error
}

// Listen puts TLS on a listener. Accept returns *tls.Conn after the handshake, which slow clients do not hold up. Log gets failed handshakes, at debug level:
// anybody can cause them. Failed is called for each; nil: nobody counts.
func Listen(inner net.Listener, config *tls.Config, log *slog.Logger, failed func()) net.Listener {
	if failed == nil {
		failed = func() {}
	}
	l := &listener{Listener: inner, config: config, log: log, failed: failed, accepted: make(chan accepted), closed: make(chan struct{})}
	l.context, l.stop = context.WithCancel(context.Background())
	return l
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	l.begin.Do(func() { go l.run() })
	select {
	case a := <-l.accepted:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Handshakes under way end.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.end.Do(func() { close(l.closed); l.stop() })
	return err
}

// run accepts until the listener is closed. Each error waits until it is taken, so that whoever accepts sets the pace of trying again.
func (l *listener) run() {
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			go l.shake(conn)
			continue
		}
		l.give(accepted{nil, err})
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case <-l.closed:
			return
		default:
		}
	}
}

func (l *listener) give(a accepted) {
	select {
	case l.accepted <- a:
	case <-l.closed:
		if a.conn != nil {
			_ = a.conn.Close()
		}
	}
}

func (l *listener) shake(raw net.Conn) {
	ctx, cancel := context.WithTimeout(l.context, handshakeTimeout)
	defer cancel()
	conn := tls.Server(raw, l.config)
	if err := conn.HandshakeContext(ctx); err != nil {
		l.refuse(raw, err)
		return
	}
	if conn.ConnectionState().NegotiatedProtocol == acme.ALPNProto {
		_ = conn.Close() // the handshake was all that its CA wanted
		return
	}
	l.give(accepted{conn, nil})
}

// plainRequest is what a client reads that speaks HTTP where TLS is spoken.
const plainRequest = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nThis address speaks HTTPS. Begin the address with https://.\n"

func (l *listener) refuse(raw net.Conn, err error) {
	l.failed()
	var header tls.RecordHeaderError
	if errors.As(err, &header) && header.Conn != nil && looksLikeHTTP(header.RecordHeader) {
		_ = raw.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(raw, plainRequest) // whoever it is may be gone
	}
	_ = raw.Close()
	l.log.Debug("TLS handshake failed", "client", raw.RemoteAddr().String(), "error", err)
}

func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH", "PRI *":
		return true
	}
	return false
}
