package openapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// use notes that components are referred to, and what they refer to.
func (b *rewriter) use(places []int) {
	for _, i := range places {
		if !b.used[i] {
			b.used[i] = true
			b.use(b.index.Components[i].Uses)
		}
	}
}

// component is the text of the component that a reference leads to, {} for none.
func (b *rewriter) component(ref string) json.RawMessage {
	parts := strings.Split(strings.TrimPrefix(ref, "#/components/"), "/")
	if b.old {
		parts = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
	}
	if len(parts) == 2 {
		name := parts[1]
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
		for _, c := range b.index.Components {
			if c.Section == parts[0] && c.Name == name {
				if text, err := b.read(c.part); err == nil {
					return text
				}
			}
		}
	}
	return json.RawMessage("{}")
}

// components writes those that are still referred to, and the gateway's.
func (b *rewriter) components(root object) (object, error) {
	sections := map[string]object{}
	var order []string
	add := func(section, name string, value json.RawMessage) {
		if _, known := sections[section]; !known {
			order = append(order, section)
		}
		sections[section] = append(sections[section], member{name, value})
	}
	for i, c := range b.index.Components {
		if b.used[i] {
			text, err := b.read(c.part)
			if err != nil {
				return nil, err
			}
			add(c.Section, c.Name, text)
		}
	}
	if slices.ContainsFunc(b.Operations, func(op RewriteOperation) bool { return op.KeyRequired }) {
		b.gateway(add)
	}
	if b.old {
		for _, section := range order {
			root = root.set(section, sections[section].json())
		}
		return root, nil
	}
	var all object
	for _, section := range order {
		all = append(all, member{section, sections[section].json()})
	}
	if len(all) == 0 {
		return root, nil
	}
	return root.set("components", all.json()), nil
}

// gateway adds the key, the problem, the answers and the headers.
func (b *rewriter) gateway(add func(section, name string, value json.RawMessage)) {
	key := object{{"type", quoted("apiKey")}, {"in", quoted(b.Key.In)}, {"name", quoted(b.Key.Name)}}
	if b.Key.In == "bearer" {
		key = object{{"type", quoted("http")}, {"scheme", quoted("bearer")}}
		if b.old {
			key = object{{"type", quoted("apiKey")}, {"in", quoted("header")}, {"name", quoted("Authorization")}, {"description", quoted("Bearer, a space, and the key.")}}
		}
	}
	schemes, schemas, at := "securitySchemes", "schemas", "#/components/schemas/"
	if b.old {
		schemes, schemas, at = "securityDefinitions", "definitions", "#/definitions/"
	}
	add(schemes, addedKey, key.json())
	add(schemas, addedProblem, json.RawMessage(`{"type":"object","description":"A problem as RFC 9457 has it.","properties":{"type":{"type":"string","description":"The address of a page that explains it."},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"instance":{"type":"string"}}}`))
	for _, a := range b.Answers {
		var headers object
		for _, name := range a.Headers {
			if i := slices.IndexFunc(b.Headers, func(h RewriteHeader) bool { return h.Name == name }); i >= 0 {
				headers = append(headers, member{name, b.header(b.Headers[i])})
			}
		}
		answer := object{{"description", quoted(a.Text)}}
		if len(headers) > 0 {
			answer = append(answer, member{"headers", headers.json()})
		}
		if b.old {
			answer = append(answer, member{"schema", object{{"$ref", quoted(at + addedProblem)}}.json()})
		} else {
			answer = append(answer, member{"content", json.RawMessage(`{"` + problemType + `":{"schema":{"$ref":"` + at + addedProblem + `"}}}`)})
		}
		add("responses", addedAnswer+fmt.Sprint(a.Status), answer.json())
	}
	if !b.old {
		for _, h := range b.Headers {
			add("headers", addedHeader+h.Name, object{{"description", quoted(h.Text)}, {"schema", json.RawMessage(`{"type":"string"}`)}}.json())
		}
	}
}
