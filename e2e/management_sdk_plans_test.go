package e2e

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// stages deploys the API to a stage, and changes all that a stage has.
func (s *sdk) stages(m *managed, api string) (stage string) {
	t, ctx := s.t, s.ctx
	stage = "prod"
	host := strings.TrimPrefix(m.upstream, "http://")
	first := got[*apigateway.CreateDeploymentOutput](t)(s.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: &api, Description: aws.String("first")}))
	got[*apigateway.UpdateDeploymentOutput](t)(s.UpdateDeployment(ctx, &apigateway.UpdateDeploymentInput{RestApiId: &api, DeploymentId: first.Id, PatchOperations: patch("replace", "/description", "the first one")}))
	read := got[*apigateway.GetDeploymentOutput](t)(s.GetDeployment(ctx, &apigateway.GetDeploymentInput{RestApiId: &api, DeploymentId: first.Id, Embed: []string{"apisummary"}}))
	same(t, "a deployment", []any{"the first one", true}, []any{*read.Description, read.ApiSummary["/orders/{id}"]["GET"].ApiKeyRequired})
	_, err := s.CreateStage(ctx, &apigateway.CreateStageInput{RestApiId: &api, StageName: &stage, DeploymentId: aws.String("nothing")})
	refusedWith(t, "BadRequestException", err)
	made := got[*apigateway.CreateStageOutput](t)(s.CreateStage(ctx, &apigateway.CreateStageInput{RestApiId: &api, StageName: &stage, DeploymentId: first.Id, Description: aws.String("for all"),
		Variables: map[string]string{"host": host}, Tags: map[string]string{"env": "prod"}}))
	same(t, "a stage", []any{*first.Id, "for all", map[string]string{"host": host}, types.CacheClusterStatusNotAvailable}, []any{*made.DeploymentId, *made.Description, made.Variables, made.CacheClusterStatus})
	_, err = s.CreateStage(ctx, &apigateway.CreateStageInput{RestApiId: &api, StageName: &stage, DeploymentId: first.Id})
	refusedWith(t, "ConflictException", err)
	base := "/" + api + "/" + stage
	if status, body := m.ask(base+"/mock", ""); status != 200 || body != `{"stage":"prod"}` {
		t.Errorf("a mocked method: %d %s", status, body)
	}
	if status, body := m.ask(base+"/orders/1", ""); status != 401 || !strings.HasPrefix(body, `{"sorry":"`) {
		t.Errorf("a gateway response: %d %s", status, body)
	}
	changed := got[*apigateway.UpdateStageOutput](t)(s.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &api, StageName: &stage, PatchOperations: patch(
		"replace", "/variables/more", "1", "replace", "/*/*/throttling/rateLimit", "500", "replace", "/*/*/throttling/burstLimit", "600",
		"replace", "/mock/GET/throttling/rateLimit", "0", "replace", "/mock/GET/throttling/burstLimit", "0", "replace", "/*/*/logging/loglevel", "INFO")}))
	same(t, "settings of a stage", []any{500.0, int32(600), 0.0, "INFO", "1"},
		[]any{changed.MethodSettings["*/*"].ThrottlingRateLimit, changed.MethodSettings["*/*"].ThrottlingBurstLimit, changed.MethodSettings["mock/GET"].ThrottlingRateLimit, *changed.MethodSettings["*/*"].LoggingLevel, changed.Variables["more"]})
	if status, _ := m.ask(base+"/mock", ""); status != 429 {
		t.Errorf("a method without a rate: %d", status)
	}
	got[*apigateway.UpdateStageOutput](t)(s.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &api, StageName: &stage, PatchOperations: patch("remove", "/mock/GET", "")}))
	if status, _ := m.ask(base+"/mock", ""); status != 200 {
		t.Errorf("a method whose settings are gone: %d", status)
	}
	s.canary(api, stage)
	got[*apigateway.FlushStageCacheOutput](t)(s.FlushStageCache(ctx, &apigateway.FlushStageCacheInput{RestApiId: &api, StageName: &stage}))
	got[*apigateway.FlushStageAuthorizersCacheOutput](t)(s.FlushStageAuthorizersCache(ctx, &apigateway.FlushStageAuthorizersCacheInput{RestApiId: &api, StageName: &stage}))
	if all := got[*apigateway.GetStagesOutput](t)(s.GetStages(ctx, &apigateway.GetStagesInput{RestApiId: &api})); len(all.Item) != 1 {
		t.Errorf("stages: %+v", all.Item)
	}
	return stage
}

// canary sends a part of the callers to another deployment, which becomes the stage's.
func (s *sdk) canary(api, stage string) {
	t, ctx := s.t, s.ctx
	second := got[*apigateway.CreateDeploymentOutput](t)(s.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: &api, StageName: &stage, CanarySettings: &types.DeploymentCanarySettings{PercentTraffic: 10}}))
	read := got[*apigateway.GetStageOutput](t)(s.GetStage(ctx, &apigateway.GetStageInput{RestApiId: &api, StageName: &stage}))
	if read.CanarySettings == nil || *read.CanarySettings.DeploymentId != *second.Id || read.CanarySettings.PercentTraffic != 10 || *read.DeploymentId == *second.Id {
		t.Errorf("a canary: %+v", read.CanarySettings)
	}
	promoted := got[*apigateway.UpdateStageOutput](t)(s.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &api, StageName: &stage, PatchOperations: []types.PatchOperation{
		{Op: types.OpCopy, Path: aws.String("/deploymentId"), From: aws.String("/canarySettings/deploymentId")}, {Op: types.OpRemove, Path: aws.String("/canarySettings")}}}))
	if *promoted.DeploymentId != *second.Id || promoted.CanarySettings != nil {
		t.Errorf("after the promotion: %s, %+v", *promoted.DeploymentId, promoted.CanarySettings)
	}
	if all := got[*apigateway.GetDeploymentsOutput](t)(s.GetDeployments(ctx, &apigateway.GetDeploymentsInput{RestApiId: &api})); len(all.Items) != 2 {
		t.Errorf("deployments: %+v", all.Items)
	}
}

// plans makes a plan with a key on the stage, and calls until it is over.
func (s *sdk) plans(m *managed, api, stage string) {
	t, ctx := s.t, s.ctx
	plan := got[*apigateway.CreateUsagePlanOutput](t)(s.CreateUsagePlan(ctx, &apigateway.CreateUsagePlanInput{Name: aws.String("Basic"), Description: aws.String("for most"),
		ApiStages: []types.ApiStage{{ApiId: &api, Stage: &stage, Throttle: map[string]types.ThrottleSettings{"/orders/{id}/GET": {RateLimit: 100, BurstLimit: 200}}}},
		Throttle:  &types.ThrottleSettings{RateLimit: 1000, BurstLimit: 2000}, Quota: &types.QuotaSettings{Limit: 2, Period: types.QuotaPeriodTypeDay}}))
	read := got[*apigateway.GetUsagePlanOutput](t)(s.GetUsagePlan(ctx, &apigateway.GetUsagePlanInput{UsagePlanId: plan.Id}))
	same(t, "a plan", []any{"Basic", "for most", 1000.0, int32(2000), int32(2), int32(0), types.QuotaPeriodTypeDay, types.ThrottleSettings{RateLimit: 100, BurstLimit: 200}.BurstLimit},
		[]any{*read.Name, *read.Description, read.Throttle.RateLimit, read.Throttle.BurstLimit, read.Quota.Limit, read.Quota.Offset, read.Quota.Period, read.ApiStages[0].Throttle["/orders/{id}/GET"].BurstLimit})
	changed := got[*apigateway.UpdateUsagePlanOutput](t)(s.UpdateUsagePlan(ctx, &apigateway.UpdateUsagePlanInput{UsagePlanId: plan.Id, PatchOperations: patch("replace", "/name", "Most", "replace", "/quota/period", "WEEK", "replace", "/quota/offset", "6")}))
	same(t, "a changed plan", []any{"Most", types.QuotaPeriodTypeWeek, int32(6)}, []any{*changed.Name, changed.Quota.Period, changed.Quota.Offset})
	if _, err := s.UpdateUsagePlan(ctx, &apigateway.UpdateUsagePlanInput{UsagePlanId: plan.Id, PatchOperations: patch("replace", "/name", "half", "replace", "/quota/offset", "7")}); err == nil {
		t.Error("a week has an eighth day")
	}

	key := got[*apigateway.CreateApiKeyOutput](t)(s.CreateApiKey(ctx, &apigateway.CreateApiKeyInput{Name: aws.String("k"), Description: aws.String("d"), CustomerId: aws.String("c1"), Enabled: true, Tags: map[string]string{"a": "b"}}))
	got[*apigateway.UpdateApiKeyOutput](t)(s.UpdateApiKey(ctx, &apigateway.UpdateApiKeyInput{ApiKey: key.Id, PatchOperations: patch("replace", "/name", "key", "replace", "/customerId", "c2")}))
	one := got[*apigateway.GetApiKeyOutput](t)(s.GetApiKey(ctx, &apigateway.GetApiKeyInput{ApiKey: key.Id, IncludeValue: aws.Bool(true)}))
	same(t, "a key", []any{"key", "d", "c2", true, *key.Value, map[string]string{"a": "b"}}, []any{*one.Name, *one.Description, *one.CustomerId, one.Enabled, *one.Value, one.Tags})
	got[*apigateway.CreateUsagePlanKeyOutput](t)(s.CreateUsagePlanKey(ctx, &apigateway.CreateUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id, KeyType: aws.String("API_KEY")}))
	_, err := s.CreateUsagePlanKey(ctx, &apigateway.CreateUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id, KeyType: aws.String("API_KEY")})
	refusedWith(t, "ConflictException", err)
	of := got[*apigateway.GetUsagePlanKeyOutput](t)(s.GetUsagePlanKey(ctx, &apigateway.GetUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id}))
	same(t, "a key of a plan", []string{*key.Id, "API_KEY", *key.Value, "key"}, []string{*of.Id, *of.Type, *of.Value, *of.Name})
	if all := got[*apigateway.GetUsagePlansOutput](t)(s.GetUsagePlans(ctx, &apigateway.GetUsagePlansInput{KeyId: key.Id})); len(all.Items) != 1 {
		t.Errorf("plans of a key: %+v", all.Items)
	}
	path := "/" + api + "/" + stage + "/orders/5"
	for i, want := range []int{200, 200, 429} {
		if status, body := m.ask(path, *key.Value); status != want || want == 200 && body != "order 5" {
			t.Errorf("call %d: %d %s", i+1, status, body)
		}
	}
	today := aws.String(time.Now().UTC().Format(time.DateOnly))
	m.eventually("usage", func() bool {
		usage := got[*apigateway.GetUsageOutput](t)(s.GetUsage(ctx, &apigateway.GetUsageInput{UsagePlanId: plan.Id, StartDate: today, EndDate: today, KeyId: key.Id}))
		days := usage.Items[*key.Id]
		return len(days) == 1 && days[0][0] == 2 && days[0][1] == 0
	})
	got[*apigateway.UpdateUsageOutput](t)(s.UpdateUsage(ctx, &apigateway.UpdateUsageInput{UsagePlanId: plan.Id, KeyId: key.Id, PatchOperations: patch("replace", "/remaining", "1")}))
	for i, want := range []int{200, 429} {
		if status, _ := m.ask(path, *key.Value); status != want {
			t.Errorf("call %d of the extension: %d", i+1, status)
		}
	}
	s.tags(*plan.Id)
	imported := got[*apigateway.ImportApiKeysOutput](t)(s.ImportApiKeys(ctx, &apigateway.ImportApiKeysInput{Format: types.ApiKeysFormatCsv, Body: []byte("name,key,usageplanids\nx,the-value-of-a-key-00000001," + *plan.Id + "\n")}))
	if all := got[*apigateway.GetUsagePlanKeysOutput](t)(s.GetUsagePlanKeys(ctx, &apigateway.GetUsagePlanKeysInput{UsagePlanId: plan.Id})); len(all.Items) != 2 || *all.Items[0].Id != imported.Ids[0] {
		t.Errorf("keys of a plan: %+v", all.Items)
	}
	got[*apigateway.DeleteUsagePlanKeyOutput](t)(s.DeleteUsagePlanKey(ctx, &apigateway.DeleteUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id}))
	if status, _ := m.ask(path, *key.Value); status != 401 {
		t.Errorf("a key that left the plan: %d", status)
	}
	for _, k := range got[*apigateway.GetApiKeysOutput](t)(s.GetApiKeys(ctx, nil)).Items {
		got[*apigateway.DeleteApiKeyOutput](t)(s.DeleteApiKey(ctx, &apigateway.DeleteApiKeyInput{ApiKey: k.Id}))
	}
	_, err = s.DeleteUsagePlan(ctx, &apigateway.DeleteUsagePlanInput{UsagePlanId: plan.Id})
	refusedWith(t, "BadRequestException", err)
	got[*apigateway.UpdateUsagePlanOutput](t)(s.UpdateUsagePlan(ctx, &apigateway.UpdateUsagePlanInput{UsagePlanId: plan.Id, PatchOperations: patch("remove", "/apiStages", api+":"+stage)}))
	got[*apigateway.DeleteUsagePlanOutput](t)(s.DeleteUsagePlan(ctx, &apigateway.DeleteUsagePlanInput{UsagePlanId: plan.Id}))
}

func (s *sdk) tags(plan string) {
	t, ctx, arn := s.t, s.ctx, aws.String("arn:aws:apigateway:eu-central-1::/usageplans/"+plan)
	got[*apigateway.TagResourceOutput](t)(s.TagResource(ctx, &apigateway.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "1", "b": "2"}}))
	got[*apigateway.UntagResourceOutput](t)(s.UntagResource(ctx, &apigateway.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}}))
	same(t, "tags", map[string]string{"b": "2"}, got[*apigateway.GetTagsOutput](t)(s.GetTags(ctx, &apigateway.GetTagsInput{ResourceArn: arn})).Tags)
}

// removeAll takes the API apart.
func (s *sdk) removeAll(api, stage string) {
	t, ctx, get := s.t, s.ctx, aws.String("GET")
	for _, r := range got[*apigateway.GetResourcesOutput](t)(s.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: &api, Embed: []string{"methods"}})).Items {
		method, has := r.ResourceMethods["GET"]
		if !has {
			continue
		}
		for code := range method.MethodIntegration.IntegrationResponses {
			got[*apigateway.DeleteIntegrationResponseOutput](t)(s.DeleteIntegrationResponse(ctx, &apigateway.DeleteIntegrationResponseInput{RestApiId: &api, ResourceId: r.Id, HttpMethod: get, StatusCode: &code}))
		}
		for code := range method.MethodResponses {
			got[*apigateway.DeleteMethodResponseOutput](t)(s.DeleteMethodResponse(ctx, &apigateway.DeleteMethodResponseInput{RestApiId: &api, ResourceId: r.Id, HttpMethod: get, StatusCode: &code}))
		}
		got[*apigateway.DeleteIntegrationOutput](t)(s.DeleteIntegration(ctx, &apigateway.DeleteIntegrationInput{RestApiId: &api, ResourceId: r.Id, HttpMethod: get}))
		got[*apigateway.DeleteMethodOutput](t)(s.DeleteMethod(ctx, &apigateway.DeleteMethodInput{RestApiId: &api, ResourceId: r.Id, HttpMethod: get}))
	}
	got[*apigateway.DeleteModelOutput](t)(s.DeleteModel(ctx, &apigateway.DeleteModelInput{RestApiId: &api, ModelName: aws.String("Order")}))
	for _, v := range got[*apigateway.GetRequestValidatorsOutput](t)(s.GetRequestValidators(ctx, &apigateway.GetRequestValidatorsInput{RestApiId: &api})).Items {
		got[*apigateway.DeleteRequestValidatorOutput](t)(s.DeleteRequestValidator(ctx, &apigateway.DeleteRequestValidatorInput{RestApiId: &api, RequestValidatorId: v.Id}))
	}
	for _, r := range got[*apigateway.GetResourcesOutput](t)(s.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: &api})).Items {
		if *r.Path == "/orders" {
			got[*apigateway.DeleteResourceOutput](t)(s.DeleteResource(ctx, &apigateway.DeleteResourceInput{RestApiId: &api, ResourceId: r.Id}))
		}
	}
	got[*apigateway.DeleteStageOutput](t)(s.DeleteStage(ctx, &apigateway.DeleteStageInput{RestApiId: &api, StageName: &stage}))
	for _, d := range got[*apigateway.GetDeploymentsOutput](t)(s.GetDeployments(ctx, &apigateway.GetDeploymentsInput{RestApiId: &api})).Items {
		got[*apigateway.DeleteDeploymentOutput](t)(s.DeleteDeployment(ctx, &apigateway.DeleteDeploymentInput{RestApiId: &api, DeploymentId: d.Id}))
	}
	got[*apigateway.DeleteRestApiOutput](t)(s.DeleteRestApi(ctx, &apigateway.DeleteRestApiInput{RestApiId: &api}))
}
