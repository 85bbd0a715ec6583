package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"gatehouse/models"
)

// operationRows is how many operations are written in one transaction.
const operationRows = 200

// operationRow is a row of statement_operations.
type operationRow struct {
	CustomerID, StageID, MethodID, Admitted, Refused int64
	KeyID, PlanID                                    int64 // who called, before it is summed by customer
	Stage, Method                                    string
}

// operations sums what the keys of some rows called in the month, by plan and operation.
func (c *closing) operations(db *gorm.DB, rows []monthRow) ([]operationRow, error) {
	keys := make([]models.KeyID, len(rows))
	for i, r := range rows {
		keys[i] = models.KeyID(r.KeyID)
	}
	var admitted, refused []models.Outcome
	for _, o := range allOutcomes() {
		if o.Admitted() {
			admitted = append(admitted, o)
		} else {
			refused = append(refused, o)
		}
	}
	return selectAll[operationRow](db, "operations of a month", `WITH g AS (SELECT u.id AS key_id, u.plan_id, u.stage_id, u.method_id, sum(`+sumOf("u", admitted)+`) AS admitted, sum(`+sumOf("u", refused)+`) AS refused
			FROM json_each(?) x CROSS JOIN usage_days u ON u.kind = ? AND u.id = x.value WHERE u.start >= ? AND u.start < ? GROUP BY 1, 2, 3, 4)
		SELECT g.*, coalesce(nullif(`+labelStage+`, ''), 'Deleted stage') AS stage, `+labelMethod+` AS method
		FROM g LEFT JOIN methods m ON m.id = g.method_id`+joinStage, numberList(keys), int64(usageOfKey), c.month.Unix(), c.month.AddDate(0, 1, 0).Unix())
}

// writeOperations adds operations to the statements of the customers to whom the rows of their keys belong.
func (c *closing) writeOperations(rows []monthRow, operations []operationRow) error {
	customers := make(map[keyOnPlan]int64, len(rows))
	for _, r := range rows {
		customers[keyOnPlan{r.KeyID, r.PlanID}] = r.CustomerID
	}
	type place struct{ customer, stage, method int64 }
	at := map[place]int{}
	var sums []operationRow
	for _, o := range operations {
		customer, billed := customers[keyOnPlan{o.KeyID, o.PlanID}]
		if !billed { // on another's plan
			continue
		}
		p := place{customer, o.StageID, o.MethodID}
		i, ok := at[p]
		if !ok {
			i = len(sums)
			at[p], sums = i, append(sums, operationRow{CustomerID: customer, StageID: o.StageID, MethodID: o.MethodID, Stage: o.Stage, Method: o.Method})
		}
		sums[i].Admitted, sums[i].Refused = sums[i].Admitted+o.Admitted, sums[i].Refused+o.Refused
	}
	for len(sums) > 0 {
		n := min(len(sums), operationRows)
		if err := c.addOperations(sums[:n]); err != nil {
			return err
		}
		sums = sums[n:]
	}
	return nil
}

func (c *closing) addOperations(sums []operationRow) error {
	insert := newUpsert(`INSERT INTO statement_operations (owner_id, month, customer_id, stage_id, method_id, stage, method, admitted, refused)`, 9,
		`ON CONFLICT DO UPDATE SET admitted = admitted + excluded.admitted, refused = refused + excluded.refused`)
	values := make([]any, 0, 9*len(sums))
	for _, o := range sums {
		values = append(values, int64(c.owner), dayOf(c.month), o.CustomerID, o.StageID, o.MethodID, o.Stage, o.Method, o.Admitted, o.Refused)
	}
	return c.s.write.WithContext(c.ctx).Transaction(func(db *gorm.DB) error {
		return insert.run(context.WithoutCancel(c.ctx), db.Statement.ConnPool, values)
	})
}

// StatementOperations lists what a customer called in a closed month, by operation, most requests first, at most limit. Months that were closed before operations
// were kept have none.
func (s *Store) StatementOperations(ctx context.Context, st models.Statement, limit int) ([]models.StatementOperation, error) {
	rows, err := selectAll[operationRow](s.read.WithContext(ctx), "operations of statement", `SELECT stage_id, method_id, stage, method, admitted, refused FROM statement_operations
		WHERE owner_id = ? AND month = ? AND customer_id = ? ORDER BY admitted + refused DESC, stage, method, stage_id, method_id LIMIT ?`, st.OwnerID, dayOf(st.Month), st.Customer.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("read statement: %w", err)
	}
	found := make([]models.StatementOperation, len(rows))
	for i, r := range rows {
		found[i] = models.StatementOperation{StageID: models.StageID(r.StageID), MethodID: models.MethodID(r.MethodID), Stage: r.Stage, Method: r.Method, Admitted: r.Admitted, Refused: r.Refused}
	}
	return found, nil
}
