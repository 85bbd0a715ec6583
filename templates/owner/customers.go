package owner

import (
	"time"

	"gatehouse/templates/ui"
)

// CustomersView is the list of customers.
type CustomersView struct {
	Now   time.Time
	Query string
	Kind  string // "keys": customer ids; else developers
	Tabs  []ui.Tab
	Rows  []CustomerRow
	Pages ui.Pages
}

// CustomerRow is a customer in a list.
type CustomerRow struct {
	Name, Detail, Href string
	Since              time.Time
	Count              string // "2 subscriptions", "12 keys"
	Waiting            string // "1 waits"; empty: none
}

// CustomerView is one customer.
type CustomerView struct {
	Now                   time.Time
	Name, Detail          string
	Href                  string // its forms' addresses begin with it
	ID                    string // a customer id, which its forms send along; empty for a developer
	Facts                 []ui.Definition
	Keys                  []CustomerKey
	MoreKeys              string // where the others are listed; empty: these are all
	Subscriptions         []SubscriptionRow
	Notes                 []NoteView
	NoteText, NoteError   string
	History               []ui.TimelineItem
	CanSuspend, CanResume bool
	SeeAs                 string // where one begins to see the portal as they do; empty: it cannot be
}

// CustomerKey is a key with where it stands on each of the owner's plans.
type CustomerKey struct {
	Name, Href, Hint string
	Status           ui.BadgeProps
	LastUsed         time.Time
	Plans            []KeyPlan
	UsageHref        string
	LogHref          string
}

// NoteView is a note.
type NoteView struct {
	ID, Text, Author string
	At               time.Time
}
