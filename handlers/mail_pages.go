package handlers

import (
	"context"
	"slices"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/notices"
	"gatehouse/templates/ui"
)

// MailStore is what the pages about somebody's mails need of the store.
type MailStore interface {
	MailTopics(ctx context.Context, account models.AccountID) ([]models.Topic, error)
	RefuseMail(ctx context.Context, account models.AccountID, topic models.Topic, refuse bool, now time.Time) error
	AskVerify(ctx context.Context, actor models.Actor, email string, now time.Time) error
	ConfirmEmail(ctx context.Context, token string, actor models.Actor, now time.Time) (models.Account, error)
	AskReset(ctx context.Context, email string, actor models.Actor, now time.Time) error
	LinkByToken(ctx context.Context, token string, now time.Time) (models.Link, error)
}

// MailPages is where people prove addresses, ask for new passwords, and say which mails they want.
type MailPages struct {
	Store    MailStore
	Mails    *Mails
	Throttle *Throttle // of what makes mails: each goes to somebody
}

// proofPatience is for how long an account may go on without a proved address (DECISIONS 37).
const proofPatience = 7 * 24 * time.Hour

// mails reports whether this installation sends mails.
func (s *Site) mails() bool { return !s.MailSince.IsZero() }

// unproved reports whether the reader must prove the address before anything that lasts.
func (r *Request) unproved() bool {
	if !r.Site.mails() || r.Account.ID == 0 || r.Account.Verified() {
		return false
	}
	since := r.Account.CreatedAt
	if r.Site.MailSince.After(since) {
		since = r.Site.MailSince
	}
	return r.Now.Sub(since) >= proofPatience
}

// Proved lets those pass who have proved their address, or still have time to. The others are sent to where they can.
func Proved(r *Request) (Reply, error) {
	if !r.unproved() {
		return Reply{}, nil
	}
	return r.Sorry("/me/mails", "Confirm your e-mail address first: your account is older than seven days. Your keys go on working."), nil
}

// proofNotice asks for the proof of an address, on each page until it is there.
func (r *Request) proofNotice() []ui.Notice {
	if !r.Site.mails() || r.Account.Verified() || r.seer.ID != 0 || r.URL.Path == "/me/mails" {
		return nil
	}
	return []ui.Notice{{Kind: ui.Warn, Text: "Confirm " + r.Account.Email + " with the link that is sent there: until then you get no other mails.", Href: "/me/mails", Link: "Send the link, or change the address"}}
}

// Preferences shows which mails the reader gets, and where.
func (m *MailPages) Preferences(r *Request) (Reply, error) { return m.preferences(r, NewForm(), Page) }

func (m *MailPages) preferences(r *Request, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	refused, err := m.Store.MailTopics(r.Context(), r.Account.ID)
	if err != nil {
		return Reply{}, err
	}
	v := notices.MailsView{Email: r.Account.Email, Verified: r.Account.VerifiedAt, Server: r.Site.mails(), Now: r.Now, NewEmail: f.Get("email"), EmailError: f.Error("email"), Problem: f.Message()}
	for _, t := range topicsOf(r.Account) {
		v.Topics = append(v.Topics, ui.CheckProps{ID: "f-" + string(t), Name: "topic", Value: string(t), Label: upperFirst(topicName(t)), Hint: topicHint(t), Checked: !slices.Contains(refused, t)})
	}
	return reply(notices.Mails(r.layout("Mails", ui.Crumb{Label: "Profile and security", Href: "/me"}, ui.Crumb{}), v)), nil
}

// topicsOf are the topics of which an account may get mails. Developers have no APIs of which a week could be told.
func topicsOf(a models.Account) []models.Topic {
	topics := models.Topics()
	if a.Role == models.RoleDeveloper {
		topics = slices.DeleteFunc(topics, func(t models.Topic) bool { return t == models.TopicWeek })
	}
	return topics
}

func topicHint(t models.Topic) string {
	switch t {
	case models.TopicSubscriptions:
		return "Requests for your plans and to be let in to them, and what became of yours."
	case models.TopicKeys:
		return "A key rotated, revoked, blocked, expiring or unused, or given other limits."
	case models.TopicUsage:
		return "Quotas nearly used, throttling, errors."
	case models.TopicWeek:
		return "On Mondays: customers who came, left or call more, what was refused or failed, and what waits for you."
	case models.TopicPlans:
		return "What owners announce about plans and operations that you use."
	}
	return "What went on in the background and has ended."
}

func upperFirst(s string) string { return string(s[0]-'a'+'A') + s[1:] }

// SavePreferences says of which topics the reader wants mails.
func (m *MailPages) SavePreferences(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	for _, t := range topicsOf(r.Account) {
		if err := m.Store.RefuseMail(r.Context(), r.Account.ID, t, !f.Has("topic", string(t)), r.Now); err != nil {
			return Reply{}, err
		}
	}
	return r.Done("/me/mails", "Saved."), nil
}

// AskVerify sends a link that proves the reader's address, or a new one.
func (m *MailPages) AskVerify(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	if !r.Site.mails() {
		return Reply{}, models.Conflict("There is no mail server here: addresses are neither confirmed nor changed.")
	}
	attempt, wait := m.Throttle.Enter("verify "+r.Account.ID.String(), r.Peer(), r.Now)
	if attempt == nil {
		f.message = tooManyTries(wait)
		return m.preferences(r, f, TooMany)
	}
	defer attempt.Leave()
	if err := m.Store.AskVerify(r.Context(), r.Actor(), f.Get("email"), r.Now); err != nil {
		if f.Accept(err) {
			return m.preferences(r, f, Again)
		}
		return Reply{}, err
	}
	return r.Done("/me/mails", "A link is on its way to "+f.Trimmed("email")+". It works for 24 hours."), nil
}

// VerifyForm asks to confirm an address. The link alone changes nothing.
func (m *MailPages) VerifyForm(r *Request) (Reply, error) {
	link, err := m.Store.LinkByToken(r.Context(), r.Param("token"), r.Now)
	if err == nil && link.Kind != models.LinkVerify {
		err = models.NotFound("link")
	}
	if err != nil {
		return Reply{}, err
	}
	return Page(notices.Verify(r.layout("Confirm your address"), notices.VerifyView{Action: r.URL.Path, Email: link.Email, Product: r.Product()})), nil
}

// Verify proves an address.
func (m *MailPages) Verify(r *Request) (Reply, error) {
	person, err := m.Store.ConfirmEmail(r.Context(), r.Param("token"), r.Actor(), r.Now)
	if err != nil {
		return Reply{}, err
	}
	next := "/signin"
	if r.Account.ID == person.ID {
		next = "/home"
	}
	return r.Done(next, person.Email+" is confirmed."), nil
}

// ForgotForm asks whose password is forgotten.
func (m *MailPages) ForgotForm(r *Request) (Reply, error) {
	return Page(forgotPage(r, notices.ForgotView{})), nil
}

func forgotPage(r *Request, v notices.ForgotView) templ.Component {
	v.Server = r.Site.mails()
	return notices.Forgot(r.layout("Password forgotten"), v)
}

// Forgot mails a link for a new password. The answer is the same whether somebody has the address, and so is the time that it takes.
func (m *MailPages) Forgot(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	if !r.Site.mails() {
		return Again(forgotPage(r, notices.ForgotView{})), nil
	}
	v := notices.ForgotView{Email: f.Trimmed("email")}
	if _, err := models.CleanEmail(v.Email); err != nil {
		v.Problem = models.Sentence(err)
		return Again(forgotPage(r, v)), nil
	}
	attempt, wait := m.Throttle.Enter("forgot "+v.Email, r.Peer(), r.Now)
	if attempt == nil {
		v.Problem = tooManyTries(wait)
		return TooMany(forgotPage(r, v)), nil
	}
	defer attempt.Leave()
	if err := m.Store.AskReset(r.Context(), v.Email, models.Actor{Label: "visitor", Address: r.Peer(), RequestID: r.ID}, r.Now); err != nil {
		return Reply{}, err
	}
	v.Done = true
	return Page(forgotPage(r, v)), nil
}

// UnsubscribeForm asks whether mails of a topic shall end.
func (m *MailPages) UnsubscribeForm(r *Request) (Reply, error) {
	_, topic, ok := m.Mails.readToken(r.Param("token"))
	if !ok {
		return Reply{}, models.NotFound("link")
	}
	return Page(unsubscribePage(r, topic, false)), nil
}

func unsubscribePage(r *Request, topic models.Topic, done bool) templ.Component {
	return notices.Unsubscribe(r.layout("Mails"), notices.UnsubscribeView{Action: r.URL.Path, Topic: topicName(topic), Done: done})
}

// Unsubscribe ends mails of a topic, or lets them come again. A mail program posts here by itself when its person wants no more (RFC 8058): no session is needed, for the
// link is signed.
func (m *MailPages) Unsubscribe(r *Request) (Reply, error) {
	account, topic, ok := m.Mails.readToken(r.Param("token"))
	if !ok {
		return Reply{}, models.NotFound("link")
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	again := f.Checked("again")
	if err := m.Store.RefuseMail(r.Context(), account, topic, !again, r.Now); err != nil {
		return Reply{}, err
	}
	return Page(unsubscribePage(r, topic, !again)), nil
}
