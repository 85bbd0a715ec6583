package store

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"gatehouse/models"
)

// addUsage adds cells to all tables.
func addUsage(ctx context.Context, db gorm.ConnPool, cells []models.UsageCell, h holders) error {
	entries := foldCells(cells, h)
	for i := range usageTables {
		entries = usageTables[i].coarser(entries)
		if err := usageTables[i].add(ctx, db, entries); err != nil {
			return err
		}
	}
	return nil
}

// holders say whose the sums are: the owner of a plan, the developer of a key's app, the customer that calls a plan by a key. What is gone, and a key that an
// owner made, has none.
type holders struct {
	owners, developers map[int64]int64
	customers          map[keyOnPlan]int64
}

// keyOnPlan is a key that calls by a plan.
type keyOnPlan struct{ key, plan int64 }

func holdersOf(ctx context.Context, db gorm.ConnPool, cells []models.UsageCell) (h holders, err error) {
	var plans []models.PlanID
	var keys []models.KeyID
	for i := range cells {
		plans, keys = append(plans, cells[i].PlanID), append(keys, cells[i].KeyID)
	}
	if h.owners, err = pairs(ctx, db, `SELECT id, owner_id FROM plans WHERE id IN (SELECT value FROM json_each(?))`, numberList(plans)); err != nil {
		return h, err
	}
	h.developers, err = pairs(ctx, db, `SELECT k.id, a.account_id FROM keys k JOIN apps a ON a.id = k.app_id WHERE k.id IN (SELECT value FROM json_each(?))`,
		numberList(keys))
	if err != nil {
		return h, err
	}
	return h, h.findCustomers(ctx, db, cells)
}

// pairs reads a query of two numbers.
func pairs(ctx context.Context, db gorm.ConnPool, query string, args ...any) (map[int64]int64, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[int64]int64{}
	for rows.Next() {
		var id, of int64
		if err := rows.Scan(&id, &of); err != nil {
			return nil, err
		}
		found[id] = of
	}
	return found, rows.Err()
}

// usageKey has a row's values in the order of usageKeys.
type usageKey struct {
	kind                usageKind
	id, start           int64
	plan, stage, method int64
}

func (k *usageKey) values() [6]int64 {
	return [...]int64{int64(k.kind), k.id, k.start, k.plan, k.stage, k.method}
}

// otherSums is how many columns add up besides outcomes and latencies.
const otherSums = 6

// usageEntry is a row to add.
type usageEntry struct {
	key  usageKey
	sums [int(models.NumOutcomes) + otherSums + models.NumLatencies]int64
}

// add sums another entry into e.
func (e *usageEntry) add(o *usageEntry) {
	for i, n := range o.sums {
		e.sums[i] += n
	}
}

// entryOf returns what all rows that a cell adds to have in common.
func entryOf(c *models.UsageCell) (e usageEntry) {
	e.sums[c.Outcome] = c.Count
	rest := e.sums[models.NumOutcomes:]
	rest[0], rest[1], rest[2], rest[3], rest[4], rest[5] = c.BytesIn, c.BytesOut, c.ThrottledSeconds, c.Upstream.Microseconds(), c.Gateway.Microseconds(), c.Timed
	copy(rest[otherSums:], c.Latency[:])
	return e
}

// keysOf returns the rows that a cell adds to, by the minute.
func keysOf(c *models.UsageCell, h holders) []usageKey {
	key, plan, stage, method := int64(c.KeyID), int64(c.PlanID), int64(c.StageID), int64(c.MethodID)
	keys := []usageKey{{usageOfKey, key, c.Minute, plan, stage, method}}
	if developer, ok := h.developers[key]; ok {
		keys = append(keys, usageKey{kind: usageOfDeveloper, id: developer, start: c.Minute})
	}
	if customer, ok := h.customers[keyOnPlan{key, plan}]; ok {
		keys = append(keys, usageKey{usageOfCustomer, customer, c.Minute, plan, stage, method})
	}
	if plan == 0 {
		return keys
	}
	if owner, ok := h.owners[plan]; ok {
		keys = append(keys, usageKey{kind: usageOfOwner, id: owner, start: c.Minute})
	}
	return append(keys,
		usageKey{kind: usageOfPlan, id: plan, start: c.Minute},
		usageKey{kind: usageOfPlanMethods, id: plan, start: c.Minute, stage: stage, method: method},
		usageKey{kind: usageOfStage, id: stage, start: c.Minute},
		usageKey{kind: usageOfStageMethods, id: stage, start: c.Minute, method: method})
}

// fold sums entries of the same key.
type fold struct {
	entries []usageEntry
	places  map[usageKey]int
}

func (f *fold) add(key usageKey, e *usageEntry) {
	at, ok := f.places[key]
	if !ok {
		at = len(f.entries)
		f.places[key], f.entries = at, append(f.entries, usageEntry{key: key})
	}
	f.entries[at].add(e)
}

// foldCells returns the rows that the cells add by the minute.
func foldCells(cells []models.UsageCell, h holders) []usageEntry {
	f := fold{places: make(map[usageKey]int, 2*len(cells))}
	for i := range cells {
		e := entryOf(&cells[i])
		for _, key := range keysOf(&cells[i], h) {
			f.add(key, &e)
		}
	}
	return f.entries
}

// coarser returns the rows that finer ones add to the table.
func (t *usageTable) coarser(finer []usageEntry) []usageEntry {
	f := fold{places: make(map[usageKey]int, len(finer))}
	for i := range finer {
		key := finer[i].key
		key.start -= key.start % t.seconds()
		f.add(key, &finer[i])
	}
	return f.entries
}

// add writes the entries in the order of the table: neighbours lie on the same page of the file.
func (t *usageTable) add(ctx context.Context, db gorm.ConnPool, entries []usageEntry) error {
	slices.SortFunc(entries, func(a, b usageEntry) int {
		x, y := a.key.values(), b.key.values()
		return slices.Compare(x[:], y[:])
	})
	values := make([]any, 0, len(entries)*t.upsert.width)
	for i := range entries {
		for _, v := range entries[i].key.values() {
			values = append(values, v)
		}
		for _, v := range entries[i].sums {
			values = append(values, v)
		}
	}
	return t.upsert.run(ctx, db, values)
}
