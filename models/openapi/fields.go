package openapi

import "github.com/pb33f/go-yaml"

// Bounds on the rows of one schema, and on what a description spends on fields and examples, in bytes: this or the size
// of the document, whichever is more.
const (
	maxLevel  = 4
	maxRows   = 200
	maxOpened = 5_000 // schemas opened for the rows of one
	maxDetail = 8 << 20
)

// fields gives the rows of a schema: its properties, and theirs, down to the reading's level. The properties of all
// parts of an allOf are rows, and those of every variant of a oneOf or anyOf, none of these being required.
func (r *reading) fields(n *yaml.Node) []Field {
	if n == nil || r.level < 0 {
		return nil
	}
	ref := reference(n)
	if ref == "" {
		return r.charge(r.flatten(n, r.level))
	}
	rows, known := r.known[ref]
	if !known {
		rows = r.flatten(n, r.level)
		r.known[ref] = rows
	}
	return r.charge(rows)
}

func (r *reading) flatten(n *yaml.Node, level int) []Field {
	w := rows{reading: r, deepest: level, active: map[string]bool{}, at: map[string]int{}, until: min(maxVisits, r.visits+maxOpened)}
	w.walk("", n, 0, nil, false)
	return w.rows
}

// charge counts rows against maxDetail; they are written out wherever they are used.
func (r *reading) charge(rows []Field) []Field {
	for _, f := range rows {
		r.left -= 60 + len(f.Name) + len(f.Type) + len(f.Text) + len(f.Default) + len(f.Example)
		for _, e := range f.Enum {
			r.left -= len(e) + 3
		}
	}
	return rows
}

// rows flattens one schema.
type rows struct {
	*reading
	deepest int
	rows    []Field
	at      map[string]int  // name -> row
	active  map[string]bool // models that are being walked: a model inside itself is named, not walked again
	until   int             // value of visits at which it ends
}

// walk adds the rows of the schema at n. Required names the properties that an enclosing allOf requires; optional says
// that the schema is one variant of several.
func (w *rows) walk(prefix string, n *yaml.Node, level int, required map[string]bool, optional bool) {
	s, ok := w.open(n)
	if !ok || level > w.deepest || len(w.rows) >= maxRows || w.visits > w.until || w.active[s.ref] {
		return
	}
	if s.ref != "" {
		w.active[s.ref] = true
		defer delete(w.active, s.ref)
	}
	if required == nil {
		required = map[string]bool{}
	}
	w.require(n, required, 0)
	for _, part := range s.parts() {
		w.walk(prefix, part, level, required, optional)
	}
	for name, property := range pairs(s.properties()) {
		w.add(prefix, name, property, level, required[name] && !optional)
	}
	for _, variant := range s.variants() {
		w.walk(prefix, variant, level, nil, true)
	}
	if prefix != "" {
		level++ // the elements of the whole are its first level
	}
	w.walk(prefix+"[].", s.items(), level, nil, optional)
	w.walk(prefix+"{}.", s.anyKey(), level, nil, optional)
}

// require collects what a schema and the parts of its allOf require.
func (w *rows) require(n *yaml.Node, required map[string]bool, depth int) {
	s, ok := w.open(n)
	if !ok || depth > maxLevel || w.visits > w.until {
		return
	}
	for _, name := range list(s.node, "required") {
		required[name.Value] = true
	}
	for _, part := range s.parts() {
		w.require(part, required, depth+1)
	}
}

func (w *rows) add(prefix, name string, property *yaml.Node, level int, required bool) {
	full := prefix + word(name, maxName)
	if i, twice := w.at[full]; twice {
		w.rows[i].Required = w.rows[i].Required || required
		return
	}
	if len(w.rows) >= maxRows {
		return
	}
	row := Field{Name: full, Required: required, Type: w.typeLine(property)}
	s, ok := w.open(property)
	if ok {
		row.Text, row.Enum = s.text(), s.choices()
		row.Default, row.Example = inline(s.near("default")), inline(s.example())
		if items, ok := w.open(s.items()); ok && len(row.Enum) == 0 {
			row.Enum = items.choices()
		}
	}
	w.at[full] = len(w.rows)
	w.rows = append(w.rows, row)
	switch {
	case !ok:
	case s.items() != nil:
		w.walk(full+"[].", s.items(), level+1, nil, false)
	case s.anyKey() != nil && s.properties() == nil:
		w.walk(full+"{}.", s.anyKey(), level+1, nil, false)
	default:
		w.walk(full+".", property, level+1, nil, false)
	}
}
