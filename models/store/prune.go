package store

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// How long usage is kept besides what usageTables say. Quota days hold every window that can be open (R4), whatever its offset, and those that GetUsage shows.
const (
	quotaDaysKept = 122 * 24 * time.Hour                       // 90 days, and the period in which the first of them is (models.MaxUsageDays)
	bucketsKept   = quotaDaysKept + longestWindow*24*time.Hour // from the day on which their window began
	monthsKept    = 400 * 24 * time.Hour
	callersKept   = 90 * 24 * time.Hour
)

// pruneRows is how many rows are forgotten in one transaction, so that others do not wait for it.
const pruneRows = 1000

// PruneUsage forgets usage that is older than its resolution is kept: minutes 3 days, half hours 35 days, days and months 400 days, quota days 122, who called what 90. So are
// counts of quotas that ended as long ago, and levels of throttles that are full.
func (s *Store) PruneUsage(ctx context.Context, now time.Time) error {
	day := func(kept time.Duration) int64 { return now.Add(-kept).Unix() / secondsPerDay }
	for i := range usageTables {
		t := &usageTables[i]
		if err := s.prune(ctx, t.name, usageKeys(), "start < ?", now.Add(-t.kept).Unix()); err != nil {
			return err
		}
	}
	if err := s.prune(ctx, "quota_days", []string{"key_id", "plan_id", "day"}, "day < ?", day(quotaDaysKept)); err != nil {
		return err
	}
	if err := s.prune(ctx, "quota_buckets", []string{"key_id", "plan_id", "period", `"offset"`, "window"}, "window < ?", day(bucketsKept)); err != nil {
		return err
	}
	if err := s.prune(ctx, "quota_extensions", []string{"form"}, "at < ?", millis(now.Add(-quotaDaysKept))); err != nil {
		return err
	}
	if err := s.prune(ctx, "throttle_levels", []string{"key_id", "plan_id", "stage_id", "method_id", "account_id"}, "full_at < ?", now.UnixNano()); err != nil {
		return err
	}
	if err := s.prune(ctx, "usage_callers", []string{"method_id", "stage_id", "key_id"}, "last < ?", now.Add(-callersKept).Unix()); err != nil {
		return err
	}
	return s.prune(ctx, "usage_key_months", []string{"plan_id", "month", "key_id"},
		"plan_id IN (SELECT id FROM plans) AND month < ?", day(monthsKept))
}

func (s *Store) prune(ctx context.Context, table string, keys []string, where string, bound int64) error {
	columns := strings.Join(keys, ", ")
	for {
		pruned := s.write.WithContext(ctx).Exec(`DELETE FROM `+table+` WHERE (`+columns+`) IN (
			SELECT `+columns+` FROM `+table+` WHERE `+where+` LIMIT ?)`, bound, pruneRows)
		switch {
		case pruned.Error != nil:
			return fmt.Errorf("prune %s: %w", table, pruned.Error)
		case pruned.RowsAffected < pruneRows:
			return nil
		}
	}
}
