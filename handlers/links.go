package handlers

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/account"
)

// LinkStore is what one-time links need of the store.
type LinkStore interface {
	LinkByToken(ctx context.Context, token string, now time.Time) (models.Link, error)
	Account(ctx context.Context, id models.AccountID) (models.Account, error)
	CompleteSetup(ctx context.Context, token string, in models.NewAccount, actor models.Actor, now time.Time) (models.Account, error)
	AcceptInvite(ctx context.Context, token string, in models.NewAccount, actor models.Actor, now time.Time) (models.Account, error)
	ResetPassword(ctx context.Context, token, hash string, actor models.Actor, now time.Time) (models.Account, error)
}

// Links is the pages behind one-time links. Opening one changes nothing: programs that look into messages open links, too.
type Links struct {
	Store     LinkStore
	Passwords *secret.Hasher
}

// link returns the link of the path, if it works and is of the kind.
func (l *Links) link(r *Request, kind models.LinkKind) (models.Link, error) {
	link, err := l.Store.LinkByToken(r.Context(), r.Param("token"), r.Now)
	if err == nil && link.Kind != kind {
		err = models.NotFound("link")
	}
	return link, err
}

// SetupForm asks for the first administrator.
func (l *Links) SetupForm(r *Request) (Reply, error) {
	if _, err := l.link(r, models.LinkSetup); err != nil {
		return Reply{}, err
	}
	return Page(setupPage(r, NewForm())), nil
}

func setupPage(r *Request, f *Form) templ.Component {
	return account.Setup(r.layout("Set up Gatehouse"), account.SetupView{Form: personForm(f), Action: r.URL.Path})
}

// Setup makes the first administrator, signs in, and goes on to the first API.
func (l *Links) Setup(r *Request) (Reply, error) {
	if _, err := l.link(r, models.LinkSetup); err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in, err := newPerson(r, l.Passwords, f, true)
	if err != nil {
		return Reply{}, err
	}
	if !f.OK() {
		return Again(setupPage(r, f)), nil
	}
	person, err := l.Store.CompleteSetup(r.Context(), r.Param("token"), in, r.Actor(), r.Now)
	if f.Accept(err) {
		return Again(setupPage(r, f)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	r.Session.SignIn(person.ID)
	return r.Done("/owner/apis/new", "Gatehouse is yours, "+person.Name+". Next: your first API."), nil
}

// InviteForm asks for name and password of somebody who was invited.
func (l *Links) InviteForm(r *Request) (Reply, error) {
	link, err := l.link(r, models.LinkInvite)
	if err != nil {
		return Reply{}, err
	}
	return Page(invitePage(r, NewForm(), link)), nil
}

func invitePage(r *Request, f *Form, link models.Link) templ.Component {
	f.Set("email", link.Email)
	return account.Invite(r.layout("You are invited"), account.InviteView{
		Form: personForm(f), Action: r.URL.Path, Role: roleWords(link.Role), SignedInAs: r.Account.Email,
	})
}

func roleWords(role models.Role) string {
	switch role {
	case models.RoleOwner:
		return "You will publish APIs and plans, and can subscribe to those of others."
	case models.RoleAdmin:
		return "You will administer accounts and settings, and can publish APIs and subscribe to them."
	}
	return "You will subscribe to APIs, and manage your apps and keys."
}

// Invite makes the invited account and signs in.
func (l *Links) Invite(r *Request) (Reply, error) {
	link, err := l.link(r, models.LinkInvite)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	f.Set("email", link.Email)
	in, err := newPerson(r, l.Passwords, f, true)
	if err != nil {
		return Reply{}, err
	}
	if !f.OK() {
		return Again(invitePage(r, f, link)), nil
	}
	person, err := l.Store.AcceptInvite(r.Context(), r.Param("token"), in, r.Actor(), r.Now)
	if f.Accept(err) {
		return Again(invitePage(r, f, link)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	r.Session.SignIn(person.ID)
	start := "/home"
	if person.Role >= models.RoleOwner {
		start = "/owner"
	}
	return r.Done(start, "Welcome, "+person.Name+". Your account is ready."), nil
}

// ResetForm asks for a new password.
func (l *Links) ResetForm(r *Request) (Reply, error) {
	link, err := l.link(r, models.LinkReset)
	if err != nil {
		return Reply{}, err
	}
	return Page(resetPage(r, NewForm(), link)), nil
}

func resetPage(r *Request, f *Form, link models.Link) templ.Component {
	return account.Reset(r.layout("New password"), account.ResetView{Email: link.Email, Action: r.URL.Path, Problem: f.Error("password")})
}

// Reset sets the password. All sessions end; the person signs in with the new one.
func (l *Links) Reset(r *Request) (Reply, error) {
	link, err := l.link(r, models.LinkReset)
	if err != nil {
		return Reply{}, err
	}
	person, err := l.Store.Account(r.Context(), link.AccountID)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	hash, err := newPassword(r, l.Passwords, f, person.Name, person.Email)
	if err != nil {
		return Reply{}, err
	}
	if !f.OK() {
		return Again(resetPage(r, f, link)), nil
	}
	if _, err := l.Store.ResetPassword(r.Context(), r.Param("token"), hash, r.Actor(), r.Now); err != nil {
		return Reply{}, err
	}
	return r.Done("/signin", "Your password is changed. Sign in with the new one."), nil
}
