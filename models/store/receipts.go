package store

import (
	"context"
	"database/sql"
	"time"

	"gatehouse/models"
)

// ReceiptDetail adds to a receipt what stands beside it, for who may see it: the developer of the key's app or the owner who made the key, and the
// owner of the API. Nobody else finds it (R9). An API's owner sees of a key that is on none of his plans no more than its id.
func (s *Store) ReceiptDetail(ctx context.Context, viewer models.AccountID, r models.Receipt) (models.ReceiptDetail, error) {
	if r.KeyID == 0 {
		return s.keylessDetail(ctx, viewer, r)
	}
	type receiptRow struct {
		Key       keyRow `gorm:"embedded"`
		OwnKey    bool
		OwnAPI    bool           `gorm:"column:own_api"`
		Customer  bool           // the key is on a plan of the viewer's
		APIName   sql.NullString `gorm:"column:api_name"`
		APISlug   sql.NullString `gorm:"column:api_slug"`
		KeyPlace  sql.NullString
		KeyName   sql.NullString
		StageName sql.NullString
		Terms     sql.NullString
		EndsAt    sql.NullInt64
		Ended     bool

		SubscriptionID sql.NullInt64
		State          sql.NullString
		Blocked        sql.NullBool // NULL: the key is not on the plan
	}
	row, err := selectOne[receiptRow](s.read.WithContext(ctx), "request", `SELECT k.*, k.owner_id IS ? OR (SELECT account_id FROM apps WHERE id = k.app_id) IS ? AS own_key, a.owner_id IS ? AS own_api,
			EXISTS (SELECT 1 FROM plan_keys o WHERE o.key_id = k.id AND (SELECT owner_id FROM plans WHERE id = o.plan_id) = ?) AS customer,
			a.name AS api_name, a.slug AS api_slug, a.key_place, a.key_name, st.name AS stage_name, v.terms, p.ends_at, coalesce(p.ended, 0) AS ended,
			pk.subscription_id, sub.state, pk.blocked
		FROM (`+keyQuery+`WHERE k.id = ?) k
			LEFT JOIN apis a ON a.id = ? LEFT JOIN stages st ON st.id = ? AND st.api_id = a.id
			LEFT JOIN plans p ON p.id = ? LEFT JOIN plan_versions v ON v.plan_id = p.id AND v.version = ?
			LEFT JOIN plan_keys pk ON pk.plan_id = p.id AND pk.key_id = k.id LEFT JOIN subscriptions sub ON sub.id = pk.subscription_id
		WHERE own_key OR own_api`, viewer, viewer, viewer, viewer, r.KeyID, r.APIID, r.StageID, r.PlanID, r.PlanVersion)
	if err != nil {
		return models.ReceiptDetail{}, err
	}
	d := models.ReceiptDetail{
		ReceiptRow: models.ReceiptRow{Receipt: r, APIName: row.APIName.String, StageName: row.StageName.String},
		OwnKey:     row.OwnKey, OwnAPI: row.OwnAPI, APISlug: row.APISlug.String,
		KeySource: models.KeySource{Place: models.KeyPlace(row.KeyPlace.String), Name: row.KeyName.String}, PlanEndsAt: nullTime(row.EndsAt),
	}
	if row.OwnKey || row.Customer {
		d.Key, d.AppName, d.AccountEmail = row.Key.key(), row.Key.AppName.String, row.Key.AccountEmail.String
	}
	if row.Terms.Valid {
		if d.Plan, err = decodeTerms(row.Terms.String); err != nil {
			return models.ReceiptDetail{}, err
		}
	}
	if row.Blocked.Valid {
		d.SubscriptionID = models.SubscriptionID(row.SubscriptionID.Int64)
		d.Member = membershipRow{State: row.State, Blocked: row.Blocked.Bool, Ended: row.Ended}.membership().State
	}
	return d, nil
}

// LimitsChanged reports whether the limits of a receipt's key on its plan may have changed from one time to another: by a version of the plan, or by an override that was given, taken or that ended.
func (s *Store) LimitsChanged(ctx context.Context, d models.ReceiptDetail, from, to time.Time) (bool, error) {
	ids := []string{d.KeyID.String(), d.PlanID.String(), d.SubscriptionID.String()}
	return selectOne[bool](s.read.WithContext(ctx), "what was done to limits", `SELECT EXISTS (SELECT 1 FROM events WHERE object_id IN ? AND at >= ? AND at <= ?
			AND action IN ('plan.publish', 'key.override', 'key.override_end', 'subscription.override', 'subscription.override_end'))
		OR EXISTS (SELECT 1 FROM limit_overrides WHERE key_id = ? AND plan_id = ? AND ends_at >= ? AND ends_at <= ?)`, ids, millis(from), millis(to), d.KeyID, d.PlanID, millis(from), millis(to))
}

// keylessDetail is ReceiptDetail for a request that presented no known key: the owner of the API alone finds it.
func (s *Store) keylessDetail(ctx context.Context, viewer models.AccountID, r models.Receipt) (models.ReceiptDetail, error) {
	type place struct {
		Name      string
		Slug      string
		KeyPlace  string
		KeyName   string
		StageName sql.NullString
	}
	row, err := selectOne[place](s.read.WithContext(ctx), "request", `SELECT a.name, a.slug, a.key_place, a.key_name, st.name AS stage_name
		FROM apis a LEFT JOIN stages st ON st.id = ? AND st.api_id = a.id WHERE a.id = ? AND a.owner_id = ?`, r.StageID, r.APIID, viewer)
	if err != nil {
		return models.ReceiptDetail{}, err
	}
	return models.ReceiptDetail{
		ReceiptRow: models.ReceiptRow{Receipt: r, APIName: row.Name, StageName: row.StageName.String}, OwnAPI: true, APISlug: row.Slug,
		KeySource: models.KeySource{Place: models.KeyPlace(row.KeyPlace), Name: row.KeyName},
	}, nil
}

// ReceiptRows keeps, of receipts of one key, those that somebody may see, in their order, and adds names.
func (s *Store) ReceiptRows(ctx context.Context, viewer models.AccountID, key models.KeyID, receipts []models.Receipt) ([]models.ReceiptRow, error) {
	if len(receipts) == 0 {
		return nil, nil
	}
	var apis []models.APIID
	var stages []models.StageID
	for _, r := range receipts {
		apis, stages = append(apis, r.APIID), append(stages, r.StageID)
	}
	type place struct {
		APIID     models.APIID   `gorm:"column:api_id"`
		APIName   string         `gorm:"column:api_name"`
		OwnAPI    bool           `gorm:"column:own_api"`
		StageID   models.StageID // zero: none of the receipts' stages is there any more
		StageName string
	}
	db := s.read.WithContext(ctx)
	ownKey, err := selectOne[bool](db, "owner of key", `SELECT EXISTS (SELECT 1 FROM keys k LEFT JOIN apps ap ON ap.id = k.app_id
		WHERE k.id = ? AND (k.owner_id = ? OR ap.account_id = ?))`, key, viewer, viewer)
	if err != nil {
		return nil, err
	}
	places, err := selectAll[place](db, "places of requests", `SELECT a.id AS api_id, a.name AS api_name, a.owner_id = ? AS own_api,
			coalesce(st.id, 0) AS stage_id, coalesce(st.name, '') AS stage_name
		FROM apis a LEFT JOIN stages st ON st.api_id = a.id AND st.id IN ? WHERE a.id IN ?`, viewer, stages, apis)
	if err != nil {
		return nil, err
	}
	ownAPIs, apiNames, stageNames := map[models.APIID]bool{}, map[models.APIID]string{}, map[models.StageID]string{}
	for _, p := range places {
		ownAPIs[p.APIID], apiNames[p.APIID], stageNames[p.StageID] = p.OwnAPI, p.APIName, p.StageName
	}
	var rows []models.ReceiptRow
	for _, r := range receipts {
		if r.KeyID == key && (ownKey || ownAPIs[r.APIID]) {
			rows = append(rows, models.ReceiptRow{Receipt: r, APIName: apiNames[r.APIID], StageName: stageNames[r.StageID]})
		}
	}
	return rows, nil
}
