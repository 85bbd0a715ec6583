package front

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
)

// mostHops is how many entries of X-Forwarded-For are looked at, from the right.
const mostHops = 32

// Trust is the proxies whose word about the client is believed. A nil Trust believes nobody.
type Trust struct {
	networks atomic.Pointer[[]netip.Prefix]
}

// NewTrust returns whom to believe, which may be nobody.
func NewTrust(networks []netip.Prefix) *Trust {
	t := &Trust{}
	t.Set(networks)
	return t
}

// Set changes whom to believe, for requests that come from now on.
func (t *Trust) Set(networks []netip.Prefix) {
	plain := plainPrefixes(networks)
	t.networks.Store(&plain)
}

// Forwarded is what a proxy that is believed says of a request.
type Forwarded struct {
	Client string // as http.Request.RemoteAddr
	For    string // of X-Forwarded-For: the client, and the proxies behind it in the order of the request's way, the nearest included
	Host   string // that the client asked for; "": not said
	Proto  string // that it spoke: "http" or "https"; "": not said
}

// Believes reports whether what a peer says of the client is believed: its address and port are those of one of the proxies.
func (t *Trust) Believes(peer string) bool {
	if t == nil {
		return false
	}
	networks := *t.networks.Load()
	if len(networks) == 0 {
		return false
	}
	a, err := netip.ParseAddrPort(peer)
	return err == nil && contains(networks, a.Addr())
}

// Resolve returns what the request's peer says of the client; nil if it is not to be believed. The client is the right-most hop that is not one of the
// proxies: what stands left of it may be anybody's invention, and is told nobody.
func (t *Trust) Resolve(r *http.Request) *Forwarded {
	if !t.Believes(r.RemoteAddr) {
		return nil
	}
	return t.ResolveOf(r.RemoteAddr, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"], r.Header["X-Forwarded-Host"])
}

// ResolveOf is Resolve for a peer that is believed, and the values of X-Forwarded-For, -Proto and -Host in the order of their lines, of which it keeps parts.
func (t *Trust) ResolveOf(peer string, hops, protos, hosts []string) *Forwarded {
	f := &Forwarded{Client: peer, For: peer}
	if a, err := netip.ParseAddrPort(peer); err == nil {
		f.For = plain(a.Addr()).String()
	}
	follow(*t.networks.Load(), f, hops)
	if proto := one(protos); proto == "http" || proto == "https" {
		f.Proto = proto
	}
	if host := one(hosts); isHost(host) {
		f.Host = host
	}
	return f
}

// follow goes from the peer towards the client, as far as proxies that are believed lead.
func follow(networks []netip.Prefix, f *Forwarded, lines []string) {
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; hops++ {
			if hops == mostHops {
				return
			}
			var entry string
			if at := strings.LastIndexByte(rest, ','); at >= 0 {
				rest, entry = rest[:at], rest[at+1:]
			} else {
				rest, entry, more = "", rest, false
			}
			hop, ok := parseHop(strings.Trim(entry, " \t"))
			if !ok {
				return // who wrote this is not known: the last hop that was is the client
			}
			f.Client = net.JoinHostPort(hop.String(), "0")
			f.For = hop.String() + ", " + f.For
			if !contains(networks, hop) {
				return
			}
		}
	}
}

// parseHop reads an address, with or without a port.
func parseHop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil && strings.HasPrefix(s, "[") == strings.HasSuffix(s, "]") {
		return plain(a), a.Zone() == ""
	}
	p, err := netip.ParseAddrPort(s)
	return plain(p.Addr()), err == nil && p.Addr().Zone() == ""
}

// plain is an address without zone, and as IPv4 where it is one.
func plain(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

// one returns the value of a header that stands there once, with one value.
func one(values []string) string {
	if len(values) != 1 || strings.ContainsAny(values[0], ", \t") {
		return ""
	}
	return values[0]
}

// isHost reports whether a text is a host with or without a port, and nothing that anybody could take for more.
func isHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == ':', c == '[', c == ']':
		default:
			return false
		}
	}
	return true
}

// Handler tells next the client's address as the request's RemoteAddr. Nothing else of what proxies say is changed or believed.
func (t *Trust) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := t.Resolve(r); f != nil {
			r.RemoteAddr = f.Client
		}
		next.ServeHTTP(w, r)
	})
}
