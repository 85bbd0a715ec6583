package owner

import (
	"time"

	"gatehouse/templates/ui"
)

// DeprecationsView is what of an API is deprecated.
type DeprecationsView struct {
	API, Href string
	Now       time.Time
	Rows      []DeprecationRow
	Empty     bool // the API has no operations
}

// DeprecationRow is one in the list.
type DeprecationRow struct {
	What, Href    string
	State         ui.BadgeProps
	Since, Sunset time.Time
	Brownouts     int
}

// DeprecationView is one, or one to be.
type DeprecationView struct {
	API, List, Href string
	What            string
	Names           []string // suggestions
	State           ui.BadgeProps
	Now             time.Time
	Sunset          time.Time
	SinceAt         string // times of day of the days in the form: "00:00 UTC"
	SunsetAt        string
	Gone            bool
	PublicHref      string
	Brownouts       []BrownoutRow
	Callers         int // keys that called in the last 30 days
	Rows            []CallerRow
}

// BrownoutRow is a brownout in the list.
type BrownoutRow struct {
	Index    string
	From, To time.Time
	Words    string // "5 min of each 60 min"
	Over     bool
}

// CallerRow is a key that still calls.
type CallerRow struct {
	Name, Hint, Href, Who string
	Last                  time.Time
	Calls                 int64
}

// ChangelogView is an API's changelog as its owner sees it.
type ChangelogView struct {
	API, Href, PublicHref string
	Proposed, Published   []ChangelogRow
}

// ChangelogRow is an entry in the list.
type ChangelogRow struct {
	Title, Href string
	Day         time.Time
	Breaking    bool
}

// EntryView is an entry in the editor.
type EntryView struct {
	API, List, Action string
	New, Proposed     bool
	Delete            string // where to; empty for a new one
}
