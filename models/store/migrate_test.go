package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"gatehouse/migrations"
	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// firstSchema makes a database as the first version of Gatehouse left it, with data, and returns the number of rows of each table.
func firstSchema(t *testing.T, path string) map[string]int {
	t.Helper()
	pool, err := sql.Open(storetest.Driver(), "file:"+path)
	ok(t, err)
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	files, err := fs.Sub(migrations.SQLite, "sqlite")
	ok(t, err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, pool, files)
	ok(t, err)
	_, err = provider.UpTo(t.Context(), 1)
	ok(t, err)
	data, err := os.ReadFile("testdata/schema-1.sql")
	ok(t, err)
	_, err = pool.ExecContext(t.Context(), "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = OFF;"+string(data))
	ok(t, err)
	return countRows(t, pool)
}

func countRows(t *testing.T, pool *sql.DB) map[string]int {
	t.Helper()
	rows, err := pool.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'`)
	ok(t, err)
	counts := map[string]int{}
	for rows.Next() {
		var name string
		ok(t, rows.Scan(&name))
		counts[name] = 0
	}
	ok(t, rows.Err())
	for name := range counts {
		var n int
		ok(t, pool.QueryRowContext(t.Context(), "SELECT count(*) FROM "+name).Scan(&n))
		counts[name] = n
	}
	return counts
}

// Whoever upgrades must find everything that was there, and be able to go back.
func TestMigratingKeepsEveryRowAndTheFileAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	want := firstSchema(t, path)
	before, err := os.ReadFile(path)
	ok(t, err)
	config := store.Config{Path: path, Keyring: secret.NewKeyring()}

	var schema *store.SchemaError
	if _, err := store.Open(t.Context(), config); !errors.As(err, &schema) || schema.Have != 1 || schema.Newer() {
		t.Fatalf("opening what must be migrated: %v", err)
	}
	keep := path + ".before"
	ok(t, store.Migrate(t.Context(), path, keep))
	kept, err := os.ReadFile(keep)
	ok(t, err)
	if !bytes.Equal(kept, before) {
		t.Error("the file that was kept is another")
	}
	s, err := store.Open(t.Context(), config)
	ok(t, err)
	defer s.Close()
	ok(t, s.Check(t.Context()))
	pool, err := store.Writer(s).DB()
	ok(t, err)
	got := countRows(t, pool)
	for table := range got {
		if _, was := want[table]; !was {
			delete(got, table)
		}
	}
	for _, table := range []string{"usage_minutes", "usage_half_hours", "usage_days"} {
		want[table] *= 2 // all of it is what a customer's key called, and is kept by customer, too
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows by table (-before +after):\n%s", diff)
	}
	credentials := 0
	ok(t, s.Credentials(t.Context(), func(models.Credential) error { credentials++; return nil }))
	if credentials != want["keys"] {
		t.Errorf("the gateway is told of %d keys, want %d", credentials, want["keys"])
	}
	if left, _ := filepath.Glob(path + ".migrating*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A migration that fails must leave something to go on with.
func TestAFailedMigrationLeavesTheDatabaseAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	firstSchema(t, path)
	spoil(t, path, `INSERT INTO key_stages (key_id, stage_id, plan_id) VALUES (1, 2, 3)`) // refers to nothing, so that the copy is not sound
	before, err := os.ReadFile(path)
	ok(t, err)
	err = store.Migrate(t.Context(), path, path+".before")
	if err == nil || !strings.Contains(err.Error(), "it is as it was") {
		t.Fatalf("error %v", err)
	}
	after, err := os.ReadFile(path)
	ok(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the database was changed")
	}
	if names := entries(t, filepath.Dir(path)); !slices.Equal(names, []string{"gatehouse.db"}) {
		t.Errorf("left in the folder: %v", names)
	}
}

// What another process wrote to the old file after it was copied would be gone.
func TestNothingIsMigratedThatAnotherProcessHasOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	firstSchema(t, path)
	other, err := sql.Open(storetest.Driver(), "file:"+path)
	ok(t, err)
	defer other.Close()
	var n int
	ok(t, other.QueryRowContext(context.Background(), "SELECT count(*) FROM accounts").Scan(&n))
	if err := store.Migrate(t.Context(), path, path+".before"); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(path + ".before"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was kept")
	}
}

func spoil(t *testing.T, path, statement string) {
	t.Helper()
	pool, err := sql.Open(storetest.Driver(), "file:"+path)
	ok(t, err)
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	_, err = pool.ExecContext(t.Context(), "PRAGMA foreign_keys = OFF;"+statement)
	ok(t, err)
}

func entries(t *testing.T, folder string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(folder)
	ok(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
