package ui

import "gatehouse/templates/format"

// Page is what every page has besides its content. The zero value of each field
// leaves that part away, but for Title.
type Page struct {
	Title       string // without the product's name
	Canonical   string // the URL under which search engines list the page; public pages have one
	Brand       Brand
	Theme       string // "light" or "dark", chosen by the reader; empty: the system's
	Zone        string // in which times are shown, in words: "Europe/Berlin, now UTC+1"; may be empty
	Keys        bool   // single keys lead to pages
	Description string // for search engines; public pages have one
	Demo        bool   // the installation is a demo and says so on every page
	Flash       *Flash // one message about what just happened
	Account     *AccountBadge
	Nav         []NavSection // the sidebar of App; the top links of Public are its first section
	NavFoot     []NavItem    // at the foot of the sidebar: docs, support
	Hats        []Hat        // who the reader can be; one is current
	Breadcrumbs []Crumb      // the last one is the page itself
	Notices     []Notice     // banners above everything, such as "not encrypted"
	RequestID   string       // shown at the foot; for error pages
	Live        string       // URL of this page's event stream; loads htmx and its SSE extension
	Htmx        bool         // the page swaps fragments: loads htmx
	Refresh     int          // seconds after which the page reloads where scripts do not run; 0 never
	NoIndex     bool         // search engines stay away; App and Narrow pages always say so
	Rail        bool         // App: the sidebar is a rail of icons, for pages that need the width
	Wide        bool         // App: no maximum width and no padding; the page lays itself out
}

// Brand is what the portal is called and looks like. The zero value is Gatehouse.
type Brand struct {
	Name  string // in titles and beside the logo
	Logo  string // URL of an image that stands for the name; may be empty
	Icon  string // URL of a PNG for browsers' tabs; may be empty
	Style string // URL of a sheet with other colours; may be empty
}

// Product is the name of what the reader uses.
func (b Brand) Product() string {
	if b.Name == "" {
		return "Gatehouse"
	}
	return b.Name
}

// Flash is the outcome of the last action. Success leaves by itself after six
// seconds where scripts run; other kinds stay.
type Flash struct {
	Kind Kind // OK, Info, Warn or Bad
	Text string
	Href string // where to go on; may be empty
	Link string // the words of Href
}

// Notice is a banner across the page; a Bad one is read out at once.
type Notice struct {
	Kind  Kind
	Title string // may be empty
	Text  string
	Href  string // where to read on; may be empty
	Link  string // the words of Href

	Post   string // where its button posts to; may be empty
	Button string // the words on it
}

// AccountBadge is who is signed in, with a menu.
type AccountBadge struct {
	Name       string // shown as initials, and in the menu
	Email      string
	Items      []NavItem // profile, security, ...
	SignOutURL string    // a form posts to it
}

// NavSection is a list of links under an optional heading.
type NavSection struct {
	Label string
	Items []NavItem
}

// NavItem is a link of the sidebar or of a menu.
type NavItem struct {
	Label, Href string
	Icon        string
	Key         string // that leads here after g; may be empty
	Count       int    // shown behind the label where it is not 0
	Hot         bool   // the count waits for somebody
	Current     bool   // this page, or the part of the portal that it belongs to
}

// Hat is a role in which the reader can look at the portal.
type Hat struct {
	Label   string // "Developer"
	Detail  string // "Apps, keys and usage"
	Href    string
	Current bool
}

// Crumb is a step of the breadcrumb; the last one needs no Href.
type Crumb struct{ Label, Href string }

// hat is the current one.
func (p Page) hat() (Hat, bool) {
	for _, h := range p.Hats {
		if h.Current {
			return h, true
		}
	}
	return Hat{}, false
}

// links are the top links of a public page.
func (p Page) links() []NavItem {
	if len(p.Nav) == 0 {
		return nil
	}
	return p.Nav[0].Items
}

func (p Page) scripted() bool { return p.Htmx || p.Live != "" }

// Kind is the mood of a badge or a message.
type Kind string

// Kinds. Plain is grey; Pur is the colour of throttling; Acc is the accent; Line
// is only outlined.
const (
	Plain Kind = ""
	OK    Kind = "ok"
	Info  Kind = "info"
	Warn  Kind = "warn"
	Bad   Kind = "bad"
	Pur   Kind = "pur"
	Acc   Kind = "acc"
	Line  Kind = "line"
)

// badge is the class of a badge; there is no badge of kind Info.
func (k Kind) badge() string {
	if k == Info {
		return string(Acc)
	}
	return string(k)
}

// call is the class of a callout.
func (k Kind) call() string {
	switch k {
	case OK, Info, Warn, Bad:
		return string(k)
	case Acc, Pur:
		return string(Info)
	}
	return ""
}

// icon is the icon of a message.
func (k Kind) icon() string {
	switch k {
	case OK:
		return "circle-check"
	case Warn:
		return "triangle-alert"
	case Bad:
		return "circle-alert"
	}
	return "info"
}

// tint gives an avatar one of four colours by its name, the same on every page.
func tint(name string) string {
	sum := 0
	for _, b := range []byte(name) {
		sum += int(b)
	}
	return [...]string{"", "b", "c", "d"}[sum%4]
}

// otherTheme is what the toggle asks for. Which theme a system has is known to the browser alone: most are light.
func otherTheme(now string) string {
	if now == "dark" {
		return "light"
	}
	return "dark"
}

func initials(name string) string { return format.Initials(name) }
