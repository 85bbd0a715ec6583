package validation

import (
	"context"
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

// parseQuery reads pairs of name=value as forms have them.
func parseQuery(query string) (map[string][]string, bool) {
	if strings.Contains(query, ";") {
		return nil, false
	}
	values, err := url.ParseQuery(query)
	return values, err == nil
}
