package handlers

import (
	"fmt"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/public"
)

// Rows of the schemas on one page: an operation's main ones, the rest, and a model's.
const (
	mainRows  = 120
	otherRows = 25
	modelRows = 250
	ruleRows  = 20 // of a parameter
)

// mapper makes views of what a document says. It keeps the first error, so that its callers ask once.
type mapper struct {
	*Catalog
	ref   *reference
	shown map[string]bool // models whose rows stand on the page already
	err   error
}

func (c *Catalog) mapper(ref *reference) *mapper {
	return &mapper{Catalog: c, ref: ref, shown: map[string]bool{}}
}

func (m *mapper) html(text string, below int) public.SafeHTML { return m.Markdown.HTML(text, below) }

// shape gives the rows of a schema. Those of a model stand on a page once.
func (m *mapper) shape(s *openapi.Schema, rows int) public.ShapeView {
	if s == nil {
		return public.ShapeView{}
	}
	if s.Ref != "" && m.shown[s.Ref] {
		return public.ShapeView{MoreHref: m.modelHref(s.Ref), Again: true}
	}
	shape, err := m.ref.doc.Shape(s, rows)
	if err != nil && m.err == nil {
		m.err = err
	}
	if s.Ref != "" && (len(shape.Fields) > 0 || len(shape.Variants) > 0) {
		m.shown[s.Ref] = true
	}
	return m.shapeView(shape)
}

func (m *mapper) shapeView(shape openapi.Shape) public.ShapeView {
	v := public.ShapeView{Choice: shape.Choice, Variants: m.variants(shape.Variants), Extra: shape.Extra}
	for _, f := range shape.Fields {
		v.Fields = append(v.Fields, m.field(f))
	}
	if shape.Cut {
		v.MoreHref = m.modelHref(shape.Model)
	}
	return v
}

func (m *mapper) field(f openapi.Field) public.FieldView {
	v := public.FieldView{
		Name: f.Name, Type: f.Type, TypeHref: m.modelHref(f.Model), Required: f.Required, Text: m.html(f.Text, 2), Limits: f.Limits, Example: f.Example, Default: f.Default,
		Enum: f.Enum, Marks: marks(f.ReadOnly, f.WriteOnly, f.Deprecated), Choice: f.Choice, Variants: m.variants(f.Variants), Extra: f.Extra,
	}
	v.MoreHref = m.modelHref(f.More)
	return v
}

func (m *mapper) variants(all []openapi.Variant) (views []public.VariantView) {
	for _, v := range all {
		views = append(views, public.VariantView{Name: v.Name, Href: m.modelHref(v.Shape.Model), When: v.When, Text: m.html(v.Text, 2), Shape: m.shapeView(v.Shape)})
	}
	return views
}

func marks(readOnly, writeOnly, deprecated bool) (all []string) {
	for _, mark := range []struct {
		is    bool
		words string
	}{{readOnly, "read-only"}, {writeOnly, "write-only"}, {deprecated, "deprecated"}} {
		if mark.is {
			all = append(all, mark.words)
		}
	}
	return all
}

// modelHref is the page of a model; "" where it has none.
func (m *mapper) modelHref(slug string) string {
	if slug == "" || !m.ref.sees(slug) {
		return ""
	}
	return m.ref.modelPath(slug)
}

// sees reports whether a model has a page that the reader may see.
func (ref *reference) sees(slug string) bool { return ref.seen[slug] }

// parameter is a row for what is sent outside the body.
func (m *mapper) parameter(p openapi.Parameter) public.FieldView {
	v := public.FieldView{
		Name: p.Name, Type: p.Type, Required: p.Required, Text: m.html(p.Text, 2), Example: p.Example, Default: p.Default, Enum: p.Enum, Extra: p.Extra,
		Marks: marks(false, false, p.Deprecated),
	}
	if p.Style != "" {
		v.Limits = append(v.Limits, p.Style)
	}
	if p.Schema == nil {
		return v
	}
	v.TypeHref = m.modelHref(p.Schema.Ref)
	v.Limits = append(v.Limits, p.Schema.Limits...)
	shape := m.shape(p.Schema, ruleRows)
	v.Fields, v.Choice, v.Variants, v.MoreHref = shape.Fields, shape.Choice, shape.Variants, shape.MoreHref
	if shape.Extra != "" && v.Extra == "" {
		v.Extra = shape.Extra
	}
	return v
}

// contents are the shapes of a body; of names it, so that no two examples of a page have one name.
func (m *mapper) contents(id, of string, contents []openapi.Content, rows int) []public.ContentView {
	groups := sameShapes(contents)
	views := make([]public.ContentView, len(groups))
	for i, group := range groups {
		content := group[0]
		types := make([]string, len(group))
		for j, g := range group {
			types[j] = g.MediaType
		}
		v := public.ContentView{ID: fmt.Sprintf("%s-%d", id, i), Title: of + " " + content.MediaType, MediaTypes: types, Type: content.Type, Extra: content.Extra}
		if content.Schema != nil {
			v.Shape = m.shape(content.Schema, rows)
			v.TypeHref = m.modelHref(modelOf(content.Schema))
		}
		for j, e := range content.Examples {
			v.Examples = append(v.Examples, public.ExampleView{ID: fmt.Sprintf("%s-%d-%d", id, i, j), Name: e.Name, Code: exampleCode(content.MediaType, e.Value).Body()})
		}
		if content.Example != "" && len(v.Examples) == 0 {
			v.Example = exampleCode(content.MediaType, content.Example).Body()
		}
		views[i] = v
	}
	return views
}

// modelOf is the model that a schema is, or that its elements are.
func modelOf(s *openapi.Schema) string {
	for s != nil {
		if s.Ref != "" {
			return s.Ref
		}
		s = s.Items
	}
	return ""
}

func facts(all []openapi.Fact) (views []public.FactView) {
	for _, f := range all {
		v := public.FactView{Name: f.Name, Text: f.Text}
		if strings.HasPrefix(f.URL, "https://") || strings.HasPrefix(f.URL, "http://") {
			v.Href = f.URL
		}
		if v.Text == "" {
			v.Text = f.URL
		}
		views = append(views, v)
	}
	return views
}

func (c *Catalog) schemes(all []openapi.Scheme) (views []public.SchemeView) {
	for _, s := range all {
		views = append(views, public.SchemeView{Name: s.Name, Type: s.Type, Text: c.Markdown.HTML(s.Text, 3), Extra: s.Extra})
	}
	return views
}

// Models is all models that the operations lead to.
func (c *Catalog) Models(r *Request) (Reply, error) {
	ref, err := c.reference(r)
	if err != nil {
		return Reply{}, err
	}
	if len(ref.models) == 0 {
		return Reply{}, models.NotFound("page")
	}
	if strings.HasSuffix(r.URL.Path, ".md") {
		return Markdowned(ref.modelsText(r)), nil
	}
	v := ref.view(r, nil)
	list := &public.ModelListView{}
	for _, m := range ref.models {
		list.Models = append(list.Models, public.ModelLine{Name: m.Name, Type: m.Type, Href: ref.modelPath(m.Slug)})
	}
	if len(list.Models) > listedModels {
		list.Models, list.More = list.Models[:listedModels], len(list.Models)-listedModels
	}
	v.ModelList, v.Crumbs = list, ref.crumbs("Models")
	return Page(public.Reference(ref.page(r, "Models"), v)), nil
}

// listedModels is how many models a page lists; the rest is found by searching.
const listedModels = 500

// Model is one model with its fields. With .md behind its name it is Markdown.
func (c *Catalog) Model(r *Request) (Reply, error) {
	ref, err := c.reference(r)
	if err != nil {
		return Reply{}, err
	}
	name, asText := r.Param("model"), false
	if !ref.sees(name) { // a model may be called "notes.md"
		name, asText = strings.CutSuffix(name, ".md")
	}
	model, ok, err := ref.doc.Model(name)
	if err != nil {
		return Reply{}, err
	}
	if !ok || !ref.sees(name) {
		return Reply{}, models.NotFound("model")
	}
	if asText {
		text, err := ref.modelText(r, model)
		return Markdowned(text), err
	}
	shape, err := ref.doc.Shape(model.Schema, modelRows)
	if err != nil {
		return Reply{}, err
	}
	m := c.mapper(ref)
	v := ref.view(r, nil)
	v.Model = &public.ModelView{Name: model.Name, Type: model.Type, Shape: m.shapeView(shape)}
	if s := model.Schema; s != nil {
		v.Model.Text = c.Markdown.HTML(s.Text, 1)
		v.Model.Value = m.field(openapi.Field{Type: s.Type, Limits: s.Limits, Enum: s.Enum, Default: s.Default, Example: s.Example,
			ReadOnly: s.ReadOnly, WriteOnly: s.WriteOnly, Deprecated: s.Deprecated})
	}
	for _, op := range ref.uses(name) {
		v.Model.Uses = append(v.Model.Uses, ref.line(op, ""))
	}
	v.Crumbs = append(ref.crumbs("Models"), ref.crumbs(model.Name)[3])
	v.Crumbs[3].Href = docsPath(ref.api.Slug) + "/models" + ref.stageQuery()
	return Page(public.Reference(ref.page(r, model.Name), v)), m.err
}

// uses are the first operations that lead to a model.
func (ref *reference) uses(slug string) (ops []openapi.Operation) {
	const most = 20
	for _, g := range ref.groups {
		for _, op := range g.operations {
			if ref.doc.Uses(op.Name(), slug) {
				if ops = append(ops, op); len(ops) == most {
					return ops
				}
			}
		}
	}
	return ops
}
