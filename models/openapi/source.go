package openapi

import (
	"net/url"
	"strings"

	"github.com/pb33f/go-yaml"
)

// maxSource bounds what is kept for writing the document again, in bytes of JSON. Only a document whose aliases repeat its parts can reach it.
const maxSource = 48 << 20

// source is the document in parts, each as JSON, so that it can be written again with other parts. It is empty where no document was read.
type source struct {
	Root       string              // the top without paths, components, servers and security: an object
	Items      map[string]string   // path -> what its operations share: an object
	Operations map[string]fragment // "GET /users" -> the operation
	Components []component
	Hooks      fragment // webhooks: an object
}

// fragment is a part and the places among the components that it refers to.
type fragment struct {
	JSON string
	Uses []int
}

// component is a part that others refer to.
type component struct {
	Section string `json:"section"` // "schemas", "parameters"
	Name    string `json:"name"`
	fragment
}

// sourceNodes are the parts of an operation in the tree.
type sourceNodes struct {
	name, path string
	item, node *yaml.Node
}

func (r *reading) nodesOf(op Operation, item, n *yaml.Node) {
	r.operationNodes = append(r.operationNodes, sourceNodes{op.Name(), op.Path, item, n})
}

// sections are the parts of a document that hold components.
func (r *reading) sections() []string {
	if r.old() {
		return []string{"definitions", "parameters", "responses"}
	}
	return []string{"schemas", "responses", "parameters", "examples", "requestBodies", "headers", "links", "callbacks", "pathItems"}
}

// sources takes the document apart. What cannot be kept whole is not kept. What it is taken apart with is for other parts of the document.
func (r *reading) sources() (source, *sourceWriter) {
	w := &sourceWriter{reading: r, places: map[string]int{}, room: maxSource}
	src := source{Items: map[string]string{}, Operations: map[string]fragment{}}
	holder := child(r.tree.root, "components")
	if r.old() {
		holder = r.tree.root
	}
	for _, section := range r.sections() {
		for name := range pairs(child(holder, section)) {
			w.places[section+"/"+name] = len(src.Components)
			src.Components = append(src.Components, component{Section: section, Name: name})
		}
	}
	at := 0
	for _, section := range r.sections() {
		for _, n := range pairs(child(holder, section)) {
			src.Components[at].fragment = w.fragment(n, nil)
			at++
		}
	}
	for _, op := range r.operationNodes {
		f := w.fragment(op.node, append(verbKeys(), "servers", "security", "schemes"))
		if _, known := src.Items[op.path]; !known {
			shared := w.fragment(op.item, append(verbKeys(), "servers", "additionalOperations", "$ref"))
			src.Items[op.path] = shared.JSON
			w.shared[op.path] = shared.Uses
		}
		f.Uses = append(f.Uses, w.shared[op.path]...)
		src.Operations[op.name] = f
	}
	src.Root = w.fragment(r.tree.root, append(r.sections(), "paths", "components", "servers", "security", "securityDefinitions", "host", "basePath", "schemes", "webhooks")).JSON
	src.Hooks = w.fragment(child(r.tree.root, "webhooks"), nil)
	if w.room < 0 {
		return source{}, w
	}
	return src, w
}

// sourceWriter writes parts of the tree as JSON.
type sourceWriter struct {
	*reading
	places map[string]int // "schemas/Pet" -> component
	shared map[string][]int
	room   int
}

func (w *sourceWriter) fragment(n *yaml.Node, without []string) fragment {
	if w.shared == nil {
		w.shared = map[string][]int{}
	}
	if w.room < 0 || n == nil {
		return fragment{JSON: "{}"}
	}
	f := fragmentWriter{sourceWriter: w, used: map[int]bool{}, active: map[*yaml.Node]bool{}}
	whole := like(n, n.Kind, n.Content...)
	if n.Kind == yaml.ScalarNode {
		whole = n
	}
	if n.Kind == yaml.MappingNode && len(without) > 0 {
		whole.Content = nil
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !contains(without, n.Content[i].Value) {
				whole.Content = append(whole.Content, n.Content[i], n.Content[i+1])
			}
		}
	}
	tree := f.inlined(whole, false)
	e := encoder{limit: maxSource}
	e.node(tree, 0)
	w.room -= e.out.Len()
	f.fragment.JSON = e.out.String()
	return f.fragment
}

func contains(all []string, s string) bool {
	for _, each := range all {
		if each == s {
			return true
		}
	}
	return false
}

type fragmentWriter struct {
	*sourceWriter
	fragment
	used   map[int]bool
	active map[*yaml.Node]bool // parts that stand in themselves once inlined
	nodes  int
}

// inlined gives a tree whose references lead to components alone, and which instructs no gateway. A reference to a part of a path is replaced by what
// stands there, since paths may be left out.
func (f *fragmentWriter) inlined(n *yaml.Node, names bool) *yaml.Node {
	if f.nodes++; f.nodes > maxNodes/10 {
		f.room = -1
		return like(n, yaml.MappingNode)
	}
	if n.Kind == yaml.ScalarNode {
		return n
	}
	if ref := reference(n); ref != "" && !names {
		if f.use(ref) {
			return n
		}
		target := f.tree.final(ref)
		if target == nil || f.active[target] {
			return like(n, yaml.MappingNode)
		}
		f.active[target] = true
		defer delete(f.active, target)
		return f.inlined(target, false)
	}
	out := like(n, n.Kind)
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			out.Content = append(out.Content, f.inlined(item, false))
		}
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case !names && (internal(key.Value) || key.Value == "security"): // schemes of security are not kept
		case !names && key.Value == "mapping":
			for _, to := range pairs(value) {
				f.use(to.Value)
			}
			out.Content = append(out.Content, key, value)
		case !names && isData(key.Value, value):
			out.Content = append(out.Content, key, value)
		default:
			out.Content = append(out.Content, key, f.inlined(value, !names && holdsNames(key.Value)))
		}
	}
	return out
}

// use notes that a component is referred to, and says whether the reference leads to one.
func (f *fragmentWriter) use(ref string) bool {
	i, ok := f.place(ref)
	if ok && !f.used[i] {
		f.used[i] = true
		f.Uses = append(f.Uses, i)
	}
	return ok
}

// place is the component that a reference leads to or into.
func (f *fragmentWriter) place(ref string) (int, bool) {
	path, ok := strings.CutPrefix(ref, "#/")
	if !f.old() {
		path, ok = strings.CutPrefix(ref, "#/components/")
	}
	parts := strings.SplitN(path, "/", 3)
	if !ok || len(parts) < 2 {
		return 0, false
	}
	name := parts[1]
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	i, ok := f.places[parts[0]+"/"+strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")]
	return i, ok
}
