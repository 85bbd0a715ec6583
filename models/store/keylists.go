package store

import (
	"context"

	"gorm.io/gorm"

	"gatehouse/models"
)

func (r keyRow) at() cursor { return cursor{sort: r.CreatedAt, id: int64(r.ID)} }

// keysByID reads keys in the order of the ids.
func keysByID(db *gorm.DB, ids []models.KeyID) ([]keyRow, error) {
	rows, err := selectAll[keyRow](db, "keys", keyQuery+`WHERE k.id IN ?`, ids)
	byID := make(map[models.KeyID]keyRow, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	ordered := make([]keyRow, 0, len(ids))
	for _, id := range ids {
		if r, ok := byID[id]; ok {
			ordered = append(ordered, r)
		}
	}
	return ordered, err
}

// keyListRows adds to keys their memberships of an owner's plans, or of any.
func keyListRows(db *gorm.DB, owner models.AccountID, rows []keyRow) ([]models.KeyRow, error) {
	ids := make([]models.KeyID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	memberships, err := membershipsOf(db, owner, ids...)
	out := make([]models.KeyRow, len(rows))
	for i, r := range rows {
		out[i] = models.KeyRow{Key: r.key(), AppName: r.AppName.String, AccountEmail: r.AccountEmail.String, Memberships: memberships[r.ID]}
	}
	return out, err
}

// Key reads a key for who may see it: the developer of its app, the owner who made it, or the owner of a plan that it is on. This last one
// sees of it what concerns his plans.
func (s *Store) Key(ctx context.Context, account models.AccountID, id models.KeyID) (models.KeyDetail, error) {
	db := s.read.WithContext(ctx)
	d, err := s.OwnKey(ctx, account, id)
	if models.KindOf(err) != models.KindNotFound {
		return d, err
	}
	row, err := selectOne[keyRow](db, "key", keyQuery+`WHERE k.id = ? AND EXISTS (SELECT 1 FROM plan_keys pk
		WHERE pk.key_id = k.id AND (SELECT owner_id FROM plans WHERE id = pk.plan_id) = ?)`, id, account)
	if err != nil {
		return models.KeyDetail{}, err
	}
	return keyDetail(db, account, row)
}

// OwnKey reads a key for who may change it: the developer of its app, or the owner who made it.
func (s *Store) OwnKey(ctx context.Context, account models.AccountID, id models.KeyID) (models.KeyDetail, error) {
	db := s.read.WithContext(ctx)
	row, err := selectOne[keyRow](db, "key", keyQuery+`WHERE k.id = ? AND (k.owner_id = ? OR ap.account_id = ?)`, id, account, account)
	if err != nil {
		return models.KeyDetail{}, err
	}
	return keyDetail(db, anyOwner, row)
}

func keyDetail(db *gorm.DB, owner models.AccountID, row keyRow) (models.KeyDetail, error) {
	details, err := keyDetails(db, owner, []keyRow{row})
	if err != nil {
		return models.KeyDetail{}, err
	}
	return details[0], nil
}

// keyDetails adds to keys their memberships and how they may call, both by an owner's plans, or by any.
func keyDetails(db *gorm.DB, owner models.AccountID, rows []keyRow) ([]models.KeyDetail, error) {
	list, err := keyListRows(db, owner, rows)
	if err != nil {
		return nil, err
	}
	calls, err := callsOf(db, list)
	if err != nil {
		return nil, err
	}
	details := make([]models.KeyDetail, len(list))
	for i, k := range list {
		details[i] = models.KeyDetail{KeyRow: k, Calls: calls[k.ID]}
	}
	return details, nil
}

// callsOf reads the deployed stages that keys may call by the plans that are listed with them, by plan in that order, then by API and stage.
func callsOf(db *gorm.DB, keys []models.KeyRow) (map[models.KeyID][]models.KeyCall, error) {
	type call struct {
		KeyID      models.KeyID
		PlanID     models.PlanID
		Terms      string
		APIName    string `gorm:"column:api_name"`
		APISlug    string `gorm:"column:api_slug"`
		StageID    models.StageID
		StageName  string
		KeyPlace   string
		KeyName    string
		KeyForward bool
		Methods    string
	}
	ids := make([]models.KeyID, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	rows, err := selectAll[call](db, "calls of keys", `SELECT ks.key_id, ks.plan_id, v.terms, a.name AS api_name, a.slug AS api_slug, s.id AS stage_id,
			s.name AS stage_name, d.key_place, d.key_name, d.key_forward, d.methods
		FROM key_stages ks JOIN plan_stages ps ON ps.plan_id = ks.plan_id AND ps.stage_id = ks.stage_id JOIN plans p ON p.id = ks.plan_id JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version
			JOIN stages s ON s.id = ks.stage_id JOIN deployments d ON d.id = s.deployment_id JOIN apis a ON a.id = s.api_id
		WHERE ks.key_id IN ? AND p.ended = 0 ORDER BY a.name COLLATE NOCASE, a.id, s.created_at, s.id`, ids)
	if err != nil {
		return nil, err
	}
	byPlan := groupBy(rows, func(c call) membershipID { return membershipID{c.KeyID, c.PlanID} })
	terms, methods := map[models.PlanID]models.Terms{}, map[models.StageID][]models.Method{} // read once, however many keys there are
	for _, c := range rows {
		if _, ok := terms[c.PlanID]; !ok {
			if terms[c.PlanID], err = decodeTerms(c.Terms); err != nil {
				return nil, err
			}
		}
		if _, ok := methods[c.StageID]; !ok {
			if methods[c.StageID], err = decodeMethods(c.Methods); err != nil {
				return nil, err
			}
		}
	}
	calls := make(map[models.KeyID][]models.KeyCall)
	for _, k := range keys {
		for _, m := range k.Memberships {
			for _, c := range byPlan[membershipID{k.ID, m.PlanID}] {
				calls[k.ID] = append(calls[k.ID], models.KeyCall{PlanID: c.PlanID, PlanName: m.PlanName, State: m.State, Terms: terms[c.PlanID],
					APIName: c.APIName, APISlug: c.APISlug, StageID: c.StageID, StageName: c.StageName,
					KeySource: models.KeySource{Place: models.KeyPlace(c.KeyPlace), Name: c.KeyName, Forward: c.KeyForward},
					Methods:   terms[c.PlanID].Open(c.StageID, methods[c.StageID])})
			}
		}
	}
	return calls, nil
}

// membershipID names a key on a plan.
type membershipID struct {
	key  models.KeyID
	plan models.PlanID
}

// AccountKeys lists the keys of all apps of a developer, newest first, revoked ones too. Search is as in OwnerKeys.
func (s *Store) AccountKeys(ctx context.Context, account models.AccountID, p models.Page) (list models.List[models.KeyRow], err error) {
	from, err := newestFirst(p)
	if err != nil {
		return list, err
	}
	where, args := "", []any{account, from.sort, from.id}
	if p.Search != "" {
		low, high := prefixRange(p.Search)
		id, _ := models.ParseID[models.Key](p.Search) // what is no id is nobody's
		where = `AND (k.name COLLATE NOCASE >= ? AND k.name COLLATE NOCASE < ? OR k.id = ?
			OR EXISTS (SELECT 1 FROM key_secrets v WHERE v.key_id = k.id AND v.last4 = ?)) `
		args = append(args, low, high, id, p.Search)
	}
	db := s.read.WithContext(ctx)
	rows, err := selectAll[keyRow](db, "keys", keyQuery+`WHERE ap.account_id = ? AND (k.created_at, k.id) < (?, ?) `+where+`
		ORDER BY k.created_at DESC, k.id DESC LIMIT ?`, append(args, limitOf(p)+1)...)
	if err != nil {
		return list, err
	}
	page := cut(rows, p, keyRow.at, func(r keyRow) keyRow { return r })
	list.Next = page.Next
	list.Items, err = keyListRows(db, anyOwner, page.Items)
	return list, err
}
