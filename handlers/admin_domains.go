package handlers

import (
	"context"
	"time"

	"gatehouse/models"
	"gatehouse/templates/admin"
	"gatehouse/templates/ui"
)

// AdminDomainStore is what the administrators' page of domains needs of the store.
type AdminDomainStore interface {
	AllDomains(ctx context.Context, p models.Page) (models.List[models.DomainRow], error)
	DomainRow(ctx context.Context, id models.DomainID) (models.DomainRow, error)
	ApproveDomain(ctx context.Context, actor models.Actor, id models.DomainID, now time.Time) error
	RefuseDomain(ctx context.Context, actor models.Actor, id models.DomainID, now time.Time) error
}

// AdminDomains is where administrators see everybody's custom domains.
type AdminDomains struct{ Store AdminDomainStore }

const adminDomainsPath = "/admin/domains"

func adminDomainsCrumb() ui.Crumb { return ui.Crumb{Label: "Domains", Href: adminDomainsPath} }

// List lists them, newest first.
func (a *AdminDomains) List(r *Request) (Reply, error) {
	p := r.Page()
	list, err := a.Store.AllDomains(r.Context(), p)
	if err != nil {
		return Reply{}, err
	}
	v := admin.DomainsView{Pages: listPages(r, p, list.Next), Now: r.Now}
	for _, d := range list.Items {
		v.Rows = append(v.Rows, admin.DomainRow{Host: d.Host + d.BasePath, Leads: leadsTo(d), Owner: d.Owner, Href: adminDomainsPath + "/" + d.ID.String(),
			State: domainBadge(d.Domain), Words: domainWords(d.Domain), Waiting: !d.Active(), Added: d.CreatedAt})
	}
	return Page(admin.Domains(r.layout("Domains", ui.Crumb{}), v)), nil
}

func leadsTo(d models.DomainRow) string { return d.API + " · " + d.Stage }

func (a *AdminDomains) domain(r *Request) (models.DomainRow, error) {
	id, err := param[models.Domain](r, "domain")
	if err != nil {
		return models.DomainRow{}, err
	}
	return a.Store.DomainRow(r.Context(), id)
}

// ApproveForm asks first: nothing but the administrator's word stands behind what follows.
func (a *AdminDomains) ApproveForm(r *Request) (Reply, error) {
	d, err := a.domain(r)
	if err != nil {
		return Reply{}, err
	}
	c := ui.Confirm{Title: "Let " + d.Host + " in?", Action: adminDomainsPath + "/" + d.ID.String() + "/approve", Button: "Let it in", Cancel: adminDomainsPath,
		Text: d.Owner + " says that it is theirs, and DNS does not prove it. It will lead to " + leadsTo(d) + " from the next request on, and nobody else can take it by a proof."}
	return Page(admin.Confirm(r.layout("Let a domain in", adminDomainsCrumb(), ui.Crumb{}), c)), nil
}

// Approve lets a domain in.
func (a *AdminDomains) Approve(r *Request) (Reply, error) {
	d, err := a.domain(r)
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, a.Store.ApproveDomain(r.Context(), r.Actor(), d.ID, r.Now), adminDomainsPath, adminDomainsPath, d.Host+" leads to "+leadsTo(d)+" now.")
}

// RemoveForm asks first.
func (a *AdminDomains) RemoveForm(r *Request) (Reply, error) {
	d, err := a.domain(r)
	if err != nil {
		return Reply{}, err
	}
	c := ui.Confirm{Title: "Remove " + d.Host + "?", Action: adminDomainsPath + "/" + d.ID.String() + "/remove", Button: "Remove domain", Danger: true, Cancel: adminDomainsPath,
		Text: "It stops leading to " + leadsTo(d) + " of " + d.Owner + " at once. The owner can ask for it again."}
	return Page(admin.Confirm(r.layout("Remove domain", adminDomainsCrumb(), ui.Crumb{}), c)), nil
}

// Remove takes a domain from whoever has it.
func (a *AdminDomains) Remove(r *Request) (Reply, error) {
	d, err := a.domain(r)
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, a.Store.RefuseDomain(r.Context(), r.Actor(), d.ID, r.Now), adminDomainsPath, adminDomainsPath, d.Host+" is removed.")
}
