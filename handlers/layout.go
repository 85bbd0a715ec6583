package handlers

import (
	"log/slog"
	"slices"
	"strings"

	"gatehouse/handlers/session"
	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// hat is the role in which a person looks at a page; it chooses the sidebar.
type hat uint8

const (
	developerHat hat = iota
	ownerHat
	adminHat
)

// layout is the frame of a page: who is signed in, the sidebar of the role that the page belongs to, the message that an earlier page left.
func (r *Request) layout(title string, crumbs ...ui.Crumb) ui.Page {
	p := ui.Page{Title: title, Demo: r.Site.Demo, Breadcrumbs: crumbs, Brand: r.brand(), Theme: r.theme(), Zone: format.ZoneWords(format.Zone(r.Context()), r.Now)}
	if len(crumbs) > 0 && crumbs[len(crumbs)-1].Label == "" {
		crumbs[len(crumbs)-1].Label = title
	}
	if r.Session != nil {
		if kind, text, ok := r.Session.TakeFlash(); ok {
			p.Flash = &ui.Flash{Kind: ui.OK, Text: text}
			if kind == session.Bad {
				p.Flash.Kind = ui.Bad
			}
		}
	}
	if r.Account.ID == 0 {
		p.Nav = r.mark([]ui.NavSection{{Items: publicLinks()}})
		return p
	}
	p.Account = &ui.AccountBadge{Name: r.Account.Name, Email: r.Account.Email, SignOutURL: "/signout",
		Items: []ui.NavItem{{Label: "Profile and security", Href: "/me", Icon: "user-round"}, {Label: "Mails", Href: "/me/mails", Icon: "mail"}}}
	if r.seer.ID != 0 {
		p.Account.Items = nil // nobody else's to see
	}
	p.Keys = !r.Account.NoKeys
	p.Hats = r.hats()
	p.Nav = r.mark(r.sidebar(r.hat()))
	p.NavFoot = []ui.NavItem{{Label: "What errors mean", Href: "/problems", Icon: "circle-help"}, {Label: "Keyboard", Href: ui.HelpHref, Icon: "keyboard"}}
	p.Notices = slices.Concat(r.seeAsNotice(), r.troubleNotice(), r.mailNotices(), r.proofNotice())
	if r.Site.Insecure && r.Account.Role == models.RoleAdmin {
		p.Notices = append(p.Notices, ui.Notice{Kind: ui.Warn, Text: "This portal is reached over plain HTTP: passwords and sessions travel unencrypted. Give it a certificate (--acme, or --tls-cert and --tls-key), or put TLS in front and set --public-url to its https address."})
	}
	return p
}

// public is layout for the pages that anybody may read: top links instead of a sidebar.
func (r *Request) public(title string, crumbs ...ui.Crumb) ui.Page {
	p := r.layout(title, crumbs...)
	p.Nav = r.mark([]ui.NavSection{{Items: publicLinks()}})
	p.NavFoot = nil
	p.Canonical = r.Site.PublicURL + r.URL.EscapedPath()
	return p
}

func publicLinks() []ui.NavItem {
	return []ui.NavItem{{Label: "APIs", Href: "/apis", Icon: "library"}, {Label: "Errors explained", Href: "/problems", Icon: "circle-help"}}
}

// hat is told by the path: each role has its own part of the portal.
func (r *Request) hat() hat {
	if r.asOwner {
		return ownerHat
	}
	return hatOf(r.URL.Path)
}

func hatOf(path string) hat {
	switch {
	case path == "/owner" || strings.HasPrefix(path, "/owner/"):
		return ownerHat
	case strings.HasPrefix(path, "/admin/"):
		return adminHat
	}
	return developerHat
}

func (r *Request) hats() []ui.Hat {
	now := r.hat()
	hats := []ui.Hat{{Label: "Developer", Detail: "Apps, keys and usage", Href: "/home", Current: now == developerHat}}
	if r.Account.Role >= models.RoleOwner {
		hats = append(hats, ui.Hat{Label: "API owner", Detail: "APIs, plans and customers", Href: "/owner", Current: now == ownerHat})
	}
	if r.Account.Role >= models.RoleAdmin {
		hats = append(hats, ui.Hat{Label: "Administrator", Detail: "Accounts and settings", Href: "/admin/accounts", Current: now == adminHat})
	}
	return hats
}

func (r *Request) sidebar(now hat) []ui.NavSection {
	switch now {
	case ownerHat:
		waiting, err := r.Site.Accounts.Undecided(r.Context(), r.Account.ID)
		if err != nil {
			r.Site.report(r, slog.LevelWarn, "count what waits", err) // the page is worth more than its badge
		}
		return []ui.NavSection{{Items: []ui.NavItem{
			{Label: "Overview", Href: "/owner", Key: "h", Icon: "layout-dashboard"},
			{Label: "APIs", Href: "/owner/apis", Key: "a", Icon: "boxes"},
			{Label: "Plans", Href: "/owner/plans", Key: "p", Icon: "layers"},
			{Label: "Subscriptions", Href: "/owner/subscriptions", Key: "s", Icon: "users", Count: waiting.All(), Hot: waiting.All() > 0},
			{Label: "Customers", Href: "/owner/customers", Key: "c", Icon: "user-round"},
			{Label: "Keys", Href: "/owner/keys", Key: "k", Icon: "key-round"},
			{Label: "Usage", Href: "/owner/usage", Key: "u", Icon: "chart-column"},
			{Label: "Analytics", Href: "/owner/analytics", Icon: "trending-up"},
			{Label: "Statements", Href: "/owner/statements", Icon: "calendar-clock"},
			{Label: "Request log", Href: "/owner/log", Key: "l", Icon: "scroll-text"},
		}}, {Label: "Manage", Items: []ui.NavItem{
			{Label: "Imports", Href: "/owner/imports", Key: "i", Icon: "upload"},
			{Label: "Alerts", Href: "/owner/alerts", Key: "n", Icon: "bell"},
			{Label: "Webhooks", Href: "/owner/webhooks", Key: "w", Icon: "webhook"},
			{Label: "Access keys", Href: accessKeysPath, Key: "x", Icon: "square-terminal"},
			{Label: "Audit log", Href: "/owner/audit", Key: "t", Icon: "history"},
		}}}
	case adminHat:
		return []ui.NavSection{{Items: []ui.NavItem{
			{Label: "Accounts", Href: "/admin/accounts", Key: "a", Icon: "users"},
			{Label: "Invitations", Href: "/admin/invitations", Key: "i", Icon: "mail"},
			{Label: "Outbox", Href: "/admin/outbox", Key: "o", Icon: "inbox"},
			{Label: "Audit log", Href: "/admin/audit", Key: "t", Icon: "history"},
			{Label: "Domains", Href: adminDomainsPath, Key: "d", Icon: "link"},
			{Label: "Jobs", Href: "/admin/jobs", Key: "j", Icon: "list-checks"},
			{Label: "System", Href: "/admin/system", Key: "y", Icon: "server"},
			{Label: "Portal look", Href: "/admin/look", Key: "l", Icon: "palette"},
			{Label: "Settings", Href: "/admin/settings", Key: "s", Icon: "settings"},
		}}}
	default:
		unseen, err := r.Site.Accounts.UnseenNotices(r.Context(), r.Account.ID)
		if err != nil {
			r.Site.report(r, slog.LevelWarn, "count unseen notices", err)
		}
		return []ui.NavSection{{Items: []ui.NavItem{
			{Label: "Overview", Href: "/home", Key: "h", Icon: "layout-dashboard"},
			{Label: "Catalog", Href: "/apis", Key: "c", Icon: "library"},
			{Label: "Apps", Href: "/apps", Key: "a", Icon: "smartphone"},
			{Label: "Keys", Href: "/keys", Key: "k", Icon: "key-round"},
			{Label: "Usage", Href: "/usage", Key: "u", Icon: "chart-column"},
			{Label: "Request log", Href: "/log", Key: "l", Icon: "scroll-text"},
			{Label: "Change notices", Href: "/notices", Key: "n", Icon: "inbox", Count: unseen, Hot: unseen > 0},
		}}, {Label: "Manage", Items: []ui.NavItem{
			{Label: "Alerts", Href: "/alerts", Key: "e", Icon: "bell"},
			{Label: "Webhooks", Href: "/webhooks", Key: "w", Icon: "webhook"},
		}}}
	}
}

// mark notes the item whose part of the portal the page is in: the longest address that the path begins with.
func (r *Request) mark(sections []ui.NavSection) []ui.NavSection {
	var best *ui.NavItem
	path := r.URL.Path
	if strings.HasPrefix(path, certificatesPath) || path == stageHelp {
		path = "/owner/apis" // what stages are set up with
	}
	for _, section := range sections {
		for i := range section.Items {
			item := &section.Items[i]
			if (path == item.Href || strings.HasPrefix(path, item.Href+"/")) && (best == nil || len(item.Href) > len(best.Href)) {
				best = item
			}
		}
	}
	if best != nil {
		best.Current = true
	}
	return sections
}
