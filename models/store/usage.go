package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// secondsPerDay is what Unix days are counted in.
const secondsPerDay = 24 * 60 * 60

// CommitUsage adds a batch to what is stored, all of it or nothing, together with the place in the journal that it reaches to: a batch that does not go on
// from the place which is stored is refused, and one that was committed already is fine and adds nothing; so a caller that does not know what became of a
// commit asks for it again. A batch from no place to no place is not of a journal. When it returns nil all of the batch is in the tables; a large one gets there in
// parts, which Resume and the next commit complete.
//
// Numbers are changes and may be negative, but what they take away was added before, by this batch or an earlier one. The gateway calls it every second,
// so it avoids gorm where there are many rows.
func (s *Store) CommitUsage(ctx context.Context, b models.UsageBatch) error {
	for i := range b.Cells {
		if c := &b.Cells[i]; c.Outcome >= models.NumOutcomes || c.Minute%60 != 0 {
			return fmt.Errorf("commit usage: outcome %d at second %d", c.Outcome, c.Minute)
		}
	}
	err := s.addStaged(ctx)
	switch {
	case err != nil:
	case partsOf(&b) > 1:
		err = s.commitInParts(ctx, &b)
	default:
		err = s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			// With a context that cannot end the driver runs statements where it is, not each in a goroutine of its own.
			pool, ctx := db.Statement.ConnPool, context.WithoutCancel(ctx)
			if err := moveOn(ctx, pool, b); err != nil {
				return err
			}
			return addBatch(ctx, pool, b)
		})
	}
	if errors.Is(err, errCommitted) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("commit usage: %w", err)
	}
	return nil
}

// addBatch adds what is in a batch to the tables.
func addBatch(ctx context.Context, pool gorm.ConnPool, b models.UsageBatch) error {
	h, err := holdersOf(ctx, pool, b.Cells)
	if err != nil {
		return err
	}
	return firstError(addUsage(ctx, pool, b.Cells, h), addOpen(ctx, pool, b.Cells), addMonths(ctx, pool, b, h), addCallers(ctx, pool, b.Cells), addCharges(ctx, pool, b.Charged),
		addLastUses(ctx, pool, b.LastUsed), addLevels(ctx, pool, b.Levels))
}

// addMonths keeps the list of a plan's busiest keys: requests that were let through, and refused ones; and what was charged, for statements.
func addMonths(ctx context.Context, db gorm.ConnPool, b models.UsageBatch, h holders) error {
	type month struct{ plan, first, key int64 }
	counts := map[month][3]int64{}
	for i := range b.Cells {
		c := &b.Cells[i]
		if c.PlanID == 0 || c.Count == 0 {
			continue
		}
		m := month{int64(c.PlanID), monthOf(time.Unix(c.Minute, 0)), int64(c.KeyID)}
		n := counts[m]
		if c.Outcome.Admitted() {
			n[0] += c.Count
		} else {
			n[1] += c.Count
		}
		counts[m] = n
	}
	for _, c := range b.Charged {
		if c.PlanID == 0 || c.Used == 0 {
			continue
		}
		m := month{int64(c.PlanID), monthOf(time.Unix(c.Day*secondsPerDay, 0)), int64(c.KeyID)}
		n := counts[m]
		n[2] += c.Used
		counts[m] = n
	}
	values := make([]any, 0, 8*len(counts))
	for m, n := range counts {
		values = append(values, m.plan, m.first, m.key, n[0], n[1], n[2], h.owners[m.plan], h.customers[keyOnPlan{m.key, m.plan}])
	}
	months := newUpsert("INSERT INTO usage_key_months (plan_id, month, key_id, requests, refused, charged, owner_id, customer_id)", 8,
		`ON CONFLICT (plan_id, month, key_id) DO UPDATE SET requests = requests + excluded.requests, refused = refused + excluded.refused,
			charged = charged + excluded.charged`)
	return months.run(ctx, db, values)
}

// dayOf returns a time's day.
func dayOf(t time.Time) int64 { return t.Unix() / secondsPerDay }

// monthOf returns the Unix day of the first of t's month, UTC: the column usage_key_months.month.
func monthOf(t time.Time) int64 {
	year, month, _ := t.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay
}

func addCharges(ctx context.Context, db gorm.ConnPool, charged []models.QuotaUse) error {
	values := make([]any, 0, 4*len(charged))
	for _, c := range charged {
		values = append(values, int64(c.KeyID), int64(c.PlanID), c.Day, c.Used)
	}
	days := newUpsert("INSERT INTO quota_days (key_id, plan_id, day, used)", 4,
		"ON CONFLICT (key_id, plan_id, day) DO UPDATE SET used = used + excluded.used")
	return days.run(ctx, db, values)
}

// addLastUses writes to the second, so that a busy key's row is written once a second at most.
func addLastUses(ctx context.Context, db gorm.ConnPool, uses []models.LastUse) error {
	for _, u := range uses {
		at := millis(u.At.Truncate(time.Second))
		_, err := db.ExecContext(ctx, `UPDATE keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`,
			at, int64(u.KeyID), at)
		if err != nil {
			return fmt.Errorf("note last use: %w", err)
		}
	}
	return nil
}

// QuotaUsed returns what was charged to a key on a plan on the UTC days from from until to, exclusive.
func (s *Store) QuotaUsed(ctx context.Context, key models.KeyID, plan models.PlanID, from, to time.Time) (used int64, err error) {
	err = s.read.WithContext(ctx).Raw(`SELECT coalesce(sum(used), 0) FROM quota_days WHERE key_id = ? AND plan_id = ? AND day >= ? AND day < ?`,
		int64(key), int64(plan), from.Unix()/secondsPerDay, to.Unix()/secondsPerDay).Find(&used).Error
	if err != nil {
		return 0, fmt.Errorf("read quota used: %w", err)
	}
	return used, nil
}
