package openapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func gatewayOf(t *testing.T, document string) Gateway {
	t.Helper()
	pack, err := mustRead(t, document).Pack()
	if err != nil {
		t.Fatal(err)
	}
	g, err := mustOpen(t, pack).Gateway()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestWhatADocumentSaysToAPIGatewayIsKept: an import by the management API makes methods of nothing else.
func TestWhatADocumentSaysToAPIGatewayIsKept(t *testing.T) {
	g := gatewayOf(t, string(mustFile(t, "testdata/aws-petstore-3.0.yaml")))
	if g.BasePath != "/shop" || len(g.Operations) != 6 || len(g.Models) != 3 || len(g.Schemes) != 2 || len(g.Left) != 0 {
		t.Fatalf("got %+v", g)
	}
	if diff := cmp.Diff(g.Operation("GET", "/pets"), &GatewayOperation{
		Verb: "GET", Path: "/pets", ID: "listPets", Summary: "Pets, page by page", Security: []GatewaySecurity{{"api_key": nil}},
		Parameters: []GatewayParameter{{"type", "query", false}, {"page", "query", true}},
		Answers:    []GatewayAnswer{{"200", []string{"Access-Control-Allow-Origin"}, []GatewayContent{{MediaType: "application/json", Model: "Pets"}}}},
		Extensions: map[string]json.RawMessage{
			"request-validator": json.RawMessage(`"parameters"`),
			"integration": json.RawMessage(`{"type":"http","httpMethod":"GET","uri":"http://petstore.example.com/petstore/pets","passthroughBehavior":"when_no_match",` +
				`"timeoutInMillis":5000,"requestParameters":{"integration.request.querystring.page":"method.request.querystring.page",` +
				`"integration.request.querystring.type":"method.request.querystring.type"},"responses":{"4\\d{2}":{"statusCode":"400"},` +
				`"default":{"statusCode":"200","responseParameters":{"method.response.header.Access-Control-Allow-Origin":"'*'"}}}}`),
		},
	}); diff != "" {
		t.Error(diff)
	}
	if preflight := g.Operation("OPTIONS", "/pets"); !strings.Contains(string(preflight.Extensions["integration"]), `"mock"`) {
		t.Errorf("a reference to an integration is not followed: %s", preflight.Extensions["integration"])
	}
	if any := g.Operation("ANY", "/files/{proxy+}"); any == nil || any.Extensions["integration"] == nil {
		t.Errorf("any-method: %+v", any)
	}
	if string(g.Root["minimum-compression-size"]) != "1024" || g.Root["endpoint-configuration"] == nil {
		t.Errorf("root: %s", g.Root)
	}
}

// TestOldDocumentsSayTheSameToAPIGateway: exports of AWS come in both versions.
func TestOldDocumentsSayTheSameToAPIGateway(t *testing.T) {
	g := gatewayOf(t, string(mustFile(t, "testdata/aws-2.0.json")))
	get := g.Operation("GET", "/orders")
	if g.BasePath != "/prod" || get == nil || len(get.Answers) != 1 || get.Answers[0].Contents[0].Model != "Empty" {
		t.Errorf("got %+v, %+v", g, get)
	}
}

// TestReadersNeverSeeWhatIsSaidToAPIGateway: extensions name addresses behind the API.
func TestReadersNeverSeeWhatIsSaidToAPIGateway(t *testing.T) {
	text := rewritten(t, string(mustFile(t, "testdata/aws-petstore-3.0.yaml")), nil)
	for _, secret := range []string{"petstore.example.com", "auth.example.com", "x-amazon"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
}

// TestExtensionsWithoutEndAreLeftOut: what an extension may say is bounded, and the rest is read.
func TestExtensionsWithoutEndAreLeftOut(t *testing.T) {
	long := head + "x-amazon-apigateway-documentation: '" + strings.Repeat("y", maxExtension+1) + "'\n" + oneGet
	g := gatewayOf(t, long)
	if len(g.Root) != 0 || len(g.Left) != 1 || len(g.Operations) != 1 {
		t.Errorf("got %d extensions, %v", len(g.Root), g.Left)
	}
	circle := head + "paths: {/a: {get: {x-amazon-apigateway-integration: {$ref: '#/components/x-a/b'}, responses: {'200': {description: ok}}}}}\ncomponents: {x-a: {b: {$ref: '#/components/x-a/b'}}}\n"
	if g := gatewayOf(t, circle); len(g.Operations) != 1 {
		t.Errorf("got %+v", g)
	}
}
