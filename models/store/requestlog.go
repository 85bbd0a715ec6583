package store

import (
	"context"

	"gatehouse/models"
)

// LogAppsOf returns all apps of an account, oldest first: of their keys it may see the request log.
func (s *Store) LogAppsOf(ctx context.Context, account models.AccountID) ([]models.LogApp, error) {
	return selectAll[models.LogApp](s.read.WithContext(ctx), "apps", `SELECT id, name FROM apps WHERE account_id = ? ORDER BY created_at, id`, account)
}

// logCustomerKeys bounds the keys by which a customer's requests are found: the newest.
const logCustomerKeys = 500

// LogCustomer returns by what the requests of an owner's customer are found: the apps of a developer, or the newest keys that the owner made with its
// reference, revoked ones too. The other is nil. NotFound where it is no customer of the owner's.
func (s *Store) LogCustomer(ctx context.Context, owner models.AccountID, id models.ConsumerID) (apps []models.AppID, keys []models.KeyID, err error) {
	c, err := s.Consumer(ctx, owner, id)
	if err != nil {
		return nil, nil, err
	}
	db := s.read.WithContext(ctx)
	if c.AccountID != 0 {
		apps, err = selectAll[models.AppID](db, "apps of customer", `SELECT id FROM apps WHERE account_id = ?`, c.AccountID)
		return append([]models.AppID{}, apps...), nil, err
	}
	keys, err = selectAll[models.KeyID](db, "keys of customer", `SELECT id FROM keys WHERE owner_id = ? AND customer_id COLLATE NOCASE = ? AND customer_id = ? AND customer_id <> ''
		ORDER BY created_at DESC, id DESC LIMIT ?`, owner, c.Name, c.Name, logCustomerKeys)
	return nil, append([]models.KeyID{}, keys...), err
}

// LogNames reads what the plan, the stage and the method of a question are called, as far as somebody may know: who owns them, and who subscribed to a plan that
// opens them.
func (s *Store) LogNames(ctx context.Context, viewer models.AccountID, q models.LogQuestion) (n models.LogNames, err error) {
	db := s.read.WithContext(ctx)
	const subscribes = `EXISTS (SELECT 1 FROM apps ap JOIN subscriptions s ON s.app_id = ap.id`
	name := func(set bool, what string, to *string, query string, args ...any) {
		if !set || err != nil {
			return
		}
		*to, err = selectOne[string](db, what, query, args...)
		if models.KindOf(err) == models.KindNotFound {
			err = nil
		}
	}
	name(q.Plan != 0, "plan of log", &n.Plan, `SELECT p.name FROM plans p WHERE p.id = ? AND (p.owner_id = ? OR `+subscribes+` WHERE ap.account_id = ? AND s.plan_id = p.id))`, q.Plan, viewer, viewer)
	name(q.Stage != 0, "stage of log", &n.Stage, `SELECT a.name || ' · ' || st.name FROM stages st JOIN apis a ON a.id = st.api_id WHERE st.id = ? AND (a.owner_id = ? OR
		`+subscribes+` JOIN plan_stages ps ON ps.plan_id = s.plan_id WHERE ap.account_id = ? AND ps.stage_id = st.id))`, q.Stage, viewer, viewer)
	name(q.Method != 0, "method of log", &n.Method, `SELECT m.verb || ' ' || m.path FROM methods m JOIN apis a ON a.id = m.api_id WHERE m.id = ? AND (a.owner_id = ? OR
		`+subscribes+` JOIN plan_stages ps ON ps.plan_id = s.plan_id JOIN stages st ON st.id = ps.stage_id WHERE ap.account_id = ? AND st.api_id = a.id))`, q.Method, viewer, viewer)
	return n, err
}

// LogAPIsOf returns all APIs of an owner, by name: of their requests he may see the log.
func (s *Store) LogAPIsOf(ctx context.Context, owner models.AccountID) ([]models.LogAPI, error) {
	return selectAll[models.LogAPI](s.read.WithContext(ctx), "APIs", `SELECT id, name, slug FROM apis WHERE owner_id = ? ORDER BY name, id`, owner)
}

// LogAPIBySlug finds an API by its slug; the zero value for none.
func (s *Store) LogAPIBySlug(ctx context.Context, slug string) (models.LogAPI, error) {
	rows, err := selectAll[models.LogAPI](s.read.WithContext(ctx), "API", `SELECT id, name, slug FROM apis WHERE slug = ?`, slug)
	if err != nil || len(rows) == 0 {
		return models.LogAPI{}, err
	}
	return rows[0], nil
}

// LogKeys returns those of some keys whose names somebody may see: the developer of the app, who made the key, and the owner of a plan that it is on.
func (s *Store) LogKeys(ctx context.Context, viewer models.AccountID, ids []models.KeyID) ([]models.LogKey, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return selectAll[models.LogKey](s.read.WithContext(ctx), "keys", `SELECT k.id, k.name, c.hint, k.app_id IS NOT NULL AS of_app
		FROM keys k JOIN key_secrets c ON c.key_id = k.id AND c.is_current = 1
		WHERE k.id IN ? AND (k.owner_id = ? OR (SELECT account_id FROM apps WHERE id = k.app_id) = ?
			OR EXISTS (SELECT 1 FROM plan_keys o WHERE o.key_id = k.id AND (SELECT owner_id FROM plans WHERE id = o.plan_id) = ?))`, ids, viewer, viewer, viewer)
}
