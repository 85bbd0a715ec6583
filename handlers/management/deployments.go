package management

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"gatehouse/models"
)

type deploymentRecords interface {
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	CreateDeployment(ctx context.Context, actor models.Actor, api models.APIID, note, stage string, arrange func(st *models.Stage, made models.DeploymentID) error, now time.Time) (models.Deployment, error)
	Deployment(ctx context.Context, owner models.AccountID, api models.APIID, id models.DeploymentID) (models.Deployment, error)
	DeploymentsBefore(ctx context.Context, owner models.AccountID, api models.APIID, number, most int) ([]models.Deployment, error)
	DescribeDeployment(ctx context.Context, actor models.Actor, api models.APIID, id models.DeploymentID, change func(note string) (string, error), now time.Time) (models.Deployment, error)
	DeleteDeployment(ctx context.Context, actor models.Actor, api models.APIID, id models.DeploymentID, now time.Time) error
}

// deploymentOperations are about snapshots of an API's methods.
var deploymentOperations = []operation{
	{name: "CreateDeployment", verb: http.MethodPost, path: "/restapis/{api}/deployments", status: http.StatusCreated, do: (*call).createDeployment},
	{name: "GetDeployments", verb: http.MethodGet, path: "/restapis/{api}/deployments", status: http.StatusOK, do: (*call).getDeployments},
	{name: "GetDeployment", verb: http.MethodGet, path: "/restapis/{api}/deployments/{deployment}", status: http.StatusOK, do: (*call).getDeployment},
	{name: "UpdateDeployment", verb: http.MethodPatch, path: "/restapis/{api}/deployments/{deployment}", status: http.StatusOK, do: (*call).updateDeployment},
	{name: "DeleteDeployment", verb: http.MethodDelete, path: "/restapis/{api}/deployments/{deployment}", status: http.StatusAccepted, do: (*call).deleteDeployment},
}

type wireDeployment struct {
	ID          string                                 `json:"id"`
	Description string                                 `json:"description,omitempty"`
	Created     stamp                                  `json:"createdDate"`
	Summary     map[string]map[string]wireMethodInside `json:"apiSummary,omitempty"` // verbs by path
}

// wireMethodInside is what a deployment tells of a method.
type wireMethodInside struct {
	Authorization string `json:"authorizationType"`
	KeyRequired   bool   `json:"apiKeyRequired"`
}

func wireDeploymentOf(d models.Deployment) wireDeployment {
	return wireDeployment{ID: d.ID.String(), Description: d.Note, Created: stamp(d.CreatedAt)}
}

// hasField reports whether an error is about a field.
func hasField(err error, field string) bool {
	var e *models.Error
	return errors.As(err, &e) && e.Fields[field] != ""
}

// servedFault says in AWS's words why a stage or a deployment cannot be as it was wanted.
func servedFault(err error) error {
	var own *fault
	switch {
	case errors.As(err, &own):
		return err
	case hasField(err, "deployment"):
		return badRequest("Deployment id does not exist")
	case hasField(err, "integration"):
		return badRequest("No integration defined for method")
	case hasField(err, "draft"):
		return badRequest("The REST API doesn't contain any methods")
	case hasField(err, "certificate"):
		return badRequest("Invalid Client Certificate identifier specified")
	case hasField(err, "name") && models.KindOf(err) == models.KindConflict:
		return conflict("Stage already exists")
	}
	return err
}

// stageInput is what requests say of a stage that they make or deploy to.
type stageInput struct {
	CacheEnabled *flag             `json:"cacheClusterEnabled"`
	CacheSize    *string           `json:"cacheClusterSize"`
	Variables    map[string]string `json:"variables"`
	Tracing      *flag             `json:"tracingEnabled"`
}

// cacheSizes are AWS's, in GB. Here they are kept and have no effect.
var cacheSizes = []string{"0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"}

func (in stageInput) check(broken *constraints, input string) {
	if in.CacheSize != nil {
		broken.oneOf(*in.CacheSize, input+".cacheClusterSize", cacheSizes...)
	}
}

// put makes a stage what the request says; what it does not speak of stays.
func (in stageInput) put(st *models.Stage, description *string) {
	s := &st.Settings
	if in.CacheEnabled != nil {
		s.Notes.CacheCluster = bool(*in.CacheEnabled)
		s.CacheByMethods()
	}
	if in.CacheSize != nil {
		s.Notes.CacheSize = *in.CacheSize
	}
	if in.Variables != nil {
		s.Variables = orNoVariables(in.Variables)
	}
	if in.Tracing != nil {
		s.Notes.Tracing = bool(*in.Tracing)
	}
	if description != nil {
		s.Notes.Description = *description
	}
}

// orNoVariables is how a stage without variables keeps them.
func orNoVariables(variables map[string]string) map[string]string {
	if len(variables) == 0 {
		return nil
	}
	return variables
}

type canaryInput struct {
	Percent    *float            `json:"percentTraffic"`
	Deployment *string           `json:"deploymentId"`
	Overrides  map[string]string `json:"stageVariableOverrides"`
	UseCache   *flag             `json:"useStageCache"`
}

// put gives a stage a canary.
func (in canaryInput) put(st *models.Stage, deployment models.DeploymentID) {
	c := &models.Canary{Deployment: deployment, Variables: orNoVariables(in.Overrides)}
	if in.Percent != nil {
		c.Percent = float64(*in.Percent)
	}
	st.Settings.Canary = c
	st.Settings.Notes.CanaryCache = in.UseCache != nil && bool(*in.UseCache)
}

func (c *call) createDeployment() (any, error) {
	var in struct {
		Stage            *string      `json:"stageName"`
		StageDescription *string      `json:"stageDescription"`
		Description      *string      `json:"description"`
		Canary           *canaryInput `json:"canarySettings"`
		stageInput
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	var broken constraints
	in.check(&broken, "createDeploymentInput")
	name := orEmpty(in.Stage)
	api, err := c.restAPI()
	switch {
	case err != nil:
		return nil, err
	case broken.err() != nil:
		return nil, broken.err()
	case name == "" && in.Canary != nil:
		return nil, badRequest("Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment.")
	case name != "" && !stageName.MatchString(name):
		return nil, errStageName
	}
	names, err := c.cachedNames(api.ID, name)
	if err != nil {
		return nil, err
	}
	arrange := func(st *models.Stage, made models.DeploymentID) error {
		st.Settings.MethodsByCache(names)
		in.put(st, in.StageDescription)
		switch {
		case in.Canary == nil:
			st.Deployment = made
		case st.ID == 0:
			return badRequest("Invalid deployment content specified.Stage %s must already be created before making a canary release deployment", name)
		default:
			in.Canary.put(st, made)
		}
		return nil
	}
	d, err := c.Records.CreateDeployment(c.ctx, c.actor, api.ID, orEmpty(in.Description), name, arrange, c.now)
	return wireDeploymentOf(d), servedFault(err)
}

// deploymentID reads which deployment a request's path names.
func (c *call) deploymentID() (models.APIID, models.DeploymentID, error) {
	api, err := c.restAPI()
	if err != nil {
		return 0, 0, err
	}
	id, err := models.ParseID[models.Deployment](c.label["deployment"])
	if err != nil {
		return 0, 0, notFound(noDeployment)
	}
	return api.ID, id, nil
}

const noDeployment = "Invalid Deployment identifier specified"

func (c *call) getDeployments() (any, error) {
	api, err := c.restAPI()
	if err != nil {
		return nil, err
	}
	before := 0
	if _, err := c.position(&before); err != nil {
		return nil, err
	}
	most := c.limit()
	some, err := c.Records.DeploymentsBefore(c.ctx, c.owner(), api.ID, before, most+1)
	out := list[wireDeployment]{Item: []wireDeployment{}}
	for i, d := range some {
		if i == most {
			out.Position = positionOf(some[i-1].Number)
			break
		}
		out.Item = append(out.Item, wireDeploymentOf(d))
	}
	return out, err
}

func (c *call) getDeployment() (any, error) {
	api, id, err := c.deploymentID()
	if err != nil {
		return nil, err
	}
	d, err := c.Records.Deployment(c.ctx, c.owner(), api, id)
	if err != nil {
		return nil, ifUnknown(err, noDeployment)
	}
	out := wireDeploymentOf(d)
	if !slices.Contains(c.query["embed"], "apisummary") {
		return out, nil
	}
	kinds, err := c.authorizerKinds(api)
	if err != nil {
		return nil, err
	}
	out.Summary = map[string]map[string]wireMethodInside{}
	for _, m := range d.Methods {
		if out.Summary[m.Path] == nil {
			out.Summary[m.Path] = map[string]wireMethodInside{}
		}
		out.Summary[m.Path][m.Verb] = wireMethodInside{authorizationOf(m, kinds), m.KeyRequired}
	}
	return out, nil
}

// authorizationOf is a deployed method's authorizationType.
func authorizationOf(m models.Method, kinds map[models.AuthorizerID]models.AuthorizerKind) string {
	switch {
	case m.Authorizer == 0:
		return cmp.Or(m.AuthType, "NONE")
	case kinds[m.Authorizer] == models.AuthorizerJWT:
		return cmp.Or(m.AuthType, typeCognito)
	}
	return cmp.Or(m.AuthType, "CUSTOM")
}

var deploymentPatches = patchTable[string]{rules: []patchRule[string]{
	{"/description", opReplace, setText(func(note *string) *string { return note })},
}}

func (c *call) updateDeployment() (any, error) {
	api, id, err := c.deploymentID()
	if err != nil {
		return nil, err
	}
	ops, err := c.patchOperations("updateDeploymentInput")
	if err != nil {
		return nil, err
	}
	d, err := c.Records.DescribeDeployment(c.ctx, c.actor, api, id, func(note string) (string, error) {
		err := deploymentPatches.apply(&note, ops)
		return note, err
	}, c.now)
	return wireDeploymentOf(d), ifUnknown(err, noDeployment)
}

func (c *call) deleteDeployment() (any, error) {
	api, id, err := c.deploymentID()
	if err != nil {
		return nil, err
	}
	err = c.Records.DeleteDeployment(c.ctx, c.actor, api, id, c.now)
	if models.KindOf(err) == models.KindConflict {
		return nil, badRequest("Active stages pointing to this deployment must be moved or deleted")
	}
	return nil, ifUnknown(err, noDeployment)
}
