package handlers_test

import (
	"net/http"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// calls commits that a key called an operation of a world.
func (p *ownerPortal) calls(w world, key models.KeyID, method models.MethodID, at time.Time, n int64, o models.Outcome, took int) {
	p.t.Helper()
	cell := models.UsageCell{KeyID: key, PlanID: w.plan.ID, StageID: w.stage.ID, MethodID: method, Minute: at.Truncate(time.Minute).Unix(), Outcome: o, Count: n}
	if o.Admitted() {
		cell.Latency[took], cell.Timed, cell.Upstream, cell.Gateway = n, n, time.Duration(n)*41*time.Millisecond, time.Duration(n)*84*time.Microsecond
	}
	ok(p.t, p.store.CommitUsage(p.t.Context(), models.UsageBatch{Cells: []models.UsageCell{cell}}))
}

// While nobody has called, each page of an owner's numbers says what will stand there and leads to the next step; afterwards none does.
func TestPagesWithoutNumbersLeadToTheFirstCall(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	pages := map[string]string{"/owner/usage": "Nobody has called yet", "/owner/analytics": "Nothing to compare yet"}
	all := func(want ...string) {
		t.Helper()
		for path, title := range pages {
			b.get(path).has(t, append(want, title)...)
		}
	}
	all("Create an API first.", `href="/owner/apis/new"`)
	w := p.world(p.owner, "echo", nil)
	all("Create a key and hand it on", `href="/owner/keys/new"`)
	made := p.subscribe(w.plan, "App")
	all("Share a key", `href="/owner/keys"`)
	b.get("/owner/usage?plan="+w.plan.ID.String()).hasNot(t, "from the first call on")
	b.get("/owner/usage").hasNot(t, "usage-tiles", "/owner/usage/live")

	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	p.calls(w, made.Key.ID, methods[0].ID, p.clock.AddDate(0, 0, -20), 1, models.OutcomeSuccess, 3)
	called := b.get("/owner/usage")
	called.hasNot(t, "from the first call on")
	called.has(t, "usage-tiles")
}

// An owner finds who grows, declines, is throttled and nearly out of quota, and each line leads on.
func TestAnalyticsNameTheCustomersToLookAt(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	b.get("/owner/analytics").has(t, "Nothing to compare yet", `href="/owner/usage"`)
	made := p.subscribe(w.plan, "App")
	own, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Northwind key", CustomerID: "northwind & sons", Plans: []models.PlanID{w.plan.ID}}, p.clock)
	ok(t, err)
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	get := methods[0].ID
	p.calls(w, made.Key.ID, get, p.clock.AddDate(0, 0, -10), 10, models.OutcomeSuccess, 3)
	p.calls(w, made.Key.ID, get, p.clock.AddDate(0, 0, -2), 1_300, models.OutcomeSuccess, 3)
	p.calls(w, made.Key.ID, get, p.clock, 5, models.OutcomeSuccess, 3)
	p.charge(made.Key.ID, w.plan.ID, 9_300)
	p.calls(w, own.ID, get, p.clock.AddDate(0, 0, -10), 500, models.OutcomeSuccess, 3)
	p.calls(w, own.ID, get, p.clock.AddDate(0, 0, -2), 77, models.OutcomeThrottled, 0)
	ok(t, p.store.RefreshCustomers(t.Context(), p.clock))
	b.get("/owner/analytics").has(t, "in the seven days to 1 Mar 2026", "+1,290", "developer@example.com", "/owner/customers/"+p.developer.ID.String(),
		"\u2212423", "northwind &amp; sons", "/owner/customers/of?id=northwind+%26+sons", "77", "100 %", "App key on echo plan", "93 %", "compare=on&amp;customer=")
	p.signedIn("stranger@example.com").get("/owner/analytics").hasNot(t, "northwind", "developer@example.com")
	if got := p.signedIn("developer@example.com").get("/owner/analytics"); got.status != http.StatusNotFound {
		t.Errorf("a developer got %d", got.status)
	}
}

// Operations are ranked by what goes wrong, not by how often they are called, and lead to their usage and their requests in the log.
func TestAnalyticsNameTheOperationsToLookAt(t *testing.T) {
	p := openOwnerPortal(t)
	w, maps := p.world(p.owner, "echo", nil), p.world(p.owner, "maps", nil)
	made, mapped := p.subscribe(w.plan, "App"), p.subscribe(maps.plan, "Mapper")
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	others, err := p.store.Methods(t.Context(), p.owner.ID, maps.api.ID)
	ok(t, err)
	p.calls(w, made.Key.ID, methods[0].ID, p.clock, 9_000, models.OutcomeSuccess, 2)
	p.calls(w, made.Key.ID, methods[1].ID, p.clock, 31, models.OutcomeServerError, 9)
	p.calls(maps, mapped.Key.ID, others[0].ID, p.clock, 19, models.OutcomeClientError, 19)
	b := p.signedIn("owner@example.com")
	b.get("/owner/analytics").has(t, "Most errors", "31", "100 %", methods[1].Path, "41 ms", "84 µs",
		"/owner/usage?method="+methods[1].ID.String()+"&amp;range=7d&amp;stage="+w.stage.ID.String(), "status=5xx", "status=4xx", "/owner/log?api=echo&amp;method="+methods[1].Verb)
	narrowed := b.get("/owner/analytics?range=24h&api=" + maps.api.ID.String() + "&plan=" + maps.plan.ID.String())
	narrowed.has(t, "API: maps", "Plan: maps plan", "No operation answered 20 times in the last 24 hours", "status=4xx", `href="/owner/analytics?plan=`+maps.plan.ID.String()+"&amp;range=24h")
	narrowed.hasNot(t, "status=5xx", "84 µs")
	for _, query := range []string{"api=x", "plan=x", "plan=" + p.world(p.stranger, "theirs", nil).plan.ID.String()} {
		if got := b.get("/owner/analytics?" + query); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", query, got.status)
		}
	}
}

// Who still calls what goes is named, with the last call; what nobody calls is left out.
func TestAnalyticsNameWhoCallsWhatIsDeprecated(t *testing.T) {
	p := openOwnerPortal(t)
	w, maps := p.world(p.owner, "echo", nil), p.world(p.owner, "maps", nil)
	made := p.subscribe(w.plan, "App")
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	actor := storetest.Actor(p.owner)
	d, err := p.store.Deprecate(t.Context(), actor, models.Deprecation{APIID: w.api.ID, MethodID: methods[0].ID, Since: p.clock, Sunset: p.clock.AddDate(0, 1, 0)}, p.clock)
	ok(t, err)
	for _, of := range []models.Deprecation{{APIID: w.api.ID, MethodID: methods[1].ID, Since: p.clock}, {APIID: w.api.ID, StageID: w.stage.ID, Since: p.clock}} {
		_, err := p.store.Deprecate(t.Context(), actor, of, p.clock)
		ok(t, err)
	}
	p.calls(w, made.Key.ID, methods[0].ID, p.clock.Add(-3*time.Hour), 7, models.OutcomeSuccess, 2)
	b := p.signedIn("owner@example.com")
	path := "/owner/apis/" + w.api.ID.String() + "/deprecations/"
	got := b.get("/owner/analytics")
	got.has(t, path+d.ID.String(), "echo · 1 key", "stage prod", "App key", "App · developer@example.com", "/owner/keys/"+made.Key.ID.String(), "3 hours ago", "2 Apr 2026")
	b.get("/owner/analytics?api="+maps.api.ID.String()).has(t, "Nobody calls what is deprecated")
	found, err := p.store.CalledDeprecations(t.Context(), p.owner.ID, 0, 10, p.clock)
	ok(t, err)
	if len(found) != 2 || found[0].Keys != 1 || len(found[0].Newest) != 1 {
		t.Errorf("called are %+v", found)
	}
	if long, err := p.store.CalledDeprecations(t.Context(), p.owner.ID, 0, 10, p.clock.AddDate(0, 0, 31)); err != nil || len(long) > 0 {
		t.Errorf("31 days later: %+v, %v", long, err)
	}
	if others, err := p.store.CalledDeprecations(t.Context(), p.stranger.ID, 0, 10, p.clock); err != nil || len(others) > 0 {
		t.Errorf("a stranger sees %+v, %v", others, err)
	}
}
