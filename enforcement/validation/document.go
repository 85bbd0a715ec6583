package validation

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"gatehouse/models/openapi"
)

// Document is a deployed document. It is safe for concurrent use.
type Document struct {
	reference *openapi.Reference
	slots     chan struct{}

	mu         sync.Mutex // held by the one compilation at a time
	operations map[string]*compiled
}

type compiled struct {
	operation *Operation // nil: the document does not know it
	err       error
}

// Open reads what was read from a document. An empty pack is that of an API without one.
func Open(pack []byte) (*Document, error) {
	reference, err := openapi.OpenReference(pack)
	if err != nil {
		return nil, err
	}
	return &Document{reference: reference, slots: make(chan struct{}, atOnce), operations: map[string]*compiled{}}, nil
}

// Operation returns the operation of a method, compiled when it is asked for the first time; nil if the document says nothing of it. An error says in words
// what cannot be compiled.
func (d *Document) Operation(verb, path string) (*Operation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := verb + " " + path
	c := d.operations[name]
	if c == nil {
		c = &compiled{}
		c.operation, c.err = d.compile(verb, path)
		d.operations[name] = c
	}
	return c.operation, c.err
}

func (d *Document) compile(verb, path string) (*Operation, error) {
	contract, ok, err := d.reference.Contract(verb, path)
	if err != nil || !ok {
		return nil, err
	}
	op, err := compile(contract, path)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", verb, path, err)
	}
	op.slots = d.slots
	return op, nil
}

// maxChecking is for how long Check compiles operations: people wait for it.
const maxChecking = 5 * time.Second

// Check says in words why requests to methods, such as "GET /pets", cannot be compared with what was read from a document; nil: nothing was found. What it compiles
// it does not keep. The largest of documents, such as one of 500 operations each of which refers to nearly all of 1,000 schemas, take longer than it
// tries: what is wrong in the rest is found when it is called.
func Check(ctx context.Context, pack []byte, methods []string) error {
	d, err := Open(pack)
	if err != nil {
		return err
	}
	late := time.Now().Add(maxChecking)
	for _, name := range methods {
		verb, path, _ := strings.Cut(name, " ")
		if _, err := d.compile(verb, path); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Now().After(late) {
			return nil
		}
	}
	return nil
}
