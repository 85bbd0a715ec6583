package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/openapi"
	"gatehouse/models/store/storetest"
)

// weather publishes an API with a document, two plans on its stage prod, and one for invited people.
func (p *portal) weather() (models.API, map[string]models.Plan) {
	p.t.Helper()
	owner := p.account(models.RoleOwner, "olga@example.com")
	d := openapi.Description{Format: "openapi 3.1.0", Version: "2.3", Text: "# About\n\n<img src=x onerror=alert(1)>All the **weather**.", Tags: []openapi.Tag{{Name: "Forecast"}},
		Operations: []openapi.Operation{
			{Verb: "GET", Path: "/forecast", Summary: "Get a forecast", Tags: []string{"Forecast"}, Text: "Hourly <script>alert(1)</script>.",
				Parameters: []openapi.Parameter{{Name: "lat", In: "query", Type: "number", Required: true, Example: "52.52", Text: "In [degrees](javascript:alert(1))."}},
				Responses: []openapi.Response{{Status: "200", Text: "Fine.", Contents: []openapi.Content{{MediaType: "application/json", Type: "Forecast", Example: "{\n  \"temp\": 4\n}",
					Schema: &openapi.Schema{Type: "object", Required: []string{"temp"}, Properties: []openapi.Property{{Name: "temp", Schema: openapi.Schema{Type: "number", Text: "Degrees."}}}}}}}, {Status: "default"}}},
			{Verb: "POST", Path: "/stations", Summary: "Create a station", Deprecated: true, Body: &openapi.Body{Required: true, Contents: []openapi.Content{{MediaType: "application/json", Example: `{"name":"x"}`}}}},
			{Verb: "GET", Path: "/not-deployed", Summary: "Secret plans"},
		}}
	pack, err := d.Pack()
	ok(p.t, err)
	actor, ctx := storetest.Actor(owner), p.t.Context()
	api, err := p.store.CreateAPI(ctx, actor, models.NewAPI{Name: "Weather API", Slug: "weather", Summary: "For every point on land.", KeySource: models.DefaultKeySource(), Document: []byte("{}"), Reading: pack,
		Methods: []models.Method{{Verb: "GET", Path: "/forecast", Summary: "Get a forecast", KeyRequired: true}, {Verb: "POST", Path: "/stations", Summary: "Create a station", KeyRequired: true}, {Verb: "GET", Path: "/health"}}}, p.clock)
	ok(p.t, err)
	stage, err := p.store.CreateStage(ctx, actor, api.ID, models.Stage{Name: "prod", Upstream: "https://example.com", Timeout: time.Second}, p.clock)
	ok(p.t, err)
	_, err = p.store.Deploy(ctx, actor, api.ID, stage.ID, "", p.clock)
	ok(p.t, err)
	methods, err := p.store.Methods(ctx, owner.ID, api.ID)
	ok(p.t, err)
	plans := map[string]models.Plan{}
	for i, terms := range []models.Terms{
		{Name: "Free", Price: "€0", Throttle: &limit.Throttle{Rate: 2, Burst: 10}, Quota: &limit.Quota{Limit: 10000, Period: limit.PeriodMonth}, Audience: models.AudienceAnyone,
			Stages: []models.PlanStage{{StageID: stage.ID, Excluded: []models.MethodID{methods[1].ID}, Throttles: []models.MethodThrottle{{MethodID: methods[0].ID, Throttle: limit.Throttle{Rate: 1, Burst: 1}}}}}},
		{Name: "Growth", Price: "€49 a month", Audience: models.AudienceAsk, Stages: []models.PlanStage{{StageID: stage.ID}}},
		{Name: "Friends", Audience: models.AudienceInvited, Stages: []models.PlanStage{{StageID: stage.ID}}},
	} {
		terms.Charge, terms.KeysPerApp = models.ChargeAccepted, 1
		plan, err := p.store.CreatePlan(ctx, actor, terms, p.clock.Add(time.Duration(i)*time.Second))
		ok(p.t, err)
		plans[terms.Name], err = p.store.PublishPlan(ctx, actor, plan.ID, p.clock)
		ok(p.t, err)
	}
	return api, plans
}

// TestCatalogIsReadableWithoutSigningIn: an API, its plans side by side and its reference, and nothing that is for invited people.
func TestCatalogIsReadableWithoutSigningIn(t *testing.T) {
	p := openPortal(t)
	_, plans := p.weather()
	b := p.visitor()
	b.get("/").has(t, "Weather API", "https://gateway.example.com/weather/prod/forecast?lat=52.52", "200 application/json", "temp")
	b.get("/apis").has(t, "Weather API", "For every point on land.", "Free", "€0", "Growth", "€49 a month")
	b.get("/apis?q=wea").has(t, "Weather API")
	b.get("/apis?q=zz").has(t, "No API found")
	page := b.get("/apis/weather")
	page.has(t, "An idle key may send", "10 requests at once", "10,000 requests a month", "next on 1 Apr 2026", "€49", "a month", "Ask to subscribe",
		"1 method with a limit of its own, 1 not included", "x-api-key: $WEATHER_KEY", "GET", "/forecast",
		"/join?next="+url.QueryEscape("/apis/weather/subscribe?plan="+plans["Free"].ID.String()))
	page.hasNot(t, "Friends", "https://example.com")
	if strings.Count(page.body, `class="btn pri"`) != 1 {
		t.Errorf("%d primary buttons, want 1", strings.Count(page.body, `class="btn pri"`))
	}
}

// TestReferenceShowsWhatIsDeployed: parameters, answers and a call that can be pasted; what owners wrote cannot run.
func TestReferenceShowsWhatIsDeployed(t *testing.T) {
	p := openPortal(t)
	p.weather()
	b := p.visitor()
	overview := b.get("/apis/weather/docs")
	overview.has(t, "All the <strong>weather</strong>", "<h2>About</h2>", "3 operations", "No key", "Deprecated", "https://gateway.example.com/weather/prod")
	overview.hasNot(t, "onerror", "Secret plans", "not-deployed")
	op := b.get("/apis/weather/docs/get-forecast")
	op.has(t, "Get a forecast", "lat", "number", "required", "52.52", "Answers", "Degrees.", `"temp"`, "curl", "?lat=52.52", "Free : 1 request a second, one at a time for this operation", "Growth : No limit of the rate")
	op.hasNot(t, "alert(1)\">", "<script>alert", "javascript:")
	b.get("/apis/weather/docs/post-stations").has(t, "Free : not included", "deprecated", "Body", "--data-raw")
	b.get("/apis/weather/docs/get-health").has(t, "Needs no key")
	b.get("/apis/weather/docs?q=station").has(t, "Create a station")
	b.get("/apis/weather/docs?q=zz").has(t, "No operation found")
	if got := b.get("/apis/weather/docs?op=GET+/forecast"); got.location != "/apis/weather/docs/get-forecast" {
		t.Errorf("an old address leads to %q", got.location)
	}
	for _, path := range []string{"?op=GET+/not-deployed", "?op=x", "?stage=nothing", "/get-not-deployed", "/nothing"} {
		if got := b.get("/apis/weather/docs" + path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, got.status)
		}
	}
}

// TestPagesSayWhereTheGatewayReadsTheKey: where the next deployment will read it is no caller's business yet.
func TestPagesSayWhereTheGatewayReadsTheKey(t *testing.T) {
	p := openPortal(t)
	api, _ := p.weather()
	owner := models.Actor{AccountID: api.OwnerID, Role: models.RoleOwner}
	draft := models.APISettings{Name: api.Name, Slug: api.Slug, Summary: api.Summary, KeySource: models.KeySource{Place: models.KeyInHeader, Name: "x-drafted"}}
	ok(t, p.store.UpdateAPI(p.t.Context(), owner, api.ID, draft, p.clock))
	b := p.visitor()
	for _, path := range []string{"/", "/apis/weather", "/apis/weather/docs", "/apis/weather/docs/get-forecast"} {
		page := b.get(path)
		page.has(t, "x-api-key")
		page.hasNot(t, "x-drafted")
	}
}

// TestCatalogKnowsItsReader: who is on a plan sees it, and subscribes without being sent over the sign-up page.
func TestCatalogKnowsItsReader(t *testing.T) {
	p := openPortal(t)
	_, plans := p.weather()
	dan := p.account(models.RoleDeveloper, "dan@example.com")
	_, _, err := p.store.Subscribe(t.Context(), storetest.Actor(dan), models.NewSubscription{PlanID: plans["Free"].ID, AppName: "My app"}, p.clock)
	ok(t, err)
	ok(t, p.store.SetPlanInvitations(t.Context(), models.Actor{AccountID: plans["Free"].OwnerID, Role: models.RoleOwner}, plans["Friends"].ID, []string{"dan@example.com"}, p.clock))
	page := p.signedIn("dan@example.com").get("/apis/weather")
	page.has(t, "Your plan", "My app", "is on this plan (active)", "Friends", "You are invited", `href="/apis/weather/subscribe?plan=`+plans["Growth"].ID.String())
	page.hasNot(t, "/join?next=")
}

// TestReferenceOfALargeAPIStaysSmall: one group at a time, in a page that is quick to send.
func TestReferenceOfALargeAPIStaysSmall(t *testing.T) {
	p := openPortal(t)
	owner := p.account(models.RoleOwner, "olga@example.com")
	var d openapi.Description
	in := models.NewAPI{Name: "Large", Slug: "large", KeySource: models.DefaultKeySource(), Document: []byte("{}")}
	for i := range 1000 {
		op := openapi.Operation{Verb: "GET", Path: fmt.Sprintf("/things/%d", i), Summary: fmt.Sprintf("Get thing %d", i), Tags: []string{fmt.Sprintf("Group %02d", i/25)}}
		d.Operations = append(d.Operations, op)
		in.Methods = append(in.Methods, models.Method{Verb: op.Verb, Path: op.Path, Summary: op.Summary, KeyRequired: true})
	}
	var err error
	in.Reading, err = d.Pack()
	ok(t, err)
	actor := storetest.Actor(owner)
	api, err := p.store.CreateAPI(t.Context(), actor, in, p.clock)
	ok(t, err)
	stage, err := p.store.CreateStage(t.Context(), actor, api.ID, models.Stage{Name: "prod", Upstream: "https://example.com", Timeout: time.Second}, p.clock)
	ok(t, err)
	_, err = p.store.Deploy(t.Context(), actor, api.ID, stage.ID, "", p.clock)
	ok(t, err)
	b := p.signedIn("olga@example.com") // its owner sees it before there is a plan
	for path, want := range map[string]string{
		"/apis/large/docs": "Show 25 operations", "/apis/large/docs?tag=Group+39": "Get thing 999", "/apis/large/docs/get-things-999": "Get thing 998",
	} {
		got := b.get(path)
		got.has(t, want)
		if len(got.body) > 60_000 {
			t.Errorf("%s has %d bytes", path, len(got.body))
		}
	}
}

// TestAPIOfAFormHasAReference: verbs, paths and names in the path are enough to call it.
func TestAPIOfAFormHasAReference(t *testing.T) {
	p := openPortal(t)
	owner := p.account(models.RoleOwner, "olga@example.com")
	actor := storetest.Actor(owner)
	api, err := p.store.CreateAPI(t.Context(), actor, models.NewAPI{Name: "Plain", Slug: "plain", KeySource: models.KeySource{Place: models.KeyInQuery, Name: "k"},
		Methods: []models.Method{{Verb: "GET", Path: "/users/{id}", Summary: "One user", KeyRequired: true}}}, p.clock)
	ok(t, err)
	b := p.signedIn("olga@example.com")
	b.get("/apis/plain").has(t, "Only you see this page: nothing is deployed yet")
	if got := p.visitor().get("/apis/plain"); got.status != http.StatusNotFound {
		t.Errorf("a stranger sees an API that is not public: %d", got.status)
	}
	stage, err := p.store.CreateStage(t.Context(), actor, api.ID, models.Stage{Name: "prod", Upstream: "https://example.com", Timeout: time.Second}, p.clock)
	ok(t, err)
	_, err = p.store.Deploy(t.Context(), actor, api.ID, stage.ID, "", p.clock)
	ok(t, err)
	b.get("/apis/plain/docs").has(t, "1 operation", "/users/{id}")
	b.get("/apis/plain/docs/get-users-id").has(t, "One user", "Path parameters", "/users/1?k=")
}

// TestEmptyPortalSaysWhatIsNext.
func TestEmptyPortalSaysWhatIsNext(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleOwner, "olga@example.com")
	for _, path := range []string{"/", "/apis"} {
		p.visitor().get(path).has(t, "No API is public yet", "as soon as their owners publish")
		p.signedIn("olga@example.com").get(path).has(t, "No API is public yet", "/owner/apis/new")
	}
	p.visitor().get("/problems/throttled").has(t, "Too many at once", "https://portal.example.com/problems/throttled")
	p.visitor().get("/signin").has(t, "Password forgotten?")
}
