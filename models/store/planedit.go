package store

import (
	"context"
	"errors"
	"maps"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has plans as programs make and change them: in one go, and in force at once.

// MakePlan makes a plan, and brings it into force unless change leaves its State models.PlanDraft. It begins as an unnamed plan that only invited people see.
func (s *Store) MakePlan(ctx context.Context, actor models.Actor, change func(*models.PlanEdit) error, now time.Time) (d models.PlanDetail, err error) {
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		e := models.PlanEdit{Terms: models.NewTerms(""), State: models.PlanPublished, Tags: models.ResourceTags{}, Find: finder(t.DB, actor.AccountID)}
		e.Terms.Audience = models.AudienceInvited
		if err := change(&e); err != nil {
			return err
		}
		terms, err := e.Terms.Clean()
		if err != nil {
			return err
		}
		if err := t.checkStages(actor.AccountID, terms); err != nil {
			return err
		}
		p, err := t.addDraft(terms)
		if err != nil {
			return err
		}
		if e.State == models.PlanPublished {
			if p, err = t.nextVersion(p, terms, nil, publication{}, nil); err != nil {
				return err
			}
		}
		if !e.EndsAt.IsZero() {
			if err := t.announceEnd(p, e.EndsAt); err != nil {
				return err
			}
		}
		if err := t.putResourceTags(models.ResourcePlan, int64(p.ID), terms.Name, models.ResourceTags{}, e.Tags); err != nil {
			return err
		}
		d, err = planDetail(t.DB, actor.AccountID, p.ID)
		return err
	})
	return d, err
}

// EditPlan changes a plan in one go; what it says is in force at once, as one more version, and subscribers are told in words. A draft that its owner has open
// gets the same changes; one that is scheduled is a Conflict. Change may be called more than once, each time with the plan as it is then.
func (s *Store) EditPlan(ctx context.Context, actor models.Actor, id models.PlanID, words models.PlanWords, change func(*models.PlanEdit) error, now time.Time) (d models.PlanDetail, err error) {
	for {
		d, err = s.changePlanAhead(ctx, actor, id, planChange{words, change}, now)
		if !errors.Is(err, errOtherTerms) {
			return d, err
		}
	}
}

// planChange is what is to be done with a plan.
type planChange struct {
	words models.PlanWords
	do    func(*models.PlanEdit) error
}

// next is the terms that come of it.
func (c planChange) next(db *gorm.DB, p models.Plan) (models.Terms, error) {
	e, err := planEdit(db, p)
	if err != nil {
		return models.Terms{}, err
	}
	if err := c.do(&e); err != nil {
		return models.Terms{}, err
	}
	return e.Terms.Clean()
}

// changePlanAhead opens stages for many keys ahead, as a publication does.
func (s *Store) changePlanAhead(ctx context.Context, actor models.Actor, id models.PlanID, c planChange, now time.Time) (d models.PlanDetail, err error) {
	ahead, err := s.openAhead(ctx, actor, id, c.next, now)
	if err != nil {
		return d, err
	}
	defer func() { ahead.end(ctx, err == nil) }()
	for {
		err = s.changePlan(ctx, actor, id, now, func(t *tx, p models.Plan) error {
			if err := t.editPlan(p, ahead, c); err != nil {
				return err
			}
			d, err = planDetail(t.DB, p.OwnerID, id)
			return err
		})
		if !errors.Is(err, errMoreKeys) {
			return d, err
		}
		if err = ahead.catchUp(ctx); err != nil {
			return d, err
		}
	}
}

// editPlan does what is to be done with a plan.
func (t *tx) editPlan(p models.Plan, ahead *opening, c planChange) error {
	e, err := planEdit(t.DB, p)
	if err != nil {
		return err
	}
	before := e
	before.Tags = maps.Clone(e.Tags)
	if err := c.do(&e); err != nil {
		return err
	}
	if e.Terms, err = e.Terms.Clean(); err != nil {
		return err
	}
	if p, err = t.editTerms(p, e, ahead, c.words); err != nil {
		return err
	}
	if e.ProductCode != before.ProductCode {
		err := firstError(t.run("set product code", `UPDATE plans SET product_code = ?, updated_at = ? WHERE id = ?`, e.ProductCode, millis(t.now), p.ID),
			t.event("plan.product_code", planObject(p), facts{"productCode": before.ProductCode}, facts{"productCode": e.ProductCode}))
		if err != nil {
			return err
		}
	}
	if err := t.putResourceTags(models.ResourcePlan, int64(p.ID), p.Name(), before.Tags, e.Tags); err != nil {
		return err
	}
	return t.editLife(p, e)
}

// editTerms brings terms into force, or keeps them as the draft of a plan that is one.
func (t *tx) editTerms(p models.Plan, e models.PlanEdit, ahead *opening, words models.PlanWords) (models.Plan, error) {
	publish := p.Version == 0 && e.State == models.PlanPublished
	if !publish && e.Terms.Digest() == p.Shown().Digest() {
		return p, nil
	}
	if err := firstError(p.CheckTerms(e.Terms), t.checkStages(p.OwnerID, e.Terms)); err != nil {
		return p, err
	}
	if p.Version == 0 && !publish {
		was := p.Current()
		p.Draft, p.DraftBy, p.DraftAt = &e.Terms, t.actor.Label, t.now
		return p, firstError(t.saveDraft(&p), t.event("plan.save_draft", planObject(p), was, e.Terms))
	}
	ready, err := ahead.finish(t, e.Terms)
	if err != nil {
		return p, err
	}
	var draft *models.Terms
	if p.Draft != nil && p.Version > 0 {
		carried := p.Draft.Carry(p.InForce, e.Terms)
		draft = &carried
	}
	how := publication{}
	if p.Version > 0 && words != nil {
		stages, err := stagesChosen(t.DB, p.OwnerID, append(p.InForce.StageIDs(), e.Terms.StageIDs()...))
		if err != nil {
			return p, err
		}
		how.changes = words(p.InForce, e.Terms, stages)
	}
	return t.nextVersion(p, e.Terms, draft, how, ready)
}

// editLife retires or ends a plan, or says when it ends.
func (t *tx) editLife(p models.Plan, e models.PlanEdit) error {
	if !e.EndsAt.Equal(p.EndsAt) {
		if e.EndsAt.IsZero() {
			return t.keep(p)
		}
		return t.announceEnd(p, e.EndsAt)
	}
	switch {
	case e.State == p.State:
		return nil
	case e.State == models.PlanRetired:
		return t.retire(p)
	case e.State == models.PlanEnded:
		return t.announceEnd(p, t.now)
	default:
		return models.Conflict("A plan that is " + string(p.State) + " cannot be made " + string(e.State) + ".")
	}
}

// planEdit begins to change a plan.
func planEdit(db *gorm.DB, p models.Plan) (e models.PlanEdit, err error) {
	e = models.PlanEdit{Terms: p.Shown().Clone(), State: p.State, EndsAt: p.EndsAt, Find: finder(db, p.OwnerID)}
	if e.ProductCode, err = selectOne[string](db, "product code", `SELECT product_code FROM plans WHERE id = ?`, p.ID); err == nil {
		e.Tags, err = resourceTags(db, models.ResourcePlan, int64(p.ID))
	}
	return e, err
}

// RemovePlan deletes a plan of which its owner wants to see nothing any more. One that was in force ends with it, and stays for statements and for who was subscribed; check may refuse
// to, as for a plan that opens stages.
func (s *Store) RemovePlan(ctx context.Context, actor models.Actor, id models.PlanID, check func(models.PlanDetail) error, now time.Time) error {
	return s.changePlan(ctx, actor, id, now, func(t *tx, p models.Plan) error {
		d, err := planDetail(t.DB, p.OwnerID, id)
		if err != nil {
			return err
		}
		if err := check(d); err != nil {
			return err
		}
		if p.Version == 0 {
			return firstError(t.run("delete plan", `DELETE FROM plans WHERE id = ?`, id), t.event("plan.delete", planObject(p), p.Current(), nil))
		}
		if p.State != models.PlanEnded {
			if err := firstError(t.setEnd(p, t.now), t.endDuePlans()); err != nil {
				return err
			}
		}
		return firstError(t.run("delete plan", `UPDATE plans SET deleted_at = ? WHERE id = ?`, millis(t.now), id),
			t.run("delete tags", `DELETE FROM resource_tags WHERE kind = 'usageplan' AND object_id = ?`, id),
			t.event("plan.delete", planObject(p), p.InForce, nil))
	})
}
