package handlers

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/account"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// MeStore is what a person's own page needs of the store.
type MeStore interface {
	erasureStore
	RenameAccount(ctx context.Context, actor models.Actor, id models.AccountID, name string, now time.Time) error
	PasswordHash(ctx context.Context, id models.AccountID) (string, error)
	SetPasswordHash(ctx context.Context, actor models.Actor, id models.AccountID, hash string, keep [32]byte, now time.Time) error
	Sessions(ctx context.Context, account models.AccountID, now time.Time) ([]models.Session, error)
	EndSession(ctx context.Context, actor models.Actor, account models.AccountID, handle string, now time.Time) error
	EndSessions(ctx context.Context, actor models.Actor, account models.AccountID, keep [32]byte, now time.Time) (int, error)
	SavePreferences(ctx context.Context, actor models.Actor, p models.Preferences, now time.Time) error
}

// Me is a person's own page: name, password, sessions.
type Me struct {
	Store     MeStore
	Passwords *secret.Hasher
	Throttle  *Throttle
}

// Show is the page.
func (m *Me) Show(r *Request) (Reply, error) {
	page, err := m.page(r, NewForm("name", r.Account.Name), NewForm(), displayForm(r.Account.Preferences))
	return Page(page), err
}

func (m *Me) page(r *Request, profile, password, display *Form) (templ.Component, error) {
	sessions, err := m.Store.Sessions(r.Context(), r.Account.ID, r.Now)
	if err != nil {
		return nil, err
	}
	v := account.MeView{
		Email: r.Account.Email, Role: roleName(r.Account.Role), Since: r.Account.CreatedAt, Now: r.Now, Name: profile.Get("name"), NameError: profile.Error("name"),
		CurrentError: password.Error("current"), PasswordError: password.Error("password"),
		Zone: display.Get("zone"), ZoneError: display.Error("zone"), Zones: models.Zones(), Theme: display.Get("theme"), ThemeError: display.Error("theme"), Keys: display.Checked("keys"),
	}
	current := sessionHandle(r.Session.Digest())
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, sessionView(s, s.Handle == current))
		if s.Handle != current {
			v.Others++
		}
	}
	return account.Me(r.layout("Profile and security", ui.Crumb{}), v), nil
}

// sessionHandle names a session in a form; it is how package session makes it.
func sessionHandle(digest [32]byte) string { return fmt.Sprintf("%x", sha256.Sum256(digest[:]))[:16] }

func sessionView(s models.Session, current bool) account.SessionView {
	return account.SessionView{
		Handle: s.Handle, Browser: browserName(s.UserAgent), UserAgent: s.UserAgent, Address: hostOf(s.Address), Since: s.CreatedAt, Seen: s.SeenAt, Current: current,
	}
}

// hostOf is an address without its port, which says nothing to people.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

func roleName(role models.Role) string {
	switch role {
	case models.RoleOwner:
		return "API owner"
	case models.RoleAdmin:
		return "Administrator"
	}
	return "Developer"
}

// Rename changes the reader's name.
func (m *Me) Rename(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	err = m.Store.RenameAccount(r.Context(), r.Actor(), r.Account.ID, f.Get("name"), r.Now)
	if f.Accept(err) {
		page, err := m.page(r, f, NewForm(), displayForm(r.Account.Preferences))
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done("/me", "Saved."), nil
}

// Password changes the reader's password, which proves the old one. All other sessions end, and this one gets a new cookie.
func (m *Me) Password(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	refused, err := provePassword(r, m.Store, m.Passwords, m.Throttle, f, "current")
	if err != nil {
		return Reply{}, err
	}
	if refused == nil {
		refused = Again
	}
	hash, err := newPassword(r, m.Passwords, f, r.Account.Name, r.Account.Email)
	if err != nil {
		return Reply{}, err
	}
	if !f.OK() {
		page, err := m.page(r, NewForm("name", r.Account.Name), f, displayForm(r.Account.Preferences))
		return refused(page), err
	}
	if err := m.Store.SetPasswordHash(r.Context(), r.Actor(), r.Account.ID, hash, r.Session.Digest(), r.Now); err != nil {
		return Reply{}, err
	}
	r.Session.SignIn(r.Account.ID)
	return r.Done("/me", "Your password is changed. All other sessions have ended."), nil
}

// EndSession signs one browser out.
func (m *Me) EndSession(r *Request) (Reply, error) {
	if r.Param("handle") == sessionHandle(r.Session.Digest()) {
		r.Session.SignOut()
		return See("/signin"), nil
	}
	if err := m.Store.EndSession(r.Context(), r.Actor(), r.Account.ID, r.Param("handle"), r.Now); err != nil {
		return Reply{}, err
	}
	return r.Done("/me", "The session has ended."), nil
}

// EndSessions signs all other browsers out.
func (m *Me) EndSessions(r *Request) (Reply, error) {
	n, err := m.Store.EndSessions(r.Context(), r.Actor(), r.Account.ID, r.Session.Digest(), r.Now)
	if err != nil {
		return Reply{}, err
	}
	return r.Done("/me", format.Plural(int64(n), "other session")+" ended."), nil
}
