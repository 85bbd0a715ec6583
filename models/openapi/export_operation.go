package openapi

import (
	"encoding/json"
	"slices"
)

// operation writes one method: what is kept as the document says it, and the rest.
func (w *exporter) operation(e ExportOperation, item object) (object, error) {
	var op object
	part, described := w.index.Fragments[e.Verb+" "+e.Path]
	if described = described && w.has; described {
		var err error
		if op, err = w.object(part); err != nil {
			return nil, err
		}
		w.use(part.Uses)
	} else {
		op = w.words(e)
	}
	if !described || !e.Keep.ID {
		op = without(op, "operationId")
		if e.ID != "" {
			op = op.set("operationId", quoted(e.ID))
		}
	}
	w.noteTags(op)
	keep := e.Keep
	if w.Old { // bodies are parameters there
		keep.Parameters = keep.Parameters && keep.Body
		keep.Body = keep.Parameters
	}
	var own []json.RawMessage
	if described && keep.Parameters {
		own = w.ownParameters(op, item)
	} else {
		own = w.parameters(e)
	}
	if !described || !keep.Body {
		op, own = w.body(op, own, e.Body)
	}
	if op = without(op, "parameters"); len(own) > 0 {
		op = op.set("parameters", listOf(own))
	}
	if op = w.pathNames(op, nil, firstOf(e.At, e.Path)); !described || !keep.Answers {
		op = w.answers(op, e.Answers)
	}
	if len(e.Security) > 0 {
		security, err := json.Marshal(e.Security)
		if err != nil {
			return nil, err
		}
		op = op.set("security", security)
	}
	for _, x := range e.Added {
		op = op.set(x.Key, x.JSON)
	}
	return op, nil
}

// words is what the document says of an operation whose version is another one.
func (w *exporter) words(e ExportOperation) (op object) {
	said, ok, err := w.Described(e.Verb, e.Path)
	if err != nil || !ok {
		said = Operation{}
	}
	if said.Summary = firstOf(e.Summary, said.Summary); said.Summary != "" {
		op = append(op, member{"summary", quoted(said.Summary)})
	}
	if said.Text != "" {
		op = append(op, member{"description", quoted(said.Text)})
	}
	if tags, err := json.Marshal(said.Tags); err == nil && len(said.Tags) > 0 {
		op = append(op, member{"tags", tags})
	}
	if said.Deprecated {
		op = append(op, member{"deprecated", json.RawMessage("true")})
	}
	return op
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

func (w *exporter) noteTags(op object) {
	var tags []string
	_ = json.Unmarshal(op.get("tags"), &tags) // what is no list of texts names no tag
	for _, tag := range tags {
		w.tags[tag] = true
	}
}

func without(o object, key string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.key == key })
}

// ownParameters are those of an operation and the ones of its path that it does not replace.
func (w *exporter) ownParameters(op, item object) []json.RawMessage {
	var own, shared []json.RawMessage
	_ = json.Unmarshal(op.get("parameters"), &own) // what is no list has no parameters
	_ = json.Unmarshal(item.get("parameters"), &shared)
	seen := map[string]bool{}
	name := func(raw json.RawMessage) string {
		p, err := parseObject(raw)
		if ref := p.text("$ref"); err == nil && ref != "" {
			p, _ = parseObject(w.component(ref))
		}
		if p.text("in") == "body" {
			return "body"
		}
		return p.text("in") + " " + p.text("name")
	}
	for _, raw := range own {
		seen[name(raw)] = true
	}
	for _, raw := range shared {
		if !seen[name(raw)] {
			own = append(own, raw)
		}
	}
	return own
}

// parameters writes those that a method names. All are texts: API Gateway knows no more of them.
func (w *exporter) parameters(e ExportOperation) (all []json.RawMessage) {
	for _, p := range e.Parameters {
		o := object{{"name", quoted(p.Name)}, {"in", quoted(p.In)}}
		if p.Required || p.In == "path" {
			o = append(o, member{"required", json.RawMessage("true")})
		}
		all = append(all, append(o, w.textType()).json())
	}
	return all
}

func (w *exporter) textType() member {
	if w.Old {
		return member{"type", quoted("string")}
	}
	return member{"schema", json.RawMessage(`{"type":"string"}`)}
}

// body writes what is sent; 2.0 has one schema for all media types.
func (w *exporter) body(op object, parameters []json.RawMessage, contents []GatewayContent) (object, []json.RawMessage) {
	op = without(without(op, "requestBody"), "consumes")
	if len(contents) == 0 {
		return op, parameters
	}
	if !w.Old {
		return op.set("requestBody", object{{"content", w.contents(contents)}, {"required", json.RawMessage("true")}}.json()), parameters
	}
	op = op.set("consumes", mediaTypesOf(contents))
	body := object{{"in", quoted("body")}, {"name", quoted("body")}, {"required", json.RawMessage("true")}, {"schema", w.schema(contents[0])}}
	return op, append(parameters, body.json())
}

func mediaTypesOf(contents []GatewayContent) json.RawMessage {
	var all []json.RawMessage
	seen := map[string]bool{}
	for _, c := range contents {
		if !seen[c.MediaType] {
			seen[c.MediaType] = true
			all = append(all, quoted(c.MediaType))
		}
	}
	return listOf(all)
}

func (w *exporter) contents(contents []GatewayContent) json.RawMessage {
	var all object
	for _, c := range contents {
		all = append(all, member{c.MediaType, object{{"schema", w.schema(c)}}.json()})
	}
	return all.json()
}

func (w *exporter) schema(c GatewayContent) json.RawMessage {
	at := "#/components/schemas/"
	if w.Old {
		at = "#/definitions/"
	}
	return object{{"$ref", quoted(at + c.Model)}}.json()
}

// answers writes those that a method announces.
func (w *exporter) answers(op object, answers []GatewayAnswer) object {
	op = without(without(op, "responses"), "produces")
	var all object
	var kinds []GatewayContent
	for _, a := range answers {
		answer := object{{"description", quoted(a.Status + " response")}}
		var headers object
		for _, name := range a.Headers {
			headers = append(headers, member{name, object{w.textType()}.json()})
		}
		if len(headers) > 0 {
			answer = append(answer, member{"headers", headers.json()})
		}
		switch kinds = append(kinds, a.Contents...); {
		case len(a.Contents) == 0:
		case w.Old:
			answer = append(answer, member{"schema", w.schema(a.Contents[0])})
		default:
			answer = append(answer, member{"content", w.contents(a.Contents)})
		}
		all = append(all, member{a.Status, answer.json()})
	}
	if len(all) == 0 { // one must be there
		all = object{{"default", object{{"description", quoted("Default response")}}.json()}}
	}
	if w.Old && len(kinds) > 0 {
		op = op.set("produces", mediaTypesOf(kinds))
	}
	return op.set("responses", all.json())
}
