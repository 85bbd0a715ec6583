package handlers

import (
	"context"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
	"gatehouse/templates/usage"
)

// OwnerOverviewStore is what the owner's first page needs of the store.
type OwnerOverviewStore interface {
	OwnerUsageStore
	FailedPublications(ctx context.Context, owner models.AccountID) ([]models.FailedPublication, error)
	Undecided(ctx context.Context, owner models.AccountID) (models.Undecided, error)
	OwnerSubscriptions(ctx context.Context, owner models.AccountID, f models.SubscriptionFilter, p models.Page) (models.List[models.SubscriptionRow], error)
}

// OwnerOverview is the owner's first page.
type OwnerOverview struct {
	Store OwnerOverviewStore
	Log   models.RequestLog // nil: none is kept
}

// overviewRows is how much of each list the page shows.
const overviewRows = 6

// Show says what needs a decision, how traffic is, and what comes next.
func (o *OwnerOverview) Show(r *Request) (Reply, error) {
	ctx, id := r.Context(), r.Account.ID
	apis, err := o.Store.APIs(ctx, id, models.Page{Limit: overviewRows})
	if err != nil {
		return Reply{}, err
	}
	plans, err := o.Store.PlanTotals(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	waiting, err := o.Store.OwnerSubscriptions(ctx, id, models.SubscriptionFilter{State: models.SubscriptionPending}, models.Page{Limit: overviewRows})
	if err != nil {
		return Reply{}, err
	}
	undecided, err := o.Store.Undecided(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	v := owner.OverviewView{Now: r.Now, Steps: ownerSteps(apis.Items, plans), Asks: planAsks(undecided)}
	failed, err := o.Store.FailedPublications(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	for _, f := range failed {
		v.Failed = append(v.Failed, owner.FailedPublication{Plan: f.Name, Href: ownerPlanPath(f.PlanID), Reason: f.Reason})
	}
	for _, row := range waiting.Items {
		v.Waiting = append(v.Waiting, ownerSubscriptionRow(row))
	}
	v.MoreWaiting = waiting.Next != ""
	page := r.layout("Overview", ui.Crumb{})
	if len(v.Steps) == 0 {
		if err := o.traffic(r, plans, &v); err != nil {
			return Reply{}, err
		}
		page.Live = "/owner/usage/live?range=24h"
	}
	return Page(owner.Overview(page, v)), nil
}

func (o *OwnerOverview) traffic(r *Request, plans models.PlanTotals, v *owner.OverviewView) error {
	span, scope := parseRange(nil, r.Here()), models.UsageScope{Owner: r.Account.ID}
	points, err := o.Store.UsageSeries(r.Context(), scope, span.wanted())
	if err != nil {
		return err
	}
	_, own := span.split(points)
	total := models.Sum(own)
	log, refused := placeOfLog(o.Log, ownersLog, nil, r.Now), refusalsIn(own, span)
	v.Figures, v.Problem, v.ProblemHref = figuresOf(points, span, span.zoomLinks("/owner/usage", nil), log), refused.text, refused.href(log)
	for i := range v.Figures.Tiles {
		v.Figures.Tiles[i].Href = "/owner/usage" + v.Figures.Tiles[i].Href
	}
	busiest, err := o.Store.UsageBreakdowns(r.Context(), scope, span.UsageRange, overviewRows, models.ByPlan, models.ByMethod)
	if err != nil {
		return err
	}
	v.ByPlan = usage.Breakdown{ID: "by-plan", Title: "Busiest plans", What: "Plan", Empty: "No requests in the last 24 hours.", Rows: usageRowsOf(busiest[0], total.Total(), usageLinks{page: func(row models.UsageRow) string {
		return pathWith("/owner/usage", "plan", row.PlanID.String())
	}})}
	v.ByMethod = usage.Breakdown{ID: "by-method", Title: "Busiest methods", What: "Method", Empty: "No requests in the last 24 hours.", Rows: usageRowsOf(busiest[1], total.Total(), usageLinks{page: func(row models.UsageRow) string {
		return pathWith("/owner/usage", "method", row.MethodID.String(), "stage", row.StageID.String())
	}})}
	v.Published, v.Subscribers, v.Keys = plans.Published, plans.Subscribers, plans.Keys
	return nil
}

// ownerNextStore is what ownerNext needs of the store.
type ownerNextStore interface {
	PlanTotals(ctx context.Context, owner models.AccountID) (models.PlanTotals, error)
	APIs(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.APIRow], error)
}

// ownerNext is what an owner does next so that there are calls: the next of ownerSteps, and after them to make a key, or to hand one out.
func ownerNext(ctx context.Context, store ownerNextStore, owner models.AccountID) (ui.Step, error) {
	plans, err := store.PlanTotals(ctx, owner)
	if err != nil {
		return ui.Step{}, err
	}
	apis, err := store.APIs(ctx, owner, models.Page{Limit: overviewRows})
	if err != nil {
		return ui.Step{}, err
	}
	for _, step := range ownerSteps(apis.Items, plans) {
		if step.Current {
			step.Text = step.Title + " first."
			return step, nil
		}
	}
	if plans.Keys == 0 {
		return ui.Step{Text: "Create a key and hand it on, or let developers subscribe to your plan in the catalog.", Action: "Create a key", Href: "/owner/keys/new"}, nil
	}
	return ui.Step{Text: "Share a key with whoever is to call.", Action: "Your keys", Href: "/owner/keys"}, nil
}

// ownerSteps lead a new owner from nothing to a published plan; none are left after that.
func ownerSteps(apis []models.APIRow, plans models.PlanTotals) []ui.Step {
	var first models.APIRow
	if len(apis) > 0 {
		first = apis[len(apis)-1]
	}
	if plans.EverPublished {
		return nil
	}
	deployed := false
	for _, api := range apis {
		for _, s := range api.Stages {
			deployed = deployed || s.Deployment != 0
		}
	}
	steps := []ui.Step{
		{Title: "Create an API", Text: "From an OpenAPI document, or by hand.", Href: "/owner/apis/new", Action: "Create an API", Done: len(apis) > 0},
		{Title: "Deploy the API to a stage", Text: "A stage is an address at the gateway with your service behind it.", Href: "/owner/apis", Action: "To the API", Done: deployed},
		{Title: "Create a plan", Text: "Who may call, how fast and how much. Three to begin with are prepared.", Href: "/owner/plans/new", Action: "Create a plan", Done: plans.Plans > 0},
		{Title: "Publish the plan", Text: "From then on it stands in the catalog, and developers get keys.", Href: "/owner/plans", Action: "Review and publish"},
	}
	if first.ID != 0 {
		steps[1].Href = ownerAPIPath(first.ID)
	}
	if plans.Newest != 0 {
		steps[3].Href = ownerPlanPath(plans.Newest) + "/publish"
	}
	now := false
	for i := range steps {
		if !steps[i].Done && !now {
			steps[i].Current, now = true, true
		} else if !steps[i].Current {
			steps[i].Href = ""
		}
	}
	return steps
}
