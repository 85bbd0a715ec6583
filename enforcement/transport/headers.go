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

// dropPrivate removes the headers that clients cannot send to an upstream, and aliases of them and of protect: many upstreams (CGI, WSGI, PHP) read X_Consumer_Id as
// X-Consumer-Id.
func dropPrivate(h http.Header, protect string) {
	for name := range h {
		lower := strings.ToLower(name)
		folded := strings.ReplaceAll(lower, "_", "-")
		if wire.IsPrivate(folded) || lower != folded && folded == strings.ToLower(protect) {
			delete(h, name)
		}
	}
}

// dropCookies removes the named cookies and leaves the bytes of all others as they are.
func dropCookies(h http.Header, names []string) {
	lines := h["Cookie"]
	if len(lines) == 0 {
		return
	}
	var kept []string
	for _, line := range lines {
		var pairs []string
		for pair := range strings.SplitSeq(line, ";") {
			if name, _, _ := strings.Cut(textproto.TrimString(pair), "="); !isNamed(name, names) {
				pairs = append(pairs, pair)
			}
		}
		if rest := textproto.TrimString(strings.Join(pairs, ";")); rest != "" {
			kept = append(kept, rest)
		}
	}
	if len(kept) == 0 {
		h.Del("Cookie")
	} else {
		h["Cookie"] = kept
	}
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
func introduce(h http.Header, in *http.Request, x *Exchange) {
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
		h.Set("X-Forwarded-For", peer)
	}
	h.Set("X-Forwarded-Host", host)
	h.Set("X-Forwarded-Proto", proto)
	h.Set(headerPrefix, x.Prefix)
	h.Set(headerRequestID, x.RequestID)
	if x.KeyID != "" {
		h.Set(headerKeyID, x.KeyID)
	}
	if x.ConsumerID != "" {
		h.Set(headerConsumer, x.ConsumerID)
	}
}
