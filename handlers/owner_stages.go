package handlers

import (
	"context"
	"strconv"
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
	ChangeStage(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, part models.StagePart, change func(*models.Stage) error, now time.Time) (models.Stage, error)
	StartCanary(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, c models.Canary, note string, now time.Time) (models.Stage, error)
	PromoteCanary(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) (models.Stage, error)
	AbortCanary(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error
	PurgeCache(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error
	ClientCertificates(ctx context.Context, owner models.AccountID) ([]models.ClientCertificateRow, error)
	DeleteStage(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error
	StagePlans(ctx context.Context, owner models.AccountID, id models.StageID) ([]models.PlanUse, error)
	Deploy(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, note string, now time.Time) (models.Deployment, error)
	Deployments(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Deployment, error)
	Deployment(ctx context.Context, owner models.AccountID, api models.APIID, id models.DeploymentID) (models.Deployment, error)
	PointStage(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, to models.DeploymentID, now time.Time) error
	Releases(ctx context.Context, owner models.AccountID, stage models.StageID) ([]models.Release, error)
}

// StageStates is what pages ask the running gateway about stages.
type StageStates interface {
	Targets(models.StageID) []models.TargetState
	CacheStats(models.StageID) (stats models.CacheStats, ok bool)
}

// OwnerStages are the pages of stages and deployments.
type OwnerStages struct {
	Store     OwnerStageStore
	Addresses AddressChecker
	States    StageStates // nil: no gateway runs here
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
	bare, err := o.mayBeBare(r, api)
	return Page(newStagePage(r, api, f, bare)), err
}

// mayBeBare reports whether a stage of the API needs no upstream: all methods have integrations.
func (o *OwnerStages) mayBeBare(r *Request, api models.API) (bool, error) {
	methods, err := o.Store.Methods(r.Context(), r.Account.ID, api.ID)
	return models.AllIntegrated(methods), err
}

// needUpstream notes in f that a stage has none, unless it needs none.
func (o *OwnerStages) needUpstream(r *Request, f *Form, api models.API, s models.Stage) error {
	if s.Upstream != "" || f.Error("upstream") != "" {
		return nil
	}
	bare, err := o.mayBeBare(r, api)
	if err == nil && !bare {
		f.Fail("upstream", "Enter a full address such as https://api.example.com. Only where every method has an integration can it be empty.")
	}
	return err
}

func newStagePage(r *Request, api models.API, f *Form, bare bool) templ.Component {
	v := owner.StageFormView{API: api.Name, APIHref: ownerAPIPath(api.ID), Base: r.Site.GatewayURL + "/" + api.Slug + "/", FromDocument: api.HasDocument, Throttle: stageThrottle(f), Bare: bare}
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
	s.Throttle = readSharedThrottle(f)
	n, problem := parseDecimal(f.Get("timeout"))
	if problem != "" {
		f.Fail("timeout", problem)
		n = models.DefaultTimeout.Seconds()
	}
	s.Timeout = time.Duration(max(0, min(n, 1e6)) * float64(time.Second))
	f.Accept(s.Check())
	address, err := models.ExpandVariables(s.Upstream, s.Settings.Variables)
	if s.Upstream != "" && f.Error("upstream") == "" && err == nil { // that it names an unknown variable was said by Check
		doubt, err = upstreamAllowed(ctx, addresses, address)
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
	if err := o.needUpstream(r, f, api, s); err != nil {
		return Reply{}, err
	}
	bare := s.Upstream == "" && f.Error("upstream") == ""
	if !f.OK() {
		return Again(newStagePage(r, api, f, bare)), nil
	}
	s, err = o.Store.CreateStage(r.Context(), r.Actor(), api.ID, s, r.Now)
	if f.Accept(err) {
		return Again(newStagePage(r, api, f, bare)), nil
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
	v := owner.StageView{Frame: stageFrame(r, api, s, "", o.States), Settings: settingsOf(api, s), Row: stageRow(r, api, s), API: api.Name, APIHref: ownerAPIPath(api.ID), Now: r.Now, Undeployed: api.Undeployed || s.Deployment == 0,
		Throttle: stageThrottle(f), Plans: planUses(plans), Bare: s.Upstream == ""}
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
	return owner.Stage(stageLayout(r, api, s, ""), v, f), nil
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
	if err := o.needUpstream(r, f, api, changed); err != nil {
		return Reply{}, err
	}
	if f.OK() {
		_, err := o.Store.ChangeStage(r.Context(), r.Actor(), api.ID, s.ID, models.StageBasics, func(st *models.Stage) error {
			st.Upstream, st.Throttle, st.Timeout = changed.Upstream, changed.Throttle, changed.Timeout
			return nil
		}, r.Now)
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
