package openapi

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/libopenapi"
)

// rewritten is a document as callers get it, with all of its operations but those that leave drops.
func rewritten(t *testing.T, document string, leave func(Operation) bool) []byte {
	t.Helper()
	pack, err := mustRead(t, document).Pack()
	if err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, pack)
	w := Rewrite{
		Title: "T", Server: "https://gateway.example.com/t/prod", Key: KeyPlace{In: "header", Name: "x-api-key"},
		Answers: []RewriteAnswer{{Status: 403, Text: "The key may not."}, {Status: 429, Text: "A limit is reached.", Headers: []string{"Retry-After"}}},
		Headers: []RewriteHeader{{"RateLimit", "What remains."}, {"Retry-After", "Seconds."}},
	}
	for _, op := range r.Operations {
		if leave == nil || leave(op) {
			w.Operations = append(w.Operations, RewriteOperation{Verb: op.Verb, Path: op.Path, KeyRequired: op.KeyRequired, Plans: []string{"Free"}})
		}
	}
	text, err := r.Rewrite(w)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRewrittenDocumentsAreValid: a client generator must be able to read what we hand out, in the version that the owner chose.
func TestRewrittenDocumentsAreValid(t *testing.T) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text := rewritten(t, string(mustFile(t, name)), nil)
			document, err := libopenapi.NewDocument(text)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if strings.HasPrefix(document.GetSpecInfo().Version, "2") {
				_, err = document.BuildV2Model()
			} else {
				_, err = document.BuildV3Model()
			}
			if err != nil {
				t.Errorf("%v\n%s", err, text)
			}
			again := mustRead(t, string(text))
			for _, w := range again.Warnings {
				if strings.Contains(w.Text, "reference") || strings.Contains(w.Text, "not described") {
					t.Errorf("%v", w)
				}
			}
			if len(again.Servers) != 1 || again.Servers[0] != "https://gateway.example.com/t/prod" {
				t.Errorf("servers %v", again.Servers)
			}
			for _, op := range again.Operations {
				if len(op.Security) != 1 || op.Security[0] != addedKey && op.Security[0] != "nothing" {
					t.Errorf("%s asks for %v", op.Name(), op.Security)
				}
			}
		})
	}
}

const twoOperations = `openapi: 3.0.3
info: {title: T, version: '1', x-secret-hint: 1}
servers: [{url: 'https://upstream.example.com'}]
security: [{oauth: [read]}]
tags: [{name: shown}, {name: hidden}]
paths:
  /shown/{id}:
    servers: [{url: 'https://other.example.com'}]
    get:
      tags: [shown]
      operationId: getShown
      x-amazon-apigateway-integration: {uri: 'http://10.0.0.1'}
      responses:
        '200': {$ref: '#/components/responses/Good'}
        '429': {description: Slow down, headers: {Retry-After: {schema: {type: integer}}}}
  /hidden:
    get:
      tags: [hidden]
      security: []
      responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Hidden'}}}}}
components:
  securitySchemes: {oauth: {type: http, scheme: bearer}}
  responses: {Good: {description: Good, content: {application/json: {schema: {$ref: '#/components/schemas/Shown'}}}}}
  schemas:
    Shown: {type: object, properties: {part: {$ref: '#/components/schemas/Part'}}}
    Part: {type: string}
    Hidden: {type: object}
`

// TestRewrittenDocumentsSayWhatHolds: the address, the key and the answers are the gateway's, and what is not deployed is nowhere.
func TestRewrittenDocumentsSayWhatHolds(t *testing.T) {
	text := rewritten(t, twoOperations, func(op Operation) bool { return op.Path != "/hidden" })
	for _, gone := range []string{"upstream.example.com", "other.example.com", "10.0.0.1", "amazon", "idden", "oauth"} {
		if bytes.Contains(text, []byte(gone)) {
			t.Errorf("%q is left in\n%s", gone, text)
		}
	}
	var got struct {
		Paths map[string]map[string]struct {
			Security   []map[string][]string
			Parameters []struct{ Name string }
			Responses  map[string]struct {
				Ref     string `json:"$ref"`
				Headers map[string]any
				Content map[string]any
			}
			Plans []string `json:"x-gatehouse-plans"`
		}
		Components map[string]map[string]any
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	op := got.Paths["/shown/{id}"]["get"]
	if diff := cmp.Diff([]map[string][]string{{addedKey: {}}}, op.Security); diff != "" {
		t.Error(diff)
	}
	if len(op.Parameters) != 1 || op.Parameters[0].Name != "id" || len(op.Plans) != 1 {
		t.Errorf("parameters %v, plans %v", op.Parameters, op.Plans)
	}
	good, slow, denied := op.Responses["200"], op.Responses["429"], op.Responses["403"]
	if good.Headers["RateLimit"] == nil || good.Headers["Retry-After"] != nil || good.Content["application/json"] == nil {
		t.Errorf("200: %v", good)
	}
	if slow.Content[problemType] == nil || slow.Headers["RateLimit"] == nil || len(slow.Headers) != 2 {
		t.Errorf("429: %v", slow)
	}
	if denied.Ref != "#/components/responses/GatehouseAnswer403" || got.Components["responses"]["GatehouseAnswer403"] == nil {
		t.Errorf("403: %v", denied)
	}
	if got.Components["schemas"]["Part"] == nil || got.Components["schemas"]["Hidden"] != nil {
		t.Errorf("schemas %v", got.Components["schemas"])
	}
}

// TestAnAPIWithoutADocumentGetsAPlainOne: its methods are all that is known.
func TestAnAPIWithoutADocumentGetsAPlainOne(t *testing.T) {
	text, err := mustOpen(t, nil).Rewrite(Rewrite{Title: "T", Server: "https://g.example.com/t/prod", Key: KeyPlace{In: "bearer"},
		Operations: []RewriteOperation{{Verb: "GET", Path: "/a/{id}", Summary: "One", KeyRequired: true}, {Verb: AnyVerb, Path: "/files/{proxy+}"}, {Verb: "GET", Path: "/files/{proxy+}"}}})
	if err != nil {
		t.Fatal(err)
	}
	got := mustRead(t, string(text))
	if len(got.Operations) != 8 || len(got.Warnings) != 0 || got.Title != "T" {
		t.Errorf("%d operations, %v\n%s", len(got.Operations), got.Warnings, text)
	}
}

// TestYAMLSaysWhatJSONSays: a text that looks like something else must come back as a text.
func TestYAMLSaysWhatJSONSays(t *testing.T) {
	value := map[string]any{"openapi": "3.0.3", "info": map[string]any{"title": "yes", "version": "1.0"}, "paths": map[string]any{}, "x-a": []any{
		"", "null", "true", "1e3", "0x1F", "2026-01-01", "a: b", "a #b", "- a", "{a}", "*a", "&a", "!a", "%a", "@a", "`a`", "'a'", `"a"`, "a\nb", "  a\n b\n", "\ta", "é\u2028\u0085", "#/a", "~", "=", "<<",
		"a long text that has lines\n\n  and more of them:\n- with a list\n# and a comment", strings.Repeat("word ", 40) + "\nend", strings.Repeat("word ", 40) + "\nend\n", strings.Repeat("word ", 40) + "\nend\n\n", 1, -2.5e30, true, nil, map[string]any{}, []any{}, []any{[]any{1, []any{}}, map[string]any{"a b": 1, "200": nil}},
	}}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := ToYAML(&out, text); err != nil {
		t.Fatal(err)
	}
	tree, _, err := check(out.Bytes(), &notes{})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	var back any
	if err := json.Unmarshal([]byte(encode(tree.root, 1<<20, false)), &back); err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, back); diff != "" {
		t.Errorf("(-JSON +YAML):\n%s\n%s", diff, out.String())
	}
}
