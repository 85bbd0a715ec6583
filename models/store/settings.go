package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// The rows of the settings.
const (
	settingSignUp        = "sign_up"
	settingLogDays       = "log_days"
	settingLogRefusals   = "log_refusals"
	settingLogAdmissions = "log_admissions"
)

// Settings returns the installation's settings; sign-up is open until an administrator says otherwise.
func (s *Store) Settings(ctx context.Context) (models.Settings, error) {
	return readSettings(s.read.WithContext(ctx))
}

func readSettings(db *gorm.DB) (models.Settings, error) {
	var rows []struct{ Name, Value string }
	if err := db.Raw(`SELECT name, value FROM settings`).Scan(&rows).Error; err != nil {
		return models.Settings{}, fmt.Errorf("read settings: %w", err)
	}
	settings := models.Settings{SignUp: models.SignUpOpen, Log: models.DefaultLogSettings()}
	numbers := map[string]*int{settingLogDays: &settings.Log.Days, settingLogRefusals: &settings.Log.Refusals, settingLogAdmissions: &settings.Log.Admissions}
	for _, r := range rows {
		if r.Name == settingSignUp {
			settings.SignUp = models.SignUp(r.Value)
		}
		if to := numbers[r.Name]; to != nil {
			n, err := strconv.Atoi(r.Value)
			if err != nil {
				return models.Settings{}, fmt.Errorf("read setting %s: %w", r.Name, err)
			}
			*to = n
		}
	}
	return settings, nil
}

// settingMail is the row of MailSince.
const settingMail = "mail_since"

// MailSince notes whether there is a mail server, and returns since when there has been one; the zero time: there is none.
func (s *Store) MailSince(ctx context.Context, on bool, now time.Time) (since time.Time, err error) {
	err = s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &tx{DB: db}
		if !on {
			return t.run("note that there is no mail server", `DELETE FROM settings WHERE name = ?`, settingMail)
		}
		if err := t.run("note the mail server", `INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, settingMail, now.UTC().Format(time.RFC3339)); err != nil {
			return err
		}
		text, err := selectOne[string](db, "setting", `SELECT value FROM settings WHERE name = ?`, settingMail)
		if err != nil {
			return err
		}
		since, err = time.Parse(time.RFC3339, text)
		return err
	})
	return since, err
}

// SaveSettings changes who may sign up; administrators only; field "sign_up". Other settings have methods of their own.
func (s *Store) SaveSettings(ctx context.Context, actor models.Actor, in models.Settings, now time.Time) error {
	if err := mustBeAdmin(actor); err != nil {
		return err
	}
	if !slices.Contains([]models.SignUp{models.SignUpOpen, models.SignUpInvited, models.SignUpClosed}, in.SignUp) {
		return models.Invalid("sign_up", "Choose open, invited or closed.")
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		before, err := readSettings(t.DB)
		if err != nil || before.SignUp == in.SignUp {
			return err
		}
		if err := t.set(settingSignUp, string(in.SignUp)); err != nil {
			return err
		}
		return t.event("settings.save", object{kind: "settings", name: "Settings"},
			map[string]any{"signUp": before.SignUp}, map[string]any{"signUp": in.SignUp})
	})
}

// set writes one row.
func (t *tx) set(name, value string) error {
	return t.run("save setting", `INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
}

// SaveLogSettings changes what the request log keeps; administrators only; fields as LogSettings.Check. The caller tells the log.
func (s *Store) SaveLogSettings(ctx context.Context, actor models.Actor, in models.LogSettings, now time.Time) error {
	if err := mustBeAdmin(actor); err != nil {
		return err
	}
	if err := in.Check(); err != nil {
		return err
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		before, err := readSettings(t.DB)
		if err != nil || before.Log == in {
			return err
		}
		for name, n := range map[string]int{settingLogDays: in.Days, settingLogRefusals: in.Refusals, settingLogAdmissions: in.Admissions} {
			if err := t.set(name, strconv.Itoa(n)); err != nil {
				return err
			}
		}
		values := func(l models.LogSettings) map[string]any {
			return map[string]any{"logDays": l.Days, "logRefusals": l.Refusals, "logAdmissions": l.Admissions}
		}
		return t.event("settings.save", object{kind: "settings", name: "Settings"}, values(before.Log), values(in))
	})
}
