package openapi

import (
	"slices"

	"github.com/pb33f/go-yaml"
)

const (
	maxContents   = 10  // of one body
	maxParameters = 200 // of one operation
)

// content describes one body. Example is the document's own, nil without one; where JSON is spoken one is made then.
func (r *reading) content(mediaType string, n, example *yaml.Node) Content {
	c := Content{MediaType: word(mediaType, maxName)}
	if n != nil {
		c.Type, c.Fields = r.typeOf(n), r.fields(n)
	}
	if r.level < 0 {
		return c
	}
	if example == nil && n != nil {
		if s, ok := r.open(n); ok {
			example = s.example()
		}
	}
	switch {
	case example != nil:
		c.Example = sample(example, mediaType)
	case n != nil && isJSON(mediaType):
		c.Example = r.sketch(n)
	}
	r.left -= len(c.Example)
	return c
}

// join appends a parameter; one of the same name and place is replaced, as an operation's replaces its path's.
func (r *reading) join(where string, all []Parameter, p Parameter) []Parameter {
	switch {
	case p.Name == "":
		r.notes.add(where, "A parameter without a name is left out.")
		return all
	case !slices.Contains([]string{"path", "query", "header", "cookie"}, p.In):
		r.notes.add(where, "The parameter %q is left out: it is in %q.", short(p.Name), short(p.In))
		return all
	case len(all) == maxParameters:
		r.notes.add(where, "Only the first %d parameters are read.", maxParameters)
		return all
	}
	for i := range all {
		if all[i].Name == p.Name && all[i].In == p.In {
			all[i] = p
			return all
		}
	}
	return append(all, p)
}

// models lists the named schemas of the document.
func (r *reading) models(named *yaml.Node) error {
	for name, n := range pairs(named) {
		if err := r.model(name, n); err != nil {
			return err
		}
	}
	return nil
}

// model lists named schema.
func (r *reading) model(name string, n *yaml.Node) error {
	if len(r.Models) == MaxModels {
		r.notes.add(whole, "Only the first %d models are listed.", MaxModels)
		return nil
	}
	m := Model{Name: word(name, maxName), Type: r.typeLine(n)}
	if r.level >= 0 {
		m.Fields = r.charge(r.flatten(n, 0))
	}
	if s, ok := r.open(n); ok {
		m.Text = s.text()
	}
	r.Models = append(r.Models, m)
	return r.full()
}

// describe fills what a parameter's schema says.
func (r *reading) describe(p *Parameter, n *yaml.Node) {
	s, ok := r.open(n)
	if !ok {
		return
	}
	p.Type, p.Enum, p.Default = r.typeLine(n), s.choices(), inline(s.near("default"))
	if items, ok := r.open(s.items()); ok && len(p.Enum) == 0 {
		p.Enum = items.choices()
	}
	if p.Example == "" {
		p.Example = inline(s.example())
	}
	if p.Text == "" {
		p.Text = s.text()
	}
}
