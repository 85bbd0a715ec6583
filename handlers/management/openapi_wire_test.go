package management

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// documentRig is a rig that reads documents.
func documentRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.api.Documents = newReader()
	return r
}

// importFile imports a document of models/openapi's tests.
func (r *rig) importFile(name, query string) (models.APIID, wireReply) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../../models/openapi/testdata/" + name))
	if err != nil {
		r.t.Fatal(err)
	}
	reply := r.call("POST", "/restapis?mode=import"+query, string(text)).is(201)
	return r.apiID(reply), reply
}

func (r *rig) apiID(reply wireReply) models.APIID {
	r.t.Helper()
	id, err := models.ParseID[models.API](reply.member("id"))
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r *rig) methods(api models.APIID) []models.Method {
	r.t.Helper()
	methods, err := r.Methods(r.t.Context(), r.owner.ID, api)
	if err != nil {
		r.t.Fatal(err)
	}
	return methods
}

// deployed opens a stage of an API with what it is now.
func (r *rig) deployed(api models.APIID) string {
	r.t.Helper()
	r.addStage(api, "prod")
	return fmt.Sprintf("/restapis/%s/stages/prod/exports/", api)
}

// TestAnImportMakesTheWholeAPI: methods, what they name, and the document behind the portal's reference.
func TestAnImportMakesTheWholeAPI(t *testing.T) {
	r := documentRig(t)
	id, reply := r.importFile("aws-petstore-3.0.yaml", "&endpointConfigurationTypes=REGIONAL")
	if reply.member("name") != "PetStore" || reply.member("version") != "2026-05-01T08:00:00Z" || strings.Contains(string(reply.body), "warnings") {
		t.Errorf("answer %s", reply.body)
	}
	a, err := r.API(t.Context(), r.owner.ID, id)
	if err != nil || !a.HasDocument || a.Slug != "petstore" || a.Details.Endpoint != "REGIONAL" || !slices.Equal(a.Details.BinaryTypes, []string{"image/png"}) || *a.Details.MinCompression != 1024 {
		t.Errorf("API %+v, %v", a, err)
	}
	parts, err := r.Parts(t.Context(), r.owner.ID, id)
	if err != nil || len(parts.Models) != 5 || len(parts.Validators) != 2 || parts.Responses["THROTTLED"].Status != 429 {
		t.Errorf("parts %+v, %v", parts, err)
	}
	if want := "https://apigateway.amazonaws.com/restapis/" + id.String() + "/models/Pet"; !strings.Contains(parts.Models["Pets"].Schema, want) {
		t.Errorf("references of models: %s", parts.Models["Pets"].Schema)
	}
	authorizers, err := r.Authorizers(t.Context(), r.owner.ID, id)
	if err != nil || len(authorizers) != 1 || authorizers[0].HTTP.URL != "https://auth.example.com/check" {
		t.Fatalf("authorizers %+v, %v", authorizers, err)
	}
	for _, m := range r.methods(id) {
		if v := m.Request.Validator; parts.Validators[v].ID != v {
			t.Errorf("%s names the validator %q", m.Name(), v)
		}
		if asks := m.Authorizer == authorizers[0].ID; asks != (m.Path == "/pets/{petId}") {
			t.Errorf("%s asks the authorizer: %v", m.Name(), asks)
		}
	}
	document, reading, err := r.Document(t.Context(), r.owner.ID, id)
	if err != nil || !strings.HasPrefix(string(document), "openapi:") || len(reading) == 0 {
		t.Errorf("document %.40s, %d bytes read, %v", document, len(reading), err)
	}
	if _, reply := r.importFile("aws-petstore-3.0.yaml", ""); reply.member("name") != "PetStore" {
		t.Errorf("a second one: %s", reply.body)
	}
}

// TestWhatIsNoDocumentMakesNothing: neither an API nor a part of one is left behind.
func TestWhatIsNoDocumentMakesNothing(t *testing.T) {
	r := documentRig(t)
	const warned = "openapi: 3.0.1\ninfo: {title: W, version: '1'}\nx-amazon-apigateway-policy: {Version: '2012-10-17'}\npaths: {/a: {get: {responses: {'200': {description: ok}}}}}\n"
	const wrong = "openapi: 3.0.1\ninfo: {title: W, version: '1'}\npaths: {/a: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: x}, responses: {'200': {description: ok}}}}}\n"
	for name, c := range map[string]struct{ query, document, want string }{
		"nothing":          {"", "", noDocument},
		"no document":      {"", `{"a": 1}`, noDocument},
		"no text":          {"", "\x1f\x8b\x08\x00", noDocument},
		"laughs":           {"", "openapi: 3.0.1\nx: &a [" + strings.Repeat("[", 200), noDocument},
		"a warning":        {"&failonwarnings=true", warned, "Warnings found during import:\n\tthe document: x-amazon-apigateway-policy is left out"},
		"a mistake":        {"", wrong, "Errors found during import:\n\tUnable to put integration on 'GET' for resource at path '/a': Invalid HTTP endpoint"},
		"no title":         {"", "openapi: 3.0.1\npaths: {/a: {get: {responses: {'200': {description: ok}}}}}\n", "Errors found during import:\n\tAPI name must be non-empty"},
		"a base path":      {"&basepath=other", warned, "Invalid parameter basepath"},
		"an endpoint type": {"&endpointConfigurationTypes=LOCAL", warned, "Invalid EndpointTypes specified"},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			r.call("POST", "/restapis?mode=import"+c.query, c.document).refused(400, "BadRequestException", c.want)
		})
	}
	r.t = t
	if list, err := r.APIs(t.Context(), r.owner.ID, models.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("%d APIs are there, %v", len(list.Items), err)
	}
	reply := r.call("POST", "/restapis?mode=import", warned).is(201)
	if !strings.Contains(string(reply.body), `"warnings":["the document: x-amazon-apigateway-policy`) {
		t.Errorf("a warning: %s", reply.body)
	}
}

const firstVersion = `openapi: 3.0.1
info: {title: First, version: '1', description: The first}
paths:
  /kept/{id}: {get: {operationId: kept, security: [{k: []}], responses: {'200': {description: ok}}}}
  /gone/deep: {get: {responses: {'200': {description: ok}}}}
x-amazon-apigateway-request-validators: {all: {validateRequestBody: true, validateRequestParameters: true}, old: {validateRequestBody: true}}
components:
  securitySchemes: {k: {type: apiKey, in: header, name: x-api-key}}
  schemas: {Old: {type: object}}
`

const secondVersion = `openapi: 3.0.1
info: {title: Second, version: '2'}
x-amazon-apigateway-request-validators: {all: {validateRequestBody: false, validateRequestParameters: true}}
x-amazon-apigateway-request-validator: all
paths:
  /kept/{id}: {get: {operationId: changed, responses: {'200': {description: ok}}}}
  /new: {post: {responses: {'200': {description: ok}}}}
components:
  schemas: {New: {type: object}}
`

// TestAPutKeepsIdsAndSaysAllOfItsMethods: plans name methods by their ids, and usage counts by them.
func TestAPutKeepsIdsAndSaysAllOfItsMethods(t *testing.T) {
	for _, mode := range []string{"", "merge", "overwrite"} {
		r := documentRig(t)
		id := r.apiID(r.call("POST", "/restapis?mode=import", firstVersion).is(201))
		before := r.methods(id)
		resources, err := r.Resources(t.Context(), r.owner.ID, id)
		if err != nil {
			t.Fatal(err)
		}
		first, err := r.Parts(t.Context(), r.owner.ID, id)
		if err != nil {
			t.Fatal(err)
		}
		target := "/restapis/" + id.String()
		if mode != "" {
			target += "?mode=" + mode
		}
		if reply := r.call("PUT", target, secondVersion).is(200); reply.member("name") != "Second" || reply.member("version") != "2" {
			t.Errorf("%s: %s", mode, reply.body)
		}
		after := r.methods(id)
		kept := methodCalled(after, "GET /kept/{id}")
		if was := methodCalled(before, "GET /kept/{id}"); kept.ID != was.ID || kept.OperationName != "changed" || kept.KeyRequired {
			t.Errorf("%s: kept %+v, was %+v", mode, kept, was)
		}
		parts, err := r.Parts(t.Context(), r.owner.ID, id)
		if err != nil {
			t.Fatal(err)
		}
		overwrite := mode == "overwrite"
		if there := methodCalled(after, "GET /gone/deep").ID != 0; there == overwrite || methodCalled(after, "POST /new").ID == 0 {
			t.Errorf("%s: methods %+v", mode, after)
		}
		if _, there := parts.Models["Old"]; there == overwrite || parts.Models["New"].ID == "" {
			t.Errorf("%s: models %+v", mode, parts.Models)
		}
		for vid, v := range first.Validators {
			if now := parts.Validators[vid]; v.Name == "all" && (now.Name != "all" || now.Body || kept.Request.Validator != vid) || v.Name == "old" && (now.Name == "") != overwrite {
				t.Errorf("%s: validators %+v were %+v", mode, parts.Validators, first.Validators)
			}
		}
		now, err := r.Resources(t.Context(), r.owner.ID, id)
		if err != nil {
			t.Fatal(err)
		}
		was := map[string]models.ResourceID{}
		for _, x := range resources {
			was[x.Path] = x.ID
		}
		for _, x := range now {
			if old, ok := was[x.Path]; ok && old != x.ID || overwrite && strings.HasPrefix(x.Path, "/gone") {
				t.Errorf("%s: resource %s has the id %s, had %s", mode, x.Path, x.ID, old)
			}
		}
		a, err := r.API(t.Context(), r.owner.ID, id)
		if err != nil || (a.FullDescription() == "") != overwrite || a.Slug != "first" || !a.Undeployed {
			t.Errorf("%s: API %+v, %v", mode, a, err)
		}
	}
}

func methodCalled(all []models.Method, name string) models.Method {
	for _, m := range all {
		if m.Name() == name {
			return m
		}
	}
	return models.Method{}
}

// TestAPutThatFailsChangesNothing: half of a document would be an API that nobody described.
func TestAPutThatFailsChangesNothing(t *testing.T) {
	r := documentRig(t)
	id := r.apiID(r.call("POST", "/restapis?mode=import", firstVersion).is(201))
	before := r.methods(id)
	target := "/restapis/" + id.String()
	r.call("PUT", target+"?mode=other", secondVersion).refused(400, "ValidationException", "1 validation error detected: Value 'other' at 'putRestApiInput.mode'")
	r.call("PUT", target, "nothing").refused(400, "BadRequestException", noDocument)
	r.call("PUT", "/restapis/abcdefghij", secondVersion).refused(404, "NotFoundException", "Invalid API identifier specified 123456789012:abcdefghij")
	r.call("PUT", target+"?mode=overwrite", strings.Replace(secondVersion, "operationId: changed", "operationId: '"+strings.Repeat("x", 200)+"', x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: x}", 1)).
		refused(400, "BadRequestException", "Errors found")
	if diff := cmp.Diff(before, r.methods(id)); diff != "" {
		t.Error(diff)
	}
	stranger := rigOver(t, r.Store)
	stranger.api.Documents = newReader()
	stranger.call("PUT", target, secondVersion).refused(404, "NotFoundException", "Invalid API identifier specified")
}

// TestAnExportIsTheAPIAgain: whoever moves an API takes all of it along, in either version and notation.
func TestAnExportIsTheAPIAgain(t *testing.T) {
	for _, name := range []string{"aws-petstore-3.0.yaml", "petstore-3.0.yaml", "petstore-2.0.json", "petstore-3.1.json"} {
		r := documentRig(t)
		id, _ := r.importFile(name, "")
		base := r.deployed(id)
		for _, kind := range []string{"oas30", "swagger"} {
			for _, accept := range []string{"application/json", "application/yaml"} {
				reply := r.export(base+kind+"?extensions=apigateway", accept).is(200)
				ending := strings.TrimPrefix(accept, "application/")
				if d := reply.header.Get("Content-Disposition"); !strings.HasPrefix(d, `attachment; filename="`+kind+`_2`) || !strings.HasSuffix(d, `.`+ending+`"`) || reply.header.Get("Content-Type") != accept {
					t.Errorf("%s: %q, %q", name, d, reply.header.Get("Content-Type"))
				}
				again := r.apiID(r.call("POST", "/restapis?mode=import", string(reply.body)).is(201))
				if diff := cmp.Diff(r.comparable(id, kind), r.comparable(again, kind), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s as %s in %s (-was +is):\n%s\n%s", name, kind, accept, diff, reply.body)
				}
			}
		}
	}
}

// comparable are an API's methods without what differs between two that are the same.
func (r *rig) comparable(id models.APIID, kind string) []models.Method {
	r.t.Helper()
	parts, err := r.Parts(r.t.Context(), r.owner.ID, id)
	if err != nil {
		r.t.Fatal(err)
	}
	methods := r.methods(id)
	for i := range methods {
		m := &methods[i]
		m.ID, m.Authorizer = 0, min(m.Authorizer, 1)
		if m.Request.Validator != "" {
			m.Request.Validator = parts.Validators[m.Request.Validator].Name
		}
		for status, answer := range m.Responses {
			if answer.Models = nil; kind == "oas30" && len(answer.Parameters) == 0 {
				answer.Parameters = nil
			}
			m.Responses[status] = answer
		}
		m.Request.Models = nil // compared where names cannot differ
	}
	slices.SortFunc(methods, func(a, b models.Method) int { return strings.Compare(a.Name(), b.Name()) })
	return methods
}

// export gets a document in a notation.
func (r *rig) export(target, accept string) wireReply {
	r.t.Helper()
	req := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8082"+target, nil)
	req.RequestURI = target
	req.Header.Set("Accept", accept)
	sign(req, nil, r.key, r.now)
	w := httptest.NewRecorder()
	r.api.Handler().ServeHTTP(w, req)
	return wireReply{t: r.t, what: "GET " + target, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
}

// TestAnExportSaysWhatWasAskedFor: integrations name addresses that not every reader is to see.
func TestAnExportSaysWhatWasAskedFor(t *testing.T) {
	r := documentRig(t)
	id, _ := r.importFile("aws-petstore-3.0.yaml", "")
	base := r.deployed(id)
	for extensions, want := range map[string][3]bool{ // integrations, authorizers, the rest
		"": {}, "?extensions=integrations": {true, false, false}, "?extensions=authorizers": {false, true, false}, "?extensions=integrations,authorizers": {true, true, false},
		"?extensions=apigateway": {true, true, true},
	} {
		text := string(r.call("GET", base+"oas30"+extensions, "").is(200).body)
		for i, says := range []string{"petstore.example.com", "auth.example.com", "x-amazon-apigateway-gateway-responses"} {
			if strings.Contains(text, says) != want[i] {
				t.Errorf("%s: %q is there: %v", extensions, says, !want[i])
			}
		}
		if !strings.Contains(text, `"url":"https://gateway.example.com/petstore/prod"`) || strings.Contains(text, "execute-api") {
			t.Errorf("%s: the address is not the gateway's: %s", extensions, text)
		}
	}
	r.call("GET", base+"oas30?extensions=postman", "").refused(400, "BadRequestException", "An export for Postman")
	r.call("GET", base+"oas30?extensions=other", "").refused(400, "BadRequestException", "Invalid extension: other")
	r.call("GET", base+"oas31", "").refused(400, "BadRequestException", "Invalid export type: oas31")
	r.call("GET", strings.Replace(base, "prod", "other", 1)+"oas30", "").refused(404, "NotFoundException", "Invalid Stage identifier specified")
}

// TestAnAPIWithoutADocumentIsExported: those that pages and single calls made are APIs, too.
func TestAnAPIWithoutADocumentIsExported(t *testing.T) {
	r := documentRig(t)
	api, _ := r.stage("plain", "prod", "GET /pets/{id}", "ANY /files/{proxy+}")
	text := string(r.call("GET", fmt.Sprintf("/restapis/%s/stages/prod/exports/swagger?extensions=apigateway", api), "").is(200).body)
	d := mustImport(t, text)
	if m := methodOf(d, "GET /pets/{id}"); !m.KeyRequired || len(d.methods) != 2 || len(d.warnings) != 0 || !strings.Contains(text, `"basePath":"/plain/prod"`) {
		t.Errorf("%q in %s", d.warnings, text)
	}
}

// TestABasePathComesBeforePaths: and the document, by which the portal describes methods, has it, too.
func TestABasePathComesBeforePaths(t *testing.T) {
	const document = "openapi: 3.0.1\ninfo: {title: B, version: '1'}\nservers: [{url: 'https://x.example.com/{basePath}', variables: {basePath: {default: /a/b/c}}}]\n" +
		"paths: {/: {get: {responses: {'200': {description: ok}}}}, '/p/{id}': {get: {summary: A line, responses: {'200': {description: The answer}}}}}\n"
	for mode, want := range map[string][]string{
		"": {"/", "/p/{id}"}, "ignore": {"/", "/p/{id}"}, "prepend": {"/a/b/c", "/a/b/c/p/{id}"}, "split": {"/b/c", "/b/c/p/{id}"},
	} {
		r := documentRig(t)
		id := r.apiID(r.call("POST", "/restapis?mode=import&basepath="+mode, document).is(201))
		_, reading, err := r.Document(t.Context(), r.owner.ID, id)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := openapi.OpenReference(reading)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, m := range r.methods(id) {
			paths = append(paths, m.Path)
			if op, ok, err := ref.Described(m.Verb, m.Path); !ok || err != nil || strings.HasSuffix(m.Path, "{id}") && (op.Summary != "A line" || op.Responses[0].Text != "The answer") {
				t.Errorf("%s: %s is described: %+v, %v", mode, m.Name(), op, err)
			}
		}
		if !slices.Equal(paths, want) {
			t.Errorf("%s: got %q", mode, paths)
		}
	}
}
