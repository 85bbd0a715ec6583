package models

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	requestParameter  = regexp.MustCompile(`^method\.request\.(header|querystring|path|multivalueheader|multivaluequerystring)\.([A-Za-z0-9._$~\[\]-]{1,256})$`)
	responseParameter = regexp.MustCompile(`^method\.response\.(?:header|multivalueheader)\.[A-Za-z0-9_-]{1,64}$`)
)

// CheckDetails judges what the management API says of a method of a path, with AWS's words where it has some. Whether the models and the validator that it names
// are there is for the store to know. Fields: "operationName", "requestParameters", "requestModels", "responseParameters", "responseModels", "statusCode" and those of
// CheckIntegration.
func (m Method) CheckDetails() error {
	if len(m.OperationName) > 1024 || hasControl(m.OperationName) {
		return Invalid("operationName", "Invalid operation name specified: at most 1024 characters, without control characters.")
	}
	if err := m.Request.check(); err != nil {
		return err
	}
	for _, status := range slices.Sorted(maps.Keys(m.Responses)) {
		if err := m.Responses[status].check(status); err != nil {
			return err
		}
	}
	if m.Integration == nil {
		return nil
	}
	return CheckIntegration(*m.Integration, m.Path)
}

func (r MethodRequest) check() error {
	names := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		match := requestParameter.FindStringSubmatch(name)
		if match == nil {
			return badMapping("requestParameters", name)
		}
		if names[match[2]] {
			return Invalid("requestParameters", "Parameter names must be unique across querystring, header and path")
		}
		names[match[2]] = true
	}
	return checkModelTypes("requestModels", r.Models)
}

func (r MethodResponse) check(status string) error {
	if n, err := strconv.Atoi(status); err != nil || len(status) != 3 || n < 100 || n > 599 {
		return Invalid("statusCode", "Invalid Response status code specified")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		if !responseParameter.MatchString(name) {
			return badMapping("responseParameters", name)
		}
	}
	return checkModelTypes("responseModels", r.Models)
}

func checkModelTypes(field string, byType map[string]string) error {
	for _, kind := range slices.Sorted(maps.Keys(byType)) {
		if !mediaType.MatchString(kind) {
			return Invalid(field, "Invalid content type specified: "+CutLine(kind, 100))
		}
	}
	return nil
}

// References judges whether the models and the validator that a method names are among the parts of its API. Those that each API on AWS has may be named without
// being there: APIs of pages begin without them.
func (m Method) References(p DeploymentParts) error {
	if id := m.Request.Validator; id != "" {
		if _, ok := p.Validators[id]; !ok {
			return Invalid("requestValidatorId", "Invalid Request Validator identifier specified")
		}
	}
	always := DefaultModels()
	for name := range m.models() {
		_, ok := p.Models[name]
		if _, is := always[name]; !ok && !is {
			return Invalid("requestModels", "Invalid model identifier specified: "+name)
		}
	}
	return nil
}

// models yields the models that a method names, and where.
func (m Method) models() func(yield func(name, where string) bool) {
	return func(yield func(name, where string) bool) {
		for _, kind := range slices.Sorted(maps.Keys(m.Request.Models)) {
			if !yield(m.Request.Models[kind], "request") {
				return
			}
		}
		for _, status := range slices.Sorted(maps.Keys(m.Responses)) {
			for _, kind := range slices.Sorted(maps.Keys(m.Responses[status].Models)) {
				if !yield(m.Responses[status].Models[kind], "response") {
					return
				}
			}
		}
	}
}

var modelName = regexp.MustCompile(`^[A-Za-z0-9]{1,128}$`)

// Limits of a schema model.
const (
	maxModelSchema      = 400_000 // bytes, as on AWS
	maxModelDescription = 1024
)

// Check judges a model, with AWS's words where it has some; fields "name", "contentType", "description", "schema".
func (m SchemaModel) Check() error {
	switch {
	case m.Name == "":
		return Invalid("name", "Model name must be non-empty")
	case !modelName.MatchString(m.Name):
		return Invalid("name", "Model name must be alphanumeric: "+CutLine(m.Name, 100))
	case !mediaType.MatchString(m.ContentType):
		return Invalid("contentType", "Invalid content type specified: "+CutLine(m.ContentType, 100))
	case len([]rune(m.Description)) > maxModelDescription || hasControlBut(m.Description, "\n\r\t"):
		return Invalid("description", fmt.Sprintf("Invalid model description specified: at most %d characters.", maxModelDescription))
	case len(m.Schema) > maxModelSchema:
		return Invalid("schema", fmt.Sprintf("Invalid model schema specified: at most %d bytes.", maxModelSchema))
	case m.Schema != "" && !json.Valid([]byte(m.Schema)):
		return Invalid("schema", "Invalid model schema specified: it is not JSON.")
	}
	return nil
}

// Users says which methods and other models name a model, with AWS's words; nil: none does.
func (m SchemaModel) Users(methods []Method, others map[string]SchemaModel) error {
	for _, user := range methods {
		for name, where := range user.models() {
			if name == m.Name {
				return Conflict(fmt.Sprintf("Cannot delete model '%s', is referenced in method %s: %s", m.Name, where, wireName(user)))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if name != m.Name && strings.Contains(others[name].Schema, "/models/"+m.Name+`"`) {
			return Conflict(fmt.Sprintf("Cannot delete model '%s', is referenced in model: %s", m.Name, name))
		}
	}
	return nil
}

// wireName is how AWS's messages name a method: //ANY of the root, /pets/GET.
func wireName(m Method) string {
	return ResourcePath(m.Path) + "/" + m.Verb
}

// Check judges a validator, with AWS's words where it has some; field "name".
func (v RequestValidator) Check() error {
	switch {
	case strings.TrimSpace(v.Name) == "":
		return Invalid("name", "Request Validator name cannot be blank")
	case len([]rune(v.Name)) > 128 || hasControl(v.Name):
		return Invalid("name", "Invalid Request Validator name specified: at most 128 characters, without control characters.")
	}
	return nil
}

// Users says which methods name a validator; nil: none does.
func (v RequestValidator) Users(methods []Method) error {
	for _, user := range methods {
		if user.Request.Validator == v.ID {
			return Conflict(fmt.Sprintf("Cannot delete request validator '%s', is referenced in method request: %s", v.ID, wireName(user)))
		}
	}
	return nil
}

// Limits of what an API has beside its methods.
const (
	MaxModels     = 1000 // AWS: 60
	MaxValidators = 300
)

// DefaultModels are those that each API on AWS begins with: others name them without making them.
func DefaultModels() map[string]SchemaModel {
	const begin = "{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n  \"title\": \""
	return map[string]SchemaModel{
		"Empty": {Name: "Empty", Description: "This is a default empty schema model", ContentType: "application/json",
			Schema: begin + "Empty Schema\",\n  \"type\": \"object\"\n}"},
		"Error": {Name: "Error", Description: "This is a default error schema model", ContentType: "application/json",
			Schema: begin + "Error Schema\",\n  \"type\": \"object\",\n  \"properties\": {\n    \"message\": {\n      \"type\": \"string\"\n    }\n  }\n}"},
	}
}

// InvalidAuthorizer says, with AWS's words, that a method names no authorizer of its API; field "authorizerId".
func InvalidAuthorizer() error {
	return Invalid("authorizerId", "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.")
}
