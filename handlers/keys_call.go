package handlers

import (
	"context"
	"net/url"
	"slices"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/models/secret"
	"gatehouse/templates/snippet"
)

// chosenCall is the stage that a key's page is about: the one in the URL, else the first that calls pass on; -1 when there is none.
func chosenCall(calls []models.KeyCall, stage string) int {
	if at := slices.IndexFunc(calls, func(c models.KeyCall) bool { return c.StageID.String() == stage }); at >= 0 {
		return at
	}
	if at := slices.IndexFunc(calls, func(c models.KeyCall) bool { return c.State == models.MemberActive }); at >= 0 {
		return at
	}
	return min(0, len(calls)-1)
}

// callStore reads what is known of an API beyond its methods.
type callStore interface {
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	Reading(ctx context.Context, id models.DocumentID) ([]byte, error)
}

// operation is a method that a key may call, with its examples.
type operation struct {
	id models.MethodID
	openapi.Operation
}

// operations are the methods of a stage that a key may call, with the examples of the API's document. An API that has left the catalog goes on
// for the keys it has, without examples. Of a large API only the easiest operations and the wanted one are read in full.
func (d *references) operations(r *Request, store callStore, call models.KeyCall, wanted models.MethodID) ([]operation, error) {
	ref, err := d.called(r, store, call)
	if err != nil {
		return nil, err
	}
	byEffort := slices.Clone(call.Methods)
	slices.SortStableFunc(byEffort, func(a, b models.Method) int { return effort(brief(ref, a)) - effort(brief(ref, b)) })
	full := map[models.MethodID]bool{wanted: true}
	for _, m := range byEffort[:min(len(byEffort), weighed)] {
		full[m.ID] = true
	}
	out := make([]operation, len(call.Methods))
	for i, m := range call.Methods {
		op := brief(ref, m)
		if full[m.ID] {
			if op, err = described(ref, m); err != nil {
				return nil, err
			}
		}
		out[i] = operation{m.ID, op}
	}
	return out, nil
}

// called is what the document of a stage that a key may call says.
func (d *references) called(r *Request, store callStore, call models.KeyCall) (*openapi.Reference, error) {
	api, err := store.CatalogAPI(r.Context(), r.Account.ID, call.APISlug)
	if err != nil && models.KindOf(err) != models.KindNotFound {
		return nil, err
	}
	for _, s := range api.Stages {
		if s.ID == call.StageID {
			return d.of(r.Context(), store, s.Document)
		}
	}
	return d.of(r.Context(), store, 0)
}

// simplest is the operation to begin with. There is at least one.
func simplest(ops []operation) operation {
	return slices.MinFunc(ops, func(a, b operation) int { return effort(a.Operation) - effort(b.Operation) })
}

// keyRequest is a call of an operation of the stage at base as code shows it. A zero value leaves the key to an environment variable, so that code that is pasted
// into a file holds no key.
func keyRequest(base string, call models.KeyCall, op openapi.Operation, value secret.Value) snippet.Request {
	request := exampleRequest(base, keyVariable(call.APISlug), call.KeySource, op)
	if value.IsZero() || !op.KeyRequired {
		return request
	}
	if request.URLEnv != "" {
		request.URL, request.URLEnv = request.URL+url.QueryEscape(value.Reveal()), ""
	}
	for i, h := range request.Headers {
		if h.Env != "" {
			request.Headers[i] = snippet.Header{Name: h.Name, Value: h.Value + value.Reveal()}
		}
	}
	return request
}
