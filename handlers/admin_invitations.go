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
		Query: p.Search, Pages: listPages(r, p, list.Next), Mails: r.Site.mails(), Now: r.Now,
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
	byMail := r.Site.mails() && f.Get("by") == string(models.ByMail)
	token, link, err := a.Store.CreateLink(r.Context(), r.Actor(), models.NewLink{Kind: models.LinkInvite, Email: f.Get("email"), Role: role, Mail: byMail}, r.Now)
	if f.Accept(err) {
		page, err := a.invitationsPage(r, f, nil)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	if byMail {
		return r.Done("/admin/invitations", "An invitation is on its way to "+link.Email+"."), nil
	}
	page, err := a.invitationsPage(r, NewForm("role", f.Get("role")), linkView(r, "/invite/", token, link))
	return Page(page), err
}
