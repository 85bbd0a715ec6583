package validation

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"gatehouse/models"
)

// MaxModel is how many bytes the schema of a model may have, as on AWS.
const MaxModel = 400_000

// Models are the JSON schemas (draft 4) of a deployment, by name, as AWS's API Gateway has them. They are safe for concurrent use.
type Models struct {
	schemas map[string]models.SchemaModel
	slots   chan struct{}

	mu         sync.Mutex // held by the one compilation at a time
	operations map[string]*compiled
}

// NewModels reads nothing yet. A name that is not there is one of the models that every API of AWS has, if it is one of those.
func NewModels(schemas map[string]models.SchemaModel) *Models {
	return &Models{schemas: schemas, slots: make(chan struct{}, atOnce), operations: map[string]*compiled{}}
}

// Operation returns what bodies of one method are compared with: names of models by media type, compiled when they are asked for the first time. A body that does not say
// what it is, is JSON; one of another type is not compared. Name is the method's. An error says in words what cannot be compiled.
func (m *Models) Operation(name string, bodies map[string]string) (*Operation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.operations[name]
	if c == nil {
		c = &compiled{}
		if c.operation, c.err = m.compile(bodies); c.err != nil {
			c.err = fmt.Errorf("%s: %w", name, c.err)
		}
		m.operations[name] = c
	}
	return c.operation, c.err
}

// anyMedia is the media type of a model for bodies of which there is no other.
const anyMedia = "$default"

func (m *Models) compile(bodies map[string]string) (*Operation, error) {
	s := &shaper{old: true, draft4: true, components: map[string]any{}, places: map[string]string{}, defs: map[string]any{}, costs: map[int]bool{}}
	for _, name := range slices.Sorted(maps.Values(bodies)) {
		if err := m.add(s, name); err != nil {
			return nil, err
		}
	}
	b := &builder{shaper: s}
	op := &Operation{body: &body{assumed: "application/json"}, slots: m.slots}
	for _, media := range slices.Sorted(maps.Keys(bodies)) {
		schema := map[string]any{"$ref": modelPlace + bodies[media]}
		if media == anyMedia {
			t, err := b.add(schema)
			if err != nil {
				return nil, err
			}
			op.body.contents = append(op.body.contents, content{kind: "*/*", reads: asJSON, target: t})
			continue
		}
		if err := b.content(op.body, media, schema); err != nil {
			return nil, err
		}
	}
	if bodies[anyMedia] == "" {
		op.body.contents = append(op.body.contents, content{kind: "*/*"})
	}
	if c := op.body.of(op.body.assumed); c.reads != notRead {
		empty, err := m.letsAllPass(bodies, c.kind)
		if err != nil {
			return nil, err
		}
		op.body.required = !empty
	}
	slices.SortStableFunc(op.body.contents, func(x, y content) int { return strings.Count(x.kind, "*") - strings.Count(y.kind, "*") })
	if err := op.finish(b); err != nil {
		return nil, err
	}
	return op, nil
}

// letsAllPass reports whether the model of a media type asserts nothing more than that a body is an object, as AWS's "Empty" does: a request without a body fits it.
func (m *Models) letsAllPass(bodies map[string]string, kind string) (bool, error) {
	name := bodies[anyMedia]
	for media := range bodies {
		if mediaType(media) == kind {
			name = bodies[media]
		}
	}
	schema, err := m.schemaOf(name)
	if err != nil {
		return false, err
	}
	for key := range schema {
		if key == "type" && schema[key] == "object" {
			continue
		}
		if key != "$schema" && key != "title" && key != "description" && key != "id" && key != "definitions" {
			return false, nil
		}
	}
	return true, nil
}

// modelPlace is where models are among a shaper's components.
const modelPlace = "#/models/"

// add puts a model, and those that it refers to, among the components.
func (m *Models) add(s *shaper, name string) error {
	if s.components[modelPlace+name] != nil {
		return nil
	}
	schema, err := m.schemaOf(name)
	if err != nil {
		return err
	}
	s.components[modelPlace+name] = schema
	var named []string
	if err := placeReferences(schema, name, &named); err != nil {
		return fmt.Errorf("the model %s: %w", short(name, maxName), err)
	}
	for _, other := range named {
		if err := m.add(s, other); err != nil {
			return err
		}
	}
	return nil
}

func (m *Models) schemaOf(name string) (map[string]any, error) {
	model, ok := m.schemas[name]
	if !ok {
		model, ok = models.DefaultModels()[name]
	}
	if !ok {
		return nil, fmt.Errorf("there is no model %s", short(name, maxName))
	}
	schema, err := readModel(model.Schema)
	if err != nil {
		return nil, fmt.Errorf("the model %s %w", short(name, maxName), err)
	}
	return schema, nil
}

// readModel reads a model's schema as JSON, each time anew: what compiles it changes it. An error continues a sentence that begins with the model's name.
func readModel(text string) (map[string]any, error) {
	if len(text) > MaxModel {
		return nil, fmt.Errorf("is larger than %d bytes", MaxModel)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("is no JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("has something behind the end of its JSON")
	}
	schema, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("is no object")
	}
	if version, ok := schema["$schema"].(string); ok && !strings.Contains(version, "draft-04/schema") {
		return nil, fmt.Errorf("is a schema of %s, and must be one of http://json-schema.org/draft-04/schema#", short(version, 100))
	}
	return schema, nil
}

// dataKeywords hold values, no schemas; a property may have such a name.
var dataKeywords = []string{"enum", "default", "example", "examples", "const"}

// placeReferences makes each reference of a model one into the components, and names the other models that it refers to.
func placeReferences(v any, name string, named *[]string) error {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			placed, other, err := placeReference(ref, name)
			if err != nil {
				return err
			}
			if v["$ref"] = placed; other != "" {
				*named = append(*named, other)
			}
		}
		for key, of := range v {
			if _, isProperty := of.(map[string]any); slices.Contains(dataKeywords, key) && !isProperty {
				continue
			}
			if err := placeReferences(of, name, named); err != nil {
				return err
			}
		}
	case []any:
		for _, of := range v {
			if err := placeReferences(of, name, named); err != nil {
				return err
			}
		}
	}
	return nil
}

// placeReference reads "#/definitions/x", which is in the model itself, and "https://apigateway.amazonaws.com/restapis/{id}/models/{name}", which is another one,
// whatever stands before /models/.
func placeReference(ref, name string) (placed, other string, err error) {
	base, within, _ := strings.Cut(ref, "#")
	if within != "" && !strings.HasPrefix(within, "/") {
		return "", "", fmt.Errorf("the reference %s is not supported", short(ref, 200))
	}
	if base == "" {
		return modelPlace + name + within, "", nil
	}
	at := strings.LastIndex(base, "/models/")
	if other = base[at+len("/models/"):]; at < 0 || other == "" || strings.Contains(other, "/") {
		return "", "", fmt.Errorf("the reference %s leads nowhere", short(ref, 200))
	}
	return modelPlace + other + within, other, nil
}

// CheckModel judges the schema of a model beside the others of its API, as what compares requests would read it; field "schema".
func CheckModel(name, schema string, others map[string]models.SchemaModel) error {
	all := maps.Clone(others)
	if all == nil {
		all = map[string]models.SchemaModel{}
	}
	all[name] = models.SchemaModel{Name: name, Schema: schema}
	if _, err := NewModels(all).compile(map[string]string{"application/json": name}); err != nil {
		return models.Invalid("schema", "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified: "+short(err.Error(), 500)+"]")
	}
	return nil
}
