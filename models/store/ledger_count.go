package store

import (
	"database/sql"
	"errors"
	"fmt"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// quotaTerms is the quota of a plan in force.
type quotaTerms struct {
	quota   limit.Quota // not set: the plan has none
	version int64
	epoch   int64 // of the windows
	day     int64 // since when they are in force
	stale   bool  // an override was asked for that is not there any more
}

// cover reports whether the windows in force are the bucket's.
func (q *quotaTerms) cover(b models.QuotaBucket) bool {
	return q.quota.IsSet() && q.quota.Period == b.Period && q.quota.Offset == b.Offset
}

// termsOf reads the quota of a plan; one that does not exist has none.
func (l *ledger) termsOf(plan models.PlanID) (quotaTerms, error) {
	if q, ok := l.terms[plan]; ok {
		return q, nil
	}
	var q quotaTerms
	var most, period, offset sql.NullInt64
	err := l.db.QueryRowContext(l.ctx, `SELECT version, quota_limit, quota_period, quota_offset, quota_epoch, quota_day FROM plans WHERE id = ?`, int64(plan)).
		Scan(&q.version, &most, &period, &offset, &q.epoch, &q.day)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return q, fmt.Errorf("read quota of plan: %w", err)
	}
	q.quota = limit.Quota{Limit: most.Int64, Period: limit.Period(period.Int64), Offset: int(offset.Int64)}
	l.terms[plan] = q
	return q, nil
}

// quotaCount is a bucket with the gateway's holding.
type quotaCount struct {
	granted, base, carried, doubt, extra, epoch int64

	found   bool // it is stored
	holding limit.Holding
	others  int64 // spent by other holders, net of refunds
}

func (c *quotaCount) stock() limit.Stock {
	return limit.Stock{Granted: c.granted, Base: c.base + c.carried, Doubt: c.doubt, Extra: c.extra}
}

// spent returns what all holders reported, net of refunds.
func (c *quotaCount) spent() int64 { return c.holding.Used - c.holding.Refunded + c.others }

// open reports whether the gateway has rights in hand.
func (c *quotaCount) open() bool { return c.holding.Granted != c.holding.Used-c.holding.Refunded }

// knows reports whether an ask was answered before: to answer it again changes nothing.
func (c *quotaCount) knows(ask models.QuotaAsk) bool { return ask.Seq <= c.holding.Seq }

// bucketColumns are the key of a bucket, in the order of bucketKey.
const (
	bucketColumns = `key_id, plan_id, period, "offset", window`
	bucketIs      = `key_id = ? AND plan_id = ? AND period = ? AND "offset" = ? AND window = ?`
)

func bucketKey(b models.QuotaBucket, more ...any) []any {
	return append([]any{int64(b.KeyID), int64(b.PlanID), int64(b.Period), int64(b.Offset), b.Window}, more...)
}

// load reads a bucket; one that is not stored is empty.
func (l *ledger) load(b models.QuotaBucket) (c quotaCount, err error) {
	rows, err := l.db.QueryContext(l.ctx, `SELECT b.granted, b.base, b.carried, b.doubt, b.extra, b.epoch, h.holder, h.granted, h.used, h.refunded, h.seq
		FROM quota_buckets b LEFT JOIN quota_holders h USING (`+bucketColumns+`) WHERE `+bucketIs, bucketKey(b)...)
	if err != nil {
		return c, fmt.Errorf("read bucket: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var holder, granted, used, refunded, seq sql.NullInt64
		if err := rows.Scan(&c.granted, &c.base, &c.carried, &c.doubt, &c.extra, &c.epoch, &holder, &granted, &used, &refunded, &seq); err != nil {
			return c, fmt.Errorf("read bucket: %w", err)
		}
		c.found = true
		if holder.Int64 == theHolder {
			c.holding = limit.Holding{Granted: granted.Int64, Used: used.Int64, Refunded: refunded.Int64, Seq: uint64(seq.Int64)}
		} else {
			c.others += used.Int64 - refunded.Int64
		}
	}
	if err := rows.Err(); err != nil {
		return c, fmt.Errorf("read bucket: %w", err)
	}
	return c, nil
}

// save writes what became of a bucket.
func (l *ledger) save(b models.QuotaBucket, was, c quotaCount) error {
	c.found = true
	if c.granted != was.granted || c.base != was.base || c.carried != was.carried || c.doubt != was.doubt || c.extra != was.extra || c.epoch != was.epoch || !was.found {
		_, err := l.db.ExecContext(l.ctx, `INSERT INTO quota_buckets (`+bucketColumns+`, granted, base, carried, doubt, extra, epoch)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET granted = excluded.granted, base = excluded.base,
			carried = excluded.carried, doubt = excluded.doubt, extra = excluded.extra, epoch = excluded.epoch`,
			bucketKey(b, c.granted, c.base, c.carried, c.doubt, c.extra, c.epoch)...)
		if err != nil {
			return fmt.Errorf("write bucket: %w", err)
		}
	}
	if c.holding == was.holding {
		return nil
	}
	_, err := l.db.ExecContext(l.ctx, `INSERT INTO quota_holders (`+bucketColumns+`, holder, granted, used, refunded, seq)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET granted = excluded.granted, used = excluded.used,
		refunded = excluded.refunded, seq = excluded.seq`,
		bucketKey(b, theHolder, c.holding.Granted, c.holding.Used, c.holding.Refunded, int64(c.holding.Seq))...)
	if err != nil {
		return fmt.Errorf("write holding: %w", err)
	}
	return nil
}

// number reads one number.
func (l *ledger) number(what, query string, args ...any) (n int64, err error) {
	if err := l.db.QueryRowContext(l.ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return n, nil
}

// charged returns what is metered of a key on a plan in a bucket's window.
func (l *ledger) charged(b models.QuotaBucket) (int64, error) {
	w := windowOf(b)
	return l.number("read charges", `SELECT coalesce(sum(used), 0) FROM quota_days WHERE key_id = ? AND plan_id = ? AND day >= ? AND day < ?`,
		int64(b.KeyID), int64(b.PlanID), dayOf(w.Start), dayOf(w.End))
}

// carryOf returns the plans whose charges a key brought with it into the bucket's window, as a JSON list; "" for none.
func (l *ledger) carryOf(b models.QuotaBucket) (plans string, err error) {
	var text sql.NullString
	err = l.db.QueryRowContext(l.ctx, `SELECT carry_plans FROM plan_keys WHERE plan_id = ? AND key_id = ? AND carry_day >= ? AND carry_day < ?`,
		int64(b.PlanID), int64(b.KeyID), b.Window, dayOf(windowOf(b).End)).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read what a key carried: %w", err)
	}
	return text.String, nil
}

// untouched reports whether all that was charged in the window of a bucket that is not stored is committed for certain: nothing can have been
// charged there but what was charged long ago.
func (l *ledger) untouched(b models.QuotaBucket, c quotaCount, terms quotaTerms, carry string) (bool, error) {
	if c.found || carry != "" || terms.day >= b.Window {
		return false, nil
	}
	overlapping, err := l.number("look for other buckets", `SELECT EXISTS (SELECT 1 FROM quota_buckets WHERE key_id = ? AND plan_id = ? AND (period <> ? OR "offset" <> ?)
		AND window > ? AND window < ?)`, int64(b.KeyID), int64(b.PlanID), int64(b.Period), int64(b.Offset), b.Window-longestWindow, dayOf(windowOf(b).End))
	return overlapping == 0, err
}

// longestWindow is the most days that a window has.
const longestWindow = 31

// recount takes a bucket's count anew: what is metered, less what its holders spent of its rights.
func (l *ledger) recount(b models.QuotaBucket, c *quotaCount, terms quotaTerms, carry string, spent int64) error {
	charged, err := l.charged(b)
	if err != nil {
		return err
	}
	if carry != "" {
		w := windowOf(b)
		c.carried, err = l.number("read carried charges", `SELECT coalesce(sum(used), 0) FROM quota_days
			WHERE key_id = ? AND plan_id IN (SELECT value FROM json_each(?)) AND day >= ? AND day < ?`, int64(b.KeyID), carry, dayOf(w.Start), dayOf(w.End))
		if err != nil {
			return err
		}
	}
	c.base, c.epoch = max(0, charged-spent), terms.epoch
	return nil
}

// close ends the gateway's holding by what is metered. A count that is out of date does not say how much of that was spent of this bucket, but the
// next count makes up for it.
func (l *ledger) close(b models.QuotaBucket, c *quotaCount, terms quotaTerms, exact bool) (s models.Settlement, err error) {
	charged, err := l.charged(b)
	if err != nil {
		return s, err
	}
	held := c.holding.Granted
	spent := max(0, charged-c.base-c.others)
	if c.epoch != terms.epoch || !terms.cover(b) {
		spent = min(spent, held)
	}
	stock := c.stock()
	s.Holdings = 1
	s.Doubt = limit.Close(&stock, &c.holding, spent, exact)
	c.granted, c.doubt = stock.Granted, stock.Doubt
	if spent > held {
		s.Excess = spent - held
	} else {
		s.Returned = held - spent - s.Doubt
	}
	return s, nil
}
