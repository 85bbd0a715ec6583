package handlers

import (
	"context"
	"encoding/xml"
	"strings"

	"gatehouse/models"
)

// SiteMapStore is what search engines' files need of the store.
type SiteMapStore interface {
	SearchCatalog(ctx context.Context, viewer models.AccountID) ([]models.CatalogHit, error)
	SearchGuides(ctx context.Context, apis []models.APIID, text string, limit int) ([]models.GuideHit, error)
}

// SiteMap tells search engines which pages there are: those that a stranger may see.
type SiteMap struct{ Store SiteMapStore }

// maxMapped is how many addresses a site map may have (sitemaps.org).
const maxMapped = 50_000

// private are the parts of the portal that no search engine has a use for.
var private = []string{"/admin/", "/owner", "/home", "/apps", "/keys", "/usage", "/log", "/me", "/requests/", "/subscriptions/", "/search", "/signin", "/join", "/setup/", "/invite/", "/reset/", "/confirm", "/help/"}

// Robots says what may be listed, and where the list is.
func (s *SiteMap) Robots(r *Request) (Reply, error) {
	var b strings.Builder
	b.WriteString("User-agent: *\n")
	for _, part := range private {
		b.WriteString("Disallow: " + part + "\n")
	}
	b.WriteString("\nSitemap: " + r.Site.PublicURL + "/sitemap.xml\n")
	return Plain(b.String()), nil
}

type siteMap struct {
	XMLName xml.Name  `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	Pages   []mapPage `xml:"url"`
}

type mapPage struct {
	Loc string `xml:"loc"`
}

// Pages lists the addresses of public pages.
func (s *SiteMap) Pages(r *Request) (Reply, error) {
	seen, err := s.Store.SearchCatalog(r.Context(), 0)
	if err != nil {
		return Reply{}, err
	}
	paths := []string{"/", "/apis", "/problems"}
	ids, slugs := make([]models.APIID, len(seen)), make(map[models.APIID]string, len(seen))
	for i, a := range seen {
		ids[i], slugs[a.APIID] = a.APIID, a.Slug
		paths = append(paths, apiPath(a.Slug), docsPath(a.Slug))
	}
	guides, err := s.Store.SearchGuides(r.Context(), ids, "", maxMapped)
	if err != nil {
		return Reply{}, err
	}
	for _, g := range guides {
		paths = append(paths, guidePath(slugs[g.APIID], g.Slug))
	}
	var list siteMap
	for _, path := range paths[:min(len(paths), maxMapped)] {
		list.Pages = append(list.Pages, mapPage{r.Site.PublicURL + path})
	}
	body, err := xml.MarshalIndent(list, "", "  ")
	if err != nil {
		return Reply{}, err
	}
	return XML(xml.Header + string(body) + "\n"), nil
}
