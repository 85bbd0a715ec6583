package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// overrideColumns are read by overrideRow and by scanOverride, which begin differently, from limit_overrides AS x.
const overrideColumns = `x.key_id, x.id, x.plan_id, x.subscription_id, x.rate, x.burst, x.quota_limit, x.quota_period, x.quota_offset, x.reason, x.set_by, x.set_at, x.ends_at`

type overrideRow struct {
	KeyID          models.KeyID
	ID             models.OverrideID
	PlanID         models.PlanID
	SubscriptionID sql.NullInt64
	Rate           sql.NullFloat64
	Burst          sql.NullInt64
	QuotaLimit     sql.NullInt64
	QuotaPeriod    sql.NullInt64
	QuotaOffset    sql.NullInt64
	Reason         string
	SetBy          string
	SetAt          int64
	EndsAt         sql.NullInt64
}

func (r overrideRow) override() models.Override {
	o := models.Override{ID: r.ID, KeyID: r.KeyID, PlanID: r.PlanID, SubscriptionID: models.SubscriptionID(r.SubscriptionID.Int64),
		Reason: r.Reason, SetBy: r.SetBy, SetAt: timeOf(r.SetAt), EndsAt: nullTime(r.EndsAt)}
	if r.Rate.Valid {
		o.Throttle = &limit.Throttle{Rate: r.Rate.Float64, Burst: r.Burst.Int64}
	}
	if r.QuotaLimit.Valid {
		o.Quota = &limit.Quota{Limit: r.QuotaLimit.Int64, Period: limit.Period(r.QuotaPeriod.Int64), Offset: int(r.QuotaOffset.Int64)}
	}
	return o
}

func scanOverride(rows *sql.Rows, key *int64, o *models.Override) error {
	var r overrideRow
	err := rows.Scan(key, &r.ID, &r.PlanID, &r.SubscriptionID, &r.Rate, &r.Burst, &r.QuotaLimit, &r.QuotaPeriod, &r.QuotaOffset, &r.Reason, &r.SetBy, &r.SetAt, &r.EndsAt)
	r.KeyID = models.KeyID(*key)
	*o = r.override()
	return err
}

// Overrides reads the overrides of some keys, ended ones too. Whose keys they are is for the caller to know.
func (s *Store) Overrides(ctx context.Context, keys []models.KeyID) ([]models.Override, error) {
	return overridesWhere(s.read.WithContext(ctx), `x.key_id IN ? ORDER BY x.key_id, x.plan_id`, keys)
}

// PlanOverrides reads the overrides of a plan that hold now.
func (s *Store) PlanOverrides(ctx context.Context, plan models.PlanID, now time.Time) ([]models.Override, error) {
	return overridesWhere(s.read.WithContext(ctx), `x.plan_id = ? AND (x.ends_at IS NULL OR x.ends_at > ?) ORDER BY x.key_id`, plan, millis(now))
}

func overridesWhere(db *gorm.DB, where string, args ...any) ([]models.Override, error) {
	rows, err := selectAll[overrideRow](db, "overrides", `SELECT `+overrideColumns+` FROM limit_overrides x WHERE `+where, args...)
	out := make([]models.Override, len(rows))
	for i, r := range rows {
		out[i] = r.override()
	}
	return out, err
}

// SetKeyOverride gives a key on a plan of the actor's limits of its own, in place of those that it may have had; fields as models.NewOverride. They hold on its next
// request.
func (s *Store) SetKeyOverride(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, in models.NewOverride, now time.Time) error {
	in, err := in.Clean(now)
	if err != nil {
		return err
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		k, p, err := t.keyToOverride(key, plan)
		if err != nil {
			return err
		}
		before, err := overridesWhere(t.DB, `x.key_id = ? AND x.plan_id = ?`, key, plan)
		if err != nil {
			return err
		}
		if err := t.putOverride(key, plan, 0, in); err != nil {
			return err
		}
		return firstError(t.keysChanged(key), t.overrideEvent("key.override", k, p, before, &in), t.tellLimits(k.AppID, k, p, &in))
	})
}

// EndKeyOverride gives a key on a plan of the actor's the plan's limits again, from its next request on.
func (s *Store) EndKeyOverride(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		k, p, err := t.keyToOverride(key, plan)
		if err != nil {
			return err
		}
		before, err := overridesWhere(t.DB, `x.key_id = ? AND x.plan_id = ?`, key, plan)
		if err != nil || len(before) == 0 {
			return err
		}
		return firstError(t.run("end override", `DELETE FROM limit_overrides WHERE key_id = ? AND plan_id = ?`, key, plan), t.keysChanged(key),
			t.overrideEvent("key.override_end", k, p, before, nil), t.tellLimits(k.AppID, k, p, nil))
	})
}

// keyToOverride reads a key that is on a plan of the actor's.
func (t *tx) keyToOverride(key models.KeyID, plan models.PlanID) (k models.Key, p models.Plan, err error) {
	if p, err = onePlan(t.DB, `JOIN plan_keys pk ON pk.plan_id = p.id WHERE p.id = ? AND p.owner_id = ? AND pk.key_id = ?`, plan, t.actor.AccountID, key); err != nil {
		return k, p, err
	}
	if p.State == models.PlanEnded {
		return k, p, models.Conflict("The plan " + p.Name() + " has ended.")
	}
	k, _, err = t.visibleKey(key)
	if err == nil && !k.RevokedAt.IsZero() {
		err = models.Conflict("The key " + k.Name + " is revoked.")
	}
	return k, p, err
}

// putOverride writes an override of a key in place of the one before.
func (t *tx) putOverride(key models.KeyID, plan models.PlanID, of models.SubscriptionID, in models.NewOverride) error {
	if err := t.run("replace override", `DELETE FROM limit_overrides WHERE key_id = ? AND plan_id = ?`, key, plan); err != nil {
		return err
	}
	return t.run("write override", `INSERT INTO limit_overrides (key_id, plan_id, subscription_id, rate, burst, quota_limit, quota_period, quota_offset, reason, set_by, set_at, ends_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append([]any{key, plan, nullID(of)}, t.overrideValues(in)...)...)
}

func (t *tx) overrideValues(in models.NewOverride) []any {
	var rate sql.NullFloat64
	var burst, most, period, offset sql.NullInt64
	if in.Throttle != nil {
		rate, burst = sql.NullFloat64{Float64: in.Throttle.Rate, Valid: true}, sql.NullInt64{Int64: in.Throttle.Burst, Valid: true}
	}
	if in.Quota != nil {
		most, period, offset = sql.NullInt64{Int64: in.Quota.Limit, Valid: true}, sql.NullInt64{Int64: int64(in.Quota.Period), Valid: true}, sql.NullInt64{Int64: int64(in.Quota.Offset), Valid: true}
	}
	return []any{rate, burst, most, period, offset, in.Reason, t.actor.Label, millis(t.now), nullMillis(in.EndsAt)}
}

// SetSubscriptionOverride gives the keys of a subscription to a plan of the actor's limits of their own, to each by itself: those that it has, in place of limits that
// they had, and those that it gets.
func (s *Store) SetSubscriptionOverride(ctx context.Context, actor models.Actor, id models.SubscriptionID, in models.NewOverride, now time.Time) error {
	in, err := in.Clean(now)
	if err != nil {
		return err
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		sub, err := ownerSubscription(t.DB, t.actor.AccountID, id)
		if err != nil {
			return err
		}
		if !sub.State.Open() {
			return models.Conflict("This subscription is " + string(sub.State) + ".")
		}
		before, err := t.subscriptionOverride(id)
		if err != nil {
			return err
		}
		err = t.run("write override of subscription", `INSERT OR REPLACE INTO subscription_overrides (subscription_id, rate, burst, quota_limit, quota_period, quota_offset, reason, set_by, set_at, ends_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append([]any{id}, t.overrideValues(in)...)...)
		if err != nil {
			return err
		}
		return t.overrideSubscription(sub, "subscription.override", before, &in)
	})
}

// EndSubscriptionOverride gives the keys of a subscription to a plan of the actor's the plan's limits again, but for those that have some by themselves.
func (s *Store) EndSubscriptionOverride(ctx context.Context, actor models.Actor, id models.SubscriptionID, now time.Time) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		sub, err := ownerSubscription(t.DB, t.actor.AccountID, id)
		if err != nil {
			return err
		}
		before, err := t.subscriptionOverride(id)
		if err != nil || len(before) == 0 {
			return err
		}
		if err := t.run("end override of subscription", `DELETE FROM subscription_overrides WHERE subscription_id = ?`, id); err != nil {
			return err
		}
		return t.overrideSubscription(sub, "subscription.override_end", before, nil)
	})
}

// overrideSubscription gives the keys of a subscription its override, or takes it from those that have it, and tells the gateway.
func (t *tx) overrideSubscription(sub models.Subscription, action string, before []models.Override, in *models.NewOverride) error {
	p, app, err := t.partiesOf(sub)
	if err != nil {
		return err
	}
	keys, err := selectAll[models.KeyID](t.DB, "keys of subscription", `SELECT key_id FROM plan_keys WHERE subscription_id = ? ORDER BY key_id`, sub.ID)
	if err != nil {
		return err
	}
	if in == nil {
		err = t.run("end overrides", `DELETE FROM limit_overrides WHERE subscription_id = ?`, sub.ID)
	}
	for _, key := range keys {
		if in != nil && err == nil {
			err = t.putOverride(key, sub.PlanID, sub.ID, *in)
		}
	}
	var after any
	if in != nil {
		after = overrideFacts(p, *in)
	}
	return firstError(err, t.keysChanged(keys...), t.event(action, subscriptionObject(sub, app, p), overridesFacts(p, before), after), t.tellLimits(app.ID, models.Key{}, p, in))
}

// subscriptionOverride reads the one that a subscription has.
func (t *tx) subscriptionOverride(id models.SubscriptionID) ([]models.Override, error) {
	return subscriptionOverride(t.DB, id)
}

func subscriptionOverride(db *gorm.DB, id models.SubscriptionID) ([]models.Override, error) {
	rows, err := selectAll[overrideRow](db, "override of subscription", `SELECT x.*, 0 AS key_id, 0 AS id, 0 AS plan_id FROM subscription_overrides x WHERE x.subscription_id = ?`, id)
	out := make([]models.Override, len(rows))
	for i, r := range rows {
		out[i] = r.override()
	}
	return out, err
}

// SubscriptionOverride reads what a subscription gives each of its keys in place of the plan's limits; ok is false where it gives nothing. Whose it is is for the caller
// to know.
func (s *Store) SubscriptionOverride(ctx context.Context, id models.SubscriptionID) (o models.Override, ok bool, err error) {
	all, err := subscriptionOverride(s.read.WithContext(ctx), id)
	if err != nil || len(all) == 0 {
		return o, false, err
	}
	return all[0], true, nil
}

// inheritOverride gives a key that joins a plan by a subscription what that gives its keys.
func (t *tx) inheritOverride(m member, plan models.PlanID) error {
	if m.subscription == 0 {
		return nil
	}
	return t.run("inherit override", `INSERT INTO limit_overrides (key_id, plan_id, subscription_id, rate, burst, quota_limit, quota_period, quota_offset, reason, set_by, set_at, ends_at)
		SELECT ?, ?, subscription_id, rate, burst, quota_limit, quota_period, quota_offset, reason, set_by, ?, ends_at FROM subscription_overrides
		WHERE subscription_id = ? AND (ends_at IS NULL OR ends_at > ?)`, m.key, plan, millis(t.now), m.subscription, millis(t.now))
}

// overrideEvent appends that a key's limits on a plan changed; in is nil when the plan's hold again.
func (t *tx) overrideEvent(action string, k models.Key, p models.Plan, before []models.Override, in *models.NewOverride) error {
	var after any
	if in != nil {
		after = overrideFacts(p, *in)
	}
	return t.event(action, object{kind: "key", id: k.ID.String(), name: k.Name, owner: p.OwnerID}, overridesFacts(p, before), after)
}

func overridesFacts(p models.Plan, some []models.Override) any {
	if len(some) == 0 {
		return nil
	}
	o := some[0]
	return overrideFacts(p, models.NewOverride{Throttle: o.Throttle, Quota: o.Quota, Reason: o.Reason, EndsAt: o.EndsAt})
}

func overrideFacts(p models.Plan, in models.NewOverride) facts {
	f := facts{"plan": p.Name(), "reason": in.Reason}
	if in.Throttle != nil {
		f["throttle"] = in.Throttle
	}
	if in.Quota != nil {
		f["quota"] = in.Quota
	}
	if !in.EndsAt.IsZero() {
		f["endsAt"] = in.EndsAt
	}
	return f
}
