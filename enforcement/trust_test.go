package enforcement_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/enforcement"
	"gatehouse/enforcement/front"
)

// SECURITY.md, GW-16 and GW-23: whatever stands in these headers, under whatever spelling, an upstream gets what the gateway knows. A proxy that is trusted
// is believed of three of them, and an upstream gets those in the gateway's own words too.
func TestNoWordAboutTheClientIsPassedOnThatIsNotTheGatewaysOwn(t *testing.T) {
	o, _ := through(t, nil)
	o.g = o.gateway(t, func(c *enforcement.Config) {
		c.Proxies = front.NewTrust([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	})
	checks := 0
	for _, name := range []string{
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-User",
		"X-Forwarded-Uri", "X-Forwarded", "Forwarded", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Original-Url", "X-Rewrite-Url",
		"X-Envoy-Original-Path", "X-Consumer-Id", "X-Http-Method-Override",
	} {
		for _, spelling := range []string{name, strings.ReplaceAll(name, "-", "_")} {
			for _, peer := range []string{"203.0.113.9:1", "10.0.0.1:1"} {
				checks++
				const forged = "198.51.100.66, 198.51.100.77" // what is left of the client is nobody's word
				w := in(o.g, "GET", "/echo/prod/x", o.value, func(r *http.Request) {
					r.RemoteAddr, r.Host = peer, "api.example.com"
					r.Header[spelling] = []string{forged}
				})
				all := o.up.requests()
				got := all[len(all)-1]
				wantFor := peer[:strings.IndexByte(peer, ':')]
				if spelling == "X-Forwarded-For" && peer == "10.0.0.1:1" {
					wantFor = "198.51.100.77, 10.0.0.1"
				}
				if got.Header.Get("X-Forwarded-For") != wantFor || got.Header.Get("X-Forwarded-Host") != "api.example.com" || got.Header.Get("X-Forwarded-Proto") != "http" ||
					got.Header.Get("X-Forwarded-Prefix") != "/echo/prod" || w.Code != 200 {
					t.Errorf("%s from %s: %d, %v", spelling, peer, w.Code, got.Header)
				}
				for n, values := range got.Header {
					if strings.Contains(strings.Join(values, ","), "198.51.100.66") || n != name && strings.EqualFold(strings.ReplaceAll(n, "_", "-"), name) {
						t.Errorf("%s from %s: the upstream got %s: %q", spelling, peer, n, values)
					}
				}
			}
		}
	}
	if checks != 76 {
		t.Errorf("%d checks", checks)
	}
}

// What a trusted proxy says goes everywhere where the client is told, and says nothing about where a request goes.
func TestATrustedProxysWordAboutTheClientHoldsEverywhere(t *testing.T) {
	o, _ := through(t, nil)
	b := enforcement.DefaultBounds()
	b.OpenPerAddress = 1
	o.world.stage(func() { o.stage.Methods = append(o.stage.Methods, o.method("open GET /free")) })
	trust := front.NewTrust([]netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")})
	o.g = o.gateway(t, func(c *enforcement.Config) { c.Proxies, c.Bounds = trust, &b })
	inside, end := make(chan struct{}), make(chan struct{})
	slow := newUpstream(t, func(w http.ResponseWriter, r *http.Request) { inside <- struct{}{}; <-end })
	o.world.stage(func() { o.stage.Upstream = slow.url })
	catchUp(t, o.g)
	call := func(client string) int {
		return in(o.g, "GET", "/echo/prod/free", "", func(r *http.Request) {
			r.RemoteAddr = "10.0.0.1:1"
			r.Header = http.Header{"X-Forwarded-For": {client}, "X-Forwarded-Host": {"front.example.com"}, "X-Forwarded-Proto": {"https"}}
		}).Code
	}
	done := make(chan int, 2)
	for _, client := range []string{"203.0.113.1", "203.0.113.2"} { // two clients, though one peer
		go func() { done <- call(client) }()
		<-inside
	}
	if got := call("203.0.113.2"); got != 429 {
		t.Errorf("a second request of one client: %d", got)
	}
	close(end)
	if a, b := <-done, <-done; a != 200 || b != 200 {
		t.Errorf("%d, %d", a, b)
	}
	h := slow.requests()[0].Header
	if h.Get("X-Forwarded-For") != "203.0.113.1, 10.0.0.1" || h.Get("X-Forwarded-Host") != "front.example.com" || h.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("the upstream got %v", h)
	}
}
