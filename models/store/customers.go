package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type customerRow struct {
	AccountID     models.AccountID
	Email         string
	Name          string
	Since         int64
	Subscriptions int
	Waiting       int
}

const customerQuery = `SELECT c.account_id, a.email, a.name, c.since,
		(SELECT count(*) FROM apps ap CROSS JOIN subscriptions s ON s.app_id = ap.id CROSS JOIN plans p ON p.id = s.plan_id
			WHERE ap.account_id = c.account_id AND p.owner_id = c.owner_id AND p.ended = 0 AND s.state IN ('pending', 'active', 'suspended')) AS subscriptions,
		(SELECT count(*) FROM apps ap CROSS JOIN subscriptions s ON s.app_id = ap.id CROSS JOIN plans p ON p.id = s.plan_id
			WHERE ap.account_id = c.account_id AND p.owner_id = c.owner_id AND p.ended = 0 AND s.state = 'pending') AS waiting
	FROM customers c CROSS JOIN accounts a ON a.id = c.account_id `

func (r customerRow) at() cursor { return cursor{sort: r.Since, id: int64(r.AccountID)} }

func (r customerRow) customer() models.Customer {
	return models.Customer{AccountID: r.AccountID, Email: r.Email, Name: r.Name, Since: timeOf(r.Since), Subscriptions: r.Subscriptions, Waiting: r.Waiting}
}

// Customers lists the developers who ever subscribed to a plan of an owner, newest first. Search is a prefix of the e-mail address or the name.
func (s *Store) Customers(ctx context.Context, owner models.AccountID, p models.Page) (list models.List[models.Customer], err error) {
	from, err := newestFirst(p)
	if err != nil {
		return list, err
	}
	db := s.read.WithContext(ctx)
	where, args := `WHERE c.owner_id = ? AND (c.since, c.account_id) < (?, ?) `, []any{owner, from.sort, from.id}
	if p.Search != "" {
		low, high := prefixRange(p.Search)
		ids, isFew, err := fewOf[models.AccountID](db, []string{`SELECT id FROM accounts WHERE lower(email) >= lower(?) AND lower(email) < lower(?)`,
			`SELECT id FROM accounts WHERE name COLLATE NOCASE >= ? AND name COLLATE NOCASE < ?`}, low, high, low, high)
		if err != nil {
			return list, err
		}
		if isFew {
			where, args = where+`AND c.account_id IN ? `, append(args, ids)
		} else {
			where += `AND (lower(a.email) >= lower(?) AND lower(a.email) < lower(?) OR a.name COLLATE NOCASE >= ? AND a.name COLLATE NOCASE < ?) `
			args = append(args, low, high, low, high)
		}
	}
	rows, err := selectAll[customerRow](db, "customers", customerQuery+where+`ORDER BY c.since DESC, c.account_id DESC LIMIT ?`, append(args, limitOf(p)+1)...)
	if err != nil {
		return list, err
	}
	return cut(rows, p, customerRow.at, customerRow.customer), nil
}

// Customer reads a developer who subscribed to a plan of an owner; nobody else is found (R9).
func (s *Store) Customer(ctx context.Context, owner, account models.AccountID) (models.Customer, error) {
	row, err := selectOne[customerRow](s.read.WithContext(ctx), "customer", customerQuery+`WHERE c.owner_id = ? AND c.account_id = ?`, owner, account)
	return row.customer(), err
}

// CustomersOfKeys lists the customer ids of the keys that an owner made, in order. Search is a prefix; the place in the list is a customer id.
func (s *Store) CustomersOfKeys(ctx context.Context, owner models.AccountID, p models.Page) (list models.List[models.CustomerOfKeys], err error) {
	low, high := prefixRange(p.Search)
	if p.Search == "" {
		high = "\U0010FFFF"
	}
	// Each step looks one customer id up in the index, however many keys it has.
	type row struct {
		CustomerID string
		Keys       int
	}
	rows, err := selectAll[row](s.read.WithContext(ctx), "customer ids", `WITH RECURSIVE x (customer_id, n) AS (
			SELECT (SELECT min(customer_id COLLATE NOCASE) FROM keys WHERE owner_id = ? AND customer_id COLLATE NOCASE >= ? AND customer_id COLLATE NOCASE > ? AND customer_id COLLATE NOCASE < ? AND customer_id <> ''), 1
			UNION ALL
			SELECT (SELECT min(k.customer_id COLLATE NOCASE) FROM keys k WHERE k.owner_id = ? AND k.customer_id COLLATE NOCASE > x.customer_id AND k.customer_id COLLATE NOCASE < ? AND k.customer_id <> ''), n + 1
			FROM x WHERE x.customer_id IS NOT NULL AND n < ?)
		SELECT x.customer_id, (SELECT count(*) FROM (SELECT 1 FROM keys k WHERE k.owner_id = ? AND k.customer_id COLLATE NOCASE = x.customer_id AND k.customer_id <> '' AND k.revoked_at IS NULL LIMIT 1000)) AS keys
		FROM x WHERE x.customer_id IS NOT NULL`, owner, low, p.After, high, owner, high, limitOf(p)+1, owner)
	if err != nil {
		return list, err
	}
	if limit := limitOf(p); len(rows) > limit {
		rows = rows[:limit]
		list.Next = rows[limit-1].CustomerID
	}
	for _, r := range rows {
		list.Items = append(list.Items, models.CustomerOfKeys{CustomerID: r.CustomerID, Keys: r.Keys})
	}
	return list, nil
}

// customerListed bounds what a customer's page lists of one kind.
const customerListed = 100

// CustomerSubscriptions lists a developer's subscriptions to an owner's plans, newest request first, at most 100.
func (s *Store) CustomerSubscriptions(ctx context.Context, owner, account models.AccountID) ([]models.SubscriptionRow, error) {
	db := s.read.WithContext(ctx)
	ids, err := selectAll[models.SubscriptionID](db, "subscriptions of customer", `SELECT s.id FROM apps a CROSS JOIN subscriptions s ON s.app_id = a.id CROSS JOIN plans p ON p.id = s.plan_id
		WHERE a.account_id = ? AND p.owner_id = ? ORDER BY s.requested_at DESC, s.id DESC LIMIT ?`, account, owner, customerListed)
	if err != nil {
		return nil, err
	}
	rows, err := selectAll[subscriptionListRow](db, "subscriptions of customer", subscriptionQuery+`WHERE s.id IN ? ORDER BY s.requested_at DESC, s.id DESC`, ids)
	if err != nil {
		return nil, err
	}
	return subscriptionRows(db, rows)
}

// CustomerKeys lists a customer's keys that are not revoked, newest first, at most 100: a developer's keys on an owner's plans, or those that the owner made with a
// customer id.
func (s *Store) CustomerKeys(ctx context.Context, owner models.AccountID, who models.CustomerRef) ([]models.KeyRow, error) {
	db := s.read.WithContext(ctx)
	query, args := `SELECT k.id FROM keys k WHERE k.owner_id = ? AND k.customer_id COLLATE NOCASE = ? AND k.customer_id <> '' AND k.revoked_at IS NULL ORDER BY k.created_at DESC, k.id DESC LIMIT ?`,
		[]any{owner, who.CustomerID, customerListed}
	if who.AccountID != 0 {
		query, args = `SELECT k.id FROM apps a CROSS JOIN keys k ON k.app_id = a.id WHERE a.account_id = ? AND k.revoked_at IS NULL
			AND EXISTS (SELECT 1 FROM plan_keys pk CROSS JOIN plans p ON p.id = pk.plan_id WHERE pk.key_id = k.id AND p.owner_id = ?) ORDER BY k.created_at DESC, k.id DESC LIMIT ?`,
			[]any{who.AccountID, owner, customerListed}
	}
	ids, err := selectAll[models.KeyID](db, "keys of customer", query, args...)
	if err != nil {
		return nil, err
	}
	rows, err := keysByID(db, ids)
	if err != nil {
		return nil, err
	}
	return keyListRows(db, owner, rows)
}

// CustomerEvents lists what happened to some things of an owner's, or of a customer's that concern him, newest first, at most 50.
func (s *Store) CustomerEvents(ctx context.Context, owner models.AccountID, objects []string) ([]models.Event, error) {
	if len(objects) == 0 {
		return nil, nil
	}
	rows, err := selectAll[eventRow](s.read.WithContext(ctx), "events of customer", `SELECT * FROM events WHERE object_id IN ? AND owner_id = ? ORDER BY at DESC, id DESC LIMIT 50`, objects, owner)
	events := make([]models.Event, len(rows))
	for i, r := range rows {
		events[i] = r.event()
	}
	return events, err
}

// noteWhere selects an owner's notes of a customer.
func noteWhere(owner models.AccountID, who models.CustomerRef) (string, []any) {
	if who.AccountID != 0 {
		return `owner_id = ? AND account_id = ?`, []any{owner, who.AccountID}
	}
	return `owner_id = ? AND customer_id = ? AND account_id IS NULL`, []any{owner, who.CustomerID}
}

// CustomerNotes lists what an owner noted of a customer, newest first, at most 100.
func (s *Store) CustomerNotes(ctx context.Context, owner models.AccountID, who models.CustomerRef) ([]models.CustomerNote, error) {
	where, args := noteWhere(owner, who)
	type row struct {
		ID           models.CustomerNoteID
		Text, Author string
		At           int64
	}
	rows, err := selectAll[row](s.read.WithContext(ctx), "notes", `SELECT id, text, author, at FROM customer_notes WHERE `+where+` ORDER BY at DESC, id DESC LIMIT ?`, append(args, customerListed)...)
	notes := make([]models.CustomerNote, len(rows))
	for i, r := range rows {
		notes[i] = models.CustomerNote{ID: r.ID, Text: r.Text, Author: r.Author, At: timeOf(r.At)}
	}
	return notes, err
}

// AddCustomerNote notes something of a customer of the actor's; field "text", 1 to 2,000 characters. Nobody else reads it.
func (s *Store) AddCustomerNote(ctx context.Context, actor models.Actor, who models.CustomerRef, text string, now time.Time) error {
	text, err := models.CleanText("text", text, 2000)
	if err != nil {
		return err
	}
	if text == "" {
		return models.Invalid("text", "Write something to note.")
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		if err := t.isCustomer(who); err != nil {
			return err
		}
		return t.run("note", `INSERT INTO customer_notes (id, owner_id, account_id, customer_id, text, author, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			newID[models.CustomerNote](), actor.AccountID, sql.NullInt64{Int64: int64(who.AccountID), Valid: who.AccountID != 0}, who.CustomerID, text, actor.Label, millis(t.now))
	})
}

// RemoveCustomerNote removes a note of the actor's.
func (s *Store) RemoveCustomerNote(ctx context.Context, actor models.Actor, id models.CustomerNoteID, now time.Time) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		return t.run("remove note", `DELETE FROM customer_notes WHERE id = ? AND owner_id = ?`, id, actor.AccountID)
	})
}

// isCustomer answers that there is no such customer of the actor's.
func (t *tx) isCustomer(who models.CustomerRef) error {
	return isCustomer(t.DB, t.actor.AccountID, who)
}

func isCustomer(db *gorm.DB, owner models.AccountID, who models.CustomerRef) error {
	query, args := `SELECT EXISTS (SELECT 1 FROM keys WHERE owner_id = ? AND customer_id COLLATE NOCASE = ? AND customer_id <> '')`, []any{owner, who.CustomerID}
	if who.AccountID != 0 {
		query, args = `SELECT EXISTS (SELECT 1 FROM customers WHERE owner_id = ? AND account_id = ?)`, []any{owner, who.AccountID}
	}
	found, err := selectOne[bool](db, "customer", query, args...)
	if err == nil && !found {
		err = models.NotFound("customer")
	}
	return err
}

// IsCustomer answers that there is no such customer of an owner's.
func (s *Store) IsCustomer(ctx context.Context, owner models.AccountID, who models.CustomerRef) error {
	return isCustomer(s.read.WithContext(ctx), owner, who)
}
