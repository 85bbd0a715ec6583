package validation

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Request is what of a request is compared.
type Request struct {
	Path      string // below the stage, canonical
	Query     string // without the key
	Header    http.Header
	KeyHeader string // in which the key comes; it is compared with nothing
	KeyQuery  string // parameter in which it came; the same
}

// parameter is a value outside the body.
type parameter struct {
	in, name string
	required bool
	empty    bool // may be there without a value
	json     bool // its value is JSON
	style    string
	explode  bool
	shape    shape
	target   target
}

// shape is what a value written as text can be.
type shape struct {
	kind       string // "", "array" or "object"
	types      types  // of a plain value, or of an array's items
	properties map[string]types
	lists      map[string]bool // properties that are arrays
}

// types are those that a text may stand for.
type types struct{ number, boolean, null, text bool }

// ignored are headers that parameters cannot describe (OpenAPI 3.1, 4.8.12.1), and what the gateway itself takes.
var ignored = []string{"Accept", "Content-Type", "Authorization"}

func (b *builder) parameter(op *Operation, in map[string]any) error {
	p := parameter{in: text(in, "in"), name: strings.TrimSuffix(text(in, "name"), "+"), required: in["required"] == true, empty: in["allowEmptyValue"] == true}
	switch p.in {
	case "path", "query":
	case "header":
		if slices.ContainsFunc(ignored, func(name string) bool { return strings.EqualFold(name, p.name) }) {
			return nil
		}
	default:
		return nil // cookies; and in 2.0 parts of the body
	}
	schema := in["schema"]
	if content, ok := in["content"].(map[string]any); ok {
		for kind, v := range content {
			media, err := b.follow(v)
			if err != nil {
				return err
			}
			schema = media["schema"]
			if p.json = isJSON(kind); !p.json {
				schema = nil
			}
		}
	}
	if b.old {
		schema = in
		p.style, p.explode = collection(text(in, "collectionFormat"), p.in)
	} else {
		p.style = text(in, "style")
		if p.style == "" {
			p.style = map[string]string{"path": "simple", "query": "form", "header": "simple"}[p.in]
		}
		p.explode = p.style == "form"
		if explicit, ok := in["explode"].(bool); ok {
			p.explode = explicit
		}
	}
	var err error
	if b.old {
		schema = plainSchema(in)
	}
	p.shape = b.shapeOf(schema, 0)
	if p.target, err = b.add(schema); err != nil {
		return err
	}
	op.parameters = append(op.parameters, p)
	return nil
}

// plainSchema takes what is a schema's from a parameter or an item of 2.0.
func plainSchema(in map[string]any) map[string]any {
	out := map[string]any{}
	for _, key := range append([]string{"items", "enum"}, asserted...) {
		if v, ok := in[key]; ok && key != "required" {
			out[key] = v
		}
	}
	return out
}

// collection is the style that 2.0 calls a collection format.
func collection(format, in string) (style string, explode bool) {
	switch format {
	case "multi":
		return "form", true
	case "ssv":
		return "spaceDelimited", false
	case "tsv":
		return "tabDelimited", false
	case "pipes":
		return "pipeDelimited", false
	}
	if in == "query" {
		return "form", false
	}
	return "simple", false
}

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

func isNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s)) && plainNumber(s)
}

// Parameters compares path, query and headers. An error means that it cannot be said.
func (op *Operation) Parameters(ctx context.Context, r *Request) (all []Fault, err error) {
	query, ok := parseQuery(r.Query)
	if !ok {
		return []Fault{{In: "query", Detail: "has a percent sign that is not followed by two hexadecimal digits, or a semicolon"}}, nil
	}
	if len(op.parameters) == 0 {
		return nil, nil
	}
	j, err := op.borrow(ctx)
	if err != nil {
		return nil, err
	}
	defer op.giveBack(j)
	for i := range op.parameters {
		p := &op.parameters[i]
		if p.in == "header" && strings.EqualFold(p.name, r.KeyHeader) || p.in == "query" && p.name == r.KeyQuery && r.KeyQuery != "" {
			continue
		}
		found, err := op.parameter(j, p, r, query)
		if err != nil {
			return nil, err
		}
		if all = append(all, found...); len(all) >= MaxFaults {
			return all[:MaxFaults], nil
		}
	}
	return all, nil
}

func (op *Operation) parameter(j *judge, p *parameter, r *Request, query map[string][]string) ([]Fault, error) {
	where := Fault{In: p.in, Name: p.name}
	texts, there := op.texts(p, r, query)
	switch {
	case !there && p.required:
		where.Detail = "is missing"
		return []Fault{where}, nil
	case !there, p.empty && len(texts) == 1 && texts[0] == "":
		return nil, nil
	}
	values, problem := p.values(texts, query)
	if problem != "" {
		where.Detail = problem
		return []Fault{where}, nil
	}
	var first []Fault
	for _, v := range values {
		found, err := j.judge(p.target, v, where)
		if err != nil || len(found) == 0 {
			return nil, err
		}
		if first == nil {
			first = found
		}
	}
	return first, nil
}

// texts are what a request has for a parameter.
func (op *Operation) texts(p *parameter, r *Request, query map[string][]string) (texts []string, there bool) {
	switch p.in {
	case "path":
		return op.segment(p, r.Path)
	case "header":
		lines := r.Header.Values(p.name)
		return []string{strings.Join(lines, ",")}, len(lines) > 0
	}
	if !p.json && p.shape.kind == "object" && (p.style == "deepObject" || p.style == "form" && p.explode) {
		for name := range query {
			if _, ok := p.property(name); ok {
				return nil, true
			}
		}
		return nil, false
	}
	texts, there = query[p.name]
	return texts, there
}

// segment is what stands in the path in the parameter's place.
func (op *Operation) segment(p *parameter, path string) ([]string, bool) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range op.template {
		name, ok := strings.CutPrefix(part, "{")
		name, closed := strings.CutSuffix(name, "}")
		if name, greedy := strings.CutSuffix(name, "+"); ok && closed && name == p.name && i < len(segments) {
			text := segments[i]
			if greedy {
				text = strings.Join(segments[i:], "/")
			}
			plain, err := url.PathUnescape(text)
			return []string{plain}, err == nil
		}
	}
	return nil, false
}

// property is the name of the object's property that a name in the query stands for.
func (p *parameter) property(name string) (string, bool) {
	if p.style != "deepObject" {
		_, ok := p.shape.properties[name]
		return name, ok
	}
	rest, ok := strings.CutPrefix(name, p.name+"[")
	property, closed := strings.CutSuffix(rest, "]")
	return property, ok && closed && property != ""
}

// values are what the texts may stand for; problem is a sentence without its subject.
func (p *parameter) values(texts []string, query map[string][]string) (values []any, problem string) {
	if p.json {
		if len(texts) != 1 {
			return nil, "is there more than once"
		}
		v, err := readValue([]byte(texts[0]))
		if err != nil {
			return nil, err.Error()
		}
		return []any{v}, ""
	}
	switch p.shape.kind {
	case "array":
		items, problem := p.split(texts)
		if problem != "" {
			return nil, problem
		}
		list := make([]any, len(items))
		for i, item := range items {
			list[i] = p.shape.types.values(item)[0]
		}
		values = []any{list}
		if p.shape.types.text { // items that look like numbers may be texts
			plain := make([]any, len(items))
			for i, item := range items {
				plain[i] = item
			}
			values = append(values, plain)
		}
		return values, ""
	case "object":
		object, problem := p.object(texts, query)
		return []any{object}, problem
	}
	if len(texts) != 1 {
		return nil, "is there more than once"
	}
	text, problem := p.strip(texts[0])
	return p.shape.types.values(text), problem
}

// strip takes away what the styles matrix and label write before a value in the path.
func (p *parameter) strip(s string) (string, string) {
	prefix := map[string]string{"label": ".", "matrix": ";" + p.name + "="}[p.style]
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return "", "must begin with " + prefix
	}
	return rest, ""
}

// split takes a list apart.
func (p *parameter) split(texts []string) (items []string, problem string) {
	if p.style == "form" && p.explode {
		return texts, ""
	}
	if len(texts) != 1 {
		return nil, "is there more than once"
	}
	text, problem := p.strip(texts[0])
	if problem != "" || text == "" {
		return nil, problem
	}
	separator := map[string]string{"spaceDelimited": " ", "pipeDelimited": "|", "tabDelimited": "\t"}[p.style]
	switch {
	case separator != "":
	case p.style == "label" && p.explode:
		separator = "."
	case p.style == "matrix" && p.explode:
		separator = ";" + p.name + "="
	default:
		separator = ","
	}
	items = strings.Split(text, separator)
	if p.in == "header" {
		for i := range items {
			items[i] = strings.TrimSpace(items[i])
		}
	}
	return items, ""
}

// object puts an object together.
func (p *parameter) object(texts []string, query map[string][]string) (object map[string]any, problem string) {
	object = map[string]any{}
	set := func(name, text string) { object[name] = p.shape.properties[name].orAny().values(text)[0] }
	if texts == nil {
		for name, values := range query {
			if property, ok := p.property(name); ok {
				if len(values) != 1 {
					return nil, "has the property " + quoted(property) + " more than once"
				}
				set(property, values[0])
			}
		}
		return object, ""
	}
	items, problem := p.split(texts)
	if problem != "" {
		return nil, problem
	}
	if p.explode {
		for _, item := range items {
			name, text, _ := strings.Cut(item, "=")
			set(name, text)
		}
		return object, ""
	}
	if len(items)%2 != 0 {
		return nil, "must be names and values in turns"
	}
	for i := 0; i < len(items); i += 2 {
		set(items[i], items[i+1])
	}
	return object, ""
}

// orAny is for properties of which the document says nothing.
func (t types) orAny() types {
	if t == (types{}) {
		return types{number: true, boolean: true, text: true}
	}
	return t
}

// parseQuery reads pairs of name=value as forms have them.
func parseQuery(query string) (map[string][]string, bool) {
	if strings.Contains(query, ";") {
		return nil, false
	}
	values, err := url.ParseQuery(query)
	return values, err == nil
}
