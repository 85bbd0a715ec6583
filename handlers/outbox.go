package handlers

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/notices"
	"gatehouse/templates/ui"
)

// OutboxStore is what the administrator's outbox needs of the store.
type OutboxStore interface {
	Outbox(ctx context.Context, state models.MessageState, p models.Page) (models.List[models.Message], error)
	OutboxMail(ctx context.Context, id models.MessageID) ([]models.Message, []models.Attempt, error)
	SendAgain(ctx context.Context, actor models.Actor, id models.MessageID, now time.Time) error
}

// Outbox is the mails of an installation, for its administrators.
type Outbox struct {
	Store OutboxStore
	Mails *Mails
}

// List shows mails, newest first.
func (o *Outbox) List(r *Request) (Reply, error) {
	state := models.MessageState(r.Query("state"))
	states := []models.MessageState{"", models.MessageWaiting, models.MessageSent, models.MessageKept, models.MessageDropped, models.MessageFailed}
	if !slices.Contains(states, state) {
		return Reply{}, models.NotFound("page")
	}
	p := r.Page()
	list, err := o.Store.Outbox(r.Context(), state, p)
	if err != nil {
		return Reply{}, err
	}
	v := notices.OutboxView{Server: r.Site.mails(), All: state == "", Pages: listPages(r, p, list.Next), Now: r.Now, Stuck: stuckWords(r)}
	for _, s := range states {
		label := "All"
		if s != "" {
			_, label = messageState(s)
		}
		v.Tabs = append(v.Tabs, ui.Tab{Label: label, Href: pathWith("/admin/outbox", "state", string(s)), Current: s == state})
	}
	for _, m := range list.Items {
		kind, word := messageState(m.State)
		v.Rows = append(v.Rows, notices.OutboxRow{Href: "/admin/outbox/" + m.ID.String(), Subject: o.subject(r, m), To: m.Email, Gathers: gathersWords(1 + m.Others), State: word, Kind: kind, Reason: m.Reason, At: m.CreatedAt})
	}
	return Page(notices.Outbox(r.layout("Outbox", ui.Crumb{}), v)), nil
}

// gathersWords says that a mail tells of several things; "" where it is of one.
func gathersWords(messages int) string {
	if messages < 2 {
		return ""
	}
	return format.Plural(int64(messages), "message") + " in one mail"
}

// subject is a mail's, or what it would be.
func (o *Outbox) subject(r *Request, m models.Message) string {
	if m.Subject != "" {
		return m.Subject
	}
	return oneLine(o.Mails.view(r.Context(), []models.Message{m}).Title)
}

func messageState(s models.MessageState) (ui.Kind, string) {
	switch s {
	case models.MessageSent:
		return ui.OK, "Sent"
	case models.MessageKept:
		return ui.Warn, "Kept here"
	case models.MessageDropped:
		return ui.Plain, "Not sent"
	case models.MessageFailed:
		return ui.Bad, "Failed"
	}
	return ui.Info, "Waiting"
}

// mail reads the mail of the path as it was written, or would be.
func (o *Outbox) mail(r *Request) ([]models.Message, []models.Attempt, models.Mail, error) {
	id, err := param[models.Message](r, "message")
	if err != nil {
		return nil, nil, models.Mail{}, err
	}
	messages, attempts, err := o.Store.OutboxMail(r.Context(), id)
	if err != nil {
		return nil, nil, models.Mail{}, err
	}
	lead := messages[0]
	written, err := o.Mails.Write(r.Context(), models.Delivery{Messages: messages, To: models.Receiver{Account: lead.AccountID, Email: lead.Email, Name: lead.Name}})
	return messages, attempts, written, err
}

// linkPattern finds the addresses in a text that we wrote.
var linkPattern = regexp.MustCompile(`https?://[^\s<>"]+`)

// Show is one mail: its text, its links to copy, and what came of each try.
func (o *Outbox) Show(r *Request) (Reply, error) {
	messages, attempts, written, err := o.mail(r)
	if err != nil {
		return Reply{}, err
	}
	lead := messages[0]
	kind, word := messageState(lead.State)
	v := notices.MailView{
		Href: "/admin/outbox/" + lead.ID.String(), Subject: orWords(lead.Subject, written.Subject), To: lead.Email, State: word, Kind: kind, Reason: lead.Reason, What: string(lead.Kind), Gathers: gathersWords(len(messages)),
		Created: lead.CreatedAt, Due: lead.Due, Done: lead.Done, Text: written.Text, Forgotten: lead.Forgotten, CanSend: lead.Due.IsZero() && !lead.Forgotten && r.Site.mails(), Now: r.Now,
		Attempts: attemptViews(attempts),
	}
	if lead.Data.Link != "" {
		for _, link := range linkPattern.FindAllString(written.Text, -1) {
			if strings.Contains(link, lead.Data.Link) {
				v.Links = []string{link}
			}
		}
	}
	return Page(notices.Mail(r.layout(v.Subject, ui.Crumb{Label: "Outbox", Href: "/admin/outbox"}, ui.Crumb{Label: "Mail"}), v)), nil
}

func attemptViews(attempts []models.Attempt) []notices.Attempt {
	var views []notices.Attempt
	for _, a := range attempts {
		status := "No answer"
		if a.Status != 0 {
			status = strconv.Itoa(a.Status)
		}
		views = append(views, notices.Attempt{At: a.At, Took: format.Latency(a.Took), Status: status, Problem: a.Problem, Answer: a.Answer})
	}
	return views
}

// Preview is a mail as it looks: a document of its own, that loads nothing, runs nothing and may have its inline styles.
func (o *Outbox) Preview(r *Request) (Reply, error) {
	messages, _, written, err := o.mail(r)
	if err == nil && messages[0].Forgotten {
		err = models.Gone("What this mail said is not kept any more.")
	}
	if err != nil {
		return Reply{}, err
	}
	return Sandboxed(written.HTML), nil
}

// Send queues a mail once more that was kept, or given up.
func (o *Outbox) Send(r *Request) (Reply, error) {
	id, err := param[models.Message](r, "message")
	if err != nil {
		return Reply{}, err
	}
	path := "/admin/outbox/" + id.String()
	if !r.Site.mails() {
		return r.Sorry(path, "There is no mail server to send it by."), nil
	}
	if err := o.Store.SendAgain(r.Context(), r.Actor(), id, r.Now); err != nil {
		if models.KindOf(err) == models.KindConflict {
			return r.Sorry(path, models.Sentence(err)), nil
		}
		return Reply{}, err
	}
	return r.Done(path, "It is sent now."), nil
}

// stuckAfter is how long a mail may wait before administrators are told.
const stuckAfter = time.Hour

// stuckWords says since when mails have not been taken; "" where they are.
func stuckWords(r *Request) string {
	states, err := r.Site.Accounts.QueueStates(r.Context(), r.Now)
	if err != nil {
		r.Site.report(r, slog.LevelWarn, "look at the queue of mails", err) // the page is worth more than its banner
		return ""
	}
	if q := states[models.ByMail]; q.Waiting > 0 && r.Now.Sub(q.Oldest) > stuckAfter {
		return format.Plural(int64(q.Waiting), "message") + " could not be sent; the oldest was made " + format.Ago(q.Oldest, r.Now) + ". The tries of each mail say what the mail server answers."
	}
	return ""
}

// mailNotices tells administrators how mails come along, on their own pages.
func (r *Request) mailNotices() []ui.Notice {
	if r.Account.Role < models.RoleAdmin || r.hat() != adminHat || strings.HasPrefix(r.URL.Path, "/admin/outbox") {
		return nil
	}
	if !r.Site.mails() {
		return []ui.Notice{{Kind: ui.Info, Text: "There is no mail server: invitations, links for new passwords and alerts by mail wait in the outbox.", Href: "/admin/outbox", Link: "Outbox"}}
	}
	if words := stuckWords(r); words != "" {
		return []ui.Notice{{Kind: ui.Bad, Text: words, Href: "/admin/outbox?state=waiting", Link: "Outbox"}}
	}
	return nil
}
