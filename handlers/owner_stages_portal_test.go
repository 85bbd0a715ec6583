package handlers_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

func (p *ownerPortal) settings(w world) models.StageSettings {
	p.t.Helper()
	st, err := p.store.Stage(p.t.Context(), p.owner.ID, w.api.ID, w.stage.ID)
	ok(p.t, err)
	return st.Settings
}

func stagePath(w world) string {
	return "/owner/apis/" + w.api.ID.String() + "/stages/" + w.stage.ID.String()
}

// What was typed comes back with what is wrong at its field, and rows that are empty are left out.
func TestUpstreamSettingsAreSavedAsTheyAreTyped(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), stagePath(w)+"/upstream"
	b.get(path).has(t, `value="https://example.com"`, "Save upstream")
	p.refused = "10.0.0.7"
	b.post(path, "upstream", "https://example.com", "target_1", "", "target_2", "ftp://x", "weight_2", "many", "health", "on", "health_path", "up", "health_interval", "0.2", "timeout", "x", "retries", "9", "ca", "none").again(t,
		`value="ftp://x"`, `value="many"`, "The address must begin with", "is not a number", `value="up"`, "Enter a path such as /health", "Enter 1 second to 10 minutes", `value="0.2"`, "Enter 0 to 5", "Paste one or more certificates")
	// A 0 is no way to write the default.
	b.post(path, "upstream", "https://example.com", "weight", "0", "health", "on", "health_path", "/up", "health_interval", "0", "connect", "0", "unhealthy", "0", "breaker_failures", "0", "retries", "-1").again(t,
		"Enter a weight of 1 to 1,000", "Enter 1 second to 10 minutes", "Enter 100 ms to 1 minute", "Enter 1 to 10 answers", "Enter 1 to 1,000 failures", "Enter 0 to 5")
	b.post(path, "upstream", "https://example.com", "target_3", "http://10.0.0.7", "timeout", "30").again(t, "--allow-upstream", `name="target_1" type="text" value="http://10.0.0.7"`)
	more := b.post(path, "upstream", "https://example.com", "target_1", "https://b.example.com", "more", "1")
	more.has(t, `name="target_6"`, `value="https://b.example.com"`)
	if more.status != http.StatusOK || !p.settings(w).TLS.Insecure && len(p.settings(w).Targets.Others) != 0 {
		t.Errorf("more rows: %d, %+v", more.status, p.settings(w))
	}
	b.sees(b.post(path, "upstream", "https://example.com/v1", "weight", "3", "target_2", "https://b.example.com", "target_4", "https://c.example.com", "weight_4", "0", "timeout", "12.5", "retries", "2",
		"health", "on", "health_path", "/up", "health_timeout", "0.5", "stream", "60", "server_name", "api.internal")).has(t, "Saved.", `value="https://c.example.com"`, `value="0.5"`, `value="12.5"`)
	got := p.settings(w)
	if want := []models.Target{{URL: "https://b.example.com", Weight: 1}, {URL: "https://c.example.com"}}; !slices.Equal(got.Targets.Others, want) || got.Targets.Weight != 3 || !got.Targets.Breaker.Off ||
		got.Targets.Health.Timeout != 500*time.Millisecond || got.Timeouts.Stream != time.Hour || got.TLS.ServerName != "api.internal" {
		t.Errorf("saved %+v", got)
	}
	b.get(stagePath(w)).has(t, "3 targets, health checked", "with 2 more targets")
	b.get("/owner/apis/"+w.api.ID.String()).has(t, "with 2 more targets")
}

func TestVariablesAreSavedUnlessSomethingNeedsThem(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), stagePath(w)+"/variables"
	b.get(path).has(t, "None now: all callers get", `name="variable_2"`)
	b.post(path, "variable_1", "a-b", "value_1", "x", "variable_2", "c", "value_2", "1", "variable_3", "c", "value_3", "2").again(t, "A name has 1 to 64", "stands in the list already", `value="a-b"`)
	b.sees(b.post(path, "variable_2", "host", "value_2", "example.com")).has(t, "Saved.", `name="variable_1" type="text" value="host"`)
	b.sees(b.post(stagePath(w)+"/upstream", "upstream", "https://${stageVariables.host}", "timeout", "30", "breaker", "on")).has(t, "Saved.")
	b.post(path, "variable_1", "").again(t, "does not go together with another setting", "no variable")
	if got := p.settings(w).Variables; !maps.Equal(got, map[string]string{"host": "example.com"}) {
		t.Errorf("saved %v", got)
	}
	b.get(path).has(t, "Used now: in the upstream")
}

func TestACanaryIsStartedSeenAndEnded(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), stagePath(w)
	api := "/owner/apis/" + w.api.ID.String()
	b.sees(b.post(api+"/methods", "verb", "GET", "path", "/new"))
	b.sees(b.post(path+"/variables", "variable_1", "host", "value_1", "a.example.com"))
	b.post(path+"/canary", "canary_deployment", "new", "canary_percent", "500").again(t, "Enter 0 to 100 percent", `value="500"`, `value="host"`)
	b.post(path+"/canary", "canary_deployment", "nonsense", "canary_percent", "").again(t, "Choose a deployment", "Enter a number")
	page := b.sees(b.post(path+"/canary", "canary_deployment", "new", "canary_percent", "2.5", "cv_host", "b.example.com"))
	page.has(t, "2.5 % of the callers of prod get the canary", "2.5 % on #2", "Promote: all callers get #2", "Abort: all callers get #1", "Added", "/new", `value="b.example.com"`)
	for _, list := range []string{api, path, "/owner/apis/" + w.api.ID.String()} {
		b.get(list).has(t, "Canary 2.5 %")
	}
	b.get(api).has(t, "prod canary")
	b.sees(b.post(path+"/canary/abort")).has(t, "The canary is aborted: all callers of prod get deployment #1", "None now")
	b.sees(b.post(path+"/canary/abort")).has(t, "has no canary any more")
	second := regexp.MustCompile(`value="([a-z0-9]{10})"[^>]*>#2`).FindStringSubmatch(b.get(path + "/variables").body)[1]
	b.sees(b.post(path+"/canary", "canary_deployment", second, "canary_percent", "10", "cv_host", "c.example.com"))
	b.sees(b.post(path+"/canary/promote")).has(t, "all callers of prod get deployment #2", `value="c.example.com"`)
	b.get(path).has(t, "Deployment #2")
	b.get("/owner/audit").has(t, "promoted the canary of", "aborted the canary of", "changed the canary of")
}

func TestHeaderRulesAndCORSAreSavedApart(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), stagePath(w)
	b.post(path+"/headers", "request_action_1", "set", "request_name_1", "X-Forwarded-For", "request_value_1", "me", "response_action_2", "remove", "response_name_2", "Server", "response_value_2", "x").again(t,
		`value="X-Forwarded-For"`, "the gateway's own", "removes a header has no value")
	b.post(path+"/headers", "request_action_1", "set", "request_name_1", "X-Api-Key", "request_value_1", "me").again(t, "the gateway's own")
	b.sees(b.post(path+"/headers", "request_action_1", "set", "request_name_1", "", "request_action_2", "add", "request_name_2", "X-Tenant", "request_value_2", "acme ${requestId}", "response_action_1", "remove", "response_name_1", "Server")).
		has(t, "Saved.", `value="X-Tenant"`, `value="Server"`, `name="cors"`)
	b.post(path+"/cors", "cors", "on", "origins", "https://app.example.com/path", "max_age", "1000000").again(t, "https://app.example.com/path", "Enter 0 to 86,400 seconds", `value="X-Tenant"`)
	b.sees(b.post(path+"/cors", "cors", "on", "origins", "*", "max_age", "0")).has(t, "Saved.")
	b.sees(b.post(path+"/cors", "cors", "on", "origins", "https://app.example.com\nhttps://*.example.org", "headers", "X-A, X-B", "max_age", "600")).has(t, "Saved.", "https://*.example.org", `value="X-A, X-B"`, `value="X-Tenant"`)
	got := p.settings(w)
	if len(got.Request) != 1 || got.Request[0] != (models.HeaderRule{Action: models.HeaderAdd, Name: "X-Tenant", Value: "acme ${requestId}"}) || len(got.Response) != 1 || len(got.CORS.Origins) != 2 || got.CORS.MaxAge != 10*time.Minute {
		t.Errorf("saved %+v", got)
	}
	b.sees(b.post(path+"/cors", "origins", "https://other.example.com")).hasNot(t, "https://other.example.com")
	if got := p.settings(w); got.CORS != nil || len(got.Request) != 1 {
		t.Errorf("switched off: %+v", got)
	}
	b.get("/owner/audit").hasNot(t, "acme")
}

func TestMaintenanceIsLoudUntilItEnds(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), stagePath(w)
	b.get(path+"/maintenance").has(t, "Switch the stage off")
	b.post(path+"/maintenance", "until_on", "2020-01-01", "until_at", "noon", "message", strings.Repeat("x", 201)).again(t, "Enter a time such as 09:00", "at most 200")
	b.post(path+"/maintenance", "until_on", "2020-01-01", "until_at", "12:00").again(t, "This is over already", `value="2020-01-01"`)
	until := p.clock.Add(2 * time.Hour).Truncate(time.Minute)
	b.sees(b.post(path+"/maintenance", "until_on", until.Format(time.DateOnly), "until_at", until.Format("15:04"), "message", "Back soon.")).has(t, "The stage is switched off", "Switch it on again", `value="Back soon."`)
	if m := p.settings(w).Maintenance; m == nil || !m.Until.Equal(until) || m.Message != "Back soon." {
		t.Errorf("saved %+v", m)
	}
	for _, page := range []string{"/owner/apis", "/owner/apis/" + w.api.ID.String(), path, path + "/upstream"} {
		b.get(page).has(t, "aintenance", "bad")
	}
	p.visitor().get("/apis/echo").has(t, "Maintenance", "Back soon.", until.Format("2 Jan 2006, 15:04"))
	p.clock = p.clock.Add(3 * time.Hour)
	b.get(path+"/maintenance").has(t, "is off still")
	b.sees(b.post(path+"/maintenance", "until_on", until.Format(time.DateOnly), "until_at", until.Format("15:04"), "message", "Still.")).has(t, `value="Still."`)
	b.sees(b.post(path+"/maintenance/end")).has(t, "The stage is on again", "The stage is served")
	if m := p.settings(w).Maintenance; m != nil {
		t.Errorf("it is off still: %+v", m)
	}
}

func TestACacheIsSetAndPurged(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), stagePath(w)+"/cache"
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	shown := b.get(path)
	shown.has(t, "Keep answers", "/get")
	shown.hasNot(t, "Forget all of it", "/post")
	b.post(path, "cache", "on", "ttl", "9999", "cache_body", "0.1", "vary", "a b{").again(t, "Enter 1", `value="9999"`, "1 KiB", "b{")
	b.sees(b.post(path, "cache", "on", "vary", "Accept, Accept-Language", "cache_body", "2048", "cache_method", methods[0].ID.String())).has(t, "Saved.", `value="60"`, `value="2048"`, "checked", "Forget all of it")
	before := p.settings(w).Cache
	if before.TTL != time.Minute || before.MaxBody != 2<<20 || len(before.Vary) != 2 || len(before.Methods) != 1 {
		t.Errorf("saved %+v", before)
	}
	b.sees(b.post(path+"/purge")).has(t, "Forgotten")
	if after := p.settings(w).Cache; after.Epoch <= before.Epoch {
		t.Errorf("epoch %d after %d", after.Epoch, before.Epoch)
	}
	b.get("/owner/audit").has(t, "forgot the cached answers of")
	b.sees(b.post(path)).hasNot(t, "Forget all of it")
}

func TestBodiesAreBounded(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), stagePath(w)+"/limits"
	b.post(path, "max_body", "2000000").again(t, "1 byte to 1 TiB", `value="2000000"`)
	b.sees(b.post(path, "max_body", "0.5", "body", "on")).has(t, `value="0.5"`, "no document to compare with")
	if got := p.settings(w); got.Limits.MaxBody != 1<<19 || got.Validation.Body {
		t.Errorf("saved %+v", got)
	}
}

// A private key goes in and never comes out.
func TestClientCertificatesAreMadeBroughtChosenAndDeleted(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, list := p.signedIn("owner@example.com"), "/owner/client-certificates"
	b.post(list+"/make", "made_name", "").again(t, "Enter a name")
	made := b.post(list+"/make", "made_name", "Gateway to billing")
	page := b.sees(made)
	page.has(t, "Gateway to billing", "BEGIN CERTIFICATE", "CN=Gateway to billing", "no stage")
	page.hasNot(t, "PRIVATE")
	pair, err := models.NewClientKeyPair("Brought", p.clock)
	ok(t, err)
	shown := b.post(list, "name", "", "chain", string(pair.Chain), "key", "nonsense")
	shown.again(t, "Enter a name", "Paste the private key", "BEGIN CERTIFICATE")
	shown.hasNot(t, "nonsense")
	shown = b.sees(b.post(list, "name", "Brought", "chain", string(pair.Chain), "key", string(pair.Key)))
	shown.has(t, "Brought by you")
	shown.hasNot(t, "PRIVATE")
	b.post(list, "name", "Wrong", "chain", "nonsense", "key", "nonsense").again(t, "Paste the private key", "from BEGIN CERTIFICATE to END CERTIFICATE")
	b.get(list).has(t, "Gateway to billing", "Brought", "Valid", `href="/owner/apis" aria-current="page"`)
	one := made.location
	if got := b.get(one + "/pem"); !strings.HasPrefix(got.body, "-----BEGIN CERTIFICATE") || strings.Contains(got.body, "PRIVATE") {
		t.Errorf("the file is %q", got.body)
	}
	id := one[strings.LastIndex(one, "/")+1:]
	b.sees(b.post(stagePath(w)+"/upstream", "upstream", "https://example.com", "timeout", "30", "certificate", id, "breaker", "on")).has(t, `value="`+id+`" selected`)
	b.get(list).has(t, "echo · prod")
	b.sees(b.post(one+"/delete")).has(t, "shows this certificate")
	for _, path := range []string{one, one + "/pem", one + "/delete"} {
		if got := p.signedIn("stranger@example.com").get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: another owner got %d", path, got.status)
		}
	}
	p.clock = p.clock.AddDate(0, 11, 20)
	b = p.signedIn("owner@example.com")
	b.get(list).has(t, "Ends in")
	b.sees(b.post(stagePath(w)+"/upstream", "upstream", "https://example.com", "timeout", "30", "breaker", "on"))
	shown = b.sees(b.post(one + "/delete"))
	shown.has(t, "is deleted")
	shown.hasNot(t, "CN=Gateway")
}

// Two tabs that are open at once do not undo each other.
func TestAPartOfAStageIsSavedByItself(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), stagePath(w)
	b.sees(b.post(path+"/maintenance", "message", "Back soon."))
	b.sees(b.post(path+"/variables", "variable_1", "a", "value_1", "1"))
	b.sees(b.post(path, "upstream", "https://example.org", "timeout", "5"))
	_, err := p.store.ChangeStage(t.Context(), storetest.Actor(p.owner), w.api.ID, w.stage.ID, models.StageUpstream, func(s *models.Stage) error { s.Settings.Targets.Retries = 1; return nil }, p.clock)
	ok(t, err)
	b.sees(b.post(path+"/cors", "cors", "on", "origins", "*"))
	if got := p.settings(w); got.Maintenance == nil || got.Variables["a"] != "1" || got.Targets.Retries != 1 || got.CORS == nil {
		t.Errorf("got %+v", got)
	}
}

// oneOut is a gateway that sees the second of two targets fail.
type oneOut struct{ since time.Time }

func (o oneOut) Targets(models.StageID) []models.TargetState {
	return []models.TargetState{{In: true, Failures: 1}, {Since: o.since, Failures: 7}}
}

func (o oneOut) CacheStats(models.StageID) (models.CacheStats, bool) {
	return models.CacheStats{Entries: 12, Bytes: 4096, Hits: 30, Misses: 10}, true
}

func TestWhatTheGatewaySeesIsShown(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	p.states = oneOut{p.clock.Add(-time.Minute)}
	p.handler = p.serveOwner(p.store)
	b, path := p.signedIn("owner@example.com"), stagePath(w)
	b.sees(b.post(path+"/upstream", "upstream", "https://example.com", "target_1", "https://b.example.com", "timeout", "30", "breaker", "on")).has(t, "In service", "Failed for callers", "7 failures", "1 target out")
	b.sees(b.post(path+"/cache", "cache", "on")).has(t, "12 answers", "30 of 40 that looked")
	b.get("/owner/apis/"+w.api.ID.String()).has(t, "1 target out")
}

// Without an upstream a method that has no integration would be answered by nobody.
func TestAStageIsWithoutAnUpstreamOnlyWhereEveryMethodHasAnIntegration(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), stagePath(w)
	api := "/owner/apis/" + w.api.ID.String()
	const missing = "Only where every method has an integration can it be empty."
	b.post(path, "upstream", "", "timeout", "5").again(t, missing)
	b.post(path+"/upstream", "upstream", "", "timeout", "5").again(t, missing)
	b.post(api+"/stages", "name", "next", "upstream", "", "timeout", "5").again(t, missing)
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	for _, m := range methods {
		ok(t, p.store.RemoveMethod(t.Context(), storetest.Actor(p.owner), w.api.ID, m.ID, p.clock))
	}
	_, err = p.store.AddMethod(t.Context(), storetest.Actor(p.owner), w.api.ID, models.Method{Verb: "GET", Path: "/mock", MethodDetails: models.MethodDetails{Integration: &models.Integration{Kind: models.IntegrationMock}}}, p.clock)
	ok(t, err)
	b.post(path+"/upstream", "upstream", "", "target_1", "https://b.example.com", "timeout", "5").again(t, "Enter the stage&#39;s own upstream before further ones.")
	b.sees(b.post(path+"/upstream", "upstream", "", "timeout", "5")).has(t, "Saved.")
	b.sees(b.post(path, "upstream", "", "timeout", "6")).has(t, "Saved.", "which says for itself where they go")
	b.get(api).has(t, "set by each method&#39;s integration")
	b.get(api+"/stages/new").has(t, "which says for itself where they go")
	b.sees(b.post(api+"/stages", "name", "next", "upstream", "", "timeout", "5", "deploy", "on")).has(t, "is made and deployed")
}
