package handlers

import (
	"context"
	"net/url"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// CatalogStore is what the catalog's pages need of the store. Viewer 0 is a visitor.
type CatalogStore interface {
	operationStore
	SearchCatalog(ctx context.Context, viewer models.AccountID) ([]models.CatalogHit, error)
	CatalogAPIs(ctx context.Context, viewer models.AccountID, p models.Page) (models.List[models.CatalogEntry], error)
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	AskablePlans(ctx context.Context, viewer models.AccountID, api models.APIID) ([]models.AskablePlan, error)
	Reading(ctx context.Context, id models.DocumentID) ([]byte, error)
	Deprecations(ctx context.Context, api models.APIID) ([]models.Deprecation, error)
	CatalogAuthorizers(ctx context.Context, api models.APIID) ([]models.Authorizer, error)
	PublishedGuides(ctx context.Context, api models.APIID) ([]models.Guide, error)
	Apps(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.AppRow], error)
	AccountKeys(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.KeyRow], error)
	StageKeys(ctx context.Context, account models.AccountID, stage models.StageID, method models.MethodID) ([]models.StageKey, error)
}

// Catalog is the public pages about APIs: the list, an API with its plans, its reference.
type Catalog struct {
	Store    CatalogStore
	Markdown *Markdown
	Limits   LimitsOf // nil: what is left is not shown
	Caller   Caller

	Operations *Operations // of what is deployed, to be searched
	Rehearsals *Rehearsals // what plans would have done to the reader's own calls

	references references
	written    written
}

func apiPath(slug string) string { return "/apis/" + url.PathEscape(slug) }

// operationsShown is how many operations an API's page lists before it leads to the reference.
const operationsShown = 8

// Show is an API's page: what it does, its plans side by side, and how to begin. With .md behind its name it is Markdown.
func (c *Catalog) Show(r *Request) (Reply, error) {
	slug, asText := strings.CutSuffix(r.Param("slug"), ".md")
	api, err := c.Store.CatalogAPI(r.Context(), r.Account.ID, slug)
	if err != nil {
		return Reply{}, err
	}
	if asText {
		return Markdowned(c.text(r, api)), nil
	}
	yours, err := c.subscriptions(r)
	if err != nil {
		return Reply{}, err
	}
	var document models.DocumentID
	if len(api.Stages) > 0 {
		document = api.Stages[0].Document
	}
	doc, err := c.references.of(r.Context(), c.Store, document)
	if err != nil {
		return Reply{}, err
	}
	call, err := firstCall(r, api, doc, c.Store, "call")
	if err != nil {
		return Reply{}, err
	}
	v := public.APIView{
		Name: api.Name, Summary: api.Summary, Tags: tagLinks(api.Tags), Owner: api.OwnerName, KeyWords: keyWords(api.KeySource),
		Call: call, Plans: planViews(r, api, yours), Compare: comparePlans(api.Plans, r.Here()), PlansHref: apiPath(api.Slug) + "/plans",
		Described: api.HasDocument, Now: r.Now, Markdown: markdownPath(r),
	}
	for _, s := range api.Stages {
		stage := public.StageView{ID: "stage-" + s.ID.String(), Name: s.Name, URL: r.Site.stageURL(api.Slug, s.Name, s.ID), Methods: len(s.Methods), DeployedAt: s.DeployedAt}
		if m := s.Maintenance; m != nil {
			stage.Off, stage.Message = true, m.Message
			if m.Until.After(r.Now) {
				stage.Until = m.Until
			}
		}
		v.Stages = append(v.Stages, stage)
	}
	guides, err := c.Store.PublishedGuides(r.Context(), api.ID)
	if err != nil {
		return Reply{}, err
	}
	if len(guides) > 0 {
		v.GuidesHref = guidesPath(api.Slug)
	}
	if len(api.Stages) > 0 {
		v.DocsHref, v.ChangesHref = docsPath(api.Slug), changelogPath(api.Slug)
		methods := api.Stages[0].Methods
		going := reference{api: api, stage: api.Stages[0], now: r.Now}
		if err := going.readGoing(r.Context(), c.Store); err != nil {
			return Reply{}, err
		}
		slugs := operationSlugs(doc, methods)
		shown := min(len(methods), operationsShown)
		for _, m := range methods[:shown] {
			line := public.OperationLine{Verb: m.Verb, Path: m.Path, Summary: m.Summary, Open: !m.KeyRequired, Href: docsPath(api.Slug) + "/" + slugs[m.Name()]}
			brief, _ := doc.Brief(m.Verb, m.Path)
			if _, goes := going.going[m.Name()]; goes || brief.Deprecated {
				line.Deprecated, line.Goes = true, going.goingBadge(openapi.Operation{Verb: m.Verb, Path: m.Path})
			}
			v.Operations = append(v.Operations, line)
		}
		v.More = len(methods) - shown
	}
	askable, err := c.Store.AskablePlans(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	for _, p := range askable {
		one := public.AskablePlan{Name: p.Terms.Name, Text: limitsLine(p.Terms), Href: pathWith(apiPath(api.Slug)+"/ask", "plan", p.PlanID.String()), Action: "Ask to be let in"}
		switch p.Asked.State {
		case models.WaitingAsked:
			one.Action = "You asked; the owner decides"
		case models.WaitingDeclined:
			one.Action = "Declined: see why"
		}
		v.Askable = append(v.Askable, one)
	}
	page := r.public(api.Name, ui.Crumb{Label: "APIs", Href: "/apis"}, ui.Crumb{Label: api.Name})
	page.Description = api.Summary
	return Page(public.API(page, v)), nil
}

// subscriptions are the reader's open ones, by plan.
func (c *Catalog) subscriptions(r *Request) (map[models.PlanID][]models.SubscriptionRow, error) {
	if r.Account.ID == 0 {
		return nil, nil
	}
	apps, err := c.Store.Apps(r.Context(), r.Account.ID, models.Page{Limit: 200})
	if err != nil {
		return nil, err
	}
	yours := map[models.PlanID][]models.SubscriptionRow{}
	for _, app := range apps.Items {
		for _, s := range app.Subscriptions {
			if s.State.Open() {
				s.AppName = app.Name
				yours[s.PlanID] = append(yours[s.PlanID], s)
			}
		}
	}
	return yours, nil
}
