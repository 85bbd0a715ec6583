package openapi

import (
	"net/url"
	"slices"
	"strings"

	"github.com/pb33f/go-yaml"
)

// maxVisits bounds how many schemas one document may have opened: parts that refer to parts twice over, level by level,
// grow without bound although the document is small.
const maxVisits = 2_000_000

// schema is a schema as it is used in one place: what its reference leads to, and what stands beside the reference. It
// is read from the document's tree.
type schema struct {
	node   *yaml.Node // a mapping, or true or false
	ref    string     // the reference, "" for a schema in place
	name   string     // of the model that is referred to
	beside *yaml.Node // the mapping that holds the reference, nil without one
}

// open follows a schema's reference. It gives false for a schema that cannot be read, and once the document has had
// maxVisits schemas opened.
func (r *reading) open(n *yaml.Node) (schema, bool) {
	if r.visits++; n == nil || r.visits > maxVisits {
		return schema{}, false
	}
	s := schema{node: n}
	if ref := reference(n); ref != "" {
		s = schema{node: r.tree.final(ref), ref: ref, name: refName(ref), beside: n}
	}
	return s, s.node != nil && (s.node.Kind == yaml.MappingNode || s.node.Tag == "!!bool")
}

// reference is where a mapping refers to, "" when it does not.
func reference(n *yaml.Node) string {
	if ref := child(n, "$ref"); ref != nil && ref.Kind == yaml.ScalarNode {
		return ref.Value
	}
	return ""
}

// refName is the last part of a reference, which is the model's name.
func refName(ref string) string {
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	return word(strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~"), maxName)
}

// near gives the value of a keyword, of which the one beside the reference comes first.
func (s schema) near(key string) *yaml.Node {
	if own := child(s.beside, key); own != nil {
		return own
	}
	return child(s.node, key)
}

func (s schema) text() string {
	for _, n := range []*yaml.Node{s.beside, s.node} {
		if own := text(n, "description"); own != "" {
			return prose(own)
		}
	}
	return prose(text(s.node, "title"))
}

// example is the schema's example or the first of several, nil without one.
func (s schema) example() *yaml.Node {
	if one := s.near("example"); one != nil {
		return one
	}
	if several := s.near("examples"); several != nil && several.Kind == yaml.SequenceNode && len(several.Content) > 0 {
		return several.Content[0]
	}
	return nil
}

// choices are the values that the schema allows, when it lists them.
func (s schema) choices() []string {
	if only := child(s.node, "const"); only != nil {
		return choices([]*yaml.Node{only})
	}
	return choices(list(s.node, "enum"))
}

func choices(nodes []*yaml.Node) []string {
	const most = 100
	var all []string
	for _, n := range nodes[:min(len(nodes), most)] {
		all = append(all, inline(n))
	}
	return all
}

// items is the schema of a list's elements, nil without one.
func (s schema) items() *yaml.Node { return subschema(s.node, "items") }

// anyKey is the schema of a map's values, nil when they may be anything.
func (s schema) anyKey() *yaml.Node { return subschema(s.node, "additionalProperties") }

func subschema(n *yaml.Node, key string) *yaml.Node {
	if sub := child(n, key); sub != nil && sub.Kind == yaml.MappingNode {
		return sub
	}
	return nil
}

func (s schema) properties() *yaml.Node { return subschema(s.node, "properties") }

func (s schema) parts() []*yaml.Node { return list(s.node, "allOf") }

func (s schema) variants() []*yaml.Node {
	return slices.Concat(list(s.node, "oneOf"), list(s.node, "anyOf"))
}

// types are the JSON types that the schema allows, but for null.
func (s schema) types() (types []string, null bool) {
	null = text(s.node, "nullable") == "true"
	nodes := list(s.node, "type")
	if one := child(s.node, "type"); one != nil && one.Kind == yaml.ScalarNode {
		nodes = []*yaml.Node{one}
	}
	for _, n := range nodes {
		if n.Value == "null" {
			null = true
		} else if n.Value != "" {
			types = append(types, word(n.Value, 40))
		}
	}
	return types, null
}

// schema reads what stands in one place: references stay references to models, so that a description is about as long as its document.
func (r *reading) schema(n *yaml.Node) *Schema {
	if r.visits++; n == nil || r.visits > maxVisits || r.left <= 0 {
		return nil
	}
	s := &Schema{Type: r.typeOf(n)}
	if n.Kind != yaml.MappingNode {
		return s
	}
	if ref := reference(n); ref != "" {
		s.Ref = r.model(ref)
	}
	here := schema{node: n}
	s.Text, s.Limits, s.Enum = prose(text(n, "description")), here.limits(), here.choices()
	if s.Text == "" {
		s.Text = prose(text(n, "title"))
	}
	s.Default, s.Example = inline(child(n, "default")), inline(here.example())
	s.ReadOnly, s.WriteOnly, s.Deprecated = text(n, "readOnly") == "true", text(n, "writeOnly") == "true", text(n, "deprecated") == "true"
	for name, property := range pairs(here.properties()) {
		if p := r.schema(property); p != nil {
			s.Properties = append(s.Properties, Property{Name: word(name, maxName), Schema: *p})
		}
	}
	s.Required = words(list(n, "required"))
	s.Items, s.AnyKey = r.schema(here.items()), r.schema(here.anyKey())
	s.AllOf, s.OneOf, s.AnyOf = r.schemas(list(n, "allOf")), r.schemas(list(n, "oneOf")), r.schemas(list(n, "anyOf"))
	r.discriminate(s, child(n, "discriminator"))
	s.Extra = r.extra(n, "type", "format", "title", "description", "enum", "const", "default", "example", "examples", "nullable", "readOnly", "writeOnly", "deprecated",
		"properties", "required", "items", "additionalProperties", "allOf", "oneOf", "anyOf", "discriminator", "minimum", "maximum", "exclusiveMinimum",
		"exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties")
	r.left -= 60 + len(s.Text) + len(s.Default) + len(s.Example)
	for _, e := range s.Enum {
		r.left -= len(e) + 3
	}
	return s
}

func (r *reading) schemas(nodes []*yaml.Node) []Schema {
	var all []Schema
	for _, n := range nodes {
		if s := r.schema(n); s != nil {
			all = append(all, *s)
		}
	}
	return all
}

// discriminate reads which property tells variants apart: in 2.0 its name alone.
func (r *reading) discriminate(s *Schema, n *yaml.Node) {
	if n == nil {
		return
	}
	if n.Kind == yaml.ScalarNode {
		s.Discriminator = word(n.Value, maxName)
		return
	}
	s.Discriminator = word(text(n, "propertyName"), maxName)
	for value, to := range pairs(child(n, "mapping")) {
		ref := to.Value
		if !strings.Contains(ref, "/") {
			ref = schemasAt(r.old()) + ref
		}
		if slug := r.modelIfAny(ref); slug != "" {
			if s.Mapping == nil {
				s.Mapping = map[string]string{}
			}
			s.Mapping[word(value, maxName)] = slug
		}
	}
}

// schemasAt is where a document keeps its named schemas.
func schemasAt(old bool) string {
	if old {
		return "#/definitions/"
	}
	return "#/components/schemas/"
}

// nameModels gives the named schemas of the document their slugs, before anything refers to them.
func (r *reading) nameModels() {
	named := child(child(r.tree.root, "components"), "schemas")
	if r.old() {
		named = child(r.tree.root, "definitions")
	}
	for name, n := range pairs(named) {
		if len(r.Models) == MaxModels {
			r.notes.add(whole, "Only the first %d models are listed.", MaxModels)
			return
		}
		r.addModel(word(name, maxName), n, false)
	}
}

func (r *reading) addModel(name string, n *yaml.Node, hidden bool) string {
	m := Model{Slug: r.modelNames.unique(modelSlug(name)), Name: name, Hidden: hidden}
	if _, twice := r.modelAt[n]; !twice {
		r.modelAt[n] = len(r.Models)
	}
	r.Models, r.nodes = append(r.Models, m), append(r.nodes, n)
	return m.Slug
}

// modelSlug keeps what may stand in an address as it is.
func modelSlug(name string) string {
	slug := strings.Map(func(c rune) rune {
		if c == '-' || c == '.' || c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			return c
		}
		return '-'
	}, name)
	if strings.Trim(slug, ".-") == "" {
		return "model"
	}
	return slug
}

// model is the slug of what a reference leads to; what is no model of the document becomes a hidden one.
func (r *reading) model(ref string) string {
	if slug := r.modelIfAny(ref); slug != "" {
		return slug
	}
	if n := r.tree.target(ref); n != nil && len(r.Models) < 2*MaxModels {
		return r.addModel(refName(ref), n, true)
	}
	return ""
}

func (r *reading) modelIfAny(ref string) string {
	if i, known := r.modelAt[r.tree.target(ref)]; known {
		return r.Models[i].Slug
	}
	return ""
}

// readModels reads the named schemas, and the hidden ones that have turned up since.
func (r *reading) readModels() {
	for ; r.modelsRead < len(r.nodes); r.modelsRead++ {
		i := r.modelsRead
		if s := r.schema(r.nodes[i]); s != nil {
			r.Models[i].Schema, r.Models[i].Type = s, s.Type
			if named := reference(r.nodes[i]); named == "" && s.Type == "any" && len(s.Properties) > 0 {
				r.Models[i].Type = "object"
			}
		}
	}
}
