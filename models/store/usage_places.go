package store

import (
	"context"

	"gatehouse/models"
)

// mostPlaces bounds what is read of a developer with very many subscriptions.
const mostPlaces = 500

// UsagePlaces lists what the subscriptions of a developer's apps open, ended ones too, in the order of the APIs.
func (s *Store) UsagePlaces(ctx context.Context, account models.AccountID) ([]models.UsagePlace, error) {
	return selectAll[models.UsagePlace](s.read.WithContext(ctx), "what subscriptions open", `SELECT DISTINCT p.id AS plan_id, p.name AS plan_name, st.id AS stage_id, st.name AS stage_name,
			a.slug AS api_slug, a.name AS api_name
		FROM apps ap JOIN subscriptions s ON s.app_id = ap.id JOIN plans p ON p.id = s.plan_id JOIN plan_stages ps ON ps.plan_id = p.id JOIN stages st ON st.id = ps.stage_id
		JOIN apis a ON a.id = st.api_id WHERE ap.account_id = ? ORDER BY a.name, a.id, st.name, st.id, p.name, p.id LIMIT ?`, account, mostPlaces)
}
