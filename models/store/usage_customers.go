package store

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"gatehouse/models"
)

// customerName is what tells customers of all owners apart: a developer, or the reference that the owner's keys have.
type customerName struct {
	owner, account int64
	name           string
}

// findCustomers finds who calls, and makes customers of those who call for the first time.
func (h *holders) findCustomers(ctx context.Context, db gorm.ConnPool, cells []models.UsageCell) error {
	references, err := referencesOf(ctx, db, cells, h.developers)
	if err != nil {
		return err
	}
	h.customers = map[keyOnPlan]int64{}
	callers := map[customerName][]keyOnPlan{}
	for i := range cells {
		at := keyOnPlan{int64(cells[i].KeyID), int64(cells[i].PlanID)}
		owner, owned := h.owners[at.plan] // calls on no plan are of nobody's
		c := customerName{owner: owner, account: h.developers[at.key]}
		if _, seen := h.customers[at]; seen || !owned && (at.plan != 0 || c.account == 0) {
			continue
		}
		if c.account == 0 {
			reference, there := references[at.key]
			if !there {
				continue // the key is gone
			}
			c.name = reference
		}
		h.customers[at] = 0
		callers[c] = append(callers[c], at)
	}
	if len(callers) == 0 {
		return nil
	}
	ids, err := customerIDs(ctx, db, callers)
	if err != nil {
		return err
	}
	for c, calls := range callers {
		for _, at := range calls {
			h.customers[at] = ids[c]
		}
	}
	return nil
}

// referencesOf reads which customers an owner's own keys are for.
func referencesOf(ctx context.Context, db gorm.ConnPool, cells []models.UsageCell, developers map[int64]int64) (map[int64]string, error) {
	var keys []models.KeyID
	for i := range cells {
		if _, ok := developers[int64(cells[i].KeyID)]; !ok {
			keys = append(keys, cells[i].KeyID)
		}
	}
	found := map[int64]string{}
	if len(keys) == 0 {
		return found, nil
	}
	rows, err := db.QueryContext(ctx, `SELECT id, customer_id FROM keys WHERE id IN (SELECT value FROM json_each(?)) AND app_id IS NULL`, numberList(keys))
	if err != nil {
		return nil, fmt.Errorf("read whose keys are: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		found[id] = name
	}
	return found, rows.Err()
}

// customerIDs reads the ids of customers; those that there are not are made.
func customerIDs[T any](ctx context.Context, db gorm.ConnPool, names map[customerName]T) (map[customerName]int64, error) {
	list := make([][3]any, 0, len(names))
	for c := range names {
		list = append(list, [3]any{c.owner, c.account, c.name})
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("name customers: %w", err)
	}
	rows, err := db.QueryContext(ctx, `SELECT c.id, c.owner_id, c.account_id, c.name FROM json_each(?) x CROSS JOIN usage_customers c
		ON c.owner_id = json_extract(x.value, '$[0]') AND c.account_id = json_extract(x.value, '$[1]') AND c.name = json_extract(x.value, '$[2]')`, string(text))
	if err != nil {
		return nil, fmt.Errorf("read customers: %w", err)
	}
	defer rows.Close()
	ids := make(map[customerName]int64, len(names))
	for rows.Next() {
		var id int64
		var c customerName
		if err := rows.Scan(&id, &c.owner, &c.account, &c.name); err != nil {
			return nil, fmt.Errorf("read customers: %w", err)
		}
		ids[c] = id
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read customers: %w", err)
	}
	_ = rows.Close() // before the writes: its errors were read
	for c := range names {
		if _, ok := ids[c]; ok {
			continue
		}
		ids[c] = int64(newID[models.Consumer]())
		if _, err := db.ExecContext(ctx, `INSERT INTO usage_customers (id, owner_id, account_id, name) VALUES (?, ?, ?, ?)`, ids[c], c.owner, c.account, c.name); err != nil {
			return nil, fmt.Errorf("note customer: %w", err)
		}
	}
	return ids, nil
}
