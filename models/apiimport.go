package models

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// APIImport is what an OpenAPI document makes of an API by the management API. What it consists of has no ids yet: methods name validators by their names, under
// which Parts keeps them, and authorizers by their places among Authorizers, from 1 on. References between models lead to ModelsOfImport and the model's name.
type APIImport struct {
	Name           string
	Description    string
	Version        string
	Document       []byte // as it was sent
	Reading        []byte // what was read from it, a pack of models/openapi
	Methods        []Method
	Parts          DeploymentParts
	Authorizers    []Authorizer
	ByAuthorizer   *bool    // keys are what the authorizer names, or in a header; nil: the document says nothing of it
	BinaryTypes    []string // nil: nothing
	MinCompression *int     // nil: nothing
	Endpoint       string   // empty: nothing
}

// ModelsOfImport is where references to models lead before their API has an id.
const ModelsOfImport = "https://apigateway.amazonaws.com/restapis/{restapi_id}/models/"

// modelsOf is where references to the models of an API lead, as AWS writes them.
func modelsOf(api APIID) string {
	return "https://apigateway.amazonaws.com/restapis/" + api.String() + "/models/"
}

// New is the API that the document makes, without methods and parts.
func (in APIImport) New() NewAPI {
	a := API{KeySource: DefaultKeySource(), Name: in.Name}
	in.Apply(&a, true)
	return NewAPI{Name: a.Name, Summary: a.Summary, KeySource: a.KeySource, Details: a.Details, Document: in.Document, Reading: in.Reading, DrawSlug: true}
}

// Apply changes what an API is as a whole. Overwrite says that what the document does not say is not so; else it stays. A place of keys that the management API
// cannot name stays where the document has keys in a header.
func (in APIImport) Apply(a *API, overwrite bool) {
	a.Name = in.Name
	if in.Description != "" || overwrite {
		a.Describe(in.Description)
	}
	if in.Version != "" || overwrite {
		a.Details.Version = in.Version
	}
	if in.BinaryTypes != nil || overwrite {
		a.Details.BinaryTypes = in.BinaryTypes
	}
	if in.MinCompression != nil || overwrite {
		a.Details.MinCompression = in.MinCompression
	}
	if in.Endpoint != "" {
		a.Details.Endpoint = in.Endpoint
	}
	if in.ByAuthorizer == nil && !overwrite {
		return
	}
	by := in.ByAuthorizer != nil && *in.ByAuthorizer
	switch {
	case by:
		a.KeySource = KeySource{Place: KeyInAuthorizer}
	case a.KeySource.Place == KeyInAuthorizer:
		a.KeySource = DefaultKeySource()
	}
}

// Into gives the parts that an API has after an import over others. Those that are known keep their ids; those that are new get theirs from the store.
func (in APIImport) Into(api APIID, before DeploymentParts, overwrite bool) DeploymentParts {
	after := DeploymentParts{Validators: map[string]RequestValidator{}, Models: map[string]SchemaModel{}, Responses: map[string]GatewayResponse{}}
	if !overwrite {
		maps.Copy(after.Validators, before.Validators)
		maps.Copy(after.Models, before.Models)
		maps.Copy(after.Responses, before.Responses)
	}
	for name, v := range in.Parts.Validators {
		key := name // no id: it is new
		for id, old := range before.Validators {
			if old.Name == name {
				v.ID, key = id, id
			}
		}
		after.Validators[key] = v
	}
	for name, m := range in.Parts.Models {
		m.ID, m.Schema = before.Models[name].ID, strings.ReplaceAll(m.Schema, ModelsOfImport, modelsOf(api))
		after.Models[name] = m
	}
	maps.Copy(after.Responses, in.Parts.Responses)
	return after
}

// Named returns the methods with the ids of what they name.
func (in APIImport) Named(p DeploymentParts, authorizers []AuthorizerID) []Method {
	ids := map[string]string{}
	for id, v := range p.Validators {
		ids[v.Name] = id
	}
	methods := slices.Clone(in.Methods)
	for i := range methods {
		m := &methods[i]
		if name := m.Request.Validator; name != "" {
			m.Request.Validator = ids[name]
		}
		if m.Authorizer != 0 {
			m.Authorizer = authorizers[m.Authorizer-1]
		}
	}
	return methods
}

// PutMethods returns an API's methods after an import by the management API, and what changed: unlike a page's, the document says all of a method. Those that are
// known by verb and path keep their ids. Without overwrite those that the document does not have stay, unless it has one that answers the same requests.
func PutMethods(present, removed, imported []Method, overwrite bool) ([]Method, ImportChanges) {
	next, changes := MergeMethods(present, removed, imported)
	before := make(map[MethodID]Method, len(present))
	for _, m := range present {
		before[m.ID] = m
	}
	changes.Changed = nil
	shapes := make(map[string]bool, len(next))
	for i, m := range imported {
		m.ID = next[i].ID
		next[i] = m
		shapes[m.Verb+" "+pathShape(m.Path)] = true
		if old, was := before[m.ID]; was && m.ID != 0 && !sameMethod(old, m) {
			changes.Changed = append(changes.Changed, m)
		}
	}
	if overwrite {
		return next, changes
	}
	gone := changes.Removed
	changes.Removed = nil
	for _, m := range gone {
		if shapes[m.Verb+" "+pathShape(m.Path)] {
			changes.Removed = append(changes.Removed, m)
		} else {
			next = append(next, m)
		}
	}
	return next, changes
}

// Imported is an authorizer as a document says it is: what documents cannot say stays.
func (a Authorizer) Imported(in Authorizer) Authorizer {
	if a.Kind != in.Kind {
		a.JWT, a.HTTP = in.JWT, in.HTTP
	}
	if a.JWT.Issuer != in.JWT.Issuer {
		a.JWT.JWKS = in.JWT.JWKS // the keys are another's
	}
	a.Kind, a.Identity, a.TTL, a.Wire = in.Kind, in.Identity, in.TTL, in.Wire
	a.JWT.Issuer, a.JWT.Audiences, a.HTTP.URL = in.JWT.Issuer, in.JWT.Audiences, in.HTTP.URL
	return a
}

// sameMethod reports whether two say the same of a method.
func sameMethod(a, b Method) bool {
	return a.Summary == b.Summary && a.KeyRequired == b.KeyRequired && a.MethodAuthorization.Equal(b.MethodAuthorization) && reflect.DeepEqual(a.MethodDetails, b.MethodDetails)
}
