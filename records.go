package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"gatehouse/models/secret"
	"gatehouse/models/store"
)

// What is in the data folder, beside the keyring.
const (
	databaseFile    = "gatehouse.db"
	journalFolder   = "journal"
	receiptsFile    = "receipts"
	recordingFolder = "recording"
	logFolder       = "log"     // of requests
	importsFolder   = "imports" // files on their way into the records, sealed, and reports of what became of them
)

// pastFiles names all that tells what happened: it belongs to one database, and to no other.
func pastFiles() []string {
	return []string{databaseFile, databaseFile + "-wal", databaseFile + "-shm", journalFolder, receiptsFile, recordingFolder, logFolder, importsFolder}
}

// openRecords opens keyring and database for a command, which may run beside a server. A missing keyring is made only beside a database that holds nothing made
// with one. A database with an older schema is migrated first, unless a server is running on it.
func openRecords(ctx context.Context, c config, log *slog.Logger, changed func(context.Context) error) (*store.Store, *secret.Keyring, error) {
	return openLocked(ctx, c, log, changed, lockData)
}

// alreadyLocked is lockData for who holds the data folder.
func alreadyLocked(string) (release func(), err error) { return func() {}, nil }

// openLocked is openRecords; lock holds the data folder while something is migrated.
func openLocked(ctx context.Context, c config, log *slog.Logger, changed func(context.Context) error, lock func(string) (func(), error), options ...func(*store.Config)) (*store.Store, *secret.Keyring, error) {
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make data folder: %w", err)
	}
	database := filepath.Join(c.data, databaseFile)
	_, statErr := os.Stat(database)
	ring, err := secret.OpenKeyring(c.keyring)
	if errors.Is(err, fs.ErrNotExist) {
		if statErr == nil {
			return nil, nil, fmt.Errorf("the keyring %s is missing, and %s holds what was made with it: put the keyring back, or name it with --keyring", c.keyring, database)
		}
		ring, err = secret.CreateKeyring(c.keyring)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := unfinished(database, statErr); err != nil {
		return nil, nil, err
	}
	if err := ownFile(database); err != nil {
		return nil, nil, err
	}
	settings := store.Config{Path: database, Keyring: ring, Log: log, Changed: changed}
	for _, option := range options {
		option(&settings)
	}
	s, err := store.Open(ctx, settings)
	if older := (*store.SchemaError)(nil); errors.As(err, &older) && !older.Newer() {
		if err := migrateRecords(ctx, c, log, older, lock); err != nil {
			return nil, nil, err
		}
		s, err = store.Open(ctx, settings)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := s.BindKeyring(ctx); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, ring, nil
}

// needDatabase refuses a folder without a database: a mistyped one must not become an empty installation.
func needDatabase(folder string) error {
	if _, err := os.Stat(filepath.Join(folder, databaseFile)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database in %s: name the folder that serve uses with --data", folder)
	}
	return nil
}

// ownFile makes a file that its owner alone can read, unless it is there; SQLite gives the files beside it the same mode.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make database: %w", err)
	}
	return f.Close()
}

// lockData holds the data folder for one server; administrative commands work beside it. The lock ends with the process.
func lockData(folder string) (release func(), err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another Gatehouse is serving %s: stop it first, or use another --data folder", folder)
	}
	return func() { _ = f.Close() }, nil
}

// isServed reports whether a server runs on the data folder.
func isServed(folder string) bool {
	release, err := lockData(folder)
	if err == nil {
		release()
	}
	return err != nil
}
