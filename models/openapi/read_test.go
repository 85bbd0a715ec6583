package openapi

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write the goldens anew")

// TestDocumentsAreDescribedAsTheGoldensSay would show any change in what owners and developers read.
func TestDocumentsAreDescribedAsTheGoldensSay(t *testing.T) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			got := mustRead(t, string(mustFile(t, name)))
			golden := filepath.Join("testdata/golden", filepath.Base(name)+".json")
			if *update {
				indented, err := json.MarshalIndent(got, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, append(indented, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var want Description
			if err := json.Unmarshal(mustFile(t, golden), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Description{})); diff != "" {
				t.Errorf("description (-want +got):\n%s", diff)
			}
		})
	}
}

// TestJSONAndYAMLSayTheSame would fail if the way to write a document changed what it says.
func TestJSONAndYAMLSayTheSame(t *testing.T) {
	fromJSON := mustRead(t, string(mustFile(t, "testdata/petstore-3.1.json")))
	fromYAML := mustRead(t, string(mustFile(t, "testdata/petstore-3.1.yaml")))
	if diff := cmp.Diff(fromJSON, fromYAML, cmp.AllowUnexported(Description{}, component{})); diff != "" {
		t.Errorf("json and yaml differ (-json +yaml):\n%s", diff)
	}
}

// TestKeyIsRequiredAsSecuritySays: an operation that wrongly needs no key is open to the world.
func TestKeyIsRequiredAsSecuritySays(t *testing.T) {
	for _, test := range []struct {
		name, document, operation string
		secured, required         bool
	}{
		{"nothing is said", "", "", false, false},
		{"the document requires", "security: [{key: []}]", "", true, true},
		{"the operation requires", "", "security: [{key: []}]", true, true},
		{"the operation opens itself", "security: [{key: []}]", "security: []", true, false},
		{"the operation opens itself by an empty alternative", "security: [{key: []}]", "security: [{}]", true, false},
		{"one of two alternatives is empty", "", "security: [{key: []}, {}]", true, false},
		{"two alternatives, none empty", "", "security: [{key: []}, {oauth: [read]}]", true, true},
		{"the document opens", "security: []", "", true, false},
		{"the document's alternative is empty", "security: [{}, {key: []}]", "", true, false},
		{"not in a list", "", "security: {key: []}", true, true},
		{"a name in a list", "", "security: [key]", true, true},
		{"a name", "", "security: key", true, true},
		{"left empty", "security: [{key: []}]", "security:", true, true},
		{"the operation requires where the document opens", "security: []", "security: [{key: []}]", true, true},
	} {
		for _, version := range []string{"openapi: 3.0.3", "openapi: 3.1.0", "swagger: '2.0'"} {
			t.Run(test.name+" in "+version, func(t *testing.T) {
				got := mustRead(t, version+"\ninfo: {title: T, version: '1'}\n"+test.document+
					"\npaths:\n  /a:\n    get:\n      responses: {'200': {description: ok}}\n      "+test.operation+"\n")
				if got.Secured != test.secured || got.Operations[0].KeyRequired != test.required {
					t.Errorf("got secured %v, required %v; want %v, %v",
						got.Secured, got.Operations[0].KeyRequired, test.secured, test.required)
				}
			})
		}
	}
}

// TestPathsThatCannotBeServedAreLeftOut would fail if an operation could be imported that no request can reach, or that
// is reached by what another operation's limits are meant for.
func TestPathsThatCannotBeServedAreLeftOut(t *testing.T) {
	for _, test := range []struct{ name, path, warning string }{
		{"plain", "/a", ""},
		{"root", "/", ""},
		{"parameter", "/a/{id}/b", ""},
		{"part of a segment", "/a/{name}.json", ""},
		{"greedy", "/a/{proxy+}", ""},
		{"trailing slash", "/a/", ""},
		{"no slash", "a", `does not begin with "/"`},
		{"empty", "", `does not begin with "/"`},
		{"absolute", "https://example.com/a", `does not begin with "/"`},
		{"double slash", "/a//b", `holds "//"`},
		{"dot dot", "/a/../b", `"." or ".." segment`},
		{"encoded dots", "/a/%2e%2E/b", `"." or ".." segment`},
		{"line break", "/a\r\nX: y", "control character"},
		{"escape", "/a\x1b[31m", "control character"},
		{"reversed text", "/a\u202eb", "control character"},
		{"space", "/a b", "space"},
		{"backslash", `/a\b`, "backslash"},
		{"query", "/a?b=c", `"?" or "#"`},
		{"fragment", "/a#b", `"?" or "#"`},
		{"open brace", "/a/{id", "{ or }"},
		{"empty parameter", "/a/{}", "{ or }"},
		{"greedy in the middle", "/{proxy+}/a", "greedy"},
		{"greedy in part of a segment", "/a/x{proxy+}", "greedy"},
		{"long", "/" + strings.Repeat("a", 5000), "too long"},
		{"same as another", "/same/{b}", "matches the same requests as /same/{a}"},
		{"same but for a slash", "/same/{b}/", "matches the same requests as /same/{a}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			document, err := json.Marshal(map[string]any{
				"openapi": "3.0.3", "info": map[string]any{"title": "T", "version": "1"},
				"paths": json.RawMessage(`{"/same/{a}": {"get": {"responses": {}}}, ` + mustJSON(t, test.path) + `: {"get": {"responses": {}}}}`),
			})
			if err != nil {
				t.Fatal(err)
			}
			got := mustRead(t, string(document))
			taken := len(got.Operations) == 2
			if taken != (test.warning == "") {
				t.Fatalf("taken %v, want warning %q; operations %v, warnings %v", taken, test.warning, got.Operations, got.Warnings)
			}
			if test.warning != "" && !warns(got, test.warning) {
				t.Errorf("got warnings %v, want %q", got.Warnings, test.warning)
			}
		})
	}
}

// TestWhatIsDescribedTwiceIsAsClosedAsEither: one of two descriptions of the same requests must not open the other.
func TestWhatIsDescribedTwiceIsAsClosedAsEither(t *testing.T) {
	got := mustRead(t, "openapi: 3.0.3\ninfo: {title: T, version: '1'}\npaths:\n"+
		"  /a/{x}: {get: {responses: {}}}\n  /a/{y}: {get: {security: [{key: []}], responses: {}}}\n")
	if len(got.Operations) != 1 || !got.Operations[0].KeyRequired {
		t.Errorf("got %v, want one operation that requires a key", got.Operations)
	}
}

// TestWhatCannotBeFollowedIsLeftOutWithAWarning: a document with one bad reference is still a good document.
func TestWhatCannotBeFollowedIsLeftOutWithAWarning(t *testing.T) {
	for _, test := range []struct{ name, schema, warning string }{
		{"to the network", "{$ref: 'http://127.0.0.1:1/x.yaml'}", "leads out of the document"},
		{"to a file", "{$ref: '/etc/passwd'}", "leads out of the document"},
		{"to a file nearby", "{$ref: './pet.yaml#/Pet'}", "leads out of the document"},
		{"to nothing", "{$ref: '#/components/schemas/Nobody'}", "nothing stands there"},
		{"to itself", "{$ref: '#/components/schemas/Loop'}", "leads back to itself"},
		{"to everything", "{$ref: '#'}", "nothing stands there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := mustRead(t, "openapi: 3.0.3\ninfo: {title: T, version: '1'}\npaths:\n  /a:\n    get:\n      responses:\n        '200':\n"+
				"          description: ok\n          content: {application/json: {schema: "+test.schema+"}}\n"+
				"components: {schemas: {Loop: {$ref: '#/components/schemas/Loop'}}}\n")
			if len(got.Operations) != 1 || !warns(got, test.warning) {
				t.Errorf("got %d operations, warnings %v; want 1, %q", len(got.Operations), got.Warnings, test.warning)
			}
			for _, w := range got.Warnings {
				if !strings.HasPrefix(w.Where, "line ") {
					t.Errorf("got warning %v without a line", w)
				}
			}
		})
	}
}

// TestTextsAreCleanAndShort would fail if a document could put control characters or a book into a heading.
func TestTextsAreCleanAndShort(t *testing.T) {
	got := mustRead(t, `{"openapi":"3.0.3","info":{"title":"\u001b[31mA\r\nB\u202e\u0007  C","version":"`+strings.Repeat("9", 9999)+
		`","description":"one\r\n\ttwo\u0007x\u202e"},"paths":{"/a":{"get":{"summary":"`+strings.Repeat("é", 9999)+`","responses":{}}}}}`)
	if want := "[31mA B C"; got.Title != want {
		t.Errorf("got title %q, want %q", got.Title, want)
	}
	if want := "one\n\ttwo x"; got.Text != want {
		t.Errorf("got text %q, want %q", got.Text, want)
	}
	if len(got.Version) > maxName || len(got.Operations[0].Summary) > maxSummary {
		t.Errorf("got %d and %d bytes, want at most %d and %d", len(got.Version), len(got.Operations[0].Summary), maxName, maxSummary)
	}
}

func warns(d Description, text string) bool {
	for _, w := range d.Warnings {
		if strings.Contains(w.Text, text) {
			return true
		}
	}
	return false
}

func mustRead(t *testing.T, document string) Description {
	t.Helper()
	d, err := read([]byte(document))
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return d
}

func mustFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustJSON(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func mustOpen(t *testing.T, pack []byte) *Reference {
	t.Helper()
	r, err := OpenReference(pack)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
