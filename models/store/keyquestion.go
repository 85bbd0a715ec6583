package store

import (
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// keyQuestion is what a list of keys is asked for: conditions on keys AS k, and where their answers can be looked up.
type keyQuestion struct {
	where   string
	args    []any
	sources []keySource // the keys that are meant; none: any
}

// keySource is a query of ids in an index that begins with the owner, asked for an owner's own keys or, with NULL, for developers' keys.
type keySource struct {
	query string // its first parameter is the owner
	args  []any
}

// askKeys makes a question of a filter and a search, as conditions on keys. A search is a prefix of the name or the customer id, an id, or
// the last four characters of a value.
func askKeys(owner models.AccountID, f models.KeyFilter, search string) keyQuestion {
	q := keyQuestion{where: ` AND ` + isThere}
	if f.Now.IsZero() {
		f.Now = time.Now()
	}
	q.status(owner, f)
	if search != "" {
		q.search(search)
	}
	return q
}

func (q *keyQuestion) and(condition string, args ...any) {
	q.where += ` AND ` + condition
	q.args = append(q.args, args...)
}

// search asks for what people type. Its sources stand for those of a state, for a text means fewer keys.
func (q *keyQuestion) search(text string) {
	low, high := prefixRange(text)
	id, _ := models.ParseID[models.Key](text) // what is no id is nobody's
	q.and(`(k.name COLLATE NOCASE >= ? AND k.name COLLATE NOCASE < ? OR k.customer_id COLLATE NOCASE >= ? AND k.customer_id COLLATE NOCASE < ?
		OR k.id = ? OR k.id IN (SELECT key_id FROM key_secrets WHERE last4 = ?))`, low, high, low, high, id, text)
	q.sources = []keySource{
		{`SELECT id FROM keys WHERE owner_id IS ? AND name COLLATE NOCASE >= ? AND name COLLATE NOCASE < ?`, []any{low, high}},
		{`SELECT id FROM keys WHERE owner_id IS ? AND customer_id COLLATE NOCASE >= ? AND customer_id COLLATE NOCASE < ? AND customer_id <> ''`, []any{low, high}},
		{`SELECT id FROM keys WHERE owner_id IS ? AND id = ?`, []any{id}},
		{`SELECT k.id FROM key_secrets c CROSS JOIN keys k ON k.id = c.key_id WHERE k.owner_id IS ? AND c.last4 = ?`, []any{text}},
	}
}

// status asks for keys in a state, as their owner or, with their blocks, the owner of their plans sees them. Only active keys are too many
// for an index of their own.
func (q *keyQuestion) status(owner models.AccountID, f models.KeyFilter) {
	const off = `(k.enabled = 0 OR EXISTS (SELECT 1 FROM plan_keys b WHERE b.key_id = k.id AND b.blocked = 1 AND (SELECT owner_id FROM plans WHERE id = b.plan_id) = ?))`
	const expired = `coalesce(k.expires_at <= ?, 0)`
	now := millis(f.Now)
	switch f.Status {
	case "":
	case models.KeyRevoked:
		q.and(`k.revoked_at IS NOT NULL`)
		q.sources = []keySource{{`SELECT id FROM keys WHERE owner_id IS ? AND revoked_at IS NOT NULL`, nil}}
	case models.KeyExpired:
		q.and(`k.revoked_at IS NULL AND `+expired, now)
		q.sources = []keySource{{`SELECT id FROM keys WHERE owner_id IS ? AND expires_at <= ?`, []any{now}}}
	case models.KeyDisabled:
		q.and(`k.revoked_at IS NULL AND NOT `+expired+` AND `+off, now, owner)
		q.sources = []keySource{{`SELECT id FROM keys WHERE owner_id IS ? AND enabled = 0`, nil},
			{`SELECT k.id FROM plans p CROSS JOIN plan_keys b INDEXED BY plan_keys_blocked ON b.plan_id = p.id CROSS JOIN keys k ON k.id = b.key_id
				WHERE k.owner_id IS ? AND b.blocked = 1 AND p.owner_id = ?`, []any{owner}}}
	case models.KeyRotating:
		q.and(`EXISTS (SELECT 1 FROM key_secrets r WHERE r.key_id = k.id AND r.stops_at > ?)`, now)
		q.and(`k.revoked_at IS NULL AND NOT `+expired+` AND NOT `+off, now, owner)
		q.sources = []keySource{{`SELECT k.id FROM key_secrets c CROSS JOIN keys k ON k.id = c.key_id WHERE k.owner_id IS ? AND c.is_current = 0 AND c.stops_at > ?`, []any{now}}}
	default:
		q.and(`k.revoked_at IS NULL AND NOT `+expired+` AND NOT `+off, now, owner)
	}
}

// few reads the keys that are meant, of an owner's own or, for the zero id, of developers, unless they are many or the question means any.
func (q keyQuestion) few(db *gorm.DB, owner models.AccountID) (ids []models.KeyID, isFew bool, err error) {
	if len(q.sources) == 0 {
		return nil, false, nil
	}
	var queries []string
	var args []any
	for _, s := range q.sources {
		queries = append(queries, s.query)
		args = append(append(args, nullID(owner)), s.args...)
	}
	return fewOf[models.KeyID](db, queries, args...)
}

// fewOfBoth reads the keys that are meant, an owner's own and developers'.
func (q keyQuestion) fewOfBoth(db *gorm.DB, owner models.AccountID) (ids []models.KeyID, isFew bool, err error) {
	own, isFew, err := q.few(db, owner)
	if err != nil || !isFew {
		return nil, false, err
	}
	others, isFew, err := q.few(db, 0)
	return append(own, others...), isFew, err
}
