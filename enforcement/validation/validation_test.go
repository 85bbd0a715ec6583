package validation

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"gatehouse/models/openapi"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == openapi.ChildArgument {
		os.Exit(openapi.ChildMain(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// read makes a document of a text, as an import does.
func read(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Open(packOf(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func packOf(t testing.TB, text string) []byte {
	t.Helper()
	reading, err := openapi.NewReader().Read(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return reading.Pack
}

func operation(t testing.TB, d *Document, verb, path string) *Operation {
	t.Helper()
	op, err := d.Operation(verb, path)
	if err != nil || op == nil {
		t.Fatalf("%s %s: %v, %v", verb, path, op, err)
	}
	return op
}

// told is the faults in one line each: "query limit: is missing", "body /a/0: …".
func told(all []Fault) string {
	var lines []string
	for _, f := range all {
		line := f.In
		for _, more := range []string{f.Name, f.Pointer} {
			if more != "" {
				line += " " + more
			}
		}
		lines = append(lines, line+": "+f.Detail)
	}
	return strings.Join(lines, "\n")
}

const shop = `
openapi: 3.0.3
info: {title: Shop, version: "1"}
paths:
  /pets/{id}/{rest+}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer, minimum: 1}}
    get:
      parameters:
        - $ref: '#/components/parameters/Limit'
        - {name: tags, in: query, schema: {type: array, maxItems: 2, items: {type: string, enum: [cat, dog]}}}
        - {name: ids, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: piped, in: query, style: pipeDelimited, schema: {type: array, items: {type: boolean}}}
        - {name: where, in: query, style: deepObject, schema: {type: object, required: [age], properties: {age: {type: integer}, name: {type: string}}}}
        - {name: filter, in: query, content: {application/json: {schema: {type: object, required: [a]}}}}
        - {name: code, in: query, schema: {type: string, pattern: '^[0-9]{3}$'}}
        - {name: any, in: query, schema: {oneOf: [{type: integer}, {type: string, maxLength: 2}]}}
        - {name: X-Team, in: header, required: true, schema: {type: string, minLength: 2}}
        - {name: X-List, in: header, schema: {type: array, items: {type: integer}}}
        - {name: X-Api-Key, in: header, required: true, schema: {type: string, enum: [none]}}
        - {name: session, in: cookie, required: true, schema: {type: string}}
      responses: {"200": {description: ok}}
  /pets:
    post:
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/Pet'}}
          application/x-www-form-urlencoded: {schema: {$ref: '#/components/schemas/Pet'}}
          image/*: {schema: {type: string, format: binary}}
      responses: {"200": {description: ok}}
components:
  parameters:
    Limit: {name: limit, in: query, required: true, schema: {type: integer, maximum: 100, exclusiveMaximum: true}}
  schemas:
    Pet:
      type: object
      required: [id, name]
      additionalProperties: false
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string, maxLength: 5}
        age: {type: integer, nullable: true}
        kind: {type: string, enum: [cat, dog], nullable: true}
        tags: {type: array, uniqueItems: true, items: {type: string}}
        parent: {$ref: '#/components/schemas/Pet'}
        secret: {type: string, pattern: '^x+$'}
`

func TestParametersAreComparedAsTheyAreWritten(t *testing.T) {
	op := operation(t, read(t, shop), "GET", "/pets/{id}/{rest+}")
	team := http.Header{"X-Team": {"ab"}}
	tests := []struct {
		name   string
		r      Request
		faults string
	}{
		{"right", Request{Path: "/pets/7/a/b", Query: "limit=10&tags=cat&tags=dog&ids=1,2&piped=true%7Cfalse&where[age]=3&filter=%7B%22a%22:1%7D&code=007&any=12345&other=x", Header: team}, ""},
		{"a text among alternatives", Request{Path: "/pets/7/a", Query: "limit=1&any=ab", Header: team}, ""},
		{"no integer in the path", Request{Path: "/pets/x/a", Query: "limit=1", Header: team}, "path id: is string, and must be integer"},
		{"too small in the path", Request{Path: "/pets/0/a", Query: "limit=1", Header: team}, "path id: is less than 1"},
		{"missing", Request{Path: "/pets/7/a", Header: http.Header{}}, "query limit: is missing\nheader X-Team: is missing"},
		{"an exclusive bound", Request{Path: "/pets/7/a", Query: "limit=100", Header: team}, "query limit: is not less than 100"},
		{"twice", Request{Path: "/pets/7/a", Query: "limit=1&limit=2", Header: team}, "query limit: is there more than once"},
		{"a value that is not allowed", Request{Path: "/pets/7/a", Query: "limit=1&tags=cat&tags=cow", Header: team}, "query tags /1: is none of the values that are allowed: cat, dog"},
		{"too many", Request{Path: "/pets/7/a", Query: "limit=1&tags=cat&tags=dog&tags=cat", Header: team}, "query tags: has more than 2 items"},
		{"no numbers", Request{Path: "/pets/7/a", Query: "limit=1&ids=1,x", Header: team}, "query ids /1: is string, and must be integer"},
		{"no booleans", Request{Path: "/pets/7/a", Query: "limit=1&piped=true%7C1", Header: team}, "query piped /1: is string, and must be boolean"},
		{"an object without a property", Request{Path: "/pets/7/a", Query: "limit=1&where[name]=x", Header: team}, `query where: has no "age"`},
		{"no JSON", Request{Path: "/pets/7/a", Query: "limit=1&filter=x", Header: team}, "query filter: is no JSON from byte 1 on"},
		{"JSON without a property", Request{Path: "/pets/7/a", Query: "limit=1&filter=%7B%7D", Header: team}, `query filter: has no "a"`},
		{"not the pattern", Request{Path: "/pets/7/a", Query: "limit=1&code=7", Header: team}, "query code: does not match the pattern ^[0-9]{3}$"},
		{"none of the alternatives", Request{Path: "/pets/7/a", Query: "limit=1&any=abc", Header: team}, "query any: fits none of the alternatives"},
		{"a header's list", Request{Path: "/pets/7/a", Query: "limit=1", Header: http.Header{"X-Team": {"ab"}, "X-List": {"1, 2", "x"}}}, "header X-List /2: is string, and must be integer"},
		{"a broken query", Request{Path: "/pets/7/a", Query: "limit=%zz", Header: team}, "query: has a percent sign that is not followed by two hexadecimal digits, or a semicolon"},
	}
	for _, tt := range tests {
		tt.r.KeyHeader = "x-api-key"
		all, err := op.Parameters(t.Context(), &tt.r)
		if got := told(all); err != nil || got != tt.faults {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.faults)
		}
	}
}

func TestBodiesAreComparedWithTheirSchema(t *testing.T) {
	op := operation(t, read(t, shop), "POST", "/pets")
	tests := []struct{ name, kind, body, faults string }{
		{"right", "application/json; charset=utf-8", `{"name":"Tom","age":null,"kind":"cat","tags":["a","b"],"parent":{"name":"Kit"}}`, ""},
		{"what only answers have", "application/json", `{"name":"Tom","id":1}`, ""},
		{"null where it may be", "application/json", `{"name":"Tom","kind":null}`, ""},
		{"missing", "application/json", `{"parent":{}}`, "body: has no \"name\"\nbody /parent: has no \"name\""},
		{"of another type", "application/json", `{"name":1,"age":"x"}`, "body /name: is number, and must be string"},
		{"too long", "application/json", `{"name":"Thomas"}`, "body /name: is longer than 5 characters"},
		{"one too many", "application/json", `{"name":"Tom","evil":1}`, `body: must not have "evil"`},
		{"the same twice", "application/json", `{"name":"Tom","tags":["a","a"]}`, "body /tags: has the same item twice, at 0 and 1"},
		{"not the pattern, which is not told back", "application/json", `{"name":"Tom","secret":"hunter2"}`, "body /secret: does not match the pattern ^x+$"},
		{"no JSON", "application/json", `{"name":}`, "body: is no JSON from byte 9 on"},
		{"nothing", "application/json", ``, "body: is no JSON from byte 1 on"},
		{"more than one", "application/json", `{"name":"Tom"} {}`, "body: has something behind the end of its JSON"},
		{"a name twice", "application/json", `{"name":"Tom","name":"Kit"}`, `body: has the name "name" twice in one object`},
		{"no UTF-8", "application/json", "{\"name\":\"\xff\"}", "body: is not UTF-8"},
		{"a form", "application/x-www-form-urlencoded", "name=Tom&age=7&tags=a&tags=b", ""},
		{"a list of one in a form", "application/x-www-form-urlencoded", "name=Tom&tags=a", ""},
		{"a form of another type", "application/x-www-form-urlencoded", "name=Tom&age=x", "body /age: fits none of the alternatives"},
		{"a broken form", "application/x-www-form-urlencoded", "name=%zz", "body: is no form: it has a percent sign that is not followed by two hexadecimal digits, or a semicolon"},
	}
	for _, tt := range tests {
		r := &Request{Header: http.Header{"Content-Type": {tt.kind}}}
		if reads, all := op.Reads(r, true); !reads || len(all) > 0 {
			t.Errorf("%s: %v, %s", tt.name, reads, told(all))
			continue
		}
		all, err := op.Body(t.Context(), r, []byte(tt.body))
		if got := told(all); err != nil || got != tt.faults && !(tt.name == "of another type" && strings.HasPrefix(got, tt.faults) || tt.name == "of another type" && strings.Contains(got, tt.faults)) {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.faults)
		}
	}
	for _, tt := range []struct {
		name   string
		header http.Header
		there  bool
		reads  bool
		faults string
	}{
		{"no body", http.Header{}, false, false, "body: is missing"},
		{"no type", http.Header{}, true, false, "header Content-Type: must be there once, and say what the body is"},
		{"another type", http.Header{"Content-Type": {"text/xml"}}, true, false, "header Content-Type: must be application/json or application/x-www-form-urlencoded or image/*"},
		{"a type that is not read", http.Header{"Content-Type": {"image/png"}}, true, false, ""},
		{"compressed", http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, true, false, "header Content-Encoding: cannot be taken: the body is compared as it is sent"},
	} {
		reads, all := op.Reads(&Request{Header: tt.header}, tt.there)
		if got := strings.ReplaceAll(told(all), "application/x-www-form-urlencoded or application/json", "application/json or application/x-www-form-urlencoded"); reads != tt.reads || got != tt.faults {
			t.Errorf("%s: %v, %q, want %v, %q", tt.name, reads, got, tt.reads, tt.faults)
		}
	}
}

func TestEachVersionOfOpenAPIIsComparedByItsOwnRules(t *testing.T) {
	old := read(t, `{"swagger":"2.0","info":{"title":"a","version":"1"},"consumes":["application/json"],
		"definitions":{"Pet":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"n":{"type":"integer","maximum":5,"exclusiveMaximum":true}}}},
		"paths":{"/a":{"post":{"parameters":[{"name":"ids","in":"query","type":"array","collectionFormat":"pipes","items":{"type":"integer"}},
			{"name":"pet","in":"body","required":true,"schema":{"$ref":"#/definitions/Pet"}}],"responses":{"200":{"description":"ok"}}}},
		"/form":{"post":{"consumes":["application/x-www-form-urlencoded"],"parameters":[{"name":"n","in":"formData","type":"integer","required":true}],"responses":{"200":{"description":"ok"}}}}}}`)
	op := operation(t, old, "POST", "/a")
	r := &Request{Path: "/a", Query: "ids=1%7Cx", Header: http.Header{"Content-Type": {"application/json"}}}
	if all, err := op.Parameters(t.Context(), r); err != nil || told(all) != "query ids /1: is string, and must be integer" {
		t.Errorf("2.0: %q, %v", told(all), err)
	}
	if all, err := op.Body(t.Context(), r, []byte(`{"n":5}`)); err != nil || !strings.Contains(told(all), `body: has no "name"`) || !strings.Contains(told(all), "body /n: is not less than 5") {
		t.Errorf("2.0: %q, %v", told(all), err)
	}
	form := &Request{Path: "/form", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
	op = operation(t, old, "POST", "/form")
	if all, err := op.Body(t.Context(), form, []byte("n=x")); err != nil || told(all) != "body /n: is string, and must be integer" {
		t.Errorf("2.0: %q, %v", told(all), err)
	}
	if all, err := op.Body(t.Context(), form, []byte("m=1")); err != nil || told(all) != `body: has no "n"` {
		t.Errorf("2.0: %q, %v", told(all), err)
	}
	op = operation(t, read(t, `{"openapi":"3.1.0","info":{"title":"a","version":"1"},"components":{"schemas":{"Node":{"type":["object","null"],"properties":{"next":{"$ref":"#/components/schemas/Node","description":"more"}},
		"unevaluatedProperties":false}}},"paths":{"/a":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Node","minProperties":1}}}},"responses":{"200":{"description":"ok"}}}}}}`), "POST", "/a")
	r = &Request{Header: http.Header{"Content-Type": {"application/json"}}}
	for text, want := range map[string]string{
		`{"next":{"next":null}}`: "", `{}`: "body: has less than 1 properties", `{"next":{"x":1}}`: "body /next/x: is not allowed",
	} {
		if all, err := op.Body(t.Context(), r, []byte(text)); err != nil || told(all) != want {
			t.Errorf("3.1, %s: %q, %v, want %q", text, told(all), err, want)
		}
	}
}

// What a request costs is bounded whatever a document says: two references to itself make a tree of each list, with 2^depth leaves.
func TestAHostileDocumentCannotHoldTheGateway(t *testing.T) {
	op := operation(t, read(t, `{"openapi":"3.1.0","info":{"title":"a","version":"1"},"components":{"schemas":{"Bomb":{"anyOf":[{"items":{"$ref":"#/components/schemas/Bomb"},"type":"array","maxItems":1},
		{"items":{"$ref":"#/components/schemas/Bomb"},"type":"array","minItems":1}]},"Slow":{"type":"string","pattern":"^(a{1,9}b?){1,9}[^b]*c$"}}},
		"paths":{"/a":{"post":{"requestBody":{"content":{"application/json":{"schema":{"anyOf":[{"$ref":"#/components/schemas/Bomb"},{"$ref":"#/components/schemas/Slow"}]}}}},"responses":{"200":{"description":"ok"}}}}}}`), "POST", "/a")
	r := &Request{Header: http.Header{"Content-Type": {"application/json"}}}
	for name, text := range map[string]string{
		"alternatives": strings.Repeat("[", 30) + "1" + strings.Repeat("]", 30),
		"a long text":  `"` + strings.Repeat("a", 1<<20) + `"`,
	} {
		all, err := op.Body(t.Context(), r, []byte(text))
		if err != nil || !strings.Contains(told(all), "too much work") {
			t.Errorf("%s: %q, %v", name, told(all), err)
		}
	}
	for name, text := range map[string]string{
		"nested":    strings.Repeat("[", 1<<18),
		"exponents": `[1e1000000000]`,
		"digits":    `[` + strings.Repeat("9", 1<<19) + `]`,
		"values":    `[` + strings.Repeat("1,", 1<<18) + `1]`,
	} {
		if all, err := op.Body(t.Context(), r, []byte(text)); err != nil || len(all) != 1 {
			t.Errorf("%s: %q, %v", name, told(all), err)
		}
	}
}

// What cannot be compiled lets nothing through, and says why.
func TestWhatCannotBeComparedIsAnError(t *testing.T) {
	for name, schema := range map[string]string{
		"an expression that RE2 does not know": `{"type":"string","pattern":"^(?=a)b"}`,
		"an expression that is too complex":    `{"type":"string","pattern":"(a{1,50}b{1,50}){1,20}"}`,
		"a type that is none":                  `{"type":"date"}`,
		"a number that is too long":            `{"maximum":1e999}`,
		"a dynamic reference":                  `{"$dynamicRef":"#x"}`,
	} {
		pack := packOf(t, `{"openapi":"3.1.0","info":{"title":"a","version":"1"},"paths":{"/a":{"post":{"requestBody":{"content":{"application/json":{"schema":`+schema+`}}},"responses":{"200":{"description":"ok"}}}}}}`)
		d, err := Open(pack)
		if err != nil {
			t.Fatal(err)
		}
		if op, err := d.Operation("POST", "/a"); err == nil {
			t.Errorf("%s: %+v", name, op)
		} else if err := Check(t.Context(), pack, []string{"GET /none", "POST /a"}); err == nil || !strings.HasPrefix(err.Error(), "POST /a: ") {
			t.Errorf("%s: Check says %v", name, err)
		}
	}
	if err := Check(t.Context(), packOf(t, shop), []string{"GET /none", "POST /pets"}); err != nil {
		t.Errorf("a document that can be compared: %v", err)
	}
	if op, err := read(t, shop).Operation("GET", "/none"); op != nil || err != nil {
		t.Errorf("what the document does not know: %v, %v", op, err)
	}
}

func BenchmarkBody(b *testing.B) {
	op := operation(b, read(b, shop), "POST", "/pets")
	r := &Request{Header: http.Header{"Content-Type": {"application/json"}}}
	body := []byte(`{"name":"Tom","age":null,"kind":"cat","tags":["a","b"],"parent":{"name":"Kit"}}`)
	for b.Loop() {
		if all, err := op.Body(b.Context(), r, body); err != nil || len(all) > 0 {
			b.Fatal(all, err)
		}
	}
}
