package store

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"gatehouse/models"
)

// seenPlans is the condition on plans AS p and their versions in force AS v that a viewer may see them. It takes the viewer twice; zero,
// the stranger, owns nothing and is invited to nothing.
const seenPlans = `p.state = 'published' AND (json_extract(v.terms, '$.audience') <> 'invited' OR p.owner_id = ?
	OR EXISTS (SELECT 1 FROM plan_invitations i JOIN accounts c ON i.email = lower(c.email) WHERE i.plan_id = p.id AND c.id = ?))`

// openedStages joins stages AS s to the plans that open them.
const openedStages = `JOIN plan_stages ps ON ps.stage_id = s.id JOIN plans p ON p.id = ps.plan_id JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version `

type catalogRow struct {
	ID        models.APIID
	Slug      string
	Name      string
	Summary   string
	Tags      string
	OwnerName string
}

// CatalogAPIs lists the APIs of which a plan that the viewer may see opens a deployed stage, by slug. A zero viewer is
// a stranger.
func (s *Store) CatalogAPIs(ctx context.Context, viewer models.AccountID, p models.Page) (list models.List[models.CatalogEntry], err error) {
	if p.After != "" && models.CheckSlug(p.After) != nil {
		return list, errCursor
	}
	db, limit := s.read.WithContext(ctx), limitOf(p)
	rows, err := selectAll[catalogRow](db, "catalog", `SELECT a.id, a.slug, a.name, a.summary, a.tags, o.name AS owner_name FROM apis a JOIN accounts o ON o.id = a.owner_id
		WHERE a.slug > ? AND EXISTS (SELECT 1 FROM stages s `+openedStages+`WHERE s.api_id = a.id AND s.deployment_id IS NOT NULL AND `+seenPlans+`)
		ORDER BY a.slug LIMIT ?`, p.After, viewer, viewer, limit+1)
	if err != nil {
		return list, err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		list.Next = rows[limit-1].Slug
	}
	list.Items, err = catalogEntries(db, viewer, rows)
	return list, err
}

// catalogEntries adds to APIs how much of them a viewer may see.
func catalogEntries(db *gorm.DB, viewer models.AccountID, rows []catalogRow) ([]models.CatalogEntry, error) {
	type seen struct {
		APIID   models.APIID `gorm:"column:api_id"`
		PlanID  models.PlanID
		Name    string
		Price   sql.NullString
		Methods int
	}
	ids := make([]models.APIID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	plans, err := selectAll[seen](db, "plans in catalog", `SELECT s.api_id, p.id AS plan_id, p.name, json_extract(v.terms, '$.price') AS price, json_array_length(d.methods) AS methods
		FROM stages s JOIN deployments d ON d.id = s.deployment_id `+openedStages+`WHERE s.api_id IN ? AND `+seenPlans+`
		ORDER BY p.created_at, p.id, s.deployed_at DESC`, ids, viewer, viewer)
	if err != nil {
		return nil, err
	}
	byAPI := groupBy(plans, func(r seen) models.APIID { return r.APIID })
	entries := make([]models.CatalogEntry, len(rows))
	for i, r := range rows {
		e := models.CatalogEntry{APIID: r.ID, Slug: r.Slug, Name: r.Name, Summary: r.Summary, Tags: tagsOf(r.Tags), OwnerName: r.OwnerName}
		var counted models.PlanID
		for _, p := range byAPI[r.ID] {
			if p.PlanID != counted {
				e.Plans, counted = append(e.Plans, models.PlanPrice{Name: p.Name, Price: p.Price.String}), p.PlanID
			}
			e.Methods = max(e.Methods, p.Methods)
		}
		entries[i] = e
	}
	return entries, nil
}

// stageInCatalog is a deployed stage on an API's public page.
type stageInCatalog struct {
	ID           models.StageID
	Name         string
	DeploymentID models.DeploymentID
	DeployedAt   int64
	DocumentID   sql.NullInt64
	KeyPlace     string
	KeyName      string
	KeyForward   bool
	Methods      string
	Settings     stageSettings
}

func (r stageInCatalog) stage() (models.CatalogStage, error) {
	methods, err := decodeMethods(r.Methods)
	return models.CatalogStage{ID: r.ID, Name: r.Name, Deployment: r.DeploymentID, DeployedAt: timeOf(r.DeployedAt), Methods: methods,
		Document: models.DocumentID(r.DocumentID.Int64), Maintenance: r.Settings.Maintenance,
		KeySource: models.KeySource{Place: models.KeyPlace(r.KeyPlace), Name: r.KeyName, Forward: r.KeyForward}}, err
}

// seenStages reads the deployed stages of an API that a viewer may see: an owner all of his, others those that a plan opens which they may
// see or which one of their apps is on.
func seenStages(db *gorm.DB, viewer models.AccountID, a models.API) ([]models.CatalogStage, error) {
	rows, err := selectAll[stageInCatalog](db, "stages", `SELECT s.id, s.name, s.deployment_id, s.deployed_at, s.settings, d.document_id, d.key_place, d.key_name, d.key_forward, d.methods
		FROM stages s JOIN deployments d ON d.id = s.deployment_id
		WHERE s.api_id = ? AND (? OR EXISTS (SELECT 1 FROM plan_stages ps JOIN plans p ON p.id = ps.plan_id JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version
			WHERE ps.stage_id = s.id AND (`+seenPlans+` OR EXISTS (SELECT 1 FROM apps ap JOIN subscriptions sub ON sub.app_id = ap.id
				WHERE ap.account_id = ? AND sub.plan_id = p.id AND p.ended = 0 AND sub.state IN ('pending', 'active', 'suspended')))))
		ORDER BY s.created_at, s.id`, a.ID, a.OwnerID == viewer, viewer, viewer, viewer)
	stages := make([]models.CatalogStage, len(rows))
	for i, r := range rows {
		if stages[i], err = r.stage(); err != nil {
			return nil, err
		}
	}
	return stages, err
}
