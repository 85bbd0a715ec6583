package handlers

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/public"
)

// Operation is one operation with its parameters, bodies and answers, or one webhook. With .md behind its name it is Markdown.
func (c *Catalog) Operation(r *Request) (Reply, error) {
	ref, err := c.reference(r)
	if err != nil {
		return Reply{}, err
	}
	slug, asText := strings.CutSuffix(r.Param("op"), ".md")
	if i := slices.IndexFunc(ref.doc.Webhooks, func(op openapi.Operation) bool { return op.Slug == slug }); i >= 0 {
		return c.webhook(r, ref, i, asText)
	}
	short, err := ref.find(slug)
	if err != nil {
		return Reply{}, err
	}
	op, err := ref.whole(short)
	if err != nil {
		return Reply{}, err
	}
	reader, err := c.reader(r, ref)
	if err != nil {
		return Reply{}, err
	}
	if asText {
		text, err := ref.operationText(r, op, reader)
		return Markdowned(text), err
	}
	tried, _, err := c.tryView(r, ref, newTrial(op, ref.stage.KeySource, ref.modelOf), 0)
	if err != nil {
		return Reply{}, err
	}
	page, err := c.operationPage(r, ref, op, reader, tried)
	return Page(page), err
}

// operationPage is the page of an operation, with what was tried on it.
func (c *Catalog) operationPage(r *Request, ref *reference, op openapi.Operation, reader apiReader, tried public.TriedView) (templ.Component, error) {
	v := ref.view(r, &op)
	var err error
	if v.Operation, err = c.operation(r, ref, op, reader); err != nil {
		return nil, err
	}
	v.Operation.Try = public.TryColumn(tried)
	v.Crumbs = ref.crumbs(v.Operation.Title)
	page := ref.page(r, v.Operation.Title)
	page.Htmx = r.Account.ID != 0
	return public.Reference(page, v), nil
}

// webhook is a call that the API itself makes.
func (c *Catalog) webhook(r *Request, ref *reference, i int, asText bool) (Reply, error) {
	op, err := ref.doc.Webhook(i)
	if err != nil {
		return Reply{}, err
	}
	if asText {
		text, err := ref.webhookText(r, op)
		return Markdowned(text), err
	}
	m := c.mapper(ref)
	v := ref.view(r, &op)
	v.Operation = m.called(op, "hook")
	v.Crumbs = ref.crumbs(v.Operation.Title)
	return Page(public.Reference(ref.page(r, v.Operation.Title), v)), m.err
}

// operation is the page's middle for one operation.
func (c *Catalog) operation(r *Request, ref *reference, op openapi.Operation, reader apiReader) (*public.OperationView, error) {
	base := ref.url(r)
	m := c.mapper(ref)
	v := m.called(op, "")
	v.Going = ref.goingView(r, op)
	v.Tag, v.TagHref, v.BaseURL, v.KeyRequired = ref.groupOf(op), ref.groupPath(ref.groupOf(op)), base, op.KeyRequired
	if op.KeyRequired {
		v.KeyWords = keyWords(ref.stage.KeySource)
		v.Access = ref.access(r, op, reader)
		v.Gateway = gatewayAnswers()
	}
	if len(v.Access.Yours) == 0 && op.KeyRequired {
		v.Plans = operationPlans(ref, op)
	}
	v.Sample, v.SampleTitle = takeSample(v.Responses)
	v.Prev, v.Next = ref.neighbours(op)
	return v, m.err
}

// called is what an operation, a webhook or a callback says itself. Names in its markup begin with id.
func (m *mapper) called(op openapi.Operation, id string) *public.OperationView {
	v := &public.OperationView{
		Verb: op.Verb, Path: op.Path, Title: cmp.Or(op.Summary, op.Verb+" "+op.Path), ID: op.ID, Hook: id != "", Deprecated: op.Deprecated, Text: m.html(op.Text, 1),
		Parameters: m.parameters(op), Security: op.Security, Extra: op.Extra,
	}
	if op.Docs != nil {
		v.Docs = facts([]openapi.Fact{*op.Docs})
	}
	if id != "" {
		id += "-"
	}
	if op.Body != nil {
		v.Body = &public.BodyView{Required: op.Body.Required, Text: m.html(op.Body.Text, 2), Extra: op.Body.Extra,
			Contents: m.contents(id+"body", "Body", op.Body.Contents, mainRows)}
	}
	for i, answer := range op.Responses {
		code, _ := strconv.Atoi(answer.Status) // "4XX" and "default" have none
		rows := otherRows
		if code >= 200 && code < 300 && !slices.ContainsFunc(v.Responses, func(r public.ResponseView) bool { return r.Code >= 200 && r.Code < 300 }) {
			rows = mainRows
		}
		response := public.ResponseView{
			Status: answer.Status, Code: code, Open: i == 0, Text: m.html(answer.Text, 2), Extra: answer.Extra,
			Contents: m.contents(id+"answer-"+strconv.Itoa(i), answer.Status, answer.Contents, rows),
		}
		for _, h := range answer.Headers {
			response.Headers = append(response.Headers, m.parameter(h))
		}
		for _, l := range answer.Links {
			link := public.LinkView{Name: l.Name, Operation: l.Operation, Text: m.html(l.Text, 2), Extra: l.Extra}
			if to, err := m.ref.first(func(o openapi.Operation) bool { return o.ID == l.Operation }); err == nil {
				link.Href = m.ref.operationPath(to)
			}
			response.Links = append(response.Links, link)
		}
		v.Responses = append(v.Responses, response)
	}
	for i, call := range op.Callbacks {
		v.Callbacks = append(v.Callbacks, *m.called(call, id+"callback-"+strconv.Itoa(i)))
	}
	return v
}

// takeSample moves the first example of an answer to where it stands beside the call.
func takeSample(answers []public.ResponseView) (templ.Component, string) {
	for _, answer := range answers {
		for i := range answer.Contents {
			if sample := answer.Contents[i].Example; sample != nil {
				answer.Contents[i].Example = nil
				return sample, answer.Contents[i].Title
			}
		}
	}
	return nil, ""
}

// neighbours are the operations before and after, in the order of the lists.
func (ref *reference) neighbours(op openapi.Operation) (previous, next *public.OperationLine) {
	var before *openapi.Operation
	found := false
	for _, g := range ref.groups {
		for i := range g.operations {
			o := &g.operations[i]
			switch {
			case found:
				line := ref.line(*o, "")
				return previous, &line
			case o.Name() == op.Name():
				if found = true; before != nil {
					line := ref.line(*before, "")
					previous = &line
				}
			}
			before = o
		}
	}
	return previous, nil
}

// webhookLines are the calls that the API itself makes.
func (ref *reference) webhookLines(current *openapi.Operation) (lines []public.OperationLine) {
	const most = 30
	for i, op := range ref.doc.Webhooks {
		is := current != nil && current.Slug == op.Slug
		if i < most || is {
			lines = append(lines, public.OperationLine{Verb: op.Verb, Path: op.Path, Summary: cmp.Or(op.Summary, op.Path), Href: docsPath(ref.api.Slug) + "/" + op.Slug + ref.stageQuery(),
				Deprecated: op.Deprecated, Goes: "Deprecated", Current: is})
		}
	}
	return lines
}

// operationPlans says what each plan that opens the stage does with the operation.
func operationPlans(ref *reference, op openapi.Operation) []public.OperationPlan {
	same := func(m models.Method) bool { return m.Verb == op.Verb && m.Path == op.Path }
	var plans []public.OperationPlan
	for _, p := range ref.api.Plans {
		for _, s := range p.Stages {
			if s.StageID != ref.stage.ID {
				continue
			}
			line := public.OperationPlan{Name: p.Terms.Name, Href: apiPath(ref.api.Slug) + "#plans", Included: true, Words: throttleWords(p.Terms.Throttle)}
			for _, l := range s.Limited {
				if same(l.Method) {
					line.Words = throttleWords(&l.Throttle.Throttle) + " for this operation"
				}
			}
			if slices.ContainsFunc(s.Excluded, same) {
				line.Included, line.Words = false, "not included"
			}
			plans = append(plans, line)
		}
	}
	return plans
}

// parameterPlaces are where parameters are sent, in the order of pages.
var parameterPlaces = [...]struct{ in, title string }{
	{"path", "Path parameters"}, {"query", "Query parameters"}, {"header", "Headers"}, {"cookie", "Cookies"},
}

// withPathNames are the parameters of an operation, with the names in its path that the document does not describe.
func withPathNames(op openapi.Operation) []openapi.Parameter {
	all := slices.Clone(op.Parameters)
	for _, match := range placeholder.FindAllStringSubmatch(op.Path, -1) {
		name := strings.TrimSuffix(match[1], "+")
		if !slices.ContainsFunc(all, func(p openapi.Parameter) bool {
			return p.In == "path" && strings.TrimSuffix(p.Name, "+") == name
		}) {
			all = append(all, openapi.Parameter{Name: name, In: "path", Required: true, Type: "string"})
		}
	}
	return all
}

// parameters are the operation's, by the place where they are sent.
func (m *mapper) parameters(op openapi.Operation) []public.FieldGroup {
	all := op.Parameters
	if strings.HasPrefix(op.Path, "/") {
		all = withPathNames(op)
	}
	var groups []public.FieldGroup
	for _, place := range parameterPlaces {
		group := public.FieldGroup{Title: place.title}
		for _, p := range all {
			if p.In == place.in {
				group.Rows = append(group.Rows, m.parameter(p))
			}
		}
		if len(group.Rows) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// sameShapes puts contents together that differ in nothing but their media type.
func sameShapes(contents []openapi.Content) (groups [][]openapi.Content) {
	for _, content := range contents {
		at := slices.IndexFunc(groups, func(g []openapi.Content) bool {
			return g[0].Type == content.Type && g[0].Schema != nil && reflect.DeepEqual(g[0].Schema, content.Schema) && (content.Example == "" || content.Example == g[0].Example)
		})
		if at < 0 {
			groups = append(groups, []openapi.Content{content})
			continue
		}
		groups[at] = append(groups[at], content)
	}
	return groups
}
