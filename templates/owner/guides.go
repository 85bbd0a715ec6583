package owner

import (
	"time"

	"gatehouse/templates/public"
)

// GuidesView lists the guides of an API.
type GuidesView struct {
	API, NewHref string
	Guides       []GuideRow
	Now          time.Time
}

// GuideRow is a guide in a list.
type GuideRow struct {
	Title, Href string
	PublicHref  string // empty: a draft
	Published   bool
	Edited      time.Time
	By          string
	First, Last bool // in the order
}

// GuideEditor is the form for a guide.
type GuideEditor struct {
	ID                         string // empty: a new one
	Title, Slug, Text, Version string
	Published                  bool
	Errors                     map[string]string
	Problem                    string
	Action, PreviewAction      string
	Prefix                     string // of the address
	Cancel                     string
	DeleteHref                 string // empty: a new one
	MaxText                    int
	Images                     int // that are left out
	Preview                    bool
	Shown                      public.SafeHTML
}
