package validation

import "strings"

// This file takes values apart that are written in a style of parameters.

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
