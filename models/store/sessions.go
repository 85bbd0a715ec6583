package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// Limits of sessions (SECURITY.md SEC-04, SEC-08): they end 12 hours after their last use, 7 days after sign-in, and when ten newer ones
// of the account are open.
const (
	sessionIdle  = 12 * time.Hour
	sessionLife  = 7 * 24 * time.Hour
	sessionsMost = 10
	touchEvery   = time.Minute
)

type sessionRow struct {
	Digest    []byte
	Handle    string
	AccountID sql.NullInt64
	Data      []byte
	CreatedAt int64
	SeenAt    int64
	ExpiresAt int64
	UserAgent string
	Address   string
}

// TableName implements gorm's Tabler.
func (sessionRow) TableName() string { return "sessions" }

func (r sessionRow) session() models.Session {
	return models.Session{
		Handle: r.Handle, AccountID: models.AccountID(r.AccountID.Int64), CreatedAt: timeOf(r.CreatedAt), SeenAt: timeOf(r.SeenAt),
		ExpiresAt: timeOf(r.ExpiresAt), UserAgent: r.UserAgent, Address: r.Address,
	}
}

// sessionData names a session's row for its sealed data.
func sessionData(digest [32]byte) []byte { return append([]byte("session:"), digest[:]...) }

// SaveSession makes a session. ExpiresAt follows from the limits and is not read; an empty Handle is drawn. Data is sealed. The account's oldest
// sessions end when it has too many.
func (s *Store) SaveSession(ctx context.Context, in models.StoredSession) error {
	if in.Handle == "" {
		in.Handle = newID[models.Session]().String()
	}
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &tx{DB: db, now: in.SeenAt}
		err := t.Exec(`INSERT INTO sessions (digest, handle, account_id, data, created_at, seen_at, expires_at, user_agent, address)
			VALUES (?, ?, ?, ?, ?, ?, min(?, ?), ?, ?)`,
			blob(in.Digest[:]), in.Handle, accountOfSession(in), s.keyring.Seal(in.Data, sessionData(in.Digest)), millis(in.CreatedAt), millis(in.SeenAt),
			millis(in.SeenAt.Add(sessionIdle)), millis(in.CreatedAt.Add(sessionLife)), in.UserAgent, in.Address).Error
		if err != nil {
			return err
		}
		if in.AccountID == 0 {
			return t.clearSessions()
		}
		return firstError(t.clearSessions(), t.Exec(`DELETE FROM sessions WHERE digest IN (
			SELECT digest FROM sessions WHERE account_id = ? AND digest <> ? ORDER BY created_at DESC, digest LIMIT -1 OFFSET ?)`,
			int64(in.AccountID), blob(in.Digest[:]), sessionsMost-1).Error)
	})
	if err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	return nil
}

func accountOfSession(in models.StoredSession) sql.NullInt64 {
	return sql.NullInt64{Int64: int64(in.AccountID), Valid: in.AccountID != 0}
}

// UpdateSession writes the values of a session that is open. One that ended while its request was under way stays ended: nothing is written, and that is
// no error. CreatedAt and Handle stay as they are.
func (s *Store) UpdateSession(ctx context.Context, in models.StoredSession) error {
	err := s.write.WithContext(ctx).Exec(`UPDATE sessions SET account_id = ?, data = ?, seen_at = ?, expires_at = min(?, created_at + ?), user_agent = ?, address = ?
		WHERE digest = ? AND expires_at > ?`,
		accountOfSession(in), s.keyring.Seal(in.Data, sessionData(in.Digest)), millis(in.SeenAt), millis(in.SeenAt.Add(sessionIdle)), sessionLife.Milliseconds(),
		in.UserAgent, in.Address, blob(in.Digest[:]), millis(in.SeenAt)).Error
	if err != nil {
		return fmt.Errorf("update session: %w", err)
	}
	return nil
}

// clearSessions forgets what has expired; there is an index, and never much of it.
func (t *tx) clearSessions() error {
	return t.Exec(`DELETE FROM sessions WHERE expires_at <= ?`, millis(t.now)).Error
}

// LoadSession returns an open session; one that has expired, or whose account is disabled, is not found.
func (s *Store) LoadSession(ctx context.Context, digest [32]byte, now time.Time) (models.StoredSession, error) {
	var row sessionRow
	err := s.read.WithContext(ctx).Raw(`SELECT s.* FROM sessions s LEFT JOIN accounts a ON a.id = s.account_id
		WHERE s.digest = ? AND s.expires_at > ? AND a.disabled_at IS NULL`, blob(digest[:]), millis(now)).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.StoredSession{}, models.NotFound("session")
	case err != nil:
		return models.StoredSession{}, fmt.Errorf("read session: %w", err)
	}
	data, err := s.keyring.Open(row.Data, sessionData(digest))
	if err != nil {
		return models.StoredSession{}, fmt.Errorf("open session: %w", err)
	}
	return models.StoredSession{Session: row.session(), Digest: digest, Data: data}, nil
}

// TouchSession notes that a session is used, at most every minute.
func (s *Store) TouchSession(ctx context.Context, digest [32]byte, now time.Time) error {
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &tx{DB: db, now: now}
		touched := t.Exec(`UPDATE sessions SET seen_at = ?, expires_at = min(?, created_at + ?) WHERE digest = ? AND expires_at > ? AND seen_at <= ?`,
			millis(now), millis(now.Add(sessionIdle)), sessionLife.Milliseconds(), blob(digest[:]), millis(now), millis(now.Add(-touchEvery)))
		if touched.Error != nil || touched.RowsAffected == 0 {
			return touched.Error
		}
		return t.clearSessions()
	})
	if err != nil {
		return fmt.Errorf("touch session: %w", err)
	}
	return nil
}

// DeleteSession forgets a session; one that is not there is fine.
func (s *Store) DeleteSession(ctx context.Context, digest [32]byte) error {
	if err := s.write.WithContext(ctx).Exec(`DELETE FROM sessions WHERE digest = ?`, blob(digest[:])).Error; err != nil {
		return fmt.Errorf("delete session: %w", err)
	}
	return nil
}

// Sessions lists an account's open sessions, the last used first.
func (s *Store) Sessions(ctx context.Context, account models.AccountID, now time.Time) ([]models.Session, error) {
	rows, err := gorm.G[sessionRow](s.read).Where("account_id = ? AND expires_at > ?", int64(account), millis(now)).
		Order("seen_at DESC, handle").Find(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	sessions := make([]models.Session, len(rows))
	for i, r := range rows {
		sessions[i] = r.session()
	}
	return sessions, nil
}

// EndSession ends one session of the actor's account, or for administrators of any.
func (s *Store) EndSession(ctx context.Context, actor models.Actor, account models.AccountID, handle string, now time.Time) error {
	if err := mustBeSelf(actor, account); err != nil {
		return err
	}
	return s.changeAccount(ctx, actor, account, now, func(t *tx, a models.Account) error {
		ended := t.Exec(`DELETE FROM sessions WHERE account_id = ? AND handle = ?`, int64(account), handle)
		switch {
		case ended.Error != nil:
			return fmt.Errorf("end session: %w", ended.Error)
		case ended.RowsAffected == 0:
			return models.NotFound("session")
		}
		return t.event("session.end", accountObject(a), nil, map[string]any{"ended": 1})
	})
}

// EndSessions ends all sessions of the actor's account, or for administrators of any, but the one whose digest is keep, and says how many.
func (s *Store) EndSessions(ctx context.Context, actor models.Actor, account models.AccountID, keep [32]byte, now time.Time) (n int, err error) {
	if err := mustBeSelf(actor, account); err != nil {
		return 0, err
	}
	err = s.changeAccount(ctx, actor, account, now, func(t *tx, a models.Account) error {
		if n, err = t.endSessions(account, keep); err != nil || n == 0 {
			return err
		}
		return t.event("session.end", accountObject(a), nil, map[string]any{"ended": n})
	})
	return n, err
}

func (t *tx) endSessions(account models.AccountID, keep [32]byte) (int, error) {
	ended := t.Exec(`DELETE FROM sessions WHERE account_id = ? AND digest <> ?`, int64(account), blob(keep[:]))
	if ended.Error != nil {
		return 0, fmt.Errorf("end sessions: %w", ended.Error)
	}
	return int(ended.RowsAffected), nil
}
