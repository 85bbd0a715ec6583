package handlers

import (
	"cmp"
	"strconv"
	"strings"

	"gatehouse/models/openapi"
	"gatehouse/templates/format"
	"gatehouse/templates/snippet"
)

// link is a link to a page of this site that is Markdown, too.
func (r *Request) link(label, path string) string {
	at, query, _ := strings.Cut(path, "?")
	if query != "" {
		query = "?" + query
	}
	return "[" + strings.NewReplacer("[", "(", "]", ")").Replace(label) + "](" + r.Site.PublicURL + at + ".md" + query + ")"
}

// operationText is an operation as Markdown.
func (ref *reference) operationText(r *Request, op openapi.Operation, you apiReader) (string, error) {
	w := &writer{}
	w.heading(1, cmp.Or(op.Summary, op.Name()))
	w.paragraph(code(op.Verb+" "+ref.url(r)+op.Path), " of ", r.link(ref.api.Name, apiPath(ref.api.Slug)), ", stage ", code(ref.stage.Name))
	if words := ref.goingText(r, op.Name()); words != "" {
		w.paragraph("> ", words)
	} else if op.Deprecated {
		w.paragraph("**Deprecated**: it still works, and its owner plans to take it away.")
	}
	w.paragraph(op.Text)
	ref.accessText(w, r, op, you)
	t := texter{writer: w, ref: ref, request: r}
	t.exchange(op, 2)
	if op.KeyRequired {
		w.heading(2, "Answers of the gateway")
		for _, a := range theGatewaySays {
			w.line("- ", code(strconv.Itoa(a.status)), " ", a.title, ". ", a.text, headerWords(a.headers))
		}
		w.line()
		w.paragraph("Each has the media type ", code("application/problem+json"), ". Keyed answers carry ", code("RateLimit"), ", ", code("RateLimit-Policy"), " and ", code("X-RateLimit-*"), " headers.")
	}
	w.heading(2, "Example call")
	w.block("sh", snippet.Curl(exampleRequest(ref.url(r), keyVariable(ref.api.Slug), ref.stage.KeySource, op)).Text())
	return w.String(), t.err
}

func headerWords(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " Headers: " + strings.Join(names, ", ") + "."
}

// accessText says who may call an operation, and what it costs.
func (ref *reference) accessText(w *writer, r *Request, op openapi.Operation, you apiReader) {
	w.heading(2, "Access")
	if !op.KeyRequired {
		w.paragraph("Needs no key, and counts against no plan.")
		return
	}
	w.paragraph(keyWords(ref.stage.KeySource), " A call costs 1 request.")
	access := ref.access(r, op, you)
	for _, y := range access.Yours {
		left := ""
		if y.Left != "" {
			left = ", " + y.Left
		}
		if y.Included {
			w.line("- In your plan ", y.Plan, " (", y.App, "): ", y.Words, left, ".")
		} else {
			w.line("- Not open in your plan ", y.Plan, " (", y.App, "): ", y.Words, ".")
		}
	}
	if !access.Opened() {
		for _, p := range operationPlans(ref, op) {
			w.line("- Plan ", p.Name, ": ", p.Words)
		}
	}
	w.line()
}

// webhookText is a call that the API makes as Markdown.
func (ref *reference) webhookText(r *Request, op openapi.Operation) (string, error) {
	w := &writer{}
	w.heading(1, cmp.Or(op.Summary, op.Path))
	w.paragraph("A webhook of ", r.link(ref.api.Name, apiPath(ref.api.Slug)), ": the API makes this call, ", code(op.Verb), ", to an address that you give it.")
	w.paragraph(op.Text)
	t := texter{writer: w, ref: ref, request: r}
	t.exchange(op, 2)
	return w.String(), t.err
}

// texter writes what a document says as Markdown.
type texter struct {
	*writer
	ref     *reference
	request *Request
	err     error // the first
}

func (t *texter) exchange(op openapi.Operation, level int) {
	all := op.Parameters
	if strings.HasPrefix(op.Path, "/") {
		all = withPathNames(op)
	}
	for _, place := range parameterPlaces {
		first := true
		for _, p := range all {
			if p.In != place.in {
				continue
			}
			if first {
				t.heading(level, place.title)
				first = false
			}
			t.parameter(p)
		}
		if !first {
			t.line()
		}
	}
	if op.Body != nil {
		t.heading(level, "Body")
		if op.Body.Required {
			t.paragraph("Required.")
		}
		t.paragraph(op.Body.Text)
		t.contents(op.Body.Contents, level+1)
		t.extra("More about the body", op.Body.Extra)
	}
	if len(op.Responses) > 0 {
		t.heading(level, "Answers")
	}
	for _, answer := range op.Responses {
		t.heading(level+1, answer.Status)
		t.paragraph(answer.Text)
		if len(answer.Headers) > 0 {
			t.paragraph("Headers:")
			for _, h := range answer.Headers {
				t.parameter(h)
			}
			t.line()
		}
		t.contents(answer.Contents, level+2)
		for _, l := range answer.Links {
			t.line("- Link ", code(l.Name), " to ", code(l.Operation), indented(l.Text))
		}
		t.extra("More about this answer", answer.Extra)
	}
	if len(op.Callbacks) > 0 {
		t.heading(level, "Callbacks")
		for _, call := range op.Callbacks {
			t.heading(level+1, call.Verb+" "+code(call.Path))
			t.paragraph(call.Summary)
			t.paragraph(call.Text)
			t.exchange(call, level+2)
		}
	}
	if len(op.Security) > 0 {
		t.paragraph("The document asks for: ", strings.Join(op.Security, ", or "), ".")
	}
	if op.Docs != nil {
		t.paragraph(op.Docs.Name, ": ", cmp.Or(op.Docs.Text, op.Docs.URL), " ", op.Docs.URL)
	}
	t.extra("More in the document", op.Extra)
}

func (t *texter) parameter(p openapi.Parameter) {
	f := openapi.Field{Name: p.Name, Type: p.Type, Text: p.Text, Enum: p.Enum, Default: p.Default, Example: p.Example, Required: p.Required, Deprecated: p.Deprecated, Extra: p.Extra}
	if p.Schema != nil {
		f.Limits = p.Schema.Limits
	}
	if p.Style != "" {
		f.Limits = append(f.Limits[:len(f.Limits):len(f.Limits)], p.Style)
	}
	t.field(f, "")
	if p.Schema != nil {
		shape, err := t.ref.doc.Shape(p.Schema, ruleRows)
		t.err = cmp.Or(t.err, err)
		t.shape(openapi.Shape{Fields: shape.Fields, Choice: shape.Choice, Variants: shape.Variants}, "  ")
	}
}

func (t *texter) contents(contents []openapi.Content, level int) {
	for _, group := range sameShapes(contents) {
		names := make([]string, len(group))
		for i, g := range group {
			names[i] = code(g.MediaType)
		}
		c := group[0]
		t.paragraph(strings.Join(names, ", "), ": ", c.Type)
		if c.Schema != nil {
			shape, err := t.ref.doc.Shape(c.Schema, mainRows)
			t.err = cmp.Or(t.err, err)
			t.shape(shape, "")
			t.line()
		}
		if len(c.Examples) == 0 {
			t.block(language(c.MediaType), c.Example)
		}
		for _, e := range c.Examples {
			t.paragraph("Example: ", e.Name)
			t.block(language(c.MediaType), e.Value)
		}
		t.extra("More about this body", c.Extra)
	}
}

func language(mediaType string) string {
	if strings.Contains(mediaType, "json") {
		return "json"
	}
	return ""
}

func (t *texter) shape(s openapi.Shape, indent string) {
	for _, f := range s.Fields {
		t.field(f, indent)
	}
	t.variants(s.Choice, s.Variants, indent)
	if s.Cut && t.ref.sees(s.Model) {
		t.line(indent, "- more: ", t.request.link(s.Type, t.ref.modelPath(s.Model)))
	}
	if s.Extra != "" {
		t.line(indent, "- more: ", code(inOneLine(s.Extra)))
	}
}

func (t *texter) field(f openapi.Field, indent string) {
	words := []string{f.Type}
	if t.ref.sees(f.More) {
		words[0] = t.request.link(f.Type, t.ref.modelPath(f.More))
	}
	if f.Required {
		words = append(words, "required")
	}
	words = append(words, marks(f.ReadOnly, f.WriteOnly, f.Deprecated)...)
	words = append(words, f.Limits...)
	if f.Default != "" {
		words = append(words, "default "+code(f.Default))
	}
	if f.Example != "" {
		words = append(words, "example "+code(f.Example))
	}
	if len(f.Enum) > 0 {
		all := make([]string, len(f.Enum))
		for i, e := range f.Enum {
			all[i] = code(e)
		}
		words = append(words, "one of "+strings.Join(all, " "))
	}
	name := ""
	if f.Name != "" {
		name = code(f.Name) + " "
	}
	t.line(indent, "- ", name, strings.Join(words, ", "), indentedBy(f.Text, indent))
	t.variants(f.Choice, f.Variants, indent+"  ")
	if f.Extra != "" {
		t.line(indent, "  - more: ", code(inOneLine(f.Extra)))
	}
}

func (t *texter) variants(choice string, all []openapi.Variant, indent string) {
	for _, v := range all {
		when := ""
		if v.When != "" {
			when = ", " + v.When
		}
		t.line(indent, "- ", choice, ": **", v.Name, "**", when, indentedBy(v.Text, indent))
		t.shape(v.Shape, indent+"  ")
	}
}

// modelText is a model as Markdown.
func (ref *reference) modelText(r *Request, m openapi.Model) (string, error) {
	w := &writer{}
	w.heading(1, m.Name)
	w.paragraph("A model of ", r.link(ref.api.Name, apiPath(ref.api.Slug)), ": ", m.Type)
	t := texter{writer: w, ref: ref, request: r}
	if s := m.Schema; s != nil {
		w.paragraph(s.Text)
		if len(s.Enum)+len(s.Limits)+len(s.Default)+len(s.Example) > 0 || s.Deprecated {
			t.field(openapi.Field{Type: s.Type, Limits: s.Limits, Enum: s.Enum, Default: s.Default, Example: s.Example, Deprecated: s.Deprecated}, "")
			w.line()
		}
	}
	shape, err := ref.doc.Shape(m.Schema, modelRows)
	if err != nil {
		return "", err
	}
	t.shape(shape, "")
	return w.String(), t.err
}

// modelsText is the list of models as Markdown.
func (ref *reference) modelsText(r *Request) string {
	w := &writer{}
	w.heading(1, "Models of "+ref.api.Name)
	ref.modelLines(w, r)
	return w.String()
}

func (ref *reference) modelLines(w *writer, r *Request) {
	for i, m := range ref.models {
		if i == maxListed {
			w.line("- and ", format.Plural(int64(len(ref.models)-i), "model"), " more")
			break
		}
		w.line("- ", r.link(m.Name, ref.modelPath(m.Slug)), ": ", m.Type)
	}
	w.line()
}
