package handlers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/public"
)

// operation is the page's middle for one operation.
func (c *Catalog) operation(r *Request, ref *reference, op openapi.Operation) *public.OperationView {
	base := stageURL(r.Site.GatewayURL, ref.api.Slug, ref.stage.Name)
	v := &public.OperationView{
		Verb: op.Verb, Path: op.Path, BaseURL: base, Title: op.Summary,
		Deprecated: op.Deprecated, KeyRequired: op.KeyRequired, Text: c.Markdown.HTML(op.Text, 1), Parameters: c.parameters(op),
		Snippets: r.snippets(exampleRequest(base, keyVariable(ref.api.Slug), ref.stage.KeySource, op)),
	}
	if v.Title == "" {
		v.Title = op.Verb + " " + op.Path
	}
	if op.KeyRequired {
		v.KeyWords = keyWords(ref.stage.KeySource)
		v.Plans = operationPlans(ref, op)
	}
	if op.Body != nil {
		v.Body = &public.BodyView{Required: op.Body.Required, Text: c.Markdown.HTML(op.Body.Text, 2), Contents: c.contents("body", "Body", op.Body.Contents)}
	}
	for i, answer := range op.Responses {
		code, _ := strconv.Atoi(answer.Status) // "4XX" and "default" have none
		v.Responses = append(v.Responses, public.ResponseView{
			Status: answer.Status, Code: code, Open: i == 0, Text: c.Markdown.HTML(answer.Text, 2), Contents: c.contents("answer-"+strconv.Itoa(i), answer.Status, answer.Contents),
		})
	}
	v.Sample, v.SampleTitle = takeSample(v.Responses)
	v.Prev, v.Next = ref.neighbours(op)
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
	var all []openapi.Operation
	for _, g := range ref.groups {
		all = append(all, g.operations...)
	}
	i := slices.IndexFunc(all, func(o openapi.Operation) bool { return o.Verb == op.Verb && o.Path == op.Path })
	if i > 0 {
		line := ref.line(all[i-1], "")
		previous = &line
	}
	if i >= 0 && i+1 < len(all) {
		line := ref.line(all[i+1], "")
		next = &line
	}
	return previous, next
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

// parameters are the operation's, by the place where they are sent. A path's names that the document does not describe are listed too.
func (c *Catalog) parameters(op openapi.Operation) []public.FieldGroup {
	all := slices.Clone(op.Parameters)
	for _, match := range placeholder.FindAllStringSubmatch(op.Path, -1) {
		name := strings.TrimSuffix(match[1], "+")
		if !slices.ContainsFunc(all, func(p openapi.Parameter) bool { return p.In == "path" && p.Name == name }) {
			all = append(all, openapi.Parameter{Name: name, In: "path", Required: true, Type: "string"})
		}
	}
	var groups []public.FieldGroup
	for _, place := range []struct{ in, title string }{
		{"path", "Path parameters"}, {"query", "Query parameters"}, {"header", "Headers"}, {"cookie", "Cookies"},
	} {
		group := public.FieldGroup{Title: place.title}
		for _, p := range all {
			if p.In == place.in {
				group.Rows = append(group.Rows, public.FieldView{
					Name: p.Name, Type: p.Type, Required: p.Required, Text: c.Markdown.HTML(p.Text, 2), Example: p.Example, Default: p.Default, Enum: p.Enum,
				})
			}
		}
		if len(group.Rows) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// contents are the shapes of a body; of names it, so that no two examples of a page have one name.
func (c *Catalog) contents(id, of string, contents []openapi.Content) []public.ContentView {
	views := make([]public.ContentView, len(contents))
	for i, content := range contents {
		v := public.ContentView{ID: fmt.Sprintf("%s-%d", id, i), Title: of + " " + content.MediaType, MediaType: content.MediaType, Type: content.Type}
		for _, f := range content.Fields {
			v.Rows = append(v.Rows, public.FieldView{
				Name: f.Name, Type: f.Type, Required: f.Required, Text: c.Markdown.HTML(f.Text, 2), Example: f.Example, Default: f.Default, Enum: f.Enum,
			})
		}
		if content.Example != "" {
			v.Example = exampleCode(content.MediaType, content.Example).Body()
		}
		views[i] = v
	}
	return views
}
