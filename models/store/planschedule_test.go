package store_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store"
)

// slower saves a draft of a plan with a rate, and returns how that is said.
func (w *world) slower(p models.Plan, rate float64) []models.TermsChange {
	w.t.Helper()
	terms := p.InForce
	terms.Throttle = &limit.Throttle{Rate: rate, Burst: 5}
	_, err := w.SaveDraft(w.t.Context(), w.asOwner(), p.ID, "", terms, w.later())
	ok(w.t, err)
	return []models.TermsChange{{What: "Rate", Before: "no limit", After: "5 rps"}}
}

// A scheduled draft comes into force at its time, not before, once, and subscribers know of it from the start.
func TestAScheduledVersionComesIntoForceOnce(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	p := w.plan("Free", w.stage("prod"))
	made := w.subscribe(p, "App")
	w.customerKey("Acme", p)
	changes := w.slower(p, 5)
	at := w.now.Add(time.Hour)
	_, err := w.SchedulePlan(ctx, actor, p.ID, at, changes, w.later())
	ok(t, err)
	w.wantEvent("plan.schedule", p.ID.String(), w.owner.ID)
	ok(t, w.TellChanges(ctx, w.now))
	if n, err := w.UnseenNotices(ctx, w.developer.ID); err != nil || n != 1 {
		t.Fatalf("%d unseen notices, %v", n, err)
	}
	if n, err := w.KeysWithoutDeveloper(ctx, w.owner.ID, p.ID); err != nil || n != 1 {
		t.Errorf("%d keys without a developer, %v", n, err)
	}
	list, err := w.ChangeNotices(ctx, w.developer.ID, models.Page{})
	ok(t, err)
	n := list.Items[0]
	if n.Kind != models.ChangeOfPlan || n.State != models.ChangeAnnounced || n.Subject != "Free" || !n.TakesAt.Equal(at) || len(n.Changes) != 1 || n.Changes[0] != changes[0] || n.Told != 1 {
		t.Errorf("the notice is %+v", n)
	}

	// His numbers come with the mail.
	some, err := w.UncountedReceivers(ctx, n.ID)
	ok(t, err)
	some[0].Numbers = models.ChangeNumbers{From: w.now.AddDate(0, 0, -30), Offered: 41_200, AfterLeast: 3, AfterMost: 3}
	for range 2 {
		ok(t, w.KeepChangeNumbers(ctx, n.ID, some, w.now))
	}
	told := 0
	for range 5 {
		d, err := w.ClaimMessage(ctx, models.ByMail, w.later(), lease)
		if err != nil {
			break
		}
		for _, m := range d.Messages {
			if m.Kind == models.NoticePlanChanging {
				told++
				if text := strings.Join(m.Data.Lines, " "); m.Data.Href != "/notices/"+n.ID.String() || !strings.Contains(text, "would have refused 3 of the 41,200 calls that App sent") || !strings.Contains(text, "Rate: no limit → 5 rps") {
					t.Errorf("the mail says %+v", m.Data)
				}
			}
		}
	}
	if told != 1 {
		t.Errorf("%d mails, want 1", told)
	}

	// What was announced does not change.
	_, err = w.SaveDraft(ctx, actor, p.ID, "", termsOf("Other"), w.later())
	wantKind(t, "change the draft", err, models.KindConflict)
	wantKind(t, "discard the draft", w.DiscardDraft(ctx, actor, p.ID, w.now), models.KindConflict)
	wantKind(t, "end before it", w.EndPlan(ctx, actor, p.ID, at, w.now), models.KindInvalid)

	// Who comes later is told, too.
	late, _, err := w.Subscribe(ctx, w.asDeveloper(), models.NewSubscription{PlanID: p.ID, AppName: "Late"}, w.later())
	ok(t, err)
	d, err := w.ChangeNotice(ctx, w.developer.ID, n.ID)
	ok(t, err)
	if len(d.For) != 2 || d.For[0].SubscriptionID != made.Subscription.ID && d.For[1].SubscriptionID != made.Subscription.ID {
		t.Errorf("the notice is for %+v, want %s and %s", d.For, made.Subscription.ID, late.Subscription.ID)
	}
	ok(t, w.TellChanges(ctx, w.now))

	ok(t, w.PublishDuePlans(ctx, at.Add(-time.Millisecond)))
	if row, err := w.Plan(ctx, w.owner.ID, p.ID); err != nil || row.Version != 1 || !row.PublishAt.Equal(at) {
		t.Fatalf("before its time the plan is %+v, %v", row, err)
	}
	w.now = at
	w.wantChange(models.ChangePlan, int64(p.ID), func() { ok(t, w.PublishDuePlans(ctx, at)) })
	ok(t, w.PublishDuePlans(ctx, at.Add(time.Hour)))
	row, err := w.Plan(ctx, w.owner.ID, p.ID)
	ok(t, err)
	if row.Version != 2 || row.InForce.Throttle == nil || row.InForce.Throttle.Rate != 5 || row.Draft != nil || !row.PublishAt.IsZero() || row.PublishFailed != "" {
		t.Errorf("the plan is %+v", row)
	}
	versions, err := w.PlanVersions(ctx, w.owner.ID, p.ID)
	ok(t, err)
	if len(versions) != 2 || versions[0].PublishedBy != actor.Label || !versions[0].PublishedAt.Equal(at) {
		t.Errorf("versions are %+v", versions)
	}
	if d, err = w.ChangeNotice(ctx, w.developer.ID, n.ID); err != nil || d.State != models.ChangeInForce {
		t.Errorf("the notice is %+v, %v", d, err)
	}
	if list, err = w.ChangeNotices(ctx, w.developer.ID, models.Page{}); err != nil || len(list.Items) != 1 {
		t.Errorf("there are %d notices, %v", len(list.Items), err)
	}
	ok(t, w.AcknowledgeChange(ctx, w.asDeveloper(), n.ID, w.later()))
	if n, err := w.UnseenNotices(ctx, w.developer.ID); err != nil || n != 0 {
		t.Errorf("%d unseen notices, %v", n, err)
	}
	_, err = w.ChangeNotice(ctx, w.owner.ID, n.ID)
	wantKind(t, "somebody else's notice", err, models.KindNotFound)
	wantKind(t, "acknowledge somebody else's", w.AcknowledgeChange(ctx, actor, n.ID, w.now), models.KindNotFound)
}

// What is taken back does not come, and who was told of it is told of that.
func TestAScheduledVersionCanBeCancelledAndPublishedEarlier(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	p := w.plan("Free", w.stage("prod"))
	w.subscribe(p, "App")
	changes := w.slower(p, 5)
	at := w.now.Add(time.Hour)
	for _, when := range []time.Time{w.now.Add(-time.Second), w.now.AddDate(2, 0, 0)} {
		_, err := w.SchedulePlan(ctx, actor, p.ID, when, changes, w.later())
		wantKind(t, when.String(), err, models.KindInvalid)
	}
	_, err := w.SchedulePlan(ctx, actor, p.ID, at, changes, w.later())
	ok(t, err)
	ok(t, w.TellChanges(ctx, w.now))
	ok(t, w.UnschedulePlan(ctx, actor, p.ID, w.later()))
	w.wantEvent("plan.unschedule", p.ID.String(), w.owner.ID)
	ok(t, w.TellChanges(ctx, w.now))
	ok(t, w.PublishDuePlans(ctx, at.Add(time.Hour)))
	row, err := w.Plan(ctx, w.owner.ID, p.ID)
	ok(t, err)
	if row.Version != 1 || row.Draft == nil {
		t.Errorf("the plan is %+v", row)
	}
	list, err := w.ChangeNotices(ctx, w.developer.ID, models.Page{})
	ok(t, err)
	if len(list.Items) != 2 || list.Items[0].Kind != models.ChangeTakenBack || list.Items[1].State != models.ChangeCancelled {
		t.Errorf("the notices are %+v", list.Items)
	}
	_, err = w.SchedulePlan(ctx, actor, p.ID, at, changes, w.later())
	ok(t, err)
	_, err = w.PublishPlan(ctx, actor, p.ID, w.later(), changes...)
	ok(t, err)
	ok(t, w.TellChanges(ctx, w.now))
	page, err := w.ChangeNotices(ctx, w.developer.ID, models.Page{Limit: 1})
	ok(t, err)
	if n := page.Items[0]; n.State != models.ChangeInForce || !n.TakesAt.Equal(w.now) || page.Next == "" {
		t.Errorf("published earlier, the notice is %+v", n)
	}
	if page, err = w.ChangeNotices(ctx, w.developer.ID, models.Page{After: page.Next}); err != nil || len(page.Items) != 3 {
		t.Errorf("the next page has %d, %v", len(page.Items), err)
	}
}

// What cannot come into force stays a draft, and both its owner and its subscribers learn why.
func TestAScheduledVersionThatCannotComeIntoForceSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w *world, p models.Plan, test models.Stage)
		why   string
	}{
		"R1": {func(w *world, p models.Plan, test models.Stage) {
			other := w.plan("Other", test)
			k := w.customerKey("Acme", p)
			ok(w.t, w.AddKeyToPlan(w.t.Context(), w.asOwner(), k.ID, other.ID, w.later()))
		}, "already calls"},
		"a stage is gone": {func(w *world, p models.Plan, test models.Stage) {
			ok(w.t, w.DeleteStage(w.t.Context(), w.asOwner(), w.api.ID, test.ID, w.later()))
		}, "One of its stages was deleted."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ctx, actor := t.Context(), w.asOwner()
			prod, test := w.stage("prod"), w.stage("test")
			p := w.plan("Free", prod)
			w.subscribe(p, "App")
			_, err := w.SaveDraft(ctx, actor, p.ID, "", termsOf("Free", prod, test), w.later())
			ok(t, err)
			at := w.now.Add(time.Hour)
			_, err = w.SchedulePlan(ctx, actor, p.ID, at, []models.TermsChange{{What: "test", Before: "closed", After: "open"}}, w.later())
			ok(t, err)
			c.spoil(w, p, test)
			ok(t, w.PublishDuePlans(ctx, at))
			ok(t, w.PublishDuePlans(ctx, at.Add(time.Second)))
			ok(t, w.TellChanges(ctx, at))
			w.now = at.Add(time.Minute)
			row, err := w.Plan(ctx, w.owner.ID, p.ID)
			ok(t, err)
			if row.Version != 1 || !row.PublishAt.IsZero() || !strings.Contains(row.PublishFailed, c.why) {
				t.Errorf("the plan is version %d, publishes at %v, and says %q", row.Version, row.PublishAt, row.PublishFailed)
			}
			events, err := w.Events(ctx, w.owner, models.EventFilter{Action: "plan.publish_failed"}, models.Page{})
			ok(t, err)
			if len(events.Items) != 1 || events.Items[0].ObjectID != p.ID.String() {
				t.Errorf("the events are %+v", events.Items)
			}
			list, err := w.ChangeNotices(ctx, w.developer.ID, models.Page{})
			ok(t, err)
			if len(list.Items) != 2 || list.Items[0].Kind != models.ChangeTakenBack {
				t.Errorf("the notices are %+v", list.Items)
			}
			wantR1(t, w.Store)
		})
	}
}

// A plan that is retired takes its scheduled version with it.
func TestARetiredPlanHasNoScheduledVersion(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	p := w.plan("Free", w.stage("prod"))
	changes := w.slower(p, 5)
	at := w.now.Add(time.Hour)
	_, err := w.SchedulePlan(ctx, actor, p.ID, at, changes, w.later())
	ok(t, err)
	ok(t, w.RetirePlan(ctx, actor, p.ID, w.later()))
	ok(t, w.PublishDuePlans(ctx, at))
	row, err := w.Plan(ctx, w.owner.ID, p.ID)
	ok(t, err)
	if row.Version != 1 || row.State != models.PlanRetired || !row.PublishAt.IsZero() {
		t.Errorf("the plan is %+v", row)
	}
}

// A change of a plan with many subscribers is told some at a time, and one that was interrupted leaves nobody out and tells nobody twice.
func TestNoticesReachEverybodyOnce(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	store.SetAtOnce(w.Store, 2)
	p := w.plan("Free", w.stage("prod"))
	for _, app := range []string{"A", "B", "C", "D", "E"} {
		w.subscribe(p, app)
	}
	_, err := w.PublishPlan(ctx, w.asOwner(), p.ID, w.later(), w.slower(p, 5)...)
	ok(t, err)
	for range 2 {
		ok(t, w.TellChanges(ctx, w.later()))
		notices, err := w.PlanChangeNotices(ctx, w.owner.ID, p.ID)
		ok(t, err)
		if len(notices) != 1 || notices[0].Told != 5 || notices[0].StillTelling {
			t.Errorf("the notices are %+v", notices)
		}
		d, err := w.ChangeNotice(ctx, w.developer.ID, notices[0].ID)
		ok(t, err)
		if len(d.For) != 5 {
			t.Errorf("the notice is for %d subscriptions, want 5", len(d.For))
		}
		ok(t, store.Writer(w.Store).Exec(`UPDATE notices SET untold = 1`).Error) // as a process leaves it that is killed before the end
	}
}
