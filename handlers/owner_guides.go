package handlers

import (
	"context"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerGuideStore is what the pages where guides are written need of the store.
type OwnerGuideStore interface {
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	Guides(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Guide, error)
	Guide(ctx context.Context, owner models.AccountID, api models.APIID, id models.GuideID) (models.Guide, error)
	CreateGuide(ctx context.Context, actor models.Actor, api models.APIID, in models.Guide, now time.Time) (models.Guide, error)
	SaveGuide(ctx context.Context, actor models.Actor, api models.APIID, id models.GuideID, in models.Guide, now time.Time) error
	MoveGuide(ctx context.Context, actor models.Actor, api models.APIID, id models.GuideID, up bool, now time.Time) error
	DeleteGuide(ctx context.Context, actor models.Actor, api models.APIID, id models.GuideID, now time.Time) error
}

// OwnerGuides is where owners write texts about their APIs.
type OwnerGuides struct {
	Store OwnerGuideStore
	Text  *GuideText
}

func ownerGuidesPath(api models.APIID) string { return ownerAPIPath(api) + "/guides" }

func (o *OwnerGuides) api(r *Request) (models.API, error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return models.API{}, err
	}
	return o.Store.API(r.Context(), r.Account.ID, id)
}

func (o *OwnerGuides) guide(r *Request) (models.API, models.Guide, error) {
	api, err := o.api(r)
	if err != nil {
		return api, models.Guide{}, err
	}
	id, err := param[models.Guide](r, "guide")
	if err != nil {
		return api, models.Guide{}, err
	}
	guide, err := o.Store.Guide(r.Context(), r.Account.ID, api.ID, id)
	return api, guide, err
}

// List shows an API's guides in their order.
func (o *OwnerGuides) List(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	guides, err := o.Store.Guides(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	v := owner.GuidesView{API: api.Name, NewHref: ownerGuidesPath(api.ID) + "/new", Now: r.Now}
	for i, g := range guides {
		row := owner.GuideRow{Title: g.Title, Href: ownerGuidesPath(api.ID) + "/" + g.ID.String(), Published: g.Published, Edited: g.EditedAt, By: g.EditedBy, First: i == 0, Last: i == len(guides)-1}
		if g.Published {
			row.PublicHref = guidePath(api.Slug, g.Slug)
		}
		v.Guides = append(v.Guides, row)
	}
	return Page(owner.Guides(r.layout("Guides", apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{}), v)), nil
}

func guideForm(g models.Guide) *Form {
	f := NewForm("title", g.Title, "slug", g.Slug, "text", g.Text, "version", strconv.Itoa(g.Version))
	if g.Published {
		f.Set("published", "on")
	}
	return f
}

// readGuide takes the form.
func readGuide(f *Form) models.Guide {
	version, _ := strconv.Atoi(f.Get("version")) // what is no number is a version that is over
	return models.Guide{Title: f.Get("title"), Slug: f.Trimmed("slug"), Text: f.Get("text"), Published: f.Checked("published"), Version: version}
}

// editor draws the form for a new guide, whose id is zero, or for one that exists.
func (o *OwnerGuides) editor(r *Request, api models.API, id models.GuideID, f *Form, preview bool) templ.Component {
	path := ownerGuidesPath(api.ID)
	v := owner.GuideEditor{Title: f.Get("title"), Slug: f.Get("slug"), Text: f.Get("text"), Published: f.Checked("published"), Version: f.Get("version"), Errors: f.Errors(), Problem: f.Message(),
		Action: path, PreviewAction: path + "/preview", Prefix: guidesPath(api.Slug) + "/", Cancel: path, MaxText: models.MaxGuideSize}
	title := "New guide"
	if id != 0 {
		title = "Edit guide"
		v.Action, v.ID, v.DeleteHref = path+"/"+id.String(), id.String(), path+"/"+id.String()+"/delete"
	}
	text := o.Text.render(f.Get("text"))
	v.Images = text.images
	if preview {
		v.Preview, v.Shown = true, text.html
	}
	return owner.EditGuide(r.layout(title, apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{Label: "Guides", Href: path}, ui.Crumb{}), v)
}

// New is the form for a guide.
func (o *OwnerGuides) New(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	return Page(o.editor(r, api, 0, NewForm(), false)), nil
}

// Create makes a guide.
func (o *OwnerGuides) Create(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	guide, err := o.Store.CreateGuide(r.Context(), r.Actor(), api.ID, readGuide(f), r.Now)
	if f.Accept(err) {
		return Again(o.editor(r, api, 0, f, false)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerGuidesPath(api.ID), savedGuide(guide)), nil
}

func savedGuide(g models.Guide) string {
	if g.Published {
		return "Saved. Whoever sees the API can read it."
	}
	return "Saved as a draft: only you see it until it is published."
}

// Edit is the form for a guide that exists.
func (o *OwnerGuides) Edit(r *Request) (Reply, error) {
	api, guide, err := o.guide(r)
	if err != nil {
		return Reply{}, err
	}
	return Page(o.editor(r, api, guide.ID, guideForm(guide), false)), nil
}

// Save changes a guide.
func (o *OwnerGuides) Save(r *Request) (Reply, error) {
	api, guide, err := o.guide(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := readGuide(f)
	err = o.Store.SaveGuide(r.Context(), r.Actor(), api.ID, guide.ID, in, r.Now)
	if models.KindOf(err) == models.KindConflict && in.Version != guide.Version {
		f.Set("version", strconv.Itoa(guide.Version))
	}
	if f.Accept(err) {
		return Again(o.editor(r, api, guide.ID, f, false)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerGuidesPath(api.ID), savedGuide(in)), nil
}

// Preview shows how what was typed would look; nothing is saved.
func (o *OwnerGuides) Preview(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	id, _ := models.ParseID[models.Guide](f.Get("id")) // none: a new one
	return Page(o.editor(r, api, id, f, true)), nil
}

// Move moves a guide one place up or down.
func (o *OwnerGuides) Move(r *Request) (Reply, error) {
	api, guide, err := o.guide(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	if err := o.Store.MoveGuide(r.Context(), r.Actor(), api.ID, guide.ID, f.Get("to") == "up", r.Now); err != nil {
		return Reply{}, err
	}
	return See(ownerGuidesPath(api.ID)), nil
}

// DeleteForm asks before a guide goes.
func (o *OwnerGuides) DeleteForm(r *Request) (Reply, error) {
	api, guide, err := o.guide(r)
	if err != nil {
		return Reply{}, err
	}
	path := ownerGuidesPath(api.ID)
	return Page(owner.Confirm(r.layout("Delete", apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{Label: "Guides", Href: path}, ui.Crumb{}),
		ui.Confirm{Title: "Delete " + guide.Title + "?", Text: "Links to it lead nowhere then, and its text is kept nowhere.", Action: path + "/" + guide.ID.String() + "/delete", Button: "Delete guide", Danger: true, Cancel: path})), nil
}

// Delete deletes a guide.
func (o *OwnerGuides) Delete(r *Request) (Reply, error) {
	api, guide, err := o.guide(r)
	if err != nil {
		return Reply{}, err
	}
	if err := o.Store.DeleteGuide(r.Context(), r.Actor(), api.ID, guide.ID, r.Now); err != nil {
		return Reply{}, err
	}
	return r.Done(ownerGuidesPath(api.ID), guide.Title+" is deleted."), nil
}
