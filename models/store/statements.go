package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

const (
	// closeAfter is how long after its end a month is closed: clocks of a few minutes' difference, and what was open then, are over.
	closeAfter = time.Hour
	// statementLines is how many lines are written in one transaction.
	statementLines = 100
)

// CloseMonths makes the statements of months that are over, of every owner, and closes them for good. The caller has committed everything that was metered.
// A month of whose requests some are still being answered, and could be given back, waits for the next call. It stops early when ctx ends, and the next
// call goes on.
func (s *Store) CloseMonths(ctx context.Context, now time.Time) error {
	db := s.read.WithContext(ctx)
	owners, err := selectAll[models.AccountID](db, "owners of plans", `SELECT a.id FROM accounts a WHERE EXISTS (SELECT 1 FROM plans p WHERE p.owner_id = a.id) ORDER BY a.id`)
	if err != nil {
		return err
	}
	end := models.MonthOf(now.Add(-closeAfter))
	for _, owner := range owners {
		months, err := monthsToClose(db, owner, end)
		if err != nil {
			return err
		}
		for _, month := range months {
			if err := s.closeMonth(ctx, owner, month, now); err != nil {
				return fmt.Errorf("close %s of owner %d: %w", month.Format("January 2006"), owner, err)
			}
		}
	}
	return nil
}

// monthsToClose are an owner's months before end that are not closed, from the first in which anything was counted.
func monthsToClose(db *gorm.DB, owner models.AccountID, end time.Time) (months []time.Time, err error) {
	first, err := selectOne[struct{ Counted, Unknown int64 }](db, "months", `SELECT
		coalesce((SELECT min(month) FROM usage_key_months WHERE owner_id = ?), 0) AS counted,
		coalesce((SELECT max(month) FROM usage_key_months WHERE owner_id = ? AND charged IS NULL), 0) AS unknown`, owner, owner)
	if err != nil || first.Counted == 0 {
		return nil, err
	}
	begin := time.Unix(first.Counted*secondsPerDay, 0).UTC()
	if first.Unknown != 0 { // what was charged is kept since the month after
		begin = time.Unix(first.Unknown*secondsPerDay, 0).UTC().AddDate(0, 1, 0)
	}
	closed, err := selectAll[int64](db, "closed months", `SELECT month FROM statement_months WHERE owner_id = ?`, owner)
	if err != nil {
		return nil, err
	}
	is := map[int64]bool{}
	for _, month := range closed {
		is[month] = true
	}
	for m := begin; m.Before(end); m = m.AddDate(0, 1, 0) {
		if !is[dayOf(m)] {
			months = append(months, m)
		}
	}
	return months, nil
}

// closing is the work on one month of an owner.
type closing struct {
	s       *Store
	ctx     context.Context
	owner   models.AccountID
	month   time.Time
	extra   map[keyOnPlan]int64 // granted, not in a line yet
	charged int64               // in the lines
}

func (s *Store) closeMonth(ctx context.Context, owner models.AccountID, month, now time.Time) error {
	c := closing{s: s, ctx: ctx, owner: owner, month: month}
	db := s.read.WithContext(ctx)
	if open, err := openIn(db, owner, month); err != nil || open > 0 {
		return err
	}
	if err := c.clear(); err != nil {
		return err
	}
	if err := c.readExtra(db); err != nil {
		return err
	}
	for at := (monthRow{}); ; {
		rows, err := c.next(db, at)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		at = rows[len(rows)-1] // before it is put to another customer
		if err := c.write(rows); err != nil {
			return err
		}
	}
	rows, err := c.unused(db)
	if err != nil {
		return err
	}
	for len(rows) > 0 {
		n := min(len(rows), statementLines)
		if err := c.write(rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	metered, err := selectOne[int64](db, "what is charged", `SELECT coalesce(sum(charged), 0) FROM usage_key_months WHERE owner_id = ? AND month = ?`, owner, dayOf(month))
	if err != nil || metered != c.charged {
		return err // something was given back meanwhile: the next call makes the lines anew
	}
	return s.write.WithContext(ctx).Exec(`INSERT INTO statement_months (owner_id, month, closed_at) VALUES (?, ?, ?)`, owner, dayOf(month), millis(now)).Error
}

// openIn counts the requests that began in a month, are not answered yet, and are given back if their upstream fails.
func openIn(db *gorm.DB, owner models.AccountID, month time.Time) (int64, error) {
	return selectOne[int64](db, "open requests", `SELECT coalesce(sum(o.n), 0) FROM usage_open o JOIN plans p ON p.id = o.plan_id
		WHERE p.owner_id = ? AND o.minute >= ? AND o.minute < ?
			AND EXISTS (SELECT 1 FROM plan_versions v WHERE v.plan_id = p.id AND json_extract(v.terms, '$.charge') = ?)`,
		owner, month.Unix(), month.AddDate(0, 1, 0).Unix(), string(models.ChargeDelivered))
}

// clear removes the lines of an attempt that was not finished.
func (c *closing) clear() error {
	for _, table := range []struct{ name, keys string }{
		{"statement_operations", "owner_id, month, customer_id, stage_id, method_id"}, {"statement_lines", "owner_id, month, customer_id, plan_id, key_id"}, {"statements", "owner_id, month, customer_id"},
	} {
		for {
			gone := c.s.write.WithContext(c.ctx).Exec(`DELETE FROM `+table.name+` WHERE (`+table.keys+`) IN
				(SELECT `+table.keys+` FROM `+table.name+` WHERE owner_id = ? AND month = ? LIMIT ?)`, c.owner, dayOf(c.month), statementLines)
			if gone.Error != nil {
				return fmt.Errorf("begin anew: %w", gone.Error)
			}
			if gone.RowsAffected < statementLines {
				break
			}
		}
	}
	return nil
}

func (c *closing) readExtra(db *gorm.DB) error {
	rows, err := selectAll[struct{ KeyID, PlanID, Extra int64 }](db, "extensions", `SELECT e.key_id, e.plan_id, sum(e.extra) AS extra FROM quota_extensions e JOIN plans p ON p.id = e.plan_id
		WHERE p.owner_id = ? AND e.at >= ? AND e.at < ? GROUP BY 1, 2`, c.owner, millis(c.month), millis(c.month.AddDate(0, 1, 0)))
	c.extra = make(map[keyOnPlan]int64, len(rows))
	for _, r := range rows {
		c.extra[keyOnPlan{r.KeyID, r.PlanID}] = r.Extra
	}
	return err
}

// monthRow is what one key called on one plan in a month, with names.
type monthRow struct {
	CustomerID, PlanID, KeyID  int64
	Requests, Refused, Charged int64
	Plan, Key                  string
	Reference                  *string // of the key of an owner's own, as it is now; nil: another's, or gone
	Account                    int64   // of the customer, with what follows
	Name, Email, Known         string
}

const monthRowNames = `coalesce(p.name, 'Deleted plan') AS plan, coalesce(k.name, 'Deleted key') AS key, CASE WHEN k.owner_id IS NOT NULL THEN k.customer_id END AS reference,
	coalesce(a.id, c.account_id, 0) AS account, coalesce(a.name, '') AS name, coalesce(a.email, '') AS email, coalesce(c.name, '') AS known`

// next reads some rows behind another, in the order of their index.
func (c *closing) next(db *gorm.DB, after monthRow) ([]monthRow, error) {
	return selectAll[monthRow](db, "usage of a month", `SELECT m.customer_id, m.plan_id, m.key_id, m.requests, m.refused, m.charged, `+monthRowNames+`
		FROM usage_key_months m LEFT JOIN plans p ON p.id = m.plan_id LEFT JOIN keys k ON k.id = m.key_id
		LEFT JOIN usage_customers c ON c.id = m.customer_id LEFT JOIN accounts a ON a.id = c.account_id
		WHERE m.owner_id = ? AND m.month = ? AND (m.customer_id, m.plan_id, m.key_id) > (?, ?, ?)
		ORDER BY m.customer_id, m.plan_id, m.key_id LIMIT ?`, c.owner, dayOf(c.month), after.CustomerID, after.PlanID, after.KeyID, statementLines)
}

// unused are keys that were granted an extension and did not call.
func (c *closing) unused(db *gorm.DB) (rows []monthRow, err error) {
	for at := range c.extra {
		row, err := selectOne[monthRow](db, "key", `SELECT coalesce(c.id, 0) AS customer_id, p.id AS plan_id, k.id AS key_id, `+monthRowNames+`
			FROM plans p JOIN keys k ON k.id = ? LEFT JOIN apps ap ON ap.id = k.app_id
			LEFT JOIN usage_customers c ON c.owner_id = p.owner_id AND c.account_id = coalesce(ap.account_id, 0) AND c.name = CASE WHEN k.app_id IS NULL THEN k.customer_id ELSE '' END
			LEFT JOIN accounts a ON a.id = ap.account_id WHERE p.id = ?`, at.key, at.plan)
		if models.KindOf(err) == models.KindNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// write adds what some keys called to the statements of their customers, with the operations.
func (c *closing) write(rows []monthRow) error {
	operations, err := c.operations(c.s.read.WithContext(c.ctx), rows)
	if err != nil {
		return err
	}
	if err := c.writeLines(rows); err != nil {
		return err
	}
	return c.writeOperations(rows, operations)
}

// writeLines adds lines to the statements of their customers. An owner's own key is of the customer whose reference it has now.
func (c *closing) writeLines(rows []monthRow) error {
	return c.s.write.WithContext(c.ctx).Transaction(func(db *gorm.DB) error {
		pool, ctx := db.Statement.ConnPool, context.WithoutCancel(c.ctx)
		if err := c.rename(ctx, pool, rows); err != nil {
			return err
		}
		lines := newUpsert(`INSERT INTO statement_lines (owner_id, month, customer_id, plan_id, key_id, plan, key, charged, admitted, refused, extra)`, 11,
			`ON CONFLICT DO UPDATE SET charged = charged + excluded.charged, admitted = admitted + excluded.admitted, refused = refused + excluded.refused, extra = extra + excluded.extra`)
		sums := newUpsert(`INSERT INTO statements (owner_id, month, customer_id, account_id, customer, detail, charged, admitted, refused, extra)`, 10,
			`ON CONFLICT DO UPDATE SET charged = charged + excluded.charged, admitted = admitted + excluded.admitted, refused = refused + excluded.refused, extra = extra + excluded.extra`)
		var lineValues, sumValues []any
		owner, month := int64(c.owner), dayOf(c.month)
		for _, r := range rows {
			at := keyOnPlan{r.KeyID, r.PlanID}
			extra := c.extra[at]
			delete(c.extra, at)
			lineValues = append(lineValues, owner, month, r.CustomerID, r.PlanID, r.KeyID, r.Plan, r.Key, r.Charged, r.Requests, r.Refused, extra)
			name, detail := r.Name, r.Email
			if r.Account == 0 {
				name, detail = r.Known, ""
			}
			sumValues = append(sumValues, owner, month, r.CustomerID, r.Account, name, detail, r.Charged, r.Requests, r.Refused, extra)
			c.charged += r.Charged
		}
		return firstError(lines.run(ctx, pool, lineValues), sums.run(ctx, pool, sumValues))
	})
}

// rename puts the rows of an owner's own keys to the customers whose references they have now, and those of keys that never called to their customers.
func (c *closing) rename(ctx context.Context, db gorm.ConnPool, rows []monthRow) error {
	moved := map[customerName][]int{}
	for i, r := range rows {
		name := customerName{owner: int64(c.owner), account: r.Account, name: r.Known}
		if r.Reference != nil {
			name.account, name.name = 0, *r.Reference
		}
		if r.CustomerID == 0 || name.name != r.Known {
			moved[name] = append(moved[name], i)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	ids, err := customerIDs(ctx, db, moved)
	if err != nil {
		return err
	}
	for name, list := range moved {
		for _, i := range list {
			rows[i].CustomerID, rows[i].Account, rows[i].Known = ids[name], name.account, name.name
		}
	}
	return nil
}
