package handlers

import (
	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/admin"
	"gatehouse/templates/ui"
)

// Invitations lists the links that were made, and makes new ones.
func (a *Admin) Invitations(r *Request) (Reply, error) {
	page, err := a.invitationsPage(r, NewForm("role", models.RoleDeveloper.String()), nil)
	return Page(page), err
}

func (a *Admin) invitationsPage(r *Request, f *Form, made *admin.LinkView) (templ.Component, error) {
	p := r.Page()
	list, err := a.Store.Links(r.Context(), p)
	if err != nil {
		return nil, err
	}
	v := admin.InvitationsView{
		Email: f.Get("email"), EmailError: f.Error("email"), Role: f.Get("role"), RoleError: f.Error("role"), Problem: f.Message(), Made: made,
		Query: p.Search, Pages: listPages(r, p, list.Next), Now: r.Now,
	}
	for _, link := range list.Items {
		v.Rows = append(v.Rows, linkRow(r, link))
	}
	return admin.Invitations(r.layout("Invitations", ui.Crumb{}), v), nil
}

func linkRow(r *Request, link models.Link) admin.LinkRow {
	row := admin.LinkRow{Email: link.Email, What: "New password", Created: link.CreatedAt, Expires: link.ExpiresAt, State: "Open", Kind: ui.OK}
	if link.Kind == models.LinkInvite {
		row.What = "Invitation: " + roleName(link.Role)
	}
	switch {
	case !link.UsedAt.IsZero():
		row.State, row.Kind, row.Used = "Used", ui.Plain, link.UsedAt
	case !r.Now.Before(link.ExpiresAt):
		row.State, row.Kind = "Expired", ui.Plain
	}
	return row
}

// Invite makes an invitation and shows its link, as ResetLink does.
func (a *Admin) Invite(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	role, err := models.ParseRole(f.Get("role"))
	f.Accept(err)
	_, err = models.CleanEmail(f.Get("email"))
	f.Accept(err)
	if !f.OK() {
		page, err := a.invitationsPage(r, f, nil)
		return Again(page), err
	}
	token, link, err := a.Store.CreateLink(r.Context(), r.Actor(), models.NewLink{Kind: models.LinkInvite, Email: f.Get("email"), Role: role}, r.Now)
	if f.Accept(err) {
		page, err := a.invitationsPage(r, f, nil)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	page, err := a.invitationsPage(r, NewForm("role", f.Get("role")), linkView(r, "/invite/", token, link))
	return Page(page), err
}

// Settings shows the installation's settings.
func (a *Admin) Settings(r *Request) (Reply, error) {
	settings, err := a.Store.Settings(r.Context())
	if err != nil {
		return Reply{}, err
	}
	return Page(settingsPage(r, NewForm("sign_up", string(settings.SignUp)))), nil
}

func settingsPage(r *Request, f *Form) templ.Component {
	return admin.Settings(r.layout("Settings", ui.Crumb{}), admin.SettingsView{
		SignUp: f.Get("sign_up"), SignUpError: f.Error("sign_up"), PublicURL: r.Site.PublicURL, GatewayURL: r.Site.GatewayURL,
	})
}

// SaveSettings changes them.
func (a *Admin) SaveSettings(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	err = a.Store.SaveSettings(r.Context(), r.Actor(), models.Settings{SignUp: models.SignUp(f.Get("sign_up"))}, r.Now)
	if f.Accept(err) {
		return Again(settingsPage(r, f)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done("/admin/settings", "Saved. It holds from now on."), nil
}
