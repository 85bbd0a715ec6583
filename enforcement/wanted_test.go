package enforcement_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/enforcement/validation"
	"gatehouse/models"
)

// wants deploys what a method's requests must have.
func (o *one) wants(t testing.TB, name string, r models.MethodRequest) {
	t.Helper()
	o.world.stage(func() {
		o.stage.Parts.Validators = map[string]models.RequestValidator{"v1": {ID: "v1", Body: true, Parameters: true}, "v2": {ID: "v2"}}
		o.stage.Parts.Models = map[string]models.SchemaModel{
			"Note": {Name: "Note", Schema: `{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","required":["text"],
				"properties":{"text":{"type":"string"},"by":{"$ref":"https://apigateway.amazonaws.com/restapis/abcdefghij/models/Author"}}}`},
			"Author": {Name: "Author", Schema: `{"type":"object","required":["name"],"properties":{"age":{"type":"integer","minimum":0,"exclusiveMinimum":true}}}`},
		}
		for i := range o.stage.Methods {
			if o.stage.Methods[i].Name() == name {
				if r.Validator == "" {
					r.Validator = "v1"
				}
				o.stage.Methods[i].Request = r
			}
		}
	})
	catchUp(t, o.g)
}

// refusal is what a request that does not fit is told.
type refusal struct {
	Type, Detail, Message string
	Errors                []validation.Fault
}

func refusalOf(t testing.TB, body io.Reader) (r refusal) {
	t.Helper()
	if err := json.NewDecoder(body).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARequestWithoutWhatItsMethodWantsIsRefusedBeforeAnythingIsSpent(t *testing.T) {
	o := newOne(t, nil)
	o.wants(t, "GET /a", models.MethodRequest{Parameters: map[string]bool{
		"method.request.header.X-Team": true, "method.request.querystring.q": true, "method.request.querystring.more": false, "method.request.header.Host": true,
	}})
	for target, want := range map[string]string{
		"/a": "[X-Team, q]", "/a?q=": "[X-Team, q]", "/a?Q=1": "[X-Team, q]", "/a?q=1": "[X-Team]", "/a?q=%20&q": "[X-Team, q]", "/a?%71=1": "[X-Team]",
	} {
		w := in(o.g, "GET", "/echo/prod"+target, o.value)
		r := refusalOf(t, w.Body)
		if w.Code != 400 || !strings.HasSuffix(r.Type, "/parameters-missing") || r.Message != "Missing required request parameters: "+want || len(r.Errors) != strings.Count(want, ",")+1 {
			t.Errorf("%s: %d %+v", target, w.Code, r)
		}
	}
	team := func(r *http.Request) { r.Header.Set("x-team", "blue") }
	if w := in(o.g, "GET", "/echo/prod/a?q=1", o.value, team); w.Code != 200 {
		t.Errorf("with all: %d %s", w.Code, w.Body)
	}
	if slug := slugOf(t, in(o.g, "GET", "/echo/prod/a", "")); slug != "key-missing" {
		t.Errorf("without a key: %q", slug)
	}
	o.answers(t, models.GatewayResponse{Type: "BAD_REQUEST_PARAMETERS", Templates: inJSON(`{"m":$context.error.messageString,"v":"$context.error.validationErrorString"}`)})
	if got := in(o.g, "GET", "/echo/prod/a?q=1", o.value).Body.String(); got != `{"m":"Missing required request parameters: [X-Team]","v":"[header X-Team is missing]"}` {
		t.Errorf("a gateway response: %s", got)
	}
	drain(t, o.g)
	if n, denied := o.chargedTo(o.key, o.plan), o.count(o.key, models.OutcomeDenied); n != 1 || denied != 7 || len(o.up.requests()) != 1 {
		t.Errorf("%d were charged, %d denied and %d forwarded, want 1, 7 and 1", n, denied, len(o.up.requests()))
	}
}

func TestABodyIsComparedWithTheModelOfItsMediaType(t *testing.T) {
	o := newOne(t, nil)
	o.wants(t, "POST /a", models.MethodRequest{Models: map[string]string{"application/json": "Note", "application/vnd.author+json": "Author"}})
	send := func(kind, body string) (refusal, int) {
		w := in(o.g, "POST", "/echo/prod/a", o.value, func(r *http.Request) {
			if kind != "" {
				r.Header.Set("Content-Type", kind)
			}
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		})
		if w.Code == 200 {
			return refusal{}, 200
		}
		return refusalOf(t, w.Body), w.Code
	}
	for _, right := range [][2]string{
		{"application/json", `{"text":"x","by":{"name":"y","age":1}}`}, {"", `{"text":"x"}`}, {"application/JSON; charset=utf-8", `{"text":"x"}`},
		{"application/vnd.author+json", `{"name":"x"}`}, {"text/plain", `7`}, {"application/xml", `<a/>`},
	} {
		if r, status := send(right[0], right[1]); status != 200 {
			t.Errorf("%s %s: %d %+v", right[0], right[1], status, r)
		}
	}
	for _, wrong := range [][3]string{
		{"application/json", `{"text":7}`, "/text"}, {"application/json", `{"text":"x","by":{}}`, "/by"}, {"application/json", `{"text":"x","by":{"name":"y","age":0}}`, "/by/age"},
		{"", `{}`, ""}, {"application/json", `{`, ""}, {"application/json", ``, ""}, {"application/json", `[]`, ""}, {"application/vnd.author+json", `{"text":"x"}`, ""},
	} {
		r, status := send(wrong[0], wrong[1])
		if status != 400 || !strings.HasSuffix(r.Type, "/body-unfit") || r.Message != "Invalid request body" || len(r.Errors) != 1 || r.Errors[0].Pointer != wrong[2] {
			t.Errorf("%s %s: %d %+v", wrong[0], wrong[1], status, r)
		}
	}
	drain(t, o.g)
	if n := o.chargedTo(o.key, o.plan); n != 6 {
		t.Errorf("%d were charged, want 6", n)
	}
}

// AWS gives every API two models; a method that names "Empty" takes requests without a body, too.
func TestTheModelsThatEveryAPIHasNeedNotBeDeployed(t *testing.T) {
	o := newOne(t, nil)
	o.wants(t, "POST /a", models.MethodRequest{Models: map[string]string{"application/json": "Empty"}})
	for body, want := range map[string]int{"": 200, `{"a":1}`: 200, `[]`: 400} {
		if w := in(o.g, "POST", "/echo/prod/a", o.value, asJSON(body)); w.Code != want {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	}
}

// A validator that is not deployed, or a model that cannot be compiled, never lets a request pass unseen.
func TestWhatIsWantedAndCannotBeComparedIsNotLetThrough(t *testing.T) {
	o := newOne(t, nil)
	o.wants(t, "POST /a", models.MethodRequest{Validator: "v2", Parameters: map[string]bool{"method.request.header.X": true}, Models: map[string]string{"application/json": "Gone"}})
	if w := in(o.g, "POST", "/echo/prod/a", o.value, asJSON("{}")); w.Code != 200 {
		t.Errorf("a validator that compares nothing: %d", w.Code)
	}
	for name, r := range map[string]models.MethodRequest{
		"a validator that is not there":  {Validator: "gone", Models: map[string]string{"application/json": "Note"}},
		"a model that is not there":      {Models: map[string]string{"application/json": "Gone"}},
		"a parameter of no known place":  {Parameters: map[string]bool{"method.request.cookie.a": true}},
		"a parameter that has no place":  {Parameters: map[string]bool{"header.X": true}},
		"a parameter that has no header": {Parameters: map[string]bool{"method.request.header.": true}},
	} {
		o.wants(t, "POST /a", r)
		if slug := slugOf(t, in(o.g, "POST", "/echo/prod/a", o.value, asJSON("{}"))); slug != "stage-broken" {
			t.Errorf("%s: %q", name, slug)
		}
	}
}
