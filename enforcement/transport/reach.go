package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Reach is how connections to an upstream are made. It is comparable: what is reached alike shares connections.
type Reach struct {
	Scheme  string        // http, https, h2c or unix
	Address string        // host with or without a port, or a socket's path
	Connect time.Duration // for a connection to be made, TLS included; 0: the default
	TLS     TLS           // of https
}

// TLS is how an upstream's certificate is judged, and what it is shown.
type TLS struct {
	CA         string // PEM of what is trusted; empty: the system's
	ServerName string // that the certificate must have; empty: the address's
	Shown      string // the chain of Certificate, which tells it from others; empty: nothing is shown
	Insecure   bool   // the certificate is not looked at
}

// Showing returns t with a certificate that upstreams are shown; it goes into the pool's Certificate, too.
func (t TLS) Showing(c *tls.Certificate) TLS {
	t.Shown = string(bytes.Join(c.Certificate, nil))
	return t
}

// defaultConnect is how long a connection may take to be made.
const defaultConnect = 10 * time.Second

// config makes the settings of connections.
func (t *TLS) config(shown *tls.Certificate) (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure, MinVersion: tls.VersionTLS12} //nolint:gosec // the owner's explicit choice, which the log says
	if t.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, errors.New("there is no certificate among what the upstream is to be trusted by")
		}
	}
	if t.Shown != "" {
		c.Certificates = []tls.Certificate{*shown}
	}
	return c, nil
}

// carrier keeps the connections of a Reach. Its users are the targets of the newest pools.
type carrier struct {
	reach Reach
	lines *lines          // of HTTP/1.1 without TLS; nil: see others
	other *http.Transport // of everything else
}

func (c *carrier) send(o *outgoing, a *attempt) (*reply, error) {
	if c.lines != nil {
		return c.lines.send(o, a)
	}
	return sendBy(c.other, o, a)
}

// carrier returns what carries to r, which targets with the same Reach share.
func (p *Proxy) carrier(r Reach, shown *tls.Certificate) (*carrier, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.carriers[r]; c != nil {
		return c, nil
	}
	c, err := p.newCarrier(r, shown)
	if err == nil {
		p.carriers[r] = c
	}
	return c, err
}

func (p *Proxy) newCarrier(r Reach, shown *tls.Certificate) (*carrier, error) {
	connect := r.Connect
	if connect <= 0 {
		connect = defaultConnect
	}
	if r.Scheme == "http" || r.Scheme == "unix" {
		network, address := r.socket()
		return &carrier{reach: r, lines: &lines{dial: func(ctx context.Context) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connect)
			defer cancel()
			return p.dial(ctx, network, address)
		}}}, nil
	}
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connect)
			defer cancel()
			return p.dial(ctx, network, address)
		},
		DisableCompression:     true, // the client's Accept-Encoding is passed on instead
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    connect,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxAnswerHead,
		Protocols:              new(http.Protocols),
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: writeTimeout},
	}
	if r.Scheme == "https" {
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
		config, err := r.TLS.config(shown)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig = config
	} else {
		t.Protocols.SetUnencryptedHTTP2(true)
	}
	return &carrier{reach: r, other: t}, nil
}

// socket returns what is dialled for HTTP/1.1 without TLS.
func (r *Reach) socket() (network, address string) {
	if r.Scheme == "unix" {
		return "unix", r.Address
	}
	if _, _, err := net.SplitHostPort(r.Address); err != nil {
		return "tcp", net.JoinHostPort(strings.Trim(r.Address, "[]"), "80")
	}
	return "tcp", r.Address
}

// The bounds of connections to upstreams.
const (
	maxIdle      = 256              // per carrier
	pingAfter    = 15 * time.Second // of silence on an HTTP/2 connection that carries requests
	pingTimeout  = 15 * time.Second
	writeTimeout = time.Minute // of an HTTP/2 connection that takes nothing
)

// scheme is what URLs of requests to r begin with.
func (r *Reach) scheme() string {
	if r.Scheme == "https" {
		return "https"
	}
	return "http"
}

// host is what requests to r name as their host.
func (r *Reach) host() string {
	if r.Scheme == "unix" {
		return "localhost"
	}
	return r.Address
}

// Keep closes the connections that none of the pools uses and that carry no request; those that do are closed when they have been idle for a while.
func (p *Proxy) Keep(pools map[*Pool]bool) {
	used := map[*carrier]bool{}
	for pool := range pools {
		for _, t := range pool.targets {
			used[t.carrier] = true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for r, c := range p.carriers {
		if !used[c] {
			delete(p.carriers, r)
			c.closeIdle(true)
		}
	}
}

// CloseIdle closes the connections to upstreams that carry no request.
func (p *Proxy) CloseIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.carriers {
		c.closeIdle(false)
	}
}

// closeIdle closes what carries no request; for good, also what becomes idle later.
func (c *carrier) closeIdle(forGood bool) {
	if c.lines != nil {
		c.lines.close(forGood)
		return
	}
	c.other.CloseIdleConnections()
}

// registry is the carriers in use.
type registry struct {
	mu       sync.Mutex
	carriers map[Reach]*carrier
}

// String names the upstream for the log.
func (r *Reach) String() string {
	return strings.Join([]string{r.Scheme, r.Address}, "://")
}
