package store

import (
	"context"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file lends the package's tests what no other package may have.

// Writer returns the handle that writes.
func Writer(s *Store) *gorm.DB { return s.write }

// Reader returns the handle that only reads.
func Reader(s *Store) *gorm.DB { return s.read }

// Change appends entries to the change log as use cases do.
func Change(ctx context.Context, s *Store, now time.Time, kind models.ChangeKind, ids ...int64) error {
	return s.change(ctx, models.CommandLine(), now, func(t *tx) error { return t.changed(kind, ids...) })
}

// OpenAlone opens a file as commands beside a server do: without a log.
func OpenAlone(path string) (*gorm.DB, error) { return openHandle(Config{Path: path}, toOwn, 1) }

// SetAtOnce says how many rows of keys one transaction writes.
func SetAtOnce(s *Store, n int) { s.atOnce = n }

// Statement is a query with its values.
type Statement struct {
	SQL  string
	Vars []any
}

// Record returns the queries that fn makes through the reading handle.
func Record(t testing.TB, s *Store, fn func()) []Statement {
	t.Helper()
	var mu sync.Mutex
	var seen []Statement
	note := func(db *gorm.DB) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, Statement{SQL: db.Statement.SQL.String(), Vars: append([]any(nil), db.Statement.Vars...)})
	}
	query, row := s.read.Callback().Query(), s.read.Callback().Row()
	if err := firstError(query.After("gorm:query").Register("record", note), row.After("gorm:row").Register("record", note)); err != nil {
		t.Fatal(err)
	}
	fn()
	if err := firstError(query.Remove("record"), row.Remove("record")); err != nil {
		t.Fatal(err)
	}
	return seen
}

// Credential returns one key as the gateway gets it.
func (s *Store) Credential(ctx context.Context, id models.KeyID) (c models.Credential, err error) {
	err = s.CredentialsOf(ctx, []models.KeyID{id}, func(found models.Credential) error { c = found; return nil })
	if err == nil && c.KeyID == 0 {
		err = models.NotFound("key")
	}
	return c, err
}

// CopySlowly behaves as a copy of the file at path whose statement takes a minute.
func CopySlowly(ctx context.Context, path string) error {
	db, err := openHandle(Config{Path: path}, toRead, 1)
	if err != nil {
		return err
	}
	db.Logger.Trace(ctx, time.Now().Add(-time.Minute), func() (string, int64) { return "VACUUM INTO ?", 0 }, nil)
	return closeHandle(db)
}

// StopAdding has the next large batch of usage end as a kill would, when so many of its parts are in the tables.
func StopAdding(s *Store, parts int) { s.stopAdding = func(part int) bool { return part == parts } }
