package handlers_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement/recording"
	"gatehouse/handlers"
	"gatehouse/handlers/session"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
	"gatehouse/static"
	"gatehouse/web"
)

// developerPortal is a portal with an API, three plans and a developer, and a gateway that answers what the test says.
type developerPortal struct {
	*portal
	site              *handlers.Site
	ring              *secret.Keyring
	owner, developer  models.Account
	api               models.API
	prod, beta        models.Stage
	free, growth, ask models.Plan
	used              map[models.KeyID]int64 // of the quota; a key that is not in it is not known to the gateway
	kept              keptReceipts
	receipts          *handlers.Receipts
	recorder          *recording.Recorder
	rehearsals        *handlers.Rehearsals
	calls             []*http.Request // that came to the gateway
	answer            func(*http.Request) (*http.Response, error)
}

func openDeveloperPortal(t *testing.T) *developerPortal {
	t.Helper()
	p := &developerPortal{ring: secret.NewKeyring(), used: map[models.KeyID]int64{}, kept: keptReceipts{}}
	p.portal = &portal{t: t, store: storetest.Open(t, func(c *store.Config) { c.Keyring = p.ring }), clock: storetest.Now()}
	s, passwords := p.store, secret.NewQuickHasher()
	p.openRecording()
	now := func() time.Time { return p.clock }
	p.site = &handlers.Site{Accounts: s, Sessions: session.New(s, secret.NewKeyring().CookieKeys(), false, now), Log: slog.New(slog.DiscardHandler), Now: now,
		PublicURL: "https://portal.example.com", GatewayURL: "https://gateway.example.com"}
	receipts := &handlers.Receipts{Store: s, Kept: p.kept, Docs: problemDocs(), Arrivals: p.recorder}
	p.receipts = receipts
	p.handler = web.Handler(p.site, web.Pages{
		Catalog: &handlers.Catalog{Store: s, Operations: &handlers.Operations{}, Markdown: handlers.NewMarkdown(), Limits: p.limits, Caller: p, Rehearsals: p.rehearsals},
		SignIn:  &handlers.SignIn{Store: s, Passwords: passwords, Throttle: handlers.NewThrottle(p.clock)},
		Home:    &handlers.Home{Store: s, Limits: p.limits}, Apps: &handlers.Apps{Store: s, Limits: p.limits}, Keys: &handlers.Keys{Store: s, Limits: p.limits, Caller: p, Receipts: receipts},
		Receipts: receipts, OwnerKeys: &handlers.OwnerKeys{Store: s, Receipts: receipts},
		Subscribe: &handlers.Subscribe{Store: s, Markdown: handlers.NewMarkdown()}, Subscriptions: &handlers.Subscriptions{Store: s, Limits: p.limits, Rehearsals: p.rehearsals, Markdown: handlers.NewMarkdown()}, Usage: &handlers.Usage{Store: s, Limits: p.limits}, OwnerUsage: &handlers.OwnerUsage{Store: s}, Statements: &handlers.Statements{Store: s},
		Search: &handlers.Search{Store: s, Operations: &handlers.Operations{}, Docs: problemDocs()}, OwnerOverview: &handlers.OwnerOverview{Store: s}, Admin: &handlers.Admin{Store: s}, Me: &handlers.Me{Store: s, Passwords: passwords, Throttle: handlers.NewThrottle(p.clock)},
	}, static.Handler())
	p.owner, p.developer = p.account(models.RoleOwner, "owner@example.com"), p.account(models.RoleDeveloper, "developer@example.com")
	p.publish()
	return p
}

// openRecording lets the portal have a recording.
func (p *developerPortal) openRecording() {
	p.t.Helper()
	now, log := func() time.Time { return p.clock }, slog.New(slog.DiscardHandler)
	var err error
	p.recorder, err = recording.Open(p.t.TempDir(), recording.Config{Log: log, Now: now})
	ok(p.t, err)
	p.rehearsals = handlers.NewRehearsals(p.recorder, now, log)
	p.t.Cleanup(func() { p.rehearsals.Close(); _ = p.recorder.Close() })
}

// publish makes the API with its stages and plans.
func (p *developerPortal) publish() {
	p.t.Helper()
	ctx, actor := p.t.Context(), storetest.Actor(p.owner)
	var err error
	p.api, err = p.store.CreateAPI(ctx, actor, models.NewAPI{Name: "Echo API", Slug: "echo", KeySource: models.DefaultKeySource(), Methods: []models.Method{
		{Verb: "POST", Path: "/post", KeyRequired: true}, {Verb: "GET", Path: "/users/{id}", KeyRequired: true}, {Verb: "GET", Path: "/get", KeyRequired: true}}}, p.clock)
	ok(p.t, err)
	stage := func(name string) models.Stage {
		st, err := p.store.CreateStage(ctx, actor, p.api.ID, models.Stage{Name: name, Upstream: "https://example.com", Timeout: models.DefaultTimeout}, p.clock)
		ok(p.t, err)
		_, err = p.store.Deploy(ctx, actor, p.api.ID, st.ID, "", p.clock)
		ok(p.t, err)
		return st
	}
	p.prod, p.beta = stage("prod"), stage("beta")
	plan := func(name string, audience models.Audience, keys int, throttle limit.Throttle, quota limit.Quota, stages ...models.Stage) models.Plan {
		terms := models.NewTerms(name)
		terms.Audience, terms.KeysPerApp, terms.Throttle, terms.Quota = audience, keys, &throttle, &quota
		for _, st := range stages {
			terms.Stages = append(terms.Stages, models.PlanStage{StageID: st.ID})
		}
		made, err := p.store.CreatePlan(ctx, actor, terms, p.clock)
		ok(p.t, err)
		made, err = p.store.PublishPlan(ctx, actor, made.ID, p.clock)
		ok(p.t, err)
		return made
	}
	p.free = plan("Free", models.AudienceAnyone, 1, limit.Throttle{Rate: 5, Burst: 10}, limit.Quota{Limit: 10_000, Period: limit.PeriodDay}, p.prod)
	p.growth = plan("Growth", models.AudienceAnyone, 2, limit.Throttle{Rate: 50, Burst: 100}, limit.Quota{Limit: 1_000_000, Period: limit.PeriodMonth}, p.prod, p.beta)
	p.ask = plan("Scale", models.AudienceAsk, 3, limit.Throttle{Rate: 400, Burst: 800}, limit.Quota{Limit: 9_000_000, Period: limit.PeriodMonth}, p.prod)
}

// limits answers as the gateway does, for the keys that the test gave counts.
func (p *developerPortal) limits(key models.KeyID, plan models.PlanID) (handlers.KeyLimits, bool) {
	used, known := p.used[key]
	for _, candidate := range []models.Plan{p.free, p.growth, p.ask} {
		if known && candidate.ID == plan {
			t := candidate.InForce
			return handlers.KeyLimits{Quota: *t.Quota, Used: used, Left: t.Quota.Remaining(0, used), Window: t.Quota.Window(p.clock), Throttle: t.Throttle, Level: 7.9}, true
		}
	}
	return handlers.KeyLimits{}, false
}

// Call answers a test request as the test says.
func (p *developerPortal) Call(_ context.Context, _ models.KeyID, r *http.Request) (*http.Response, error) {
	p.calls = append(p.calls, r)
	if p.answer == nil {
		return nil, errors.New("the test gave no answer")
	}
	return p.answer(r)
}

// answered is an answer of the gateway: headers as name, value, …
func answered(status int, body string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// subscribe puts a new app of the developer on a plan, through the store.
func (p *developerPortal) subscribe(plan models.Plan, app string) models.Subscribed {
	p.t.Helper()
	made, _, err := p.store.Subscribe(p.t.Context(), storetest.Actor(p.developer), models.NewSubscription{PlanID: plan.ID, AppName: app, KeyName: app + " key"}, p.clock)
	ok(p.t, err)
	return made
}

// fragment posts as htmx does.
func (b *browser) fragment(path string, pairs ...string) answer {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequestWithContext(b.portal.t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("HX-Request", "true")
	r.Header.Set("Cookie", b.cookie)
	w := httptest.NewRecorder()
	b.portal.handler.ServeHTTP(w, r)
	return answer{status: w.Code, body: w.Body.String(), header: w.Header()}
}

// record notes calls of a key that were answered well, at the portal's clock.
func (p *developerPortal) record(key models.KeyID, plan models.Plan, n int64, outcome models.Outcome) {
	p.t.Helper()
	cell := models.UsageCell{KeyID: key, PlanID: plan.ID, StageID: p.prod.ID, Minute: p.clock.Unix() / 60 * 60, Outcome: outcome, Count: n}
	cell.Latency[5] = n
	if outcome == models.OutcomeThrottled {
		cell.ThrottledSeconds = 3
	}
	ok(p.t, p.store.CommitUsage(p.t.Context(), models.UsageBatch{Cells: []models.UsageCell{cell}, LastUsed: []models.LastUse{{KeyID: key, At: p.clock}},
		Charged: []models.QuotaUse{{KeyID: key, PlanID: plan.ID, Day: p.clock.Unix() / 86400, Used: n}}}))
}

// meter meters n requests of the API's first method now, and returns it.
func (p *developerPortal) meter(key models.KeyID, plan models.Plan, n int64, outcome models.Outcome) models.MethodID {
	p.t.Helper()
	methods, err := p.store.Methods(p.t.Context(), p.owner.ID, p.api.ID)
	ok(p.t, err)
	cell := models.UsageCell{KeyID: key, PlanID: plan.ID, StageID: p.prod.ID, MethodID: methods[0].ID, Minute: p.clock.Unix() / 60 * 60, Outcome: outcome, Count: n}
	ok(p.t, p.store.CommitUsage(p.t.Context(), models.UsageBatch{Cells: []models.UsageCell{cell}}))
	return methods[0].ID
}

// TestStrangersFindNothing is the ownership matrix (R9): what is another developer's is as if it were not there, for reading and for changing.
func TestStrangersFindNothing(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	p.used[made.Key.ID] = 1
	p.account(models.RoleDeveloper, "stranger@example.com")
	stranger, owner, visitor := p.signedIn("stranger@example.com"), p.signedIn("owner@example.com"), p.visitor()
	app, key, subscription := "/apps/"+made.App.ID.String(), "/keys/"+made.Key.ID.String(), "/subscriptions/"+made.Subscription.ID.String()
	routes := []struct{ method, path string }{
		{"GET", app}, {"POST", app + "/rename"}, {"GET", app + "/keys/new"}, {"POST", app + "/keys"},
		{"GET", key}, {"POST", key + "/rename"}, {"POST", key + "/expiry"}, {"GET", key + "/rotate"}, {"POST", key + "/rotate"}, {"POST", key + "/stop-old"},
		{"GET", key + "/revoke"}, {"POST", key + "/revoke"}, {"POST", key + "/try"},
		{"GET", subscription}, {"GET", subscription + "/cancel"}, {"POST", subscription + "/cancel"}, {"GET", subscription + "/change"}, {"POST", subscription + "/change"},
		{"GET", "/usage?key=" + made.Key.ID.String()}, {"GET", "/usage?app=" + made.App.ID.String()}, {"GET", "/usage/live?key=" + made.Key.ID.String()},
	}
	form := url.Values{"name": {"Mine"}, "overlap": {"0"}, "to": {p.free.ID.String()}, "call": {p.prod.ID.String() + ".x"}}
	for _, route := range routes {
		for who, b := range map[string]*browser{"a stranger": stranger, "the API's owner": owner} {
			if got := b.send(route.method, route.path, form); got.status != http.StatusNotFound {
				t.Errorf("%s %s as %s: %d, want 404", route.method, route.path, who, got.status)
			}
		}
		if got := visitor.send(route.method, route.path, form); got.status != http.StatusSeeOther || !strings.HasPrefix(got.location, "/signin") {
			t.Errorf("%s %s as a visitor: %d to %q, want the page where people sign in", route.method, route.path, got.status, got.location)
		}
	}
	for _, path := range []string{"/home", "/apps", "/keys", "/usage"} {
		stranger.get(path).hasNot(t, "Acme", made.Key.ID.String())
	}
	if len(p.calls) != 0 {
		t.Errorf("%d calls went to the gateway for strangers", len(p.calls))
	}
	detail, err := p.store.OwnKey(t.Context(), p.developer.ID, made.Key.ID)
	ok(t, err)
	if detail.Name != "Acme key" || !detail.RevokedAt.IsZero() || !detail.RotatedAt.IsZero() {
		t.Errorf("a stranger changed the key: %+v", detail.Key)
	}
}

func TestOverviewLeadsToTheFirstCallAndThenShowsNumbers(t *testing.T) {
	p := openDeveloperPortal(t)
	b := p.signedIn("developer@example.com")
	b.get("/home").says(t, "Three steps to your first call", "Choose an API", `href="/apis"`)
	made := p.subscribe(p.free, "Acme")
	p.used[made.Key.ID] = 9_604
	got := b.get("/home")
	got.says(t, "Three steps to your first call", `href="/keys/`+made.Key.ID.String()+`"`, "Open the key")
	p.record(made.Key.ID, p.free, 3, models.OutcomeClientError)
	b.get("/home").says(t, "Three steps to your first call") // no call succeeded yet
	p.record(made.Key.ID, p.free, 1, models.OutcomeSuccess)
	got = b.get("/home")
	got.hasNot(t, "Three steps to your first call")
	got.says(t, "Requests", "9,604 of 10,000 requests are used", "before the reset", "/subscriptions/"+made.Subscription.ID.String()+"/change")
}

func TestOverviewTellsWhatTheOwnerDecided(t *testing.T) {
	p := openDeveloperPortal(t)
	refused, suspended := p.subscribe(p.ask, "Batch"), p.subscribe(p.free, "Acme")
	_, err := p.store.DecideSubscription(t.Context(), storetest.Actor(p.owner), refused.Subscription.ID, models.Refuse, "Tell us more", p.clock)
	ok(t, err)
	_, err = p.store.DecideSubscription(t.Context(), storetest.Actor(p.owner), suspended.Subscription.ID, models.Suspend, "The invoice is open", p.clock)
	ok(t, err)
	p.signedIn("developer@example.com").get("/home").says(t, "Scale for Batch: The owner refused this request. Reason: Tell us more.", "Free for Acme: The owner suspended", "The invoice is open")
}

// says is has for sentences: blanks that keep a number and its noun together are blanks.
func (a answer) says(t *testing.T, want ...string) {
	t.Helper()
	text, body := strings.ReplaceAll(a.text(), "\u00a0", " "), strings.ReplaceAll(a.body, "\u00a0", " ")
	for _, w := range want {
		if !strings.Contains(text, w) && !strings.Contains(body, w) {
			t.Errorf("the page does not say %q:\n%s", w, text)
		}
	}
}
