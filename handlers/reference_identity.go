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

// readAuthorizers reads who decides about callers, if anybody does.
func (ref *reference) readAuthorizers(ctx context.Context, s CatalogStore) error {
	if !slices.ContainsFunc(ref.stage.Methods, func(m models.Method) bool { return m.Authorizer != 0 }) {
		return nil
	}
	list, err := s.CatalogAuthorizers(ctx, ref.api.ID)
	ref.authorizers = make(map[models.AuthorizerID]models.Authorizer, len(list))
	for _, a := range list {
		ref.authorizers[a.ID] = a
	}
	return err
}

// withIdentity adds to a method's parameters what its authorizer knows callers by, in place of what the document says of it: so it stands in the reference, in
// the examples and among the fields of a trial.
func (ref *reference) withIdentity(parameters []openapi.Parameter, m models.Method) []openapi.Parameter {
	a, there := ref.authorizers[m.Authorizer]
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
