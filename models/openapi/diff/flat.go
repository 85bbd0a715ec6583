package diff

import (
	"slices"
	"strings"

	"gatehouse/models/openapi"
)

// flat is a schema with its references followed and the parts of its allOf put together: what a value must be.
type flat struct {
	model    string   // name of the model that it is; "" for a schema in place
	types    []string // JSON types; empty for any
	format   string
	null     bool
	enum     []string
	limits   []string
	preset   string // the default
	readOnly bool
	writable bool // write-only
	fields   []openapi.Property
	required map[string]bool
	items    *openapi.Schema
	anyKey   *openapi.Schema
	variants []openapi.Schema
	single   bool // there was one alternative, which is what the value is
}

// maxParts bounds how many schemas make one value.
const maxParts = 200

// side is one of the two documents while they are compared.
type side struct {
	Side
	models map[string]*openapi.Schema // read already
	names  map[string]string          // slug -> name of the model
	err    error                      // the first
}

func newSide(s Side) *side {
	out := &side{Side: s, models: map[string]*openapi.Schema{}, names: map[string]string{}}
	for _, m := range s.Models {
		out.names[m.Slug] = m.Name
	}
	return out
}

func (s *side) model(slug string) *openapi.Schema {
	if known, ok := s.models[slug]; ok {
		return known
	}
	m, _, err := s.Model(slug)
	if err != nil && s.err == nil {
		s.err = err
	}
	s.models[slug] = m.Schema
	return m.Schema
}

// flatten puts together what a schema says. An only alternative is what the value is, unless apart says that it is to be told from others.
func (s *side) flatten(schema *openapi.Schema, apart bool) flat {
	f := flat{required: map[string]bool{}}
	left := maxParts
	s.gather(&f, schema, map[string]bool{}, apart, &left)
	if schema.Ref != "" {
		f.model = s.names[schema.Ref]
	}
	return f
}

func (s *side) gather(f *flat, schema *openapi.Schema, active map[string]bool, apart bool, left *int) {
	if *left--; schema == nil || *left < 0 || active[schema.Ref] {
		return
	}
	if ref := schema.Ref; ref != "" {
		active[ref] = true
		s.gather(f, s.model(ref), active, apart, left)
		delete(active, ref)
	} else {
		f.typed(schema.Type)
	}
	if len(schema.Enum) > 0 {
		f.enum = schema.Enum
	}
	if schema.Default != "" {
		f.preset = schema.Default
	}
	for _, limit := range schema.Limits {
		if !slices.Contains(f.limits, limit) {
			f.limits = append(slices.Clone(f.limits), limit)
		}
	}
	f.readOnly, f.writable = f.readOnly || schema.ReadOnly, f.writable || schema.WriteOnly
	for _, name := range schema.Required {
		f.required[name] = true
	}
	f.fields = append(f.fields, schema.Properties...)
	if schema.Items != nil {
		f.items = schema.Items
	}
	if schema.AnyKey != nil {
		f.anyKey = schema.AnyKey
	}
	for i := range schema.AllOf {
		s.gather(f, &schema.AllOf[i], active, apart, left)
	}
	for _, several := range [][]openapi.Schema{schema.OneOf, schema.AnyOf} {
		var real []openapi.Schema
		for _, v := range several {
			if v.Ref == "" && v.Type == "any or null" && len(v.Properties) == 0 {
				f.null = true
			} else {
				real = append(real, v)
			}
		}
		if len(real) == 1 && !apart {
			f.single = true
			s.gather(f, &real[0], active, apart, left)
		} else {
			f.variants = append(f.variants, real...)
		}
	}
}

// typed takes the words of openapi for the type of a schema in place apart: "string (uuid) or null".
func (f *flat) typed(words string) {
	words, null := strings.CutSuffix(words, " or null")
	f.null = f.null || null
	if open := strings.LastIndex(words, " ("); open > 0 && strings.HasSuffix(words, ")") {
		f.format, words = words[open+2:len(words)-1], words[:open]
	}
	switch {
	case words == "array" || strings.HasPrefix(words, "array of "):
		f.add("array")
	case words == "object" || strings.HasPrefix(words, "map of "):
		f.add("object")
	default:
		for _, one := range strings.Split(words, " or ") {
			if slices.Contains([]string{"string", "integer", "number", "boolean", "array", "object", "file", "nothing"}, one) {
				f.add(one)
			}
		}
	}
}

func (f *flat) add(name string) {
	if !slices.Contains(f.types, name) {
		f.types = append(f.types, name)
	}
}

// words say what the value is.
func (f flat) words() string {
	var out string
	switch {
	case f.model != "" && slices.Contains(f.types, "object"), f.model != "" && len(f.types) == 0:
		out = f.model
	case len(f.types) == 0 && len(f.enum) > 0:
		out = "one of its values"
	case len(f.types) == 0 && len(f.variants) > 0:
		out = "one of several"
	case len(f.types) == 0:
		out = "anything"
	default:
		out = strings.Join(f.types, " or ")
	}
	if f.format != "" {
		out += " (" + f.format + ")"
	}
	return out
}

// field finds a property by its name. Parts of an allOf may speak of the same one: the last says most.
func (f flat) field(name string) (*openapi.Schema, bool) {
	for i := len(f.fields) - 1; i >= 0; i-- {
		if f.fields[i].Name == name {
			return &f.fields[i].Schema, true
		}
	}
	return nil, false
}

// names are those of the fields, each once, in order.
func (f flat) names() []string {
	var names []string
	seen := map[string]bool{}
	for _, p := range f.fields {
		if !seen[p.Name] {
			seen[p.Name] = true
			names = append(names, p.Name)
		}
	}
	return names
}

// compareTypes says whether the types of a value became fewer, more, or others. An integer is a number.
func compareTypes(before, after []string) verdict {
	covers := func(all []string, one string) bool {
		return len(all) == 0 || slices.Contains(all, one) || one == "integer" && slices.Contains(all, "number")
	}
	within := func(inner, outer []string) bool {
		if len(inner) == 0 {
			return len(outer) == 0
		}
		return !slices.ContainsFunc(inner, func(one string) bool { return !covers(outer, one) })
	}
	smaller, larger := within(after, before), within(before, after)
	switch {
	case smaller && larger:
		return asBefore
	case smaller:
		return narrower
	case larger:
		return wider
	}
	return different
}
