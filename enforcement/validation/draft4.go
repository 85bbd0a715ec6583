package validation

import (
	"fmt"
	"slices"
)

// draft4Keywords are those of JSON schema draft 4 (draft-fge-json-schema-validation-00) that assert something. Others assert nothing there.
var draft4Keywords = []string{
	"$ref", "type", "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems",
	"maxProperties", "minProperties", "required", "properties", "patternProperties", "additionalProperties", "items", "additionalItems", "dependencies", "allOf", "anyOf", "oneOf", "not",
}

var draft4Types = []string{"array", "boolean", "integer", "null", "number", "object", "string"}

// newer makes a schema of draft 4 one that shape reads, but for those within it. What a schema has in a form that draft 4 does not know is an error: to leave it out would let more through.
func newer(in map[string]any) (map[string]any, error) {
	out := map[string]any{}
	for _, key := range draft4Keywords {
		if v, ok := in[key]; ok {
			out[key] = v
		}
	}
	if _, isRef := out["$ref"].(string); isRef {
		return map[string]any{"$ref": out["$ref"]}, nil
	}
	delete(out, "$ref")
	if err := draft4Forms(out); err != nil {
		return nil, err
	}
	if list, ok := out["items"].([]any); ok {
		delete(out, "items")
		if len(list) > 0 {
			out["prefixItems"] = list
		}
		if rest, ok := out["additionalItems"]; ok {
			out["items"] = rest
		}
	}
	delete(out, "additionalItems")
	all, _ := out["dependencies"].(map[string]any)
	names, schemas := map[string]any{}, map[string]any{}
	for name, of := range all {
		if _, isList := of.([]any); isList {
			names[name] = of
		} else {
			schemas[name] = of
		}
	}
	delete(out, "dependencies")
	if len(names) > 0 {
		out["dependentRequired"] = names
	}
	if len(schemas) > 0 {
		out["dependentSchemas"] = schemas
	}
	return out, nil
}

// draft4Forms refuses what shape would leave out.
func draft4Forms(in map[string]any) error {
	for _, name := range typeNames(in["type"]) {
		if !slices.Contains(draft4Types, name) {
			return fmt.Errorf("%s is no type", short(name, maxName))
		}
	}
	for _, key := range []string{"properties", "patternProperties", "dependencies"} {
		if v, ok := in[key]; ok {
			if _, is := v.(map[string]any); !is {
				return fmt.Errorf("%s is no object", key)
			}
		}
	}
	for _, key := range []string{"required", "enum", "allOf", "anyOf", "oneOf"} {
		if v, ok := in[key]; ok {
			if list, is := v.([]any); !is || len(list) == 0 && key != "required" {
				return fmt.Errorf("%s is no list of at least one", key)
			}
		}
	}
	if v, ok := in["pattern"]; ok {
		if _, is := v.(string); !is {
			return fmt.Errorf("pattern is no text")
		}
	}
	for _, key := range []string{"exclusiveMinimum", "exclusiveMaximum"} {
		if v, ok := in[key]; ok {
			if _, is := v.(bool); !is {
				return fmt.Errorf("%s is neither true nor false", key)
			}
		}
	}
	return nil
}
