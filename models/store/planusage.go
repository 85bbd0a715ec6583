package store

import (
	"context"
	"crypto/rand"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// PlanUsage reads what keys on a plan of an owner's were charged on some days (UTC midnights, in order, at least one): of one key, also when it is on the plan no
// more, or of those that are on it, the one that was added last first. What the gateway has not committed is not in it. It goes on behind a place, as
// PlanUsage.Next says; at most limit keys. NotFound for another's plan.
func (s *Store) PlanUsage(ctx context.Context, owner models.AccountID, plan models.PlanID, key models.KeyID, days []time.Time, p models.Page, limit int, now time.Time) (u models.PlanUsage, err error) {
	from, err := newestFirst(p)
	if err != nil {
		return u, err
	}
	db := s.read.WithContext(ctx)
	of, err := ownedPlan(db, owner, plan)
	if err != nil {
		return u, err
	}
	u = models.PlanUsage{PlanID: plan, Days: days}
	keys := []models.KeyID{key}
	if key == 0 {
		places, err := wireKeyFilter{}.ask(owner).onPlan(db, owner, plan, from, limit+1)
		if err != nil {
			return u, err
		}
		if len(places) > limit {
			places = places[:limit]
			u.Next = places[limit-1].at().String()
		}
		keys = make([]models.KeyID, len(places))
		for i, at := range places {
			keys[i] = models.KeyID(at.ID)
		}
	} else if known, err := s.wasOnPlan(db, plan, key); err != nil || !known {
		return u, err
	}
	u.Keys, err = usageOfKeys(db, of, keys, days, now)
	return u, err
}

// wasOnPlan reports whether there is anything to tell of a key on a plan.
func (s *Store) wasOnPlan(db *gorm.DB, plan models.PlanID, key models.KeyID) (bool, error) {
	return selectOne[bool](db, "key on plan", `SELECT EXISTS (SELECT 1 FROM plan_keys WHERE plan_id = ? AND key_id = ?) OR EXISTS (SELECT 1 FROM quota_days WHERE key_id = ? AND plan_id = ?)`,
		plan, key, key, plan)
}

// usageOfKeys counts by the quota that each key has now.
func usageOfKeys(db *gorm.DB, p models.Plan, keys []models.KeyID, days []time.Time, now time.Time) ([]models.KeyUsage, error) {
	type charge struct {
		KeyID  models.KeyID
		Day    int64 // or that on which a window begins
		Used   int64
		Period limit.Period
		Offset int
	}
	first, last := dayOf(days[0])-longestWindow, dayOf(days[len(days)-1])
	charged, err := selectAll[charge](db, "charges", `SELECT key_id, day, used FROM quota_days WHERE key_id IN ? AND plan_id = ? AND day BETWEEN ? AND ?`, keys, p.ID, first, last)
	if err != nil {
		return nil, err
	}
	granted, err := selectAll[charge](db, "extensions", `SELECT key_id, window AS day, extra - carried - doubt AS used, period, "offset" FROM quota_buckets
		WHERE key_id IN ? AND plan_id = ? AND window BETWEEN ? AND ?`, keys, p.ID, first, last)
	if err != nil {
		return nil, err
	}
	overrides, err := overridesWhere(db, `x.plan_id = ? AND x.key_id IN ?`, p.ID, keys)
	if err != nil {
		return nil, err
	}
	quotas := map[models.KeyID]limit.Quota{}
	for _, o := range overrides {
		if o.Quota != nil && o.Holds(now) {
			quotas[o.KeyID] = *o.Quota
		}
	}
	chargedBy, grantedBy := groupBy(charged, func(c charge) models.KeyID { return c.KeyID }), groupBy(granted, func(c charge) models.KeyID { return c.KeyID })
	out := make([]models.KeyUsage, len(keys))
	for i, key := range keys {
		q, own := quotas[key]
		if !own && p.InForce.Quota != nil {
			q = *p.InForce.Quota
		}
		used, extra := map[int64]int64{}, map[int64]int64{}
		for _, c := range chargedBy[key] {
			used[c.Day] += c.Used
		}
		for _, c := range grantedBy[key] {
			if c.Period == q.Period && c.Offset == q.Offset {
				extra[c.Day] += c.Used
			}
		}
		out[i] = models.KeyUsage{KeyID: key, Days: models.UsageDays(days, q, used, extra)}
	}
	return out, nil
}

// SetRemaining lets a key on a plan of the actor's call N times more in the present window, whatever it has called until now: as GrantExtra, reckoned in one go.
func (s *Store) SetRemaining(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, n int64, now time.Time) error {
	in := models.Extension{Form: rand.Text(), N: n}
	if err := in.Check(); err != nil {
		return err
	}
	return s.changeStanding(ctx, actor, key, plan, now, func(t *tx, k models.Key, p models.Plan, q models.QuotaStanding, b models.QuotaBucket) error {
		in.Window, in.Extra = b.Window, q.Extra
		return t.extend(k, p, q, b, in)
	})
}
