package front

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func trusting(networks ...string) *Trust {
	var all []netip.Prefix
	for _, n := range networks {
		all = append(all, netip.MustParsePrefix(n))
	}
	return NewTrust(all)
}

// The table of docs/gateway.md, "Proxies in front".
func TestTheClientIsTheRightMostHopThatIsNoTrustedProxy(t *testing.T) {
	trust := trusting("10.0.0.0/8", "::ffff:192.168.1.0/120", "2001:db8:a::/48")
	for _, tt := range []struct {
		name, peer string
		lines      []string
		client     string // "": the peer is not believed
		forwarded  string
	}{
		{"nobody in front", "203.0.113.9:1", nil, "", ""},
		{"a stranger who says something", "203.0.113.9:1", []string{"1.1.1.1"}, "", ""},
		{"a proxy that says nothing", "10.0.0.1:1", nil, "10.0.0.1:1", "10.0.0.1"},
		{"one proxy", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9:0", "203.0.113.9, 10.0.0.1"},
		{"a proxy in IPv6 form", "[::ffff:10.0.0.1]:1", []string{"203.0.113.9"}, "203.0.113.9:0", "203.0.113.9, 10.0.0.1"},
		{"a network in IPv6 form", "192.168.1.5:1", []string{"203.0.113.9"}, "203.0.113.9:0", "203.0.113.9, 192.168.1.5"},
		{"two proxies", "10.0.0.1:1", []string{"203.0.113.9, 10.2.0.1"}, "203.0.113.9:0", "203.0.113.9, 10.2.0.1, 10.0.0.1"},
		{"two lines", "10.0.0.1:1", []string{"203.0.113.9", "10.2.0.1"}, "203.0.113.9:0", "203.0.113.9, 10.2.0.1, 10.0.0.1"},
		{"an invention on the left", "10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9:0", "203.0.113.9, 10.0.0.1"},
		{"an invented proxy on the left", "10.0.0.1:1", []string{"10.9.9.9, 203.0.113.9"}, "203.0.113.9:0", "203.0.113.9, 10.0.0.1"},
		{"all are proxies", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0", "10.0.0.3, 10.0.0.2, 10.0.0.1"},
		{"words", "10.0.0.1:1", []string{"203.0.113.9, unknown"}, "10.0.0.1:1", "10.0.0.1"},
		{"words behind a proxy", "10.0.0.1:1", []string{"_hidden, 10.0.0.2"}, "10.0.0.2:0", "10.0.0.2, 10.0.0.1"},
		{"an empty entry", "10.0.0.1:1", []string{"203.0.113.9,"}, "10.0.0.1:1", "10.0.0.1"},
		{"an empty line", "10.0.0.1:1", []string{""}, "10.0.0.1:1", "10.0.0.1"},
		{"a port", "10.0.0.1:1", []string{"203.0.113.9:55"}, "203.0.113.9:0", "203.0.113.9, 10.0.0.1"},
		{"IPv6", "10.0.0.1:1", []string{"2001:db8::9"}, "[2001:db8::9]:0", "2001:db8::9, 10.0.0.1"},
		{"IPv6 in brackets", "10.0.0.1:1", []string{"[2001:db8::9]"}, "[2001:db8::9]:0", "2001:db8::9, 10.0.0.1"},
		{"IPv6 with a port", "10.0.0.1:1", []string{"[2001:db8::9]:443"}, "[2001:db8::9]:0", "2001:db8::9, 10.0.0.1"},
		{"half a bracket", "10.0.0.1:1", []string{"[2001:db8::9"}, "10.0.0.1:1", "10.0.0.1"},
		{"IPv4 in IPv6 form", "10.0.0.1:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9:0", "203.0.113.9, 10.0.0.1"},
		{"a proxy in IPv6 form behind", "10.0.0.1:1", []string{"203.0.113.9, ::ffff:10.0.0.2"}, "203.0.113.9:0", "203.0.113.9, 10.0.0.2, 10.0.0.1"},
		{"a zone", "10.0.0.1:1", []string{"fe80::1%eth0"}, "10.0.0.1:1", "10.0.0.1"},
		{"a leading zero", "10.0.0.1:1", []string{"203.0.113.09"}, "10.0.0.1:1", "10.0.0.1"},
		{"an IPv6 proxy", "[2001:db8:a::1]:1", []string{"203.0.113.9"}, "203.0.113.9:0", "203.0.113.9, 2001:db8:a::1"},
		{"next to a proxy's network", "[2001:db8:b::1]:1", []string{"203.0.113.9"}, "", ""},
		{"no address", "@", []string{"203.0.113.9"}, "", ""},
	} {
		r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{"X-Forwarded-For": tt.lines}}
		f := trust.Resolve(r)
		if f == nil {
			f = &Forwarded{}
		}
		if f.Client != tt.client || f.For != tt.forwarded {
			t.Errorf("%s: %s, %q; want %s, %q", tt.name, f.Client, f.For, tt.client, tt.forwarded)
		}
	}
	long := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {"203.0.113.9" + strings.Repeat(", 10.0.0.2", 100_000)}}}
	if f := trust.Resolve(long); f.Client != "10.0.0.2:0" || len(f.For) > 1000 {
		t.Errorf("very many hops: %s, %d bytes", f.Client, len(f.For))
	}
}

func TestOnlyAPlainWordOfAProxyAboutHostAndSchemeIsBelieved(t *testing.T) {
	trust := trusting("10.0.0.1/32")
	for _, tt := range []struct {
		proto, host         []string
		wantProto, wantHost string
	}{
		{[]string{"https"}, []string{"api.example.com"}, "https", "api.example.com"},
		{[]string{"http"}, []string{"[2001:db8::1]:8443"}, "http", "[2001:db8::1]:8443"},
		{[]string{"HTTPS"}, []string{"a b"}, "", ""},
		{[]string{"https, http"}, []string{"a, b"}, "", ""},
		{[]string{"https", "http"}, []string{"a", "b"}, "", ""},
		{[]string{"ftp"}, []string{"a/../b"}, "", ""},
		{[]string{""}, []string{"user@host"}, "", ""},
		{nil, []string{strings.Repeat("a", 300)}, "", ""},
	} {
		r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-Proto": tt.proto, "X-Forwarded-Host": tt.host}}
		if f := trust.Resolve(r); f.Proto != tt.wantProto || f.Host != tt.wantHost {
			t.Errorf("%q %q: %q %q", tt.proto, tt.host, f.Proto, f.Host)
		}
	}
}

// The portal believes the same proxies, of the address alone.
func TestTheHandlerTellsTheClientsAddress(t *testing.T) {
	h := trusting("10.0.0.1/32").Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr, " ", r.Host) }))
	for peer, want := range map[string]string{"10.0.0.1:1": "203.0.113.9:0 example.com", "10.0.0.2:1": "10.0.0.2:1 example.com"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		r.Header = http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Host": {"evil.example"}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Body.String(); got != want {
			t.Errorf("%s: %s, want %s", peer, got, want)
		}
	}
	trust := NewTrust(nil)
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header = http.Header{"X-Forwarded-For": {"203.0.113.9"}}
	if f := trust.Resolve(r); f != nil {
		t.Errorf("nobody is believed, and %v is", f)
	}
	trust.Set([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	if f := trust.Resolve(r); f == nil || f.Client != "203.0.113.9:0" {
		t.Errorf("from now on somebody is: %v", f)
	}
}
