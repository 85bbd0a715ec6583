package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

func value(n int) string { return fmt.Sprintf("customer-value-%06d", n) }

// line is a row of a file with all optional cells.
func line(n int, k models.KeyImport) models.KeyImport {
	k.Line, k.Given = n, models.KeyCells{Description: true, CustomerID: true, Enabled: true, ExpiresAt: true}
	return k
}

func (w *world) export(withValues bool) (rows []models.KeyExport) {
	w.t.Helper()
	ok(w.t, w.ExportKeys(w.t.Context(), w.asOwner(), withValues, w.later(), func(k models.KeyExport) error {
		rows = append(rows, k)
		return nil
	}))
	return rows
}

func TestImportedKeysWorkAndCanBeExportedAgain(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	changes := count(t, w.Store, `SELECT count(*) FROM changes WHERE kind = 'key'`)
	report, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{
		line(2, models.KeyImport{Name: "Acme", Value: value(1), Enabled: true, CustomerID: "c-1", Plans: []models.PlanID{p.ID}, ExpiresAt: w.now.AddDate(1, 0, 0)}),
		line(3, models.KeyImport{Name: "Off", Value: value(2), Description: "two\nlines"}),
	}, w.later())
	ok(t, err)
	w.wantEvent("key.import", "", w.owner.ID)
	if n := count(t, w.Store, `SELECT count(*) FROM changes WHERE kind = 'key'`) - changes; n != 2 {
		t.Errorf("the gateway was told of %d keys", n)
	}
	if report != (models.ImportCounts{Created: 2}) {
		t.Errorf("got %+v", report)
	}
	rows := w.export(true)
	w.wantEvent("key.export", "", w.owner.ID)
	byName := map[string]models.KeyExport{}
	for _, k := range rows {
		byName[k.Name] = k
	}
	acme, off := byName["Acme"], byName["Off"]
	if acme.Value != value(1) || !acme.Sealed || !acme.Enabled || acme.CustomerID != "c-1" || acme.ExpiresAt.IsZero() || len(acme.Memberships) != 1 || acme.Hint != "cust…0001" {
		t.Errorf("got %+v", acme)
	}
	if off.Value != value(2) || off.Enabled || off.Description != "two\nlines" {
		t.Errorf("got %+v", off)
	}
	if w.state(acme.ID, p.ID) != models.MemberActive {
		t.Error("the key is not on its plan")
	}
	for _, k := range w.export(false) {
		if k.Value != "" {
			t.Error("a value was exported without being asked for")
		}
	}
	wantR1(t, w.Store)
}

// What was exported imports as it was, and changes nothing: also keys that are revoked, blocked, a developer's or made here.
func TestAnExportImportsAsNoChange(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	made := w.subscribe(p, "App")
	blocked := w.subscribe(p, "=Blocked")
	ok(t, w.SetKeyEnabled(t.Context(), w.asOwner(), blocked.Key.ID, false, w.later()))
	w.customerKey("Generated", p)
	gone := w.customerKey("Revoked", p)
	ok(t, w.RevokeKey(t.Context(), w.asOwner(), gone.ID, w.later()))
	_, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{line(2, models.KeyImport{Name: "Imported", Value: value(1), Enabled: true, Plans: []models.PlanID{p.ID}})}, w.later())
	ok(t, err)
	var file strings.Builder
	ok(t, models.WriteKeyCSV(&file, func(fn func(models.KeyExport) error) error {
		return w.ExportKeys(t.Context(), w.asOwner(), true, w.later(), fn)
	}))
	rows, err := models.ParseKeyCSV(strings.NewReader(file.String()), w.now)
	ok(t, err)
	if len(rows) != 5 {
		t.Fatalf("%d rows of 5 keys:\n%s", len(rows), file.String())
	}
	w.wantChange("", 0, func() {
		report, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, rows, w.later())
		if err != nil || report != (models.ImportCounts{Unchanged: 5}) {
			t.Errorf("got %+v, %v", report, err)
		}
	})
	for i := range rows {
		rows[i].Enabled = !rows[i].Enabled
		if rows[i].ID == gone.ID {
			rows[i].Enabled = !rows[i].Enabled
		}
	}
	report, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, rows, w.later())
	if err != nil || report.Updated != 4 {
		t.Errorf("got %+v, %v", report, err)
	}
	if a, b := w.state(made.Key.ID, p.ID), w.state(blocked.Key.ID, p.ID); a != models.MemberBlocked || b != models.MemberActive {
		t.Errorf("the developer's keys are %s and %s", a, b)
	}
}

// AWS overwrites: the same value again changes the key that has it. Plans that a line does not name are left alone.
func TestTheSameValueAgainChangesItsKey(t *testing.T) {
	w := newWorld(t)
	one, two := w.plan("One", w.stage("prod")), w.plan("Two", w.stage("beta"))
	first := []models.KeyImport{line(2, models.KeyImport{Name: "Acme", Value: value(1), Enabled: false, CustomerID: "c-1", Plans: []models.PlanID{one.ID}})}
	_, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, first, w.later())
	ok(t, err)
	id := w.export(false)[0].ID
	report, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "Renamed", Value: value(1), Enabled: true}}, w.later())
	if err != nil || report != (models.ImportCounts{Updated: 1}) {
		t.Errorf("got %+v, %v", report, err)
	}
	k, err := w.OwnKey(t.Context(), w.owner.ID, id)
	ok(t, err)
	if k.Name != "Renamed" || k.Enabled || k.CustomerID != "c-1" || w.state(id, one.ID) == "" {
		t.Errorf("cells that were not given changed: %+v", k.KeyRow)
	}
	_, err = w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "Renamed", ID: id, Plans: []models.PlanID{two.ID}}}, w.later())
	ok(t, err)
	if w.state(id, one.ID) != "" || w.state(id, two.ID) != models.MemberActive {
		t.Error("the key is not on the plans that its line names")
	}
	wantR1(t, w.Store)
}

// All or nothing: one bad line leaves nothing behind, and the error names it without repeating a value or telling whose it is (R2).
func TestABadLineLeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	one, two, draft := w.plan("One", prod), w.plan("Two", prod), w.draft(termsOf("Draft", prod))
	foreign := w.foreignPlan()
	stranger := w.stranger()
	_, err := w.ImportKeys(t.Context(), storetest.Actor(stranger), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "x", Value: value(1), Enabled: true}}, w.later())
	ok(t, err)
	_, err = w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "x", Value: value(2), Enabled: true}}, w.later())
	ok(t, err)
	mine := w.export(false)[0].ID
	var strangers models.KeyID
	ok(t, w.ExportKeys(t.Context(), storetest.Actor(stranger), false, w.now, func(k models.KeyExport) error { strangers = k.ID; return nil }))
	revoked := w.customerKey("revoked")
	ok(t, w.RevokeKey(t.Context(), w.asOwner(), revoked.ID, w.later()))
	plans := func(p ...models.Plan) (ids []models.PlanID) {
		for _, p := range p {
			ids = append(ids, p.ID)
		}
		return ids
	}
	for _, c := range []struct {
		name, reason string
		row          models.KeyImport
	}{
		{"somebody's value", "cannot be used", models.KeyImport{Name: "x", Value: value(1)}},
		{"somebody's key", "no such key", models.KeyImport{Name: "x", ID: strangers}},
		{"nobody's key", "no such key", models.KeyImport{Name: "x", ID: 5}},
		{"another value", "Rotate", models.KeyImport{Name: "x", ID: mine, Value: value(3)}},
		{"a short value", "20", models.KeyImport{Name: "x", Value: "short"}},
		{"our prefix", "gwk1", models.KeyImport{Name: "x", Value: "gwk1" + value(3)}},
		{"no name", "name", models.KeyImport{Value: value(3)}},
		{"a foreign plan", "no plan", models.KeyImport{Name: "x", Value: value(3), Plans: plans(foreign)}},
		{"a draft", "draft", models.KeyImport{Name: "x", Value: value(3), Plans: plans(draft)}},
		{"two plans for a stage", "one plan per stage", models.KeyImport{Name: "x", Value: value(3), Plans: plans(one, two)}},
		{"a past expiry", "future", models.KeyImport{Name: "x", Value: value(3), ExpiresAt: w.now.AddDate(-1, 0, 0)}},
		{"the line before it again", "cannot be used", models.KeyImport{Name: "x", Value: value(9)}},
		{"a revoked key", "revoked", models.KeyImport{Name: "other", ID: revoked.ID}},
	} {
		before := count(t, w.Store, `SELECT count(*) FROM keys`) + count(t, w.Store, `SELECT count(*) FROM events`)
		c.row.Line = 3
		_, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "good", Value: value(9), Enabled: true}, c.row}, w.later())
		var e *models.Error
		if !errors.As(err, &e) || e.Kind != models.KindInvalid || len(e.Fields) != 1 || !strings.Contains(e.Fields["line 3"], c.reason) {
			t.Errorf("%s: got %v", c.name, err)
		}
		if err != nil && c.row.Value != "" && strings.Contains(err.Error(), c.row.Value) {
			t.Errorf("%s: the error repeats the value", c.name)
		}
		if before != count(t, w.Store, `SELECT count(*) FROM keys`)+count(t, w.Store, `SELECT count(*) FROM events`) {
			t.Errorf("%s: something stayed", c.name)
		}
	}
	_, err = w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "a", ID: mine}, {Line: 3, Name: "b", Value: value(2)}}, w.later())
	wantField(t, "one key by id and by value", err, "line 3")
}

// R2 by the database: a value that was rotated away, stopped or revoked is never free again.
func TestAValueIsUnique(t *testing.T) {
	w := newWorld(t)
	_, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "x", Value: value(1), Enabled: true}}, w.later())
	ok(t, err)
	id := w.export(false)[0].ID
	_, _, err = w.RotateKey(t.Context(), w.asOwner(), id, models.Rotation{Overlap: models.OverlapDay}, w.later())
	ok(t, err)
	again := func() error {
		_, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "y", Value: value(1), Enabled: true}}, w.later())
		return err
	}
	wantField(t, "the value that was rotated", again(), "line 2")
	ok(t, w.StopOldValue(t.Context(), w.asOwner(), id, w.later()))
	wantField(t, "the value that was stopped", again(), "line 2")
	_, _, err = w.RotateKey(t.Context(), w.asOwner(), id, models.Rotation{Overlap: models.OverlapNone}, w.later())
	ok(t, err)
	wantField(t, "the value from before two rotations", again(), "line 2")
	ok(t, w.RevokeKey(t.Context(), w.asOwner(), id, w.later()))
	wantField(t, "the value of a revoked key", again(), "line 2")
	if rows := w.export(true); rows[0].Value != "" {
		t.Error("the generated value of an imported key was exported")
	}
}

// R8: each key of a large file works on the next request.
func TestTheGatewayIsToldOfEachImportedKey(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	rows := make([]models.KeyImport, 300)
	for i := range rows {
		rows[i] = line(i+2, models.KeyImport{Name: fmt.Sprint("k", i), Value: value(i), Enabled: true, Plans: []models.PlanID{p.ID}})
	}
	_, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, rows, w.later())
	ok(t, err)
	if n := count(t, w.Store, `SELECT count(DISTINCT c.id) FROM changes c JOIN plan_keys p ON p.key_id = c.id WHERE c.kind = 'key'`); n != 300 {
		t.Errorf("the gateway is told of %d keys", n)
	}
	if got := w.export(true); len(got) != 300 || got[299].Value == "" {
		t.Errorf("%d keys are exported", len(got))
	}
	wantR1(t, w.Store)
}

// A sealed value belongs to its row: who can write the database cannot have another key's value shown.
func TestASealedValueCannotBeMoved(t *testing.T) {
	w := newWorld(t)
	_, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "a", Value: value(1), Enabled: true}, {Line: 3, Name: "b", Value: value(2), Enabled: true}}, w.later())
	ok(t, err)
	ok(t, store.Writer(w.Store).Exec(`UPDATE key_secrets SET sealed = (SELECT sealed FROM key_secrets WHERE last4 = '0001')`).Error)
	err = w.ExportKeys(t.Context(), w.asOwner(), true, w.later(), func(models.KeyExport) error { return nil })
	if err == nil || models.KindOf(err) != models.KindNone {
		t.Errorf("got %v", err)
	}
}

func TestExportStopsWhenItsReaderDoes(t *testing.T) {
	w := newWorld(t)
	w.customerKey("a")
	gone := errors.New("the reader went away")
	if err := w.ExportKeys(t.Context(), w.asOwner(), false, w.later(), func(models.KeyExport) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(1, count(t, w.Store, `SELECT count(*) FROM events WHERE action = 'key.export'`)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
