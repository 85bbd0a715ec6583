package handlers

import (
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

func ownerChangelogPath(api models.APIID) string { return ownerAPIPath(api) + "/changes" }

// Changelog is an API's changelog, with what is proposed of it.
func (o *OwnerChanges) Changelog(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	proposed, err := o.Store.ChangelogProposals(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	published, err := o.Store.Changelog(r.Context(), api.ID)
	if err != nil {
		return Reply{}, err
	}
	v := owner.ChangelogView{API: api.Name, Href: ownerChangelogPath(api.ID), PublicHref: changelogPath(api.Slug)}
	rows := func(entries []models.ChangelogEntry) (out []owner.ChangelogRow) {
		for _, e := range entries {
			out = append(out, owner.ChangelogRow{Title: e.Title, Href: v.Href + "/" + e.ID.String(), Day: e.Day, Breaking: e.Breaking})
		}
		return out
	}
	v.Proposed, v.Published = rows(proposed), rows(published)
	return Page(owner.Changelog(r.layout("Changelog", apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{}), v)), nil
}

func entryForm(e models.ChangelogEntry) *Form {
	f := NewForm("title", e.Title, "day", e.Day.Format(time.DateOnly), "body", e.Body)
	if e.Breaking {
		f.Set("breaking", "on")
	}
	return f
}

// NewEntry is the editor of an entry to be.
func (o *OwnerChanges) NewEntry(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	return Page(entryPage(r, api, models.ChangelogEntry{}, entryForm(models.ChangelogEntry{Day: r.Now}))), nil
}

func entryPage(r *Request, api models.API, e models.ChangelogEntry, f *Form) templ.Component {
	v := owner.EntryView{API: api.Name, List: ownerChangelogPath(api.ID), New: e.ID == 0, Proposed: e.Proposed}
	title := "New entry"
	if v.Action = v.List; !v.New {
		v.Action = v.List + "/" + e.ID.String()
		v.Delete, title = v.Action+"/delete", e.Title
	}
	return owner.Entry(r.layout(title, apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{Label: "Changelog", Href: v.List}, ui.Crumb{}), v, f)
}

func (o *OwnerChanges) entry(r *Request) (api models.API, e models.ChangelogEntry, err error) {
	if api, err = o.api(r); err != nil {
		return api, e, err
	}
	id, err := param[models.ChangelogEntry](r, "entry")
	if err != nil {
		return api, e, err
	}
	e, err = o.Store.ChangelogEntry(r.Context(), r.Account.ID, api.ID, id)
	return api, e, err
}

// Entry is the editor of an entry.
func (o *OwnerChanges) Entry(r *Request) (Reply, error) {
	api, e, err := o.entry(r)
	if err != nil {
		return Reply{}, err
	}
	return Page(entryPage(r, api, e, entryForm(e))), nil
}

// AddEntry publishes a new entry.
func (o *OwnerChanges) AddEntry(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	return o.saveEntry(r, api, models.ChangelogEntry{APIID: api.ID})
}

// SaveEntry publishes an entry that there is, or was proposed.
func (o *OwnerChanges) SaveEntry(r *Request) (Reply, error) {
	api, e, err := o.entry(r)
	if err != nil {
		return Reply{}, err
	}
	return o.saveEntry(r, api, e)
}

func (o *OwnerChanges) saveEntry(r *Request, api models.API, e models.ChangelogEntry) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	next := e
	next.Proposed, next.Title, next.Body, next.Breaking, next.Day = false, f.Get("title"), f.Get("body"), f.Checked("breaking"), day(f, "day")
	if f.OK() {
		if _, err = o.Store.SaveChangelogEntry(r.Context(), r.Actor(), next, r.Now); err == nil {
			return r.Done(ownerChangelogPath(api.ID), "Published: who sees the API sees it."), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	return Again(entryPage(r, api, e, f)), nil
}

// DeleteEntry forgets an entry.
func (o *OwnerChanges) DeleteEntry(r *Request) (Reply, error) {
	api, e, err := o.entry(r)
	if err != nil {
		return Reply{}, err
	}
	done := "Deleted."
	if e.Proposed {
		done = "Dismissed: nobody is told."
	}
	return ownerDone(r, o.Store.DeleteChangelogEntry(r.Context(), r.Actor(), api.ID, e.ID, r.Now), ownerChangelogPath(api.ID), ownerChangelogPath(api.ID), done)
}
