package public

import "time"

// Heading is a part of a guide.
type Heading struct {
	ID, Text string
	Deep     bool // below another part
}

// GuideView is a guide.
type GuideView struct {
	API, APIHref string
	Title        string
	Text         SafeHTML
	Contents     []Heading
	Guides       []GuideLink // of the API
	Next         *GuideLink
	Edited, Now  time.Time
	MarkdownHref string
	EditHref     string // for its owner; else empty
}

// GuideLink leads to a guide.
type GuideLink struct {
	Title, Href string
	Current     bool
}

// GuidesView lists the guides of an API.
type GuidesView struct {
	API     string
	Guides  []GuideLink
	NewHref string // for its owner; else empty
	DocHref string
}
