package openapi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pb33f/go-yaml"
)

// maxTypeLevel is how deep the words for a type go: "array of array of string".
const maxTypeLevel = 4

// typeOf says in words what a schema allows: "array of Pet", "string (uuid) or null".
func (r *reading) typeOf(n *yaml.Node) string { return r.typeAt(n, 0) }

func (r *reading) typeAt(n *yaml.Node, level int) string {
	s, ok := r.open(n)
	if !ok || level > maxTypeLevel {
		return cmp.Or(s.name, "any")
	}
	switch {
	case s.node.Kind == yaml.ScalarNode && s.node.Value == "false":
		return "nothing"
	case s.node.Kind == yaml.ScalarNode:
		return "any"
	}
	types, null := s.types()
	words, variantNull := r.core(s, types, level)
	if format := text(s.node, "format"); format != "" && len(types) == 1 && types[0] != "object" && types[0] != "array" {
		words += " (" + word(format, 40) + ")"
	}
	if null || variantNull {
		words += " or null"
	}
	return cut(words, maxName)
}

func (r *reading) core(s schema, types []string, level int) (words string, null bool) {
	parts, variants := s.parts(), s.variants()
	object := slices.Contains(types, "object") ||
		len(types) == 0 && (s.properties() != nil || s.anyKey() != nil || len(parts) > 0 || len(variants) > 0)
	switch {
	case len(types) == 1 && types[0] == "array" || len(types) == 0 && s.items() != nil:
		if s.items() == nil {
			return "array", false
		}
		return "array of " + r.typeAt(s.items(), level+1), false
	case object && s.name != "":
		return s.name, false
	case len(variants) > 0:
		return r.variantWords(s, level)
	case len(parts) > 0:
		return r.partWords(parts, level), false
	case object && s.anyKey() != nil && s.properties() == nil:
		return "map of " + r.typeAt(s.anyKey(), level+1), false
	case len(types) > 0:
		return strings.Join(types, " or "), false
	case object:
		return "object", false
	case child(s.node, "const") != nil || len(list(s.node, "enum")) > 0:
		return "enum", false
	}
	return "any", false
}

// variantWords names the alternatives of oneOf and anyOf: "one of Cat, Dog".
func (r *reading) variantWords(s schema, level int) (words string, null bool) {
	const most = 4
	var names []string
	for _, v := range s.variants() {
		if len(names) > 100 {
			break
		}
		name := r.typeAt(v, level+1)
		if name == "any or null" { // of the type null alone
			null = true
		} else if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0:
		return "any", null
	case len(names) == 1:
		return names[0], null
	case len(names) > most:
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	kind := "any of "
	if len(list(s.node, "oneOf")) > 0 {
		kind = "one of "
	}
	return kind + strings.Join(names, ", "), null
}

// partWords names an allOf: by the only model in it, or as the object that its parts make together.
func (r *reading) partWords(parts []*yaml.Node, level int) string {
	var named, plain []string
	for _, part := range parts {
		t := r.typeAt(part, level+1)
		switch {
		case reference(part) != "":
			named = append(named, t)
		case t != "any" && !slices.Contains(plain, t):
			plain = append(plain, t)
		}
	}
	switch {
	case len(named) == 1 && len(plain) == 0:
		return named[0]
	case len(named) == 0 && len(plain) == 1:
		return plain[0]
	}
	return "object"
}

// limits are the bounds of a schema, each in words: "1 to 100", "at most 5 items".
func (s schema) limits() []string {
	closed := ""
	if more := child(s.node, "additionalProperties"); more != nil && more.Value == "false" {
		closed = "no other keys"
	}
	var all []string
	for _, limit := range []string{
		s.between("minimum", "maximum", ""), s.beyond("more than ", "exclusiveMinimum", "minimum"),
		s.beyond("less than ", "exclusiveMaximum", "maximum"), s.beyond("multiple of ", "multipleOf", ""),
		s.between("minLength", "maxLength", "character"), s.between("minItems", "maxItems", "item"),
		s.mark("uniqueItems", "no item twice"), s.between("minProperties", "maxProperties", "key"), s.pattern(), closed,
	} {
		if limit != "" {
			all = append(all, limit)
		}
	}
	return all
}

// limit is the value of a keyword that bounds something; of an exclusive bound of 3.0 beyond says more.
func (s schema) limit(key string) string {
	switch {
	case key == "minimum" && text(s.node, "exclusiveMinimum") == "true", key == "maximum" && text(s.node, "exclusiveMaximum") == "true":
		return ""
	}
	return word(text(s.node, key), 40)
}

func (s schema) between(lowKey, highKey, unit string) string {
	low, high := s.limit(lowKey), s.limit(highKey)
	if unit != "" && low == "0" {
		low = "" // so may everything have
	}
	counted := func(n string) string {
		switch {
		case unit == "":
			return n
		case n == "1":
			return n + " " + unit
		}
		return n + " " + unit + "s"
	}
	switch {
	case low != "" && low == high:
		return "exactly " + counted(low)
	case low != "" && high != "":
		return low + " to " + counted(high)
	case low != "":
		return "at least " + counted(low)
	case high != "":
		return "at most " + counted(high)
	}
	return ""
}

// beyond is a bound that is not itself allowed: a number in 3.1, in earlier versions a word about another bound.
func (s schema) beyond(words, exclusive, bound string) string {
	switch v := text(s.node, exclusive); v {
	case "", "false":
		return ""
	case "true":
		if v = text(s.node, bound); v == "" {
			return ""
		}
		return words + word(v, 40)
	default:
		return words + word(v, 40)
	}
}

func (s schema) pattern() string {
	if p := text(s.node, "pattern"); p != "" {
		return "matching " + short(p)
	}
	return ""
}

func (s schema) mark(key, words string) string {
	if n := s.near(key); n != nil && n.Value == "true" {
		return words
	}
	return ""
}
