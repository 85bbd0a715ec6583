package receipt

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

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

	Timing    []Part // where its time went; none: it is not known
	Took      string // all of it
	Curl      templ.Component
	CurlNotes []string // what is missing in it
	Sent      []Field  // headers of the request
	Received  []Field  // of the answer
	Waiting   bool     // its entry of the request log is about to be written
}

// Part is a share of a request's time, in the order in which it passed.
type Part struct {
	Name, Took, Text string
	Share            float64 // 0..1
	Color            string  // class of its mark and its bar
}

// Field is a header. The value of a hidden one is not known to the page.
type Field struct {
	Name, Value string
	Hidden      bool
}

// bar is where a part stands in the bar, of 1000.
func (v View) bar(i int) (x, width string) {
	from := 0.0
	for _, p := range v.Timing[:i] {
		from += p.Share
	}
	return strconv.Itoa(int(from * 1000)), strconv.Itoa(max(4, int(v.Timing[i].Share*1000)))
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
