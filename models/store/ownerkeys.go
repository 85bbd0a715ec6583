package store

import (
	"context"
	"database/sql"
	"slices"

	"gorm.io/gorm"

	"gatehouse/models"
)

// OwnerKeys lists the keys that an owner made and those on his plans, newest first: his own by when he made them, a developer's by when it
// joined one of his plans last. Other owners' plans that such a key is on stay hidden.
func (s *Store) OwnerKeys(ctx context.Context, owner models.AccountID, f models.KeyFilter, p models.Page) (list models.List[models.KeyRow], err error) {
	from, err := newestFirst(p)
	if err != nil {
		return list, err
	}
	db := s.read.WithContext(ctx)
	places, err := ownerKeyPlaces(db, owner, f, p, from)
	if err != nil {
		return list, err
	}
	page := cut(places, p, place.at, func(at place) models.KeyID { return models.KeyID(at.ID) })
	rows, err := keysByID(db, page.Items)
	if err != nil {
		return list, err
	}
	list.Next = page.Next
	list.Items, err = keyListRows(db, owner, rows)
	return list, err
}

// ownerKeyPlaces reads where the keys of a page stand.
func ownerKeyPlaces(db *gorm.DB, owner models.AccountID, f models.KeyFilter, p models.Page, from cursor) ([]place, error) {
	q, limit := askKeys(owner, f, p.Search), limitOf(p)+1
	if f.PlanID != 0 {
		if _, err := ownedPlan(db, owner, f.PlanID); err != nil {
			return nil, err
		}
		return q.onPlan(db, owner, f.PlanID, from, limit)
	}
	own, err := q.own(db, owner, from, limit)
	if err != nil {
		return nil, err
	}
	subscribed, err := q.subscribed(db, owner, from, limit)
	return firstOf(limit, own, subscribed), err
}

// onPlan reads a plan's keys.
func (q keyQuestion) onPlan(db *gorm.DB, owner models.AccountID, plan models.PlanID, from cursor, limit int) ([]place, error) {
	ids, isFew, err := q.fewOfBoth(db, owner)
	if err != nil {
		return nil, err
	}
	if isFew {
		q.and(`k.id IN ?`, ids)
	}
	return selectAll[place](db, "keys of plan", `SELECT pk.added_at AS sort, pk.key_id AS id FROM plan_keys pk CROSS JOIN keys k ON k.id = pk.key_id
		WHERE pk.plan_id = ? AND (pk.added_at, pk.key_id) < (?, ?)`+q.where+` ORDER BY pk.added_at DESC, pk.key_id DESC LIMIT ?`,
		slices.Concat([]any{plan, from.sort, from.id}, q.args, []any{limit})...)
}

// own reads the keys that an owner made.
func (q keyQuestion) own(db *gorm.DB, owner models.AccountID, from cursor, limit int) ([]place, error) {
	ids, isFew, err := q.few(db, owner)
	if err != nil {
		return nil, err
	}
	if isFew {
		q.and(`k.id IN ?`, ids)
	}
	return selectAll[place](db, "keys of owner", `SELECT k.created_at AS sort, k.id FROM keys k WHERE k.owner_id = ? AND (k.created_at, k.id) < (?, ?)`+q.where+`
		ORDER BY k.created_at DESC, k.id DESC LIMIT ?`, slices.Concat([]any{owner, from.sort, from.id}, q.args, []any{limit})...)
}

// subscribed reads the developers' keys on an owner's plans, each where it joined last.
func (q keyQuestion) subscribed(db *gorm.DB, owner models.AccountID, from cursor, limit int) ([]place, error) {
	ids, isFew, err := q.few(db, 0)
	if err != nil {
		return nil, err
	}
	if isFew {
		return selectAll[place](db, "developers' keys", `SELECT sort, id FROM (SELECT k.id, (SELECT max(pk.added_at) FROM plan_keys pk
				WHERE pk.key_id = k.id AND (SELECT owner_id FROM plans WHERE id = pk.plan_id) = ?) AS sort FROM keys k WHERE k.id IN ?`+q.where+`)
			WHERE (sort, id) < (?, ?) ORDER BY sort DESC, id DESC LIMIT ?`, slices.Concat([]any{owner, ids}, q.args, []any{from.sort, from.id, limit})...)
	}
	type group struct {
		PlanID models.PlanID
		Newest sql.NullInt64
	}
	groups, err := selectAll[group](db, "newest keys of plans", `SELECT p.id AS plan_id, (SELECT pk.added_at`+subscribedTo("p.id", q.where)+`1) AS newest
		FROM plans p WHERE p.owner_id = ?`, slices.Concat([]any{from.sort, from.id, 0, owner}, q.args, []any{owner})...)
	if err != nil {
		return nil, err
	}
	return merge(groups, limit, func(g group) sql.NullInt64 { return g.Newest }, func(g group, least int64) ([]place, error) {
		return q.subscribedTo(db, owner, g.PlanID, from, least, limit)
	})
}

// subscribedTo reads the developers' keys on a plan, but those that stand elsewhere in the list because they joined another of the owner's plans
// later.
func (q keyQuestion) subscribedTo(db *gorm.DB, owner models.AccountID, plan models.PlanID, from cursor, least int64, limit int) ([]place, error) {
	return selectAll[place](db, "developers' keys of plan", `SELECT pk.added_at AS sort, pk.key_id AS id`+subscribedTo("?", q.where)+`?`,
		slices.Concat([]any{plan, from.sort, from.id, least, owner}, q.args, []any{limit})...)
}

func subscribedTo(plan, where string) string {
	return ` FROM plan_keys pk INDEXED BY plan_keys_subscribed CROSS JOIN keys k ON k.id = pk.key_id
		WHERE pk.plan_id = ` + plan + ` AND pk.subscription_id IS NOT NULL AND (pk.added_at, pk.key_id) < (?, ?) AND pk.added_at >= ? AND NOT EXISTS (SELECT 1 FROM plan_keys l
			WHERE l.key_id = k.id AND (l.added_at, l.plan_id) > (pk.added_at, pk.plan_id) AND (SELECT owner_id FROM plans WHERE id = l.plan_id) = ?)` + where + `
		ORDER BY pk.added_at DESC, pk.key_id DESC LIMIT `
}
