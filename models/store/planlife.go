package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has how plans go: retired, ended, or deleted before anybody saw them.

// RetirePlan closes a plan to new subscribers; it goes on for the ones it has. Its draft is forgotten.
func (s *Store) RetirePlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error {
	return s.changePlan(ctx, actor, id, now, (*tx).retire)
}

func (t *tx) retire(p models.Plan) error {
	if err := p.CheckRetire(); err != nil {
		return err
	}
	err := t.run("retire plan", `UPDATE plans SET state = 'retired', draft = NULL, draft_by = NULL, draft_at = NULL, publish_at = NULL, publish_by = '', retired_at = ?,
		updated_at = ? WHERE id = ?`, millis(t.now), millis(t.now), p.ID)
	if err != nil {
		return err
	}
	if err := firstError(t.withdrawPublication(p), t.proposeRetired(p), t.changed(models.ChangeTopology)); err != nil {
		return err
	}
	return t.event("plan.retire", planObject(p), facts{"state": p.State}, facts{"state": models.PlanRetired})
}

// EndPlan announces when a plan ends, or changes when. From then on it opens nothing: the gateway looks at the date itself, and the plan's
// subscriptions are ended, too. An end that is now is at once and for good; field "ends".
func (s *Store) EndPlan(ctx context.Context, actor models.Actor, id models.PlanID, ends, now time.Time) error {
	return s.changePlan(ctx, actor, id, now, func(t *tx, p models.Plan) error { return t.announceEnd(p, ends) })
}

func (t *tx) announceEnd(p models.Plan, ends time.Time) error {
	ends = ends.UTC().Truncate(time.Millisecond)
	if err := p.CheckEnd(ends, t.now); err != nil {
		return err
	}
	if err := firstError(t.setEnd(p, ends), t.proposeEnd(p, ends)); err != nil {
		return err
	}
	if err := t.event("plan.announce_end", planObject(p), endFacts(p.EndsAt), endFacts(ends)); err != nil {
		return err
	}
	return t.endDuePlans()
}

// KeepPlan takes the announced end of a plan back.
func (s *Store) KeepPlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error {
	return s.changePlan(ctx, actor, id, now, (*tx).keep)
}

func (t *tx) keep(p models.Plan) error {
	switch {
	case p.State == models.PlanEnded:
		return models.Conflict("This plan has ended: its end cannot be taken back. Duplicate the plan instead.")
	case p.EndsAt.IsZero():
		return nil
	}
	if err := t.setEnd(p, time.Time{}); err != nil {
		return err
	}
	return t.event("plan.keep", planObject(p), endFacts(p.EndsAt), endFacts(time.Time{}))
}

func endFacts(ends time.Time) facts { return facts{"ends": orNever(ends)} }

// setEnd writes when a plan ends, and tells the gateway.
func (t *tx) setEnd(p models.Plan, ends time.Time) error {
	if err := t.run("set end of plan", `UPDATE plans SET ends_at = ?, updated_at = ? WHERE id = ?`, nullMillis(ends), millis(t.now), p.ID); err != nil {
		return err
	}
	return t.changed(models.ChangeTopology)
}

// EndDuePlans notes the end of plans whose date has come. Whoever changes anything sees it noted before; this is for those who only look.
func (s *Store) EndDuePlans(ctx context.Context, now time.Time) error {
	due, err := duePlans(s.read.WithContext(ctx), now)
	if err == nil && len(due) > 0 {
		err = s.change(ctx, models.System(), now, func(*tx) error { return nil }) // every change begins with it
	}
	if err != nil {
		return err
	}
	return s.finishEnds(ctx, now)
}

func duePlans(db *gorm.DB, now time.Time) ([]planRow, error) {
	return selectAll[planRow](db, "plans that are due", planQuery+`WHERE p.ended = 0 AND p.ends_at <= ? ORDER BY p.ends_at, p.id`, millis(now))
}

// endDuePlans notes the end of plans whose date has come, so that rules judge by their state alone. Keys stay on the list of a plan that has
// ended, for its name and counts, and the stages that it opened to them are free for other plans.
func (t *tx) endDuePlans() error {
	due, err := duePlans(t.DB, t.now)
	if err != nil {
		return err
	}
	system := &tx{DB: t.DB, actor: models.System(), now: t.now, keyring: t.keyring, atOnce: t.atOnce}
	for _, row := range due {
		p, err := row.plan()
		if err != nil {
			return err
		}
		if err := system.end(p); err != nil {
			return err
		}
	}
	return nil
}

// end notes that a plan has ended, and with it its subscriptions.
func (t *tx) end(p models.Plan) error {
	open, err := selectOne[int](t.DB, "open subscriptions", `SELECT count(*) FROM subscriptions WHERE plan_id = ? AND state IN ('pending', 'active', 'suspended')`, p.ID)
	if err != nil {
		return err
	}
	err = t.run("end plan", `UPDATE plans SET ended = 1, state = 'retired', draft = NULL, draft_by = NULL, draft_at = NULL, publish_at = NULL, publish_by = '',
		retired_at = coalesce(retired_at, ends_at), updated_at = ?, unfinished = ? WHERE id = ?`, millis(t.now), open > 0, p.ID)
	if err != nil {
		return err
	}
	if err := t.withdrawPublication(p); err != nil {
		return err
	}
	if open > 0 && open <= endsAtOnce(t.atOnce) {
		if _, err := t.endSubscriptions(endedPlan{p.ID, p.Name(), millis(p.EndsAt)}); err != nil {
			return err
		}
	}
	return t.event("plan.end", planObject(p), facts{"state": p.State}, facts{"state": models.PlanEnded, "subscriptionsEnded": open})
}

// endedPlan is a plan that has ended, with what its subscriptions are to say.
type endedPlan struct {
	ID     models.PlanID
	Name   string
	EndsAt int64
}

func (p endedPlan) reason() string {
	return fmt.Sprintf("The plan %s ended on %s.", p.Name, timeOf(p.EndsAt).Format("2 Jan 2006"))
}

// endSubscriptions ends some open subscriptions of a plan that has ended, and reports whether there are no more.
func (t *tx) endSubscriptions(p endedPlan) (done bool, err error) {
	ended, err := selectAll[models.SubscriptionID](t.DB, "ended subscriptions", `UPDATE subscriptions SET state = 'ended', reason = ?, ended_at = ? WHERE id IN (SELECT id FROM subscriptions
		WHERE plan_id = ? AND state IN ('pending', 'active', 'suspended') LIMIT ?) RETURNING id`, p.reason(), p.EndsAt, p.ID, t.atOnce)
	if err == nil {
		err = t.tellEnded(p, ended)
	}
	if err != nil || len(ended) == t.atOnce {
		return false, err
	}
	return true, t.run("finish end of plan", `UPDATE plans SET unfinished = 0 WHERE id = ?`, p.ID)
}

// endsAtOnce is how many subscriptions end in one transaction: each of them tells its developer, who may have webhooks.
func endsAtOnce(atOnce int) int { return max(1, min(atOnce, 50)) }

// finishEnds ends the subscriptions of plans that have ended. They count as ended already: whoever reads one sees it.
func (s *Store) finishEnds(ctx context.Context, now time.Time) error {
	plans, err := selectAll[endedPlan](s.read.WithContext(ctx), "plans that ended", `SELECT id, name, ends_at FROM plans WHERE unfinished = 1 AND id > 0`)
	for _, p := range plans {
		for done := false; !done && err == nil; {
			err = s.write.WithContext(ctx).Transaction(func(db *gorm.DB) (err error) {
				done, err = (&tx{DB: db, now: now.UTC().Truncate(time.Millisecond), keyring: s.keyring, atOnce: endsAtOnce(s.atOnce)}).endSubscriptions(p)
				return err
			})
		}
	}
	return err
}

// DeletePlan deletes a plan that was never published. What was promised to somebody is retired instead.
func (s *Store) DeletePlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error {
	return s.changePlan(ctx, actor, id, now, func(t *tx, p models.Plan) error {
		if p.Version > 0 {
			return models.Conflict("This plan was published and stays in the records of its subscribers. Retire it instead.")
		}
		if err := t.run("delete plan", `DELETE FROM plans WHERE id = ?`, id); err != nil {
			return err
		}
		return t.event("plan.delete", planObject(p), p.Current(), nil)
	})
}
