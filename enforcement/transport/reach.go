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
	reach     Reach
	transport roundTripper
}

// roundTripper is what an http.Transport and a direct are.
type roundTripper interface {
	http.RoundTripper
	CloseIdleConnections()
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
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if r.Scheme == "unix" {
			network, address = "unix", r.Address
		}
		ctx, cancel := context.WithTimeout(ctx, connect)
		defer cancel()
		return p.dial(ctx, network, address)
	}
	t := &http.Transport{
		DialContext:            dial,
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
	switch r.Scheme {
	case "https":
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
		config, err := r.TLS.config(shown)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig = config
	case "h2c":
		t.Protocols.SetUnencryptedHTTP2(true)
	default:
		t.Protocols.SetHTTP1(true)
		return &carrier{reach: r, transport: &direct{rest: t, dial: func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", withPort(r.Address)) }}}, nil
	}
	return &carrier{reach: r, transport: t}, nil
}

// withPort adds HTTP's port to an address that has none.
func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), "80")
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
			c.closeIdle()
		}
	}
}

// CloseIdle closes the connections to upstreams that carry no request.
func (p *Proxy) CloseIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.carriers {
		c.closeIdle()
	}
}

func (c *carrier) closeIdle() { c.transport.CloseIdleConnections() }

// registry is the carriers in use.
type registry struct {
	mu       sync.Mutex
	carriers map[Reach]*carrier
}

// String names the upstream for the log.
func (r *Reach) String() string {
	return strings.Join([]string{r.Scheme, r.Address}, "://")
}
