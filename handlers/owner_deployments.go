package handlers

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// Deploy makes a snapshot of the API's methods and points the stage at it.
func (o *OwnerStages) Deploy(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	back := ownerStagePath(api.ID, s.ID)
	switch f.Get("from") {
	case "api":
		back = ownerAPIPath(api.ID)
	case "diff":
		back = diffPath(api.ID)
	}
	d, err := o.Store.Deploy(r.Context(), r.Actor(), api.ID, s.ID, f.Trimmed("note"), r.Now)
	return ownerDone(r, err, back, back, "Deployment #"+strconv.Itoa(d.Number)+" is on "+s.Name+": callers get it on their next request.")
}

// Point points the stage at a deployment that exists: a rollback, or what another stage has already.
func (o *OwnerStages) Point(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	to, err := models.ParseID[models.Deployment](f.Get("deployment"))
	if err != nil {
		return Reply{}, models.NotFound("deployment")
	}
	d, err := o.Store.Deployment(r.Context(), r.Account.ID, api.ID, to)
	if err != nil {
		return Reply{}, err
	}
	back := ownerStagePath(api.ID, s.ID)
	return ownerDone(r, o.Store.PointStage(r.Context(), r.Actor(), api.ID, s.ID, to, r.Now), back, back, s.Name+" is on deployment #"+strconv.Itoa(d.Number)+" again: callers get it on their next request.")
}

// DeleteForm names the plans that would lose the stage.
func (o *OwnerStages) DeleteForm(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.deletePage(r, api, s, "")
	return Page(page), err
}

func (o *OwnerStages) deletePage(r *Request, api models.API, s models.Stage, problem string) (templ.Component, error) {
	plans, err := o.Store.StagePlans(r.Context(), r.Account.ID, s.ID)
	if err != nil {
		return nil, err
	}
	path := ownerStagePath(api.ID, s.ID)
	c := ui.Confirm{Title: "Delete the stage " + s.Name + "?", Action: path + "/delete", Button: "Delete stage", Danger: true, Cancel: path, Problem: problem,
		Text: "Calls to " + r.Site.stageURL(api.Slug, s.Name, s.ID) + " get 404 at once. A new stage of the same name is a new one: plans have to open it again."}
	if subscribers(plans) > 0 {
		c.Typed = s.Name
	}
	return owner.ConfirmUses(r.layout("Delete stage", apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{Label: s.Name, Href: path}, ui.Crumb{}), c, planUses(plans)), nil
}

// Delete deletes the stage and takes it out of plans.
func (o *OwnerStages) Delete(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	plans, err := o.Store.StagePlans(r.Context(), r.Account.ID, s.ID)
	if err != nil {
		return Reply{}, err
	}
	if subscribers(plans) > 0 && f.Trimmed("confirm") != s.Name {
		page, err := o.deletePage(r, api, s, "Type "+s.Name+" to confirm: people use this stage.")
		return Again(page), err
	}
	return ownerDone(r, o.Store.DeleteStage(r.Context(), r.Actor(), api.ID, s.ID, r.Now), ownerStagePath(api.ID, s.ID), ownerAPIPath(api.ID), "The stage "+s.Name+" is deleted.")
}

// Deployment shows an immutable snapshot.
func (o *OwnerStages) Deployment(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	id, err := param[models.Deployment](r, "deployment")
	if err != nil {
		return Reply{}, err
	}
	d, err := o.Store.Deployment(r.Context(), r.Account.ID, api.ID, id)
	if err != nil {
		return Reply{}, err
	}
	stages, err := o.Store.Stages(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	draft, err := o.Store.Methods(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	v := owner.DeploymentView{Row: deploymentRow(api, d, stages), API: api.Name, APIHref: ownerAPIPath(api.ID), Now: r.Now, KeyWords: ownerKeyWords(d.KeySource), Query: strings.TrimSpace(r.Query("q"))}
	now := map[models.MethodID]models.Method{}
	for _, m := range draft {
		now[m.ID] = m
	}
	for _, m := range d.Methods {
		if v.Query != "" && !strings.Contains(strings.ToLower(m.Name()+" "+m.Summary), strings.ToLower(v.Query)) {
			continue
		}
		if len(v.Methods) == 500 {
			v.More = true
			break
		}
		row := owner.DeployedMethod{Verb: m.Verb, Path: m.Path, Summary: m.Summary, KeyRequired: m.KeyRequired}
		switch is, ok := now[m.ID]; {
		case !ok:
			row.Since = "Removed since"
		case is.KeyRequired != m.KeyRequired:
			row.Since = "Key requirement changed since"
		}
		v.Methods = append(v.Methods, row)
	}
	for _, s := range stages {
		if s.Deployment != d.ID {
			v.Targets = append(v.Targets, owner.Target{Stage: s.Name, Action: ownerStagePath(api.ID, s.ID) + "/point", Deployment: d.ID.String()})
		}
	}
	title := "Deployment #" + strconv.Itoa(d.Number)
	return Page(owner.Deployment(r.layout(title, apisCrumb(), ui.Crumb{Label: api.Name, Href: v.APIHref}, ui.Crumb{}), v)), nil
}
