package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// addLevels notes the levels of throttles in place of what was noted before.
func addLevels(ctx context.Context, db gorm.ConnPool, levels []models.ThrottleLevel) error {
	values := make([]any, 0, 7*len(levels))
	for _, l := range levels {
		values = append(values, int64(l.KeyID), int64(l.PlanID), int64(l.StageID), int64(l.MethodID), int64(l.AccountID), l.TAT, l.FullAt.UnixNano())
	}
	rows := newUpsert("INSERT INTO throttle_levels (key_id, plan_id, stage_id, method_id, account_id, tat, full_at)", 7,
		"ON CONFLICT DO UPDATE SET tat = excluded.tat, full_at = excluded.full_at")
	return rows.run(ctx, db, values)
}

// LoadLevels returns the levels of throttles that were committed last (UsageBatch.Levels), also of buckets that are full by now.
func (s *Store) LoadLevels(ctx context.Context) ([]models.ThrottleLevel, error) {
	var rows []struct{ KeyID, PlanID, StageID, MethodID, AccountID, Tat, FullAt int64 }
	err := s.read.WithContext(ctx).Raw(`SELECT key_id, plan_id, stage_id, method_id, account_id, tat, full_at FROM throttle_levels`).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("load throttle levels: %w", err)
	}
	levels := make([]models.ThrottleLevel, len(rows))
	for i, r := range rows {
		levels[i] = models.ThrottleLevel{
			KeyID: models.KeyID(r.KeyID), PlanID: models.PlanID(r.PlanID), StageID: models.StageID(r.StageID), MethodID: models.MethodID(r.MethodID),
			AccountID: models.AccountID(r.AccountID), TAT: r.Tat, FullAt: time.Unix(0, r.FullAt).UTC(),
		}
	}
	return levels, nil
}
