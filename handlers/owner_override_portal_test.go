package handlers_test

import (
	"net/http"
	"testing"

	"gatehouse/models"
)

// An owner gives one key other limits; the page keeps what was typed wrong, says what holds, and ends it again. The developer reads of it.
func TestOwnerGivesAKeyOtherLimits(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	made := p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	key := "/owner/keys/" + made.Key.ID.String()
	path := key + "/plans/" + w.plan.ID.String() + "/override"
	b.get(key).has(t, path)
	b.get(path).has(t, "The plan gives", "has what the plan gives")
	wrong := b.post(path, "rate", "fast", "quota", "12,000", "period", "WEEK", "reason", "")
	if wrong.status != http.StatusUnprocessableEntity {
		t.Fatalf("%d", wrong.status)
	}
	wrong.has(t, `value="fast"`, `value="12,000"`, "is not a number")
	b.post(path, "quota", "12,000", "period", "WEEK", "reason", "").has(t, "Say why")
	b.post(path, "reason", "nothing named").has(t, "Enter a rate, a quota, or both.")
	done := b.post(path, "rate", "500", "quota", "12,000", "period", "WEEK", "reason", "They launch on Friday", "ends", "2026-12-24")
	if done.location != key {
		t.Fatalf("%d to %q\n%s", done.status, done.location, done.text())
	}
	b.get(key).has(t, "Limits of its own", "500", "burst 500", "12,000 requests a week", "They launch on Friday", "24 Dec 2026")
	b.get(path).has(t, `value="500"`, `value="12,000"`, `value="2026-12-24"`, "Give the plan&#39;s limits again")
	b.get("/owner/audit?object="+made.Key.ID.String()).has(t, "gave other limits to", "They launch on Friday")
	if done := b.post(path, "end", "yes"); done.location != key {
		t.Fatalf("ending: %d", done.status)
	}
	b.get(key).hasNot(t, "Limits of its own")
	for _, stranger := range []string{"another@example.com"} {
		p.account(models.RoleOwner, stranger)
		if got := p.signedIn(stranger).post(path, "rate", "1", "reason", "x"); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", stranger, got.status)
		}
	}
}

// A subscription's limits are those of each of its keys, also of one that it gets later, and end with it.
func TestOwnerGivesASubscriptionOtherLimits(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	made := p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	sub := "/owner/subscriptions/" + made.Subscription.ID.String()
	b.get(sub).has(t, sub+"/override")
	if done := b.post(sub+"/override", "rate", "7", "burst", "9", "reason", "A partner"); done.location != sub {
		t.Fatalf("%d to %q\n%s", done.status, done.location, done.text())
	}
	b.get(sub).has(t, "Limits of its own", "burst 9", "A partner")
	b.get("/owner/keys/"+made.Key.ID.String()).has(t, "Set for the whole subscription")
	overrides, err := p.store.PlanOverrides(t.Context(), w.plan.ID, p.clock)
	ok(t, err)
	if len(overrides) != 1 || overrides[0].SubscriptionID != made.Subscription.ID || overrides[0].Throttle.Burst != 9 {
		t.Errorf("%+v", overrides)
	}
	if done := b.post(sub+"/override", "end", "yes"); done.location != sub {
		t.Fatalf("ending: %d", done.status)
	}
	if overrides, err = p.store.PlanOverrides(t.Context(), w.plan.ID, p.clock); err != nil || len(overrides) != 0 {
		t.Errorf("%+v, %v", overrides, err)
	}
}
