package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"gatehouse/models/store"
)

// migrateRecords brings the database to the schema of this program. The file as it was stays in the data folder. A server that runs on the database is of
// the older version, and would not survive it: then nothing is migrated.
func migrateRecords(ctx context.Context, c config, log *slog.Logger, schema *store.SchemaError, lock func(string) (func(), error)) error {
	release, err := lock(c.data)
	if err != nil {
		return fmt.Errorf("the database has schema %d and has to be migrated to %d, but an older Gatehouse is serving it: stop that one first", schema.Have, schema.Known)
	}
	defer release()
	database := filepath.Join(c.data, databaseFile)
	size, err := sizeOf(database, database+"-wal")
	if err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	if err := enoughSpace(c.data, size, "to migrate the database"); err != nil {
		return err
	}
	keep := fmt.Sprintf("%s.before-%d.%s.bak", database, schema.Known, time.Now().UTC().Format(stampForm))
	log.Info("migrating the database; this takes as long as copying it", "from", schema.Have, "to", schema.Known, "bytes", size)
	if err := store.Migrate(ctx, database, keep); err != nil {
		return fmt.Errorf("%w: the older version goes on working with it", err)
	}
	log.Info("migrated the database; as it was it is kept beside it, for going back to the older version", "schema", schema.Known, "kept", keep)
	return nil
}

// stampForm is how a time stands in the name of a file.
const stampForm = "20060102T150405Z"

// spareSpace is what must stay free beside a copy of the database.
const spareSpace = 16 << 20

// enoughSpace refuses to begin what would fill the disk.
func enoughSpace(folder string, bytes int64, purpose string) error {
	free, err := freeSpace(folder)
	if err != nil {
		return fmt.Errorf("ask for free disk space: %w", err)
	}
	if need := bytes + spareSpace; free < need {
		return fmt.Errorf("there is not enough room %s: it takes %s, and the disk of %s has %s free", purpose, megabytes(need), folder, megabytes(free))
	}
	return nil
}

// megabytes writes a size for people.
func megabytes(bytes int64) string {
	const mega = 1 << 20
	if bytes < mega {
		return fmt.Sprintf("%d KB", (bytes+1023)>>10)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/mega)
}

// sizeOf adds up files; one that is not there is empty.
func sizeOf(paths ...string) (sum int64, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return 0, err
		default:
			sum += info.Size()
		}
	}
	return sum, nil
}
