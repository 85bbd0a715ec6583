package enforcement_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

const page = "https://app.example.com"

func fromPage(origin string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Origin", origin) }
}

func asPreflight(r *http.Request) {
	r.Header.Set("Origin", page)
	r.Header.Set("Access-Control-Request-Method", "GET")
}

// ask sends a preflight over the network.
func ask(t *testing.T, url, origin, verb, headers string) *http.Response {
	t.Helper()
	r := newRequest(t, "OPTIONS", url, nil)
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", verb)
	if headers != "" {
		r.Header.Set("Access-Control-Request-Headers", headers)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestPreflightsAreAnsweredByWhatTheStageAllows(t *testing.T) {
	o, url := through(t, nil)
	o.settle(t, func(s *models.StageSettings) {
		s.CORS = &models.CORS{
			Origins: []string{page, "https://*.Example.org", "http://localhost:5173"}, Headers: []string{"X-Team"}, MaxAge: time.Hour, Credentials: true,
		}
	})
	for _, origin := range []string{page, "https://a.example.org", "https://a.b.example.org", "http://localhost:5173"} {
		res := ask(t, url+"/echo/prod/x", origin, "GET", "x-team")
		h := res.Header
		if res.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Credentials") != "true" ||
			h.Get("Access-Control-Max-Age") != "3600" || h.Get("Access-Control-Allow-Headers") != "X-Team, x-api-key" || !strings.Contains(h.Get("Vary"), "Origin") {
			t.Errorf("%s: %d %v", origin, res.StatusCode, h)
		}
		if allow := h.Get("Access-Control-Allow-Methods"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "DELETE") { // by the method ANY
			t.Errorf("%s may send %q", origin, allow)
		}
	}
	for _, origin := range []string{
		"https://example.com", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.test", "https://evilexample.org", "https://example.org",
		"https://.example.org", "https://evil.test/.example.org", "https://evil.test#.example.org", "https://a@b.example.org", "https://A.example.org", "null", "*", "https://app.example.com/",
	} {
		res := ask(t, url+"/echo/prod/open", origin, "GET", "")
		if res.StatusCode != 403 || len(res.Header["Access-Control-Allow-Origin"]) != 0 {
			t.Errorf("%s: %d %v", origin, res.StatusCode, res.Header)
		}
	}
	// What may not be sent is not refused, but left out of what may: it is the browser that compares, and says what is missing.
	if h := ask(t, url+"/echo/prod/open", page, "GET", "x-other").Header; strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), "x-other") {
		t.Errorf("a header that the stage does not name may be sent: %v", h)
	}
	if n := len(o.up.requests()); n != 0 {
		t.Errorf("%d preflights reached the upstream", n)
	}
}

func TestEveryOriginMayBeAllowedWithoutCookies(t *testing.T) {
	o, url := through(t, nil)
	o.settle(t, func(s *models.StageSettings) { s.CORS = &models.CORS{Origins: []string{"*"}} })
	h := ask(t, url+"/echo/prod/open", page, "GET", "x-one, x-two").Header
	if h.Get("Access-Control-Allow-Origin") != "*" || len(h["Access-Control-Allow-Credentials"]) != 0 || h.Get("Access-Control-Allow-Headers") != "x-one, x-two" ||
		strings.Contains(strings.Join(h["Vary"], ","), "Origin") {
		t.Errorf("headers = %v", h)
	}
	o.settle(t, func(s *models.StageSettings) { s.CORS.Credentials = true })
	if slug := slugOf(t, in(o.g, "GET", "/echo/prod/open", "")); slug != "stage-broken" {
		t.Errorf("cookies of all origins: %q, want stage-broken", slug)
	}
}

// Pages learn why they are refused, and the upstream's own word on who may read an answer does not hold.
func TestEveryAnswerSaysWhichPagesMayReadIt(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "https://evil.test")
		h.Add("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Allow-Private-Network", "true")
		h.Set("Vary", "Accept")
		if r.URL.Path == "/base/broken" {
			panic(http.ErrAbortHandler)
		}
	})
	o.settle(t, func(s *models.StageSettings) {
		s.CORS = &models.CORS{Origins: []string{page}, Expose: []string{"X-Page"}}
	})
	answers := func(origin string) map[string]*http.Response {
		get := func(path, key string) *http.Response {
			r := newRequest(t, "GET", url+path, nil)
			r.Header.Set("Origin", origin)
			if key != "" {
				r.Header.Set("X-Api-Key", key)
			}
			res, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			return res
		}
		all := map[string]*http.Response{
			"200": get("/echo/prod/a", o.value), "403": get("/echo/prod/a", ""), "502": get("/echo/prod/broken", o.value),
		}
		o.publish(o.plan, throttle(0, 0))
		catchUp(t, o.g)
		all["429"] = get("/echo/prod/a", o.value)
		o.publish(o.plan, func(terms *models.Terms) { terms.Throttle = nil })
		o.settle(t, func(s *models.StageSettings) { s.Maintenance = &models.Maintenance{} })
		all["503"] = get("/echo/prod/a", o.value)
		o.settle(t, func(s *models.StageSettings) { s.Maintenance = nil })
		methods := o.stage.Methods
		o.world.stage(func() { o.stage.Methods = methods[:1] })
		catchUp(t, o.g)
		all["404"] = get("/echo/prod/none", o.value)
		o.world.stage(func() { o.stage.Methods = methods })
		catchUp(t, o.g)
		for status, res := range all {
			if fmt.Sprint(res.StatusCode) != status {
				t.Fatalf("status = %d, want %s", res.StatusCode, status)
			}
		}
		return all
	}
	for status, res := range answers(page) {
		h := res.Header
		if got := h["Access-Control-Allow-Origin"]; len(got) != 1 || got[0] != page {
			t.Errorf("%s: pages of %v may read it", status, got)
		}
		if len(h["Access-Control-Allow-Credentials"])+len(h["Access-Control-Allow-Private-Network"]) != 0 {
			t.Errorf("%s: the upstream's word holds: %v", status, h)
		}
		expose := h.Get("Access-Control-Expose-Headers")
		for _, name := range []string{"X-Request-Id", "RateLimit", "X-RateLimit-Remaining", "Retry-After", "X-Page"} {
			if !strings.Contains(expose, name) {
				t.Errorf("%s: pages cannot read %s: %q", status, name, expose)
			}
		}
		if !strings.Contains(strings.Join(h["Vary"], ","), "Origin") {
			t.Errorf("%s: Vary = %v", status, h["Vary"])
		}
	}
	for status, res := range answers("https://evil.test") {
		for name := range res.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s for a page that may not call has %s", status, name)
			}
		}
		if !strings.Contains(strings.Join(res.Header["Vary"], ","), "Origin") {
			t.Errorf("%s: Vary = %v", status, res.Header["Vary"])
		}
	}
}

// A page that can send a key can read why it is refused, also where its owner has said nothing of pages; whether it may read the upstream's answers is
// the upstream's to say.
func TestRefusalsAreReadableByPagesWithoutSettings(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://upstream.example")
	})
	for path, want := range map[string]string{"/echo/prod/a": "*", "/none/prod/a": "*", "/echo/none/a": "*"} {
		r := newRequest(t, "GET", url+path, nil)
		r.Header.Set("Origin", page)
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if h := res.Header; res.StatusCode < 400 || h.Get("Access-Control-Allow-Origin") != want || len(h["Access-Control-Allow-Credentials"]) != 0 ||
			!strings.Contains(h.Get("Access-Control-Expose-Headers"), "X-Request-Id") {
			t.Errorf("%s: %d %v", path, res.StatusCode, h)
		}
	}
	if h := in(o.g, "GET", "/echo/prod/a", "").Header(); len(h["Access-Control-Allow-Origin"]) != 0 {
		t.Errorf("who is no page is told of origins: %v", h)
	}
	if h := in(o.g, "GET", "/echo/prod/a", o.value, fromPage(page)).Header(); h.Get("Access-Control-Allow-Origin") != "https://upstream.example" || len(h["Access-Control-Expose-Headers"]) != 0 {
		t.Errorf("the upstream's answer says %v", h)
	}
}

// Preflights are free of charge, and so they are limited per address, at a memory that addresses do not change (SECURITY.md, GW-45).
func TestPreflightsAreLimitedPerAddress(t *testing.T) {
	o := newOne(t, nil)
	asked := func(address string) int {
		return in(o.g, "OPTIONS", "/echo/prod/a", "", fromPage(page), func(r *http.Request) {
			r.RemoteAddr = address
			r.Header.Set("Access-Control-Request-Method", "GET")
		}).Code
	}
	for i := range 500 {
		if code := asked(fmt.Sprintf("192.0.2.1:%d", 1024+i)); code != 204 {
			t.Fatalf("preflight %d: %d", i, code)
		}
	}
	if code := asked("192.0.2.1:9"); code != 429 {
		t.Errorf("the 501st preflight of an address: %d", code)
	}
	if code := asked("192.0.2.2:9"); code != 204 {
		t.Errorf("the first preflight of another address: %d", code)
	}
	o.clock.advance(time.Second)
	if code := asked("192.0.2.1:9"); code != 204 {
		t.Errorf("a second later: %d", code)
	}
	for i := range 500 {
		asked(fmt.Sprintf("[2001:db8::%x]:9", i+1))
	}
	if code := asked("[2001:db8::ffff:1]:9"); code != 429 {
		t.Errorf("another address of the same host's network: %d", code)
	}
	if slug := o.get(t, "/a"); slug != "" {
		t.Errorf("preflights cost calls: %q", slug)
	}
}
