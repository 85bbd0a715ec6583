package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// callerDays is for how many days after its last call a key counts as a caller.
const callerDays = 30

type deprecationRow struct {
	ID        models.DeprecationID
	APIID     models.APIID `gorm:"column:api_id"`
	StageID   sql.NullInt64
	MethodID  sql.NullInt64
	Since     int64
	Sunset    sql.NullInt64
	Note      string
	Link      string
	Successor string
	Brownouts string
	CreatedAt int64
	CreatedBy string
}

const deprecationQuery = `SELECT d.id, d.api_id, d.stage_id, d.method_id, d.since, d.sunset, d.note, d.link, d.successor, d.brownouts, d.created_at, d.created_by FROM deprecations d `

func (r deprecationRow) deprecation() (models.Deprecation, error) {
	d := models.Deprecation{ID: r.ID, APIID: r.APIID, StageID: models.StageID(r.StageID.Int64), MethodID: models.MethodID(r.MethodID.Int64), Since: timeOf(r.Since),
		Sunset: nullTime(r.Sunset), Note: r.Note, Link: r.Link, Successor: r.Successor, CreatedAt: timeOf(r.CreatedAt), CreatedBy: r.CreatedBy}
	if err := json.Unmarshal([]byte(r.Brownouts), &d.Brownouts); err != nil {
		return d, fmt.Errorf("read brownouts: %w", err)
	}
	return d, nil
}

func deprecationsOf(rows []deprecationRow, err error) ([]models.Deprecation, error) {
	out := make([]models.Deprecation, len(rows))
	for i, r := range rows {
		if err == nil {
			out[i], err = r.deprecation()
		}
	}
	return out, err
}

// Deprecations reads what of an API is deprecated, the newest first. Everybody who may see the API may know it.
func (s *Store) Deprecations(ctx context.Context, api models.APIID) ([]models.Deprecation, error) {
	return deprecationsOf(selectAll[deprecationRow](s.read.WithContext(ctx), "deprecations", deprecationQuery+`WHERE d.api_id = ? ORDER BY d.created_at DESC, d.id DESC`, api))
}

// Deprecation reads one of an owner's API.
func (s *Store) Deprecation(ctx context.Context, owner models.AccountID, api models.APIID, id models.DeprecationID) (models.Deprecation, error) {
	return deprecationOf(s.read.WithContext(ctx), owner, api, id)
}

func deprecationOf(db *gorm.DB, owner models.AccountID, api models.APIID, id models.DeprecationID) (models.Deprecation, error) {
	r, err := selectOne[deprecationRow](db, "deprecation", deprecationQuery+`JOIN apis a ON a.id = d.api_id WHERE d.id = ? AND d.api_id = ? AND a.owner_id = ?`, id, api, owner)
	if err != nil {
		return models.Deprecation{}, err
	}
	return r.deprecation()
}

// Deprecate announces that an operation or a stage of an API goes, in force on the next request. Who called it in the last 30 days gets a notice. Fields as
// Deprecation.Clean, and "what".
func (s *Store) Deprecate(ctx context.Context, actor models.Actor, d models.Deprecation, now time.Time) (models.Deprecation, error) {
	d, err := d.Clean(now)
	if err != nil {
		return d, err
	}
	err = s.changeAPI(ctx, actor, d.APIID, now, func(t *tx, a models.API) error {
		subject, err := t.subjectOf(a, d)
		if err != nil {
			return err
		}
		d.ID, d.CreatedAt, d.CreatedBy = newID[models.Deprecation](), t.now, t.actor.Label
		err = t.run("deprecate", `INSERT INTO deprecations (id, api_id, stage_id, method_id, since, sunset, note, link, successor, brownouts, remind_at, created_at, created_by)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, d.ID, d.APIID, nullID(d.StageID), nullID(d.MethodID), millis(d.Since), nullMillis(d.Sunset), d.Note, d.Link, d.Successor,
			brownoutText(d.Brownouts), nullMillis(d.RemindAt(t.now)), millis(d.CreatedAt), d.CreatedBy)
		if isDuplicate(err) {
			return conflictAt("what", "It is deprecated already. Change its dates instead.")
		}
		if err := firstError(err, t.changed(models.ChangeTopology)); err != nil {
			return err
		}
		if err := t.tell(deprecationNotice(a, d, subject, models.ChangeDeprecated)); err != nil {
			return err
		}
		if err := t.proposeDeprecation(a, d, subject); err != nil {
			return err
		}
		return t.event("deprecation.create", deprecationObject(a, d, subject), nil, deprecationFacts(d))
	})
	return d, err
}

// proposeDeprecation proposes an entry of the changelog.
func (t *tx) proposeDeprecation(a models.API, d models.Deprecation, subject string) error {
	body := subject + " is deprecated."
	if !d.Sunset.IsZero() {
		body += " It goes on " + d.Sunset.Format("2 January 2006, 15:04 UTC") + " and answers 410 from then on."
	}
	if d.Successor != "" {
		body += " Use " + d.Successor + " instead."
	}
	if d.Note != "" {
		body += "\n\n" + d.Note
	}
	return t.propose(a.ID, models.CutLine(subject+" is deprecated", 120), body, !d.Sunset.IsZero())
}

// ChangeDeprecation changes dates, brownouts and texts, in force on the next request. Callers are told again where a date changed.
func (s *Store) ChangeDeprecation(ctx context.Context, actor models.Actor, d models.Deprecation, now time.Time) error {
	d, err := d.Clean(now)
	if err != nil {
		return err
	}
	return s.changeAPI(ctx, actor, d.APIID, now, func(t *tx, a models.API) error {
		before, err := deprecationOf(t.DB, a.OwnerID, a.ID, d.ID)
		if err != nil {
			return err
		}
		d.StageID, d.MethodID, d.CreatedAt, d.CreatedBy = before.StageID, before.MethodID, before.CreatedAt, before.CreatedBy
		subject, err := t.subjectOf(a, d)
		if err != nil {
			return err
		}
		err = t.run("change deprecation", `UPDATE deprecations SET since = ?, sunset = ?, note = ?, link = ?, successor = ?, brownouts = ?, remind_at = ? WHERE id = ?`,
			millis(d.Since), nullMillis(d.Sunset), d.Note, d.Link, d.Successor, brownoutText(d.Brownouts), nullMillis(d.RemindAt(t.now)), d.ID)
		if err := firstError(err, t.changed(models.ChangeTopology)); err != nil {
			return err
		}
		if !before.Sunset.Equal(d.Sunset) || !before.Since.Equal(d.Since) {
			if err := t.tell(deprecationNotice(a, d, subject, models.ChangeDeprecated)); err != nil {
				return err
			}
		}
		return t.event("deprecation.update", deprecationObject(a, d, subject), deprecationFacts(before), deprecationFacts(d))
	})
}

// KeepOperation takes a deprecation back, in force on the next request. Callers are told.
func (s *Store) KeepOperation(ctx context.Context, actor models.Actor, api models.APIID, id models.DeprecationID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		d, err := deprecationOf(t.DB, a.OwnerID, api, id)
		if err != nil {
			return err
		}
		subject, err := t.subjectOf(a, d)
		if err != nil {
			return err
		}
		if err := firstError(t.run("keep operation", `DELETE FROM deprecations WHERE id = ?`, id), t.changed(models.ChangeTopology)); err != nil {
			return err
		}
		if err := t.tell(deprecationNotice(a, d, subject, models.ChangeKept)); err != nil {
			return err
		}
		return t.event("deprecation.delete", deprecationObject(a, d, subject), deprecationFacts(d), nil)
	})
}

// subjectOf says what is deprecated, as people call it; field "what".
func (t *tx) subjectOf(a models.API, d models.Deprecation) (string, error) {
	if (d.StageID == 0) == (d.MethodID == 0) {
		return "", models.Invalid("what", "Choose an operation or a stage.")
	}
	if d.StageID != 0 {
		st, err := stageOf(t.DB, a.ID, d.StageID)
		return "The stage " + st.Name + " of " + a.Name, err
	}
	m, err := selectOne[methodRow](t.DB, "method", `SELECT id, verb, path FROM methods WHERE id = ? AND api_id = ?`, d.MethodID, a.ID)
	return m.name() + " of " + a.Name, err
}

func deprecationObject(a models.API, d models.Deprecation, subject string) object {
	return object{kind: "deprecation", id: d.ID.String(), name: subject, owner: a.OwnerID}
}

func deprecationFacts(d models.Deprecation) facts {
	f := facts{"since": d.Since, "sunset": orNever(d.Sunset), "note": d.Note, "link": d.Link, "successor": d.Successor}
	if len(d.Brownouts) > 0 {
		f["brownouts"] = d.Brownouts
	}
	return f
}

func brownoutText(list []models.Brownout) string {
	if list == nil {
		list = []models.Brownout{}
	}
	text, _ := json.Marshal(list) // times and numbers
	return string(text)
}

func deprecationNotice(a models.API, d models.Deprecation, subject string, kind models.ChangeNoticeKind) changeNoticeRow {
	n := models.ChangeNotice{OwnerID: a.OwnerID, Kind: kind, State: models.ChangeAnnounced, APIID: a.ID, Deprecation: d.ID, Subject: subject, Slug: a.Slug, Note: d.Note, TakesAt: d.Since}
	if !d.Sunset.IsZero() {
		n.TakesAt = d.Sunset
		n.Changes = append(n.Changes, models.TermsChange{What: "Answers 410 Gone", Before: "never", After: "from " + d.Sunset.Format("2 Jan 2006, 15:04 MST")})
	}
	if d.Successor != "" {
		n.Changes = append(n.Changes, models.TermsChange{What: "Use instead", Before: subject, After: d.Successor})
	}
	if kind == models.ChangeKept {
		n.State, n.Changes, n.Note = models.ChangeCancelled, nil, ""
	}
	return newChangeNotice{ChangeNotice: n}.row()
}

// RemindOfSunsets tells who still calls what goes soon: 14, 3 and 1 days before. Each is told in one transaction with its next date, so once.
func (s *Store) RemindOfSunsets(ctx context.Context, now time.Time) error {
	due, err := deprecationsOf(selectAll[deprecationRow](s.read.WithContext(ctx), "sunsets to remind of", deprecationQuery+`WHERE d.remind_at <= ? ORDER BY d.remind_at, d.id`, millis(now)))
	for _, d := range due {
		if err != nil {
			break
		}
		err = s.change(ctx, models.System(), now, func(t *tx) error {
			row, err := selectOne[apiRow](t.DB, "API", `SELECT `+apiColumns+` FROM apis a WHERE a.id = ?`, d.APIID)
			if err != nil {
				return err
			}
			a := row.api()
			subject, err := t.subjectOf(a, d)
			if err != nil {
				return err
			}
			moved := t.Exec(`UPDATE deprecations SET remind_at = ? WHERE id = ? AND remind_at <= ?`, nullMillis(d.RemindAt(t.now)), d.ID, millis(t.now))
			if moved.Error != nil || moved.RowsAffected == 0 || d.Gone(t.now) {
				return moved.Error
			}
			return t.tell(deprecationNotice(a, d, subject, models.ChangeSunsetNear))
		})
	}
	return err
}

// Callers counts the keys that called an operation or a stage in the last 30 days, and lists the newest of them with their calls in this time.
func (s *Store) Callers(ctx context.Context, owner models.AccountID, d models.Deprecation, most int, now time.Time) (callers models.OperationCallers, err error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, d.APIID); err != nil {
		return callers, err
	}
	since := now.AddDate(0, 0, -callerDays).Unix()
	column, id := calledColumn(d)
	if callers.Keys, err = selectOne[int](db, "callers", `SELECT count(DISTINCT key_id) FROM usage_callers WHERE `+column+` = ? AND last >= ?`, id, since); err != nil {
		return callers, err
	}
	type row struct {
		KeyID        models.KeyID
		Name         string
		Hint         string
		AppName      sql.NullString
		AccountEmail sql.NullString
		CustomerID   string
		Last         int64
		Calls        int64
	}
	rows, err := selectAll[row](db, "callers", `SELECT page.key_id, k.name, c.hint, k.customer_id, a.name AS app_name, o.email AS account_email, page.last,
			(SELECT coalesce(sum(u.o0 + u.o1 + u.o2 + u.o3 + u.o4 + u.o5 + u.o6 + u.o7 + u.o8 + u.o9), 0) FROM usage_days u
				WHERE u.kind = ? AND u.id = page.key_id AND u.start >= ? AND u.`+column+` = ?) AS calls
		FROM (SELECT key_id, max(last) AS last FROM usage_callers WHERE `+column+` = ? AND last >= ? GROUP BY key_id ORDER BY max(last) DESC, key_id LIMIT ?) AS page
			JOIN keys k ON k.id = page.key_id JOIN key_secrets c ON c.key_id = k.id AND c.is_current = 1 LEFT JOIN apps a ON a.id = k.app_id LEFT JOIN accounts o ON o.id = a.account_id
		ORDER BY page.last DESC, page.key_id`, usageOfKey, since, id, id, since, most)
	for _, r := range rows {
		callers.Newest = append(callers.Newest, models.OperationCaller{KeyID: r.KeyID, KeyName: r.Name, Hint: r.Hint, AppName: r.AppName.String, Email: r.AccountEmail.String,
			CustomerID: r.CustomerID, Last: time.Unix(r.Last, 0).UTC(), Calls: r.Calls})
	}
	return callers, err
}

// callersOf are the developers whose keys called lately what a notice is about; of what stays after all, those who were told that it goes.
func callersOf(db *gorm.DB, n changeNoticeRow) ([]receiver, error) {
	if n.Kind == string(models.ChangeKept) {
		return selectAll[receiver](db, "who was told", `SELECT DISTINCT r.account_id, 0 AS subscription_id FROM notices p JOIN notice_receivers r ON r.notice_id = p.id
			WHERE p.deprecation_id = ? ORDER BY r.account_id`, n.DeprecationID)
	}
	rows, err := selectAll[deprecationRow](db, "deprecation", deprecationQuery+`WHERE d.id = ?`, n.DeprecationID)
	if err != nil || len(rows) == 0 { // it was taken back meanwhile
		return nil, err
	}
	column, id := "method_id", rows[0].MethodID
	if rows[0].StageID.Valid {
		column, id = "stage_id", rows[0].StageID
	}
	return selectAll[receiver](db, "callers", `SELECT DISTINCT a.account_id, 0 AS subscription_id FROM usage_callers u JOIN keys k ON k.id = u.key_id JOIN apps a ON a.id = k.app_id
		WHERE u.`+column+` = ? AND u.last >= ? ORDER BY a.account_id`, id, time.UnixMilli(n.CreatedAt).AddDate(0, 0, -callerDays).Unix())
}

// addCallers notes which keys call which operations, to the hour: a row that is as new already is not written.
func addCallers(ctx context.Context, db gorm.ConnPool, cells []models.UsageCell) error {
	type call struct {
		method models.MethodID
		stage  models.StageID
		key    models.KeyID
	}
	last := map[call]int64{}
	for i := range cells {
		if c := &cells[i]; c.MethodID != 0 && c.Count > 0 {
			at := call{c.MethodID, c.StageID, c.KeyID}
			last[at] = max(last[at], c.Minute)
		}
	}
	values := make([]any, 0, 4*len(last))
	for c, at := range last {
		values = append(values, int64(c.method), int64(c.stage), int64(c.key), at)
	}
	callers := newUpsert("INSERT INTO usage_callers (method_id, stage_id, key_id, last)", 4,
		"ON CONFLICT (method_id, stage_id, key_id) DO UPDATE SET last = excluded.last WHERE excluded.last >= usage_callers.last + 3600")
	return callers.run(ctx, db, values)
}
