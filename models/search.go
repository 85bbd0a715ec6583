package models

import "time"

// CatalogHit is an API of the catalog that somebody may see, for a search of it.
type CatalogHit struct {
	APIID      APIID
	Slug       string
	Name       string
	Summary    string
	Tags       []string
	OwnerName  string
	Deployment DeploymentID     // of its first stage, whose methods are its operations
	Plans      []CatalogHitPlan // that they may see, oldest first
}

// CatalogHitPlan is a plan of an API of the catalog.
type CatalogHitPlan struct {
	ID    PlanID
	Name  string
	Price string // as its owner says it; may be empty
	Made  time.Time
	Asks  bool // keys work once the owner has approved
	Yours bool // an app of the viewer is on it
}

// NamedRow is a thing with a name, for a search.
type NamedRow[T any] struct {
	ID   ID[T]
	Name string
}

// SubscriptionHit is a subscription of a developer, for a search.
type SubscriptionHit struct {
	ID    SubscriptionID
	Plan  string
	App   string
	State SubscriptionState
}

// ChangelogHit is a published entry of a changelog, for a search.
type ChangelogHit struct {
	ID    ChangelogID
	APIID APIID
	Title string
	Day   int64 // Unix days
}

// GuideHit is a published guide, for a search.
type GuideHit struct {
	APIID APIID
	Slug  string
	Title string
}
