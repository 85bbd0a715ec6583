package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// settingSignUp is the row of Settings.SignUp.
const settingSignUp = "sign_up"

// Settings returns the installation's settings; sign-up is open until an administrator says otherwise.
func (s *Store) Settings(ctx context.Context) (models.Settings, error) {
	return readSettings(s.read.WithContext(ctx))
}

func readSettings(db *gorm.DB) (models.Settings, error) {
	var rows []struct{ Name, Value string }
	if err := db.Raw(`SELECT name, value FROM settings`).Scan(&rows).Error; err != nil {
		return models.Settings{}, fmt.Errorf("read settings: %w", err)
	}
	settings := models.Settings{SignUp: models.SignUpOpen}
	for _, r := range rows {
		if r.Name == settingSignUp {
			settings.SignUp = models.SignUp(r.Value)
		}
	}
	return settings, nil
}

// SaveSettings changes the installation's settings; administrators only; field "sign_up".
func (s *Store) SaveSettings(ctx context.Context, actor models.Actor, in models.Settings, now time.Time) error {
	if err := mustBeAdmin(actor); err != nil {
		return err
	}
	if !slices.Contains([]models.SignUp{models.SignUpOpen, models.SignUpInvited, models.SignUpClosed}, in.SignUp) {
		return models.Invalid("sign_up", "Choose open, invited or closed.")
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		before, err := readSettings(t.DB)
		if err != nil || before == in {
			return err
		}
		err = t.Exec(`INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			settingSignUp, string(in.SignUp)).Error
		if err != nil {
			return fmt.Errorf("save settings: %w", err)
		}
		return t.event("settings.save", object{kind: "settings", name: "Settings"},
			map[string]any{"signUp": before.SignUp}, map[string]any{"signUp": in.SignUp})
	})
}
