package owner

import (
	"time"

	"gatehouse/templates/ui"
)

// PlansView is the list of plans.
type PlansView struct {
	Now     time.Time
	Query   string
	State   string
	Pills   []ui.Pill
	Rows    []PlanRow
	Pages   ui.Pages
	HasAPIs bool // there is something that a plan could open
}

// PlanRow is a plan in the list; its numbers lead to what they count.
type PlanRow struct {
	Name, Href                                 string
	State                                      ui.BadgeProps
	Draft                                      bool      // a published plan with changes that are not published
	Changes                                    time.Time // when they come into force by themselves; zero: they do not
	Asks                                       int       // people who ask to be let in
	AsksHref                                   string
	Limits                                     string // "50 rps · burst 100 · 10,000 requests a month"
	Stages                                     []string
	Subscribers, Waiting, Keys                 int
	SubscribersHref, WaitingHref, KeysHref, ID string
	Price                                      string
	Gone                                       bool // retired or ended
	Ending                                     bool // an end is announced
	Ends                                       ui.BadgeProps
}

// Change is a difference in words.
type Change struct{ What, Before, After string }

// PlanHead is what all pages of a plan begin with.
type PlanHead struct {
	Name, Href, Subtitle string
	Badges               []ui.BadgeProps
	Published            bool // there is a version in force
	Retired              bool
	Ended                bool
	Ending               bool // an end is announced
	Deletable            bool // never published
}

// Editor is the form of a plan.
type Editor struct {
	PlanHead
	New        bool
	Presets    []Preset
	Action     string // the form posts to it
	Preview    string // answers fragments
	Stages     []EditorStage
	Throttle   ThrottleView
	Effect     Effect
	Changes    []Change // from what is in force to what the form holds
	Saved      bool     // the changes are saved as the draft
	Notes      []string // what became of the plan: retired, ends
	Seen       string   // which terms the form was made of
	DraftBy    string   // who saved the draft last; empty when nobody noted it
	DraftAt    time.Time
	Now        time.Time
	Moved      bool     // somebody saved the draft while the form was being filled
	Differs    []Change // from what he saved to what the form holds
	Rehearsal  Rehearsal
	Schedule   ScheduleView
	Find       string   // filter of methods
	FieldNames []string // in order, for the list of mistakes
}

// Preset fills a new plan.
type Preset struct {
	Label, Text, Href string
	Current           bool
}

// ThrottleView is what is drawn beside rate and burst.
type ThrottleView struct {
	On          bool
	Drawable    bool
	Rate, Burst float64
	Derived     string // a sentence when the burst was left empty
	RateMost    string // the ends of the sliders
	BurstMost   string
}

// Effect is what developers will see and what an owner may have overlooked; live pages replace it while somebody types.
type Effect struct {
	Throttle ThrottleView
	Quota    string // the quota in a sentence
	Card     ui.Plan
	Warnings []string
}

// EditorStage is a stage that a plan may open.
type EditorStage struct {
	ID, Label, URL string
	Open           bool
	Undeployed     bool
	Summary        string // "23 methods, 1 limited, 1 left out"
	Expanded       bool
	Methods        []EditorMethod
	Hidden         int // methods that are not listed because there are so many
}

// EditorMethod is a method with its own limits; field names as the form has them.
type EditorMethod struct{ ID, Verb, Path, Name, RateField, BurstField, WithoutField string }

// PublishView asks before a draft comes into force.
type PublishView struct {
	PlanHead
	First       bool   // there is nothing in force yet
	Seen        string // which terms the page is about
	Changes     []Change
	Card        ui.Plan
	Warnings    []string
	Who         string // whom it touches, in a sentence
	Problem     string // why the last try was refused
	Rehearsal   Rehearsal
	NothingToDo bool
	Schedule    ScheduleView
	Told        []string // who gets a notice, in sentences
}

// ScheduleView is a draft that comes into force by itself.
type ScheduleView struct {
	On      bool
	At      time.Time
	By      string
	Version string         // that it becomes
	Failed  string         // why the last one did not come
	Notices []ToldOfChange // newest first
}

// ToldOfChange is a notice that subscribers got.
type ToldOfChange struct {
	What string
	At   time.Time
	Told string // "5 subscribers"
}

// VersionsView is a plan's history.
type VersionsView struct {
	PlanHead
	Now       time.Time
	Notes     []string     // what became of the plan besides
	Draft     *VersionView // the changes that are not published; nil for none
	Versions  []VersionView
	AuditHref string
}

// VersionView is a published version.
type VersionView struct {
	Number  int
	By      string
	At      time.Time
	Current bool
	First   bool
	Changes []Change        // from the version before
	Terms   []ui.Definition // all that it said
}

// EndView asks when a plan ends.
type EndView struct {
	Today   string // the first day that can be chosen
	Who     string // whom it touches, in a sentence
	Catalog string // what the catalog does until then, in a sentence
}

// InvitationsView is who may see a plan for invited people.
type InvitationsView struct {
	PlanHead
	Invited bool // the plan is for invited people
	Count   int
	Now     time.Time
	Waiting []WaitingRow
	Tried   string // whose decision was refused
}

// WaitingRow is somebody who asks to be let in.
type WaitingRow struct {
	ID, Name, Email, Message string
	At                       time.Time
}

// JoiningView is the form of what a plan asks of those who subscribe.
type JoiningView struct {
	PlanHead
	Rows    int    // questions
	Version string // of the terms of use, in words
}

// PlanUsageView is the busiest keys of a plan in a month.
type PlanUsageView struct {
	PlanHead
	Now        time.Time
	Month      string // "March 2026"
	Prev, Next string // months; empty at the ends
	Query      string
	UsageHref  string // the charts
	Rows       []PlanKeyRow
	Pages      ui.Pages
}

// PlanKeyRow is a key on the plan.
type PlanKeyRow struct {
	Name, Href, Hint, Who string
	Status                ui.BadgeProps
	Requests, Refused     int64
	UsageHref             string
	LastUsed              time.Time
}
