package models

import "time"

// CustomerRef names an owner's customer: a developer's account with subscriptions to his plans, or the customer id of keys that he made. Exactly one is set.
type CustomerRef struct {
	AccountID  AccountID
	CustomerID string
}

// Customer is a developer who subscribed to a plan of an owner.
type Customer struct {
	AccountID     AccountID
	Email         string
	Name          string
	Since         time.Time
	Subscriptions int // to plans of the owner, open ones
	Waiting       int // of them, for the owner's decision
}

// CustomerOfKeys is a customer id of keys that an owner made.
type CustomerOfKeys struct {
	CustomerID string
	Keys       int // that are not revoked; counted to 1,000
}

// CustomerNote is what an owner noted of a customer, for himself.
type CustomerNote struct {
	ID     CustomerNoteID
	Text   string
	Author string
	At     time.Time
}
