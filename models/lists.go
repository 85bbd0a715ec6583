package models

import (
	"slices"
	"time"
)

// This file holds what lists and pages show: a value together with the names that stand beside it.

// AccountRow is an account in the administrator's list.
type AccountRow struct {
	Account
	Sessions int // open ones
	Apps     int
	APIs     int
}

// APIRow is an API in its owner's list.
type APIRow struct {
	API
	Methods int
	Stages  []Stage
	Plans   int // published plans that open a stage of it
}

// ImportChanges is what a new document did to an API's methods.
type ImportChanges struct {
	Added, Changed, Removed []Method
}

// StageChoice is a stage that a plan may open, with its deployed methods.
type StageChoice struct {
	StageID   StageID
	APIID     APIID
	APIName   string
	APISlug   string
	StageName string
	Deployed  bool
	Methods   []Method
}

// Label returns "Echo API · prod".
func (s StageChoice) Label() string { return s.APIName + " · " + s.StageName }

// PlanRow is a plan in its owner's list.
type PlanRow struct {
	Plan
	Subscribers int // open subscriptions
	Waiting     int // of them pending
	Asks        int // people who ask to be let in; at most AsksCounted
	Keys        int
	Stages      []string // labels of the stages of the current terms
}

// AsksCounted is how many people who ask to be let in to a plan are counted.
const AsksCounted = 999

// Undecided is what waits for an owner's word.
type Undecided struct {
	Subscriptions int        // requests to subscribe
	Asks          int        // people on waiting lists
	Plans         []PlanAsks // that they are of, in the order of their names; at most five
}

// All is both together.
func (u Undecided) All() int { return u.Subscriptions + u.Asks }

// PlanAsks is a plan by invitation with people who ask to be let in.
type PlanAsks struct {
	ID   PlanID
	Name string
	Asks int // at most AsksCounted
}

// PlanChoice is a plan in a menu.
type PlanChoice struct {
	ID   PlanID
	Name string
}

// FailedPublication is a plan whose scheduled version did not come into force, and is a draft again.
type FailedPublication struct {
	PlanID PlanID
	Name   string
	Reason string // in a sentence or two
}

// PlanTotals is an owner's plans together.
type PlanTotals struct {
	Plans         int
	Newest        PlanID // 0: there is none
	Published     int    // now
	EverPublished bool   // one of them at least
	Subscribers   int    // open subscriptions
	Keys          int
}

// PlanUse names a plan that would lose a stage, for the page that asks before a delete.
type PlanUse struct {
	PlanID      PlanID
	PlanName    string
	StageName   string
	Subscribers int
	Keys        int
}

// CatalogEntry is an API in the public catalog: one that has a deployed stage on a published plan that the viewer may see.
type CatalogEntry struct {
	APIID     APIID
	Slug      string
	Name      string
	Summary   string
	Tags      []string
	OwnerName string
	Methods   int
	Plans     []PlanPrice // that the viewer may see, oldest first
}

// PlanPrice is a plan with what it costs, as its owner says it; empty: he does not.
type PlanPrice struct{ Name, Price string }

// CatalogAPI is an API's public page. Its KeySource is the first stage's, as deployed; the draft's when nothing is deployed.
type CatalogAPI struct {
	API
	OwnerName string
	Stages    []CatalogStage
	Plans     []CatalogPlan
}

// CatalogStage is a deployed stage with its methods.
type CatalogStage struct {
	ID         StageID
	Name       string
	Deployment DeploymentID
	DeployedAt time.Time
	Document   DocumentID // as deployed; zero: the API was made by a form
	KeySource  KeySource  // as deployed
	Methods    []Method

	Maintenance *Maintenance // nil: it is served
}

// CatalogPlan is a published plan as a developer compares it.
type CatalogPlan struct {
	PlanID  PlanID
	Version int
	EndsAt  time.Time // zero: no end is announced
	Terms   Terms
	Stages  []CatalogPlanStage // of this API
	// OtherStages are the labels of stages of other APIs that the plan opens too.
	OtherStages []string
	Invited     bool // the viewer sees it because he is invited
}

// CatalogPlanStage says what a plan opens of a stage.
type CatalogPlanStage struct {
	StageID   StageID
	StageName string
	Opened    int // methods
	Total     int
	Limited   []MethodLimit
	Excluded  []Method
}

// NewCatalogPlanStage says what a plan opens of a deployed stage, in the order of its methods.
func NewCatalogPlanStage(s CatalogStage, opened PlanStage) CatalogPlanStage {
	c := CatalogPlanStage{StageID: s.ID, StageName: s.Name, Total: len(s.Methods)}
	for _, m := range s.Methods {
		if slices.Contains(opened.Excluded, m.ID) {
			c.Excluded = append(c.Excluded, m)
			continue
		}
		c.Opened++
		for _, t := range opened.Throttles {
			if t.MethodID == m.ID {
				c.Limited = append(c.Limited, MethodLimit{Method: m, Throttle: t})
			}
		}
	}
	return c
}

// MethodLimit is a method with a throttle of its own.
type MethodLimit struct {
	Method   Method
	Throttle MethodThrottle
}

// AppRow is an app in its developer's list.
type AppRow struct {
	App
	Keys          int // that are not revoked
	Subscriptions []SubscriptionRow
}

// SubscriptionRow is a subscription with its names, for its developer and for the plan's owner.
type SubscriptionRow struct {
	Subscription
	AppName      string
	AccountID    AccountID
	AccountEmail string
	AccountName  string
	PlanName     string
	PlanState    PlanState
	PlanEndsAt   time.Time // zero: no end is announced
	Terms        Terms     // in force
	APIs         []APIRef  // that the plan opens
	Keys         int
}

// APIRef names an API and the stages of it.
type APIRef struct {
	APIID  APIID
	Slug   string
	Name   string
	Stages []string
}

// KeyRow is a key with its names.
type KeyRow struct {
	Key
	AppName      string
	AccountEmail string // of the app's developer
	Memberships  []Membership
}

// KeyDetail is a key's page.
type KeyDetail struct {
	KeyRow
	// Calls are the ways in which the key may call: one per (plan, stage).
	Calls []KeyCall
}

// KeyCall is a stage that a key may call, with what a snippet needs.
type KeyCall struct {
	PlanID    PlanID
	PlanName  string
	State     MembershipState
	Terms     Terms
	APIName   string
	APISlug   string
	StageID   StageID
	StageName string
	KeySource KeySource
	Methods   []Method // of the deployment, without the ones that the plan excludes
}

// StageKey is a key of an account on a plan that opens a stage.
type StageKey struct {
	KeyRow
	PlanID   PlanID
	PlanName string
	State    MembershipState
	Opens    bool // the plan does not exclude the method that was asked for
}

// Subscribed is what a new subscription made.
type Subscribed struct {
	Subscription Subscription
	App          App
	Key          Key
	Attached     bool // the app's existing key was put on the plan: there is no new value to show
}

// PlanKeyUse is a key in the list of a plan's busiest keys of a month.
type PlanKeyUse struct {
	KeyRow
	Requests int64 // admitted this month (UTC)
	Refused  int64
}

// KeyExport is one row of a CSV export; Value is empty unless it was asked for and the key is sealed.
type KeyExport struct {
	KeyRow
	Value string
}
