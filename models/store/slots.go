package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// slotValid is how long a secret waits for the page that shows it (DECISIONS 43).
const slotValid = 10 * time.Minute

// slotData names a slot's row for its sealed data.
func slotData(digest [32]byte, key models.KeyID) []byte {
	return binary.BigEndian.AppendUint64(append([]byte("slot:"), digest[:]...), uint64(key))
}

// PutSecret keeps a key's new value, sealed, for the session's next page. NotFound when the session is not there.
func (s *Store) PutSecret(ctx context.Context, digest [32]byte, key models.KeyID, value secret.Value, now time.Time) error {
	sealed := s.keyring.Seal([]byte(value.Reveal()), slotData(digest, key))
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		err := db.Exec(`DELETE FROM secret_slots WHERE expires_at <= ?`, millis(now)).Error
		return firstError(err, db.Exec(`INSERT INTO secret_slots (session_digest, key_id, sealed, expires_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (session_digest, key_id) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at`,
			blob(digest[:]), int64(key), sealed, millis(now.Add(slotValid))).Error)
	})
	switch {
	case isForeign(err):
		return models.NotFound("session")
	case err != nil:
		return fmt.Errorf("keep secret for its page: %w", err)
	}
	return nil
}

// TakeSecret returns the value and forgets it: of two that ask, one gets it. ok is false when there is none (any more).
func (s *Store) TakeSecret(ctx context.Context, digest [32]byte, key models.KeyID, now time.Time) (value secret.Value, ok bool, err error) {
	var row struct {
		Sealed    []byte
		ExpiresAt int64
	}
	err = s.write.WithContext(ctx).Raw(`DELETE FROM secret_slots WHERE session_digest = ? AND key_id = ? RETURNING sealed, expires_at`,
		blob(digest[:]), int64(key)).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return secret.Value{}, false, nil
	case err != nil:
		return secret.Value{}, false, fmt.Errorf("take secret: %w", err)
	case row.ExpiresAt <= millis(now):
		return secret.Value{}, false, nil
	}
	text, err := s.keyring.Open(row.Sealed, slotData(digest, key))
	if err != nil {
		return secret.Value{}, false, fmt.Errorf("take secret: %w", err)
	}
	return secret.NewValue(string(text)), true, nil
}
