package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// Overrides have windows of their own, and end without a word to anybody. Epochs tell the ledger when a count was taken by other windows: each override has one
// while it holds and, with each of the plan's epochs, another one when it has ended. None of them is a plan's.
const (
	epochHolds = -(int64(1) << 40) // less the override's id
	epochEnded = int64(1) << 20    // times the override's id, and the plan's
)

// overrideTerms is what of an override concerns the ledger; id is 0 where there is none.
type overrideTerms struct {
	id    models.OverrideID
	quota limit.Quota // not set: the plan's
	since int64       // day
	ends  sql.NullInt64
}

func (l *ledger) overrideOf(key models.KeyID, plan models.PlanID) (o overrideTerms, err error) {
	var most, period, offset sql.NullInt64
	var set int64
	err = l.db.QueryRowContext(l.ctx, `SELECT id, quota_limit, quota_period, quota_offset, set_at, ends_at FROM limit_overrides WHERE key_id = ? AND plan_id = ?`, int64(key), int64(plan)).
		Scan(&o.id, &most, &period, &offset, &set, &o.ends)
	if errors.Is(err, sql.ErrNoRows) {
		return overrideTerms{}, nil
	}
	if err != nil {
		return o, fmt.Errorf("read override: %w", err)
	}
	o.quota, o.since = limit.Quota{Limit: most.Int64, Period: limit.Period(period.Int64), Offset: int(offset.Int64)}, dayOf(timeOf(set))
	return o, nil
}

// over returns a plan's quota as it is for the key of an override, while that holds or after it.
func (o overrideTerms) over(q quotaTerms, ended bool) quotaTerms {
	switch {
	case o.id == 0 || !o.quota.IsSet():
	case ended:
		q.epoch += epochEnded * int64(o.id)
		q.day = max(q.day, dayOf(nullTime(o.ends)))
	default:
		q.quota, q.epoch, q.day = o.quota, epochHolds-int64(o.id), o.since
	}
	return q
}

// termsFor returns the quota of a key on a plan by the override that the gateway decides by (models.QuotaAsk.Override).
func (l *ledger) termsFor(b models.QuotaBucket, by models.OverrideID) (quotaTerms, error) {
	q, err := l.termsOf(b.PlanID)
	if err != nil || by == 0 { // also where the gateway is about to hear of one: it forgets this answer then
		return q, err
	}
	o, err := l.overrideOf(b.KeyID, b.PlanID)
	if err != nil {
		return q, err
	}
	if o.id != max(by, -by) {
		q.stale = true
		return q, nil
	}
	return o.over(q, by < 0), nil
}

// termsAt returns the quota of a key on a plan at a time.
func (l *ledger) termsAt(key models.KeyID, plan models.PlanID, now time.Time) (quotaTerms, error) {
	q, err := l.termsOf(plan)
	if err != nil {
		return q, err
	}
	o, err := l.overrideOf(key, plan)
	return o.over(q, o.ends.Valid && millis(now) >= o.ends.Int64), err
}

// termsAtRest returns the quota by which the gateway that has ended decided: the one that the count was taken by.
func (l *ledger) termsAtRest(b models.QuotaBucket, c quotaCount) (quotaTerms, error) {
	q, err := l.termsOf(b.PlanID)
	if err != nil {
		return q, err
	}
	o, err := l.overrideOf(b.KeyID, b.PlanID)
	if ended := o.over(q, true); ended.epoch == c.epoch {
		return ended, err
	}
	return o.over(q, false), err
}
