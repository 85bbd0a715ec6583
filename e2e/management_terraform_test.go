package e2e

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// The calls are those of Terraform's AWS provider, in its order, read from its code: it makes, reads at once what it made, changes by patches with raw paths, and
// takes apart in the order of what depends on what.
func TestTerraformsCallSequencesWork(t *testing.T) {
	t.Parallel()
	m := startManaged(t)
	s := newSDK(t, m, m.key)
	ctx, get := t.Context(), aws.String("GET")

	// aws_api_gateway_rest_api, _resource, _method, _integration
	made := got[*apigateway.CreateRestApiOutput](t)(s.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("tf")}))
	api := *made.Id
	got[*apigateway.GetRestApiOutput](t)(s.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: &api}))
	pets := s.path(api, s.root(api), "pets")
	got[*apigateway.GetResourceOutput](t)(s.GetResource(ctx, &apigateway.GetResourceInput{RestApiId: &api, ResourceId: &pets}))
	got[*apigateway.PutMethodOutput](t)(s.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: &api, ResourceId: &pets, HttpMethod: get, AuthorizationType: aws.String("NONE"), ApiKeyRequired: true}))
	got[*apigateway.GetMethodOutput](t)(s.GetMethod(ctx, &apigateway.GetMethodInput{RestApiId: &api, ResourceId: &pets, HttpMethod: get}))
	got[*apigateway.PutIntegrationOutput](t)(s.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: &api, ResourceId: &pets, HttpMethod: get, Type: types.IntegrationTypeHttpProxy, IntegrationHttpMethod: get, Uri: aws.String(m.upstream + "/9"), TimeoutInMillis: aws.Int32(29000), ConnectionType: types.ConnectionTypeInternet}))
	got[*apigateway.GetIntegrationOutput](t)(s.GetIntegration(ctx, &apigateway.GetIntegrationInput{RestApiId: &api, ResourceId: &pets, HttpMethod: get}))

	// aws_api_gateway_deployment, _stage, _method_settings
	deployment := got[*apigateway.CreateDeploymentOutput](t)(s.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: &api, Description: aws.String("")}))
	got[*apigateway.GetDeploymentOutput](t)(s.GetDeployment(ctx, &apigateway.GetDeploymentInput{RestApiId: &api, DeploymentId: deployment.Id}))
	for _, stage := range []string{"blue", "green"} {
		got[*apigateway.CreateStageOutput](t)(s.CreateStage(ctx, &apigateway.CreateStageInput{RestApiId: &api, StageName: &stage, DeploymentId: deployment.Id, Tags: map[string]string{"by": "tf"}}))
		got[*apigateway.GetStageOutput](t)(s.GetStage(ctx, &apigateway.GetStageInput{RestApiId: &api, StageName: &stage}))
		got[*apigateway.UpdateStageOutput](t)(s.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &api, StageName: &stage, PatchOperations: patch("replace", "/documentationVersion", "", "replace", "/tracingEnabled", "false")}))
		arn := aws.String("arn:aws:apigateway:eu-central-1::/restapis/" + api + "/stages/" + stage)
		got[*apigateway.TagResourceOutput](t)(s.TagResource(ctx, &apigateway.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"more": "yes"}}))
		got[*apigateway.UntagResourceOutput](t)(s.UntagResource(ctx, &apigateway.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"by"}}))
		same(t, "tags of a stage", map[string]string{"more": "yes"}, got[*apigateway.GetStageOutput](t)(s.GetStage(ctx, &apigateway.GetStageInput{RestApiId: &api, StageName: &stage})).Tags)
	}
	blue := aws.String("blue")
	got[*apigateway.UpdateStageOutput](t)(s.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &api, StageName: blue, PatchOperations: patch(
		"replace", "/pets/GET/metrics/enabled", "true", "replace", "/pets/GET/throttling/rateLimit", "-1", "replace", "/pets/GET/throttling/burstLimit", "-1")}))
	setting := got[*apigateway.GetStageOutput](t)(s.GetStage(ctx, &apigateway.GetStageInput{RestApiId: &api, StageName: blue})).MethodSettings["pets/GET"]
	same(t, "settings of a method", []any{true, -1.0, int32(-1), int32(300)}, []any{setting.MetricsEnabled, setting.ThrottlingRateLimit, setting.ThrottlingBurstLimit, setting.CacheTtlInSeconds})

	s.terraformPlan(api)
	got[*apigateway.UpdateStageOutput](t)(s.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &api, StageName: blue, PatchOperations: []types.PatchOperation{{Op: types.OpRemove, Path: aws.String("/pets/GET")}}}))
	for _, stage := range []string{"blue", "green"} {
		got[*apigateway.DeleteStageOutput](t)(s.DeleteStage(ctx, &apigateway.DeleteStageInput{RestApiId: &api, StageName: &stage}))
	}
	got[*apigateway.DeleteDeploymentOutput](t)(s.DeleteDeployment(ctx, &apigateway.DeleteDeploymentInput{RestApiId: &api, DeploymentId: deployment.Id}))
	got[*apigateway.DeleteIntegrationOutput](t)(s.DeleteIntegration(ctx, &apigateway.DeleteIntegrationInput{RestApiId: &api, ResourceId: &pets, HttpMethod: get}))
	got[*apigateway.DeleteMethodOutput](t)(s.DeleteMethod(ctx, &apigateway.DeleteMethodInput{RestApiId: &api, ResourceId: &pets, HttpMethod: get}))
	got[*apigateway.DeleteResourceOutput](t)(s.DeleteResource(ctx, &apigateway.DeleteResourceInput{RestApiId: &api, ResourceId: &pets}))
	got[*apigateway.DeleteRestApiOutput](t)(s.DeleteRestApi(ctx, &apigateway.DeleteRestApiInput{RestApiId: &api}))
	got[*apigateway.UpdateAccountOutput](t)(s.UpdateAccount(ctx, &apigateway.UpdateAccountInput{PatchOperations: patch("replace", "/cloudwatchRoleArn", "")}))
}

// terraformPlan is aws_api_gateway_usage_plan, _api_key and _usage_plan_key.
func (s *sdk) terraformPlan(api string) {
	t, ctx := s.t, s.ctx
	stage := func(name string) types.ApiStage { return types.ApiStage{ApiId: &api, Stage: aws.String(name)} }
	plan := got[*apigateway.CreateUsagePlanOutput](t)(s.CreateUsagePlan(ctx, &apigateway.CreateUsagePlanInput{Name: aws.String("tf"), ApiStages: []types.ApiStage{stage("blue")},
		Quota: &types.QuotaSettings{Limit: 100, Offset: 2, Period: types.QuotaPeriodTypeMonth}, Throttle: &types.ThrottleSettings{BurstLimit: 5, RateLimit: 10}}))
	change := func(ops ...string) *apigateway.UpdateUsagePlanOutput {
		return got[*apigateway.UpdateUsagePlanOutput](t)(s.UpdateUsagePlan(ctx, &apigateway.UpdateUsagePlanInput{UsagePlanId: plan.Id, PatchOperations: patch(ops...)}))
	}
	change("add", "/productCode", "MYCODE")
	change("replace", "/apiStages/"+api+":blue/throttle//pets/GET/rateLimit", "7", "replace", "/apiStages/"+api+":blue/throttle//pets/GET/burstLimit", "8")
	read := got[*apigateway.GetUsagePlanOutput](t)(s.GetUsagePlan(ctx, &apigateway.GetUsagePlanInput{UsagePlanId: plan.Id}))
	same(t, "a plan", []any{"MYCODE", 7.0, int32(8), int32(2)}, []any{*read.ProductCode, read.ApiStages[0].Throttle["/pets/GET"].RateLimit, read.ApiStages[0].Throttle["/pets/GET"].BurstLimit, read.Quota.Offset})
	changed := change("remove", "/apiStages", api+":blue", "add", "/apiStages", api+":blue", "add", "/apiStages", api+":green", "replace", "/throttle/rateLimit", "20", "remove", "/quota", "", "remove", "/productCode", "")
	if len(changed.ApiStages) != 2 || changed.Quota != nil || changed.Throttle.RateLimit != 20 || changed.ProductCode != nil {
		t.Errorf("a changed plan: %+v", changed)
	}

	key := got[*apigateway.CreateApiKeyOutput](t)(s.CreateApiKey(ctx, &apigateway.CreateApiKeyInput{Name: aws.String("tf"), Description: aws.String("Managed by Terraform"), Enabled: true}))
	got[*apigateway.GetApiKeyOutput](t)(s.GetApiKey(ctx, &apigateway.GetApiKeyInput{ApiKey: key.Id, IncludeValue: aws.Bool(true)}))
	got[*apigateway.CreateUsagePlanKeyOutput](t)(s.CreateUsagePlanKey(ctx, &apigateway.CreateUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id, KeyType: aws.String("API_KEY")}))
	got[*apigateway.GetUsagePlanKeyOutput](t)(s.GetUsagePlanKey(ctx, &apigateway.GetUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id}))

	got[*apigateway.DeleteUsagePlanKeyOutput](t)(s.DeleteUsagePlanKey(ctx, &apigateway.DeleteUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id}))
	_, err := s.GetUsagePlanKey(ctx, &apigateway.GetUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id})
	refusedWith(t, "NotFoundException", err)
	got[*apigateway.DeleteApiKeyOutput](t)(s.DeleteApiKey(ctx, &apigateway.DeleteApiKeyInput{ApiKey: key.Id}))
	change("remove", "/apiStages", api+":blue", "remove", "/apiStages", api+":green")
	got[*apigateway.DeleteUsagePlanOutput](t)(s.DeleteUsagePlan(ctx, &apigateway.DeleteUsagePlanInput{UsagePlanId: plan.Id}))
	_, err = s.GetUsagePlan(ctx, &apigateway.GetUsagePlanInput{UsagePlanId: plan.Id})
	refusedWith(t, "NotFoundException", err)
}
