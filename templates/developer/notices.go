package developer

import (
	"time"

	"gatehouse/templates/ui"
)

// NoticesView is what a developer was told of changes.
type NoticesView struct {
	Now   time.Time
	Rows  []NoticeListRow
	Pages ui.Pages
}

// NoticeListRow is a notice in the list.
type NoticeListRow struct {
	Title, Href string
	State       ui.BadgeProps
	Takes       time.Time // effect; zero: none
	Told        time.Time
	New         bool // it was not acknowledged
}

// NoticeView is one notice.
type NoticeView struct {
	Now         time.Time
	Title, Href string
	State       ui.BadgeProps
	Lead        string // what happens, and when
	Told        time.Time
	Seen        bool
	Changes     []Difference
	Note        string // the owner's own words
	ChangesHref string // the API's changelog
	For         []NoticeFor
}

// NoticeFor is what a notice means for one subscription.
type NoticeFor struct {
	App     string
	Href    string // of the subscription
	Numbers string // in a sentence; empty: there are none
	Open    bool   // something can be done
}
