package handlers

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"gatehouse/models/openapi"
)

// urlencoded is the type of a form's body.
const urlencoded = "application/x-www-form-urlencoded"

// Bounds of the fields of a form.
const (
	maxTrialParts = 100
	maxPartLevel  = 8 // models within models that a form's fields are looked for in
)

// modelOfSlug gives the model of a slug; nil where there is none.
type modelOfSlug func(slug string) *openapi.Schema

// formFields are the fields of a body that is a form, as its schema names them, with the values of its example; none where it names none.
func formFields(content openapi.Content, model modelOfSlug) []trialField {
	p := partsOf{model: model}
	p.add(content.Schema, 0)
	example := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(content.Example), &example) != nil {
		example = nil
		if values, err := url.ParseQuery(content.Example); err == nil && content.MediaType == urlencoded {
			example = map[string]json.RawMessage{}
			for name, all := range values {
				example[name], _ = json.Marshal(all[0]) // a text always encodes
			}
		}
	}
	fields := make([]trialField, len(p.properties))
	for i, property := range p.properties {
		parameter := p.parameter(property)
		f := trialField{Parameter: parameter, value: parameter.Example}
		if given, ok := example[property.Name]; ok {
			f.value = inText(bytes.TrimSpace(given))
		}
		if parameter.Required && f.value == "" {
			f.value = firstValue(parameter)
		}
		fields[i] = f
	}
	return fields
}

// modelOf is a model of the document; nil where there is none, or where it cannot be read: then its fields are typed as text.
func (ref *reference) modelOf(slug string) *openapi.Schema {
	model, ok, err := ref.doc.Model(slug)
	if err != nil || !ok {
		return nil
	}
	return model.Schema
}

// partsOf collects the properties of a schema, and of those that it is made of.
type partsOf struct {
	model      modelOfSlug
	properties []openapi.Property
	required   []string
}

func (p *partsOf) add(s *openapi.Schema, level int) {
	if s == nil || level > maxPartLevel {
		return
	}
	if s.Ref != "" && p.model != nil {
		p.add(p.model(s.Ref), level+1)
	}
	p.required = append(p.required, s.Required...)
	for _, property := range s.Properties {
		known := slices.ContainsFunc(p.properties, func(other openapi.Property) bool { return other.Name == property.Name })
		if !known && !property.Schema.ReadOnly && len(p.properties) < maxTrialParts {
			p.properties = append(p.properties, property)
		}
	}
	for i := range s.AllOf {
		p.add(&s.AllOf[i], level+1)
	}
	if len(s.OneOf) > 0 {
		p.add(&s.OneOf[0], level+1)
	} else if len(s.AnyOf) > 0 {
		p.add(&s.AnyOf[0], level+1)
	}
}

// parameter is a property as what is typed in a field.
func (p *partsOf) parameter(property openapi.Property) openapi.Parameter {
	s := property.Schema
	out := openapi.Parameter{Name: property.Name, In: "body", Required: slices.Contains(p.required, property.Name), Type: s.Type, Example: s.Example, Default: s.Default, Enum: s.Enum, Schema: &s}
	if s.Ref == "" || p.model == nil {
		return out
	}
	if m := p.model(s.Ref); m != nil {
		if len(out.Enum) == 0 {
			out.Enum = m.Enum
		}
		if out.Default == "" {
			out.Default = m.Default
		}
		if out.Example == "" {
			out.Example = m.Example
		}
	}
	return out
}

// firstValue is what a field that is needed begins with where nothing is given for it.
func firstValue(p openapi.Parameter) string {
	if p.Default == "" && len(p.Enum) > 0 {
		return p.Enum[0]
	}
	return p.Default
}

// values are what a field of a form sends: of a list each of its values.
func (f trialField) values() []string {
	value := f.value
	if value == "" && f.Required {
		value = exampleValue(f.Parameter)
	}
	if value == "" {
		return nil
	}
	if items, ok := several(f.Parameter, value); ok {
		return items
	}
	return []string{value}
}

// encoded is a form as a body of its type, its fields in their order.
func encoded(fields []trialField) string {
	var all []string
	for _, f := range fields {
		for _, value := range f.values() {
			all = append(all, url.QueryEscape(f.Name)+"="+url.QueryEscape(value))
		}
	}
	return strings.Join(all, "&")
}
