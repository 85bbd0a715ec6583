package management

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// served is an API whose methods have integrations, as clients of the management API make them.
func (r *rig) served(slug string, methods ...string) models.API {
	r.t.Helper()
	in := models.NewAPI{Name: slug, Slug: slug, KeySource: models.DefaultKeySource()}
	for _, m := range methods {
		verb, path, _ := strings.Cut(m, " ")
		in.Methods = append(in.Methods, models.Method{Verb: verb, Path: path, MethodDetails: models.MethodDetails{Integration: &models.Integration{Kind: models.IntegrationMock}}})
	}
	a, err := r.CreateAPI(r.t.Context(), r.actor(), in, r.now)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// stageOf reads a stage from the store.
func (r *rig) stageOf(api models.APIID, name string) models.Stage {
	r.t.Helper()
	st, err := r.StageNamed(r.t.Context(), r.owner.ID, api, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return st
}

func TestADeploymentMakesItsStageOrMovesIt(t *testing.T) {
	r := newRig(t)
	api := r.served("pets", "GET /pets", "POST /pets")
	path := "/restapis/" + api.ID.String()
	first := r.call("POST", path+"/deployments", `{"stageName":"dev","stageDescription":"For tests","description":"first","variables":{"host":"a.example.com"},"tracingEnabled":"true"}`).is(201).member("id")
	st := r.stageOf(api.ID, "dev")
	if st.Deployment.String() != first || st.Upstream != "" || st.Settings.Variables["host"] != "a.example.com" {
		t.Errorf("the stage is %+v", st)
	}
	second := r.call("POST", path+"/deployments", `{"stageName":"dev"}`).is(201).member("id")
	if st = r.stageOf(api.ID, "dev"); st.Deployment.String() != second || st.Settings.Variables["host"] != "a.example.com" || st.Settings.Notes.Description != "For tests" {
		t.Errorf("the stage is %+v", st)
	}
	third := r.call("POST", path+"/deployments", `{"stageName":"","description":"for nobody yet"}`).is(201).member("id")
	r.call("POST", path+"/deployments", `{"stageName":"dev","canarySettings":{"percentTraffic":5.5,"stageVariableOverrides":{"host":"b.example.com"}}}`).is(201)
	if st = r.stageOf(api.ID, "dev"); st.Deployment.String() != second || st.Settings.Canary == nil || st.Settings.Canary.Percent != 5.5 || st.Settings.Canary.Deployment == st.Deployment {
		t.Errorf("the canary is %+v", st.Settings.Canary)
	}
	r.call("DELETE", path+"/deployments/"+second, "").refused(400, "BadRequestException", "Active stages pointing to this deployment must be moved or deleted")
	r.call("DELETE", path+"/deployments/"+st.Settings.Canary.Deployment.String(), "").refused(400, "BadRequestException", "Active stages")
	r.call("DELETE", path+"/deployments/"+first, "").is(202)
	r.call("GET", path+"/deployments/"+first, "").refused(404, "NotFoundException", "Invalid Deployment identifier specified")
	r.call("DELETE", path+"/deployments/"+first, "").refused(404, "NotFoundException", "Invalid Deployment identifier specified")
	r.patch(path+"/deployments/"+third, "replace /description changed").is(200)
	r.patch(path+"/deployments/"+third, "remove /description").refused(400, "BadRequestException", "Invalid patch path  '/description' specified for op 'remove'. Must be one of: []")
	var summary struct {
		Description string
		APISummary  map[string]map[string]struct {
			AuthorizationType string
			APIKeyRequired    bool
		}
	}
	r.call("GET", path+"/deployments/"+third+"?embed=apisummary", "").is(200).read(&summary)
	if got := summary.APISummary["/pets"]["POST"]; summary.Description != "changed" || got.AuthorizationType != "NONE" || got.APIKeyRequired {
		t.Errorf("summary %+v", summary)
	}
}

func TestDeploymentsThatNobodyCouldAnswerAreRefused(t *testing.T) {
	r := newRig(t)
	empty := r.served("empty")
	r.call("POST", "/restapis/"+empty.ID.String()+"/deployments", `{}`).refused(400, "BadRequestException", "The REST API doesn't contain any methods")
	a, err := r.CreateAPI(t.Context(), r.actor(), models.NewAPI{Name: "bare", Slug: "bare", KeySource: models.DefaultKeySource(), Methods: []models.Method{{Verb: "GET", Path: "/a"}}}, r.now)
	if err != nil {
		t.Fatal(err)
	}
	path := "/restapis/" + a.ID.String()
	r.call("POST", path+"/deployments", `{}`).refused(400, "BadRequestException", "No integration defined for method")
	r.call("POST", path+"/deployments", `{"stageName":"dev"}`).refused(400, "BadRequestException", "No integration defined for method")
	if list, _ := r.Deployments(t.Context(), r.owner.ID, a.ID); len(list) != 0 {
		t.Errorf("%d deployments were left behind", len(list))
	}
	r.addStage(a.ID, "portal") // which has an upstream of its own
	made := r.call("POST", path+"/deployments", `{"stageName":"portal"}`).is(201).member("id")
	r.call("POST", path+"/deployments", `{}`).is(201)
	r.call("POST", path+"/stages", map[string]string{"stageName": "dev", "deploymentId": made}).refused(400, "BadRequestException", "No integration defined for method")
	r.call("POST", "/restapis/nosuchapi0/deployments", `{}`).refused(404, "NotFoundException", "Invalid API identifier specified 123456789012:nosuchapi0")
	r.call("POST", path+"/deployments", `{"canarySettings":{}}`).refused(400, "BadRequestException", "Invalid deployment content specified")
	r.call("POST", path+"/deployments", `{"stageName":"new","canarySettings":{"percentTraffic":1}}`).refused(400, "BadRequestException", "Invalid deployment content specified.Stage new must already")
}

func TestDeploymentsAreListedNewestFirstBeyondAHundred(t *testing.T) {
	r := newRig(t)
	api := r.served("pets", "GET /pets")
	path := "/restapis/" + api.ID.String() + "/deployments"
	for i := range 103 {
		r.call("POST", path, map[string]string{"description": fmt.Sprint(i)}).is(201)
	}
	var seen []string
	for position, pages := "", 0; pages < 10; pages++ {
		var page struct {
			Position string
			Item     []struct{ Description string }
		}
		r.call("GET", path+"?limit=50&position="+url.QueryEscape(position), "").is(200).read(&page)
		for _, d := range page.Item {
			seen = append(seen, d.Description)
		}
		if position = page.Position; position == "" {
			break
		}
	}
	if len(seen) != 103 || seen[0] != "102" || seen[102] != "0" {
		t.Errorf("listed %d: %v", len(seen), seen)
	}
}

// Terraform's aws_api_gateway_stage and aws_api_gateway_method_settings.
func TestAStageIsSetAsTerraformDoes(t *testing.T) {
	r := newRig(t)
	api := r.served("pets", "GET /pets", "GET /pets/{id}")
	path := "/restapis/" + api.ID.String()
	d := r.call("POST", path+"/deployments", `{"description":""}`).is(201).member("id")
	r.call("POST", path+"/stages", map[string]any{"stageName": "prod", "deploymentId": d, "description": "", "cacheClusterEnabled": false, "tracingEnabled": false, "variables": map[string]string{}}).is(201).
		says(fmt.Sprintf(`{"deploymentId":%q,"stageName":"prod","cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","methodSettings":{},"tracingEnabled":false,"createdDate":%d,"lastUpdatedDate":%d}`, d, r.now.Unix(), r.now.Unix()))
	r.call("POST", path+"/stages", map[string]any{"stageName": "prod", "deploymentId": d}).refused(409, "ConflictException", "Stage already exists")
	r.call("POST", path+"/stages", map[string]any{"stageName": "b", "deploymentId": "zzzzzz"}).refused(400, "BadRequestException", "Deployment id does not exist")
	r.call("POST", path+"/stages", map[string]any{"stageName": "b", "deploymentId": api.ID.String()}).refused(400, "BadRequestException", "Deployment id does not exist")
	r.call("POST", path+"/stages", map[string]any{"stageName": "a b", "deploymentId": d}).refused(400, "BadRequestException", "Stage name only allows")
	r.call("POST", path+"/stages", `{"stageName":"b","cacheClusterSize":"7"}`).refused(400, "ValidationException", "2 validation errors detected")
	stage := path + "/stages/prod"
	r.patch(stage, "replace /*/*/metrics/enabled true", "replace /*/*/logging/loglevel INFO", "replace /*/*/throttling/burstLimit -1", "replace /*/*/throttling/rateLimit -1").is(200)
	r.patch(stage, "replace /pets/GET/throttling/burstLimit 5", "replace /pets/GET/throttling/rateLimit 10", "replace /pets~1{id}/GET/throttling/rateLimit 3", "replace /~1/GET/caching/enabled true").is(200)
	var got struct{ MethodSettings map[string]json.RawMessage }
	r.call("GET", stage, "").is(200).read(&got)
	want := map[string]string{
		"*/*":            `{"metricsEnabled":true,"loggingLevel":"INFO","dataTraceEnabled":false,"throttlingBurstLimit":-1,"throttlingRateLimit":-1.0,"cachingEnabled":false,"cacheTtlInSeconds":300,"cacheDataEncrypted":false,"requireAuthorizationForCacheControl":true,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}`,
		"pets/GET":       `{"metricsEnabled":true,"loggingLevel":"INFO","dataTraceEnabled":false,"throttlingBurstLimit":5,"throttlingRateLimit":10.0,"cachingEnabled":false,"cacheTtlInSeconds":300,"cacheDataEncrypted":false,"requireAuthorizationForCacheControl":true,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}`,
		"pets~1{id}/GET": `{"metricsEnabled":true,"loggingLevel":"INFO","dataTraceEnabled":false,"throttlingBurstLimit":-1,"throttlingRateLimit":3.0,"cachingEnabled":false,"cacheTtlInSeconds":300,"cacheDataEncrypted":false,"requireAuthorizationForCacheControl":true,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}`,
	}
	for key, text := range want {
		if canonicalJSON(t, got.MethodSettings[key]) != canonicalJSON(t, []byte(text)) {
			t.Errorf("%s: got %s, want %s", key, got.MethodSettings[key], text)
		}
	}
	if len(got.MethodSettings) != 4 || got.MethodSettings["~1/GET"] == nil {
		t.Errorf("settings are %v", got.MethodSettings)
	}
	r.patch(stage, "remove /pets/GET").is(200)
	r.patch(stage, "remove /*/*").is(200)
	r.patch(stage, "remove /*/*").refused(400, "BadRequestException", "Cannot remove method setting */* because there is no method setting for this method ")
	r.patch(stage, "replace /deploymentId "+api.ID.String()).refused(400, "BadRequestException", "Deployment id does not exist")
	r.patch(stage, "replace /documentationVersion 7", "replace /cacheClusterEnabled true", "replace /cacheClusterSize 1.6", "replace /accessLogSettings/destinationArn arn:x", "add /accessLogSettings/format $context.requestId").is(200)
	r.call("GET", path+"/stages?deploymentId="+d, "").is(200)
	if st := r.stageOf(api.ID, "prod"); st.Settings.Notes != (models.StageNotes{DocumentationVersion: "7", CacheCluster: true, CacheSize: "1.6", LogDestination: "arn:x", LogFormat: "$context.requestId"}) {
		t.Errorf("notes are %+v", st.Settings.Notes)
	}
	r.call("DELETE", stage, "").is(202)
	r.call("GET", stage, "").refused(404, "NotFoundException", "Invalid Stage identifier specified")
	r.call("GET", path+"/stages", "").is(200).says(`{"item":[]}`)
	r.call("DELETE", path+"/deployments/"+d, "").is(202)
}

// Whoever gives nested paths without escapes, or with a slash before them, finds them again under what he gave.
func TestMethodSettingsAreFoundUnderTheKeyThatWasGiven(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod", "GET /a/b/{id}")
	stage := "/restapis/" + api.String() + "/stages/prod"
	for _, key := range []string{"a/b/{id}/GET", "~1a~1b~1{id}/GET", "a~1b~1{id}/GET"} {
		r.patch(stage, "replace /"+key+"/throttling/rateLimit 7").is(200)
		var got struct {
			MethodSettings map[string]struct{ ThrottlingRateLimit float64 }
		}
		r.call("GET", stage, "").read(&got)
		if len(got.MethodSettings) != 1 || got.MethodSettings[key].ThrottlingRateLimit != 7 {
			t.Errorf("%s: settings are %v", key, got.MethodSettings)
		}
		if m, ok := r.stageOf(api, "prod").Settings.Methods["GET /a/b/{id}"]; !ok || *m.Rate != 7 {
			t.Errorf("%s: kept %v", key, r.stageOf(api, "prod").Settings.Methods)
		}
		r.patch(stage, "remove /"+key).is(200)
	}
}

func TestAPatchOfAStageIsAllOrNothing(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	stage := "/restapis/" + api.String() + "/stages/prod"
	r.patch(stage, "replace /variables/host example.com", "replace /*/*/throttling/rateLimit 10").is(200)
	before := r.stageOf(api, "prod")
	second, err := r.Deploy(t.Context(), r.actor(), api, before.ID, "", r.now)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.PointStage(t.Context(), r.actor(), api, before.ID, before.Deployment, r.now.Add(time.Second))
	before = r.stageOf(api, "prod")
	for last, message := range map[string]string{
		"replace /nothing/at/all x":                         "Invalid method setting path: /nothing/at/all. Must be one of: [/deploymentId, /description,",
		"replace /pets/FETCH/metrics/enabled true":          "Invalid method setting path",
		"replace /*/GET/metrics/enabled true":               "Invalid method setting path",
		"remove /pets/POST":                                 "Cannot remove method setting pets/POST because there is no method setting for this method ",
		"add /canarySettings/deploymentId x":                "Invalid add operation with path: /canarySettings/deploymentId",
		"copy /deploymentId":                                "Invalid copy operation with path: /deploymentId and from ",
		"replace /variables/a-b x":                          "",
		"replace /canarySettings/percentTraffic 101":        "Enter 0 to 100 percent",
		"replace /*/*/throttling/rateLimit many":            "Invalid throttling rate limit",
		"replace /*/*/throttling/rateLimit -3":              "",
		"replace /clientCertificateId aaaaaaaaaa":           "Invalid Client Certificate identifier specified",
		"replace /pets/GET/caching/ttlInSeconds 9999":       "Invalid cache TTL",
		"replace /cacheClusterSize 3":                       "Invalid cache cluster size",
		"replace /description " + strings.Repeat("x", 2000): "Use at most 1024",
	} {
		r.patch(stage, "replace /deploymentId "+second.ID.String(), "replace /variables/host other.example.com", "replace /*/*/throttling/burstLimit 99", last).refused(400, "BadRequestException", message)
		after := r.stageOf(api, "prod")
		if after.Deployment != before.Deployment || after.Settings.Variables["host"] != "example.com" || after.Throttle.Burst != before.Throttle.Burst {
			t.Errorf("%s: the stage is %+v", last, after)
		}
	}
	r.patch(stage, "move /description x").refused(400, "BadRequestException", "")
	r.patch(stage, "nonsense /description x").refused(400, "ValidationException", "1 validation error detected: Value 'nonsense' at 'updateStageInput.patchOperations.1.member.op'")
	r.patch(stage, "replace /deploymentId "+second.ID.String(), "replace /variables/host other.example.com", "replace /*/*/throttling/burstLimit 99").is(200)
	if after := r.stageOf(api, "prod"); after.Deployment != second.ID || after.Settings.Variables["host"] != "other.example.com" || after.Throttle.Burst != 99 || after.Throttle.Rate != 10 {
		t.Errorf("the stage is %+v", after)
	}
}

func TestACanaryIsPromotedByCopies(t *testing.T) {
	r := newRig(t)
	api := r.served("pets", "GET /pets")
	path := "/restapis/" + api.ID.String()
	r.call("POST", path+"/deployments", `{"stageName":"prod","variables":{"host":"a","tenant":"t"}}`).is(201)
	stage := path + "/stages/prod"
	copies := `{"patchOperations":[{"op":"copy","from":"/canarySettings/stageVariableOverrides","path":"/variables"},{"op":"copy","from":"/canarySettings/deploymentId","path":"/deploymentId"},{"op":"remove","path":"/canarySettings"}]}`
	r.call("PATCH", stage, copies).refused(400, "BadRequestException", "Promotion not available. Canary does not exist.")
	next := r.call("POST", path+"/deployments", `{}`).is(201).member("id")
	var got struct {
		DeploymentID   string
		Variables      map[string]string
		CanarySettings *struct {
			PercentTraffic         float64
			DeploymentID           string
			StageVariableOverrides map[string]string
			UseStageCache          bool
		}
	}
	r.patch(stage, "replace /canarySettings/percentTraffic 12.5", "replace /canarySettings/deploymentId "+next, "replace /canarySettings/stageVariableOverrides/host b", "replace /canarySettings/useStageCache true").is(200).read(&got)
	if c := got.CanarySettings; c == nil || c.PercentTraffic != 12.5 || c.DeploymentID != next || c.StageVariableOverrides["host"] != "b" || !c.UseStageCache {
		t.Errorf("the canary is %+v", got.CanarySettings)
	}
	got.CanarySettings = nil
	r.call("PATCH", stage, copies).is(200).read(&got)
	if got.CanarySettings != nil || got.DeploymentID != next || got.Variables["host"] != "b" || got.Variables["tenant"] != "t" {
		t.Errorf("the stage is %+v", got)
	}
}

// What is kept is what the settings say, whoever said so last.
func TestCachingIsWhatTheSettingsSay(t *testing.T) {
	r := newRig(t)
	api, id := r.stage("pets", "prod", "GET /pets", "GET /dogs")
	stage := "/restapis/" + api.String() + "/stages/prod"
	life := func(name string) time.Duration {
		t.Helper()
		c := r.stageOf(api, "prod").Settings.Cache
		if c == nil {
			return 0
		}
		ttl, _ := c.Life(name, 0)
		return ttl
	}
	r.patch(stage, "replace /*/*/caching/enabled true").is(200)
	if life("GET /pets") != 0 {
		t.Error("answers are kept without a cache")
	}
	r.patch(stage, "replace /cacheClusterEnabled true", "replace /*/*/caching/ttlInSeconds 60").is(200)
	r.patch(stage, "replace /dogs/GET/caching/enabled false").is(200)
	if pets, dogs := life("GET /pets"), life("GET /dogs"); pets != time.Minute || dogs != 0 {
		t.Errorf("kept for %v and %v", pets, dogs)
	}
	r.patch(stage, "replace /*/*/caching/enabled false", "replace /dogs/GET/caching/enabled true", "replace /dogs/GET/caching/ttlInSeconds 5").is(200)
	if pets, dogs := life("GET /pets"), life("GET /dogs"); pets != 0 || dogs != 5*time.Second {
		t.Errorf("kept for %v and %v", pets, dogs)
	}
	epoch := r.stageOf(api, "prod").Settings.Cache.Epoch
	r.call("DELETE", stage+"/cache/data", "").is(202)
	if r.stageOf(api, "prod").Settings.Cache.Epoch == epoch {
		t.Error("nothing was flushed")
	}
	// A page takes over.
	methods, err := r.Methods(t.Context(), r.owner.ID, api)
	if err != nil {
		t.Fatal(err)
	}
	page := func(c *models.StageCache) {
		t.Helper()
		_, err := r.ChangeStage(t.Context(), r.actor(), api, id, models.StageCaching, func(st *models.Stage) error { st.Settings.Cache = c; return nil }, r.now)
		if err != nil {
			t.Fatal(err)
		}
	}
	var got struct {
		CacheClusterEnabled bool
		MethodSettings      map[string]struct {
			CachingEnabled    bool
			CacheTTLInSeconds int `json:"cacheTtlInSeconds"`
		}
	}
	page(&models.StageCache{TTL: 10 * time.Second, Methods: []models.MethodID{methods[0].ID}})
	r.call("GET", stage, "").read(&got)
	if m := got.MethodSettings; !got.CacheClusterEnabled || !m["pets/GET"].CachingEnabled || m["pets/GET"].CacheTTLInSeconds != 10 || m["dogs/GET"].CachingEnabled || m["*/*"].CachingEnabled {
		t.Errorf("answers are said to be kept so: %+v", got)
	}
	r.patch(stage, "replace /dogs/GET/caching/enabled true").is(200)
	if pets, dogs := life("GET /pets"), life("GET /dogs"); pets != 10*time.Second || dogs != 5*time.Minute {
		t.Errorf("kept for %v and %v", pets, dogs)
	}
	page(nil)
	got.MethodSettings = nil
	r.call("GET", stage, "").read(&got)
	if got.CacheClusterEnabled || got.MethodSettings["pets/GET"].CachingEnabled {
		t.Errorf("answers are said to be kept so: %+v", got)
	}
	r.call("DELETE", stage+"/cache/data", "").is(202)
	r.call("DELETE", stage+"/cache/authorizers", "").is(202)
}

func TestAStageOfThePortalIsOnTheWire(t *testing.T) {
	r := newRig(t)
	api, id := r.stage("pets", "prod")
	_, err := r.ChangeStage(t.Context(), r.actor(), api, id, models.StageBasics, func(st *models.Stage) error {
		st.Throttle = &limit.Throttle{Rate: 2.5, Burst: 7}
		return nil
	}, r.now)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		MethodSettings map[string]struct {
			ThrottlingRateLimit  float64
			ThrottlingBurstLimit int
		}
	}
	path := "/restapis/" + api.String() + "/stages/prod"
	r.call("GET", path, "").is(200).read(&got)
	if m := got.MethodSettings["*/*"]; m.ThrottlingRateLimit != 2.5 || m.ThrottlingBurstLimit != 7 {
		t.Errorf("settings are %+v", got)
	}
	r.patch(path, "replace /pets/GET/metrics/enabled true", "replace /*/*/throttling/rateLimit 5").is(200).read(&got)
	if own, all := got.MethodSettings["pets/GET"], got.MethodSettings["*/*"]; own.ThrottlingRateLimit != 2.5 || own.ThrottlingBurstLimit != 7 || all.ThrottlingRateLimit != 5 {
		t.Errorf("a new setting does not begin as that of all methods, or follows it: %+v", got)
	}
	r.patch(path, "remove /*/*").is(200)
	if st := r.stageOf(api, "prod"); st.Throttle != nil || st.Upstream == "" {
		t.Errorf("the stage is %+v", st)
	}
	other := rigOver(t, r.Store)
	other.call("GET", path, "").refused(404, "NotFoundException", "Invalid API identifier specified")
	other.call("DELETE", path, "").refused(404, "NotFoundException", "Invalid API identifier specified")
}

func TestADeletedStageLeavesItsPlans(t *testing.T) {
	r := newRig(t)
	api, id := r.stage("pets", "prod")
	terms := models.NewTerms("Gold")
	terms.Stages = []models.PlanStage{{StageID: id}}
	p, err := r.CreatePlan(t.Context(), r.actor(), terms, r.now)
	if err == nil {
		p, err = r.PublishPlan(t.Context(), r.actor(), p.ID, r.now)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.call("DELETE", "/restapis/"+api.String()+"/stages/prod", "").is(202)
	if row, err := r.Plan(t.Context(), r.owner.ID, p.ID); err != nil || len(row.InForce.Stages) != 0 {
		t.Errorf("the plan opens %v, %v", row.InForce.Stages, err)
	}
}

func TestTagsOfAStageAreKept(t *testing.T) {
	r := newRig(t)
	api := r.served("pets", "GET /pets")
	path := "/restapis/" + api.ID.String()
	d := r.call("POST", path+"/deployments", `{}`).is(201).member("id")
	r.call("POST", path+"/stages", map[string]any{"stageName": "prod", "deploymentId": d, "tags": map[string]string{"aws:x": "y"}}).refused(400, "BadRequestException", "The tag")
	r.call("GET", path+"/stages/prod", "").refused(404, "NotFoundException", "Invalid Stage identifier specified")
	r.call("POST", path+"/stages", map[string]any{"stageName": "prod", "deploymentId": d, "tags": map[string]string{"team": "blue"}}).is(201)
	var got struct{ Tags map[string]string }
	r.call("GET", path+"/stages/prod", "").read(&got)
	if got.Tags["team"] != "blue" {
		t.Errorf("tags are %v", got.Tags)
	}
}
