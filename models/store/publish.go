package store

import (
	"context"
	"slices"
	"time"

	"gatehouse/models"
)

// PublishPlan makes the draft the plan's next version, in force on the next request. It refuses to open a stage that one of the plan's keys
// calls on another plan (R1).
func (s *Store) PublishPlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) (p models.Plan, err error) {
	err = s.changePlan(ctx, actor, id, now, func(t *tx, before models.Plan) error {
		if err := before.CheckPublish(); err != nil {
			return err
		}
		if err := t.checkStages(before.OwnerID, *before.Draft); err != nil {
			return err
		}
		p = before
		p.State, p.Version, p.InForce, p.Draft = models.PlanPublished, before.Version+1, *before.Draft, nil
		p.PublishedAt, p.UpdatedAt = t.now, t.now
		p.DraftBy, p.DraftAt = "", time.Time{}
		if err := t.putInForce(p, t.actor.Label); err != nil {
			return err
		}
		if err := t.changed(models.ChangePlan, int64(id)); err != nil {
			return err
		}
		var was any
		if before.Version > 0 {
			was = before.InForce
		}
		return t.event("plan.publish", planObject(p), was, p.InForce)
	})
	return p, err
}

// putInForce writes p.InForce as a new version and opens its stages for the plan's keys.
func (t *tx) putInForce(p models.Plan, by string) error {
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
	return t.openStages(p)
}

// openStages makes plan_stages and key_stages say what p.InForce says.
func (t *tx) openStages(p models.Plan) error {
	opened, err := selectAll[models.StageID](t.DB, "stages of plan", `SELECT stage_id FROM plan_stages WHERE plan_id = ?`, p.ID)
	if err != nil {
		return err
	}
	wanted := p.InForce.StageIDs()
	var closing []models.StageID
	for _, id := range opened {
		if !slices.Contains(wanted, id) {
			closing = append(closing, id)
		}
	}
	if err := t.run("close stages", `DELETE FROM plan_stages WHERE plan_id = ? AND stage_id IN ?`, p.ID, closing); err != nil {
		return err
	}
	if err := t.run("close stages", `DELETE FROM key_stages WHERE plan_id = ? AND stage_id IN ?`, p.ID, closing); err != nil {
		return err
	}
	for _, id := range wanted {
		if slices.Contains(opened, id) {
			continue
		}
		if err := t.openStage(p, id); err != nil {
			return err
		}
	}
	return nil
}

// openStage opens a stage for all keys of a plan, unless one of them calls it on another plan (R1).
func (t *tx) openStage(p models.Plan, stage models.StageID) error {
	if err := t.run("open stage", `INSERT INTO plan_stages (plan_id, stage_id) VALUES (?, ?)`, p.ID, stage); err != nil {
		return err
	}
	err := t.run("free stage", `DELETE FROM key_stages WHERE stage_id = ? AND plan_id IN (SELECT id FROM plans WHERE ended = 1)
		AND key_id IN (SELECT key_id FROM plan_keys WHERE plan_id = ?)`, stage, p.ID)
	if err != nil {
		return err
	}
	type clash struct {
		Held    heldRow `gorm:"embedded"`
		KeyName string
		Hint    string
	}
	clashes, err := selectAll[clash](t.DB, "clash", `SELECT ks.stage_id, a.name AS api_name, s.name AS stage_name, ks.plan_id, o.name AS plan_name, k.name AS key_name, c.hint
		FROM plan_keys pk JOIN key_stages ks ON ks.key_id = pk.key_id AND ks.stage_id = ? JOIN keys k ON k.id = pk.key_id
			JOIN key_secrets c ON c.key_id = k.id AND c.is_current = 1
			JOIN stages s ON s.id = ks.stage_id JOIN apis a ON a.id = s.api_id JOIN plans o ON o.id = ks.plan_id
		WHERE pk.plan_id = ? LIMIT 1`, stage, p.ID)
	if err != nil {
		return err
	}
	if len(clashes) > 0 {
		return models.ErrHeldElsewhere(models.Key{Name: clashes[0].KeyName, Hint: clashes[0].Hint}, clashes[0].Held.held())
	}
	return t.run("open stage for keys", `INSERT INTO key_stages (key_id, stage_id, plan_id)
		SELECT pk.key_id, ?, pk.plan_id FROM plan_keys pk JOIN keys k ON k.id = pk.key_id WHERE pk.plan_id = ? AND k.revoked_at IS NULL`, stage, p.ID)
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
	if err := t.putInForce(p, "system"); err != nil {
		return err
	}
	return t.event("plan.detach", planObject(p), before, p.InForce)
}
