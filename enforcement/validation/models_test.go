package validation

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/models"
)

func modelOperation(t *testing.T, schema string, others map[string]models.SchemaModel) *Operation {
	t.Helper()
	all := map[string]models.SchemaModel{"M": {Schema: schema}}
	for name, m := range others {
		all[name] = m
	}
	op, err := NewModels(all).Operation("POST /a", map[string]string{"application/json": "M"})
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	return op
}

// The rules are those of draft 4, also where newer drafts and OpenAPI have others.
func TestModelsAreComparedByDraft4(t *testing.T) {
	tests := []struct{ schema, body, want string }{
		{`{"type":"array","items":[{"type":"string"},{"type":"integer"}],"additionalItems":false}`, `["a",1]`, ""},
		{`{"type":"array","items":[{"type":"string"},{"type":"integer"}],"additionalItems":false}`, `["a",1,2]`, "body /2 is not allowed"},
		{`{"items":[{"type":"string"}],"additionalItems":{"type":"integer"}}`, `["a","b"]`, "body /1 is string, and must be integer"},
		{`{"items":{"type":"string"},"additionalItems":false}`, `["a","b"]`, ""},
		{`{"dependencies":{"a":["b"]}}`, `{"a":1}`, `body has no "b"`},
		{`{"dependencies":{"a":{"required":["c"]}}}`, `{"a":1}`, `body has no "c"`},
		{`{"minimum":3,"exclusiveMinimum":true}`, `3`, "body is not more than 3"},
		{`{"const":3}`, `4`, ""}, // asserts nothing in draft 4
		{`{"type":"object","required":["a"],"properties":{"a":{"readOnly":true}}}`, `{}`, `body has no "a"`},
		{`{"type":"string","nullable":true}`, `null`, "body is null, and must be string"},
		{`{"definitions":{"x":{"type":"integer"}},"properties":{"a":{"$ref":"#/definitions/x"}}}`, `{"a":"x"}`, "body /a is string, and must be integer"},
		{`{"properties":{"next":{"$ref":"#"}},"additionalProperties":false}`, `{"next":{"next":{"x":1}}}`, `body /next/next must not have "x"`},
		{`{"properties":{"o":{"$ref":"https://apigateway.amazonaws.com/restapis/a1b2c3d4e5/models/Other"}}}`, `{"o":{"k":1}}`, "body /o/k is number, and must be string"},
		{`{"$ref":"https://example.com/any/models/Other"}`, `{"k":1}`, "body /k is number, and must be string"},
		{`{"properties":{"o":{"$ref":"https://x/models/Other#/properties/k"}}}`, `{"o":1}`, "body /o is number, and must be string"},
		{`{"properties":{"enum":{"type":"string"},"$ref":{"type":"string"}}}`, `{"$ref":1}`, "body /$ref is number, and must be string"},
		{`{"enum":[{"$ref":"x"}]}`, `{"$ref":"x"}`, ""},
	}
	other := map[string]models.SchemaModel{"Other": {Schema: `{"properties":{"k":{"type":"string"},"me":{"$ref":"#"}}}`}}
	for _, tt := range tests {
		op := modelOperation(t, tt.schema, other)
		r := &Request{Header: http.Header{}}
		if reads, all := op.Reads(r, true); !reads || len(all) != 0 {
			t.Fatalf("%s: reads %v %v", tt.schema, reads, all)
		}
		all, err := op.Body(t.Context(), r, []byte(tt.body))
		if got := said(all); err != nil || got != tt.want {
			t.Errorf("%s with %s: %q %v, want %q", tt.schema, tt.body, got, err, tt.want)
		}
	}
}

// said is what told is, on one line.
func said(all []Fault) string {
	var parts []string
	for _, f := range all {
		parts = append(parts, strings.Join(strings.Fields(f.In+" "+f.Pointer+" "+f.Detail), " "))
	}
	return strings.Join(parts, "; ")
}

func TestAModelThatTheGatewayCannotCompileIsRefused(t *testing.T) {
	others := map[string]models.SchemaModel{"Other": {Schema: `{"$ref":"https://x/models/M"}`}}
	for _, schema := range []string{
		``, `7`, `[]`, `{`, `{} {}`, `{"type":"file"}`, `{"type":"any"}`, `{"properties":[]}`, `{"required":true}`, `{"required":"a"}`, `{"exclusiveMinimum":3}`, `{"pattern":"("}`, `{"pattern":"(?=a)"}`,
		`{"$ref":"https://x/models/Gone"}`, `{"$ref":"#/definitions/gone"}`, `{"$ref":"other.json"}`, `{"$ref":"#anchor"}`, `{"minimum":"a"}`, `{"enum":[]}`, `{"allOf":{}}`, `{"items":7}`,
		`{"$schema":"http://json-schema.org/draft-07/schema#"}`, `{"description":"` + strings.Repeat("x", MaxModel) + `"}`,
		strings.Repeat(`{"not":`, 200) + `{}` + strings.Repeat(`}`, 200),
	} {
		err := CheckModel("M", schema, others)
		if got := models.Sentence(err); !strings.HasPrefix(got, "Invalid model specified: Validation Result: warnings : [], errors : [") {
			t.Errorf("%.80s: %v", schema, err)
		}
	}
	for _, schema := range []string{`{}`, `{"$schema":"http://json-schema.org/draft-04/schema#","title":"A"}`, `{"$ref":"https://x/models/Empty"}`, `{"properties":{"a":{"$ref":"https://x/models/M"}}}`} {
		if err := CheckModel("M", schema, nil); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
	}
}

// Models that refer to one another in a circle are compiled, and what they would never stop to compare ends.
func TestAHostileModelCannotHoldTheGateway(t *testing.T) {
	if err := CheckModel("M", `{"$ref":"https://x/models/Other"}`, map[string]models.SchemaModel{"Other": {Schema: `{"$ref":"https://x/models/M"}`}}); err != nil {
		t.Logf("a circle: %v", err)
	}
	op := modelOperation(t, `{"anyOf":[`+strings.TrimSuffix(strings.Repeat(`{"items":{"$ref":"#"}},`, 50), ",")+`],"pattern":"^(a|b)*c$"}`, nil)
	body := strings.Repeat("[", 30) + `"x"` + strings.Repeat("]", 30)
	all, err := op.Body(t.Context(), &Request{Header: http.Header{}}, []byte(body))
	if err != nil || !strings.Contains(said(all), "too much work") {
		t.Errorf("%s %v", said(all), err)
	}
}
