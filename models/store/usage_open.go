package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"gatehouse/models"
)

// addOpen keeps the requests that are admitted and not answered.
func addOpen(ctx context.Context, db gorm.ConnPool, cells []models.UsageCell) error {
	type request struct{ key, plan, stage, method, minute int64 }
	changes := map[request]int64{}
	for i := range cells {
		if c := &cells[i]; c.Outcome == models.OutcomeOpen && c.Count != 0 {
			changes[request{int64(c.KeyID), int64(c.PlanID), int64(c.StageID), int64(c.MethodID), c.Minute}] += c.Count
		}
	}
	values := make([]any, 0, 6*len(changes))
	for r, n := range changes {
		if n != 0 {
			values = append(values, r.key, r.plan, r.stage, r.method, r.minute, n)
		}
	}
	if len(values) == 0 {
		return nil
	}
	open := newUpsert("INSERT INTO usage_open (key_id, plan_id, stage_id, method_id, minute, n)", 6, "ON CONFLICT DO UPDATE SET n = n + excluded.n")
	if err := open.run(ctx, db, values); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `DELETE FROM usage_open WHERE n = 0`); err != nil {
		return fmt.Errorf("forget answered requests: %w", err)
	}
	return nil
}

// abortCells is how many rows of open requests are moved in one transaction.
const abortCells = 50

// AbortOpen notes that requests which were admitted and not answered never will be, and says how many: the gateway that had them has ended. It is called
// at a start, after the journal was committed to its end.
func (s *Store) AbortOpen(ctx context.Context) (aborted int64, err error) {
	for {
		var n, rows int64
		err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			pool, ctx := db.Statement.ConnPool, context.WithoutCancel(ctx)
			cells, err := openCells(ctx, pool)
			if err != nil {
				return err
			}
			h, err := holdersOf(ctx, pool, cells)
			if err != nil {
				return err
			}
			for _, c := range cells {
				if c.Outcome == models.OutcomeAborted {
					n, rows = n+c.Count, rows+1
				}
			}
			return firstError(addUsage(ctx, pool, cells, h), addOpen(ctx, pool, cells))
		})
		if err != nil {
			return aborted, fmt.Errorf("abort open requests: %w", err)
		}
		if aborted += n; rows < abortCells {
			return aborted, nil
		}
	}
}

// openCells reads some rows of open requests, as the changes that make them aborted ones.
func openCells(ctx context.Context, db gorm.ConnPool) (cells []models.UsageCell, err error) {
	rows, err := db.QueryContext(ctx, `SELECT key_id, plan_id, stage_id, method_id, minute, n FROM usage_open LIMIT ?`, abortCells)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		c := models.UsageCell{Outcome: models.OutcomeAborted}
		if err := rows.Scan(&c.KeyID, &c.PlanID, &c.StageID, &c.MethodID, &c.Minute, &c.Count); err != nil {
			return nil, err
		}
		open := c
		open.Outcome, open.Count = models.OutcomeOpen, -c.Count
		cells = append(cells, open, c)
	}
	return cells, rows.Err()
}
