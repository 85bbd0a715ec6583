package openapi

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Export is an API as API Gateway exports it: its methods, in a document of the version that was asked for. What the API's own document says stands, where it is
// of that version and the API still is as it says; the rest is written anew.
type Export struct {
	Old        bool   // Swagger 2.0; else OpenAPI 3.0
	Own        bool   // the version of the document, whichever it is
	Title      string // instead of the document's
	Version    string // empty: the document's, or else 1
	Text       string // where the document has none
	Server     string // absolute URL, instead of the document's; empty: none
	Extensions []Extension
	Schemes    []Extension // of security: name and object
	Operations []ExportOperation
	Models     []GatewayModel // instead of the document's schemas of the same names, and beside them; references are of the version
}

// Extension is a key with its JSON.
type Extension struct {
	Key  string
	JSON json.RawMessage
}

// ExportOperation is one method. Schemas of its bodies are models.
type ExportOperation struct {
	GatewayOperation        // Extensions are not looked at
	At               string // its path in what is written; empty: Path
	Added            []Extension
	Keep             ExportKeep // what stays as the document has it
}

// ExportKeep says which parts of an operation are still as its document says.
type ExportKeep struct{ ID, Parameters, Body, Answers bool }

// exportVersion is the one that AWS writes.
const exportVersion = "3.0.1"

// Export writes an API as JSON.
func (r *Reference) Export(e Export) ([]byte, error) {
	e.Old = e.Old && !e.Own || e.Own && r.Format == swagger2
	w := exporter{rewriter: rewriter{Reference: r, old: e.Old, used: map[int]bool{}, tags: map[string]bool{}}, Export: e}
	w.has = r.Speaks(e.Old) || e.Own && r.index.Root.Size > 0
	root, err := w.root()
	if err != nil {
		return nil, fmt.Errorf("export API: %w", err)
	}
	return root.json(), nil
}

// Speaks reports whether the document is there, in the version that Export writes.
func (r *Reference) Speaks(old bool) bool {
	return r.index.Root.Size > 0 && (r.Format == swagger2) == old && (old || strings.HasPrefix(r.Format, "openapi 3.0"))
}

type exporter struct {
	rewriter
	Export
	has bool // the document is of the version
}

func (w *exporter) root() (object, error) {
	root := object{{"openapi", quoted(exportVersion)}}
	if w.Old {
		root = object{{"swagger", quoted("2.0")}}
	}
	if w.has {
		var err error
		if root, err = w.object(w.index.Root); err != nil {
			return nil, err
		}
	}
	info, _ := parseObject(root.get("info")) // what is no object is replaced
	info = info.set("title", quoted(w.Title))
	if w.Version != "" || info.text("version") == "" {
		version := w.Version
		if version == "" {
			version = "1"
		}
		info = info.set("version", quoted(version))
	}
	if w.Text != "" && info.text("description") == "" {
		info = info.set("description", quoted(w.Text))
	}
	root = root.set("info", info.json())
	w.rewriter.Server = w.Export.Server
	switch {
	case w.Export.Server == "":
	case w.Old:
		root = w.server2(root)
	default:
		root = root.set("servers", object{{"url", quoted(w.Export.Server)}}.list())
	}
	for _, x := range w.Export.Extensions {
		root = root.set(x.Key, x.JSON)
	}
	paths, err := w.paths()
	if err != nil {
		return nil, err
	}
	root = w.keepTags(root).set("paths", paths.json())
	return w.components(root)
}

func (w *exporter) paths() (object, error) {
	var paths object
	at := map[string]int{}
	var items []object
	for _, op := range w.Export.Operations {
		path := firstOf(op.At, op.Path)
		i, known := at[path]
		if !known {
			i = len(items)
			at[path] = i
			item := object{}
			if p, ok := w.index.Items[op.Path]; ok && w.has {
				var err error
				if item, err = w.object(p); err != nil {
					return nil, err
				}
			}
			paths, items = append(paths, member{path, nil}), append(items, item)
		}
		made, err := w.operation(op, items[i])
		if err != nil {
			return nil, err
		}
		key := strings.ToLower(op.Verb)
		if op.Verb == AnyVerb {
			key = anyMethod
		}
		items[i] = items[i].set(key, made.json())
	}
	for i, item := range items {
		item = slices.DeleteFunc(slices.Clone(item), func(m member) bool { return m.key == "parameters" }) // each operation has them
		paths[i].value = item.json()
	}
	return paths, nil
}

// components writes models, schemes, and what operations refer to.
func (w *exporter) components(root object) (object, error) {
	schemas, schemes := "schemas", "securitySchemes"
	if w.Old {
		schemas, schemes = "definitions", "securityDefinitions"
	}
	sections := map[string]object{}
	var order []string
	add := func(section, name string, value json.RawMessage) {
		if sections[section] == nil {
			order = append(order, section)
		}
		sections[section] = append(sections[section], member{name, value})
	}
	replaced := map[string]bool{}
	for _, m := range w.Models {
		replaced[m.Name] = true
	}
	w.useNamed()
	for i, c := range w.index.Components {
		if !w.used[i] || c.Section == schemas && replaced[c.Name] {
			continue
		}
		text, err := w.read(c.part)
		if err != nil {
			return nil, err
		}
		add(c.Section, c.Name, text)
	}
	for _, m := range w.Models {
		add(schemas, m.Name, m.Schema)
	}
	for _, s := range w.Schemes {
		add(schemes, s.Key, s.JSON)
	}
	var all object
	for _, section := range order {
		if w.Old {
			root = root.set(section, sections[section].json())
		} else {
			all = append(all, member{section, sections[section].json()})
		}
	}
	if len(all) == 0 {
		return root, nil
	}
	return root.set("components", all.json()), nil
}

// schemaReference finds references to named schemas.
var schemaReference = regexp.MustCompile(`"\$ref"\s*:\s*"(#/(?:components/schemas|definitions)/[^"/]*)"`)

// useNamed notes the document's schemas that models refer to and that are no models themselves.
func (w *exporter) useNamed() {
	if !w.has {
		return
	}
	named := map[string]bool{}
	for _, m := range w.Models {
		for _, found := range schemaReference.FindAllSubmatch(m.Schema, -1) {
			if name, ok := SchemaModel(string(found[1])); ok {
				named[name] = true
			}
		}
	}
	for i, c := range w.index.Components {
		if named[c.Name] && (c.Section == "schemas" || c.Section == "definitions") {
			w.rewriter.use([]int{i})
		}
	}
}
