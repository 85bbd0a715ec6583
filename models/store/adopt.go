package store

import (
	"context"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// AdoptKey makes another key of an app with a value that is in use already, kept sealed as imported values are; it joins the plans that the app is
// subscribed to. A value that a key has already is a Conflict. The demo's key is made so: its value is the same in every installation.
func (s *Store) AdoptKey(ctx context.Context, actor models.Actor, in models.NewKey, value secret.Value, now time.Time) (models.Key, error) {
	in, err := in.Clean(now)
	if err != nil {
		return models.Key{}, err
	}
	if err := secret.CheckImport(value.Reveal(), s.keyPrefix); err != nil {
		return models.Key{}, models.Invalid("value", err.Error())
	}
	k := models.Key{ID: newID[models.Key](), AppID: in.AppID, Name: in.Name, Enabled: true, Sealed: true, Hint: value.Hint(), ExpiresAt: in.ExpiresAt}
	err = s.change(ctx, actor, now, func(t *tx) error {
		if _, err := appOf(t.DB, actor.AccountID, in.AppID); err != nil {
			return err
		}
		k.CreatedAt = t.now
		err := t.run("adopt key", `INSERT INTO keys (id, app_id, name, description, customer_id, enabled, source, created_at, expires_at) VALUES (?, ?, ?, '', '', 1, 'imported', ?, ?)`,
			k.ID, k.AppID, k.Name, millis(k.CreatedAt), nullMillis(k.ExpiresAt))
		if err != nil {
			return err
		}
		digest := s.keyring.Digest(value.Reveal())
		err = t.run("keep adopted value", `INSERT INTO key_secrets (digest, key_id, is_current, hint, last4, sealed, created_at) VALUES (?, ?, 1, ?, ?, ?, ?)`,
			blob(digest[:]), k.ID, value.Hint(), lastFour(value), blob(s.keyring.Seal([]byte(value.Reveal()), sealedFor(k.ID, digest[:]))), millis(t.now))
		if isDuplicate(err) {
			return models.Conflict("This value cannot be used.")
		}
		if err != nil {
			return err
		}
		if err := t.joinSubscriptions(k.AppID, k.ID); err != nil {
			return err
		}
		if err := t.keysChanged(k.ID); err != nil {
			return err
		}
		return t.keyEvent("key.create", k, nil, keyFacts(k))
	})
	return k, err
}
