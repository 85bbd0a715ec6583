package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has what people do with imports; importwork.go has what happens in between.

type importRow struct {
	ID        models.ImportID
	OwnerID   models.AccountID
	File      string
	Bytes     int64
	SkipBad   bool
	State     string
	Hides     bool
	EndsAs    string
	Reason    string
	Columns   []byte
	Created   int64
	Updated   int64
	Unchanged int64
	Bad       int64
	Written   int64
	Actor     string
	Address   string
	RequestID string
	CreatedAt int64
	StartedAt sql.NullInt64
	EndedAt   sql.NullInt64
}

func (r importRow) at() cursor { return cursor{sort: r.CreatedAt, id: int64(r.ID)} }

func (r importRow) imported() models.Import {
	i := models.Import{
		ID: r.ID, OwnerID: r.OwnerID, File: r.File, Bytes: r.Bytes, SkipBad: r.SkipBad, State: models.ImportState(r.State), Live: !r.Hides && (r.State == string(models.ImportWriting) || r.State == string(models.ImportDone)),
		Reason: r.Reason, Counts: models.ImportCounts{Created: r.Created, Updated: r.Updated, Unchanged: r.Unchanged, Bad: r.Bad}, Written: r.Written,
		CreatedBy: r.Actor, CreatedAt: timeOf(r.CreatedAt), StartedAt: nullTime(r.StartedAt), EndedAt: nullTime(r.EndedAt),
	}
	var c importColumns
	if json.Unmarshal(r.Columns, &c) == nil { // what is no JSON is from nobody, and these are words for people
		i.Read, i.Ignored = c.Read, c.Ignored
	}
	return i
}

// actor is who brought the import: his lines are judged and written as his.
func (r importRow) actor() models.Actor {
	return models.Actor{AccountID: r.OwnerID, Role: models.RoleOwner, Label: r.Actor, Address: r.Address, RequestID: r.RequestID}
}

type importColumns struct {
	Read    []string `json:"read"`
	Ignored []string `json:"ignored"`
}

func importByID(db *gorm.DB, id models.ImportID) (importRow, error) {
	return selectOne[importRow](db, "import", `SELECT * FROM imports WHERE id = ?`, id)
}

func importObject(i models.Import) object {
	name := i.File
	if name == "" {
		name = "pasted keys"
	}
	return object{kind: "import", id: i.ID.String(), name: name, owner: i.OwnerID}
}

func importFacts(state models.ImportState, skipBad bool, c models.ImportCounts) facts {
	f := facts{"state": state, "created": c.Created, "updated": c.Updated}
	if c.Unchanged > 0 {
		f["unchanged"] = c.Unchanged
	}
	if c.Bad > 0 {
		f["bad"] = c.Bad
	}
	if skipBad {
		f["skipBad"] = true
	}
	return f
}

// BeginImport registers a file that was received, to be checked.
func (s *Store) BeginImport(ctx context.Context, actor models.Actor, in models.NewImport, now time.Time) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		open, err := selectOne[int](t.DB, "open imports", `SELECT count(*) FROM imports WHERE ended_at IS NULL AND owner_id = ?`, actor.AccountID)
		if err != nil {
			return err
		}
		if open >= models.MaxOpenImports {
			return models.Conflict(fmt.Sprintf("%d imports are open already. Start them, or cancel one first.", open))
		}
		return t.run("begin import", `INSERT INTO imports (id, owner_id, file, bytes, skip_bad, state, hides, ends_as, reason, columns, created, updated, unchanged, bad,
				written, actor, address, request_id, created_at)
			VALUES (?, ?, ?, ?, ?, 'waiting', 0, 'done', '', '{}', 0, 0, 0, 0, 0, ?, ?, ?, ?)`,
			in.ID, actor.AccountID, in.File, in.Bytes, in.SkipBad, actor.Label, actor.Address, actor.RequestID, millis(t.now))
	})
}

// putImport lists an import that was made at once.
func (t *tx) putImport(in models.NewImport, c models.ImportCounts) error {
	now := millis(t.now)
	return t.run("list import", `INSERT INTO imports (id, owner_id, file, bytes, skip_bad, state, hides, ends_as, reason, columns, created, updated, unchanged, bad,
			written, actor, address, request_id, created_at, started_at, ended_at)
		VALUES (?, ?, ?, ?, ?, 'done', 0, 'done', '', '{}', ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)`, in.ID, t.actor.AccountID, in.File, in.Bytes, in.SkipBad,
		c.Created, c.Updated, c.Unchanged, c.Changes(), t.actor.Label, t.actor.Address, t.actor.RequestID, now, now, now)
}

// Import returns an import of an owner's; nobody else's is found (R9).
func (s *Store) Import(ctx context.Context, owner models.AccountID, id models.ImportID) (models.Import, error) {
	row, err := selectOne[importRow](s.read.WithContext(ctx), "import", `SELECT * FROM imports WHERE id = ? AND owner_id = ?`, id, owner)
	return row.imported(), err
}

// Imports lists an owner's imports, newest first.
func (s *Store) Imports(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.Import], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.Import]{}, err
	}
	rows, err := selectAll[importRow](s.read.WithContext(ctx), "imports", `SELECT * FROM imports WHERE owner_id = ? AND (created_at, id) < (?, ?)
		ORDER BY created_at DESC, id DESC LIMIT ?`, owner, from.sort, from.id, limitOf(p)+1)
	if err != nil {
		return models.List[models.Import]{}, err
	}
	return cut(rows, p, importRow.at, importRow.imported), nil
}

// StartImport lets a checked import be written, with the good lines of a bad file alone if the owner says so.
func (s *Store) StartImport(ctx context.Context, actor models.Actor, id models.ImportID, skipBad bool, now time.Time) error {
	return s.changeImport(ctx, actor, id, now, func(t *tx, i models.Import) error {
		if err := i.CheckStart(skipBad); err != nil {
			return err
		}
		return t.run("start import", `UPDATE imports SET state = 'writing', hides = 1, skip_bad = ?, started_at = ? WHERE id = ?`, skipBad, millis(t.now), id)
	})
}

// CancelImport ends an import whose keys do not work yet; what was written is taken back.
func (s *Store) CancelImport(ctx context.Context, actor models.Actor, id models.ImportID, now time.Time) error {
	return s.changeImport(ctx, actor, id, now, func(t *tx, i models.Import) error {
		if err := i.CheckCancel(); err != nil {
			return err
		}
		return t.giveUp(i, models.ImportCancelled, "")
	})
}

// changeImport runs a use case on an import of the actor's.
func (s *Store) changeImport(ctx context.Context, actor models.Actor, id models.ImportID, now time.Time, fn func(*tx, models.Import) error) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		row, err := selectOne[importRow](t.DB, "import", `SELECT * FROM imports WHERE id = ? AND owner_id = ?`, id, actor.AccountID)
		if err != nil {
			return err
		}
		return fn(t, row.imported())
	})
}

// giveUp ends an import without keys: at once where nothing was written, after an undo otherwise.
func (t *tx) giveUp(i models.Import, as models.ImportState, reason string) error {
	if i.State != models.ImportWriting {
		return t.endImport(i, as, reason)
	}
	return t.run("undo import", `UPDATE imports SET state = 'undoing', ends_as = ?, reason = ? WHERE id = ?`, string(as), reason, i.ID)
}

// endImport ends an import: one event says how, with its counts (DECISIONS 65).
func (t *tx) endImport(i models.Import, as models.ImportState, reason string) error {
	err := t.run("end import", `UPDATE imports SET state = ?, ends_as = ?, reason = ?, ended_at = ?, hides = 0 WHERE id = ?`, string(as), string(as), reason, millis(t.now), i.ID)
	if err != nil {
		return err
	}
	after := importFacts(as, i.SkipBad, i.Counts)
	if reason != "" {
		after["reason"] = reason
	}
	return firstError(t.event("key.import", importObject(i), nil, after), t.tellImport(i, as, reason))
}
