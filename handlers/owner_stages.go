package handlers

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerStageStore is what the pages of stages and deployments need of the store.
type OwnerStageStore interface {
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	Document(ctx context.Context, owner models.AccountID, id models.APIID) (document, description []byte, err error)
	Methods(ctx context.Context, owner models.AccountID, id models.APIID) ([]models.Method, error)
	Stages(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Stage, error)
	Stage(ctx context.Context, owner models.AccountID, api models.APIID, id models.StageID) (models.Stage, error)
	CreateStage(ctx context.Context, actor models.Actor, api models.APIID, s models.Stage, now time.Time) (models.Stage, error)
	UpdateStage(ctx context.Context, actor models.Actor, api models.APIID, s models.Stage, now time.Time) error
	DeleteStage(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error
	StagePlans(ctx context.Context, owner models.AccountID, id models.StageID) ([]models.PlanUse, error)
	Deploy(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, note string, now time.Time) (models.Deployment, error)
	Deployments(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Deployment, error)
	Deployment(ctx context.Context, owner models.AccountID, api models.APIID, id models.DeploymentID) (models.Deployment, error)
	PointStage(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, to models.DeploymentID, now time.Time) error
	Releases(ctx context.Context, owner models.AccountID, stage models.StageID) ([]models.Release, error)
}

// OwnerStages are the pages of stages and deployments.
type OwnerStages struct {
	Store     OwnerStageStore
	Addresses AddressChecker
}

func (o *OwnerStages) api(r *Request) (models.API, error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return models.API{}, err
	}
	return o.Store.API(r.Context(), r.Account.ID, id)
}

func (o *OwnerStages) stage(r *Request) (models.API, models.Stage, error) {
	api, err := o.api(r)
	if err != nil {
		return api, models.Stage{}, err
	}
	id, err := param[models.Stage](r, "stage")
	if err != nil {
		return api, models.Stage{}, err
	}
	s, err := o.Store.Stage(r.Context(), r.Account.ID, api.ID, id)
	return api, s, err
}

// New is the form of a stage to be, with the server that the document names as its upstream.
func (o *OwnerStages) New(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	stages, err := o.Store.Stages(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	f := NewForm("timeout", seconds(models.DefaultTimeout), "deploy", "on")
	if len(stages) == 0 {
		f.Set("name", "prod")
	}
	if api.HasDocument {
		_, text, err := o.Store.Document(r.Context(), r.Account.ID, api.ID)
		if err != nil {
			return Reply{}, err
		}
		if d, err := documentOf(text); err != nil {
			return Reply{}, err
		} else if server := d.server(); server != "" {
			f.Set("upstream", server)
		}
	}
	return Page(newStagePage(r, api, f)), nil
}

func newStagePage(r *Request, api models.API, f *Form) templ.Component {
	v := owner.StageFormView{API: api.Name, APIHref: ownerAPIPath(api.ID), Base: r.Site.GatewayURL + "/" + api.Slug + "/", FromDocument: api.HasDocument, Throttle: stageThrottle(f)}
	return owner.NewStage(r.layout("New stage", apisCrumb(), ui.Crumb{Label: api.Name, Href: v.APIHref}, ui.Crumb{}), v, f)
}

func seconds(d time.Duration) string { return plainNumber(d.Seconds()) }

// stageThrottle is what is drawn beside a stage's rate and burst.
func stageThrottle(f *Form) owner.ThrottleView {
	v := throttleView(f)
	v.On = v.Drawable
	return v
}

// readStage reads the form of a stage; mistakes are noted in f. Doubt is a sentence about its upstream, or "".
func readStage(ctx context.Context, addresses AddressChecker, f *Form, s models.Stage) (stage models.Stage, doubt string) {
	s.Upstream = f.Trimmed("upstream")
	s.Throttle = nil
	if f.Trimmed("rate") != "" || f.Trimmed("burst") != "" {
		s.Throttle = readThrottle(f, "rate", "burst")
	}
	n, problem := parseDecimal(f.Get("timeout"))
	if problem != "" {
		f.Fail("timeout", problem)
		n = models.DefaultTimeout.Seconds()
	}
	s.Timeout = time.Duration(max(0, min(n, 1e6)) * float64(time.Second))
	f.Accept(s.Check())
	if f.Error("upstream") == "" {
		var err error
		doubt, err = upstreamAllowed(ctx, addresses, s.Upstream)
		f.Accept(err)
	}
	return s, doubt
}

// Create makes a stage, and deploys to it when asked.
func (o *OwnerStages) Create(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	s, doubt := readStage(r.Context(), o.Addresses, f, models.Stage{Name: f.Trimmed("name")})
	if !f.OK() {
		return Again(newStagePage(r, api, f)), nil
	}
	s, err = o.Store.CreateStage(r.Context(), r.Actor(), api.ID, s, r.Now)
	if f.Accept(err) {
		return Again(newStagePage(r, api, f)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	if !f.Checked("deploy") {
		return r.Done(ownerStagePath(api.ID, s.ID), "The stage "+s.Name+" is made. It answers 404 until you deploy to it."+doubt), nil
	}
	_, err = o.Store.Deploy(r.Context(), r.Actor(), api.ID, s.ID, "", r.Now)
	return ownerDone(r, err, ownerStagePath(api.ID, s.ID), ownerAPIPath(api.ID), "The stage "+s.Name+" is made and deployed: the gateway answers there now."+doubt)
}

func stageForm(s models.Stage) *Form {
	f := NewForm("upstream", s.Upstream, "timeout", seconds(s.Timeout))
	if s.Throttle != nil {
		f.Set("rate", plainNumber(s.Throttle.Rate))
		f.Set("burst", strconv.FormatInt(s.Throttle.Burst, 10))
	}
	return f
}

// Show is a stage's page: settings, deploy, history.
func (o *OwnerStages) Show(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.stagePage(r, api, s, stageForm(s))
	return Page(page), err
}

func (o *OwnerStages) stagePage(r *Request, api models.API, s models.Stage, f *Form) (templ.Component, error) {
	releases, err := o.Store.Releases(r.Context(), r.Account.ID, s.ID)
	if err != nil {
		return nil, err
	}
	deployments, err := o.Store.Deployments(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return nil, err
	}
	plans, err := o.Store.StagePlans(r.Context(), r.Account.ID, s.ID)
	if err != nil {
		return nil, err
	}
	v := owner.StageView{Row: stageRow(r, api, s), API: api.Name, APIHref: ownerAPIPath(api.ID), Now: r.Now, Undeployed: api.Undeployed || s.Deployment == 0,
		Throttle: stageThrottle(f), Plans: planUses(plans), UsageHref: pathWith("/owner/usage", "api", api.ID.String(), "stage", s.ID.String())}
	for _, release := range releases {
		v.Releases = append(v.Releases, owner.ReleaseRow{Deployment: release.Deployment.String(), Number: "#" + strconv.Itoa(release.Number),
			Href: deploymentPath(api.ID, release.Deployment), Note: release.Note, At: release.At, By: release.By, Current: release.Current})
	}
	for _, d := range deployments {
		if d.ID != s.Deployment {
			label := "#" + strconv.Itoa(d.Number)
			if d.Note != "" {
				label += " " + cut(d.Note, 40)
			}
			v.Others = append(v.Others, ui.Option{Value: d.ID.String(), Label: label})
		}
	}
	return owner.Stage(r.layout(api.Name+" · "+s.Name, apisCrumb(), ui.Crumb{Label: api.Name, Href: v.APIHref}, ui.Crumb{Label: s.Name}), v, f), nil
}

// Save changes upstream, throttle and timeout; all of them act at once.
func (o *OwnerStages) Save(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	changed, doubt := readStage(r.Context(), o.Addresses, f, s)
	if f.OK() {
		err := o.Store.UpdateStage(r.Context(), r.Actor(), api.ID, changed, r.Now)
		if err == nil {
			return r.Done(ownerStagePath(api.ID, s.ID), "Saved. It holds from the next request on."+doubt), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	page, err := o.stagePage(r, api, s, f)
	return Again(page), err
}

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
	if f.Get("from") == "api" {
		back = ownerAPIPath(api.ID)
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
		Text: "Calls to " + stageURL(r.Site.GatewayURL, api.Slug, s.Name) + " get 404 at once. A new stage of the same name is a new one: plans have to open it again."}
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
