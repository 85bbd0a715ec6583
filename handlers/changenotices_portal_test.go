package handlers_test

import (
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store/storetest"
)

// A change is announced with two weeks of notice unless the owner says otherwise; its subscriber reads it with his own numbers, and it comes by itself.
func TestAChangeIsScheduledToldAndComes(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	made := p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	b.sees(b.post(path, planFields(w.stage)...)).has(t, "unpublished changes")
	review := b.get(path + "/publish")
	review.has(t, "1 subscriber of the plan will be told at once", `value="`+p.clock.AddDate(0, 0, 14).Format(time.DateOnly)+`"`, `value="09:00"`, "Schedule")
	seen := field(t, review.body, "seen")
	for _, wrong := range [][2]string{{"soon", "09:00"}, {"", "09:00"}, {"2026-01-01", "09:00"}, {"2099-01-01", "09:00"}, {"2026-03-20", "late"}} {
		b.post(path+"/publish", "seen", seen, "when", "later", "publish_at", wrong[0], "publish_time", wrong[1]).again(t, `value="`+wrong[0]+`"`, `value="`+wrong[1]+`"`, `aria-invalid="true"`)
	}
	at := time.Date(2026, 3, 20, 8, 30, 0, 0, time.UTC)
	b.sees(b.post(path+"/publish", "seen", seen, "when", "later", "publish_at", "2026-03-20", "publish_time", "08:30")).has(t, "Scheduled: version 2", "comes into force on", "20 Mar 2026, 08:30",
		"Cancel the schedule", "Changes 20 Mar 2026", "owner@example.com decided")
	b.post(path, with(planFields(w.stage), "rate", "7", "burst", "7")...).again(t, "comes into force on 20 Mar 2026")

	ok(t, p.store.TellChanges(t.Context(), p.clock))
	b.get(path+"/publish").has(t, "What subscribers were told", "1 subscription told")
	d := p.signedIn("developer@example.com")
	d.get("/notices").has(t, `<span class="count hot">1</span>`, "echo plan changes on 20 Mar 2026", "Announced", "New", "Acknowledge")
	notices, err := p.store.ChangeNotices(t.Context(), p.developer.ID, models.Page{})
	ok(t, err)
	notice := "/notices/" + notices.Items[0].ID.String()
	d.get(notice).has(t, "is being counted", "50 rps", "80 rps", "Change plan of App", "/subscriptions/"+made.Subscription.ID.String()+"/cancel")
	some, err := p.store.UncountedReceivers(t.Context(), notices.Items[0].ID)
	ok(t, err)
	some[0].Numbers = models.ChangeNumbers{From: p.clock.AddDate(0, 0, -30), Offered: 41_200, AfterLeast: 3, AfterMost: 3}
	ok(t, p.store.KeepChangeNumbers(t.Context(), notices.Items[0].ID, some, p.clock))
	d.get(notice).has(t, "would have refused 3 of the 41,200 calls that App sent in the last 30 days before it was announced. The limits before refuse none.")
	d.sees(d.post(notice+"/acknowledge")).hasNot(t, "count hot")
	if page := b.get(notice); page.status != 404 {
		t.Errorf("somebody else reads the notice: %d", page.status)
	}

	p.clock = at
	ok(t, p.store.PublishDuePlans(t.Context(), p.clock))
	b, d = p.signedIn("owner@example.com"), p.signedIn("developer@example.com") // two weeks later
	page := b.get(path)
	page.has(t, "Version 2")
	page.hasNot(t, "Cancel the schedule")
	d.get(notice).has(t, "In force", "has changed")
}

// What was scheduled can be taken back, and its page says why what was due did not come.
func TestAScheduledChangeIsCancelledOrFails(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	p.subscribe(w.plan, "App")
	actor := storetest.Actor(p.owner)
	terms := w.plan.InForce
	terms.Throttle = &limit.Throttle{Rate: 1, Burst: 1}
	_, err := p.store.SaveDraft(t.Context(), actor, w.plan.ID, "", terms, p.clock)
	ok(t, err)
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	schedule := func() {
		b.sees(b.post(path+"/publish", "seen", field(t, b.get(path+"/publish").body, "seen"), "when", "later")).has(t, "Scheduled: version 2")
	}
	schedule()
	b.sees(b.post(path+"/unschedule")).has(t, "Cancelled: the changes are a draft again")
	ok(t, p.store.TellChanges(t.Context(), p.clock))
	d := p.signedIn("developer@example.com")
	d.get("/notices").has(t, "echo plan does not change after all", "Taken back")
	schedule()
	ok(t, p.store.DeleteStage(t.Context(), actor, w.api.ID, w.stage.ID, p.clock))
	b.get(path).has(t, "did not: it is a draft again. One of its stages was deleted.")
}

func TestADeveloperWithoutNoticesIsToldWhatTheyAre(t *testing.T) {
	p := openOwnerPortal(t)
	p.signedIn("developer@example.com").get("/notices").has(t, "No notices", "with your own numbers")
}
