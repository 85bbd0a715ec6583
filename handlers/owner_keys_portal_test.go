package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

func TestSubscriptionsAreDecidedWithAReason(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", func(t *models.Terms) { t.Audience = models.AudienceAsk })
	one, two := p.subscribe(w.plan, "One"), p.subscribe(w.plan, "Two")
	b := p.signedIn("owner@example.com")
	b.get("/owner").has(t, "Waiting for your decision", "One", "Please")
	b.get("/owner/subscriptions").has(t, "One", "Two", "Approve", "Refuse…")
	state := func(s models.Subscribed) models.SubscriptionState {
		row, err := p.store.OwnerSubscription(t.Context(), p.owner.ID, s.Subscription.ID)
		ok(t, err)
		return row.State
	}
	path := func(s models.Subscribed) string { return "/owner/subscriptions/" + s.Subscription.ID.String() }
	b.post(path(two)+"/decide", "decision", "refuse", "reason", " ").again(t, "Say why, so that the developer can do better.")
	b.post(path(two)+"/decide", "decision", "resume").again(t, "This subscription is pending now")
	b.post(path(two)+"/decide", "decision", "promote").again(t, "reload the page")
	if got := state(two); got != models.SubscriptionPending {
		t.Fatalf("refused forms made it %s", got)
	}
	b.sees(b.post(path(one)+"/decide", "decision", "approve", "from", "list")).has(t, "Approved: its keys work from the next request on.", "Two")
	b.sees(b.post(path(two)+"/decide", "decision", "refuse", "reason", "Too many requests at night")).has(t, "Refused", "Too many requests at night")
	b.sees(b.post(path(one)+"/decide", "decision", "suspend", "reason", "Unpaid")).has(t, "Suspended", "Unpaid")
	b.sees(b.post(path(one)+"/decide", "decision", "resume")).has(t, "Resumed", "Active")
	b.sees(b.post(path(one)+"/decide", "decision", "end")).has(t, "Ended", "This subscription is closed")
	if state(one) != models.SubscriptionEnded || state(two) != models.SubscriptionRefused {
		t.Errorf("got %s and %s", state(one), state(two))
	}
	b.get("/owner/subscriptions?state=ended").has(t, "One")
	b.get("/owner/subscriptions?state=pending").has(t, "Nobody waits")
	b.get("/owner/subscriptions?state=refused&plan="+w.plan.ID.String()).has(t, "Two", "Plan: echo plan")
}

func TestSubscriptionMovesToAnotherPlan(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	s := p.subscribe(w.plan, "App")
	to := p.plan(p.owner, "Scale", w.stage, nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/subscriptions/" + s.Subscription.ID.String() + "/move"
	b.get(path).has(t, "Move App to another plan?", "Scale", "the count begins at 0 there")
	b.post(path).again(t, "Choose a plan.")
	b.sees(b.post(path, "plan", to.ID.String())).has(t, "App is on the new plan", "Scale")
}

func TestCustomerKeyIsShownOnce(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	b.post("/owner/keys", "name", "", "expires", "soon", "customer_id", "C-1").again(t, "Enter a day such as", `value="C-1"`)
	b.post("/owner/keys", "name", "Northwind", "expires", "2020-01-01").again(t, "Choose a time in the future", `value="Northwind"`)
	made := b.post("/owner/keys", "name", "Northwind", "customer_id", "C-1", "plan", w.plan.ID.String())
	shown := b.sees(made)
	value := regexp.MustCompile(`gwk1[A-Za-z0-9]{38}`).FindString(shown.body)
	if value == "" || strings.Contains(made.location, value) || shown.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %q by %s with %q", value, made.location, shown.header.Get("Cache-Control"))
	}
	shown.has(t, "Northwind is ready", "https://gateway.example.com/echo/prod/get")
	again := b.get(made.location)
	again.has(t, "shown once already")
	again.hasNot(t, value)
	b.get("/owner/keys?q=C-1").has(t, "Northwind")
	b.get("/owner/keys?q="+value[len(value)-4:]).has(t, "Northwind")
}

func TestCustomerKeyIsLookedAfter(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	scale := p.plan(p.owner, "Scale", w.stage, nil)
	key, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Northwind", Plans: []models.PlanID{w.plan.ID}}, p.clock)
	ok(t, err)
	b := p.signedIn("owner@example.com")
	path := "/owner/keys/" + key.ID.String()
	b.post(path+"/settings", "name", "", "description", "Kept text").again(t, "Enter a name.", "Kept text")
	b.sees(b.post(path+"/settings", "name", "Fjord", "customer_id", "F1", "description", "Maps")).has(t, "Saved.", "Fjord", "F1")
	b.post(path+"/expiry", "expires", "yesterday").again(t, "Enter a day such as", `value="yesterday"`)
	b.post(path+"/expiry", "expires", "2020-01-01").again(t, "Choose a time in the future")
	b.sees(b.post(path+"/expiry", "expires", "2026-04-01")).has(t, "stops working on 1 Apr 2026")
	b.sees(b.post(path+"/enabled", "enabled", "false")).has(t, "Disabled", "Enable")
	b.sees(b.post(path+"/enabled", "enabled", "true")).has(t, "Enabled")
	b.post(path+"/plans", "plan", scale.ID.String()).again(t, "already calls", "echo plan") // R1
	b.get(path+"/move?from="+w.plan.ID.String()).has(t, "Scale")
	b.post(path+"/move", "from", w.plan.ID.String()).again(t, "Choose a plan.")
	b.sees(b.post(path+"/move", "from", w.plan.ID.String(), "plan", scale.ID.String())).has(t, "The key is on the new plan", "Scale")
	b.sees(b.post(path+"/plans/"+scale.ID.String()+"/remove")).has(t, "The key is off the plan", "On no plan")
	b.sees(b.post(path+"/plans", "plan", scale.ID.String())).has(t, "The key is on the plan")
	b.post(path+"/rotate", "overlap", "forever").again(t, "Choose when the old value stops")
	b.sees(b.post(path+"/rotate", "overlap", "24h")).has(t, "Fjord has a new value", "The value from before the rotation works until")
	b.sees(b.post(path+"/stop-old")).has(t, "The old value has stopped.")
	b.get(path+"/revoke").has(t, "This is final")
	b.sees(b.post(path+"/revoke")).has(t, "Fjord is revoked.", "Revoked")
	b.post(path+"/enabled", "enabled", "true").again(t, "revoked")
}

// A developer's key is its developer's: the owner of a plan may keep it out, and that is all.
func TestOwnerMayOnlyBlockADevelopersKey(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	s := p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	path := "/owner/keys/" + s.Key.ID.String()
	page := b.get(path)
	page.has(t, "This key belongs to the app App", "Disable on my plans")
	page.hasNot(t, path+"/revoke", path+"/rotate", path+"/settings")
	for _, action := range []string{"settings", "expiry", "rotate", "revoke", "stop-old", "plans", "move"} {
		if got := b.post(path+"/"+action, "name", "Mine", "overlap", "none", "plan", w.plan.ID.String(), "from", w.plan.ID.String()); got.status != http.StatusNotFound {
			t.Errorf("%s: got %d, want it not to be found", action, got.status)
		}
	}
	b.sees(b.post(path+"/enabled", "enabled", "false")).has(t, "Disabled by you", "Enable")
	b.sees(b.post(path+"/enabled", "enabled", "true")).has(t, "Disable on my plans")
}

func TestImportOfKeysNamesTheLinesAndLeavesNothing(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	const file = "Name,Key,UsagePlanIds\n"
	b.post("/owner/keys/import").again(t, "Choose a file, or paste lines.")
	b.post("/owner/keys/import", "csv", file+"Northwind,short,\n,abcdefghijklmnopqrstuvwxyz,\n").again(t, "Lines to mend", "20 to 128 characters", "Name: Enter a name.", "2 lines need mending", "Northwind,short")
	b.post("/owner/keys/import", "csv", file+"Good,abcdefghijklmnopqrstuvwxyz,"+w.plan.ID.String()+"\nBad,zyxwvutsrqponmlkjihgfedcba,aaaaaaaaaa\n").again(t, "Lines to mend")
	list, err := p.store.OwnerKeys(t.Context(), p.owner.ID, models.KeyFilter{}, models.Page{})
	ok(t, err)
	if len(list.Items) != 0 {
		t.Errorf("%d keys of a refused import", len(list.Items))
	}
	b.sees(b.post("/owner/keys/import", "csv", file+"Good,abcdefghijklmnopqrstuvwxyz,"+w.plan.ID.String()+"\n")).has(t, "1 key created, 0 updated", "Good")
}

func TestExportHoldsValuesOnlyAfterThePasswordWasProved(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	b.sees(b.post("/owner/keys/import", "csv", "Name,Key\nGood,abcdefghijklmnopqrstuvwxyz\n"))
	plain := b.post("/owner/keys/export")
	if plain.status != http.StatusOK || !strings.Contains(plain.header.Get("Content-Disposition"), "keys-2026-03-02.csv") || !strings.Contains(plain.body, `"Good"`) {
		t.Errorf("got %d %s", plain.status, plain.body)
	}
	plain.hasNot(t, "abcdefghijklmnopqrstuvwxyz")
	p.clock = p.clock.Add(11 * time.Minute)
	refused := b.post("/owner/keys/export", "values", "on")
	if refused.status != http.StatusSeeOther || !strings.HasPrefix(refused.location, "/confirm?next=") {
		t.Fatalf("got %d %s, want to be asked for the password", refused.status, refused.location)
	}
	b.sees(b.post("/confirm", "password", password, "next", "/owner/keys/export?values=1")).has(t, "You proved your password a moment ago")
	if got := b.post("/owner/keys/export", "values", "on"); !strings.Contains(got.body, "abcdefghijklmnopqrstuvwxyz") {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

// What was called is not forgotten with the right to call: the page of a revoked key shows its last calls, and does not say that it is active somewhere.
func TestARevokedKeyKeepsItsHistoryOnItsPage(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	own, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "k", Plans: []models.PlanID{w.plan.ID}}, p.clock)
	ok(t, err)
	theirs := p.subscribe(w.plan, "App").Key
	b := p.signedIn("owner@example.com")
	for id, who := range map[models.KeyID]models.Account{own.ID: p.owner, theirs.ID: p.developer} {
		ok(t, p.store.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{
			{KeyID: id, PlanID: w.plan.ID, StageID: w.stage.ID, Minute: p.clock.Unix() / 60 * 60, Outcome: models.OutcomeSuccess, Count: 3}}}))
		ok(t, p.store.RevokeKey(t.Context(), storetest.Actor(who), id, p.clock))
		got := b.get("/owner/keys/" + id.String())
		got.has(t, "Revoked", "Key revoked")
		got.hasNot(t, "No calls to your stages", "Active</span>")
	}
}
