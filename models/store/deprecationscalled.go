package store

import (
	"context"
	"database/sql"
	"time"

	"gatehouse/models"
)

// callersNamed is how many callers a list names of each thing.
const callersNamed = 3

// CalledDeprecations lists what an owner deprecated, on all APIs or one, and keys called in the last 30 days, the newest call first, at most limit: a call after
// the sunset counts, though it is answered with 410.
func (s *Store) CalledDeprecations(ctx context.Context, owner models.AccountID, api models.APIID, limit int, now time.Time) ([]models.CalledDeprecation, error) {
	type row struct {
		Row              deprecationRow `gorm:"embedded"`
		APIName, Subject string
		Last             int64
		Keys             int
	}
	db, since := s.read.WithContext(ctx), now.AddDate(0, 0, -callerDays).Unix()
	where, args := `a.owner_id = ?`, []any{owner}
	if api != 0 {
		where, args = where+` AND a.id = ?`, append(args, api)
	}
	last := func(column string) string {
		return `(SELECT max(last) FROM usage_callers WHERE ` + column + ` = d.` + column + `)`
	}
	keys := func(column string) string {
		return `(SELECT count(*) FROM (SELECT DISTINCT key_id FROM usage_callers WHERE ` + column + ` = page.` + column + ` AND last >= ? LIMIT ?))`
	}
	rows, err := selectAll[row](db, "what is deprecated and called", `SELECT page.*,
			CASE WHEN page.method_id IS NULL THEN `+keys("stage_id")+` ELSE `+keys("method_id")+` END AS keys
		FROM (SELECT * FROM (SELECT d.*, a.name AS api_name, coalesce('stage ' || st.name, m.verb || ' ' || m.path) AS subject,
				CASE WHEN d.method_id IS NULL THEN `+last("stage_id")+` ELSE `+last("method_id")+` END AS last
			FROM apis a CROSS JOIN deprecations d ON d.api_id = a.id LEFT JOIN stages st ON st.id = d.stage_id LEFT JOIN methods m ON m.id = d.method_id WHERE `+where+`)
			WHERE last >= ? ORDER BY last DESC, id LIMIT ?) AS page
		ORDER BY page.last DESC, page.id`, append([]any{since, models.MaxCallersCounted, since, models.MaxCallersCounted}, append(args, since, limit)...)...)
	if err != nil {
		return nil, err
	}
	found := make([]models.CalledDeprecation, len(rows))
	for i, r := range rows {
		d, err := r.Row.deprecation()
		if err != nil {
			return nil, err
		}
		found[i] = models.CalledDeprecation{Deprecation: d, APIName: r.APIName, Subject: r.Subject, Last: time.Unix(r.Last, 0).UTC(), Keys: r.Keys}
		if found[i].Newest, err = s.newestCallers(ctx, d, since); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// newestCallers names who called last.
func (s *Store) newestCallers(ctx context.Context, d models.Deprecation, since int64) ([]models.OperationCaller, error) {
	column, id := calledColumn(d)
	type row struct {
		KeyID             models.KeyID
		Name, CustomerID  string
		AppName, AppEmail sql.NullString
		Last              int64
	}
	rows, err := selectAll[row](s.read.WithContext(ctx), "callers", `SELECT page.key_id, page.last, k.name, k.customer_id, a.name AS app_name, o.email AS app_email
		FROM (SELECT key_id, max(last) AS last FROM usage_callers WHERE `+column+` = ? AND last >= ? GROUP BY key_id ORDER BY max(last) DESC, key_id LIMIT ?) AS page
			JOIN keys k ON k.id = page.key_id LEFT JOIN apps a ON a.id = k.app_id LEFT JOIN accounts o ON o.id = a.account_id
		ORDER BY page.last DESC, page.key_id`, id, since, callersNamed)
	callers := make([]models.OperationCaller, len(rows))
	for i, r := range rows {
		callers[i] = models.OperationCaller{KeyID: r.KeyID, KeyName: r.Name, AppName: r.AppName.String, Email: r.AppEmail.String, CustomerID: r.CustomerID, Last: time.Unix(r.Last, 0).UTC()}
	}
	return callers, err
}

// calledColumn is where usage_callers has what is deprecated.
func calledColumn(d models.Deprecation) (column string, id int64) {
	if d.StageID != 0 {
		return "stage_id", int64(d.StageID)
	}
	return "method_id", int64(d.MethodID)
}
