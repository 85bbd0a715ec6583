package store

import (
	"context"
	"database/sql"
	"maps"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// This file has an owner's keys as programs make and change them. Their values are kept, sealed, for programs ask for them again.

type wireKeyRow struct {
	Key       keyRow `gorm:"embedded"`
	UpdatedAt sql.NullInt64
	Unnamed   bool
}

func (r wireKeyRow) wire() models.WireKey {
	k := models.WireKey{Key: r.Key.key(), Unnamed: r.Unnamed, UpdatedAt: nullTime(r.UpdatedAt)}
	if k.UpdatedAt.IsZero() {
		k.UpdatedAt = k.CreatedAt
	}
	return k
}

var wireKeyQuery = `SELECT k.updated_at, k.unnamed, ` + strings.TrimPrefix(keyQuery, `SELECT `)

// ownWireKey reads a key that an owner made.
func ownWireKey(db *gorm.DB, owner models.AccountID, id models.KeyID) (models.WireKey, error) {
	row, err := selectOne[wireKeyRow](db, "key", wireKeyQuery+`WHERE k.id = ? AND k.owner_id = ?`, id, owner)
	if err != nil {
		return models.WireKey{}, err
	}
	k := row.wire()
	k.Tags, err = resourceTags(db, models.ResourceKey, int64(id))
	return k, err
}

// WireKey reads a key that an owner made, with its value if he wants and it is kept.
func (s *Store) WireKey(ctx context.Context, owner models.AccountID, id models.KeyID, withValue bool) (models.WireKey, error) {
	db := s.read.WithContext(ctx)
	k, err := ownWireKey(db, owner, id)
	if err == nil && withValue {
		keys := []models.WireKey{k}
		err = s.addValues(db, owner, keys)
		k = keys[0]
	}
	return k, err
}

func (s *Store) addValues(db *gorm.DB, owner models.AccountID, keys []models.WireKey) error {
	ids := make([]models.KeyID, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	values, err := s.unseal(db, owner, ids)
	for i := range keys {
		keys[i].Value = values[keys[i].ID]
	}
	return err
}

// wireKeyFilter narrows a list of keys; what is empty does not.
type wireKeyFilter struct{ name, customer string }

// ask makes a question of it. Case matters; the indexes that it does not matter to find few enough.
func (f wireKeyFilter) ask(owner models.AccountID) keyQuestion {
	q := askKeys(owner, models.KeyFilter{}, "")
	if f.name != "" {
		low, high := prefixRange(f.name)
		q.and(`k.unnamed = 0 AND k.name >= ? AND k.name < ?`, low, high)
		q.sources = []keySource{{`SELECT id FROM keys WHERE owner_id IS ? AND name COLLATE NOCASE >= ? AND name COLLATE NOCASE < ?`, []any{low, high}}}
	}
	if f.customer != "" {
		q.and(`k.customer_id = ?`, f.customer)
		q.sources = []keySource{{`SELECT id FROM keys WHERE owner_id IS ? AND customer_id COLLATE NOCASE = ? AND customer_id <> ''`, []any{f.customer}}}
	}
	return q
}

// WireKeys lists the keys that an owner made, newest first: whose name begins with a text, and that are a customer's; "" is any. It goes on behind a place, as
// List.Next says; at most limit.
func (s *Store) WireKeys(ctx context.Context, owner models.AccountID, name, customer string, p models.Page, limit int, withValues bool) (list models.List[models.WireKey], err error) {
	from, err := newestFirst(p)
	if err != nil {
		return list, err
	}
	db := s.read.WithContext(ctx)
	places, err := wireKeyFilter{name, customer}.ask(owner).own(db, owner, from, limit+1)
	if err == nil {
		list, err = wireKeysAt(db, places, limit)
	}
	if err == nil && withValues {
		err = s.addValues(db, owner, list.Items)
	}
	return list, err
}

// PlanWireKeys lists the keys on a plan of an owner's, with the values of his own that are kept: the one that was added last first, and developers' among them. NotFound for another's plan.
func (s *Store) PlanWireKeys(ctx context.Context, owner models.AccountID, plan models.PlanID, name string, p models.Page, limit int) (list models.List[models.WireKey], err error) {
	from, err := newestFirst(p)
	if err != nil {
		return list, err
	}
	db := s.read.WithContext(ctx)
	if _, err := ownedPlan(db, owner, plan); err != nil {
		return list, err
	}
	places, err := wireKeyFilter{name: name}.ask(owner).onPlan(db, owner, plan, from, limit+1)
	if err == nil {
		list, err = wireKeysAt(db, places, limit)
	}
	if err == nil {
		err = s.addValues(db, owner, list.Items)
	}
	return list, err
}

// PlanWireKey reads a key on a plan of an owner's, as PlanWireKeys.
func (s *Store) PlanWireKey(ctx context.Context, owner models.AccountID, plan models.PlanID, key models.KeyID) (models.WireKey, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedPlan(db, owner, plan); err != nil {
		return models.WireKey{}, err
	}
	row, err := selectOne[wireKeyRow](db, "key", wireKeyQuery+`WHERE k.id = ? AND EXISTS (SELECT 1 FROM plan_keys pk WHERE pk.plan_id = ? AND pk.key_id = k.id)`, key, plan)
	if err != nil {
		return models.WireKey{}, err
	}
	keys := []models.WireKey{row.wire()}
	err = s.addValues(db, owner, keys)
	return keys[0], err
}

// wireKeysAt reads the keys of a page of places, one more of which says that there is another page.
func wireKeysAt(db *gorm.DB, places []place, limit int) (list models.List[models.WireKey], err error) {
	if len(places) > limit {
		places = places[:limit]
		list.Next = places[limit-1].at().String()
	}
	ids := make([]models.KeyID, len(places))
	for i, p := range places {
		ids[i] = models.KeyID(p.ID)
	}
	rows, err := selectAll[wireKeyRow](db, "keys", wireKeyQuery+`WHERE k.id IN ?`, ids)
	byID := make(map[models.KeyID]models.WireKey, len(rows))
	for _, r := range rows {
		byID[r.Key.ID] = r.wire()
	}
	list.Items = make([]models.WireKey, 0, len(ids))
	for _, id := range ids {
		if k, ok := byID[id]; ok {
			list.Items = append(list.Items, k)
		}
	}
	return list, err
}

// MakeKey makes a key of the actor's with a value, or a generated one for the zero value. ErrValueTaken when any key has it; fields as models.KeyEdit, and "value".
func (s *Store) MakeKey(ctx context.Context, actor models.Actor, value secret.Value, in models.KeyEdit, now time.Time) (k models.WireKey, err error) {
	if in, err = in.Clean(); err != nil {
		return k, err
	}
	source := "imported"
	if value.IsZero() {
		value, source = secret.Generate(s.keyPrefix), "generated"
	} else if err := secret.CheckImport(value.Reveal(), s.keyPrefix); err != nil {
		return k, models.Invalid("value", "API Key value: "+err.Error())
	}
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		id, digest := newID[models.Key](), s.keyring.Digest(value.Reveal())
		err := t.run("make key", `INSERT INTO keys (id, owner_id, name, unnamed, description, customer_id, enabled, source, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, actor.AccountID, nameOf(in.Name, value.Hint()), in.Name == "", in.Description, in.CustomerID, in.Enabled, source, millis(t.now))
		if err != nil {
			return err
		}
		err = t.run("keep value", `INSERT INTO key_secrets (digest, key_id, is_current, hint, last4, sealed, created_at) VALUES (?, ?, 1, ?, ?, ?, ?)`,
			blob(digest[:]), id, value.Hint(), lastFour(value), blob(s.keyring.Seal([]byte(value.Reveal()), sealedFor(id, digest[:]))), millis(t.now))
		if isDuplicate(err) {
			return models.ErrValueTaken
		}
		if err != nil {
			return err
		}
		if err := firstError(t.putResourceTags(models.ResourceKey, int64(id), nameOf(in.Name, value.Hint()), models.ResourceTags{}, in.Tags), t.keysChanged(id)); err != nil {
			return err
		}
		if k, err = ownWireKey(t.DB, actor.AccountID, id); err != nil {
			return err
		}
		return t.keyEvent("key.create", k.Key, nil, keyFacts(k.Key))
	})
	k.Value = value.Reveal()
	return k, err
}

// nameOf is how people call a key that may have no name.
func nameOf(name, hint string) string {
	if name == "" {
		return "Key " + hint
	}
	return name
}

// EditKey changes a key that the actor made, in one go: change gets it as it is, inside of the transaction.
func (s *Store) EditKey(ctx context.Context, actor models.Actor, id models.KeyID, change func(*models.KeyEdit) error, now time.Time) (k models.WireKey, err error) {
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		before, err := ownWireKey(t.DB, actor.AccountID, id)
		if err != nil {
			return err
		}
		e := models.KeyEdit{Name: before.Name, Description: before.Description, CustomerID: before.CustomerID, Enabled: before.Enabled, Tags: maps.Clone(before.Tags)}
		if before.Unnamed {
			e.Name = ""
		}
		if err := change(&e); err != nil {
			return err
		}
		if e, err = e.Clean(); err != nil {
			return err
		}
		if err := t.editKey(before, e); err != nil {
			return err
		}
		k, err = ownWireKey(t.DB, actor.AccountID, id)
		return err
	})
	return k, err
}

func (t *tx) editKey(k models.WireKey, e models.KeyEdit) error {
	after := k.Key
	after.Name, after.Description, after.CustomerID = nameOf(e.Name, k.Hint), e.Description, e.CustomerID
	if err := t.putResourceTags(models.ResourceKey, int64(k.ID), after.Name, k.Tags, e.Tags); err != nil {
		return err
	}
	if after != k.Key || k.Unnamed != (e.Name == "") {
		err := t.run("change key", `UPDATE keys SET name = ?, unnamed = ?, description = ?, customer_id = ?, updated_at = ? WHERE id = ?`,
			after.Name, e.Name == "", after.Description, after.CustomerID, millis(t.now), k.ID)
		if err := firstError(err, t.keysChanged(k.ID), t.keyEvent("key.update", k.Key, keyFacts(k.Key), keyFacts(after))); err != nil {
			return err
		}
	}
	if e.Enabled == k.Enabled {
		return nil
	}
	memberships, err := membershipsOf(t.DB, t.actor.AccountID, k.ID)
	if err != nil {
		return err
	}
	return t.setEnabled(after, memberships[k.ID], e.Enabled)
}

// RemoveKey deletes a key that the actor made: it is off all plans, and its value may be used again. Its usage stays, and so does its name for statements.
func (s *Store) RemoveKey(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		k, err := ownWireKey(t.DB, actor.AccountID, id)
		if err != nil {
			return err
		}
		if err := t.run("delete key", `UPDATE keys SET deleted_at = ?, revoked_at = coalesce(revoked_at, ?), description = '' WHERE id = ?`, millis(t.now), millis(t.now), id); err != nil {
			return err
		}
		for _, table := range []string{"key_stages", "plan_keys", "limit_overrides", "key_secrets"} {
			if err := t.run("delete key from "+table, `DELETE FROM `+table+` WHERE key_id = ?`, id); err != nil {
				return err
			}
		}
		return firstError(t.run("delete tags", `DELETE FROM resource_tags WHERE kind = 'apikey' AND object_id = ?`, id), t.keysChanged(id),
			t.keyEvent("key.delete", k.Key, keyFacts(k.Key), nil))
	})
}
