package openapi

import (
	"slices"
)

// Shape is a schema as people read it: rows with dotted names, and the variants of what may be one thing or another.
type Shape struct {
	Type     string    // in words
	Model    string    // slug of the model that it is, or that its elements are
	Fields   []Field   // of the whole, and of what is in it
	Choice   string    // "One of", "Any of"; empty without variants
	Variants []Variant //
	Cut      bool      // there is more than is shown; the model's page has it
	Extra    string    // JSON
}

// Field is one row of a schema. Name is dotted from the top, with [] for an element of an array and {} for any key of
// a map: "owner.pets[].name".
type Field struct {
	Name       string
	Type       string // in words, naming the model where there is one
	Text       string // Markdown
	Limits     []string
	Enum       []string
	Default    string
	Example    string
	Required   bool
	ReadOnly   bool
	WriteOnly  bool
	Deprecated bool
	Model      string // slug of the model that it is, or that its elements are; empty for none
	More       string // slug of the model whose page has fields of it that are not among the rows; empty where there are none
	Choice     string
	Variants   []Variant
	Extra      string // JSON
}

// Variant is one thing that a schema may be.
type Variant struct {
	Name  string
	When  string // the value of the property that tells it apart: `kind is "card"`; may be empty
	Text  string // Markdown
	Shape Shape
}

// Limits of a Shape.
const (
	shapeDepth  = 4    // levels of fields within fields
	shapeModels = 600  // models read for one
	maxTop      = 2000 // rows of a schema itself, which no model's page could show otherwise
)

// Shape gives the rows of a schema, those of models within it to a depth of 4, or less where there would be more than most rows. Nothing that a schema
// has at its top is left out, up to 2,000 fields.
func (r *Reference) Shape(s *Schema, most int) (Shape, error) {
	if s == nil {
		return Shape{}, nil
	}
	known := map[string]*Schema{}
	for depth := shapeDepth; ; depth-- {
		b := shaper{Reference: r, deepest: depth, most: most, models: known, active: map[string]bool{}}
		if depth == 0 {
			b.most = maxTop
		}
		shape := b.shape(s, 0)
		if b.err != nil {
			return Shape{}, b.err
		}
		if depth == 0 || b.rows < most {
			return shape, nil
		}
	}
}

type shaper struct {
	*Reference
	deepest, most, rows int
	models              map[string]*Schema
	within              []string        // models that are being walked, the innermost last
	active              map[string]bool // models that are being walked: a model inside itself is named, not walked again
	visits              int
	err                 error // the first
}

// opened is a schema with its references followed.
type opened struct {
	Schema
	slug string // of the first model on the way
	own  Schema // beside the reference
}

// open follows the reference of a schema. What stands beside it comes before what the model says.
func (b *shaper) open(s *Schema) opened {
	o := opened{Schema: *s, own: *s}
	for range maxChain {
		if o.Ref == "" {
			break
		}
		if o.slug == "" {
			o.slug = o.Ref
		}
		m := b.model(o.Ref)
		if m == nil {
			o.Ref = ""
			break
		}
		o.Schema = beside(o.Schema, *m)
	}
	return o
}

// beside is a model with what stands beside a reference to it.
func beside(own, model Schema) Schema {
	s := model
	if own.Text != "" {
		s.Text = own.Text
	}
	if own.Default != "" {
		s.Default = own.Default
	}
	if own.Example != "" {
		s.Example = own.Example
	}
	if len(own.Enum) > 0 {
		s.Enum = own.Enum
	}
	if own.Extra != "" {
		s.Extra = own.Extra
	}
	s.Limits = slices.Concat(own.Limits, s.Limits)
	s.ReadOnly, s.WriteOnly, s.Deprecated = s.ReadOnly || own.ReadOnly, s.WriteOnly || own.WriteOnly, s.Deprecated || own.Deprecated
	s.Properties, s.Required = slices.Concat(s.Properties, own.Properties), slices.Concat(s.Required, own.Required)
	s.AllOf = slices.Concat(s.AllOf, own.AllOf)
	return s
}

func (b *shaper) model(slug string) *Schema {
	if s, known := b.models[slug]; known {
		return s
	}
	if len(b.models) >= shapeModels {
		return nil
	}
	m, _, err := b.Model(slug)
	if err != nil && b.err == nil {
		b.err = err
	}
	b.models[slug] = m.Schema
	return m.Schema
}

// shape is a whole: a body, a model, a variant.
func (b *shaper) shape(s *Schema, level int) Shape {
	o := b.open(s)
	out := Shape{Type: s.Type, Model: b.named(s), Extra: o.Extra}
	g := group{at: map[string]int{}, required: map[string]bool{}, cut: &out.Cut}
	b.gather(&g, "", s, level)
	out.Fields, out.Choice, out.Variants = g.fields, g.choice, g.variants
	return out
}

// group is the rows of one whole, while they are gathered.
type group struct {
	fields   []Field
	at       map[string]int
	required map[string]bool
	choice   string
	variants []Variant
	cut      *bool
}

// gather adds the rows of the schema s under a prefix.
func (b *shaper) gather(g *group, prefix string, s *Schema, level int) {
	if b.rows > b.most {
		*g.cut = true
		return
	}
	o := b.open(s)
	if b.visits++; b.visits > maxOpened || o.slug != "" && b.active[o.slug] {
		*g.cut = true
		return
	}
	if o.slug != "" {
		b.active[o.slug], b.within = true, append(b.within, o.slug)
		defer func() {
			delete(b.active, o.slug)
			b.within = b.within[:len(b.within)-1]
		}()
	}
	b.require(g, prefix, &o.Schema, 0)
	for i := range o.AllOf {
		b.gather(g, prefix, &o.AllOf[i], level)
	}
	for i := range o.Properties {
		b.add(g, prefix, &o.Properties[i], level)
	}
	for _, choice := range []struct {
		words string
		all   []Schema
	}{{"One of", o.OneOf}, {"Any of", o.AnyOf}} {
		real := slices.DeleteFunc(slices.Clone(choice.all), func(v Schema) bool { return v.Type == "any or null" && len(v.Properties) == 0 })
		switch {
		case len(real) == 1:
			b.gather(g, prefix, &real[0], level)
		case len(real) > 1 && g.choice == "":
			g.choice, g.variants = choice.words, b.variants(&o.Schema, real, level)
		case len(real) > 1:
			g.variants = append(g.variants, b.variants(&o.Schema, real, level)...)
		}
	}
	for _, inside := range []struct {
		mark string
		of   *Schema
	}{{"[].", o.Items}, {"{}.", o.AnyKey}} {
		if inside.of == nil {
			continue
		}
		if prefix == "" { // the elements of the whole are its first level
			b.gather(g, inside.mark, inside.of, level)
		} else if level < b.deepest {
			b.gather(g, prefix[:len(prefix)-1]+inside.mark, inside.of, level+1)
		}
	}
}

// require collects what a schema and the parts of its allOf require.
func (b *shaper) require(g *group, prefix string, s *Schema, depth int) {
	for _, name := range s.Required {
		g.required[prefix+name] = true
	}
	for i := range s.AllOf {
		if b.visits++; depth < shapeDepth && b.visits < maxOpened {
			part := b.open(&s.AllOf[i])
			b.require(g, prefix, &part.Schema, depth+1)
		}
	}
}

// add makes a row of a property, and rows of what is in it.
func (b *shaper) add(g *group, prefix string, p *Property, level int) {
	name := prefix + p.Name
	if i, twice := g.at[name]; twice { // parts of an allOf that speak of the same property
		b.refine(&g.fields[i], p, g.required[name])
		return
	}
	if b.rows++; b.rows > b.most {
		*g.cut = true
		return
	}
	o := b.open(&p.Schema)
	f := Field{
		Name: name, Type: p.Schema.Type, Text: o.Text, Limits: o.Limits, Enum: o.Enum, Default: o.Default, Example: o.Example, Required: g.required[name],
		ReadOnly: o.ReadOnly, WriteOnly: o.WriteOnly, Deprecated: o.Deprecated, Model: b.named(&p.Schema), Extra: o.Extra,
	}
	for _, inner := range []*Schema{o.Items, o.AnyKey} {
		if inner != nil && len(f.Enum) == 0 {
			f.Enum = b.open(inner).Enum
		}
	}
	g.at[name] = len(g.fields)
	g.fields = append(g.fields, f)
	i := len(g.fields) - 1
	if level >= b.deepest {
		if b.deep(&o.Schema) {
			g.fields[i].More = b.page(f.Model)
		}
		return
	}
	inner := group{at: map[string]int{}, required: map[string]bool{}, cut: new(bool)}
	b.gather(&inner, name+".", &p.Schema, level+1)
	g.fields[i].Choice, g.fields[i].Variants = inner.choice, inner.variants
	if *inner.cut {
		g.fields[i].More = b.page(f.Model)
	}
	g.fields = append(g.fields, inner.fields...)
}

// page is the model whose page tells more: the field's own, else the one that it stands in.
func (b *shaper) page(model string) string {
	if model == "" && len(b.within) > 0 {
		return b.within[len(b.within)-1]
	}
	return model
}

// refine adds to a row what another part of an allOf says of its property.
func (b *shaper) refine(f *Field, p *Property, required bool) {
	o := b.open(&p.Schema)
	if len(o.Enum) > 0 {
		f.Enum = o.Enum
	}
	if o.Default != "" {
		f.Default = o.Default
	}
	if f.Text == "" {
		f.Text = o.Text
	}
	for _, limit := range o.Limits {
		if !slices.Contains(f.Limits, limit) {
			f.Limits = append(slices.Clone(f.Limits), limit)
		}
	}
	f.Required = f.Required || required
	f.ReadOnly, f.WriteOnly, f.Deprecated = f.ReadOnly || o.ReadOnly, f.WriteOnly || o.WriteOnly, f.Deprecated || o.Deprecated
}

// deep says that a schema has fields.
func (b *shaper) deep(s *Schema) bool {
	if len(s.Properties) > 0 || len(s.AllOf) > 0 || len(s.OneOf) > 1 || len(s.AnyOf) > 1 {
		return true
	}
	for _, inner := range []*Schema{s.Items, s.AnyKey} {
		if inner != nil {
			if o := b.open(inner); len(o.Properties) > 0 || len(o.AllOf) > 0 {
				return true
			}
		}
	}
	return false
}

func (b *shaper) variants(s *Schema, all []Schema, level int) []Variant {
	when := map[string]string{}
	for value, slug := range s.Mapping {
		if when[slug] == "" || value < when[slug] {
			when[slug] = value
		}
	}
	out := make([]Variant, 0, len(all))
	for i := range all {
		o := b.open(&all[i])
		v := Variant{Name: all[i].Type, Text: o.Text}
		if value := when[all[i].Ref]; value != "" && s.Discriminator != "" {
			v.When = s.Discriminator + " is “" + value + "”"
		}
		if level < b.deepest {
			v.Shape = b.shape(&all[i], level+1)
		} else {
			v.Shape = Shape{Type: all[i].Type, Model: b.named(&all[i]), Cut: b.deep(&o.Schema)}
		}
		v.Shape.Fields = slices.Concat(b.itself(o), v.Shape.Fields)
		out = append(out, v)
	}
	return out
}

// itself is what a variant that has no fields says of its value, as a row without a name.
func (b *shaper) itself(o opened) []Field {
	if len(o.Enum) == 0 && o.Default == "" && o.Example == "" && len(o.Limits) == 0 {
		return nil
	}
	return []Field{{Type: o.Type, Limits: o.Limits, Enum: o.Enum, Default: o.Default, Example: o.Example}}
}

// named is the model that a schema is, or whose list or map it is.
func (b *shaper) named(s *Schema) string {
	for range shapeDepth {
		switch {
		case s == nil:
			return ""
		case s.Ref != "":
			return s.Ref
		case len(s.AllOf) == 1 && len(s.Properties) == 0:
			s = &s.AllOf[0]
		case s.Items != nil:
			s = s.Items
		default:
			s = s.AnyKey
		}
	}
	return ""
}
