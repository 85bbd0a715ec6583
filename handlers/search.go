package handlers

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/search"
	"gatehouse/templates/ui"
)

// SearchStore is what the search needs of the store. Each method finds what its viewer may see alone.
type SearchStore interface {
	operationStore
	SearchCatalog(ctx context.Context, viewer models.AccountID) ([]models.CatalogHit, error)
	SearchChangelogs(ctx context.Context, apis []models.APIID, text string, limit int) ([]models.ChangelogHit, error)
	SearchGuides(ctx context.Context, apis []models.APIID, text string, limit int) ([]models.GuideHit, error)
	SearchApps(ctx context.Context, account models.AccountID, text string, limit int) ([]models.NamedRow[models.App], error)
	SearchSubscriptions(ctx context.Context, account models.AccountID, text string, limit int) ([]models.SubscriptionHit, error)
	SearchOwnAPIs(ctx context.Context, owner models.AccountID, text string, limit int) ([]models.NamedRow[models.API], error)
	SearchOwnPlans(ctx context.Context, owner models.AccountID, text string, limit int) ([]models.NamedRow[models.Plan], error)
	AccountKeys(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.KeyRow], error)
	OwnerKeys(ctx context.Context, owner models.AccountID, f models.KeyFilter, p models.Page) (models.List[models.KeyRow], error)
	OwnerSubscriptions(ctx context.Context, owner models.AccountID, f models.SubscriptionFilter, p models.Page) (models.List[models.SubscriptionRow], error)
	Accounts(ctx context.Context, p models.Page) (models.List[models.AccountRow], error)
}

// Search finds everything that the reader may see, as a page or, for a script, as its results alone.
type Search struct {
	Store SearchStore
	Docs  []ProblemDoc

	Operations *Operations // may be shared with the catalog
}

// hits is how many of one kind are shown.
const hits = 6

// maxQuery bounds what is looked for.
const maxQuery = 100

// keyShape is how a whole key looks. It has no business in an address: its last four characters find it.
var keyShape = regexp.MustCompile(`^[A-Za-z0-9]{20,128}$`)

// Show answers what was found.
func (s *Search) Show(r *Request) (Reply, error) {
	q := strings.TrimSpace(r.Query("q"))
	if keyShape.MatchString(q) {
		return See("/search?q=" + q[len(q)-4:]), nil
	}
	if len(q) > maxQuery {
		q = strings.ToValidUTF8(q[:maxQuery], "")
	}
	v := search.View{Query: q, Visitor: r.Account.ID == 0}
	var err error
	if v.Groups, err = s.find(r, q); err != nil {
		return Reply{}, err
	}
	if r.Fragment() {
		return Page(search.Results(v)), nil
	}
	if v.Visitor {
		page := r.public("Search")
		page.NoIndex = true
		return Page(search.Page(page, v)), nil
	}
	return Page(search.Page(r.layout("Search", ui.Crumb{}), v)), nil
}

// find asks everything in the order in which it is shown; what nothing was found of is left out.
func (s *Search) find(r *Request, q string) (groups []search.Group, err error) {
	finders := []func(*Request, string) ([]search.Group, error){s.catalog, s.errors}
	if r.Account.ID != 0 {
		finders = []func(*Request, string) ([]search.Group, error){s.keys, s.own, s.catalog, s.pages, s.errors}
		if q == "" {
			finders = []func(*Request, string) ([]search.Group, error){s.pages}
		}
	}
	for _, find := range finders {
		if q == "" && r.Account.ID == 0 {
			break
		}
		found, err := find(r, q)
		if err != nil {
			return nil, err
		}
		for _, g := range found {
			if len(g.Items) > 0 {
				groups = append(groups, g)
			}
		}
	}
	return groups, nil
}

// keys finds keys by the beginning of their name, their id, or their last four characters: the reader's own, and for owners those on their plans.
func (s *Search) keys(r *Request, q string) ([]search.Group, error) {
	page := models.Page{Search: q, Limit: hits}
	mine, err := s.Store.AccountKeys(r.Context(), r.Account.ID, page)
	if err != nil {
		return nil, err
	}
	own := search.Group{Title: "Your keys"}
	for _, k := range mine.Items {
		own.Items = append(own.Items, search.Item{Label: k.Name, Detail: k.Hint + " · " + k.AppName, Href: keyPath(k.ID), Icon: "key-round"})
	}
	if mine.Next != "" {
		own.MoreHref = "/keys?q=" + url.QueryEscape(q)
	}
	if r.Account.Role < models.RoleOwner {
		return []search.Group{own}, nil
	}
	theirs, err := s.Store.OwnerKeys(r.Context(), r.Account.ID, models.KeyFilter{Now: r.Now}, page)
	if err != nil {
		return nil, err
	}
	customers := search.Group{Title: "Customers' keys"}
	for _, k := range theirs.Items {
		who := k.AccountEmail
		if who == "" {
			who = k.CustomerID
		}
		customers.Items = append(customers.Items, search.Item{Label: k.Name, Detail: joined(k.Hint, who), Href: ownerKeyPath(k.ID), Icon: "key-round"})
	}
	if theirs.Next != "" {
		customers.MoreHref = "/owner/keys?q=" + url.QueryEscape(q)
	}
	return []search.Group{own, customers}, nil
}

// joined puts a dot between what is not empty.
func joined(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " · ")
}

// own finds what is the reader's: apps and subscriptions, and by role APIs, plans, customers and accounts.
func (s *Search) own(r *Request, q string) ([]search.Group, error) {
	ctx, me := r.Context(), r.Account.ID
	apps, err := s.Store.SearchApps(ctx, me, q, hits)
	if err != nil {
		return nil, err
	}
	subscriptions, err := s.Store.SearchSubscriptions(ctx, me, q, hits)
	if err != nil {
		return nil, err
	}
	groups := []search.Group{{Title: "Your apps"}, {Title: "Your subscriptions"}}
	for _, a := range apps {
		groups[0].Items = append(groups[0].Items, search.Item{Label: a.Name, Href: appPath(a.ID), Icon: "smartphone"})
	}
	for _, sub := range subscriptions {
		groups[1].Items = append(groups[1].Items, search.Item{Label: sub.Plan, Detail: sub.App + " · " + string(sub.State), Href: subscriptionPath(sub.ID), Icon: "layers"})
	}
	if r.Account.Role >= models.RoleOwner {
		more, err := s.owned(r, q)
		if err != nil {
			return nil, err
		}
		groups = append(groups, more...)
	}
	if r.Account.Role >= models.RoleAdmin {
		list, err := s.Store.Accounts(ctx, models.Page{Search: q, Limit: hits})
		if err != nil {
			return nil, err
		}
		accounts := search.Group{Title: "Accounts"}
		for _, a := range list.Items {
			accounts.Items = append(accounts.Items, search.Item{Label: a.Name, Detail: a.Email + " · " + roleName(a.Role), Href: accountPath(a.Account), Icon: "user-round"})
		}
		groups = append(groups, accounts)
	}
	return groups, nil
}

func (s *Search) owned(r *Request, q string) ([]search.Group, error) {
	ctx, me := r.Context(), r.Account.ID
	apis, err := s.Store.SearchOwnAPIs(ctx, me, q, hits)
	if err != nil {
		return nil, err
	}
	plans, err := s.Store.SearchOwnPlans(ctx, me, q, hits)
	if err != nil {
		return nil, err
	}
	customers, err := s.Store.OwnerSubscriptions(ctx, me, models.SubscriptionFilter{}, models.Page{Search: q, Limit: hits})
	if err != nil {
		return nil, err
	}
	groups := []search.Group{{Title: "APIs that you publish"}, {Title: "Plans that you publish"}, {Title: "Customers"}}
	for _, a := range apis {
		groups[0].Items = append(groups[0].Items, search.Item{Label: a.Name, Href: ownerAPIPath(a.ID), Icon: "boxes"})
	}
	for _, p := range plans {
		groups[1].Items = append(groups[1].Items, search.Item{Label: p.Name, Href: ownerPlanPath(p.ID), Icon: "layers"})
	}
	for _, c := range customers.Items {
		groups[2].Items = append(groups[2].Items, search.Item{Label: c.AccountName, Detail: c.AccountEmail + " · " + c.AppName + " on " + c.PlanName, Href: ownerSubscriptionPath(c.ID), Icon: "users"})
	}
	if customers.Next != "" {
		groups[2].MoreHref = "/owner/subscriptions?q=" + url.QueryEscape(q)
	}
	return groups, nil
}

// catalog finds APIs, their operations and guides, and plans, of what the reader may see.
func (s *Search) catalog(r *Request, q string) ([]search.Group, error) {
	seen, err := s.Store.SearchCatalog(r.Context(), r.Account.ID)
	if err != nil {
		return nil, err
	}
	apis, plans := search.Group{Title: "APIs"}, search.Group{Title: "Plans"}
	low, listed := strings.ToLower(q), map[models.PlanID]bool{}
	ids, byID := make([]models.APIID, len(seen)), make(map[models.APIID]models.CatalogHit, len(seen))
	for i, a := range seen {
		ids[i], byID[a.APIID] = a.APIID, a
		if len(apis.Items) < hits && contains(low, append(a.Tags, a.Name, a.Slug, a.Summary)...) {
			apis.Items = append(apis.Items, search.Item{Label: a.Name, Detail: a.Summary, Href: apiPath(a.Slug), Icon: "library"})
		}
		for _, p := range a.Plans {
			if len(plans.Items) < hits && !listed[p.ID] && contains(low, p.Name) {
				listed[p.ID] = true
				plans.Items = append(plans.Items, search.Item{Label: p.Name, Detail: a.Name, Href: apiPath(a.Slug) + "#plans", Icon: "layers"})
			}
		}
	}
	operations, err := s.findOperations(r, seen, low)
	if err != nil {
		return nil, err
	}
	guides := search.Group{Title: "Guides"}
	found, err := s.Store.SearchGuides(r.Context(), ids, q, hits)
	for _, g := range found {
		api := byID[g.APIID]
		guides.Items = append(guides.Items, search.Item{Label: g.Title, Detail: api.Name, Href: guidePath(api.Slug, g.Slug), Icon: "book-open"})
	}
	if err != nil {
		return nil, err
	}
	changes := search.Group{Title: "Changes"}
	entries, err := s.Store.SearchChangelogs(r.Context(), ids, q, hits)
	for _, e := range entries {
		api := byID[e.APIID]
		changes.Items = append(changes.Items, search.Item{Label: e.Title, Detail: joined(api.Name, format.Date(time.Unix(e.Day*86400, 0).UTC())), Href: changelogPath(api.Slug) + "#e-" + e.ID.String(), Icon: "history"})
	}
	return []search.Group{apis, operations, guides, plans, changes}, err
}

func (s *Search) findOperations(r *Request, seen []models.CatalogHit, low string) (search.Group, error) {
	group := search.Group{Title: "Operations"}
	for _, a := range seen {
		operations, err := s.Operations.of(r.Context(), s.Store, a.Deployment)
		if err != nil {
			return group, err
		}
		for _, op := range operations {
			if !strings.Contains(op.text, low) {
				continue
			}
			group.Items = append(group.Items, search.Item{Label: op.name, Detail: joined(op.summary, a.Name), Href: docsPath(a.Slug) + "?op=" + url.QueryEscape(op.name), Icon: "route", Mono: true})
			if len(group.Items) == hits {
				return group, nil
			}
		}
	}
	return group, nil
}

// contains reports whether one of several texts has low, which is in lower case, in it.
func contains(low string, texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), low) {
			return true
		}
	}
	return false
}

// pages finds pages of the portal by their names, in every part of it that the reader has.
func (s *Search) pages(r *Request, q string) ([]search.Group, error) {
	group := search.Group{Title: "Pages"}
	add := func(part string, items ...ui.NavItem) {
		for _, item := range items {
			if contains(strings.ToLower(q), item.Label, part) {
				group.Items = append(group.Items, search.Item{Label: item.Label, Detail: part, Href: item.Href, Icon: item.Icon})
			}
		}
	}
	for _, hat := range r.hats() {
		for _, section := range r.sidebar(hatOf(hat.Href)) {
			add(hat.Label, section.Items...)
		}
		if hatOf(hat.Href) == ownerHat {
			add(hat.Label, ui.NavItem{Label: "Client certificates", Href: certificatesPath, Icon: "shield-check"}, ui.NavItem{Label: "Settings of a stage", Href: stageHelp, Icon: "book-open"})
		}
	}
	add("", ui.NavItem{Label: "Profile and security", Href: "/me", Icon: "user-round"}, ui.NavItem{Label: "Time zone and theme", Href: "/me#display", Icon: "sun-moon"},
		ui.NavItem{Label: "What errors mean", Href: "/problems", Icon: "circle-help"}, ui.NavItem{Label: "Keyboard", Href: ui.HelpHref, Icon: "keyboard"})
	return []search.Group{group}, nil
}

// errors finds what the gateway's answers mean, by title, name or status.
func (s *Search) errors(_ *Request, q string) ([]search.Group, error) {
	group := search.Group{Title: "What errors mean"}
	for _, doc := range s.Docs {
		status := format.Count(int64(doc.Status))
		if len(group.Items) < hits && contains(strings.ToLower(q), doc.Title, doc.Slug, status) {
			group.Items = append(group.Items, search.Item{Label: doc.Title, Detail: status + " " + doc.Slug, Href: "/problems/" + doc.Slug, Icon: "circle-help"})
		}
	}
	return []search.Group{group}, nil
}
