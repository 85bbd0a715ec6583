package validation

import (
	"context"
	"mime"
	"net/url"
	"slices"
	"strings"
)

// body is what a document says of a request's body.
type body struct {
	required bool
	contents []content // the most exact one first
	assumed  string    // what a body is that does not say so; empty: it must
}

type content struct {
	kind   string // "application/json", "text/*", "*/*"
	reads  reading
	shape  shape // of a form
	target target
}

type reading uint8

// How a body is compared.
const (
	notRead reading = iota // only that it may be of this type
	asJSON
	asForm
)

func isJSON(kind string) bool {
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}

// mediaType is a type without its parameters, in lower case.
func mediaType(s string) string {
	kind, _, err := mime.ParseMediaType(s)
	if err != nil {
		kind, _, _ = strings.Cut(s, ";")
	}
	return strings.ToLower(strings.TrimSpace(kind))
}

func (b *builder) body(op, root map[string]any, parameters []map[string]any) (*body, error) {
	if b.old {
		return b.oldBody(op, root, parameters)
	}
	if op["requestBody"] == nil {
		return nil, nil
	}
	in, err := b.follow(op["requestBody"])
	if err != nil {
		return nil, err
	}
	out := &body{required: in["required"] == true}
	contents, _ := in["content"].(map[string]any)
	for kind, v := range contents {
		media, err := b.follow(v)
		if err != nil {
			return nil, err
		}
		if err := b.content(out, kind, media["schema"]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// oldBody is the body of 2.0: a parameter of its own, or those of a form.
func (b *builder) oldBody(op, root map[string]any, parameters []map[string]any) (*body, error) {
	kinds, ok := op["consumes"].([]any)
	if !ok {
		kinds, _ = root["consumes"].([]any)
	}
	var schema any
	required, form, there := false, map[string]any{}, false
	var needed []any
	for _, p := range parameters {
		switch text(p, "in") {
		case "body":
			schema, required, there = p["schema"], p["required"] == true, true
		case "formData":
			there = true
			form[text(p, "name")] = plainSchema(p)
			if p["required"] == true {
				needed, required = append(needed, text(p, "name")), true
			}
		}
	}
	if !there {
		return nil, nil
	}
	if len(form) > 0 {
		schema = map[string]any{"type": "object", "properties": form, "required": needed}
		if len(kinds) == 0 {
			kinds = []any{"application/x-www-form-urlencoded", "multipart/form-data"}
		}
	} else if len(kinds) == 0 {
		kinds = []any{"application/json"}
	}
	out := &body{required: required}
	for _, kind := range kinds {
		if name, ok := kind.(string); ok {
			if err := b.content(out, name, schema); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (b *builder) content(to *body, kind string, schema any) (err error) {
	c := content{kind: mediaType(kind)}
	switch {
	case isJSON(c.kind):
		c.reads = asJSON
	case c.kind == "application/x-www-form-urlencoded":
		c.reads, c.shape = asForm, b.shapeOf(schema, 0)
	default:
		schema = nil
	}
	if c.target, err = b.add(schema); err != nil {
		return err
	}
	to.contents = append(to.contents, c)
	slices.SortStableFunc(to.contents, func(x, y content) int { return strings.Count(x.kind, "*") - strings.Count(y.kind, "*") })
	return nil
}

// of returns what is said of a type.
func (b *body) of(kind string) *content {
	for i := range b.contents {
		c := &b.contents[i]
		main, _ := strings.CutSuffix(c.kind, "*")
		if c.kind == kind || c.kind == "*/*" || strings.HasSuffix(c.kind, "/*") && strings.HasPrefix(kind, main) {
			return c
		}
	}
	return nil
}

// Reads reports whether the body of a request must be read to be compared. Faults are of what is known without it.
func (op *Operation) Reads(r *Request, there bool) (reads bool, all []Fault) {
	switch {
	case op.body == nil:
		return false, nil // the document says nothing of one
	case !there && op.body.required:
		return false, []Fault{{In: "body", Detail: "is missing"}}
	case !there || len(op.body.contents) == 0:
		return false, nil
	}
	kinds := r.Header["Content-Type"]
	if len(kinds) == 0 && op.body.assumed != "" {
		kinds = []string{op.body.assumed}
	}
	fault := Fault{In: "header", Name: "Content-Type"}
	if len(kinds) != 1 {
		fault.Detail = "must be there once, and say what the body is"
		return false, []Fault{fault}
	}
	c := op.body.of(mediaType(kinds[0]))
	if c == nil {
		var names []string
		for _, c := range op.body.contents {
			names = append(names, c.kind)
		}
		fault.Detail = "must be " + short(strings.Join(names, " or "), maxWanted)
		return false, []Fault{fault}
	}
	if encodings := r.Header["Content-Encoding"]; c.reads != notRead && len(encodings) > 0 && !strings.EqualFold(strings.Join(encodings, ","), "identity") {
		return false, []Fault{{In: "header", Name: "Content-Encoding", Detail: "cannot be taken: the body is compared as it is sent"}}
	}
	return c.reads != notRead, nil
}

// Body compares a body for which Reads said so. An error means that it cannot be said.
func (op *Operation) Body(ctx context.Context, r *Request, sent []byte) ([]Fault, error) {
	where := Fault{In: "body"}
	if len(sent) == 0 && !op.body.required {
		return nil, nil // there is none after all
	}
	kind := r.Header.Get("Content-Type")
	if len(r.Header["Content-Type"]) == 0 {
		kind = op.body.assumed
	}
	c := op.body.of(mediaType(kind))
	var values []any
	if c.reads == asJSON {
		v, err := readValue(sent)
		if err != nil {
			where.Detail = err.Error()
			return []Fault{where}, nil
		}
		values = []any{v}
	} else {
		v, problem := c.form(string(sent))
		if problem != "" {
			where.Detail = problem
			return []Fault{where}, nil
		}
		values = []any{v}
	}
	j, err := op.borrow(ctx)
	if err != nil {
		return nil, err
	}
	defer op.giveBack(j)
	return j.judge(c.target, values[0], where)
}

// maxPairs is how many pairs a form may have.
const maxPairs = 10_000

// form makes an object of a form: lists of what the schema has as lists, or what is there more than once.
func (c *content) form(sent string) (object map[string]any, problem string) {
	if strings.Count(sent, "&") >= maxPairs {
		return nil, "has more than 10000 pairs"
	}
	pairs, err := url.ParseQuery(sent)
	if err != nil {
		return nil, "is no form: it has a percent sign that is not followed by two hexadecimal digits, or a semicolon"
	}
	object = map[string]any{}
	for name, texts := range pairs {
		t := c.shape.properties[name].orAny()
		if len(texts) == 1 && !c.shape.lists[name] {
			object[name] = t.values(texts[0])[0]
			continue
		}
		list := make([]any, len(texts))
		for i, text := range texts {
			list[i] = t.values(text)[0]
		}
		object[name] = list
	}
	return object, ""
}
