package handlers

import (
	"context"
	"fmt"
	"sync"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// maxReferences is how many documents are kept ready: opening a large one takes longer than the rest of its page. GitHub's takes 5 MB.
const maxReferences = 16

// references keeps what was read last of APIs' documents. A document never changes, so neither does what is kept. The zero value is ready; safe for
// concurrent use.
type references struct {
	mu   sync.Mutex
	kept recent[*openapi.Reference]
}

type readingStore interface {
	Reading(ctx context.Context, id models.DocumentID) ([]byte, error)
}

// of returns what a document says, the zero Reference where there is none, or none that was read already. It is shared: nobody may change it.
func (d *references) of(ctx context.Context, store readingStore, id models.DocumentID) (*openapi.Reference, error) {
	if id == 0 {
		return openapi.OpenReference(nil)
	}
	key := keyOf(id.String())
	d.mu.Lock()
	if d.kept.places == nil {
		d.kept = newRecent[*openapi.Reference](maxReferences)
	}
	kept := d.kept.get(key)
	d.mu.Unlock()
	if kept != nil {
		return kept, nil
	}
	pack, err := store.Reading(ctx, id)
	if err != nil {
		return nil, err
	}
	reference, err := openapi.OpenReference(pack)
	if err != nil {
		return nil, fmt.Errorf("document %s: %w", id, err)
	}
	if len(pack) > 0 {
		d.mu.Lock()
		d.kept.put(key, reference)
		d.mu.Unlock()
	}
	return reference, nil
}

// brief returns what lists need of a method, with what is deployed having the last word. One that the document does not know is described by its verb,
// path and summary.
func brief(ref *openapi.Reference, m models.Method) openapi.Operation {
	op, ok := ref.Brief(m.Verb, m.Path)
	if !ok {
		op = openapi.Operation{Verb: m.Verb, Path: m.Path, Summary: m.Summary}
	}
	op.KeyRequired = m.KeyRequired
	return op
}

// described returns all that the document says of a method, as brief does.
func described(ref *openapi.Reference, m models.Method) (openapi.Operation, error) {
	op, ok, err := ref.Described(m.Verb, m.Path)
	if err != nil {
		return op, fmt.Errorf("describe %s: %w", m.Name(), err)
	}
	if !ok {
		return brief(ref, m), nil
	}
	op.KeyRequired = m.KeyRequired
	return op, nil
}
