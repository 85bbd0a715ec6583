package models

import (
	"time"
)

// This file holds what use cases are asked with. Names in comments are the fields of their errors.

// NewAccount is a person to be. Fields "email", "name", "role".
type NewAccount struct {
	Email        string
	Name         string
	PasswordHash string // argon2id, PHC form
	Role         Role   // ignored where the use case decides it
}

// NewLink asks for a one-time link. Fields "email", "role".
type NewLink struct {
	Kind      LinkKind
	Email     string    // invite
	Role      Role      // invite
	AccountID AccountID // reset
}

// StoredSession is a session with what belongs to the machine: the digest of its token and its values.
type StoredSession struct {
	Session
	Digest [32]byte
	Data   []byte
}

// NewAPI asks for an API. Fields "name", "slug", "summary", "key_place", "key_name" and, for a method of a form, "verb", "path".
type NewAPI struct {
	Name      string
	Slug      string
	Summary   string
	KeySource KeySource
	Document  []byte // as uploaded; empty: made by a form
	// Description is what was read from the document, in the JSON form of openapi.Description; empty without a document. It is text here
	// because the vocabulary imports the standard library alone.
	Description []byte
	Methods     []Method
}

// APISettings are what an owner edits of an API. Fields as NewAPI.
type APISettings struct {
	Name      string
	Slug      string
	Summary   string
	KeySource KeySource
}

// NewSubscription asks to put an app on a plan. Exactly one of AppID and AppName is set. Fields "app", "key_name", "message".
type NewSubscription struct {
	PlanID  PlanID
	AppID   AppID
	AppName string // of an app to make
	KeyName string // of the key to make; "" means the app's name
	Message string // to the owner, at most 500 characters
}

// SubscriptionFilter narrows an owner's list; zero fields do not.
type SubscriptionFilter struct {
	State  SubscriptionState
	PlanID PlanID
}

// NewKey asks for another key of an app. Fields "name", "expires".
type NewKey struct {
	AppID     AppID
	Name      string
	ExpiresAt time.Time
}

// NewCustomerKey asks for a key that an owner gives to a customer. Fields "name", "description", "customer_id", "expires", "plans".
type NewCustomerKey struct {
	Name        string
	Description string
	CustomerID  string
	ExpiresAt   time.Time
	Plans       []PlanID
}

// CustomerKeySettings are what an owner edits of such a key. Fields as NewCustomerKey.
type CustomerKeySettings struct {
	Name        string
	Description string
	CustomerID  string
}

// KeyFilter narrows an owner's list; zero fields do not.
type KeyFilter struct {
	PlanID PlanID
	Status KeyStatus // active, disabled, expired or revoked
}

// UsageGroup is what a breakdown groups by.
type UsageGroup string

// The groups.
const (
	ByMethod UsageGroup = "method"
	ByKey    UsageGroup = "key"
	ByPlan   UsageGroup = "plan"
	ByStage  UsageGroup = "stage"
)
