package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// maxDescriptions is how many APIs' descriptions are kept ready: reading a large one takes longer than the rest of its page.
const maxDescriptions = 16

// descriptions keeps what was read last of APIs' documents. A deployment never changes, so neither does what is kept. The zero value is
// ready; safe for concurrent use.
type descriptions struct {
	mu   sync.Mutex
	kept recent[*openapi.Description]
}

type descriptionStore interface {
	CatalogDescription(ctx context.Context, viewer models.AccountID, slug string) ([]byte, error)
}

// of returns what the document says about an API, the zero Description where there is none. It is shared: nobody may change it.
func (d *descriptions) of(r *Request, store descriptionStore, api models.CatalogAPI) (*openapi.Description, error) {
	if !api.HasDocument {
		return &openapi.Description{}, nil
	}
	parts := []string{api.ID.String()}
	for _, s := range api.Stages {
		parts = append(parts, s.ID.String(), s.Deployment.String())
	}
	key := keyOf(strings.Join(parts, " "))
	d.mu.Lock()
	if d.kept.places == nil {
		d.kept = newRecent[*openapi.Description](maxDescriptions)
	}
	kept := d.kept.get(key)
	d.mu.Unlock()
	if kept != nil {
		return kept, nil
	}
	text, err := store.CatalogDescription(r.Context(), r.Account.ID, api.Slug)
	if err != nil {
		return nil, err
	}
	description := new(openapi.Description)
	if len(text) > 0 {
		if err := json.Unmarshal(text, description); err != nil {
			return nil, fmt.Errorf("read description of API %s: %w", api.ID, err)
		}
	}
	d.mu.Lock()
	d.kept.put(key, description)
	d.mu.Unlock()
	return description, nil
}

// describe returns what the description says of a method, with what is deployed having the last word. A method that it does not know is
// described by its verb, path and summary.
func describe(described map[string]openapi.Operation, m models.Method) openapi.Operation {
	op, ok := described[m.Name()]
	if !ok {
		op = openapi.Operation{Verb: m.Verb, Path: m.Path, Summary: m.Summary}
	}
	op.KeyRequired = m.KeyRequired
	return op
}

// byName are a description's operations by verb and path.
func byName(d *openapi.Description) map[string]openapi.Operation {
	operations := make(map[string]openapi.Operation, len(d.Operations))
	for _, op := range d.Operations {
		operations[op.Verb+" "+op.Path] = op
	}
	return operations
}
