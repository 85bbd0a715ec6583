package management

import (
	"encoding/json"
	"testing"

	"gatehouse/models"
)

// method makes a resource with a method, and returns the method's path on the wire.
func (r *rig) method(api, root, part, verb string) (path, resource string) {
	r.t.Helper()
	resource = r.resource(api, root, part)
	path = api + "/resources/" + resource + "/methods/" + verb
	r.call("PUT", path, `{"authorizationType":"NONE"}`).is(201)
	return path, resource
}

func (r *rig) authorizer(api string, kind models.AuthorizerKind, name string) string {
	r.t.Helper()
	in := models.Authorizer{APIID: mustID[models.API](r.t, api[len("/restapis/"):]), Name: name, Kind: kind}
	if in.Kind == models.AuthorizerJWT {
		in.JWT = models.JWTSettings{Issuer: "https://login.example.com/"}
	} else {
		in.HTTP = models.HTTPSettings{URL: "https://auth.example.com/"}
	}
	a, err := r.SaveAuthorizer(r.t.Context(), r.actor(), in, nil, r.now)
	if err != nil {
		r.t.Fatal(err)
	}
	return a.ID.String()
}

func TestAMethodReadsBackAsItWasGiven(t *testing.T) {
	r := newRig(t)
	api, root := r.newAPI("Pets")
	login, ask := r.authorizer(api, models.AuthorizerJWT, "login"), r.authorizer(api, models.AuthorizerHTTP, "ask")
	validator := r.call("POST", api+"/requestvalidators", `{"name":"all","validateRequestBody":true}`).is(201).member("id")
	path := api + "/resources/" + root + "/methods/POST"
	want := `{"httpMethod":"POST","authorizationType":"COGNITO_USER_POOLS","authorizerId":"` + login + `","authorizationScopes":["a","b"],"apiKeyRequired":true,"operationName":"make",
		"requestValidatorId":"` + validator + `","requestParameters":{"method.request.header.X":true,"method.request.querystring.y":false},"requestModels":{"application/json":"Empty"}}`
	r.call("PUT", path, want).is(201).says(want)
	r.call("GET", path, "").is(200).says(want)
	r.patch(path, "replace /authorizationType CUSTOM", "replace /authorizerId "+ask, "remove /authorizationScopes a", "add /authorizationScopes c", "replace /apiKeyRequired no",
		"replace /operationName other", "replace /requestValidatorId ", "add /requestParameters/method.request.path.p true", "remove /requestParameters/method.request.header.X",
		"replace /requestParameters/method.request.querystring.y true", "remove /requestModels/application~1json", "add /requestModels/text~1plain Error").is(200).
		says(`{"httpMethod":"POST","authorizationType":"CUSTOM","authorizerId":"` + ask + `","authorizationScopes":["b","c"],"apiKeyRequired":false,"operationName":"other",
		"requestParameters":{"method.request.path.p":true,"method.request.querystring.y":true},"requestModels":{"text/plain":"Error"}}`)
	r.patch(path, "replace /authorizationType COGNITO_USER_POOLS").is(200) // as it was called, though it asks a service
	if got := r.call("GET", path, "").member("authorizationType"); got != "COGNITO_USER_POOLS" {
		t.Errorf("got %s", got)
	}
	r.patch(path, "replace /authorizationType NONE").is(200)
	methods, err := r.Methods(t.Context(), r.owner.ID, mustID[models.API](t, api[len("/restapis/"):]))
	if err != nil || !methods[0].NoAuthorizer || methods[0].Authorizer != 0 || methods[0].Scopes != nil {
		t.Errorf("%+v, %v", methods, err)
	}
}

// Without it an API's default authorizer would be asked, and the wire would say that nobody is.
func TestAMethodThatSaysNothingTellsOfTheDefaultAuthorizer(t *testing.T) {
	r := newRig(t)
	id, _ := r.stage("pets", "prod", "GET /")
	api := "/restapis/" + id.String()
	login := r.authorizer(api, models.AuthorizerJWT, "login")
	if err := r.SetDefaultAuthorizer(t.Context(), r.actor(), id, mustID[models.Authorizer](t, login), r.now); err != nil {
		t.Fatal(err)
	}
	path := api + "/resources/" + r.resources(api)["/"].ID + "/methods/GET"
	r.patch(path, "replace /apiKeyRequired false").is(200).says(`{"httpMethod":"GET","authorizationType":"COGNITO_USER_POOLS","authorizerId":"` + login + `","apiKeyRequired":false}`)
	methods, err := r.Methods(t.Context(), r.owner.ID, id)
	if err != nil || methods[0].Authorizer != 0 || methods[0].KeyRequired {
		t.Errorf("%+v, %v", methods, err)
	}
}

func TestWhatAMethodCannotBeIsRefused(t *testing.T) {
	r := newRig(t)
	api, root := r.newAPI("Pets")
	on := api + "/resources/" + root + "/methods/"
	const noAuthorizer = "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer."
	for body, want := range map[string]string{
		`{"authorizationType":"AWS_IAM"}`:                                                                                       "The authorization type AWS_IAM (there are NONE, CUSTOM and COGNITO_USER_POOLS) is not supported",
		`{"authorizationType":"X"}`:                                                                                             "Invalid authorization type specified.",
		`{"authorizationType":"CUSTOM"}`:                                                                                        noAuthorizer,
		`{"authorizationType":"CUSTOM","authorizerId":"zzzzzzzzzz"}`:                                                            noAuthorizer,
		`{"authorizationType":"NONE","authorizationScopes":["a"]}`:                                                              "Authorization scopes need an authorizer",
		`{"authorizationType":"NONE","requestValidatorId":"abc123"}`:                                                            "Invalid Request Validator identifier specified",
		`{"authorizationType":"NONE","requestModels":{"application/json":"Nope"}}`:                                              "Invalid model identifier specified: Nope",
		`{"authorizationType":"NONE","requestModels":{"json":"Empty"}}`:                                                         "Invalid content type specified: json",
		`{"authorizationType":"NONE","requestParameters":{"X":true}}`:                                                           "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: X]",
		`{"authorizationType":"NONE","requestParameters":{"method.request.header.a":true,"method.request.querystring.a":true}}`: "Parameter names must be unique across querystring, header and path",
	} {
		r.call("PUT", on+"GET", body).refused(400, "BadRequestException", want)
	}
	r.call("PUT", on+"GET", `{}`).refused(400, "ValidationException", "1 validation error detected: Value null at 'putMethodInput.authorizationType'")
	r.call("PUT", on+"FETCH", `{"authorizationType":"NONE"}`).refused(400, "BadRequestException", "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")
	r.call("GET", on+"GET", "").refused(404, "NotFoundException", "Invalid Method identifier specified")
	r.call("PUT", api+"/resources/abc/methods/GET", `{"authorizationType":"NONE"}`).refused(404, "NotFoundException", "Invalid Resource identifier specified")
	r.call("PUT", on+"GET", `{"authorizationType":"NONE"}`).is(201)
	before := r.call("GET", on+"GET", "").body
	for op, code := range map[string]int{"replace /authorizationType CUSTOM": 400, "replace /authorizationType AWS_IAM": 400, "add /operationName x": 400, "replace /nothing x": 400,
		"replace /requestModels/text~1plain Empty": 404, "remove /requestParameters/x": 404, "add /requestParameters/x true": 400, "replace /requestValidatorId abc123": 400} {
		w := r.patch(on+"GET", "replace /apiKeyRequired true", op)
		if w.status != code {
			t.Errorf("%s: %d %s", op, w.status, w.body)
		}
	}
	if after := r.call("GET", on+"GET", "").body; string(after) != string(before) {
		t.Errorf("a patch that failed changed something: %s", after)
	}
}

func TestMethodResponsesReadBackAsTheyWereGiven(t *testing.T) {
	r := newRig(t)
	api, root := r.newAPI("Pets")
	path, _ := r.method(api, root, "pets", "GET")
	answer := path + "/responses/200"
	r.call("PUT", answer, `{"responseParameters":{"method.response.header.X":true},"responseModels":{"application/json":"Empty"}}`).is(201).
		says(`{"statusCode":"200","responseParameters":{"method.response.header.X":true},"responseModels":{"application/json":"Empty"}}`)
	r.call("PUT", answer, `{}`).refused(409, "ConflictException", "Response already exists")
	r.call("PUT", path+"/responses/abc", `{}`).refused(400, "ValidationException", `1 validation error detected: Value 'abc' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [1-5]\d\d`)
	r.call("PUT", path+"/responses/201", `{"responseModels":{"application/json":"Nope"}}`).refused(400, "BadRequestException", "Invalid model identifier specified: Nope")
	before := r.call("GET", answer, "").body
	r.patch(answer, "add /responseModels/a~1b Error", "replace /responseModels/c~1d Error").refused(404, "NotFoundException", "Content-Type specified was not found")
	r.patch(answer, "add /responseModels/a~1b Error", "remove /responseParameters/y").refused(404, "NotFoundException", "Invalid parameter name specified")
	r.patch(answer, "replace /statusCode 1").refused(400, "BadRequestException", "Invalid patch path /statusCode")
	if after := r.call("GET", answer, "").body; string(after) != string(before) {
		t.Errorf("a patch that failed changed something: %s", after)
	}
	r.patch(answer, "replace /responseParameters/method.response.header.X false", "remove /responseModels/application~1json").is(201).
		says(`{"statusCode":"200","responseParameters":{"method.response.header.X":false}}`)
	r.call("GET", path, "").is(200).says(`{"httpMethod":"GET","authorizationType":"NONE","apiKeyRequired":false,"methodResponses":{"200":{"statusCode":"200","responseParameters":{"method.response.header.X":false}}}}`)
	r.call("DELETE", answer, "").is(204)
	r.call("DELETE", answer, "").refused(404, "NotFoundException", "Invalid Response status code specified")
	r.call("GET", answer, "").refused(404, "NotFoundException", "Invalid Response status code specified")
}

func TestIntegrationsReadBackAsTheyWereGiven(t *testing.T) {
	r := newRig(t)
	api, root := r.newAPI("Pets")
	path, resource := r.method(api, root, "{id}", "GET")
	on := path + "/integration"
	r.call("GET", on, "").refused(404, "NotFoundException", "Invalid Integration identifier specified")
	r.call("PUT", on, `{"type":"HTTP_PROXY","httpMethod":"GET","uri":"https://example.com/pets"}`).is(201).
		says(`{"type":"HTTP_PROXY","httpMethod":"GET","uri":"https://example.com/pets","connectionType":"INTERNET","passthroughBehavior":"WHEN_NO_MATCH","timeoutInMillis":29000,"cacheNamespace":"` + resource + `","cacheKeyParameters":[]}`)
	r.call("PUT", on, `{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\": 200}"}}`).is(201).
		says(`{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\": 200}"},"passthroughBehavior":"WHEN_NO_MATCH","timeoutInMillis":29000,"cacheNamespace":"` + resource + `","cacheKeyParameters":[]}`)
	full := `{"type":"HTTP","httpMethod":"POST","uri":"https://example.com/pets/{id}","connectionType":"INTERNET","credentials":"arn:x","requestParameters":{"integration.request.path.id":"method.request.path.id"},
		"requestTemplates":{"application/json":"x"},"passthroughBehavior":"NEVER","timeoutInMillis":1000,"cacheNamespace":"mine","cacheKeyParameters":["method.request.path.id"],"tlsConfig":{"insecureSkipVerification":true}}`
	r.call("PUT", on, full).is(201).says(full)
	r.call("GET", on, "").is(200).says(full)
	answer := on + "/responses/200"
	r.call("PUT", answer, `{"selectionPattern":"2\\d\\d","responseParameters":{"method.response.header.X":"'y'"},"responseTemplates":{"application/json":""}}`).is(201).
		says(`{"statusCode":"200","selectionPattern":"2\\d\\d","responseParameters":{"method.response.header.X":"'y'"},"responseTemplates":{"application/json":""}}`)
	r.patch(on, "replace /uri https://example.com/{id}", "replace /httpMethod GET", "replace /passthroughBehavior WHEN_NO_TEMPLATES", "replace /timeoutInMillis 29000", "replace /credentials ",
		"replace /cacheNamespace ", "remove /cacheKeyParameters/method.request.path.id", "replace /tlsConfig/insecureSkipVerification false", "add /requestParameters/integration.request.header.A 'b'",
		"replace /requestTemplates/application~1json z", "replace /connectionType INTERNET").is(200).
		says(`{"type":"HTTP","httpMethod":"GET","uri":"https://example.com/{id}","connectionType":"INTERNET","requestParameters":{"integration.request.path.id":"method.request.path.id","integration.request.header.A":"'b'"},
		"requestTemplates":{"application/json":"z"},"passthroughBehavior":"WHEN_NO_TEMPLATES","timeoutInMillis":29000,"cacheNamespace":"` + resource + `","cacheKeyParameters":[],
		"integrationResponses":{"200":{"statusCode":"200","selectionPattern":"2\\d\\d","responseParameters":{"method.response.header.X":"'y'"},"responseTemplates":{"application/json":""}}}}`)
	r.patch(answer, "replace /selectionPattern ", "remove /responseParameters/method.response.header.X", "replace /responseTemplates/application~1json q").is(200).
		says(`{"statusCode":"200","responseTemplates":{"application/json":"q"}}`)
	r.call("GET", answer, "").is(200).says(`{"statusCode":"200","responseTemplates":{"application/json":"q"}}`)
	r.call("DELETE", answer, "").is(204)
	r.call("GET", answer, "").refused(404, "NotFoundException", "Invalid Response status code specified")
	r.call("DELETE", on, "").is(204)
	r.call("DELETE", on, "").refused(404, "NotFoundException", "Invalid Integration identifier specified")
	r.call("PUT", answer, `{}`).refused(404, "NotFoundException", "Invalid Integration identifier specified")
}

func TestWhatAnIntegrationCannotBeIsRefused(t *testing.T) {
	r := newRig(t)
	api, root := r.newAPI("Pets")
	path, _ := r.method(api, root, "pets", "GET")
	on := path + "/integration"
	for body, want := range map[string]string{
		`{"type":"AWS_PROXY","httpMethod":"POST","uri":"arn:aws:x"}`:                                                              "An integration of type AWS_PROXY",
		`{"type":"HTTP","uri":"https://example.com"}`:                                                                             "Enumeration value for HttpMethod must be non-empty",
		`{"type":"HTTP","httpMethod":"GET","uri":"x"}`:                                                                            "Invalid HTTP endpoint specified for URI",
		`{"type":"HTTP","httpMethod":"GET","uri":"https://example.com","connectionType":"VPC_LINK"}`:                              "A VPC link",
		`{"type":"HTTP","httpMethod":"GET","uri":"https://example.com","contentHandling":"CONVERT_TO_TEXT"}`:                      "A conversion of contents",
		`{"type":"HTTP","httpMethod":"GET","uri":"https://example.com","responseTransferMode":"STREAM"}`:                          "The response transfer mode STREAM",
		`{"type":"HTTP","httpMethod":"GET","uri":"https://example.com","timeoutInMillis":30000}`:                                  "Timeout should be between 50 ms and 29000 ms",
		`{"type":"HTTP","httpMethod":"GET","uri":"https://example.com","timeoutInMillis":0}`:                                      "Timeout should be between 50 ms and 29000 ms",
		`{"type":"HTTP","httpMethod":"GET","uri":"https://example.com","requestParameters":{"integration.request.header.a":"X"}}`: "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: X]",
	} {
		r.call("PUT", on, body).refused(400, "BadRequestException", want)
	}
	r.call("PUT", on, `{"type":"LAMBDA"}`).refused(400, "ValidationException", "1 validation error detected: Value 'LAMBDA' at 'putIntegrationInput.type' failed to satisfy constraint: Member must satisfy enum value set: [HTTP, AWS, MOCK, HTTP_PROXY, AWS_PROXY]")
	r.call("PUT", on, `{"type":"MOCK"}`).is(201)
	answer := on + "/responses/200"
	r.call("PUT", answer, `{}`).is(201)
	r.call("PUT", on+"/responses/201", `{"responseTemplates":{"123":""}}`).refused(400, "BadRequestException", "Validation Result: warnings : [], errors : [Invalid content type specified: 123]")
	before := r.call("GET", on, "").body
	for _, target := range []string{on, answer} {
		for _, op := range []string{"replace /contentHandling CONVERT_TO_TEXT", "replace /nothing x", "add /contentHandling x"} {
			r.patch(target, "replace /cacheNamespace x", op).refused(400, "BadRequestException", "")
			r.patch(target, "replace /selectionPattern x", op).refused(400, "BadRequestException", "")
		}
	}
	r.patch(on, "replace /cacheNamespace x", "replace /requestTemplates/a~1b c").refused(404, "NotFoundException", "Content-Type specified was not found")
	r.patch(on, "replace /cacheNamespace x", "replace /timeoutInMillis many").refused(400, "BadRequestException", "Timeout should be")
	if after := r.call("GET", on, "").body; string(after) != string(before) {
		t.Errorf("a patch that failed changed something: %s", after)
	}
}

func TestModelsAndValidatorsAreKeptWhileMethodsNameThem(t *testing.T) {
	r := newRig(t)
	api, root := r.newAPI("Pets")
	var all struct{ Item []wireModel }
	r.call("GET", api+"/models", "").is(200).read(&all)
	if len(all.Item) != 2 || all.Item[0].Name != "Empty" || all.Item[1].Name != "Error" {
		t.Errorf("got %+v", all)
	}
	w := r.call("POST", api+"/models", `{"name":"Pet","description":"A pet","schema":"{\"type\":\"object\"}","contentType":"application/json"}`).is(201)
	id := w.member("id")
	w.says(`{"id":"` + id + `","name":"Pet","description":"A pet","schema":"{\"type\":\"object\"}","contentType":"application/json"}`)
	r.call("POST", api+"/models", `{"name":"Pet","contentType":"application/json"}`).refused(409, "ConflictException", "Model name already exists for this REST API")
	r.call("POST", api+"/models", `{"name":"","contentType":"application/json"}`).refused(400, "BadRequestException", "Model name must be non-empty")
	r.call("POST", api+"/models", `{"name":"P","contentType":"application/json","schema":"{"}`).refused(400, "BadRequestException", "Invalid model schema specified")
	r.call("POST", api+"/models", `{"name":"P","contentType":"application/json","schema":"{\"type\":\"cat\"}"}`).refused(400, "BadRequestException", "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified: ")
	r.patch(api+"/models/Empty", "replace /schema {\"type\":7}").refused(400, "BadRequestException", "Invalid model specified: ")
	r.call("POST", api+"/models", `{}`).refused(400, "ValidationException", "2 validation errors detected")
	r.call("GET", api+"/models/Nope", "").refused(404, "NotFoundException", "Invalid model name specified: Nope")
	r.patch(api+"/models/Pet", "replace /description New", "add /schema x").refused(400, "BadRequestException", "Invalid patch path  '/schema' specified for op 'add'. Please choose supported operations")
	r.patch(api+"/models/Pet", "replace /description New", "replace /schema {}").is(200).says(`{"id":"` + id + `","name":"Pet","description":"New","schema":"{}","contentType":"application/json"}`)
	r.call("POST", api+"/models", `{"name":"Pets","contentType":"application/json","schema":"{\"items\":{\"$ref\":\"https://apigateway.amazonaws.com/restapis/x/models/Pet\"}}"}`).is(201)
	r.call("DELETE", api+"/models/Pet", "").refused(409, "ConflictException", "Cannot delete model 'Pet', is referenced in model: Pets")

	v := r.call("POST", api+"/requestvalidators", `{"name":"all","validateRequestBody":"true","validateRequestParameters":true}`).is(201)
	validator := v.member("id")
	v.says(`{"id":"` + validator + `","name":"all","validateRequestBody":true,"validateRequestParameters":true}`)
	one := api + "/requestvalidators/" + validator
	r.call("POST", api+"/requestvalidators", `{"name":" "}`).refused(400, "BadRequestException", "Request Validator name cannot be blank")
	r.call("POST", "/restapis/zzzzzzzzzz/requestvalidators", `{"name":"x"}`).refused(400, "BadRequestException", "Invalid REST API identifier specified")
	r.patch(one, "replace /validateRequestBody false", "replace /name ").refused(400, "BadRequestException", "Request Validator name cannot be blank")
	r.patch(one, "replace /name some", "replace /validateRequestParameters false").is(200).says(`{"id":"` + validator + `","name":"some","validateRequestBody":true,"validateRequestParameters":false}`)
	r.call("GET", api+"/requestvalidators", "").is(200).says(`{"item":[{"id":"` + validator + `","name":"some","validateRequestBody":true,"validateRequestParameters":false}]}`)

	r.call("PUT", api+"/resources/"+root+"/methods/ANY", `{"authorizationType":"NONE","requestValidatorId":"`+validator+`","requestModels":{"application/json":"Pets"}}`).is(201)
	r.call("DELETE", api+"/models/Pets", "").refused(409, "ConflictException", "Cannot delete model 'Pets', is referenced in method request: //ANY")
	r.call("DELETE", one, "").refused(409, "ConflictException", "Cannot delete request validator")
	r.call("DELETE", api+"/resources/"+root+"/methods/ANY", "").is(204)
	for _, path := range []string{one, api + "/models/Pets", api + "/models/Pet", api + "/models/Empty"} {
		r.call("DELETE", path, "").is(202)
		r.call("GET", path, "").refused(404, "NotFoundException", "Invalid ")
	}
}

func TestGatewayResponsesAreListedAllAndFlow(t *testing.T) {
	r := newRig(t)
	api, _ := r.newAPI("Pets")
	on := api + "/gatewayresponses"
	const plain = `"responseTemplates":{"application/json":"{\"message\":$context.error.messageString}"}`
	r.call("GET", on+"/THROTTLED", "").is(200).says(`{"responseType":"THROTTLED","statusCode":"429","responseParameters":{},` + plain + `,"defaultResponse":true}`)
	r.call("GET", on+"/DEFAULT_4XX", "").is(200).says(`{"responseType":"DEFAULT_4XX","responseParameters":{},` + plain + `,"defaultResponse":true}`)
	r.call("PUT", on+"/DEFAULT_5XX", `{"statusCode":"503","responseParameters":{"gatewayresponse.header.X":"'y'"}}`).is(201).
		says(`{"responseType":"DEFAULT_5XX","statusCode":"503","responseParameters":{"gatewayresponse.header.X":"'y'"},` + plain + `,"defaultResponse":false}`)
	r.call("GET", on+"/INTEGRATION_TIMEOUT", "").is(200).says(`{"responseType":"INTEGRATION_TIMEOUT","statusCode":"503","responseParameters":{"gatewayresponse.header.X":"'y'"},` + plain + `,"defaultResponse":true}`)
	r.call("PUT", on+"/INTEGRATION_TIMEOUT", `{}`).is(201).says(`{"responseType":"INTEGRATION_TIMEOUT","statusCode":"504","responseParameters":{},` + plain + `,"defaultResponse":false}`)
	r.call("PUT", on+"/NOPE", `{}`).refused(400, "ValidationException", "1 validation error detected: Value 'NOPE' at 'responseType'")
	r.call("PUT", on+"/THROTTLED", `{"responseTemplates":{"application/json":null}}`).refused(400, "BadRequestException", "Invalid null or empty value in responseTemplates")
	var all struct{ Item []wireGatewayResponse }
	r.call("GET", on, "").is(200).read(&all)
	if len(all.Item) != 21 || all.Item[0].Type != "ACCESS_DENIED" || all.Item[20].Type != "WAF_FILTERED" {
		t.Errorf("got %d", len(all.Item))
	}
	one := on + "/DEFAULT_5XX"
	before := r.call("GET", one, "").body
	r.patch(one, "replace /responseParameters/gatewayresponse.header.X 'z'", "add /statusCode 500").refused(400, "BadRequestException", "Invalid patch path /statusCode")
	r.patch(one, "replace /responseParameters/gatewayresponse.header.X 'z'", "add /responseTemplates/a~1b ").refused(400, "BadRequestException", "Invalid null or empty value in responseTemplates")
	r.patch(one, "replace /responseParameters/gatewayresponse.header.X 'z'", "replace /responseParameters/y 'z'").refused(404, "NotFoundException", "Invalid parameter name specified")
	if after := r.call("GET", one, "").body; string(after) != string(before) {
		t.Errorf("a patch that failed changed something: %s", after)
	}
	r.patch(one, "replace /statusCode 500", "replace /responseParameters/gatewayresponse.header.X 'z'", "add /responseTemplates/text~1plain no").is(200).
		says(`{"responseType":"DEFAULT_5XX","statusCode":"500","responseParameters":{"gatewayresponse.header.X":"'z'"},"responseTemplates":{"text/plain":"no"},"defaultResponse":false}`)
	r.call("DELETE", one, "").is(202)
	r.call("DELETE", one, "").refused(404, "NotFoundException", "Gateway response type not defined on api")
}

// Without it a draft's change would act before anybody deployed it, or never.
func TestADeploymentHoldsThePartsOfItsDraft(t *testing.T) {
	r := newRig(t)
	id, stage := r.stage("pets", "prod", "GET /")
	api := "/restapis/" + id.String()
	used := r.call("POST", api+"/requestvalidators", `{"name":"used"}`).is(201).member("id")
	r.call("POST", api+"/requestvalidators", `{"name":"unused"}`).is(201)
	r.call("POST", api+"/models", `{"name":"Pet","contentType":"application/json"}`).is(201)
	r.call("PUT", api+"/gatewayresponses/THROTTLED", `{"statusCode":"420"}`).is(201)
	path := api + "/resources/" + r.resources(api)["/"].ID + "/methods/GET"
	r.patch(path, "replace /requestValidatorId "+used, "add /requestModels/a~1b Empty").is(200) // though a page made the API, which has no such model
	r.call("PUT", path+"/integration", `{"type":"MOCK"}`).is(201)
	d, err := r.Deploy(t.Context(), r.actor(), id, stage, "", r.now)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := r.Deployment(t.Context(), r.owner.ID, id, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := json.Marshal(kept.Parts)
	if len(kept.Parts.Validators) != 1 || kept.Parts.Validators[used].Name != "used" || kept.Parts.Models["Pet"].Name != "Pet" || kept.Parts.Responses["THROTTLED"].Status != 420 ||
		kept.Methods[0].Integration.Kind != models.IntegrationMock {
		t.Errorf("got %s, %+v", p, kept.Methods)
	}
}
