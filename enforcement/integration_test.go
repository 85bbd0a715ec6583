package enforcement_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// heard is a request as an upstream of an integration got it.
type heard struct {
	verb, target, host, body string
	header                   http.Header
}

// backend is an upstream of integrations.
type backend struct {
	url, host string
	mu        sync.Mutex
	got       []heard
}

func newBackend(t testing.TB, h http.HandlerFunc) *backend {
	t.Helper()
	b := &backend{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.got = append(b.got, heard{r.Method, r.RequestURI, r.Host, string(body), r.Header})
		b.mu.Unlock()
		if h != nil {
			h(w, r)
		}
	}))
	t.Cleanup(s.Close)
	b.url, b.host = s.URL, s.Listener.Addr().String()
	return b
}

func (b *backend) heard() []heard {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

// last is the one request that came since the last look.
func (b *backend) last(t testing.TB) heard {
	t.Helper()
	got := b.heard()
	if len(got) != 1 {
		t.Fatalf("the upstream got %d requests", len(got))
	}
	return got[0]
}

func proxied(url string, parameters ...string) *models.Integration {
	i := &models.Integration{Kind: models.IntegrationHTTPProxy, Verb: "ANY", URL: url, Parameters: map[string]string{}}
	for n := 0; n < len(parameters); n += 2 {
		i.Parameters[parameters[n]] = parameters[n+1]
	}
	return i
}

// integrate gives methods integrations, by their names. The stage has no upstream of its own any more.
func (o *one) integrate(t testing.TB, all map[string]*models.Integration) {
	t.Helper()
	o.world.stage(func() {
		o.stage.Upstream, o.stage.Methods = "", nil
		for name, i := range all {
			m := o.method(name)
			m.Integration = i
			o.stage.Methods = append(o.stage.Methods, m)
		}
	})
	catchUp(t, o.g)
}

func TestAnIntegrationReachesWhatItsURLNamesAndNothingElse(t *testing.T) {
	b, o := newBackend(t, nil), newOne(t, nil)
	o.world.stage(func() {
		o.stage.Settings.Variables = map[string]string{"host": b.host, "base": "v2/api", "team": "a&b=c", "other": "127.0.0.1:1"}
	})
	all := map[string]*models.Integration{
		"GET /fixed":               proxied(b.url + "/there?own=1"),
		"GET /bare":                proxied(b.url),
		"GET /users/{id}":          proxied(b.url+"/people/{user}/x", "integration.request.path.user", "method.request.path.id"),
		"GET /same/{id}":           proxied(b.url + "/same-{id}.json"),
		"GET /all/{proxy+}":        proxied(b.url+"/deep/{proxy}", "integration.request.path.proxy", "method.request.path.proxy"),
		"GET /middle/{proxy+}":     proxied(b.url + "/m/{proxy}/end"),
		"GET /asked/{id}":          proxied(b.url + "/q?id={id}&more=1"),
		"GET /variables":           proxied("http://${stageVariables.host}/${stageVariables.base}/x"),
		"GET /by-header":           proxied(b.url+"/h/{x}/y", "integration.request.path.x", "method.request.header.X-Part"),
		"GET /by-query":            proxied(b.url+"/h/{x}", "integration.request.path.x", "method.request.querystring.part"),
		"GET /names":               proxied(b.url+"/n?of={x}", "integration.request.path.x", "method.request.querystring.part", "integration.request.querystring.tenant", "context.identity.apiKeyId", "integration.request.querystring.team", "stageVariables.team"),
		"GET /context/{id}/{rest}": proxied(b.url+"/c/{a}", "integration.request.path.a", "context.identity.apiKeyId"),
	}
	o.integrate(t, all)
	key := o.key.String()
	for _, tt := range []struct{ ask, header, want string }{ // want: what the upstream is asked, or the problem
		{"/fixed", "", "/there?own=1"},
		{"/fixed?a=b&c", "", "/there?own=1&a=b&c"},
		{"/fixed?own=2&OWN=3&o%77n=4&own[]=5&x=1;own=6&y", "", "/there?own=1&x=1%3Bown=6&y"},
		{"/bare", "", "/"},
		{"/bare/", "", "/"},
		{"/bare?x=%2F..", "", "/?x=%2F.."},
		{"/users/7", "", "/people/7/x"},
		{"/users/7/", "", "/people/7/x"},
		{"/users/a%3Fb", "", "/people/a%3Fb/x"},
		{"/users/a%23b", "", "/people/a%23b/x"},
		{"/users/a%2Fb", "", "path-invalid"},
		{"/users/..", "", "path-invalid"},
		{"/users/%2e%2e", "", "path-invalid"},
		{"/users/%252e%252e", "", "path-invalid"},
		{"/users/a%5cb", "", "path-invalid"},
		{"/users/a%00b", "", "path-invalid"},
		{"/users/a%0d%0ab", "", "/people/a%0D%0Ab/x"},
		{"/users/a%25b", "", "/people/a%25b/x"},
		{"/users/@evil.example", "", "/people/@evil.example/x"},
		{"/users/", "", "path-unknown"},
		{"/same/7", "", "/same-7.json"},
		{"/same/a;b", "", "/same-a;b.json"},
		{"/all/a/b/c", "", "/deep/a/b/c"},
		{"/all/a/b/", "", "/deep/a/b/"},
		{"/all/a%3fb/c%23?q=1", "", "/deep/a%3Fb/c%23?q=1"},
		{"/all/a//b", "", "path-invalid"},
		{"/all/a/../../b", "", "path-invalid"},
		{"/all//evil.example/b", "", "path-invalid"},
		{"/middle/a/b/", "", "/m/a/b/end"},
		{"/asked/a&b=c", "", "/q?id=a%26b%3Dc&more=1"},
		{"/asked/a%23b%26c", "", "/q?id=a%23b%26c&more=1"},
		{"/asked/7?id=8", "", "/q?id=7&more=1"},
		{"/variables", "", "/v2/api/x"},
		{"/by-header", "one", "/h/one/y"},
		{"/by-header", "a b?c#d", "/h/a%20b%3Fc%23d/y"},
		{"/by-header", "..", "request-invalid"},
		{"/by-header", "%2e%2e", "request-invalid"},
		{"/by-header", "a/b", "request-invalid"},
		{"/by-header", `a\b`, "request-invalid"},
		{"/by-header", "", "request-invalid"},
		{"/by-query?part=x", "", "/h/x?part=x"},
		{"/by-query?part=x%2Fy", "", "request-invalid"},
		{"/by-query?part=%252e%252e", "", "request-invalid"},
		{"/by-query?part=", "", "request-invalid"},
		{"/by-query", "", "request-invalid"},
		{"/names?part=%26tenant%3Devil&tenant=evil&%74eam=x&z=1", "", "/n?of=%26tenant%3Devil&team=a%26b%3Dc&tenant=" + key + "&part=%26tenant%3Devil&z=1"},
		{"/context/1/2", "", "/c/" + key},
	} {
		w := in(o.g, "GET", "/echo/prod"+tt.ask, o.value, func(r *http.Request) {
			r.RequestURI = "/echo/prod" + tt.ask
			if tt.header != "" {
				r.Header.Set("X-Part", tt.header)
			}
		})
		got := slugOf(t, w)
		for _, h := range b.heard() {
			if got += h.target; h.host != b.host || h.verb != "GET" {
				t.Errorf("%s: %s of %s", tt.ask, h.verb, h.host)
			}
		}
		if got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.ask, tt.header, got, tt.want)
		}
	}
}

func TestAnIntegrationPassesVerbHeadersAndBody(t *testing.T) {
	b, o := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Said", "yes")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "done")
	}), newOne(t, nil)
	fixed := proxied(b.url + "/p")
	fixed.Verb = "PUT"
	headed := proxied(b.url+"/h", "integration.request.header.X-Literal", "'a literal'", "integration.request.header.X-Path", "method.request.path.id",
		"integration.request.header.X-Query", "method.request.querystring.q", "integration.request.header.X-Copy", "method.request.header.X-From",
		"integration.request.header.X-Stage", "stageVariables.v", "integration.request.header.X-Ip", "context.identity.sourceIp", "integration.request.header.X-Key", "method.request.header.x-api-key",
		"integration.request.header.X-Id", "context.requestId", "integration.request.header.X-Where", "context.resourcePath", "integration.request.header.User-Agent", "'mine'",
		"integration.request.header.X-None", "method.request.header.X-Not-There", "integration.request.header.X-Spoofed", "method.request.header.X-Consumer-Id")
	o.world.stage(func() { o.stage.Settings.Variables = map[string]string{"v": "7"} })
	o.integrate(t, map[string]*models.Integration{"POST /any": proxied(b.url + "/a"), "ANY /fixed": fixed, "GET /headed/{id}": headed})
	url := serve(t, o.g)

	res := o.do(t, newRequest(t, "POST", url+"/echo/prod/any?x=1", strings.NewReader("hello")))
	body, _ := io.ReadAll(res.Body)
	if got := b.last(t); got.verb != "POST" || got.target != "/a?x=1" || got.body != "hello" || got.header.Get("X-Api-Key") != "" || got.header.Get("X-Request-Id") == "" || got.header.Get("X-Api-Key-Id") != o.key.String() {
		t.Errorf("the upstream got %v", got)
	}
	if res.StatusCode != 201 || string(body) != "done" || res.Header.Get("X-Said") != "yes" || res.Header.Get("X-Request-Id") == "" {
		t.Errorf("answered %d %q %v", res.StatusCode, body, res.Header)
	}
	for _, verb := range []string{"GET", "DELETE", "HEAD"} {
		res := o.do(t, newRequest(t, verb, url+"/echo/prod/fixed", nil))
		body, err := io.ReadAll(res.Body)
		if want := map[bool]string{true: "", false: "done"}[verb == "HEAD"]; err != nil || string(body) != want || res.StatusCode != 201 {
			t.Errorf("%s: answered %d %q, %v", verb, res.StatusCode, body, err)
		}
		if got := b.last(t); got.verb != "PUT" {
			t.Errorf("%s: the upstream got %v", verb, got.verb)
		}
	}
	r := newRequest(t, "GET", url+"/echo/prod/headed/a%20b?q=1&q=2", nil)
	for name, value := range map[string]string{"X-From": "there", "User-Agent": "theirs", "X-Consumer-Id": "evil"} {
		r.Header.Set(name, value)
	}
	res = o.do(t, r)
	got := b.last(t).header
	for name, want := range map[string]string{"X-Literal": "a literal", "X-Path": "a b", "X-Query": "2", "X-Copy": "there", "X-From": "there", "X-Stage": "7", "X-Ip": "127.0.0.1", "X-Key": "",
		"X-Id": res.Header.Get("X-Request-Id"), "X-Where": "/headed/{id}", "User-Agent": "mine", "X-None": "", "X-Spoofed": ""} {
		if got.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, got.Get(name), want)
		}
	}
}

func TestAMethodThatNothingAnswersSaysSoAndCostsNothing(t *testing.T) {
	b, o := newBackend(t, nil), newOne(t, quota(5, limit.PeriodDay))
	o.integrate(t, map[string]*models.Integration{
		"GET /none": nil, "GET /good": proxied(b.url + "/"), "GET /variable": proxied("http://${stageVariables.host}/"), "GET /odd": {Kind: "AWS_PROXY"},
		"GET /spelled": {Kind: models.IntegrationMock, Templates: map[string]string{"application/json": "#set($a = 1)"}},
	})
	for _, path := range []string{"/none", "/variable", "/odd", "/spelled"} {
		w := in(o.g, "GET", "/echo/prod"+path, o.value)
		if w.Code != 500 || !strings.Contains(w.Body.String(), `"message":"Internal server error"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if slug := slugOf(t, w); slug != "integration-invalid" {
			t.Errorf("%s: %q", path, slug)
		}
	}
	for range 5 {
		if got := o.get(t, "/good"); got != "" {
			t.Fatalf("got %q", got)
		}
	}
	if got := o.get(t, "/good"); got != "quota-exceeded" {
		t.Errorf("behind the quota: %q", got)
	}
	if len(b.heard()) != 5 {
		t.Error("the upstream got something else")
	}
}

func TestIntegrationsAreChargedAndGivenBackAsUpstreamsAre(t *testing.T) {
	status := http.StatusOK
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		w.WriteHeader(status)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	slow := proxied(b.url + "/slow")
	slow.Timeout = 50 * time.Millisecond
	mock := &models.Integration{Kind: models.IntegrationMock, Templates: map[string]string{"application/json": `{"statusCode": $input.params('n')}`},
		Responses: map[string]models.IntegrationResponse{"200": {}, "500": {Pattern: "5.."}}}
	for charge, want := range map[models.Charge]int64{models.ChargeAccepted: 8, models.ChargeDelivered: 2} {
		o := newOne(t, func(t *models.Terms) {
			t.Charge = charge
			t.Quota = &limit.Quota{Limit: 100, Period: limit.PeriodDay}
		})
		o.integrate(t, map[string]*models.Integration{
			"GET /good": proxied(b.url + "/"), "GET /slow": slow, "GET /gone": proxied("http://" + l.Addr().String()), "GET /far": proxied("http://169.254.169.254/"), "GET /mock": mock,
		})
		for _, tt := range []struct {
			path string
			says int
			want string
			code int
		}{
			{"/good", 200, "", 200}, {"/good", 500, "", 500}, {"/slow", 0, "upstream-timeout", 504}, {"/gone", 0, "upstream-unreachable", 502}, {"/far", 0, "upstream-forbidden", 502},
			{"/mock?n=200", 0, "", 200}, {"/mock?n=501", 0, "", 500}, {"/mock?n=none", 0, "integration-invalid", 500},
		} {
			status = tt.says
			if w := in(o.g, "GET", "/echo/prod"+tt.path, o.value); w.Code != tt.code || slugOf(t, w) != tt.want {
				t.Errorf("%s: %d, want %q", tt.path, w.Code, tt.want)
			}
		}
		ends := o.counted(t, 8)
		if diff := cmp.Diff(map[models.Outcome]int64{models.OutcomeSuccess: 2, models.OutcomeServerError: 2, models.OutcomeUpstream: 4}, ends); diff != "" {
			t.Errorf("%s: %s", charge, diff)
		}
		if got := o.chargedTo(o.key, o.plan); got != want {
			t.Errorf("%s: charged %d, want %d", charge, got, want)
		}
	}
}

func TestHTTPIntegrationsMapBothWays(t *testing.T) {
	b, o := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/plain")
		h.Set("X-Inner", "in")
		h.Set("X-Secret", "s")
		h.Add("Set-Cookie", "a=1")
		h.Add("Set-Cookie", "gatehouse=evil")
		var status int
		fmt.Sscan(r.URL.Query().Get("say"), &status)
		w.WriteHeader(status)
		io.WriteString(w, "said "+r.URL.Query().Get("say"))
	}), newOne(t, nil)
	i := proxied(b.url+"/h", "integration.request.querystring.say", "method.request.querystring.say", "integration.request.header.X-Mapped", "method.request.header.X-Given")
	i.Kind, i.Verb = models.IntegrationHTTP, "POST"
	i.Responses = map[string]models.IntegrationResponse{
		"200": {Parameters: map[string]string{"method.response.header.X-Outer": "integration.response.header.X-Inner", "method.response.header.X-Literal": "'l'",
			"method.response.header.X-Stage": "context.stage", "method.response.header.Set-Cookie": "integration.response.header.Set-Cookie"}},
		"204": {Pattern: "304|299"},
		"404": {Pattern: `4\d{2}`, Templates: map[string]string{"application/json": `{"was":"$util.escapeJavaScript($input.body)","id":"$input.params('say')"}`}},
		"502": {Pattern: "5"},
		"503": {Pattern: `50\d`},
	}
	bare := *i
	bare.Responses = map[string]models.IntegrationResponse{"200": {Pattern: "200"}}
	o.integrate(t, map[string]*models.Integration{"POST /h": i, "GET /h": i, "GET /bare": &bare})
	url := serve(t, o.g)
	r := newRequest(t, "POST", url+"/echo/prod/h?say=200&x=1", strings.NewReader("a body"))
	for name, value := range map[string]string{"X-Given": "g", "X-Other": "o", "Content-Type": "text/csv", "Accept": "text/html", "User-Agent": "theirs", "Cookie": "c=1", "Authorization": "Basic x"} {
		r.Header.Set(name, value)
	}
	res := o.do(t, r)
	body, _ := io.ReadAll(res.Body)
	got := b.last(t)
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Request-Id", "X-Api-Key-Id", "X-Consumer-Id"} {
		if got.header.Get(name) == "" {
			t.Errorf("the upstream is not told %s", name)
		}
		got.header.Del(name)
	}
	want := http.Header{"Accept": {"application/json"}, "User-Agent": {"AmazonAPIGateway_" + o.world.apis[0].ID.String()}, "Content-Type": {"text/csv"}, "Content-Length": {"6"}, "X-Mapped": {"g"}}
	if diff := cmp.Diff(want, got.header); diff != "" || got.target != "/h?say=200" || got.body != "a body" || got.verb != "POST" {
		t.Errorf("the upstream got %s %s %q %s", got.verb, got.target, got.body, diff)
	}
	if h := res.Header; string(body) != "said 200" || h.Get("Content-Type") != "text/plain" || h.Get("X-Outer") != "in" || h.Get("X-Literal") != "l" || h.Get("X-Stage") != "prod" ||
		h.Get("X-Inner") != "" || h.Get("X-Secret") != "" || len(h["Set-Cookie"]) != 1 || h.Get("X-Request-Id") == "" {
		t.Errorf("answered %q %v", body, res.Header)
	}
	for _, tt := range []struct {
		path string
		code int
		body string
	}{
		{"/h?say=201", 200, "said 201"}, {"/h?say=299", 204, ""}, {"/h?say=304", 204, ""}, {"/h?say=404", 404, `{"was":"said 404","id":"404"}`}, {"/h?say=499", 404, `{"was":"said 499","id":"499"}`},
		{"/h?say=503", 503, "said 503"}, {"/h?say=599", 200, "said 599"}, {"/bare?say=200", 200, "said 200"}, {"/bare?say=201", 500, ""},
	} {
		res := o.do(t, newRequest(t, "GET", url+"/echo/prod"+tt.path, nil))
		body, err := io.ReadAll(res.Body)
		if res.StatusCode != tt.code || err != nil || tt.body != "" && string(body) != tt.body {
			t.Errorf("%s: %d %q, %v", tt.path, res.StatusCode, body, err)
		}
		if tt.code == 500 && !strings.Contains(string(body), "integration-invalid") {
			t.Errorf("%s: %s", tt.path, body)
		}
	}
}

func TestBodiesArePassedOnAsTheIntegrationSays(t *testing.T) {
	b, o := newBackend(t, nil), newOne(t, nil)
	with := func(p models.Passthrough, templates map[string]string) *models.Integration {
		return &models.Integration{Kind: models.IntegrationHTTP, Verb: "POST", URL: b.url + "/", Passthrough: p, Templates: templates, Responses: map[string]models.IntegrationResponse{"200": {}}}
	}
	json := map[string]string{"application/json": `{"in":$input.body,"of":"$context.httpMethod"}`}
	o.integrate(t, map[string]*models.Integration{
		"POST /no-match": with(models.PassNoMatch, json), "POST /no-templates": with(models.PassNoTemplates, json), "POST /none": with(models.PassNoTemplates, nil), "POST /never": with(models.PassNever, json),
	})
	url := serve(t, o.g)
	for _, tt := range []struct{ path, kind, want string }{ // want: what the upstream gets; "415"
		{"/no-match", "application/json", `{"in":[1],"of":"POST"}`}, {"/no-match", "Application/JSON; charset=utf-8", `{"in":[1],"of":"POST"}`}, {"/no-match", "", `{"in":[1],"of":"POST"}`},
		{"/no-match", "text/plain", "[1]"}, {"/no-templates", "text/plain", "415"}, {"/no-templates", "application/json", `{"in":[1],"of":"POST"}`}, {"/none", "text/plain", "[1]"},
		{"/never", "text/plain", "415"}, {"/never", "application/json", `{"in":[1],"of":"POST"}`},
	} {
		r := newRequest(t, "POST", url+"/echo/prod"+tt.path, strings.NewReader("[1]"))
		r.Header.Set("Content-Type", tt.kind)
		res := o.do(t, r)
		body, _ := io.ReadAll(res.Body)
		got := fmt.Sprint(res.StatusCode)
		if res.StatusCode == 200 {
			got = b.last(t).body
		} else if !strings.Contains(string(body), "media-type-unsupported") {
			t.Errorf("%s %s: %s", tt.path, tt.kind, body)
		}
		if got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.path, tt.kind, got, tt.want)
		}
	}
	if ends := o.counted(t, 9); ends[models.OutcomeSuccess] != 7 || ends[models.OutcomeDenied] != 2 {
		t.Errorf("ended as %v", ends)
	}
}

func TestMocksAnswerByThemselves(t *testing.T) {
	o := newOne(t, nil)
	mock := &models.Integration{
		Kind: models.IntegrationMock, Templates: map[string]string{"application/json": `{"statusCode": $input.params('n')}`, "text/odd": "{statusCode: 418}"},
		Responses: map[string]models.IntegrationResponse{
			"200": {Parameters: map[string]string{"method.response.header.Access-Control-Allow-Origin": "'*'", "method.response.header.X-Id": "context.requestId"},
				Templates: map[string]string{"application/json": `{"stage":"${stageVariables.v}","q":"$util.escapeJavaScript($input.params('q'))","id":"$input.params('id')"}`, "text/plain": "plain $5 #1"}},
			"204": {Pattern: "204"}, "418": {Pattern: "4.8"},
		},
	}
	o.world.stage(func() { o.stage.Settings.Variables = map[string]string{"v": "7"} })
	o.integrate(t, map[string]*models.Integration{"ANY /m/{id}": mock, "open GET /open/{id}": mock})
	url := serve(t, o.g)
	for _, tt := range []struct {
		verb, path, accept, kind string
		code                     int
		body                     string
	}{
		{"GET", `/m/a%20b?n=200&q=%22%5C%0A%C3%A9`, "", "", 200, `{"stage":"7","q":"\"\\\n\u00E9","id":"a b"}`},
		{"GET", "/m/1?n=203", "text/plain, */*", "", 200, "plain $5 #1"},
		{"POST", "/m/1?n=204", "", "", 204, ""},
		{"POST", "/m/1", "", "text/odd", 418, ""},
		{"HEAD", "/m/1?n=200", "", "", 200, ""},
		{"GET", "/open/1?n=200", "", "", 200, `{"stage":"7","q":"","id":"1"}`},
	} {
		r := newRequest(t, tt.verb, url+"/echo/prod"+tt.path, nil)
		if r.Header.Set("Accept", tt.accept); tt.kind != "" {
			r.Header.Set("Content-Type", tt.kind)
		}
		res := o.do(t, r)
		body, err := io.ReadAll(res.Body)
		if res.StatusCode != tt.code || string(body) != tt.body || err != nil {
			t.Errorf("%s %s: %d %q, %v", tt.verb, tt.path, res.StatusCode, body, err)
		}
		if res.StatusCode == 200 && (res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("X-Id") != res.Header.Get("X-Request-Id")) {
			t.Errorf("%s %s: %v", tt.verb, tt.path, res.Header)
		}
	}
	if res := o.do(t, newRequest(t, "GET", url+"/echo/prod/m/1?n=x", nil)); res.StatusCode != 500 {
		t.Errorf("a mock without a status: %d", res.StatusCode)
	}
	if ends := o.counted(t, 6); ends[models.OutcomeSuccess] != 4 || ends[models.OutcomeClientError] != 1 || ends[models.OutcomeUpstream] != 1 {
		t.Errorf("ended as %v", ends)
	}
}

// Connections and the state of breakers are an origin's, whatever else of the stage changes.
func TestAChangeLeavesConnectionsAndBreakersOfIntegrationsAlone(t *testing.T) {
	var conns sync.Map
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) { conns.Store(r.RemoteAddr, true) })
	var broken atomic.Int32
	bad := newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		broken.Add(1)
		c, _, _ := http.NewResponseController(w).Hijack()
		c.Close()
	})
	o := newOne(t, nil)
	all := map[string]*models.Integration{"GET /a": proxied(b.url + "/1"), "GET /b": proxied(b.url + "/2"), "POST /bad": proxied(bad.url)}
	o.integrate(t, all)
	post := func() string { return slugOf(t, in(o.g, "POST", "/echo/prod/bad", o.value)) }
	for range 5 {
		if got := post(); got != "upstream-unreachable" {
			t.Fatalf("got %q", got)
		}
	}
	for i := range 4 {
		o.world.stage(func() { o.stage.Timeout = time.Duration(i+1) * time.Second })
		catchUp(t, o.g)
		for _, path := range []string{"/a", "/b"} {
			if got := o.get(t, path); got != "" {
				t.Fatalf("got %q", got)
			}
		}
		if got := post(); got != "upstream-out" {
			t.Errorf("a breaker is forgotten: %q", got)
		}
	}
	n := 0
	conns.Range(func(any, any) bool { n++; return true })
	if n != 1 || broken.Load() != 5 {
		t.Errorf("%d connections, %d requests to the broken one", n, broken.Load())
	}
}

// Whatever a caller writes, the upstream is asked for one segment in the place of one parameter, and for no parameter of the query that is the owner's.
func FuzzIntegrationsReachOneSegment(f *testing.F) {
	for _, seed := range []string{"7", "a b", "..", "%2e%2e", "%252e", "a/b", "a%2Fb", "?x", "#x", "a;b", "a\r\nb", "\x00", "é", "&own=2", "own[]=2", "%", "%zz", "@h", "//h"} {
		f.Add(seed, seed, seed)
	}
	b, o := newBackend(f, nil), newOne(f, nil)
	o.world.stage(func() {
		m := o.method("open GET /users/{id}")
		m.Integration = proxied(b.url+"/people/{id}/of/{h}?own=1", "integration.request.path.h", "method.request.header.X-Part")
		o.stage.Methods = append(o.stage.Methods, m)
	})
	catchUp(f, o.g)
	f.Fuzz(func(t *testing.T, id, header, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI = "/echo/prod/users/" + id + "?" + query
		r.Header["X-Part"] = []string{header}
		o.g.ServeHTTP(httptest.NewRecorder(), r)
		for _, h := range b.heard() {
			path, asked, _ := strings.Cut(h.target, "?")
			parts := strings.Split(path, "/")
			if h.host != b.host || len(parts) != 5 || parts[1] != "people" || parts[3] != "of" || parts[2] == "" || parts[4] == "" || strings.Trim(parts[2], ".") == "" && len(parts[2]) < 3 || strings.ContainsAny(path, "#\\ ") {
				t.Errorf("%q, %q: %s of %s", id, header, h.target, h.host)
			}
			for i, pair := range strings.FieldsFunc(asked, func(r rune) bool { return r == '&' || r == ';' }) {
				if name, _, _ := strings.Cut(pair, "="); (name == "own") != (i == 0) {
					t.Errorf("%q: %s", query, h.target)
				}
			}
		}
	})
}
