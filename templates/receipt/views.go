package receipt

import (
	"strings"
	"time"

	"gatehouse/templates/ui"
)

// View is the page of one request.
type View struct {
	ID       string
	Title    string // "Throttled by the plan's rate"
	Subtitle string // "GET /users/{id} of Echo API · prod"
	Badge    ui.BadgeProps

	Verdict []string // sentences: what answered, why, and when it would have passed
	Advice  string
	Steps   []Step

	Limits []Limit // that applied, in the order in which they answer
	After  bool    // they are as they were behind the request, which passed

	Plans []Plan // other plans by which the key could make this call

	Facts []ui.Definition
}

// Step is somewhere to go from here.
type Step struct {
	Label, Href string
	Main        bool // what helps most; one at most
}

// Limit is one limit as the request met it.
type Limit struct {
	Name    string // "The plan's rate"
	Allows  string // "50 requests a second, bursts of 100"
	Left    string // "0.3 of 100", "0 of 10,000"
	Used    string // "99.7"
	Again   string // when all of it was there again, if nothing else came: "2 s later"
	Refused bool   // it was this one
}

// Plan is another plan.
type Plan struct {
	Name, Rate, Quota string
	Passes            bool // it is certain that this request would have passed by it
}

// List is the newest refusals of a key, on its page.
type List struct {
	Now  time.Time
	Rows []Row
}

// Row is one of them.
type Row struct {
	At      time.Time
	Why     string
	Href    string
	Request string // "GET /users/{id}"
	Where   string // "Echo API · prod"; empty: it is not there any more
	Status  int
}

// KeyHint shows a key by the beginning and the last four characters of its value.
func KeyHint(hint string) (prefix, last string) {
	prefix, last, _ = strings.Cut(hint, "…")
	return prefix, last
}
