package developer

import (
	"gatehouse/templates/chart"
	"gatehouse/templates/ui"
	"gatehouse/templates/usage"
)

// UsageView is the usage of some keys over a range.
type UsageView struct {
	Subtitle    string
	Scopes      []ui.Option // whose usage can be shown
	Scope       string
	APIs        []ui.Option // nil: there is no choice
	API         string
	Plans       []ui.Option // as APIs
	Plan        string
	Hidden      []ui.Pair // what else stands in the URL, besides the scope
	Ranges      []ui.Range
	Custom      usage.Custom
	Downloads   []usage.Download
	Method      string // the only one that is shown; empty: all
	AllHref     string // shows all methods again
	Live        bool
	LiveHref    string // turns the live view on or off
	NoKeys      bool   // there is nothing to show usage of
	Waiting     *WaitingView
	Problem     string // what went wrong, in a sentence; empty when nothing did
	ProblemHref string // the requests it was with; "" where they are not to be had
	Advice      NoticeLine
	Figures     usage.Figures
	ByMethod    usage.Breakdown
	Tables      []usage.Breakdown // by key, API, plan, where there are several
	Quotas      []QuotaCard
	Rate        *RateView // of the first of them
}

// RateView is how fast a key called, beside what its plan allows.
type RateView struct {
	Key, Plan string
	Limit     string
	Text      string
	Chart     chart.Chart
}

// WaitingView is shown until the first call of a key came.
type WaitingView struct {
	Snippets []ui.Snippet
	KeyHref  string
}
