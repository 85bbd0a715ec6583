package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has how messages are delivered: a worker claims one, tries, and says what came of it.

// mostGathered is how many messages one mail tells of.
const mostGathered = 50

type messageRow struct {
	ID        models.MessageID
	Kind      string
	Channel   string
	AccountID sql.NullInt64
	Email     string
	WebhookID sql.NullInt64
	Data      []byte
	Subject   string
	State     string
	Reason    string
	Attempts  int
	CreatedAt int64
	DueAt     sql.NullInt64
	DoneAt    sql.NullInt64
	ToEmail   sql.NullString // of the account
	ToName    sql.NullString
	Others    int // that went in the same mail, where it was asked for
}

const (
	messageColumns = `m.id, m.kind, m.channel, m.account_id, m.email, m.webhook_id, m.data, m.subject, m.state, m.reason, m.attempts, m.created_at, m.due_at, m.done_at,
		a.email AS to_email, a.name AS to_name`
	messageTables = ` FROM messages m LEFT JOIN accounts a ON a.id = m.account_id `
	messageQuery  = `SELECT ` + messageColumns + messageTables
	outboxQuery   = `SELECT ` + messageColumns + `, (SELECT count(*) FROM messages o WHERE o.lead_id = m.id) AS others` + messageTables
)

func (r messageRow) at() cursor { return cursor{sort: r.CreatedAt, id: int64(r.ID)} }

// message opens what a row says.
func (s *Store) message(r messageRow) (models.Message, error) {
	m := models.Message{
		ID: r.ID, Kind: models.NoticeKind(r.Kind), Channel: models.Channel(r.Channel), AccountID: models.AccountID(r.AccountID.Int64), WebhookID: models.WebhookID(r.WebhookID.Int64),
		Email: r.Email, Name: r.ToName.String, Subject: r.Subject, Others: r.Others, Forgotten: r.Data == nil, State: models.MessageState(r.State), Reason: r.Reason, Attempts: r.Attempts,
		CreatedAt: timeOf(r.CreatedAt), Due: nullTime(r.DueAt), Done: nullTime(r.DoneAt),
	}
	if m.Email == "" && m.Channel == models.ByMail {
		m.Email = r.ToEmail.String
	}
	if m.Forgotten {
		return m, nil
	}
	text, err := s.keyring.Open(r.Data, noticeData(r.ID))
	if err == nil {
		err = json.Unmarshal(text, &m.Data)
	}
	if err != nil {
		return m, fmt.Errorf("open message %s: %w", r.ID, err)
	}
	return m, nil
}

func (s *Store) openMessages(rows []messageRow) ([]models.Message, error) {
	messages := make([]models.Message, len(rows))
	for i, r := range rows {
		var err error
		if messages[i], err = s.message(r); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

// ClaimMessage takes the message of a channel that has been due longest, for a while: when nothing is heard of it until then, somebody else may take it. With a mail
// come the others of its kind to the account that are due. A KindNotFound says that nothing is due.
func (s *Store) ClaimMessage(ctx context.Context, by models.Channel, now time.Time, lease time.Duration) (models.Delivery, error) {
	none := models.NotFound("message")
	find := claimMail
	if by == models.ByWebhook {
		find = claimWebhook
	}
	// Most times there is nothing: that is found out beside the writer.
	if due, err := selectAll[models.MessageID](s.read.WithContext(ctx), "messages that are due", find, sql.Named("now", millis(now))); err != nil || len(due) == 0 {
		return models.Delivery{}, firstError(err, none)
	}
	d := models.Delivery{Claim: newClaim()}
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &tx{DB: db, now: now.UTC().Truncate(time.Millisecond)}
		due, err := selectAll[models.MessageID](db, "messages that are due", find, sql.Named("now", millis(t.now)))
		if err != nil {
			return err
		}
		if len(due) == 0 {
			return none
		}
		if d.Messages, err = s.claim(t, due[0], d.Claim, lease); err != nil {
			return err
		}
		if by == models.ByWebhook {
			return s.addWebhook(t, &d, lease)
		}
		return addReceiver(db, &d)
	})
	if err != nil {
		return models.Delivery{}, translate(err)
	}
	return d, nil
}

const (
	claimMail    = `SELECT id FROM messages WHERE channel = 'mail' AND due_at <= @now ORDER BY due_at, id LIMIT 1`
	claimWebhook = `SELECT m.id FROM messages m WHERE m.channel = 'webhook' AND m.due_at <= @now
		AND NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = m.webhook_id AND w.resting_until > @now) ORDER BY m.due_at, m.id LIMIT 1`
)

// newClaim draws the name of a claim.
func newClaim() int64 {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return int64(binary.LittleEndian.Uint64(b[:])>>1) | 1
}

// claim marks a message, and what goes in one mail with it.
func (s *Store) claim(t *tx, id models.MessageID, claim int64, lease time.Duration) ([]models.Message, error) {
	lead, err := selectOne[messageRow](t.DB, "message", messageQuery+`WHERE m.id = ?`, id)
	if err != nil {
		return nil, err
	}
	rows := []messageRow{lead}
	if lead.Channel == string(models.ByMail) && lead.AccountID.Valid && models.NoticeKind(lead.Kind).Type().Gathers {
		more, err := selectAll[messageRow](t.DB, "messages of one mail", messageQuery+`WHERE m.channel = 'mail' AND m.due_at IS NOT NULL AND m.account_id = ? AND m.kind = ?
			AND m.due_at <= ? AND m.id <> ? AND m.claim = 0 ORDER BY m.due_at, m.id LIMIT ?`, lead.AccountID, lead.Kind, millis(t.now), lead.ID, mostGathered-1)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	values := make([][]any, len(rows))
	for i, r := range rows {
		rows[i].Attempts++
		values[i] = []any{claim, millis(t.now.Add(lease)), int64(r.ID)}
	}
	if err := t.runMany("claim message", `UPDATE messages SET claim = ?, due_at = ?, attempts = attempts + 1 WHERE id = ?`, values); err != nil {
		return nil, err
	}
	return s.openMessages(rows)
}

// addReceiver adds who reads a mail.
func addReceiver(db *gorm.DB, d *models.Delivery) error {
	lead := d.Messages[0]
	d.To = models.Receiver{Account: lead.AccountID, Email: lead.Email, Name: lead.Name}
	if lead.AccountID == 0 {
		return nil
	}
	type standing struct {
		Verified bool
		Disabled bool
		Refused  bool
		Zone     string
	}
	now, err := selectOne[standing](db, "reader of mail", `SELECT zone, verified_at IS NOT NULL AS verified, disabled_at IS NOT NULL AS disabled,
		EXISTS (SELECT 1 FROM mail_refusals r WHERE r.account_id = a.id AND r.topic = ?) AS refused FROM accounts a WHERE id = ?`, string(lead.Kind.Type().Topic), lead.AccountID)
	d.To.Verified, d.To.Zone, d.Disabled, d.Refused = now.Verified, now.Zone, now.Disabled, now.Refused
	return err
}

// ReleaseClaims lets messages be taken again that a process was at which has ended; whoever calls it knows that there is no other.
func (s *Store) ReleaseClaims(ctx context.Context, now time.Time) error {
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &tx{DB: db}
		return firstError(t.run("release claims", `UPDATE messages SET claim = 0, due_at = ? WHERE claim <> 0`, millis(now)),
			t.run("let webhooks rest no more", `UPDATE webhooks SET resting_until = 0 WHERE resting_until > 0`))
	})
	if err != nil {
		return fmt.Errorf("release claims: %w", err)
	}
	return nil
}

// FinishMessage notes what came of a delivery. One whose time ran out, and that somebody else took meanwhile, is the other's to note.
func (s *Store) FinishMessage(ctx context.Context, d models.Delivery, out models.Delivered, now time.Time) error {
	if len(d.Messages) == 0 {
		return nil
	}
	lead := d.Messages[0]
	err := s.change(ctx, models.System(), now, func(t *tx) error {
		if err := t.note(lead, out); err != nil {
			return err
		}
		var done, due sql.NullInt64
		keep := true
		if out.State == models.MessageWaiting {
			due = nullMillis(out.Due)
		} else {
			done = nullMillis(t.now)
			keep = out.State == models.MessageKept || !lead.Kind.Type().Secret
		}
		finished := t.Exec(`UPDATE messages SET state = ?, reason = ?, subject = ?, email = CASE WHEN ? <> '' THEN ? ELSE email END, due_at = ?, done_at = ?, claim = 0,
				data = CASE WHEN ? THEN data END, lead_id = CASE WHEN id = ? THEN NULL ELSE ? END WHERE claim = ?`,
			string(out.State), out.Reason, out.Subject, out.Email, out.Email, due, done, keep, lead.ID, lead.ID, d.Claim)
		if finished.Error != nil {
			return fmt.Errorf("finish message: %w", finished.Error)
		}
		if lead.Channel != models.ByWebhook || finished.RowsAffected == 0 {
			return nil
		}
		return t.noteWebhook(d.Webhook, out)
	})
	if err != nil {
		return fmt.Errorf("finish message %s: %w", lead.ID, err)
	}
	return nil
}

// note keeps what came of a try.
func (t *tx) note(m models.Message, out models.Delivered) error {
	if out.Attempt == nil {
		return nil
	}
	a := out.Attempt
	return t.run("note attempt", `INSERT INTO message_attempts (message_id, number, at, took, status, problem, answer) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (message_id, number) DO UPDATE SET at = excluded.at, took = excluded.took, status = excluded.status, problem = excluded.problem, answer = excluded.answer`,
		m.ID, m.Attempts, millis(a.At), a.Took.Milliseconds(), a.Status, a.Problem, a.Answer)
}

// QueueStates tells how deliveries come along, by channel.
func (s *Store) QueueStates(ctx context.Context, now time.Time) (map[models.Channel]models.QueueState, error) {
	states := map[models.Channel]models.QueueState{}
	for _, by := range []models.Channel{models.ByMail, models.ByWebhook} {
		type state struct {
			N      int
			Oldest sql.NullInt64
		}
		// What has waited long is told by when it was made: a message that is tried again has a due time of its own.
		row, err := selectOne[state](s.read.WithContext(ctx), "queue", `SELECT count(*) AS n, min(created_at) AS oldest FROM messages WHERE channel = ? AND due_at IS NOT NULL AND (due_at <= ? OR attempts > 0)`,
			string(by), millis(now))
		if err != nil {
			return nil, err
		}
		states[by] = models.QueueState{Waiting: row.N, Oldest: nullTime(row.Oldest)}
	}
	return states, nil
}

// Outbox lists mails, newest first, for administrators: of one state, or of all for "". Messages that were gathered into one mail are listed once, by its lead.
func (s *Store) Outbox(ctx context.Context, state models.MessageState, p models.Page) (models.List[models.Message], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.Message]{}, err
	}
	where, args := "", []any{from.sort, from.id}
	if state != "" {
		where, args = "AND m.state = ? ", append(args, string(state))
	}
	rows, err := selectAll[messageRow](s.read.WithContext(ctx), "outbox", outboxQuery+`WHERE m.channel = 'mail' AND m.lead_id IS NULL AND (m.created_at, m.id) < (?, ?) `+where+`ORDER BY m.created_at DESC, m.id DESC LIMIT ?`,
		append(args, limitOf(p)+1)...)
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

// OutboxMail returns a mail with the others that went with it, and what came of each try; for administrators.
func (s *Store) OutboxMail(ctx context.Context, id models.MessageID) (messages []models.Message, attempts []models.Attempt, err error) {
	db := s.read.WithContext(ctx)
	lead, err := selectOne[messageRow](db, "mail", messageQuery+`WHERE m.id = ? AND m.channel = 'mail'`, id)
	if err != nil {
		return nil, nil, err
	}
	more, err := selectAll[messageRow](db, "messages of one mail", messageQuery+`WHERE m.lead_id = ? ORDER BY m.created_at, m.id LIMIT ?`, id, mostGathered)
	if err != nil {
		return nil, nil, err
	}
	if messages, err = s.openMessages(append([]messageRow{lead}, more...)); err != nil {
		return nil, nil, err
	}
	attempts, err = attemptsOf(db, id)
	return messages, attempts, err
}

func attemptsOf(db *gorm.DB, id models.MessageID) ([]models.Attempt, error) {
	type row struct {
		Number, At, Took int64
		Status           int
		Problem, Answer  string
	}
	rows, err := selectAll[row](db, "attempts", `SELECT number, at, took, status, problem, answer FROM message_attempts WHERE message_id = ? ORDER BY number`, id)
	attempts := make([]models.Attempt, len(rows))
	for i, r := range rows {
		attempts[i] = models.Attempt{Number: int(r.Number), At: timeOf(r.At), Took: time.Duration(r.Took) * time.Millisecond, Status: r.Status, Problem: r.Problem, Answer: r.Answer}
	}
	return attempts, err
}

// SendAgain queues a mail once more that was kept, or given up; administrators only.
func (s *Store) SendAgain(ctx context.Context, actor models.Actor, id models.MessageID, now time.Time) error {
	if err := mustBeAdmin(actor); err != nil {
		return err
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		row, err := selectOne[messageRow](t.DB, "mail", messageQuery+`WHERE m.id = ? AND m.channel = 'mail'`, id)
		if err != nil {
			return err
		}
		switch {
		case row.Data == nil:
			return models.Conflict("What this mail said is not kept any more: it carried a one-time link. Make a new one.")
		case row.DueAt.Valid:
			return models.Conflict("This mail waits to be sent already.")
		}
		err = t.run("send mail again", `UPDATE messages SET state = 'waiting', reason = '', due_at = ?, done_at = NULL WHERE id = ? OR lead_id = ?`, millis(t.now), id, id)
		if err != nil {
			return err
		}
		return t.event("mail.resend", object{kind: "mail", id: id.String(), name: row.Kind + " to " + orText(row.Email, row.ToEmail.String)}, nil, nil)
	})
}

func orText(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// PruneMessages forgets messages that are done long ago, with their attempts, and what alerts told.
func (s *Store) PruneMessages(ctx context.Context, now time.Time) error {
	return firstError(s.prune(ctx, "messages", []string{"id"}, "done_at < ?", millis(now.Add(-models.MessagesKept))),
		s.prune(ctx, "alert_firings", []string{"alert_id", "key_id", "plan_id", "window", "level"}, "at < ?", millis(now.Add(-models.AlertFiringsKept))))
}
