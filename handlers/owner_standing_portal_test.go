package handlers_test

import (
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// charge commits that a key was charged on a plan.
func (p *ownerPortal) charge(key models.KeyID, plan models.PlanID, n int64) {
	p.t.Helper()
	use := models.QuotaUse{KeyID: key, PlanID: plan, Day: p.clock.Unix() / 86400, Used: n}
	ok(p.t, p.store.CommitUsage(p.t.Context(), models.UsageBatch{Charged: []models.QuotaUse{use}}))
}

// DECISIONS 1: the form again, with the plan that is in the way named, and a way to move the key.
func TestAKeyThatIsElsewhereIsOfferedToMove(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	scale := p.plan(p.owner, "Scale", w.stage, nil)
	actor := storetest.Actor(p.owner)
	k, _, err := p.store.CreateCustomerKey(t.Context(), actor, models.NewCustomerKey{Name: "Northwind", Plans: []models.PlanID{w.plan.ID}}, p.clock)
	ok(t, err)
	p.charge(k.ID, w.plan.ID, 812)
	b := p.signedIn("owner@example.com")
	path := "/owner/keys/" + k.ID.String()
	move := path + "/move?from=" + w.plan.ID.String() + "&to=" + scale.ID.String()
	b.post(path+"/plans", "plan", scale.ID.String()).again(t, "already calls", "echo plan", "Move the key from echo plan to this plan", w.plan.ID.String()+"&amp;to="+scale.ID.String())
	b.get(move).has(t, "Move Northwind to another plan?", "It has used 812 of 10,000 on echo plan until", `value="`+scale.ID.String()+`" checked`)
	b.sees(b.post(path+"/move", "from", w.plan.ID.String(), "plan", scale.ID.String(), "count", "on")).has(t, "The key is on the new plan", "Used before the move 812", "Remaining 9,188")
	key, err := p.store.Key(t.Context(), p.owner.ID, k.ID)
	ok(t, err)
	if len(key.Memberships) != 1 || key.Memberships[0].PlanID != scale.ID {
		t.Errorf("the key is on %+v", key.Memberships)
	}
}

// A plan that another plan of the key stands against cannot be chosen to move to.
func TestAMoveThatClashesCannotBeChosen(t *testing.T) {
	p := openOwnerPortal(t)
	w, maps := p.world(p.owner, "echo", nil), p.world(p.owner, "maps", nil)
	p.plan(p.owner, "Scale", maps.stage, nil)
	k, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Northwind", Plans: []models.PlanID{w.plan.ID, maps.plan.ID}}, p.clock)
	ok(t, err)
	b := p.signedIn("owner@example.com")
	b.get("/owner/keys/"+k.ID.String()+"/move?from="+w.plan.ID.String()).has(t, "which the key calls on maps plan already", "disabled")
	b.get("/owner/keys/"+k.ID.String()+"/move?from="+maps.plan.ID.String()).has(t, "Scale")
}

// An extension counts once however often its form is sent, and one that was made over old numbers is told the new ones.
func TestAQuotaIsExtendedOnceAndNotOverOldNumbers(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	made := p.subscribe(w.plan, "App")
	p.charge(made.Key.ID, w.plan.ID, 4000)
	b := p.signedIn("owner@example.com")
	for _, page := range []struct{ at, post string }{
		{"/owner/keys/" + made.Key.ID.String(), "/owner/keys/" + made.Key.ID.String() + "/plans/" + w.plan.ID.String()},
		{"/owner/subscriptions/" + made.Subscription.ID.String(), "/owner/subscriptions/" + made.Subscription.ID.String() + "/keys/" + made.Key.ID.String()},
	} {
		body := b.get(page.at).body
		sent := []string{"of", field(t, body, "of"), "form", field(t, body, "form"), "window", field(t, body, "window"), "extra", field(t, body, "extra")}
		b.post(page.post+"/extend", append(sent, "how", "add", "n", "a few")...).again(t, "is not a number", `value="a few"`)
		b.post(page.post+"/extend", append(sent, "how", "add", "n", "0")...).again(t, "Enter a number of requests")
		b.sees(b.post(page.post+"/extend", append(sent, "how", "add", "n", "500")...)).has(t, "500 requests more until the period ends")
		b.sees(b.post(page.post+"/extend", append(sent, "how", "add", "n", "500")...))
		stale := with(sent, "form", "another")
		b.post(page.post+"/extend", append(stale, "how", "remain", "n", "100")...).again(t, "Somebody else has extended this quota meanwhile", `value="100"`)
	}
	b.get("/owner/keys/"+made.Key.ID.String()).has(t, "Extra +1,000", "Remaining 7,000", "Used 4,000", "Quota of the plan 10,000")
	body := b.get("/owner/keys/" + made.Key.ID.String()).body
	b.sees(b.post("/owner/keys/"+made.Key.ID.String()+"/plans/"+w.plan.ID.String()+"/extend", "of", field(t, body, "of"), "form", field(t, body, "form"), "window", field(t, body, "window"),
		"extra", field(t, body, "extra"), "how", "remain", "n", "50")).has(t, "50 requests remain", "Remaining 50")
	b.get("/owner/audit?object="+made.Key.ID.String()).has(t, "extended the quota of")

	stranger := p.signedIn("stranger@example.com")
	if got := stranger.post("/owner/keys/"+made.Key.ID.String()+"/plans/"+w.plan.ID.String()+"/extend", "form", "x", "window", "0", "extra", "0", "n", "1"); got.status != 404 {
		t.Errorf("a stranger got %d", got.status)
	}
}
