package public

import (
	"time"

	"github.com/a-h/templ"

	"gatehouse/templates/ui"
)

// LandingView is the first page.
type LandingView struct {
	Headline string
	Intro    SafeHTML
	Featured []APICard
	Call     *CallView // of the first API; nil while there is none
	HomeHref string    // where the signed-in reader goes on; empty for visitors
	Publish  bool      // the reader may publish an API
	Visitor  bool      // nobody is signed in
}

// CatalogView is the list of APIs.
type CatalogView struct {
	APIs      []APICard
	Query     string
	Plans     string      // which plans there must be
	PlansOf   []ui.Option // to choose of them
	Chosen    []string    // tags that APIs must have
	Tags      []TagLink   // that narrow further, the ones that many have first
	MoreTags  []TagLink   // the others
	Pills     []ui.Pill
	Pages     ui.Pages
	Filtered  bool   // something narrows the list
	AllWords  string // address of the same words without other filters; empty: there are none, or it is this list
	Invisible bool   // there is no API at all that the reader may see
	Publish   bool
	Visitor   bool
}

// TagLink is a tag of APIs with the list of those that have it.
type TagLink struct {
	Label, Href string
	Count       int // of APIs; 0: it is not told
}

// APICard is an API in a list.
type APICard struct {
	Name, Summary, Href string
	Owner               string
	Methods             int
	Badge               string // "Your plan"; may be empty
	Tags                []TagLink
	Plans               []PlanPrice     // the first ones
	MorePlans           int             // besides Plans
	Found               []OperationLine // operations with the words that the name and the summary lack
	MoreFound           int
	FoundHref           string // all of them
}

// PlanPrice is a plan with its price in its owner's words, which may be empty.
type PlanPrice struct{ Name, Price string }

// CallView is a request that works when the reader's key is in its place.
type CallView struct {
	ID       string // unique in the page
	Title    string // "GET /forecast"
	Snippets []ui.Snippet
	KeyWords string // where the key goes; empty when the call needs none

	Answer      templ.Component // to it, by the API's document; nil: it has no example
	AnswerTitle string          // "200 application/json"
}

// APIView is an API's page.
type APIView struct {
	Name, Summary, Owner string
	Tags                 []TagLink
	GuidesHref           string // empty: there are none
	DocsHref             string // empty: nothing is deployed, and only the owner sees this page
	ChangesHref          string // the changelog
	Stages               []StageView
	Plans                []PlanView
	Askable              []AskablePlan
	Compare              []CompareRow // cells in the order of Plans
	PlansHref            string
	Call                 *CallView
	KeyWords             string // "Send your key in the header x-api-key."
	Operations           []OperationLine
	More                 int // operations that are not in Operations
	Described            bool
	Markdown             string // address of the page as Markdown
	Now                  time.Time
}

// StageView is an address at which an API answers.
type StageView struct {
	ID, Name, URL string
	Methods       int
	DeployedAt    time.Time
	Off           bool      // it is switched off for maintenance
	Message       string    // of its owner then; may be empty
	Until         time.Time // when it is back; zero: not known
}

// PlanView is a plan that can be chosen, with what its card does not say.
type PlanView struct {
	Card        ui.Plan
	Throttled   bool
	Rate, Burst float64
	Quota       string // in a sentence; empty: none
	Limits      []LimitLine
	Missing     []string // methods that the plan leaves out
	Ends        string   // that and when the plan ends, in a sentence; empty: no end is announced
	Yours       []YourSubscription
}

// LimitLine is a method with a slower lane of its own.
type LimitLine struct{ Method, Limit string }

// YourSubscription is an app of the reader on a plan.
type YourSubscription struct{ App, State, Href string }

// CompareRow is one line of the comparison of plans.
type CompareRow struct {
	Label string
	Cells []string
	Same  bool // for all plans
}

// OperationLine is an operation in a list.
type OperationLine struct {
	Verb, Path, Summary, Href string
	Open                      bool // needs no key
	Deprecated                bool
	Goes                      string // of what is deprecated: "Deprecated", "Goes 1 Apr 2026"
	Current                   bool
}

// ProblemList is every error of the gateway.
type ProblemList struct{ Groups []ProblemGroup }

// ProblemGroup is the errors of one kind.
type ProblemGroup struct {
	Title, Text string
	Problems    []ProblemView
}

// ProblemView is one error of the gateway.
type ProblemView struct {
	Slug        string
	Href        string
	Status      int
	Title       string
	Explanation string
	WhatToDo    string
	Type        string // the URL that answers carry
}

// AskablePlan is a plan by invitation that can be asked for.
type AskablePlan struct{ Name, Text, Href, Action string }
