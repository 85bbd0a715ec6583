package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store/storetest"
)

// trialWorld is a portal with its gateway, and an upstream behind it that says what it got.
type trialWorld struct {
	*portal
	t        *testing.T
	upstream *httptest.Server
	got      atomic.Pointer[http.Request]
	body     atomic.Pointer[string]
	key      models.KeyID
}

func newTrialWorld(t *testing.T) *trialWorld {
	folder := t.TempDir()
	made := seedFolder(t, folder, fewest())
	w := &trialWorld{t: t}
	w.upstream = httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body := string(text)
		w.got.Store(r)
		w.body.Store(&body)
		switch r.URL.Path {
		case "/html":
			answer.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(answer, "<script>alert(1)</script>")
		case "/binary":
			answer.Header().Set("Content-Type", "image/png")
			_, _ = answer.Write(make([]byte, 3000))
		case "/large":
			answer.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(answer, strings.Repeat("x", 300<<10))
		default:
			answer.Header().Set("Content-Type", "application/json")
			answer.Header().Set("Set-Cookie", "upstream=1")
			_, _ = fmt.Fprintf(answer, `{"target":%q}`, r.RequestURI)
		}
	}))
	t.Cleanup(w.upstream.Close)
	c := portalConfig(folder)
	if err := c.allowUpstream.Set("127.0.0.0/8"); err != nil {
		t.Fatal(err)
	}
	in, err := open(t.Context(), c, slog.New(slog.DiscardHandler), false)
	if err != nil {
		t.Fatal(err)
	}
	w.portal = &portal{Seeded: made, in: in, cookies: map[string]string{}}
	t.Cleanup(func() { w.close(t) })
	w.publish()
	w.signIn(t, developer)
	w.signIn(t, strangerDeveloper)
	return w
}

// publish makes an API, a plan of three requests a day for all of it but one operation, and subscribes the developer.
func (w *trialWorld) publish() {
	ctx, s, actor, now := w.t.Context(), w.in.store, storetest.Actor(w.Owner), time.Now()
	fatal := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	var methods []models.Method
	for _, name := range []string{"GET /get", "GET /html", "GET /binary", "GET /large", "GET /items/{id}", "ANY /files/{path+}", "POST /post", "GET /closed"} {
		verb, path, _ := strings.Cut(name, " ")
		methods = append(methods, models.Method{Verb: verb, Path: path, KeyRequired: true})
	}
	methods = append(methods, models.Method{Verb: "GET", Path: "/open"})
	api, err := s.CreateAPI(ctx, actor, models.NewAPI{Name: "Trial", Slug: "trial", KeySource: models.DefaultKeySource(), Methods: methods}, now)
	fatal(err)
	stage, err := s.CreateStage(ctx, actor, api.ID, models.Stage{Name: "prod", Upstream: w.upstream.URL, Timeout: models.DefaultTimeout}, now)
	fatal(err)
	_, err = s.Deploy(ctx, actor, api.ID, stage.ID, "", now)
	fatal(err)
	made, err := s.Methods(ctx, w.Owner.ID, api.ID)
	fatal(err)
	terms := models.NewTerms("Small")
	terms.Audience, terms.Quota = models.AudienceAnyone, &limit.Quota{Limit: 30, Period: limit.PeriodMonth}
	closed := slices.IndexFunc(made, func(m models.Method) bool { return m.Path == "/closed" })
	terms.Stages = []models.PlanStage{{StageID: stage.ID, Excluded: []models.MethodID{made[closed].ID}}}
	plan, err := s.CreatePlan(ctx, actor, terms, now)
	fatal(err)
	_, err = s.PublishPlan(ctx, actor, plan.ID, now)
	fatal(err)
	subscribed, _, err := s.Subscribe(ctx, storetest.Actor(w.Developer), models.NewSubscription{PlanID: plan.ID, AppName: "Trying", KeyName: "mine"}, now)
	fatal(err)
	w.key = subscribed.Key.ID
}

// send posts the form of an operation as a browser does, or as htmx does.
func (w *trialWorld) send(reader, op string, fragment bool, fields ...string) (int, string) {
	w.t.Helper()
	form := url.Values{"do": {"send"}, "key": {w.key.String()}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, w.in.config.publicURL+"/apis/trial/docs/"+op, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Cookie", w.cookies[reader]+"; other=secret")
	r.Header.Set("Authorization", "Basic secret")
	if fragment {
		r.Header.Set("HX-Request", "true")
	}
	w.got.Store(nil)
	answer := httptest.NewRecorder()
	w.in.portal.Handler.ServeHTTP(answer, r)
	return answer.Code, answer.Body.String()
}

// TestATriedRequestIsACallOfTheKey: it goes through the gateway to the upstream with nothing of the portal's in it, is shown as text, and is charged.
func TestATriedRequestIsACallOfTheKey(t *testing.T) {
	w := newTrialWorld(t)
	has := func(page string, want ...string) {
		t.Helper()
		for _, text := range want {
			if !strings.Contains(strings.ReplaceAll(page, "\u00a0", " "), text) {
				t.Errorf("the page does not have %q", text)
			}
		}
	}
	status, page := w.send(developer, "get-get", false, "query", "a=1&b=x%20y")
	got := w.got.Load()
	if status != http.StatusOK || got == nil || got.RequestURI != "/get?a=1&b=x%20y" || got.Header.Get("X-Api-Key-Id") != w.key.String() || got.UserAgent() != "Gatehouse-Console" {
		t.Fatalf("%d, the upstream got %+v", status, got)
	}
	for _, name := range []string{"Cookie", "Authorization", "X-Api-Key", "Sec-Fetch-Site", "Hx-Request"} {
		if got.Header.Get(name) != "" {
			t.Errorf("the upstream got the header %s: %s", name, got.Header.Get(name))
		}
	}
	has(page, "29 of 30 requests of the quota left", `&#34;/get?a=1&amp;b=x%20y&#34;`, `value="a=1&amp;b=x%20y"`, "/trial/prod/get?a=1")
	if strings.Contains(page, "upstream=1") || !strings.Contains(page, "<html") {
		t.Error("the page shows a cookie, or is none")
	}
	status, part := w.send(developer, "get-html", true)
	has(part, "&lt;script&gt;alert(1)", `hx-target="#try-answer"`)
	if status != http.StatusOK || strings.Contains(part, "<html") || strings.Contains(part, "<script>") {
		t.Errorf("%d %s", status, part)
	}
	_, part = w.send(developer, "get-binary", true)
	has(part, "A body of 3 kB of image/png came; it is not text and is not shown.")
	_, part = w.send(developer, "get-large", true)
	has(part, "Shown are the first 262 kB of 307 kB.")
	if n := strings.Count(part, "x"); n > 256<<10+2000 {
		t.Errorf("%d bytes are shown", n)
	}
	w.send(developer, "post-post", true, "type", "text/plain; charset=utf-8", "body", "a\r\nb é")
	if got, body := w.got.Load(), *w.body.Load(); got.Header.Get("Content-Type") != "text/plain; charset=utf-8" || body != "a\nb é" {
		t.Errorf("the upstream got %q of %s", body, got.Header.Get("Content-Type"))
	}
}

// TestWhatIsTypedStaysWhereItBelongs: a value of a path is one segment of it, whatever it holds, or the gateway refuses the whole; nothing typed becomes
// another operation, another header or another key's request.
func TestWhatIsTypedStaysWhereItBelongs(t *testing.T) {
	w := newTrialWorld(t)
	for value, want := range map[string]string{
		"a b?c#d&e=%41": "/items/a%20b%3Fc%23d&e=%2541", "é": "/items/%C3%A9", "..": "", "../../admin": "", "a/b": "", `a\b`: "", "%2e%2e": "", "x\r\ny": "/items/x%0D%0Ay", "\x00": "",
	} {
		status, page := w.send(developer, "get-items-id", true, "path.id", value)
		got := w.got.Load()
		switch {
		case status != http.StatusOK:
			t.Errorf("%q: %d", value, status)
		case want == "" && (got != nil || !strings.Contains(page, ">400<")):
			t.Errorf("%q was let through to %v", value, got)
		case want != "" && (got == nil || got.RequestURI != want):
			t.Errorf("%q arrives as %+v, want %s", value, got, want)
		}
	}
	w.send(developer, "any-files-path", true, "path.path", "a b/c?d", "method", "DELETE")
	if got := w.got.Load(); got == nil || got.Method != http.MethodDelete || got.RequestURI != "/files/a%20b/c%3Fd" {
		t.Errorf("the upstream got %+v", got)
	}
	for name, fields := range map[string][]string{
		"nothing typed": {}, "a giant value": {"path.id", strings.Repeat("9", 9<<10)}, "another's key": {"path.id", "1", "key", w.Key.String() + "x"}, "a customer's key": {"path.id", "1", "key", w.CustomerKey.String()},
		"a query with a fragment": {"path.id", "1", "query", "a#b"}, "a query of two lines": {"path.id", "1", "query", "a\r\nX-Evil: 1"},
	} {
		status, page := w.send(developer, "get-items-id", false, fields...)
		if status != http.StatusUnprocessableEntity || w.got.Load() != nil || !strings.Contains(page, `aria-invalid="true"`) {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _ := w.send(developer, "post-post", false, "type", "text/plain\r\nX-Evil: 1", "body", "x"); status != http.StatusUnprocessableEntity || w.got.Load() != nil {
		t.Errorf("a type of two lines: %d", status)
	}
	if status, _ := w.send(developer, "post-post", false, "body", strings.Repeat("x", 300<<10)); status != http.StatusUnprocessableEntity || w.got.Load() != nil {
		t.Errorf("a giant body: %d", status)
	}
	if status, _ := w.send(strangerDeveloper, "get-get", false); status != http.StatusUnprocessableEntity || w.got.Load() != nil {
		t.Errorf("with another's key: %d", status)
	}
	if status, _ := w.send(visitor, "get-get", false); status != http.StatusSeeOther || w.got.Load() != nil {
		t.Errorf("without signing in: %d", status)
	}
	if status, _ := w.send(developer, "nothing", false); status != http.StatusNotFound {
		t.Errorf("an operation that there is not: %d", status)
	}
}

// TestEachReasonNotToSendIsSaid.
func TestEachReasonNotToSendIsSaid(t *testing.T) {
	w := newTrialWorld(t)
	says := func(reader, op string, want ...string) {
		t.Helper()
		page := w.get(reader, "/apis/trial/docs/"+op)
		for _, text := range want {
			if !strings.Contains(page.Body.String(), text) {
				t.Errorf("%s does not say %q to %q", op, text, reader)
			}
		}
	}
	says(visitor, "get-get", "Sign in to send requests from this page", "/signin?next=%2Fapis%2Ftrial%2Fdocs%2Fget-get", "/apis/trial#plans")
	says(strangerDeveloper, "get-get", "You have no key for the stage prod yet. The plan Small opens it.", "Subscribe to Small")
	says(developer, "get-closed", "Your plan Small does not include this operation. No plan that you can subscribe to opens it.")
	says(developer, "get-get", "mine · Small", "Counts against your quota.")
	says(strangerDeveloper, "get-open", "Needs no key and counts against no plan.")
	if status, page := w.send(strangerDeveloper, "get-open", true); status != http.StatusOK || w.got.Load() == nil || !strings.Contains(page, ">200<") {
		t.Errorf("an operation that needs no key: %d", status)
	}
	for range 30 {
		w.send(developer, "get-get", true)
	}
	_, page := w.send(developer, "get-get", true)
	for _, text := range []string{">429<", "has used 30", `href="/requests/`, "The quota of mine on Small is used up: requests get 429 until"} {
		if !strings.Contains(page, text) {
			t.Errorf("over the quota the page does not say %q", text)
		}
	}
	says(developer, "get-get", "The quota of mine on Small is used up")
	w.upstream.Close()
	if _, page := w.send(strangerDeveloper, "get-open", true); !strings.Contains(page, ">502<") || !strings.Contains(page, "reached") {
		t.Error("an upstream that is away is not told of")
	}
	if err := w.in.store.SetKeyExpiry(t.Context(), storetest.Actor(w.Developer), w.key, time.Now().Add(time.Second), time.Now()); err != nil {
		t.Fatal(err)
	}
	w.in.site.Now = func() time.Time { return time.Now().Add(time.Minute) }
	says(developer, "get-get", "No key of yours can call this operation now.", "mine: expired.", "/keys/"+w.key.String())
}
