package owner

import (
	"slices"
	"time"

	"gatehouse/templates/callers"
	"gatehouse/templates/chart"
	"gatehouse/templates/developer"
	"gatehouse/templates/receipt"
	"gatehouse/templates/ui"
	"gatehouse/templates/usage"
)

// FailedPublication is a plan whose scheduled version did not come into force.
type FailedPublication struct{ Plan, Href, Reason string }

// OverviewView is the owner's first page.
type OverviewView struct {
	Now                          time.Time
	Steps                        []ui.Step // until a plan is published
	Waiting                      []SubscriptionRow
	MoreWaiting                  bool
	Failed                       []FailedPublication
	Asks                         []PlanAsks
	Figures                      usage.Figures
	Problem, ProblemHref         string
	ByPlan, ByMethod             usage.Breakdown
	Subscribers, Keys, Published int
}

// PlanAsks is a plan by invitation that people ask to be let in to.
type PlanAsks struct{ Plan, Href, Words string }

// SubscriptionsView is the list of subscriptions.
type SubscriptionsView struct {
	Now                time.Time
	Query, State, Plan string
	Waiting            int
	Asks               []PlanAsks
	Tabs               []ui.Tab
	Pills              []ui.Pill
	Rows               []SubscriptionRow
	Pages              ui.Pages
}

// approvable reports whether the plan of at least one row takes somebody new.
func (v SubscriptionsView) approvable() bool {
	return slices.ContainsFunc(v.Rows, func(s SubscriptionRow) bool { return !s.Closed })
}

// SubscriptionRow is a subscription in a list.
type SubscriptionRow struct {
	Href, App, Who, Email, Plan, PlanHref string
	State                                 ui.BadgeProps
	Pending                               bool
	Closed                                bool // it waits for a plan that takes nobody new
	Message                               string
	Requested                             time.Time
	Keys                                  int
	KeysHref                              string
	ID                                    string
}

// SubscriptionView is one subscription.
type SubscriptionView struct {
	SubscriptionRow
	Now                     time.Time
	Decided, Ended          time.Time
	PlanEnds                time.Time // zero: no end is announced, or it is over
	Reason, Terms           string
	APIs                    []APILink
	Open, Active, Suspended bool
	Override                *OverrideLine
	Joined                  *developer.JoinedView // what was answered and accepted; nil: nothing was asked
	Standings               []KeyStanding
	Tried                   string // the decision that was refused
	UsageHref, AuditHref    string
	LogHref                 string
	CustomerHref            string
}

// APILink is an API with the stages that a plan opens.
type APILink struct{ Name, Href, Stages string }

// KeysView is the list of keys.
type KeysView struct {
	Now                 time.Time
	Query, Status, Plan string
	Plans               []ui.Option
	Pills               []ui.Pill
	Rows                []KeyRow
	Pages               ui.Pages
}

// KeyRow is a key in a list.
type KeyRow struct {
	Name, Href, Who, Hint string
	Status                ui.BadgeProps
	Plans                 []PlanLink
	LastUsed, Expires     time.Time
	Near                  bool // it expires soon
	Gone                  bool // revoked
	UsageHref             string
}

// PlanLink is a plan by name.
type PlanLink struct{ Name, Href string }

// KeyView is a key's page.
type KeyView struct {
	KeyRow
	ID                                  string
	Now                                 time.Time
	Own                                 bool // made by the reader for a customer
	Old                                 callers.View
	Created, Rotated, OldStops, Revoked time.Time
	Rotating, Working, Enabled, Sealed  bool
	Customer, Description               string
	App, Developer                      string
	Reveal                              *ui.Reveal
	Lost                                bool // the value was to be shown, but was already
	Memberships                         []KeyPlan
	AddPlans                            []ui.Option
	Offer                               *MoveOffer // after a plan that is in the way of another one
	Figures                             usage.Figures
	Refusals                            *receipt.List // nil: no receipts are kept
	AuditHref, LogHref                  string
}

// KeyPlan is a plan that the key is on.
type KeyPlan struct {
	ID, Name, Href   string
	State            ui.BadgeProps
	Added            time.Time
	Stages           []string
	Limits           string
	Standing         *Standing // nil: the plan has no quota
	Ends             string    // that the plan ends, in a sentence
	Override         *OverrideLine
	OverrideHref     string // empty: nothing can be changed
	SubscriptionHref string // how it came there; empty when the owner put it there
	UsageHref        string
}

// OverrideLine is what a key or a subscription has in place of the plan's limits.
type OverrideLine struct {
	Text, Reason, By string
	At, Ends         time.Time // Ends is zero where it has no end
	Over             bool      // it has ended: the plan's limits hold
	Shared           bool      // it came with the subscription's
}

// OverrideView is the form of limits in place of a plan's.
type OverrideView struct {
	Title, Whose string
	Action, Back string
	PlanLimits   string
	Now          *OverrideLine // nil: there is none
	Keys         int           // that it is for; 0: one
	Soonest      string        // the earliest end, for the date's input
}

// MoveOffer leads to moving a key from the plan that is in the way.
type MoveOffer struct{ From, Href string }

// MoveView asks for the plan that something moves to.
type MoveView struct {
	Plans []ui.Option
	Count string // what was used, in a sentence; empty where there is nothing to carry over
}

// Standing is how a key stands with a plan's quota in the present window, with the form that extends it.
type Standing struct {
	Meter                  *chart.Meter
	Limit, Used, Remaining string
	Extra                  string // "+500", "none"
	Carried                string // used on the plans that it was moved from; empty: nothing
	Doubt                  string // "12 requests"; empty: none
	Ends                   time.Time
	Extend, Release        string // where the forms post to; empty: nothing can be changed

	Of, Form, Window, Shown string // what the form carries
	Open                    bool   // it was sent
	How, N, Error           string
}

// KeyStanding is a key of a subscription.
type KeyStanding struct {
	Name, Href string
	Status     ui.BadgeProps
	Override   *OverrideLine
	*Standing  // nil: the plan has no quota
}

// ExportView asks what an export holds.
type ExportView struct {
	Confirmed bool // the password was proved a moment ago
	Values    bool // the reader comes back from proving it
}

// UsageView is usage by plan, stage, method and key.
type UsageView struct {
	Next        *ui.Step // in place of all figures: what the owner does next, while nobody has ever called; else nil
	Range       string
	ZoneNote    string // what is not in the reader's zone, behind the sentence; "" for nothing
	Ranges      []ui.Range
	Pills       []ui.Pill
	Filters     UsageFilters
	Custom      usage.Custom
	Downloads   []usage.Download
	Live        bool
	LiveHref    string
	Problem     string
	ProblemHref string // the requests it was with; "" where they are not to be had
	Figures     usage.Figures
	Tables      []usage.Breakdown
	Keys        []PlanKeyRow // of this month; of one plan
	KeysHref    string
	Customers   UsageCustomersView
	AsOf        string // when heat map and tables were drawn, on a live page
}

// UsageCustomersView finds a customer whose usage is to be looked at.
type UsageCustomersView struct {
	Action, Find string
	FindHref     string // of the list alone, to which find= is added
	AllHref      string // the usage of all
	Label        string // the customer in force, or all
	Hidden       []ui.Pair
	Rows         []UsageCustomer
	More         bool // there may be more that are called so
}

// UsageCustomer is one to choose.
type UsageCustomer struct {
	Name, Detail, Href string
	Current            bool
}

// UsageFilters is the form that narrows the page.
type UsageFilters struct {
	Plan, API   string
	Plans, APIs []ui.Option
	Hidden      []ui.Pair
}

func (v KeyView) addTitle() string {
	if len(v.Memberships) == 0 {
		return "Put on a plan"
	}
	return "Put on another plan"
}
