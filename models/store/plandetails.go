package store

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"gatehouse/models"
)

// PlanDetail reads a plan of an owner's with all that the management API says of it.
func (s *Store) PlanDetail(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanDetail, error) {
	return planDetail(s.read.WithContext(ctx), owner, id)
}

func planDetail(db *gorm.DB, owner models.AccountID, id models.PlanID) (d models.PlanDetail, err error) {
	list, err := planDetails(db, owner, `WHERE p.id = ? AND p.owner_id = ? AND p.deleted_at IS NULL`, id, owner)
	if err == nil && len(list) == 0 {
		err = models.NotFound("plan")
	}
	if err != nil {
		return d, err
	}
	d = list[0]
	d.Tags, err = resourceTags(db, models.ResourcePlan, int64(id))
	return d, err
}

// PlanDetails lists an owner's plans, newest first, without their tags; of a key: those that it is on. It goes on behind a place, as List.Next says; at most limit.
func (s *Store) PlanDetails(ctx context.Context, owner models.AccountID, key models.KeyID, p models.Page, limit int) (list models.List[models.PlanDetail], err error) {
	from, err := newestFirst(p)
	if err != nil {
		return list, err
	}
	where, args := `WHERE p.owner_id = ? AND p.deleted_at IS NULL AND (p.created_at, p.id) < (?, ?)`, []any{owner, from.sort, from.id}
	if key != 0 {
		where, args = where+` AND p.id IN (SELECT plan_id FROM plan_keys WHERE key_id = ?)`, append(args, key)
	}
	all, err := planDetails(s.read.WithContext(ctx), owner, where+` ORDER BY p.created_at DESC, p.id DESC LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return list, err
	}
	if len(all) > limit {
		all = all[:limit]
		list.Next = cursor{sort: millis(all[limit-1].CreatedAt), id: int64(all[limit-1].ID)}.String()
	}
	list.Items = all
	return list, nil
}

func planDetails(db *gorm.DB, owner models.AccountID, where string, args ...any) ([]models.PlanDetail, error) {
	type detailRow struct {
		Plan        planRow `gorm:"embedded"`
		ProductCode string
	}
	rows, err := selectAll[detailRow](db, "plans", `SELECT `+planColumns+`, p.product_code`+planTables+where, args...)
	if err != nil {
		return nil, err
	}
	list := make([]models.PlanDetail, len(rows))
	var stages []models.StageID
	for i, r := range rows {
		p, err := r.Plan.plan()
		if err != nil {
			return nil, err
		}
		list[i] = models.PlanDetail{Plan: p, ProductCode: r.ProductCode, Stages: map[models.StageID]models.StageChoice{}}
		stages = append(stages, p.Shown().StageIDs()...)
	}
	chosen, err := stagesChosen(db, owner, stages)
	for i := range list {
		for _, st := range chosen {
			if list[i].Shown().Opens(st.StageID) {
				list[i].Stages[st.StageID] = st
			}
		}
	}
	return list, err
}

// finder finds stages of an owner's by their API and name.
func finder(db *gorm.DB, owner models.AccountID) func(models.APIID, string) (models.StageChoice, error) {
	return func(api models.APIID, name string) (st models.StageChoice, err error) {
		id, err := selectOne[models.StageID](db, "stage", `SELECT s.id FROM stages s JOIN apis a ON a.id = s.api_id WHERE s.api_id = ? AND s.name = ? AND a.owner_id = ?`, api, name, owner)
		if err != nil {
			return st, err
		}
		stages, err := stagesChosen(db, owner, []models.StageID{id})
		if err != nil {
			return st, err
		}
		return stages[0], nil
	}
}

// stagesChosen reads some stages of an owner's, with the methods that their APIs have now, and then those that they have only in what is deployed.
func stagesChosen(db *gorm.DB, owner models.AccountID, ids []models.StageID) ([]models.StageChoice, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := selectAll[stageChoiceRow](db, "stages", `SELECT s.id AS stage_id, a.id AS api_id, a.name AS api_name, a.slug AS api_slug, s.name AS stage_name, s.deployment_id IS NOT NULL AS deployed, d.methods
		FROM stages s JOIN apis a ON a.id = s.api_id LEFT JOIN deployments d ON d.id = s.deployment_id WHERE s.id IN ? AND a.owner_id = ? ORDER BY s.created_at, s.id`, ids, owner)
	if err != nil {
		return nil, err
	}
	choices := make([]models.StageChoice, len(rows))
	drafts := map[models.APIID][]models.Method{}
	for i, r := range rows {
		choices[i] = r.choice()
		if _, ok := drafts[r.APIID]; !ok {
			if drafts[r.APIID], _, err = methodsOf(db, r.APIID); err != nil {
				return nil, err
			}
		}
		choices[i].Methods = slices.Clone(drafts[r.APIID])
		if !r.Methods.Valid {
			continue
		}
		deployed, err := decodeMethods(r.Methods.String)
		if err != nil {
			return nil, err
		}
		for _, m := range deployed {
			if !slices.ContainsFunc(choices[i].Methods, func(have models.Method) bool { return have.ID == m.ID }) {
				choices[i].Methods = append(choices[i].Methods, m)
			}
		}
	}
	return choices, nil
}
