package management

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"time"

	"gatehouse/models"
)

type stageRecords interface {
	Stages(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Stage, error)
	StageNamed(ctx context.Context, owner models.AccountID, api models.APIID, name string) (models.Stage, error)
	OpenStage(ctx context.Context, actor models.Actor, api models.APIID, st models.Stage, tags models.ResourceTags, now time.Time) (models.Stage, error)
	ReviseStage(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, change func(*models.Stage) error, now time.Time) (models.Stage, error)
	DeleteStage(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error
	MethodName(ctx context.Context, owner models.AccountID, id models.MethodID) (string, error)
	ResourceTags(ctx context.Context, kind models.ResourceKind, id int64) (models.ResourceTags, error)
	PurgeCache(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error
	FlushStageAuthorizers(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error
}

// stageOperations are about where an API is served.
var stageOperations = []operation{
	{name: "CreateStage", verb: http.MethodPost, path: "/restapis/{api}/stages", status: http.StatusCreated, do: (*call).createStage},
	{name: "GetStages", verb: http.MethodGet, path: "/restapis/{api}/stages", status: http.StatusOK, do: (*call).getStages},
	{name: "GetStage", verb: http.MethodGet, path: "/restapis/{api}/stages/{stage}", status: http.StatusOK, do: (*call).getStage},
	{name: "UpdateStage", verb: http.MethodPatch, path: "/restapis/{api}/stages/{stage}", status: http.StatusOK, do: (*call).updateStage},
	{name: "DeleteStage", verb: http.MethodDelete, path: "/restapis/{api}/stages/{stage}", status: http.StatusAccepted, do: (*call).deleteStage},
	{name: "FlushStageCache", verb: http.MethodDelete, path: "/restapis/{api}/stages/{stage}/cache/data", status: http.StatusAccepted, do: (*call).flushStageCache},
	{name: "FlushStageAuthorizersCache", verb: http.MethodDelete, path: "/restapis/{api}/stages/{stage}/cache/authorizers", status: http.StatusAccepted, do: (*call).flushStageAuthorizers},
}

type wireStage struct {
	Deployment           string                       `json:"deploymentId,omitempty"` // none of a stage that was made in the portal and that nothing is deployed to
	Certificate          string                       `json:"clientCertificateId,omitempty"`
	Name                 string                       `json:"stageName"`
	Description          string                       `json:"description,omitempty"`
	CacheEnabled         bool                         `json:"cacheClusterEnabled"`
	CacheSize            string                       `json:"cacheClusterSize,omitempty"`
	CacheStatus          string                       `json:"cacheClusterStatus"`
	Methods              map[string]wireMethodSetting `json:"methodSettings"`
	Variables            map[string]string            `json:"variables,omitempty"`
	DocumentationVersion string                       `json:"documentationVersion,omitempty"`
	Log                  *wireLog                     `json:"accessLogSettings,omitempty"`
	Canary               *wireCanary                  `json:"canarySettings,omitempty"`
	Tracing              bool                         `json:"tracingEnabled"`
	Tags                 models.ResourceTags          `json:"tags,omitempty"`
	Created              stamp                        `json:"createdDate"`
	Updated              stamp                        `json:"lastUpdatedDate"`
}

type wireLog struct {
	Format      string `json:"format,omitempty"`
	Destination string `json:"destinationArn,omitempty"`
}

type wireCanary struct {
	Percent    float             `json:"percentTraffic"`
	Deployment string            `json:"deploymentId"`
	Overrides  map[string]string `json:"stageVariableOverrides,omitempty"`
	UseCache   bool              `json:"useStageCache"`
}

// The states of a cache cluster: here it is there at once.
const (
	cacheAvailable = "AVAILABLE"
	cacheNone      = "NOT_AVAILABLE"
)

// wireStageOf is a stage as answers have it. Names are those that its cache knows by id.
func wireStageOf(st models.Stage, names map[models.MethodID]string, tags models.ResourceTags) wireStage {
	st.Settings.MethodsByCache(names)
	s, n := st.Settings, st.Settings.Notes
	out := wireStage{
		Deployment: st.Deployment.String(), Certificate: s.TLS.Certificate.String(), Name: st.Name, Description: n.Description, CacheEnabled: n.CacheCluster,
		CacheSize: n.CacheSize, CacheStatus: cacheNone, Methods: wireSettingsOf(st), Variables: s.Variables, DocumentationVersion: n.DocumentationVersion, Tracing: n.Tracing,
		Tags: tags, Created: stamp(st.CreatedAt), Updated: stamp(st.UpdatedAt),
	}
	if n.CacheCluster {
		out.CacheStatus, out.CacheSize = cacheAvailable, cmp.Or(n.CacheSize, cacheSizes[0])
	}
	if n.LogDestination != "" || n.LogFormat != "" {
		out.Log = &wireLog{n.LogFormat, n.LogDestination}
	}
	if c := s.Canary; c != nil {
		out.Canary = &wireCanary{float(c.Percent), c.Deployment.String(), c.Variables, n.CanaryCache}
	}
	return out
}

// cachedNames are the names of the methods that the cache of a stage names by id, as pages do. Without such a stage there are none.
func (c *call) cachedNames(api models.APIID, stage string) (map[models.MethodID]string, error) {
	if stage == "" {
		return nil, nil
	}
	st, err := c.Records.StageNamed(c.ctx, c.owner(), api, stage)
	if models.KindOf(err) == models.KindNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return c.namesOf(st)
}

func (c *call) namesOf(st models.Stage) (map[models.MethodID]string, error) {
	if st.Settings.Cache == nil {
		return nil, nil
	}
	names := map[models.MethodID]string{}
	for _, id := range st.Settings.Cache.Methods {
		name, err := c.Records.MethodName(c.ctx, c.owner(), id)
		if err != nil && models.KindOf(err) != models.KindNotFound {
			return nil, err
		}
		names[id] = name
	}
	return names, nil
}

// wire is a stage as an answer has it.
func (c *call) wireStage(st models.Stage) (wireStage, error) {
	names, err := c.namesOf(st)
	if err != nil {
		return wireStage{}, err
	}
	tags, err := c.Records.ResourceTags(c.ctx, models.ResourceStage, int64(st.ID))
	return wireStageOf(st, names, tags), err
}

var stageName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

var errStageName = badRequest("Stage name only allows a-zA-Z0-9_-, and at most 128 of them")

// servedStage reads the stage that a request's path names.
func (c *call) servedStage() (models.Stage, error) {
	api, err := c.restAPI()
	if err != nil {
		return models.Stage{}, err
	}
	st, err := c.Records.StageNamed(c.ctx, c.owner(), api.ID, c.label["stage"])
	return st, ifUnknown(err, noStage)
}

const noStage = "Invalid Stage identifier specified"

func (c *call) createStage() (any, error) {
	var in struct {
		Name                 *string             `json:"stageName"`
		Deployment           *string             `json:"deploymentId"`
		Description          *string             `json:"description"`
		DocumentationVersion *string             `json:"documentationVersion"`
		Canary               *canaryInput        `json:"canarySettings"`
		Tags                 models.ResourceTags `json:"tags"`
		stageInput
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	var broken constraints
	if in.Name == nil {
		broken.required("createStageInput.stageName")
	}
	if in.Deployment == nil {
		broken.required("createStageInput.deploymentId")
	}
	in.check(&broken, "createStageInput")
	api, err := c.restAPI()
	switch {
	case err != nil:
		return nil, err
	case broken.err() != nil:
		return nil, broken.err()
	case !stageName.MatchString(*in.Name):
		return nil, errStageName
	}
	st := models.Stage{Name: *in.Name}
	if st.Deployment, err = readDeployment(*in.Deployment); err != nil {
		return nil, err
	}
	in.put(&st, in.Description)
	st.Settings.Notes.DocumentationVersion = orEmpty(in.DocumentationVersion)
	if in.Canary != nil {
		canary := st.Deployment
		if in.Canary.Deployment != nil {
			if canary, err = readDeployment(*in.Canary.Deployment); err != nil {
				return nil, err
			}
		}
		in.Canary.put(&st, canary)
	}
	if st, err = c.Records.OpenStage(c.ctx, c.actor, api.ID, st, in.Tags, c.now); err != nil {
		return nil, servedFault(err)
	}
	return wireStageOf(st, nil, in.Tags), nil
}

// readDeployment reads the id of a deployment that a stage is to serve.
func readDeployment(text string) (models.DeploymentID, error) {
	id, err := models.ParseID[models.Deployment](text)
	if err != nil {
		return 0, badRequest("Deployment id does not exist")
	}
	return id, nil
}

func (c *call) getStages() (any, error) {
	api, err := c.restAPI()
	if err != nil {
		return nil, err
	}
	stages, err := c.Records.Stages(c.ctx, c.owner(), api.ID)
	if err != nil {
		return nil, err
	}
	out := list[wireStage]{Item: []wireStage{}}
	only := c.query.Get("deploymentId")
	for _, st := range stages {
		if only != "" && st.Deployment.String() != only {
			continue
		}
		wire, err := c.wireStage(st)
		if err != nil {
			return nil, err
		}
		out.Item = append(out.Item, wire)
	}
	return out, nil
}

func (c *call) getStage() (any, error) {
	st, err := c.servedStage()
	if err != nil {
		return nil, err
	}
	return c.wireStage(st)
}

func (c *call) deleteStage() (any, error) {
	st, err := c.servedStage()
	if err != nil {
		return nil, err
	}
	return nil, ifUnknown(c.Records.DeleteStage(c.ctx, c.actor, st.APIID, st.ID, c.now), noStage)
}

func (c *call) flushStageCache() (any, error) {
	st, err := c.servedStage()
	if err != nil || st.Settings.Cache == nil { // what keeps nothing is empty
		return nil, err
	}
	return nil, ifUnknown(c.Records.PurgeCache(c.ctx, c.actor, st.APIID, st.ID, c.now), noStage)
}

func (c *call) flushStageAuthorizers() (any, error) {
	st, err := c.servedStage()
	if err != nil {
		return nil, err
	}
	return nil, ifUnknown(c.Records.FlushStageAuthorizers(c.ctx, c.actor, st.APIID, st.ID, c.now), noStage)
}
