package handlers

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/templates/admin"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// AdminStore is what the administrators' pages need of the store.
type AdminStore interface {
	erasureStore
	Accounts(ctx context.Context, p models.Page) (models.List[models.AccountRow], error)
	Account(ctx context.Context, id models.AccountID) (models.Account, error)
	Sessions(ctx context.Context, account models.AccountID, now time.Time) ([]models.Session, error)
	SetRole(ctx context.Context, actor models.Actor, id models.AccountID, role models.Role, now time.Time) error
	SetAccountThrottle(ctx context.Context, actor models.Actor, id models.AccountID, throttle *limit.Throttle, now time.Time) error
	SetAccountDisabled(ctx context.Context, actor models.Actor, id models.AccountID, disabled bool, now time.Time) error
	EndSessions(ctx context.Context, actor models.Actor, account models.AccountID, keep [32]byte, now time.Time) (int, error)
	CreateLink(ctx context.Context, actor models.Actor, in models.NewLink, now time.Time) (string, models.Link, error)
	Links(ctx context.Context, p models.Page) (models.List[models.Link], error)
	Settings(ctx context.Context) (models.Settings, error)
	SaveSettings(ctx context.Context, actor models.Actor, s models.Settings, now time.Time) error
	SaveLogSettings(ctx context.Context, actor models.Actor, s models.LogSettings, now time.Time) error
}

// KeptLog is the request log as administrators see it.
type KeptLog interface {
	Configure(s models.LogSettings)
	Size() int64
	Limit() int64
	Failing() bool
}

// Admin is the administrators' pages.
type Admin struct {
	Store AdminStore
	Log   KeptLog // nil: none is kept
}

// Accounts lists who can sign in.
func (a *Admin) Accounts(r *Request) (Reply, error) {
	p := r.Page()
	list, err := a.Store.Accounts(r.Context(), p)
	if err != nil {
		return Reply{}, err
	}
	v := admin.AccountsView{Query: p.Search, Pages: listPages(r, p, list.Next), Now: r.Now}
	for _, row := range list.Items {
		kind, state := accountState(row.Account)
		v.Rows = append(v.Rows, admin.AccountRow{
			Href: "/admin/accounts/" + row.ID.String(), Name: row.Name, Email: row.Email, Role: roleName(row.Role), State: state, Kind: kind, Off: row.Disabled(),
			Seen: row.LastSeenAt, Sessions: row.Sessions, Apps: row.Apps, APIs: row.APIs, You: row.ID == r.Account.ID,
		})
	}
	return Page(admin.Accounts(r.layout("Accounts", ui.Crumb{}), v)), nil
}

func accountState(a models.Account) (ui.Kind, string) {
	switch {
	case a.Erased():
		return ui.Plain, "Deleted"
	case a.Disabled():
		return ui.Bad, "Disabled"
	case a.LastSeenAt.IsZero():
		return ui.Plain, "Never signed in"
	}
	return ui.OK, "Enabled"
}

// Account is one account with what can be done about it.
func (a *Admin) Account(r *Request) (Reply, error) {
	person, err := a.account(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := a.accountPage(r, person, accountForm(person), nil)
	return Page(page), err
}

// accountForm is an account as it is.
func accountForm(person models.Account) *Form {
	f := NewForm("role", person.Role.String())
	if t := person.Throttle; t != nil {
		f.Set("rate", plainNumber(t.Rate))
		f.Set("burst", strconv.FormatInt(t.Burst, 10))
	}
	return f
}

func (a *Admin) account(r *Request) (models.Account, error) {
	id, err := param[models.Account](r, "account")
	if err != nil {
		return models.Account{}, err
	}
	return a.Store.Account(r.Context(), id)
}

func (a *Admin) accountPage(r *Request, person models.Account, f *Form, link *admin.LinkView) (templ.Component, error) {
	sessions, err := a.Store.Sessions(r.Context(), person.ID, r.Now)
	if err != nil {
		return nil, err
	}
	kind, state := accountState(person)
	v := admin.AccountView{
		Href: accountPath(person), Name: person.Name, Email: person.Email, ID: person.ID.String(), Role: roleName(person.Role), State: state, Kind: kind,
		Disabled: person.DisabledAt, Erased: person.ErasedAt, Created: person.CreatedAt, Seen: person.LastSeenAt, Now: r.Now, RoleValue: f.Get("role"), RoleError: f.Error("role"),
		Publishes: person.Role >= models.RoleOwner || person.Throttle != nil, Rate: f.Get("rate"), RateError: f.Error("rate"), Burst: f.Get("burst"), BurstError: f.Error("burst"),
		Problem: f.Message(), Mails: r.Site.mails(), Verified: person.VerifiedAt, You: person.ID == r.Account.ID, Link: link, AuditHref: "/admin/audit?object=" + person.ID.String(),
		DidHref: "/admin/audit?actor=" + url.QueryEscape(person.Email),
	}
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, admin.SessionView{Browser: browserName(s.UserAgent), UserAgent: s.UserAgent, Address: hostOf(s.Address), Since: s.CreatedAt, Seen: s.SeenAt})
	}
	return admin.Account(r.layout(person.Name, ui.Crumb{Label: "Accounts", Href: "/admin/accounts"}, ui.Crumb{}), v), nil
}

func accountPath(person models.Account) string { return "/admin/accounts/" + person.ID.String() }

// change runs a change of an account; a refusal is shown on the account's page.
func (a *Admin) change(r *Request, own string, fn func(models.Account, *Form) error, done func(models.Account) string) (Reply, error) {
	person, err := a.account(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	if own != "" && person.ID == r.Account.ID {
		err = models.Denied(own)
	} else {
		err = fn(person, f)
	}
	if f.Accept(err) || !f.OK() {
		page, err := a.accountPage(r, person, f.Over(accountForm(person)), nil)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(accountPath(person), done(person)), nil
}

// SetRole changes what an account may do.
func (a *Admin) SetRole(r *Request) (Reply, error) {
	var role models.Role
	return a.change(r, "You cannot change your own role. Ask another administrator.", func(person models.Account, f *Form) (err error) {
		if role, err = models.ParseRole(f.Get("role")); err != nil {
			return err
		}
		return a.Store.SetRole(r.Context(), r.Actor(), person.ID, role, r.Now)
	}, func(person models.Account) string { return person.Name + " is now: " + roleName(role) + "." })
}

// SetThrottle limits what all callers of everything that an account publishes may send together.
func (a *Admin) SetThrottle(r *Request) (Reply, error) {
	var t *limit.Throttle
	return a.change(r, "", func(person models.Account, f *Form) error {
		if t = readSharedThrottle(f); !f.OK() {
			return nil
		}
		return a.Store.SetAccountThrottle(r.Context(), r.Actor(), person.ID, t, r.Now)
	}, func(person models.Account) string {
		return "All APIs of " + person.Name + " together, from the next request on: " + throttleWords(t) + "."
	})
}

// Disable takes sign-in from an account; its keys go on working.
func (a *Admin) Disable(r *Request) (Reply, error) {
	return a.change(r, "You cannot disable your own account. Ask another administrator.", func(person models.Account, _ *Form) error {
		return a.Store.SetAccountDisabled(r.Context(), r.Actor(), person.ID, true, r.Now)
	}, func(person models.Account) string {
		return person.Name + " cannot sign in any more, and all sessions have ended. Enable takes it back."
	})
}

// Enable gives sign-in back.
func (a *Admin) Enable(r *Request) (Reply, error) {
	return a.change(r, "", func(person models.Account, _ *Form) error {
		return a.Store.SetAccountDisabled(r.Context(), r.Actor(), person.ID, false, r.Now)
	}, func(person models.Account) string { return person.Name + " can sign in again." })
}

// EndSessions signs an account out everywhere; an administrator's own session stays.
func (a *Admin) EndSessions(r *Request) (Reply, error) {
	var ended int
	return a.change(r, "", func(person models.Account, _ *Form) (err error) {
		var keep [32]byte
		if person.ID == r.Account.ID {
			keep = r.Session.Digest()
		}
		ended, err = a.Store.EndSessions(r.Context(), r.Actor(), person.ID, keep, r.Now)
		return err
	}, func(models.Account) string { return format.Plural(int64(ended), "session") + " ended." })
}

// ResetLink makes a link for a new password and shows it. The page is the answer to the form, so that the link is in no address and in
// no record; sending the form again makes another one.
func (a *Admin) ResetLink(r *Request) (Reply, error) {
	person, err := a.account(r)
	if err != nil {
		return Reply{}, err
	}
	sent, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	f, byMail := accountForm(person), r.Site.mails() && sent.Get("by") == string(models.ByMail)
	token, link, err := a.Store.CreateLink(r.Context(), r.Actor(), models.NewLink{Kind: models.LinkReset, AccountID: person.ID, Mail: byMail}, r.Now)
	if f.Accept(err) {
		page, err := a.accountPage(r, person, f, nil)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	if byMail { // nobody but its reader sees the link, so that its use proves the address
		return r.Done(accountPath(person), "A link for a new password is on its way to "+person.Email+"."), nil
	}
	page, err := a.accountPage(r, person, f, linkView(r, "/reset/", token, link))
	return Page(page), err
}

func linkView(r *Request, path, token string, link models.Link) *admin.LinkView {
	return &admin.LinkView{URL: r.Site.PublicURL + path + token, Email: link.Email, Expires: link.ExpiresAt, Now: r.Now}
}
