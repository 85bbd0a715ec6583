package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatehouse/models"
)

// signingKeys keeps access keys with their secrets between the calls that they sign. What this process changes is forgotten at once; what another one
// does, a command beside the server, is seen when an entry has its age.
type signingKeys struct {
	mu      sync.Mutex
	changes uint64 // what was read before one of them is not kept
	keys    map[string]keptKey
	noted   map[string]time.Time // when the use of a key was written down last
}

type keptKey struct {
	key models.SigningKey
	at  time.Time
}

// Bounds of what is kept of access keys.
const (
	signingAge  = time.Second // after which an entry is read again
	signingKept = 10_000      // entries; then all are forgotten: it is one read each
)

func newSigningKeys() *signingKeys {
	return &signingKeys{keys: map[string]keptKey{}, noted: map[string]time.Time{}}
}

// look returns a key that is fresh, and otherwise the mark with which keep takes what was read.
func (s *signingKeys) look(id string, now time.Time) (k models.SigningKey, fresh bool, mark uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, ok := s.keys[id]
	age := now.Sub(kept.at)
	return kept.key, ok && age >= 0 && age < signingAge, s.changes
}

func (s *signingKeys) keep(k models.SigningKey, now time.Time, mark uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if mark != s.changes {
		return
	}
	if len(s.keys) >= signingKept {
		clear(s.keys)
	}
	s.keys[k.ID] = keptKey{k, now}
}

func (s *signingKeys) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, id)
}

// changed forgets everything.
func (s *signingKeys) changed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	clear(s.keys)
}

// due reports whether a use is to be written down, and then notes that it is.
func (s *signingKeys) due(id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.noted[id]); age >= 0 && age < models.AccessKeyUseEvery {
		return false
	}
	if len(s.noted) >= signingKept {
		clear(s.noted)
	}
	s.noted[id] = now
	return true
}

// SigningKey returns an access key that works at now, with its secret. NotFound when there is none: it is unknown, disabled, expired or revoked, or its account is
// disabled or no owner's any more. What is kept of it in memory is never older than a second, and never older than a change by this process.
func (s *Store) SigningKey(ctx context.Context, id string, now time.Time) (models.SigningKey, error) {
	k, fresh, mark := s.signing.look(id, now)
	if !fresh {
		var err error
		if k, err = s.readSigningKey(ctx, id); err != nil {
			s.signing.forget(id)
			return models.SigningKey{}, err
		}
		s.signing.keep(k, now, mark)
	}
	if k.State(now) != models.AccessKeyActive {
		return models.SigningKey{}, models.NotFound("access key")
	}
	return k, nil
}

func (s *Store) readSigningKey(ctx context.Context, id string) (models.SigningKey, error) {
	row, err := selectOne[struct {
		Key    accessKeyRow `gorm:"embedded"`
		Secret []byte
		Email  string
		Role   string
	}](s.read.WithContext(ctx), "access key", `SELECT k.id, k.account_id, k.name, k.enabled, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, k.last_used_from, k.secret, a.email, a.role
		FROM access_keys k JOIN accounts a ON a.id = k.account_id WHERE k.id = ? AND k.revoked_at IS NULL AND a.disabled_at IS NULL AND a.role IN ('owner', 'admin')`, id)
	if err != nil {
		return models.SigningKey{}, err
	}
	role, err := models.ParseRole(row.Role)
	if err != nil {
		return models.SigningKey{}, err
	}
	text, err := s.keyring.Open(row.Secret, accessSecret(id))
	if err != nil {
		return models.SigningKey{}, fmt.Errorf("open secret of access key %s: %w", id, err)
	}
	return models.SigningKey{AccessKey: row.Key.accessKey(), Email: row.Email, Role: role, Secret: string(text)}, nil
}

// NoteAccessKeyUse notes from which address a key was used, at most once a minute.
func (s *Store) NoteAccessKeyUse(ctx context.Context, id, address string, now time.Time) error {
	if !s.signing.due(id, now) {
		return nil
	}
	err := s.write.WithContext(ctx).Exec(`UPDATE access_keys SET last_used_at = ?, last_used_from = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at <= ?)`,
		millis(now), address, id, millis(now.Add(-models.AccessKeyUseEvery))).Error
	if err != nil {
		return fmt.Errorf("note use of access key: %w", err)
	}
	return nil
}
