package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// shopDocument is of an API whose requests can be compared with it; PATTERN is one of the query's.
const shopDocument = `{"openapi":"3.0.3","info":{"title":"Shop","version":"1"},"paths":{"/items":{
	"get":{"operationId":"list","security":[{"key":[]}],"parameters":[{"name":"limit","in":"query","schema":{"type":"integer","maximum":50}},{"name":"q","in":"query","schema":{"type":"string","pattern":"PATTERN"}}],"responses":{"200":{"description":"ok"}}},
	"post":{"operationId":"add","security":[{"key":[]}],"requestBody":{"content":{"application/json":{"schema":{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}}}},"responses":{"200":{"description":"ok"}}}}},
	"components":{"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"x-api-key"}}}}`

// shop is an API made from a document, with a stage for each group of settings, and a key that may call them all.
type shop struct {
	*world
	api    string // its page
	stages map[string]string
	key    string
}

func newShop(w *world, names ...string) *shop {
	w.Helper()
	s := &shop{world: w, stages: map[string]string{}}
	s.api = w.owner.done(w.owner.post("/owner/apis", "source", "document", "document", strings.ReplaceAll(shopDocument, "PATTERN", "^[a-z]*$"), "name", "Shop", "slug", "shop", "key_place", "header", "key_name", "x-api-key"))
	var open []service
	for _, name := range names {
		s.stages[name] = w.owner.done(w.owner.post(s.api+"/stages", "name", name, "upstream", w.origin.URL, "timeout", "5"))
		w.done(w.owner, s.stages[name]+"/deploy")
		open = append(open, service{id: find(w.T, "/owner/apis/"+anID, s.api), slug: "shop", stage: find(w.T, "/stages/"+anID+"$", s.stages[name])})
	}
	s.key = w.subscribe(w.dev, open[0], w.plan(w.owner, "All", open)).value
	return s
}

// save sends a form of a stage's settings.
func (s *shop) save(stage, tab string, pairs ...string) {
	s.Helper()
	s.world.done(s.owner, s.stages[stage]+"/"+tab, pairs...)
}

// ask calls a stage and returns the answer with its body.
func (s *shop) ask(verb, stage, rest string, with ...func(*http.Request)) (*http.Response, string) {
	s.Helper()
	r, err := http.NewRequest(verb, s.gateway+"/shop/"+stage+"/items"+rest, nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("x-api-key", s.key)
	for _, change := range with {
		change(r)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.Fatal(err)
	}
	return answer, text(s.T, answer)
}

// is checks a status, and that the body has something.
func (s *shop) is(answer *http.Response, body string, status int, has string) {
	s.Helper()
	if answer.StatusCode != status || !strings.Contains(body, has) {
		s.Errorf("got %d %q, want %d with %q", answer.StatusCode, body, status, has)
	}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func sends(kind, body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", kind)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
}

// backend is an upstream that says its name, how often it was asked, and some of what it got.
type backend struct {
	*httptest.Server
	n    atomic.Int64
	sick atomic.Bool
}

func newBackend(t *testing.T, name string) *backend {
	b := &backend{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/up" {
			if b.sick.Load() {
				w.WriteHeader(http.StatusInternalServerError)
			}
			return
		}
		if r.URL.Query().Get("as") == "slow" {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Server", name)
		fmt.Fprintf(w, "%s %d tenant=%s secret=%s", name, b.n.Add(1), r.Header.Get("X-Tenant"), r.Header.Get("X-Secret"))
	}))
	t.Cleanup(b.Server.Close)
	return b
}

// What an owner saves on a page of a stage holds at the gateway from the next request on: one group of settings after the other, with one program.
func TestStageSettingsHoldAtTheGatewayOnceTheyAreSaved(t *testing.T) {
	t.Parallel()
	s := newShop(newWorld(t), "targets", "times", "headers", "cors", "cache", "off", "checked", "canary", "sizes", "secure")
	for name, test := range map[string]func(*testing.T, *shop){
		"targets": targetsHold, "timeouts": timeoutsHold, "header rules": headerRulesHold, "CORS": corsHolds, "cache": cacheHolds, "maintenance": maintenanceHolds,
		"validation": validationHolds, "variables and canary": canaryHolds, "body limit": bodyLimitHolds, "TLS to the upstream": upstreamTLSHolds,
	} {
		t.Run(name, func(t *testing.T) {
			w, inner := *s.world, *s
			w.T, inner.world = t, &w
			test(t, &inner)
		})
	}
}

func targetsHold(t *testing.T, s *shop) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	form := []string{"upstream", one.URL, "weight", "1", "target_1", two.URL, "weight_1", "3", "timeout", "5", "breaker", "on"}
	s.save("targets", "upstream", form...)
	for range 8 {
		s.ask("GET", "targets", "")
	}
	if a, b := one.n.Load(), two.n.Load(); a != 2 || b != 6 {
		t.Errorf("of 8 requests by 1 and 3 they got %d and %d", a, b)
	}
	two.sick.Store(true)
	s.save("targets", "upstream", append(form, "health", "on", "health_path", "/up", "health_interval", "1", "health_timeout", "1", "unhealthy", "1", "healthy", "1")...)
	s.eventually("the check to take it out", func() bool {
		return strings.Contains(s.owner.page(s.stages["targets"]+"/upstream"), "Does not answer checks")
	})
	before := two.n.Load()
	for range 4 {
		answer, body := s.ask("GET", "targets", "")
		s.is(answer, body, 200, "one ")
	}
	if two.n.Load() != before {
		t.Error("a target that is out is asked")
	}
}

func timeoutsHold(t *testing.T, s *shop) {
	s.save("times", "upstream", "upstream", newBackend(t, "slow").URL, "timeout", "1")
	answer, body := s.ask("GET", "times", "?as=slow")
	s.is(answer, body, 504, "/problems/upstream-timeout")
}

func headerRulesHold(t *testing.T, s *shop) {
	s.save("headers", "upstream", "upstream", newBackend(t, "told").URL, "timeout", "5", "breaker", "on")
	s.save("headers", "variables", "variable_1", "tenant", "value_1", "acme")
	s.save("headers", "headers", "request_action_1", "set", "request_name_1", "X-Tenant", "request_value_1", "${stageVariables.tenant}", "request_action_2", "remove", "request_name_2", "X-Secret",
		"response_action_1", "remove", "response_name_1", "Server", "response_action_2", "set", "response_name_2", "X-Served-By", "response_value_2", "us")
	answer, body := s.ask("GET", "headers", "", header("X-Tenant", "mine"), header("X-Secret", "s"))
	s.is(answer, body, 200, "told 1 tenant=acme secret=")
	if answer.Header.Get("Server") != "" || answer.Header.Get("X-Served-By") != "us" || strings.Contains(body, "secret=s") {
		t.Errorf("got %q %v", body, answer.Header)
	}
}

func corsHolds(t *testing.T, s *shop) {
	s.save("cors", "cors", "cors", "on", "origins", "https://app.example.com", "credentials", "on", "max_age", "120")
	from := func(origin string) []func(*http.Request) {
		return []func(*http.Request){header("Origin", origin), header("Access-Control-Request-Method", "POST")}
	}
	answer, body := s.ask("OPTIONS", "cors", "", from("https://app.example.com")...)
	s.is(answer, body, 204, "")
	if h := answer.Header; h.Get("Access-Control-Allow-Origin") != "https://app.example.com" || h.Get("Access-Control-Max-Age") != "120" || h.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("a preflight says %v", h)
	}
	answer, body = s.ask("OPTIONS", "cors", "", from("https://evil.example.com")...)
	s.is(answer, body, 403, "/problems/origin-refused")
	answer, body = s.ask("GET", "cors", "", header("Origin", "https://app.example.com"), header("x-api-key", "none"))
	s.is(answer, body, 403, "/problems/key-malformed")
	if answer.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Errorf("a page cannot read a refusal: %v", answer.Header)
	}
}

func cacheHolds(t *testing.T, s *shop) {
	s.save("cache", "upstream", "upstream", newBackend(t, "kept").URL, "timeout", "5", "breaker", "on")
	s.save("cache", "cache", "cache", "on", "ttl", "60")
	for _, want := range []string{"kept 1 ", "kept 1 "} {
		answer, body := s.ask("GET", "cache", "?q=a")
		s.is(answer, body, 200, want)
	}
	if page := words(s.owner.page(s.stages["cache"] + "/cache")); !strings.Contains(page, "1 answer") || !strings.Contains(page, "1 of 2") {
		t.Errorf("the page says %.300q", page[max(0, strings.Index(page, "kept now")):])
	}
	s.save("cache", "cache/purge")
	answer, body := s.ask("GET", "cache", "?q=a")
	s.is(answer, body, 200, "kept 2 ")
	s.save("cache", "cache", "ttl", "60")
	answer, body = s.ask("GET", "cache", "?q=a")
	s.is(answer, body, 200, "kept 3 ")
}

func maintenanceHolds(t *testing.T, s *shop) {
	s.save("off", "maintenance", "message", "We move house.")
	s.origin.take()
	answer, body := s.ask("GET", "off", "")
	s.is(answer, body, 503, "We move house.")
	if answer.Header.Get("Retry-After") == "" || len(s.origin.take()) > 0 {
		t.Errorf("got %v", answer.Header)
	}
	s.save("off", "maintenance/end")
	answer, body = s.ask("GET", "off", "")
	s.is(answer, body, 200, "origin GET /items")
}

func validationHolds(t *testing.T, s *shop) {
	s.save("checked", "limits", "parameters", "on", "body", "on")
	s.origin.take()
	answer, body := s.ask("GET", "checked", "?limit=51&q=A")
	s.is(answer, body, 400, `"name":"limit"`)
	answer, body = s.ask("POST", "checked", "", sends("application/json", `{"name":7}`))
	s.is(answer, body, 400, `"pointer":"/name"`)
	if n := len(s.origin.take()); n > 0 {
		t.Errorf("%d of them reached the upstream", n)
	}
	answer, body = s.ask("POST", "checked", "", sends("application/json", `{"name":"tea"}`))
	s.is(answer, body, 200, "origin POST /items")

	// What cannot be compared is refused where it would begin to be, not at the gateway.
	bad := s.owner.done(s.owner.post("/owner/apis", "source", "document", "document", strings.ReplaceAll(shopDocument, "PATTERN", "^(?=a)b"), "name", "Odd", "slug", "odd", "key_place", "header", "key_name", "x-api-key"))
	stage := s.owner.done(s.owner.post(bad+"/stages", "name", "prod", "upstream", s.origin.URL, "timeout", "5"))
	s.world.done(s.owner, stage+"/deploy")
	refused := s.owner.post(stage+"/limits", "max_body", "3", "parameters", "on")
	if page := text(t, refused); refused.StatusCode != 422 || !strings.Contains(words(page), "GET /items: the parameter q") || !strings.Contains(page, `value="3"`) {
		t.Errorf("got %d %.600q", refused.StatusCode, words(page))
	}
}

func canaryHolds(t *testing.T, s *shop) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	host := func(b *backend) string { return strings.TrimPrefix(b.URL, "http://") }
	s.save("canary", "variables", "variable_1", "host", "value_1", host(one))
	s.save("canary", "upstream", "upstream", "http://${stageVariables.host}", "timeout", "5", "breaker", "on")
	answer, body := s.ask("GET", "canary", "")
	s.is(answer, body, 200, "one 1")
	s.save("canary", "canary", "canary_percent", "100", "canary_deployment", "new", "cv_host", host(two))
	answer, body = s.ask("GET", "canary", "")
	s.is(answer, body, 200, "two 1")
	if answer.Header.Get("X-Gatehouse-Canary") == "" {
		t.Errorf("the canary's answer says %v", answer.Header)
	}
	s.save("canary", "canary/abort")
	answer, body = s.ask("GET", "canary", "")
	s.is(answer, body, 200, "one 2")
	s.save("canary", "canary", "canary_percent", "100", "canary_deployment", "new", "cv_host", host(two))
	s.save("canary", "canary/promote")
	answer, body = s.ask("GET", "canary", "")
	s.is(answer, body, 200, "two 2")
	if answer.Header.Get("X-Gatehouse-Canary") != "" {
		t.Errorf("what is everybody's says %v", answer.Header)
	}
}

func bodyLimitHolds(t *testing.T, s *shop) {
	s.save("sizes", "limits", "max_body", "0.001")
	answer, body := s.ask("POST", "sizes", "", sends("text/plain", strings.Repeat("x", 1<<11)))
	s.is(answer, body, 413, "/problems/body-too-large")
	answer, body = s.ask("POST", "sizes", "", sends("text/plain", strings.Repeat("x", 1<<10)))
	s.is(answer, body, 200, "origin POST /items")
}

func upstreamTLSHolds(t *testing.T, s *shop) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "called by %s", r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	up.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	up.StartTLS()
	defer up.Close()
	// The breaker is off: what fails here must not keep the next request away.
	s.save("secure", "upstream", "upstream", up.URL, "timeout", "5")
	answer, body := s.ask("GET", "secure", "")
	s.is(answer, body, 502, "/problems/upstream-unreachable")
	ca := pemOf(up.Certificate())
	s.save("secure", "upstream", "upstream", up.URL, "timeout", "5", "ca", ca, "server_name", "example.com")
	answer, body = s.ask("GET", "secure", "")
	if answer.StatusCode != 502 {
		t.Errorf("without a client certificate: %d %q", answer.StatusCode, body)
	}
	at := s.owner.done(s.owner.post("/owner/client-certificates/make", "made_name", "Gateway of the shop"))
	s.save("secure", "upstream", "upstream", up.URL, "timeout", "5", "ca", ca, "server_name", "example.com", "certificate", find(t, "/client-certificates/"+anID, at))
	answer, body = s.ask("GET", "secure", "")
	s.is(answer, body, 200, "called by Gateway of the shop")
	metrics, err := http.Get(s.ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	end := find(t, `gatehouse_client_certificate_expiry_seconds\{api="shop",stage="secure"\} (\S+)`, text(t, metrics))
	var seconds float64
	if _, err := fmt.Sscan(end, &seconds); err != nil || time.Unix(int64(seconds), 0).Before(time.Now().AddDate(0, 11, 0)) {
		t.Errorf("it is said to end at %s", end)
	}
}

func pemOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}
