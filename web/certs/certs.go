package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/acme"

	"gatehouse/models"
)

// Config says where certificates come from.
type Config struct {
	Pairs []Pair           // the first is for clients that name no host, or one that no certificate is for
	Dir   string           // of more pairs; "": none
	ACME  *ACME            // obtains those of hosts that no pair is for; nil: nobody does
	Log   *slog.Logger     // nil: slog.Default()
	Now   func() time.Time // nil: time.Now
}

// Certificates are what the listeners show. All methods are safe for concurrent use.
type Certificates struct {
	config Config
	issuer *issuer // nil: no certificate is obtained
	shown  atomic.Pointer[shown]

	loading sync.Mutex
	listed  []Pair          // when they were read
	seen    map[string]mark // of each file, when it was read
	faulty  error           // of the last reading; nil: it went well
	said    string          // what was logged of it
}

// shown is one reading of all files; it never changes.
type shown struct {
	loaded []loaded
	byName map[string][]*tls.Certificate // by host name, lower case; a wildcard by "*.example.com"
	fault  error                         // of this reading, or of a later one
}

type loaded struct {
	pair Pair
	cert *tls.Certificate
}

// Open reads all certificates. One that cannot be read is an error.
func Open(c Config) (*Certificates, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Certificates{config: c}
	s.shown.Store(&shown{})
	if c.ACME != nil {
		s.issuer = newIssuer(*c.ACME, c.Log, c.Now)
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	for _, l := range s.shown.Load().loaded {
		if end := l.cert.Leaf.NotAfter; end.Before(c.Now()) {
			c.Log.Error("a certificate has expired: clients will refuse it", "file", l.pair.Cert, "expired", end)
		}
	}
	return s, nil
}

// Files returns the pairs that are shown.
func (s *Certificates) Files() []Pair { return s.shown.Load().pairs() }

// Reload reads all files again, and tries again at once to obtain what could not be. What cannot be read keeps the certificate that it had, and is part of the
// error.
func (s *Certificates) Reload() error {
	if s.issuer != nil {
		s.issuer.retryNow()
	}
	err := s.load()
	s.say(err)
	return err
}

func (s *Certificates) load() error {
	s.loading.Lock()
	defer s.loading.Unlock()
	before := s.shown.Load()
	var problems []error
	pairs, err := s.pairs()
	if err != nil {
		pairs, problems = before.pairs(), append(problems, err)
	}
	now := &shown{byName: map[string][]*tls.Certificate{}}
	s.listed, s.seen = pairs, map[string]mark{}
	for _, p := range pairs {
		s.seen[p.Cert], s.seen[p.Key] = markOf(p.Cert), markOf(p.Key) // before they are read: what changes meanwhile is seen the next time
		cert, err := p.load()
		if err != nil {
			problems = append(problems, err)
			if cert = before.of(p); cert == nil {
				continue
			}
		}
		now.add(p, cert)
	}
	now.fault = errors.Join(problems...)
	s.faulty = now.fault
	s.shown.Store(now)
	return now.fault
}

// pairs lists what there is to read, which may be nothing.
func (s *Certificates) pairs() ([]Pair, error) {
	if s.config.Dir == "" {
		return s.config.Pairs, nil
	}
	found, err := pairsIn(s.config.Dir)
	return slices.Concat(s.config.Pairs, found), err
}

func (s *shown) pairs() (pairs []Pair) {
	for _, l := range s.loaded {
		pairs = append(pairs, l.pair)
	}
	return pairs
}

func (s *shown) of(p Pair) *tls.Certificate {
	for _, l := range s.loaded {
		if l.pair == p {
			return l.cert
		}
	}
	return nil
}

func (s *shown) add(p Pair, cert *tls.Certificate) {
	s.loaded = append(s.loaded, loaded{p, cert})
	for _, name := range cert.Leaf.DNSNames {
		name = strings.ToLower(name)
		s.byName[name] = append(s.byName[name], cert)
	}
	for _, ip := range cert.Leaf.IPAddresses {
		s.byName[ip.String()] = append(s.byName[ip.String()], cert)
	}
}

// lookEvery is how often files are looked at: stat calls, nothing is read unless something changed.
const lookEvery = 10 * time.Second

// Run looks at the files until ctx ends, and reads what changed; it obtains what is missing.
func (s *Certificates) Run(ctx context.Context) error {
	if s.issuer != nil {
		var obtaining sync.WaitGroup
		defer obtaining.Wait()
		obtaining.Go(func() { every(ctx, lookEvery, func() { s.issuer.ahead(ctx) }) })
	}
	every(ctx, lookEvery, s.look)
	return nil
}

// every does something at once and again and again until ctx ends.
func every(ctx context.Context, d time.Duration, do func()) {
	ticker := time.NewTicker(d)
	defer ticker.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look reads the files again if one of them changed. Who replaces a certificate and its key does so one after the other: what does not fit together is not
// said before it was seen twice.
func (s *Certificates) look() {
	s.loading.Lock()
	pairs, err := s.pairs()
	changed, again := err == nil && !slices.Equal(pairs, s.listed), s.faulty != nil || err != nil
	for path, before := range s.seen {
		changed = changed || markOf(path) != before
	}
	s.loading.Unlock()
	if !changed && !again {
		return
	}
	if err := s.load(); err == nil || again {
		s.say(err)
	}
	if changed && s.Trouble() == nil {
		s.config.Log.Info("certificates were read again")
	}
}

// say logs a fault once, and that it is over.
func (s *Certificates) say(err error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text == s.said:
	case err != nil:
		s.config.Log.Error("certificates cannot be read: those that were good stay in use", "error", err)
	default:
		s.config.Log.Info("certificates can be read again")
	}
	s.said = text
}

// Trouble returns what is wrong: files that cannot be read, and certificates that have expired.
func (s *Certificates) Trouble() error {
	now := s.shown.Load()
	problems := []error{now.fault}
	for _, l := range now.loaded {
		if end := l.cert.Leaf.NotAfter; end.Before(s.config.Now()) {
			problems = append(problems, fmt.Errorf("certificate %s has expired on %s", l.pair.Cert, end.UTC().Format(time.DateOnly)))
		}
	}
	if s.issuer != nil {
		problems = append(problems, s.issuer.trouble())
	}
	return errors.Join(problems...)
}

// Leaves returns the certificates that are shown, without their chains.
func (s *Certificates) Leaves() (leaves []*x509.Certificate) {
	for _, l := range s.shown.Load().loaded {
		leaves = append(leaves, l.cert.Leaf)
	}
	if s.issuer == nil {
		return leaves
	}
	for _, host := range s.issuer.known() {
		if cert, err := s.issuer.standing(host); err == nil && cert != nil {
			leaves = append(leaves, cert.Leaf)
		}
	}
	return leaves
}

// TLS returns the configuration of a listener. It is one for all of its connections, so that session tickets work; do not change it.
func (s *Certificates) TLS() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: s.choose}
	if s.issuer != nil {
		c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	}
	return c
}

var errNoCertificate = errors.New("there is no certificate for this host")

// choose finds the certificate of the host that a client asks for: of its name, of the wildcard above it, one that is obtained for it, else the first. Where several are, that which the
// client can use.
func (s *Certificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	now, host := s.shown.Load(), models.FoldHost(hello.ServerName)
	if s.issuer != nil && isChallenge(hello) {
		return s.issuer.manager.GetCertificate(hello)
	}
	if cert := fitting(now.named(host), hello); cert != nil {
		return cert, nil
	}
	if s.issuer != nil && s.issuer.config.Allowed(host) {
		return s.issuer.certificate(hello.Context(), host)
	}
	if len(now.loaded) == 0 {
		return nil, errNoCertificate
	}
	return now.loaded[0].cert, nil
}

// named returns the certificates for a host, which is folded.
func (s *shown) named(host string) []*tls.Certificate {
	if found := s.byName[host]; len(found) > 0 {
		return found
	}
	_, above, _ := strings.Cut(host, ".")
	return s.byName["*."+above]
}

// Covers reports whether a certificate is for a host.
func (s *Certificates) Covers(host string) bool {
	return len(s.shown.Load().named(models.FoldHost(host))) > 0
}

// Standing says when the certificate that clients of a folded host get ends, or what is wrong.
func (s *Certificates) Standing(host string) (ends time.Time, problem string) {
	if found := s.shown.Load().named(host); len(found) > 0 {
		return found[0].Leaf.NotAfter, ""
	}
	if s.issuer != nil {
		switch cert, err := s.issuer.standing(host); {
		case cert != nil:
			return cert.Leaf.NotAfter, ""
		case err != nil:
			return time.Time{}, words(err)
		}
		return time.Time{}, "It is being obtained."
	}
	return time.Time{}, "No certificate is for it: ask the operator."
}

func fitting(certs []*tls.Certificate, hello *tls.ClientHelloInfo) *tls.Certificate {
	for _, cert := range certs {
		if hello.SupportsCertificate(cert) == nil {
			return cert
		}
	}
	if len(certs) > 0 {
		return certs[0] // the handshake will say what is missing
	}
	return nil
}

// maxNames bounds the names in metrics: those that expire first are told.
const maxNames = 100

var (
	expiryDesc  = prometheus.NewDesc("gatehouse_certificate_expiry_seconds", "When a certificate expires, in Unix seconds, by its first name; of the 100 that expire first.", []string{"name"}, nil)
	troubleDesc = prometheus.NewDesc("gatehouse_certificate_trouble", "1 while a certificate cannot be read or obtained, or has expired; /readyz says which.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *Certificates) Describe(ch chan<- *prometheus.Desc) { ch <- expiryDesc; ch <- troubleDesc }

// Collect implements prometheus.Collector.
func (s *Certificates) Collect(ch chan<- prometheus.Metric) {
	leaves := s.Leaves()
	slices.SortFunc(leaves, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	told := map[string]bool{}
	for _, leaf := range leaves {
		if name := NameOf(leaf); !told[name] && len(told) < maxNames {
			told[name] = true
			ch <- prometheus.MustNewConstMetric(expiryDesc, prometheus.GaugeValue, float64(leaf.NotAfter.Unix()), name)
		}
	}
	trouble := 0.0
	if s.Trouble() != nil {
		trouble = 1
	}
	ch <- prometheus.MustNewConstMetric(troubleDesc, prometheus.GaugeValue, trouble)
}

// NameOf is what a certificate is called.
func NameOf(leaf *x509.Certificate) string {
	if len(leaf.DNSNames) > 0 {
		return leaf.DNSNames[0]
	}
	if len(leaf.IPAddresses) > 0 {
		return leaf.IPAddresses[0].String()
	}
	return leaf.Subject.CommonName
}
