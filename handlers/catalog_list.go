package handlers

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

const (
	apisOfPage   = 24
	plansOfCard  = 3
	foundOfCard  = 2
	tagsShown    = 12
	wordsOfQuery = 8
)

// catalogQuestion is what the list of APIs is narrowed by: ?q= words, ?tag= as often as there are tags, ?plans= how one gets in.
type catalogQuestion struct {
	text  string
	words []string // of text, in lower case
	tags  []string
	plans string // "", plansAtOnce or plansYours
}

const (
	plansAtOnce = "at-once"
	plansYours  = "yours"
)

func readCatalogQuestion(r *Request) catalogQuestion {
	q := catalogQuestion{text: r.Page().Search}
	if len(q.text) > maxQuery {
		q.text = strings.ToValidUTF8(q.text[:maxQuery], "")
	}
	q.words = strings.Fields(strings.ToLower(q.text))
	q.words = q.words[:min(len(q.words), wordsOfQuery)]
	for _, tag := range r.URL.Query()["tag"] {
		if clean, err := models.CleanTags([]string{tag}); err == nil && len(q.tags) < models.MaxTags && !slices.Contains(q.tags, clean[0]) {
			q.tags = append(q.tags, clean[0])
		}
	}
	if plans := r.Query("plans"); plans == plansAtOnce || plans == plansYours && r.Account.ID != 0 {
		q.plans = plans
	}
	return q
}

// href is the address of the list that q narrows.
func (q catalogQuestion) href() string {
	v := url.Values{}
	for name, value := range map[string]string{"q": q.text, "plans": q.plans} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if len(q.tags) > 0 {
		v["tag"] = q.tags
	}
	if len(v) == 0 {
		return "/apis"
	}
	return "/apis?" + v.Encode()
}

func (q catalogQuestion) with(tag string) catalogQuestion {
	q.tags = append(slices.Clone(q.tags), tag)
	return q
}

func (q catalogQuestion) without(tag string) catalogQuestion {
	q.tags = slices.DeleteFunc(slices.Clone(q.tags), func(t string) bool { return t == tag })
	return q
}

// admits reports whether an API has the tags, and a plan of the kind, that are asked for.
func (q catalogQuestion) admits(a models.CatalogHit) bool {
	for _, tag := range q.tags {
		if !slices.Contains(a.Tags, tag) {
			return false
		}
	}
	switch q.plans {
	case plansAtOnce:
		return slices.ContainsFunc(a.Plans, func(p models.CatalogHitPlan) bool { return !p.Asks })
	case plansYours:
		return slices.ContainsFunc(a.Plans, func(p models.CatalogHitPlan) bool { return p.Yours })
	}
	return true
}

// match is an API that has the words, with how well.
type match struct {
	models.CatalogHit
	rank  int       // 0: the name begins with them; 1: it has them; 2: so do summary, tags, plans or owner; 3: operations have what those lack
	found []indexed // those operations
}

// match looks for the words in what is said of an API, and for those that are not there in its operations, each of which must have all of them.
func (c *Catalog) match(r *Request, a models.CatalogHit, words []string, text string) (match, bool, error) {
	m := match{CatalogHit: a}
	if len(words) == 0 {
		return m, true, nil
	}
	name := strings.ToLower(a.Name)
	if strings.HasPrefix(name, text) {
		return m, true, nil
	}
	parts := append([]string{name, a.Slug, strings.ToLower(a.Summary), strings.ToLower(a.OwnerName)}, a.Tags...)
	for _, p := range a.Plans {
		parts = append(parts, strings.ToLower(p.Name))
	}
	about := strings.Join(parts, "\n")
	var missing []string
	m.rank = 1
	for _, word := range words {
		if !strings.Contains(name, word) {
			m.rank = 2
		}
		if !strings.Contains(about, word) {
			missing = append(missing, word)
		}
	}
	if len(missing) == 0 {
		return m, true, nil
	}
	operations, err := c.Operations.of(r.Context(), c.Store, a.Deployment)
	for _, op := range operations {
		if !slices.ContainsFunc(missing, func(word string) bool { return !strings.Contains(op.text, word) }) {
			m.found = append(m.found, op)
		}
	}
	m.rank = 3
	return m, len(m.found) > 0, err
}

// List shows the APIs that the reader can subscribe to, or has: all of them, or those that were asked for.
func (c *Catalog) List(r *Request) (Reply, error) {
	all, err := c.Store.SearchCatalog(r.Context(), r.Account.ID)
	if err != nil {
		return Reply{}, err
	}
	q := readCatalogQuestion(r)
	var found []match
	for _, a := range all {
		if !q.admits(a) {
			continue
		}
		m, ok, err := c.match(r, a, q.words, strings.ToLower(q.text))
		if err != nil {
			return Reply{}, err
		}
		if ok {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return cmp.Compare(a.rank, b.rank) })
	v := public.CatalogView{Query: q.text, Plans: q.plans, PlansOf: plansOptions(r), Chosen: q.tags, Invisible: len(all) == 0, Publish: r.Account.Role >= models.RoleOwner, Visitor: r.Account.ID == 0}
	v.Filtered = len(q.words)+len(q.tags) > 0 || q.plans != ""
	v.Pills = q.pills()
	v.Tags, v.MoreTags = q.narrower(found)
	if words := (catalogQuestion{text: q.text}); len(q.words) > 0 && words.href() != q.href() {
		v.AllWords = words.href()
	}
	var shown []match
	shown, v.Pages = pageOfCatalog(r, found, len(all))
	for _, m := range shown {
		v.APIs = append(v.APIs, hitCard(m, q))
	}
	page := r.public("APIs")
	page.Description = "The APIs that can be subscribed to here."
	page.NoIndex = v.Filtered || r.Query("after") != ""
	return Page(public.Catalog(page, v)), nil
}

func plansOptions(r *Request) []ui.Option {
	options := []ui.Option{{Value: "", Label: "Any plan"}, {Value: plansAtOnce, Label: "Key at once"}}
	if r.Account.ID != 0 {
		options = append(options, ui.Option{Value: plansYours, Label: "Subscribed"})
	}
	return options
}

func (q catalogQuestion) pills() (pills []ui.Pill) {
	for _, tag := range q.tags {
		pills = append(pills, ui.Pill{Label: tag, RemoveHref: q.without(tag).href()})
	}
	if label := map[string]string{plansAtOnce: "Key at once", plansYours: "Subscribed"}[q.plans]; label != "" {
		rest := q
		rest.plans = ""
		pills = append(pills, ui.Pill{Label: label, RemoveHref: rest.href()})
	}
	return pills
}

// narrower are the tags that some of what was found have and others lack, those of many first.
func (q catalogQuestion) narrower(found []match) (shown, more []public.TagLink) {
	counts := map[string]int{}
	for _, m := range found {
		for _, tag := range m.Tags {
			counts[tag]++
		}
	}
	var tags []public.TagLink
	for tag, n := range counts {
		if n < len(found) && !slices.Contains(q.tags, tag) {
			tags = append(tags, public.TagLink{Label: tag, Href: q.with(tag).href(), Count: n})
		}
	}
	slices.SortFunc(tags, func(a, b public.TagLink) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Label, b.Label))
	})
	n := min(len(tags), tagsShown)
	return tags[:n], tags[n:]
}

// pageOfCatalog is the page behind ?after=, an API's name in addresses; behind one that is not among those found, it is the first.
func pageOfCatalog(r *Request, found []match, all int) ([]match, ui.Pages) {
	at := func(slug string) int {
		return 1 + slices.IndexFunc(found, func(m match) bool { return m.Slug == slug })
	}
	var pages ui.Pages
	from := at(r.Query("after"))
	to := min(from+apisOfPage, len(found))
	if from > 0 {
		pages.Prev = nextPage(r, "-")
		if from > apisOfPage {
			pages.Prev = nextPage(r, found[from-apisOfPage-1].Slug)
		}
	}
	if to < len(found) {
		pages.Next = nextPage(r, found[to-1].Slug)
	}
	switch {
	case from > 0 || to < len(found):
		pages.Summary = fmt.Sprintf("%d–%d of %s", from+1, to, count(len(found), "API"))
	case len(found) > 0 && len(found) < all:
		pages.Summary = fmt.Sprintf("%d of %s", len(found), count(all, "API"))
	}
	return found[from:to], pages
}

// hitCard is an API in the list that q asked for.
func hitCard(m match, q catalogQuestion) public.APICard {
	card := public.APICard{Name: m.Name, Summary: m.Summary, Href: apiPath(m.Slug), Owner: m.OwnerName}
	for _, tag := range m.Tags {
		if !slices.Contains(q.tags, tag) {
			card.Tags = append(card.Tags, public.TagLink{Label: tag, Href: q.with(tag).href()})
		}
	}
	for i, p := range m.Plans {
		if p.Yours {
			card.Badge = "Subscribed"
		}
		if i < plansOfCard {
			card.Plans = append(card.Plans, public.PlanPrice{Name: p.Name, Price: p.Price})
		}
	}
	card.MorePlans = len(m.Plans) - len(card.Plans)
	for _, op := range m.found[:min(len(m.found), foundOfCard)] {
		verb, path, _ := strings.Cut(op.name, " ")
		card.Found = append(card.Found, public.OperationLine{Verb: verb, Path: path, Summary: op.summary, Href: pathWith(docsPath(m.Slug), "op", op.name)})
	}
	if card.MoreFound = len(m.found) - len(card.Found); card.MoreFound > 0 {
		card.FoundHref = pathWith(docsPath(m.Slug), "q", q.text)
	}
	return card
}

// tagLinks lead from tags to the APIs that have them.
func tagLinks(tags []string) []public.TagLink {
	links := make([]public.TagLink, len(tags))
	for i, tag := range tags {
		links[i] = public.TagLink{Label: tag, Href: catalogQuestion{tags: []string{tag}}.href()}
	}
	return links
}

// apiCards are APIs outside of a search.
func apiCards(entries []models.CatalogEntry) []public.APICard {
	cards := make([]public.APICard, len(entries))
	for i, e := range entries {
		card := public.APICard{Name: e.Name, Summary: e.Summary, Href: apiPath(e.Slug), Owner: e.OwnerName, Methods: e.Methods, Tags: tagLinks(e.Tags)}
		for _, p := range e.Plans[:min(len(e.Plans), plansOfCard)] {
			card.Plans = append(card.Plans, public.PlanPrice{Name: p.Name, Price: p.Price})
		}
		card.MorePlans = len(e.Plans) - len(card.Plans)
		cards[i] = card
	}
	return cards
}
