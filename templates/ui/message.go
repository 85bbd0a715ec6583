package ui

import (
	"time"
)

// EmptyProps is a list that holds nothing yet: one sentence on what it is.
type EmptyProps struct {
	Icon  string
	Title string
	Text  string
}

// Step is one item of a checklist.
type Step struct {
	Title, Text  string
	Href, Action string // shown until Done
	Done         bool
	Current      bool // the next thing to do
}

// TimelineItem is one thing that happened.
type TimelineItem struct {
	Icon  string
	Kind  Kind
	Title string
	Text  string
	Href  string
	At    time.Time
	Now   time.Time // of the page
}

// statusClass is the colour of an HTTP status: 429 has its own.
func statusClass(code int) string {
	switch {
	case code == 429:
		return "s429"
	case code >= 500:
		return "s5"
	case code >= 400:
		return "s4"
	case code >= 300:
		return "s3"
	}
	return "s2"
}

// methodClass is the colour of a verb; rare ones are grey.
func methodClass(verb string) string {
	switch verb {
	case "GET", "HEAD":
		return "get"
	case "POST":
		return "post"
	case "PUT", "PATCH":
		return "put"
	case "DELETE":
		return "delete"
	}
	return ""
}
