package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// weekCustomers is how many customers are written in one transaction.
const weekCustomers = 100

// weekRow is a row of customer_weeks.
type weekRow struct {
	OwnerID, CustomerID                       int64
	Requests, Before, Throttled, Failed       int64
	KeyID, PlanID                             int64
	Share                                     float64
	Day, AccountID                            int64
	Reference, Name, Email, KeyName, PlanName string
}

func (r weekRow) empty() bool {
	return r.Requests == 0 && r.Before == 0 && r.Throttled == 0 && r.Share == 0
}

// RefreshCustomers computes anew how customers of all owners called in the last seven whole days (UTC), and how near their keys are to their quotas. It reads
// beside everybody, and writes in short transactions.
func (s *Store) RefreshCustomers(ctx context.Context, now time.Time) error {
	day := dayOf(now)
	db := s.read.WithContext(ctx)
	for after := int64(0); ; {
		rows, err := selectAll[weekRow](db, "customers", `SELECT c.id AS customer_id, c.owner_id,
			coalesce(sum(CASE WHEN u.start >= ? THEN `+sumOf("u", allOutcomes())+` END), 0) AS requests,
			coalesce(sum(CASE WHEN u.start < ? THEN `+sumOf("u", allOutcomes())+` END), 0) AS before,
			coalesce(sum(CASE WHEN u.start >= ? THEN `+sumOf("u", []models.Outcome{models.OutcomeThrottled, models.OutcomeQuota})+` END), 0) AS throttled,
			coalesce(sum(CASE WHEN u.start >= ? THEN `+sumOf("u", []models.Outcome{models.OutcomeServerError, models.OutcomeUpstream})+` END), 0) AS failed
			FROM (SELECT id, owner_id FROM usage_customers WHERE id > ? ORDER BY id LIMIT ?) c
			LEFT JOIN usage_days u ON u.kind = ? AND u.id = c.id AND u.start >= ? AND u.start < ? GROUP BY c.id ORDER BY c.id`,
			(day-7)*secondsPerDay, (day-7)*secondsPerDay, (day-7)*secondsPerDay, (day-7)*secondsPerDay, after, weekCustomers, int64(usageOfCustomer), (day-14)*secondsPerDay, day*secondsPerDay)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		after = rows[len(rows)-1].CustomerID
		for i := range rows {
			rows[i].Day = day
			if err := nearestQuota(db, &rows[i], now); err != nil {
				return err
			}
		}
		if err := s.writeWeeks(ctx, rows); err != nil {
			return fmt.Errorf("write how customers call: %w", err)
		}
	}
}

// nearestQuota finds the key of a customer that has used most of its quota, of those that called this month.
func nearestQuota(db *gorm.DB, r *weekRow, now time.Time) error {
	if r.OwnerID == 0 {
		return nil
	}
	keys, err := selectAll[struct{ KeyID, PlanID, QuotaLimit, QuotaPeriod, QuotaOffset int64 }](db, "keys of customer", `SELECT m.key_id, m.plan_id, coalesce(o.quota_limit, p.quota_limit) AS quota_limit,
			coalesce(o.quota_period, p.quota_period) AS quota_period, coalesce(o.quota_offset, p.quota_offset) AS quota_offset
		FROM usage_key_months m JOIN plans p ON p.id = m.plan_id JOIN plan_keys pk ON pk.plan_id = m.plan_id AND pk.key_id = m.key_id
		LEFT JOIN limit_overrides o ON o.key_id = m.key_id AND o.plan_id = m.plan_id
		WHERE m.owner_id = ? AND m.month = ? AND m.customer_id = ? AND coalesce(o.quota_limit, p.quota_limit) > 0`, r.OwnerID, monthOf(now), r.CustomerID)
	if err != nil {
		return err
	}
	for _, k := range keys {
		w := limit.Window(limit.Period(k.QuotaPeriod), int(k.QuotaOffset), now)
		is, err := selectOne[struct{ Used, Extra int64 }](db, "what is charged", `SELECT coalesce(sum(used), 0) AS used, coalesce((SELECT extra FROM quota_buckets WHERE `+bucketIs+`), 0) AS extra
			FROM quota_days WHERE key_id = ? AND plan_id = ? AND day >= ?`, k.KeyID, k.PlanID, k.QuotaPeriod, k.QuotaOffset, dayOf(w.Start), k.KeyID, k.PlanID, dayOf(w.Start))
		if err != nil {
			return err
		}
		if share := float64(is.Used) / float64(max(1, k.QuotaLimit+is.Extra)); share > r.Share {
			r.Share, r.KeyID, r.PlanID = share, k.KeyID, k.PlanID
		}
	}
	return nil
}

func (s *Store) writeWeeks(ctx context.Context, rows []weekRow) error {
	return s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		pool, ctx := db.Statement.ConnPool, context.WithoutCancel(ctx)
		var values []any
		for _, r := range rows {
			if r.OwnerID == 0 {
				continue
			}
			if r.empty() {
				if _, err := pool.ExecContext(ctx, `DELETE FROM customer_weeks WHERE owner_id = ? AND customer_id = ?`, r.OwnerID, r.CustomerID); err != nil {
					return err
				}
				continue
			}
			values = append(values, r.OwnerID, r.CustomerID, r.Day, r.Requests, r.Before, r.Requests-r.Before, r.Throttled, r.Failed, r.Share, r.KeyID, r.PlanID)
		}
		weeks := newUpsert(`INSERT INTO customer_weeks (owner_id, customer_id, day, requests, before, growth, throttled, failed, share, key_id, plan_id)`, 11,
			`ON CONFLICT DO UPDATE SET day = excluded.day, requests = excluded.requests, before = excluded.before, growth = excluded.growth, throttled = excluded.throttled,
				failed = excluded.failed, share = excluded.share, key_id = excluded.key_id, plan_id = excluded.plan_id`)
		return weeks.run(ctx, pool, values)
	})
}

// customersIn are the condition and the order of a list of customers, an index each; "" for one that there is not.
func customersIn(order models.CustomerOrder) (where string, by []string) {
	switch order {
	case models.CustomersBusiest:
		return `requests > 0`, []string{"requests DESC", "customer_id"}
	case models.CustomersGrowing:
		return `growth > 0`, []string{"growth DESC", "customer_id DESC"}
	case models.CustomersDeclining:
		return `growth < 0`, []string{"growth", "customer_id"}
	case models.CustomersThrottled:
		return `throttled > 0`, []string{"throttled DESC", "customer_id"}
	case models.CustomersNearQuota:
		return `share > 0`, []string{"share DESC", "customer_id"}
	}
	return "", nil
}

// CustomerWeeks lists an owner's customers in an order, at most limit: those that RefreshCustomers found.
func (s *Store) CustomerWeeks(ctx context.Context, owner models.AccountID, by models.CustomerOrder, limit int) ([]models.CustomerWeek, error) {
	where, order := customersIn(by)
	if where == "" {
		return nil, fmt.Errorf("customers are in no order %q", by)
	}
	rows, err := selectAll[weekRow](s.read.WithContext(ctx), "customers", `SELECT page.*, c.account_id, c.name AS reference, coalesce(a.name, '') AS name, coalesce(a.email, '') AS email,
			coalesce(k.name, '') AS key_name, coalesce(p.name, '') AS plan_name
		FROM (SELECT * FROM customer_weeks WHERE owner_id = ? AND `+where+` ORDER BY `+list(order...)+` LIMIT ?) page JOIN usage_customers c ON c.id = page.customer_id
		LEFT JOIN accounts a ON a.id = c.account_id LEFT JOIN keys k ON k.id = page.key_id LEFT JOIN plans p ON p.id = page.plan_id
		ORDER BY `+each("page.%s", order), owner, limit)
	if err != nil {
		return nil, err
	}
	found := make([]models.CustomerWeek, len(rows))
	for i, r := range rows {
		found[i] = models.CustomerWeek{Consumer: consumerOf(r.CustomerID, r.AccountID, r.Reference, r.Name, r.Email), Through: time.Unix(r.Day*secondsPerDay, 0).UTC(),
			Requests: r.Requests, Before: r.Before, Throttled: r.Throttled, Failed: r.Failed, Share: r.Share,
			KeyID: models.KeyID(r.KeyID), KeyName: r.KeyName, PlanID: models.PlanID(r.PlanID), PlanName: r.PlanName}
	}
	return found, nil
}

func consumerOf(id, account int64, reference, name, email string) models.Consumer {
	c := models.Consumer{ID: models.ConsumerID(id), AccountID: models.AccountID(account), Name: name, Email: email}
	if account == 0 {
		c.Name = reference
	}
	return c
}

// Consumer reads a customer of the owner's.
func (s *Store) Consumer(ctx context.Context, owner models.AccountID, id models.ConsumerID) (models.Consumer, error) {
	row, err := selectOne[weekRow](s.read.WithContext(ctx), "customer", consumerQuery+`WHERE c.id = ? AND c.owner_id = ? AND c.owner_id <> 0`, id, owner)
	return consumerOf(row.CustomerID, row.AccountID, row.Reference, row.Name, row.Email), err
}

// ConsumerOfAccount returns the developer as a customer of the owner's; NotFound before the first call.
func (s *Store) ConsumerOfAccount(ctx context.Context, owner, account models.AccountID) (models.ConsumerID, error) {
	return selectOne[models.ConsumerID](s.read.WithContext(ctx), "customer", `SELECT id FROM usage_customers WHERE owner_id = ? AND account_id = ? AND account_id <> 0`, owner, account)
}

// allOutcomes are the outcomes of all requests.
func allOutcomes() []models.Outcome {
	all := make([]models.Outcome, models.NumOutcomes)
	for o := range all {
		all[o] = models.Outcome(o)
	}
	return all
}

// sumOf adds up some outcomes of a row.
func sumOf(table string, outcomes []models.Outcome) string {
	text := "0"
	for _, o := range outcomes {
		text += fmt.Sprintf(" + %s.o%d", table, o)
	}
	return text
}
