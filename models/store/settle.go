package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// settleHoldings is how many holdings are settled in one transaction.
const settleHoldings = 100

// SettleHoldings closes what the gateway held when it ended, by what is metered, and notes that this start is in order. The gateway calls it at each start,
// after it has committed its journal to the end (CommitUsage, AbortOpen) and before it asks for rights. exact says that the journal was whole; else what
// was held and is not known to be spent is in doubt.
func (s *Store) SettleHoldings(ctx context.Context, exact bool) (models.Settlement, error) {
	total, err := s.settle(ctx, `granted <> used - refunded`, exact)
	if err != nil {
		return total, err
	}
	if err := s.write.WithContext(ctx).Exec(`UPDATE journal SET boot = starting, ordered = 0 WHERE holder = ?`, theHolder).Error; err != nil {
		return total, fmt.Errorf("note that the start is in order: %w", err)
	}
	return total, nil
}

// SettleEnded closes holdings of windows that had ended at a time. Everything that was admitted until then is committed, and the gateway does not ask for
// those buckets again.
func (s *Store) SettleEnded(ctx context.Context, ended time.Time) (total models.Settlement, err error) {
	for period := limit.PeriodDay; period <= limit.PeriodMonth; period++ {
		for offset := range period.MaxOffset() + 1 {
			first := dayOf(limit.Window(period, offset, ended).Start)
			one, err := s.settle(ctx, `granted <> used - refunded AND period = ? AND "offset" = ? AND window < ?`, true, int64(period), int64(offset), first)
			total.Add(one)
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// settle closes the holdings that a condition finds, some at a time: those that are closed are found no more.
func (s *Store) settle(ctx context.Context, where string, exact bool, args ...any) (total models.Settlement, err error) {
	for {
		var piece models.Settlement
		err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			l := newLedger(ctx, db)
			buckets, err := l.buckets(`SELECT `+bucketColumns+` FROM quota_holders WHERE holder = ? AND `+where+` LIMIT ?`,
				append(append([]any{theHolder}, args...), settleHoldings)...)
			if err != nil {
				return err
			}
			for _, b := range buckets {
				if err := l.settle(b, exact, &piece); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return total, fmt.Errorf("settle holdings: %w", err)
		}
		total.Add(piece)
		if piece.Holdings < settleHoldings {
			return total, nil
		}
	}
}

// buckets reads the keys of buckets.
func (l *ledger) buckets(query string, args ...any) (found []models.QuotaBucket, err error) {
	rows, err := l.db.QueryContext(l.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b models.QuotaBucket
		if err := rows.Scan(&b.KeyID, &b.PlanID, &b.Period, &b.Offset, &b.Window); err != nil {
			return nil, err
		}
		found = append(found, b)
	}
	return found, rows.Err()
}

func (l *ledger) settle(b models.QuotaBucket, exact bool, total *models.Settlement) error {
	c, err := l.load(b)
	if err != nil {
		return err
	}
	terms, err := l.termsAtRest(b, c)
	if err != nil {
		return err
	}
	was := c
	one, err := l.close(b, &c, terms, exact)
	if err != nil {
		return err
	}
	total.Add(one)
	return l.save(b, was, c)
}
