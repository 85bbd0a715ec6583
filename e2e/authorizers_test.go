package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement/authorizer/authorizertest"
)

// From an owner's page to the gateway: tokens of a real issuer let callers in, none and bad ones do not, and the issuer's new keys are learned; a service that
// is asked names the key itself.
func TestAuthorizersMadeOnThePageDecideAtTheGateway(t *testing.T) {
	t.Parallel()
	w, issuer := newWorld(t), authorizertest.New(t)
	s := w.api(w.owner, "weather", "GET /now")
	api := "/owner/apis/" + s.id
	g := w.subscribe(w.dev, s, w.plan(w.owner, "P", []service{s}))
	login := w.owner.done(w.owner.post(api+"/authorizers", "kind", "jwt", "name", "login", "issuer", issuer.URL, "audiences", "weather", "headers", "Authorization", "ttl", "300", "leeway", "60", "algorithms", "ES256"))
	w.done(w.owner, api+"/authorizers/default", "authorizer", find(t, "/authorizers/"+anID+"$", login))
	w.done(w.owner, api+"/stages/"+s.stage+"/deploy")

	call := func(key, token string) (int, string) {
		t.Helper()
		r, err := http.NewRequest("GET", w.gateway+"/weather/prod/now", nil)
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			r.Header.Set("x-api-key", key)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, text(t, answer)
	}
	is := func(what, key, token string, status int, has string) {
		t.Helper()
		if got, body := call(key, token); got != status || !strings.Contains(body, has) {
			t.Errorf("%s: got %d %s, want %d with %q", what, got, body, status, has)
		}
	}
	now := time.Now()
	good := issuer.Token("ES256", issuer.Claims(now, nil))
	is("no token", g.value, "", 401, "/problems/unauthorized")
	is("no key", "", good, 403, "/problems/key-missing")
	is("an expired token", g.value, issuer.Token("ES256", issuer.Claims(now, map[string]any{"exp": now.Add(-time.Hour).Unix()})), 401, "/problems/unauthorized")
	is("another audience", g.value, issuer.Token("ES256", issuer.Claims(now, map[string]any{"aud": "maps"})), 401, "/problems/unauthorized")
	is("a good token", g.value, good, 200, "origin GET /now")
	w.done(w.owner, api+"/authorizers/methods", "action", "all", "authorizer", find(t, "/authorizers/"+anID+"$", login), "scopes", "admin")
	w.done(w.owner, api+"/stages/"+s.stage+"/deploy")
	is("a scope that it does not have", g.value, good, 403, "/problems/insufficient-scope")
	is("the scope", g.value, issuer.Token("ES256", issuer.Claims(now, map[string]any{"scope": "admin"})), 200, "origin GET /now")

	// What callers are told, and what a try from the operation's page sends.
	for _, page := range []string{"/apis/weather", "/apis/weather/docs/get-now"} {
		if said := w.dev.page(page); !strings.Contains(said, "Bearer TOKEN") {
			t.Errorf("%s does not show the token", page)
		}
	}

	operation := w.dev.page("/apis/weather/docs/get-now")
	for token, status := range map[string]string{"admin": "200", "read": "403"} {
		tried := text(t, w.dev.post("/apis/weather/docs/get-now", "do", "send", "key", g.key, find(t, `name="([^"]*Authorization)"`, operation), "Bearer "+issuer.Token("ES256", issuer.Claims(now, map[string]any{"scope": token}))))
		if got := find(t, `(?s)id="try-answer".*?class="st[^"]*"[^>]*>\s*(\d+)`, tried); got != status {
			t.Errorf("a try with the scope %s: got %s, want %s", token, got, status)
		}
	}

	// A service of the owner's names the key.
	service := httptest.NewServer(http.HandlerFunc(func(a http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(asked), "letmein") {
			a.WriteHeader(http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(a).Encode(map[string]string{"principalId": "mia", "usageIdentifierKey": g.value})
	}))
	defer service.Close()
	check := w.owner.done(w.owner.post(api+"/authorizers", "kind", "http", "name", "check", "url", service.URL, "verb", "POST", "headers", "Authorization", "timeout", "5000", "reuse", "method", "ttl", "0"))
	w.done(w.owner, api+"/authorizers/methods", "action", "all", "authorizer", find(t, "/authorizers/"+anID+"$", check))
	w.done(w.owner, api+"/settings", "name", "Weather", "slug", "weather", "summary", "", "key_place", "authorizer")
	w.done(w.owner, api+"/stages/"+s.stage+"/deploy")
	is("the service does not know him", "", "other", 403, "/problems/authorizer-denied")
	is("the service names the key", "", "letmein", 200, "origin GET /now")
	requests := w.origin.take()
	if last := requests[len(requests)-1].Header; last.Get("X-Api-Key-Id") != g.key || last.Get("X-Authorizer-Principal") != "mia" || last.Get("Authorization") != "" {
		t.Errorf("the upstream is told %v", last)
	}

	// The issuer's new keys are fetched when a token of theirs comes, at most every 10 seconds.
	w.done(w.owner, api+"/authorizers/methods", "action", "all", "authorizer", find(t, "/authorizers/"+anID+"$", login))
	w.done(w.owner, api+"/settings", "name", "Weather", "slug", "weather", "summary", "", "key_place", "header", "key_name", "x-api-key")
	w.done(w.owner, api+"/stages/"+s.stage+"/deploy")
	issuer.Rotate()
	is("a token of a key that is gone, which was judged before", g.value, good, 200, "origin")
	rotated := issuer.Token("ES256", issuer.Claims(now, map[string]any{"jti": fmt.Sprint(now.UnixNano())}))
	w.eventually("the issuer's new keys", func() bool { status, _ := call(g.value, rotated); return status == 200 })
}
