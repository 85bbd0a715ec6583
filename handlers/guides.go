package handlers

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// GuideStore is what the pages of guides need of the store. Viewer 0 is a visitor.
type GuideStore interface {
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	PublishedGuides(ctx context.Context, api models.APIID) ([]models.Guide, error)
	PublishedGuide(ctx context.Context, api models.APIID, slug string) (models.Guide, error)
}

// Guides is the texts about APIs, for whoever may see the API.
type Guides struct {
	Store GuideStore
	Text  *GuideText
}

func guidesPath(api string) string { return apiPath(api) + "/guides" }

func guidePath(api, guide string) string { return guidesPath(api) + "/" + url.PathEscape(guide) }

func guideLinks(api string, guides []models.Guide, current models.GuideID) []public.GuideLink {
	links := make([]public.GuideLink, len(guides))
	for i, g := range guides {
		links[i] = public.GuideLink{Title: g.Title, Href: guidePath(api, g.Slug), Current: g.ID == current}
	}
	return links
}

// read finds the API that the reader may see, and its published guides.
func (g *Guides) read(r *Request) (models.CatalogAPI, []models.Guide, error) {
	api, err := g.Store.CatalogAPI(r.Context(), r.Account.ID, r.Param("slug"))
	if err != nil {
		return api, nil, err
	}
	guides, err := g.Store.PublishedGuides(r.Context(), api.ID)
	return api, guides, err
}

// List shows the guides of an API.
func (g *Guides) List(r *Request) (Reply, error) {
	api, guides, err := g.read(r)
	if err != nil {
		return Reply{}, err
	}
	v := public.GuidesView{API: api.Name, Guides: guideLinks(api.Slug, guides, 0), DocHref: docsPath(api.Slug)}
	if api.OwnerID == r.Account.ID {
		v.NewHref = ownerGuidesPath(api.ID) + "/new"
	}
	page := r.public("Guides to "+api.Name, ui.Crumb{Label: "APIs", Href: "/apis"}, ui.Crumb{Label: api.Name, Href: apiPath(api.Slug)}, ui.Crumb{Label: "Guides"})
	page.Description, page.NoIndex = "How to work with "+api.Name+".", len(guides) == 0
	return Page(public.Guides(page, v)), nil
}

// Show is one guide; with .md behind its address, its Markdown.
func (g *Guides) Show(r *Request) (Reply, error) {
	api, guides, err := g.read(r)
	if err != nil {
		return Reply{}, err
	}
	slug, markdown := strings.CutSuffix(r.Param("guide"), ".md")
	guide, err := g.Store.PublishedGuide(r.Context(), api.ID, slug)
	if err != nil {
		return Reply{}, err
	}
	if markdown {
		return Markdowned("# " + guide.Title + "\n\n" + guide.Text + "\n"), nil
	}
	text := g.Text.render(guide.Text)
	path := guidePath(api.Slug, guide.Slug)
	v := public.GuideView{API: api.Name, APIHref: apiPath(api.Slug), Title: guide.Title, Text: text.html, Contents: text.contents, Guides: guideLinks(api.Slug, guides, guide.ID),
		Edited: guide.EditedAt, Now: r.Now, MarkdownHref: path + ".md"}
	if i := slices.IndexFunc(guides, func(other models.Guide) bool { return other.ID == guide.ID }); i >= 0 && i+1 < len(guides) {
		v.Next = &public.GuideLink{Title: guides[i+1].Title, Href: guidePath(api.Slug, guides[i+1].Slug)}
	}
	if api.OwnerID == r.Account.ID {
		v.EditHref = ownerGuidesPath(api.ID) + "/" + guide.ID.String()
	}
	page := r.public(guide.Title+" · "+api.Name, ui.Crumb{Label: "APIs", Href: "/apis"}, ui.Crumb{Label: api.Name, Href: apiPath(api.Slug)}, ui.Crumb{Label: "Guides", Href: guidesPath(api.Slug)}, ui.Crumb{Label: guide.Title})
	page.Description = "A guide to " + api.Name + "."
	return Page(public.Guide(page, v)), nil
}
