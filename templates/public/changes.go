package public

import (
	"time"

	"gatehouse/templates/ui"
)

// ChangesView is an API's changelog.
type ChangesView struct {
	Name, Href     string
	Feed, Markdown string
	EditHref       string // for its owner; empty for everybody else
	Deprecated     []DeprecatedView
	Entries        []ChangeView
}

// ChangeView is an entry.
type ChangeView struct {
	ID, Title, Day, Machine string
	Breaking                bool
	Body                    SafeHTML
}

// DeprecatedView is an operation or a stage that goes.
type DeprecatedView struct {
	ID, What        string
	State           ui.BadgeProps
	Since, Sunset   time.Time
	Note            string
	Link, Successor string
	Brownouts       []BrownoutView // that are not over
}

// BrownoutView is a time in which calls answer 503.
type BrownoutView struct {
	From, To time.Time
	Words    string
}
