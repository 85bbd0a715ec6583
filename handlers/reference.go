package handlers

import (
	"net/url"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// listedAtOnce is how many operations a page lists; a larger API lists one group at a time.
const listedAtOnce = 120

// reference is an API as its reference shows it: what callers can reach, with what the document says about it.
type reference struct {
	api         models.CatalogAPI
	stage       models.CatalogStage
	description *openapi.Description
	groups      []operationGroup
	slugs       map[string]string // "GET /users" -> the operation's name in addresses
	total       int
}

type operationGroup struct {
	name, text string
	operations []openapi.Operation
}

// Reference is the beginning of an API's reference: how to call, and all operations; ?tag= opens a group, ?q= searches.
func (c *Catalog) Reference(r *Request) (Reply, error) {
	ref, err := c.reference(r)
	if err != nil {
		return Reply{}, err
	}
	if name := r.Query("op"); name != "" { // as addresses were before operations had their own
		op, err := ref.named(name)
		if err != nil {
			return Reply{}, err
		}
		return See(ref.operationPath(*op)), nil
	}
	v := ref.view(r, nil)
	v.Overview = &public.OverviewView{
		Text: c.Markdown.HTML(ref.description.Text, 1), KeyWords: keyWords(ref.stage.KeySource), URL: stageURL(r.Site.GatewayURL, ref.api.Slug, ref.stage.Name),
		Call: firstCall(r, ref.api, ref.description, "first"), Made: ref.description.Format == "",
	}
	for i := range v.Groups {
		v.Groups[i].Text = c.Markdown.HTML(ref.groupText(v.Groups[i].Name), 2)
	}
	v.Crumbs = ref.crumbs("Reference")
	page := ref.page(r, "Reference")
	page.NoIndex = page.NoIndex || r.Query("q") != ""
	return Page(public.Reference(page, v)), nil
}

// Operation is one operation with its parameters, bodies and answers.
func (c *Catalog) Operation(r *Request) (Reply, error) {
	ref, err := c.reference(r)
	if err != nil {
		return Reply{}, err
	}
	op, err := ref.find(r.Param("op"))
	if err != nil {
		return Reply{}, err
	}
	v := ref.view(r, op)
	v.Operation = c.operation(r, ref, *op)
	v.Crumbs = ref.crumbs(v.Operation.Title)
	return Page(public.Reference(ref.page(r, v.Operation.Title), v)), nil
}

// page is the frame of a page of the reference.
func (ref *reference) page(r *Request, title string) ui.Page {
	page := r.public(title + " · " + ref.api.Name)
	page.Description, page.Wide = ref.api.Summary, true
	page.NoIndex = r.Query("stage") != ""
	return page
}

// crumbs lead to a page of the reference.
func (ref *reference) crumbs(title string) []ui.Crumb {
	crumbs := []ui.Crumb{{Label: "APIs", Href: "/apis"}, {Label: ref.api.Name, Href: apiPath(ref.api.Slug)}, {Label: "Reference", Href: docsPath(ref.api.Slug)}}
	if title == "Reference" {
		crumbs[2].Href = ""
		return crumbs
	}
	return append(crumbs, ui.Crumb{Label: title})
}

// reference reads the API, its stage (?stage=, else the first) and what the document says of the methods that are deployed there. What
// the document does not describe, or all of it where there is none, is listed by verb and path.
func (c *Catalog) reference(r *Request) (*reference, error) {
	api, err := c.Store.CatalogAPI(r.Context(), r.Account.ID, r.Param("slug"))
	if err != nil {
		return nil, err
	}
	if len(api.Stages) == 0 {
		return nil, models.NotFound("page")
	}
	ref := &reference{api: api, stage: api.Stages[0]}
	if name := r.Query("stage"); name != "" {
		i := slices.IndexFunc(api.Stages, func(s models.CatalogStage) bool { return s.Name == name })
		if i < 0 {
			return nil, models.NotFound("stage")
		}
		ref.stage = api.Stages[i]
	}
	if ref.description, err = c.descriptions.of(r, c.Store, api); err != nil {
		return nil, err
	}
	ref.group()
	return ref, nil
}

// group sorts the deployed methods into the document's tags; an operation is in its first one.
func (ref *reference) group() {
	described := byName(ref.description)
	ref.slugs = operationSlugs(ref.description, ref.stage.Methods)
	places := map[string]int{}
	place := func(name, text string) int {
		i, ok := places[name]
		if !ok {
			i = len(ref.groups)
			places[name] = i
			ref.groups = append(ref.groups, operationGroup{name: name, text: text})
		}
		return i
	}
	for _, tag := range ref.description.Tags {
		place(tag.Name, tag.Text)
	}
	for _, m := range ref.stage.Methods {
		op := describe(described, m)
		name := "Operations"
		if len(op.Tags) > 0 {
			name = op.Tags[0]
		}
		i := place(name, "")
		ref.groups[i].operations = append(ref.groups[i].operations, op)
		ref.total++
	}
	ref.groups = slices.DeleteFunc(ref.groups, func(g operationGroup) bool { return len(g.operations) == 0 })
}

func (ref *reference) groupText(name string) string {
	for _, g := range ref.groups {
		if g.name == name {
			return g.text
		}
	}
	return ""
}

// find returns the operation with a name in addresses.
func (ref *reference) find(slug string) (*openapi.Operation, error) {
	return ref.first(func(op openapi.Operation) bool { return ref.slugs[op.Verb+" "+op.Path] == slug })
}

// named returns the operation with a verb and a path, "GET /users".
func (ref *reference) named(name string) (*openapi.Operation, error) {
	return ref.first(func(op openapi.Operation) bool { return op.Verb+" "+op.Path == name })
}

func (ref *reference) first(is func(openapi.Operation) bool) (*openapi.Operation, error) {
	for _, g := range ref.groups {
		if i := slices.IndexFunc(g.operations, is); i >= 0 {
			return &g.operations[i], nil
		}
	}
	return nil, models.NotFound("operation")
}

// groupOf is the group that an operation is in.
func (ref *reference) groupOf(op openapi.Operation) string {
	for _, g := range ref.groups {
		if slices.ContainsFunc(g.operations, func(o openapi.Operation) bool { return o.Verb == op.Verb && o.Path == op.Path }) {
			return g.name
		}
	}
	return ""
}

// view is the page without its middle: the lists of operations and the stages. A current operation is that of the page.
func (ref *reference) view(r *Request, current *openapi.Operation) public.ReferenceView {
	docs := docsPath(ref.api.Slug)
	v := public.ReferenceView{
		Name: ref.api.Name, Version: ref.description.Version, APIHref: apiPath(ref.api.Slug), Href: docs, Query: strings.TrimSpace(r.Query("q")),
		Stage: ref.stage.Name, Total: ref.total,
	}
	if len(ref.api.Stages) > 1 {
		for _, s := range ref.api.Stages {
			v.Stages = append(v.Stages, ui.Tab{Label: s.Name, Href: withQuery(r, "stage", s.Name), Current: s.ID == ref.stage.ID})
		}
	}
	open, slug := r.Query("tag"), ""
	if current != nil {
		open, slug = ref.groupOf(*current), ref.slug(*current)
	}
	for _, g := range ref.groups {
		group := public.OperationGroup{Name: g.name, Href: docs + "?tag=" + url.QueryEscape(g.name), Open: g.name == open}
		for _, op := range g.operations {
			if !matches(op, v.Query) {
				continue
			}
			group.Count++
			if v.Query != "" || group.Open || ref.total <= listedAtOnce {
				group.Lines = append(group.Lines, ref.line(op, slug))
			}
		}
		switch {
		case group.Count == 0:
		case group.Open && ref.total > listedAtOnce: // else it may lie far below what is in sight
			v.Groups = slices.Insert(v.Groups, 0, group)
		default:
			v.Groups = append(v.Groups, group)
		}
	}
	return v
}

func (ref *reference) line(op openapi.Operation, current string) public.OperationLine {
	return public.OperationLine{
		Verb: op.Verb, Path: op.Path, Summary: op.Summary, Href: ref.operationPath(op), Open: !op.KeyRequired, Deprecated: op.Deprecated,
		Current: ref.slug(op) == current,
	}
}

func (ref *reference) slug(op openapi.Operation) string { return ref.slugs[op.Verb+" "+op.Path] }

// operationPath keeps the stage that was chosen.
func (ref *reference) operationPath(op openapi.Operation) string {
	path := docsPath(ref.api.Slug) + "/" + ref.slug(op)
	if ref.stage.ID != ref.api.Stages[0].ID {
		path += "?stage=" + url.QueryEscape(ref.stage.Name)
	}
	return path
}

func docsPath(slug string) string { return apiPath(slug) + "/docs" }

// operationSlugs names the operations of an API in addresses: first those of its document, whether they are deployed or not, so that a name does
// not depend on what else is deployed, then the methods that it does not describe.
func operationSlugs(d *openapi.Description, methods []models.Method) map[string]string {
	var names openapi.Slugs
	names.Reserve("models")
	slugs := make(map[string]string, len(methods))
	for _, op := range d.Operations {
		slugs[op.Verb+" "+op.Path] = names.Name(op)
	}
	for _, m := range methods {
		if slugs[m.Name()] == "" {
			slugs[m.Name()] = names.Name(openapi.Operation{Verb: m.Verb, Path: m.Path})
		}
	}
	return slugs
}

func matches(op openapi.Operation, query string) bool {
	for _, text := range []string{op.Verb + " " + op.Path, op.Summary, op.ID} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(query)) {
			return true
		}
	}
	return false
}

// withQuery is this page's address with one value changed.
func withQuery(r *Request, name, value string) string {
	q := r.URL.Query()
	q.Set(name, value)
	return r.URL.Path + "?" + q.Encode()
}
