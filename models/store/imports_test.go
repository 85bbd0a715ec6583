package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// importing is an import that its test carries through.
type importing struct {
	*world
	id      models.ImportID
	written int64
}

// begin makes an import that is checked and started, with lines that were found good.
func (w *world) begin(rows []models.PlannedKey, skipBad bool) *importing {
	w.t.Helper()
	i := &importing{world: w, id: models.NewID[models.Import](rand.Uint64())}
	var counts models.ImportCounts
	for _, r := range rows {
		counts.Add(r.Outcome, 1)
	}
	ok(w.t, w.BeginImport(w.t.Context(), w.asOwner(), models.NewImport{ID: i.id, File: "keys.csv", Bytes: 1, SkipBad: skipBad}, w.later()))
	ok(w.t, w.FinishImportCheck(w.t.Context(), i.id, []string{"Name", "Key"}, nil, counts, w.later()))
	ok(w.t, w.StartImport(w.t.Context(), w.asOwner(), i.id, skipBad, w.later()))
	return i
}

func (i *importing) write(rows []models.PlannedKey, last bool) error {
	_, err := i.WriteImport(i.t.Context(), i.id, i.written, rows, last, i.later())
	if err == nil {
		i.written += int64(len(rows))
	}
	return err
}

func (i *importing) undo() {
	i.t.Helper()
	for more := true; more; {
		var err error
		more, err = i.UndoImport(i.t.Context(), i.id, i.later())
		ok(i.t, err)
	}
}

func (i *importing) now() models.Import {
	i.t.Helper()
	got, err := i.Import(i.t.Context(), i.owner.ID, i.id)
	ok(i.t, err)
	return got
}

// newKeys are lines that make keys.
func newKeys(from, n int, plans ...models.PlanID) (rows []models.PlannedKey) {
	for k := from; k < from+n; k++ {
		rows = append(rows, models.PlannedKey{Outcome: models.LineCreated, NewID: models.NewID[models.Key](uint64(k) << 20),
			KeyImport: line(k+2, models.KeyImport{Name: fmt.Sprint("k", k), Value: value(k), Enabled: true, Plans: plans})})
	}
	return rows
}

func (w *world) keysThere() (names int) {
	w.t.Helper()
	rows := w.export(false)
	list, err := w.OwnerKeys(w.t.Context(), w.owner.ID, models.KeyFilter{}, models.Page{Limit: 200})
	ok(w.t, err)
	credentials := -count(w.t, w.Store, `SELECT count(*) FROM keys WHERE owner_id <> ?`, w.owner.ID)
	ok(w.t, w.Credentials(w.t.Context(), func(models.Credential) error { credentials++; return nil }))
	if len(rows) != len(list.Items) || credentials != len(rows) {
		w.t.Errorf("%d keys are exported, %d listed, and the gateway gets %d", len(rows), len(list.Items), credentials)
	}
	return len(rows)
}

// DECISIONS 50: keys of an import that is not done are nobody's, and one update brings all of them to life (R8).
func TestKeysOfAnOpenImportAreThereForNobody(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	rows := newKeys(0, 30, p.ID)
	i := w.begin(rows, false)
	w.wantChange("", 0, func() { ok(t, i.write(rows[:20], false)) })
	if n := w.keysThere(); n != 0 {
		t.Errorf("%d keys are there already", n)
	}
	id := rows[3].NewID
	_, err := w.Key(t.Context(), w.owner.ID, id)
	wantKind(t, "a hidden key's page", err, models.KindNotFound)
	wantKind(t, "revoking a hidden key", w.RevokeKey(t.Context(), w.asOwner(), id, w.later()), models.KindNotFound)
	_, err = w.Credential(t.Context(), id)
	wantKind(t, "a hidden key at the gateway", err, models.KindNotFound)
	_, err = w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{line(2, models.KeyImport{Name: "x", Value: value(3)})}, w.later())
	wantField(t, "a value that a hidden key has", err, "line 2") // R2
	w.wantChange(models.ChangeImport, int64(i.id), func() { ok(t, i.write(rows[20:], true)) })
	if n := w.keysThere(); n != 30 {
		t.Errorf("%d keys are there, want 30", n)
	}
	if w.state(id, p.ID) != models.MemberActive {
		t.Error("a key is not on its plan")
	}
	ids, err := w.ImportedKeys(t.Context(), i.id, rows[9].NewID)
	if err != nil || len(ids) != 20 || ids[0] != rows[10].NewID {
		t.Errorf("the gateway is to load %v, %v", ids, err)
	}
	if !i.now().Live || i.now().State != models.ImportWriting {
		t.Errorf("got %+v", i.now())
	}
	ok(t, w.FinishImport(t.Context(), i.id, w.later()))
	w.wantEvent("key.import", i.id.String(), w.owner.ID)
	if n := count(t, w.Store, `SELECT count(*) FROM events WHERE action = 'key.import'`); n != 1 {
		t.Errorf("%d events of one import", n)
	}
	wantKind(t, "cancelling what is done", w.CancelImport(t.Context(), w.asOwner(), i.id, w.later()), models.KindConflict)
	wantR1(t, w.Store)
}

// No line is written twice, however often and by whomever a batch is tried.
func TestABatchIsWrittenOnce(t *testing.T) {
	w := newWorld(t)
	rows := newKeys(0, 20)
	i := w.begin(rows, false)
	ok(t, i.write(rows[:10], false))
	i.written = 0
	wantKind(t, "the same batch again", i.write(rows[:10], false), models.KindConflict)
	i.written = 10
	ok(t, i.write(rows[10:], true))
	if n := w.keysThere(); n != 20 {
		t.Errorf("%d keys, want 20", n)
	}
	wantKind(t, "behind the end", i.write(newKeys(50, 1), true), models.KindConflict)
}

// A cancelled import leaves everything as it was, but for what somebody has changed since.
func TestAnUndoneImportLeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	prod, beta := w.stage("prod"), w.stage("beta")
	one, two := w.plan("One", prod), w.plan("Two", prod, beta)
	old, touched, moved := w.customerKey("Old", one), w.customerKey("Touched", one), w.customerKey("Moved", one)
	dev := w.subscribe(one, "App")
	before := w.export(false)
	update := func(n int, k models.KeyImport) models.PlannedKey {
		return models.PlannedKey{KeyImport: line(n, k), Outcome: models.LineUpdated}
	}
	rows := append(newKeys(0, 5, one.ID),
		update(20, models.KeyImport{ID: old.ID, Name: "New", Description: "d", CustomerID: "c", Enabled: false, ExpiresAt: w.now.AddDate(1, 0, 0), Plans: []models.PlanID{two.ID}}),
		update(21, models.KeyImport{ID: touched.ID, Name: "Mine", Enabled: true}),
		update(22, models.KeyImport{ID: moved.ID, Name: "Moved", Enabled: true, Plans: []models.PlanID{two.ID}}),
		update(23, models.KeyImport{ID: dev.Key.ID, Name: "App", Enabled: false}))
	i := w.begin(rows, false)
	ok(t, i.write(rows[:8], false))
	w.wantChange(models.ChangeKey, int64(dev.Key.ID), func() { ok(t, i.write(rows[8:], false)) })
	if w.state(old.ID, two.ID) != models.MemberActive || w.state(dev.Key.ID, one.ID) != models.MemberBlocked {
		t.Fatal("the changes are not made")
	}
	if n := count(t, w.Store, `SELECT count(*) FROM import_undo WHERE before LIKE '%value%' OR after LIKE '%value%'`); n != 0 {
		t.Error("a value is in the notes")
	}
	ok(t, w.UpdateCustomerKey(t.Context(), w.asOwner(), touched.ID, models.CustomerKeySettings{Name: "Somebody's"}, w.later()))
	ok(t, w.CancelImport(t.Context(), w.asOwner(), i.id, w.later()))
	wantKind(t, "a batch after the cancel", i.write(rows[:1], false), models.KindConflict)
	w.wantChange(models.ChangeKey, int64(old.ID), i.undo)
	w.wantEvent("key.import", i.id.String(), w.owner.ID)
	after := w.export(false)
	for n := range after {
		if after[n].ID == touched.ID {
			if after[n].Name != "Somebody's" {
				t.Errorf("somebody's change is lost: %q", after[n].Name)
			}
			after[n].Name = "Touched"
		}
		after[n].Memberships, before[n].Memberships = nil, nil
	}
	if a, b := fmt.Sprint(after), fmt.Sprint(before); a != b {
		t.Errorf("got\n%s\nwas\n%s", a, b)
	}
	for _, k := range []models.KeyID{old.ID, touched.ID, moved.ID, dev.Key.ID} {
		if w.state(k, one.ID) != models.MemberActive || w.state(k, two.ID) != "" {
			t.Errorf("a key is on other plans than before")
		}
	}
	if got := i.now(); got.State != models.ImportCancelled || got.EndedAt.IsZero() {
		t.Errorf("got %+v", got)
	}
	if n := count(t, w.Store, `SELECT (SELECT count(*) FROM import_undo) + (SELECT count(*) FROM key_secrets WHERE last4 LIKE '000%')`); n != 0 {
		t.Errorf("%d rows stay", n)
	}
	_, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{line(2, models.KeyImport{Name: "x", Value: value(3)})}, w.later())
	ok(t, err) // its values are free again
	wantR1(t, w.Store)
}

// What was good when it was checked may be bad when it is written: all or nothing ends the import, skipping tells of the line.
func TestALineThatTurnedBad(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		turn         func(w *world, p models.Plan)
		row          func(w *world, p models.Plan) models.PlannedKey
	}{
		{"the value was taken", "cannot be used", func(w *world, _ models.Plan) {
			_, err := w.ImportKeys(w.t.Context(), storetest.Actor(w.stranger()), models.NewImport{}, []models.KeyImport{line(2, models.KeyImport{Name: "x", Value: value(7)})}, w.later())
			ok(w.t, err)
		}, nil},
		{"the plan was retired", "retired", func(w *world, p models.Plan) {
			ok(w.t, w.RetirePlan(w.t.Context(), w.asOwner(), p.ID, w.later()))
		}, nil},
		{"the key was revoked", "revoked", func(w *world, _ models.Plan) {
			ok(w.t, w.RevokeKey(w.t.Context(), w.asOwner(), w.export(false)[0].ID, w.later()))
		}, func(w *world, _ models.Plan) models.PlannedKey {
			return models.PlannedKey{KeyImport: line(9, models.KeyImport{ID: w.customerKey("gone").ID, Name: "renamed", Enabled: true}), Outcome: models.LineUpdated}
		}},
		{"a plan opens another's stage", "one plan per stage", func(w *world, p models.Plan) {
			terms := p.InForce
			terms.Stages = append(terms.Stages[:1:1], models.PlanStage{StageID: models.StageID(count(w.t, w.Store, `SELECT id FROM stages WHERE name = 'beta'`))})
			_, err := w.SaveDraft(w.t.Context(), w.asOwner(), p.ID, "", terms, w.later())
			ok(w.t, err)
			_, err = w.PublishPlan(w.t.Context(), w.asOwner(), p.ID, w.later())
			ok(w.t, err)
		}, func(w *world, p models.Plan) models.PlannedKey {
			other := w.plan("Other", w.stage("beta"))
			row := newKeys(7, 1, p.ID, other.ID)[0]
			return row
		}},
	} {
		for _, skipBad := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, " skip ", skipBad), func(t *testing.T) {
				w := newWorld(t)
				p := w.plan("Free", w.stage("prod"))
				rows := newKeys(0, 2)
				if c.row != nil {
					rows = append(rows, c.row(w, p))
				} else {
					rows = append(rows, newKeys(7, 1, p.ID)...)
				}
				i := w.begin(rows, skipBad)
				ok(t, i.write(rows[:1], false))
				before := w.keysThere()
				c.turn(w, p)
				there := w.keysThere()
				err := i.write(rows[1:], true)
				wantR1(t, w.Store)
				if !skipBad {
					wantKind(t, "all or nothing", err, models.KindInvalid)
					if !strings.Contains(err.Error(), c.reason) {
						t.Errorf("got %v", err)
					}
					ok(t, w.FailImport(t.Context(), i.id, models.ImportFailed, err.Error(), w.later()))
					i.undo()
					if n := w.keysThere(); n != there || n < before {
						t.Errorf("%d keys are there, want %d", n, there)
					}
					return
				}
				ok(t, err)
				lines, err := w.ImportLines(t.Context(), i.id, 0)
				if err != nil || len(lines) != 1 || lines[0].Line != rows[2].Line || lines[0].Outcome != models.LineBad || !strings.Contains(lines[0].Message, c.reason) {
					t.Errorf("got %+v, %v", lines, err)
				}
				if got := i.now().Counts; got.Created != 2 || got.Bad != 1 || got.Updated != 0 {
					t.Errorf("got %+v", got)
				}
				if n := w.keysThere(); n != there+2 {
					t.Errorf("%d keys, want %d", n, there+2)
				}
			})
		}
	}
}

// Imports with the same values, and everything else that touches R1, at once: each value has one key, each key one plan a stage, and every import is whole or gone.
func TestImportsRaceWithEachOtherAndWithPlans(t *testing.T) {
	w := newWorld(t)
	prod, beta := w.stage("prod"), w.stage("beta")
	one, two := w.plan("One", prod), w.plan("Two", beta)
	const imports, lines, batch = 3, 60, 7
	var group sync.WaitGroup
	var all [imports]*importing
	for n := range imports {
		rows := newKeys(n*20, lines, one.ID, two.ID) // each shares lines with the one before
		for k := range rows {
			rows[k].NewID += models.KeyID(n + 1)
		}
		all[n] = w.begin(rows, n == 1)
		now := w.later()
		group.Go(func() {
			i := all[n]
			for at := 0; at < lines; at += batch {
				end := min(lines, at+batch)
				if _, err := w.WriteImport(t.Context(), i.id, int64(at), rows[at:end], end == lines, now); err != nil {
					if models.KindOf(err) != models.KindInvalid {
						t.Errorf("import %d: %v", n, err)
					}
					ok(t, w.FailImport(t.Context(), i.id, models.ImportFailed, "conflict", now))
					for more := true; more; {
						if more, err = w.UndoImport(t.Context(), i.id, now); err != nil {
							t.Error(err)
						}
					}
					return
				}
			}
		})
	}
	now := w.later()
	group.Go(func() {
		for n := range 12 { // opens and closes a stage that the lines' other plan opens
			terms := one.InForce
			if n%2 == 0 {
				terms.Stages = append(terms.Stages[:1:1], models.PlanStage{StageID: beta.ID})
			}
			_, err := w.SaveDraft(t.Context(), w.asOwner(), one.ID, "", terms, now)
			if err == nil {
				_, err = w.PublishPlan(t.Context(), w.asOwner(), one.ID, now)
			}
			if err != nil && models.KindOf(err) != models.KindConflict {
				t.Error(err)
			}
		}
	})
	group.Wait()
	wantR1(t, w.Store)
	want := 0
	for n, i := range all {
		got := i.now()
		made := count(t, w.Store, `SELECT count(*) FROM keys WHERE import_id = ?`, i.id)
		if got.State == models.ImportFailed && made != 0 || got.Live && int64(made) != got.Counts.Created || !got.Live && got.State != models.ImportFailed {
			t.Errorf("import %d: %d keys, %+v", n, made, got)
		}
		want += made
	}
	if n := w.keysThere(); n != min(want, 200) {
		t.Errorf("%d keys are there, the imports made %d", n, want)
	}
}

// R9, and the limits of an owner.
func TestAnImportIsItsOwnersAlone(t *testing.T) {
	w := newWorld(t)
	stranger := storetest.Actor(w.stranger())
	rows := newKeys(0, 2)
	i := w.begin(rows, false)
	_, err := w.Import(t.Context(), stranger.AccountID, i.id)
	wantKind(t, "reading", err, models.KindNotFound)
	wantKind(t, "starting", w.StartImport(t.Context(), stranger, i.id, true, w.later()), models.KindNotFound)
	wantKind(t, "cancelling", w.CancelImport(t.Context(), stranger, i.id, w.later()), models.KindNotFound)
	list, err := w.Imports(t.Context(), stranger.AccountID, models.Page{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("got %+v, %v", list, err)
	}
	if list, err = w.Imports(t.Context(), w.owner.ID, models.Page{}); err != nil || len(list.Items) != 1 || list.Items[0].File != "keys.csv" || list.Items[0].Read[1] != "Key" {
		t.Errorf("got %+v, %v", list, err)
	}
	for range models.MaxOpenImports - 1 {
		w.begin(rows, false)
	}
	err = w.BeginImport(t.Context(), w.asOwner(), models.NewImport{ID: 1}, w.later())
	wantKind(t, "one too many", err, models.KindConflict)
	ok(t, w.SetAccountDisabled(t.Context(), storetest.Actor(storetest.Admin(t, w.Store)), w.owner.ID, true, w.later()))
	wantKind(t, "a batch of somebody who was disabled", i.write(rows, true), models.KindDenied)
	ok(t, w.FailImport(t.Context(), i.id, models.ImportFailed, "disabled", w.later()))
	i.undo() // needs no rights of his
}

func TestAnImportIsStartedOnlyWhenItsLinesAllowIt(t *testing.T) {
	checked := func(c models.ImportCounts) models.Import {
		return models.Import{State: models.ImportChecked, Counts: c}
	}
	for _, c := range []struct {
		name    string
		i       models.Import
		skipBad bool
		ok      bool
	}{
		{"good", checked(models.ImportCounts{Created: 1}), false, true}, {"bad lines", checked(models.ImportCounts{Created: 1, Bad: 1}), false, false},
		{"bad lines left out", checked(models.ImportCounts{Created: 1, Bad: 1}), true, true}, {"only bad lines", checked(models.ImportCounts{Bad: 1}), true, false},
		{"nothing to do", checked(models.ImportCounts{Unchanged: 3}), false, false}, {"not checked", models.Import{State: models.ImportChecking, Counts: models.ImportCounts{Created: 1}}, false, false},
		{"done", models.Import{State: models.ImportDone, Counts: models.ImportCounts{Created: 1}}, false, false},
	} {
		if err := c.i.CheckStart(c.skipBad); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// R10: nothing of a file is in clear in the database, and so neither in a backup.
func TestAnImportLeavesNoValueInTheDatabase(t *testing.T) {
	var path string
	w := newWorld(t, func(c *store.Config) { path = c.Path })
	rows := newKeys(0, 10)
	i := w.begin(rows, false)
	ok(t, i.write(rows[:5], false))
	ok(t, store.Writer(w.Store).Exec(`PRAGMA wal_checkpoint(TRUNCATE)`).Error)
	if data, err := os.ReadFile(path); err != nil || bytes.Contains(data, []byte("customer-value-")) {
		t.Errorf("a value is in clear in the file, or %v", err)
	}
	var e *models.Error
	rows[5].Value = "short"
	if err := i.write(rows[5:], true); !errors.As(err, &e) || strings.Contains(err.Error(), "short\"") {
		t.Errorf("got %v", err)
	}
}
