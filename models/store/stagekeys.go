package store

import (
	"context"
	"slices"

	"gatehouse/models"
)

// mostStageKeys is how many keys can be chosen from to send a request.
const mostStageKeys = 100

// StageKeys returns the keys of a developer's apps that a plan lets call a stage, with whether that plan opens a method of it, newest first.
// Revoked keys are not among them; keys that do not work for another reason are. At most 100.
func (s *Store) StageKeys(ctx context.Context, account models.AccountID, stage models.StageID, method models.MethodID) ([]models.StageKey, error) {
	type opening struct {
		KeyID  models.KeyID
		PlanID models.PlanID
		Terms  string
	}
	db := s.read.WithContext(ctx)
	rows, err := selectAll[keyRow](db, "keys of stage", keyQuery+`WHERE ap.account_id = ? AND k.revoked_at IS NULL AND EXISTS (SELECT 1 FROM key_stages ks
		WHERE ks.key_id = k.id AND ks.stage_id = ?) ORDER BY k.created_at DESC, k.id DESC LIMIT ?`, account, stage, mostStageKeys)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	keys, err := keyListRows(db, anyOwner, rows)
	if err != nil {
		return nil, err
	}
	ids := make([]models.KeyID, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	openings, err := selectAll[opening](db, "plans of stage", `SELECT ks.key_id, ks.plan_id, v.terms
		FROM key_stages ks JOIN plan_stages ps ON ps.plan_id = ks.plan_id AND ps.stage_id = ks.stage_id JOIN plans p ON p.id = ks.plan_id
			JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version
		WHERE ks.key_id IN ? AND ks.stage_id = ? AND p.ended = 0`, ids, stage)
	if err != nil {
		return nil, err
	}
	opens := map[models.PlanID]bool{}
	out := make([]models.StageKey, 0, len(keys))
	for _, k := range keys {
		at := slices.IndexFunc(openings, func(o opening) bool { return o.KeyID == k.ID })
		if at < 0 {
			continue // its plan left the stage
		}
		plan := openings[at].PlanID
		if _, read := opens[plan]; !read {
			terms, err := decodeTerms(openings[at].Terms)
			if err != nil {
				return nil, err
			}
			opens[plan] = len(terms.Open(stage, []models.Method{{ID: method}})) > 0
		}
		in := slices.IndexFunc(k.Memberships, func(m models.Membership) bool { return m.PlanID == plan })
		if in < 0 {
			continue
		}
		out = append(out, models.StageKey{KeyRow: k, PlanID: plan, PlanName: k.Memberships[in].PlanName, State: k.Memberships[in].State, Opens: opens[plan]})
	}
	return out, nil
}
