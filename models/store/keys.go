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

type keyRow struct {
	ID           models.KeyID
	OwnerID      sql.NullInt64
	AppID        sql.NullInt64
	Name         string
	Description  string
	CustomerID   string
	Enabled      bool
	Hint         string
	Sealed       bool
	CreatedAt    int64
	ExpiresAt    sql.NullInt64
	RevokedAt    sql.NullInt64
	RotatedAt    sql.NullInt64
	OldStopsAt   sql.NullInt64
	LastUsedAt   sql.NullInt64
	AppName      sql.NullString
	AccountEmail sql.NullString
}

// isThere leaves out the keys (AS k) that their owner deleted, and those that an import hides until it has all of them.
const isThere = `k.deleted_at IS NULL AND (k.import_id IS NULL OR k.import_id NOT IN (SELECT id FROM imports WHERE hides = 1))`

// keyQuery reads keys that are there for somebody.
const keyQuery = `SELECT k.id, k.owner_id, k.app_id, k.name, k.description, k.customer_id, k.enabled, c.hint, c.sealed IS NOT NULL AS sealed,
		k.created_at, k.expires_at, k.revoked_at, k.rotated_at, (SELECT max(stops_at) FROM key_secrets WHERE key_id = k.id) AS old_stops_at,
		k.last_used_at, ap.name AS app_name, ac.email AS account_email
	FROM keys k JOIN key_secrets c ON c.key_id = k.id AND c.is_current = 1 AND ` + isThere + `
		LEFT JOIN apps ap ON ap.id = k.app_id LEFT JOIN accounts ac ON ac.id = ap.account_id `

func (r keyRow) key() models.Key {
	return models.Key{
		ID: r.ID, OwnerID: models.AccountID(r.OwnerID.Int64), AppID: models.AppID(r.AppID.Int64), Name: r.Name, Description: r.Description,
		CustomerID: r.CustomerID, Enabled: r.Enabled, Hint: r.Hint, Sealed: r.Sealed, CreatedAt: timeOf(r.CreatedAt),
		ExpiresAt: nullTime(r.ExpiresAt), RevokedAt: nullTime(r.RevokedAt), RotatedAt: nullTime(r.RotatedAt), OldStopsAt: nullTime(r.OldStopsAt),
		LastUsedAt: nullTime(r.LastUsedAt),
	}
}

// ownKey reads a key for who may change it: the developer of its app, or the owner who made it. Nobody else finds it (R9).
func ownKey(db *gorm.DB, account models.AccountID, id models.KeyID) (models.Key, error) {
	row, err := selectOne[keyRow](db, "key", keyQuery+`WHERE k.id = ? AND (k.owner_id = ? OR ap.account_id = ?)`, id, account, account)
	return row.key(), err
}

// newKey makes a key with a generated value, of which only the keyed hash stays.
func (s *Store) newKey(t *tx, k models.Key) (models.Key, secret.Value, error) {
	value := secret.Generate(s.keyPrefix)
	k.ID, k.Enabled, k.CreatedAt, k.Hint = newID[models.Key](), true, t.now, value.Hint()
	k.ExpiresAt = k.ExpiresAt.UTC().Truncate(time.Millisecond)
	err := t.run("make key", `INSERT INTO keys (id, owner_id, app_id, name, description, customer_id, enabled, source, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, 1, 'generated', ?, ?)`,
		k.ID, nullID(k.OwnerID), nullID(k.AppID), k.Name, k.Description, k.CustomerID, millis(k.CreatedAt), nullMillis(k.ExpiresAt))
	if err != nil {
		return k, secret.Value{}, err
	}
	return k, value, s.putValue(t, k.ID, value)
}

// putValue makes a generated value a key's current one.
func (s *Store) putValue(t *tx, key models.KeyID, value secret.Value) error {
	digest := s.keyring.Digest(value.Reveal())
	return t.run("keep value's hash", `INSERT INTO key_secrets (digest, key_id, is_current, hint, last4, created_at) VALUES (?, ?, 1, ?, ?, ?)`,
		blob(digest[:]), key, value.Hint(), lastFour(value), millis(t.now))
}

// lastFour is what people look for a key by.
func lastFour(v secret.Value) string {
	text := v.Reveal()
	return text[max(0, len(text)-4):]
}

// sealedFor names the row that a sealed value belongs to, so that it cannot be moved to another one.
func sealedFor(key models.KeyID, digest []byte) []byte {
	return fmt.Appendf(nil, "key_secrets %d %x", int64(key), digest)
}

// keyObject is a key in an event, on the page of whom it concerns besides the actor: the owner who made it, or the owner of the plan that
// it joined last.
func (t *tx) keyObject(k models.Key) (object, error) {
	o := object{kind: "key", id: k.ID.String(), name: k.Name, owner: k.OwnerID}
	if k.OwnerID != 0 {
		return o, nil
	}
	owners, err := selectAll[models.AccountID](t.DB, "owner of key's plan",
		`SELECT p.owner_id FROM plan_keys pk JOIN plans p ON p.id = pk.plan_id WHERE pk.key_id = ? ORDER BY pk.added_at DESC LIMIT 1`, k.ID)
	if len(owners) > 0 {
		o.owner = owners[0]
	}
	return o, err
}

// keyEvent appends an event about a key.
func (t *tx) keyEvent(action string, k models.Key, before, after any) error {
	o, err := t.keyObject(k)
	if err != nil {
		return err
	}
	return t.event(action, o, before, after)
}

func keyFacts(k models.Key) facts {
	f := facts{"name": k.Name, "hint": k.Hint}
	if k.Description != "" {
		f["description"] = k.Description
	}
	if k.CustomerID != "" {
		f["customerId"] = k.CustomerID
	}
	if !k.ExpiresAt.IsZero() {
		f["expires"] = k.ExpiresAt
	}
	return f
}

// changeKey runs a use case on a key that the actor may change.
func (s *Store) changeKey(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time, fn func(*tx, models.Key) error) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		k, err := ownKey(t.DB, actor.AccountID, id)
		if err != nil {
			return err
		}
		return fn(t, k)
	})
}

// CreateKey makes another key of an app, on all plans that the app is subscribed to.
func (s *Store) CreateKey(ctx context.Context, actor models.Actor, in models.NewKey, now time.Time) (k models.Key, v secret.Value, err error) {
	if in, err = in.Clean(now); err != nil {
		return k, v, err
	}
	err = s.change(ctx, actor, now, func(t *tx) error {
		app, err := appOf(t.DB, actor.AccountID, in.AppID)
		if err != nil {
			return err
		}
		have, err := t.liveKeys(app.ID)
		if err != nil {
			return err
		}
		if len(have) >= models.MaxKeysPerApp {
			return models.Conflict(fmt.Sprintf("An app has at most %d keys. Revoke one that is not needed any more.", models.MaxKeysPerApp))
		}
		if k, v, err = s.newKey(t, models.Key{AppID: app.ID, Name: in.Name, ExpiresAt: in.ExpiresAt}); err != nil {
			return err
		}
		if err := t.joinSubscriptions(app.ID, k.ID); err != nil {
			return err
		}
		if err := t.keysChanged(k.ID); err != nil {
			return err
		}
		return t.keyEvent("key.create", k, nil, keyFacts(k))
	})
	if err != nil {
		return models.Key{}, secret.Value{}, err
	}
	return k, v, nil
}

// liveKeys reads an app's keys that are not revoked, newest first.
func (t *tx) liveKeys(app models.AppID) ([]models.Key, error) {
	rows, err := selectAll[keyRow](t.DB, "keys of app", keyQuery+`WHERE k.app_id = ? AND k.revoked_at IS NULL ORDER BY k.created_at DESC, k.id DESC`, app)
	keys := make([]models.Key, len(rows))
	for i, r := range rows {
		keys[i] = r.key()
	}
	return keys, err
}

// joinSubscriptions puts a new key of an app on the plans that the app is subscribed to.
func (t *tx) joinSubscriptions(app models.AppID, key models.KeyID) error {
	type open struct {
		ID     models.SubscriptionID
		PlanID models.PlanID
		Keys   int
	}
	subscriptions, err := selectAll[open](t.DB, "subscriptions of app", `SELECT s.id, s.plan_id,
			(SELECT count(*) FROM plan_keys pk JOIN keys k ON k.id = pk.key_id WHERE pk.subscription_id = s.id AND k.revoked_at IS NULL) AS keys
		FROM subscriptions s JOIN plans p ON p.id = s.plan_id WHERE s.app_id = ? AND s.state IN ('pending', 'active', 'suspended') AND p.ended = 0 ORDER BY s.requested_at`, app)
	if err != nil {
		return err
	}
	for _, sub := range subscriptions {
		p, err := planByID(t.DB, sub.PlanID)
		if err != nil {
			return err
		}
		if err := p.CheckKeysPerApp(sub.Keys + 1); err != nil {
			return err
		}
		if err := t.join(p, member{key: key, subscription: sub.ID}); err != nil {
			return err
		}
	}
	return nil
}
