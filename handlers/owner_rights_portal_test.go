package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// R9 on every route of the owner's pages that names something: strangers find nothing, developers find no page, visitors are sent to sign in.
func TestOwnersSeeAndChangeTheirOwnAlone(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	s := p.subscribe(w.plan, "App")
	key, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Northwind", Plans: []models.PlanID{w.plan.ID}}, p.clock)
	ok(t, err)
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	deployments, err := p.store.Deployments(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	api, plan := "/owner/apis/"+w.api.ID.String(), "/owner/plans/"+w.plan.ID.String()
	stage, sub, k := api+"/stages/"+w.stage.ID.String(), "/owner/subscriptions/"+s.Subscription.ID.String(), "/owner/keys/"+key.ID.String()
	gets := []string{api, api + "/import", api + "/delete", api + "/stages/new", stage, stage + "/delete", api + "/deployments/" + deployments[0].ID.String(),
		stage + "/upstream", stage + "/variables", stage + "/headers", stage + "/cache", stage + "/limits", stage + "/maintenance",
		plan, plan + "/preview?rate=1", plan + "/publish", plan + "/retire", plan + "/delete", plan + "/versions", plan + "/invitations", plan + "/usage", sub, sub + "/move", k, k + "/rotate", k + "/revoke",
		k + "/move?from=" + w.plan.ID.String(), "/owner/keys?plan=" + w.plan.ID.String(), "/owner/subscriptions?plan=" + w.plan.ID.String(), "/owner/usage?plan=" + w.plan.ID.String(),
		"/owner/usage?key=" + key.ID.String(), "/owner/usage?key=" + s.Key.ID.String(), "/owner/usage?api=" + w.api.ID.String(), "/owner/usage?stage=" + w.stage.ID.String(), "/owner/usage/live?plan=" + w.plan.ID.String()}
	posts := []string{api + "/settings", api + "/methods", api + "/methods/" + methods[0].ID.String() + "/remove", api + "/methods/key-required", api + "/import", api + "/delete", api + "/stages", stage, stage + "/delete",
		stage + "/upstream", stage + "/variables", stage + "/canary", stage + "/canary/promote", stage + "/canary/abort", stage + "/headers", stage + "/cors", stage + "/cache", stage + "/cache/purge",
		stage + "/limits", stage + "/maintenance", stage + "/maintenance/end", stage + "/deploy", stage + "/point", plan, plan + "/publish", plan + "/discard", plan + "/retire", plan + "/duplicate", plan + "/delete", plan + "/invitations", sub + "/decide", sub + "/move",
		k + "/settings", k + "/enabled", k + "/expiry", k + "/rotate", k + "/stop-old", k + "/revoke", k + "/plans", k + "/plans/" + w.plan.ID.String() + "/remove", k + "/move"}
	fields := []string{"name", "Mine", "slug", "mine", "key_place", "header", "key_name", "x-api-key", "verb", "GET", "path", "/mine", "document", "openapi", "upstream", "https://example.com", "timeout", "30", "action", "all",
		"confirm", "echo", "deployment", deployments[0].ID.String(), "emails", "a@example.com", "decision", "end", "plan", w.plan.ID.String(), "from", w.plan.ID.String(), "enabled", "false", "overlap", "none",
		"audience", "anyone", "charge", "accepted", "keys_per_app", "1"}
	version, err := p.store.Version(t.Context())
	ok(t, err)
	for who, want := range map[*browser]int{p.signedIn("stranger@example.com"): http.StatusNotFound, p.signedIn("developer@example.com"): http.StatusNotFound, p.visitor(): http.StatusSeeOther} {
		for _, path := range gets {
			if got := who.get(path); got.status != want || want == http.StatusSeeOther && !strings.HasPrefix(got.location, "/signin") {
				t.Errorf("GET %s: got %d %s, want %d", path, got.status, got.location, want)
			}
		}
		for _, path := range posts {
			if got := who.post(path, fields...); got.status != want || want == http.StatusSeeOther && got.location != "/signin?unsent=1" {
				t.Errorf("POST %s: got %d %s, want %d", path, got.status, got.location, want)
			}
		}
	}
	if now, err := p.store.Version(t.Context()); err != nil || now != version {
		t.Errorf("strangers made %d changes", now-version)
	}
	owner := p.signedIn("owner@example.com")
	for _, path := range gets {
		if strings.Contains(path, "/live") || strings.Contains(path, "/preview") {
			continue // no pages
		}
		if got := owner.get(path); got.status != http.StatusOK {
			t.Errorf("GET %s: the owner got %d", path, got.status)
		}
	}
	for _, path := range []string{"/owner/apis/x", "/owner/plans/1;drop", "/owner/keys/AAAAAAAAAA", "/owner/usage?plan=x", "/owner/usage?key=x", "/owner/usage?method=x", "/owner/keys?plan=x"} {
		if got := owner.get(path); got.status != http.StatusNotFound {
			t.Errorf("GET %s: got %d", path, got.status)
		}
	}
}

// A developer's key may be on plans of several owners: each sees what it does on his own stages.
func TestUsageOfAKeyOnOthersAPIsIsNotShown(t *testing.T) {
	p := openOwnerPortal(t)
	mine, theirs := p.world(p.owner, "echo", nil), p.world(p.stranger, "maps", nil)
	s := p.subscribe(mine.plan, "App")
	_, _, err := p.store.Subscribe(t.Context(), storetest.Actor(p.developer), models.NewSubscription{PlanID: theirs.plan.ID, AppID: s.App.ID}, p.clock)
	ok(t, err)
	cell := func(w world, n int64) models.UsageCell {
		return models.UsageCell{KeyID: s.Key.ID, PlanID: w.plan.ID, StageID: w.stage.ID, Minute: p.clock.Unix() / 60 * 60, Outcome: models.OutcomeSuccess, Count: n}
	}
	ok(t, p.store.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{cell(mine, 111), cell(theirs, 7777)}}))
	b := p.signedIn("owner@example.com")
	for _, path := range []string{"/owner/usage?key=" + s.Key.ID.String(), "/owner/usage", "/owner", "/owner/keys/" + s.Key.ID.String(), "/owner/usage?plan=" + mine.plan.ID.String(), "/owner/plans/" + mine.plan.ID.String() + "/usage"} {
		page := b.get(path)
		page.has(t, "111")
		page.hasNot(t, "7,777", "7,888", "7.9k", "7.8k", "maps")
	}
	p.signedIn("stranger@example.com").get("/owner/usage?key="+s.Key.ID.String()).has(t, "7,777")
}

func TestUsageIsNarrowedByEachOfItsNumbers(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	s := p.subscribe(w.plan, "App")
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	cell := func(m models.Method, o models.Outcome, n int64) models.UsageCell {
		return models.UsageCell{KeyID: s.Key.ID, PlanID: w.plan.ID, StageID: w.stage.ID, MethodID: m.ID, Minute: p.clock.Unix() / 60 * 60, Outcome: o, Count: n}
	}
	ok(t, p.store.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{cell(methods[0], models.OutcomeSuccess, 300), cell(methods[1], models.OutcomeThrottled, 21)}}))
	b := p.signedIn("owner@example.com")
	page := b.get("/owner/usage")
	page.has(t, "echo plan", "/get", "/post", "echo · prod", "21 requests came faster than the rate and burst allow", "/owner/usage/live?range=24h", "from=")
	plan := b.get("/owner/usage?plan=" + w.plan.ID.String() + "&range=30d")
	plan.has(t, "Plan: echo plan", "App key", "By key", "in the last 30 days")
	method := b.get("/owner/usage?method=" + methods[1].ID.String() + "&stage=" + w.stage.ID.String() + "&range=1h")
	method.has(t, "POST /post", "Stage: prod", "Throttled")
	method.hasNot(t, ">300<")
	b.get("/owner/usage?api="+w.api.ID.String()).has(t, "API: echo", "321")
	b.get("/owner/usage?from=1772452800&to=1772456400&plan="+w.plan.ID.String()).has(t, "the hour from 2 Mar 2026, 12:00 UTC")
	b.get("/owner/plans/"+w.plan.ID.String()+"/usage").has(t, "March 2026", "App key", "300", "21")
}
