package handlers

import (
	"net/url"

	"gatehouse/models"
	"gatehouse/templates/ui"
)

// This file holds the addresses of lists and of what narrows them.

// listPages leads through a list that is read from its newest end.
func listPages(r *Request, p models.Page, next string) ui.Pages {
	pages := ui.Pages{Next: nextPage(r, next)}
	if p.After != "" {
		pages.Prev = nextPage(r, "-")
		pages.Summary = "Previous leads to the beginning"
	}
	return pages
}

// nextPage is the address of this list after a place in it: "" where there is no next page; "-" is its beginning.
func nextPage(r *Request, after string) string {
	if after == "" {
		return ""
	}
	q := r.URL.Query()
	q.Set("after", after)
	if after == "-" {
		q.Del("after")
	}
	if len(q) == 0 {
		return r.URL.Path
	}
	return r.URL.Path + "?" + q.Encode()
}

// pathWith returns a path with a query of names and values; empty values are left out.
func pathWith(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
