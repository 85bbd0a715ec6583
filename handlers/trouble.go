package handlers

import (
	"strings"

	"gatehouse/models"
	"gatehouse/templates/ui"
)

// Gateway is what every page asks of the gateway.
type Gateway interface {
	// Trouble names what keeps the gateway from its promise: "" for nothing, not-ready, stopping, journal-full, ledger-away or records-away.
	Trouble() string
}

// trouble is what a page says of one trouble of the gateway.
type trouble struct {
	title     string // to everybody: what does not work now
	text      string // to owners and administrators: what that means for callers
	operator  string // to administrators: what to do
	developer string // "": it does not concern developers
	problem   bool   // callers meet a problem of the trouble's name, which has a page
}

// tellOperator is for owners who do not run the machine themselves.
const tellOperator = "Tell your administrator. It is over without a restart as soon as the cause is."

var troubles = map[string]trouble{
	"not-ready": {
		title: "The gateway is not ready.", text: "Calls with an API key are refused with 503 not-ready; nothing is charged.",
		operator:  "The server's log says what it could not load; it goes on trying.",
		developer: "Your calls get 503 not-ready and are not charged. Try again later; there is nothing to change in your program.", problem: true,
	},
	"stopping": {
		title: "The server is being stopped.", text: "Calls under way are answered, new ones are refused with 503 not-ready until it is back.",
		operator:  "Nothing that is counted is lost.",
		developer: "New calls get 503 not-ready until it is back, and are not charged.",
	},
	"journal-full": {
		title:     "The gateway cannot write down what it admits.",
		text:      "As soon as its journal is full, calls with an API key are refused with 503 journal-full; nothing is charged.",
		operator:  "The disk of the data folder is full, or the database cannot be written: free space, and see the server's log. No restart is needed.",
		developer: "Calls can get 503 journal-full and are not charged then. Try again later; there is nothing to change in your program.", problem: true,
	},
	"ledger-away": {
		title:     "The database of quotas cannot be written.",
		text:      "Keys go on with what they have in hand of their quotas; then their calls are refused with 503 ledger-away. Nothing is charged for refused calls.",
		operator:  "The disk may be full, or another program holds the database: free space, and see the server's log. No restart is needed.",
		developer: "Calls can get 503 ledger-away and are not charged then. Try again later; there is nothing to change in your program.", problem: true,
	},
	"records-away": {
		title:    "The gateway does not learn of changes.",
		text:     "Calls are answered by what was in force before. What was changed since, such as a revoked key or a new limit, is saved but does not hold yet.",
		operator: "The database cannot be read: see the server's log. No restart is needed.",
	},
}

// troubleNotice tells of the gateway's trouble: owners and administrators on each page, developers where it concerns them.
func (r *Request) troubleNotice() []ui.Notice {
	if r.Site.Gateway == nil {
		return nil
	}
	name := r.Site.Gateway.Trouble()
	if name == "" {
		return nil
	}
	t, known := troubles[name]
	if !known {
		t = troubles["not-ready"]
	}
	n := ui.Notice{Kind: ui.Bad, Title: t.title}
	switch {
	case r.Account.Role >= models.RoleAdmin:
		n.Text = t.text + " " + t.operator
	case r.Account.Role >= models.RoleOwner:
		n.Text = t.text + " " + tellOperator
	case t.developer == "" || !r.concernsCalls():
		return nil
	default:
		n.Kind, n.Text = ui.Warn, t.developer
	}
	if t.problem {
		n.Href, n.Link = "/problems/"+name, "What callers see"
	}
	return []ui.Notice{n}
}

// concernsCalls reports whether a developer looks at a page about his calls: keys, apps, usage, and where calls are tried.
func (r *Request) concernsCalls() bool {
	for _, part := range []string{"/home", "/apps", "/keys", "/subscriptions", "/usage"} {
		if r.URL.Path == part || strings.HasPrefix(r.URL.Path, part+"/") {
			return true
		}
	}
	return strings.HasPrefix(r.route, "/apis/:slug/docs")
}
