package store

import (
	"context"

	"gorm.io/gorm"

	"gatehouse/models"
)

const consumerQuery = `SELECT c.id AS customer_id, c.account_id, c.name AS reference, coalesce(a.name, '') AS name, coalesce(a.email, '') AS email
	FROM usage_customers c LEFT JOIN accounts a ON a.id = c.account_id `

// UsageCustomers returns which customers of an owner a breakdown is made of: all, if they are at most limit; else those that called most in the last seven whole
// days (UTC), and all is false.
func (s *Store) UsageCustomers(ctx context.Context, owner models.AccountID, limit int) (ids []models.ConsumerID, all bool, err error) {
	db := s.read.WithContext(ctx)
	ids, err = selectAll[models.ConsumerID](db, "customers", `SELECT id FROM usage_customers WHERE owner_id = ? LIMIT ?`, owner, limit+1)
	if err != nil || len(ids) <= limit {
		return ids, true, err
	}
	ids, err = selectAll[models.ConsumerID](db, "busiest customers", `SELECT customer_id FROM customer_weeks WHERE owner_id = ? AND requests > 0 ORDER BY requests DESC, customer_id LIMIT ?`, owner, limit)
	return ids, false, err
}

// FindConsumers lists customers of an owner whose name, e-mail address or reference begins with a text, at most limit; without a text those that called most in the
// last seven whole days.
func (s *Store) FindConsumers(ctx context.Context, owner models.AccountID, text string, limit int) ([]models.Consumer, error) {
	db := s.read.WithContext(ctx)
	var rows []weekRow
	var err error
	if text == "" {
		rows, err = busiestConsumers(db, owner, limit)
	} else {
		rows, err = consumersCalled(db, owner, text, limit)
	}
	found := make([]models.Consumer, len(rows))
	for i, r := range rows {
		found[i] = consumerOf(r.CustomerID, r.AccountID, r.Reference, r.Name, r.Email)
	}
	return found, err
}

func busiestConsumers(db *gorm.DB, owner models.AccountID, limit int) ([]weekRow, error) {
	rows, err := selectAll[weekRow](db, "busiest customers", `SELECT c.id AS customer_id, c.account_id, c.name AS reference, coalesce(a.name, '') AS name, coalesce(a.email, '') AS email
		FROM (SELECT customer_id, requests FROM customer_weeks WHERE owner_id = ? AND requests > 0 ORDER BY requests DESC, customer_id LIMIT ?) page
		JOIN usage_customers c ON c.id = page.customer_id LEFT JOIN accounts a ON a.id = c.account_id ORDER BY page.requests DESC, page.customer_id`, owner, limit)
	if err != nil || len(rows) > 0 {
		return rows, err
	}
	return selectAll[weekRow](db, "customers", consumerQuery+`WHERE c.owner_id = ? ORDER BY c.account_id, c.name LIMIT ?`, owner, limit) // of the first week
}

func consumersCalled(db *gorm.DB, owner models.AccountID, text string, limit int) ([]weekRow, error) {
	low, high := prefixRange(text)
	rows, err := selectAll[weekRow](db, "customers by reference", consumerQuery+`WHERE c.owner_id = ? AND c.account_id = 0 AND c.name COLLATE NOCASE >= ? AND c.name COLLATE NOCASE < ?
		ORDER BY c.name COLLATE NOCASE, c.id LIMIT ?`, owner, low, high, limit)
	if err != nil {
		return nil, err
	}
	ids, isFew, err := fewOf[models.AccountID](db, []string{`SELECT id FROM accounts WHERE lower(email) >= lower(?) AND lower(email) < lower(?)`,
		`SELECT id FROM accounts WHERE name COLLATE NOCASE >= ? AND name COLLATE NOCASE < ?`}, low, high, low, high)
	if err != nil {
		return nil, err
	}
	where, args := `WHERE c.owner_id = ? AND c.account_id IN ? `, []any{owner, ids}
	if !isFew {
		where = `WHERE c.owner_id = ? AND c.account_id > 0 AND (lower(a.email) >= lower(?) AND lower(a.email) < lower(?) OR a.name COLLATE NOCASE >= ? AND a.name COLLATE NOCASE < ?) `
		args = []any{owner, low, high, low, high}
	}
	accounts, err := selectAll[weekRow](db, "customers by account", consumerQuery+where+`ORDER BY c.account_id, c.id LIMIT ?`, append(args, limit)...)
	rows = append(accounts, rows...)
	return rows[:min(len(rows), limit)], err
}
