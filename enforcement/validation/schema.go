package validation

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"gatehouse/models/openapi"
)

// The bounds of what is compiled of one operation.
const (
	maxNodes    = 20_000 // schemas
	maxDepth    = 100    // of schemas in one another
	maxPatterns = 1_000
	maxPattern  = 2_000 // instructions of a pattern
	maxEnum     = 5_000 // values
)

// shaper turns schemas of a document into one JSON Schema of 2020-12, and keeps what they refer to as its definitions.
type shaper struct {
	old        bool // 2.0 and 3.0: references stand alone, nullable, exclusive bounds are flags
	draft4     bool // JSON schema of draft 4: the same, without what OpenAPI adds, and with its own lists and dependencies
	components map[string]any
	places     map[string]string // reference -> name among defs
	defs       map[string]any
	queue      []string // references that are yet to be shaped
	nodes      int
	patterns   int
	costs      map[int]bool // that schemas have
}

func newShaper(c openapi.Contract) (*shaper, error) {
	s := &shaper{
		old: c.IsOld() || strings.HasPrefix(c.Format, "openapi 3.0"), components: map[string]any{}, places: map[string]string{}, defs: map[string]any{}, costs: map[int]bool{},
	}
	prefix := "#/components/"
	if c.IsOld() {
		prefix = "#/"
	}
	for _, component := range c.Components {
		v, err := parse(component.JSON)
		if err != nil {
			return nil, err
		}
		s.components[prefix+component.Section+"/"+component.Name] = v
	}
	return s, nil
}

func parse(text json.RawMessage) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("the document cannot be read: %w", err)
	}
	return v, nil
}

// resolve follows a reference to what stands there.
func (s *shaper) resolve(ref string) (any, error) {
	plain, err := url.PathUnescape(ref)
	if err != nil {
		plain = ref
	}
	parts := strings.Split(plain, "/")
	for i := len(parts); i > 2; i-- {
		for j := range parts[:i] {
			parts[j] = strings.ReplaceAll(strings.ReplaceAll(parts[j], "~1", "/"), "~0", "~")
		}
		v, ok := s.components[strings.Join(parts[:i], "/")]
		if !ok {
			continue
		}
		for _, part := range parts[i:] {
			part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
			switch at := v.(type) {
			case map[string]any:
				v, ok = at[part]
			case []any:
				n, err := strconv.Atoi(part)
				if ok = err == nil && n >= 0 && n < len(at); ok {
					v = at[n]
				}
			default:
				ok = false
			}
			if !ok {
				return nil, fmt.Errorf("the reference %s leads nowhere", short(ref, 200))
			}
		}
		return v, nil
	}
	return nil, fmt.Errorf("the reference %s leads nowhere", short(ref, 200))
}

// follow resolves references until an object stands there.
func (s *shaper) follow(v any) (map[string]any, error) {
	for range maxDepth {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("something is no object that must be one")
		}
		ref, ok := object["$ref"].(string)
		if !ok {
			return object, nil
		}
		var err error
		if v, err = s.resolve(ref); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("references follow one another without an end")
}

// finish shapes what was referred to.
func (s *shaper) finish() error {
	for len(s.queue) > 0 {
		ref := s.queue[0]
		s.queue = s.queue[1:]
		v, err := s.resolve(ref)
		if err != nil {
			return err
		}
		if s.defs[s.places[ref]], err = s.shape(v, nil, 0); err != nil {
			return fmt.Errorf("%s: %w", short(ref, 200), err)
		}
	}
	return nil
}

// single, several and named are the keywords that hold schemas: one, a list, or one for each name.
var (
	single   = []string{"not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties"}
	several  = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	named    = []string{"properties", "patternProperties", "dependentSchemas"}
	asserted = []string{
		"type", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems",
		"uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties", "required", "dependentRequired",
	}
)

// shape gives a schema with what it asserts alone. Hidden are properties that only answers have: a request need not have them, whoever requires them.
func (s *shaper) shape(v any, hidden map[string]bool, depth int) (any, error) {
	if s.nodes++; s.nodes > maxNodes {
		return nil, fmt.Errorf("there are more than %d schemas in one operation", maxNodes)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("schemas are nested more than %d levels deep", maxDepth)
	}
	if b, ok := v.(bool); ok {
		return b, nil
	}
	in, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a schema is neither an object nor true or false")
	}
	if s.draft4 {
		var err error
		if in, err = newer(in); err != nil {
			return nil, err
		}
	}
	out := map[string]any{}
	if ref, ok := in["$ref"].(string); ok {
		if s.places[ref] == "" {
			s.places[ref] = "d" + strconv.Itoa(len(s.places))
			s.queue = append(s.queue, ref)
		}
		out["$ref"] = "#/$defs/" + s.places[ref]
		if s.old {
			return out, nil
		}
	}
	if _, ok := in["$dynamicRef"]; ok {
		return nil, fmt.Errorf("$dynamicRef is not supported")
	}
	if !s.draft4 {
		hidden = s.readOnly(in, hidden)
	}
	if err := s.assertions(in, out, hidden); err != nil {
		return nil, err
	}
	if err := s.applicators(in, out, hidden, depth); err != nil {
		return nil, err
	}
	if s.old && in["nullable"] == true {
		return s.nullable(out), nil
	}
	return s.counted(out)
}

// readOnly adds the properties of a schema, and of those that it is made of, that are only in answers.
func (s *shaper) readOnly(in map[string]any, hidden map[string]bool) map[string]bool {
	all := maps.Clone(hidden)
	add := func(of map[string]any) {
		properties, _ := of["properties"].(map[string]any)
		for name, p := range properties {
			if object, err := s.follow(p); err == nil && object["readOnly"] == true || isReadOnly(p) {
				if all == nil {
					all = map[string]bool{}
				}
				all[name] = true
			}
		}
	}
	add(in)
	parts, _ := in["allOf"].([]any)
	for _, part := range parts {
		if object, err := s.follow(part); err == nil {
			add(object)
		}
	}
	return all
}

func isReadOnly(v any) bool {
	object, _ := v.(map[string]any)
	return object["readOnly"] == true
}

func (s *shaper) assertions(in, out map[string]any, hidden map[string]bool) error {
	for _, key := range asserted {
		if v, ok := in[key]; ok {
			out[key] = v
		}
	}
	for _, key := range []string{"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "const"} {
		if n, ok := out[key].(json.Number); ok && !plainNumber(string(n)) {
			return fmt.Errorf("%s is a number that is too long", key)
		}
	}
	if values, ok := in["enum"].([]any); ok {
		if len(values) > maxEnum {
			return fmt.Errorf("an enum has more than %d values", maxEnum)
		}
		out["enum"] = values
	}
	if names, ok := in["required"].([]any); ok {
		out["required"] = slices.DeleteFunc(slices.Clone(names), func(v any) bool { name, _ := v.(string); return hidden[name] })
	} else {
		delete(out, "required") // in 2.0 and 3.0 some write a flag, as parameters have it
	}
	if out["type"] == "file" {
		delete(out, "type") // 2.0
	}
	if s.old {
		exclusive(out, "exclusiveMinimum", "minimum")
		exclusive(out, "exclusiveMaximum", "maximum")
	}
	if pattern, ok := out["pattern"].(string); ok {
		if _, err := s.pattern(pattern); err != nil {
			return err
		}
	}
	return nil
}

// exclusive turns the flag of older versions into the bound of newer ones.
func exclusive(out map[string]any, flag, bound string) {
	is, isFlag := out[flag].(bool)
	if !isFlag {
		return
	}
	delete(out, flag)
	if v, ok := out[bound]; ok && is {
		out[flag] = v
		delete(out, bound)
	}
}

// pattern judges an expression, and says how many instructions it has.
func (s *shaper) pattern(text string) (size int, err error) {
	if s.patterns++; s.patterns > maxPatterns {
		return 0, fmt.Errorf("there are more than %d patterns in one operation", maxPatterns)
	}
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return 0, fmt.Errorf("the pattern %s is no regular expression of RE2: %w", short(strconv.Quote(text), 200), err)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 0, fmt.Errorf("the pattern %s cannot be used: %w", short(strconv.Quote(text), 200), err)
	}
	if len(prog.Inst) > maxPattern {
		return 0, fmt.Errorf("the pattern %s is too complex", short(strconv.Quote(text), 200))
	}
	return len(prog.Inst), nil
}

func (s *shaper) applicators(in, out map[string]any, hidden map[string]bool, depth int) (err error) {
	for _, key := range single {
		if v, ok := in[key]; ok {
			if out[key], err = s.shape(v, nil, depth+1); err != nil {
				return err
			}
		}
	}
	for _, key := range several {
		list, ok := in[key].([]any)
		if !ok || len(list) == 0 {
			continue
		}
		shaped := make([]any, len(list))
		for i, v := range list {
			of := hidden // each describes the same object
			if key == "prefixItems" {
				of = nil
			}
			if shaped[i], err = s.shape(v, of, depth+1); err != nil {
				return err
			}
		}
		out[key] = shaped
	}
	for _, key := range named {
		object, ok := in[key].(map[string]any)
		if !ok {
			continue
		}
		shaped := make(map[string]any, len(object))
		for name, v := range object {
			if key == "patternProperties" {
				if _, err := s.pattern(name); err != nil {
					return err
				}
			}
			if shaped[name], err = s.shape(v, nil, depth+1); err != nil {
				return err
			}
		}
		out[key] = shaped
	}
	return nil
}

// nullable lets null pass, too.
func (s *shaper) nullable(out map[string]any) any {
	wrapped, err := s.counted(out)
	if err != nil {
		wrapped = out
	}
	return map[string]any{"anyOf": []any{map[string]any{"type": "null"}, wrapped}}
}

// counted wraps a schema in one that counts what judging it costs: see doc.go.
func (s *shaper) counted(out map[string]any) (any, error) {
	if len(out) == 0 {
		return true, nil
	}
	instructions := 0
	if pattern, ok := out["pattern"].(string); ok {
		n, err := s.pattern(pattern)
		if err != nil {
			return nil, err
		}
		instructions = n
	}
	names, _ := out["patternProperties"].(map[string]any)
	for name := range names {
		n, err := s.pattern(name)
		if err != nil {
			return nil, err
		}
		instructions += n
	}
	values, _ := out["enum"].([]any)
	c := cost{fixed: 1 + len(values)/8, each: instructions}
	s.costs[c.id()] = true
	return map[string]any{"format": c.name(), "allOf": []any{out}}, nil
}

// cost is what judging a schema once takes, in steps of about a microsecond: fixed, and for each hundred bytes of a text.
type cost struct{ fixed, each int }

const costBase = 1 << 20

func (c cost) id() int      { return c.fixed*costBase + min(c.each, costBase-1) }
func (c cost) name() string { return "gatehouse-" + strconv.Itoa(c.id()) }

// costOf is the cost for a value.
func costOf(id int, v any) int {
	fixed, each := id/costBase, id%costBase
	size := 0
	switch v := v.(type) {
	case string:
		size = len(v)
	case map[string]any:
		if each > 0 {
			for name := range v {
				size += len(name)
			}
		}
	}
	return fixed + each*size/100
}

// short cuts a text at a number of bytes.
func short(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most] + "…"
}
