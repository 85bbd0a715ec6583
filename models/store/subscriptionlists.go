package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"gatehouse/models"
)

type subscriptionListRow struct {
	Sub          subscriptionRow `gorm:"embedded"` // an anonymous field would have to be exported
	AppName      string
	AccountID    models.AccountID
	AccountEmail string
	AccountName  string
	PlanName     string
	PlanState    string
	PlanEndsAt   sql.NullInt64
	Terms        sql.NullString
	Keys         int
}

const subscriptionQuery = `SELECT ` + subscriptionColumns + `, a.name AS app_name, c.id AS account_id, c.email AS account_email, c.name AS account_name,
		p.name AS plan_name, CASE WHEN p.ended = 1 THEN 'ended' ELSE p.state END AS plan_state, p.ends_at AS plan_ends_at, v.terms, (SELECT count(*) FROM plan_keys pk WHERE pk.subscription_id = s.id) AS keys
	FROM subscriptions s JOIN apps a ON a.id = s.app_id JOIN accounts c ON c.id = a.account_id JOIN plans p ON p.id = s.plan_id
		LEFT JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version `

// subscriptionRows makes rows of a query that begins with subscriptionQuery.
func subscriptionRows(db *gorm.DB, rows []subscriptionListRow) ([]models.SubscriptionRow, error) {
	plans := make([]models.PlanID, len(rows))
	for i, r := range rows {
		plans[i] = r.Sub.PlanID
	}
	apis, err := apisOfPlans(db, plans)
	if err != nil {
		return nil, err
	}
	out := make([]models.SubscriptionRow, len(rows))
	for i, r := range rows {
		terms, err := decodeTerms(r.Terms.String)
		if err != nil {
			return nil, err
		}
		out[i] = models.SubscriptionRow{Subscription: r.Sub.subscription(), AppName: r.AppName, AccountID: r.AccountID, AccountEmail: r.AccountEmail,
			AccountName: r.AccountName, PlanName: r.PlanName, PlanState: models.PlanState(r.PlanState), PlanEndsAt: nullTime(r.PlanEndsAt), Terms: terms, APIs: apis[r.Sub.PlanID], Keys: r.Keys}
	}
	return out, nil
}

// apisOfPlans reads what plans open, by API name.
func apisOfPlans(db *gorm.DB, plans []models.PlanID) (map[models.PlanID][]models.APIRef, error) {
	type opened struct {
		PlanID    models.PlanID
		APIID     models.APIID `gorm:"column:api_id"`
		Slug      string
		Name      string
		StageName string
	}
	slices.Sort(plans)
	rows, err := selectAll[opened](db, "APIs of plans", `SELECT ps.plan_id, a.id AS api_id, a.slug, a.name, s.name AS stage_name
		FROM plan_stages ps JOIN stages s ON s.id = ps.stage_id JOIN apis a ON a.id = s.api_id
		WHERE ps.plan_id IN ? ORDER BY a.name COLLATE NOCASE, a.id, s.created_at, s.id`, slices.Compact(plans))
	refs := make(map[models.PlanID][]models.APIRef)
	for _, r := range rows {
		of := refs[r.PlanID]
		if len(of) == 0 || of[len(of)-1].APIID != r.APIID {
			of = append(of, models.APIRef{APIID: r.APIID, Slug: r.Slug, Name: r.Name})
		}
		of[len(of)-1].Stages = append(of[len(of)-1].Stages, r.StageName)
		refs[r.PlanID] = of
	}
	return refs, err
}

// addSubscriptions adds to apps their subscriptions, newest first, ended ones too.
func addSubscriptions(db *gorm.DB, apps []models.AppRow) error {
	ids := make([]models.AppID, len(apps))
	for i, a := range apps {
		ids[i] = a.ID
	}
	rows, err := selectAll[subscriptionListRow](db, "subscriptions of apps", subscriptionQuery+`WHERE s.app_id IN ? ORDER BY s.requested_at DESC, s.id DESC`, ids)
	if err != nil {
		return err
	}
	subscriptions, err := subscriptionRows(db, rows)
	of := groupBy(subscriptions, func(r models.SubscriptionRow) models.AppID { return r.AppID })
	for i := range apps {
		apps[i].Subscriptions = of[apps[i].ID]
	}
	return err
}

// Subscription reads a subscription of a developer's app.
func (s *Store) Subscription(ctx context.Context, account models.AccountID, id models.SubscriptionID) (models.SubscriptionRow, error) {
	return oneSubscription(s.read.WithContext(ctx), `WHERE s.id = ? AND a.account_id = ?`, id, account)
}

// OwnerSubscription reads a subscription to a plan of an owner.
func (s *Store) OwnerSubscription(ctx context.Context, owner models.AccountID, id models.SubscriptionID) (models.SubscriptionRow, error) {
	return oneSubscription(s.read.WithContext(ctx), `WHERE s.id = ? AND p.owner_id = ?`, id, owner)
}

// SubscriptionKeys reads the keys that a subscription to a plan of an owner put there, newest first.
func (s *Store) SubscriptionKeys(ctx context.Context, owner models.AccountID, id models.SubscriptionID) ([]models.KeyRow, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownerSubscription(db, owner, id); err != nil {
		return nil, err
	}
	ids, err := selectAll[models.KeyID](db, "keys of subscription", `SELECT key_id FROM plan_keys WHERE subscription_id = ? ORDER BY added_at DESC, key_id DESC`, id)
	if err != nil {
		return nil, err
	}
	rows, err := keysByID(db, ids)
	if err != nil {
		return nil, err
	}
	return keyListRows(db, owner, rows)
}

func oneSubscription(db *gorm.DB, where string, args ...any) (models.SubscriptionRow, error) {
	row, err := selectOne[subscriptionListRow](db, "subscription", subscriptionQuery+where, args...)
	if err != nil {
		return models.SubscriptionRow{}, err
	}
	rows, err := subscriptionRows(db, []subscriptionListRow{row})
	if err != nil {
		return models.SubscriptionRow{}, err
	}
	return rows[0], nil
}

// asksOf counts who asks to be let in to the plan p, up to models.AsksCounted, in the index plan_waiting_state.
const asksOf = `(SELECT count(*) FROM (SELECT 1 FROM plan_waiting w WHERE w.plan_id = p.id AND w.state = 'waiting' LIMIT 999))`

// plansAsked is how many plans with a waiting list are named.
const plansAsked = 5

// Undecided counts what an owner has not decided, and names plans that people ask to be let in to.
func (s *Store) Undecided(ctx context.Context, owner models.AccountID) (u models.Undecided, err error) {
	db := s.read.WithContext(ctx)
	u.Subscriptions, err = selectOne[int](db, "waiting subscriptions", `SELECT coalesce(sum(c.waiting), 0) FROM plans p JOIN plan_counts c ON c.plan_id = p.id
		WHERE p.owner_id = ? AND p.ended = 0`, owner)
	if err != nil {
		return u, err
	}
	plans, err := selectAll[models.PlanAsks](db, "waiting lists", `SELECT p.id, p.name, `+asksOf+` AS asks FROM plans p JOIN plan_joining j ON j.plan_id = p.id
		WHERE p.owner_id = ? AND p.ended = 0 AND j.waiting_list = 1 AND asks > 0 ORDER BY p.name, p.id`, owner)
	for _, p := range plans {
		u.Asks += p.Asks
	}
	u.Plans = plans[:min(len(plans), plansAsked)]
	return u, err
}

// OwnerSubscriptions lists the subscriptions to an owner's plans, newest request first. Search is a prefix of the app's name, of the
// developer's e-mail address or name, or of the plan's name.
func (s *Store) OwnerSubscriptions(ctx context.Context, owner models.AccountID, f models.SubscriptionFilter, p models.Page) (
	list models.List[models.SubscriptionRow], err error) {
	from, err := newestFirst(p)
	if err != nil {
		return list, err
	}
	db := s.read.WithContext(ctx)
	if f.PlanID != 0 {
		if _, err := ownedPlan(db, owner, f.PlanID); err != nil {
			return list, err
		}
	}
	places, err := subscriptionPlaces(db, owner, f, p, from)
	if err != nil {
		return list, err
	}
	page := cut(places, p, place.at, func(at place) int64 { return at.ID })
	rows, err := selectAll[subscriptionListRow](db, "subscriptions", subscriptionQuery+`WHERE s.id IN ? ORDER BY s.requested_at DESC, s.id DESC`, page.Items)
	if err != nil {
		return list, err
	}
	list.Next = page.Next
	list.Items, err = subscriptionRows(db, rows)
	return list, err
}

// subscriptionPlaces reads where the subscriptions of a page stand.
func subscriptionPlaces(db *gorm.DB, owner models.AccountID, f models.SubscriptionFilter, p models.Page, from cursor) ([]place, error) {
	limit := limitOf(p) + 1
	if p.Search == "" {
		return walkSubscriptions(db, owner, f, `subscriptions s`, ``, nil, from, limit)
	}
	low, high := prefixRange(p.Search)
	ids, isFew, err := fewOf[models.SubscriptionID](db, []string{
		`SELECT s.id FROM apps a CROSS JOIN subscriptions s ON s.app_id = a.id WHERE a.name COLLATE NOCASE >= ? AND a.name COLLATE NOCASE < ?`,
		`SELECT s.id FROM accounts c CROSS JOIN apps a ON a.account_id = c.id CROSS JOIN subscriptions s ON s.app_id = a.id
			WHERE lower(c.email) >= lower(?) AND lower(c.email) < lower(?)`,
		`SELECT s.id FROM accounts c CROSS JOIN apps a ON a.account_id = c.id CROSS JOIN subscriptions s ON s.app_id = a.id
			WHERE c.name COLLATE NOCASE >= ? AND c.name COLLATE NOCASE < ?`,
		`SELECT s.id FROM plans p CROSS JOIN subscriptions s ON s.plan_id = p.id WHERE p.owner_id = ? AND p.name COLLATE NOCASE >= ? AND p.name COLLATE NOCASE < ?`,
	}, low, high, low, high, low, high, owner, low, high)
	if err != nil {
		return nil, err
	}
	if isFew {
		return selectAll[place](db, "subscriptions", `SELECT s.requested_at AS sort, s.id FROM subscriptions s CROSS JOIN plans p ON p.id = s.plan_id
			WHERE s.id IN ? AND p.owner_id = ? AND (? = 0 OR p.id = ?) AND (? = '' OR iif(p.ended AND s.state <> 'refused', 'ended', s.state) = ?) AND (s.requested_at, s.id) < (?, ?)
			ORDER BY s.requested_at DESC, s.id DESC LIMIT ?`, ids, owner, f.PlanID, f.PlanID, string(f.State), string(f.State), from.sort, from.id, limit)
	}
	return walkSubscriptions(db, owner, f, `subscriptions s CROSS JOIN apps a ON a.id = s.app_id CROSS JOIN accounts c ON c.id = a.account_id CROSS JOIN plans p ON p.id = s.plan_id`,
		`AND (a.name COLLATE NOCASE >= ? AND a.name COLLATE NOCASE < ? OR lower(c.email) >= lower(?) AND lower(c.email) < lower(?)
			OR c.name COLLATE NOCASE >= ? AND c.name COLLATE NOCASE < ? OR p.name COLLATE NOCASE >= ? AND p.name COLLATE NOCASE < ?)`,
		[]any{low, high, low, high, low, high, low, high}, from, limit)
}

// walkSubscriptions merges the subscriptions of each plan and state, which lie in the order of an index.
func walkSubscriptions(db *gorm.DB, owner models.AccountID, f models.SubscriptionFilter, tables, where string, args []any, from cursor, limit int) ([]place, error) {
	type group struct {
		PlanID models.PlanID
		State  string
		Newest sql.NullInt64
	}
	walk := ` FROM ` + tables + ` WHERE s.plan_id = %s AND s.state = %s AND (s.requested_at, s.id) < (?, ?) AND s.requested_at >= ? ` + where + ` ORDER BY s.requested_at DESC, s.id DESC LIMIT `
	groups, err := selectAll[group](db, "newest subscriptions", `WITH t (state) AS (VALUES ('pending'), ('active'), ('suspended'), ('refused'), ('ended'))
		SELECT o.id AS plan_id, t.state, (SELECT s.requested_at`+fmt.Sprintf(walk, "o.id", "t.state")+`1) AS newest
		FROM plans o JOIN t WHERE o.owner_id = ? AND (? = 0 OR o.id = ?) AND (? = '' OR iif(o.ended AND t.state <> 'refused', 'ended', t.state) = ?)`,
		slices.Concat([]any{from.sort, from.id, 0}, args, []any{owner, f.PlanID, f.PlanID, string(f.State), string(f.State)})...)
	if err != nil {
		return nil, err
	}
	return merge(groups, limit, func(g group) sql.NullInt64 { return g.Newest }, func(g group, least int64) ([]place, error) {
		return selectAll[place](db, "subscriptions", `SELECT s.requested_at AS sort, s.id`+fmt.Sprintf(walk, "?", "?")+`?`,
			slices.Concat([]any{g.PlanID, g.State, from.sort, from.id, least}, args, []any{limit})...)
	})
}
