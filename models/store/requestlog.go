package store

import (
	"context"

	"gatehouse/models"
)

// DeveloperApps returns the ids of all apps of an account: of their keys it may see the request log.
func (s *Store) DeveloperApps(ctx context.Context, account models.AccountID) ([]models.AppID, error) {
	return selectAll[models.AppID](s.read.WithContext(ctx), "apps", `SELECT id FROM apps WHERE account_id = ? ORDER BY created_at, id`, account)
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
