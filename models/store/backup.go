package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gorm.io/gorm"
)

// settingBackup is the row that makes a database a backup. Open refuses one: what was in hand when it was made must not be handed out again, which
// Restore sees to.
const settingBackup = "backup"

// Mark is what a backup says of its making.
type Mark struct {
	At      time.Time `json:"at"`      // the moment that it shows
	Version string    `json:"version"` // of the program that made it
}

// File is what a database file says of itself.
type File struct {
	Schema  int64  // the newest migration that it has
	Known   int64  // the newest that this program knows
	Keyring string // the name of the keyring that it was made with; empty: none yet
	Backup  *Mark  // nil: it is no backup

	Accounts, APIs, Plans, Keys int64
}

// Backup writes a copy of the database at path, as of one moment, to a new file: one piece, mode 0600, checked and on the disk when Backup returns. Nobody
// waits for it: it reads beside those who write. Sessions, one-time links and one-time secrets are left out, and what is sealed stays so.
func Backup(ctx context.Context, path, to string, mark Mark) (File, error) {
	file, err := backup(ctx, path, to, mark)
	if err != nil {
		return File{}, errors.Join(fmt.Errorf("back up %s: %w", path, err), removeFile(to))
	}
	return file, nil
}

func backup(ctx context.Context, path, to string, mark Mark) (file File, err error) {
	if err := copyTo(ctx, path, to); err != nil {
		return File{}, err
	}
	err = edit(ctx, to, func(db *gorm.DB) error {
		if file, err = inspect(ctx, db); err != nil {
			return err
		}
		if err := endAccess(db); err != nil {
			return err
		}
		text, err := json.Marshal(mark)
		if err != nil {
			return err
		}
		file.Backup = &mark
		if err := db.Exec(`INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)`, settingBackup, string(text)).Error; err != nil {
			return fmt.Errorf("mark the backup: %w", err)
		}
		return soundness(ctx, db)
	})
	if err != nil {
		return File{}, err
	}
	return file, syncFolder(filepath.Dir(to))
}

// copyTo copies a database, as of one moment, to a new file that its owner alone can read. Pages that are not in use are left out.
func copyTo(ctx context.Context, path, to string) (err error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	db, err := openHandle(Config{Path: path}, toWrite, 1) // it reads only, but on a handle for reading SQLite refuses to write anything anywhere
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeHandle(db)) }()
	if err := db.WithContext(ctx).Exec(`VACUUM INTO ?`, to).Error; err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	return nil
}

// edit changes a database file that nobody else has open; it is one file, and on the disk, when edit returns. What is deleted is overwritten.
func edit(ctx context.Context, path string, fn func(*gorm.DB) error) error {
	db, err := openHandle(Config{Path: path}, toOwn, 1)
	if err != nil {
		return err
	}
	err = db.WithContext(ctx).Exec(`PRAGMA secure_delete = ON`).Error
	if err == nil {
		err = fn(db.WithContext(ctx))
	}
	if err := errors.Join(err, closeHandle(db)); err != nil {
		return err
	}
	return syncFile(path)
}

// endAccess forgets everything that lets somebody in without a password: sessions, the secrets that wait in them, links that were not used. What was still to
// be told is forgotten, too: by the time the backup is restored it was.
func endAccess(db *gorm.DB) error {
	for _, statement := range []string{`DELETE FROM secret_slots`, `DELETE FROM sessions`, `DELETE FROM links WHERE used_at IS NULL`} {
		if err := db.Exec(statement).Error; err != nil {
			return fmt.Errorf("end sessions and links: %w", err)
		}
	}
	var tells bool // a backup that was kept before a migration knows of no messages
	if err := db.Raw(`SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'messages')`).Scan(&tells).Error; err != nil || !tells {
		return err
	}
	if err := db.Exec(`DELETE FROM messages WHERE due_at IS NOT NULL`).Error; err != nil {
		return fmt.Errorf("forget messages that wait: %w", err)
	}
	return nil
}

// Inspect reads what the database at path says of itself, and changes nothing. Its error is ErrForeign when it is not Gatehouse's, and a *SchemaError
// when a newer Gatehouse wrote it.
func Inspect(ctx context.Context, path string) (file File, err error) {
	db, err := openHandle(Config{Path: path}, toRead, 1)
	if err != nil {
		return File{}, err
	}
	defer func() { err = errors.Join(err, closeHandle(db)) }()
	return inspect(ctx, db)
}

// ErrForeign says that a file is no database of Gatehouse.
var ErrForeign = errors.New("it is not a database of Gatehouse")

func inspect(ctx context.Context, db *gorm.DB) (file File, err error) {
	pool, provider, err := migrationsOf(db)
	if err != nil {
		return File{}, err
	}
	if file.Schema, err = schemaOf(ctx, pool); err != nil {
		return File{}, fmt.Errorf("%w (%w)", ErrForeign, err)
	}
	file.Known = newest(provider)
	switch {
	case file.Schema == 0:
		return File{}, ErrForeign
	case file.Schema > file.Known: // its tables may be others
		return File{}, &SchemaError{Have: file.Schema, Known: file.Known}
	}
	if err := readSettingsOf(db.WithContext(ctx), &file); err != nil {
		return File{}, err
	}
	err = db.WithContext(ctx).Raw(`SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM apis) AS apis,
		(SELECT count(*) FROM plans) AS plans, (SELECT count(*) FROM keys WHERE revoked_at IS NULL) AS keys`).Row().
		Scan(&file.Accounts, &file.APIs, &file.Plans, &file.Keys)
	if err != nil {
		return File{}, fmt.Errorf("count what is in the database: %w", err)
	}
	return file, nil
}

func readSettingsOf(db *gorm.DB, file *File) error {
	var rows []struct{ Name, Value string }
	if err := db.Raw(`SELECT name, value FROM settings WHERE name IN ('keyring', ?)`, settingBackup).Scan(&rows).Error; err != nil {
		return fmt.Errorf("%w (read settings: %w)", ErrForeign, err)
	}
	for _, r := range rows {
		if r.Name == settingBackup {
			file.Backup = &Mark{}
			if err := json.Unmarshal([]byte(r.Value), file.Backup); err != nil {
				return fmt.Errorf("read the backup's mark: %w", err)
			}
			continue
		}
		file.Keyring = r.Value
	}
	return nil
}

func refuseBackup(db *gorm.DB) error {
	var file File
	if err := readSettingsOf(db, &file); err != nil || file.Backup == nil {
		return err
	}
	return fmt.Errorf("this is the backup of %s, which was copied into place: give it to `gatehouse restore` instead", file.Backup.At.Format(time.DateTime+" MST"))
}
