package enforcement_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/enforcement"
	"gatehouse/enforcement/authorizer/authorizertest"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// guarded is one whose methods ask an authorizer: of an issuer's tokens, or of a service's answers.
type guarded struct {
	*one
	issuer *authorizertest.Issuer
	asked  atomic.Int64
	mu     sync.Mutex
	says   string
	status int
	login  models.AuthorizerID
	check  models.AuthorizerID
}

func newGuarded(t *testing.T, terms func(*models.Terms)) *guarded {
	t.Helper()
	g := &guarded{one: newOne(t, terms), issuer: authorizertest.New(t), status: 200, says: `{"principalId":"mia"}`}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		g.asked.Add(1)
		g.mu.Lock()
		defer g.mu.Unlock()
		w.WriteHeader(g.status)
		io.WriteString(w, g.says)
	}))
	t.Cleanup(service.Close)
	g.login, g.check = id[models.Authorizer](g.world), id[models.Authorizer](g.world)
	g.world.stage(func() {
		g.apis[0].Authorizers = []models.GatewayAuthorizer{
			{Authorizer: models.Authorizer{ID: g.login, Name: "login", Kind: models.AuthorizerJWT, TTL: time.Minute, JWT: models.JWTSettings{Issuer: g.issuer.URL, Audiences: []string{"weather"},
				Claims: []string{"email"}, KeyClaim: "key", KeyIs: models.KeyByID}}},
			{Authorizer: models.Authorizer{ID: g.check, Name: "check", Kind: models.AuthorizerHTTP, TTL: time.Minute, HTTP: models.HTTPSettings{URL: service.URL}}},
		}
	})
	return g
}

// answers has the service say something else.
func (g *guarded) answers(status int, says string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status, g.says = status, says
}

// by has all methods ask an authorizer.
func (g *guarded) by(t *testing.T, id models.AuthorizerID, scopes ...string) {
	t.Helper()
	g.world.stage(func() {
		for i := range g.one.stage.Methods {
			g.one.stage.Methods[i].MethodAuthorization = models.MethodAuthorization{Authorizer: id, Scopes: scopes}
		}
	})
	catchUp(t, g.g)
}

func (g *guarded) token(more map[string]any) string {
	return g.issuer.Token("ES256", g.issuer.Claims(g.clock.now(), more))
}

func bearing(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func last(u *upstream) *http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.got) == 0 {
		return nil
	}
	return u.got[len(u.got)-1]
}

// A method with an authorizer and a key needs both; one refusal is told in the words of RFC 6750, spends nothing and never reaches the upstream.
func TestBothTheTokenAndTheKeyAreNeeded(t *testing.T) {
	g := newGuarded(t, quota(100, limit.PeriodDay))
	g.by(t, g.login, "write")
	good := g.token(nil)
	tests := []struct {
		name, key string
		path      string
		with      func(*http.Request)
		status    int
		slug      string
		challenge string
	}{
		{"neither", "", "a", func(*http.Request) {}, 403, "key-missing", ""},
		{"the token alone", "", "a", bearing(good), 403, "key-missing", ""},
		{"the key alone", g.value, "a", func(*http.Request) {}, 401, "unauthorized", `Bearer realm="echo"`},
		{"an expired token", g.value, "a", bearing(g.token(map[string]any{"exp": 1})), 401, "unauthorized", `Bearer realm="echo", error="invalid_token", error_description="The token expired."`},
		{"two tokens", g.value, "a", func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + good, "Bearer " + good} }, 400, "head-invalid", ""},
		{"another scope", g.value, "a", bearing(g.token(map[string]any{"scope": "read"})), 403, "insufficient-scope", `Bearer realm="echo", error="insufficient_scope", scope="write"`},
		{"no key needed", "", "open", func(*http.Request) {}, 401, "unauthorized", `Bearer realm="echo"`},
	}
	for _, tt := range tests {
		w := in(g.g, "GET", "/echo/prod/"+tt.path, tt.key, tt.with)
		if got := slugOf(t, w); w.Code != tt.status || got != tt.slug || w.Header().Get("WWW-Authenticate") != tt.challenge {
			t.Errorf("%s: %d %s, %q", tt.name, w.Code, got, w.Header().Get("WWW-Authenticate"))
		}
	}
	if last(g.up) != nil || g.chargedTo(g.key, g.plan) != 0 {
		t.Error("something was forwarded or charged")
	}
	for _, path := range []string{"a", "open"} {
		if w := in(g.g, "GET", "/echo/prod/"+path, g.value, bearing(good)); w.Code != 200 {
			t.Errorf("both for %s: %d %s", path, w.Code, w.Body)
		}
	}
	drain(t, g.g)
	if denied := g.count(g.key, models.OutcomeDenied); denied != 3 {
		t.Errorf("%d refusals are counted as the key's", denied)
	}
}

// The upstream is told who calls by the gateway alone, and gets what the caller was known by only where the owner says so.
func TestUpstreamsAreToldWhoCalls(t *testing.T) {
	g := newGuarded(t, nil)
	g.by(t, g.login)
	forge := func(r *http.Request) {
		bearing(g.token(map[string]any{"email": "mia@example.com"}))(r)
		for _, name := range []string{"X-Authorizer-Principal", "x-authorizer-email", "X_Authorizer_Admin", "X-Authorizer_Principal"} {
			r.Header[name] = []string{"root"}
		}
	}
	if w := in(g.g, "GET", "/echo/prod/a", g.value, forge); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	got := last(g.up).Header
	if got.Get("X-Authorizer-Principal") != "mia" || got.Get("X-Authorizer-Email") != "mia@example.com" || got.Get("Authorization") != "" || got.Get("X-Consumer-Id") == "" {
		t.Errorf("told %v", got)
	}
	for name, values := range got {
		if strings.Contains(fmt.Sprint(values), "root") || len(values) > 1 && strings.HasPrefix(name, "X-Authorizer") {
			t.Errorf("the client's %s came through: %v", name, values)
		}
	}
	g.world.stage(func() {
		a := &g.apis[0].Authorizers[0]
		a.Forward, a.Identity, a.Epoch = true, models.Identity{Query: []string{"access_token"}}, 2
	})
	catchUp(t, g.g)
	for _, forward := range []bool{true, false} {
		g.world.stage(func() { g.apis[0].Authorizers[0].Forward = forward })
		catchUp(t, g.g)
		if w := in(g.g, "GET", "/echo/prod/a?x=1&access_token="+g.token(nil)+"&y=2", g.value); w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
		if got := last(g.up).URL.RawQuery; strings.Contains(got, "access_token") != forward || !strings.HasPrefix(got, "x=1&") || !strings.HasSuffix(got, "&y=2") {
			t.Errorf("forward %v: the query is %q", forward, got)
		}
	}
}

// What an authorizer names is the key, whatever header there is; it must be on a plan that opens the stage, and of any other key nothing is told.
func TestTheAuthorizerNamesTheKey(t *testing.T) {
	g := newGuarded(t, quota(100, limit.PeriodDay))
	g.world.stage(func() { g.one.stage.KeySource = models.KeySource{Place: models.KeyInAuthorizer} })
	elsewhere := g.addAPI("other", g.up.url, "GET /a")
	foreign, foreignValue := g.addKey(g.addPlan("Other", nil, elsewhere))
	g.by(t, g.login)
	for name, tt := range map[string]struct {
		key  any
		slug string
	}{
		"by id": {g.key.String(), ""}, "none": {nil, "key-missing"}, "what is no id": {"root", "key-missing"}, "a number": {7, "key-missing"},
		"an unknown one": {models.KeyID(77).String(), "key-missing"}, "another owner's": {foreign.String(), "key-unknown"},
	} {
		if got := slugOf(t, in(g.g, "GET", "/echo/prod/a", foreignValue, bearing(g.token(map[string]any{"key": tt.key, "jti": name})))); got != tt.slug {
			t.Errorf("%s: %q, want %q", name, got, tt.slug)
		}
	}
	g.by(t, g.check)
	for name, tt := range map[string]struct{ says, slug string }{
		"by value": {fmt.Sprintf(`{"principalId":"a","usageIdentifierKey":%q}`, g.value), ""}, "by id": {fmt.Sprintf(`{"principalId":"b","apiKeyId":%q}`, g.key), ""},
		"none": {`{"principalId":"c"}`, "key-missing"}, "another owner's": {fmt.Sprintf(`{"principalId":"d","usageIdentifierKey":%q}`, foreignValue), "key-unknown"},
		"what is none": {`{"principalId":"e","usageIdentifierKey":"short"}`, "key-malformed"},
	} {
		g.answers(200, tt.says)
		if got := slugOf(t, in(g.g, "GET", "/echo/prod/a", "", bearing(name))); got != tt.slug {
			t.Errorf("%s: %q, want %q", name, got, tt.slug)
		}
	}
	drain(t, g.g)
	if n := g.chargedTo(g.key, g.plan); n != 3 {
		t.Errorf("charged %d", n)
	}
	for _, o := range []models.Outcome{models.OutcomeDenied, models.OutcomeSuccess} {
		if n := g.count(foreign, o); n != 0 {
			t.Errorf("%d requests are counted as another owner's key's: %v", n, o)
		}
	}
	revoke := func(c *models.Credential) { c.Revoked, c.Enabled = true, false }
	g.change(g.key, revoke)
	catchUp(t, g.g)
	if got := slugOf(t, in(g.g, "GET", "/echo/prod/a", "", bearing("by value"))); got != "not-ready" && got != "key-revoked" {
		t.Errorf("a revoked key whose answer is kept: %q", got)
	}
}

// Nobody has an authorizer asked for nothing: not without a key, not beyond a throttle; and strangers have it asked no more often than the stage is open to all.
func TestFloodsDoNotReachTheAuthorizer(t *testing.T) {
	g := newGuarded(t, throttle(1, 3))
	g.by(t, g.check)
	for n := range 50 {
		in(g.g, "GET", "/echo/prod/a", "", bearing(fmt.Sprint("x", n)))
		in(g.g, "GET", "/echo/prod/a", "gwk1unknown", bearing(fmt.Sprint("y", n)))
	}
	if g.asked.Load() != 0 {
		t.Errorf("asked %d times without a key", g.asked.Load())
	}
	for n := range 50 {
		in(g.g, "GET", "/echo/prod/a", g.value, bearing(fmt.Sprint("z", n)))
	}
	if got := g.asked.Load(); got != 3 {
		t.Errorf("asked %d times for a key that may call three times", got)
	}
	g.answers(403, "")
	g.asked.Store(0)
	g.clock.advance(time.Second)
	g.world.stage(func() { g.one.stage.Throttle = &limit.Throttle{Rate: 1, Burst: 5} })
	catchUp(t, g.g)
	slugs := map[string]int{}
	for n := range 50 {
		slugs[slugOf(t, in(g.g, "GET", "/echo/prod/open", "", bearing(fmt.Sprint("bad", n))))]++
	}
	if g.asked.Load() != 5 || slugs["authorizer-denied"] != 5 || slugs["throttled"] != 45 {
		t.Errorf("asked %d times: %v", g.asked.Load(), slugs)
	}
	if got := slugOf(t, in(g.g, "GET", "/echo/prod/open", "", bearing("bad0"))); got != "authorizer-denied" {
		t.Errorf("a refusal that is kept: %q", got) // the throttle was not spent by those who were refused
	}
}

// GW-28: an authorizer that is down, confused, gone or not set up lets nobody pass.
func TestAnAuthorizerThatCannotBeAskedLetsNobodyPass(t *testing.T) {
	g := newGuarded(t, nil)
	g.by(t, g.check)
	g.answers(500, `{"allow":true}`)
	w := in(g.g, "GET", "/echo/prod/a", g.value, bearing("a"))
	if slugOf(t, w) != "authorizer-failed" || w.Header().Get("Retry-After") == "" {
		t.Errorf("down: %d %v", w.Code, w.Header())
	}
	g.by(t, 12345)
	if got := slugOf(t, in(g.g, "GET", "/echo/prod/open", "", bearing("a"))); got != "authorizer-failed" {
		t.Errorf("gone: %q", got)
	}
	g.world.stage(func() { g.apis[0].Authorizers[1].Fault = "its secret cannot be opened" })
	g.by(t, g.check)
	if got := slugOf(t, in(g.g, "GET", "/echo/prod/open", "", bearing("a"))); got != "authorizer-failed" {
		t.Errorf("not set up: %q", got)
	}
	if got := g.g.Admit("echo", "prod", "GET", "/open", ""); got != "unauthorized" {
		t.Errorf("without a request: %q", got)
	}
	if last(g.up) != nil {
		t.Error("something was forwarded")
	}
}

// Link-local addresses are never asked, whatever the owner or his issuer says.
func TestAuthorizersAreDialledAsUpstreamsAre(t *testing.T) {
	g := newGuarded(t, nil)
	g.world.stage(func() { g.apis[0].Authorizers[1].HTTP.URL = "http://169.254.169.254/" })
	g.by(t, g.check)
	if got := slugOf(t, in(g.g, "GET", "/echo/prod/open", "", bearing("a"))); got != "authorizer-failed" {
		t.Errorf("got %q", got)
	}
}

// A quote asks the authorizer, too, and spends nothing.
func TestQuotesAskTheAuthorizer(t *testing.T) {
	g := newGuarded(t, quota(1, limit.PeriodDay))
	g.by(t, g.login)
	would := func(with func(*http.Request)) string {
		q := quoteOf(t, in(g.g, "GET", "/echo/prod/a", g.value, asQuote, with))
		if q.Problem != nil {
			return q.Problem.Type[strings.LastIndex(q.Problem.Type, "/")+1:]
		}
		return q.Would
	}
	if got := would(func(*http.Request) {}); got != "unauthorized" {
		t.Errorf("without a token: %s", got)
	}
	if got := would(bearing(g.token(nil))); got != "admit" {
		t.Errorf("with one: %s", got)
	}
	g.world.stage(func() { g.one.stage.KeySource = models.KeySource{Place: models.KeyInAuthorizer} })
	catchUp(t, g.g)
	if got := would(bearing(g.token(map[string]any{"key": g.key.String()}))); got != "admit" {
		t.Errorf("with a key in it: %s", got)
	}
	if got := slugOf(t, in(g.g, "GET", "/echo/prod/a", "", bearing(g.token(map[string]any{"key": g.key.String()})))); got != "" {
		t.Errorf("the call: %s", got)
	}
	if got := would(bearing(g.token(map[string]any{"key": g.key.String(), "jti": "2"}))); got != "quota-exceeded" {
		t.Errorf("behind it: %s", got)
	}
}

// Streams end when the token does that they were opened with; a download that began in time goes on.
func TestStreamsEndWithTheirToken(t *testing.T) {
	g := newGuarded(t, nil)
	g.world.stage(func() {
		up := newUpstream(t, endless)
		g.one.stage.Upstream = up.url
		g.one.stage.Methods = append(g.one.stage.Methods, g.method("GET /{proxy+}"))
	})
	g.by(t, g.login)
	url := serve(t, g.g)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- g.g.Run(ctx) }()
	defer func() { stop(); <-ran }()
	head := http.Header{"X-Api-Key": {g.value}, "Authorization": {"Bearer " + g.token(map[string]any{"exp": g.clock.now().Add(time.Minute).Unix()})}}
	get := func(path string) *bufio.Reader {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", url+"/echo/prod"+path, nil)
		r.Header = head
		res, err := http.DefaultClient.Do(r)
		if err != nil || res.StatusCode != 200 {
			t.Fatal(res, err)
		}
		t.Cleanup(func() { res.Body.Close() })
		body := bufio.NewReader(res.Body)
		body.ReadString('\n')
		return body
	}
	events, file := get("/events"), get("/file")
	socket, _, err := websocket.Dial(t.Context(), url+"/echo/prod/ws", &websocket.DialOptions{HTTPHeader: head})
	if err != nil {
		t.Fatal(err)
	}
	g.clock.advance(time.Minute)
	if _, err := io.ReadAll(events); err == nil {
		t.Error("the events ended as if they were whole")
	}
	if _, _, err := socket.Read(t.Context()); err == nil {
		t.Error("the WebSocket said something")
	}
	ended := make(chan struct{})
	go func() { file.ReadByte(); close(ended) }()
	select {
	case <-ended:
		t.Error("the download was cut")
	default:
	}
}

// Who tries an API in the portal calls with a key of his own, and needs a token as everybody does.
func TestTheAuthorizerIsAskedForTrials(t *testing.T) {
	g := newGuarded(t, nil)
	g.world.stage(func() { g.one.stage.KeySource = models.KeySource{Place: models.KeyInAuthorizer} })
	g.by(t, g.login)
	call := func(token string) int {
		r := httptest.NewRequest("GET", "/echo/prod/a", nil)
		if token != "" {
			bearing(token)(r)
		}
		res, err := g.g.Call(t.Context(), g.key, r)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	if got := call(""); got != 401 {
		t.Errorf("without a token: %d", got)
	}
	if got := call(g.token(nil)); got != 200 {
		t.Errorf("with one: %d", got)
	}
	drain(t, g.g)
	if g.count(g.key, models.OutcomeSuccess) != 1 {
		t.Error("it was not his key that called")
	}
}

// Receipts of refusals go to the key that was presented, and hold no token.
func TestAFlushOfAStageHasItsCallersJudgedAnew(t *testing.T) {
	g := newGuarded(t, nil)
	g.by(t, g.check)
	ask := func() int { return in(g.g, "GET", "/echo/prod/a", g.value, bearing("x")).Code }
	ask()
	if ask(); g.asked.Load() != 1 {
		t.Fatalf("asked %d times", g.asked.Load())
	}
	g.answers(403, "")
	if code := ask(); code != 200 {
		t.Errorf("what is kept does not hold: %d", code)
	}
	g.settle(t, func(s *models.StageSettings) { s.AuthorizerEpoch = 7 })
	if code := ask(); code == 200 || g.asked.Load() != 2 {
		t.Errorf("behind the flush: %d, asked %d times", code, g.asked.Load())
	}
}

func TestNoTokenIsKept(t *testing.T) {
	g := newGuarded(t, nil)
	g.by(t, g.login)
	token := g.token(map[string]any{"scope": "x", "exp": 1})
	w := in(g.g, "GET", "/echo/prod/a", g.value, bearing(token))
	text, _ := json.Marshal(w.Header())
	if body := w.Body.String() + string(text); strings.Contains(body, token[:40]) || strings.Contains(body, token[len(token)-40:]) {
		t.Error("the answer tells the token")
	}
}

// GW-50: answers that a stage keeps are those of one caller, as the authorizer knows him.
func TestKeptAnswersAreOfOneCaller(t *testing.T) {
	g := newGuarded(t, nil)
	up := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		io.WriteString(w, r.Header.Get("X-Authorizer-Principal"))
	})
	g.world.stage(func() {
		g.one.stage.Upstream = up.url
		g.one.stage.Settings.Cache = &models.StageCache{TTL: time.Minute}
		g.apis[0].Authorizers[0].Identity = models.Identity{Headers: []string{"X-Token"}}
	})
	g.g = g.gateway(t, func(c *enforcement.Config) { c.CacheSize = 1 << 20 })
	g.by(t, g.login)
	for range 2 {
		for _, who := range []string{"mia", "tom"} {
			token := g.token(map[string]any{"sub": who})
			w := in(g.g, "GET", "/echo/prod/a", g.value, func(r *http.Request) { r.Header.Set("X-Token", token) })
			if w.Body.String() != who {
				t.Errorf("%s gets the answer of %q", who, w.Body)
			}
		}
	}
	if len(up.got) != 2 {
		t.Errorf("the upstream was asked %d times", len(up.got))
	}
}
