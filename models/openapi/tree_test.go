package openapi

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pb33f/go-yaml"
)

// FuzzCheck holds our own checks to what the library behind them relies on: whatever the bytes, they end with a reason
// or leave a tree without aliases, not deeper than maxDepth, in which every local reference leads somewhere.
func FuzzCheck(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{
		"openapi: 3.0.3\nx: &a {b: *a}", "openapi: 3.0.3\nx-a: &a [1]\n<<: [*a, {b: c}]\npaths: {/a: {get: {<<: {security: x}}}}",
		"swagger: 2.0\npaths: {$ref: '#/paths'}", "{\"openapi\":\"3.1.0\",\"paths\":{\"/a\":{\"$ref\":\"#/paths/~1a\"}}}", "? [a]\n: b", "- - - -",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		tree, _, err := check(document, &notes{})
		var refused *ReadError
		if err != nil {
			if !errors.As(err, &refused) || refused.Reason == "" {
				t.Fatalf("got %v, want a ReadError with a reason", err)
			}
			return
		}
		mustBeTame(t, newTidy(tree.root, &notes{}), tree.root, 0)
	})
}

func mustBeTame(t *testing.T, check *tidy, n *yaml.Node, depth int) {
	if n.Kind == yaml.AliasNode || depth > maxDepth+2 {
		t.Fatalf("line %d: alias %v at depth %d", n.Line, n.Kind == yaml.AliasNode, depth)
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && isData(c.Value, n.Content[i+1]) {
			return // what stands here may be anything
		}
		mustBeTame(t, check, c, depth+1)
	}
	if ref := child(n, "$ref"); ref != nil && ref.Kind == yaml.ScalarNode {
		if wrong := check.check(ref.Value); wrong != "" {
			t.Fatalf("line %d: reference to %q is left: %s", ref.Line, ref.Value, wrong)
		}
	}
}
