package management

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// exported is a deployed API on its way into a document.
type exported struct {
	old         bool // Swagger 2.0
	own         bool // the version of the document, whichever it is
	title       string
	version     string
	text        string
	server      string
	methods     []models.Method
	parts       models.DeploymentParts
	keySource   models.KeySource
	details     map[string]json.RawMessage // extensions of the whole, by what follows the prefix
	authorizers []models.Authorizer
	said        *imported // what the document of the deployment makes of it; nil: there is none
	has         bool      // the document is of the version that is asked for
	with        exportWith
}

// exportWith are the extensions that were asked for.
type exportWith struct{ integrations, authorizers, all bool }

const extensionPrefix = "x-amazon-apigateway-"

// document is what a deployed API is in OpenAPI's words.
func (x *exported) document() openapi.Export {
	e := openapi.Export{Old: x.old, Own: x.own, Title: x.title, Version: x.version, Text: x.text, Server: x.server}
	if x.with.all {
		for _, name := range slices.Sorted(maps.Keys(x.details)) {
			e.Extensions = append(e.Extensions, openapi.Extension{Key: extensionPrefix + name, JSON: x.details[name]})
		}
	}
	used := map[string]bool{}
	for name, m := range x.parts.Models { // what stands in the document under another name, or none, is not written once more
		used[name] = !x.has || !x.isSaid(m) || x.said.names[name] == name
	}
	said := map[string]models.Method{}
	if x.said != nil {
		for _, m := range x.said.methods {
			said[m.Name()] = m
		}
	}
	for _, m := range x.methods {
		op := x.operation(m, said[m.Name()])
		if !op.Keep.Body || x.old && !op.Keep.Parameters {
			use(used, op.Body)
		}
		for _, a := range op.Answers {
			if !op.Keep.Answers {
				use(used, a.Contents)
			}
		}
		e.Operations = append(e.Operations, op)
	}
	e.Models, e.Schemes = x.models(used), x.schemes()
	return e
}

func use(used map[string]bool, contents []openapi.GatewayContent) {
	for _, c := range contents {
		used[c.Model] = true
	}
}

// operation is one method. What is as the document says stays in its words.
func (x *exported) operation(m, said models.Method) openapi.ExportOperation {
	known := said.Path != ""
	plain := isPlain(m.MethodDetails)
	if plain && known { // made by a page: nothing was said of it beside the document
		m.OperationName, m.Request.Parameters, m.Request.Models, m.Responses = said.OperationName, said.Request.Parameters, said.Request.Models, said.Responses
	}
	op := openapi.ExportOperation{GatewayOperation: openapi.GatewayOperation{Verb: m.Verb, Path: m.Path, ID: m.OperationName, Summary: m.Summary}}
	if plain && !known { // the document was read by a version that did not look for this
		op.Keep = openapi.ExportKeep{ID: true, Parameters: true, Body: true, Answers: true}
	}
	if known && x.has {
		op.Keep = openapi.ExportKeep{
			ID: m.OperationName == said.OperationName, Parameters: maps.Equal(m.Request.Parameters, said.Request.Parameters),
			Body: x.sameModels(m.Request.Models, said.Request.Models), Answers: x.sameAnswers(m.Responses, said.Responses),
		}
	}
	op.Parameters, op.Body = exportParameters(m.Request.Parameters), exportContents(m.Request.Models)
	for _, status := range slices.Sorted(maps.Keys(m.Responses)) {
		a := openapi.GatewayAnswer{Status: status, Contents: exportContents(m.Responses[status].Models)}
		for _, name := range slices.Sorted(maps.Keys(m.Responses[status].Parameters)) {
			a.Headers = append(a.Headers, name[strings.LastIndex(name, "header.")+len("header."):])
		}
		op.Answers = append(op.Answers, a)
	}
	op.Security = x.security(m)
	if x.with.all && m.Request.Validator != "" {
		op.Added = append(op.Added, openapi.Extension{Key: extensionPrefix + "request-validator", JSON: jsonOf(x.parts.Validators[m.Request.Validator].Name)})
	}
	if m.Integration != nil && (x.with.integrations || x.with.all) {
		op.Added = append(op.Added, openapi.Extension{Key: extensionPrefix + "integration", JSON: jsonOf(integrationExtension(*m.Integration))})
	}
	return op
}

// isPlain reports whether nothing is said of a method that a document could say otherwise.
func isPlain(d models.MethodDetails) bool {
	return d.OperationName == "" && len(d.Request.Parameters) == 0 && len(d.Request.Models) == 0 && len(d.Responses) == 0
}

func jsonOf(value any) json.RawMessage {
	text, _ := write(value) // texts, numbers and maps of them can be written
	return json.RawMessage(strings.TrimSpace(string(text)))
}

// sameModels reports whether two bodies have the same models, and the document still says what these say: where it has one under the model's own name, what it
// says is replaced.
func (x *exported) sameModels(a, b map[string]string) bool {
	if !maps.Equal(a, b) {
		return false
	}
	for _, name := range a {
		if now, ok := x.parts.Models[name]; ok && !x.isSaid(now) && x.said.names[name] != name {
			return false
		}
	}
	return true
}

// isSaid reports whether a model is as the document says.
func (x *exported) isSaid(m models.SchemaModel) bool {
	if x.said == nil {
		return false
	}
	said, ok := x.said.parts.Models[m.Name]
	return ok && m.Schema == x.atAPI(said.Schema, m.Schema)
}

// atAPI is a document's schema with references as a kept one has them, which name the API.
func (x *exported) atAPI(said, kept string) string {
	if at := modelRefPrefix.FindStringSubmatch(kept); at != nil {
		return strings.ReplaceAll(said, models.ModelsOfImport, at[1])
	}
	return said
}

var modelRefPrefix = regexp.MustCompile(`"\$ref"\s*:\s*"([^"]*/models/)[A-Za-z0-9]+"`)

func (x *exported) sameAnswers(a, b map[string]models.MethodResponse) bool {
	return maps.EqualFunc(a, b, func(p, q models.MethodResponse) bool {
		return maps.Equal(p.Parameters, q.Parameters) && x.sameModels(p.Models, q.Models)
	})
}

func exportParameters(parameters map[string]bool) (all []openapi.GatewayParameter) {
	places := map[string]string{"path": "path", "querystring": "query", "multivaluequerystring": "query", "header": "header", "multivalueheader": "header"}
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		place, name, _ := strings.Cut(strings.TrimPrefix(key, "method.request."), ".")
		if in := places[place]; in != "" && name != "" {
			all = append(all, openapi.GatewayParameter{Name: name, In: in, Required: parameters[key]})
		}
	}
	return all
}

func exportContents(byType map[string]string) (all []openapi.GatewayContent) {
	for _, kind := range slices.Sorted(maps.Keys(byType)) {
		all = append(all, openapi.GatewayContent{MediaType: kind, Model: byType[kind]})
	}
	return all
}

// keyScheme is the name of the scheme of keys.
const keyScheme = "api_key"

// security is what a method asks for, one by one as AWS writes it.
func (x *exported) security(m models.Method) (all []openapi.GatewaySecurity) {
	for _, a := range x.authorizers {
		if a.ID == m.Authorizer {
			all = append(all, openapi.GatewaySecurity{schemeOf(a): append([]string{}, m.Scopes...)})
		}
	}
	if m.KeyRequired {
		all = append(all, openapi.GatewaySecurity{keyScheme: []string{}})
	}
	return all
}

// schemeOf is the name of an authorizer's scheme.
func schemeOf(a models.Authorizer) string {
	if a.Name == keyScheme {
		return a.Name + "_authorizer"
	}
	return a.Name
}

// schemes are those that methods ask for.
func (x *exported) schemes() (all []openapi.Extension) {
	type scheme struct {
		Type       string               `json:"type"`
		Name       string               `json:"name"`
		In         string               `json:"in"`
		AuthType   string               `json:"x-amazon-apigateway-authtype,omitempty"`
		Authorizer *authorizerExtension `json:"x-amazon-apigateway-authorizer,omitempty"`
	}
	if slices.ContainsFunc(x.methods, func(m models.Method) bool { return m.KeyRequired }) {
		key := scheme{Type: "apiKey", Name: "x-api-key", In: "header"}
		switch x.keySource.Place {
		case models.KeyInHeader, models.KeyInQuery:
			key.Name, key.In = x.keySource.Name, string(x.keySource.Place)
		case models.KeyInBearer:
			key.Name = "Authorization"
		case models.KeyInAuthorizer: // as AWS writes it
		}
		all = append(all, openapi.Extension{Key: keyScheme, JSON: jsonOf(key)})
	}
	for _, a := range x.authorizers {
		if !slices.ContainsFunc(x.methods, func(m models.Method) bool { return m.Authorizer == a.ID }) {
			continue
		}
		extension := authorizerExtensionOf(a)
		s := scheme{Type: "apiKey", Name: "Authorization", In: "header", AuthType: wireAuthorizerOf(a).AuthType}
		if len(a.Identity.Headers) > 0 {
			s.Name = a.Identity.Headers[0]
		} else if len(a.Identity.Query) > 0 {
			s.Name, s.In = a.Identity.Query[0], "query"
		}
		if x.with.authorizers || x.with.all {
			s.Authorizer = &extension
		}
		all = append(all, openapi.Extension{Key: schemeOf(a), JSON: jsonOf(s)})
	}
	return all
}

// describe adds the extensions of the whole that are made of what the API is.
func (x *exported) describe() {
	if x.details == nil {
		x.details = map[string]json.RawMessage{}
	}
	source := "HEADER"
	if x.keySource.Place == models.KeyInAuthorizer {
		source = "AUTHORIZER"
	}
	x.details["api-key-source"] = jsonOf(source)
	if len(x.parts.Responses) > 0 {
		x.details["gateway-responses"] = gatewayResponsesExtension(x.parts.Responses)
	}
	if len(x.parts.Validators) > 0 {
		x.details["request-validators"] = validatorsExtension(x.parts.Validators)
	}
}
