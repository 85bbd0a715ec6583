package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pb33f/go-yaml"
)

// Bounds on a document's tree. What comes after the check may recurse over the tree and may look at every key of a
// mapping for every other; these numbers keep both cheap. The largest mapping that we know of in a real document has
// some 10,000 keys (Microsoft Graph's paths).
const (
	maxDepth = 100
	maxKeys  = 20_000    // in one mapping
	maxNodes = 5_000_000 // with every alias counted as what it stands for
)

// parse reads text into a tree of nodes with lines and columns, JSON and YAML alike. Only syntax is judged here. What
// begins as JSON must be JSON to its end, although nearly all of it would be YAML too.
func parse(text []byte) (*yaml.Node, error) {
	if beginsAsJSON(text) {
		if err := jsonError(text); err != nil {
			return nil, err
		}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, yamlError(err)
	}
	if content := root.Content; len(content) == 0 || content[0].Kind == yaml.ScalarNode {
		return nil, &ReadError{Line: 1, Reason: "This is a text, not an OpenAPI document in JSON or YAML."}
	}
	return &root, nil
}

func beginsAsJSON(text []byte) bool {
	rest, open := bytes.CutPrefix(bytes.TrimSpace(text), []byte("{"))
	return open && bytes.HasPrefix(bytes.TrimSpace(rest), []byte(`"`))
}

// endOfJSON is how encoding/json says that a text is cut off.
const endOfJSON = "unexpected end of JSON input"

// jsonError says where text stops being JSON.
func jsonError(text []byte) error {
	var whole json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, &whole); !errors.As(err, &syntax) {
		return nil
	}
	at := int(syntax.Offset)
	if !strings.Contains(syntax.Error(), endOfJSON) {
		at-- // the offset counts the byte at fault
	}
	line, column := position(text, at)
	return syntaxError(line, column, "JSON", syntax.Error(), syntax)
}

// yamlError says where a text stops being YAML.
func yamlError(err error) error {
	var load *yaml.LoadError
	if errors.As(err, &load) {
		return syntaxError(load.Mark.Line, load.Mark.Column, "YAML", load.Message, err)
	}
	return syntaxError(0, 0, "YAML", err.Error(), err)
}

func syntaxError(line, column int, language, message string, cause error) error {
	e := &ReadError{Line: line, Column: column, cause: cause}
	switch {
	case strings.Contains(message, "max depth"): // of the parser, far above ours
		e.Reason = fmt.Sprintf("The document is nested more than %d levels deep here.", maxDepth)
	case strings.Contains(message, endOfJSON):
		e.Reason = "The document ends before its " + language + " is complete."
	default:
		e.Reason = "This is not valid " + language + ": " + word(message, maxSummary) + "."
	}
	return e
}

// checkTree refuses trees that are too deep, too wide or too large, that contain themselves by an alias, or that name
// a key twice. It visits each node once, so that it costs what the document's bytes cost.
func checkTree(root *yaml.Node) error {
	c := treeCheck{anchors: map[*yaml.Node]extent{}, open: map[*yaml.Node]bool{}}
	_, err := c.visit(root, 0)
	return err
}

type treeCheck struct {
	anchors map[*yaml.Node]extent // measured already, for the aliases that follow
	open    map[*yaml.Node]bool   // anchors that are being measured
}

// extent is the size of a subtree with its aliases expanded.
type extent struct{ nodes, height int }

func (c *treeCheck) visit(n *yaml.Node, depth int) (extent, error) {
	if depth > maxDepth {
		return extent{}, refuse(n, "The document is nested more than %d levels deep here.", maxDepth)
	}
	if n.Kind == yaml.AliasNode {
		return c.alias(n, depth)
	}
	if n.Kind == yaml.MappingNode {
		if err := checkKeys(n); err != nil {
			return extent{}, err
		}
	}
	if n.Kind == yaml.ScalarNode && strings.IndexByte(n.Value, 0) >= 0 {
		return extent{}, refuse(n, "This text holds the character NUL.")
	}
	if n.Anchor != "" {
		c.open[n] = true
	}
	sum := extent{nodes: 1}
	for _, child := range n.Content {
		e, err := c.visit(child, depth+1)
		if err != nil {
			return extent{}, err
		}
		sum.nodes += e.nodes
		sum.height = max(sum.height, e.height+1)
		if sum.nodes > maxNodes {
			return extent{}, refuse(n, "The document has more than %d million parts, counting what its aliases repeat.", maxNodes/1_000_000)
		}
	}
	if n.Anchor != "" {
		delete(c.open, n)
		c.anchors[n] = sum
	}
	return sum, nil
}

func (c *treeCheck) alias(n *yaml.Node, depth int) (extent, error) {
	if c.open[n.Alias] {
		return extent{}, refuse(n, "The alias *%s stands inside the part that it repeats, which would never end.", short(n.Value))
	}
	e := c.anchors[n.Alias]
	if depth+e.height > maxDepth {
		return extent{}, refuse(n, "With this alias the document is nested more than %d levels deep.", maxDepth)
	}
	return e, nil
}

// checkKeys refuses a mapping with too many keys, with a key that is not a text, or with one key twice.
func checkKeys(n *yaml.Node) error {
	keys := len(n.Content) / 2
	if keys > maxKeys {
		return refuse(n, "This part has %d keys; at most %d are read.", keys, maxKeys)
	}
	seen := make(map[string]int, keys)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return refuse(n.Content[i], "A key must be a text.")
		}
		if first, twice := seen[key.Value]; twice && !isMerge(key) {
			return refuse(n.Content[i], "The key %q is here a second time; it is also in line %d.", short(key.Value), first)
		}
		seen[key.Value] = key.Line
	}
	return nil
}

// expand replaces aliases by what they stand for and merge keys by what they merge, so that nobody after it needs to
// know of either. Only a tree that passed checkTree may be expanded: parts are shared then, not copied.
func expand(n *yaml.Node, done map[*yaml.Node]bool) {
	if done[n] {
		return
	}
	if n.Anchor != "" {
		done[n] = true
	}
	merges := false
	for i, child := range n.Content {
		if child.Kind == yaml.AliasNode {
			child = child.Alias
			n.Content[i] = child
		}
		expand(child, done)
		merges = merges || n.Kind == yaml.MappingNode && i%2 == 0 && isMerge(child)
	}
	if merges {
		n.Content = merged(n)
	}
}

// merged gives a mapping's content with its "<<" keys carried out: its own keys win, then those merged first.
func merged(n *yaml.Node) []*yaml.Node {
	var own, sources []*yaml.Node
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key, value := n.Content[i], n.Content[i+1]; {
		case !isMerge(key):
			own = append(own, key, value)
			seen[key.Value] = true
		case value.Kind == yaml.SequenceNode:
			sources = append(sources, value.Content...)
		default:
			sources = append(sources, value)
		}
	}
	for _, source := range sources {
		if source.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(source.Content); i += 2 {
			if key := source.Content[i]; !seen[key.Value] {
				seen[key.Value] = true
				own = append(own, key, source.Content[i+1])
			}
		}
	}
	return own
}

func isMerge(key *yaml.Node) bool {
	return key.Value == "<<" && key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0
}

func refuse(n *yaml.Node, format string, args ...any) *ReadError {
	return &ReadError{Line: n.Line, Column: n.Column, Reason: fmt.Sprintf(format, args...)}
}
