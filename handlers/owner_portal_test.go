package handlers_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/docs"
	"gatehouse/handlers"
	"gatehouse/handlers/session"
	"gatehouse/jobs"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/openapi"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
	"gatehouse/static"
	"gatehouse/templates/htmlcheck"
	"gatehouse/web"
)

// ownerPortal is a portal with two owners and a developer, whose reader and address check the test decides.
type ownerPortal struct {
	*portal
	owner, stranger, developer models.Account
	description                openapi.Description // that every document has
	readError                  error
	refused                    string // address that may not be dialled
	recording                  *heldRecording
	rehearsals                 *handlers.Rehearsals
	imports                    *jobs.Imports
	proofs                     []string // that DNS shows for every host
	folder                     string   // of the imports
	states                     handlers.StageStates
}

func (p *ownerPortal) Read(context.Context, []byte) (openapi.Reading, error) {
	if p.readError != nil {
		return openapi.Reading{}, p.readError
	}
	pack, err := p.description.Pack()
	return openapi.Reading{Description: p.description, Pack: pack}, err
}

func (p *ownerPortal) CheckUpstream(_ context.Context, url string) error {
	if strings.Contains(url, "nowhere") {
		return fmt.Errorf("look up nowhere: %w", &net.DNSError{Err: "no such host", Name: "nowhere"})
	}
	if p.refused != "" && strings.Contains(url, p.refused) {
		return fmt.Errorf("the address %s is private: the operator must add --allow-upstream 10.0.0.0/8", p.refused)
	}
	return nil
}

func openOwnerPortal(t *testing.T) *ownerPortal {
	t.Helper()
	ring := secret.NewKeyring()
	p := &ownerPortal{portal: &portal{t: t, store: storetest.Open(t, func(c *store.Config) { c.Keyring = ring }), clock: storetest.Now()}, folder: filepath.Join(t.TempDir(), "imports")}
	p.imports = jobs.NewImports(jobs.Config{Store: p.store, Keyring: ring, Dir: p.folder, Now: func() time.Time { return p.clock }})
	p.record()
	p.handler = p.serveOwner(p.store)
	p.owner, p.stranger, p.developer = p.account(models.RoleOwner, "owner@example.com"), p.account(models.RoleOwner, "stranger@example.com"), p.account(models.RoleDeveloper, "developer@example.com")
	p.description = openapi.Description{Format: "openapi 3.1.0", Title: "Weather", Version: "2", Summary: "Forecasts for everybody.", Servers: []string{"/v1", "https://api.example.com/v1"}, Secured: true,
		Operations: []openapi.Operation{{Verb: "GET", Path: "/forecast", Summary: "The next days", KeyRequired: true}, {Verb: "GET", Path: "/status"}, {Verb: "POST", Path: "/batch", KeyRequired: true}}}
	return p
}

func (p *ownerPortal) serveOwner(s *store.Store) http.Handler {
	now := func() time.Time { return p.clock }
	site := &handlers.Site{Accounts: s, Sessions: session.New(s, secret.NewKeyring().CookieKeys(), false, now), Log: slog.New(slog.DiscardHandler), Now: now,
		PublicURL: "https://portal.example.com", GatewayURL: "https://gateway.example.com", GatewayHost: "gateway.example.com", Names: domainNames{s}}
	passwords, throttle := secret.NewQuickHasher(), handlers.NewThrottle(p.clock)
	return web.Handler(site, web.Pages{
		System: p.system(s), SiteMap: &handlers.SiteMap{Store: s}, Guides: &handlers.Guides{Store: s, Text: handlers.NewGuideText()}, OwnerDomains: &handlers.OwnerDomains{Store: s, Check: p.checkDomain, Reserved: func(host string) bool { return host == "portal.example.com" }}, Domains: &handlers.AdminDomains{Store: s}, OwnerGuides: &handlers.OwnerGuides{Store: s, Text: handlers.NewGuideText()}, Catalog: &handlers.Catalog{Store: s, Operations: &handlers.Operations{}, Markdown: handlers.NewMarkdown()},
		SignIn: &handlers.SignIn{Store: s, Passwords: passwords, Throttle: throttle}, Audit: &handlers.Audit{Store: s},
		OwnerOverview: &handlers.OwnerOverview{Store: s}, OwnerAPIs: &handlers.OwnerAPIs{Store: s, Reader: p, Addresses: p, States: p.states}, OwnerDocuments: &handlers.OwnerDocuments{Store: s, Reader: p}, Subscribe: &handlers.Subscribe{Store: s, Markdown: handlers.NewMarkdown()}, Search: &handlers.Search{Store: s, Operations: &handlers.Operations{}}, OwnerStages: &handlers.OwnerStages{Store: s, Addresses: p, States: p.states}, Certificates: &handlers.Certificates{Store: s}, AccessKeys: &handlers.AccessKeys{Store: s, Endpoint: "https://manage.example.com"}, Help: &handlers.Help{Text: handlers.NewGuideText(), Stages: docs.Stages}, OwnerAuthorizers: &handlers.OwnerAuthorizers{Store: s, Tester: &tester{}, Addresses: p},
		OwnerPlans: &handlers.OwnerPlans{Store: s, Rehearsals: p.rehearsals}, OwnerSubscriptions: &handlers.OwnerSubscriptions{Store: s, Markdown: handlers.NewMarkdown()}, OwnerKeys: &handlers.OwnerKeys{Store: s}, OwnerOverrides: &handlers.OwnerOverrides{Store: s}, OwnerCustomers: &handlers.OwnerCustomers{Store: s}, SeeAs: &handlers.SeeAs{Store: s}, Home: &handlers.Home{Store: s, Limits: noLimits}, Apps: &handlers.Apps{Store: s, Limits: noLimits}, Keys: &handlers.Keys{Store: s, Limits: noLimits}, Me: &handlers.Me{Store: s, Passwords: passwords, Throttle: throttle}, Admin: &handlers.Admin{Store: s}, OwnerImports: &handlers.OwnerImports{Store: s, Files: p.imports}, OwnerUsage: &handlers.OwnerUsage{Store: s}, OwnerAnalytics: &handlers.OwnerAnalytics{Store: s},
		Notices: &handlers.ChangeNotices{Store: s}, Changelog: &handlers.Changelog{Store: s, Markdown: handlers.NewMarkdown()}, OwnerChanges: &handlers.OwnerChanges{Store: s},
	}, static.Handler())
}

// world is what an owner has: an API with a deployed stage, and a published plan that opens it.
type world struct {
	api   models.API
	stage models.Stage
	plan  models.Plan
}

func (p *ownerPortal) world(owner models.Account, slug string, change func(*models.Terms)) world {
	p.t.Helper()
	ctx, actor := p.t.Context(), storetest.Actor(owner)
	api, err := p.store.CreateAPI(ctx, actor, models.NewAPI{Name: slug, Slug: slug, KeySource: models.DefaultKeySource(), Methods: []models.Method{
		{Verb: "GET", Path: "/get", KeyRequired: true}, {Verb: "POST", Path: "/post", KeyRequired: true}, {Verb: "GET", Path: "/open"}}}, p.clock)
	ok(p.t, err)
	stage, err := p.store.CreateStage(ctx, actor, api.ID, models.Stage{Name: "prod", Upstream: "https://example.com", Timeout: models.DefaultTimeout}, p.clock)
	ok(p.t, err)
	_, err = p.store.Deploy(ctx, actor, api.ID, stage.ID, "", p.clock)
	ok(p.t, err)
	return world{api, stage, p.plan(owner, slug+" plan", stage, change)}
}

func (p *ownerPortal) plan(owner models.Account, name string, stage models.Stage, change func(*models.Terms)) models.Plan {
	p.t.Helper()
	terms := models.NewTerms(name)
	terms.Throttle, terms.Quota = &limit.Throttle{Rate: 80, Burst: 200}, &limit.Quota{Limit: 10_000, Period: limit.PeriodMonth}
	terms.Stages = []models.PlanStage{{StageID: stage.ID}}
	if change != nil {
		change(&terms)
	}
	plan, err := p.store.CreatePlan(p.t.Context(), storetest.Actor(owner), terms, p.clock)
	ok(p.t, err)
	plan, err = p.store.PublishPlan(p.t.Context(), storetest.Actor(owner), plan.ID, p.clock)
	ok(p.t, err)
	return plan
}

func (p *ownerPortal) subscribe(plan models.Plan, app string) models.Subscribed {
	p.t.Helper()
	made, _, err := p.store.Subscribe(p.t.Context(), storetest.Actor(p.developer), models.NewSubscription{PlanID: plan.ID, AppName: app, KeyName: app + " key", Message: "Please"}, p.clock)
	ok(p.t, err)
	return made
}

// sees checks that an answer sends the browser on, and returns the page where it lands.
func (b *browser) sees(a answer) answer {
	b.portal.t.Helper()
	if a.status != http.StatusSeeOther {
		b.portal.t.Fatalf("got %d, want to be sent on:\n%s", a.status, a.text())
	}
	return b.get(strings.SplitN(a.location, "#", 2)[0])
}

// part asks for a part of a page as htmx does.
func (b *browser) part(path string) answer {
	b.portal.t.Helper()
	r := httptest.NewRequestWithContext(b.portal.t.Context(), http.MethodGet, path, nil)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("Cookie", b.cookie)
	w := httptest.NewRecorder()
	b.portal.handler.ServeHTTP(w, r)
	for _, problem := range htmlcheck.Fragment(w.Body.String()) {
		b.portal.t.Errorf("GET %s: %s", path, problem)
	}
	return answer{status: w.Code, body: w.Body.String(), header: w.Header()}
}

// again checks that a form came back.
func (a answer) again(t *testing.T, want ...string) {
	t.Helper()
	if a.status != http.StatusUnprocessableEntity {
		t.Errorf("got %d %s, want the form again", a.status, a.location)
	}
	a.has(t, want...)
}

// planFields are a plan's form as a browser sends it.
func planFields(stage models.Stage, pairs ...string) []string {
	return append([]string{"name", "Growth", "throttled", "on", "rate", "50", "burst", "100", "limited", "on", "quota", "10,000", "period", "MONTH", "week_day", "0", "month_day", "1",
		"stage", stage.ID.String(), "audience", "anyone", "charge", "accepted", "keys_per_app", "1"}, pairs...)
}

// with replaces values of fields.
func with(fields []string, pairs ...string) []string {
	out := append([]string{}, fields...)
	for i := 0; i+1 < len(pairs); i += 2 {
		found := false
		for j := 0; j+1 < len(out); j += 2 {
			if out[j] == pairs[i] {
				out[j+1], found = pairs[i+1], true
			}
		}
		if !found {
			out = append(out, pairs[i], pairs[i+1])
		}
	}
	return out
}

// Flow 2 of the design: from an OpenAPI document to a plan in the catalog with three forms.
func TestOwnerGoesFromADocumentToAPublishedPlanInThreeForms(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	b.get("/owner").has(t, "From nothing to a published plan")

	page := b.sees(b.post("/owner/apis", "source", "document", "document", "openapi: 3.1.0", "stage", "prod", "key_place", "header", "key_name", "x-api-key"))
	page.has(t, "Weather is created with 3 methods.", "It is deployed to the stage prod.", "https://gateway.example.com/weather/prod", "https://api.example.com/v1", "2 of 3 methods need an API key")
	next := regexp.MustCompile(`/owner/plans/new\?stage=[a-z0-9]+`).FindString(page.body)
	editor := b.get(next)
	editor.has(t, "New plan", "10 requests at once")
	stage := regexp.MustCompile(`stage=([a-z0-9]+)`).FindStringSubmatch(next)[1]
	if !strings.Contains(editor.body, `value="`+stage+`" checked`) {
		t.Error("the stage that the link names is not chosen")
	}

	published := b.post("/owner/plans", append(planFields(models.Stage{}, "action", "review"), "stage", stage)...)
	review := b.sees(published)
	review.has(t, "Review and publish", "the first version")
	done := b.sees(b.post(published.location))
	done.has(t, "Version 1 of Growth is in force")

	entries, err := p.store.CatalogAPIs(t.Context(), 0, models.Page{})
	ok(t, err)
	if len(entries.Items) != 1 || entries.Items[0].Slug != "weather" || entries.Items[0].Summary != "Forecasts for everybody." {
		t.Errorf("the catalog has %+v", entries.Items)
	}
	b.get("/owner").has(t, "1 published plan", "Requests by outcome")
}

func TestBrokenDocumentIsRefusedWithItsLineAndLeavesNothing(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	p.readError = &openapi.ReadError{Line: 3, Column: 7, Reason: `The key "get" appears twice.`}
	b.post("/owner/apis", "source", "document", "document", "openapi: broken <b>", "name", "My name", "stage", "prod", "key_place", "header", "key_name", "x-api-key").
		again(t, `Line 3, column 7: The key &#34;get&#34; appears twice.`, "openapi: broken &lt;b&gt;", `value="My name"`)
	p.readError = errors.New("the child died")
	if got := b.post("/owner/apis", "source", "document", "document", "x", "key_place", "header", "key_name", "x-api-key"); got.status != http.StatusInternalServerError || strings.Contains(got.body, "child") {
		t.Errorf("a fault of ours: got %d %s", got.status, got.text())
	}
	p.readError, p.description.Operations = nil, nil
	b.post("/owner/apis", "source", "document", "document", "openapi: 3.1.0", "key_place", "header", "key_name", "x-api-key").again(t, "describes no operation")
	b.post("/owner/apis", "source", "document", "key_place", "header", "key_name", "x-api-key").again(t, "Choose a file, or paste the document.")
	b.post("/owner/apis", "source", "form", "methods", "GET users", "name", "Hand", "key_place", "header", "key_name", "x-api-key").again(t, "Line 1: A path begins with a slash", "GET users")
	b.post("/owner/apis", "source", "form", "methods", "GET /a", "name", "Hand", "key_place", "header", "key_name", "host").again(t, "Name a header")
	list, err := p.store.APIs(t.Context(), p.owner.ID, models.Page{})
	ok(t, err)
	if len(list.Items) != 0 {
		t.Errorf("left %d APIs behind", len(list.Items))
	}
}

func TestDocumentThatSaysNothingOfSecurityNeedsKeysEverywhere(t *testing.T) {
	p := openOwnerPortal(t)
	p.description.Secured = false
	for i := range p.description.Operations {
		p.description.Operations[i].KeyRequired = false
	}
	p.description.Operations = append(p.description.Operations, openapi.Operation{Verb: "TRACE", Path: "/trace"}, openapi.Operation{Verb: "GET", Path: "/forecast/"})
	b := p.signedIn("owner@example.com")
	page := b.sees(b.post("/owner/apis", "source", "document", "document", "x", "key_place", "header", "key_name", "x-api-key"))
	page.has(t, "says nothing about security", "3 of 3 methods need an API key", "There are 2 notes on the document.", "Name a stage with its upstream")
	b.get(regexp.MustCompile(`/owner/apis/[a-z0-9]{10}/import`).FindString(page.body)).has(t, "TRACE /trace", "Left out", "it answers the same requests as GET /forecast")
}

func TestUpstreamThatMayNotBeDialledIsRefusedAtItsField(t *testing.T) {
	p := openOwnerPortal(t)
	p.refused = "10.0.0.5"
	b := p.signedIn("owner@example.com")
	form := []string{"source", "document", "document", "openapi: 3.1.0", "stage", "prod", "key_place", "header", "key_name", "x-api-key"}
	b.post("/owner/apis", append(form, "upstream", "http://10.0.0.5")...).again(t, "--allow-upstream 10.0.0.0/8", "http://10.0.0.5", "openapi: 3.1.0")
	p.refused = "api.example.com" // named by the document alone: no mistake of the owner's
	b.sees(b.post("/owner/apis", form...)).has(t, "Weather is created", "No stage is made yet: The address api.example.com is private", "Name a stage with its upstream")
	p.description.Servers = nil
	b.sees(b.post("/owner/apis", append(form, "slug", "second")...)).has(t, "The document names no server, so no stage is made yet.")

	p.refused = "10.0.0.5"
	w := p.world(p.owner, "echo", nil)
	path := "/owner/apis/" + w.api.ID.String() + "/stages"
	b.post(path, "name", "beta", "upstream", "http://10.0.0.5", "timeout", "30").again(t, "--allow-upstream")
	b.post(path, "name", "a b", "upstream", "ftp://x", "timeout", "soon", "burst", "5").again(t, "Use 1 to 128 letters", "must begin with http://", `&#34;soon&#34; is not a number.`, "A burst needs a rate", `value="soon"`)
	b.post(path+"/"+w.stage.ID.String(), "upstream", "https://example.org", "timeout", "900").again(t, "Enter 1 to 300 seconds.", `value="900"`)
	b.sees(b.post(path, "name", "later", "upstream", "https://nowhere.example", "timeout", "30", "deploy", "on")).has(t, "Its upstream has no address now")
	page := b.sees(b.post(path+"/"+w.stage.ID.String(), "upstream", "https://example.org", "timeout", "5", "rate", "7.5"))
	page.has(t, "Saved.", `value="7.5"`, `value="8"`, "8 requests", "7.5 a second")
}

func TestEditsReachCallersByTheNextDeploymentAndRollBack(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	api := "/owner/apis/" + w.api.ID.String()
	stage := api + "/stages/" + w.stage.ID.String()
	deployed := func() int {
		topology, err := p.store.Topology(t.Context())
		ok(t, err)
		return len(topology.APIs[0].Stages[0].Methods)
	}
	b.post(api+"/methods", "verb", "GET", "path", "users").again(t, "A path begins with a slash", `value="users"`)
	b.post(api+"/methods", "verb", "GET", "path", "/get").again(t, `value="/get"`)
	b.sees(b.post(api+"/methods", "verb", "GET", "path", "/users/{id}", "key_required", "on")).has(t, "Undeployed changes")
	if got := deployed(); got != 3 {
		t.Fatalf("callers have %d methods before the deployment", got)
	}
	b.sees(b.post(stage+"/deploy", "note", "Users")).has(t, "Deployment #2 is on prod", "Users", "Roll back")
	if got := deployed(); got != 4 {
		t.Fatalf("callers have %d methods after the deployment", got)
	}
	first := regexp.MustCompile(`name="deployment" value="([a-z0-9]{10})"`).FindStringSubmatch(b.get(stage).body)[1]
	b.sees(b.post(stage+"/point", "deployment", first)).has(t, "prod is on deployment #1 again")
	if got := deployed(); got != 3 {
		t.Fatalf("callers have %d methods after the rollback", got)
	}
	b.get(api+"/deployments/"+first).has(t, "Deployment #1", "Never changes", "3 methods", "/post")
	if got := b.post(stage+"/point", "deployment", "aaaaaaaaaa"); got.status != http.StatusNotFound {
		t.Errorf("an unknown deployment: got %d", got.status)
	}
}

func TestKeyRequirementIsSetOneByOneAndAllAtOnce(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	api := "/owner/apis/" + w.api.ID.String()
	methods := func() map[string]models.Method {
		list, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
		ok(t, err)
		out := map[string]models.Method{}
		for _, m := range list {
			out[m.Path] = m
		}
		return out
	}
	m := methods()
	// Only what the page showed is changed: /post is on another page of the list.
	b.sees(b.post(api+"/methods/key-required", "action", "save", "shown", m["/get"].ID.String(), "shown", m["/open"].ID.String(), "key", m["/open"].ID.String())).has(t, "2 methods changed")
	if m = methods(); m["/get"].KeyRequired || !m["/open"].KeyRequired || !m["/post"].KeyRequired {
		t.Errorf("got %+v", m)
	}
	b.sees(b.post(api+"/methods/key-required", "action", "none")).has(t, "0 of 3 methods need an API key")
	b.sees(b.post(api+"/methods/key-required", "action", "all")).has(t, "3 of 3 methods need an API key")
	b.sees(b.post(api+"/methods/"+m["/get"].ID.String()+"/remove")).has(t, "2 of 2 methods")
}

func TestDeletingNamesThePlansAndAsksForTheName(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	api := "/owner/apis/" + w.api.ID.String()
	b.get(api+"/stages/"+w.stage.ID.String()+"/delete").has(t, "echo plan", "1 subscriber, 1 key", "Type prod to confirm")
	b.get(api+"/delete").has(t, "echo plan", "Type echo to confirm")
	b.post(api+"/delete", "confirm", "ech").again(t, "people use this API")
	b.post(api+"/stages/"+w.stage.ID.String()+"/delete", "confirm", "").again(t, "people use this stage")
	b.sees(b.post(api+"/delete", "confirm", "echo")).has(t, "echo is deleted")
	if got := b.get(api); got.status != http.StatusNotFound {
		t.Errorf("the API is still there: %d", got.status)
	}
}

func TestImportKeepsIdsAndLeavesNothingOnAMistake(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/apis/" + w.api.ID.String() + "/import"
	p.readError = &openapi.ReadError{Line: 1, Reason: "This is no OpenAPI document."}
	b.post(path, "document", "hello").again(t, "Line 1: This is no OpenAPI document.", "hello")
	p.readError = nil
	diff := b.sees(b.post(path, "document", "openapi: 3.1.0"))
	b.sees(b.post("/owner/apis/"+w.api.ID.String()+"/diff", "change", change(diff))).has(t, "3 methods added, 0 changed, 3 removed")
}

// gzipped is the size of a page as it travels.
func gzipped(body string) int {
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	_, _ = w.Write([]byte(body))
	_ = w.Close()
	return buffer.Len()
}
