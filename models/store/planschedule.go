package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/models"
)

// This file has drafts that come into force by themselves, at a time of which subscribers are told.

// SchedulePlan sets when a plan's draft becomes its next version; until then the draft does not change. Subscribers get a notice of the changes, which are in
// words. A later call sets another time. Fields "publish_at", and as Terms.Check.
func (s *Store) SchedulePlan(ctx context.Context, actor models.Actor, id models.PlanID, at time.Time, changes []models.TermsChange, now time.Time) (p models.Plan, err error) {
	at = at.UTC().Truncate(time.Millisecond)
	err = s.changePlan(ctx, actor, id, now, func(t *tx, before models.Plan) error {
		if err := firstError(before.CheckSchedule(at, t.now), t.checkStagesOf(before)); err != nil {
			return err
		}
		if err := t.closeNotices(before.ID, models.ChangeCancelled); err != nil { // the new one says what holds instead
			return err
		}
		p = before
		p.PublishAt, p.PublishBy, p.PublishFailed = at, t.actor.Label, ""
		if err := t.saveDraft(&p); err != nil {
			return err
		}
		if before.Version > 0 && len(changes) > 0 {
			n := planNotice(p, models.ChangeOfPlan, models.ChangeAnnounced, before.InForce, *before.Draft, changes)
			n.TakesAt = millis(at)
			if err := t.tell(n); err != nil {
				return err
			}
		}
		return t.event("plan.schedule", planObject(p), scheduleFacts(before), scheduleFacts(p))
	})
	return p, err
}

// checkStagesOf is checkStages for a plan's draft.
func (t *tx) checkStagesOf(p models.Plan) error {
	if p.Draft == nil {
		return nil // CheckSchedule says so
	}
	return t.checkStages(p.OwnerID, *p.Draft)
}

// UnschedulePlan leaves a scheduled draft a draft. Who was told of it is told of that, too.
func (s *Store) UnschedulePlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error {
	return s.changePlan(ctx, actor, id, now, func(t *tx, p models.Plan) error {
		if p.PublishAt.IsZero() {
			return nil
		}
		before := p
		p.PublishAt, p.PublishBy = time.Time{}, ""
		if err := firstError(t.saveDraft(&p), t.withdrawPublication(before)); err != nil {
			return err
		}
		return t.event("plan.unschedule", planObject(p), scheduleFacts(before), scheduleFacts(p))
	})
}

func scheduleFacts(p models.Plan) facts {
	if p.PublishAt.IsZero() {
		return facts{"publishes": nil}
	}
	return facts{"publishes": p.PublishAt, "terms": p.Draft.Digest()}
}

// errNotDue says that a draft is not to come into force, or not yet.
var errNotDue = errors.New("not due")

func isDue(p models.Plan, now time.Time) bool {
	return !p.PublishAt.IsZero() && !p.PublishAt.After(now)
}

// PublishDuePlans brings scheduled drafts into force whose time has come. Each comes once: what makes it the next version takes it off the schedule. One that
// cannot come into force, for example because of R1, stays a draft, and says why.
func (s *Store) PublishDuePlans(ctx context.Context, now time.Time) error {
	due, err := selectAll[models.PlanID](s.read.WithContext(ctx), "plans that are due", `SELECT id FROM plans WHERE publish_at <= ? ORDER BY publish_at, id`, millis(now))
	for _, id := range due {
		_, publishErr := s.publishPlan(ctx, models.System(), id, publication{due: true}, now)
		switch kind := models.KindOf(publishErr); {
		case publishErr == nil, errors.Is(publishErr, errNotDue):
		case kind == models.KindConflict, kind == models.KindInvalid, kind == models.KindNotFound:
			publishErr = s.failPublication(ctx, id, models.Sentence(publishErr), now)
			err = errors.Join(err, publishErr)
		default:
			err = errors.Join(err, fmt.Errorf("publish plan %s as scheduled: %w", id, publishErr)) // it is tried again
		}
	}
	return err
}

// failPublication takes a draft off the schedule that cannot come into force.
func (s *Store) failPublication(ctx context.Context, id models.PlanID, reason string, now time.Time) error {
	return s.changePlan(ctx, models.System(), id, now, func(t *tx, p models.Plan) error {
		if !isDue(p, t.now) {
			return nil
		}
		if err := t.failSchedule(&p, reason); err != nil {
			return err
		}
		return t.saveDraft(&p)
	})
}

// failSchedule takes a draft off the schedule, for a reason in a sentence; the caller saves it. A draft that is on none stays as it is.
func (t *tx) failSchedule(p *models.Plan, reason string) error {
	if p.PublishAt.IsZero() {
		return nil
	}
	before := *p
	p.PublishFailed = "The version that was to come into force on " + p.PublishAt.Format("2 Jan 2006, 15:04 UTC") + " did not: it is a draft again. " + reason
	p.PublishAt, p.PublishBy = time.Time{}, ""
	failed := models.Notice{Kind: models.NoticePlanFailed, Account: p.OwnerID, Side: models.SideOwner, Data: models.NoticeData{PlanID: p.ID, Plan: p.Name(), At: before.PublishAt, Reason: reason, Href: "/owner/plans/" + p.ID.String()}}
	if err := firstError(t.withdrawPublication(before), t.notify(failed)); err != nil {
		return err
	}
	return t.event("plan.publish_failed", planObject(*p), scheduleFacts(before), facts{"publishes": nil, "reason": reason})
}

// tellPublished tells subscribers that a version is in force, unless they knew.
func (t *tx) tellPublished(before, p models.Plan, how publication) error {
	if how.due {
		return t.closeNotices(p.ID, models.ChangeInForce)
	}
	if err := t.closeNotices(p.ID, models.ChangeCancelled); err != nil { // it is in force earlier than they say
		return err
	}
	if before.Version == 0 || len(how.changes) == 0 {
		return nil
	}
	n := planNotice(p, models.ChangeOfPlan, models.ChangeInForce, before.InForce, p.InForce, how.changes)
	return t.tell(n)
}

// withdrawPublication tells everybody who was told of a version that it does not come.
func (t *tx) withdrawPublication(p models.Plan) error {
	open, err := selectAll[changeNoticeRow](t.DB, "notices", changeNoticeQuery+`WHERE n.plan_id = ? AND n.state = 'announced'`, p.ID)
	if err != nil || len(open) == 0 {
		return err
	}
	if err := t.closeNotices(p.ID, models.ChangeCancelled); err != nil {
		return err
	}
	n := open[len(open)-1]
	n.ID, n.Kind, n.State, n.CreatedAt, n.Told, n.Untold = newID[models.ChangeNotice](), string(models.ChangeTakenBack), string(models.ChangeCancelled), 0, 0, true
	return t.tell(n)
}

// closeNotices notes what became of a plan's announced change.
func (t *tx) closeNotices(id models.PlanID, state models.ChangeNoticeState) error {
	return t.run("close notices", `UPDATE notices SET state = ? WHERE plan_id = ? AND state = 'announced'`, string(state), id)
}
