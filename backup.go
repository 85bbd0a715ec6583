package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gatehouse/models/store"
)

// notInBackup is what a backup does not hold, for people.
const notInBackup = "Not in it: the keyring (%s), without which no key of the backup works: keep a copy of it elsewhere. Nor the journal, receipts, recordings and the request log, files of imports under way, sessions and unused links."

// backupView is a backup as --json prints it.
type backupView struct {
	File     string    `json:"file"`
	At       time.Time `json:"at"`
	Bytes    int64     `json:"bytes"`
	Schema   int64     `json:"schema"`
	Version  string    `json:"version"`
	Keyring  string    `json:"keyring"` // its name
	Accounts int64     `json:"accounts"`
	APIs     int64     `json:"apis"`
	Plans    int64     `json:"plans"`
	Keys     int64     `json:"keys"`
}

func viewOfBackup(path string, size int64, f store.File) backupView {
	v := backupView{File: path, Bytes: size, Schema: f.Schema, Keyring: f.Keyring, Accounts: f.Accounts, APIs: f.APIs, Plans: f.Plans, Keys: f.Keys}
	if f.Backup != nil {
		v.At, v.Version = f.Backup.At, f.Backup.Version
	}
	return v
}

func (v backupView) holds() string {
	return fmt.Sprintf("%s, %s, %s, %s and their usage", counted(v.Accounts, "account"), counted(v.APIs, "API"), counted(v.Plans, "plan"), counted(v.Keys, "key"))
}

// counted is "1 key", "2 keys".
func counted(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// backup writes the database to one file, beside a running server.
func backup(ctx context.Context, p program, args []string) error {
	var c config
	force := false
	set := p.flagSet("backup")
	c.dataFlags(set)
	set.BoolVar(&c.json, "json", false, "print one JSON object")
	set.BoolVar(&force, "force", false, "replace FILE if it is an older backup")
	to, err := p.parseFile(set, args)
	if err != nil {
		return err
	}
	c.finish()
	database := filepath.Join(c.data, databaseFile)
	if _, err := os.Stat(database); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database in %s: name the folder that serve uses with --data", c.data)
	}
	if err := mayReplace(to, force, database, c.keyring); err != nil {
		return err
	}
	size, err := sizeOf(database, database+"-wal")
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := enoughSpace(filepath.Dir(to), size, "for the backup"); err != nil {
		return err
	}
	view, err := writeBackup(ctx, database, to)
	if err != nil {
		return err
	}
	return p.print(c.json, view, "Wrote %s: %s, schema %d, checked. It holds %s, as of %s.\n"+notInBackup,
		to, megabytes(view.Bytes), view.Schema, view.holds(), view.At.Format(time.DateTime+" MST"), c.keyring)
}

// writeBackup makes the file under another name first: under its own it is whole.
func writeBackup(ctx context.Context, database, to string) (backupView, error) {
	unfinished := fmt.Sprintf("%s.unfinished-%d", to, os.Getpid())
	file, err := store.Backup(ctx, database, unfinished, store.Mark{At: time.Now().UTC().Truncate(time.Millisecond), Version: release})
	if err != nil {
		return backupView{}, err
	}
	size, err := sizeOf(unfinished)
	if err == nil {
		err = os.Rename(unfinished, to)
	}
	if err != nil {
		return backupView{}, errors.Join(fmt.Errorf("finish the backup: %w", err), os.Remove(unfinished))
	}
	return viewOfBackup(to, size, file), syncFolder(filepath.Dir(to))
}

// mayReplace refuses to write over anything; force lets it write over a database, but never over one of the files that are in use.
func mayReplace(path string, force bool, inUse ...string) error {
	there, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look for %s: %w", path, err)
	case !there.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	}
	for _, name := range inUse {
		if other, err := os.Stat(name); err == nil && os.SameFile(there, other) {
			return fmt.Errorf("%s is in use: name another file", path)
		}
	}
	if !force {
		return fmt.Errorf("%s is there already: name another file, or replace it with --force", path)
	}
	if !isDatabase(path) {
		return fmt.Errorf("%s is not an older backup: it will not be replaced", path)
	}
	return nil
}

// isDatabase reports whether a file begins as SQLite's do.
func isDatabase(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 16)
	_, err = io.ReadFull(f, head)
	return err == nil && bytes.Equal(head, []byte("SQLite format 3\x00"))
}

// syncFolder makes sure that the names in a folder are on the disk.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
