package management

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// imported is what an OpenAPI document makes of an API. Where methods name a validator it is by its name, which validators are kept under, too; an authorizer
// is the place of one among authorizers, from 1 on.
type imported struct {
	methods      []models.Method
	parts        models.DeploymentParts
	authorizers  []models.Authorizer
	byAuthorizer *bool // keys are what the authorizer names; nil: the document says nothing of it
	binaryTypes  []string
	compression  *int
	endpoint     string
	basePath     string
	names        map[string]string // schemas of the document -> models
	warnings     []string
	mistakes     []string // that refuse the document
}

func (d *imported) warn(where, format string, args ...any) {
	if text := where + ": " + fmt.Sprintf(format, args...); len(d.warnings) < openapi.MaxWarnings && !slices.Contains(d.warnings, text) {
		d.warnings = append(d.warnings, text)
	}
}

// mistake notes what refuses the document, as AWS says it.
func (d *imported) mistake(format string, args ...any) {
	const most = 20
	if len(d.mistakes) < most {
		d.mistakes = append(d.mistakes, fmt.Sprintf(format, args...))
	}
}

// err refuses a document with mistakes.
func (d *imported) err() error {
	if len(d.mistakes) == 0 {
		return nil
	}
	return badRequest("Errors found during import:\n\t%s", strings.Join(d.mistakes, "\n\t"))
}

// readImport makes methods and what they name of a document. Nobody is warned of the extensions of the whole that are ignored.
func readImport(reading openapi.Reading, ignored ...string) (*imported, error) {
	ref, err := openapi.OpenReference(reading.Pack)
	if err != nil {
		return nil, err
	}
	gateway, err := ref.Gateway()
	if err != nil {
		return nil, err
	}
	d := &imported{basePath: gateway.BasePath, parts: models.DeploymentParts{
		Validators: map[string]models.RequestValidator{}, Models: map[string]models.SchemaModel{}, Responses: map[string]models.GatewayResponse{},
	}}
	for _, w := range slices.Concat(reading.Warnings, gateway.Left) {
		d.warn(w.Where, "%s", w.Text)
	}
	for _, name := range ignored {
		delete(gateway.Root, name)
	}
	d.readRoot(gateway.Root)
	names := d.readModels(gateway.Models)
	d.names = names.byName
	callers := d.readSchemes(gateway.Schemes)
	fallback := d.defaultValidator(gateway.Root)
	for i := range gateway.Operations {
		op := &gateway.Operations[i]
		m := models.Method{Verb: op.Verb, Path: op.Path, Summary: op.Summary}
		if err := models.CheckMethod(m.Verb, m.Path); err != nil {
			d.warn(m.Name(), "The operation is left out: %s", models.Sentence(err))
			continue
		}
		d.readMethod(&m, op, names)
		d.readValidator(&m, op, fallback)
		d.readIntegration(&m, op)
		callers.admit(d, &m, op)
		d.methods = append(d.methods, m)
	}
	d.dropModels(names)
	return d, nil
}

// extension reads one of a document; false: it is not there, or of another kind, with a warning.
func (d *imported) extension(where string, all map[string]json.RawMessage, name string, to any) bool {
	raw, ok := all[name]
	if !ok || string(raw) == "null" {
		return false
	}
	if err := json.Unmarshal(raw, to); err != nil {
		d.warn(where, "x-amazon-apigateway-%s is left out: it is not as it should be.", name)
		return false
	}
	return true
}

const wholeDocument = "the document"

// readRoot reads what a document says of the API as a whole.
func (d *imported) readRoot(root map[string]json.RawMessage) {
	for _, name := range slices.Sorted(maps.Keys(root)) {
		switch name {
		case "request-validators", "request-validator": // read with methods
		case "api-key-source":
			d.readKeySource(root)
		case "binary-media-types":
			d.extension(wholeDocument, root, name, &d.binaryTypes)
		case "minimum-compression-size":
			var size integer
			if d.extension(wholeDocument, root, name, &size) {
				bytes := int(size)
				d.compression = &bytes
			}
		case "endpoint-configuration":
			d.readEndpoint(root)
		case "gateway-responses":
			d.readGatewayResponses(root)
		case "policy":
			d.warn(wholeDocument, "x-amazon-apigateway-policy is left out: Gatehouse has no resource policies. The methods are open to whoever passes their keys and authorizers.")
		default:
			d.warn(wholeDocument, "x-amazon-apigateway-%s is left out: Gatehouse does not have it.", name)
		}
	}
	var validators map[string]struct {
		Body       flag `json:"validateRequestBody"`
		Parameters flag `json:"validateRequestParameters"`
	}
	if d.extension(wholeDocument, root, "request-validators", &validators) {
		for name, v := range validators {
			d.parts.Validators[name] = models.RequestValidator{Name: name, Body: bool(v.Body), Parameters: bool(v.Parameters)}
		}
	}
}

func (d *imported) readKeySource(root map[string]json.RawMessage) {
	var source string
	if !d.extension(wholeDocument, root, "api-key-source", &source) {
		return
	}
	by := strings.EqualFold(source, "AUTHORIZER")
	if d.byAuthorizer = &by; !by && !strings.EqualFold(source, "HEADER") {
		d.mistake("Invalid API key source: %s. Valid values are HEADER, AUTHORIZER", models.CutLine(source, 40))
	}
}

// readEndpoint keeps the type of an endpoint, which clients read back.
func (d *imported) readEndpoint(root map[string]json.RawMessage) {
	var in struct {
		Types    []string        `json:"types"`
		Disabled flag            `json:"disableExecuteApiEndpoint"`
		VPC      json.RawMessage `json:"vpcEndpointIds"`
	}
	if !d.extension(wholeDocument, root, "endpoint-configuration", &in) {
		return
	}
	if len(in.Types) > 0 {
		d.endpoint = in.Types[0]
	}
	if len(in.Types) > 1 {
		d.mistake("Cannot create an api with multiple Endpoint Types.")
	}
	if in.Disabled {
		d.warn(wholeDocument, "disableExecuteApiEndpoint is left out: the gateway's own addresses stay open.")
	}
	if len(in.VPC) > 0 && string(in.VPC) != "[]" && string(in.VPC) != "null" {
		d.warn(wholeDocument, "vpcEndpointIds are left out: Gatehouse has no VPC endpoints.")
	}
}

// wireText is text that documents write as a number at times: a status.
type wireText string

// UnmarshalJSON implements json.Unmarshaler.
func (s *wireText) UnmarshalJSON(b []byte) error {
	if b[0] == '{' || b[0] == '[' {
		return mismatch(b, "String")
	}
	if *s = wireText(unquoted(b)); string(b) == "null" {
		*s = ""
	}
	return nil
}

func (d *imported) readGatewayResponses(root map[string]json.RawMessage) {
	var in map[string]struct {
		Status     wireText          `json:"statusCode"`
		Parameters map[string]string `json:"responseParameters"`
		Templates  map[string]string `json:"responseTemplates"`
	}
	if !d.extension(wholeDocument, root, "gateway-responses", &in) {
		return
	}
	for _, kind := range slices.Sorted(maps.Keys(in)) {
		r := models.GatewayResponse{Type: kind, Parameters: orNone(in[kind].Parameters), Templates: orNone(in[kind].Templates)}
		if _, known := models.GatewayResponseTypes[kind]; !known {
			d.mistake("Invalid gateway response type specified: %s", models.CutLine(kind, 100))
			continue
		}
		if text := in[kind].Status; text != "" {
			if _, err := fmt.Sscanf(string(text), "%3d", &r.Status); err != nil || len(text) != 3 || r.Status < 100 || r.Status > 599 {
				d.mistake("Invalid status code specified for the gateway response %s: %s", kind, models.CutLine(string(text), 40))
				continue
			}
		}
		if err := models.CheckGatewayResponse(r); err != nil {
			d.mistake("Unable to put the gateway response %s: %s", kind, models.Sentence(err))
			continue
		}
		d.parts.Responses[kind] = r
	}
}

// orNone is a map, or nil where nothing is in it.
func orNone[K comparable, V any](m map[K]V) map[K]V {
	if len(m) == 0 {
		return nil
	}
	return m
}

// defaultValidator is the name of the validator of methods that name none themselves.
func (d *imported) defaultValidator(root map[string]json.RawMessage) string {
	var name string
	d.extension(wholeDocument, root, "request-validator", &name)
	return name
}

func (d *imported) readValidator(m *models.Method, op *openapi.GatewayOperation, fallback string) {
	name := fallback
	d.extension(m.Name(), op.Extensions, "request-validator", &name)
	if name == "" {
		return
	}
	if _, ok := d.parts.Validators[name]; !ok {
		d.mistake("Unable to put method '%s' on resource at path '%s': Invalid Request Validator identifier specified: %s", m.Verb, m.Path, models.CutLine(name, 100))
		return
	}
	m.Request.Validator = name
}

// parameterPlaces are AWS's words for the places of parameters.
var parameterPlaces = map[string]string{"path": "path", "query": "querystring", "header": "header"}

// readMethod reads what requests and answers have, which OpenAPI says without extensions.
func (d *imported) readMethod(m *models.Method, op *openapi.GatewayOperation, names *modelNames) {
	m.OperationName = op.ID
	seen := map[string]bool{}
	for _, p := range op.Parameters {
		place, ok := parameterPlaces[p.In]
		if !ok {
			continue
		}
		if !isMapped(p.Name) || seen[p.Name] {
			d.warn(m.Name(), "The parameter %q in %s is kept in the document alone: API Gateway takes letters, digits and ._$- and each name once.", models.CutLine(p.Name, 80), p.In)
			continue
		}
		seen[p.Name] = true
		if m.Request.Parameters == nil {
			m.Request.Parameters = map[string]bool{}
		}
		m.Request.Parameters["method.request."+place+"."+p.Name] = p.Required
	}
	m.Request.Models = names.of(d, m, op.Body)
	for _, answer := range op.Answers {
		if m.Responses == nil {
			m.Responses = map[string]models.MethodResponse{}
		}
		r := models.MethodResponse{Models: names.of(d, m, answer.Contents)}
		for _, header := range answer.Headers {
			if !isHeader(header) {
				d.warn(m.Name(), "The header %q is kept in the document alone: API Gateway takes letters, digits, _ and -.", models.CutLine(header, 80))
				continue
			}
			if r.Parameters == nil {
				r.Parameters = map[string]bool{}
			}
			r.Parameters["method.response.header."+header] = false
		}
		m.Responses[answer.Status] = r
	}
	for _, name := range slices.Sorted(maps.Keys(op.Extensions)) {
		switch name {
		case "integration", "request-validator", "auth":
		default:
			d.warn(m.Name(), "x-amazon-apigateway-%s is left out: Gatehouse does not have it.", name)
		}
	}
}

var (
	mappedPattern = regexp.MustCompile(`^[A-Za-z0-9._$~\[\]-]{1,256}$`)
	headerPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// isMapped reports whether mappings can name a parameter.
func isMapped(name string) bool { return mappedPattern.MatchString(name) }

func isHeader(name string) bool { return headerPattern.MatchString(name) }

// statusText is a status as a key, and what AWS takes where none is given.
func statusText(s wireText) string {
	if s == "" {
		return fmt.Sprint(http.StatusOK)
	}
	return string(s)
}
