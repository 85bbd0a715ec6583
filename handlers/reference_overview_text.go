package handlers

import (
	"cmp"
	"fmt"
	"strings"

	"gatehouse/models"
	"gatehouse/templates/format"
)

// overviewText is the beginning of a reference as Markdown: what the API's llms.txt says, too.
func (ref *reference) overviewText(r *Request) string {
	w := &writer{}
	w.heading(1, ref.api.Name)
	if ref.api.Summary != "" {
		w.paragraph("> ", ref.api.Summary)
	}
	w.paragraph("Address: ", code(ref.url(r)), " (stage ", code(ref.stage.Name), "). ", keyWords(ref.stage.KeySource))
	w.paragraph("Plans and prices: ", r.link(ref.api.Name, apiPath(ref.api.Slug)), ". The OpenAPI document as it holds here: ", r.Site.PublicURL, apiPath(ref.api.Slug), "/openapi.json", ref.stageQuery(), ".")
	w.paragraph(ref.doc.Text)
	left := maxListed
	for _, g := range ref.groups {
		w.heading(2, g.name)
		w.paragraph(g.text)
		for _, op := range g.operations[:min(len(g.operations), max(0, left))] {
			label, rest := op.Name(), ""
			if op.Summary != "" {
				rest = ": " + op.Summary
			}
			if op.Deprecated {
				rest += " (" + strings.ToLower(ref.goingBadge(op)[:1]) + ref.goingBadge(op)[1:] + ")"
			}
			w.line("- ", r.link(label, ref.operationPath(op)), rest)
		}
		left -= len(g.operations)
		w.line()
	}
	if left < 0 {
		w.paragraph("The list ends here: there are ", format.Count(int64(-left)), " operations more.")
	}
	if len(ref.doc.Webhooks) > 0 {
		w.heading(2, "Webhooks")
		for _, op := range ref.doc.Webhooks {
			w.line("- ", r.link(op.Path, docsPath(ref.api.Slug)+"/"+op.Slug+ref.stageQuery()), ": ", op.Summary)
		}
		w.line()
	}
	if len(ref.models) > 0 {
		w.heading(2, "Models")
		ref.modelLines(w, r)
	}
	w.extra("More in the document", ref.doc.Extra)
	return w.String()
}

// OverviewText is the overview as Markdown, which is also the API's llms.txt.
func (c *Catalog) OverviewText(r *Request) (Reply, error) {
	ref, err := c.reference(r)
	if err != nil {
		return Reply{}, err
	}
	return Markdowned(ref.overviewText(r)), nil
}

// text is the API's page as Markdown.
func (c *Catalog) text(r *Request, api models.CatalogAPI) string {
	w := &writer{}
	w.heading(1, api.Name)
	if api.Summary != "" {
		w.paragraph("> ", api.Summary)
	}
	w.paragraph("By ", api.OwnerName, ". ", keyWords(api.KeySource))
	if len(api.Stages) > 0 {
		w.paragraph(r.link("Reference", docsPath(api.Slug)))
		w.heading(2, "Addresses")
		for _, s := range api.Stages {
			w.line("- ", s.Name, ": ", code(r.Site.stageURL(api.Slug, s.Name, s.ID)), ", ", format.Plural(int64(len(s.Methods)), "operation"))
		}
		w.line()
	}
	if len(api.Plans) > 0 {
		w.heading(2, "Plans")
	}
	for _, p := range api.Plans {
		w.heading(3, p.Terms.Name)
		w.paragraph(p.Terms.Description)
		w.line("- Price: ", cmp.Or(p.Terms.Price, "not stated"))
		w.line("- ", throttleWords(p.Terms.Throttle))
		w.line("- ", quotaWords(p.Terms.Quota))
		w.line("- ", audienceWords(p))
		for _, s := range p.Stages {
			w.line("- ", methodsWords(s), " on ", s.StageName)
			for _, l := range s.Limited {
				w.line("  - ", code(l.Method.Name()), ": ", throttleWords(&l.Throttle.Throttle))
			}
			for _, m := range s.Excluded {
				w.line("  - ", code(m.Name()), ": not included")
			}
		}
		if words := endsSentence(p.EndsAt, r.Now); words != "" {
			w.line("- ", words)
		}
		w.line("- Subscribe: ", r.Site.PublicURL, apiPath(api.Slug), "/subscribe?plan=", p.PlanID.String())
		w.line()
	}
	return w.String()
}

// LLMs is what the portal offers, for programs that read: https://llmstxt.org.
func (c *Catalog) LLMs(r *Request) (Reply, error) {
	list, err := c.Store.CatalogAPIs(r.Context(), r.Account.ID, models.Page{Limit: 200})
	if err != nil {
		return Reply{}, err
	}
	w := &writer{}
	w.heading(1, "APIs")
	w.paragraph("> The APIs that can be subscribed to here. Every page of a reference is also Markdown: add .md to its address.")
	w.heading(2, "APIs")
	for _, e := range list.Items {
		w.line("- ", r.link(e.Name, apiPath(e.Slug)), fmt.Sprintf(": %s (operations: %s%s/llms.txt)", cmp.Or(e.Summary, "no summary"), r.Site.PublicURL, apiPath(e.Slug)))
	}
	if list.Next != "" {
		w.line("- and more: ", r.Site.PublicURL, "/apis")
	}
	w.line()
	w.heading(2, "Optional")
	w.line("- [What errors mean](", r.Site.PublicURL, "/problems)")
	return Plain(w.String()), nil
}
