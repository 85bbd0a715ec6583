package authorizer_test

import (
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

	"github.com/google/go-cmp/cmp"

	"gatehouse/enforcement/authorizer"
	"gatehouse/models"
)

// service is an owner's, that answers as it is told and keeps what it was asked.
type service struct {
	url    string
	asked  atomic.Int64
	mu     sync.Mutex
	header http.Header
	body   string
	answer http.HandlerFunc
}

func newService(t testing.TB, answer http.HandlerFunc) *service {
	s := &service{answer: answer}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.header, s.body = r.Header.Clone(), string(body)
		s.header.Set("Request-Line", r.Method+" "+r.URL.String())
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *service) says(status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = says(status, body)
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func (s *service) authorizer(change func(*models.GatewayAuthorizer)) *authorizer.Authorizer {
	in := models.GatewayAuthorizer{Authorizer: models.Authorizer{ID: 2, APIID: 1, Name: "check", Kind: models.AuthorizerHTTP, Epoch: 1, TTL: time.Minute, HTTP: models.HTTPSettings{URL: s.url}}}
	if change != nil {
		change(&in)
	}
	return authorizer.Compile(in, nil)
}

// What a service may answer, and what is made of it: only what says yes lets pass.
func TestAnswersOfServices(t *testing.T) {
	policy := func(statements string) string {
		return `{"principalId":"mia","policyDocument":{"Version":"2012-10-17","Statement":` + statements + `}}`
	}
	arn := "arn:aws:execute-api:gatehouse:000000000000:" + models.APIID(1).String() + "/prod/GET/"
	tests := []struct {
		name   string
		status int
		body   string
		want   authorizer.Outcome
	}{
		{"nothing but yes", 200, "", authorizer.Allowed},
		{"nothing at all", 204, "", authorizer.Allowed},
		{"who it is", 200, `{"principalId":"mia"}`, authorizer.Allowed},
		{"allow", 200, `{"allow":true}`, authorizer.Allowed},
		{"as AWS's HTTP APIs", 200, `{"isAuthorized":true,"context":{"a":1}}`, authorizer.Allowed},
		{"not allowed", 200, `{"principalId":"mia","allow":false}`, authorizer.Denied},
		{"not authorized", 200, `{"isAuthorized":false,"allow":true}`, authorizer.Denied},
		{"a policy that allows", 200, policy(`[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"` + arn + `users/7"}]`), authorizer.Allowed},
		{"a policy with patterns", 200, policy(`[{"Action":["execute-api:*"],"Effect":"Allow","Resource":["x","arn:aws:execute-api:*:*:*/prod/*/users/?"]}]`), authorizer.Allowed},
		{"a policy of one statement", 200, policy(`{"Sid":"1","Action":"*","Effect":"Allow","Resource":"*"}`), authorizer.Allowed},
		{"a policy for the template", 200, policy(`[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"` + arn + `users/{id}"}]`), authorizer.Allowed},
		{"a policy for another path", 200, policy(`[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"` + arn + `users/8"}]`), authorizer.Denied},
		{"a policy for another stage", 200, policy(`[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:*:*:*/beta/*"}]`), authorizer.Denied},
		{"a policy for another action", 200, policy(`[{"Action":"s3:*","Effect":"Allow","Resource":"*"}]`), authorizer.Denied},
		{"a policy that denies", 200, policy(`[{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"*"}]`), authorizer.Denied},
		{"a policy that denies what it allows", 200, policy(`[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"*"},{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"*/users/*"}]`), authorizer.Denied},
		{"a policy without statements", 200, policy(`[]`), authorizer.Denied},
		{"a policy with conditions", 200, policy(`[{"Action":"*","Effect":"Allow","Resource":"*","Condition":{}}]`), authorizer.Failed},
		{"a policy with what is left out", 200, policy(`[{"Action":"*","Effect":"Allow","NotResource":"x"}]`), authorizer.Failed},
		{"a policy of another effect", 200, policy(`[{"Action":"*","Effect":"allow","Resource":"*"}]`), authorizer.Failed},
		{"a policy that is none", 200, policy(`7`), authorizer.Failed},
		{"not known", 401, "", authorizer.Invalid},
		{"not allowed by status", 403, "", authorizer.Denied},
		{"nothing said", 200, `{}`, authorizer.Failed},
		{"an error in words", 200, `{"error":"down"}`, authorizer.Failed},
		{"a page", 200, `<html>`, authorizer.Failed},
		{"two documents", 200, `{"allow":true}{"allow":false}`, authorizer.Failed},
		{"null", 200, `null`, authorizer.Failed},
		{"allow in words", 200, `{"allow":"true"}`, authorizer.Failed},
		{"too much", 200, `{"allow":true,"x":"` + strings.Repeat("x", 64<<10) + `"}`, authorizer.Failed},
		{"a nested value", 200, `{"allow":true,"context":{"a":{"b":1}}}`, authorizer.Failed},
		{"a value that ends the head", 200, `{"allow":true,"context":{"a":"b\r\nX-Admin: 1"}}`, authorizer.Failed},
		{"a name that ends the head", 200, `{"allow":true,"principalId":"mia\nX-Admin: 1"}`, authorizer.Failed},
		{"two values for one header", 200, `{"allow":true,"context":{"a_b":"1","a-b":"2"}}`, authorizer.Failed},
		{"a value in the principal's place", 200, `{"allow":true,"context":{"principal":"root"}}`, authorizer.Failed},
		{"an id that is none", 200, `{"allow":true,"apiKeyId":"x"}`, authorizer.Failed},
		{"a redirect", 302, "", authorizer.Failed},
		{"another yes", 201, `{"allow":true}`, authorizer.Failed},
		{"not found", 404, "", authorizer.Failed},
		{"an error", 500, `{"allow":true}`, authorizer.Failed},
	}
	for _, tt := range tests {
		s := newService(t, says(tt.status, tt.body))
		v := pool().Ask(t.Context(), s.authorizer(nil), asking("abc", start))
		if v.Outcome != tt.want || v.Outcome != authorizer.Allowed && v.Reason == "" {
			t.Errorf("%s: %+v, want %d", tt.name, v, tt.want)
		}
	}
}

// A service is told who asks and about what, as AWS tells its own, and nothing that an answer must not depend on.
func TestTheQuestionIsOnlyWhatAnAnswerMayDependOn(t *testing.T) {
	s, p := newService(t, says(200, `{"principalId":"mia","usageIdentifierKey":"a value","context":{"team":"blue","n":7,"ok":true,"scope":"read"}}`)), pool()
	q := asking("abc", start)
	q.Address, q.Query, q.Scopes = "192.0.2.7:1234", "tenant=t1&x=1", []string{"read"}
	q.Header.Set("X-Api-Key", "secret")
	with := func(change func(*models.GatewayAuthorizer)) *authorizer.Authorizer {
		return s.authorizer(func(in *models.GatewayAuthorizer) {
			in.Identity = models.Identity{Headers: []string{"Authorization"}, Query: []string{"tenant"}}
			in.HTTP.SecretHeader, in.Secret = "X-Gateway-Secret", "proof"
			change(in)
		})
	}
	v := p.Ask(t.Context(), with(func(*models.GatewayAuthorizer) {}), q)
	if v.Outcome != authorizer.Allowed || v.Principal != "mia" || v.KeyValue != "a value" {
		t.Errorf("%+v", v)
	}
	if diff := cmp.Diff([]authorizer.Value{{Header: "X-Authorizer-N", Text: "7"}, {Header: "X-Authorizer-Ok", Text: "true"}, {Header: "X-Authorizer-Scope", Text: "read"}, {Header: "X-Authorizer-Team", Text: "blue"}}, v.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	api := models.APIID(1).String()
	want := `{"version":"1.0","type":"REQUEST","methodArn":"arn:aws:execute-api:gatehouse:000000000000:` + api + `/prod/GET/users/{id}","authorizationToken":"Bearer abc",` +
		`"identitySource":["Bearer abc","t1"],"resource":"/users/{id}","path":"/users/{id}","httpMethod":"GET","headers":{"Authorization":"Bearer abc"},"queryStringParameters":{"tenant":"t1"},` +
		`"requestContext":{"apiId":"` + api + `","stage":"prod","resourcePath":"/users/{id}","httpMethod":"GET"}}`
	if diff := cmp.Diff(want, s.body); diff != "" || s.header.Get("X-Gateway-Secret") != "proof" || s.header.Get("X-Api-Key") != "" {
		t.Errorf("asked with %v (-want +got):\n%s", s.header, diff)
	}
	p.Ask(t.Context(), with(func(in *models.GatewayAuthorizer) { in.TTL = 0 }), q)
	var e struct {
		Path           string
		RequestContext struct{ Identity struct{ SourceIP string } }
	}
	if err := json.Unmarshal([]byte(s.body), &e); err != nil || e.Path != "/users/7" || e.RequestContext.Identity.SourceIP != "192.0.2.7" {
		t.Errorf("an answer that is not kept may depend on all: %s", s.body)
	}
	p.Ask(t.Context(), with(func(in *models.GatewayAuthorizer) { in.HTTP.Verb, in.HTTP.Reuse = "GET", models.ReusePath }), q)
	got := []string{s.header.Get("Request-Line"), s.header.Get("X-Forwarded-Method"), s.header.Get("X-Forwarded-Uri"), s.header.Get("Authorization"), s.header.Get("X-Gatehouse-Stage"), s.header.Get("X-Forwarded-For")}
	if diff := cmp.Diff([]string{"GET /?tenant=t1", "GET", "/users/7", "Bearer abc", "prod", ""}, got); diff != "" {
		t.Errorf("by GET (-want +got):\n%s", diff)
	}
}

// GW-30: an answer for one is never another's, whatever their values are made of, and each part that it may depend on tells questions apart.
func TestAnswersAreKeptApart(t *testing.T) {
	type part struct{ a, b string }
	who := func(r *http.Request) string { return r.Header.Get("X-A") + "|" + r.Header.Get("X-B") }
	s, p := newService(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"principalId":%q}`, who(r)) }), pool()
	a := s.authorizer(func(in *models.GatewayAuthorizer) { in.Identity.Headers, in.HTTP.Verb = []string{"X-A", "X-B"}, "GET" })
	for range 2 {
		for _, x := range []part{{"a:b", "c"}, {"a", "b:c"}, {"a:b:c", "d"}, {"ab", "c"}, {"a", "bc"}, {"1", "11"}, {"11", "1"}} {
			q := asking("", start)
			q.Header = http.Header{"X-A": {x.a}, "X-B": {x.b}}
			if v := p.Ask(t.Context(), a, q); v.Principal != x.a+"|"+x.b {
				t.Errorf("%v is taken for %q", x, v.Principal)
			}
		}
	}
	if s.asked.Load() != 7 {
		t.Errorf("asked %d times", s.asked.Load())
	}
	base := func() *authorizer.Question {
		q := asking("", start)
		q.Header = http.Header{"X-A": {"a"}, "X-B": {"b"}}
		return q
	}
	changes := map[string]func(*authorizer.Question){
		"stage": func(q *authorizer.Question) { q.Stage = 9 }, "method": func(q *authorizer.Question) { q.Method = 9 }, "verb": func(q *authorizer.Question) { q.Verb = "HEAD" },
		"path": func(q *authorizer.Question) { q.Path = "/users/8" },
	}
	for reuse, apart := range map[models.AuthorizerUses][]string{models.ReuseMethod: {"method", "stage", "verb"}, models.ReusePath: {"path", "stage", "verb"}, models.ReuseIdentity: {"stage"}} {
		a := s.authorizer(func(in *models.GatewayAuthorizer) {
			in.Identity.Headers, in.HTTP.Verb, in.HTTP.Reuse, in.ID = []string{"X-A", "X-B"}, "GET", reuse, models.AuthorizerID(len(reuse)+100)
		})
		p.Ask(t.Context(), a, base())
		for name, change := range changes {
			before := s.asked.Load()
			q := base()
			change(q)
			p.Ask(t.Context(), a, q)
			if asked := s.asked.Load() > before; asked != contains(apart, name) {
				t.Errorf("reuse for the same %s: another %s is asked for: %v", reuse, name, asked)
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// Kept for its time, a refusal for ten seconds; a failure never.
func TestWhatIsKept(t *testing.T) {
	s, p := newService(t, says(200, `{"allow":true}`)), pool()
	a := s.authorizer(nil)
	ask := func(token string, after time.Duration) authorizer.Outcome {
		return p.Ask(t.Context(), a, asking(token, start.Add(after))).Outcome
	}
	for _, step := range []struct {
		token  string
		after  time.Duration
		status int
		want   authorizer.Outcome
	}{
		{"a", 0, 200, authorizer.Allowed}, {"a", 59 * time.Second, 403, authorizer.Allowed}, {"a", time.Minute, 403, authorizer.Denied}, {"a", 69 * time.Second, 200, authorizer.Denied},
		{"a", 70 * time.Second, 200, authorizer.Allowed}, {"b", 0, 500, authorizer.Failed}, {"b", 0, 200, authorizer.Allowed}, {"c", 0, 401, authorizer.Invalid}, {"c", 0, 200, authorizer.Invalid},
	} {
		s.says(step.status, "")
		if got := ask(step.token, step.after); got != step.want {
			t.Errorf("%+v: got %d", step, got)
		}
	}
	s.says(403, "")
	in := a.GatewayAuthorizer
	in.Epoch++
	if v := p.Ask(t.Context(), authorizer.Compile(in, a), asking("b", start)); v.Outcome != authorizer.Denied {
		t.Errorf("after a flush: %+v", v)
	}
	never, before := s.authorizer(func(in *models.GatewayAuthorizer) { in.TTL = 0 }), s.asked.Load()
	p.Ask(t.Context(), never, asking("d", start))
	p.Ask(t.Context(), never, asking("d", start))
	if s.asked.Load() != before+2 {
		t.Error("an answer was kept though it must not be")
	}
}

// Twelve thousand strangers push out nobody who may, and cost a bounded place.
func TestRefusalsDoNotPushOutAllowances(t *testing.T) {
	s, p := newService(t, says(200, `{"allow":true}`)), pool()
	a := s.authorizer(nil)
	p.Ask(t.Context(), a, asking("good", start))
	s.says(403, "")
	for n := range 12_000 {
		p.Ask(t.Context(), a, asking(fmt.Sprint("bad", n), start))
	}
	before := s.asked.Load()
	if v := p.Ask(t.Context(), a, asking("good", start)); v.Outcome != authorizer.Allowed || s.asked.Load() != before {
		t.Errorf("%+v, asked anew: %v", v, s.asked.Load() != before)
	}
	if p.Kept() > 10_001 {
		t.Errorf("%d answers are kept", p.Kept())
	}
}

// Equal questions that come at once are asked once, and each gets the answer; whoever leaves does not take it along.
func TestEqualQuestionsAreAskedOnce(t *testing.T) {
	release := make(chan struct{})
	s, p := newService(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		io.WriteString(w, `{"allow":true}`)
	}), pool()
	a := s.authorizer(nil)
	first, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var allowed atomic.Int64
	for n := range 20 {
		ctx := t.Context()
		if n == 0 {
			ctx = first
		}
		all.Go(func() {
			if p.Ask(ctx, a, asking("abc", start)).Outcome == authorizer.Allowed {
				allowed.Add(1)
			}
		})
	}
	for s.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	close(release)
	all.Wait()
	if s.asked.Load() != 1 || allowed.Load() < 19 {
		t.Errorf("asked %d times, %d passed", s.asked.Load(), allowed.Load())
	}
}

// A service that is down or slow is left alone for a while, is tried by one, and then asked as before.
func TestAServiceThatFailsIsLeftAlone(t *testing.T) {
	s, p := newService(t, says(500, "")), pool()
	a := s.authorizer(nil)
	ask := func(n int, after time.Duration) authorizer.Outcome {
		return p.Ask(t.Context(), a, asking(fmt.Sprint(n), start.Add(after))).Outcome
	}
	for n := range 100 {
		if got := ask(n, 0); got != authorizer.Failed {
			t.Fatal(got)
		}
	}
	if got := s.asked.Load(); got != 5 {
		t.Errorf("asked %d times", got)
	}
	s.says(200, "")
	if got := ask(200, 10*time.Second); got != authorizer.Allowed {
		t.Errorf("when it is back: %d", got)
	}
	slow := make(chan struct{})
	defer close(slow)
	s.mu.Lock()
	s.answer = func(http.ResponseWriter, *http.Request) { <-slow }
	s.mu.Unlock()
	a = s.authorizer(func(in *models.GatewayAuthorizer) { in.HTTP.Timeout = 100 * time.Millisecond })
	if got := ask(201, 10*time.Second); got != authorizer.Failed {
		t.Errorf("when it is slow: %d", got)
	}
}

// Callers who go away do not make a service look as if it failed.
func TestCallersWhoLeaveAreNotTheServicesFault(t *testing.T) {
	s, p := newService(t, says(200, "")), pool()
	a := s.authorizer(func(in *models.GatewayAuthorizer) { in.TTL = 0 })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		p.Ask(gone, a, asking("abc", start))
	}
	if v := p.Ask(t.Context(), a, asking("abc", start)); v.Outcome != authorizer.Allowed {
		t.Errorf("%+v", v)
	}
}

// What has not the form that the owner names is refused unasked, and so is what cannot be asked.
func TestRefusedUnasked(t *testing.T) {
	s, p := newService(t, says(200, "")), pool()
	form := s.authorizer(func(in *models.GatewayAuthorizer) { in.Identity.Pattern = "Bearer [a-z]+" })
	busy := asking("abc", start)
	busy.MayAsk = func() bool { return false }
	for name, tt := range map[string]struct {
		v    *authorizer.Verdict
		want authorizer.Outcome
	}{
		"another form":    {p.Ask(t.Context(), form, asking("abc1", start)), authorizer.Invalid},
		"a part":          {p.Ask(t.Context(), form, asking("abc\nx", start)), authorizer.Invalid},
		"too often":       {p.Ask(t.Context(), form, busy), authorizer.Busy},
		"no authorizer":   {p.Ask(t.Context(), nil, asking("abc", start)), authorizer.Failed},
		"not set up":      {p.Ask(t.Context(), s.authorizer(func(in *models.GatewayAuthorizer) { in.Fault = "x" }), asking("abc", start)), authorizer.Failed},
		"a contradiction": {p.Ask(t.Context(), s.authorizer(func(in *models.GatewayAuthorizer) { in.Identity.Pattern = "(" }), asking("abc", start)), authorizer.Failed},
	} {
		if tt.v.Outcome != tt.want {
			t.Errorf("%s: %+v", name, tt.v)
		}
	}
	if s.asked.Load() != 0 {
		t.Errorf("asked %d times", s.asked.Load())
	}
	if v := p.Ask(t.Context(), form, asking("abc", start)); v.Outcome != authorizer.Allowed {
		t.Errorf("the form: %+v", v)
	}
}
