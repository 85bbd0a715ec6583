package usage

import (
	"gatehouse/templates/chart"
	"gatehouse/templates/ui"
)

// Figures are what happened in a range.
type Figures struct {
	Range    string // "the last 24 hours"
	Tiles    []ui.Stat
	Requests chart.Chart // ID "requests"
	Latency  chart.Chart // ID "latency"
	Outcomes []Outcome   // only those that happened
	Empty    bool        // no requests at all
	Before   string      // requests in the time before, where the chart compares with it
	Compare  string      // turns that on or off; "" where it cannot be
	Heat     *chart.Heat // nil: what is there stays
	Times    *chart.Chart
}

// Custom is the form that chooses any span.
type Custom struct {
	Action   string
	Hidden   []ui.Pair
	From, To string // as the fields have them, in the zone of the page
	Current  bool   // it is the span that is shown
}

// Download is a file of what the page shows.
type Download struct{ Label, Href string }

// Outcome is how requests ended.
type Outcome struct {
	Name, Text string
	Count      int64
	Share      float64
	Kind       chart.Kind
	Href       string // its requests; "" where they are not to be had
}

// Row is a line of a breakdown: a key, a method, a plan.
type Row struct {
	Label, Detail, Href string
	Verb                string // of a method: drawn before the label
	LogHref             string // its requests; "" where they are not to be had
	ThrottledHref       string // those of them that got 429
	Requests            int64
	Share               float64 // of all requests of the range
	Errors              string  // "0.42 %"
	Throttled           int64
	P95                 string // "43 ms"
}

// Breakdown is a table of rows, most requests first.
type Breakdown struct {
	ID    string // unique in the page
	Title string // "By key"
	What  string // head of the first column: "Key"
	Rows  []Row
	Empty string // a sentence in place of no rows
	Note  string // what the rows are of, where that is not all
}

// name is the row's in sentences.
func (r Row) name() string {
	if r.Verb != "" {
		return r.Verb + " " + r.Label
	}
	return r.Label
}

// swatch is the class of an outcome's colour.
func (o Outcome) swatch() string { return "b" + string(o.Kind) }
