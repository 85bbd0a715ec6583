package management

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// TestBeingReader is no test: it is the child that reads documents for the others, since a package has one TestMain.
func TestBeingReader(t *testing.T) {
	if os.Args[len(os.Args)-1] == openapi.ChildArgument {
		syscall.Exit(openapi.ChildMain(os.Stdin, os.Stdout))
	}
}

func newReader() *openapi.Reader {
	return openapi.NewReader(os.Args[0], "-test.run=^TestBeingReader$", openapi.ChildArgument)
}

func mustImport(t interface {
	Fatalf(string, ...any)
	Helper()
}, document string) *imported {
	t.Helper()
	d, _ := mustRead(t, document)
	return d
}

func mustRead(t interface {
	Fatalf(string, ...any)
	Helper()
}, document string) (*imported, openapi.Reading) {
	t.Helper()
	reading, err := newReader().Read(context.Background(), []byte(document))
	if err != nil {
		t.Fatalf("read: %v\n%s", err, document)
	}
	d, err := readImport(reading)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return d, reading
}

func petStore(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../../models/openapi/testdata/aws-petstore-3.0.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAWSsDocumentsBecomeMethods: everything that a document says to API Gateway is there, and nothing else.
func TestAWSsDocumentsBecomeMethods(t *testing.T) {
	d := mustImport(t, petStore(t))
	if len(d.warnings) != 0 || d.err() != nil {
		t.Errorf("warnings %q, %v", d.warnings, d.err())
	}
	got := methodOf(d, "GET /pets")
	want := models.Method{Verb: "GET", Path: "/pets", Summary: "Pets, page by page", KeyRequired: true}
	want.NoAuthorizer = true
	want.OperationName = "listPets"
	want.Request = models.MethodRequest{Validator: "parameters", Parameters: map[string]bool{"method.request.querystring.page": true, "method.request.querystring.type": false}}
	want.Responses = map[string]models.MethodResponse{"200": {
		Parameters: map[string]bool{"method.response.header.Access-Control-Allow-Origin": false}, Models: map[string]string{"application/json": "Pets"},
	}}
	want.Integration = &models.Integration{
		Kind: models.IntegrationHTTP, Verb: "GET", URL: "http://petstore.example.com/petstore/pets", Passthrough: models.PassNoMatch, Timeout: 5 * time.Second,
		Parameters: map[string]string{
			"integration.request.querystring.page": "method.request.querystring.page", "integration.request.querystring.type": "method.request.querystring.type",
		},
		Responses: map[string]models.IntegrationResponse{
			"400": {Pattern: `4\d{2}`}, "200": {Parameters: map[string]string{"method.response.header.Access-Control-Allow-Origin": "'*'"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	staff := methodOf(d, "GET /pets/{petId}")
	if staff.KeyRequired || staff.Authorizer != 1 || !slices.Equal(staff.Scopes, []string{"pets.read"}) || d.authorizers[0].HTTP.URL != "https://auth.example.com/check" {
		t.Errorf("authorizer: %+v, %+v", staff.MethodAuthorization, d.authorizers)
	}
	if i := methodOf(d, "ANY /files/{proxy+}").Integration; i == nil || i.Verb != "ANY" {
		t.Errorf("any-method: %+v", i)
	}
	if m := methodOf(d, "POST /pets"); !strings.HasPrefix(m.Responses["400"].Models["application/json"], inlineModel) || d.parts.Models["Pets"].Schema == "" {
		t.Errorf("models: %+v", m.Responses)
	}
	if !strings.Contains(d.parts.Models["Pets"].Schema, models.ModelsOfImport+"Pet") {
		t.Errorf("a model's references: %s", d.parts.Models["Pets"].Schema)
	}
	if d.parts.Responses["THROTTLED"].Status != 429 || d.parts.Responses["DEFAULT_4XX"].Status != 0 || len(d.parts.Validators) != 2 || *d.compression != 1024 || d.byAuthorizer == nil {
		t.Errorf("of the whole: %+v", d)
	}
}

func methodOf(d *imported, name string) models.Method {
	i := slices.IndexFunc(d.methods, func(m models.Method) bool { return m.Name() == name })
	if i < 0 {
		return models.Method{}
	}
	return d.methods[i]
}

// document31 makes a document of operations and what stands beside them.
func withOperation(operation, beside string) string {
	return "openapi: 3.0.1\ninfo: {title: T, version: '1'}\npaths:\n  /a:\n    get:\n      responses: {'200': {description: ok}}\n" + operation + beside
}

// TestWhatCannotBeAskedForIsNeverOpen: a method that its author closed by a way that Gatehouse does not have would answer everybody otherwise.
func TestWhatCannotBeAskedForIsNeverOpen(t *testing.T) {
	const schemes = "components:\n  securitySchemes:\n    s: "
	for name, c := range map[string]struct {
		operation, scheme string
		key               bool
		warned            string
	}{
		"nothing said":          {"", "{type: apiKey, in: header, name: x-api-key}", false, ""},
		"key":                   {"      security: [{s: []}]\n", "{type: apiKey, in: header, name: X-API-Key}", true, ""},
		"key or nothing":        {"      security: [{s: []}, {}]\n", "{type: apiKey, in: header, name: x-api-key}", true, ""},
		"another header":        {"      security: [{s: []}]\n", "{type: apiKey, in: header, name: X-Other}", true, "neither the header x-api-key"},
		"oauth":                 {"      security: [{s: [a]}]\n", "{type: oauth2, flows: {}}", true, "neither the header x-api-key"},
		"an unknown scheme":     {"      security: [{other: []}]\n", "{type: apiKey, in: header, name: x-api-key}", true, "does not say what it is"},
		"signatures":            {"      security: [{s: []}]\n", "{type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: awsSigv4}", true, "AWS signatures"},
		"a function":            {"      security: [{s: []}]\n", "{type: apiKey, in: header, name: A, x-amazon-apigateway-authorizer: {type: token, authorizerUri: 'arn:aws:apigateway:eu-central-1:lambda:path/x'}}", true, "Lambda function by its ARN"},
		"an unreadable one":     {"      security: [{s: []}]\n", "{type: apiKey, in: header, name: A, x-amazon-apigateway-authorizer: [1]}", true, "not as it should be"},
		"IAM, as AWS writes it": {"      x-amazon-apigateway-auth: {type: AWS_IAM}\n", "{type: apiKey, in: header, name: x-api-key}", true, "AWS_IAM"},
	} {
		d := mustImport(t, withOperation(c.operation, schemes+c.scheme+"\n"))
		m := methodOf(d, "GET /a")
		if m.KeyRequired != c.key || m.Authorizer != 0 || c.warned == "" && len(d.warnings) > 0 || !strings.Contains(strings.Join(d.warnings, "\n"), c.warned) {
			t.Errorf("%s: key %v, authorizer %d, warnings %q", name, m.KeyRequired, m.Authorizer, d.warnings)
		}
	}
	d := mustImport(t, withOperation("", "security: [{s: []}]\n"+schemes+"{type: apiKey, in: header, name: x-api-key}\n"))
	if m := methodOf(d, "GET /a"); !m.KeyRequired || len(d.warnings) != 1 {
		t.Errorf("security of the whole document: key %v, warnings %q", m.KeyRequired, d.warnings)
	}
}

// TestIntegrationsThatGatehouseHasNoneOfAreSaid: a method whose function is left out is answered by something else, which its owner must hear.
func TestIntegrationsThatGatehouseHasNoneOfAreSaid(t *testing.T) {
	for integration, want := range map[string]string{
		"{type: aws_proxy, httpMethod: POST, uri: 'arn:aws:lambda'}":                                                      "none of the type aws_proxy",
		"{type: http_proxy, httpMethod: GET, uri: 'https://a.example.com', connectionType: VPC_LINK, connectionId: x}":    "no VPC links",
		"{type: mock, contentHandling: CONVERT_TO_BINARY, requestTemplates: {application/json: '{\"statusCode\": 200}'}}": "contentHandling",
		"[1]": "not as it should be",
	} {
		d := mustImport(t, withOperation("      x-amazon-apigateway-integration: "+integration+"\n", ""))
		if d.err() != nil || len(d.warnings) != 1 || !strings.Contains(d.warnings[0], want) {
			t.Errorf("%s: %v, %q", integration, d.err(), d.warnings)
		}
	}
	d := mustImport(t, withOperation("      x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: 'ftp://a'}\n", ""))
	if err := d.err(); err == nil || !strings.Contains(err.Error(), "Unable to put integration on 'GET' for resource at path '/a': Invalid HTTP endpoint specified for URI") {
		t.Errorf("a mistake: %v", err)
	}
}

// TestWhatIsExportedIsImportedAsItWas: an export that loses something would change the API when it comes back.
func TestWhatIsExportedIsImportedAsItWas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := drawExported(rt)
		text, err := new(openapi.Reference).Export(x.document())
		if err != nil {
			rt.Fatal(err)
		}
		d := mustImport(rt, string(text))
		if d.err() != nil || len(d.warnings) > 0 {
			rt.Fatalf("%v, %q\n%s", d.err(), d.warnings, text)
		}
		compareExport(rt, x, d, string(text))
	})
}

func compareExport(t interface{ Fatalf(string, ...any) }, x *exported, d *imported, text string) {
	want := slices.Clone(x.methods)
	for i := range want {
		want[i].ID, want[i].NoAuthorizer = 0, want[i].Authorizer == 0
		if v := want[i].Request.Validator; v != "" {
			want[i].Request.Validator = x.parts.Validators[v].Name
		}
	}
	byName := cmpopts.SortSlices(func(a, b models.Method) bool { return a.Name() < b.Name() })
	if diff := cmp.Diff(want, d.methods, byName, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("methods (-exported +imported):\n%s\n%s", diff, text)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(x.parts.Models)), slices.Sorted(maps.Keys(d.parts.Models))); diff != "" {
		t.Fatalf("models: %s\n%s", diff, text)
	}
	if diff := cmp.Diff(x.parts.Responses, d.parts.Responses, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("gateway responses: %s\n%s", diff, text)
	}
}

// drawExported draws an API with all that documents can say of one.
func drawExported(t *rapid.T) *exported {
	x := &exported{
		old: rapid.Bool().Draw(t, "old"), title: "Drawn", version: "1", server: "https://gateway.example.com/drawn/prod", keySource: models.DefaultKeySource(),
		with: exportWith{all: true},
		parts: models.DeploymentParts{
			Validators: map[string]models.RequestValidator{"v1": {ID: "v1", Name: "all", Body: true, Parameters: true}},
			Models: map[string]models.SchemaModel{
				"Pet":  {Name: "Pet", ContentType: "application/json", Schema: `{"type": "object", "properties": {"next": {"$ref": "https://apigateway.amazonaws.com/restapis/x/models/Pet"}}}`},
				"Pets": {Name: "Pets", ContentType: "application/json", Schema: `{"$schema": "http://json-schema.org/draft-04/schema#", "type": "array", "items": {"$ref": "https://apigateway.amazonaws.com/restapis/x/models/Pet"}}`},
			},
			Responses: map[string]models.GatewayResponse{"THROTTLED": {Type: "THROTTLED", Status: 429, Templates: map[string]string{"application/json": `{"m": $context.error.messageString}`}}},
		},
	}
	x.authorizers = []models.Authorizer{{ID: 1, Name: "staff", Kind: models.AuthorizerHTTP, Identity: models.Identity{Headers: []string{"Authorization"}}, HTTP: models.HTTPSettings{URL: "https://auth.example.com/check"}}}
	seen := map[string]bool{}
	for range rapid.IntRange(1, 6).Draw(t, "methods") {
		m := drawMethod(t, x.old)
		if !seen[m.Name()] {
			seen[m.Name()] = true
			x.methods = append(x.methods, m)
		}
	}
	x.describe()
	return x
}

func drawMethod(t *rapid.T, old bool) models.Method {
	path := rapid.SampledFrom([]string{"/", "/pets", "/pets/{petId}", "/files/{proxy+}"}).Draw(t, "path")
	m := models.Method{Verb: rapid.SampledFrom(models.Verbs).Draw(t, "verb"), Path: path, KeyRequired: rapid.Bool().Draw(t, "key")}
	m.Summary = rapid.SampledFrom([]string{"", "A line"}).Draw(t, "summary")
	if m.OperationName = rapid.SampledFrom([]string{"", "do"}).Draw(t, "operationName"); m.OperationName != "" {
		m.OperationName += fmt.Sprint(len(path), m.Verb)
	}
	parameters := map[string]bool{}
	for _, name := range []string{"method.request.querystring.q", "method.request.header.X-Trace"} {
		if rapid.Bool().Draw(t, name) {
			parameters[name] = rapid.Bool().Draw(t, "required")
		}
	}
	if _, name, ok := strings.Cut(path, "{"); ok {
		parameters["method.request.path."+strings.Trim(name, "+}")] = true
	}
	m.Request.Parameters = parameters
	bodies := []map[string]string{nil, {"application/json": "Pet"}, {"application/json": "Pets", "application/xml": "Pets"}}
	m.Request.Models = rapid.SampledFrom(bodies).Draw(t, "body")
	if rapid.Bool().Draw(t, "validator") {
		m.Request.Validator = "v1"
	}
	if rapid.Bool().Draw(t, "authorizer") {
		m.Authorizer, m.Scopes = 1, rapid.SampledFrom([][]string{nil, {"a", "b"}}).Draw(t, "scopes")
	}
	m.Responses = map[string]models.MethodResponse{}
	announced := rapid.SampledFrom(bodies).Draw(t, "answer")
	for _, status := range []string{"200", "404"} {
		if rapid.Bool().Draw(t, status) {
			r := models.MethodResponse{Models: announced}
			if !old && rapid.Bool().Draw(t, "other") { // 2.0 has the media types once for all answers
				r.Models = rapid.SampledFrom(bodies).Draw(t, "answer")
			}
			if rapid.Bool().Draw(t, "header") {
				r.Parameters = map[string]bool{"method.response.header.X-A": false}
			}
			m.Responses[status] = r
		}
	}
	m.Integration = drawIntegration(t)
	return m
}

func drawIntegration(t *rapid.T) *models.Integration {
	i := &models.Integration{Kind: rapid.SampledFrom([]models.IntegrationKind{"", models.IntegrationHTTP, models.IntegrationHTTPProxy, models.IntegrationMock}).Draw(t, "kind")}
	switch i.Kind {
	case "":
		return nil
	case models.IntegrationMock:
		i.Templates = map[string]string{"application/json": `{"statusCode": 200}`}
	default:
		i.Verb, i.URL = rapid.SampledFrom(models.Verbs).Draw(t, "verb"), "https://a.example.com/x"
		i.Parameters = map[string]string{"integration.request.header.X-B": "'b<&>'"}
		i.Timeout = time.Duration(rapid.SampledFrom([]int{0, 50, 29_000}).Draw(t, "timeout")) * time.Millisecond
		i.Insecure = rapid.Bool().Draw(t, "insecure")
		i.Passthrough = rapid.SampledFrom([]models.Passthrough{"", models.PassNever, models.PassNoMatch}).Draw(t, "passthrough")
		i.CacheNamespace, i.CacheKeys = "n", []string{"method.request.querystring.q"}
	}
	if rapid.Bool().Draw(t, "responses") {
		i.Responses = map[string]models.IntegrationResponse{"200": {}, "400": {Pattern: `4\d\d`, Templates: map[string]string{"text/plain": "no"}, Parameters: map[string]string{"method.response.header.X-A": "'1'"}}}
	}
	return i
}

// deployedAs is an API as it is deployed after the import of a document.
func deployedAs(t *testing.T, d *imported, reading openapi.Reading, old bool) (*exported, *openapi.Reference) {
	t.Helper()
	ref, err := openapi.OpenReference(reading.Pack)
	if err != nil {
		t.Fatal(err)
	}
	x := &exported{old: old, title: "T", server: "https://gateway.example.com/t/prod", methods: slices.Clone(d.methods), keySource: models.DefaultKeySource(), said: d, has: ref.Speaks(old), with: exportWith{all: true}}
	x.parts = models.DeploymentParts{Validators: d.parts.Validators, Models: map[string]models.SchemaModel{}, Responses: d.parts.Responses}
	for name, m := range d.parts.Models {
		m.Schema = strings.ReplaceAll(m.Schema, models.ModelsOfImport, "https://apigateway.amazonaws.com/restapis/abc/models/")
		x.parts.Models[name] = m
	}
	for i, a := range d.authorizers {
		a.ID = models.AuthorizerID(i + 1)
		x.authorizers = append(x.authorizers, a)
	}
	x.describe()
	return x, ref
}

// TestDocumentsComeBackAsTheyAreDeployed: what the document says stands, what was changed since is as it was changed, in the document's version and in the other.
func TestDocumentsComeBackAsTheyAreDeployed(t *testing.T) {
	names, err := filepath.Glob("../../models/openapi/testdata/*[0-9].*")
	if err != nil || len(names) < 6 {
		t.Fatal(names, err)
	}
	changes := map[string]func(*exported){
		"as imported": func(*exported) {},
		"changed": func(x *exported) {
			for i := range x.methods {
				m := &x.methods[i]
				switch i % 5 {
				case 0:
					m.OperationName = fmt.Sprintf("changed%d", i)
				case 1:
					m.Request.Parameters = map[string]bool{"method.request.header.X-New": true}
					for key := range maps.Keys(x.said.methods[i].Request.Parameters) {
						if strings.HasPrefix(key, "method.request.path.") {
							m.Request.Parameters[key] = true
						}
					}
				case 2:
					m.Request.Models = map[string]string{"application/json": "New"}
				case 3:
					m.Responses = map[string]models.MethodResponse{"202": {Models: map[string]string{"application/json": "New"}}}
				default:
					m.KeyRequired, m.Authorizer, m.Scopes = !m.KeyRequired, 0, nil
				}
			}
			x.parts.Models["New"] = models.SchemaModel{Name: "New", Schema: `{"type":"string"}`}
		},
		"without some": func(x *exported) { x.methods = x.methods[:len(x.methods)/2+1] },
	}
	for _, name := range names {
		for _, old := range []bool{false, true} {
			for how, change := range changes {
				t.Run(fmt.Sprintf("%s %v %s", filepath.Base(name), old, how), func(t *testing.T) {
					text, err := os.ReadFile(name)
					if err != nil {
						t.Fatal(err)
					}
					d, reading := mustRead(t, string(text))
					x, ref := deployedAs(t, d, reading, old)
					change(x)
					again, err := ref.Export(x.document())
					if err != nil {
						t.Fatal(err)
					}
					compareDocument(t, x, mustImport(t, string(again)), string(again))
				})
			}
		}
	}
}

// compareDocument compares methods alone: names of models may differ where the document calls them otherwise.
func compareDocument(t *testing.T, x *exported, d *imported, text string) {
	t.Helper()
	want := slices.Clone(x.methods)
	for i := range want {
		want[i].NoAuthorizer = want[i].Authorizer == 0
		want[i].Summary = ""
		for status, r := range want[i].Responses { // 2.0 has the media types once for all answers
			if x.old {
				want[i].Responses = maps.Clone(want[i].Responses)
				want[i].Responses[status] = models.MethodResponse{Parameters: r.Parameters}
			}
		}
	}
	got := slices.Clone(d.methods)
	for i := range got {
		got[i].Summary = ""
		for status, r := range got[i].Responses {
			if x.old {
				got[i].Responses[status] = models.MethodResponse{Parameters: r.Parameters}
			}
		}
	}
	byName := cmpopts.SortSlices(func(a, b models.Method) bool { return a.Name() < b.Name() })
	if diff := cmp.Diff(want, got, byName, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-deployed +imported):\n%s\n%s\n%q", diff, text, d.warnings)
	}
}

// TestWhatAPIGatewayCannotNameIsKeptInTheDocument: an import is not refused for what real documents are full of.
func TestWhatAPIGatewayCannotNameIsKeptInTheDocument(t *testing.T) {
	d := mustImport(t, `openapi: 3.0.1
info: {title: T, version: '1'}
x-amazon-apigateway-documentation: {version: '1'}
paths:
  /a:
    post:
      parameters: [{name: 'a b', in: query, schema: {type: string}}, {name: id, in: query, schema: {type: string}}, {name: id, in: header, schema: {type: string}}]
      requestBody: {content: {'application/json; charset=utf-8': {schema: {$ref: '#/components/schemas/A.B'}}, 'all of them': {schema: {type: string}}}}
      responses: {'200': {description: ok, headers: {'X.Y': {schema: {type: string}}}}}
components: {schemas: {A.B: {type: object}, AB: {type: string}}}
`)
	m := methodOf(d, "POST /a")
	m.NoAuthorizer = false
	if err := m.CheckDetails(); err != nil || d.err() != nil || len(d.warnings) != 6 {
		t.Errorf("%v, %v, %q", err, d.err(), d.warnings)
	}
	if diff := cmp.Diff(m.Request, models.MethodRequest{Parameters: map[string]bool{"method.request.querystring.id": false}, Models: map[string]string{"application/json": "AB"}}); diff != "" {
		t.Error(diff)
	}
}
