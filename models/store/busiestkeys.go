package store

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type busyRow struct {
	KeyID    models.KeyID
	Sort     int64 // requests, or when it joined
	Requests int64
	Refused  int64
}

// PlanKeys lists the keys that called a plan in a month (UTC), most requests first, then the plan's other keys, newest first. Search is as
// in OwnerKeys.
func (s *Store) PlanKeys(ctx context.Context, owner models.AccountID, id models.PlanID, month time.Time, p models.Page) (
	list models.List[models.PlanKeyUse], err error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedPlan(db, owner, id); err != nil {
		return list, err
	}
	q := askKeys(owner, models.KeyFilter{}, p.Search)
	ids, isFew, err := q.fewOfBoth(db, owner)
	if err != nil {
		return list, err
	}
	if isFew {
		q.and(`k.id IN ?`, ids)
	}
	rows, next, err := q.busiest(db, id, monthOf(month), p, isFew)
	if err != nil {
		return list, err
	}
	ids = make([]models.KeyID, len(rows))
	for i, r := range rows {
		ids[i] = r.KeyID
	}
	keys, err := keysByID(db, ids)
	if err != nil {
		return list, err
	}
	full, err := keyListRows(db, owner, keys)
	if err != nil {
		return list, err
	}
	list = models.List[models.PlanKeyUse]{Items: make([]models.PlanKeyUse, len(full)), Next: next}
	for i, k := range full {
		list.Items[i] = models.PlanKeyUse{KeyRow: k, Requests: rows[i].Requests, Refused: rows[i].Refused}
	}
	return list, nil
}

// KeysOfPlan reads those of the keys that are on a plan or called it from since until now, in no order.
func (s *Store) KeysOfPlan(ctx context.Context, owner models.AccountID, id models.PlanID, ids []models.KeyID, since, now time.Time) ([]models.KeyRow, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedPlan(db, owner, id); err != nil {
		return nil, err
	}
	var months []int64
	for m := time.Date(since.UTC().Year(), since.UTC().Month(), 1, 0, 0, 0, 0, time.UTC); !m.After(now); m = m.AddDate(0, 1, 0) {
		months = append(months, monthOf(m))
	}
	ids, err := selectAll[models.KeyID](db, "keys of plan", `SELECT k.id FROM keys k WHERE k.id IN ? AND (EXISTS (SELECT 1 FROM plan_keys pk WHERE pk.plan_id = ? AND pk.key_id = k.id)
		OR EXISTS (SELECT 1 FROM usage_key_months u WHERE u.plan_id = ? AND u.month IN ? AND u.key_id = k.id))`, ids, id, id, months)
	if err != nil {
		return nil, err
	}
	rows, err := keysByID(db, ids)
	if err != nil {
		return nil, err
	}
	return keyListRows(db, owner, rows)
}

// restOfKeys marks a place among the keys that did not call, in Page.After and List.Next.
const restOfKeys = "r."

// restAtOnce is through how many of a plan's keys a page looks for those that did not call: where nearly all call, that is far.
const restAtOnce = 10_000

// busiest reads a page: the keys that called, and behind them the rest. With isFew the question names its keys. A page that looked through many of the rest
// for few may be short, and still have a next one.
func (q keyQuestion) busiest(db *gorm.DB, plan models.PlanID, month int64, p models.Page, isFew bool) (rows []busyRow, next string, err error) {
	after, inRest := strings.CutPrefix(p.After, restOfKeys)
	from, err := newestFirst(models.Page{After: after})
	if err != nil {
		return nil, "", err
	}
	limit := limitOf(p)
	if !inRest {
		if p.After == "" {
			from.id = 0
		}
		tables := `usage_key_months u CROSS JOIN keys k`
		if isFew {
			tables = `keys k CROSS JOIN usage_key_months u`
		}
		rows, err = selectAll[busyRow](db, "busiest keys", `SELECT u.key_id, u.requests AS sort, u.requests, u.refused FROM `+tables+`
			WHERE k.id = u.key_id AND u.plan_id = ? AND u.month = ? AND u.requests <= ? AND (u.requests < ? OR u.key_id > ?)`+q.where+` ORDER BY u.requests DESC, u.key_id LIMIT ?`,
			slices.Concat([]any{plan, month, from.sort, from.sort, from.id}, q.args, []any{limit + 1})...)
		if err != nil {
			return nil, "", err
		}
		if len(rows) > limit {
			return rows[:limit], cursor{sort: rows[limit-1].Sort, id: int64(rows[limit-1].KeyID)}.String(), nil
		}
		from = cursor{sort: math.MaxInt64, id: math.MaxInt64}
	}
	to, err := q.endOfRest(db, plan, from, isFew)
	if err != nil {
		return nil, "", err
	}
	tables := `plan_keys pk CROSS JOIN keys k`
	if isFew {
		tables = `keys k CROSS JOIN plan_keys pk`
	}
	rest, err := selectAll[busyRow](db, "keys that did not call", `SELECT pk.key_id, pk.added_at AS sort FROM `+tables+`
		WHERE k.id = pk.key_id AND pk.plan_id = ? AND (pk.added_at, pk.key_id) < (?, ?) AND (pk.added_at, pk.key_id) >= (?, ?)
			AND NOT EXISTS (SELECT 1 FROM usage_key_months u WHERE u.plan_id = pk.plan_id AND u.month = ? AND u.key_id = pk.key_id)`+q.where+`
		ORDER BY pk.added_at DESC, pk.key_id DESC LIMIT ?`, slices.Concat([]any{plan, from.sort, from.id, to.sort, to.id, month}, q.args, []any{limit - len(rows) + 1})...)
	if err != nil {
		return nil, "", err
	}
	rows = append(rows, rest...)
	switch {
	case len(rows) <= limit && to == (cursor{}):
		return rows, "", nil
	case len(rows) <= limit:
		return rows, restOfKeys + to.String(), nil
	}
	// A page may end just where the rest begins: the place before its first key is then the newest one there can be.
	end := cursor{sort: math.MaxInt64, id: math.MaxInt64}
	if len(rest) > 1 {
		end = cursor{sort: rows[limit-1].Sort, id: int64(rows[limit-1].KeyID)}
	}
	return rows[:limit], restOfKeys + end.String(), nil
}

// endOfRest is the place of the last of a plan's keys that a page behind a place looks at; zero: it looks at all of them.
func (q keyQuestion) endOfRest(db *gorm.DB, plan models.PlanID, from cursor, isFew bool) (cursor, error) {
	if isFew {
		return cursor{}, nil
	}
	rows, err := selectAll[place](db, "end of page", `SELECT added_at AS sort, key_id AS id FROM plan_keys WHERE plan_id = ? AND (added_at, key_id) < (?, ?)
		ORDER BY added_at DESC, key_id DESC LIMIT 1 OFFSET ?`, plan, from.sort, from.id, restAtOnce-1)
	if err != nil || len(rows) == 0 {
		return cursor{}, err
	}
	return rows[0].at(), nil
}
