package openapi

import (
	"encoding/json"
	"slices"
	"strings"
)

// Gateway is what a document says to AWS's API Gateway, whose extensions begin with x-amazon-apigateway-: which methods there are, what answers them and who
// may call them. It is kept apart from the Description, which readers see: it names addresses behind the API. Extensions are JSON as it was written; what they
// mean is for others to know.
type Gateway struct {
	BasePath   string                     `json:"basePath,omitempty"` // of the first server: "/v1"; empty for none
	Root       map[string]json.RawMessage `json:"root,omitempty"`     // extensions of the whole, by what follows the prefix: "binary-media-types"
	Schemes    []GatewayScheme            `json:"schemes,omitempty"`  // of security
	Operations []GatewayOperation         `json:"operations,omitempty"`
	Models     []GatewayModel             `json:"-"`              // named schemas, in document order
	Left       []Warning                  `json:"left,omitempty"` // what could not be read
}

// GatewayScheme is a way to know callers, with what an authorizer extension says of it.
type GatewayScheme struct {
	Name       string          `json:"name"`
	Type       string          `json:"type,omitempty"` // apiKey, http, oauth2 …
	In         string          `json:"in,omitempty"`   // of an apiKey
	Parameter  string          `json:"parameter,omitempty"`
	AuthType   string          `json:"authType,omitempty"`   // x-amazon-apigateway-authtype
	Authorizer json.RawMessage `json:"authorizer,omitempty"` // x-amazon-apigateway-authorizer
}

// GatewayOperation is one operation. Its parameters, bodies and answers are what API Gateway knows of them: names and models.
type GatewayOperation struct {
	Verb       string                     `json:"verb"`
	Path       string                     `json:"path"`
	ID         string                     `json:"id,omitempty"`
	Summary    string                     `json:"summary,omitempty"`
	Security   []GatewaySecurity          `json:"security,omitempty"`  // alternatives
	Inherited  bool                       `json:"inherited,omitempty"` // Security is the document's: the operation says nothing of it
	Parameters []GatewayParameter         `json:"parameters,omitempty"`
	Body       []GatewayContent           `json:"body,omitempty"`
	Answers    []GatewayAnswer            `json:"answers,omitempty"`
	Extensions map[string]json.RawMessage `json:"extensions,omitempty"` // as Gateway.Root
}

// GatewaySecurity is one alternative: the schemes that it asks for at once, with their scopes.
type GatewaySecurity map[string][]string

// GatewayParameter is a parameter outside the body: in path, query or header.
type GatewayParameter struct {
	Name     string `json:"name"`
	In       string `json:"in"`
	Required bool   `json:"required,omitempty"`
}

// GatewayContent is the schema of a body: a model's name, or a schema of its own.
type GatewayContent struct {
	MediaType string          `json:"mediaType"`
	Model     string          `json:"model,omitempty"`
	Schema    json.RawMessage `json:"schema,omitempty"`
}

// GatewayAnswer is an answer with a status of three digits.
type GatewayAnswer struct {
	Status   string           `json:"status"`
	Headers  []string         `json:"headers,omitempty"`
	Contents []GatewayContent `json:"contents,omitempty"`
}

// GatewayModel is a named schema as JSON. Its references are the document's: #/components/schemas/Name, #/definitions/Name.
type GatewayModel struct {
	Name   string
	Schema json.RawMessage
}

const gatewayPrefix = "x-amazon-apigateway-"

// Operation finds one by verb and path, nil for none.
func (g *Gateway) Operation(verb, path string) *GatewayOperation {
	i := slices.IndexFunc(g.Operations, func(o GatewayOperation) bool { return o.Verb == verb && o.Path == path })
	if i < 0 {
		return nil
	}
	return &g.Operations[i]
}

// Gateway gives what the document says to API Gateway. It is empty where no document was read, or by a version that did not look for it.
func (r *Reference) Gateway() (g Gateway, err error) {
	if r.index.Gateway.Size == 0 {
		return g, nil
	}
	if err := r.decode(r.index.Gateway, &g); err != nil {
		return g, err
	}
	for _, c := range r.index.Components {
		if c.Section != "schemas" && c.Section != "definitions" {
			continue
		}
		schema, err := r.read(c.part)
		if err != nil {
			return g, err
		}
		g.Models = append(g.Models, GatewayModel{c.Name, schema})
	}
	return g, nil
}

// SchemaModel is the name of the model that a reference leads to; false where it leads elsewhere.
func SchemaModel(ref string) (string, bool) {
	for _, prefix := range []string{"#/components/schemas/", "#/definitions/"} {
		if name, ok := strings.CutPrefix(ref, prefix); ok && !strings.Contains(name, "/") {
			return refName(ref), true
		}
	}
	return "", false
}
