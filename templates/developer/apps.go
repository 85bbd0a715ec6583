package developer

import (
	"time"

	"gatehouse/templates/ui"
)

// AppsView is the list of apps.
type AppsView struct {
	Apps  []AppLine
	Query string
	Pages ui.Pages
}

// AppLine is an app in a list.
type AppLine struct {
	Name, Href string
	Keys       string // "2 keys"
	On         []ui.BadgeProps
	Calls      string    // in the last 7 days
	Spark      []float64 // calls a day
	Created    time.Time
}

// NewAppView is the form for an app.
type NewAppView struct{ Name, Error string }

// AppView is an app's page.
type AppView struct {
	Name, Href    string
	Created       time.Time
	Keys          KeyTable
	Count         string // "2 of 5 keys"
	Full          string // why there can be no further key; empty while there can
	Subscriptions []SubscriptionCard
	Earlier       []ui.TimelineItem // subscriptions that are over
	UsageHref     string
	NewName       string // as typed into the form
	NameError     string
}

// NewKeyView is the form for another key of an app.
type NewKeyView struct {
	App, AppHref            string
	Name, Expires           string
	NameError, ExpiresError string
	Problem                 string
	Full                    string // the form is not shown; this is why
	Plans                   string // what the key will be on, in a sentence
	Soonest                 string // the first day that can be chosen, 2026-03-04
}
