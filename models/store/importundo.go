package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"gatehouse/models"
)

// undo is how a change of a key can be taken back.
type undo struct {
	key     models.KeyID
	before  keyBefore
	after   keyAfter
	leaving []models.PlanID
}

// keyBefore is what a line changed of a key, as it was. Settings is nil for a developer's key, of which only blocks are changed.
type keyBefore struct {
	Settings *keySettings `json:"settings,omitempty"`
	Left     []leftPlan   `json:"left,omitempty"`
	Blocks   []planBlock  `json:"blocks,omitempty"`
}

// keyAfter is what a line made of it: only what is still so is taken back.
type keyAfter struct {
	Settings *keySettings    `json:"settings,omitempty"`
	Joined   []models.PlanID `json:"joined,omitempty"`
	Blocked  bool            `json:"blocked,omitempty"`
}

type keySettings struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	CustomerID  string `json:"customerId"`
	Enabled     bool   `json:"enabled"`
	ExpiresAt   int64  `json:"expiresAt"` // 0: never
}

func settingsOf(k models.Key) *keySettings {
	return &keySettings{k.Name, k.Description, k.CustomerID, k.Enabled, millis(k.ExpiresAt)}
}

// leftPlan is a plan that a key was on.
type leftPlan struct {
	PlanID     models.PlanID `json:"plan"`
	AddedAt    int64         `json:"addedAt"`
	CarryPlans *string       `json:"carryPlans,omitempty"`
	CarryDay   *int64        `json:"carryDay,omitempty"`
}

type planBlock struct {
	PlanID  models.PlanID `json:"plan"`
	Blocked bool          `json:"blocked"`
}

// keepUndos writes down how keys are that are about to be changed.
func (i *keyImport) keepUndos() error {
	values := make([][]any, len(i.undos))
	for n, u := range i.undos {
		if len(u.leaving) > 0 {
			var err error
			u.before.Left, err = selectAll[leftPlan](i.t.DB, "plans of key", `SELECT plan_id, added_at, carry_plans, carry_day FROM plan_keys WHERE key_id = ? AND plan_id IN ?`, u.key, u.leaving)
			if err != nil {
				return err
			}
		}
		before, err := json.Marshal(u.before)
		if err != nil {
			return err
		}
		after, err := json.Marshal(u.after)
		if err != nil {
			return err
		}
		values[n] = []any{int64(i.id), int64(u.key), string(before), string(after)}
	}
	return i.t.runMany("note how keys were", `INSERT INTO import_undo (import_id, key_id, before, after) VALUES (?, ?, ?, ?)`, values)
}

// undoneAtOnce is how many keys a transaction takes back.
const undoneAtOnce = 100

// UndoImport takes back some of what an import has written. It returns true while there is more.
func (s *Store) UndoImport(ctx context.Context, id models.ImportID, now time.Time) (more bool, err error) {
	err = s.stepImport(ctx, id, now, []models.ImportState{models.ImportUndoing}, func(t *tx, row importRow) error {
		more = true
		// Changes first: they are seen, the keys are not.
		rows, err := selectAll[undoRow](t.DB, "changes to undo", `SELECT key_id, before, after FROM import_undo WHERE import_id = ? LIMIT ?`, id, undoneAtOnce)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := t.takeBack(row, r); err != nil {
				return err
			}
		}
		if len(rows) > 0 {
			return nil
		}
		deleted := t.Exec(`DELETE FROM keys WHERE id IN (SELECT id FROM keys WHERE import_id = ? LIMIT ?)`, id, undoneAtOnce)
		if deleted.Error != nil || deleted.RowsAffected > 0 {
			return deleted.Error
		}
		more = false
		t.actor = row.actor()
		return t.endImport(row.imported(), models.ImportState(row.EndsAs), row.Reason)
	})
	return more && err == nil, err
}

type undoRow struct {
	KeyID         models.KeyID
	Before, After []byte
}

// takeBack makes a key what it was, but for what somebody has changed since.
func (t *tx) takeBack(row importRow, r undoRow) error {
	var before keyBefore
	var after keyAfter
	if err := firstError(json.Unmarshal(r.Before, &before), json.Unmarshal(r.After, &after)); err != nil {
		return err
	}
	if err := t.run("forget how key was", `DELETE FROM import_undo WHERE import_id = ? AND key_id = ?`, row.ID, r.KeyID); err != nil {
		return err
	}
	for _, b := range before.Blocks {
		if err := t.run("unblock key", `UPDATE plan_keys SET blocked = ? WHERE key_id = ? AND plan_id = ? AND blocked = ?`, b.Blocked, r.KeyID, b.PlanID, after.Blocked); err != nil {
			return err
		}
	}
	if before.Settings != nil {
		if err := t.restoreSettings(r.KeyID, *before.Settings, *after.Settings); err != nil {
			return err
		}
	}
	for _, plan := range after.Joined {
		if err := t.leave(r.KeyID, plan); err != nil {
			return err
		}
	}
	for _, left := range before.Left {
		if err := t.rejoin(r.KeyID, left); err != nil {
			return err
		}
	}
	return t.keysChanged(r.KeyID)
}

func (t *tx) restoreSettings(key models.KeyID, was, made keySettings) error {
	null := func(ms int64) sql.NullInt64 { return sql.NullInt64{Int64: ms, Valid: ms != 0} }
	for _, c := range []struct {
		column    string
		was, made any
	}{
		{"name", was.Name, made.Name}, {"description", was.Description, made.Description}, {"customer_id", was.CustomerID, made.CustomerID},
		{"enabled", was.Enabled, made.Enabled}, {"expires_at", null(was.ExpiresAt), null(made.ExpiresAt)},
	} {
		if c.was == c.made {
			continue
		}
		if err := t.run("restore key", `UPDATE keys SET `+c.column+` = ? WHERE id = ? AND `+c.column+` IS ?`, c.was, key, c.made); err != nil {
			return err
		}
	}
	return nil
}

// rejoin puts a key back on a plan, unless the plan is gone or another one opens its stages to the key by now (R1).
func (t *tx) rejoin(key models.KeyID, left leftPlan) error {
	p, err := planByID(t.DB, left.PlanID)
	if models.KindOf(err) == models.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	switch err := t.join(p, member{key: key}); {
	case models.KindOf(err) == models.KindConflict:
		return nil
	case err != nil:
		return err
	}
	return t.run("restore membership", `UPDATE plan_keys SET added_at = ?, carry_plans = ?, carry_day = ? WHERE plan_id = ? AND key_id = ?`,
		left.AddedAt, left.CarryPlans, left.CarryDay, left.PlanID, key)
}

// ForgetUndo deletes some of what an import noted that has ended well. It returns true while there is more.
func (s *Store) ForgetUndo(ctx context.Context, id models.ImportID, now time.Time) (more bool, err error) {
	err = s.change(ctx, models.System(), now, func(t *tx) error {
		gone := t.Exec(`DELETE FROM import_undo WHERE import_id = ? AND key_id IN (SELECT key_id FROM import_undo WHERE import_id = ? LIMIT 500)`, id, id)
		more = gone.RowsAffected > 0
		return gone.Error
	})
	return more, err
}
