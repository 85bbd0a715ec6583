package handlers

import (
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// methodsOnPage is how many methods an API's page lists at once.
const methodsOnPage = 100

// Show is an API's page.
func (o *OwnerAPIs) Show(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.showPage(r, api, nil, nil)
	return Page(page), err
}

func settingsForm(api models.API) *Form {
	f := NewForm("name", api.Name, "slug", api.Slug, "summary", api.Summary, "tags", strings.Join(api.Tags, ", "), "key_place", string(api.KeySource.Place), "key_name", api.KeySource.Name)
	if api.KeySource.Forward {
		f.Set("key_forward", "on")
	}
	return f
}

// showPage draws the page; settings and method are its forms after a mistake, else nil.
func (o *OwnerAPIs) showPage(r *Request, api models.API, settings, method *Form) (templ.Component, error) {
	ctx, id := r.Context(), api.ID
	methods, err := o.Store.Methods(ctx, r.Account.ID, id)
	if err != nil {
		return nil, err
	}
	stages, err := o.Store.Stages(ctx, r.Account.ID, id)
	if err != nil {
		return nil, err
	}
	deployments, err := o.Store.Deployments(ctx, r.Account.ID, id)
	if err != nil {
		return nil, err
	}
	plans, err := o.Store.APIPlans(ctx, r.Account.ID, id)
	if err != nil {
		return nil, err
	}
	v := owner.APIView{
		Name: api.Name, Slug: api.Slug, Summary: api.Summary, Href: ownerAPIPath(id), Now: r.Now, HasDocument: api.HasDocument, Undeployed: api.Undeployed && len(deployments) > 0,
		KeyWords: ownerKeyWords(api.KeySource), CatalogHref: "/apis/" + api.Slug, UsageHref: "/owner/usage?api=" + id.String(), LogHref: pathWith(ownersLog, "api", api.Slug), MethodFailed: method != nil, SettingsFailed: settings != nil,
	}
	waits, err := o.Store.DocumentWaits(ctx, id)
	if err != nil {
		return nil, err
	}
	if waits {
		v.WaitingHref = diffPath(id)
	}
	v.Badges = []ui.BadgeProps{{Kind: ui.Line, Text: count(len(methods), "method")}}
	if v.Undeployed {
		v.Badges = append(v.Badges, ui.BadgeProps{Kind: ui.Warn, Text: "Undeployed changes"})
	}
	for _, s := range stages {
		row := stageRow(r, api, s)
		row.Badges = append(row.Badges, outBadge(o.States, s.ID)...)
		v.Stages = append(v.Stages, row)
	}
	v.Methods = methodTable(r, api, methods)
	authorizers, err := o.Store.Authorizers(ctx, r.Account.ID, id)
	if err != nil {
		return nil, err
	}
	nameAuthorizers(v.Methods.Rows, methods, authorizers, api.Authorizer)
	for _, d := range deployments {
		v.Deployments = append(v.Deployments, deploymentRow(api, d, stages))
	}
	v.Plans = planUses(plans)
	v.Steps = apiSteps(id, stages, len(plans) > 0)
	if settings == nil {
		settings = settingsForm(api)
	}
	if method == nil {
		method = NewForm("verb", "GET", "key_required", "on")
	}
	return owner.API(r.layout(api.Name, apisCrumb(), ui.Crumb{}), v, settings, method), nil
}

// apiSteps lead a new API to its first subscriber; none are left when a plan opens it.
func apiSteps(id models.APIID, stages []models.Stage, planned bool) []ui.Step {
	if planned {
		return nil
	}
	deployed := slices.IndexFunc(stages, func(s models.Stage) bool { return s.Deployment != 0 })
	steps := []ui.Step{
		{Title: "Methods are read", Text: "Say below which of them need an API key.", Done: true},
		{Title: "Name a stage with its upstream", Text: "A stage is an address at the gateway, such as prod, that passes requests on to your service.", Href: ownerAPIPath(id) + "/stages/new", Action: "Add a stage", Done: len(stages) > 0},
		{Title: "Deploy to the stage", Text: "A deployment is a snapshot of the methods: later edits reach callers by the next one only.", Done: deployed >= 0},
		{Title: "Create a plan that opens it", Text: "Without a plan nobody can subscribe, and methods that need a key refuse everybody.", Href: "/owner/plans/new", Action: "Create a plan"},
	}
	if len(stages) > 0 {
		steps[2].Href, steps[2].Action = ownerStagePath(id, stages[0].ID), "Deploy"
		steps[3].Href = "/owner/plans/new?stage=" + stages[max(deployed, 0)].ID.String()
	}
	for i := range steps {
		if !steps[i].Done {
			steps[i].Current = true
			break
		}
	}
	for i := range steps {
		if !steps[i].Current {
			steps[i].Href = ""
		}
	}
	return steps
}

func stageRow(r *Request, api models.API, s models.Stage) owner.StageRow {
	row := owner.StageRow{ID: s.ID.String(), Name: s.Name, Href: ownerStagePath(api.ID, s.ID), URL: r.Site.stageURL(api.Slug, s.Name, s.ID), Upstream: s.Upstream, Throttle: "No limit"}
	if n := len(s.Settings.Targets.Others); n > 0 {
		row.Targets = "with " + count(n, "more target")
	}
	if row.Upstream == "" {
		row.Upstream = "set by each method's integration"
	}
	row.Badges = stageStates(s)
	if s.Throttle != nil {
		row.Throttle = format.RPS(s.Throttle.Rate) + ", burst " + format.Count(s.Throttle.Burst)
	}
	if s.Deployment != 0 {
		row.Number, row.DeployedAt, row.DeploymentHref = "#"+strconv.Itoa(s.Number), s.DeployedAt, deploymentPath(api.ID, s.Deployment)
	}
	return row
}

func deploymentPath(api models.APIID, id models.DeploymentID) string {
	return ownerAPIPath(api) + "/deployments/" + id.String()
}

func deploymentRow(api models.API, d models.Deployment, stages []models.Stage) owner.DeploymentRow {
	row := owner.DeploymentRow{Number: "#" + strconv.Itoa(d.Number), Href: deploymentPath(api.ID, d.ID), Note: d.Note, At: d.CreatedAt, By: d.CreatedBy, Methods: len(d.Methods)}
	for _, s := range stages {
		if s.Deployment == d.ID {
			row.Stages = append(row.Stages, s.Name)
		}
		if c := s.Settings.Canary; c != nil && c.Deployment == d.ID {
			row.Stages = append(row.Stages, s.Name+" canary")
		}
	}
	return row
}

// methodTable is the part of the methods that ?q= and ?from= ask for.
func methodTable(r *Request, api models.API, methods []models.Method) owner.MethodTable {
	t := owner.MethodTable{Query: strings.TrimSpace(r.Query("q")), Action: ownerAPIPath(api.ID) + "/methods/key-required", All: len(methods)}
	var found []models.Method
	for _, m := range methods {
		if m.KeyRequired {
			t.WithKey++
		}
		if t.Query == "" || strings.Contains(strings.ToLower(m.Name()+" "+m.Summary), strings.ToLower(t.Query)) {
			found = append(found, m)
		}
	}
	from, err := strconv.Atoi(r.Query("from"))
	if err != nil || from < 0 || from >= len(found) {
		from = 0
	}
	to := min(len(found), from+methodsOnPage)
	for _, m := range found[from:to] {
		t.Rows = append(t.Rows, owner.MethodRow{ID: m.ID.String(), Verb: m.Verb, Path: m.Path, Name: m.Name(), Summary: m.Summary, KeyRequired: m.KeyRequired,
			UsageHref: pathWith("/owner/usage", "api", api.ID.String(), "method", m.ID.String()), RemoveAction: ownerAPIPath(api.ID) + "/methods/" + m.ID.String() + "/remove"})
	}
	if from > 0 {
		t.From = strconv.Itoa(from)
		t.Pages.Prev = pathWith(ownerAPIPath(api.ID), "q", t.Query, "from", strconv.Itoa(max(0, from-methodsOnPage))) + "#methods"
	}
	if to < len(found) {
		t.Pages.Next = pathWith(ownerAPIPath(api.ID), "q", t.Query, "from", strconv.Itoa(to)) + "#methods"
	}
	if len(found) > methodsOnPage {
		t.Pages.Summary = format.Count(int64(from+1)) + "–" + format.Count(int64(to)) + " of " + count(len(found), "method")
	}
	return t
}

// nameAuthorizers notes who decides about the callers of methods that are shown.
func nameAuthorizers(rows []owner.MethodRow, methods []models.Method, authorizers []models.Authorizer, byDefault models.AuthorizerID) {
	if len(authorizers) == 0 {
		return
	}
	names := authorizerNames(authorizers)
	by := make(map[string]string, len(methods))
	for _, m := range models.Resolved(methods, byDefault) {
		by[m.ID.String()] = names[m.Authorizer]
	}
	for i := range rows {
		rows[i].Authorizer = by[rows[i].ID]
	}
}

// ownerKeyWords says where callers put their key and what becomes of it.
func ownerKeyWords(k models.KeySource) string {
	where := "in the header " + k.Name
	switch k.Place {
	case models.KeyInBearer:
		where = "as Authorization: Bearer"
	case models.KeyInQuery:
		where = "in the query parameter " + k.Name
	case models.KeyInAuthorizer:
		return "Callers send no key: it is the one that the authorizer names."
	}
	if k.Forward {
		return "Callers send their key " + where + "; your upstream sees it."
	}
	return "Callers send their key " + where + "; it is taken off before your upstream."
}
