package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// keyQuestion is what a list of keys is asked for, as conditions on keys AS k.
type keyQuestion struct {
	where string
	args  []any
	few   []models.KeyID // all keys that a search can mean, if they are few
	isFew bool
}

// fewKeys is how many keys a search may mean to be answered from the indexes of names; beyond that the list is walked, which finds many soon.
const fewKeys = 1000

// askKeys makes conditions of a filter and a search. A search is a prefix of the name or the customer id, an id, or the last four
// characters of a value.
func askKeys(db *gorm.DB, owner models.AccountID, f models.KeyFilter, search string) (keyQuestion, error) {
	var q keyQuestion
	q.status(owner, f)
	if search == "" {
		return q, nil
	}
	low, high := prefixRange(search)
	id, _ := models.ParseID[models.Key](search) // what is no id is nobody's
	ids, err := selectAll[models.KeyID](db, "keys that are searched", `
		SELECT id FROM (SELECT id FROM keys WHERE name COLLATE NOCASE >= ? AND name COLLATE NOCASE < ? LIMIT ?)
		UNION SELECT id FROM (SELECT id FROM keys WHERE customer_id COLLATE NOCASE >= ? AND customer_id COLLATE NOCASE < ? AND customer_id <> '' LIMIT ?)
		UNION SELECT id FROM keys WHERE id = ?
		UNION SELECT id FROM (SELECT key_id AS id FROM key_secrets WHERE last4 = ? LIMIT ?)`,
		low, high, fewKeys+1, low, high, fewKeys+1, id, search, fewKeys+1)
	if q.few, q.isFew = ids, len(ids) <= fewKeys; err != nil || q.isFew {
		return q, err
	}
	q.and(`(k.name COLLATE NOCASE >= ? AND k.name COLLATE NOCASE < ? OR k.customer_id COLLATE NOCASE >= ? AND k.customer_id COLLATE NOCASE < ?
		OR k.id = ? OR EXISTS (SELECT 1 FROM key_secrets l WHERE l.key_id = k.id AND l.last4 = ?))`, low, high, low, high, id, search)
	return q, nil
}

func (q *keyQuestion) and(condition string, args ...any) {
	q.where += ` AND ` + condition
	q.args = append(q.args, args...)
}

// status asks for keys in a state, as their owner or, with their blocks, the owner of their plans sees them.
func (q *keyQuestion) status(owner models.AccountID, f models.KeyFilter) {
	now := f.Now
	if now.IsZero() {
		now = time.Now()
	}
	const off = `(k.enabled = 0 OR EXISTS (SELECT 1 FROM plan_keys b JOIN plans bp ON bp.id = b.plan_id WHERE b.key_id = k.id AND b.blocked = 1 AND bp.owner_id = ?))`
	const expired = `coalesce(k.expires_at <= ?, 0)`
	switch f.Status {
	case "":
	case models.KeyRevoked:
		q.and(`k.revoked_at IS NOT NULL`)
	case models.KeyExpired:
		q.and(`k.revoked_at IS NULL AND `+expired, millis(now))
	case models.KeyDisabled:
		q.and(`k.revoked_at IS NULL AND NOT `+expired+` AND `+off, millis(now), owner)
	case models.KeyRotating:
		q.and(`EXISTS (SELECT 1 FROM key_secrets r WHERE r.key_id = k.id AND r.stops_at > ?)`, millis(now))
		fallthrough
	default:
		q.and(`k.revoked_at IS NULL AND NOT `+expired+` AND NOT `+off, millis(now), owner)
	}
}

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
	if f.PlanID != 0 {
		if _, err := ownedPlan(db, owner, f.PlanID); err != nil {
			return nil, err
		}
	}
	q, err := askKeys(db, owner, f, p.Search)
	if err != nil {
		return nil, err
	}
	limit := limitOf(p) + 1
	switch {
	case q.isFew:
		return q.fewPlaces(db, owner, f.PlanID, from, limit)
	case f.PlanID != 0:
		return q.planPlaces(db, f.PlanID, ``, nil, from, limit)
	}
	return q.allPlaces(db, owner, from, limit)
}

// fewPlaces looks at the keys that a search can mean.
func (q keyQuestion) fewPlaces(db *gorm.DB, owner models.AccountID, plan models.PlanID, from cursor, limit int) ([]place, error) {
	since, args := `CASE WHEN k.owner_id = ? THEN k.created_at ELSE
		(SELECT max(pk.added_at) FROM plan_keys pk JOIN plans p ON p.id = pk.plan_id WHERE pk.key_id = k.id AND p.owner_id = ?) END`, []any{owner, owner}
	if plan != 0 {
		since, args = `(SELECT pk.added_at FROM plan_keys pk WHERE pk.key_id = k.id AND pk.plan_id = ?)`, []any{plan}
	}
	return selectAll[place](db, "keys", `SELECT sort, id FROM (SELECT k.id, `+since+` AS sort FROM keys k WHERE k.id IN ?`+q.where+`)
		WHERE (sort, id) < (?, ?) ORDER BY sort DESC, id DESC LIMIT ?`, slices.Concat(args, []any{q.few}, q.args, []any{from.sort, from.id, limit})...)
}

// planPlaces walks a plan's keys, of which a further condition may leave some out.
func (q keyQuestion) planPlaces(db *gorm.DB, plan models.PlanID, where string, args []any, from cursor, limit int) ([]place, error) {
	return selectAll[place](db, "keys of plan", `SELECT pk.added_at AS sort, pk.key_id AS id FROM plan_keys pk JOIN keys k ON k.id = pk.key_id
		WHERE pk.plan_id = ? AND (pk.added_at, pk.key_id) < (?, ?)`+where+q.where+` ORDER BY pk.added_at DESC, pk.key_id DESC LIMIT ?`,
		slices.Concat([]any{plan, from.sort, from.id}, args, q.args, []any{limit})...)
}

// notHere leaves out of a plan's keys the ones that stand elsewhere in the list of all: the owner's own, and those that joined another of
// his plans later.
const notHere = ` AND k.owner_id IS NULL AND NOT EXISTS (SELECT 1 FROM plan_keys l JOIN plans lp ON lp.id = l.plan_id
	WHERE l.key_id = pk.key_id AND lp.owner_id = ? AND (l.added_at, l.plan_id) > (pk.added_at, pk.plan_id))`

// allPlaces walks the keys that the owner made, and each plan's.
func (q keyQuestion) allPlaces(db *gorm.DB, owner models.AccountID, from cursor, limit int) ([]place, error) {
	type group struct {
		PlanID models.PlanID // zero: the owner's own
		Newest sql.NullInt64
	}
	groups, err := selectAll[group](db, "newest keys of plans", `SELECT p.id AS plan_id, (SELECT pk.added_at FROM plan_keys pk JOIN keys k ON k.id = pk.key_id
			WHERE pk.plan_id = p.id AND (pk.added_at, pk.key_id) < (?, ?)`+notHere+q.where+` ORDER BY pk.added_at DESC, pk.key_id DESC LIMIT 1) AS newest
		FROM plans p WHERE p.owner_id = ?`, slices.Concat([]any{from.sort, from.id, owner}, q.args, []any{owner})...)
	if err != nil {
		return nil, err
	}
	own, err := selectAll[place](db, "keys of owner", `SELECT k.created_at AS sort, k.id FROM keys k WHERE k.owner_id = ? AND (k.created_at, k.id) < (?, ?)`+q.where+`
		ORDER BY k.created_at DESC, k.id DESC LIMIT ?`, slices.Concat([]any{owner, from.sort, from.id}, q.args, []any{limit})...)
	if err != nil {
		return nil, err
	}
	if len(own) > 0 {
		groups = append(groups, group{Newest: sql.NullInt64{Int64: own[0].Sort, Valid: true}})
	}
	return merge(groups, limit, func(g group) sql.NullInt64 { return g.Newest }, func(g group) ([]place, error) {
		if g.PlanID == 0 {
			return own, nil
		}
		return q.planPlaces(db, g.PlanID, notHere, []any{owner}, from, limit)
	})
}
