package e2e

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// path makes a resource below another one.
func (s *sdk) path(api, parent, part string) string {
	s.t.Helper()
	return *got[*apigateway.CreateResourceOutput](s.t)(s.CreateResource(s.ctx, &apigateway.CreateResourceInput{RestApiId: &api, ParentId: &parent, PathPart: &part})).Id
}

func (s *sdk) root(api string) string {
	s.t.Helper()
	return *got[*apigateway.GetResourcesOutput](s.t)(s.GetResources(s.ctx, &apigateway.GetResourcesInput{RestApiId: &api})).Items[0].Id
}

// methods makes resources, methods and integrations: GET /orders/{id} goes to the upstream, GET /mock to nobody.
func (s *sdk) methods(m *managed, api string) {
	t, ctx, get := s.t, s.ctx, aws.String("GET")
	orders := s.path(api, s.root(api), "order")
	order := s.path(api, orders, "{id}")
	renamed := got[*apigateway.UpdateResourceOutput](t)(s.UpdateResource(ctx, &apigateway.UpdateResourceInput{RestApiId: &api, ResourceId: &orders, PatchOperations: patch("replace", "/pathPart", "orders")}))
	same(t, "a renamed path", "/orders", *renamed.Path)
	_, err := s.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: &api, ParentId: aws.String(s.root(api)), PathPart: aws.String("orders")})
	refusedWith(t, "ConflictException", err)

	validator := got[*apigateway.CreateRequestValidatorOutput](t)(s.CreateRequestValidator(ctx, &apigateway.CreateRequestValidatorInput{RestApiId: &api, Name: aws.String("all"), ValidateRequestParameters: true}))
	got[*apigateway.GetRequestValidatorOutput](t)(s.GetRequestValidator(ctx, &apigateway.GetRequestValidatorInput{RestApiId: &api, RequestValidatorId: validator.Id}))
	changed := got[*apigateway.UpdateRequestValidatorOutput](t)(s.UpdateRequestValidator(ctx, &apigateway.UpdateRequestValidatorInput{RestApiId: &api, RequestValidatorId: validator.Id, PatchOperations: patch("replace", "/validateRequestBody", "true")}))
	same(t, "a validator", []any{"all", true, true}, []any{*changed.Name, changed.ValidateRequestBody, changed.ValidateRequestParameters})
	got[*apigateway.UpdateRequestValidatorOutput](t)(s.UpdateRequestValidator(ctx, &apigateway.UpdateRequestValidatorInput{RestApiId: &api, RequestValidatorId: validator.Id, PatchOperations: patch("replace", "/validateRequestBody", "false")}))
	if all := got[*apigateway.GetRequestValidatorsOutput](t)(s.GetRequestValidators(ctx, &apigateway.GetRequestValidatorsInput{RestApiId: &api})); len(all.Items) != 1 {
		t.Errorf("validators: %+v", all.Items)
	}
	got[*apigateway.CreateModelOutput](t)(s.CreateModel(ctx, &apigateway.CreateModelInput{RestApiId: &api, Name: aws.String("Order"), ContentType: aws.String("application/json"), Schema: aws.String(`{"type":"object","required":["id"]}`)}))
	got[*apigateway.UpdateModelOutput](t)(s.UpdateModel(ctx, &apigateway.UpdateModelInput{RestApiId: &api, ModelName: aws.String("Order"), PatchOperations: patch("replace", "/description", "what is bought")}))
	model := got[*apigateway.GetModelOutput](t)(s.GetModel(ctx, &apigateway.GetModelInput{RestApiId: &api, ModelName: aws.String("Order")}))
	same(t, "a model", []string{"what is bought", `{"type":"object","required":["id"]}`}, []string{*model.Description, *model.Schema})
	if all := got[*apigateway.GetModelsOutput](t)(s.GetModels(ctx, &apigateway.GetModelsInput{RestApiId: &api})); len(all.Items) == 0 {
		t.Error("no models")
	}

	method := apigateway.PutMethodInput{RestApiId: &api, ResourceId: &order, HttpMethod: get, AuthorizationType: aws.String("NONE"), ApiKeyRequired: true, OperationName: aws.String("GetOrder"),
		RequestParameters: map[string]bool{"method.request.path.id": true, "method.request.header.X-Shop": false}, RequestModels: map[string]string{"application/json": "Order"}}
	got[*apigateway.PutMethodOutput](t)(s.PutMethod(ctx, &method))
	_, err = s.PutMethod(ctx, &method)
	refusedWith(t, "ConflictException", err)
	got[*apigateway.UpdateMethodOutput](t)(s.UpdateMethod(ctx, &apigateway.UpdateMethodInput{RestApiId: &api, ResourceId: &order, HttpMethod: get, PatchOperations: patch("replace", "/requestValidatorId", *validator.Id)}))
	read := got[*apigateway.GetMethodOutput](t)(s.GetMethod(ctx, &apigateway.GetMethodInput{RestApiId: &api, ResourceId: &order, HttpMethod: get}))
	same(t, "a method", []any{true, "NONE", "GetOrder", *validator.Id, method.RequestParameters, method.RequestModels},
		[]any{*read.ApiKeyRequired, *read.AuthorizationType, *read.OperationName, *read.RequestValidatorId, read.RequestParameters, read.RequestModels})
	_, err = s.DeleteModel(ctx, &apigateway.DeleteModelInput{RestApiId: &api, ModelName: aws.String("Order")})
	refusedWith(t, "ConflictException", err)

	s.integrate(m, api, order)
	s.mock(api)
	tree := got[*apigateway.GetResourcesOutput](t)(s.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: &api, Embed: []string{"methods"}}))
	var paths []string
	for _, r := range tree.Items {
		paths = append(paths, *r.Path)
	}
	same(t, "paths", []string{"/", "/mock", "/orders", "/orders/{id}"}, paths)
	one := got[*apigateway.GetResourceOutput](t)(s.GetResource(ctx, &apigateway.GetResourceInput{RestApiId: &api, ResourceId: &order, Embed: []string{"methods"}}))
	if one.ResourceMethods["GET"].MethodIntegration == nil || *one.ParentId != orders {
		t.Errorf("a resource with its methods: %+v", one)
	}
}

func (s *sdk) integrate(m *managed, api, order string) {
	t, ctx, get := s.t, s.ctx, aws.String("GET")
	put := apigateway.PutIntegrationInput{RestApiId: &api, ResourceId: &order, HttpMethod: get, Type: types.IntegrationTypeHttpProxy, IntegrationHttpMethod: get, Uri: aws.String("http://${stageVariables.host}/{id}"),
		RequestParameters: map[string]string{"integration.request.path.id": "method.request.path.id"}}
	made := got[*apigateway.PutIntegrationOutput](t)(s.PutIntegration(ctx, &put))
	same(t, "an integration", []any{types.IntegrationTypeHttpProxy, "GET", *put.Uri, int32(29000), types.ConnectionTypeInternet, "WHEN_NO_MATCH", order},
		[]any{made.Type, *made.HttpMethod, *made.Uri, made.TimeoutInMillis, made.ConnectionType, *made.PassthroughBehavior, *made.CacheNamespace})
	got[*apigateway.UpdateIntegrationOutput](t)(s.UpdateIntegration(ctx, &apigateway.UpdateIntegrationInput{RestApiId: &api, ResourceId: &order, HttpMethod: get, PatchOperations: patch(
		"replace", "/timeoutInMillis", "5000", "add", "/requestParameters/integration.request.header.X-From", "'gateway'")}))
	read := got[*apigateway.GetIntegrationOutput](t)(s.GetIntegration(ctx, &apigateway.GetIntegrationInput{RestApiId: &api, ResourceId: &order, HttpMethod: get}))
	same(t, "a changed integration", []any{int32(5000), "'gateway'"}, []any{read.TimeoutInMillis, read.RequestParameters["integration.request.header.X-From"]})
	_, err := s.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: &api, ResourceId: &order, HttpMethod: get, Type: types.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
		Uri: aws.String("arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:f/invocations")})
	refusedWith(t, "BadRequestException", err)
}

// mock makes GET /mock, and all that a method has beside its integration.
func (s *sdk) mock(api string) {
	t, ctx, get, code := s.t, s.ctx, aws.String("GET"), aws.String("200")
	mock := s.path(api, s.root(api), "mock")
	got[*apigateway.PutMethodOutput](t)(s.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: &api, ResourceId: &mock, HttpMethod: get, AuthorizationType: aws.String("NONE")}))
	got[*apigateway.PutMethodResponseOutput](t)(s.PutMethodResponse(ctx, &apigateway.PutMethodResponseInput{RestApiId: &api, ResourceId: &mock, HttpMethod: get, StatusCode: code}))
	got[*apigateway.UpdateMethodResponseOutput](t)(s.UpdateMethodResponse(ctx, &apigateway.UpdateMethodResponseInput{RestApiId: &api, ResourceId: &mock, HttpMethod: get, StatusCode: code,
		PatchOperations: patch("add", "/responseParameters/method.response.header.X-Mock", "true")}))
	response := got[*apigateway.GetMethodResponseOutput](t)(s.GetMethodResponse(ctx, &apigateway.GetMethodResponseInput{RestApiId: &api, ResourceId: &mock, HttpMethod: get, StatusCode: code}))
	same(t, "a method response", map[string]bool{"method.response.header.X-Mock": true}, response.ResponseParameters)
	got[*apigateway.PutIntegrationOutput](t)(s.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: &api, ResourceId: &mock, HttpMethod: get, Type: types.IntegrationTypeMock,
		RequestTemplates: map[string]string{"application/json": `{"statusCode": 200}`}}))
	got[*apigateway.PutIntegrationResponseOutput](t)(s.PutIntegrationResponse(ctx, &apigateway.PutIntegrationResponseInput{RestApiId: &api, ResourceId: &mock, HttpMethod: get, StatusCode: code,
		ResponseParameters: map[string]string{"method.response.header.X-Mock": "'yes'"}}))
	got[*apigateway.UpdateIntegrationResponseOutput](t)(s.UpdateIntegrationResponse(ctx, &apigateway.UpdateIntegrationResponseInput{RestApiId: &api, ResourceId: &mock, HttpMethod: get, StatusCode: code,
		PatchOperations: patch("add", "/responseTemplates/application~1json", `{"stage":"$context.stage"}`)}))
	read := got[*apigateway.GetIntegrationResponseOutput](t)(s.GetIntegrationResponse(ctx, &apigateway.GetIntegrationResponseInput{RestApiId: &api, ResourceId: &mock, HttpMethod: get, StatusCode: code}))
	same(t, "an integration response", []any{`{"stage":"$context.stage"}`, "'yes'"}, []any{read.ResponseTemplates["application/json"], read.ResponseParameters["method.response.header.X-Mock"]})
}

// answers sets gateway responses.
func (s *sdk) answers(api string) {
	t, ctx := s.t, s.ctx
	got[*apigateway.PutGatewayResponseOutput](t)(s.PutGatewayResponse(ctx, &apigateway.PutGatewayResponseInput{RestApiId: &api, ResponseType: types.GatewayResponseTypeInvalidApiKey, StatusCode: aws.String("401"),
		ResponseParameters: map[string]string{"gatewayresponse.header.X-Why": "'no key'"}}))
	got[*apigateway.UpdateGatewayResponseOutput](t)(s.UpdateGatewayResponse(ctx, &apigateway.UpdateGatewayResponseInput{RestApiId: &api, ResponseType: types.GatewayResponseTypeInvalidApiKey,
		PatchOperations: patch("add", "/responseTemplates/application~1json", `{"sorry":$context.error.messageString}`)}))
	read := got[*apigateway.GetGatewayResponseOutput](t)(s.GetGatewayResponse(ctx, &apigateway.GetGatewayResponseInput{RestApiId: &api, ResponseType: types.GatewayResponseTypeInvalidApiKey}))
	same(t, "a gateway response", []any{"401", false, `{"sorry":$context.error.messageString}`}, []any{*read.StatusCode, read.DefaultResponse, read.ResponseTemplates["application/json"]})
	if all := got[*apigateway.GetGatewayResponsesOutput](t)(s.GetGatewayResponses(ctx, &apigateway.GetGatewayResponsesInput{RestApiId: &api, Limit: aws.Int32(500)})); len(all.Items) != 21 {
		t.Errorf("%d gateway responses", len(all.Items))
	}
	got[*apigateway.PutGatewayResponseOutput](t)(s.PutGatewayResponse(ctx, &apigateway.PutGatewayResponseInput{RestApiId: &api, ResponseType: types.GatewayResponseTypeThrottled, StatusCode: aws.String("420")}))
	got[*apigateway.DeleteGatewayResponseOutput](t)(s.DeleteGatewayResponse(ctx, &apigateway.DeleteGatewayResponseInput{RestApiId: &api, ResponseType: types.GatewayResponseTypeThrottled}))
	_, err := s.DeleteGatewayResponse(ctx, &apigateway.DeleteGatewayResponseInput{RestApiId: &api, ResponseType: types.GatewayResponseTypeThrottled})
	refusedWith(t, "NotFoundException", err)
}

// authorizers makes one of each kind.
func (s *sdk) authorizers(api string) {
	t, ctx := s.t, s.ctx
	made := got[*apigateway.CreateAuthorizerOutput](t)(s.CreateAuthorizer(ctx, &apigateway.CreateAuthorizerInput{RestApiId: &api, Name: aws.String("own"), Type: types.AuthorizerTypeToken,
		AuthorizerUri: aws.String("https://auth.example.com/ask"), IdentitySource: aws.String("method.request.header.Authorization")}))
	got[*apigateway.UpdateAuthorizerOutput](t)(s.UpdateAuthorizer(ctx, &apigateway.UpdateAuthorizerInput{RestApiId: &api, AuthorizerId: made.Id, PatchOperations: patch("replace", "/authorizerResultTtlInSeconds", "60")}))
	read := got[*apigateway.GetAuthorizerOutput](t)(s.GetAuthorizer(ctx, &apigateway.GetAuthorizerInput{RestApiId: &api, AuthorizerId: made.Id}))
	same(t, "an authorizer", []any{"own", types.AuthorizerTypeToken, "https://auth.example.com/ask", "method.request.header.Authorization", int32(60)},
		[]any{*read.Name, read.Type, *read.AuthorizerUri, *read.IdentitySource, *read.AuthorizerResultTtlInSeconds})
	pool := got[*apigateway.CreateAuthorizerOutput](t)(s.CreateAuthorizer(ctx, &apigateway.CreateAuthorizerInput{RestApiId: &api, Name: aws.String("pool"), Type: types.AuthorizerTypeCognitoUserPools,
		ProviderARNs: []string{"arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_abc"}, IdentitySource: aws.String("method.request.header.Authorization")}))
	if all := got[*apigateway.GetAuthorizersOutput](t)(s.GetAuthorizers(ctx, &apigateway.GetAuthorizersInput{RestApiId: &api})); len(all.Items) != 2 {
		t.Errorf("authorizers: %+v", all.Items)
	}
	_, err := s.CreateAuthorizer(ctx, &apigateway.CreateAuthorizerInput{RestApiId: &api, Name: aws.String("function"), Type: types.AuthorizerTypeRequest, IdentitySource: aws.String("method.request.header.Authorization"),
		AuthorizerUri: aws.String("arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:f/invocations")})
	refusedWith(t, "BadRequestException", err)
	for _, id := range []*string{made.Id, pool.Id} {
		got[*apigateway.DeleteAuthorizerOutput](t)(s.DeleteAuthorizer(ctx, &apigateway.DeleteAuthorizerInput{RestApiId: &api, AuthorizerId: id}))
	}
}

// documents imports an API, changes it by another document, and exports it.
func (s *sdk) documents(m *managed) {
	t, ctx := s.t, s.ctx
	const first = `{"openapi":"3.0.1","info":{"title":"Pets","version":"1"},"paths":{"/pets":{"get":{"responses":{"200":{"description":"all"}},"x-amazon-apigateway-integration":{"type":"mock","requestTemplates":{"application/json":"{\"statusCode\": 200}"},"responses":{"default":{"statusCode":"200"}}}}}}}`
	const second = `{"openapi":"3.0.1","info":{"title":"Pets","version":"2"},"paths":{"/cats":{"get":{"responses":{"200":{"description":"all"}},"x-amazon-apigateway-integration":{"type":"mock","requestTemplates":{"application/json":"{\"statusCode\": 200}"},"responses":{"default":{"statusCode":"200"}}}}}}}`
	made := got[*apigateway.ImportRestApiOutput](t)(s.ImportRestApi(ctx, &apigateway.ImportRestApiInput{Body: []byte(first)}))
	paths := func() (paths []string) {
		for _, r := range got[*apigateway.GetResourcesOutput](t)(s.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: made.Id})).Items {
			paths = append(paths, *r.Path)
		}
		return paths
	}
	got[*apigateway.PutRestApiOutput](t)(s.PutRestApi(ctx, &apigateway.PutRestApiInput{RestApiId: made.Id, Mode: types.PutModeMerge, Body: []byte(second)}))
	same(t, "paths after a merge", []string{"/", "/cats", "/pets"}, paths())
	got[*apigateway.PutRestApiOutput](t)(s.PutRestApi(ctx, &apigateway.PutRestApiInput{RestApiId: made.Id, Mode: types.PutModeOverwrite, Body: []byte(second)}))
	same(t, "paths after an overwrite", []string{"/", "/cats"}, paths())
	got[*apigateway.CreateDeploymentOutput](t)(s.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: made.Id, StageName: aws.String("v1")}))
	if status, body := m.ask("/"+*made.Id+"/v1/cats", ""); status != 200 {
		t.Errorf("a mocked method: %d %s", status, body)
	}
	export := got[*apigateway.GetExportOutput](t)(s.GetExport(ctx, &apigateway.GetExportInput{RestApiId: made.Id, StageName: aws.String("v1"), ExportType: aws.String("oas30"), Accepts: aws.String("application/json"), Parameters: map[string]string{"extensions": "integrations"}}))
	if again := got[*apigateway.ImportRestApiOutput](t)(s.ImportRestApi(ctx, &apigateway.ImportRestApiInput{Body: export.Body, FailOnWarnings: true})); *again.Name != "Pets" {
		t.Errorf("what was exported is %s", *again.Name)
	}
}
