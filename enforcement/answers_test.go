package enforcement_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse/enforcement"
	"gatehouse/enforcement/accesslog"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// answers deploys gateway responses to the stage.
func (o *one) answers(t testing.TB, all ...models.GatewayResponse) {
	t.Helper()
	o.world.stage(func() {
		o.stage.Parts.Responses = map[string]models.GatewayResponse{}
		for _, r := range all {
			o.stage.Parts.Responses[r.Type] = r
		}
	})
	catchUp(t, o.g)
}

func inJSON(template string) map[string]string {
	return map[string]string{"application/json": template}
}

func TestARefusalIsAnsweredAsTheDeploymentSays(t *testing.T) {
	o := newOne(t, throttle(0.1, 1))
	o.answers(t, models.GatewayResponse{
		Type: "THROTTLED", Status: 420,
		Parameters: map[string]string{
			"gatewayresponse.header.X-Team": "'blue'", "gatewayresponse.header.X-Stage": "context.stage", "gatewayresponse.header.X-Var": "stageVariables.team",
			"gatewayresponse.header.X-Asked": "method.request.querystring.q", "gatewayresponse.header.Access-Control-Allow-Origin": "'https://one.example'",
		},
		Templates: inJSON(`{"type":"$context.error.responseType","message":$context.error.messageString,"id":"$context.requestId","path":"$context.resourcePath","var":"$stageVariables.team","price":"$5"}`),
	})
	o.settle(t, func(s *models.StageSettings) { s.Variables = map[string]string{"team": "red"} })
	o.get(t, "/a")
	w := in(o.g, "GET", "/echo/prod/a?q=a%20b", o.value)
	h := w.Header()
	var got map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	want := map[string]string{"type": "THROTTLED", "message": "Too Many Requests", "id": h.Get("X-Request-Id"), "path": "/a", "var": "red", "price": "$5"}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s = %q, want %q", name, got[name], value)
		}
	}
	if w.Code != 420 || h.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", w.Code, h.Get("Content-Type"))
	}
	for name, value := range map[string]string{
		"X-Team": "blue", "X-Stage": "prod", "X-Var": "red", "X-Asked": "a b", "Access-Control-Allow-Origin": "https://one.example", "X-Amzn-Errortype": "TooManyRequestsException",
		"X-Ratelimit-Limit": "1", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if h.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, h.Get(name), value)
		}
	}
	if h.Get("Retry-After") == "" || h.Get("RateLimit") == "" || got["id"] == "" {
		t.Errorf("the gateway's own headers are gone: %v", h)
	}
	if slug := o.get(t, "/c"); slug != "path-unknown" {
		t.Errorf("a refusal of which nothing is said: %q", slug)
	}
	if p := quoteOf(t, in(o.g, "GET", "/echo/prod/a", o.value, asQuote)); p.Would != "refuse" {
		t.Errorf("a quote: %+v", p)
	}
}

// The most exact type that is set answers; what is set for none is the gateway's own.
func TestTheMostExactGatewayResponseAnswers(t *testing.T) {
	o := newOne(t, throttle(0, 0))
	ask := func(target, key string) (string, int) {
		w := in(o.g, "GET", target, key)
		if w.Header().Get("Content-Type") == "application/problem+json" {
			return "own", w.Code
		}
		return w.Body.String(), w.Code
	}
	says := func(kind, text string) models.GatewayResponse {
		return models.GatewayResponse{Type: kind, Templates: map[string]string{"text/plain": text + " $context.error.responseType"}}
	}
	tests := []struct {
		set       []models.GatewayResponse
		path, key string
		want      string
		status    int
	}{
		{nil, "/a", o.value, "own", 429},
		{[]models.GatewayResponse{says("DEFAULT_4XX", "4")}, "/a", o.value, "4 THROTTLED", 429},
		{[]models.GatewayResponse{says("DEFAULT_4XX", "4"), says("THROTTLED", "t")}, "/a", o.value, "t THROTTLED", 429},
		{[]models.GatewayResponse{says("DEFAULT_5XX", "5")}, "/a", o.value, "own", 429},
		{[]models.GatewayResponse{says("QUOTA_EXCEEDED", "q")}, "/a", o.value, "own", 429},
		{[]models.GatewayResponse{says("INVALID_API_KEY", "k")}, "/a", "", "k INVALID_API_KEY", 403},
		{[]models.GatewayResponse{says("MISSING_AUTHENTICATION_TOKEN", "m")}, "/none", o.value, "m MISSING_AUTHENTICATION_TOKEN", 404},
		{[]models.GatewayResponse{says("MISSING_AUTHENTICATION_TOKEN", "m"), says("RESOURCE_NOT_FOUND", "r")}, "/none", o.value, "r RESOURCE_NOT_FOUND", 404},
		{[]models.GatewayResponse{{Type: "INVALID_API_KEY", Status: 401}}, "/a", "", `{"message":"Forbidden"}`, 401},
	}
	for _, tt := range tests {
		o.answers(t, tt.set...)
		if got, status := ask("/echo/prod"+tt.path, tt.key); got != tt.want || status != tt.status {
			t.Errorf("%v, %s: %d %s, want %d %s", tt.set, tt.path, status, got, tt.status, tt.want)
		}
	}
	o.publish(o.plan, throttle(10, 10))
	o.answers(t, says("INTEGRATION_FAILURE", "f"), says("DEFAULT_5XX", "5"))
	o.world.stage(func() { o.stage.Upstream = "http://127.0.0.1:1" })
	catchUp(t, o.g)
	if got, status := ask("/echo/prod/a", o.value); got != "f INTEGRATION_FAILURE" || status != 502 {
		t.Errorf("an upstream that is not there: %d %s", status, got)
	}
	o.settle(t, func(s *models.StageSettings) { s.Maintenance = &models.Maintenance{} })
	if got, status := ask("/echo/prod/a", o.value); got != "5 DEFAULT_5XX" || status != 503 {
		t.Errorf("maintenance: %d %s", status, got)
	}
}

// What a caller sends stands in an answer as one value, wherever its owner puts it: it never ends a text of JSON, a tag or a header, and begins nothing.
func TestWhatACallerSendsCannotForgeAnAnswer(t *testing.T) {
	o := newOne(t, nil)
	evil := []string{`","admin":true,"x":"`, `1,"admin":true`, `\`, `\",\"admin\":true`, "\"}\n{\"admin\":true}", "\xff\xfe\"", "</script><script>alert(1)</script>", `'"><img onerror=x>`, "\u2028\u2029", strings.Repeat(`"`, 2000)}
	value := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header["User-Agent"] = []string{text}
			r.Header["X-Evil"] = []string{text}
			r.Header["Accept"] = []string{"application/json"}
			q := r.URL.Query()
			q.Set("q", text)
			r.URL.RawQuery = q.Encode()
			r.RequestURI = r.URL.RequestURI()
		}
	}
	o.answers(t, models.GatewayResponse{
		Type:       "RESOURCE_NOT_FOUND",
		Parameters: map[string]string{"gatewayresponse.header.X-Echo": "method.request.header.X-Evil", "gatewayresponse.header.X-Query": "method.request.querystring.q"},
		Templates: map[string]string{
			"application/json": `{"in":"a $method.request.header.X-Evil b","bare":$method.request.querystring.q,"agent":"$context.identity.userAgent","own":"a \"quoted\" $context.stage"}`,
			"text/html":        `<p title="$method.request.header.X-Evil">$method.request.querystring.q</p>`,
		},
	})
	for _, text := range evil {
		w := in(o.g, "GET", "/echo/prod/none", "", value(text))
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%.40q: %v: %.400s", text, err, w.Body)
		}
		if len(got) != 4 || got["own"] != `a "quoted" prod` {
			t.Errorf("%.40q: %.400s", text, w.Body)
		}
		for _, name := range []string{"bare", "in", "agent"} {
			if _, ok := got[name].(string); !ok {
				t.Errorf("%.40q: %s is %T", text, name, got[name])
			}
		}
		for _, name := range []string{"X-Echo", "X-Query"} {
			if strings.ContainsFunc(w.Header().Get(name), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%.40q: header %q", text, w.Header().Get(name))
			}
		}
		page := in(o.g, "GET", "/echo/prod/none", "", value(text), func(r *http.Request) { r.Header.Set("Accept", "text/html") })
		body := page.Body.String()
		if page.Header().Get("Content-Type") != "text/html" || strings.Count(body, "<") != 2 || strings.Count(body, `"`) != 2 || strings.Contains(body, "'") {
			t.Errorf("%.40q as a page: %.400s", text, body)
		}
	}
}

// The key that a caller sends is never repeated, wherever the API reads it.
func TestNoAnswerRepeatsAKey(t *testing.T) {
	o := newOne(t, nil)
	o.world.stage(func() { o.stage.KeySource = models.KeySource{Place: models.KeyInHeader, Name: "X-Token"} })
	o.answers(t, models.GatewayResponse{Type: "RESOURCE_NOT_FOUND", Templates: inJSON(`"$method.request.header.x-token"`), Parameters: map[string]string{"gatewayresponse.header.X-A": "method.request.header.X-Token"}})
	w := in(o.g, "GET", "/echo/prod/none", "", func(r *http.Request) { r.Header.Set("X-Token", o.value) })
	if w.Body.String() != `""` || w.Header().Get("X-A") != "" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

func TestTheCallersAcceptChoosesTheBody(t *testing.T) {
	o := newOne(t, nil)
	o.answers(t, models.GatewayResponse{Type: "RESOURCE_NOT_FOUND", Templates: map[string]string{"text/html": "h", "application/json": "j", "application/xml": "x"}})
	for accept, want := range map[string]string{
		"": "j", "*/*": "j", "text/html": "h", "application/xml": "x", "text/*": "h", "image/png": "j", "application/json;q=0.1, application/xml": "x",
		"text/html;q=0, */*": "j", "application/*": "j", "TEXT/HTML": "h", "application/xml;q=0.5,text/html;q=0.6": "h",
	} {
		w := in(o.g, "GET", "/echo/prod/none", "", func(r *http.Request) {
			if accept != "" {
				r.Header.Set("Accept", accept)
			}
		})
		if got := w.Body.String(); got != want {
			t.Errorf("Accept: %s: %s, want %s", accept, got, want)
		}
	}
}

// Logs and receipts tell the owner the problem and what the caller got.
func TestAReplacedAnswerIsToldAsItWas(t *testing.T) {
	o := newOne(t, nil)
	var text safeBuffer
	log := accesslog.New(accesslog.Config{Stdout: &text})
	if err := log.Use(accesslog.Output); err != nil {
		t.Fatal(err)
	}
	o.answers(t, models.GatewayResponse{Type: "QUOTA_EXCEEDED", Status: 402})
	o.publish(o.plan, quota(0, limit.PeriodDay))
	o.g = o.gateway(t, func(c *enforcement.Config) { c.AccessLog = log })
	in(o.g, "GET", "/echo/prod/a", o.value)
	log.Flush()
	if line := string(text.after(0)); !strings.Contains(line, `"status":402`) || !strings.Contains(line, "quota-exceeded") {
		t.Errorf("access log: %s", line)
	}
}

// A canary's callers get what is deployed to the canary.
func TestACanaryHasItsOwnGatewayResponses(t *testing.T) {
	o := newOne(t, nil)
	o.answers(t, models.GatewayResponse{Type: "RESOURCE_NOT_FOUND", Status: 410})
	o.canaryOf(t, 100, models.DefaultKeySource(), o.stage.Methods...)
	if w := in(o.g, "GET", "/echo/prod/none", ""); w.Code != 404 {
		t.Errorf("without responses of its own: %d", w.Code)
	}
	o.world.stage(func() {
		o.stage.Canary.Parts.Responses = map[string]models.GatewayResponse{"DEFAULT_4XX": {Status: 418}}
	})
	catchUp(t, o.g)
	if w := in(o.g, "GET", "/echo/prod/none", ""); w.Code != 418 {
		t.Errorf("with one: %d", w.Code)
	}
}

func TestAStageWhoseGatewayResponsesCannotBeMadeIsNotServed(t *testing.T) {
	o := newOne(t, nil)
	o.answers(t, models.GatewayResponse{Type: "THROTTLED", Templates: inJSON("$input.path('$')")})
	if slug := o.get(t, "/a"); slug != "stage-broken" {
		t.Errorf("got %q", slug)
	}
}
