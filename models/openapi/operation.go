package openapi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pb33f/go-yaml"
)

// Bounds on one operation.
const (
	maxContents   = 10  // of one body
	maxParameters = 200 // of one operation
	maxResponses  = 100
	maxExamples   = 10 // of one body
	maxCallbacks  = 2  // levels of calls that answer calls
)

// resolve gives what n refers to, with what stands beside the reference before what stands there; n itself where it refers to nothing.
func (r *reading) resolve(n *yaml.Node) *yaml.Node {
	ref := reference(n)
	if ref == "" {
		return n
	}
	target := r.tree.final(ref)
	if target == nil || target.Kind != yaml.MappingNode || len(n.Content) == 2 {
		return target
	}
	whole := like(target, yaml.MappingNode)
	for key, value := range pairs(n) {
		if key != "$ref" {
			whole.Content = append(whole.Content, str(key), value)
		}
	}
	for i := 0; i+1 < len(target.Content); i += 2 {
		if child(n, target.Content[i].Value) == nil {
			whole.Content = append(whole.Content, target.Content[i], target.Content[i+1])
		}
	}
	return whole
}

// operation reads what stands under a verb. Level counts the calls that it answers.
func (r *reading) operation(verb, path string, item, n *yaml.Node, level int) Operation {
	where := verb + " " + short(path)
	op := Operation{
		Verb: verb, Path: path, ID: word(text(n, "operationId"), maxName),
		Summary: word(cmp.Or(text(n, "summary"), text(item, "summary")), maxSummary), Text: prose(cmp.Or(text(n, "description"), text(item, "description"))),
		Tags: words(list(n, "tags")), Deprecated: text(n, "deprecated") == "true", Docs: docsFact(n),
	}
	op.KeyRequired, op.Security = r.security(n)
	var form []*yaml.Node
	for _, p := range slices.Concat(list(item, "parameters"), list(n, "parameters")) {
		switch p = r.resolve(p); {
		case r.old() && text(p, "in") == "body":
			op.Body = &Body{Required: text(p, "required") == "true", Text: prose(text(p, "description"))}
			for _, mediaType := range r.mediaTypes(n, "consumes") {
				op.Body.Contents = append(op.Body.Contents, r.content(mediaType, child(p, "schema"), nil, true))
			}
		case r.old() && text(p, "in") == "formData":
			form = append(form, p)
		default:
			op.Parameters = r.join(where, op.Parameters, r.parameter(p))
		}
	}
	if len(form) > 0 {
		op.Body = r.form(form, r.mediaTypes(n, "consumes"))
	}
	if body := r.resolve(child(n, "requestBody")); body != nil && body.Kind == yaml.MappingNode && !r.old() {
		op.Body = &Body{
			Required: text(body, "required") == "true", Text: prose(text(body, "description")), Contents: r.contents(child(body, "content"), true),
			Extra: r.extra(body, "required", "description", "content"),
		}
	}
	op.Responses = r.responses(n)
	if level < maxCallbacks {
		for name, callback := range pairs(child(n, "callbacks")) {
			for expression, item := range pairs(r.resolve(callback)) {
				for _, call := range r.calls(word(expression, maxSummary), item, level+1) {
					call.Summary = word(name, maxName) + cond(call.Summary != "", ": "+call.Summary, "")
					op.Callbacks = append(op.Callbacks, call)
				}
			}
		}
	}
	op.Extra = r.extra(n, "operationId", "summary", "description", "tags", "deprecated", "externalDocs", "security", "parameters", "requestBody", "responses",
		"callbacks", "consumes", "produces", "servers", "schemes")
	return op
}

func cond(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// calls are the operations of a path item that the API itself calls: a webhook, a callback.
func (r *reading) calls(name string, item *yaml.Node, level int) []Operation {
	var all []Operation
	item = r.resolve(item)
	for verb, n := range pairs(item) {
		if n = r.resolve(n); n != nil && n.Kind == yaml.MappingNode && slices.Contains(verbKeys(), verb) && len(all) < 20 {
			all = append(all, r.operation(strings.ToUpper(verb), name, item, n, level+1))
		}
	}
	return all
}

// security says whether an operation needs a key, by the alternatives of its security, the document's when it declares none of its own, and the
// alternatives in words.
func (r *reading) security(n *yaml.Node) (required bool, words []string) {
	list := child(r.tree.root, "security")
	if own := child(n, "security"); own != nil {
		r.Secured, list = true, own
	}
	if list == nil || list.Kind != yaml.SequenceNode {
		return false, nil
	}
	required = len(list.Content) > 0
	for _, alternative := range list.Content {
		var schemes []string
		for name, scopes := range pairs(alternative) {
			scheme := word(name, maxName)
			if all := scopes.Content; scopes.Kind == yaml.SequenceNode && len(all) > 0 {
				var names []string
				for _, s := range all {
					names = append(names, word(s.Value, maxName))
				}
				scheme += " (" + strings.Join(names, ", ") + ")"
			}
			schemes = append(schemes, scheme)
		}
		required = required && len(schemes) > 0
		words = append(words, word(cmp.Or(strings.Join(schemes, " and "), "nothing"), maxSummary))
	}
	return required, words
}

// mediaTypes are the operation's, else the document's, else JSON, which 2.0 leaves open.
func (r *reading) mediaTypes(n *yaml.Node, key string) []string {
	for _, from := range []*yaml.Node{n, r.tree.root} {
		if all := words(list(from, key)); len(all) > 0 {
			return all[:min(len(all), maxContents)]
		}
	}
	return []string{"application/json"}
}

// words are the texts in a list.
func words(nodes []*yaml.Node) []string {
	var all []string
	for _, n := range nodes {
		if n.Kind == yaml.ScalarNode && n.Value != "" {
			all = append(all, word(n.Value, maxName))
		}
	}
	return all
}

// join appends a parameter; one of the same name and place is replaced, as an operation's replaces its path's.
func (r *reading) join(where string, all []Parameter, p Parameter) []Parameter {
	switch {
	case p.Name == "":
		r.notes.add(where, "A parameter without a name is left out.")
		return all
	case !slices.Contains([]string{"path", "query", "header", "cookie"}, p.In):
		r.notes.add(where, "The parameter %q is left out: it is in %q.", short(p.Name), short(p.In))
		return all
	case len(all) == maxParameters:
		r.notes.add(where, "Only the first %d parameters are read.", maxParameters)
		return all
	}
	for i := range all {
		if all[i].Name == p.Name && all[i].In == p.In {
			all[i] = p
			return all
		}
	}
	return append(all, p)
}

// parameter reads what is sent outside the body: a parameter, or a header of an answer. In 2.0 its schema stands in the parameter itself.
func (r *reading) parameter(n *yaml.Node) Parameter {
	p := Parameter{
		Name: word(text(n, "name"), maxName), In: word(text(n, "in"), maxName), Required: text(n, "required") == "true", Deprecated: text(n, "deprecated") == "true",
		Text: prose(text(n, "description")), Style: style(n),
		Extra: r.extra(n, "name", "in", "required", "deprecated", "description", "schema", "content", "example", "examples", "style", "explode", "allowReserved",
			"allowEmptyValue", "collectionFormat", "x-example", "x-examples"),
	}
	if one := r.exampleOf(n); one != nil {
		p.Example = inline(one)
	}
	from := child(n, "schema")
	for kind, media := range pairs(child(n, "content")) {
		if from == nil {
			from = child(r.resolve(media), "schema")
			p.Style = "written as " + word(kind, 40)
		}
	}
	if r.old() {
		from, p.Extra = like(n, yaml.MappingNode), ""
		for key, value := range pairs(n) {
			if !slices.Contains([]string{"name", "in", "required", "description", "collectionFormat", "allowEmptyValue", "x-example", "x-examples"}, key) {
				from.Content = append(from.Content, str(key), value)
			}
		}
		for _, key := range []string{"x-example", "x-examples"} {
			if p.Example == "" {
				p.Example = inline(child(n, key))
			}
		}
		if format := text(n, "collectionFormat"); (format == "" || format == "csv") && p.In == "query" && text(n, "type") == "array" { // 3.0 and later repeat them
			p.Style = strings.TrimPrefix(p.Style+", values separated by commas", ", ")
		}
	}
	r.describe(&p, from)
	return p
}

// describe fills what a parameter's schema says and the parameter does not.
func (r *reading) describe(p *Parameter, n *yaml.Node) {
	s, ok := r.open(n)
	if !ok {
		return
	}
	p.Type, p.Enum, p.Default, p.Schema = r.typeOf(n), s.choices(), inline(s.near("default")), r.schema(n)
	if items, ok := r.open(s.items()); ok && len(p.Enum) == 0 {
		p.Enum = items.choices()
	}
	if p.Example == "" {
		p.Example = inline(s.example())
	}
	if p.Text == "" {
		p.Text = s.text()
	}
}

// style says how a parameter with several values is written, where that is not as usual.
func style(n *yaml.Node) string {
	var all []string
	switch format := text(n, "collectionFormat"); format {
	case "", "csv":
	case "multi":
		all = append(all, "repeated for each value")
	default:
		all = append(all, "separated as "+word(format, 40))
	}
	how, place := text(n, "style"), text(n, "in")
	if how != "" && how != "simple" && how != "form" {
		all = append(all, "style "+word(how, 40))
	}
	switch explode := text(n, "explode"); {
	case explode == "false" && (place == "query" || place == "cookie") && (how == "" || how == "form"):
		all = append(all, "values separated by commas")
	case explode == "true" && place != "query" && place != "cookie":
		all = append(all, "exploded")
	}
	if text(n, "allowReserved") == "true" {
		all = append(all, "reserved characters as they are")
	}
	if text(n, "allowEmptyValue") == "true" {
		all = append(all, "may be empty")
	}
	return strings.Join(all, ", ")
}

// form makes one body of formData parameters: multipart where there is a file or where the document says so.
func (r *reading) form(form []*yaml.Node, consumes []string) *Body {
	content := Content{MediaType: "application/x-www-form-urlencoded", Type: "object", Schema: &Schema{Type: "object"}}
	body := &Body{}
	for _, n := range form[:min(len(form), maxParameters)] {
		p := r.parameter(n)
		if text(n, "type") == "file" || slices.Contains(consumes, "multipart/form-data") {
			content.MediaType = "multipart/form-data"
		}
		property := Property{Name: p.Name}
		if p.Schema != nil {
			property.Schema = *p.Schema
		}
		property.Schema.Text, property.Schema.Example = p.Text, p.Example
		if p.Required {
			body.Required, content.Schema.Required = true, append(content.Schema.Required, p.Name)
		}
		content.Schema.Properties = append(content.Schema.Properties, property)
	}
	body.Contents = []Content{content}
	return body
}

func (r *reading) responses(n *yaml.Node) []Response {
	var all []Response
	var rest *yaml.Node
	for status, response := range pairs(child(n, "responses")) {
		switch {
		case strings.HasPrefix(status, "x-"), len(all) == maxResponses:
		case status == "default":
			rest = response
		default:
			all = append(all, r.response(status, r.resolve(response), n))
		}
	}
	if rest != nil {
		all = append(all, r.response("default", r.resolve(rest), n))
	}
	return all
}

func (r *reading) response(status string, n, operation *yaml.Node) Response {
	response := Response{
		Status: word(status, maxName), Text: prose(cmp.Or(text(n, "description"), text(n, "summary"))),
		Extra: r.extra(n, "description", "summary", "headers", "content", "links", "schema", "examples"),
	}
	for name, header := range pairs(child(n, "headers")) {
		if header = r.resolve(header); len(response.Headers) < maxParameters {
			h := r.parameter(header)
			h.Name, h.In = word(name, maxName), "header"
			response.Headers = append(response.Headers, h)
		}
	}
	for name, link := range pairs(child(n, "links")) {
		if link = r.resolve(link); len(response.Links) < maxParameters {
			response.Links = append(response.Links, Link{
				Name: word(name, maxName), Operation: word(cmp.Or(text(link, "operationId"), text(link, "operationRef")), maxSummary),
				Text: prose(text(link, "description")), Extra: r.extra(link, "operationId", "operationRef", "description"),
			})
		}
	}
	if !r.old() {
		response.Contents = r.contents(child(n, "content"), false)
		return response
	}
	examples, from := map[string]*yaml.Node{}, child(n, "schema")
	for mediaType, example := range pairs(child(n, "examples")) {
		examples[mediaType] = example
		if from == nil && len(response.Contents) < maxContents {
			response.Contents = append(response.Contents, r.content(mediaType, nil, example, false))
		}
	}
	if from != nil {
		for _, mediaType := range r.mediaTypes(operation, "produces") {
			response.Contents = append(response.Contents, r.content(mediaType, from, examples[mediaType], false))
		}
	}
	return response
}

// contents are the shapes of a body by media type; sent says that it is the caller who sends it.
func (r *reading) contents(from *yaml.Node, sent bool) []Content {
	var all []Content
	for mediaType, media := range pairs(from) {
		media = r.resolve(media)
		if len(all) == maxContents {
			break
		}
		schema := child(media, "schema")
		if schema == nil {
			schema = child(media, "itemSchema")
		}
		c := r.content(mediaType, schema, r.exampleOf(media), sent)
		if several := child(media, "examples"); several != nil && len(several.Content) > 2 {
			for name, one := range pairs(several) {
				if value := exampleValue(r.resolve(one)); value != nil && len(c.Examples) < maxExamples && r.left > 0 {
					label := word(cmp.Or(text(r.resolve(one), "summary"), name), maxName)
					c.Examples = append(c.Examples, Example{Name: label, Value: sample(value, mediaType)})
					r.left -= len(c.Examples[len(c.Examples)-1].Value)
				}
			}
		}
		c.Extra = r.extra(media, "schema", "itemSchema", "example", "examples")
		all = append(all, c)
	}
	return all
}

// content describes one body. The example is the document's own, nil without one; where JSON is spoken one is made then.
func (r *reading) content(mediaType string, n, example *yaml.Node, sent bool) Content {
	c := Content{MediaType: word(mediaType, maxName)}
	if n != nil {
		c.Type, c.Schema = r.typeOf(n), r.schema(n)
	}
	if example == nil && n != nil {
		if s, ok := r.open(n); ok {
			example = s.example()
		}
	}
	switch {
	case example != nil && r.left > 0:
		c.Example = sample(example, mediaType)
		r.left -= len(c.Example)
	case example == nil && n != nil && isJSON(mediaType) && r.examples > 0:
		c.Example = r.sketch(n, sent)
		r.examples -= len(c.Example)
	}
	return c
}

// exampleOf is the example of a parameter or of a body, or the first of several that has a value; nil without one.
func (r *reading) exampleOf(n *yaml.Node) *yaml.Node {
	if one := child(n, "example"); one != nil {
		return one
	}
	if several := child(n, "examples"); several != nil && several.Kind == yaml.MappingNode {
		for _, one := range pairs(several) {
			if value := exampleValue(r.resolve(one)); value != nil {
				return value
			}
		}
	}
	return nil
}

func exampleValue(n *yaml.Node) *yaml.Node {
	for _, key := range []string{"value", "dataValue"} {
		if value := child(n, key); value != nil {
			return value
		}
	}
	if plain := text(n, "serializedValue"); plain != "" {
		return str(plain)
	}
	return nil
}

// schemes are the ways in which the document's API knows its callers.
func (r *reading) schemes() {
	from := child(child(r.tree.root, "components"), "securitySchemes")
	if r.old() {
		from = child(r.tree.root, "securityDefinitions")
	}
	for name, n := range pairs(from) {
		if n = r.resolve(n); n == nil || len(r.Schemes) == maxParameters {
			continue
		}
		s := Scheme{Name: word(name, maxName), Text: prose(text(n, "description"))}
		switch kind := text(n, "type"); kind {
		case "apiKey":
			s.Type = fmt.Sprintf("API key in the %s %s", word(text(n, "in"), 40), word(text(n, "name"), maxName))
		case "http":
			s.Type = "HTTP " + word(text(n, "scheme"), 40)
		case "basic":
			s.Type = "HTTP basic"
		case "oauth2":
			s.Type = "OAuth 2"
		case "openIdConnect":
			s.Type = "OpenID Connect"
		default:
			s.Type = word(kind, 40)
		}
		s.Extra = r.extra(n, "type", "description", "in", "name", "scheme")
		r.Schemes = append(r.Schemes, s)
	}
}

// extra is what a mapping says beyond the known keys, as JSON; "" for nothing. What instructs other gateways is nobody's business: it names addresses
// and roles behind the API.
func (r *reading) extra(n *yaml.Node, known ...string) string {
	rest := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for key, value := range pairs(n) {
		if key != "$ref" && !slices.Contains(known, key) && !internal(key) {
			rest.Content = append(rest.Content, str(key), value)
		}
	}
	if len(rest.Content) == 0 || r.left <= 0 {
		return ""
	}
	made := cut(encode(rest, maxExample/4, true), maxExample/4)
	r.left -= len(made)
	return made
}

// internal says that an extension instructs a gateway or a generator of servers.
func internal(key string) bool {
	for _, prefix := range []string{"x-amazon-apigateway-", "x-google-", "x-kong-", "x-apigee-", "x-envoy-"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}
