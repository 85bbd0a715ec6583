package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"gatehouse/models"
)

// ACME says how certificates are obtained (RFC 8555). Its CA sees that a host is reached here by tls-alpn-01 on the listeners of TLS, or by http-01 where
// Certificates.Plain is served.
type ACME struct {
	Directory string                 // URL; "": Let's Encrypt
	Email     string                 // that the CA may write to; "": none
	Cache     string                 // folder of account key, keys and certificates, which are their owner's alone
	Hosts     func() []string        // folded, to have certificates for before anybody asks
	Allowed   func(host string) bool // whether a folded host may have one
}

// issuer obtains certificates. A host that cannot have one is tried again after a time that doubles, so that nobody's handshakes use up what the CA allows.
type issuer struct {
	config  ACME
	manager *autocert.Manager
	log     *slog.Logger
	now     func() time.Time

	mu    sync.Mutex
	hosts map[string]*issued // allowed once
}

// issued is what is known of a host.
type issued struct {
	cert     *tls.Certificate // nil: none yet
	under    chan struct{}    // closed when what is under way has ended; nil: nothing is
	failures int              // in a row
	retry    time.Time        // not before
	err      error            // of the last try
}

// When a host that failed is tried again: five times within the first hour, which is what Let's Encrypt allows.
const (
	firstRetry = 2 * time.Minute
	lastRetry  = time.Hour
	// aheadWait is how long one host holds up the next; what is under way goes on.
	aheadWait = 20 * time.Second
)

func newIssuer(c ACME, log *slog.Logger, now func() time.Time) *issuer {
	i := &issuer{config: c, log: log, now: now, hosts: map[string]*issued{}}
	i.manager = &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(c.Cache), Email: c.Email,
		Client: &acme.Client{DirectoryURL: c.Directory, UserAgent: "gatehouse"},
		HostPolicy: func(_ context.Context, host string) error {
			if !c.Allowed(models.FoldHost(host)) {
				return errNoCertificate
			}
			return nil
		},
	}
	if c.Directory == "" {
		i.manager.Client.DirectoryURL = acme.LetsEncryptURL
	}
	return i
}

// isChallenge reports whether it is the CA that shakes hands, to see that a host is reached here.
func isChallenge(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto
}

// certificate returns that of an allowed host, and waits for it where it is obtained just now.
func (i *issuer) certificate(ctx context.Context, host string) (*tls.Certificate, error) {
	i.mu.Lock()
	h := i.hosts[host]
	if h == nil {
		h = &issued{}
		i.hosts[host] = h
	}
	if h.cert != nil {
		i.mu.Unlock()
		return i.manager.GetCertificate(modernHello(host)) // the newest; nothing is asked of the CA
	}
	if h.under == nil {
		if i.now().Before(h.retry) {
			err := h.err
			i.mu.Unlock()
			return nil, err
		}
		h.under = make(chan struct{})
		go i.obtain(host, h)
	}
	under := h.under
	i.mu.Unlock()
	select {
	case <-under:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return h.cert, h.err
}

// obtain asks the cache, then the CA, for the certificate of a host, once.
func (i *issuer) obtain(host string, h *issued) {
	cert, err := i.manager.GetCertificate(modernHello(host))
	i.mu.Lock()
	defer i.mu.Unlock()
	if h.err == nil || err == nil || !strings.Contains(err.Error(), "missing certificate") { // it says so for a minute, and not why
		h.err = err
	}
	if err == nil {
		h.cert, h.failures = cert, 0
		i.log.Info("certificate is at hand", "host", host, "expires", cert.Leaf.NotAfter)
	} else {
		wait := min(lastRetry, firstRetry<<min(h.failures, 10))
		h.failures++
		h.retry = i.now().Add(wait)
		i.log.Error("certificate cannot be obtained", "host", host, "error", err, "again_in", wait.String())
	}
	close(h.under)
	h.under = nil
}

// modernHello asks for a certificate that all clients of today can use: one for each host, whoever asks.
func modernHello(host string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256}}
}

// ahead obtains what is missing of the hosts that are known, one after the other.
func (i *issuer) ahead(ctx context.Context) {
	for _, host := range i.config.Hosts() {
		if ctx.Err() != nil {
			return
		}
		wait, cancel := context.WithTimeout(ctx, aheadWait)
		_, _ = i.certificate(wait, host) // it was logged
		cancel()
	}
}

// retryNow lets what failed be tried at once.
func (i *issuer) retryNow() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, h := range i.hosts {
		h.retry, h.failures = time.Time{}, 0
	}
}

// standing is what is known of a host that is still allowed.
func (i *issuer) standing(host string) (cert *tls.Certificate, err error) {
	i.mu.Lock()
	h := i.hosts[host]
	if h == nil || h.cert == nil {
		defer i.mu.Unlock()
		if h != nil && h.err != nil {
			return nil, h.err
		}
		return nil, nil
	}
	i.mu.Unlock()
	return i.manager.GetCertificate(modernHello(host))
}

// known returns the hosts that were asked for and are still allowed.
func (i *issuer) known() []string {
	i.mu.Lock()
	all := slices.Sorted(maps.Keys(i.hosts))
	i.mu.Unlock()
	return slices.DeleteFunc(all, func(host string) bool { return !i.config.Allowed(host) })
}

// trouble returns what is wrong with each host: it has no certificate, or one that should have been renewed.
func (i *issuer) trouble() error {
	var problems []error
	for _, host := range i.known() {
		cert, err := i.standing(host)
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("no certificate for %s: %w", host, err))
		case cert != nil && overdue(cert, i.now()):
			problems = append(problems, fmt.Errorf("the certificate of %s was not renewed and ends on %s", host, cert.Leaf.NotAfter.UTC().Format(time.DateOnly)))
		}
	}
	return errors.Join(problems...)
}

// overdue: renewals begin when a third of the life is left, 30 days at most; a tenth of the life later something is wrong.
func overdue(cert *tls.Certificate, now time.Time) bool {
	life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore)
	return cert.Leaf.NotAfter.Sub(now) < min(30*24*time.Hour, life/3)-life/10
}

// Plain answers the CA on the plain listener, and leaves everything else to next.
func (s *Certificates) Plain(next http.Handler) http.Handler {
	if s.issuer == nil {
		return next
	}
	return s.issuer.manager.HTTPHandler(next)
}

// words shortens what a CA said to what a page can hold.
func words(err error) string {
	return models.CutLine(strings.TrimPrefix(err.Error(), "acme/autocert: "), 200)
}
