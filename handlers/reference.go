package handlers

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// Sizes of the lists of a reference. A page of an API of any size stays small: a larger API opens one group, and a long list has pages.
const (
	listedAtOnce = 120 // operations
	listedGroups = 150
	foundAtOnce  = 60
)

// reference is an API as its reference shows it: what callers can reach, with what the document says about it.
type reference struct {
	api    models.CatalogAPI
	stage  models.CatalogStage
	doc    *openapi.Reference
	groups []operationGroup
	slugs  map[string]string // "GET /users" -> the operation's name in addresses
	total  int
	models []openapi.Model // that the operations lead to, by name; brief
	seen   map[string]bool // slugs of models
	limits LimitsOf
	going  map[string]models.Deprecation // "GET /users": what its owner says of its end
	guides []models.Guide                // of the API

	authorizers identities
	now         time.Time
}

// guidesInNav is how many guides the navigation names.
const guidesInNav = 8

type operationGroup struct {
	name, text, extra string
	operations        []openapi.Operation // brief
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
		return See(ref.operationPath(op)), nil
	}
	call, err := firstCall(r, ref.api, ref.doc, c.Store, "first")
	if err != nil {
		return Reply{}, err
	}
	v := ref.view(r, nil)
	v.Overview = &public.OverviewView{
		Text: c.Markdown.HTML(ref.doc.Text, 1), KeyWords: keyWords(ref.stage.KeySource), URL: ref.url(r), Call: call, Made: ref.doc.Format == "",
		Tag: r.Query("tag"), Facts: facts(ref.doc.About), Schemes: c.schemes(ref.doc.Schemes), Extra: ref.doc.Extra, Found: v.Query != "",
	}
	v.Overview.Groups, v.Overview.Next = c.overviewGroups(r, ref, v.Query)
	if v.Query != "" {
		v.Overview.Models = ref.foundModels(v.Query)
	}
	v.Crumbs = ref.crumbs("Reference")
	page := ref.page(r, "Reference")
	page.NoIndex = page.NoIndex || v.Query != "" || r.Query("from") != ""
	return Page(public.Reference(page, v)), nil
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
	api, err := c.Store.CatalogAPI(r.Context(), r.Account.ID, strings.TrimSuffix(r.Param("slug"), ".md"))
	if err != nil {
		return nil, err
	}
	if len(api.Stages) == 0 {
		return nil, models.NotFound("page")
	}
	ref := &reference{api: api, stage: api.Stages[0], seen: map[string]bool{}, limits: c.Limits, now: r.Here()}
	if name := r.Query("stage"); name != "" {
		i := slices.IndexFunc(api.Stages, func(s models.CatalogStage) bool { return s.Name == name })
		if i < 0 {
			return nil, models.NotFound("stage")
		}
		ref.stage = api.Stages[i]
	}
	if ref.doc, err = c.references.of(r.Context(), c.Store, ref.stage.Document); err != nil {
		return nil, err
	}
	if ref.guides, err = c.Store.PublishedGuides(r.Context(), ref.api.ID); err != nil {
		return nil, err
	}
	if err := ref.readGoing(r.Context(), c.Store); err != nil {
		return nil, err
	}
	if ref.authorizers, err = readIdentities(r.Context(), c.Store, ref.api.ID, ref.stage.Methods); err != nil {
		return nil, err
	}
	ref.group()
	return ref, nil
}

// group sorts the deployed methods into the document's tags; an operation is in its first one. Those of a large API without tags go by the first part of
// their paths.
func (ref *reference) group() {
	ref.slugs = operationSlugs(ref.doc, ref.stage.Methods)
	ref.total = len(ref.stage.Methods)
	places := map[string]int{}
	place := func(name string) int {
		i, ok := places[name]
		if !ok {
			i = len(ref.groups)
			places[name] = i
			ref.groups = append(ref.groups, operationGroup{name: name})
		}
		return i
	}
	for _, tag := range ref.doc.Tags {
		i := place(tag.Name)
		ref.groups[i].text, ref.groups[i].extra = tag.Text, tag.Extra
	}
	names := make([]string, len(ref.stage.Methods))
	for n, m := range ref.stage.Methods {
		op := brief(ref.doc, m)
		if _, going := ref.going[m.Name()]; going {
			op.Deprecated = true
		}
		name := "Operations"
		switch {
		case len(op.Tags) > 0:
			name = op.Tags[0]
		case ref.total > listedAtOnce:
			first, _, _ := strings.Cut(op.Path[1:], "/")
			name = "/" + first
		}
		i := place(name)
		ref.groups[i].operations = append(ref.groups[i].operations, op)
		names[n] = m.Name()
	}
	ref.groups = slices.DeleteFunc(ref.groups, func(g operationGroup) bool { return len(g.operations) == 0 })
	for i, visible := range ref.doc.Visible(names) {
		if m := ref.doc.Models[i]; visible && !m.Hidden {
			ref.models, ref.seen[m.Slug] = append(ref.models, m), true
		}
	}
	slices.SortFunc(ref.models, func(a, b openapi.Model) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
}

// find returns the operation with a name in addresses; it is brief.
func (ref *reference) find(slug string) (openapi.Operation, error) {
	return ref.first(func(op openapi.Operation) bool { return ref.slug(op) == slug })
}

// named returns the operation with a verb and a path, "GET /users"; it is brief.
func (ref *reference) named(name string) (openapi.Operation, error) {
	return ref.first(func(op openapi.Operation) bool { return op.Name() == name })
}

func (ref *reference) first(is func(openapi.Operation) bool) (openapi.Operation, error) {
	for _, g := range ref.groups {
		if i := slices.IndexFunc(g.operations, is); i >= 0 {
			return g.operations[i], nil
		}
	}
	return openapi.Operation{}, models.NotFound("operation")
}

// whole returns all that is said of an operation that is deployed.
func (ref *reference) whole(op openapi.Operation) (openapi.Operation, error) {
	for _, m := range ref.stage.Methods {
		if m.Name() == op.Name() {
			op, err := described(ref.doc, m)
			op.Parameters = ref.authorizers.with(op.Parameters, m)
			if _, going := ref.going[m.Name()]; going {
				op.Deprecated = true
			}
			return op, err
		}
	}
	return op, nil
}

// groupOf is the group that an operation is in.
func (ref *reference) groupOf(op openapi.Operation) string {
	for _, g := range ref.groups {
		if slices.ContainsFunc(g.operations, func(o openapi.Operation) bool { return o.Name() == op.Name() }) {
			return g.name
		}
	}
	return ""
}

// view is the page without its middle: the lists of operations and the stages. A current operation is that of the page.
func (ref *reference) view(r *Request, current *openapi.Operation) public.ReferenceView {
	docs := docsPath(ref.api.Slug)
	v := public.ReferenceView{
		Name: ref.api.Name, Version: ref.doc.Version, APIHref: apiPath(ref.api.Slug), Href: docs, Query: strings.TrimSpace(r.Query("q")),
		Stage: ref.stage.Name, StageQuery: ref.stageQuery(), Total: ref.total, Models: len(ref.models), Webhooks: ref.webhookLines(current),
		Markdown: markdownPath(r), Document: ref.doc.Format != "",
	}
	for _, g := range ref.guides[:min(len(ref.guides), guidesInNav)] {
		v.Guides = append(v.Guides, public.GuideLink{Title: g.Title, Href: guidePath(ref.api.Slug, g.Slug)})
	}
	if len(ref.guides) > guidesInNav {
		v.MoreGuides = guidesPath(ref.api.Slug)
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
	for _, g := range ref.groups[:min(len(ref.groups), listedGroups)] {
		group := public.OperationGroup{Name: g.name, Href: ref.groupPath(g.name), Count: len(g.operations)}
		if g.name == open || ref.total <= listedAtOnce {
			group.Lines, group.Before, group.After = ref.window(g, slug)
		}
		v.Groups = append(v.Groups, group)
	}
	if i := slices.IndexFunc(v.Groups, func(g public.OperationGroup) bool { return g.Name == open }); i > 0 && ref.total > listedAtOnce { // else it may lie far below what is in sight
		group := v.Groups[i]
		v.Groups = slices.Insert(slices.Delete(v.Groups, i, i+1), 0, group)
	}
	v.MoreGroups = len(ref.groups) > listedGroups
	return v
}

// window is the lines of a group that fit into a list, around the current one, with how many there are before and after.
func (ref *reference) window(g operationGroup, current string) (lines []public.OperationLine, before, after int) {
	from := 0
	if len(g.operations) > listedAtOnce {
		at := max(0, slices.IndexFunc(g.operations, func(op openapi.Operation) bool { return ref.slug(op) == current }))
		from = max(0, min(at-listedAtOnce/2, len(g.operations)-listedAtOnce))
	}
	shown := g.operations[from:min(len(g.operations), from+listedAtOnce)]
	for _, op := range shown {
		lines = append(lines, ref.line(op, current))
	}
	return lines, from, len(g.operations) - from - len(shown)
}

// overviewGroups are the cards of the overview: everything of a small API; of a large one the groups, and the operations of the one that is open, a page
// at a time; and only what was found where something was searched for. Next leads to the next page.
func (c *Catalog) overviewGroups(r *Request, ref *reference, query string) (groups []public.OperationGroup, next string) {
	open, left := r.Query("tag"), foundAtOnce
	from, _ := strconv.Atoi(r.Query("from"))
	for _, g := range ref.groups {
		group := public.OperationGroup{Name: g.name, Href: ref.groupPath(g.name), Count: len(g.operations), Extra: g.extra}
		switch {
		case query != "":
			for _, op := range g.operations {
				if matches(op, query) {
					if left--; left >= 0 {
						group.Lines = append(group.Lines, ref.line(op, ""))
					}
				}
			}
			if len(group.Lines) == 0 {
				continue
			}
		case open != "" && g.name != open:
			continue
		case open != "" || ref.total <= listedAtOnce:
			from = max(0, min(from, len(g.operations)-1))
			until := min(len(g.operations), from+listedAtOnce)
			for _, op := range g.operations[from:until] {
				group.Lines = append(group.Lines, ref.line(op, ""))
			}
			if until < len(g.operations) {
				next = withQuery(r, "from", strconv.Itoa(until))
			}
			group.Text = c.Markdown.HTML(g.text, 2)
		}
		groups = append(groups, group)
	}
	if query != "" && left < 0 {
		next = "" // a longer word finds less
	}
	return groups, next
}

// foundModels are the models whose names hold what was searched for.
func (ref *reference) foundModels(query string) (lines []public.ModelLine) {
	for _, m := range ref.models {
		if len(lines) < foundAtOnce/2 && strings.Contains(strings.ToLower(m.Name), strings.ToLower(query)) {
			lines = append(lines, public.ModelLine{Name: m.Name, Type: m.Type, Href: ref.modelPath(m.Slug)})
		}
	}
	return lines
}

func (ref *reference) line(op openapi.Operation, current string) public.OperationLine {
	return public.OperationLine{
		Verb: op.Verb, Path: op.Path, Summary: op.Summary, Href: ref.operationPath(op), Open: !op.KeyRequired, Deprecated: op.Deprecated, Goes: ref.goingBadge(op),
		Current: ref.slug(op) == current,
	}
}

func (ref *reference) slug(op openapi.Operation) string { return ref.slugs[op.Name()] }

// url is the address of the stage at the gateway.
func (ref *reference) url(r *Request) string {
	return r.Site.stageURL(ref.api.Slug, ref.stage.Name, ref.stage.ID)
}

// stageQuery keeps the stage that was chosen in links: "?stage=beta", or "" for the first one.
func (ref *reference) stageQuery() string {
	if ref.stage.ID == ref.api.Stages[0].ID {
		return ""
	}
	return "?stage=" + url.QueryEscape(ref.stage.Name)
}

func (ref *reference) operationPath(op openapi.Operation) string {
	return docsPath(ref.api.Slug) + "/" + ref.slug(op) + ref.stageQuery()
}

func (ref *reference) modelPath(slug string) string {
	return docsPath(ref.api.Slug) + "/models/" + slug + ref.stageQuery()
}

func (ref *reference) groupPath(name string) string {
	q := url.Values{"tag": {name}}
	if ref.stageQuery() != "" {
		q.Set("stage", ref.stage.Name)
	}
	return docsPath(ref.api.Slug) + "?" + q.Encode()
}

func docsPath(slug string) string { return apiPath(slug) + "/docs" }

// operationSlugs names the operations of an API in addresses: first those of its document, whether they are deployed or not, so that a name does
// not depend on what else is deployed, then the methods that it does not describe.
func operationSlugs(doc *openapi.Reference, methods []models.Method) map[string]string {
	var names openapi.Slugs
	names.Reserve("models")
	slugs := make(map[string]string, len(methods))
	for _, all := range [][]openapi.Operation{doc.Operations, doc.Webhooks} {
		for _, op := range all {
			names.Reserve(op.Slug)
			slugs[op.Name()] = op.Slug
		}
	}
	for _, m := range methods {
		if slugs[m.Name()] == "" {
			slugs[m.Name()] = names.Name(openapi.Operation{Verb: m.Verb, Path: m.Path})
		}
	}
	return slugs
}

func matches(op openapi.Operation, query string) bool {
	query = strings.ToLower(query)
	for _, text := range []string{op.Verb + " " + op.Path, op.Summary, op.ID} {
		if strings.Contains(strings.ToLower(text), query) {
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

// markdownPath is where this page is as Markdown.
func markdownPath(r *Request) string {
	path := r.URL.EscapedPath() + ".md"
	if stage := r.Query("stage"); stage != "" {
		path += "?stage=" + url.QueryEscape(stage)
	}
	return path
}
