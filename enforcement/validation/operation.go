package validation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/models/openapi"
)

// Operation is what a document says of a method's requests. It is safe for concurrent use.
type Operation struct {
	template   []string // segments of the path
	parameters []parameter
	body       *body
	source     map[string]any // of the schemas
	costs      []int

	slots chan struct{} // of the document: what judges at once

	mu   sync.Mutex
	idle []*judge
}

const (
	// atOnce is how many requests of a document are compared at once: a hostile one cannot take more memory and time than that.
	atOnce = 4
	// patience is how long a request waits for its turn.
	patience = 5 * time.Second
)

// ErrBusy says that a request's turn did not come.
var ErrBusy = errors.New("too many requests are compared at once")

// maxIdle is how many judges of an operation are kept for the next requests.
const maxIdle = 4

// maxSteps is what judging one request may cost, in steps of about a microsecond.
const maxSteps = 100_000

// judge is the schemas of an operation, compiled for one request at a time.
type judge struct {
	left    int // steps
	schemas []*jsonschema.Schema
}

// errTooMuch ends a judgement that takes too long.
var errTooMuch = errors.New("it takes too much work to compare")

// target is a value that is judged by a schema.
type target int

// builder collects the schemas of an operation.
type builder struct {
	*shaper
	old     bool // 2.0
	targets []any
}

// add returns the target of a schema; nil is one that lets everything pass.
func (b *builder) add(schema any) (target, error) {
	if schema == nil {
		schema = true
	}
	shaped, err := b.shape(schema, nil, 0)
	if err != nil {
		return 0, err
	}
	b.targets = append(b.targets, shaped)
	return target(len(b.targets) - 1), nil
}

func compile(c openapi.Contract, path string) (*Operation, error) {
	shaper, err := newShaper(c)
	if err != nil {
		return nil, err
	}
	b := &builder{shaper: shaper, old: c.IsOld()}
	object, err := parseObject(c.Operation)
	if err != nil {
		return nil, err
	}
	shared, err := parseObject(c.Shared)
	if err != nil {
		return nil, err
	}
	root, err := parseObject(c.Root)
	if err != nil {
		return nil, err
	}
	op := &Operation{template: strings.Split(strings.Trim(path, "/"), "/")}
	list, err := b.parameterObjects(shared, object)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if err := b.parameter(op, p); err != nil {
			return nil, fmt.Errorf("the parameter %s: %w", short(text(p, "name"), maxName), err)
		}
	}
	if op.body, err = b.body(object, root, list); err != nil {
		return nil, fmt.Errorf("the body: %w", err)
	}
	if err := op.finish(b); err != nil {
		return nil, err
	}
	return op, nil
}

// finish compiles what was collected.
func (op *Operation) finish(b *builder) error {
	if err := b.finish(); err != nil {
		return err
	}
	op.source = map[string]any{"$defs": b.defs, "targets": b.targets}
	for id := range b.costs {
		op.costs = append(op.costs, id)
	}
	j, err := op.compileJudge()
	if err != nil {
		return err
	}
	op.idle = append(op.idle, j)
	return nil
}

func parseObject(raw json.RawMessage) (map[string]any, error) {
	v, err := parse(raw)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the document has something else where an object must be")
	}
	return object, nil
}

func text(object map[string]any, key string) string {
	s, _ := object[key].(string)
	return s
}

// parameterObjects are the path's and the operation's own parameters; where both have one, it is the operation's.
func (b *builder) parameterObjects(all ...map[string]any) (list []map[string]any, err error) {
	for _, of := range all {
		parameters, _ := of["parameters"].([]any)
		for _, v := range parameters {
			p, err := b.follow(v)
			if err != nil {
				return nil, err
			}
			same := func(old map[string]any) bool {
				return text(old, "in") == text(p, "in") && text(old, "name") == text(p, "name")
			}
			if i := slices.IndexFunc(list, same); i >= 0 {
				list[i] = p
			} else {
				list = append(list, p)
			}
		}
	}
	return list, nil
}

const sourceURL = "gatehouse:///operation.json"

// nowhere loads nothing: a document leads nowhere else.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("the document leads to %s", short(url, 200))
}

func (op *Operation) compileJudge() (*judge, error) {
	j := &judge{}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nowhere{})
	c.AssertFormat()
	for _, id := range op.costs {
		c.RegisterFormat(&jsonschema.Format{Name: fmt.Sprintf("gatehouse-%d", id), Validate: func(v any) error {
			if j.left -= costOf(id, v); j.left < 0 {
				panic(errTooMuch)
			}
			return nil
		}})
	}
	if err := c.AddResource(sourceURL, op.source); err != nil {
		return nil, fmt.Errorf("its schemas cannot be used: %w", err)
	}
	targets, _ := op.source["targets"].([]any)
	for i := range targets {
		s, err := c.Compile(fmt.Sprintf("%s#/targets/%d", sourceURL, i))
		if err != nil {
			return nil, fmt.Errorf("its schemas cannot be used: %s", short(err.Error(), 500))
		}
		j.schemas = append(j.schemas, s)
	}
	return j, nil
}

// borrow gives a judge for one request, when it is its turn.
func (op *Operation) borrow(ctx context.Context) (*judge, error) {
	select {
	case op.slots <- struct{}{}:
	default:
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		select {
		case op.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ErrBusy
		}
	}
	op.mu.Lock()
	if n := len(op.idle); n > 0 {
		j := op.idle[n-1]
		op.idle = op.idle[:n-1]
		op.mu.Unlock()
		j.left = maxSteps
		return j, nil
	}
	op.mu.Unlock()
	j, err := op.compileJudge()
	if err != nil {
		<-op.slots
		return nil, err
	}
	j.left = maxSteps
	return j, nil
}

func (op *Operation) giveBack(j *judge) {
	defer func() { <-op.slots }()
	op.mu.Lock()
	defer op.mu.Unlock()
	if len(op.idle) < maxIdle {
		op.idle = append(op.idle, j)
	}
}

// judge compares a value with a schema. An error means that it cannot be said.
func (j *judge) judge(t target, v any, where Fault) (all []Fault, err error) {
	defer func() {
		if mistake := recover(); mistake == errTooMuch { //nolint:errorlint // it is the very one
			where.Detail = "takes too much work to be compared with the API's description"
			all, err = []Fault{where}, nil
		} else if mistake != nil {
			err = fmt.Errorf("compare a request: %v", mistake)
		}
	}()
	var invalid *jsonschema.ValidationError
	if !errors.As(j.schemas[t].Validate(v), &invalid) {
		return nil, nil
	}
	return faults(where, invalid), nil
}
