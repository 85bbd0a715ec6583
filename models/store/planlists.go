package store

import (
	"context"
	"database/sql"
	"slices"

	"gorm.io/gorm"

	"gatehouse/models"
)

func (r planRow) at() cursor { return cursor{sort: r.CreatedAt, id: int64(r.ID)} }

// Plans lists an owner's plans, newest first; no state means all. Search is a prefix of the name.
func (s *Store) Plans(ctx context.Context, owner models.AccountID, state models.PlanState, p models.Page) (models.List[models.PlanRow], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.PlanRow]{}, err
	}
	where, args := "", []any{owner, from.sort, from.id}
	if state != "" {
		where, args = `AND CASE WHEN p.ended = 1 THEN 'ended' ELSE p.state END = ? `, append(args, string(state))
	}
	if p.Search != "" {
		low, high := prefixRange(p.Search)
		where += `AND p.name COLLATE NOCASE >= ? AND p.name COLLATE NOCASE < ? `
		args = append(args, low, high)
	}
	db := s.read.WithContext(ctx)
	rows, err := selectAll[planRow](db, "plans", planQuery+`WHERE p.owner_id = ? AND p.deleted_at IS NULL AND (p.created_at, p.id) < (?, ?) `+where+`
		ORDER BY p.created_at DESC, p.id DESC LIMIT ?`, append(args, limitOf(p)+1)...)
	if err != nil {
		return models.List[models.PlanRow]{}, err
	}
	list := cut(rows, p, planRow.at, func(r planRow) planRow { return r })
	plans := make([]models.Plan, len(list.Items))
	for i, r := range list.Items {
		if plans[i], err = r.plan(); err != nil {
			return models.List[models.PlanRow]{}, err
		}
	}
	items, err := planListRows(db, plans)
	return models.List[models.PlanRow]{Items: items, Next: list.Next}, err
}

// PlanChoices reads the names of an owner's plans that were ever published, newest first, for a menu.
func (s *Store) PlanChoices(ctx context.Context, owner models.AccountID, limit int) ([]models.PlanChoice, error) {
	return selectAll[models.PlanChoice](s.read.WithContext(ctx), "plan names",
		`SELECT id, name FROM plans WHERE owner_id = ? AND version > 0 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT ?`, owner, limit)
}

// PlanTotals reads what an owner's plans amount to.
func (s *Store) PlanTotals(ctx context.Context, owner models.AccountID) (models.PlanTotals, error) {
	return selectOne[models.PlanTotals](s.read.WithContext(ctx), "plan totals", `SELECT count(*) AS plans,
			coalesce((SELECT id FROM plans WHERE owner_id = @owner AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1), 0) AS newest,
			count(*) FILTER (WHERE p.state = 'published' AND p.ended = 0) AS published, coalesce(max(p.version), 0) > 0 AS ever_published,
			coalesce(sum(c.subscribers) FILTER (WHERE p.ended = 0), 0) AS subscribers, coalesce(sum(c.keys), 0) AS keys
		FROM plans p LEFT JOIN plan_counts c ON c.plan_id = p.id WHERE p.owner_id = @owner AND p.deleted_at IS NULL`, sql.Named("owner", owner))
}

// FailedPublications reads the plans of an owner, at most 20, whose last scheduled version did not come into force, until he publishes or schedules another.
func (s *Store) FailedPublications(ctx context.Context, owner models.AccountID) ([]models.FailedPublication, error) {
	return selectAll[models.FailedPublication](s.read.WithContext(ctx), "failed publications", `SELECT id AS plan_id, name, publish_failed AS reason FROM plans
		WHERE owner_id = ? AND publish_failed > '' AND draft IS NOT NULL ORDER BY updated_at DESC, id DESC LIMIT 20`, owner)
}

// Plan reads a plan of an owner.
func (s *Store) Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error) {
	db := s.read.WithContext(ctx)
	p, err := ownedPlan(db, owner, id)
	if err != nil {
		return models.PlanRow{}, err
	}
	rows, err := planListRows(db, []models.Plan{p})
	if err != nil {
		return models.PlanRow{}, err
	}
	return rows[0], nil
}

// planListRows adds to plans what stands beside them in a list.
func planListRows(db *gorm.DB, plans []models.Plan) ([]models.PlanRow, error) {
	var ids []models.PlanID
	var stages []models.StageID
	for _, p := range plans {
		ids = append(ids, p.ID)
		stages = append(stages, p.Current().StageIDs()...)
	}
	counts, err := planCounts(db, ids)
	if err != nil {
		return nil, err
	}
	labels, err := stageLabels(db, stages)
	if err != nil {
		return nil, err
	}
	rows := make([]models.PlanRow, len(plans))
	for i, p := range plans {
		c := counts[p.ID]
		rows[i] = models.PlanRow{Plan: p, Subscribers: c.Subscribers, Waiting: c.Waiting, Asks: c.Asks, Keys: c.Keys}
		for _, id := range p.Current().StageIDs() {
			rows[i].Stages = append(rows[i].Stages, labels[id])
		}
	}
	return rows, nil
}

type planCount struct {
	PlanID      models.PlanID
	Subscribers int
	Waiting     int
	Asks        int
	Keys        int
}

// planCounts tells who is on plans: open subscriptions, those that wait, and keys, the ones that were revoked among them, as the plan's
// list of keys shows them. The numbers are kept as they come and go.
func planCounts(db *gorm.DB, plans []models.PlanID) (map[models.PlanID]planCount, error) {
	rows, err := selectAll[planCount](db, "plan counts", `SELECT p.id AS plan_id, coalesce(c.keys, 0) AS keys, iif(p.ended, 0, coalesce(c.subscribers, 0)) AS subscribers,
			iif(p.ended, 0, coalesce(c.waiting, 0)) AS waiting, iif(p.ended, 0, `+asksOf+`) AS asks
		FROM plans p LEFT JOIN plan_counts c ON c.plan_id = p.id WHERE p.id IN ?`, plans)
	counts := make(map[models.PlanID]planCount, len(rows))
	for _, r := range rows {
		counts[r.PlanID] = r
	}
	return counts, err
}

// stageLabels reads "Echo API · prod" for stages.
func stageLabels(db *gorm.DB, stages []models.StageID) (map[models.StageID]string, error) {
	slices.Sort(stages)
	rows, err := selectAll[heldRow](db, "stages", `SELECT s.id AS stage_id, s.name AS stage_name, a.name AS api_name
		FROM stages s JOIN apis a ON a.id = s.api_id WHERE s.id IN ?`, slices.Compact(stages))
	labels := make(map[models.StageID]string, len(rows))
	for _, r := range rows {
		labels[r.StageID] = r.held().StageName
	}
	return labels, err
}

// PlanVersions reads what a plan promised over time, newest first.
func (s *Store) PlanVersions(ctx context.Context, owner models.AccountID, id models.PlanID) ([]models.PlanVersion, error) {
	type row struct {
		Version     int
		Terms       string
		PublishedAt int64
		PublishedBy string
	}
	db := s.read.WithContext(ctx)
	if _, err := ownedPlan(db, owner, id); err != nil {
		return nil, err
	}
	rows, err := selectAll[row](db, "versions", `SELECT version, terms, published_at, published_by FROM plan_versions WHERE plan_id = ? ORDER BY version DESC`, id)
	versions := make([]models.PlanVersion, len(rows))
	for i, r := range rows {
		terms, err := decodeTerms(r.Terms)
		if err != nil {
			return nil, err
		}
		versions[i] = models.PlanVersion{Version: r.Version, Terms: terms, PublishedAt: timeOf(r.PublishedAt), PublishedBy: r.PublishedBy}
	}
	return versions, err
}

// APIPlans reads the plans of an owner that open a stage of an API, in force or in a draft: one row per plan and stage, by plan name.
func (s *Store) APIPlans(ctx context.Context, owner models.AccountID, id models.APIID) ([]models.PlanUse, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, id); err != nil {
		return nil, err
	}
	stages, err := stagesOf(db, id)
	if err != nil {
		return nil, err
	}
	return planUses(db, owner, stages)
}

// StagePlans reads the plans of an owner that open a stage, in force or in a draft, by name.
func (s *Store) StagePlans(ctx context.Context, owner models.AccountID, id models.StageID) ([]models.PlanUse, error) {
	db := s.read.WithContext(ctx)
	row, err := selectOne[stageRow](db, "stage", stageQuery+`JOIN apis a ON a.id = s.api_id WHERE s.id = ? AND a.owner_id = ?`, id, owner)
	if err != nil {
		return nil, err
	}
	return planUses(db, owner, []models.Stage{row.stage()})
}

func planUses(db *gorm.DB, owner models.AccountID, stages []models.Stage) ([]models.PlanUse, error) {
	ids := make([]models.StageID, len(stages))
	for i, st := range stages {
		ids[i] = st.ID
	}
	rows, err := selectAll[planRow](db, "plans", planQuery+`WHERE p.owner_id = ?
		AND (p.draft IS NOT NULL OR p.id IN (SELECT plan_id FROM plan_stages WHERE stage_id IN ?)) ORDER BY p.name COLLATE NOCASE, p.id`, owner, ids)
	if err != nil {
		return nil, err
	}
	var uses []models.PlanUse
	var plans []models.PlanID
	for _, r := range rows {
		p, err := r.plan()
		if err != nil {
			return nil, err
		}
		for _, st := range stages {
			if p.InForce.Opens(st.ID) || p.Draft != nil && p.Draft.Opens(st.ID) {
				uses = append(uses, models.PlanUse{PlanID: p.ID, PlanName: p.Name(), StageName: st.Name})
				plans = append(plans, p.ID)
			}
		}
	}
	counts, err := planCounts(db, plans)
	for i := range uses {
		uses[i].Subscribers, uses[i].Keys = counts[uses[i].PlanID].Subscribers, counts[uses[i].PlanID].Keys
	}
	return uses, err
}
