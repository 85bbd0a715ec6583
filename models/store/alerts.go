package store

import (
	"encoding/json"

	"gatehouse/models"
)

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
	return t.run("make alert", `INSERT INTO alerts (id, account_id, side, kind, levels, minutes, app_id, key_id, api_id, plan_id, mail, webhook, created_at, checked_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, newID[models.Alert](), account, string(side), string(in.Kind), string(levels), in.Minutes,
		nullID(in.AppID), nullID(in.KeyID), nullID(in.APIID), nullID(in.PlanID), in.Mail, in.Webhook, millis(t.now), millis(t.now))
}
