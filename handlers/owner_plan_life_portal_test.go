package handlers_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// Two tabs on one draft: the second is told what differs, keeps what was typed, and may save over it then.
func TestTheSecondOfTwoTabsIsToldBeforeItOverwritesADraft(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	seen := field(t, b.get(path).body, "seen")
	b.sees(b.post(path, with(planFields(w.stage), "seen", seen, "rate", "50", "burst", "200")...)).has(t, "Saved as a draft", "by owner@example.com")
	again := b.post(path, with(planFields(w.stage), "seen", seen, "rate", "7", "burst", "9")...)
	again.again(t, "This draft was changed while you edited it", "owner@example.com", "50 rps", "7 rps", `value="7"`)
	row, err := p.store.Plan(t.Context(), p.owner.ID, w.plan.ID)
	ok(t, err)
	if row.Draft.Throttle.Rate != 50 {
		t.Errorf("the draft has a rate of %g, want the first tab's", row.Draft.Throttle.Rate)
	}
	reviewed := field(t, b.get(path+"/publish").body, "seen")
	b.sees(b.post(path, with(planFields(w.stage), "seen", field(t, again.body, "seen"), "rate", "7", "burst", "9")...)).has(t, "Saved as a draft", `value="7"`)
	b.post(path+"/publish", "seen", reviewed).again(t, "The draft was changed since you opened this page", "7 rps")
	b.sees(b.post(path+"/publish", "seen", field(t, b.get(path+"/publish").body, "seen"))).has(t, "Version 2 of")
}

// field reads the value of a hidden field.
func field(t *testing.T, body, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(body, `name="`+name+`" value="`)
	value, _, closed := strings.Cut(rest, `"`)
	if !found || !closed {
		t.Fatalf("the page has no field %s", name)
	}
	return value
}

func TestVersionsShowAllTermsWhoPublishedThemAndWhatChanged(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	actor := storetest.Actor(p.owner)
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	terms := w.plan.InForce
	terms.Audience, terms.Charge, terms.KeysPerApp = models.AudienceAsk, models.ChargeDelivered, 5
	terms.Stages = []models.PlanStage{{StageID: w.stage.ID, Excluded: []models.MethodID{methods[0].ID}}}
	_, err = p.store.SaveDraft(t.Context(), actor, w.plan.ID, "", terms, p.clock)
	ok(t, err)
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	b.get(path+"/versions").has(t, "Not in force until it is published", "saved", "by owner@example.com")
	_, err = p.store.PublishPlan(t.Context(), actor, w.plan.ID, p.clock)
	ok(t, err)
	b.get(path+"/versions").has(t, "Version 2", "by owner@example.com", "In force", "left out", "as the plan", "ask first", "delivered answers", "accepted requests",
		"All terms of version 2", "All terms of version 1", "Keys for an app")
}

// An end is announced with a month's notice unless the owner says otherwise, can be changed and taken back, and is seen by subscribers.
func TestAnEndIsAnnouncedChangedTakenBackAndComes(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	made := p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	b.get(path+"/end").has(t, "End echo plan?", `value="`+p.clock.AddDate(0, 0, 30).Format(time.DateOnly)+`"`, "It touches 1 key of 1 subscriber", "It stays in the catalog until then")
	b.post(path+"/end", "ends", "yesterday").again(t, "Enter a day such as", `value="yesterday"`)
	b.post(path+"/end", "ends", "").again(t, "Enter a day such as")
	b.post(path+"/end", "ends", p.clock.AddDate(0, 0, -1).Format(time.DateOnly)).again(t, "Choose today or a later day")
	soon := p.clock.AddDate(0, 0, 7)
	b.sees(b.post(path+"/end", "ends", soon.Format(time.DateOnly))).has(t, "Announced: the plan ends on", "Ends 9 Mar 2026", "Take the end back", "Change the end")
	b.get("/owner/plans").has(t, "Ends 9 Mar 2026", "Published")
	b.get(path+"/end").has(t, "Change the end of echo plan?", `value="`+soon.Format(time.DateOnly)+`"`)
	page := b.sees(b.post(path + "/keep"))
	page.has(t, "Taken back: the plan goes on")
	page.hasNot(t, "Ends 9 Mar 2026")

	page = b.sees(b.post(path+"/end", "ends", p.clock.Format(time.DateOnly)))
	page.has(t, "The plan has ended", "Ended on", "What held for its keys")
	page.hasNot(t, "Take the end back", path+"/retire")
	b.get("/owner/plans?state=ended").has(t, "echo plan", "Ended")
	b.get("/owner/subscriptions/"+made.Subscription.ID.String()).has(t, "Ended", "The plan echo plan ended on 2 Mar 2026.")
	b.get("/owner/keys/"+made.Key.ID.String()).has(t, "Plan ended")
	page = b.get(path + "/versions")
	page.has(t, "Ended on")
	page.hasNot(t, "In force")
}

// Who waits for a plan that was retired cannot be let in; the page says what can be done instead.
func TestNobodyIsApprovedIntoARetiredPlan(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", func(t *models.Terms) { t.Audience = models.AudienceAsk })
	made := p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	b.get("/owner/plans/"+w.plan.ID.String()+"/retire").has(t, "1 request still waiting")
	ok(t, p.store.RetirePlan(t.Context(), storetest.Actor(p.owner), w.plan.ID, p.clock))
	path := "/owner/subscriptions/" + made.Subscription.ID.String()
	b.post(path+"/decide", "decision", "approve").again(t, "is retired and takes no new subscribers", "move it to another plan")
	b.get(path).hasNot(t, `value="approve"`)
	b.get("/owner/subscriptions").hasNot(t, `value="approve"`)
}
