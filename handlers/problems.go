package handlers

import (
	"gatehouse/models"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// ProblemDoc explains one error of the gateway.
type ProblemDoc struct {
	Slug        string // ends the `type` of the answer
	Status      int    // of HTTP
	Title       string
	Explanation string
	WhatToDo    string
}

// Problems is the pages about the gateway's errors. Its answers lead here.
type Problems struct{ Docs []ProblemDoc }

// List shows them all, by status.
func (p *Problems) List(r *Request) (Reply, error) {
	groups := []public.ProblemGroup{
		{Title: "The request cannot be routed", Text: "Nothing was charged. The gateway could not tell which method was meant, or the request breaks a limit of size."},
		{Title: "The key may not make this call", Text: "Nothing was charged. The answer's message is Forbidden; its type tells which of these it was."},
		{Title: "Too many calls", Text: "Nothing was charged. Retry-After tells when a call will pass again."},
		{Title: "The API behind the gateway did not answer", Text: "The call was let through and failed behind the gateway. Whether it counts against the quota is a setting of the plan."},
		{Title: "The gateway cannot answer now", Text: "Try again after the seconds in Retry-After."},
	}
	for _, doc := range p.Docs {
		i := 0
		switch doc.Status {
		case 401, 403:
			i = 1
		case 429:
			i = 2
		case 502, 504:
			i = 3
		case 500, 503:
			i = 4
		}
		groups[i].Problems = append(groups[i].Problems, problemView(r, doc))
	}
	v := public.ProblemList{}
	for _, g := range groups {
		if len(g.Problems) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	page := r.public("Errors explained")
	page.Description = "Every error that the gateway answers by itself, why, and what to do."
	return Page(public.Problems(page, v)), nil
}

// Show explains one.
func (p *Problems) Show(r *Request) (Reply, error) {
	for _, doc := range p.Docs {
		if doc.Slug == r.Param("name") {
			page := r.public(doc.Title, ui.Crumb{Label: "Errors explained", Href: "/problems"}, ui.Crumb{Label: doc.Title})
			page.Description = doc.Explanation
			return Page(public.Problem(page, problemView(r, doc))), nil
		}
	}
	return Reply{}, models.NotFound("error")
}

func problemView(r *Request, doc ProblemDoc) public.ProblemView {
	return public.ProblemView{
		Slug: doc.Slug, Href: "/problems/" + doc.Slug, Status: doc.Status, Title: doc.Title, Explanation: doc.Explanation, WhatToDo: doc.WhatToDo,
		Type: r.Site.PublicURL + "/problems/" + doc.Slug,
	}
}
