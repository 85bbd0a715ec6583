package store_test

import (
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// Lists tell the numbers that are kept; if one path that adds or takes away were forgotten, they would be wrong for ever.
func TestPlanCountsAreWhatIsThere(t *testing.T) {
	s := storetest.Open(t)
	made := storetest.Seed(t, s, storetest.Few())
	db := store.Writer(s)
	type count struct{ PlanID, Keys, Subscribers, Waiting int64 }
	wrong := func(when string) {
		t.Helper()
		var rows []count
		ok(t, db.Raw(`SELECT p.id AS plan_id, c.keys, c.subscribers, c.waiting FROM plans p LEFT JOIN plan_counts c ON c.plan_id = p.id
			WHERE coalesce(c.keys, 0) <> (SELECT count(*) FROM plan_keys k WHERE k.plan_id = p.id)
			OR coalesce(c.subscribers, 0) <> (SELECT count(*) FROM subscriptions s WHERE s.plan_id = p.id AND s.state IN ('pending', 'active', 'suspended'))
			OR coalesce(c.waiting, 0) <> (SELECT count(*) FROM subscriptions s WHERE s.plan_id = p.id AND s.state = 'pending')`).Scan(&rows).Error)
		if len(rows) > 0 {
			t.Errorf("%s: not what is there: %+v", when, rows)
		}
	}
	wrong("seeded")

	ctx, owner, developer := t.Context(), storetest.Actor(made.Owner), storetest.Actor(made.Developer)
	total, err := s.PlanTotals(ctx, made.Owner.ID)
	ok(t, err)
	if total.Keys == 0 || total.Subscribers == 0 || total.Plans != storetest.Few().Plans {
		t.Fatalf("the owner's plans together: %+v", total)
	}
	waiting, err := s.Undecided(ctx, made.Owner.ID)
	ok(t, err)
	_, err = s.DecideSubscription(ctx, owner, made.Waiting, models.Refuse, "no", made.Now)
	ok(t, err)
	wrong("one rejected")
	if after, err := s.Undecided(ctx, made.Owner.ID); err != nil || after.Subscriptions != waiting.Subscriptions-1 {
		t.Errorf("%+v wait after %+v, %v", after, waiting, err)
	}
	ok(t, s.RemoveKeyFromPlan(ctx, owner, made.CustomerKey, made.Plan, made.Now))
	wrong("a key off its plan")
	ok(t, s.CancelSubscription(ctx, developer, made.Subscription, made.Now))
	wrong("one ended")
	ok(t, db.Exec(`DELETE FROM plan_keys`).Error)
	ok(t, db.Exec(`DELETE FROM subscriptions`).Error)
	wrong("none left")
}

// A plan may have a million keys: to count them takes longer than all the rest of a page.
func TestPlansAreListedWithoutCountingWhoIsOnThem(t *testing.T) {
	w, one, _ := keyWorld(t)
	ctx := t.Context()
	for what, call := range map[string]func() error{
		"list":    func() error { _, err := w.Plans(ctx, w.owner.ID, "", models.Page{}); return err },
		"plan":    func() error { _, err := w.Plan(ctx, w.owner.ID, one.ID); return err },
		"menu":    func() error { _, err := w.PlanChoices(ctx, w.owner.ID, 5); return err },
		"totals":  func() error { _, err := w.PlanTotals(ctx, w.owner.ID); return err },
		"waiting": func() error { _, err := w.Undecided(ctx, w.owner.ID); return err },
	} {
		for _, statement := range store.Record(t, w.Store, func() { ok(t, call()) }) {
			if strings.Contains(statement.SQL, "plan_keys") || strings.Contains(statement.SQL, "subscriptions") {
				t.Errorf("%s counts: %s", what, statement.SQL)
			}
		}
	}
}
