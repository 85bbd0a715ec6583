package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/secret"
)

type accessKeyRow struct {
	ID           string
	AccountID    models.AccountID
	Name         string
	Enabled      bool
	CreatedAt    int64
	ExpiresAt    sql.NullInt64
	RevokedAt    sql.NullInt64
	LastUsedAt   sql.NullInt64
	LastUsedFrom string
}

const accessKeyQuery = `SELECT k.id, k.account_id, k.name, k.enabled, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, k.last_used_from FROM access_keys k `

func (r accessKeyRow) accessKey() models.AccessKey {
	return models.AccessKey{ID: r.ID, AccountID: r.AccountID, Name: r.Name, Enabled: r.Enabled, CreatedAt: timeOf(r.CreatedAt), ExpiresAt: nullTime(r.ExpiresAt),
		RevokedAt: nullTime(r.RevokedAt), LastUsedAt: nullTime(r.LastUsedAt), LastUsedFrom: r.LastUsedFrom}
}

// accessSecret names an access key's row for its sealed secret.
func accessSecret(id string) []byte { return []byte("access-key:" + id) }

func accessKeyObject(k models.AccessKey) object {
	return object{kind: "access key", id: k.ID, name: k.Name, owner: k.AccountID}
}

// revokedAccessKeys is how many revoked access keys of an account are kept, the newest.
const revokedAccessKeys = 50

// AccessKeys lists the access keys of an account, those that are revoked last, the newest first. There are at most models.MaxAccessKeys and 50 revoked ones.
func (s *Store) AccessKeys(ctx context.Context, account models.AccountID) ([]models.AccessKey, error) {
	return accessKeysOf(s.read.WithContext(ctx), account)
}

func accessKeysOf(db *gorm.DB, account models.AccountID) ([]models.AccessKey, error) {
	rows, err := selectAll[accessKeyRow](db, "access keys", accessKeyQuery+`WHERE k.account_id = ? ORDER BY k.revoked_at IS NOT NULL, k.created_at DESC, k.id`, account)
	keys := make([]models.AccessKey, len(rows))
	for i, r := range rows {
		keys[i] = r.accessKey()
	}
	return keys, err
}

// AccessKey returns an access key by its id, whatever its state and whose it is.
func (s *Store) AccessKey(ctx context.Context, id string) (models.AccessKey, error) {
	row, err := selectOne[accessKeyRow](s.read.WithContext(ctx), "access key", accessKeyQuery+`WHERE k.id = ?`, id)
	return row.accessKey(), err
}

// CreateAccessKey makes an access key of an account and returns its secret, which is told here only: for its person or the command line. Fields as
// models.NewAccessKey; Conflict at "id" when there is such a key, Denied when the account could do nothing with it.
func (s *Store) CreateAccessKey(ctx context.Context, actor models.Actor, account models.AccountID, in models.NewAccessKey, now time.Time) (k models.AccessKey, v secret.Value, err error) {
	if actor.AccountID != account && (actor.AccountID != 0 || actor.Role != models.RoleAdmin) { // not even an administrator may act in somebody else's name
		return k, v, models.NotFound("account")
	}
	if in, err = in.Clean(now); err != nil {
		return k, v, err
	}
	err = s.changeAccount(ctx, actor, account, now, func(t *tx, a models.Account) error {
		if a.Role < models.RoleOwner || a.Disabled() {
			return models.Denied("Access keys are for API owners and administrators who may sign in.")
		}
		if err := t.roomForAccessKey(account); err != nil {
			return err
		}
		v = secret.NewValue(in.Secret)
		if in.ID == "" {
			in.ID, v = models.NewAccessKeyID(), secret.GenerateAccessSecret()
		}
		k = models.AccessKey{ID: in.ID, AccountID: account, Name: in.Name, Enabled: true, CreatedAt: t.now, ExpiresAt: in.ExpiresAt}
		err := t.Exec(`INSERT INTO access_keys (id, account_id, name, secret, enabled, created_at, expires_at) VALUES (?, ?, ?, ?, 1, ?, ?)`,
			k.ID, k.AccountID, k.Name, blob(s.keyring.Seal([]byte(v.Reveal()), accessSecret(k.ID))), millis(t.now), nullMillis(k.ExpiresAt)).Error
		switch {
		case isDuplicate(err):
			return conflictAt("id", "There is an access key with this id already.")
		case err != nil:
			return fmt.Errorf("make access key: %w", err)
		}
		return t.event("access_key.create", accessKeyObject(k), nil, facts{"expires": expiryFact(k.ExpiresAt), "brought along": in.Secret != ""})
	})
	if err != nil {
		return models.AccessKey{}, secret.Value{}, err
	}
	return k, v, nil
}

// expiryFact is an expiry as an event tells it.
func expiryFact(at time.Time) any {
	if at.IsZero() {
		return "never"
	}
	return at
}

// roomForAccessKey refuses one key too many, and forgets the oldest of those that are revoked.
func (t *tx) roomForAccessKey(account models.AccountID) error {
	n, err := selectOne[int](t.DB, "access keys", `SELECT count(*) FROM access_keys WHERE account_id = ? AND revoked_at IS NULL`, account)
	switch {
	case err != nil:
		return err
	case n >= models.MaxAccessKeys:
		return models.Conflict(fmt.Sprintf("There are %d access keys already. Revoke one first that is not used any more.", n))
	}
	return t.run("forget revoked access keys", `DELETE FROM access_keys WHERE id IN (SELECT id FROM access_keys WHERE account_id = ? AND revoked_at IS NOT NULL
		ORDER BY revoked_at DESC, id LIMIT -1 OFFSET ?)`, account, revokedAccessKeys)
}

// SetAccessKeyEnabled stops an access key of an account's, or lets it work again, at once: for its person or an administrator. A revoked one stays so.
func (s *Store) SetAccessKeyEnabled(ctx context.Context, actor models.Actor, account models.AccountID, id string, enabled bool, now time.Time) error {
	return s.changeAccessKey(ctx, actor, account, id, now, func(t *tx, k models.AccessKey) error {
		switch {
		case k.Enabled == enabled:
			return nil
		case !k.RevokedAt.IsZero():
			return models.Conflict("This access key is revoked, and that is final. Create a new one.")
		}
		action := "access_key.disable"
		if enabled {
			action = "access_key.enable"
		}
		return firstError(t.run("change access key", `UPDATE access_keys SET enabled = ? WHERE id = ?`, enabled, id), t.event(action, accessKeyObject(k), nil, nil))
	})
}

// RevokeAccessKey ends an access key of an account's for good, at once, and forgets its secret: for its person or an administrator.
func (s *Store) RevokeAccessKey(ctx context.Context, actor models.Actor, account models.AccountID, id string, now time.Time) error {
	return s.changeAccessKey(ctx, actor, account, id, now, func(t *tx, k models.AccessKey) error {
		if !k.RevokedAt.IsZero() {
			return nil
		}
		return firstError(t.run("revoke access key", `UPDATE access_keys SET revoked_at = ?, secret = NULL WHERE id = ?`, millis(t.now), id),
			t.event("access_key.revoke", accessKeyObject(k), nil, nil))
	})
}

// changeAccessKey runs a use case on an access key of an account's. Nobody else's is found (R9).
func (s *Store) changeAccessKey(ctx context.Context, actor models.Actor, account models.AccountID, id string, now time.Time, fn func(*tx, models.AccessKey) error) error {
	if mustBeSelf(actor, account) != nil {
		return models.NotFound("access key")
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		row, err := selectOne[accessKeyRow](t.DB, "access key", accessKeyQuery+`WHERE k.id = ? AND k.account_id = ?`, id, account)
		if err != nil {
			return err
		}
		t.signing = true
		return fn(t, row.accessKey())
	})
}
