package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// exportedAtOnce is how many keys an export reads at a time: what is read is handed on before more is read, so that a slow reader holds
// nothing in the database.
const exportedAtOnce = 500

// ExportKeys calls fn with the keys that OwnerKeys lists: first the actor's own, then developers' by plan. With values it adds those of his own keys
// that are sealed; the caller has made sure that it is really him.
func (s *Store) ExportKeys(ctx context.Context, actor models.Actor, withValues bool, now time.Time, fn func(models.KeyExport) error) error {
	err := s.changeOwn(ctx, actor, now, func(t *tx) error {
		return t.event("key.export", object{kind: "key", name: "all keys", owner: actor.AccountID}, nil, facts{"values": withValues})
	})
	if err != nil {
		return err
	}
	db, owner, q := s.read.WithContext(ctx), actor.AccountID, askKeys(actor.AccountID, models.KeyFilter{}, "")
	err = s.exportEach(db, owner, withValues, fn, func(from cursor) ([]place, error) { return q.own(db, owner, from, exportedAtOnce) })
	if err != nil {
		return err
	}
	plans, err := selectAll[models.PlanID](db, "plans", `SELECT id FROM plans WHERE owner_id = ? ORDER BY created_at, id`, owner)
	if err != nil {
		return err
	}
	for _, plan := range plans {
		err := s.exportEach(db, owner, false, fn, func(from cursor) ([]place, error) { return q.subscribedTo(db, owner, plan, from, 0, exportedAtOnce) })
		if err != nil {
			return err
		}
	}
	return nil
}

// exportEach calls fn with the keys of all places that read returns.
func (s *Store) exportEach(db *gorm.DB, owner models.AccountID, withValues bool, fn func(models.KeyExport) error, read func(cursor) ([]place, error)) error {
	from := cursor{sort: math.MaxInt64, id: math.MaxInt64}
	for {
		places, err := read(from)
		if err != nil || len(places) == 0 {
			return err
		}
		ids := make([]models.KeyID, len(places))
		for i, p := range places {
			ids[i] = models.KeyID(p.ID)
		}
		if err := s.exportSome(db, owner, ids, withValues, fn); err != nil {
			return err
		}
		from = places[len(places)-1].at()
	}
}

func (s *Store) exportSome(db *gorm.DB, owner models.AccountID, ids []models.KeyID, withValues bool, fn func(models.KeyExport) error) error {
	rows, err := keysByID(db, ids)
	if err != nil {
		return err
	}
	keys, err := keyListRows(db, owner, rows)
	if err != nil {
		return err
	}
	var values map[models.KeyID]string
	if withValues {
		if values, err = s.unseal(db, owner, ids); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if err := fn(models.KeyExport{KeyRow: k, Value: values[k.ID]}); err != nil {
			return err
		}
	}
	return nil
}

// unseal reads the values of an owner's sealed keys.
func (s *Store) unseal(db *gorm.DB, owner models.AccountID, ids []models.KeyID) (map[models.KeyID]string, error) {
	type row struct {
		KeyID  models.KeyID
		Digest []byte
		Sealed []byte
	}
	rows, err := selectAll[row](db, "sealed values", `SELECT c.key_id, c.digest, c.sealed FROM key_secrets c JOIN keys k ON k.id = c.key_id
		WHERE c.key_id IN ? AND c.is_current = 1 AND c.sealed IS NOT NULL AND k.owner_id = ?`, ids, owner)
	values := make(map[models.KeyID]string, len(rows))
	for _, r := range rows {
		text, err := s.keyring.Open(r.Sealed, sealedFor(r.KeyID, r.Digest))
		if err != nil {
			return nil, fmt.Errorf("open value of key %s: %w", r.KeyID, err)
		}
		values[r.KeyID] = string(text)
	}
	return values, err
}
