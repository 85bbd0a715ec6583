package store

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"gatehouse/models"
)

// CatalogAPI reads an API's public page: the deployed stages and published plans that the viewer may see. Its owner sees it before anybody
// else does; who has an app on one of its plans goes on seeing it.
func (s *Store) CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error) {
	return catalogAPI(s.read.WithContext(ctx), viewer, `a.slug = ?`, slug)
}

func catalogAPI(db *gorm.DB, viewer models.AccountID, where string, arg any) (models.CatalogAPI, error) {
	type row struct {
		API       apiRow `gorm:"embedded"`
		OwnerName string
	}
	r, err := selectOne[row](db, "API", `SELECT `+apiColumns+`, o.name AS owner_name FROM apis a JOIN accounts o ON o.id = a.owner_id WHERE `+where, arg)
	if err != nil {
		return models.CatalogAPI{}, err
	}
	page := models.CatalogAPI{API: r.API.api(), OwnerName: r.OwnerName}
	if page.Stages, err = seenStages(db, viewer, page.API); err != nil {
		return models.CatalogAPI{}, err
	}
	if len(page.Stages) == 0 && page.OwnerID != viewer {
		return models.CatalogAPI{}, models.NotFound("API")
	}
	if len(page.Stages) > 0 {
		page.KeySource = page.Stages[0].KeySource // callers meet what is deployed, not the draft
	}
	plans, err := seenPlansOf(db, viewer, page.ID)
	if err != nil {
		return models.CatalogAPI{}, err
	}
	page.Plans, err = catalogPlans(db, page, plans)
	return page, err
}

// seenPlansOf reads the published plans that open a deployed stage of an API, of those that the viewer may see, oldest first.
func seenPlansOf(db *gorm.DB, viewer models.AccountID, api models.APIID) ([]models.Plan, error) {
	rows, err := selectAll[planRow](db, "plans", `SELECT DISTINCT `+planColumns+` FROM stages s `+openedStages+`
		WHERE s.api_id = ? AND s.deployment_id IS NOT NULL AND `+seenPlans+` ORDER BY p.created_at, p.id`, api, viewer, viewer)
	plans := make([]models.Plan, len(rows))
	for i, r := range rows {
		if plans[i], err = r.plan(); err != nil {
			return nil, err
		}
	}
	return plans, err
}

// catalogPlans says of plans what they open of the page's API, and what else.
func catalogPlans(db *gorm.DB, page models.CatalogAPI, plans []models.Plan) ([]models.CatalogPlan, error) {
	var ids []models.StageID
	for _, p := range plans {
		ids = append(ids, p.InForce.StageIDs()...)
	}
	type owned struct {
		ID    models.StageID
		APIID models.APIID `gorm:"column:api_id"`
	}
	rows, err := selectAll[owned](db, "stages", `SELECT id, api_id FROM stages WHERE id IN ?`, ids)
	if err != nil {
		return nil, err
	}
	var others []models.StageID
	for _, r := range rows {
		if r.APIID != page.ID {
			others = append(others, r.ID)
		}
	}
	labels, err := stageLabels(db, others)
	out := make([]models.CatalogPlan, len(plans))
	for i, p := range plans {
		out[i] = models.CatalogPlan{PlanID: p.ID, Version: p.Version, EndsAt: p.EndsAt, Terms: p.InForce, Invited: p.InForce.Audience == models.AudienceInvited}
		for _, opened := range p.InForce.Stages {
			if label, ok := labels[opened.StageID]; ok {
				out[i].OtherStages = append(out[i].OtherStages, label)
			}
			if j := slices.IndexFunc(page.Stages, func(st models.CatalogStage) bool { return st.ID == opened.StageID }); j >= 0 {
				out[i].Stages = append(out[i].Stages, models.NewCatalogPlanStage(page.Stages[j], opened))
			}
		}
	}
	return out, err
}

// CatalogPlan reads a plan that the viewer may subscribe to now, with the first API that it opens. A plan that is retired or has ended is a Conflict.
func (s *Store) CatalogPlan(ctx context.Context, viewer models.AccountID, id models.PlanID) (models.CatalogPlan, models.CatalogAPI, error) {
	db := s.read.WithContext(ctx)
	page, err := planPage(db, viewer, id)
	if err != nil {
		return models.CatalogPlan{}, models.CatalogAPI{}, err
	}
	i := slices.IndexFunc(page.Plans, func(p models.CatalogPlan) bool { return p.PlanID == id })
	if i < 0 {
		return models.CatalogPlan{}, models.CatalogAPI{}, models.NotFound("plan")
	}
	return page.Plans[i], page, nil
}

func planPage(db *gorm.DB, viewer models.AccountID, id models.PlanID) (models.CatalogAPI, error) {
	p, err := planByID(db, id)
	if err != nil {
		return models.CatalogAPI{}, err
	}
	isInvited, err := invited(db, p, viewer)
	if err != nil {
		return models.CatalogAPI{}, err
	}
	if err := p.CheckSubscribe(isInvited); err != nil {
		return models.CatalogAPI{}, err
	}
	for _, st := range p.InForce.Stages {
		api, err := selectAll[models.APIID](db, "API of stage", `SELECT api_id FROM stages WHERE id = ? AND deployment_id IS NOT NULL`, st.StageID)
		if err != nil {
			return models.CatalogAPI{}, err
		}
		if len(api) > 0 {
			return catalogAPI(db, viewer, `a.id = ?`, api[0])
		}
	}
	return models.CatalogAPI{}, models.NotFound("plan")
}
