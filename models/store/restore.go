package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// Restored is what a backup has become.
type Restored struct {
	File // as the backup was

	// Settlement is of the rights that the gateway held when the backup was made: they are not handed out again, because nobody knows how many of them were
	// spent.
	Settlement models.Settlement
}

// Restore makes a database of a backup, in place; nobody else may have the file open. It brings it to the newest schema, forfeits the rights that were held
// when it was made, ends what lets somebody in without a password, and notes itself as an event. A database that was kept before a migration is treated as
// a backup. Whatever goes wrong, the file is worth nothing any more.
func Restore(ctx context.Context, path string, ring *secret.Keyring, now time.Time) (r Restored, err error) {
	err = edit(ctx, path, func(db *gorm.DB) error {
		if r.File, err = inspect(ctx, db); err != nil {
			return err
		}
		if r.Keyring != "" && !slices.Contains(ring.Fingerprints(), r.Keyring) {
			return fmt.Errorf("it was made with another keyring (%s, this one is %s): put the right one in place, or name it with --keyring", r.Keyring, ring.Fingerprint())
		}
		if err := soundness(ctx, db); err != nil {
			return err
		}
		_, provider, err := migrationsOf(db)
		if err != nil {
			return err
		}
		if err := up(ctx, provider); err != nil {
			return err
		}
		return firstError(endAccess(db), db.Exec(`DELETE FROM settings WHERE name = ?`, settingBackup).Error)
	})
	if err != nil {
		return Restored{}, err
	}
	s, err := Open(ctx, Config{Path: path, Keyring: ring})
	if err != nil {
		return Restored{}, err
	}
	r.Settlement, err = s.startAnew(ctx, r.File, now)
	return r, errors.Join(err, s.Close())
}

// startAnew makes the ledger the beginning of another history than that of the journal which it came from: requests that were open never end, rights that
// were held are forfeited, and the next start finds a journal that it has committed nothing of.
func (s *Store) startAnew(ctx context.Context, from File, now time.Time) (settled models.Settlement, err error) {
	if _, err := s.AbortOpen(ctx); err != nil {
		return settled, err
	}
	if settled, err = s.SettleHoldings(ctx, false); err != nil {
		return settled, err
	}
	return settled, s.change(ctx, models.CommandLine(), now, func(t *tx) error {
		err := t.Exec(`UPDATE journal SET segment = 0, "offset" = 0, boot = '', starting = '', ordered = 0`).Error
		if err != nil {
			return fmt.Errorf("begin the journal anew: %w", err)
		}
		facts := map[string]any{"doubt": settled.Doubt}
		if from.Backup != nil {
			facts["backup"] = from.Backup.At
		}
		return t.event("backup.restore", object{kind: "settings", name: "Database"}, nil, facts)
	})
}
