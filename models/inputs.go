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
	Email     string    // invite; verify: the address that is proved
	Role      Role      // invite
	AccountID AccountID // reset, verify
	Mail      bool      // it is sent by mail; its use proves the address, unless it was told otherwise, too
}

// StoredSession is a session with what belongs to the machine: the digest of its token and its values.
type StoredSession struct {
	Session
	Digest [32]byte
	Data   []byte
}

// NewAPI asks for an API. Fields "name", "slug", "summary", "tags", "key_place", "key_name" and, for a method of a form, "verb", "path".
type NewAPI struct {
	Name         string
	Slug         string
	Summary      string
	Tags         []string
	KeySource    KeySource
	Document     []byte // as uploaded; empty: made by a form
	Reading      []byte // what was read from the document, a pack of models/openapi; empty without a document
	Methods      []Method
	Details      APIDetails
	Parts        DeploymentParts // of the draft
	ResourceTags ResourceTags    // of the management API
	DrawSlug     bool            // Slug is made of the name, and unique: the management API's APIs are known by their ids
}

// APISettings are what an owner edits of an API. Fields as NewAPI.
type APISettings struct {
	Name      string
	Slug      string
	Summary   string
	Tags      []string
	KeySource KeySource
}

// Clean trims and checks what an owner typed, methods included.
func (in NewAPI) Clean() (NewAPI, error) {
	if in.DrawSlug {
		in.Slug = Slugify(in.Name)
	}
	settings, err := APISettings{Name: in.Name, Slug: in.Slug, Summary: in.Summary, Tags: in.Tags, KeySource: in.KeySource}.Clean()
	methods, methodsErr := CleanMethods(in.Methods)
	var p Problems
	p.Join(err, methodsErr, in.Details.Check(), in.ResourceTags.Check())
	if err := p.Err(); err != nil {
		return NewAPI{}, err
	}
	in.Name, in.Slug, in.Summary, in.Tags = settings.Name, settings.Slug, settings.Summary, settings.Tags
	in.KeySource, in.Methods = settings.KeySource, methods
	return in, nil
}

// Clean trims and checks what an owner typed.
func (in APISettings) Clean() (APISettings, error) {
	var p Problems
	var nameErr, summaryErr, tagsErr error
	in.Name, nameErr = CleanName("name", in.Name)
	in.Summary, summaryErr = cleanLine("summary", in.Summary, 200)
	in.Tags, tagsErr = CleanTags(in.Tags)
	p.Join(nameErr, CheckSlug(in.Slug), summaryErr, tagsErr, in.KeySource.Check())
	switch in.KeySource.Place {
	case KeyInBearer:
		in.KeySource.Name = ""
	case KeyInAuthorizer:
		in.KeySource = KeySource{Place: KeyInAuthorizer}
	}
	return in, p.Err()
}

// NewSubscription asks to put an app on a plan. Exactly one of AppID and AppName is set. Fields "app", "key_name", "message".
type NewSubscription struct {
	PlanID  PlanID
	AppID   AppID
	AppName string // of an app to make
	KeyName string // of the key to make; "" means the app's name
	Message string // to the owner, at most 500 characters
	Join    JoinForm
}

// Clean trims and checks what a developer typed.
func (in NewSubscription) Clean() (NewSubscription, error) {
	var p Problems
	var appErr, keyErr, messageErr error
	switch {
	case in.AppID != 0 && in.AppName == "":
	case in.AppID == 0:
		in.AppName, appErr = CleanName("app", in.AppName)
	default:
		appErr = Invalid("app", "Choose one of your apps or name a new one, not both.")
	}
	if in.KeyName != "" {
		in.KeyName, keyErr = CleanName("key_name", in.KeyName)
	}
	in.Message, messageErr = CleanText("message", in.Message, 500)
	p.Join(appErr, keyErr, messageErr)
	return in, p.Err()
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

// Clean trims and checks what a developer typed.
func (in NewKey) Clean(now time.Time) (NewKey, error) {
	var p Problems
	var err error
	in.Name, err = CleanName("name", in.Name)
	p.Join(err, CheckExpiry(in.ExpiresAt, now))
	return in, p.Err()
}

// NewCustomerKey asks for a key that an owner gives to a customer. Fields "name", "description", "customer_id", "expires", "plans".
type NewCustomerKey struct {
	Name        string
	Description string
	CustomerID  string
	ExpiresAt   time.Time
	Plans       []PlanID
}

// Clean trims and checks what an owner typed; plans are checked where they are known.
func (in NewCustomerKey) Clean(now time.Time) (NewCustomerKey, error) {
	var p Problems
	s, err := CustomerKeySettings{in.Name, in.Description, in.CustomerID}.Clean()
	p.Join(err, CheckExpiry(in.ExpiresAt, now))
	in.Name, in.Description, in.CustomerID = s.Name, s.Description, s.CustomerID
	return in, p.Err()
}

// CustomerKeySettings are what an owner edits of such a key. Fields as NewCustomerKey.
type CustomerKeySettings struct {
	Name        string
	Description string
	CustomerID  string
}

// Clean trims and checks what an owner typed.
func (in CustomerKeySettings) Clean() (CustomerKeySettings, error) {
	var p Problems
	var nameErr, descriptionErr, customerErr error
	in.Name, nameErr = CleanName("name", in.Name)
	in.Description, descriptionErr = CleanText("description", in.Description, 500)
	in.CustomerID, customerErr = cleanLine("customer_id", in.CustomerID, 80)
	p.Join(nameErr, descriptionErr, customerErr)
	return in, p.Err()
}

// KeyFilter narrows an owner's list; zero fields do not.
type KeyFilter struct {
	PlanID PlanID
	Status KeyStatus // active, disabled, expired or revoked; blocked keys are disabled to the owner of the plan
	Now    time.Time // what Status is judged at; zero: the present
}

// UsageGroup is what a breakdown groups by.
type UsageGroup string

// The groups.
const (
	ByMethod   UsageGroup = "method"
	ByKey      UsageGroup = "key"
	ByPlan     UsageGroup = "plan"
	ByStage    UsageGroup = "stage"
	ByCustomer UsageGroup = "customer"
)
