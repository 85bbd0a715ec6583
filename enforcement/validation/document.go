package validation

import (
	"fmt"
	"strings"
	"sync"

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

// maxChecked bounds how many operations Check compiles.
const maxChecked = 2_000

// Check compiles all operations of methods, such as "GET /pets", and returns the first error.
func (d *Document) Check(methods []string) error {
	if len(methods) > maxChecked {
		return fmt.Errorf("requests of more than %d operations cannot be compared with a document", maxChecked)
	}
	for _, name := range methods {
		verb, path, _ := strings.Cut(name, " ")
		if _, err := d.Operation(verb, path); err != nil {
			return err
		}
	}
	return nil
}
