package developer

import "gatehouse/templates/ui"

// SubscribeView is the form that puts an app on a plan.
type SubscribeView struct {
	Action       string
	API, APIHref string
	PlanID       string
	Plan         ui.Plan // without a button
	Throttled    bool
	Rate, Burst  float64
	Quota        string        // in a sentence
	Ends         string        // that and when the plan ends, in a sentence; empty: no end is announced
	Changes      string        // that and when its terms change, in a sentence; empty: nothing is announced
	ChangeLines  []TermsChange // what changes
	Others       []PlanChoice
	Ask          bool // the owner approves each request
	Next         []string

	Apps                                               []ui.Option // with the new one; empty: the reader has none
	App, AppName, KeyName, Message                     string
	AppError, AppNameError, KeyNameError, MessageError string
	Problem                                            string
	Clash                                              *Clash  // of the app that was sent
	Taken                                              []Clash // of all apps
	Button                                             string
	Join                                               JoinView
}

// TermsChange is a value of a plan before and after.
type TermsChange struct{ What, Before, After string }

// PlanChoice leads to the same form for another plan.
type PlanChoice struct{ Name, Price, Href string }

// Clash says which plan an app is on already for a stage that the wanted plan opens, and offers the change.
type Clash struct{ App, Text, Href, Link string }
