package enforcement_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// Nothing reaches a method that needs a key without that key, whatever shape a request has. The upstream itself says what it got.
func TestNothingReachesAKeyedMethodWithoutItsKey(t *testing.T) {
	w := newWorld()
	up := newUpstream(t, nil)
	st := w.addAPI("echo", up.url, "GET /secret", "ANY /users/{id}", "ANY /files/{proxy+}", "open GET /open", "open ANY /public/{proxy+}")
	_, good := w.addKey(w.addPlan("Free", nil, st))
	_, elsewhere := w.addKey() // a key without a plan
	g := w.gateway(t)
	base := serve(t, g)

	secrets := []string{
		"/secret", "/secret/", "/%73ecret", "/s%65cret?x=/open", "/users/1", "/users/open", "/files/a/b", "/files/open", "/SECRET", "/secret?x-api-key=" + good,
		"/secret#/open", "/open/../secret", "/open/%2e%2e/secret", "/public/../secret", "/public/..%2fsecret", "/public/%2e%2e%2fsecret", "/public/..;/secret",
		"/public/%252e%252e/secret", "//secret", "/open//../secret", "/./secret", "/public/..%5csecret", "/public\\..\\secret", "/secret%00", "/secret;a=b", "/;/secret",
		"/secret%20", "/secret%2f", "/%2fsecret", "/public/%c0%ae%c0%ae/secret", "/public/x/..%2f..%2fsecret", "/public/.%2e/secret",
	}
	verbs := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "Get", "FOO", "TRACE", "PROPFIND", "CONNECT"}
	var values []string
	for n := range 45 {
		values = append(values, good[:min(n, len(good)-1)], good+strings.Repeat("a", n+1))
	}
	flipped := []byte(good)
	flipped[10] ^= 0x20
	values = append(values, string(flipped), strings.ToUpper(good), strings.ToLower(good), elsewhere, secret.Generate(secret.Prefix{}).Reveal(),
		good+","+good, good+" x", "Bearer "+good, `"`+good+`"`, good+"%00", "null", "undefined", "*", "' OR 1=1--", strings.Repeat("a", 20), strings.Repeat("~", 128),
		strings.Repeat("x", 129))
	headers := []http.Header{
		{},
		{"X-Api-Key": {""}},
		{"X-Api-Key": {good, good}},
		{"X-Api-Key": {good, "other"}},
		{"X-Api-Key": {"", good}},
		{"X_Api_Key": {good}},
		{"X-Api-Keys": {good}},
		{"Authorization": {"Bearer " + good}},
		{"Cookie": {"x-api-key=" + good}},
		{"X-Api-Key-Id": {"1000000001"}, "X-Consumer-Id": {"admin"}},
		{"X-Original-Url": {"/echo/prod/open"}, "X-Rewrite-Url": {"/echo/prod/open"}},
		{"X-Http-Method-Override": {"GET"}},
		{"X-Forwarded-Prefix": {"/open"}, "X-Forwarded-Uri": {"/open"}},
		{"Connection": {"x-api-key"}},
		{"Origin": {"https://evil.example"}},
		{"Access-Control-Request-Method": {"GET"}},
	}
	for _, v := range values {
		headers = append(headers, http.Header{"X-Api-Key": {v}})
	}

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 10}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	host, _ := url.Parse(base)
	n := 0
	send := func(verb, target string, h http.Header) {
		r := &http.Request{Method: verb, URL: &url.URL{Scheme: "http", Host: host.Host, Opaque: "/echo/prod" + target}, Header: h, Host: "x"}
		res, err := client.Do(r)
		n++
		if err != nil {
			return // not even a request
		}
		res.Body.Close()
	}
	shapes := len(headers) - len(values)
	for i, target := range secrets {
		for _, verb := range verbs {
			for _, h := range headers[:shapes] {
				send(verb, target, h)
			}
		}
		if i%8 == 0 {
			for _, h := range headers[shapes:] {
				send("GET", target, h)
			}
		}
	}
	for _, r := range up.requests() {
		if path := r.URL.EscapedPath(); path != "/open" && !strings.HasPrefix(path, "/public/") {
			t.Errorf("%s %s reached the upstream: %v", r.Method, r.RequestURI, r.Header)
		}
	}
	if n < 5000 {
		t.Errorf("only %d requests were sent", n)
	}
	// The key itself opens what it should: the test would pass with a gateway that refuses everything.
	before := len(up.requests())
	send("GET", "/secret", http.Header{"X-Api-Key": {good}})
	if len(up.requests()) != before+1 {
		t.Error("the good key is refused")
	}
	drain(t, g)
	for name, count := range w.cells {
		if name.outcome.Admitted() && count > 1 {
			t.Errorf("%d requests are metered as %v", count, name.outcome)
		}
	}
}

func TestTheKeyIsReadWhereTheAPISaysAndKeptFromTheUpstream(t *testing.T) {
	const k = "KEY" // replaced by a real one
	tests := []struct {
		name    string
		source  models.KeySource
		query   string
		header  http.Header
		slug    string
		forward string // what the upstream gets of it: header or query
	}{
		{"default header", models.DefaultKeySource(), "", http.Header{"X-Api-Key": {k}}, "", ""},
		{"another header", models.KeySource{Place: models.KeyInHeader, Name: "X-Weather-Key"}, "", http.Header{"X-Weather-Key": {k}}, "", ""},
		{"another header, key in the default one", models.KeySource{Place: models.KeyInHeader, Name: "X-Weather-Key"}, "", http.Header{"X-Api-Key": {k}}, "key-missing", ""},
		{"header, passed on", models.KeySource{Place: models.KeyInHeader, Name: "x-api-key", Forward: true}, "", http.Header{"X-Api-Key": {k}}, "", k},
		{"bearer", models.KeySource{Place: models.KeyInBearer}, "", http.Header{"Authorization": {"Bearer " + k}}, "", ""},
		{"bearer in small letters", models.KeySource{Place: models.KeyInBearer}, "", http.Header{"Authorization": {"bearer  " + k}}, "", ""},
		{"bearer, passed on", models.KeySource{Place: models.KeyInBearer, Forward: true}, "", http.Header{"Authorization": {"Bearer " + k}}, "", k},
		{"another scheme", models.KeySource{Place: models.KeyInBearer}, "", http.Header{"Authorization": {"Basic " + k}}, "key-missing", ""},
		{"no token", models.KeySource{Place: models.KeyInBearer}, "", http.Header{"Authorization": {"Bearer"}}, "key-missing", ""},
		{"two", models.KeySource{Place: models.KeyInBearer}, "", http.Header{"Authorization": {"Bearer " + k, "Basic x"}}, "ambiguous-key", ""},
		{"query", models.KeySource{Place: models.KeyInQuery, Name: "api_key"}, "a=1&api_key=KEY&b=%20", nil, "", ""},
		{"query, name encoded", models.KeySource{Place: models.KeyInQuery, Name: "api_key"}, "a=1&api%5fkey=KEY&b=%20", nil, "", ""},
		{"query, passed on", models.KeySource{Place: models.KeyInQuery, Name: "api_key", Forward: true}, "a=1&api_key=KEY&b=%20", nil, "", k},
		{"query twice", models.KeySource{Place: models.KeyInQuery, Name: "api_key"}, "api_key=KEY&api_key=KEY", nil, "ambiguous-key", ""},
		{"query, semicolon", models.KeySource{Place: models.KeyInQuery, Name: "api_key"}, "a=1;api_key=KEY", nil, "query-invalid", ""},
		{"query, broken escape", models.KeySource{Place: models.KeyInQuery, Name: "api_key"}, "api_key=KEY&a=%zz", nil, "query-invalid", ""},
		{"query, empty", models.KeySource{Place: models.KeyInQuery, Name: "api_key"}, "api_key=", nil, "key-missing", ""},
		{"header, key in the query", models.DefaultKeySource(), "x-api-key=KEY", nil, "key-missing", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOne(t, nil)
			o.world.stage(func() { o.stage.KeySource = tt.source })
			catchUp(t, o.g)
			real := func(s string) string { return strings.ReplaceAll(s, k, o.value) }
			w := in(o.g, "GET", "/echo/prod/a?"+real(tt.query), "", func(r *http.Request) {
				for name, vs := range tt.header {
					for _, v := range vs {
						r.Header.Add(name, real(v))
					}
				}
			})
			if got := slugOf(t, w); got != tt.slug {
				t.Fatalf("got %q, want %q", got, tt.slug)
			}
			if tt.slug != "" {
				return
			}
			r := o.up.requests()[0]
			everything := fmt.Sprint(r.RequestURI, r.Header)
			if got, want := strings.Contains(everything, o.value), tt.forward != ""; got != want {
				t.Errorf("the upstream gets the key: %v, want %v: %s", got, want, everything)
			}
			if tt.query != "" && !strings.HasPrefix(r.URL.RawQuery, "a=1&") || tt.query != "" && !strings.HasSuffix(r.URL.RawQuery, "b=%20") {
				t.Errorf("query = %q", r.URL.RawQuery)
			}
		})
	}
}

func TestAnOldValueWorksUntilItStopsAndSharesTheLimits(t *testing.T) {
	o := newOne(t, throttle(0.001, 4))
	old := o.value
	o.value = secret.Generate(secret.Prefix{}).Reveal()
	o.change(o.key, func(c *models.Credential) {
		c.Secrets[0].StopsAt = o.clock.now().Add(time.Hour)
		c.Secrets = append(c.Secrets, models.CredentialSecret{Digest: o.ring.Digest(o.value)})
	})
	catchUp(t, o.g)
	use := func(value string) string { return slugOf(t, in(o.g, "GET", "/echo/prod/a", value)) }
	got := []string{use(old), use(o.value), use(old), use(o.value), use(old), use(o.value)}
	if diff := cmp.Diff([]string{"", "", "", "", "throttled", "throttled"}, got); diff != "" {
		t.Errorf("two values, one bucket (-want +got):\n%s", diff)
	}
	o.clock.advance(time.Hour - 1)
	if got := use(old); got == "key-replaced" {
		t.Errorf("the old value stopped too early")
	}
	o.clock.advance(1)
	if got := use(old); got != "key-replaced" {
		t.Errorf("after its time: %q", got)
	}
	if got := use(o.value); got == "key-replaced" {
		t.Errorf("the new value stopped")
	}
}

func TestExpiryTakesEffectByTimeAlone(t *testing.T) {
	o := newOne(t, nil)
	o.change(o.key, func(c *models.Credential) { c.ExpiresAt = o.clock.now().Add(time.Minute) })
	catchUp(t, o.g)
	o.clock.advance(time.Minute - 1)
	if got := o.get(t, "/a"); got != "" {
		t.Errorf("before: %q", got)
	}
	o.clock.advance(1)
	if got := o.get(t, "/a"); got != "key-expired" {
		t.Errorf("after: %q", got)
	}
}

// What is wrong with a key is said after a restart as before it.
func TestARestartForgetsNoProblemOfAKey(t *testing.T) {
	tests := map[string]func(*one, *models.Credential){
		"key-revoked":  func(_ *one, c *models.Credential) { c.Enabled, c.Revoked = false, true },
		"key-disabled": func(_ *one, c *models.Credential) { c.Enabled = false },
		"key-expired":  func(o *one, c *models.Credential) { c.ExpiresAt = o.clock.now() },
		"key-replaced": func(o *one, c *models.Credential) {
			c.Secrets[0].StopsAt = o.clock.now()
			c.Secrets = append([]models.CredentialSecret{{Digest: [32]byte{1}}}, c.Secrets...)
		},
	}
	for want, with := range tests {
		o := newOne(t, quota(10, limit.PeriodDay))
		o.change(o.key, func(c *models.Credential) { with(o, c) })
		catchUp(t, o.g)
		before := o.get(t, "/a")
		o.restart(t, 0)
		if after := o.get(t, "/a"); before != want || after != want {
			t.Errorf("%q before the restart and %q after it, want %q", before, after, want)
		}
	}
}

func TestRefusalsOfKnownKeysAreCountedAndOthersAreNot(t *testing.T) {
	o := newOne(t, nil)
	o.get(t, "/nothing") // no method
	in(o.g, "GET", "/echo/prod/a", secret.Generate(secret.Prefix{}).Reveal())
	o.change(o.key, func(c *models.Credential) { c.Enabled = false })
	catchUp(t, o.g)
	o.get(t, "/a")
	drain(t, o.g)
	want := map[cell]int64{{o.key, o.plan, methodOf(o.stage, "GET /a"), models.OutcomeDenied}: 1}
	if diff := cmp.Diff(want, o.cells, cmp.AllowUnexported(cell{})); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
	if len(o.charged) != 0 {
		t.Errorf("charged: %v", o.charged)
	}
}

// A flood of unknown keys must not fill the memory (SECURITY.md, GW-42).
func TestUnknownKeysLeaveNothingBehind(t *testing.T) {
	o := newOne(t, nil)
	flood := func(n int) {
		for range n {
			o.g.Admit("echo", "prod", "GET", "/a", secret.Generate(secret.Prefix{}).Reveal())
		}
	}
	flood(1000)
	before := liveHeap()
	flood(100_000)
	if grown := int64(liveHeap()) - int64(before); grown > 1<<20 {
		t.Errorf("100,000 unknown keys left %d bytes", grown)
	}
	if err := o.g.Drain(context.Background()); err != nil || len(o.cells) != 0 {
		t.Errorf("cells of unknown keys: %v, %v", o.cells, err)
	}
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
