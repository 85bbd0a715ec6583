package handlers

import (
	"context"

	"gatehouse/models"
	"gatehouse/templates/public"
)

// PublicStore is what the first page needs of the store.
type PublicStore interface {
	CatalogAPIs(ctx context.Context, viewer models.AccountID, p models.Page) (models.List[models.CatalogEntry], error)
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	Reading(ctx context.Context, id models.DocumentID) ([]byte, error)
	CatalogAuthorizers(ctx context.Context, api models.APIID) ([]models.Authorizer, error)
}

// Public is the first page, for everybody.
type Public struct {
	Store    PublicStore
	Markdown *Markdown

	references references
}

// featured is how many APIs the first page shows.
const featured = 3

// Landing says what is offered and how a call looks.
func (p *Public) Landing(r *Request) (Reply, error) {
	list, err := p.Store.CatalogAPIs(r.Context(), r.Account.ID, models.Page{Limit: featured})
	if err != nil {
		return Reply{}, err
	}
	v := public.LandingView{Featured: apiCards(list.Items), Publish: r.Account.Role >= models.RoleOwner, Visitor: r.Account.ID == 0}
	if r.Account.ID != 0 {
		v.HomeHref = "/home"
	}
	if len(list.Items) > 0 {
		if v.Call, err = p.call(r, list.Items[0].Slug); err != nil {
			return Reply{}, err
		}
	}
	look := r.Site.Brand.Look(r.Context())
	v.Headline, v.Intro = landingHeadline(look), p.Markdown.HTML(landingIntro(look), 1)
	page := r.public("APIs you can call in a minute")
	if look.Headline != "" {
		page.Title = look.Headline
	}
	page.Description = "Browse APIs, compare plans side by side, and get a key."
	return Page(public.Landing(page, v)), nil
}

// What the first page says until somebody says otherwise.
const (
	defaultHeadline = "Pick an API, get a key, send the first call in a minute"
	defaultIntro    = "Plans stand side by side with every limit in plain words. The key works at once, and so does the code beside it."
)

func landingHeadline(look models.Look) string {
	if look.Headline == "" {
		return defaultHeadline
	}
	return look.Headline
}

func landingIntro(look models.Look) string {
	if look.Headline == "" && look.Intro == "" {
		return defaultIntro
	}
	return look.Intro
}

// call is the first call of an API; none if the API went since it was listed.
func (p *Public) call(r *Request, slug string) (*public.CallView, error) {
	api, err := p.Store.CatalogAPI(r.Context(), r.Account.ID, slug)
	if models.KindOf(err) == models.KindNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(api.Stages) == 0 {
		return nil, nil
	}
	ref, err := p.references.of(r.Context(), p.Store, api.Stages[0].Document)
	if err != nil {
		return nil, err
	}
	return firstCall(r, api, ref, p.Store, "hero")
}
