package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/web"
	"gatehouse/web/certs"
)

// encryption is what the operator chose for TLS.
type encryption struct {
	certs, keys list // of files; the first certificate belongs to the first key
	dir         string
	acme        bool // obtain what is missing
	directory   string
	email       string
	listeners   list   // names of those that speak TLS where there are certificates
	redirect    string // address of the plain listener that leads to https; "": none
}

// The listeners by name.
const (
	portalListener     = "portal"
	gatewayListener    = "gateway"
	managementListener = "management"
	opsListener        = "ops"
	redirectListener   = "http-redirect"
)

func (e *encryption) flags(fs *flag.FlagSet) {
	fs.Var(&e.certs, "tls-cert", "`file` of a certificate with its chain, PEM; repeatable, each with its --tls-key. With it portal, gateway and management API speak TLS")
	fs.Var(&e.keys, "tls-key", "`file` of the private key of the certificate of the same place, PEM; repeatable")
	fs.StringVar(&e.dir, "tls-dir", "", "`folder` of certificates: NAME.crt with NAME.key, or a folder for each with fullchain.pem and privkey.pem")
	fs.BoolVar(&e.acme, "acme", false, "obtain certificates for the hosts of --public-url, --gateway-url, --management-url, APIs and custom domains by ACME; accepts the CA's terms of service")
	fs.StringVar(&e.directory, "acme-directory", "", "`URL` of the ACME directory (default: Let's Encrypt)")
	fs.StringVar(&e.email, "acme-email", "", "`address` that the CA may write to")
	fs.Var(&e.listeners, "tls-listeners", "`names` of the listeners that speak TLS where there are certificates: portal, gateway, management, ops (default portal,gateway,management)")
	fs.StringVar(&e.redirect, "http-redirect", "", "`address`, such as :80, where the portal's visitors over plain HTTP are led to https")
}

// given reports whether there are certificates, or will be.
func (e *encryption) given() bool { return len(e.certs) > 0 || e.dir != "" || e.acme }

// speaks reports whether a listener speaks TLS.
func (e *encryption) speaks(listener string) bool {
	if len(e.listeners) == 0 {
		return e.given() && listener != opsListener
	}
	return e.given() && slices.Contains(e.listeners, listener)
}

func (e *encryption) scheme(listener string) string {
	if e.speaks(listener) {
		return "https"
	}
	return "http"
}

func (e *encryption) pairs() (pairs []certs.Pair) {
	for i := range min(len(e.certs), len(e.keys)) {
		pairs = append(pairs, certs.Pair{Cert: e.certs[i], Key: e.keys[i]})
	}
	return pairs
}

// tlsProblems returns what is wrong with the settings of TLS; files are looked at by openCertificates.
func (c *config) tlsProblems() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	e := &c.encryption
	for _, f := range []struct {
		name  string
		files list
	}{{"tls-cert", e.certs}, {"tls-key", e.keys}, {"tls-dir", list{e.dir}}} {
		if slices.ContainsFunc(f.files, func(path string) bool {
			return strings.Contains(path, "-----BEGIN") || strings.ContainsAny(path, "\r\n")
		}) {
			add("--%s: name the file, not what is in it: GATEHOUSE_%s holds its path", f.name, strings.ToUpper(strings.ReplaceAll(f.name, "-", "_")))
			return problems // and repeat nothing of it
		}
	}
	if len(e.certs) != len(e.keys) {
		add("--tls-cert, --tls-key: name a key for each certificate, in the same order: there are %d and %d", len(e.certs), len(e.keys))
	}
	for _, name := range e.listeners {
		if !slices.Contains([]string{portalListener, gatewayListener, managementListener, opsListener}, name) {
			add("--tls-listeners: %q is none of portal, gateway, management, ops", name)
		}
	}
	if len(e.listeners) > 0 && !e.given() {
		add("--tls-listeners: there is no certificate: add --tls-cert and --tls-key, --tls-dir, or --acme")
	}
	for _, f := range []struct{ flag, listener, url string }{{"public-url", portalListener, c.publicURL}, {"gateway-url", gatewayListener, c.gatewayURL}, {"management-url", managementListener, c.management.url}} {
		if strings.HasPrefix(f.url, "http:") && e.speaks(f.listener) {
			add("--%s: %q is not encrypted, but the %s speaks TLS", f.flag, f.url, f.listener)
		}
	}
	problems = append(problems, c.acmeProblems()...)
	if e.redirect == "" {
		return problems
	}
	if _, _, err := net.SplitHostPort(e.redirect); err != nil {
		add("--http-redirect: %q is not an address such as :80", e.redirect)
	}
	if !e.given() && !web.IsHTTPS(c.publicURL) && !web.IsHTTPS(c.gatewayURL) {
		add("--http-redirect: there is no https address to lead to: give certificates, or set --public-url to one")
	}
	return problems
}

// acmeProblems returns what is wrong with the settings of ACME.
func (c *config) acmeProblems() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	e := &c.encryption
	if !e.acme {
		if e.directory != "" || e.email != "" {
			add("--acme-directory, --acme-email: add --acme")
		}
		return problems
	}
	if len(c.acmeHosts()) == 0 {
		add("--acme: set --public-url or --gateway-url to an https address with a host name: certificates are obtained for these")
	}
	if e.directory != "" && !web.IsHTTPS(e.directory) {
		add("--acme-directory: %q is not an https address", e.directory)
	}
	if _, err := mail.ParseAddress(e.email); e.email != "" && err != nil {
		add("--acme-email: %q is no address such as ops@example.com", e.email)
	}
	return problems
}

// acmeHosts are the operator's own hosts that have certificates by ACME.
func (c *config) acmeHosts() (hosts []string) {
	for _, f := range []struct{ listener, host string }{{portalListener, c.hosts.Portal}, {gatewayListener, c.hosts.Gateway}, {managementListener, hostOf(c.management.url)}} {
		if c.encryption.speaks(f.listener) && models.CheckHost(f.host) == nil && !slices.Contains(hosts, f.host) {
			hosts = append(hosts, f.host)
		}
	}
	return hosts
}

// acmeFolder is where certificates, keys and the account that are obtained lie in the data folder. No backup has it.
const acmeFolder = "acme"

// acme says for which hosts certificates are obtained: the operator's own, those of APIs, and custom domains. Nil: for none.
func (in *instance) acme() *certs.ACME {
	e := &in.config.encryption
	if !e.acme {
		return nil
	}
	own := in.config.acmeHosts()
	return &certs.ACME{
		Directory: e.directory, Email: e.email, Cache: filepath.Join(in.config.data, acmeFolder),
		Hosts: func() []string { return slices.Concat(own, in.gateway.Domains()) },
		Allowed: func(host string) bool {
			return slices.Contains(own, host) || e.speaks(gatewayListener) && in.gateway.Leads(host)
		},
	}
}

// openCertificates reads the certificates; nil: there are none.
func (in *instance) openCertificates() (err error) {
	e := &in.config.encryption
	if !e.given() {
		return nil
	}
	in.certificates, err = certs.Open(certs.Config{Pairs: e.pairs(), Dir: e.dir, ACME: in.acme(), Log: in.log})
	return err
}

// encrypted puts TLS on a listener that speaks it.
func (in *instance) encrypted(name string, l net.Listener) net.Listener {
	if !in.config.encryption.speaks(name) {
		return l
	}
	return certs.Listen(l, in.certificates.TLS(), in.log, in.numbers.handshakes.WithLabelValues(name).Inc)
}

// plainHandler answers the plain listener: a CA that looks for its proof, and everybody else.
func (in *instance) plainHandler() http.Handler {
	if in.certificates == nil || in.redirectListener == nil { // http-01 is not tried where nobody would answer
		return in.redirectHandler()
	}
	return in.certificates.Plain(in.redirectHandler())
}

// redirectHandler answers the plain listener.
func (in *instance) redirectHandler() certs.Redirect {
	d := certs.Redirect{}
	if web.IsHTTPS(in.config.publicURL) {
		d.Portal = in.config.publicURL
	}
	own := hostOf(in.config.gatewayURL)
	d.Gateway = func(host string) bool { return host != "" && host == own || in.gateway.Leads(host) }
	return d
}

// insecure reports whether people reach the portal unencrypted from other machines: by its address, or by its listener.
func insecure(c config) bool {
	if web.IsHTTPS(c.publicURL) {
		return false
	}
	u, err := url.Parse(c.publicURL)
	return err != nil || !isLoopback(u.Hostname()) || !listensOnLoopback(c.portalListen)
}

func listensOnLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopback(host)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// expiresSoon is when check begins to speak of a certificate's end.
const expiresSoon = 14 * 24 * time.Hour

// checkTLS reads the certificates as serve would, and tells who is not encrypted.
func checkTLS(c config, r *checked) {
	e := &c.encryption
	if e.given() && len(c.tlsProblems()) == 0 {
		if found, err := certs.Open(certs.Config{Pairs: e.pairs(), Dir: e.dir, Log: slog.New(slog.DiscardHandler)}); err != nil {
			r.problem(fmt.Errorf("TLS: %w", err))
		} else {
			checkCertificates(c, found, r)
		}
	}
	c.finishURLs()
	if insecure(c) {
		r.note("The portal is reached over plain HTTP: passwords and sessions travel unencrypted. Give it a certificate (--acme, or --tls-cert and --tls-key), or put TLS in front and set --public-url.")
	}
	if m := c.management; m.insecure && m.listen != "" && !e.speaks(managementListener) && !listensOnLoopback(m.listen) {
		r.note("Other machines reach the management API at %s over plain HTTP: the values of keys travel unencrypted.", m.listen)
	}
}

func checkCertificates(c config, found *certs.Certificates, r *checked) {
	for _, leaf := range found.Leaves() {
		name, end := certs.NameOf(leaf), leaf.NotAfter.UTC()
		switch left := time.Until(end); {
		case left < 0:
			r.problem(fmt.Errorf("TLS: the certificate of %s has expired on %s", name, end.Format(time.DateOnly)))
		case left < expiresSoon:
			r.note("The certificate of %s expires on %s.", name, end.Format(time.DateOnly))
		}
	}
	for _, path := range certs.OpenKeys(found.Files()) {
		r.note("Every user of this machine can read the private key %s: chmod 600 it.", path)
	}
	for _, f := range []struct{ flag, listener, url string }{{"public-url", portalListener, c.publicURL}, {"gateway-url", gatewayListener, c.gatewayURL}, {"management-url", managementListener, c.management.url}} {
		u, err := url.Parse(f.url)
		switch {
		case err != nil || !c.encryption.speaks(f.listener):
		case f.url == "":
			r.note("The %s speaks TLS: set --%s to the address that its certificate is for.", f.listener, f.flag)
		case c.encryption.acme:
			r.note("A certificate for %s is obtained by ACME: the CA must reach it at port 443 here, or at port 80 by --http-redirect.", u.Hostname())
		case !found.Covers(u.Hostname()):
			r.problem(fmt.Errorf("TLS: no certificate is for %s, the host of --%s: clients will refuse it", u.Hostname(), f.flag))
		}
	}
}

// reloadCertificates reads the files of certificates again.
func (in *instance) reloadCertificates() error {
	if in.certificates == nil {
		return nil
	}
	if err := in.certificates.Reload(); err != nil {
		return errors.Join(errors.New("certificates were not all read again"), err)
	}
	return nil
}
