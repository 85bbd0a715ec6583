// Package htmlcheck holds rendered pages to the rules that every page must keep.
// It is used by tests alone:
//
//	for _, problem := range htmlcheck.Page(html) {
//		t.Error(problem)
//	}
//
// Page is for a whole document, Fragment for a part of one. Both look at the
// markup as a browser would be given it; a problem says what is wrong and where.
package htmlcheck

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Page checks a whole document: the rules of Fragment, one h1, a title, a
// language, and that every reference by id has its target.
func Page(html string) []string {
	c := read(html)
	if n := c.count["h1"]; n != 1 {
		c.problem("%d h1 elements, want 1", n)
	}
	if c.count["title"] != 1 || c.count["main"] != 1 {
		c.problem("want one title and one main, got %d and %d", c.count["title"], c.count["main"])
	}
	if c.lang == "" {
		c.problem("html has no lang")
	}
	for _, ref := range c.refs {
		if !c.ids[ref.id] {
			c.problem("%s points at %q, which is not in the page", ref.by, ref.id)
		}
	}
	return c.problems
}

// Fragment checks a part of a page: no style and no event attributes, no inline
// script, ids that are unique, controls and buttons that have names, forms that
// say how and where they send, and no empty ARIA attributes.
func Fragment(html string) []string { return read(html).problems }

type reference struct{ by, id string }

type control struct{ what, id string }

type checker struct {
	problems []string
	count    map[string]int
	ids      map[string]bool
	labels   map[string]bool // ids that a label names
	refs     []reference
	controls []control // still waiting for a label
	lang     string
	open     []string // elements that are open
	waiting  []named  // buttons and links whose text has not been seen yet
}

type named struct {
	depth int
	what  string
	text  bool
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func read(html string) *checker {
	c := &checker{count: map[string]int{}, ids: map[string]bool{}, labels: map[string]bool{}}
	// The outer element closes void elements at the end of a fragment.
	d := xml.NewDecoder(strings.NewReader("<x>" + html + "</x>"))
	d.Strict, d.AutoClose, d.Entity = false, void, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.problem("cannot be read: %v", err)
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			c.start(token)
		case xml.EndElement:
			c.end()
		case xml.CharData:
			c.text(string(token))
		}
	}
	for _, control := range c.controls {
		if !c.labels[control.id] {
			c.problem("%s has no label", control.what)
		}
	}
	return c
}

// void are the elements that have no end tag.
var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}

func (c *checker) start(e xml.StartElement) {
	name, attrs := e.Name.Local, map[string]string{}
	what := "<" + name
	for _, a := range e.Attr {
		key := a.Name.Local
		if a.Name.Space != "" {
			key = a.Name.Space + ":" + key
		}
		attrs[key] = a.Value
		if key == "id" || key == "name" || key == "href" || key == "class" {
			what += fmt.Sprintf(" %s=%q", key, a.Value)
		}
	}
	what += ">"
	c.count[name]++
	c.attributes(what, attrs)
	switch name {
	case "html":
		c.lang = attrs["lang"]
	case "style":
		c.problem("%s: no style elements", what)
	case "script":
		if attrs["src"] == "" {
			c.problem("inline script")
		}
	case "label":
		c.labels[attrs["for"]] = true
		if attrs["for"] != "" {
			c.refs = append(c.refs, reference{what, attrs["for"]})
		}
	case "input", "select", "textarea":
		c.control(what, attrs)
	case "form":
		if attrs["action"] == "" || attrs["method"] != "get" && attrs["method"] != "post" {
			c.problem("%s needs a method and an action", what)
		}
	case "button", "a", "summary":
		if name == "button" && attrs["type"] == "" {
			c.problem("%s needs a type", what)
		}
		c.waiting = append(c.waiting, named{len(c.open), what, attrs["aria-label"] != ""})
	case "th":
		if attrs["scope"] == "" {
			c.problem("%s needs a scope", what)
		}
	}
	c.open = append(c.open, name)
}

func (c *checker) attributes(what string, attrs map[string]string) {
	for key, value := range attrs {
		switch {
		case key == "style" || strings.HasPrefix(key, "on") || strings.HasPrefix(key, "hx-on"):
			c.problem("%s has the attribute %s", what, key)
		case strings.HasPrefix(key, "aria-") && (value == "" || value == key):
			c.problem("%s has an empty %s", what, key)
		case key == "aria-describedby" || key == "aria-labelledby":
			for id := range strings.FieldsSeq(value) {
				c.refs = append(c.refs, reference{what, id})
			}
		case key == "href" && strings.HasPrefix(value, "#") && len(value) > 1:
			c.refs = append(c.refs, reference{what, value[1:]})
		case (key == "href" || key == "action" || key == "formaction") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "javascript:"):
			c.problem("%s runs a script", what)
		case key == "id":
			if c.ids[value] {
				c.problem("id %q twice", value)
			}
			c.ids[value] = true
		}
	}
}

func (c *checker) control(what string, attrs map[string]string) {
	if attrs["type"] == "hidden" || attrs["aria-label"] != "" || attrs["aria-labelledby"] != "" || slices.Contains(c.open, "label") {
		return
	}
	c.controls = append(c.controls, control{what, attrs["id"]})
}

func (c *checker) end() {
	if len(c.open) == 0 {
		return
	}
	c.open = c.open[:len(c.open)-1]
	if n := len(c.waiting); n > 0 && c.waiting[n-1].depth == len(c.open) {
		if !c.waiting[n-1].text {
			c.problem("%s has no text and no aria-label", c.waiting[n-1].what)
		}
		c.waiting = c.waiting[:n-1]
	}
}

func (c *checker) text(text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	for i := range c.waiting {
		c.waiting[i].text = true
	}
}
