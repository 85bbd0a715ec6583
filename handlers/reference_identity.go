package handlers

import (
	"context"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// identityType is the type of a parameter by which an authorizer knows the caller. No document's parameter has it.
const identityType = "what the caller is known by"

// identities are the authorizers by which callers of an API are known.
type identities map[models.AuthorizerID]models.Authorizer

// identityStore reads them.
type identityStore interface {
	CatalogAuthorizers(ctx context.Context, api models.APIID) ([]models.Authorizer, error)
}

// readIdentities reads who decides about callers of methods, if anybody does.
func readIdentities(ctx context.Context, s identityStore, api models.APIID, methods []models.Method) (identities, error) {
	if !slices.ContainsFunc(methods, func(m models.Method) bool { return m.Authorizer != 0 }) {
		return nil, nil
	}
	list, err := s.CatalogAuthorizers(ctx, api)
	all := make(identities, len(list))
	for _, a := range list {
		all[a.ID] = a
	}
	return all, err
}

// with adds to a method's parameters what its authorizer knows callers by, in place of what the document says of it: so it stands in the reference, in
// the examples and among the fields of a trial.
func (all identities) with(parameters []openapi.Parameter, m models.Method) []openapi.Parameter {
	a, there := all[m.Authorizer]
	if !there {
		return parameters
	}
	out := slices.Clone(parameters)
	add := func(in, name, example string) {
		out = slices.DeleteFunc(out, func(p openapi.Parameter) bool { return p.In == in && strings.EqualFold(p.Name, name) })
		out = append(out, openapi.Parameter{Name: name, In: in, Required: true, Type: identityType, Text: identityText(a, m.Scopes), Example: example})
	}
	for _, name := range a.Identity.Headers {
		example := "TOKEN"
		if strings.EqualFold(name, "Authorization") {
			example = "Bearer TOKEN"
		}
		add("header", name, example)
	}
	for _, name := range a.Identity.Query {
		add("query", name, "TOKEN")
	}
	return out
}

// identityText says in Markdown which token is meant.
func identityText(a models.Authorizer, scopes []string) string {
	text := "The API asks a service of its own who calls by it."
	if a.Kind == models.AuthorizerJWT {
		text = "A token (JWT) of the issuer `" + a.JWT.Issuer + "`"
		if len(a.JWT.Audiences) > 0 {
			text += " for the audience `" + strings.Join(a.JWT.Audiences, "` or `") + "`"
		}
		text += "."
	}
	if len(scopes) > 0 {
		text += " One of these scopes is needed: `" + strings.Join(scopes, "`, `") + "`."
	}
	return text
}
