package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// This file has how notices are queued; messages.go has how they are delivered.

// notify queues a notice for the account's mail and for each of its webhooks that asks for the kind, in the transaction of what it tells of. A notice of an
// account that is not there is none.
func (t *tx) notify(n models.Notice) error {
	kind := n.Kind.Type()
	if kind.Kind == "" {
		return fmt.Errorf("queue notice: unknown kind %q", n.Kind)
	}
	both := !n.ByMail && !n.ByWebhook
	if both || n.ByMail {
		if err := t.queueMail(n, kind); err != nil {
			return err
		}
	}
	if n.Account == 0 || kind.Side == models.SideNone || !both && !n.ByWebhook {
		return nil
	}
	hooks, err := selectAll[models.WebhookID](t.DB, "webhooks of account", `SELECT id FROM webhooks WHERE account_id = ? AND side = ? AND disabled_at IS NULL
		AND EXISTS (SELECT 1 FROM json_each(kinds) WHERE value = ?) ORDER BY created_at, id`, n.Account, string(n.Side), string(n.Kind))
	if err != nil {
		return err
	}
	for _, hook := range hooks {
		if err := t.queueWebhook(n, hook); err != nil {
			return err
		}
	}
	return nil
}

// queueMail queues a notice for mail, unless the account wants none of its topic or nobody can sign in to it.
func (t *tx) queueMail(n models.Notice, kind models.NoticeType) error {
	due := t.now
	if n.Account != 0 {
		type reader struct{ Wants bool }
		readers, err := selectAll[reader](t.DB, "reader of mail", `SELECT disabled_at IS NULL AND NOT EXISTS (SELECT 1 FROM mail_refusals r WHERE r.account_id = a.id AND r.topic = ?) AS wants
			FROM accounts a WHERE a.id = ?`, string(kind.Topic), n.Account)
		if err != nil || len(readers) == 0 || !readers[0].Wants {
			return err
		}
		if kind.Gathers {
			if due, err = t.gatheredAt(n); err != nil {
				return err
			}
		}
	}
	return t.queue(n, models.ByMail, 0, n.Account.String()+n.Email, due)
}

// gatheredAt says when a mail of a kind that gathers goes: the first at once, with what waits already where something does, and an hour after the one before
// otherwise. What is more than an account gets in a day goes on the next one.
func (t *tx) gatheredAt(n models.Notice) (time.Time, error) {
	waiting, err := selectAll[int64](t.DB, "mail that waits", `SELECT due_at FROM messages WHERE channel = 'mail' AND due_at IS NOT NULL AND account_id = ? AND kind = ?
		ORDER BY due_at LIMIT 1`, n.Account, string(n.Kind))
	if err != nil {
		return time.Time{}, err
	}
	if len(waiting) > 0 {
		return timeOf(max(waiting[0], millis(t.now))), nil
	}
	day := t.now.Add(-24 * time.Hour)
	type recent struct {
		Last sql.NullInt64
		N    int
	}
	r, err := selectOne[recent](t.DB, "recent mail", `SELECT max(CASE WHEN kind = ? THEN done_at END) AS last, count(*) FILTER (WHERE lead_id IS NULL) AS n
		FROM messages WHERE account_id = ? AND channel = 'mail' AND created_at > ?`, string(n.Kind), n.Account, millis(day))
	switch next := nullTime(r.Last).Add(models.GatherFor); {
	case err != nil:
		return time.Time{}, err
	case r.N >= models.MailsPerDay:
		return t.now.Truncate(24 * time.Hour).Add(24 * time.Hour), nil
	case r.Last.Valid && next.After(t.now):
		return next, nil
	}
	return t.now, nil
}

// queueWebhook queues a notice for a webhook, unless too much waits for it already.
func (t *tx) queueWebhook(n models.Notice, hook models.WebhookID) error {
	waiting, err := selectOne[int](t.DB, "messages of webhook", `SELECT count(*) FROM (SELECT 1 FROM messages WHERE webhook_id = ? AND due_at IS NOT NULL LIMIT ?)`, hook, models.MaxQueued)
	if err != nil || waiting >= models.MaxQueued {
		return err
	}
	return t.queue(n, models.ByWebhook, hook, hook.String(), t.now)
}

// queue writes one message, unless it is queued already.
func (t *tx) queue(n models.Notice, by models.Channel, hook models.WebhookID, receiver string, due time.Time) error {
	id := newID[models.Message]()
	sealed, err := sealNotice(t.keyring, id, n.Data)
	if err != nil {
		return err
	}
	var dedupe sql.NullString
	if n.Dedupe != "" {
		dedupe = nullText(string(by) + " " + receiver + " " + n.Dedupe)
	}
	return t.run("queue message", `INSERT INTO messages (id, kind, channel, account_id, email, webhook_id, dedupe, data, subject, state, reason, attempts, claim, created_at, due_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', 'waiting', '', 0, 0, ?, ?) ON CONFLICT (dedupe) WHERE dedupe IS NOT NULL DO NOTHING`,
		id, string(n.Kind), string(by), nullID(n.Account), n.Email, nullID(hook), dedupe, blob(sealed), millis(t.now), millis(due))
}

// noticeData names a message's row for its sealed data.
func noticeData(id models.MessageID) []byte { return []byte("message:" + id.String()) }

// sealNotice seals what a notice says: there may be a one-time link in it.
func sealNotice(ring *secret.Keyring, id models.MessageID, data models.NoticeData) ([]byte, error) {
	if ring == nil {
		return nil, errors.New("queue message: no keyring")
	}
	text, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("queue message: %w", err)
	}
	return ring.Seal(text, noticeData(id)), nil
}

// refusesMail reports of which topics an account wants no mail.
func refusesMail(db *gorm.DB, account models.AccountID) ([]models.Topic, error) {
	return selectAll[models.Topic](db, "refused topics", `SELECT topic FROM mail_refusals WHERE account_id = ? ORDER BY topic`, account)
}
