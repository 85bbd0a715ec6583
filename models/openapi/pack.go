package openapi

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// packMark begins every pack and names its form.
const packMark = "gatehouse reference 1\n"

// Reference is a Description at rest: its operations, webhooks and models are brief, and the rest of each is read out of a pack when it is asked for, so
// that a page costs what it shows and not what the document says. The zero value says nothing. It is safe for concurrent use and never changes.
type Reference struct {
	Description
	parts      []byte
	index      packIndex
	operations map[string]int // "GET /users" -> Operations
	models     map[string]int // slug -> Models
	readers    sync.Pool      // of decompressors, each of which holds 40 kB
}

// part is a compressed piece of a pack.
type part struct {
	At   int   `json:"at"`
	Size int   `json:"size"`
	Uses []int `json:"uses,omitempty"` // models of an operation, of a webhook or of a model; components of a fragment
}

// packIndex is what a Reference knows without reading parts.
type packIndex struct {
	Description Description     `json:"description"`
	Operations  []part          `json:"operations"`
	Webhooks    []part          `json:"webhooks"`
	Models      []part          `json:"models"`
	Root        part            `json:"root"`
	Hooks       part            `json:"hooks"`
	Gateway     part            `json:"gateway"`
	Items       map[string]part `json:"items,omitempty"`
	Fragments   map[string]part `json:"fragments,omitempty"`
	Components  []packComponent `json:"components,omitempty"`
}

type packComponent struct {
	component
	part
}

// Pack is the description as it is kept: compressed, in parts that can be read one by one.
func (d Description) Pack() ([]byte, error) {
	w := packer{places: map[string]int{}}
	var err error
	if w.flate, err = flate.NewWriter(nil, flate.DefaultCompression); err != nil {
		return nil, fmt.Errorf("pack description: %w", err)
	}
	d.name()
	for i, m := range d.Models {
		w.places[m.Slug] = i
	}
	index := packIndex{Description: d, Items: map[string]part{}, Fragments: map[string]part{}}
	index.Description.Operations, index.Operations = w.calls(d.Operations)
	index.Description.Webhooks, index.Webhooks = w.calls(d.Webhooks)
	index.Description.Models = nil
	for _, m := range d.Models {
		index.Models = append(index.Models, w.add(m, w.models(m.Schema)))
		m.Schema = nil
		index.Description.Models = append(index.Description.Models, m)
	}
	if d.source.Root != "" {
		index.Root = w.text(d.source.Root, nil)
		if len(d.Webhooks) > 0 {
			index.Hooks = w.text(d.source.Hooks.JSON, d.source.Hooks.Uses)
		}
		for path, item := range d.source.Items {
			index.Items[path] = w.text(item, nil)
		}
		for name, f := range d.source.Operations {
			index.Fragments[name] = w.text(f.JSON, f.Uses)
		}
		for _, c := range d.source.Components {
			index.Components = append(index.Components, packComponent{component{Section: c.Section, Name: c.Name}, w.text(c.JSON, c.Uses)})
		}
	}
	if len(d.gateway.Operations) > 0 {
		index.Gateway = w.add(d.gateway, nil)
	}
	head := w.add(index, nil) // last, since it knows where the others are
	if w.err != nil {
		return nil, fmt.Errorf("pack description: %w", w.err)
	}
	pack := binary.BigEndian.AppendUint64([]byte(packMark), uint64(head.At))
	return append(pack, w.out.Bytes()...), nil
}

// name gives slugs to the operations that have none: those of a description that was not read from a document.
func (d *Description) name() {
	var names Slugs
	names.Reserve("models")
	d.Operations = slices.Clone(d.Operations)
	for i, op := range d.Operations {
		if op.Slug == "" {
			d.Operations[i].Slug = names.Name(op)
		}
	}
}

type packer struct {
	out    bytes.Buffer
	flate  *flate.Writer
	places map[string]int
	err    error // the first
}

func (w *packer) add(value any, uses []int) part {
	text, err := json.Marshal(value)
	if err != nil && w.err == nil {
		w.err = err
	}
	return w.text(string(text), uses)
}

func (w *packer) text(s string, uses []int) part {
	p := part{At: w.out.Len(), Uses: uses}
	w.flate.Reset(&w.out)
	_, _ = io.WriteString(w.flate, s) // a buffer refuses nothing
	_ = w.flate.Close()
	p.Size = w.out.Len() - p.At
	return p
}

func (w *packer) calls(all []Operation) (briefs []Operation, parts []part) {
	for _, op := range all {
		briefs = append(briefs, op.brief())
		parts = append(parts, w.add(op, w.models(op.schemas()...)))
	}
	return briefs, parts
}

// models are the places of the models that schemas refer to.
func (w *packer) models(schemas ...*Schema) []int {
	var uses []int
	seen := map[int]bool{}
	var walk func(*Schema)
	walk = func(s *Schema) {
		if s == nil {
			return
		}
		if i, ok := w.places[s.Ref]; ok && s.Ref != "" && !seen[i] {
			seen[i] = true
			uses = append(uses, i)
		}
		for _, slug := range s.Mapping {
			walk(&Schema{Ref: slug})
		}
		for i := range s.Properties {
			walk(&s.Properties[i].Schema)
		}
		for _, several := range [][]Schema{s.AllOf, s.OneOf, s.AnyOf} {
			for i := range several {
				walk(&several[i])
			}
		}
		walk(s.Items)
		walk(s.AnyKey)
	}
	for _, s := range schemas {
		walk(s)
	}
	return uses
}

// schemas are all that an operation has at its top.
func (o Operation) schemas() []*Schema {
	var all []*Schema
	parameters := func(list []Parameter) {
		for _, p := range list {
			all = append(all, p.Schema)
		}
	}
	contents := func(list []Content) {
		for _, c := range list {
			all = append(all, c.Schema)
		}
	}
	parameters(o.Parameters)
	if o.Body != nil {
		contents(o.Body.Contents)
	}
	for _, r := range o.Responses {
		parameters(r.Headers)
		contents(r.Contents)
	}
	for _, c := range o.Callbacks {
		all = append(all, c.schemas()...)
	}
	return all
}

// OpenReference reads what Pack has made. An empty pack is that of an API without a document.
func OpenReference(pack []byte) (*Reference, error) {
	r := &Reference{operations: map[string]int{}, models: map[string]int{}}
	if len(pack) == 0 {
		return r, nil
	}
	rest, ok := bytes.CutPrefix(pack, []byte(packMark))
	if !ok || len(rest) < 8 {
		return nil, errors.New("open reference: these bytes are none")
	}
	at := binary.BigEndian.Uint64(rest)
	r.parts = rest[8:]
	if at > uint64(len(r.parts)) {
		return nil, errors.New("open reference: it is cut off")
	}
	if err := r.decode(part{At: int(at), Size: len(r.parts) - int(at)}, &r.index); err != nil {
		return nil, err
	}
	if err := r.index.check(); err != nil {
		return nil, err
	}
	r.Description = r.index.Description
	for i, op := range r.Operations {
		r.operations[op.Name()] = i
	}
	for i, m := range r.Models {
		r.models[m.Slug] = i
	}
	return r, nil
}

// check holds an index to what its readers rely on, since it was made in a process that a document may have taken over.
func (x *packIndex) check() error {
	d := x.Description
	if len(d.Operations) != len(x.Operations) || len(d.Webhooks) != len(x.Webhooks) || len(d.Models) != len(x.Models) {
		return errors.New("open reference: its index does not fit its parts")
	}
	within := func(uses []int, most int) bool {
		return !slices.ContainsFunc(uses, func(i int) bool { return i < 0 || i >= most })
	}
	for _, parts := range [][]part{x.Operations, x.Webhooks, x.Models} {
		for _, p := range parts {
			if !within(p.Uses, len(d.Models)) {
				return errors.New("open reference: a part uses a model that is none")
			}
		}
	}
	for _, c := range x.Components {
		if !within(c.Uses, len(x.Components)) {
			return errors.New("open reference: a component uses one that is none")
		}
	}
	if !within(x.Hooks.Uses, len(x.Components)) {
		return errors.New("open reference: a webhook uses a component that is none")
	}
	for _, f := range x.Fragments {
		if !within(f.Uses, len(x.Components)) {
			return errors.New("open reference: an operation uses a component that is none")
		}
	}
	return nil
}

// read gives the text of a part.
func (r *Reference) read(p part) ([]byte, error) {
	if p.At < 0 || p.Size < 0 || p.Size > len(r.parts) || p.At > len(r.parts)-p.Size {
		return nil, errors.New("read reference: a part lies outside of it")
	}
	from := bytes.NewReader(r.parts[p.At : p.At+p.Size])
	reader, ok := r.readers.Get().(io.ReadCloser)
	if !ok {
		reader = flate.NewReader(from)
	} else if err := reader.(flate.Resetter).Reset(from, nil); err != nil {
		return nil, fmt.Errorf("read reference: %w", err)
	}
	defer r.readers.Put(reader)
	text, err := io.ReadAll(io.LimitReader(reader, maxOutput))
	if err != nil {
		return nil, fmt.Errorf("read reference: %w", err)
	}
	return text, nil
}

func (r *Reference) decode(p part, into any) error {
	text, err := r.read(p)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read reference: %w", err)
	}
	return nil
}

// Described gives all that is said of the operation with a verb and a path; false where nothing is.
func (r *Reference) Described(verb, path string) (op Operation, ok bool, err error) {
	i, ok := r.operations[verb+" "+path]
	if !ok {
		return op, false, nil
	}
	return op, true, r.decode(r.index.Operations[i], &op)
}

// Brief gives what lists need of the operation with a verb and a path; false where nothing is said of it.
func (r *Reference) Brief(verb, path string) (Operation, bool) {
	i, ok := r.operations[verb+" "+path]
	if !ok {
		return Operation{}, false
	}
	return r.Operations[i], true
}

// Webhook gives all that is said of the i-th of Webhooks.
func (r *Reference) Webhook(i int) (op Operation, err error) {
	return op, r.decode(r.index.Webhooks[i], &op)
}

// Model gives all that is said of the model with a slug; false where there is none.
func (r *Reference) Model(slug string) (m Model, ok bool, err error) {
	i, ok := r.models[slug]
	if !ok {
		return m, false, nil
	}
	return m, true, r.decode(r.index.Models[i], &m)
}

// Visible says of each of Models whether the operations with the given names, or the webhooks, lead to it: what nothing that a reader may see refers to is
// not his business.
func (r *Reference) Visible(names []string) []bool {
	seen := make([]bool, len(r.Models))
	var open []int
	see := func(uses []int) {
		for _, i := range uses {
			if !seen[i] {
				seen[i] = true
				open = append(open, i)
			}
		}
	}
	for _, name := range names {
		if i, ok := r.operations[name]; ok {
			see(r.index.Operations[i].Uses)
		}
	}
	for _, hook := range r.index.Webhooks {
		see(hook.Uses)
	}
	for len(open) > 0 {
		next := open[len(open)-1]
		open = open[:len(open)-1]
		see(r.index.Models[next].Uses)
	}
	return seen
}

// Uses says whether an operation refers to a model by itself, and not through another model.
func (r *Reference) Uses(operation, model string) bool {
	i, ok := r.operations[operation]
	j, known := r.models[model]
	return ok && known && slices.Contains(r.index.Operations[i].Uses, j)
}
