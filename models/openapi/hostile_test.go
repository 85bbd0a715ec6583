package openapi

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const head = "openapi: 3.0.3\ninfo: {title: Hostile, version: '1'}\n"

const oneGet = "paths:\n  /a:\n    get:\n      responses:\n        '200': {description: ok}\n"

// refChain is a row of n schemas, each being the next by a reference alone.
func refChain(n int) string {
	var b strings.Builder
	b.WriteString(head + withSchema("#/components/schemas/S0") + "components:\n  schemas:\n")
	for i := range n {
		fmt.Fprintf(&b, "    S%d: {$ref: '#/components/schemas/S%d'}\n", i, i+1)
	}
	fmt.Fprintf(&b, "    S%d: {type: string}\n", n)
	return b.String()
}

// refStairs is a row of n schemas, each with the next as a property.
func refStairs(n int) string {
	var b strings.Builder
	b.WriteString(head + withSchema("#/components/schemas/S0") + "components:\n  schemas:\n")
	for i := range n {
		fmt.Fprintf(&b, "    S%d: {type: object, properties: {next: {$ref: '#/components/schemas/S%d'}}}\n", i, i+1)
	}
	fmt.Fprintf(&b, "    S%d: {type: string}\n", n)
	return b.String()
}

// doubling is a row of n schemas, each made of the next in two ways: 2^n paths lead through it.
func doubling(n int, how string) string {
	var b strings.Builder
	b.WriteString(head + withSchema("#/components/schemas/S0") + "components:\n  schemas:\n")
	for i := range n {
		next := fmt.Sprintf("{$ref: '#/components/schemas/S%d'}", i+1)
		fmt.Fprintf(&b, "    S%d: {%s}\n", i, strings.ReplaceAll(how, "NEXT", next))
	}
	fmt.Fprintf(&b, "    S%d: {type: string}\n", n)
	return b.String()
}

func withSchema(ref string) string {
	return "paths:\n  /a:\n    post:\n      requestBody:\n        content:\n          application/json:\n            schema: {$ref: '" + ref +
		"'}\n      responses:\n        '200': {description: ok}\n"
}

// laughs is the classic: each level repeats the one before ten times.
func laughs(levels int, where string) string {
	var b strings.Builder
	b.WriteString(head + "x-a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "x-a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return b.String() + fmt.Sprintf(where, levels)
}

func manyKeys(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestHostileDocumentsAreAnsweredAndHarmNobody would fail if a document could hang, crash or fill this process: each is
// answered in time with a reason, or read, by a Reader that works on afterwards.
func TestHostileDocumentsAreAnsweredAndHarmNobody(t *testing.T) {
	reader := NewReader(buildChild(t))
	deepJSON := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	for _, test := range []struct{ name, document, reason string }{
		{"empty", "", "is empty"},
		{"only spaces", " \n\t\n", "is empty"},
		{"only a comment", "# nothing\n", "not an OpenAPI document"},
		{"html", "<!DOCTYPE html><html></html>", "HTML or XML"},
		{"gzip", "\x1f\x8b\x08\x00\x00", "gzip"},
		{"zip", "PK\x03\x04rest", "ZIP"},
		{"utf-16", "\xff\xfeo\x00p\x00", "UTF-16"},
		{"nul", head + "x: a\x00b\n", "line 3, column 5: There is a control character (0x00)"},
		{"nul escaped", `{"openapi":"3.0.0","info":{"title":"a\u0000b"}}`, "line 1, column 36: This text holds the character NUL"},
		{"not utf-8", head + "x: \xc3\x28\n", "line 3, column 4: The byte 0xC3 here is not UTF-8"},
		{"truncated utf-8", head + "x: \xe2\x82", "not UTF-8"},
		{"too large", strings.Repeat(" ", MaxBytes) + "{}", "larger than 20 MB"},
		{"a text", "hello", "This is a text"},
		{"a number", "42", "This is a text"},
		{"a list", "[1, 2]", "This is a list"},
		{"openapi 4", "openapi: 4.0.0\n", `OpenAPI "4.0.0" cannot be read`},
		{"openapi 3.9", "openapi: 3.9.0\n", `OpenAPI "3.9.0" cannot be read`},
		{"openapi nothing", "openapi:\npaths: {}\n", `OpenAPI "" cannot be read`},
		{"openapi a map", "openapi: {a: b}\n", `cannot be read`},
		{"swagger 1.2", `{"swagger": "1.2"}`, `Swagger "1.2" cannot be read`},
		{"asyncapi", "asyncapi: 2.6.0\n", "AsyncAPI"},
		{"postman", `{"info": {"name": "x"}, "item": []}`, "Postman"},
		{"version only deep inside", "info: {openapi: 3.0.0}\n", `does not begin with "openapi"`},
		{"json cut off", `{"openapi": "3.0.0", "info": {`, "line 1, column 31: The document ends before its JSON is complete"},
		{"json with a comma", "{\"openapi\": \"3.0.0\",\n \"info\": }", "line 2, column 10: This is not valid JSON"},
		{"yaml with a tab", "openapi: 3.0.0\n\tinfo: x\n", "line 2, column 1: This is not valid YAML"},
		{"yaml unknown anchor", head + "x: *nobody\n", "line 3, column 4"},
		{"duplicate key", head + oneGet + "paths: {}\n", `line 8, column 1: The key "paths" is here a second time; it is also in line 3`},
		{"duplicate key json", `{"openapi":"3.0.0","info":{"title":"a","title":"b"}}`, `line 1, column 40: The key "title"`},
		{"key that is a map", head + "? {a: b}\n: c\n", "line 3, column 3: A key must be a text"},
		{"alias inside itself", head + "x-a: &a {b: *a}\n", "line 3, column 13: The alias *a stands inside"},
		{"merge of itself", head + "x-a: &a\n  <<: *a\n", "The alias *a stands inside"},
		{"deep lists", head + "x: " + deepJSON, "nested"},
		{"deep json", `{"openapi":"3.0.0","x":` + deepJSON + "}", "nested"},
		{"deep json, not closed", strings.Repeat(`{"a":`, 50_000), "nested"},
		{"deep blocks", head + manyKeysDeep(2_000), "nested"},
		{"200 levels", head + "x: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), "nested more than 100 levels"},
		{"depth by aliases", laughsDeep(30), "nested more than 100 levels"},
		{"billion laughs", laughs(9, "paths: {}\n#%d"), "more than 5 million parts"},
		{"billion laughs in paths", laughs(9, "paths: {/a: {get: {tags: *a%d}}}\n"), "more than 5 million parts"},
		{"100,000 keys", head + "paths:\n" + manyKeys(100_000, "  /p%d: {get: {responses: {'200': {description: ok}}}}\n"), "has 100000 keys"},
		{"100,000 anchors", head + "x:\n" + manyKeys(100_000, "  - &a%d 1\n") + "paths: {}\n", ""},
		{"paths elsewhere", head + "paths: {$ref: './paths.yaml'}\n", "line 3, column 15: The document keeps its operations in another file (./paths.yaml)"},
		{"paths a list", head + "paths: [a]\n", `"paths" must be a set of paths`},

		{"a million laughs", laughs(5, oneGet+"#%d"), ""},
		{"a reference to itself", head + withSchema("#/components/schemas/A") + "components: {schemas: {A: {$ref: '#/components/schemas/A'}}}\n", ""},
		{"two references in a circle", head + withSchema("#/components/schemas/A") +
			"components: {schemas: {A: {$ref: '#/components/schemas/B'}, B: {$ref: '#/components/schemas/A'}}}\n", ""},
		{"two schemas in a circle", head + withSchema("#/components/schemas/A") +
			"components: {schemas: {A: {properties: {b: {$ref: '#/components/schemas/B'}}}, B: {properties: {a: {$ref: '#/components/schemas/A'}}}}}\n", ""},
		{"allOf in a circle", head + withSchema("#/components/schemas/A") +
			"components: {schemas: {A: {allOf: [{$ref: '#/components/schemas/B'}]}, B: {allOf: [{$ref: '#/components/schemas/A'}]}}}\n", ""},
		{"items in a circle", head + withSchema("#/components/schemas/A") +
			"components: {schemas: {A: {type: array, items: {$ref: '#/components/schemas/A'}}}}\n", ""},
		{"paths in a circle", head + "paths: {/a: {$ref: '#/paths/~1b'}, /b: {$ref: '#/paths/~1a'}}\n", ""},
		{"a path inside its callback", head + "paths: {/a: {get: {callbacks: {c: {'{$url}': {$ref: '#/paths/~1a'}}}, responses: {'200': {description: ok}}}}}\n", ""},
		{"headers in a circle", head + oneGet + "components: {headers: {H: {content: {a/b: {encoding: {e: {headers: {X: {$ref: '#/components/headers/H'}}}}}}}}}\n", ""},
		{"the document inside itself", head + withSchema("#/") + "\n", ""},
		{"parameters that are the paths", head + "paths: {/a: {parameters: {$ref: '#/paths'}, get: {responses: {$ref: '#/paths/~1a'}}}}\n", ""},
		{"chain of 5,000 references", refChain(5_000), ""},
		{"stairs of 5,000 references", refStairs(5_000), ""},
		{"doubling allOf", doubling(60, "allOf: [NEXT, NEXT]"), ""},
		{"doubling oneOf", doubling(60, "oneOf: [NEXT, NEXT]"), ""},
		{"doubling properties", doubling(60, "properties: {a: NEXT, b: NEXT}"), ""},
		{"tenfold properties", doubling(10, "properties: {a: NEXT, b: NEXT, c: NEXT, d: NEXT, e: NEXT, f: NEXT, g: NEXT, h: NEXT, i: NEXT, j: NEXT}"), ""},
		{"20,000 keys", head + "paths:\n" + manyKeys(20_000, "  /p%d: {get: {responses: {'200': {description: ok}}}}\n"), ""},
		{"20,000 schemas", head + oneGet + "components:\n  schemas:\n" + manyKeys(20_000, "    S%d: {type: object, properties: {a: {$ref: '#/components/schemas/S1'}}}\n"), ""},
		{"a text of 10 MB", head + "x: " + strings.Repeat("y", 10<<20) + "\n" + oneGet, ""},
		{"a title of 10 MB", "openapi: 3.0.3\ninfo: {title: '" + strings.Repeat("y ", 5<<20) + "', version: '1'}\n" + oneGet, ""},
		{"a pattern of 1 MB", head + oneGet + "components: {schemas: {A: {type: string, pattern: '" + strings.Repeat("(a+)+", 200_000) + "'}}}\n", ""},
		{"a number of 1 MB", head + oneGet + "components: {schemas: {A: {type: number, maximum: " + strings.Repeat("9", 1<<20) + "}}}\n", ""},
		{"wrong kinds", "openapi: 3.0.3\ninfo: [1]\nservers: 5\ntags: {a: b}\nsecurity: x\ncomponents: [1]\npaths: {/a: 5, /b: [1], /c: {get: 7, put: [], post: {parameters: 9, responses: x, requestBody: [], tags: y, security: {a: b}}}}\n", ""},
		{"extensions of the wrong kinds", head + "x-amazon-apigateway-binary-media-types: 5\nservers: [{url: [a], variables: 5, x-amazon-apigateway-endpoint-configuration: [1]}, 7]\nsecurity: {a: b}\n" +
			"paths: {/a: {get: {x-amazon-apigateway-integration: [1], x-amazon-apigateway-auth: x, security: [{a: 5}], responses: {'200': {headers: [1], content: {a/b: 5, c/d: {schema: [1]}}}}}}}\n" +
			"components: {securitySchemes: {a: 5, b: {x-amazon-apigateway-authorizer: 5}}}\n", ""},
		{"an integration inside itself", head + "paths: {/a: {get: {x-amazon-apigateway-integration: {$ref: '#/paths/~1a/get'}, responses: {'200': {description: ok}}}}}\n", ""},
		{"laughs in an integration", laughs(5, "paths: {/a: {get: {x-amazon-apigateway-integration: {uri: *a%d}, responses: {'200': {description: ok}}}}}\n"), ""},
		{"a body inside itself", head + "paths: {/a: {post: {requestBody: {content: {a/b: {schema: {items: {$ref: '#/paths/~1a/post/requestBody/content/a~1b/schema'}}}}}, responses: {'200': {description: ok}}}}}\n", ""},
		{"wrong kinds in 2.0", "swagger: '2.0'\ninfo: 7\nhost: [a]\nschemes: x\nconsumes: {a: b}\ndefinitions: 3\npaths: {/c: {post: {parameters: 9, responses: [], tags: y, consumes: 1}, get: {parameters: [5, {in: body, schema: 5}], responses: {'200': 5}}}}\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := reader.Read(t.Context(), []byte(test.document))
			var refused *ReadError
			switch {
			case err == nil && test.reason == "":
			case !errors.As(err, &refused):
				t.Errorf("got %v, want a ReadError", err)
			case test.reason == "" || !strings.Contains(err.Error(), test.reason):
				t.Errorf("got %q (%v), want %q", err, refused.Unwrap(), test.reason)
			}
		})
	}
}

// manyKeysDeep is a block of n mappings, each inside the one before.
func manyKeysDeep(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "k:\n")
	}
	return b.String()
}

// laughsDeep has no part nested deeply, but aliases that are when they are followed.
func laughsDeep(levels int) string {
	var b strings.Builder
	b.WriteString(head + "x0: &a0 [[[[[lol]]]]]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "x%d: &a%d [[[[[*a%d]]]]]\n", i, i, i-1)
	}
	return b.String()
}

// buildChild makes the child as it is released: the race detector's own memory does not fit into the child's limits.
func buildChild(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "child")
	if out, err := exec.Command("go", "build", "-o", path, "./testdata/child").CombinedOutput(); err != nil {
		t.Fatalf("build the child: %v\n%s", err, out)
	}
	return path
}
