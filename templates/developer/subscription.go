package developer

import (
	"time"

	"gatehouse/templates/ui"
)

// SubscriptionView is a subscription's page.
type SubscriptionView struct {
	Now          time.Time
	Plan, Href   string
	App, AppHref string
	State        ui.BadgeProps
	Open         bool
	Notices      []NoticeLine
	Terms        []ui.Definition
	Throttled    bool
	Rate, Burst  float64
	Quota        string // in a sentence; empty: none
	Slower       []Slower
	Quotas       []QuotaCard // one for each key
	Docs         []ui.Definition
	History      []ui.TimelineItem
	Joined       *JoinedView // nil: nothing was asked
	Change       bool        // there is another plan to change to
}

// CancelView asks before a subscription ends.
type CancelView struct {
	Plan, Href, App string
	Traffic         string
	Stops           []string
}

// ChangeView compares the plans that a subscription can change to.
type ChangeView struct {
	Plan, Href, App string
	Plans           []ChangePlan
	Rows            []CompareRow // cells in the order of Plans
	Problem         string
	Traffic         string   // what of the app's own calls was replayed, or why nothing was
	Missing         []string // what of them was not recorded
}

// ChangePlan is a column of the comparison.
type ChangePlan struct {
	Name, Price string
	Now         bool   // the plan that the subscription is on
	Href        string // of the question; empty where the change is not the reader's to make
	Note        string // why not
	NoteHref    string
}

// CompareRow is one line of the comparison.
type CompareRow struct {
	Label string
	Cells []string
}

// ChangeConfirmView asks before a change.
type ChangeConfirmView struct {
	Plan, To, ToID, Href, App string
	Changes                   []Difference
	Consequences              []string
	Join                      JoinView
	Traffic                   string // what the app's own calls would have met
	Problem                   string
}

// Difference is one changed value of two plans.
type Difference struct{ Name, Before, After string }
