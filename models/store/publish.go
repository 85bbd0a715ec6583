package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"gatehouse/models"
)

// publication is how a draft comes into force.
type publication struct {
	due     bool                 // it was set to, and its time has come
	changes []models.TermsChange // what subscribers are told, in words; none: nothing
}

// PublishPlan makes the draft the plan's next version, in force on the next request. It refuses to open a stage that one of the plan's keys
// calls on another plan (R1). To open a stage to very many keys takes a while, and nobody waits for it but the caller. Subscribers get a notice of the changes,
// which are in words; none: nobody is told.
func (s *Store) PublishPlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time, changes ...models.TermsChange) (models.Plan, error) {
	return s.publishPlan(ctx, actor, id, publication{changes: changes}, now)
}

func (s *Store) publishPlan(ctx context.Context, actor models.Actor, id models.PlanID, how publication, now time.Time) (p models.Plan, err error) {
	ahead, err := s.openAhead(ctx, actor, id, toPublish, now)
	if err != nil {
		return p, err
	}
	defer func() { ahead.end(ctx, err == nil) }()
	for {
		p, err = s.publish(ctx, actor, id, ahead, how, now)
		if !errors.Is(err, errMoreKeys) {
			return p, err
		}
		if err = ahead.catchUp(ctx); err != nil {
			return p, err
		}
	}
}

func (s *Store) publish(ctx context.Context, actor models.Actor, id models.PlanID, ahead *opening, how publication, now time.Time) (p models.Plan, err error) {
	err = s.changePlan(ctx, actor, id, now, func(t *tx, before models.Plan) error {
		if how.due && !isDue(before, t.now) {
			return errNotDue
		}
		if err := before.CheckPublish(); err != nil {
			return err
		}
		ready, err := ahead.finish(t, *before.Draft)
		if err != nil {
			return err
		}
		p, err = t.nextVersion(before, *before.Draft, nil, how, ready)
		return err
	})
	return p, err
}

// nextVersion brings terms into force as a plan's next version, and keeps a draft beside them or none. Ready are stages whose rows were written ahead.
func (t *tx) nextVersion(before models.Plan, terms models.Terms, draft *models.Terms, how publication, ready []models.StageID) (p models.Plan, err error) {
	if err := t.checkStages(before.OwnerID, terms); err != nil {
		return p, err
	}
	p = before
	p.Version, p.InForce, p.Draft = before.Version+1, terms, draft
	if p.State == models.PlanDraft {
		p.State = models.PlanPublished
	}
	p.PublishedAt, p.UpdatedAt = t.now, t.now
	if draft == nil {
		p.DraftBy, p.DraftAt = "", time.Time{}
	}
	p.PublishAt, p.PublishBy, p.PublishFailed = time.Time{}, "", ""
	by := t.actor.Label
	if how.due {
		by = before.PublishBy
	}
	if err := t.putInForce(p, by, ready); err != nil {
		return p, err
	}
	changes := how.changes
	if how.due {
		if changes, err = t.announcedChanges(p.ID); err != nil {
			return p, err
		}
	}
	if err := firstError(t.tellPublished(before, p, how), t.proposeVersion(before, p, changes)); err != nil {
		return p, err
	}
	if err := t.changed(models.ChangePlan, int64(p.ID)); err != nil {
		return p, err
	}
	var was any
	if before.Version > 0 {
		was = before.InForce
	}
	return p, t.event("plan.publish", planObject(p), was, p.InForce)
}

// putInForce writes p.InForce as a new version and opens its stages for the plan's keys, but for those that are ready.
func (t *tx) putInForce(p models.Plan, by string, ready []models.StageID) error {
	text, err := encodeTerms(p.InForce)
	if err != nil {
		return err
	}
	err = t.run("write version", `INSERT INTO plan_versions (plan_id, version, terms, published_at, published_by) VALUES (?, ?, ?, ?, ?)`,
		p.ID, p.Version, text, millis(t.now), by)
	if err != nil {
		return err
	}
	err = t.run("publish plan", `UPDATE plans SET state = CASE state WHEN 'draft' THEN 'published' ELSE state END, version = ?, published_at = ?,
		updated_at = ? WHERE id = ?`, p.Version, nullMillis(p.PublishedAt), millis(t.now), p.ID)
	if err != nil {
		return err
	}
	if err := t.putQuotaInForce(p); err != nil {
		return err
	}
	if err := t.saveDraft(&p); err != nil {
		return err
	}
	return t.openStages(p, ready)
}

// openStages makes plan_stages say what p.InForce says, and key_stages what counts by it. Ready are stages whose rows were written ahead.
func (t *tx) openStages(p models.Plan, ready []models.StageID) error {
	wanted := p.InForce.StageIDs()
	if err := t.run("close stages", `DELETE FROM plan_stages WHERE plan_id = ? AND stage_id NOT IN (SELECT value FROM json_each(?))`, p.ID, numberList(wanted)); err != nil {
		return err
	}
	opened, err := newStages(t.DB, p.ID, p.InForce)
	if err != nil {
		return err
	}
	for _, id := range opened {
		if err := t.run("open stage", `INSERT INTO plan_stages (plan_id, stage_id) VALUES (?, ?)`, p.ID, id); err != nil {
			return err
		}
		if slices.Contains(ready, id) {
			continue
		}
		if err := t.openFor(p.ID, id, `true`); err != nil {
			return err
		}
	}
	return nil
}

// detach takes stages that are about to be deleted off all plans of their owner: drafts, and what is in force, which gets a new version so
// that history stays true. The caller tells the gateway.
func (t *tx) detach(owner models.AccountID, stages []models.StageID) error {
	rows, err := selectAll[planRow](t.DB, "plans", planQuery+`WHERE p.owner_id = ?
		AND (p.draft IS NOT NULL OR p.id IN (SELECT plan_id FROM plan_stages WHERE stage_id IN ?))`, owner, stages)
	if err != nil {
		return err
	}
	for _, r := range rows {
		p, err := r.plan()
		if err != nil {
			return err
		}
		if err := t.detachPlan(p, stages); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) detachPlan(p models.Plan, stages []models.StageID) error {
	opensAny := func(terms models.Terms) bool { return slices.ContainsFunc(stages, terms.Opens) }
	inForce, inDraft := p.Version > 0 && opensAny(p.InForce), p.Draft != nil && opensAny(*p.Draft)
	if !inForce && !inDraft {
		return nil
	}
	before := p.Current()
	if inDraft {
		if err := t.failSchedule(&p, "One of its stages was deleted."); err != nil {
			return err
		}
		draft := p.Draft.Without(stages)
		p.Draft = &draft
	}
	if !inForce {
		if err := t.saveDraft(&p); err != nil {
			return err
		}
		return t.event("plan.detach", planObject(p), before, p.Current())
	}
	before = p.InForce
	p.InForce = p.InForce.Without(stages)
	p.Version++
	if err := t.putInForce(p, "system", nil); err != nil {
		return err
	}
	return t.event("plan.detach", planObject(p), before, p.InForce)
}
