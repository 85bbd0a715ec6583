package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has what people are told of changes that others make. A notice is written with the change; its receivers are written after that, some at a time,
// since a plan may have very many subscribers.

type changeNoticeRow struct {
	ID            models.ChangeNoticeID
	OwnerID       models.AccountID
	Kind          string
	State         string
	PlanID        sql.NullInt64
	APIID         sql.NullInt64 `gorm:"column:api_id"`
	DeprecationID sql.NullInt64
	Subject       string
	Slug          string
	Before        sql.NullString
	After         sql.NullString
	Changes       string
	Note          string
	TakesAt       int64
	CreatedAt     int64
	Told          int
	Untold        bool
}

const (
	changeNoticeColumns = `n.id, n.owner_id, n.kind, n.state, n.plan_id, n.api_id, n.deprecation_id, n.subject, n.slug, n.before, n.after, n.changes, n.note, n.takes_at,
		n.created_at, n.told, n.untold`
	changeNoticeQuery = `SELECT ` + changeNoticeColumns + ` FROM notices n `
)

func (r changeNoticeRow) notice() (models.ChangeNotice, error) {
	n := models.ChangeNotice{ID: r.ID, OwnerID: r.OwnerID, Kind: models.ChangeNoticeKind(r.Kind), State: models.ChangeNoticeState(r.State), PlanID: models.PlanID(r.PlanID.Int64),
		APIID: models.APIID(r.APIID.Int64), Deprecation: models.DeprecationID(r.DeprecationID.Int64), Subject: r.Subject, Slug: r.Slug, Note: r.Note,
		TakesAt: timeOf(r.TakesAt), CreatedAt: timeOf(r.CreatedAt), Told: r.Told, StillTelling: r.Untold}
	if err := json.Unmarshal([]byte(r.Changes), &n.Changes); err != nil {
		return n, fmt.Errorf("read changes of notice: %w", err)
	}
	return n, nil
}

// newChangeNotice is a notice to be told.
type newChangeNotice struct {
	models.ChangeNotice
	before, after *models.Terms
}

// planNotice is a notice of other terms of a plan.
func planNotice(p models.Plan, kind models.ChangeNoticeKind, state models.ChangeNoticeState, before, after models.Terms, changes []models.TermsChange) changeNoticeRow {
	return newChangeNotice{ChangeNotice: models.ChangeNotice{OwnerID: p.OwnerID, Kind: kind, State: state, PlanID: p.ID, Subject: p.Name(), Changes: changes}, before: &before, after: &after}.row()
}

// AnnouncedChange reads what subscribers of a plan were told of a version that comes into force by itself; not found where none is to come. Who may see the plan may know.
func (s *Store) AnnouncedChange(ctx context.Context, plan models.PlanID) (models.ChangeNotice, error) {
	r, err := selectOne[changeNoticeRow](s.read.WithContext(ctx), "announced change", changeNoticeQuery+`WHERE n.plan_id = ? AND n.state = 'announced' AND n.kind = 'plan' ORDER BY n.created_at DESC, n.id DESC LIMIT 1`, plan)
	if err != nil {
		return models.ChangeNotice{}, err
	}
	return r.notice()
}

// row writes a notice; its texts cannot fail to be written.
func (n newChangeNotice) row() changeNoticeRow {
	changes := n.Changes
	if changes == nil {
		changes = []models.TermsChange{}
	}
	words, _ := json.Marshal(changes)
	r := changeNoticeRow{ID: newID[models.ChangeNotice](), OwnerID: n.OwnerID, Kind: string(n.Kind), State: string(n.State), PlanID: nullID(n.PlanID), APIID: nullID(n.APIID),
		DeprecationID: nullID(n.Deprecation), Subject: n.Subject, Slug: n.Slug, Changes: string(words), Note: n.Note, TakesAt: millis(n.TakesAt), Untold: true}
	for _, side := range []struct {
		terms *models.Terms
		text  *sql.NullString
	}{{n.before, &r.Before}, {n.after, &r.After}} {
		if side.terms != nil {
			text, _ := encodeTerms(*side.terms)
			*side.text = nullText(text)
		}
	}
	return r
}

// tell writes a notice. Its receivers are written by TellChanges.
func (t *tx) tell(n changeNoticeRow) error {
	if n.TakesAt == 0 {
		n.TakesAt = millis(t.now)
	}
	return t.run("write notice", `INSERT INTO notices (id, owner_id, kind, state, plan_id, api_id, deprecation_id, subject, slug, before, after, changes, note, takes_at,
		created_at, told, untold) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1)`, n.ID, n.OwnerID, n.Kind, n.State, n.PlanID, n.APIID, n.DeprecationID, n.Subject,
		n.Slug, n.Before, n.After, n.Changes, n.Note, n.TakesAt, millis(t.now))
}

// receiver is who is to be told, and about which subscription.
type receiver struct {
	AccountID      models.AccountID
	SubscriptionID models.SubscriptionID
}

// TellChanges writes who receives what was announced, some at a time. Whoever was told already is not told again: a process that was killed in between leaves
// no receiver out.
func (s *Store) TellChanges(ctx context.Context, now time.Time) error {
	rows, err := selectAll[changeNoticeRow](s.read.WithContext(ctx), "notices to tell", changeNoticeQuery+`WHERE n.untold = 1 ORDER BY n.id`)
	for _, n := range rows {
		if err == nil {
			err = s.tellAll(ctx, n, now)
		}
	}
	return err
}

func (s *Store) tellAll(ctx context.Context, n changeNoticeRow, now time.Time) error {
	all, err := receiversOf(s.read.WithContext(ctx), n)
	if err != nil {
		return err
	}
	all = append(all, receiver{}) // the end
	for some := range slices.Chunk(all, s.tellAtOnce()) {
		err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			t := &tx{DB: db, now: now.UTC().Truncate(time.Millisecond), actor: models.System(), keyring: s.keyring}
			return t.tellSome(n, some)
		})
		if err != nil {
			return translate(err)
		}
	}
	return nil
}

// tellAtOnce is how many people one transaction tells: each takes several statements.
func (s *Store) tellAtOnce() int { return max(1, s.atOnce/4) }

// receiversOf are all who are to be told: a plan's open subscribers, or who called lately what is deprecated.
func receiversOf(db *gorm.DB, n changeNoticeRow) ([]receiver, error) {
	if n.PlanID.Valid {
		return selectAll[receiver](db, "subscribers", `SELECT a.account_id, s.id AS subscription_id FROM subscriptions s JOIN apps a ON a.id = s.app_id
			WHERE s.plan_id = ? AND s.state IN ('pending', 'active', 'suspended') ORDER BY a.account_id, s.id`, n.PlanID)
	}
	return callersOf(db, n)
}

// tellSome writes some receivers; the zero receiver is the end of them.
func (t *tx) tellSome(n changeNoticeRow, some []receiver) error {
	told := 0
	for _, r := range some {
		if r.AccountID == 0 {
			return t.run("have told", `UPDATE notices SET untold = 0, told = told + ? WHERE id = ?`, told, n.ID)
		}
		added, err := t.receive(n, r)
		if err != nil {
			return err
		}
		told += added
	}
	return t.run("count told", `UPDATE notices SET told = told + ? WHERE id = ?`, told, n.ID)
}

// receive writes one receiver, and returns how many there are more: 1, or 0 if he was told already.
func (t *tx) receive(n changeNoticeRow, r receiver) (int, error) {
	counted := n.Kind != string(models.ChangeOfPlan)
	added := t.Exec(`INSERT OR IGNORE INTO notice_receivers (account_id, notice_id, subscription_id, created_at, counted) VALUES (?, ?, ?, ?, ?)`,
		r.AccountID, n.ID, r.SubscriptionID, n.CreatedAt, counted)
	if added.Error != nil {
		return 0, fmt.Errorf("tell receiver: %w", added.Error)
	}
	if !counted || added.RowsAffected == 0 { // with his numbers, when they are counted
		return int(added.RowsAffected), nil
	}
	notice, err := n.notice()
	if err != nil {
		return 0, err
	}
	return 1, t.notify(notice.Notice(r.AccountID, r.SubscriptionID, "", nil))
}

// tellNewcomer lets a new subscriber know what was announced of the plan before.
func (t *tx) tellNewcomer(sub models.Subscription, app models.App) error {
	rows, err := selectAll[changeNoticeRow](t.DB, "announced changes", changeNoticeQuery+`WHERE n.plan_id = ? AND n.state = 'announced'`, sub.PlanID)
	for _, n := range rows {
		if err == nil {
			err = t.tellSome(n, []receiver{{app.AccountID, sub.ID}})
		}
	}
	return err
}

// UnseenNotices counts the notices that an account has not acknowledged; of very many, 100.
func (s *Store) UnseenNotices(ctx context.Context, account models.AccountID) (int, error) {
	return selectOne[int](s.read.WithContext(ctx), "unseen notices", `SELECT count(*) FROM (SELECT DISTINCT notice_id FROM notice_receivers
		WHERE account_id = ? AND seen_at IS NULL LIMIT 100)`, account)
}

// Notices lists what an account was told, newest first.
func (s *Store) ChangeNotices(ctx context.Context, account models.AccountID, p models.Page) (list models.List[models.ChangeNoticeRow], err error) {
	type row struct {
		Row  changeNoticeRow `gorm:"embedded"`
		Seen bool
	}
	from, err := newestFirst(p)
	if err != nil {
		return list, err
	}
	rows, err := selectAll[row](s.read.WithContext(ctx), "notices", `SELECT `+changeNoticeColumns+`, page.seen FROM (
			SELECT r.notice_id, r.created_at, min(r.seen_at IS NOT NULL) AS seen FROM notice_receivers r
			WHERE r.account_id = ? AND (r.created_at, r.notice_id) < (?, ?) GROUP BY r.created_at, r.notice_id ORDER BY r.created_at DESC, r.notice_id DESC LIMIT ?) AS page
		JOIN notices n ON n.id = page.notice_id ORDER BY page.created_at DESC, page.notice_id DESC`, account, from.sort, from.id, limitOf(p)+1)
	if err != nil {
		return list, err
	}
	list = cut(rows, p, func(r row) cursor { return cursor{r.Row.CreatedAt, int64(r.Row.ID)} }, func(r row) models.ChangeNoticeRow {
		n, noticeErr := r.Row.notice()
		err = firstError(err, noticeErr)
		return models.ChangeNoticeRow{ChangeNotice: n, Seen: r.Seen}
	})
	return list, err
}

// Notice reads what an account was told, with what it means for each of its subscriptions. What somebody else was told is not found.
func (s *Store) ChangeNotice(ctx context.Context, account models.AccountID, id models.ChangeNoticeID) (d models.ChangeNoticeDetail, err error) {
	type row struct {
		SubscriptionID models.SubscriptionID
		AppName        sql.NullString
		State          sql.NullString
		Seen           bool
		Counted        bool
		RecordedFrom   sql.NullInt64
		Offered        int64
		BeforeLeast    int64
		BeforeMost     int64
		AfterLeast     int64
		AfterMost      int64
	}
	db := s.read.WithContext(ctx)
	rows, err := selectAll[row](db, "what a notice means", `SELECT r.subscription_id, a.name AS app_name, s.state, r.seen_at IS NOT NULL AS seen, r.counted, r.recorded_from,
			r.offered, r.before_least, r.before_most, r.after_least, r.after_most
		FROM notice_receivers r LEFT JOIN subscriptions s ON s.id = r.subscription_id LEFT JOIN apps a ON a.id = s.app_id
		WHERE r.account_id = ? AND r.notice_id = ? ORDER BY r.subscription_id`, account, id)
	if err != nil {
		return d, err
	}
	if len(rows) == 0 {
		return d, models.NotFound("notice")
	}
	n, err := selectOne[changeNoticeRow](db, "notice", changeNoticeQuery+`WHERE n.id = ?`, id)
	if err != nil {
		return d, err
	}
	if d.ChangeNotice, err = n.notice(); err != nil {
		return d, err
	}
	d.Seen = true
	for _, r := range rows {
		d.Seen = d.Seen && r.Seen
		d.For = append(d.For, models.ChangeNoticeFor{SubscriptionID: r.SubscriptionID, AppName: r.AppName.String, Open: models.SubscriptionState(r.State.String).Open(),
			Counted: r.Counted, Numbers: models.ChangeNumbers{From: nullTime(r.RecordedFrom), Offered: r.Offered, BeforeLeast: r.BeforeLeast, BeforeMost: r.BeforeMost,
				AfterLeast: r.AfterLeast, AfterMost: r.AfterMost}})
	}
	return d, nil
}

// AcknowledgeChange notes that an account has read what it was told.
func (s *Store) AcknowledgeChange(ctx context.Context, actor models.Actor, id models.ChangeNoticeID, now time.Time) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		if _, err := selectOne[int](t.DB, "notice", `SELECT 1 FROM notice_receivers WHERE account_id = ? AND notice_id = ? LIMIT 1`, actor.AccountID, id); err != nil {
			return err
		}
		return t.run("acknowledge notice", `UPDATE notice_receivers SET seen_at = ? WHERE account_id = ? AND notice_id = ? AND seen_at IS NULL`,
			millis(t.now), actor.AccountID, id)
	})
}

// PlanChangeNotices reads what subscribers of an owner's plan were told, newest first, at most 20.
func (s *Store) PlanChangeNotices(ctx context.Context, owner models.AccountID, id models.PlanID) ([]models.ChangeNotice, error) {
	rows, err := selectAll[changeNoticeRow](s.read.WithContext(ctx), "notices of plan", changeNoticeQuery+`WHERE n.plan_id = ? AND n.owner_id = ?
		ORDER BY n.created_at DESC, n.id DESC LIMIT 20`, id, owner)
	notices := make([]models.ChangeNotice, len(rows))
	for i, r := range rows {
		if notices[i], err = r.notice(); err != nil {
			return nil, err
		}
	}
	return notices, err
}

// KeysWithoutDeveloper counts the keys on an owner's plan that nobody is told about: the owner made them himself.
func (s *Store) KeysWithoutDeveloper(ctx context.Context, owner models.AccountID, id models.PlanID) (int, error) {
	return selectOne[int](s.read.WithContext(ctx), "keys of plan", `SELECT c.keys - (SELECT count(*) FROM plan_keys k WHERE k.plan_id = p.id AND k.subscription_id IS NOT NULL)
		FROM plans p JOIN plan_counts c ON c.plan_id = p.id WHERE p.id = ? AND p.owner_id = ?
		UNION ALL SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM plan_counts WHERE plan_id = ?)`, id, owner, id)
}
