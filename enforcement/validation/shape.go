package validation

import "encoding/json"

// shape is what a value written as text can be.
type shape struct {
	kind       string // "", "array" or "object"
	types      types  // of a plain value, or of an array's items
	properties map[string]types
	lists      map[string]bool // properties that are arrays
}

// types are those that a text may stand for.
type types struct{ number, boolean, null, text bool }

// shapeOf says how a value of a schema is written: what all parts of it allow together.
func (b *builder) shapeOf(schema any, depth int) (s shape) {
	in, err := b.follow(schema)
	if err != nil || depth > 10 {
		s.types.text = true
		return s
	}
	names := typeNames(in["type"])
	for _, name := range names {
		switch name {
		case "integer", "number":
			s.types.number = true
		case "boolean":
			s.types.boolean = true
		case "null":
			s.types.null = true
		case "array", "object":
			s.kind = name
		default:
			s.types.text = true
		}
	}
	s.types.null = s.types.null || in["nullable"] == true
	if s.kind == "array" {
		items := b.shapeOf(in["items"], depth+1)
		s.types = items.types
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		parts, _ := in[key].([]any)
		for _, part := range parts {
			s.join(b.shapeOf(part, depth+1), len(names) == 0)
		}
	}
	properties, _ := in["properties"].(map[string]any)
	for name, p := range properties {
		if s.properties == nil {
			s.properties = map[string]types{}
		}
		of := b.shapeOf(p, depth+1)
		s.properties[name] = of.types
		if of.kind == "array" {
			s.addList(name)
		}
		if len(names) == 0 {
			s.kind = "object"
		}
	}
	if values, ok := in["enum"].([]any); ok && len(names) == 0 {
		for _, v := range values {
			switch v.(type) {
			case json.Number:
				s.types.number = true
			case bool:
				s.types.boolean = true
			case string:
				s.types.text = true
			}
		}
	}
	if s.kind == "" && s.types == (types{}) {
		s.types = types{number: true, boolean: true, text: true}
	}
	return s
}

func (s *shape) join(other shape, both bool) {
	if both {
		if s.kind == "" {
			s.kind = other.kind
		}
		s.types.number = s.types.number || other.types.number
		s.types.boolean = s.types.boolean || other.types.boolean
		s.types.null = s.types.null || other.types.null
		s.types.text = s.types.text || other.types.text
	}
	for name, t := range other.properties {
		if s.properties == nil {
			s.properties = map[string]types{}
		}
		s.properties[name] = t
		if other.lists[name] {
			s.addList(name)
		}
	}
}

func (s *shape) addList(name string) {
	if s.lists == nil {
		s.lists = map[string]bool{}
	}
	s.lists[name] = true
}

func typeNames(v any) (names []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, one := range v {
			if name, ok := one.(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// values are what a text may stand for, the likeliest first.
func (t types) values(s string) (all []any) {
	switch {
	case t.number && isNumber(s):
		all = append(all, json.Number(s))
	case t.boolean && (s == "true" || s == "false"):
		all = append(all, s == "true")
	case t.null && (s == "" || s == "null"):
		all = append(all, nil)
	}
	if len(all) == 0 || t.text {
		all = append(all, s)
	}
	return all
}

// orAny is for properties of which the document says nothing.
func (t types) orAny() types {
	if t == (types{}) {
		return types{number: true, boolean: true, text: true}
	}
	return t
}

func isNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s)) && plainNumber(s)
}
