package handlers

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// ChangelogStore is what an API's public changelog needs of the store.
type ChangelogStore interface {
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	Changelog(ctx context.Context, api models.APIID) ([]models.ChangelogEntry, error)
	Deprecations(ctx context.Context, api models.APIID) ([]models.Deprecation, error)
}

// Changelog is what changed in an API, for whoever may see the API: as a page, as Markdown, and as a feed.
type Changelog struct {
	Store    ChangelogStore
	Markdown *Markdown
}

func changelogPath(slug string) string { return apiPath(slug) + "/changes" }

// changelog is what the three forms are made of.
type changelog struct {
	api        models.CatalogAPI
	entries    []models.ChangelogEntry
	deprecated []deprecated
}

// deprecated is a deprecation of something that the reader can see.
type deprecated struct {
	models.Deprecation
	what string
}

func (c *Changelog) read(r *Request) (log changelog, err error) {
	if log.api, err = c.Store.CatalogAPI(r.Context(), r.Account.ID, r.Param("slug")); err != nil {
		return log, err
	}
	if log.entries, err = c.Store.Changelog(r.Context(), log.api.ID); err != nil {
		return log, err
	}
	all, err := c.Store.Deprecations(r.Context(), log.api.ID)
	for _, d := range all {
		if what, seen := deprecatedName(log.api, d); seen {
			log.deprecated = append(log.deprecated, deprecated{d, what})
		}
	}
	return log, err
}

// deprecatedName says what is deprecated; seen is false where the reader sees no stage that has it.
func deprecatedName(api models.CatalogAPI, d models.Deprecation) (what string, seen bool) {
	for _, st := range api.Stages {
		if d.StageID == st.ID {
			return "The stage " + st.Name, true
		}
		if i := slices.IndexFunc(st.Methods, func(m models.Method) bool { return d.MethodID != 0 && m.ID == d.MethodID }); i >= 0 {
			return st.Methods[i].Name(), true
		}
	}
	return "", false
}

// Show is the page.
func (c *Changelog) Show(r *Request) (Reply, error) {
	log, err := c.read(r)
	if err != nil {
		return Reply{}, err
	}
	path := changelogPath(log.api.Slug)
	v := public.ChangesView{Name: log.api.Name, Href: apiPath(log.api.Slug), Feed: path + ".atom", Markdown: path + ".md"}
	if r.Account.ID != 0 && r.Account.ID == log.api.OwnerID {
		v.EditHref = ownerChangelogPath(log.api.ID)
	}
	for _, d := range log.deprecated {
		one := public.DeprecatedView{ID: d.ID.String(), What: d.what, State: deprecationBadge(d.Deprecation, r.Now), Since: d.Since, Sunset: d.Sunset, Note: d.Note, Link: d.Link, Successor: d.Successor}
		for _, b := range d.Brownouts {
			if b.To.After(r.Now) {
				one.Brownouts = append(one.Brownouts, public.BrownoutView{From: b.From, To: b.To, Words: brownoutWords(b)})
			}
		}
		v.Deprecated = append(v.Deprecated, one)
	}
	for _, e := range log.entries {
		v.Entries = append(v.Entries, public.ChangeView{ID: "e-" + e.ID.String(), Title: e.Title, Day: format.Date(e.Day), Machine: e.Day.Format(time.DateOnly), Breaking: e.Breaking, Body: c.Markdown.HTML(e.Body, 3)})
	}
	page := r.public("Changes of "+log.api.Name, ui.Crumb{Label: "APIs", Href: "/apis"}, ui.Crumb{Label: log.api.Name, Href: v.Href}, ui.Crumb{Label: "Changelog"})
	page.Description = "What changed in " + log.api.Name + ", and what goes."
	return Page(public.Changes(page, v)), nil
}

// Text is the changelog as Markdown.
func (c *Changelog) Text(r *Request) (Reply, error) {
	log, err := c.read(r)
	if err != nil {
		return Reply{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Changes of %s\n", log.api.Name)
	if len(log.deprecated) > 0 {
		b.WriteString("\n## Deprecated\n\n")
		for _, d := range log.deprecated {
			fmt.Fprintf(&b, "- %s: since %s", d.what, d.Since.Format(time.DateOnly))
			if !d.Sunset.IsZero() {
				fmt.Fprintf(&b, ", answers 410 from %s on", d.Sunset.Format(time.RFC3339))
			}
			for _, more := range []string{d.Note, d.Successor, d.Link} {
				if more != "" {
					b.WriteString(". " + strings.Join(strings.Fields(more), " "))
				}
			}
			b.WriteString("\n")
		}
	}
	for _, e := range log.entries {
		breaking := ""
		if e.Breaking {
			breaking = " (breaking)"
		}
		fmt.Fprintf(&b, "\n## %s: %s%s\n", e.Day.Format(time.DateOnly), e.Title, breaking)
		if e.Body != "" {
			b.WriteString("\n" + e.Body + "\n")
		}
	}
	return Markdowned(b.String()), nil
}

// atom is a feed by RFC 4287.
type atom struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Title   string      `xml:"title"`
	ID      string      `xml:"id"`
	Updated string      `xml:"updated"`
	Links   []atomLink  `xml:"link"`
	Author  string      `xml:"author>name"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	Title     string   `xml:"title"`
	ID        string   `xml:"id"`
	Published string   `xml:"published"`
	Updated   string   `xml:"updated"`
	Link      atomLink `xml:"link"`
	Category  *atomCategory
	Content   atomContent `xml:"content"`
}

type atomCategory struct {
	XMLName xml.Name `xml:"category"`
	Term    string   `xml:"term,attr"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// Feed is the changelog for feed readers.
func (c *Changelog) Feed(r *Request) (Reply, error) {
	log, err := c.read(r)
	if err != nil {
		return Reply{}, err
	}
	page := r.Site.PublicURL + changelogPath(log.api.Slug)
	feed := atom{Title: "Changes of " + log.api.Name, ID: page, Updated: log.api.CreatedAt.UTC().Format(time.RFC3339), Author: log.api.OwnerName,
		Links: []atomLink{{"self", page + ".atom"}, {"alternate", page}}}
	for i, e := range log.entries {
		one := atomEntry{Title: e.Title, ID: page + "#e-" + e.ID.String(), Published: e.Day.Format(time.RFC3339), Updated: e.UpdatedAt.UTC().Format(time.RFC3339),
			Link: atomLink{"alternate", page + "#e-" + e.ID.String()}, Content: atomContent{"html", string(c.Markdown.HTML(e.Body, 1))}}
		if e.Breaking {
			one.Category = &atomCategory{Term: "breaking"}
		}
		if i == 0 || one.Updated > feed.Updated {
			feed.Updated = one.Updated
		}
		feed.Entries = append(feed.Entries, one)
	}
	text, err := xml.MarshalIndent(feed, "", "  ")
	if err != nil {
		return Reply{}, fmt.Errorf("write feed: %w", err)
	}
	return Atom(xml.Header + string(text) + "\n"), nil
}
