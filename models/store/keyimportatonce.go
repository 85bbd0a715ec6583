package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"gatehouse/models"
)

// importPatience is how long a caller may take to import a file. What it has not brought to life by then is taken back.
const importPatience = 5 * time.Minute

// ImportAtOnce writes lines of a file that CheckImport found to make or to change keys, while somebody waits for it. All of them work when it returns, or none of
// those that it was to make: they are written some at a time, hidden, so that nobody waits long behind them. With skipBad a line that has become bad meanwhile is left
// out; else it is an *Error of KindInvalid.
func (s *Store) ImportAtOnce(ctx context.Context, actor models.Actor, rows []models.PlannedKey, bytes int64, skipBad bool, now time.Time) error {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b models.PlannedKey) int { // what is new in the order of the index, and then what is changed
		switch {
		case (a.NewID == 0) != (b.NewID == 0):
			return map[bool]int{true: 1, false: -1}[a.NewID == 0]
		case a.NewID < b.NewID:
			return -1
		case a.NewID > b.NewID:
			return 1
		}
		return 0
	})
	id, err := s.beginAtOnce(ctx, actor, rows, bytes, skipBad, now)
	if err != nil {
		return err
	}
	written := int64(0)
	for some := range slices.Chunk(rows, s.atOnce) {
		last := written+int64(len(some)) == int64(len(rows))
		if _, err := s.WriteImport(ctx, id, written, some, last, now); err != nil {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
			defer cancel()
			return errors.Join(err, s.failAtOnce(undo, id, now))
		}
		written += int64(len(some))
	}
	return s.FinishImport(ctx, id, now)
}

// beginAtOnce lists an import that is written at once.
func (s *Store) beginAtOnce(ctx context.Context, actor models.Actor, rows []models.PlannedKey, bytes int64, skipBad bool, now time.Time) (id models.ImportID, err error) {
	var counts models.ImportCounts
	for _, r := range rows {
		counts.Add(r.Outcome, 1)
	}
	id = newID[models.Import]()
	return id, s.changeOwn(ctx, actor, now, func(t *tx) error {
		at := millis(t.now)
		return t.run("begin import", `INSERT INTO imports (id, owner_id, file, bytes, skip_bad, state, hides, ends_as, reason, columns, created, updated, unchanged, bad,
				written, actor, address, request_id, created_at, started_at, caller_until)
			VALUES (?, ?, ?, ?, ?, 'writing', 1, 'done', '', '{}', ?, ?, 0, 0, 0, ?, ?, ?, ?, ?, ?)`, id, actor.AccountID, "keys.csv (management API)", bytes, skipBad,
			counts.Created, counts.Updated, actor.Label, actor.Address, actor.RequestID, at, at, millis(now.Add(importPatience)))
	})
}

// failAtOnce leaves what was written to those who undo imports.
func (s *Store) failAtOnce(ctx context.Context, id models.ImportID, now time.Time) error {
	err := s.FailImport(ctx, id, models.ImportFailed, "It was called off while it was written.", now)
	if err != nil {
		return err
	}
	return s.change(ctx, models.System(), now, func(t *tx) error {
		return t.run("let go of import", `UPDATE imports SET caller_until = NULL WHERE id = ?`, id)
	})
}
