package handlers

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// Variables is the page of a stage's variables and its canary.
func (o *OwnerStages) Variables(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.variablesPage(r, api, s, NewForm())
	return Page(page), err
}

var (
	variableMine = []string{"variables", "variable_"}
	canaryMine   = []string{"canary_deployment", "canary_percent", "canary_variables"}
)

// SaveVariables changes a stage's variables.
func (o *OwnerStages) SaveVariables(r *Request) (Reply, error) {
	return o.savePart(r, stagePartForm{part: models.StageVariables, tab: "variables", read: readVariables, page: o.variablesPage, mine: variableMine,
		done: "Saved. It holds from the next request on."})
}

func readVariables(_ *Request, f *Form, _ models.API, s *models.Stage) {
	rows := closeRows(f, models.MaxVariables, []string{"variable", "value"})
	variables := make(map[string]string, rows)
	for n := 1; n <= rows; n++ {
		field := numbered("variable", n)
		name, value := f.Trimmed(field), f.Trimmed(numbered("value", n))
		if err := models.CheckVariable(name, value); err != nil {
			f.Fail(field, models.Sentence(err))
		} else if _, twice := variables[name]; twice {
			f.Fail(field, "This name stands in the list already.")
		}
		variables[name] = value
	}
	s.Settings.Variables = variables
	if rows == 0 {
		s.Settings.Variables = nil
	}
}

// StartCanary starts or changes a stage's canary.
func (o *OwnerStages) StartCanary(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	c := models.Canary{Variables: map[string]string{}}
	n, problem := parseDecimal(f.Get("canary_percent"))
	if problem != "" {
		f.Fail("canary_percent", problem)
	}
	c.Percent = n
	if text := f.Get("canary_deployment"); text != "new" {
		if c.Deployment, err = models.ParseID[models.Deployment](text); err != nil {
			f.Fail("canary_deployment", "Choose a deployment of this API.")
		}
	}
	for _, v := range canaryVariables(s) {
		if value := f.Trimmed(v.Field); value != "" {
			c.Variables[v.Name] = value
		}
	}
	next := s
	next.Settings.Canary = &c
	f.acceptPart(next.Check(), canaryMine)
	if f.OK() {
		st, err := o.Store.StartCanary(r.Context(), r.Actor(), api.ID, s.ID, c, "Canary of "+s.Name, r.Now)
		if err == nil {
			return r.Done(ownerStagePath(api.ID, s.ID)+"/variables#canary", plainNumber(st.Settings.Canary.Percent)+" % of the callers of "+s.Name+" get the canary from their next request on."), nil
		}
		if !f.acceptPart(err, canaryMine) {
			return Reply{}, err
		}
	}
	page, err := o.variablesPage(r, api, s, f)
	return Again(page), err
}

// PromoteCanary gives all callers what the canary's got.
func (o *OwnerStages) PromoteCanary(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	st, err := o.Store.PromoteCanary(r.Context(), r.Actor(), api.ID, s.ID, r.Now)
	back := ownerStagePath(api.ID, s.ID) + "/variables"
	return ownerDone(r, err, back, back, "The canary is promoted: all callers of "+s.Name+" get deployment #"+strconv.Itoa(st.Number)+" from their next request on.")
}

// AbortCanary gives all callers the stage's own deployment.
func (o *OwnerStages) AbortCanary(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	back := ownerStagePath(api.ID, s.ID) + "/variables"
	return ownerDone(r, o.Store.AbortCanary(r.Context(), r.Actor(), api.ID, s.ID, r.Now), back, back, "The canary is aborted: all callers of "+s.Name+" get deployment #"+strconv.Itoa(s.Number)+" from their next request on.")
}

// variablesPage draws both forms; of f, which may be either's, the other one's fields are as they are saved.
func (o *OwnerStages) variablesPage(r *Request, api models.API, s models.Stage, f *Form) (templ.Component, error) {
	deployments, err := o.Store.Deployments(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return nil, err
	}
	f = f.overPart(variablesForm(s), "variable_1", "variable_", "value_")
	f = f.overPart(canaryForm(s), "canary_percent", "canary_", "cv_")
	v := owner.StageVariablesView{Frame: stageFrame(r, api, s, "variables", o.States), Rows: rowsShown(f, models.MaxVariables, "variable", "value"), Used: variablesUsed(s)}
	v.Canary, err = o.canaryView(r, api, s, deployments)
	return owner.StageVariables(stageLayout(r, api, s, "Variables and canary"), v, f), err
}

// overPart returns f with the fields of a part that was not sent as they are in saved: has is a field that is sent with all others of the part, which begin
// with the prefixes.
func (f *Form) overPart(saved *Form, has string, prefixes ...string) *Form {
	if f.values.Has(has) {
		return f
	}
	for name, values := range saved.values {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			f.values[name] = values
		}
	}
	return f
}

func variablesForm(s models.Stage) *Form {
	f := NewForm()
	for i, name := range slices.Sorted(maps.Keys(s.Settings.Variables)) {
		f.Set(numbered("variable", i+1), name)
		f.Set(numbered("value", i+1), s.Settings.Variables[name])
	}
	return f
}

func canaryForm(s models.Stage) *Form {
	f := NewForm("canary_percent", "", "canary_deployment", "new")
	if c := s.Settings.Canary; c != nil {
		f.Set("canary_percent", plainNumber(c.Percent))
		f.Set("canary_deployment", c.Deployment.String())
		for _, v := range canaryVariables(s) {
			f.Set(v.Field, c.Variables[v.Name])
		}
	}
	return f
}

// canaryVariables are the variables for which a canary may have values of its own.
func canaryVariables(s models.Stage) (list []owner.CanaryVariable) {
	for _, name := range slices.Sorted(maps.Keys(s.Settings.CanaryVariables())) {
		list = append(list, owner.CanaryVariable{Field: "cv_" + name, Name: name, Own: s.Settings.Variables[name]})
	}
	return list
}

// variablesUsed are the settings in which variables stand.
func variablesUsed(s models.Stage) (places []string) {
	const reference = "${stageVariables."
	if strings.Contains(s.Upstream, reference) {
		places = append(places, "in the upstream")
	}
	if slices.ContainsFunc(s.Settings.Targets.Others, func(t models.Target) bool { return strings.Contains(t.URL, reference) }) {
		places = append(places, "in other targets")
	}
	if slices.ContainsFunc(slices.Concat(s.Settings.Request, s.Settings.Response), func(h models.HeaderRule) bool { return strings.Contains(h.Value, reference) }) {
		places = append(places, "in header rules")
	}
	return places
}

func (o *OwnerStages) canaryView(r *Request, api models.API, s models.Stage, deployments []models.Deployment) (owner.CanaryView, error) {
	v := owner.CanaryView{Action: ownerStagePath(api.ID, s.ID) + "/canary", Deployable: s.Deployment != 0, Variables: canaryVariables(s),
		Now: "#" + strconv.Itoa(s.Number), NowHref: deploymentPath(api.ID, s.Deployment)}
	v.Deployments = []ui.Option{{Value: "new", Label: "The API as it is now (makes a deployment)"}}
	for _, d := range deployments {
		label := "#" + strconv.Itoa(d.Number)
		if d.Note != "" {
			label += " " + cut(d.Note, 40)
		}
		if d.ID == s.Deployment {
			label += " (all have it)"
		}
		v.Deployments = append(v.Deployments, ui.Option{Value: d.ID.String(), Label: label})
	}
	c := s.Settings.Canary
	if c == nil || s.Deployment == 0 {
		return v, nil
	}
	now, err := o.Store.Deployment(r.Context(), r.Account.ID, api.ID, s.Deployment)
	if err != nil {
		return v, fmt.Errorf("read the stage's deployment: %w", err)
	}
	next, err := o.Store.Deployment(r.Context(), r.Account.ID, api.ID, c.Deployment)
	if err != nil {
		return v, fmt.Errorf("read the canary's deployment: %w", err)
	}
	v.Running, v.Percent, v.Number, v.NumberHref, v.Same = true, plainNumber(c.Percent), "#"+strconv.Itoa(next.Number), deploymentPath(api.ID, next.ID), now.ID == next.ID
	differences(&v, now.Methods, next.Methods)
	return v, nil
}

// maxDifferences is how many methods a page lists of each kind.
const maxDifferences = 20

// differences says what callers of the canary get otherwise.
func differences(v *owner.CanaryView, now, next []models.Method) {
	add := func(list *[]owner.MethodName, m models.Method, text string) {
		if len(*list) == maxDifferences {
			v.More++
			return
		}
		*list = append(*list, owner.MethodName{Verb: m.Verb, Path: m.Path, Text: text})
	}
	was := make(map[models.MethodID]models.Method, len(now))
	for _, m := range now {
		was[m.ID] = m
	}
	for _, m := range next {
		old, ok := was[m.ID]
		delete(was, m.ID)
		switch {
		case !ok:
			add(&v.Added, m, "")
		case !old.KeyRequired && m.KeyRequired:
			add(&v.Changed, m, "needs an API key")
		case old.KeyRequired && !m.KeyRequired:
			add(&v.Changed, m, "needs no API key")
		}
	}
	for _, m := range now {
		if _, gone := was[m.ID]; gone {
			add(&v.Removed, m, "")
		}
	}
}
