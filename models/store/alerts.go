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

// This file has the alerts that people make; alertsraise.go has when they tell.

type alertRow struct {
	ID         models.AlertID
	AccountID  models.AccountID
	Side       string
	Kind       string
	Levels     string
	Measure    string
	Minutes    int64
	AppID      sql.NullInt64
	KeyID      sql.NullInt64
	APIID      sql.NullInt64 `gorm:"column:api_id"`
	PlanID     sql.NullInt64
	Mail       bool
	Webhook    bool
	CreatedAt  int64
	MutedUntil sql.NullInt64
	FiredAt    sql.NullInt64
	Firing     bool
	CheckedAt  int64
	Scope      sql.NullString
}

const alertQuery = `SELECT l.*, coalesce(ap.name, k.name, a.name, p.name) AS scope FROM alerts l LEFT JOIN apps ap ON ap.id = l.app_id LEFT JOIN keys k ON k.id = l.key_id
	LEFT JOIN apis a ON a.id = l.api_id LEFT JOIN plans p ON p.id = l.plan_id `

func (r alertRow) alert() models.Alert {
	a := models.Alert{
		ID: r.ID, AccountID: r.AccountID, Side: models.Side(r.Side), Kind: models.AlertKind(r.Kind), Minutes: r.Minutes, AppID: models.AppID(r.AppID.Int64), KeyID: models.KeyID(r.KeyID.Int64),
		APIID: models.APIID(r.APIID.Int64), PlanID: models.PlanID(r.PlanID.Int64), Scope: r.Scope.String, Mail: r.Mail, Webhook: r.Webhook, CreatedAt: timeOf(r.CreatedAt),
		MutedFor: nullTime(r.MutedUntil), FiredAt: nullTime(r.FiredAt), Firing: r.Firing, CheckedAt: timeOf(r.CheckedAt),
	}
	if r.Measure == measureMinutes {
		a.Kind = models.AlertMinutes
	}
	_ = json.Unmarshal([]byte(r.Levels), &a.Levels) // what is no list has no levels
	return a
}

// measureMinutes marks alerts of throttling that count minutes.
const measureMinutes = "minutes"

// alertColumns are kind and measure of an alert's row.
func alertColumns(k models.AlertKind) (kind, measure string) {
	if k == models.AlertMinutes {
		return string(models.AlertThrottled), measureMinutes
	}
	return string(k), ""
}

func alertsOf(db *gorm.DB, where string, args ...any) ([]models.Alert, error) {
	rows, err := selectAll[alertRow](db, "alerts", alertQuery+where, args...)
	alerts := make([]models.Alert, len(rows))
	for i, r := range rows {
		alerts[i] = r.alert()
	}
	return alerts, err
}

// Alerts lists the alerts of an account as a developer or as an owner, oldest first.
func (s *Store) Alerts(ctx context.Context, account models.AccountID, side models.Side) ([]models.Alert, error) {
	return alertsOf(s.read.WithContext(ctx), `WHERE l.account_id = ? AND l.side = ? ORDER BY l.created_at, l.kind DESC, l.id`, account, string(side))
}

// Alert returns an alert of an account's; nobody else's is found (R9).
func (s *Store) Alert(ctx context.Context, account models.AccountID, side models.Side, id models.AlertID) (models.Alert, error) {
	return ownAlert(s.read.WithContext(ctx), account, side, id)
}

func ownAlert(db *gorm.DB, account models.AccountID, side models.Side, id models.AlertID) (models.Alert, error) {
	alerts, err := alertsOf(db, `WHERE l.id = ? AND l.account_id = ? AND l.side = ?`, id, account, string(side))
	if err == nil && len(alerts) == 0 {
		err = models.NotFound("alert")
	}
	if err != nil {
		return models.Alert{}, err
	}
	return alerts[0], nil
}

// CreateAlert makes an alert of the actor's, which looks at what happens from now on; fields as models.NewAlert.
func (s *Store) CreateAlert(ctx context.Context, actor models.Actor, side models.Side, in models.NewAlert, now time.Time) error {
	in, err := in.Clean()
	if err != nil {
		return err
	}
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		n, err := selectOne[int](t.DB, "alerts", `SELECT count(*) FROM alerts WHERE account_id = ? AND side = ?`, actor.AccountID, string(side))
		if err != nil {
			return err
		}
		if n >= models.MaxAlerts {
			return models.Conflict(fmt.Sprintf("You have %d alerts already. Delete one first.", n))
		}
		if err := t.checkScope(side, in); err != nil {
			return err
		}
		return firstError(t.newAlert(actor.AccountID, side, in), t.event("alert.create", alertObject(t.actor, in), nil, alertFacts(in)))
	})
}

func alertObject(actor models.Actor, in models.NewAlert) object {
	return object{kind: "alert", name: string(in.Kind), owner: actor.AccountID}
}

func alertFacts(in models.NewAlert) facts {
	return facts{"kind": in.Kind, "levels": in.Levels, "mail": in.Mail, "webhook": in.Webhook}
}

// checkScope refuses what is not the actor's to look at; field "scope".
func (t *tx) checkScope(side models.Side, in models.NewAlert) error {
	me := t.actor.AccountID
	checks := []struct {
		side  models.Side
		id    int64
		query string
		args  []any
	}{
		{models.SideDeveloper, int64(in.AppID), `SELECT count(*) FROM apps WHERE id = ? AND account_id = ?`, []any{in.AppID, me}},
		{models.SideDeveloper, int64(in.KeyID), `SELECT count(*) FROM keys k JOIN apps a ON a.id = k.app_id WHERE k.id = ? AND a.account_id = ?`, []any{in.KeyID, me}},
		{models.SideOwner, int64(in.APIID), `SELECT count(*) FROM apis WHERE id = ? AND owner_id = ?`, []any{in.APIID, me}},
		{models.SideOwner, int64(in.PlanID), `SELECT count(*) FROM plans WHERE id = ? AND owner_id = ?`, []any{in.PlanID, me}},
	}
	narrowed := 0
	for _, c := range checks {
		if c.id == 0 {
			continue
		}
		narrowed++
		n, err := selectOne[int](t.DB, "what the alert looks at", c.query, c.args...)
		if err != nil {
			return err
		}
		if n == 0 || c.side != side || narrowed > 1 {
			return models.Invalid("scope", "Choose one of yours.")
		}
	}
	return nil
}

// defaultAlerts gives a new account what everybody is told of without asking.
func (t *tx) defaultAlerts(a models.Account) error {
	for _, in := range models.DefaultAlerts() {
		if err := t.newAlert(a.ID, models.SideDeveloper, in); err != nil {
			return err
		}
	}
	return nil
}

// newAlert writes an alert that looks at what happens from now on.
func (t *tx) newAlert(account models.AccountID, side models.Side, in models.NewAlert) error {
	levels, err := json.Marshal(in.Levels)
	if err != nil {
		return err
	}
	kind, measure := alertColumns(in.Kind)
	return t.run("make alert", `INSERT INTO alerts (id, account_id, side, kind, measure, levels, minutes, app_id, key_id, api_id, plan_id, mail, webhook, created_at, checked_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, newID[models.Alert](), account, string(side), kind, measure, string(levels), in.Minutes,
		nullID(in.AppID), nullID(in.KeyID), nullID(in.APIID), nullID(in.PlanID), in.Mail, in.Webhook, millis(t.now), millis(t.now))
}

// changeAlert runs a use case on an alert of the actor's.
func (s *Store) changeAlert(ctx context.Context, actor models.Actor, side models.Side, id models.AlertID, now time.Time, fn func(*tx, models.Alert) error) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		a, err := ownAlert(t.DB, actor.AccountID, side, id)
		if err != nil {
			return err
		}
		return fn(t, a)
	})
}

// SaveAlert changes an alert of the actor's; what it told stays told. Its kind stays. Fields as models.NewAlert.
func (s *Store) SaveAlert(ctx context.Context, actor models.Actor, side models.Side, id models.AlertID, in models.NewAlert, now time.Time) error {
	return s.changeAlert(ctx, actor, side, id, now, func(t *tx, a models.Alert) error {
		in.Kind = a.Kind
		in, err := in.Clean()
		if err == nil {
			err = t.checkScope(side, in)
		}
		if err != nil {
			return err
		}
		levels, err := json.Marshal(in.Levels)
		if err != nil {
			return err
		}
		err = t.run("change alert", `UPDATE alerts SET levels = ?, minutes = ?, app_id = ?, key_id = ?, api_id = ?, plan_id = ?, mail = ?, webhook = ?, firing = 0 WHERE id = ?`,
			string(levels), in.Minutes, nullID(in.AppID), nullID(in.KeyID), nullID(in.APIID), nullID(in.PlanID), in.Mail, in.Webhook, id)
		return firstError(err, t.event("alert.save", alertObject(t.actor, in), nil, alertFacts(in)))
	})
}

// MuteAlert keeps an alert of the actor's from telling anybody until a time; the zero time lets it tell again.
func (s *Store) MuteAlert(ctx context.Context, actor models.Actor, side models.Side, id models.AlertID, until, now time.Time) error {
	return s.changeAlert(ctx, actor, side, id, now, func(t *tx, a models.Alert) error {
		return t.run("mute alert", `UPDATE alerts SET muted_until = ? WHERE id = ?`, nullMillis(until), id)
	})
}

// DeleteAlert deletes an alert of the actor's.
func (s *Store) DeleteAlert(ctx context.Context, actor models.Actor, side models.Side, id models.AlertID, now time.Time) error {
	return s.changeAlert(ctx, actor, side, id, now, func(t *tx, a models.Alert) error {
		return firstError(t.run("delete alert", `DELETE FROM alerts WHERE id = ?`, id), t.event("alert.delete", object{kind: "alert", name: string(a.Kind), owner: a.AccountID}, nil, nil))
	})
}
