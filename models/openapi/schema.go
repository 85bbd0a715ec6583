package openapi

import (
	"net/url"
	"slices"
	"strings"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi/datamodel/high/base"
)

// maxVisits bounds how many schemas one document may have opened: parts that refer to parts twice over, level by level,
// grow without bound although the document is small.
const maxVisits = 2_000_000

// schema is a schema as it is used in one place: what its reference leads to, and what stands beside the reference. It
// is read from the document's tree, because the library builds some 4 kB for every schema that is looked at.
type schema struct {
	node   *yaml.Node // a mapping, or true or false
	ref    string     // the reference, "" for a schema in place
	name   string     // of the model that is referred to
	beside *yaml.Node // the mapping that holds the reference, nil without one
}

// schemaNode is where the document has the schema, or the reference to it.
func schemaNode(proxy *base.SchemaProxy) *yaml.Node {
	if proxy == nil {
		return nil
	}
	if holder := proxy.GetReferenceNode(); holder != nil && proxy.IsReference() {
		return holder
	}
	return proxy.GetValueNode()
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
