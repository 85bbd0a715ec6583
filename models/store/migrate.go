package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"gatehouse/migrations"
)

// SchemaError says that a database has another schema than this program.
type SchemaError struct {
	Have, Known int64 // numbers of the newest migrations
}

// Newer reports whether a newer program wrote the database.
func (e *SchemaError) Newer() bool { return e.Have > e.Known }

func (e *SchemaError) Error() string {
	if e.Newer() {
		return fmt.Sprintf("the database has schema %d, this Gatehouse knows up to %d: run the newer version", e.Have, e.Known)
	}
	return fmt.Sprintf("the database has schema %d, this Gatehouse needs %d: it has to be migrated first", e.Have, e.Known)
}

// prepareSchema makes the schema in an empty database, and refuses any other than the newest.
func prepareSchema(ctx context.Context, db *gorm.DB) error {
	pool, provider, err := migrationsOf(db)
	if err != nil {
		return err
	}
	have, err := schemaOf(ctx, pool)
	switch known := newest(provider); {
	case err != nil:
		return err
	case have == known:
		return nil
	case have != 0:
		return &SchemaError{Have: have, Known: known}
	}
	return up(ctx, provider)
}

func migrationsOf(db *gorm.DB) (*sql.DB, *goose.Provider, error) {
	pool, err := db.DB()
	if err != nil {
		return nil, nil, err
	}
	files, err := fs.Sub(migrations.SQLite, "sqlite")
	if err != nil {
		return nil, nil, err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, pool, files, goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, nil, fmt.Errorf("read migrations: %w", err)
	}
	return pool, provider, nil
}

func newest(p *goose.Provider) (known int64) {
	for _, source := range p.ListSources() {
		known = max(known, source.Version)
	}
	return known
}

func up(ctx context.Context, p *goose.Provider) error {
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	return nil
}

// schemaOf returns the number of the newest migration that a database has; 0: it has none.
func schemaOf(ctx context.Context, pool *sql.DB) (have int64, err error) {
	var tables int
	err = pool.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'`).Scan(&tables)
	if err == nil && tables > 0 {
		err = pool.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied = 1`).Scan(&have)
	}
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return have, nil
}

// Migrate brings the database at path to the newest schema. It works on a copy, which takes the file's place when it is whole; until then the file is as it
// was, also when this process dies. The file as it was is kept as keep, which must not be there yet. The caller has made sure that no server uses the
// database; other writers wait, and fail after five seconds. It takes as much disk as the file has, and as long as it takes to read and write it.
func Migrate(ctx context.Context, path, keep string) error {
	copied := path + ".migrating"
	if err := errors.Join(removeFile(copied), removeFile(copied+"-journal")); err != nil { // of an attempt that was interrupted
		return fmt.Errorf("migrate database: %w", err)
	}
	err := migrateCopy(ctx, path, copied)
	if err == nil {
		err = replace(path, copied, keep)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("migrate database (it is as it was): %w", err), removeFile(copied), removeFile(copied+"-journal"))
	}
	return nil
}

// migrateCopy copies the database and migrates the copy, while nobody can write to the original.
func migrateCopy(ctx context.Context, path, copied string) (err error) {
	write, err := openHandle(Config{Path: path}, toWrite, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeHandle(write)) }()
	return write.WithContext(ctx).Transaction(func(*gorm.DB) error {
		if err := copyTo(ctx, path, copied); err != nil {
			return err
		}
		return edit(ctx, copied, func(db *gorm.DB) error {
			_, provider, err := migrationsOf(db)
			if err != nil {
				return err
			}
			if err := up(ctx, provider); err != nil {
				return err
			}
			return soundness(ctx, db)
		})
	})
}

// replace puts a file in the place of the database, in one step, and keeps the old one.
func replace(path, with, keep string) error {
	if _, err := os.Stat(path + "-wal"); err == nil { // what is in it would be lost
		return errors.New("another process has the database open: end it and try again")
	}
	if err := os.Link(path, keep); err != nil {
		return fmt.Errorf("keep the database as it was: %w", err)
	}
	if err := os.Rename(with, path); err != nil {
		return errors.Join(err, os.Remove(keep))
	}
	return syncFolder(filepath.Dir(path))
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncFile writes a file to the disk.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
