package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/secret"
)

type webhookRow struct {
	ID           models.WebhookID
	AccountID    models.AccountID
	Side         string
	URL          string `gorm:"column:url"`
	Note         string
	Kinds        string
	Secret       []byte
	OldSecret    []byte
	OldUntil     sql.NullInt64
	CreatedAt    int64
	SucceededAt  sql.NullInt64
	FailingSince sql.NullInt64
	Failures     int
	DisabledAt   sql.NullInt64
	DisabledWhy  string
}

const webhookQuery = `SELECT id, account_id, side, url, note, kinds, secret, old_secret, old_until, created_at, succeeded_at, failing_since, failures, disabled_at, disabled_why FROM webhooks `

func (r webhookRow) webhook() models.Webhook {
	w := models.Webhook{
		ID: r.ID, AccountID: r.AccountID, Side: models.Side(r.Side), URL: r.URL, Note: r.Note, CreatedAt: timeOf(r.CreatedAt), OldUntil: nullTime(r.OldUntil),
		SucceededAt: nullTime(r.SucceededAt), FailingSince: nullTime(r.FailingSince), Failures: r.Failures, DisabledAt: nullTime(r.DisabledAt), DisabledWhy: r.DisabledWhy,
	}
	_ = json.Unmarshal([]byte(r.Kinds), &w.Kinds) // what is no list asks for nothing
	return w
}

// webhookSecret names a webhook's row for its sealed secret.
func webhookSecret(id models.WebhookID) []byte { return []byte("webhook:" + id.String()) }

// newWebhookSecret draws a secret in the form of the Standard Webhooks specification: "whsec_" and 32 bytes in base64.
func newWebhookSecret() secret.Value {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return secret.NewValue("whsec_" + base64.StdEncoding.EncodeToString(b[:]))
}

// Webhooks lists the webhooks of an account as a developer or as an owner, oldest first.
func (s *Store) Webhooks(ctx context.Context, account models.AccountID, side models.Side) ([]models.Webhook, error) {
	rows, err := selectAll[webhookRow](s.read.WithContext(ctx), "webhooks", webhookQuery+`WHERE account_id = ? AND side = ? ORDER BY created_at, id`, account, string(side))
	hooks := make([]models.Webhook, len(rows))
	for i, r := range rows {
		hooks[i] = r.webhook()
	}
	return hooks, err
}

// Webhook returns a webhook of an account's; nobody else's is found (R9).
func (s *Store) Webhook(ctx context.Context, account models.AccountID, side models.Side, id models.WebhookID) (models.Webhook, error) {
	row, err := ownWebhook(s.read.WithContext(ctx), account, side, id)
	return row.webhook(), err
}

func ownWebhook(db *gorm.DB, account models.AccountID, side models.Side, id models.WebhookID) (webhookRow, error) {
	return selectOne[webhookRow](db, "webhook", webhookQuery+`WHERE id = ? AND account_id = ? AND side = ?`, id, account, string(side))
}

func webhookObject(w models.Webhook) object {
	return object{kind: "webhook", id: w.ID.String(), name: w.URL, owner: w.AccountID}
}

// CreateWebhook makes a webhook of the actor's and returns the secret that signs its deliveries, which is told here only; fields as models.NewWebhook.
func (s *Store) CreateWebhook(ctx context.Context, actor models.Actor, side models.Side, in models.NewWebhook, now time.Time) (w models.Webhook, v secret.Value, err error) {
	if in, err = in.Clean(side); err != nil {
		return w, v, err
	}
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		n, err := selectOne[int](t.DB, "webhooks", `SELECT count(*) FROM webhooks WHERE account_id = ? AND side = ?`, actor.AccountID, string(side))
		if err != nil {
			return err
		}
		if n >= models.MaxWebhooks {
			return models.Conflict(fmt.Sprintf("You have %d webhooks already. Delete one first.", n))
		}
		w = models.Webhook{ID: newID[models.Webhook](), AccountID: actor.AccountID, Side: side, URL: in.URL, Note: in.Note, Kinds: in.Kinds, CreatedAt: t.now}
		v = newWebhookSecret()
		err = t.run("make webhook", `INSERT INTO webhooks (id, account_id, side, url, note, kinds, secret, created_at, failures, resting_until, disabled_why)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '')`, w.ID, w.AccountID, string(side), w.URL, w.Note, kindList(w.Kinds), blob(s.keyring.Seal([]byte(v.Reveal()), webhookSecret(w.ID))), millis(t.now))
		if err != nil {
			return err
		}
		return t.event("webhook.create", webhookObject(w), nil, facts{"url": w.URL, "events": w.Kinds})
	})
	if err != nil {
		return models.Webhook{}, secret.Value{}, err
	}
	return w, v, nil
}

func kindList(kinds []models.NoticeKind) string {
	text, _ := json.Marshal(kinds) // strings
	return string(text)
}

// changeWebhook runs a use case on a webhook of the actor's.
func (s *Store) changeWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, now time.Time, fn func(*tx, models.Webhook) error) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		row, err := ownWebhook(t.DB, actor.AccountID, side, id)
		if err != nil {
			return err
		}
		return fn(t, row.webhook())
	})
}

// SaveWebhook changes a webhook of the actor's; fields as models.NewWebhook.
func (s *Store) SaveWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, in models.NewWebhook, now time.Time) error {
	in, err := in.Clean(side)
	if err != nil {
		return err
	}
	return s.changeWebhook(ctx, actor, side, id, now, func(t *tx, w models.Webhook) error {
		if err := t.run("change webhook", `UPDATE webhooks SET url = ?, note = ?, kinds = ? WHERE id = ?`, in.URL, in.Note, kindList(in.Kinds), id); err != nil {
			return err
		}
		return t.event("webhook.save", webhookObject(w), facts{"url": w.URL, "events": w.Kinds}, facts{"url": in.URL, "events": in.Kinds})
	})
}

// DeleteWebhook deletes a webhook of the actor's with its deliveries.
func (s *Store) DeleteWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, now time.Time) error {
	return s.changeWebhook(ctx, actor, side, id, now, func(t *tx, w models.Webhook) error {
		if err := t.run("delete webhook", `DELETE FROM webhooks WHERE id = ?`, id); err != nil {
			return err
		}
		return t.event("webhook.delete", webhookObject(w), facts{"url": w.URL}, nil)
	})
}

// RotateWebhook gives a webhook a new secret, told here only. The old one signs, too, for models.WebhookOverlap.
func (s *Store) RotateWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, now time.Time) (v secret.Value, err error) {
	err = s.changeWebhook(ctx, actor, side, id, now, func(t *tx, w models.Webhook) error {
		v = newWebhookSecret()
		err := t.run("rotate webhook", `UPDATE webhooks SET old_secret = secret, old_until = ?, secret = ? WHERE id = ?`, millis(t.now.Add(models.WebhookOverlap)),
			blob(s.keyring.Seal([]byte(v.Reveal()), webhookSecret(id))), id)
		if err != nil {
			return err
		}
		return t.event("webhook.rotate", webhookObject(w), nil, facts{"oldStops": t.now.Add(models.WebhookOverlap)})
	})
	if err != nil {
		return secret.Value{}, err
	}
	return v, nil
}

// EnableWebhook lets a webhook be told again that was disabled, or stops it by its owner's hand.
func (s *Store) EnableWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, enabled bool, now time.Time) error {
	return s.changeWebhook(ctx, actor, side, id, now, func(t *tx, w models.Webhook) error {
		if w.DisabledAt.IsZero() == enabled {
			return nil
		}
		if enabled {
			err := t.run("enable webhook", `UPDATE webhooks SET disabled_at = NULL, disabled_why = '', failing_since = NULL, failures = 0, resting_until = 0 WHERE id = ?`, id)
			return firstError(err, t.event("webhook.enable", webhookObject(w), nil, nil))
		}
		return firstError(t.stopWebhook(w, "You stopped it."), t.event("webhook.disable", webhookObject(w), nil, nil))
	})
}

// stopWebhook disables a webhook; what waits for it is dropped when it is due.
func (t *tx) stopWebhook(w models.Webhook, why string) error {
	return t.run("disable webhook", `UPDATE webhooks SET disabled_at = ?, disabled_why = ? WHERE id = ? AND disabled_at IS NULL`, millis(t.now), why, w.ID)
}

// TestWebhook queues an event of models.NoticeTest for a webhook of the actor's, whatever it asks for.
func (s *Store) TestWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, now time.Time) error {
	return s.changeWebhook(ctx, actor, side, id, now, func(t *tx, w models.Webhook) error {
		if !w.DisabledAt.IsZero() {
			return models.Conflict("This webhook is disabled. Enable it first.")
		}
		return t.queueWebhook(models.Notice{Kind: models.NoticeTest, Account: w.AccountID, Data: models.NoticeData{Message: "This is a test. If its signature is right, everything is."}}, id)
	})
}

// Deliveries lists what a webhook of an account's was told, newest first.
func (s *Store) Deliveries(ctx context.Context, account models.AccountID, side models.Side, id models.WebhookID, p models.Page) (models.List[models.Message], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.Message]{}, err
	}
	rows, err := selectAll[messageRow](s.read.WithContext(ctx), "deliveries", messageQuery+`WHERE m.webhook_id = ? AND (m.created_at, m.id) < (?, ?)
		AND EXISTS (SELECT 1 FROM webhooks w WHERE w.id = m.webhook_id AND w.account_id = ? AND w.side = ?) ORDER BY m.created_at DESC, m.id DESC LIMIT ?`,
		id, from.sort, from.id, account, string(side), limitOf(p)+1)
	if err != nil {
		return models.List[models.Message]{}, err
	}
	messages, err := s.openMessages(rows)
	if err != nil {
		return models.List[models.Message]{}, err
	}
	list := cut(rows, p, messageRow.at, func(r messageRow) models.Message { return models.Message{ID: r.ID} })
	copy(list.Items, messages)
	return list, nil
}

// WebhookDelivery returns one delivery of an account's webhook with what came of each try.
func (s *Store) WebhookDelivery(ctx context.Context, account models.AccountID, side models.Side, hook models.WebhookID, id models.MessageID) (m models.Message, attempts []models.Attempt, err error) {
	db := s.read.WithContext(ctx)
	row, err := selectOne[messageRow](db, "delivery", messageQuery+`JOIN webhooks w ON w.id = m.webhook_id WHERE m.id = ? AND w.id = ? AND w.account_id = ? AND w.side = ?`, id, hook, account, string(side))
	if err != nil {
		return m, nil, err
	}
	if m, err = s.message(row); err != nil {
		return m, nil, err
	}
	attempts, err = attemptsOf(db, id)
	return m, attempts, err
}

// ResendDelivery queues a delivery of the actor's webhook once more, under the same webhook-id: a receiver that has it already knows it.
func (s *Store) ResendDelivery(ctx context.Context, actor models.Actor, side models.Side, hook models.WebhookID, id models.MessageID, now time.Time) error {
	return s.changeWebhook(ctx, actor, side, hook, now, func(t *tx, w models.Webhook) error {
		if !w.DisabledAt.IsZero() {
			return models.Conflict("This webhook is disabled. Enable it first.")
		}
		again := t.Exec(`UPDATE messages SET state = 'waiting', reason = '', due_at = ?, done_at = NULL WHERE id = ? AND webhook_id = ? AND due_at IS NULL`, millis(t.now), id, hook)
		switch {
		case again.Error != nil:
			return fmt.Errorf("resend delivery: %w", again.Error)
		case again.RowsAffected == 0:
			return models.Conflict("This delivery waits to be sent already.")
		}
		return nil
	})
}

// addWebhook adds where a delivery goes and what signs it, and keeps others for the same address back meanwhile: one at a time.
func (s *Store) addWebhook(t *tx, d *models.Delivery, lease time.Duration) error {
	row, err := selectOne[webhookRow](t.DB, "webhook", webhookQuery+`WHERE id = ?`, d.Messages[0].WebhookID)
	if err != nil {
		return err
	}
	d.Webhook = row.webhook()
	current, err := s.keyring.Open(row.Secret, webhookSecret(row.ID))
	if err != nil {
		return fmt.Errorf("open secret of webhook %s: %w", row.ID, err)
	}
	d.Secrets = []string{string(current)}
	if row.OldSecret != nil && t.now.Before(d.Webhook.OldUntil) {
		old, err := s.keyring.Open(row.OldSecret, webhookSecret(row.ID))
		if err != nil {
			return fmt.Errorf("open secret of webhook %s: %w", row.ID, err)
		}
		d.Secrets = append(d.Secrets, string(old))
	}
	return t.run("hold webhook", `UPDATE webhooks SET resting_until = ? WHERE id = ?`, millis(t.now.Add(lease)), row.ID)
}

// noteWebhook keeps how deliveries to a webhook come along. While they fail, it rests as long as the delivery does, but at most an hour: others are tried then.
func (t *tx) noteWebhook(w models.Webhook, out models.Delivered) error {
	switch {
	case out.State == models.MessageSent:
		return t.run("note delivery", `UPDATE webhooks SET succeeded_at = ?, failing_since = NULL, failures = 0, resting_until = 0 WHERE id = ?`, millis(t.now), w.ID)
	case out.Attempt == nil:
		return t.run("free webhook", `UPDATE webhooks SET resting_until = 0 WHERE id = ?`, w.ID)
	}
	rest := min(out.Due.Sub(t.now), time.Hour)
	err := t.run("note failure", `UPDATE webhooks SET failing_since = coalesce(failing_since, ?), failures = failures + 1, resting_until = ? WHERE id = ?`, millis(t.now), millis(t.now.Add(max(0, rest))), w.ID)
	if err != nil || out.Disable == "" || !w.DisabledAt.IsZero() {
		return err
	}
	path := "/webhooks/"
	if w.Side == models.SideOwner {
		path = "/owner/webhooks/"
	}
	return firstError(t.stopWebhook(w, out.Disable), t.event("webhook.disable", webhookObject(w), nil, facts{"reason": out.Disable}),
		t.notify(models.Notice{Kind: models.NoticeWebhookDisabled, Account: w.AccountID, Data: models.NoticeData{Name: w.URL, Reason: out.Disable, Href: path + w.ID.String()}}))
}
