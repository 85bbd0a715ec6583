package management

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/models"
)

func TestAnAuthorizerReadsBackAsItWasGiven(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	path := "/restapis/" + api.String() + "/authorizers"
	for _, c := range []struct{ name, request, want string }{
		{"a token for a service", `{"name":"a","type":"TOKEN","authorizerUri":"https://auth.example.com/check","identitySource":"method.request.header.X-Token","identityValidationExpression":"^Bearer .+$","authorizerResultTtlInSeconds":60}`,
			`{"id":%q,"name":"a","type":"TOKEN","authType":"custom","authorizerUri":"https://auth.example.com/check","identitySource":"method.request.header.X-Token","identityValidationExpression":"^Bearer .+$","authorizerResultTtlInSeconds":60}`},
		{"a request for a service", `{"name":"b","type":"REQUEST","authorizerUri":"https://auth.example.com/","identitySource":"method.request.querystring.token,method.request.header.Authorization"}`,
			`{"id":%q,"name":"b","type":"REQUEST","authType":"custom","authorizerUri":"https://auth.example.com/","identitySource":"method.request.querystring.token,method.request.header.Authorization","authorizerResultTtlInSeconds":300}`},
		{"a user pool", `{"name":"c","type":"COGNITO_USER_POOLS","providerARNs":["arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Abc"],"identitySource":"method.request.header.Authorization","identityValidationExpression":"^(one|two)$"}`,
			`{"id":%q,"name":"c","type":"COGNITO_USER_POOLS","authType":"cognito_user_pools","providerARNs":["arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Abc"],"identitySource":"method.request.header.Authorization","identityValidationExpression":"^(one|two)$","authorizerResultTtlInSeconds":300}`},
		{"an issuer", `{"name":"d","type":"COGNITO_USER_POOLS","providerARNs":["https://login.example.com/"],"identitySource":"method.request.header.Authorization","authType":"mine"}`,
			`{"id":%q,"name":"d","type":"COGNITO_USER_POOLS","authType":"mine","providerARNs":["https://login.example.com/"],"identitySource":"method.request.header.Authorization","authorizerResultTtlInSeconds":300}`},
	} {
		made := r.call("POST", path, c.request).is(201)
		id := made.member("id")
		made.says(fmt.Sprintf(c.want, id))
		r.call("GET", path+"/"+id, "").is(200).says(fmt.Sprintf(c.want, id))
	}
	all, err := r.Authorizers(t.Context(), r.owner.ID, api)
	if err != nil || len(all) != 4 {
		t.Fatal(all, err)
	}
	if a := all[0]; a.Kind != models.AuthorizerHTTP || a.Identity.Pattern != "^Bearer .+$" || a.TTL != time.Minute || a.HTTP.Reuse != models.ReuseIdentity {
		t.Errorf("kept %+v", a)
	}
	if a := all[2]; a.Kind != models.AuthorizerJWT || a.JWT.Issuer != "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc" || len(a.JWT.Audiences) != 2 || a.JWT.Leeway != models.DefaultLeeway {
		t.Errorf("kept %+v", a)
	}
	var page struct {
		Position string
		Item     []struct{ Name string }
	}
	r.call("GET", path+"?limit=3", "").is(200).read(&page)
	if len(page.Item) != 3 || page.Position == "" {
		t.Errorf("listed %+v", page)
	}
}

func TestAuthorizersThatCannotBeAskedAreRefused(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	path := "/restapis/" + api.String() + "/authorizers"
	for request, message := range map[string]string{
		`{"name":"a","type":"TOKEN","authorizerUri":"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations"}`: "Gatehouse cannot ask a Lambda function",
		`{"name":"a","type":"TOKEN"}`: "Invalid Authorizer URI",
		`{"name":"a","type":"TOKEN","authorizerUri":"https://a.example.com","authorizerCredentials":"arn:aws:iam::1:role/x"}`:                                 "An authorizer with credentials of AWS is not supported",
		`{"name":"a","type":"REQUEST","authorizerUri":"https://a.example.com","identitySource":"context.identity.sourceIp"}`:                                  "Invalid identitySource: context.identity.sourceIp",
		`{"name":"a","type":"REQUEST","authorizerUri":"https://a.example.com"}`:                                                                               "Name at least one identitySource",
		`{"name":"a","type":"TOKEN","authorizerUri":"https://a.example.com","identitySource":"method.request.querystring.t"}`:                                 "Invalid identitySource",
		`{"name":"a","type":"REQUEST","authorizerUri":"https://a.example.com","identitySource":"method.request.header.A","identityValidationExpression":"x"}`: "identityValidationExpression belongs",
		`{"name":"a","type":"COGNITO_USER_POOLS"}`:                                                                                     "Give exactly one of providerARNs",
		`{"name":"a","type":"COGNITO_USER_POOLS","providerARNs":["arn:aws:iam::1:x"]}`:                                                 "Invalid provider ARN",
		`{"name":"a","type":"COGNITO_USER_POOLS","providerARNs":["https://login.example.com/"],"identityValidationExpression":"^a.*"}`: "Invalid identityValidationExpression",
		`{"name":"a","type":"TOKEN","authorizerUri":"https://a.example.com","authorizerResultTtlInSeconds":3601}`:                      "Enter 0 to 3,600 seconds",
		`{"name":"a","type":"TOKEN","authorizerUri":"https://a.example.com","identityValidationExpression":"("}`:                       "This is no regular expression",
	} {
		r.call("POST", path, request).refused(400, "BadRequestException", message)
	}
	r.call("POST", path, `{"type":"LAMBDA"}`).refused(400, "ValidationException", "2 validation errors detected: Value null at 'createAuthorizerInput.name'")
	r.call("POST", path, `{"name":"a","type":"TOKEN","authorizerUri":"https://a.example.com"}`).is(201)
	r.call("POST", path, `{"name":"a","type":"TOKEN","authorizerUri":"https://a.example.com"}`).refused(400, "BadRequestException", "Authorizer name must be unique. Authorizer a already exists in this RestApi.")
	r.call("GET", path+"/nosuch", "").refused(404, "NotFoundException", "Invalid Authorizer identifier specified")
}

// Terraform adds the provider that is wanted before it takes the other one away.
func TestAnAuthorizerIsPatchedAsAWhole(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	path := "/restapis/" + api.String() + "/authorizers"
	pool := path + "/" + r.call("POST", path, `{"name":"c","type":"COGNITO_USER_POOLS","providerARNs":["https://a.example.com/"]}`).is(201).member("id")
	r.patch(pool, "add /providerARNs https://b.example.com/").refused(400, "BadRequestException", "Give exactly one of providerARNs")
	r.patch(pool, "add /providerARNs https://b.example.com/", "remove /providerARNs https://a.example.com/", "replace /name d", "replace /authorizerResultTtlInSeconds 0").is(200)
	var got struct {
		Name      string
		Providers []string `json:"providerARNs"`
		TTL       int      `json:"authorizerResultTtlInSeconds"`
	}
	r.call("GET", pool, "").read(&got)
	if got.Name != "d" || len(got.Providers) != 1 || got.Providers[0] != "https://b.example.com/" || got.TTL != 0 {
		t.Errorf("changed to %+v", got)
	}
	r.patch(pool, "replace /nothing x").refused(400, "BadRequestException", "Invalid patch path  '/nothing'")
	r.patch(pool, "replace /type TOKEN", "replace /authorizerUri https://auth.example.com/", "replace /identityValidationExpression x.+").is(200)
	if all, err := r.Authorizers(t.Context(), r.owner.ID, api); err != nil || all[0].Kind != models.AuthorizerHTTP || all[0].JWT.Issuer != "" {
		t.Errorf("changed to %+v, %v", all, err)
	}
}

// What a page set that the wire cannot say survives a PATCH, and the other way round.
func TestAnAuthorizerOfThePortalIsOnTheWire(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	secret := "a-secret"
	made, err := r.SaveAuthorizer(t.Context(), r.actor(), models.Authorizer{APIID: api, Name: "page", Kind: models.AuthorizerHTTP, TTL: time.Minute, Identity: models.Identity{Headers: []string{"A", "B"}, Pattern: "x+"},
		HTTP: models.HTTPSettings{URL: "https://auth.example.com/", Verb: "GET", Timeout: time.Second, Reuse: models.ReusePath, SecretHeader: "X-Secret"}}, &secret, r.now)
	if err != nil {
		t.Fatal(err)
	}
	path := "/restapis/" + api.String() + "/authorizers/" + made.ID.String()
	r.call("GET", path, "").is(200).says(fmt.Sprintf(`{"id":%q,"name":"page","type":"REQUEST","authType":"custom","authorizerUri":"https://auth.example.com/","identitySource":"method.request.header.A, method.request.header.B",
		"identityValidationExpression":"x+","authorizerResultTtlInSeconds":60}`, made.ID))
	r.patch(path, "replace /name wire").is(200)
	got, err := r.Authorizer(t.Context(), r.owner.ID, api, made.ID)
	if err != nil || got.Name != "wire" || got.HTTP != made.HTTP || !got.HasSecret || got.Identity.Pattern != "x+" || len(got.Identity.Headers) != 2 {
		t.Errorf("changed to %+v, %v", got, err)
	}
	odd, err := r.SaveAuthorizer(t.Context(), r.actor(), models.Authorizer{APIID: api, Name: "odd", Kind: models.AuthorizerJWT,
		JWT: models.JWTSettings{Issuer: "accounts.example.com", JWKS: "https://keys.example.com/", Audiences: []string{"a b", "c*"}}}, nil, r.now)
	if err != nil {
		t.Fatal(err)
	}
	r.patch("/restapis/"+api.String()+"/authorizers/"+odd.ID.String(), "replace /name even").is(200)
	if got, err = r.Authorizer(t.Context(), r.owner.ID, api, odd.ID); err != nil || got.JWT.JWKS != odd.JWT.JWKS || got.JWT.Issuer != odd.JWT.Issuer || len(got.JWT.Audiences) != 2 {
		t.Errorf("changed to %+v, %v", got, err)
	}
}

func TestAnAuthorizerThatMethodsAskStays(t *testing.T) {
	r := newRig(t)
	api, id := r.stage("pets", "prod")
	path := "/restapis/" + api.String() + "/authorizers"
	one := r.call("POST", path, `{"name":"c","type":"COGNITO_USER_POOLS","providerARNs":["https://a.example.com/"]}`).is(201).member("id")
	z, err := models.ParseID[models.Authorizer](one)
	if err == nil {
		err = r.SetAuthorization(t.Context(), r.actor(), api, nil, models.MethodAuthorization{Authorizer: z}, r.now)
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.Deploy(t.Context(), r.actor(), api, id, "", r.now)
	if err != nil {
		t.Fatal(err)
	}
	r.call("DELETE", path+"/"+one, "").refused(409, "ConflictException", "The authorizer is asked by 2 methods, what is deployed to prod")
	var got struct {
		APISummary map[string]map[string]struct{ AuthorizationType string }
	}
	r.call("GET", "/restapis/"+api.String()+"/deployments/"+d.ID.String()+"?embed=apisummary", "").is(200).read(&got)
	if got.APISummary["/pets"]["GET"].AuthorizationType != typeCognito {
		t.Errorf("summary %+v", got)
	}
	r.call("DELETE", "/restapis/"+api.String()+"/stages/prod/cache/authorizers", "").is(202)
	if r.stageOf(api, "prod").Settings.AuthorizerEpoch == 0 {
		t.Error("nothing was flushed")
	}
	if err := r.SetAuthorization(t.Context(), r.actor(), api, nil, models.MethodAuthorization{NoAuthorizer: true}, r.now); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Deploy(t.Context(), r.actor(), api, id, "", r.now); err != nil {
		t.Fatal(err)
	}
	r.call("DELETE", path+"/"+one, "").is(202)
	r.call("GET", path, "").is(200).says(`{"item":[]}`)
}
