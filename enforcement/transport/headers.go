package transport

import (
	"cmp"
	"net"
	"net/http"
	"net/textproto"
	"strings"

	"gatehouse/enforcement/wire"
)

// Headers that the upstream gets from here.
const (
	headerKeyID     = "X-Api-Key-Id"
	headerConsumer  = "X-Consumer-Id"
	headerRequestID = "X-Request-Id"
	headerPrefix    = "X-Forwarded-Prefix"
)

// folded is a header's name in lower case and with hyphens for underscores, which many upstreams (CGI, WSGI, PHP) take for the same.
type folded struct {
	b       [40]byte // longer names are cut: none that matters is
	n       int
	aliased bool // there was an underscore
}

func fold(name string) (f folded) {
	for f.n = 0; f.n < min(len(name), len(f.b)); f.n++ {
		switch c := name[f.n]; {
		case c == '_':
			f.b[f.n], f.aliased = '-', true
		case 'A' <= c && c <= 'Z':
			f.b[f.n] = c + 'a' - 'A'
		default:
			f.b[f.n] = c
		}
	}
	return f
}

// isHidden reports whether a client's header does not reach an upstream: it is private, or an upstream could take it for protect, which it is not.
func isHidden(name, protect string) bool {
	f := fold(name)
	return wire.IsPrivate(string(f.b[:f.n])) || f.aliased && strings.EqualFold(strings.ReplaceAll(name, "_", "-"), protect)
}

// Visible returns the last value of a client's header that an upstream gets to see: name is canonical; keyHeader and forwardKey are as Exchange has them.
func (p *Proxy) Visible(h http.Header, name, keyHeader string, forwardKey bool) (value string, ok bool) {
	values := h[name]
	switch {
	case len(values) == 0, isOfConnection(name), hasToken(h["Connection"], name):
		return "", false
	case isHidden(name, keyHeader) || strings.EqualFold(name, keyHeader):
		if !forwardKey || !strings.EqualFold(name, keyHeader) {
			return "", false
		}
	}
	value = values[len(values)-1]
	if name == "Cookie" {
		value = withoutCookies(strings.Join(values, "; "), p.hide)
	}
	return value, value != ""
}

// dropPrivate removes the headers that clients cannot send to an upstream, and aliases of them and of protect.
func dropPrivate(h http.Header, protect string) {
	for name := range h {
		if isHidden(name, protect) {
			delete(h, name)
		}
	}
}

// hopByHop are the headers that concern one connection, beside those that Connection names (RFC 9110, 7.6.1).
var hopByHop = []string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func dropHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for _, name := range splitTokens(line) {
			if !strings.EqualFold(name, "Content-Length") { // it says where the message ends, whoever reads it
				h.Del(name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

func splitTokens(line string) []string {
	var all []string
	for token := range strings.SplitSeq(line, ",") {
		if token = textproto.TrimString(token); token != "" {
			all = append(all, token)
		}
	}
	return all
}

func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(one), token) {
				return true
			}
		}
	}
	return false
}

// headerOf makes the header of the upstream's request: the client's, without what is private or concerns its connection.
func (p *Proxy) headerOf(in *http.Request, x *Exchange) http.Header {
	h := make(http.Header, len(in.Header)+10)
	for name, values := range in.Header {
		if !isHidden(name, x.KeyHeader) {
			h[name] = values[:len(values):len(values)]
		}
	}
	dropHopByHop(h)
	delete(h, "Content-Length")
	delete(h, "Host")
	if hasToken(in.Header["Te"], "trailers") {
		h["Te"] = []string{"trailers"}
	}
	if x.KeyHeader != "" {
		h.Del(x.KeyHeader)
		if x.ForwardKey {
			h[textproto.CanonicalMIMEHeaderKey(x.KeyHeader)] = in.Header.Values(x.KeyHeader)
		}
	}
	dropCookies(h, p.hide)
	x.Caller.Prepare(h)
	values := make([]string, 0, 7) // of all of them
	introduce(in, x, func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	})
	return h
}

// appendHeader writes what headerOf makes, straight from the client's header, where isPlain says so.
func (p *Proxy) appendHeader(b []byte, in *http.Request, x *Exchange) []byte {
	named := in.Header["Connection"]
	for name, values := range in.Header {
		switch {
		case isOfConnection(name) || len(named) > 0 && hasToken(named, name) || isHidden(name, x.KeyHeader) || strings.EqualFold(name, x.KeyHeader):
			continue
		case name == "Cookie":
			for _, line := range values {
				if line = withoutCookies(line, p.hide); line != "" {
					b = appendField(b, name, line)
				}
			}
			continue
		}
		for _, value := range values {
			b = appendField(b, name, value)
		}
	}
	if hasToken(in.Header["Te"], "trailers") {
		b = append(b, "Te: trailers\r\n"...)
	}
	introduce(in, x, func(name, value string) { b = appendField(b, name, value) })
	return b
}

// isPlain reports whether nothing about the header of a request depends on more than what stands in it.
func isPlain(in *http.Request, x *Exchange) bool {
	return x.Plain && !x.ForwardKey && len(in.Header["Expect"]) == 0 && len(in.Header["Upgrade"]) == 0
}

// isOfConnection reports whether a field concerns one connection, or is written for the upstream's anew.
func isOfConnection(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Host":
		return true
	}
	return false
}

// dropCookies removes the named cookies and leaves the bytes of all others as they are.
func dropCookies(h http.Header, names []string) {
	lines := h["Cookie"]
	if len(lines) == 0 {
		return
	}
	var kept []string
	for _, line := range lines {
		if rest := withoutCookies(line, names); rest != "" {
			kept = append(kept, rest)
		}
	}
	if len(kept) == 0 {
		h.Del("Cookie")
	} else {
		h["Cookie"] = kept
	}
}

func withoutCookies(line string, names []string) string {
	if !hasCookie(line, names) {
		return textproto.TrimString(line)
	}
	var pairs []string
	for pair := range strings.SplitSeq(line, ";") {
		if name, _, _ := strings.Cut(textproto.TrimString(pair), "="); !isNamed(name, names) {
			pairs = append(pairs, pair)
		}
	}
	return textproto.TrimString(strings.Join(pairs, ";"))
}

func hasCookie(line string, names []string) bool {
	for pair := range strings.SplitSeq(line, ";") {
		if name, _, _ := strings.Cut(textproto.TrimString(pair), "="); isNamed(name, names) {
			return true
		}
	}
	return false
}

// dropSetCookies keeps an upstream on the portal's host from planting the portal's cookies.
func dropSetCookies(h http.Header, names []string) {
	lines := h["Set-Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		if name, _, _ := strings.Cut(line, "="); !isNamed(textproto.TrimString(name), names) {
			kept = append(kept, line)
		}
	}
	if len(lines) > 0 && len(kept) == 0 {
		h.Del("Set-Cookie")
	} else if len(lines) > 0 {
		h["Set-Cookie"] = kept
	}
}

func isNamed(name string, names []string) bool {
	for _, n := range names {
		if strings.EqualFold(name, n) {
			return true
		}
	}
	return false
}

// introduce tells the upstream who is calling. What a client, or a proxy that is not trusted, says about those behind it is not passed on.
func introduce(in *http.Request, x *Exchange, set func(name, value string)) {
	peer, _, err := net.SplitHostPort(in.RemoteAddr)
	host, proto := in.Host, "http"
	if in.TLS != nil {
		proto = "https"
	}
	if f := x.Forwarded; f != nil {
		peer, err = f.For, nil
		host, proto = cmp.Or(f.Host, host), cmp.Or(f.Proto, proto)
	}
	if err == nil {
		set("X-Forwarded-For", peer)
	}
	set("X-Forwarded-Host", host)
	set("X-Forwarded-Proto", proto)
	if x.Prefix != "" { // a host name may lead to the stage itself
		set(headerPrefix, x.Prefix)
	}
	set(headerRequestID, x.RequestID)
	if x.KeyID != "" {
		set(headerKeyID, x.KeyID)
	}
	if x.ConsumerID != "" {
		set(headerConsumer, x.ConsumerID)
	}
}
