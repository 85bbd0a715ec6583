package management

import (
	"encoding/json"
	"maps"
	"slices"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// models are those of the API that are used, with the references of a document.
func (x *exported) models(used map[string]bool) (all []openapi.GatewayModel) {
	from := maps.Clone(x.parts.Models)
	if from == nil {
		from = map[string]models.SchemaModel{}
	}
	var see func(name string)
	seen := map[string]bool{}
	see = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		if _, ok := from[name]; !ok && x.said != nil {
			if m, ok := x.said.parts.Models[name]; ok {
				from[name] = m
			}
		}
		for _, to := range modelRefs(from[name].Schema) {
			see(to)
		}
	}
	for name, is := range used {
		if is {
			see(name)
		}
	}
	at := "#/components/schemas/"
	if x.old {
		at = "#/definitions/"
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if !seen[name] {
			continue
		}
		text := modelRef.ReplaceAllString(from[name].Schema, `"$$ref":"`+at+`$1"`)
		var schema map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &schema) != nil {
			text = "{}" // no schema of a document
		} else if schema["$schema"] != nil { // says what OpenAPI says itself
			delete(schema, "$schema")
			text = string(jsonOf(schema))
		}
		all = append(all, openapi.GatewayModel{Name: name, Schema: json.RawMessage(text)})
	}
	return all
}
