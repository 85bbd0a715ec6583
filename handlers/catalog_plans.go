package handlers

import (
	"cmp"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// Sizes of the comparison of plans.
const (
	comparedApps    = 3                      // whose own calls are replayed
	comparedMethods = 30                     // operations that plans treat in different ways
	waitForPlans    = 150 * time.Millisecond // for the replay, before the page is shown without it and loads itself again
)

// Plans is the plans of an API that its reader may see, side by side: limits, operations that they treat in different ways, and what each would have refused of
// the reader's own calls.
func (c *Catalog) Plans(r *Request) (Reply, error) {
	api, err := c.Store.CatalogAPI(r.Context(), r.Account.ID, r.Param("slug"))
	if err != nil {
		return Reply{}, err
	}
	yours, err := c.subscriptions(r)
	if err != nil {
		return Reply{}, err
	}
	v := public.PlansView{Name: api.Name, Href: apiPath(api.Slug), Plans: planViews(r, api, yours), Rows: comparePlans(api.Plans, r.Here())}
	v.Methods, v.MoreMethods = compareMethods(api.Plans)
	waiting := false
	if r.Account.ID == 0 {
		v.SignInHref = withNext("/signin", v.Href+"/plans")
	} else if len(api.Plans) > 0 {
		if v.Traffic, waiting, err = c.ownTraffic(r, api, yours); err != nil {
			return Reply{}, err
		}
	}
	page := r.public("Plans · "+api.Name, ui.Crumb{Label: "APIs", Href: "/apis"}, ui.Crumb{Label: api.Name, Href: v.Href}, ui.Crumb{Label: "Plans"})
	page.Description = "The plans of " + api.Name + " side by side."
	if waiting {
		page.Refresh = refreshSeconds
	}
	return Page(public.Plans(page, v)), nil
}

// ownTraffic replays what the reader's apps sent on their plans of the API through each plan, apps with most keys first. Nothing passed on a plan that waits for its owner.
func (c *Catalog) ownTraffic(r *Request, api models.CatalogAPI, yours map[models.PlanID][]models.SubscriptionRow) (rows []public.TrafficRow, waiting bool, err error) {
	var subscriptions []models.SubscriptionRow
	for _, own := range yours {
		for _, s := range own {
			if s.State != models.SubscriptionPending && slices.ContainsFunc(api.Stages, func(st models.CatalogStage) bool { return s.Terms.Opens(st.ID) }) {
				subscriptions = append(subscriptions, s)
			}
		}
	}
	if len(subscriptions) == 0 {
		return nil, false, nil
	}
	slices.SortFunc(subscriptions, func(a, b models.SubscriptionRow) int {
		return cmp.Or(cmp.Compare(b.Keys, a.Keys), cmp.Compare(a.ID, b.ID))
	})
	keys, err := c.Store.AccountKeys(r.Context(), r.Account.ID, models.Page{Limit: 200})
	if err != nil {
		return nil, false, err
	}
	until := time.Now().Add(waitForPlans)
	for _, s := range subscriptions[:min(len(subscriptions), comparedApps)] {
		own := models.CatalogPlan{PlanID: s.PlanID, Terms: s.Terms}
		plans := []models.CatalogPlan{own}
		for _, p := range api.Plans {
			if p.PlanID != s.PlanID {
				plans = append(plans, p)
			}
		}
		row := public.TrafficRow{App: s.AppName, Plan: s.PlanName, Href: subscriptionPath(s.ID)}
		if len(plans) > 1 {
			got := appTraffic(r, c.Rehearsals, s.PlanID, keysOnPlan(keysOfApp(keys.Items, s.AppID), s.PlanID, r.Now), plans, max(0, time.Until(until)))
			row.Text, row.Missing, waiting = got.text, got.missing, waiting || got.waiting
			if got.cells != nil {
				row.Cells = inOrder(api.Plans, plans, got.cells)
			}
		}
		rows = append(rows, row)
	}
	return rows, waiting, nil
}

// inOrder puts cells of some plans in the order of others.
func inOrder(order, plans []models.CatalogPlan, cells []string) []string {
	out := make([]string, len(order))
	for i, p := range order {
		at := slices.IndexFunc(plans, func(q models.CatalogPlan) bool { return q.PlanID == p.PlanID })
		out[i] = cells[at]
	}
	return out
}

// compareMethods are the operations that some plan leaves out or slows down, with what each plan does; more is how many there are beyond the rows.
func compareMethods(plans []models.CatalogPlan) (rows []public.CompareRow, more int) {
	type place struct {
		stage  models.StageID
		method models.MethodID
	}
	seen := map[place]bool{}
	note := func(s models.CatalogPlanStage, m models.Method) {
		at := place{s.StageID, m.ID}
		if seen[at] {
			return
		}
		seen[at] = true
		if len(rows) == comparedMethods {
			more++
			return
		}
		row := public.CompareRow{Label: m.Name() + " on " + s.StageName}
		for _, p := range plans {
			row.Cells = append(row.Cells, methodCell(p, at.stage, at.method))
		}
		rows = append(rows, row)
	}
	for _, p := range plans {
		for _, s := range p.Stages {
			for _, m := range s.Excluded {
				note(s, m)
			}
			for _, l := range s.Limited {
				note(s, l.Method)
			}
		}
	}
	return rows, more
}

// methodCell is what a plan does with an operation.
func methodCell(p models.CatalogPlan, stage models.StageID, method models.MethodID) string {
	at := slices.IndexFunc(p.Stages, func(s models.CatalogPlanStage) bool { return s.StageID == stage })
	if at < 0 {
		return "–"
	}
	s := p.Stages[at]
	if slices.ContainsFunc(s.Excluded, func(m models.Method) bool { return m.ID == method }) {
		return "Not included"
	}
	for _, l := range s.Limited {
		if l.Method.ID == method {
			return format.RPS(l.Throttle.Throttle.Rate) + ", burst " + format.Count(l.Throttle.Throttle.Burst)
		}
	}
	return "Included"
}
