package handlers

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerAPIStore is what the pages of APIs need of the store.
type OwnerAPIStore interface {
	APIs(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.APIRow], error)
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	CreateAPI(ctx context.Context, actor models.Actor, in models.NewAPI, now time.Time) (models.API, error)
	UpdateAPI(ctx context.Context, actor models.Actor, id models.APIID, in models.APISettings, now time.Time) error
	DeleteAPI(ctx context.Context, actor models.Actor, id models.APIID, now time.Time) error
	APIPlans(ctx context.Context, owner models.AccountID, id models.APIID) ([]models.PlanUse, error)
	DocumentWaits(ctx context.Context, api models.APIID) (bool, error)
	Methods(ctx context.Context, owner models.AccountID, id models.APIID) ([]models.Method, error)
	AddMethod(ctx context.Context, actor models.Actor, api models.APIID, m models.Method, now time.Time) (models.Method, error)
	RemoveMethod(ctx context.Context, actor models.Actor, api models.APIID, id models.MethodID, now time.Time) error
	SetKeyRequired(ctx context.Context, actor models.Actor, api models.APIID, ids []models.MethodID, required bool, now time.Time) error
	Authorizers(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Authorizer, error)
	Stages(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Stage, error)
	CreateStage(ctx context.Context, actor models.Actor, api models.APIID, s models.Stage, now time.Time) (models.Stage, error)
	Deploy(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, note string, now time.Time) (models.Deployment, error)
	Deployments(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Deployment, error)
}

// AddressChecker says whether the gateway may send requests to an address. Its error is a sentence for the owner, also of what the operator can do.
type AddressChecker interface {
	CheckUpstream(ctx context.Context, url string) error
}

// OwnerAPIs are the pages of APIs.
type OwnerAPIs struct {
	Store     OwnerAPIStore
	Reader    DocumentReader
	Addresses AddressChecker
	States    StageStates // nil: no gateway runs here
}

func apisCrumb() ui.Crumb { return ui.Crumb{Label: "APIs", Href: "/owner/apis"} }

// List is the list of APIs.
func (o *OwnerAPIs) List(r *Request) (Reply, error) {
	p := r.Page()
	list, err := o.Store.APIs(r.Context(), r.Account.ID, p)
	if err != nil {
		return Reply{}, err
	}
	v := owner.APIsView{Query: p.Search, Pages: listPages(r, p, list.Next)}
	for _, row := range list.Items {
		one := owner.APIRow{Name: row.Name, Slug: row.Slug, Href: ownerAPIPath(row.ID), Summary: row.Summary, Methods: row.Methods, Plans: row.Plans, Undeployed: row.Undeployed,
			PlansHref: ownerAPIPath(row.ID) + "#plans", MethodsHref: ownerAPIPath(row.ID) + "#methods", UsageHref: "/owner/usage?api=" + row.ID.String()}
		for _, s := range row.Stages {
			one.Stages = append(one.Stages, owner.StageChip{Name: s.Name, Href: ownerStagePath(row.ID, s.ID), Deployed: s.Deployment != 0, Off: s.Settings.Maintenance != nil})
		}
		v.Rows = append(v.Rows, one)
	}
	return Page(owner.APIs(r.layout("APIs", ui.Crumb{}), v)), nil
}

func (o *OwnerAPIs) api(r *Request) (models.API, error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return models.API{}, err
	}
	return o.Store.API(r.Context(), r.Account.ID, id)
}

// DeleteForm names what would lose the API.
func (o *OwnerAPIs) DeleteForm(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.deletePage(r, api, "")
	return Page(page), err
}

func (o *OwnerAPIs) deletePage(r *Request, api models.API, problem string) (templ.Component, error) {
	plans, err := o.Store.APIPlans(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return nil, err
	}
	c := ui.Confirm{Title: "Delete " + api.Name + "?", Action: ownerAPIPath(api.ID) + "/delete", Button: "Delete API", Danger: true, Cancel: ownerAPIPath(api.ID), Problem: problem,
		Text: "Its stages stop answering at once: callers get 404. Methods, deployments and the document are gone for good; usage that was counted stays."}
	if subscribers(plans) > 0 {
		c.Typed = api.Slug
	}
	return owner.ConfirmUses(r.layout("Delete "+api.Name, apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{}), c, planUses(plans)), nil
}

func subscribers(plans []models.PlanUse) (n int) {
	for _, p := range plans {
		n += p.Subscribers + p.Keys
	}
	return n
}

func planUses(plans []models.PlanUse) []owner.PlanUse {
	var out []owner.PlanUse
	for _, p := range plans { // those of one plan stand together
		if href := ownerPlanPath(p.PlanID); len(out) == 0 || out[len(out)-1].Href != href {
			out = append(out, owner.PlanUse{Plan: p.PlanName, Href: href, Who: count(p.Subscribers, "subscriber") + ", " + count(p.Keys, "key")})
		}
		last := &out[len(out)-1]
		last.Stages = append(last.Stages, p.StageName)
	}
	return out
}

// Delete deletes the API and takes its stages out of plans.
func (o *OwnerAPIs) Delete(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	plans, err := o.Store.APIPlans(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	if subscribers(plans) > 0 && f.Trimmed("confirm") != api.Slug {
		page, err := o.deletePage(r, api, "Type "+api.Slug+" to confirm: people use this API.")
		return Again(page), err
	}
	return ownerDone(r, o.Store.DeleteAPI(r.Context(), r.Actor(), api.ID, r.Now), ownerAPIPath(api.ID), "/owner/apis", api.Name+" is deleted.")
}
