package e2e

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
)

// sdk is AWS's own client of a Gatehouse. It notes which operations it was used for.
type sdk struct {
	*apigateway.Client
	t   *testing.T
	ctx context.Context

	mu   sync.Mutex
	used map[string]int
}

func newSDK(t *testing.T, m *managed, key accessKey) *sdk {
	s := &sdk{t: t, ctx: t.Context(), used: map[string]int{}}
	note := middleware.InitializeMiddlewareFunc("note", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		s.mu.Lock()
		s.used[middleware.GetOperationName(ctx)]++
		s.mu.Unlock()
		return next.HandleInitialize(ctx, in)
	})
	s.Client = apigateway.New(apigateway.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(m.management), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, nil
		}),
		APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error { return stack.Initialize.Add(note, middleware.Before) }},
	})
	return s
}

// got is what an operation gave, which it must.
func got[T any](t *testing.T) func(out T, err error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refusedWith fails unless an error is of AWS's name.
func refusedWith(t *testing.T, code string, err error) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code {
		t.Errorf("%v, want %s", err, code)
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func patch(ops ...string) (all []types.PatchOperation) {
	for i := 0; i+2 < len(ops); i += 3 {
		all = append(all, types.PatchOperation{Op: types.Op(ops[i]), Path: aws.String(ops[i+1]), Value: aws.String(ops[i+2])})
	}
	return all
}

// supported are the operations that the management API has.
var supported = []string{
	"GetAccount", "UpdateAccount",
	"CreateRestApi", "GetRestApi", "GetRestApis", "UpdateRestApi", "DeleteRestApi", "ImportRestApi", "PutRestApi", "GetExport",
	"CreateResource", "GetResource", "GetResources", "UpdateResource", "DeleteResource",
	"PutMethod", "GetMethod", "UpdateMethod", "DeleteMethod", "PutMethodResponse", "GetMethodResponse", "UpdateMethodResponse", "DeleteMethodResponse",
	"PutIntegration", "GetIntegration", "UpdateIntegration", "DeleteIntegration",
	"PutIntegrationResponse", "GetIntegrationResponse", "UpdateIntegrationResponse", "DeleteIntegrationResponse",
	"CreateDeployment", "GetDeployment", "GetDeployments", "UpdateDeployment", "DeleteDeployment",
	"CreateStage", "GetStage", "GetStages", "UpdateStage", "DeleteStage", "FlushStageCache", "FlushStageAuthorizersCache",
	"CreateUsagePlan", "GetUsagePlan", "GetUsagePlans", "UpdateUsagePlan", "DeleteUsagePlan",
	"CreateUsagePlanKey", "GetUsagePlanKey", "GetUsagePlanKeys", "DeleteUsagePlanKey", "GetUsage", "UpdateUsage",
	"CreateApiKey", "GetApiKey", "GetApiKeys", "UpdateApiKey", "DeleteApiKey", "ImportApiKeys",
	"PutGatewayResponse", "GetGatewayResponse", "GetGatewayResponses", "UpdateGatewayResponse", "DeleteGatewayResponse",
	"TagResource", "UntagResource", "GetTags",
	"CreateAuthorizer", "GetAuthorizer", "GetAuthorizers", "UpdateAuthorizer", "DeleteAuthorizer",
	"CreateModel", "GetModel", "GetModels", "UpdateModel", "DeleteModel",
	"CreateRequestValidator", "GetRequestValidator", "GetRequestValidators", "UpdateRequestValidator", "DeleteRequestValidator",
}

func TestEveryOperationRoundTripsWithTheGoSDK(t *testing.T) {
	t.Parallel()
	m := startManaged(t)
	s := newSDK(t, m, m.key)
	api := s.restAPIs(m)
	s.methods(m, api)
	s.answers(api)
	s.authorizers(api)
	stage := s.stages(m, api)
	s.plans(m, api, stage)
	s.documents(m)
	s.removeAll(api, stage)
	if missing := slices.DeleteFunc(slices.Clone(supported), func(name string) bool { return s.used[name] > 0 }); len(missing) > 0 {
		t.Errorf("not tried: %v", missing)
	}
	if more := slices.DeleteFunc(slices.Sorted(maps.Keys(s.used)), func(name string) bool { return slices.Contains(supported, name) }); len(more) > 0 {
		t.Errorf("not listed: %v", more)
	}
}

// restAPIs makes an API that the other parts go on with.
func (s *sdk) restAPIs(m *managed) (api string) {
	t, ctx := s.t, s.ctx
	account := got[*apigateway.GetAccountOutput](t)(s.GetAccount(ctx, nil))
	same(t, "features", []string{"UsagePlans"}, account.Features)
	got[*apigateway.UpdateAccountOutput](t)(s.UpdateAccount(ctx, &apigateway.UpdateAccountInput{PatchOperations: patch("replace", "/cloudwatchRoleArn", "")}))

	before := time.Now().Add(-time.Minute)
	made := got[*apigateway.CreateRestApiOutput](t)(s.CreateRestApi(ctx, &apigateway.CreateRestApiInput{
		Name: aws.String("Orders"), Description: aws.String("of a shop"), Version: aws.String("3"), ApiKeySource: types.ApiKeySourceTypeHeader, BinaryMediaTypes: []string{"image/png"},
		EndpointConfiguration: &types.EndpointConfiguration{Types: []types.EndpointType{types.EndpointTypeRegional}}, Tags: map[string]string{"team": "shop"},
	}))
	if made.CreatedDate.Before(before) || made.RootResourceId == nil {
		t.Errorf("created %v, root %v", made.CreatedDate, made.RootResourceId)
	}
	read := got[*apigateway.GetRestApiOutput](t)(s.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: made.Id}))
	same(t, "an API", []any{"Orders", "of a shop", "3", []string{"image/png"}, map[string]string{"team": "shop"}, []types.EndpointType{types.EndpointTypeRegional}},
		[]any{*read.Name, *read.Description, *read.Version, read.BinaryMediaTypes, read.Tags, read.EndpointConfiguration.Types})
	changed := got[*apigateway.UpdateRestApiOutput](t)(s.UpdateRestApi(ctx, &apigateway.UpdateRestApiInput{RestApiId: made.Id, PatchOperations: patch(
		"replace", "/name", "Shop", "replace", "/description", "all of it", "add", "/binaryMediaTypes/application~1pdf", "", "replace", "/minimumCompressionSize", "1024")}))
	same(t, "a changed API", []any{"Shop", "all of it", []string{"image/png", "application/pdf"}, int32(1024)}, []any{*changed.Name, *changed.Description, changed.BinaryMediaTypes, *changed.MinimumCompressionSize})
	_, err := s.UpdateRestApi(ctx, &apigateway.UpdateRestApiInput{RestApiId: made.Id, PatchOperations: patch("replace", "/name", "half", "replace", "/nothing", "")})
	refusedWith(t, "BadRequestException", err)
	all := got[*apigateway.GetRestApisOutput](t)(s.GetRestApis(ctx, nil))
	if len(all.Items) != 1 || *all.Items[0].Name != "Shop" {
		t.Errorf("APIs: %+v; a patch that failed has done something", all.Items)
	}
	s.strangers(m, *made.Id)
	return *made.Id
}

// strangers are owners to whom nothing of it is known.
func (s *sdk) strangers(m *managed, api string) {
	m.owner("bo@example.com")
	other := newSDK(s.t, m, m.credential("bo@example.com"))
	_, err := other.GetRestApi(s.ctx, &apigateway.GetRestApiInput{RestApiId: &api})
	refusedWith(s.t, "NotFoundException", err)
	_, err = other.DeleteRestApi(s.ctx, &apigateway.DeleteRestApiInput{RestApiId: &api})
	refusedWith(s.t, "NotFoundException", err)
	if all := got[*apigateway.GetRestApisOutput](s.t)(other.GetRestApis(s.ctx, nil)); len(all.Items) != 0 {
		s.t.Errorf("a stranger sees %d APIs", len(all.Items))
	}
}
