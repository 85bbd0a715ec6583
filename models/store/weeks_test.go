package store_test

import (
	"testing"
	"time"

	"gatehouse/models"
)

// weeks are the digests that were queued since the last call.
func (w *world) weeks() []models.Message {
	w.t.Helper()
	ok(w.t, w.TellWeeks(w.t.Context(), w.now))
	return w.toldOf(models.NoticeWeek)
}

// An owner is told on Monday morning where he lives, of what happened in the week that is over there, and of nothing when nothing did.
func TestAnOwnerIsToldOfTheWeekOnMondayMorning(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	auckland, err := time.LoadLocation("Pacific/Auckland")
	ok(t, err)
	ok(t, w.SavePreferences(ctx, w.asOwner(), models.Preferences{Zone: "Pacific/Auckland"}, w.now))
	stage := w.stage("prod")
	p, asked := w.plan("Free", stage), w.asking("Partner", stage)
	w.now = time.Date(2026, 3, 2, 9, 0, 0, 0, auckland) // a Monday
	if got := w.weeks(); len(got) != 0 {
		t.Errorf("of the week before the first: %+v", got)
	}
	w.now = time.Date(2026, 3, 9, 9, 0, 0, 0, auckland)
	if got := w.weeks(); len(got) != 0 {
		t.Errorf("of a week in which nothing happened: %+v", got)
	}
	w.now = time.Date(2026, 3, 15, 23, 59, 0, 0, auckland) // Sunday
	made := w.subscribe(p, "App")
	w.subscribe(asked, "Other")
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 90)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeThrottled, 7)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeUpstream, 3)
	sunday := w.now
	w.now = time.Date(2026, 3, 16, 0, 0, 30, 0, auckland)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 1000) // of the next week
	w.now = time.Date(2026, 3, 16, 7, 59, 0, 0, auckland)
	if got := w.weeks(); len(got) != 0 {
		t.Errorf("before eight: %+v", got)
	}
	w.now = w.now.Add(time.Minute)
	got := w.weeks()
	if len(got) != 1 || got[0].AccountID != w.owner.ID {
		t.Fatalf("told %+v", got)
	}
	week := got[0].Data.Week
	if week.Requests != 100 || week.Before != 0 || week.Throttled != 7 || week.Failed != 3 || week.New != 1 || week.Left != 0 || week.Waiting != 1 || !week.To.Equal(time.Date(2026, 3, 16, 0, 0, 0, 0, auckland)) || week.To.Sub(week.From) != 7*24*time.Hour {
		t.Errorf("told %+v", week)
	}
	if got := w.weeks(); len(got) != 0 {
		t.Errorf("told twice: %+v", got)
	}
	ok(t, w.CancelSubscription(ctx, w.asDeveloper(), made.Subscription.ID, w.now))
	subs, err := w.OwnerSubscriptions(ctx, w.owner.ID, models.SubscriptionFilter{State: models.SubscriptionPending}, models.Page{})
	ok(t, err)
	_, err = w.DecideSubscription(ctx, w.asOwner(), subs.Items[0].ID, models.Refuse, "Not now", w.now)
	ok(t, err)
	w.now = w.now.AddDate(0, 0, 23) // nobody served on the Mondays between: told late, of the last week alone, in which nothing happened
	if got := w.weeks(); len(got) != 0 {
		t.Errorf("of a week before the last: %+v", got)
	}
	left, err := w.OwnerWeek(ctx, w.owner.ID, auckland, sunday.AddDate(0, 0, 8))
	ok(t, err)
	if left.Left != 1 || left.LeftNames[0] != w.developer.Name || left.New != 0 || left.Requests != 1000 || left.Before != 100 {
		t.Errorf("the week after: %+v", left)
	}
	ok(t, w.RefuseMail(ctx, w.owner.ID, models.TopicWeek, true, w.now))
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 10)
	w.now = w.now.AddDate(0, 0, 7)
	if got := w.weeks(); len(got) != 0 {
		t.Errorf("an owner who wants none: %+v", got)
	}
}

func TestWeeksAreReadThroughIndexes(t *testing.T) {
	w := newWorld(t)
	stage := w.stage("prod")
	p := w.plan("Free", stage)
	made := w.subscribe(p, "App")
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeUpstream, 10)
	w.now = w.now.AddDate(0, 0, 7)
	wantNoScan(t, w.Store, "a digest", func() {
		ok(t, w.TellWeeks(t.Context(), w.now))
		week, err := w.OwnerWeek(t.Context(), w.owner.ID, time.UTC, w.now)
		ok(t, err)
		if week.Failed != 10 || len(week.Failing) != 0 { // the calls met no method
			t.Errorf("%+v", week)
		}
	}, "x", "totals", "wholes", "top", "g")
}
