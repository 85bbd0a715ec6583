package handlers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/snippet"
)

func typed(pairs ...string) *Form {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return &Form{values: values, errors: map[string]string{}}
}

var tried = openapi.Operation{
	Verb: "POST", Path: "/users/{id}/files/{path+}", ID: "x", KeyRequired: true,
	Parameters: []openapi.Parameter{
		{Name: "id", In: "path", Type: "integer", Required: true}, {Name: "kind", In: "query", Enum: []string{"a", "b"}, Required: true}, {Name: "tags", In: "query", Type: "array of string"},
		{Name: "limit", In: "query", Type: "integer", Default: "20"}, {Name: "dry", In: "query", Type: "boolean"}, {Name: "X-Trace", In: "header", Example: "t-1"},
		{Name: "Cookie", In: "header"}, {Name: "authorization", In: "header"}, {Name: "X_Forwarded_For", In: "header"}, {Name: "x-api-key", In: "header"}, {Name: "X-Gatehouse-Quote", In: "header"}, {Name: "sid", In: "cookie"}, {Name: "gatehouse", In: "cookie"},
	},
	Body: &openapi.Body{Required: true, Contents: []openapi.Content{{MediaType: "application/json", Example: `{"a":1}`}, {MediaType: "image/png"}, {MediaType: "application/x-www-form-urlencoded", Example: "a=1"}}},
}

// TestATrialBeginsWithWhatTheDocumentSays: examples are filled in, defaults stand behind, choices are lists, and nothing asks for what a page must not send.
func TestATrialBeginsWithWhatTheDocumentSays(t *testing.T) {
	v := newTrial(tried, models.DefaultKeySource(), nil).view()
	var got []string
	for _, f := range v.Fields {
		var options []string
		for _, o := range f.Options {
			options = append(options, o.Value)
		}
		got = append(got, strings.Join([]string{f.Name, f.Value, f.Placeholder, strings.Join(options, "|")}, ","))
	}
	want := []string{"path.id,,,", "path.path,,,", "query.kind,a,,a|b", "query.tags,,,", "query.limit,,20,", "query.dry,,,|true|false", "header.X-Trace,t-1,,", "cookie.sid,,,"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if *v.Body != `{"a":1}` || len(v.Kinds) != 3 || !v.BodyNeeded || v.Query != nil {
		t.Errorf("body %q, %d kinds", *v.Body, len(v.Kinds))
	}
	if want := "Not sent from here: header Cookie, header authorization, header X_Forwarded_For, header X-Gatehouse-Quote, cookie gatehouse."; v.Unsent != want {
		t.Errorf("got %q, want %q", v.Unsent, want)
	}
}

func TestATrialBecomesTheRequestThatWasTyped(t *testing.T) {
	trial := newTrial(tried, models.DefaultKeySource(), nil)
	trial.read(typed("path.id", "a/b", "path.path", "/x y/z", "query.kind", "b", "query.tags", "1, 2", "query.dry", "true", "header.X-Trace", "t", "cookie.sid", "a b;c", "cookie.gatehouse", "mine", "header.Cookie", "x", "header.x-api-key", "mine",
		"type", "application/x-www-form-urlencoded", "body", "a=2", "query", "evil=1", "method", "DELETE"))
	want := snippet.Request{Method: "POST", URL: "https://g/users/a%2Fb/files/x%20y/z?kind=b&tags=1&tags=2&dry=true", Body: "a=2",
		Headers: []snippet.Header{{Name: "X-Trace", Value: "t"}, {Name: "Cookie", Value: "sid=a%20b%3Bc"}, {Name: "x-api-key", Env: "T_KEY"}, {Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}}
	if diff := cmp.Diff(want, trial.request("https://g", "T_KEY")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, h := range trial.request("https://g", "").Headers {
		if h.Env != "" || strings.EqualFold(h.Name, "x-api-key") {
			t.Errorf("what is sent has the header %+v", h)
		}
	}
	if !trial.check() {
		t.Error("it is refused")
	}
}

// signup is a form that is a model of models.
func signup(mediaType, example string) (openapi.Operation, modelOfSlug) {
	models := map[string]*openapi.Schema{
		"new": {Required: []string{"name"}, AllOf: []openapi.Schema{{Ref: "person"}}, Properties: []openapi.Property{{Name: "plan", Schema: openapi.Schema{Ref: "plan"}}, {Name: "id", Schema: openapi.Schema{ReadOnly: true}}}},
		"person": {Required: []string{"agreed"}, AllOf: []openapi.Schema{{Ref: "new"}}, Properties: []openapi.Property{{Name: "name", Schema: openapi.Schema{Type: "string"}}, {Name: "agreed", Schema: openapi.Schema{Type: "boolean", Default: "true"}},
			{Name: "tags", Schema: openapi.Schema{Type: "array of string"}}}},
		"plan": {Type: "string", Enum: []string{"free", "growth"}},
	}
	op := openapi.Operation{Verb: "POST", Path: "/signup", ID: "x", Body: &openapi.Body{Required: true, Contents: []openapi.Content{{MediaType: mediaType, Example: example, Schema: &openapi.Schema{Ref: "new"}}, {MediaType: "application/json", Example: "{}"}}}}
	return op, func(slug string) *openapi.Schema { return models[slug] }
}

// A form has the fields of its schema, with the values of its example, and becomes what a browser would send; models that hold each other end.
func TestAFormIsFilledInByItsFields(t *testing.T) {
	for _, example := range []string{`{"name": "Ana & co", "plan": "growth"}`, "name=Ana+%26+co&plan=growth"} {
		op, model := signup(urlencoded, example)
		v := newTrial(op, models.DefaultKeySource(), model).view()
		var got []string
		for _, f := range v.Parts {
			got = append(got, fmt.Sprint(f.Name, "=", f.Value, " ", f.Required, len(f.Options)))
		}
		if diff := cmp.Diff([]string{"body.plan=growth false 3", "body.name=Ana & co true 0", "body.agreed=true true 2", "body.tags= false 0"}, got); diff != "" || v.Body != nil || v.Form != urlencoded {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	op, model := signup(urlencoded, "")
	trial := newTrial(op, models.DefaultKeySource(), model)
	trial.read(typed("shape", urlencoded, "type", urlencoded, "body.name", "a=b&c é", "body.agreed", "false", "body.tags", "x, y", "body.id", "7"))
	request := trial.request("https://g", "")
	if want := "name=a%3Db%26c+%C3%A9&agreed=false&tags=x&tags=y"; !trial.check() || request.Body != want || request.Headers[0].Value != urlencoded {
		t.Errorf("got %+v, want %s", request, want)
	}
	if trial.read(typed("shape", urlencoded, "type", urlencoded, "body.agreed", "true")); trial.check() || trial.forms[urlencoded][1].problem == "" {
		t.Error("a name that is needed is not asked for")
	}
}

// Who chose another type of body is shown its fields before anything is sent.
func TestAnotherTypeOfBodyIsNotSentUnseen(t *testing.T) {
	op, model := signup(urlencoded, "name=Ana")
	trial := newTrial(op, models.DefaultKeySource(), model)
	trial.read(typed("shape", urlencoded, "type", "application/json", "body.name", "Eve"))
	if trial.body != "{}" || trial.check() || trial.kindProblem == "" {
		t.Errorf("%q is sent", trial.body)
	}
	if trial.read(typed("shape", "", "type", "application/json", "body", `{"a":1}`)); trial.body != `{"a":1}` {
		t.Errorf("got %q", trial.body)
	}
}

// A form with files is sent with what was chosen, and its code names it; a file that is missing or too large is asked for at its field.
func TestAFormWithFilesIsSentAsItWasChosen(t *testing.T) {
	op := openapi.Operation{Verb: "POST", Path: "/photos", ID: "x", Body: &openapi.Body{Contents: []openapi.Content{{MediaType: multiparts, Example: `{"title":"Sun","photo":"string"}`, Schema: &openapi.Schema{
		Required: []string{"photo"}, Properties: []openapi.Property{{Name: "title", Schema: openapi.Schema{Type: "string"}}, {Name: "photo", Schema: openapi.Schema{Type: "string (binary)"}},
			{Name: "more", Schema: openapi.Schema{Type: "array of any", Items: &openapi.Schema{Extra: `{"contentMediaType":"image/png"}`}}}}}}}}}
	trial := newTrial(op, models.DefaultKeySource(), nil)
	v := trial.view()
	if got := fmt.Sprint(v.Parts[0].Value, v.Parts[0].File, v.Parts[1].File, v.Parts[1].Several, v.Parts[2].File, v.Parts[2].Several, v.Parts[1].Value, v.Files); got != "Sunfalse true false true truetrue" {
		t.Errorf("got %s", got)
	}
	form := typed("shape", multiparts, "type", multiparts, "body.title", "A & b")
	trial.read(form)
	if trial.check() || trial.forms[multiparts][1].problem == "" {
		t.Error("a file that is needed is not asked for")
	}
	want := []snippet.Part{{Name: "title", Value: "A & b"}, {Name: "photo", File: "file.bin"}}
	if diff := cmp.Diff(want, trial.request("https://g", "").Form); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	chosen := map[string][]sentFile{"body.photo": {{name: "a b.png", kind: "image/png", data: []byte("\x89PNG\r\n\x00")}}, "body.more": {{name: "1", data: []byte("x")}, {name: "2"}}}
	form.files = func(field string) ([]sentFile, error) { return chosen[field], nil }
	if err := trial.readFiles(form); err != nil || !trial.check() {
		t.Fatalf("%v, it is refused", err)
	}
	sent, err := trial.sent("https://g")
	if err != nil {
		t.Fatal(err)
	}
	call := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(sent.Body))
	call.Header.Set("Content-Type", sent.Headers[len(sent.Headers)-1].Value)
	parts, err := call.MultipartReader()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for part, err := parts.NextPart(); err == nil; part, err = parts.NextPart() {
		data, _ := io.ReadAll(part)
		got = append(got, strings.Join([]string{part.FormName(), part.FileName(), part.Header.Get("Content-Type"), string(data)}, "|"))
	}
	if diff := cmp.Diff([]string{"title|||A & b", "photo|a b.png|image/png|\x89PNG\r\n\x00", "more|1|application/octet-stream|x", "more|2|application/octet-stream|"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	chosen["body.photo"][0].data = make([]byte, maxTrialFile+1)
	if err := trial.readFiles(form); err != nil || trial.check() || !strings.Contains(trial.forms[multiparts][1].problem, "at most 1\u00a0MB") {
		t.Errorf("a large file: %v, %q", err, trial.forms[multiparts][1].problem)
	}
}

// A body that is no text is a file, sent byte for byte with the type of the document, or its own where the document allows several.
func TestABodyThatIsNoTextIsAFile(t *testing.T) {
	for mediaType, want := range map[string]string{"image/png": "image/png", "application/octet-stream": "application/octet-stream", "image/*": "image/gif"} {
		op := openapi.Operation{Verb: "PUT", Path: "/photo", ID: "x", Body: &openapi.Body{Required: true, Contents: []openapi.Content{{MediaType: mediaType}}}}
		trial := newTrial(op, models.DefaultKeySource(), nil)
		form := typed("shape", mediaType)
		if trial.read(form); trial.check() {
			t.Error("a file that is needed is not asked for")
		}
		if request := trial.request("https://g", ""); !strings.HasPrefix(request.File, "file.") {
			t.Errorf("code of %s sends %q", mediaType, request.File)
		}
		form.files = func(string) ([]sentFile, error) {
			return []sentFile{{name: "x.gif", kind: "image/gif", data: []byte("\x00\xff")}}, nil
		}
		if err := trial.readFiles(form); err != nil || !trial.check() {
			t.Fatalf("%v, it is refused", err)
		}
		if sent, err := trial.sent("https://g"); err != nil || sent.Body != "\x00\xff" || sent.Headers[0].Value != want || sent.File != "" {
			t.Errorf("%s: %v %+v", mediaType, err, sent)
		}
	}
}

func TestAnExampleThatNobodyChangedGoesWithItsType(t *testing.T) {
	for body, want := range map[string]string{`{"a":1}`: "a=1", `{"a":2}`: `{"a":2}`, "": ""} {
		trial := newTrial(tried, models.DefaultKeySource(), nil)
		trial.read(typed("type", "application/x-www-form-urlencoded", "body", body))
		if trial.body != want {
			t.Errorf("%q becomes %q, want %q", body, trial.body, want)
		}
	}
	trial := newTrial(tried, models.DefaultKeySource(), nil)
	if trial.read(typed("type", "text/unknown", "body", "x")); trial.kind != "application/json" {
		t.Errorf("a type that the operation does not take is kept: %q", trial.kind)
	}
}

func TestATrialSaysWhatIsMissingAtItsField(t *testing.T) {
	trial := newTrial(tried, models.DefaultKeySource(), nil)
	trial.read(typed("query.kind", "", "header.X-Trace", "a\r\nX-Evil: 1", "path.path", "x"))
	if trial.check() {
		t.Fatal("it is sound")
	}
	var got []string
	for _, f := range trial.fields {
		if f.problem != "" {
			got = append(got, f.name())
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"header.X-Trace", "path.id", "query.kind"}, got); diff != "" || trial.bodyProblem == "" {
		t.Errorf("(-want +got):\n%s\nbody: %q", diff, trial.bodyProblem)
	}
}

func TestListsInAQueryAreOneParameterEach(t *testing.T) {
	list := openapi.Parameter{Type: "array of integer"}
	for value, want := range map[string][]string{"1,2": {"1", "2"}, "[1, 12345678901234567890]": {"1", "12345678901234567890"}, `["a,b","c"]`: {"a,b", "c"}, "one": {"one"}, `{"a":1}`: {`{"a":1}`}} {
		if got, _ := several(list, value); !slices.Equal(got, want) {
			t.Errorf("%q becomes %q, want %q", value, got, want)
		}
	}
	if got := inQuery(openapi.Parameter{Name: "a", Type: "string"}, "1,2"); !slices.Equal(got, []string{"a=1%2C2"}) {
		t.Errorf("a text with a comma becomes %q", got)
	}
}

// Lists and objects are written as the document says (OpenAPI 3.1, 4.8.12.6): an upstream that splits them in another way sees other values.
func TestListsAndObjectsAreWrittenInTheirStyle(t *testing.T) {
	const list, thing = `["blue","b c"]`, `{"R":100,"G":"2 0"}`
	for _, test := range []struct{ in, style, list, object string }{
		{"query", "", "c=blue&c=b+c", "R=100&G=2+0"},
		{"query", "values separated by commas", "c=blue,b+c", "c=R,100,G,2+0"},
		{"query", "style spaceDelimited", "c=blue%20b+c", "R=100&G=2+0"},
		{"query", "separated as pipes", "c=blue%7Cb+c", "R=100&G=2+0"},
		{"query", "style deepObject", "c=blue&c=b+c", "c%5BR%5D=100&c%5BG%5D=2+0"},
		{"query", "written as application/json", "c=%5B%22blue%22%2C%22b+c%22%5D", "c=%7B%22R%22%3A100%2C%22G%22%3A%222+0%22%7D"},
		{"path", "", "blue,b%20c", "R,100,G,2%200"},
		{"path", "exploded", "blue,b%20c", "R=100,G=2%200"},
		{"path", "style label", ".blue,b%20c", ".R,100,G,2%200"},
		{"path", "style label, exploded", ".blue.b%20c", ".R=100.G=2%200"},
		{"path", "style matrix", ";c=blue,b%20c", ";c=R,100,G,2%200"},
		{"path", "style matrix, exploded", ";c=blue;c=b%20c", ";R=100;G=2%200"},
	} {
		write := func(kind, value string) string {
			p := openapi.Parameter{Name: "c", In: test.in, Type: kind, Style: test.style}
			if test.in == "query" {
				return strings.Join(inQuery(p, value), "&")
			}
			return inPlace(p, value, url.PathEscape)
		}
		if got := write("array of string", list); got != test.list {
			t.Errorf("a list in %s, %q: got %s, want %s", test.in, test.style, got, test.list)
		}
		if got := write("object", thing); got != test.object {
			t.Errorf("an object in %s, %q: got %s, want %s", test.in, test.style, got, test.object)
		}
	}
}
