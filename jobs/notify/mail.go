package notify

import (
	"context"
	"errors"
	"time"

	"gatehouse/models"
)

// Refusal is a server's answer that is final: this mail is not taken, however often it is sent.
type Refusal struct{ Err error }

// Error is the server's answer.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns what the server answered.
func (r *Refusal) Unwrap() error { return r.Err }

// mail writes and sends a mail, unless nobody wants it or may have it.
func (w *Worker) mail(ctx context.Context, d models.Delivery) models.Delivered {
	kind := d.Messages[0].Kind.Type()
	drop := func(why string) models.Delivered {
		return models.Delivered{State: models.MessageDropped, Reason: why, Email: d.To.Email}
	}
	switch {
	case d.Disabled:
		return drop("The account is disabled.")
	case d.Refused && kind.Topic != models.TopicAccount:
		return drop("The account wants no mails of this topic.")
	case w.Mail != nil && d.To.Account != 0 && !d.To.Verified && !kind.Proves:
		return drop("Nobody has proved yet that this address is theirs.")
	}
	m, err := w.Write(ctx, d)
	if err != nil {
		w.Log.ErrorContext(ctx, "write mail", "message", d.Messages[0].ID.String(), "kind", string(d.Messages[0].Kind), "error", err)
		return models.Delivered{State: models.MessageFailed, Reason: "It could not be written. The log says why.", Email: d.To.Email}
	}
	if w.Mail == nil {
		return models.Delivered{State: models.MessageKept, Reason: "There is no mail server.", Subject: m.Subject, Email: d.To.Email}
	}
	out := w.send(ctx, d, m)
	out.Subject, out.Email = m.Subject, d.To.Email
	return out
}

func (w *Worker) send(ctx context.Context, d models.Delivery, m models.Mail) models.Delivered {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	start := w.Now()
	status, err := w.Mail.Send(ctx, m)
	a := models.Attempt{At: start, Took: max(0, w.Now().Sub(start).Round(time.Millisecond)), Status: status}
	if err == nil {
		return models.Delivered{State: models.MessageSent, Attempt: &a}
	}
	a.Problem = plainText(err.Error(), 500)
	w.Log.WarnContext(ctx, "mail was not taken", "message", d.Messages[0].ID.String(), "kind", string(d.Messages[0].Kind), "try", d.Messages[0].Attempts, "error", a.Problem)
	if final := (*Refusal)(nil); errors.As(err, &final) {
		return models.Delivered{State: models.MessageFailed, Reason: a.Problem, Attempt: &a}
	}
	return w.retry(d, a, models.MailDelay)
}
