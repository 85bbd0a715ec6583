package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// statementRow is a row of statements.
type statementRow struct {
	OwnerID, Month, CustomerID, AccountID, ClosedAt int64
	Owner, Customer, Detail                         string
	Charged, Admitted, Refused, Extra               int64
}

func (r statementRow) statement() models.Statement {
	return models.Statement{
		OwnerID: models.AccountID(r.OwnerID), Owner: r.Owner, Month: time.Unix(r.Month*secondsPerDay, 0).UTC(), ClosedAt: time.UnixMilli(r.ClosedAt).UTC(),
		Customer:      models.Consumer{ID: models.ConsumerID(r.CustomerID), AccountID: models.AccountID(r.AccountID), Name: r.Customer, Email: r.Detail},
		StatementSums: models.StatementSums{Charged: r.Charged, Admitted: r.Admitted, Refused: r.Refused, Extra: r.Extra},
	}
}

const statementColumns = `t.owner_id, t.month, t.customer_id, t.account_id, t.customer, t.detail, t.charged, t.admitted, t.refused, t.extra, m.closed_at`

// StatementMonths lists the owner's months, newest first: the one that runs, those that wait to be closed, and at most limit in all.
func (s *Store) StatementMonths(ctx context.Context, owner models.AccountID, now time.Time, limit int) ([]models.StatementMonth, error) {
	db := s.read.WithContext(ctx)
	rows, err := selectAll[struct{ Month, ClosedAt int64 }](db, "closed months", `SELECT month, closed_at FROM statement_months WHERE owner_id = ? ORDER BY month DESC LIMIT ?`, owner, limit)
	if err != nil {
		return nil, err
	}
	waiting, err := monthsToClose(db, owner, models.MonthOf(now).AddDate(0, 1, 0))
	if err != nil {
		return nil, err
	}
	var months []models.StatementMonth
	for i := len(waiting) - 1; i >= 0; i-- {
		open, err := openIn(db, owner, waiting[i])
		if err != nil {
			return nil, err
		}
		months = append(months, models.StatementMonth{Month: waiting[i], Open: open})
	}
	for _, r := range rows {
		months = append(months, models.StatementMonth{Month: time.Unix(r.Month*secondsPerDay, 0).UTC(), ClosedAt: time.UnixMilli(r.ClosedAt).UTC()})
	}
	return months[:min(len(months), limit)], nil
}

// Statements lists the statements of a closed month, the largest first.
func (s *Store) Statements(ctx context.Context, owner models.AccountID, month time.Time, p models.Page) (list models.List[models.Statement], err error) {
	db := s.read.WithContext(ctx)
	after, ok, err := parseCursor(p.After)
	if err != nil {
		return list, err
	}
	if !ok {
		after = cursor{sort: math.MaxInt64}
	}
	rows, err := selectAll[statementRow](db, "statements", `SELECT `+statementColumns+` FROM statement_months m JOIN statements t ON t.owner_id = m.owner_id AND t.month = m.month
		WHERE m.owner_id = ? AND m.month = ? AND t.charged <= ? AND (t.charged < ? OR t.customer_id > ?) ORDER BY t.charged DESC, t.customer_id LIMIT ?`,
		owner, dayOf(month), after.sort, after.sort, after.id, limitOf(p)+1)
	if err != nil {
		return list, err
	}
	return cut(rows, p, func(r statementRow) cursor { return cursor{sort: r.Charged, id: r.CustomerID} }, statementRow.statement), nil
}

// Statement reads the statement of a customer of the owner's, of a closed month.
func (s *Store) Statement(ctx context.Context, owner models.AccountID, month time.Time, customer models.ConsumerID) (models.Statement, error) {
	return s.statement(ctx, `t.owner_id = ? AND t.month = ? AND t.customer_id = ?`, owner, dayOf(month), customer)
}

// AccountStatements lists the statements that owners closed of an account, newest first, at most limit.
func (s *Store) AccountStatements(ctx context.Context, account models.AccountID, limit int) ([]models.Statement, error) {
	rows, err := selectAll[statementRow](s.read.WithContext(ctx), "statements", `SELECT `+statementColumns+`, a.name AS owner FROM statements t
		JOIN statement_months m ON m.owner_id = t.owner_id AND m.month = t.month JOIN accounts a ON a.id = t.owner_id
		WHERE t.account_id = ? AND t.account_id <> 0 ORDER BY t.month DESC, t.owner_id LIMIT ?`, account, limit)
	if err != nil {
		return nil, err
	}
	list := make([]models.Statement, len(rows))
	for i, r := range rows {
		list[i] = r.statement()
	}
	return list, nil
}

// AccountStatement reads a statement of the account's own.
func (s *Store) AccountStatement(ctx context.Context, account models.AccountID, month time.Time, customer models.ConsumerID) (models.Statement, error) {
	return s.statement(ctx, `t.owner_id = (SELECT owner_id FROM usage_customers WHERE id = ?) AND t.month = ? AND t.customer_id = ? AND t.account_id = ? AND t.account_id <> 0`,
		customer, dayOf(month), customer, account)
}

func (s *Store) statement(ctx context.Context, where string, args ...any) (models.Statement, error) {
	db := s.read.WithContext(ctx)
	row, err := selectOne[statementRow](db, "statement", `SELECT `+statementColumns+`, a.name AS owner FROM statements t
		JOIN statement_months m ON m.owner_id = t.owner_id AND m.month = t.month JOIN accounts a ON a.id = t.owner_id WHERE `+where, args...)
	if err != nil {
		return models.Statement{}, err
	}
	st := row.statement()
	lines, err := selectAll[lineRow](db, "lines of statement", `SELECT plan_id, key_id, plan, key, charged, admitted, refused, extra FROM statement_lines
		WHERE owner_id = ? AND month = ? AND customer_id = ? ORDER BY plan, plan_id, key, key_id`, row.OwnerID, row.Month, row.CustomerID)
	for _, l := range lines {
		st.Lines = append(st.Lines, l.line())
	}
	return st, err
}

// lineRow is a row of statement_lines.
type lineRow struct {
	PlanID, KeyID, Charged, Admitted, Refused, Extra int64
	Plan, Key                                        string
}

func (r lineRow) line() models.StatementLine {
	return models.StatementLine{PlanID: models.PlanID(r.PlanID), KeyID: models.KeyID(r.KeyID), Plan: r.Plan, Key: r.Key,
		StatementSums: models.StatementSums{Charged: r.Charged, Admitted: r.Admitted, Refused: r.Refused, Extra: r.Extra}}
}

// EachStatementLine hands all lines of a closed month to fn, by customer, as they are read. The statement has no lines and not its own sums. NotFound when the
// month is not closed.
func (s *Store) EachStatementLine(ctx context.Context, owner models.AccountID, month time.Time, fn func(models.Statement, models.StatementLine) error) error {
	db := s.read.WithContext(ctx)
	if _, err := closedAt(db, owner, month); err != nil {
		return err
	}
	rows, err := db.Raw(`SELECT l.customer_id, t.account_id, t.customer, t.detail, m.closed_at, l.plan_id, l.key_id, l.plan, l.key, l.charged, l.admitted, l.refused, l.extra
		FROM statement_months m JOIN statement_lines l ON l.owner_id = m.owner_id AND l.month = m.month
		JOIN statements t ON t.owner_id = l.owner_id AND t.month = l.month AND t.customer_id = l.customer_id
		WHERE m.owner_id = ? AND m.month = ? ORDER BY l.customer_id, l.plan_id, l.key_id`, owner, dayOf(month)).Rows()
	if err != nil {
		return fmt.Errorf("read statements: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		st, l := statementRow{OwnerID: int64(owner), Month: dayOf(month)}, lineRow{}
		if err := rows.Scan(&st.CustomerID, &st.AccountID, &st.Customer, &st.Detail, &st.ClosedAt, &l.PlanID, &l.KeyID, &l.Plan, &l.Key, &l.Charged, &l.Admitted, &l.Refused, &l.Extra); err != nil {
			return fmt.Errorf("read statements: %w", err)
		}
		if err := fn(st.statement(), l.line()); err != nil {
			return err
		}
	}
	return rows.Err()
}

// StatementsClosed returns when a month of the owner's was closed; NotFound when it is not.
func (s *Store) StatementsClosed(ctx context.Context, owner models.AccountID, month time.Time) (time.Time, error) {
	return closedAt(s.read.WithContext(ctx), owner, month)
}

func closedAt(db *gorm.DB, owner models.AccountID, month time.Time) (time.Time, error) {
	ms, err := selectOne[int64](db, "closed month", `SELECT closed_at FROM statement_months WHERE owner_id = ? AND month = ?`, owner, dayOf(month))
	return time.UnixMilli(ms).UTC(), err
}
