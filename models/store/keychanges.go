package store

import (
	"context"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// This file has what the developer of an app does with its keys, and an owner with the keys that he made.

// RenameKey changes a key's name; field "name".
func (s *Store) RenameKey(ctx context.Context, actor models.Actor, id models.KeyID, name string, now time.Time) error {
	name, err := models.CleanName("name", name)
	if err != nil {
		return err
	}
	return s.changeKey(ctx, actor, id, now, func(t *tx, k models.Key) error {
		if k.Name == name {
			return nil
		}
		if err := t.run("rename key", `UPDATE keys SET unnamed = unnamed AND name = ?, name = ?, updated_at = ? WHERE id = ?`, name, name, millis(t.now), id); err != nil {
			return err
		}
		return t.keyEvent("key.rename", k, facts{"name": k.Name}, facts{"name": name})
	})
}

// SetKeyExpiry says when a key stops by itself; the zero time means never. A key that has expired works again.
func (s *Store) SetKeyExpiry(ctx context.Context, actor models.Actor, id models.KeyID, expires, now time.Time) error {
	if err := models.CheckExpiry(expires, now); err != nil {
		return err
	}
	expires = expires.UTC().Truncate(time.Millisecond)
	return s.changeKey(ctx, actor, id, now, func(t *tx, k models.Key) error {
		if err := k.CheckAlive(); err != nil {
			return err
		}
		if k.ExpiresAt.Equal(expires) {
			return nil
		}
		if err := t.run("set expiry of key", `UPDATE keys SET expires_at = ? WHERE id = ?`, nullMillis(expires), id); err != nil {
			return err
		}
		if err := t.keysChanged(id); err != nil {
			return err
		}
		return t.keyEvent("key.expiry", k, facts{"expires": orNever(k.ExpiresAt)}, facts{"expires": orNever(expires)})
	})
}

// orNever is a time in an event.
func orNever(t time.Time) any {
	if t.IsZero() {
		return "never"
	}
	return t
}

// RotateKey gives a key a new value. The old one works on for the overlap, or until it is unused; one that is older still stops now. Id, limits and
// counters stay.
func (s *Store) RotateKey(ctx context.Context, actor models.Actor, id models.KeyID, how models.Rotation, now time.Time) (k models.Key, v secret.Value, err error) {
	if err := how.Overlap.Check(); err != nil {
		return k, v, err
	}
	err = s.changeKey(ctx, actor, id, now, func(t *tx, before models.Key) error {
		if err := before.CheckRotate(t.now); err != nil {
			return err
		}
		k = before
		k.RotatedAt, k.OldStopsAt, k.Sealed = t.now, t.now.Add(time.Duration(how.Overlap)), false
		var unusedSince time.Time
		if how.UntilUnused {
			unusedSince = t.now
		}
		if err := t.retireValue(id, k.OldStopsAt, unusedSince); err != nil {
			return err
		}
		v = secret.Generate(s.keyPrefix)
		k.Hint = v.Hint()
		if err := s.putValue(t, id, v); err != nil {
			return err
		}
		if err := t.run("note rotation", `UPDATE keys SET rotated_at = ? WHERE id = ?`, millis(t.now), id); err != nil {
			return err
		}
		if err := t.keysChanged(id); err != nil {
			return err
		}
		err := t.keyEvent("key.rotate", k, facts{"hint": before.Hint}, facts{"hint": k.Hint, "oldStops": k.OldStopsAt, "untilUnused": how.UntilUnused})
		return firstError(err, t.tellKey(models.NoticeKeyRotated, k))
	})
	if err != nil {
		return models.Key{}, secret.Value{}, err
	}
	return k, v, nil
}

// retireValue makes room for a new current value: the one until now works until it stops, and an older one no longer. Their hashes stay, so
// that no value is ever used again (R2) and callers are told that theirs was replaced; what was kept sealed is forgotten.
func (t *tx) retireValue(key models.KeyID, stops, unusedSince time.Time) error {
	if err := t.stopOldValue(key); err != nil {
		return err
	}
	return t.run("retire value", `UPDATE key_secrets SET is_current = 0, sealed = NULL, stops_at = ?, unused_since = ? WHERE key_id = ? AND is_current = 1`,
		millis(stops), nullMillis(unusedSince), key)
}

// stopOldValue ends the overlap of a rotation, if there is one.
func (t *tx) stopOldValue(key models.KeyID) error {
	return t.run("stop old value", `UPDATE key_secrets SET stops_at = ?, unused_since = NULL WHERE key_id = ? AND stops_at > ?`, millis(t.now), key, millis(t.now))
}

// StopOldValue ends a rotation's overlap now.
func (s *Store) StopOldValue(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error {
	return s.changeKey(ctx, actor, id, now, func(t *tx, k models.Key) error {
		if !k.OldStopsAt.After(t.now) {
			return nil
		}
		if err := t.stopOldValue(id); err != nil {
			return err
		}
		if err := t.keysChanged(id); err != nil {
			return err
		}
		return t.keyEvent("key.stop_old", k, facts{"oldStops": k.OldStopsAt}, facts{"oldStops": t.now})
	})
}

// RevokeKey stops a key for good. Its value's hash stays, so that the value can never be used again, and so do its usage and the list of
// plans that it was on; but it calls no stage any more, and stands in nobody's way.
func (s *Store) RevokeKey(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error {
	return s.changeKey(ctx, actor, id, now, func(t *tx, k models.Key) error {
		if err := k.CheckAlive(); err != nil {
			return err
		}
		if err := t.run("revoke key", `UPDATE keys SET revoked_at = ? WHERE id = ?`, millis(t.now), id); err != nil {
			return err
		}
		if err := t.run("close stages for key", `DELETE FROM key_stages WHERE key_id = ?`, id); err != nil {
			return err
		}
		if err := t.keysChanged(id); err != nil {
			return err
		}
		return firstError(t.keyEvent("key.revoke", k, keyFacts(k), nil), t.tellKey(models.NoticeKeyRevoked, k))
	})
}
