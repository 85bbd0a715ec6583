package handlers

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/account"
	"gatehouse/templates/ui"
)

// erasureStore is what taking an account's data along, and deleting it, need of the store.
type erasureStore interface {
	AccountData(ctx context.Context, actor models.Actor, id models.AccountID, now time.Time) (models.AccountData, error)
	Deletion(ctx context.Context, actor models.Actor, id models.AccountID) (models.Deletion, error)
	DeleteAccount(ctx context.Context, actor models.Actor, id models.AccountID, now time.Time) error
}

// accountFile answers with an account's data as a file.
func accountFile(r *Request, store erasureStore, id models.AccountID) (Reply, error) {
	data, err := store.AccountData(r.Context(), r.Actor(), id, r.Now)
	if err != nil {
		return Reply{}, err
	}
	return Download("account-"+id.String()+".json", "application/json", func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(data)
	}), nil
}

// Data is what is kept of the reader, as a file.
func (m *Me) Data(r *Request) (Reply, error) { return accountFile(r, m.Store, r.Account.ID) }

// DeleteForm asks before the reader's account is deleted.
func (m *Me) DeleteForm(r *Request) (Reply, error) {
	page, err := m.deletePage(r, NewForm())
	return Page(page), err
}

func (m *Me) deletePage(r *Request, f *Form) (templ.Component, error) {
	d, err := m.Store.Deletion(r.Context(), r.Actor(), r.Account.ID)
	if err != nil {
		return nil, err
	}
	return account.Delete(r.layout("Delete account", ui.Crumb{Label: "Profile and security", Href: "/me"}, ui.Crumb{}), deleteView(d, f, ui.Confirm{
		Title: "Delete your account?", Action: "/me/delete", Cancel: "/me", Button: "Delete account", Danger: true}, "/me/data", true)), nil
}

// deleteView says what a deletion stops; own asks for the password.
func deleteView(d models.Deletion, f *Form, c ui.Confirm, data string, own bool) account.DeleteView {
	c.Text = "This is final. The keys below stop working with their next request and the subscriptions end. Name, e-mail address and messages are erased; usage and statements are kept for the owners' billing, under an id alone."
	if c.Problem = f.Message(); d.Obstacle != "" {
		c.Problem = d.Obstacle
	}
	return account.DeleteView{Confirm: c, Keys: d.Keys, Subscriptions: count(d.Subscriptions, "subscription"), DataHref: data, Own: own, CurrentError: f.Error("current")}
}

// Delete deletes the reader's account, whose password is proved.
func (m *Me) Delete(r *Request) (Reply, error) {
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
	if f.OK() {
		err = m.Store.DeleteAccount(r.Context(), r.Actor(), r.Account.ID, r.Now)
		if err == nil {
			r.Session.SignOut()
			return See("/"), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	page, err := m.deletePage(r, f)
	return refused(page), err
}

// Data is what is kept of an account, as a file.
func (a *Admin) Data(r *Request) (Reply, error) {
	person, err := a.account(r)
	if err != nil {
		return Reply{}, err
	}
	return accountFile(r, a.Store, person.ID)
}

// DeleteForm asks before an account is deleted.
func (a *Admin) DeleteForm(r *Request) (Reply, error) {
	person, err := a.account(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := a.deletePage(r, person, NewForm())
	return Page(page), err
}

func (a *Admin) deletePage(r *Request, person models.Account, f *Form) (templ.Component, error) {
	d, err := a.Store.Deletion(r.Context(), r.Actor(), person.ID)
	if err != nil {
		return nil, err
	}
	path := accountPath(person)
	return account.Delete(r.layout("Delete account", ui.Crumb{Label: "Accounts", Href: "/admin/accounts"}, ui.Crumb{Label: person.Name, Href: path}, ui.Crumb{}), deleteView(d, f, ui.Confirm{
		Title: "Delete the account of " + person.Name + "?", Action: path + "/delete", Cancel: path, Button: "Delete account", Danger: true, Typed: person.Email}, path+"/data", false)), nil
}

// Delete deletes an account, whose address was typed.
func (a *Admin) Delete(r *Request) (Reply, error) {
	person, err := a.account(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	switch {
	case person.ID == r.Account.ID:
		err = models.Denied("Delete your own account on your own page.")
	case f.Trimmed("confirm") != person.Email:
		err = models.Conflict("Type the e-mail address of the account to confirm.")
	default:
		err = a.Store.DeleteAccount(r.Context(), r.Actor(), person.ID, r.Now)
	}
	if f.Accept(err) {
		page, err := a.deletePage(r, person, f)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done("/admin/accounts", "The account is deleted."), nil
}
