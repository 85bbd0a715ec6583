package owner

import (
	"time"

	"gatehouse/templates/ui"
)

// Rehearsal is the card of a rehearsal: what a plan's recorded traffic would have met under other limits.
type Rehearsal struct {
	Text     string // what it says before there are figures, or why there are none; in a sentence
	Bad      bool   // Text says what went wrong
	Action   string // where the form that is being edited is sent to be rehearsed; empty: no button
	Again    bool   // there is a result already
	Waiting  bool   // it is under way
	Percent  int    // of it
	Card     string // where the card is asked for again
	Report   string // the page with all of it
	Of       string // the limits that were rehearsed
	Span     string // "Last 30 days"
	Figures  []Figure
	Keys     []RehearsedKey
	Sentence string // what it amounts to
	Missing  []string
}

// Figure is a number with its name.
type Figure struct{ Value, Exact, Label string }

// RehearsedKey is a key, and what becomes of its requests.
type RehearsedKey struct {
	Name, Href, Who, Short string // Short is what changes: "412 calls more"
	Requests               string
	Real, Today, Draft     RefusedCell
	Newly, Relieved        bool
}

// RefusedCell is how many requests are refused, and by what: "throttle 3–12".
type RefusedCell struct {
	Count string
	By    []string
}

// RehearsalReport is the page of a rehearsal.
type RehearsalReport struct {
	PlanHead
	Rehearsal
	URL       string
	Subtitle  string
	At, Now   time.Time
	Total     RehearsedKey
	More      string // about keys that are not listed
	Saved     bool   // it is of the saved draft
	LeftOut   []string
	ReviewURL string
}

func (v RehearsalReport) columns() []ui.Column {
	return []ui.Column{{Label: "Key"}, {Label: "Requests", Num: true, Hide: ui.Tablet}, {Label: "Really refused", Num: true, Hide: ui.Phone}, {Label: "Today's limits", Num: true, Hide: ui.Phone}, {Label: "The draft", Num: true}}
}
