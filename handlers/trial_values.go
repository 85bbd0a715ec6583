package handlers

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"gatehouse/models/openapi"
	"gatehouse/templates/snippet"
)

// pair is a named value of an object that was typed.
type pair struct{ name, value string }

// several are the values of a list: typed as JSON, or with commas. ok is false where the parameter is none.
func several(p openapi.Parameter, value string) (items []string, ok bool) {
	if !strings.HasPrefix(p.Type, "array") {
		return nil, false
	}
	var list []json.RawMessage
	if json.Unmarshal([]byte(value), &list) != nil {
		return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }), true
	}
	for _, item := range list {
		items = append(items, inText(item))
	}
	return items, true
}

// inText is a JSON value as it stands in a URL: a text without its quotes, all else as it is.
func inText(item json.RawMessage) string {
	var text string
	if json.Unmarshal(item, &text) != nil {
		return string(item) // a number, a word
	}
	return text
}

// object are the named values of an object that was typed as JSON, in their order. ok is false where the parameter is none, or where it goes as one text.
func object(p openapi.Parameter, value string) (pairs []pair, ok bool) {
	isObject := strings.HasPrefix(p.Type, "object") || strings.HasPrefix(p.Type, "map") || has(p, "style deepObject") || p.Schema != nil && (len(p.Schema.Properties) > 0 || p.Schema.AnyKey != nil)
	if !isObject || has(p, "written as") {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(value))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		name, err := d.Token()
		var item json.RawMessage
		if err != nil || d.Decode(&item) != nil {
			return nil, false
		}
		text, isText := name.(string)
		if !isText {
			return nil, false
		}
		pairs = append(pairs, pair{text, inText(bytes.TrimSpace(item))})
	}
	return pairs, true
}

// has tells whether the document says so of how values are written; see openapi.Parameter.Style.
func has(p openapi.Parameter, words string) bool {
	return slices.ContainsFunc(strings.Split(p.Style, ", "), func(part string) bool { return strings.HasPrefix(part, words) })
}

// inQuery is a parameter as it stands in a query (RFC 6570 and the styles of OpenAPI): "a=1", "a=1&a=2", "a=1,2", "a[x]=1".
func inQuery(p openapi.Parameter, value string) []string {
	name, escape := url.QueryEscape(p.Name), url.QueryEscape
	if pairs, ok := object(p, value); ok {
		if has(p, "values separated by commas") {
			return []string{name + "=" + flat(pairs, ",", ",", escape)}
		}
		var out []string
		for _, one := range pairs {
			key := escape(one.name)
			if has(p, "style deepObject") {
				key = name + "%5B" + key + "%5D"
			}
			out = append(out, key+"="+escape(one.value))
		}
		return out
	}
	items, ok := several(p, value)
	if !ok || has(p, "written as") {
		return []string{name + "=" + escape(value)}
	}
	for words, between := range map[string]string{"separated as ssv": "%20", "style spaceDelimited": "%20", "separated as tsv": "%09", "separated as pipes": "%7C", "style pipeDelimited": "%7C", "values separated by commas": ","} {
		if has(p, words) && !has(p, "exploded") {
			return []string{name + "=" + strings.Join(each(items, escape), between)}
		}
	}
	var out []string
	for _, item := range items {
		out = append(out, name+"="+escape(item))
	}
	return out
}

// inPlace is a parameter as it stands in a path, a header or a cookie: the styles simple, label and matrix.
func inPlace(p openapi.Parameter, value string, escape func(string) string) string {
	exploded := has(p, "exploded")
	before, between, named := "", ",", ""
	switch {
	case has(p, "style label"):
		before = "."
		if exploded {
			between = "."
		}
	case has(p, "style matrix"):
		before, named = ";", escape(p.Name)+"="
		if exploded {
			between = ";"
		}
	}
	if pairs, ok := object(p, value); ok {
		if exploded {
			return before + flat(pairs, "=", between, escape)
		}
		return before + named + flat(pairs, ",", ",", escape)
	}
	items, ok := several(p, value)
	if !ok {
		return before + named + escape(value)
	}
	if named != "" && exploded {
		return before + named + strings.Join(each(items, escape), ";"+named)
	}
	return before + named + strings.Join(each(items, escape), between)
}

// flat are pairs in a row.
func flat(pairs []pair, is, between string, escape func(string) string) string {
	out := make([]string, len(pairs))
	for i, one := range pairs {
		out[i] = escape(one.name) + is + escape(one.value)
	}
	return strings.Join(out, between)
}

func each(items []string, fn func(string) string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = fn(item)
	}
	return out
}

// cookies are the cookies that were typed, as one header; they are the API's, and none of the browser's goes along.
func (t *trial) cookies() (h snippet.Header, ok bool) {
	var all []string
	for _, f := range t.fields {
		value := f.value
		if value == "" && f.Required {
			value = exampleValue(f.Parameter)
		}
		if f.In == "cookie" && value != "" {
			all = append(all, f.Name+"="+inPlace(f.Parameter, value, url.PathEscape))
		}
	}
	return snippet.Header{Name: "Cookie", Value: strings.Join(all, "; ")}, len(all) > 0
}

// isCookie tells whether a cookie can go to an upstream: a token that is not the portal's own, which the gateway hides.
func isCookie(name string) bool {
	return name != "" && name != "gatehouse" && name != "__Host-gatehouse" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}
