package openapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/pb33f/go-yaml"
)

// inline is a value in one line: a text as it is, anything else as JSON.
func inline(n *yaml.Node) string {
	switch {
	case n == nil:
		return ""
	case n.Kind == yaml.ScalarNode:
		return word(n.Value, maxValue)
	}
	return word(encode(n, maxValue, false), maxValue)
}

// sample is an example as it would be sent: a text as it is, unless JSON is spoken, anything else as indented JSON.
func sample(n *yaml.Node, mediaType string) string {
	if n == nil {
		return ""
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		// Under JSON, a text that is JSON itself is what people mean, although it says a text holding JSON.
		if !isJSON(mediaType) || json.Valid([]byte(n.Value)) {
			return cut(prose(n.Value), maxExample)
		}
	}
	return cut(encode(n, maxExample, true), maxExample)
}

func isJSON(mediaType string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(mediaType), ";")
	kind = strings.TrimSpace(kind)
	return kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

// encode writes a tree as JSON in the order of its keys. It stops soon after limit bytes.
func encode(n *yaml.Node, limit int, indent bool) string {
	e := encoder{limit: limit, indent: indent}
	e.node(n, 0)
	return e.out.String()
}

type encoder struct {
	out    bytes.Buffer
	limit  int
	indent bool
}

func (e *encoder) node(n *yaml.Node, level int) {
	switch n.Kind {
	case yaml.MappingNode:
		e.list(n.Content, 2, '{', '}', level)
	case yaml.SequenceNode:
		e.list(n.Content, 1, '[', ']', level)
	default:
		e.scalar(n)
	}
}

func (e *encoder) list(content []*yaml.Node, step int, open, end byte, level int) {
	e.out.WriteByte(open)
	for i := 0; i+step <= len(content) && e.out.Len() <= e.limit; i += step {
		if i > 0 {
			e.out.WriteByte(',')
		}
		e.newline(level + 1)
		if step == 2 {
			e.text(content[i].Value)
			e.out.WriteByte(':')
			if e.indent {
				e.out.WriteByte(' ')
			}
		}
		e.node(content[i+step-1], level+1)
	}
	if len(content) > 0 {
		e.newline(level)
	}
	e.out.WriteByte(end)
}

func (e *encoder) newline(level int) {
	if e.indent {
		e.out.WriteByte('\n')
		e.out.WriteString(strings.Repeat("  ", level))
	}
}

// scalar writes numbers and booleans as they are where JSON knows their spelling, and everything else as text.
func (e *encoder) scalar(n *yaml.Node) {
	value := strings.ToLower(n.Value)
	switch {
	case n.Tag == "!!null":
		e.out.WriteString("null")
	case n.Tag == "!!bool" && (value == "true" || value == "false"):
		e.out.WriteString(value)
	case (n.Tag == "!!int" || n.Tag == "!!float") && json.Valid([]byte(n.Value)):
		e.out.WriteString(cut(n.Value, maxValue))
	default:
		e.text(n.Value)
	}
}

func (e *encoder) text(s string) {
	quoted := json.NewEncoder(&e.out)
	quoted.SetEscapeHTML(false)
	_ = quoted.Encode(cut(s, e.limit)) // a string always encodes
	e.out.Truncate(e.out.Len() - 1)    // the line break that ends it
}

// sketchKey names an example that was made.
type sketchKey struct {
	ref  string
	sent bool
}

// Bounds on an example that is made: one that nobody reads to its end is made again with less depth.
const (
	maxSketch      = 1200
	maxSketchLevel = 5
	maxOpened      = 5_000 // schemas opened for one
	maxSketchKeys  = 200

	maxExamplesMade = 24 << 20 // of a whole document
)

// sketch makes an example from a schema that has none, of the examples, defaults and first choices of its parts and of plain values for the rest, so that
// a reader sees the shape of what is sent. What the caller may not send, or is not sent, is left out.
func (r *reading) sketch(n *yaml.Node, sent bool) string {
	key := sketchKey{reference(n), sent}
	if made, known := r.sketches[key]; known && key.ref != "" {
		return made
	}
	made := ""
	for level := maxSketchLevel; level >= 0; level-- {
		k := sketcher{reading: r, sent: sent, deepest: level, active: map[string]bool{}, until: min(maxVisits, r.visits+maxOpened)}
		value := k.node(n, 0)
		if value == nil {
			break
		}
		if made = encode(value, maxExample, true); len(made) <= maxSketch {
			break
		}
	}
	if len(made) > maxExample {
		made = "" // cut off it would be no JSON any more
	}
	r.sketches[key] = made
	return made
}

type sketcher struct {
	*reading
	sent    bool
	deepest int
	active  map[string]bool
	until   int
}

func (k *sketcher) node(n *yaml.Node, level int) *yaml.Node {
	s, ok := k.open(n)
	if !ok || level > k.deepest || k.visits > k.until || k.active[s.ref] {
		return nil
	}
	if s.ref != "" {
		k.active[s.ref] = true
		defer delete(k.active, s.ref)
	}
	if given := s.given(); given != nil {
		return given
	}
	types, _ := s.types()
	switch {
	case len(types) > 0 && types[0] == "array" || s.items() != nil:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if item := k.node(s.items(), level+1); item != nil {
			list.Content = append(list.Content, item)
		}
		return list
	case len(types) > 0 && types[0] != "object":
		return plain(types[0], text(s.node, "format"))
	}
	if object := k.object(s, level); len(types) > 0 || len(object.Content) > 0 {
		return object
	}
	return nil // it may be anything
}

// given is a value that the schema itself offers.
func (s schema) given() *yaml.Node {
	if n := s.example(); n != nil {
		return n
	}
	if n := s.near("default"); n != nil && n.Tag != "!!null" {
		return n
	}
	if n := child(s.node, "const"); n != nil {
		return n
	}
	if all := list(s.node, "enum"); len(all) > 0 {
		return all[0]
	}
	return nil
}

func (k *sketcher) object(s schema, level int) *yaml.Node {
	object := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	add := func(name string, value *yaml.Node) {
		if value != nil && child(object, name) == nil && len(object.Content) < 2*maxSketchKeys {
			object.Content = append(object.Content, str(name), value)
		}
	}
	parts := s.parts()
	if variants := s.variants(); len(variants) > 0 {
		parts = slices.Concat(parts, variants[:1])
	}
	for _, part := range parts {
		made := k.node(part, level)
		if made == nil {
			continue
		}
		if made.Kind != yaml.MappingNode {
			return made
		}
		for i := 0; i+1 < len(made.Content); i += 2 {
			add(made.Content[i].Value, made.Content[i+1])
		}
	}
	unwanted := cond(k.sent, "readOnly", "writeOnly")
	for name, property := range pairs(s.properties()) {
		if p, ok := k.open(property); ok && p.mark(unwanted, "yes") == "" {
			add(name, k.node(property, level+1))
		}
	}
	return object
}

// plain is a value of a type, and of a format where one is well known.
func plain(kind, format string) *yaml.Node {
	switch kind {
	case "integer", "number":
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "0"}
	case "boolean":
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"}
	case "null":
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	switch format {
	case "date-time":
		return str("2026-01-31T12:00:00Z")
	case "date":
		return str("2026-01-31")
	case "time":
		return str("12:00:00Z")
	case "email":
		return str("name@example.com")
	case "uri", "url":
		return str("https://example.com/")
	case "hostname":
		return str("example.com")
	case "uuid":
		return str("00000000-0000-4000-8000-000000000000")
	}
	return str("string")
}

func str(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }
