package openapi

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/pb33f/go-yaml"
)

// maxChain bounds how many references may follow one another before something stands there.
const maxChain = 100

// tidy makes a checked and expanded tree harmless for what follows its references: what cannot be followed is taken out, with a warning for each thing
// that the owner will miss.
type tidy struct {
	root      *yaml.Node
	notes     *notes
	keys      map[*yaml.Node]map[string]*yaml.Node // of large mappings, so that resolving is not quadratic
	resolved  map[string]string                    // reference -> what is wrong with it, "" for nothing
	finals    map[string]*yaml.Node                // reference -> what it leads to at last
	visited   map[*yaml.Node]bool                  // shared parts
	elsewhere *yaml.Node                           // the first reference out of the document
}

func newTidy(root *yaml.Node, notes *notes) *tidy {
	return &tidy{
		root: root, notes: notes, keys: map[*yaml.Node]map[string]*yaml.Node{},
		resolved: map[string]string{}, finals: map[string]*yaml.Node{}, visited: map[*yaml.Node]bool{},
	}
}

func (t *tidy) run() error {
	if err := t.shapes(); err != nil {
		return err
	}
	t.references(t.root, false)
	return t.paths()
}

// shapes refuses or drops parts of the document's top that are not of the kind that the specification names.
func (t *tidy) shapes() error {
	for _, part := range []struct {
		key  string
		kind yaml.Kind
	}{
		{"info", yaml.MappingNode}, {"components", yaml.MappingNode}, {"definitions", yaml.MappingNode},
		{"parameters", yaml.MappingNode}, {"webhooks", yaml.MappingNode}, {"responses", yaml.MappingNode}, {"securityDefinitions", yaml.MappingNode},
		{"servers", yaml.SequenceNode}, {"tags", yaml.SequenceNode}, {"schemes", yaml.SequenceNode},
		{"consumes", yaml.SequenceNode}, {"produces", yaml.SequenceNode},
	} {
		if n := child(t.root, part.key); n != nil && n.Kind != part.kind {
			t.notes.at(n, "%q is left out: it is %s, not %s.", part.key, kindWord(n.Kind), kindWord(part.kind))
			remove(t.root, part.key)
		}
	}
	t.security(t.root)
	paths := child(t.root, "paths")
	switch {
	case paths == nil:
	case paths.Kind != yaml.MappingNode && paths.Tag == "!!null":
		remove(t.root, "paths")
	case paths.Kind != yaml.MappingNode:
		return refuse(paths, `"paths" must be a set of paths; it is %s.`, kindWord(paths.Kind))
	}
	return nil
}

// paths drops path items and operations that are no mappings, and refuses a document that keeps all of them elsewhere.
func (t *tidy) paths() error {
	paths, found := child(t.root, "paths"), false
	var kept []*yaml.Node
	for i := 0; paths != nil && i+1 < len(paths.Content); i += 2 {
		key, item := paths.Content[i], paths.Content[i+1]
		switch {
		case strings.HasPrefix(key.Value, "x-"):
		case item.Kind != yaml.MappingNode:
			t.notes.at(key, "The path %s is left out: it is %s.", short(key.Value), kindWord(item.Kind))
		default:
			found = t.operations(key.Value, item) || found
			kept = append(kept, key, item)
		}
	}
	if paths != nil {
		paths.Content = kept
	}
	if !found && t.elsewhere != nil {
		return refuse(t.elsewhere, "The document keeps its operations in another file (%s). Bundle it into one file first.", short(t.elsewhere.Value))
	}
	return nil
}

func (t *tidy) operations(path string, item *yaml.Node) (found bool) {
	found = child(item, "$ref") != nil
	for _, verb := range verbKeys() {
		operation := child(item, verb)
		switch {
		case operation == nil:
		case operation.Kind != yaml.MappingNode:
			t.notes.at(operation, "%s of %s is left out: it is %s.", verb, short(path), kindWord(operation.Kind))
			remove(item, verb)
		default:
			t.security(operation)
			found = true
		}
	}
	return found
}

// security brings what n says of security into the form that all versions understand: an empty list is
// one empty alternative. What should be in a list and is not, or names a scheme alone, is taken at its word: leaving it
// out would open the operation.
func (t *tidy) security(n *yaml.Node) {
	list := child(n, "security")
	switch {
	case list == nil:
		return
	case list.Tag == "!!null":
		remove(n, "security")
		return
	case list.Kind != yaml.SequenceNode:
		t.notes.at(list, `"security" must be a list of alternatives; this is read as the only one.`)
		only := *list
		*list = *like(&only, yaml.SequenceNode, &only)
	case len(list.Content) == 0:
		list.Content = []*yaml.Node{like(list, yaml.MappingNode)}
	}
	for i, alternative := range list.Content {
		if alternative.Kind == yaml.ScalarNode {
			t.notes.at(alternative, `%q is read as the name of a security scheme.`, short(alternative.Value))
			list.Content[i] = like(alternative, yaml.MappingNode, alternative, like(alternative, yaml.SequenceNode))
		}
	}
}

// references takes out every reference under n that leads out of the document, to nothing, or round in a circle.
// Names says that n's keys are names which the author chose, so that a property called "example" is not an example.
func (t *tidy) references(n *yaml.Node, names bool) {
	if n.Anchor != "" {
		if t.visited[n] {
			return
		}
		t.visited[n] = true
	}
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			t.references(item, false)
		}
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	if ref := child(n, "$ref"); ref != nil && ref.Kind == yaml.ScalarNode {
		if wrong := t.check(ref.Value); wrong != "" {
			t.notes.at(ref, "The reference to %s is left out: %s.", short(ref.Value), wrong)
			if t.elsewhere == nil && !strings.HasPrefix(ref.Value, "#") {
				t.elsewhere = ref
			}
			remove(n, "$ref")
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		if !names && isData(key, value) {
			continue
		}
		t.references(value, !names && holdsNames(key))
	}
}

// isData says that what stands under a keyword is the author's own data, in which "$ref" means nothing to us.
func isData(key string, value *yaml.Node) bool {
	switch key {
	case "example", "default", "const", "enum", "value":
		return true
	case "examples":
		return value.Kind == yaml.SequenceNode
	case anyMethod:
		return false
	}
	return strings.HasPrefix(key, "x-")
}

func holdsNames(key string) bool {
	switch key {
	case "properties", "patternProperties", "definitions", "schemas", "$defs", "dependentSchemas", "parameters",
		"responses", "headers", "requestBodies", "securitySchemes", "securityDefinitions", "paths", "pathItems",
		"examples", "content", "encoding", "variables", "mapping", "callbacks", "links", "webhooks":
		return true
	}
	return false
}

// check says what is wrong with a reference, "" when it leads to something in the document.
func (t *tidy) check(ref string) string {
	if wrong, known := t.resolved[ref]; known {
		return wrong
	}
	wrong := t.follow(ref)
	t.resolved[ref] = wrong
	return wrong
}

func (t *tidy) follow(ref string) string {
	seen := map[string]bool{}
	for range maxChain {
		if !strings.HasPrefix(ref, "#") {
			return "it leads out of the document, which is read by itself"
		}
		target := t.target(ref)
		if target == nil {
			return "nothing stands there"
		}
		next := reference(target)
		if next == "" {
			return ""
		}
		if seen[ref] {
			return "it leads back to itself"
		}
		seen[ref] = true
		ref = next
	}
	return fmt.Sprintf("it leads through more than %d others", maxChain)
}

// final is what a reference leads to at last. It may only be asked once all references have been checked.
func (t *tidy) final(ref string) *yaml.Node {
	if n, known := t.finals[ref]; known {
		return n
	}
	n, next := (*yaml.Node)(nil), ref
	for range maxChain + 1 {
		if n = t.target(next); n == nil {
			break
		}
		if next = reference(n); next == "" {
			break
		}
	}
	t.finals[ref] = n
	return n
}

// target finds what a JSON pointer (RFC 6901) points at, nil for nothing and for the whole document, which nothing in
// it can sensibly refer to.
func (t *tidy) target(ref string) *yaml.Node {
	pointer, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	at := t.root
	for part := range strings.SplitSeq(pointer, "/") {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		if at = t.step(at, part); at == nil {
			return nil
		}
	}
	return at
}

func (t *tidy) step(n *yaml.Node, part string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		for i, item := range n.Content {
			if fmt.Sprint(i) == part {
				return item
			}
		}
		return nil
	}
	if n.Kind != yaml.MappingNode || len(n.Content) < 32 {
		return child(n, part)
	}
	keys, ok := t.keys[n]
	if !ok {
		keys = make(map[string]*yaml.Node, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			keys[n.Content[i].Value] = n.Content[i+1]
		}
		t.keys[n] = keys
	}
	return keys[part]
}
