package developer

import (
	"time"

	"gatehouse/templates/answer"
	"gatehouse/templates/callers"
	"gatehouse/templates/chart"
	"gatehouse/templates/receipt"
	"gatehouse/templates/ui"
)

// KeysView is the list of all keys of an account.
type KeysView struct {
	Apps     []ui.NavItem // for which a key can be made, with where
	MoreApps bool
	Table    KeyTable
	Query    string
	Pages    ui.Pages
}

// KeyView is a key's page.
type KeyView struct {
	Now            time.Time
	Name, Href, ID string
	Hint           string
	App, AppHref   string
	Status         ui.BadgeProps
	Reveal         *ui.Reveal // only on the one page that shows the value
	Shown          bool       // the value was shown already, and the reader came for it
	Notices        []NoticeLine
	Old            callers.View
	Working        bool // neither revoked nor expired
	Created        time.Time
	LastUsed       time.Time
	Expires        time.Time
	Rotated        time.Time
	Revoked        time.Time
	Place          string // where callers put the key

	Quotas    []QuotaCard
	Calls     []ui.Tab // the stages that the key may call; one is current
	Snippets  []ui.Snippet
	Try       TryView
	Requests  *chart.Chart // of the last 24 hours; nil while there were none
	UsageHref string
	LogHref   string
	Refusals  *receipt.List // nil: no receipts are kept

	NewName, NameError       string
	NewExpires, ExpiresError string
	Soonest                  string
}

// TryView is the form that sends a call.
type TryView struct {
	Action  string
	Methods []ui.Option
	Value   string
	NewTab  bool // where scripts do not run the answer opens beside the page: what it shows is not shown again
	Result  *answer.View
}

// TryPage is a call's answer on a page of its own.
type TryPage struct {
	Key, Href string
	Try       TryView
}

// RotateView asks before a rotation.
type RotateView struct {
	Key, Href string
	Overlap   string
	Options   []ui.Option
	Unused    bool   // it stops earlier when nobody uses it
	Traffic   string // what the key did in the last 24 hours
	Problem   string
}

// RevokeView asks before a key is revoked.
type RevokeView struct {
	Key, Href string
	Traffic   string
	Stops     []string // what stops working
}
