package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gatehouse/models/secret"
	"gatehouse/models/store"
)

// restoringSuffix names the database that restore is making; it gets its own name last.
const restoringSuffix = ".restoring"

// restoreView is a restored backup as --json prints it.
type restoreView struct {
	backupView
	Buckets int64  `json:"buckets"`            // quotas whose rights were in hand
	Doubt   int64  `json:"doubt"`              // requests that they can not admit any more in their windows
	Aside   string `json:"putAside,omitempty"` // where what was in the folder is now
}

// restore makes the data folder from a backup. What was in it is put aside, with the journal, the receipts, the recordings and the request log, which tell of another history.
func restore(ctx context.Context, p program, args []string) error {
	var c config
	force := false
	set := p.flagSet("restore")
	c.dataFlags(set)
	set.BoolVar(&c.json, "json", false, "print one JSON object")
	set.BoolVar(&force, "force", false, "put a database that is there aside")
	from, err := p.parseFile(set, args)
	if err != nil {
		return err
	}
	c.finish()
	if err := mayRestore(from); err != nil {
		return err
	}
	release, err := lockData(c.data)
	if err != nil {
		return err
	}
	defer release()
	database := filepath.Join(c.data, databaseFile)
	if _, err := os.Stat(database); err == nil && !force {
		return fmt.Errorf("there is a database in %s: name another folder, or put it aside with --force", c.data)
	}
	ring, err := secret.OpenKeyring(c.keyring)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no keyring at %s: put the one there that the backup was made with, or name it with --keyring", c.keyring)
	} else if err != nil {
		return err
	}
	made := database + restoringSuffix
	restored, err := makeDatabase(ctx, from, made, ring)
	if err != nil {
		return errors.Join(fmt.Errorf("restore %s: %w", from, err), removeDatabase(made))
	}
	aside, err := exchangeData(c.data, made, database)
	if err != nil {
		return err
	}
	return printRestored(p, c, from, restored, aside)
}

// mayRestore refuses what cannot be a backup before anything is touched.
func mayRestore(from string) error {
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("look for the backup: %w", err)
	}
	if !isDatabase(from) {
		return fmt.Errorf("%s is not a backup", from)
	}
	if info, err := os.Stat(from + "-wal"); err == nil && info.Size() > 0 {
		return fmt.Errorf("%s is a database in use: restore a backup of it", from)
	}
	return nil
}

// makeDatabase copies the backup and makes a database of the copy.
func makeDatabase(ctx context.Context, from, to string, ring *secret.Keyring) (store.Restored, error) {
	size, err := sizeOf(from)
	if err != nil {
		return store.Restored{}, err
	}
	if err := enoughSpace(filepath.Dir(to), size, "for the database"); err != nil {
		return store.Restored{}, err
	}
	if err := removeDatabase(to); err != nil { // of a restore that was interrupted
		return store.Restored{}, err
	}
	if err := copyFile(from, to); err != nil {
		return store.Restored{}, err
	}
	return store.Restore(ctx, to, ring, time.Now())
}

// removeDatabase deletes a database file and what SQLite keeps beside it.
func removeDatabase(path string) error {
	var problems []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// exchangeData puts the made database in the place of what is in the folder, and returns where that is now; empty: there was nothing.
func exchangeData(folder, made, database string) (aside string, err error) {
	aside = filepath.Join(folder, "before-restore-"+time.Now().UTC().Format(stampForm))
	moved := false
	for _, name := range pastFiles() {
		path := filepath.Join(folder, name)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(aside, 0o700); err != nil {
			return "", fmt.Errorf("put the old data aside: %w", err)
		}
		if err := os.Rename(path, filepath.Join(aside, name)); err != nil {
			return "", fmt.Errorf("put the old data aside: %w (what was moved is in %s)", err, aside)
		}
		moved = true
	}
	if err := os.Rename(made, database); err != nil {
		return "", fmt.Errorf("put the database in place: %w (the old one is in %s)", err, aside)
	}
	if !moved {
		aside = ""
	}
	return aside, syncFolder(folder)
}

// unfinished refuses to make an empty database where a restore was interrupted.
func unfinished(database string, statErr error) error {
	if _, err := os.Stat(database + restoringSuffix); errors.Is(statErr, fs.ErrNotExist) && err == nil {
		return fmt.Errorf("a restore into %s was interrupted: run it again", filepath.Dir(database))
	}
	return nil
}

func printRestored(p program, c config, from string, r store.Restored, aside string) error {
	size, err := sizeOf(from)
	if err != nil {
		return err
	}
	view := restoreView{
		backupView: viewOfBackup(from, size, r.File), Buckets: int64(r.Settlement.Holdings), Doubt: r.Settlement.Doubt, Aside: aside,
	}
	if c.json {
		return p.print(true, view, "")
	}
	of := "made before a migration"
	if !view.At.IsZero() {
		of = "of " + view.At.Format(time.DateTime+" MST")
	}
	fmt.Fprintf(p.stdout, "Restored the backup %s: %s.\n\n", of, view.holds())
	if aside != "" {
		fmt.Fprintf(p.stdout, "What was in %s is in %s now.\n", c.data, aside)
	}
	fmt.Fprintf(p.stdout, `In doubt: at most %s, of %s in use when the backup was made. They cannot be made any more in the windows of then.
What happened after the backup is not in it:
- requests that were admitted since are neither in usage nor in quotas: each quota can admit as many again, once;
- changes are undone: keys that were revoked or rotated since work as before, and so do passwords; look through them before you serve.
Sessions and one-time links have ended: everybody signs in again.
`, counted(view.Doubt, "request"), counted(view.Buckets, "quota"))
	return nil
}
