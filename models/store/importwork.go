package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has the steps of an import between what people do with it. Each is a short transaction, and each may be the last one that a process made: the
// next process goes on from what the row says.

// BusyImports returns the imports for which there is something to do, oldest first, and what has waited for its owner for too long.
func (s *Store) BusyImports(ctx context.Context, now time.Time) ([]models.Import, error) {
	rows, err := selectAll[importRow](s.read.WithContext(ctx), "busy imports", `SELECT * FROM imports WHERE ended_at IS NULL AND (state <> 'checked' OR created_at < ?)
		AND coalesce(caller_until, 0) < ? ORDER BY created_at, id`, millis(now.Add(-models.ImportPatience)), millis(now))
	imports := make([]models.Import, len(rows))
	for i, r := range rows {
		imports[i] = r.imported()
	}
	return imports, err
}

// KeptImports returns which of some imports are open, or ended later than a time.
func (s *Store) KeptImports(ctx context.Context, ids []models.ImportID, since time.Time) (map[models.ImportID]models.Import, error) {
	rows, err := selectAll[importRow](s.read.WithContext(ctx), "kept imports", `SELECT * FROM imports WHERE id IN ? AND (ended_at IS NULL OR ended_at > ?)`, ids, millis(since))
	kept := make(map[models.ImportID]models.Import, len(rows))
	for _, r := range rows {
		kept[r.ID] = r.imported()
	}
	return kept, err
}

// errImportMoved says that somebody did something else with the import meanwhile.
var errImportMoved = models.Conflict("The import is not where it was.")

// stepImport runs a step of an import that is in a state; whatever else it is in is errImportMoved.
func (s *Store) stepImport(ctx context.Context, id models.ImportID, now time.Time, in []models.ImportState, fn func(*tx, importRow) error) error {
	return s.change(ctx, models.System(), now, func(t *tx) error {
		row, err := importByID(t.DB, id)
		if err != nil {
			return err
		}
		for _, state := range in {
			if row.State == string(state) {
				return fn(t, row)
			}
		}
		return errImportMoved
	})
}

func underCheck() []models.ImportState {
	return []models.ImportState{models.ImportWaiting, models.ImportChecking}
}

// NoteImportCheck says how far a check has come. A Conflict: the import was cancelled.
func (s *Store) NoteImportCheck(ctx context.Context, id models.ImportID, read, ignored []string, c models.ImportCounts, now time.Time) error {
	return s.stepImport(ctx, id, now, underCheck(), func(t *tx, _ importRow) error { return t.noteCheck(id, models.ImportChecking, read, ignored, c) })
}

// FinishImportCheck leaves a checked import to its owner.
func (s *Store) FinishImportCheck(ctx context.Context, id models.ImportID, read, ignored []string, c models.ImportCounts, now time.Time) error {
	return s.stepImport(ctx, id, now, underCheck(), func(t *tx, _ importRow) error { return t.noteCheck(id, models.ImportChecked, read, ignored, c) })
}

func (t *tx) noteCheck(id models.ImportID, state models.ImportState, read, ignored []string, c models.ImportCounts) error {
	columns, err := json.Marshal(importColumns{Read: read, Ignored: ignored})
	if err != nil {
		return err
	}
	return t.run("note check", `UPDATE imports SET state = ?, columns = ?, created = ?, updated = ?, unchanged = ?, bad = ? WHERE id = ?`,
		string(state), string(columns), c.Created, c.Updated, c.Unchanged, c.Bad, id)
}

// CheckImport says what each of some lines would do, and changes nothing.
func (s *Store) CheckImport(ctx context.Context, owner models.AccountID, rows []models.KeyImport, now time.Time) (lines []models.ImportLine, err error) {
	err = s.read.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &tx{DB: db, actor: models.Actor{AccountID: owner, Role: models.RoleOwner}, now: now.UTC().Truncate(time.Millisecond)}
		i := s.newKeyImport(t, rows, freshIDs[models.Key](len(rows)))
		lines = i.results
		return i.judgeAll()
	})
	return lines, err
}

// WriteImport writes some lines behind the written ones of an import; the last ones bring all its keys to life. Where all or nothing was asked for, a line that is bad
// by now is an *Error of KindInvalid, and nothing is written. KindConflict: the import was cancelled, or others have written these lines. held is for how long
// nobody else could write, but for the sync of the disk.
func (s *Store) WriteImport(ctx context.Context, id models.ImportID, written int64, rows []models.PlannedKey, last bool, now time.Time) (held time.Duration, err error) {
	row, err := importByID(s.read.WithContext(ctx), id)
	if err != nil {
		return 0, err
	}
	err = s.change(ctx, row.actor(), now, func(t *tx) error {
		began := time.Now()
		defer func() { held = time.Since(began) }()
		row, err := importByID(t.DB, id)
		if err != nil {
			return err
		}
		if row.State != string(models.ImportWriting) || !row.Hides || row.Written != written {
			return errImportMoved
		}
		counts, err := t.writeLines(s, row, rows)
		if err != nil {
			return err
		}
		if err := t.run("note written lines", `UPDATE imports SET written = ?, created = ?, updated = ?, unchanged = ?, bad = ? WHERE id = ?`,
			written+int64(len(rows)), counts.Created, counts.Updated, counts.Unchanged, counts.Bad, id); err != nil {
			return err
		}
		if !last {
			return nil
		}
		if err := t.run("bring keys to life", `UPDATE imports SET hides = 0 WHERE id = ?`, id); err != nil {
			return err
		}
		return t.changed(models.ChangeImport, int64(id))
	})
	return held, err
}

// writeLines judges lines again, for much may have changed since the check, and writes them.
func (t *tx) writeLines(s *Store, row importRow, rows []models.PlannedKey) (models.ImportCounts, error) {
	counts := row.imported().Counts
	lines, ids := make([]models.KeyImport, len(rows)), make([]models.KeyID, len(rows))
	for n, r := range rows {
		lines[n], ids[n] = r.KeyImport, r.NewID
	}
	taken, err := selectAll[models.KeyID](t.DB, "taken ids", `SELECT id FROM keys WHERE id IN ?`, ids)
	if err != nil {
		return counts, err
	}
	for n, id := range ids {
		if id == 0 || slices.Contains(taken, id) { // it was to change a key, or another one drew the id meanwhile
			ids[n] = newID[models.Key]()
		}
	}
	i := s.newKeyImport(t, lines, ids)
	i.id = row.ID
	if err := i.judgeAll(); err != nil {
		return counts, err
	}
	var moved [][]any
	for n, r := range i.results {
		if r.Outcome == rows[n].Outcome && (r.Outcome != models.LineCreated || r.KeyID == rows[n].NewID) {
			continue
		}
		if r.Outcome == models.LineBad && !row.SkipBad {
			return counts, models.Invalid("line", fmt.Sprintf("Line %d was good when it was checked, and is not any more. %s", r.Line, r.Message))
		}
		counts.Add(rows[n].Outcome, -1)
		counts.Add(r.Outcome, 1)
		moved = append(moved, []any{int64(row.ID), r.Line, string(r.Outcome), nullID(r.KeyID), r.Message})
	}
	if err := t.runMany("note lines", `INSERT INTO import_lines (import_id, line, outcome, key_id, message) VALUES (?, ?, ?, ?, ?)`, moved); err != nil {
		return counts, err
	}
	if err := i.write(); err != nil {
		return counts, err
	}
	return counts, t.keysChanged(i.touched...)
}

// FinishImport ends an import whose keys work.
func (s *Store) FinishImport(ctx context.Context, id models.ImportID, now time.Time) error {
	return s.stepImport(ctx, id, now, []models.ImportState{models.ImportWriting}, func(t *tx, row importRow) error {
		i := row.imported()
		if !i.Live {
			return errImportMoved
		}
		t.actor = row.actor()
		return t.endImport(i, models.ImportDone, "")
	})
}

// FailImport gives an import up because of what the reason says; what was written is taken back.
func (s *Store) FailImport(ctx context.Context, id models.ImportID, as models.ImportState, reason string, now time.Time) error {
	states := []models.ImportState{models.ImportWaiting, models.ImportChecking, models.ImportChecked, models.ImportWriting}
	return s.stepImport(ctx, id, now, states, func(t *tx, row importRow) error {
		i := row.imported()
		if i.Live {
			return errors.New("an import whose keys work cannot fail")
		}
		t.actor = row.actor()
		return t.giveUp(i, as, reason)
	})
}

// ImportLines returns the lines behind one of which writing found something else than checking, in order; at most 1,000 a call.
func (s *Store) ImportLines(ctx context.Context, id models.ImportID, after int) ([]models.ImportLine, error) {
	return selectAll[models.ImportLine](s.read.WithContext(ctx), "lines of import", `SELECT line, outcome, coalesce(key_id, 0) AS key_id, message
		FROM import_lines WHERE import_id = ? AND line > ? ORDER BY line LIMIT 1000`, id, after)
}
