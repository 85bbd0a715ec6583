package diff

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gatehouse/models/openapi"
)

// TestMain lets the test binary be the child that reads documents.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == openapi.ChildArgument {
		syscall.Exit(openapi.ChildMain(os.Stdin, os.Stdout)) // at once: with the race detector, os.Exit waits for a second
	}
	os.Exit(m.Run())
}

func read(t testing.TB, document string) Side {
	t.Helper()
	reading, err := openapi.NewReader().Read(t.Context(), []byte(document))
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, document)
	}
	r, err := openapi.OpenReference(reading.Pack)
	if err != nil {
		t.Fatal(err)
	}
	s := Side{Reference: r, Calls: Calls(r)}
	for i := range s.Calls {
		s.Calls[i].ID = "id of " + s.Calls[i].Name()
	}
	return s
}

func compare(t testing.TB, before, after string) Diff {
	t.Helper()
	d, err := Compare(t.Context(), read(t, before), read(t, after))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var again Diff
	if err := json.Unmarshal(text, &again); err != nil || again.Counts() != d.Counts() {
		t.Errorf("it does not survive JSON: %v", err)
	}
	return d
}

// paths is a document whose only operations are these, as JSON; components may follow.
func paths(inner string, components ...string) string {
	return `{"openapi":"3.1.0","info":{"title":"T","version":"1"},"paths":{` + inner + `},"components":{` + strings.Join(components, ",") + `}}`
}

// operation is a document with POST /x, as the members of the operation say.
func operation(members string) string {
	return paths(`"/x":{"post":{` + strings.Join([]string{`"operationId":"x"`, members}, ",") + `}}`)
}

func sending(schema string) string {
	return operation(`"requestBody":{"content":{"application/json":{"schema":` + schema + `}}},"responses":{}`)
}

func answering(schema string) string {
	return operation(`"responses":{"200":{"description":"d","content":{"application/json":{"schema":` + schema + `}}}}`)
}

func object(properties string, required ...string) string {
	names, _ := json.Marshal(append([]string{}, required...))
	return `{"type":"object","properties":{` + properties + `},"required":` + string(names) + `}`
}

// lines are the changes as "level rule place: field".
func lines(d Diff) []string {
	var out []string
	for _, it := range d.Items {
		for _, c := range it.Changes {
			out = append(out, strings.TrimSpace(fmt.Sprint([]string{"", "? ", "! "}[c.Level], string(c.Rule), " ", c.Where())))
		}
	}
	return out
}

func TestEachRuleIsToldAndJudgedByItsDirection(t *testing.T) {
	s, n := `{"type":"string"}`, `{"type":"number"}`
	for _, is := range []struct {
		what, before, after  string
		requested, answering string // the line in each direction; "!" breaking, "?" doubtful
	}{
		{"nothing", object(`"a":` + s), object(`"a":` + s), "", ""},
		{"an optional field comes", object(`"a":` + s), object(`"a":` + s + `,"b":` + s), "field-added b", "field-added b"},
		{"a required field comes", object(`"a":` + s), object(`"a":`+s+`,"b":`+s, "b"), "! field-required-added b", "field-added b"},
		{"a field goes", object(`"a":` + s + `,"b":` + s), object(`"a":` + s), "? field-removed b", "! field-removed b"},
		{"a field is required now", object(`"a":` + s), object(`"a":`+s, "a"), "! became-required a", "became-required a"},
		{"a field is optional now", object(`"a":`+s, "a"), object(`"a":` + s), "became-optional a", "! became-optional a"},
		{"a name without a schema is required now", object(`"a":` + s), object(`"a":`+s, "z"), "! became-required z", "became-required z"},
		{"a type is another", object(`"a":` + s), object(`"a":` + n), "! type-changed a", "! type-changed a"},
		{"a type is narrower", object(`"a":` + n), object(`"a":{"type":"integer"}`), "! type-narrowed a", "type-narrowed a"},
		{"a type is wider", object(`"a":{"type":"integer"}`), object(`"a":` + n), "type-widened a", "! type-widened a"},
		{"one of two types is left", object(`"a":{"type":["string","number"]}`), object(`"a":` + s), "! type-narrowed a", "type-narrowed a"},
		{"any type", object(`"a":` + s), object(`"a":{}`), "type-widened a", "! type-widened a"},
		{"a format", object(`"a":` + s), object(`"a":{"type":"string","format":"uuid"}`), "? format-changed a", "? format-changed a"},
		{"null is allowed", object(`"a":` + s), object(`"a":{"type":["string","null"]}`), "null-allowed a", "! null-allowed a"},
		{"null is forbidden", object(`"a":{"type":["string","null"]}`), object(`"a":` + s), "! null-forbidden a", "null-forbidden a"},
		{"a value comes", object(`"a":{"type":"string","enum":["x"]}`), object(`"a":{"type":"string","enum":["x","y"]}`), "value-added a", "! value-added a"},
		{"a value goes", object(`"a":{"type":"string","enum":["x","y"]}`), object(`"a":{"type":"string","enum":["x"]}`), "! value-removed a", "value-removed a"},
		{"values are listed", object(`"a":` + s), object(`"a":{"type":"string","enum":["x"]}`), "! values-listed a", "values-listed a"},
		{"values are open", object(`"a":{"type":"string","enum":["x"]}`), object(`"a":` + s), "values-opened a", "! values-opened a"},
		{"a limit is narrower", object(`"a":{"type":"string","maxLength":9}`), object(`"a":{"type":"string","maxLength":8}`), "! limit-narrowed a", "limit-narrowed a"},
		{"a limit comes", object(`"a":{"type":"integer"}`), object(`"a":{"type":"integer","minimum":1}`), "! limit-narrowed a", "limit-narrowed a"},
		{"a limit is wider", object(`"a":{"type":"integer","maximum":9}`), object(`"a":{"type":"integer","maximum":10}`), "limit-widened a", "? limit-widened a"},
		{"a limit moves", object(`"a":{"type":"integer","minimum":1,"maximum":9}`), object(`"a":{"type":"integer","minimum":2,"maximum":10}`), "? limit-changed a", "? limit-changed a"},
		{"a pattern is another", object(`"a":{"type":"string","pattern":"x"}`), object(`"a":{"type":"string","pattern":"y"}`), "? limit-changed a", "? limit-changed a"},
		{"other keys are refused", object(`"a":` + s), strings.TrimSuffix(object(`"a":`+s), "}") + `,"additionalProperties":false}`, "! limit-narrowed", "limit-narrowed"},
		{"a default", object(`"a":{"type":"integer","default":1}`), object(`"a":{"type":"integer","default":2}`), "? default-changed a", "default-changed a"},
		{"within a list", object(`"a":{"type":"array","items":` + s + `}`), object(`"a":{"type":"array","items":` + n + `}`), "! type-changed a[]", "! type-changed a[]"},
		{"within a map", object(`"a":{"type":"object","additionalProperties":` + s + `}`), object(`"a":{"type":"object","additionalProperties":` + n + `}`), "! type-changed a{}", "! type-changed a{}"},
		{"deep within", object(`"a":` + object(`"b":`+s)), object(`"a":` + object(`"b":`+n)), "! type-changed a.b", "! type-changed a.b"},
		{"an alternative comes", `{"oneOf":[` + s + `,` + n + `]}`, `{"oneOf":[` + s + `,` + n + `,{"type":"boolean"}]}`, "variant-added", "! variant-added"},
		{"an alternative goes", `{"oneOf":[` + s + `,` + n + `,{"type":"boolean"}]}`, `{"oneOf":[` + s + `,` + n + `]}`, "! variant-removed", "variant-removed"},
		{"what only answers have", object(`"a":` + s), object(`"a":`+s+`,"b":{"type":"string","readOnly":true}`, "b"), "field-added b", "field-added b"},
		{"what only requests have goes", object(`"a":{"type":"string","writeOnly":true}`), object(``), "? field-removed a", "field-removed a"},
		{"parts put together", `{"allOf":[` + object(`"a":`+s) + `,` + object(`"b":`+s, "b") + `]}`, object(`"a":`+s+`,"b":`+s, "b"), "", ""},
	} {
		t.Run(is.what, func(t *testing.T) {
			for _, way := range []struct {
				place, want   string
				before, after string
			}{{"request body", is.requested, sending(is.before), sending(is.after)}, {"response 200", is.answering, answering(is.before), answering(is.after)}} {
				var want []string
				if way.want != "" {
					rule, field, has := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(way.want, "! "), "? "), " ")
					mark := way.want[:len(way.want)-len(strings.TrimPrefix(strings.TrimPrefix(way.want, "! "), "? "))]
					want = []string{mark + rule + " " + way.place + map[bool]string{true: ": " + field, false: ""}[has]}
				}
				if got := lines(compare(t, way.before, way.after)); !slices.Equal(got, want) {
					t.Errorf("%s: got %q, want %q", way.place, got, want)
				}
			}
		})
	}
}

func TestPartsOfAnOperationAreToldAndJudged(t *testing.T) {
	parameter := func(members string) string { return operation(`"parameters":[{` + members + `}],"responses":{}`) }
	none := operation(`"responses":{}`)
	query := `"name":"q","in":"query","schema":{"type":"string"}`
	body := `"requestBody":{"content":{"application/json":{"schema":{"type":"string"}}}},"responses":{}`
	secured := func(ways string) string {
		return strings.Replace(operation(`"security":`+ways+`,"responses":{}`), `"components":{`, `"components":{"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"k"},"basic":{"type":"http","scheme":"basic"}}`, 1)
	}
	ok := func(members string) string {
		return operation(`"responses":{"200":{"description":"d"` + members + `}}`)
	}
	for what, is := range map[string]struct {
		before, after string
		want          []string
	}{
		"an operation comes":             {none, paths(`"/x":{"post":{"operationId":"x","responses":{}}},"/y":{"get":{"responses":{}}}`), []string{"operation-added"}},
		"an operation goes":              {paths(`"/x":{"post":{"operationId":"x","responses":{}}},"/y":{"get":{"responses":{}}}`), none, []string{"! operation-removed"}},
		"a path's parameter is renamed":  {paths(`"/x/{a}":{"get":{"responses":{}}}`), paths(`"/x/{b}":{"get":{"responses":{}}}`), []string{"? path-renamed"}},
		"a path's parameter is narrower": {paths(`"/x/{a}":{"get":{"parameters":[{"name":"a","in":"path","required":true,"schema":{"type":"string"}}],"responses":{}}}`), paths(`"/x/{b}":{"get":{"parameters":[{"name":"b","in":"path","required":true,"schema":{"type":"integer"}}],"responses":{}}}`), []string{"? path-renamed", "! type-changed path parameter a"}},
		"it is deprecated":               {none, operation(`"deprecated":true,"responses":{}`), []string{"deprecated"}},
		"it is not deprecated any more":  {operation(`"deprecated":true,"responses":{}`), none, []string{"not-deprecated"}},
		"a parameter comes":              {none, parameter(query), []string{"parameter-added query parameter q"}},
		"a required parameter comes":     {none, parameter(query + `,"required":true`), []string{"! parameter-required-added query parameter q"}},
		"a parameter goes":               {parameter(query), none, []string{"? parameter-removed query parameter q"}},
		"a parameter is required now":    {parameter(query), parameter(query + `,"required":true`), []string{"! became-required query parameter q"}},
		"a parameter is written so":      {parameter(`"name":"q","in":"query","schema":{"type":"array","items":{}}`), parameter(`"name":"q","in":"query","explode":false,"schema":{"type":"array","items":{}}`), []string{"! style-changed query parameter q"}},
		"a header's case is no change":   {parameter(`"name":"X-A","in":"header","schema":{"type":"string"}`), parameter(`"name":"x-a","in":"header","schema":{"type":"string"}`), nil},
		"a body comes":                   {none, operation(body), []string{"body-added request body"}},
		"a required body comes":          {none, operation(strings.Replace(body, `{"content"`, `{"required":true,"content"`, 1)), []string{"! body-required-added request body"}},
		"a body goes":                    {operation(body), none, []string{"? body-removed request body"}},
		"a body is required now":         {operation(body), operation(strings.Replace(body, `{"content"`, `{"required":true,"content"`, 1)), []string{"! became-required request body"}},
		"a media type is another":        {operation(body), operation(strings.Replace(body, "json", "xml", 1)), []string{"! media-type-removed request body", "media-type-added request body"}},
		"a response comes":               {none, ok(""), []string{"response-added response 200"}},
		"a response goes":                {ok(""), none, []string{"! response-removed response 200"}},
		"an error goes":                  {operation(`"responses":{"404":{"description":"d"}}`), none, []string{"error-response-removed response 404"}},
		"an answer's body goes":          {answering(`{"type":"string"}`), ok(""), []string{"! body-removed response 200"}},
		"a header comes":                 {ok(""), ok(`,"headers":{"A":{"schema":{"type":"string"}}}`), []string{"header-added response 200 header A"}},
		"a header goes":                  {ok(`,"headers":{"A":{"schema":{"type":"string"}}}`), ok(""), []string{"! header-removed response 200 header A"}},
		"security comes":                 {none, secured(`[{"key":[]}]`), []string{"! security-added"}},
		"security goes":                  {secured(`[{"key":[]}]`), secured(`[]`), []string{"security-removed"}},
		"security becomes optional":      {secured(`[{"key":[]}]`), secured(`[{"key":[]},{}]`), []string{"security-removed"}},
		"a way in goes, another comes":   {secured(`[{"key":[]}]`), secured(`[{"basic":[]}]`), []string{"! way-in-removed", "way-in-added"}},
		"a callback goes":                {operation(`"callbacks":{"done":{"{$request.query.u}":{"post":{"responses":{}}}}},"responses":{}`), none, []string{"? callback-removed callback POST {$request.query.u}"}},
		"a callback sends a field less":  {operation(callback(`"a":{"type":"string"},"b":{"type":"string"}`)), operation(callback(`"a":{"type":"string"}`)), []string{"! field-removed request body: b"}},
	} {
		t.Run(what, func(t *testing.T) {
			if got := lines(compare(t, is.before, is.after)); !slices.Equal(got, is.want) {
				t.Errorf("got %q, want %q", got, is.want)
			}
		})
	}
}

func callback(properties string) string {
	return `"callbacks":{"done":{"{$request.query.u}":{"post":{"requestBody":{"content":{"application/json":{"schema":` + object(properties) + `}}},"responses":{}}}}},"responses":{}`
}

// TestAModelIsToldOnceAndItsUsersNameIt: what a hundred operations share is one change.
func TestAModelIsToldOnceAndItsUsersNameIt(t *testing.T) {
	doc := func(pet, owner string) string {
		ref := func(name string) string {
			return `{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/` + name + `"}}},"description":"d"}`
		}
		return paths(`"/pets":{"get":{"responses":{"200":`+ref("Page")+`}},"post":{"requestBody":`+ref("NewPet")+`,"responses":{}}},"/owners":{"get":{"responses":{"200":`+ref("Owner")+`}}},"/stays":{"get":{"responses":{"200":`+ref("Stays")+`}}}`,
			`"schemas":{"Page":`+object(`"items":{"type":"array","items":{"$ref":"#/components/schemas/Pet"}}`)+`,"Pet":`+pet+`,"NewPet":`+object(`"name":{"type":"string"}`)+`,"Owner":`+owner+`,"Unused":`+pet+`,"Stays":{"type":"string"}}`)
	}
	before := doc(object(`"name":{"type":"string"},"tag":{"type":"string"}`, "name"), object(`"pet":{"$ref":"#/components/schemas/Pet"}`))
	after := doc(object(`"name":{"type":"string"}`, "name"), object(`"pet":{"$ref":"#/components/schemas/Pet"},"age":{"type":"integer"}`))
	d := compare(t, before, after)
	if got, want := lines(d), []string{"! field-removed tag", "field-added age", "field-removed tag"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var names []string
	for _, it := range d.Items {
		names = append(names, fmt.Sprint(it.Name, " ", it.Level, " ", it.Models, " ", it.UsedBy))
	}
	want := []string{"GET /pets 2 [Pet] []", "GET /owners 2 [Pet Owner] []", "Pet 2 [] [GET /pets GET /owners]", "Owner 0 [] [GET /owners]", "Unused 0 [] []"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if n := d.Counts(); n != (Counts{Changed: 2, Models: 3, Breaking: 1}) || d.Same != 2 {
		t.Errorf("counted %+v, %d the same", n, d.Same)
	}
	if got := d.Broken(); !slices.Equal(got, []string{"id of GET /pets", "id of GET /owners"}) {
		t.Errorf("broken are %q", got)
	}
}

func TestAModelUnderAnotherNameIsNoChange(t *testing.T) {
	doc := func(name string) string {
		return paths(`"/x":{"get":{"responses":{"200":{"description":"d","content":{"application/json":{"schema":{"$ref":"#/components/schemas/`+name+`"}}}}}}}`,
			`"schemas":{"`+name+`":`+object(`"next":{"$ref":"#/components/schemas/`+name+`"},"a":{"type":"string"}`)+`}`)
	}
	if got := lines(compare(t, doc("One"), doc("Other"))); !slices.Equal(got, []string{"model-removed", "model-added"}) {
		t.Errorf("got %q", got)
	}
}

func TestWordsAloneAreNoChange(t *testing.T) {
	d := compare(t, operation(`"summary":"Old","responses":{}`), operation(`"summary":"New","responses":{}`))
	if len(d.Items) != 1 || d.Items[0].State != Reworded || d.Items[0].Level != Harmless {
		t.Errorf("got %+v", d.Items)
	}
	if d := compare(t, operation(`"responses":{}`), operation(`"responses":{}`)); !d.Nothing() || d.Same != 1 {
		t.Errorf("got %+v", d)
	}
}

// TestOperationsThatNobodyDescribed: methods that were typed by hand are there and not there, and nothing else is known of them.
func TestOperationsThatNobodyDescribed(t *testing.T) {
	after := read(t, paths(`"/x":{"post":{"responses":{}}},"/z":{"get":{"responses":{}}}`))
	empty, err := openapi.OpenReference(nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Compare(t.Context(), Side{Reference: empty, Calls: []Call{{Verb: "POST", Path: "/x", ID: "1"}, {Verb: "GET", Path: "/y", ID: "2"}}}, after)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(d), []string{"! operation-removed", "operation-added"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestEveryRuleHasWords: a rule that somebody adds is told in words, and one that breaks says why.
func TestEveryRuleHasWords(t *testing.T) {
	for _, r := range []Rule{OperationAdded, OperationRemoved, NowDeprecated, NotDeprecated, PathRenamed, SecurityAdded, SecurityRemoved, WayInRemoved, WayInAdded, WebhookAdded, WebhookRemoved, CallbackAdded,
		CallbackRemoved, ParameterAdded, ParameterRequired, ParameterRemoved, StyleChanged, BodyAdded, BodyRequired, BodyRemoved, MediaAdded, MediaRemoved, AnswerAdded, AnswerRemoved, ErrorRemoved, HeaderAdded,
		HeaderRemoved, ModelAdded, ModelRemoved, FieldAdded, FieldRequired, FieldRemoved, BecameRequired, BecameOptional, TypeNarrowed, TypeWidened, TypeChanged, FormatChanged, NullAllowed, NullForbidden,
		ValueAdded, ValueRemoved, ValuesListed, ValuesOpened, LimitNarrowed, LimitWidened, LimitChanged, VariantAdded, VariantRemoved, DefaultChanged} {
		if r.Words() == string(r) || r.Words() == "" {
			t.Errorf("%s has no words", r)
		}
		for _, d := range []direction{sent, received} {
			c := Change{Rule: r, Level: r.judge(d), Sent: d == sent, Received: d == received}
			if c.Level != Harmless && c.Why() == "" {
				t.Errorf("%s breaks and does not say why", r)
			}
		}
	}
}

func TestLimitsAreReadAgainFromTheirWords(t *testing.T) {
	for _, is := range []struct {
		before, after []string
		want          verdict
	}{
		{[]string{"1 to 100"}, []string{"1 to 99"}, narrower},
		{[]string{"1 to 100"}, []string{"0 to 100"}, wider},
		{[]string{"1 to 100"}, []string{"0 to 99"}, different},
		{[]string{"at least 1"}, []string{"more than 1"}, narrower},
		{[]string{"more than 1"}, []string{"at least 1"}, wider},
		{[]string{"exactly 3 items"}, []string{"at most 3 items"}, wider},
		{[]string{"at most 5 characters"}, []string{"at most 5 items"}, different},
		{nil, []string{"no item twice"}, narrower},
		{[]string{"no other keys"}, nil, wider},
		{[]string{"matching a"}, []string{"matching b"}, different},
		{[]string{"at most 1e2"}, []string{"at most 100"}, asBefore},
		{[]string{"at most 1e999999999"}, []string{"at most 1e999999998"}, different},
		{[]string{"at most 1 character"}, []string{"at most 2 characters"}, wider},
		{[]string{"-5 to -1"}, []string{"-4 to -1"}, narrower},
	} {
		if got := compareLimits(is.before, is.after); got != is.want {
			t.Errorf("%q, then %q: got %d, want %d", is.before, is.after, got, is.want)
		}
	}
}

func TestAnEntryTellsWhatConcernsCallers(t *testing.T) {
	before := paths(`"/x":{"post":{"responses":{}}},"/y":{"get":{"summary":"Old_ *one*","responses":{}}}`)
	after := paths(`"/x":{"post":{"parameters":[{"name":"q","in":"query","required":true,"schema":{"type":"string"}}],"responses":{}}},"/z":{"get":{"summary":"All\n# of it","responses":{}}}`)
	e, ok := compare(t, before, after).Entry()
	want := "## Removed\n\n- `GET /y`: Old\\_ \\*one\\*\n\n## Changes to look at\n\n- `POST /x`: required parameter added (query parameter q)\n\n## Added\n\n- `GET /z`: All \\# of it"
	if !ok || !e.Breaking || e.Title != "1 operation added, 1 removed, 1 changed" || e.Body != want {
		t.Errorf("got %v %q\n%s", ok, e.Title, e.Body)
	}
	if e, ok := compare(t, operation(`"summary":"Old","responses":{}`), operation(`"summary":"New","responses":{}`)).Entry(); ok {
		t.Errorf("other words are told of: %+v", e)
	}
}
