package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"gatehouse/models"
)

// maxCatalogRows bounds what a search of the catalog looks through: pairs of a stage and a plan that opens it.
const maxCatalogRows = 20_000

// SearchCatalog reads the APIs that a viewer may see, by slug, each with the plans of it that they may see: published ones, and those that one of their apps
// is on. A zero viewer is a stranger.
func (s *Store) SearchCatalog(ctx context.Context, viewer models.AccountID) ([]models.CatalogHit, error) {
	type row struct {
		APIID        models.APIID `gorm:"column:api_id"`
		Slug         string
		Name         string
		Summary      string
		Tags         string
		OwnerName    string
		DeploymentID models.DeploymentID
		PlanID       models.PlanID
		PlanName     string
		Price        sql.NullString
		Asks         bool
		PlanAt       int64
		Yours        bool
	}
	const yours = `(? <> 0 AND EXISTS (SELECT 1 FROM apps ap JOIN subscriptions sub ON sub.app_id = ap.id
		WHERE ap.account_id = ? AND sub.plan_id = p.id AND p.ended = 0 AND sub.state IN ('pending', 'active', 'suspended')))`
	rows, err := selectAll[row](s.read.WithContext(ctx), "catalog", `SELECT a.id AS api_id, a.slug, a.name, a.summary, a.tags, o.name AS owner_name, s.deployment_id,
			p.id AS plan_id, p.name AS plan_name, json_extract(v.terms, '$.price') AS price, json_extract(v.terms, '$.audience') = 'ask' AS asks, p.created_at AS plan_at, `+yours+` AS yours
		FROM apis a CROSS JOIN accounts o ON o.id = a.owner_id CROSS JOIN stages s ON s.api_id = a.id `+openedStages+`
		WHERE a.slug > '' AND s.deployment_id IS NOT NULL AND (`+seenPlans+` OR `+yours+`)
		ORDER BY a.slug, s.created_at, s.id LIMIT ?`, viewer, viewer, viewer, viewer, viewer, viewer, maxCatalogRows)
	if err != nil {
		return nil, err
	}
	var hits []models.CatalogHit
	var plans map[models.PlanID]bool // of the API
	for _, r := range rows {
		if len(hits) == 0 || hits[len(hits)-1].APIID != r.APIID {
			hits = append(hits, models.CatalogHit{APIID: r.APIID, Slug: r.Slug, Name: r.Name, Summary: r.Summary, Tags: tagsOf(r.Tags), OwnerName: r.OwnerName, Deployment: r.DeploymentID})
			plans = map[models.PlanID]bool{}
		}
		if !plans[r.PlanID] {
			plans[r.PlanID] = true
			last := &hits[len(hits)-1]
			last.Plans = append(last.Plans, models.CatalogHitPlan{ID: r.PlanID, Name: r.PlanName, Price: r.Price.String, Made: timeOf(r.PlanAt), Asks: r.Asks, Yours: r.Yours})
		}
	}
	for _, h := range hits { // in the statement it would cost the order by slug its index
		slices.SortStableFunc(h.Plans, func(a, b models.CatalogHitPlan) int { return cmp.Or(a.Made.Compare(b.Made), cmp.Compare(a.ID, b.ID)) })
	}
	return hits, nil
}

// DeployedMethods reads the methods of a deployment. Who asks has seen that they may see it: SearchCatalog names it.
func (s *Store) DeployedMethods(ctx context.Context, id models.DeploymentID) ([]models.Method, error) {
	text, err := selectOne[string](s.read.WithContext(ctx), "deployment", `SELECT methods FROM deployments WHERE id = ?`, id)
	if err != nil {
		return nil, err
	}
	return decodeMethods(text)
}

// SearchGuides reads the published guides of APIs whose title has a text in it.
func (s *Store) SearchGuides(ctx context.Context, apis []models.APIID, text string, limit int) ([]models.GuideHit, error) {
	return selectAll[models.GuideHit](s.read.WithContext(ctx), "guides", `SELECT api_id, slug, title FROM guides
		WHERE api_id IN ? AND published = 1 AND instr(lower(title), lower(?)) > 0 ORDER BY api_id, position, id LIMIT ?`, apis, text, limit)
}

// SearchChangelogs reads the published entries of APIs' changelogs whose title or text has a text in it, the newest first.
func (s *Store) SearchChangelogs(ctx context.Context, apis []models.APIID, text string, limit int) ([]models.ChangelogHit, error) {
	return selectAll[models.ChangelogHit](s.read.WithContext(ctx), "changelogs", `SELECT id, api_id, title, day FROM changelog
		WHERE api_id IN ? AND state = 'published' AND (instr(lower(title), lower(?)) > 0 OR instr(lower(body), lower(?)) > 0) ORDER BY day DESC, id DESC LIMIT ?`, apis, text, text, limit)
}

// SearchApps reads a developer's apps whose name has a text in it, newest first.
func (s *Store) SearchApps(ctx context.Context, account models.AccountID, text string, limit int) ([]models.NamedRow[models.App], error) {
	return selectAll[models.NamedRow[models.App]](s.read.WithContext(ctx), "apps", `SELECT id, name FROM apps
		WHERE account_id = ? AND instr(lower(name), lower(?)) > 0 ORDER BY created_at DESC, id DESC LIMIT ?`, account, text, limit)
}

// SearchSubscriptions reads a developer's subscriptions whose plan or app has a text in its name, newest first.
func (s *Store) SearchSubscriptions(ctx context.Context, account models.AccountID, text string, limit int) ([]models.SubscriptionHit, error) {
	return selectAll[models.SubscriptionHit](s.read.WithContext(ctx), "subscriptions", `SELECT s.id, p.name AS plan, a.name AS app, s.state
		FROM apps a CROSS JOIN subscriptions s ON s.app_id = a.id CROSS JOIN plans p ON p.id = s.plan_id
		WHERE a.account_id = ? AND (instr(lower(p.name), lower(?)) > 0 OR instr(lower(a.name), lower(?)) > 0) ORDER BY s.requested_at DESC, s.id DESC LIMIT ?`, account, text, text, limit)
}

// SearchOwnAPIs reads an owner's APIs whose name or address has a text in it, newest first.
func (s *Store) SearchOwnAPIs(ctx context.Context, owner models.AccountID, text string, limit int) ([]models.NamedRow[models.API], error) {
	return selectAll[models.NamedRow[models.API]](s.read.WithContext(ctx), "APIs", `SELECT id, name FROM apis
		WHERE owner_id = ? AND (instr(lower(name), lower(?)) > 0 OR instr(slug, lower(?)) > 0) ORDER BY created_at DESC, id DESC LIMIT ?`, owner, text, text, limit)
}

// SearchOwnPlans reads an owner's plans whose name has a text in it, newest first.
func (s *Store) SearchOwnPlans(ctx context.Context, owner models.AccountID, text string, limit int) ([]models.NamedRow[models.Plan], error) {
	return selectAll[models.NamedRow[models.Plan]](s.read.WithContext(ctx), "plans", `SELECT id, name FROM plans
		WHERE owner_id = ? AND deleted_at IS NULL AND instr(lower(name), lower(?)) > 0 ORDER BY created_at DESC, id DESC LIMIT ?`, owner, text, limit)
}
