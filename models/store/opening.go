package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has how a plan opens a stage to very many keys without holding the writer long (DECISIONS 50). Their rows of key_stages are written ahead, some
// at a time; they do not count until the plan opens the stage, which is one short transaction. Whatever happens to keys meanwhile goes first: a row that does
// not count gives way, and what came or went is looked at again (opening_keys) before the stage is opened. To undo it is to forget plan_openings.

// keysAtOnce is how many rows of keys or subscriptions one transaction writes.
const keysAtOnce = 200

// undoTime is what taking an opening back may take, also when the request that wanted it is gone.
const undoTime = 10 * time.Second

// opening is stages that a plan is about to open. The nil opening is none.
type opening struct {
	store  *Store
	plan   models.PlanID
	stages []models.StageID
	next   nextTerms
	digest string // of the terms that are to be in force
}

// nextTerms says which terms a plan is about to get; an error: none, and why.
type nextTerms func(db *gorm.DB, p models.Plan) (models.Terms, error)

// toPublish is what is about to be published.
func toPublish(_ *gorm.DB, p models.Plan) (models.Terms, error) {
	if err := p.CheckPublish(); err != nil { // also of a draft that was published, or discarded, while this one waited for its turn
		return models.Terms{}, err
	}
	return *p.Draft, nil
}

// openAhead writes the rows of the stages that the plan's next terms open, unless there are so few that it is not worth while. There is one opening at a time;
// who gets one ends it.
func (s *Store) openAhead(ctx context.Context, actor models.Actor, id models.PlanID, next nextTerms, now time.Time) (*opening, error) {
	if many, err := s.opensMuch(ctx, actor, id, next); err != nil || !many {
		return nil, err
	}
	select {
	case s.openings <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	o, written := &opening{store: s, plan: id, next: next}, false
	defer func() {
		if !written {
			o.end(ctx, false)
		}
	}()
	if err := o.write(ctx, actor, now); err != nil {
		return nil, translate(err)
	}
	written = true
	return o, nil
}

// opensMuch reports whether the next terms of a plan with many keys open stages.
func (s *Store) opensMuch(ctx context.Context, actor models.Actor, id models.PlanID, next nextTerms) (bool, error) {
	db := s.read.WithContext(ctx)
	p, err := planFor(db, actor, id)
	if err != nil {
		return false, err
	}
	terms, err := next(db, p)
	if err != nil {
		return false, nil // the transaction will say so
	}
	stages, err := newStages(db, p.ID, terms)
	if err != nil || len(stages) == 0 {
		return false, err
	}
	keys, err := selectOne[int](db, "keys of plan", `SELECT count(*) FROM (SELECT 1 FROM plan_keys WHERE plan_id = ? LIMIT ?)`, id, s.atOnce+1)
	return keys > s.atOnce, err
}

// newStages returns the stages that terms open and the plan does not open yet.
func newStages(db *gorm.DB, plan models.PlanID, terms models.Terms) ([]models.StageID, error) {
	opened, err := selectAll[models.StageID](db, "stages of plan", `SELECT stage_id FROM plan_stages WHERE plan_id = ?`, plan)
	return slices.DeleteFunc(terms.StageIDs(), func(id models.StageID) bool { return slices.Contains(opened, id) }), err
}

// write announces the stages, then writes their rows.
func (o *opening) write(ctx context.Context, actor models.Actor, now time.Time) error {
	err := o.store.changePlan(ctx, actor, o.plan, now, func(t *tx, p models.Plan) (err error) {
		terms, err := o.next(t.DB, p)
		if err != nil {
			return err
		}
		if err := firstError(t.checkStages(p.OwnerID, terms), t.forgetOpening(o.plan)); err != nil {
			return err
		}
		o.digest = terms.Digest()
		if o.stages, err = newStages(t.DB, o.plan, terms); err != nil {
			return err
		}
		for _, stage := range o.stages {
			if err := t.run("announce stage", `INSERT INTO plan_openings (plan_id, stage_id) VALUES (?, ?)`, o.plan, stage); err != nil {
				return err
			}
		}
		return nil
	})
	for after := models.KeyID(0); err == nil && len(o.stages) > 0 && after < math.MaxInt64; {
		err = o.store.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			t := &tx{DB: db}
			last, err := selectOne[models.KeyID](db, "last of some keys", `SELECT coalesce(max(key_id), ?) FROM (SELECT key_id FROM plan_keys
				WHERE plan_id = ? AND key_id > ? ORDER BY key_id LIMIT ?)`, int64(math.MaxInt64), o.plan, after, max(1, o.store.atOnce/len(o.stages)))
			if err != nil {
				return err
			}
			for _, stage := range o.stages {
				if err := t.openFor(o.plan, stage, `pk.key_id > ? AND pk.key_id <= ?`, after, last); err != nil {
					return err
				}
			}
			after = last
			return nil
		})
	}
	return err
}

// errMoreKeys says that more has changed meanwhile than one transaction should look at.
var errMoreKeys = errors.New("more keys came or went than one transaction looks at")

// lookAgain sees to keys that came to the plan meanwhile, or lost a row.
func (o *opening) lookAgain(t *tx) error {
	keys, err := selectAll[models.KeyID](t.DB, "keys to look at again", `SELECT key_id FROM opening_keys WHERE plan_id = ? LIMIT ?`, o.plan, o.store.atOnce+1)
	if err != nil || len(keys) == 0 {
		return err
	}
	more := len(keys) > o.store.atOnce
	if more {
		keys = keys[:o.store.atOnce]
	}
	for _, stage := range o.stages {
		if err := t.openFor(o.plan, stage, `pk.key_id IN ?`, keys); err != nil {
			return err
		}
	}
	if err := t.run("have looked at keys", `DELETE FROM opening_keys WHERE plan_id = ? AND key_id IN ?`, o.plan, keys); err != nil {
		return err
	}
	if more {
		return errMoreKeys
	}
	return nil
}

// catchUp looks at all that changed until now, in transactions of its own.
func (o *opening) catchUp(ctx context.Context) error {
	for {
		var more bool
		err := o.store.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			err := o.lookAgain(&tx{DB: db})
			if more = errors.Is(err, errMoreKeys); more {
				return nil
			}
			return err
		})
		if err != nil || !more {
			return translate(err)
		}
	}
}

// errOtherTerms says that the terms are not those any more whose stages were opened ahead.
var errOtherTerms = models.Conflict("The draft was changed while it was being published, and nothing is in force of it. Look at it and publish it again.")

// finish opens the stages, in the transaction that brings terms into force. It returns those whose rows are there.
func (o *opening) finish(t *tx, terms models.Terms) ([]models.StageID, error) {
	if o == nil {
		return nil, nil
	}
	if terms.Digest() != o.digest {
		return nil, errOtherTerms
	}
	return o.stages, firstError(o.lookAgain(t), t.forgetOpening(o.plan))
}

// end takes back what was written ahead, unless it was published, and lets the next opening begin.
func (o *opening) end(ctx context.Context, published bool) {
	if o == nil {
		return
	}
	defer func() { <-o.store.openings }()
	if published {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	err := o.store.write.WithContext(ctx).Transaction(func(db *gorm.DB) error { return (&tx{DB: db}).forgetOpening(o.plan) })
	if err != nil {
		o.store.log.Warn("stages that a plan did not open are not forgotten; the next start does it", "plan", o.plan.String(), "error", err)
	}
}

// forgetOpening is the end of an opening, whatever became of it: its rows count by now, or never will.
func (t *tx) forgetOpening(plan models.PlanID) error {
	return firstError(t.run("forget opening", `DELETE FROM plan_openings WHERE plan_id = ?`, plan),
		t.run("forget opening", `DELETE FROM opening_keys WHERE plan_id = ?`, plan))
}

// ForgetOpenings takes back what publications wrote ahead that did not come to their end, for their process was killed. A server calls it at its start.
func (s *Store) ForgetOpenings(ctx context.Context) error {
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &tx{DB: db}
		return firstError(t.run("forget openings", `DELETE FROM plan_openings`), t.run("forget openings", `DELETE FROM opening_keys`))
	})
	if err != nil {
		return fmt.Errorf("forget openings: %w", err)
	}
	return nil
}

// openFor writes the rows of a stage for those keys of a plan that a condition finds, unless one of them calls it on another plan (R1).
func (t *tx) openFor(plan models.PlanID, stage models.StageID, which string, args ...any) error {
	type clash struct {
		Held    heldRow `gorm:"embedded"`
		KeyID   models.KeyID
		KeyName string
		Hint    string
	}
	clashes, err := selectAll[clash](t.DB, "clash", `SELECT ks.stage_id, a.name AS api_name, s.name AS stage_name, ks.plan_id, o.name AS plan_name, k.id AS key_id, k.name AS key_name, c.hint
		FROM plan_keys pk JOIN key_stages ks ON ks.key_id = pk.key_id AND ks.stage_id = ? AND ks.plan_id <> pk.plan_id
			JOIN plan_stages ps ON ps.plan_id = ks.plan_id AND ps.stage_id = ks.stage_id JOIN plans o ON o.id = ks.plan_id AND o.ended = 0
			JOIN keys k ON k.id = pk.key_id JOIN key_secrets c ON c.key_id = k.id AND c.is_current = 1
			JOIN stages s ON s.id = ks.stage_id JOIN apis a ON a.id = s.api_id
		WHERE pk.plan_id = ? AND `+which+` LIMIT 1`, append([]any{stage, plan}, args...)...)
	if err != nil {
		return err
	}
	if len(clashes) > 0 {
		return models.ErrHeldElsewhere(models.Key{ID: clashes[0].KeyID, Name: clashes[0].KeyName, Hint: clashes[0].Hint}, plan, clashes[0].Held.held())
	}
	return t.run("open stage for keys", `INSERT INTO key_stages (key_id, stage_id, plan_id)
		SELECT pk.key_id, ?, pk.plan_id FROM plan_keys pk JOIN keys k ON k.id = pk.key_id WHERE pk.plan_id = ? AND k.revoked_at IS NULL
			AND NOT EXISTS (SELECT 1 FROM key_stages ks WHERE ks.key_id = pk.key_id AND ks.stage_id = ? AND ks.plan_id = pk.plan_id) AND `+which,
		append([]any{stage, plan, stage}, args...)...)
}

// PruneStages forgets rows of key_stages that do not count, some at a time.
func (s *Store) PruneStages(ctx context.Context) error {
	type pair struct {
		PlanID  models.PlanID
		StageID models.StageID
	}
	const counts = `EXISTS (SELECT 1 FROM plan_stages ps JOIN plans p ON p.id = ps.plan_id AND p.ended = 0 WHERE ps.plan_id = k.plan_id AND ps.stage_id = k.stage_id)
		OR EXISTS (SELECT 1 FROM plan_openings o WHERE o.plan_id = k.plan_id AND o.stage_id = k.stage_id)`
	pairs, err := selectAll[pair](s.read.WithContext(ctx), "stages that do not count", `SELECT plan_id, stage_id FROM (SELECT DISTINCT plan_id, stage_id FROM key_stages) k
		WHERE NOT (`+counts+`)`)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		for {
			pruned := s.write.WithContext(ctx).Exec(`DELETE FROM key_stages WHERE (key_id, stage_id) IN (SELECT key_id, stage_id FROM key_stages k
				WHERE plan_id = ? AND stage_id = ? AND NOT (`+counts+`) LIMIT ?)`, p.PlanID, p.StageID, s.atOnce)
			if pruned.Error != nil {
				return fmt.Errorf("forget stages that do not count: %w", pruned.Error)
			}
			if pruned.RowsAffected < int64(s.atOnce) {
				break
			}
		}
	}
	return nil
}
