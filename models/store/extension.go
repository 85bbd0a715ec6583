package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// QuotaStanding tells how a key stands with a plan's quota. What the gateway has not committed yet, of the last second at most, is not in it.
func (s *Store) QuotaStanding(ctx context.Context, key models.KeyID, plan models.PlanID, now time.Time) (q models.QuotaStanding, err error) {
	err = s.read.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		q, _, err = newLedger(ctx, db).standing(key, plan, now)
		return err
	})
	if err != nil {
		return models.QuotaStanding{}, fmt.Errorf("read quota of key: %w", err)
	}
	return q, nil
}

// standing also returns the bucket of the present window. A bucket that is out of date, or not stored, stands as it will be counted.
func (l *ledger) standing(key models.KeyID, plan models.PlanID, now time.Time) (q models.QuotaStanding, b models.QuotaBucket, err error) {
	terms, err := l.termsAt(key, plan, now)
	if err != nil || !terms.quota.IsSet() {
		return q, b, err
	}
	q.Quota, q.Window = terms.quota, terms.quota.Window(now)
	b = models.QuotaBucket{KeyID: key, PlanID: plan, Period: q.Quota.Period, Offset: q.Quota.Offset, Window: dayOf(q.Window.Start)}
	c, err := l.load(b)
	if err != nil {
		return q, b, err
	}
	if q.Used, err = l.charged(b); err != nil {
		return q, b, err
	}
	if c.epoch != terms.epoch || !c.found {
		carry, err := l.carryOf(b)
		if err != nil {
			return q, b, err
		}
		if err := l.recount(b, &c, terms, carry, c.spent()); err != nil {
			return q, b, err
		}
	}
	q.Carried, q.Doubt, q.Extra = c.carried, c.doubt, c.extra
	return q, b, nil
}

// ReleaseDoubt lets a key of a plan of the actor's have what is in doubt in the present window, and says how much that is. It is the owner's choice, for
// as many requests may have been admitted already.
func (s *Store) ReleaseDoubt(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) (released int64, err error) {
	err = s.changeStanding(ctx, actor, key, plan, now, func(t *tx, k models.Key, p models.Plan, q models.QuotaStanding, b models.QuotaBucket) error {
		if released = q.Doubt; released == 0 {
			return nil
		}
		err := t.run("release what is in doubt", `UPDATE quota_buckets SET doubt = 0 WHERE `+bucketIs, bucketKey(b)...)
		if err != nil {
			return err
		}
		return t.quotaEvent("key.release_doubt", k, p, facts{"inDoubt": q.Doubt}, facts{"inDoubt": 0})
	})
	return released, err
}

// GrantExtra lets a key on a plan of the actor's call more in the present window, or less; fields as models.Extension. That N remain is reckoned with what
// is committed, so the gateway commits before. A Conflict says that the form is out of date.
func (s *Store) GrantExtra(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, in models.Extension, now time.Time) error {
	if err := in.Check(); err != nil {
		return err
	}
	return s.changeStanding(ctx, actor, key, plan, now, func(t *tx, k models.Key, p models.Plan, q models.QuotaStanding, b models.QuotaBucket) error {
		return t.extend(k, p, q, b, in)
	})
}

// extend changes what a key may call in the present window.
func (t *tx) extend(k models.Key, p models.Plan, q models.QuotaStanding, b models.QuotaBucket, in models.Extension) error {
	delta := in.Delta(q)
	err := t.run("note extension", `INSERT INTO quota_extensions (form, key_id, plan_id, extra, at) VALUES (?, ?, ?, ?, ?)`, in.Form, k.ID, p.ID, delta, millis(t.now))
	if isDuplicate(err) {
		return errCommitted
	}
	if err != nil {
		return err
	}
	switch {
	case in.Window != b.Window:
		return models.Conflict("A new period has begun meanwhile. Look at what the key has used in it, and try again.")
	case !in.Add && in.Extra != q.Extra:
		return models.Conflict("Somebody else has extended this quota meanwhile. Look at what remains now, and try again.")
	}
	// A bucket that is made here is counted when the gateway asks for it.
	err = t.run("extend quota", `INSERT INTO quota_buckets (`+bucketColumns+`, granted, base, carried, doubt, extra, epoch) VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?)
		ON CONFLICT DO UPDATE SET extra = extra + excluded.extra`, bucketKey(b, delta, notCounted)...)
	if err != nil {
		return err
	}
	told := models.NoticeData{State: models.LimitsExtended, Extra: delta, Limit: q.Quota.Limit + q.Extra + delta, To: q.Window.End}
	return firstError(t.quotaEvent("key.extend", k, p, facts{"remaining": q.Remaining(), "extra": q.Extra}, facts{"remaining": max(0, q.Remaining()+delta), "extra": q.Extra + delta}),
		t.tellKeyOn(models.NoticeLimits, k.AppID, k, p.ID, p.Name(), told))
}

// notCounted is no plan's epoch.
const notCounted = -1

// changeStanding runs a use case on a key's count on a plan of the actor's, and tells the gateway.
func (s *Store) changeStanding(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time,
	fn func(*tx, models.Key, models.Plan, models.QuotaStanding, models.QuotaBucket) error) error {
	err := s.change(ctx, actor, now, func(t *tx) error {
		p, err := onePlan(t.DB, `JOIN plan_keys pk ON pk.plan_id = p.id WHERE p.id = ? AND p.owner_id = ? AND pk.key_id = ?`, plan, actor.AccountID, key)
		if err != nil {
			return err
		}
		k, _, err := t.visibleKey(key)
		if err != nil {
			return err
		}
		q, b, err := newLedger(ctx, t.DB).standing(key, plan, t.now)
		if err != nil {
			return err
		}
		if p.State == models.PlanEnded {
			return models.Conflict(fmt.Sprintf("The plan %s has ended.", p.Name()))
		}
		if b.Period == limit.PeriodNone {
			return models.Conflict(fmt.Sprintf("The plan %s has no quota, and the key none of its own.", p.Name()))
		}
		if err := fn(t, k, p, q, b); err != nil {
			return err
		}
		return t.keysChanged(key)
	})
	if errors.Is(err, errCommitted) {
		return nil
	}
	return err
}

// quotaEvent appends what an owner did to a key's count on a plan of his.
func (t *tx) quotaEvent(action string, k models.Key, p models.Plan, before, after facts) error {
	before["plan"], after["plan"] = p.Name(), p.Name()
	return t.event(action, object{kind: "key", id: k.ID.String(), name: k.Name, owner: p.OwnerID}, before, after)
}
