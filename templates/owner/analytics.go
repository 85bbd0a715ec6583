package owner

import (
	"time"

	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// AnalyticsView is which customers and operations to look at.
type AnalyticsView struct {
	Now        time.Time
	Through    time.Time // the end of the seven days that customers are compared by; zero: no customer is listed
	Customers  []CustomerWeeks
	Range      string
	Ranges     []ui.Range
	Pills      []ui.Pill
	Filters    UsageFilters
	Called     bool // there were calls of operations in the range
	Capped     bool // there are more operations than the Most busiest, which are looked at
	Most       int64
	Failing    []OperationRow
	Slow       []OperationRow
	Deprecated []CalledRow
	Next       ui.Step // what the owner does next, where it is Empty
}

// Empty reports that nobody has called anything.
func (v AnalyticsView) Empty() bool {
	return v.Through.IsZero() && !v.Called && len(v.Deprecated) == 0 && len(v.Pills) == 0
}

// CustomerWeeks is a list of customers.
type CustomerWeeks struct {
	ID, Title     string
	Value, Beside string // heads of the columns; Beside may be empty
	None          string // a sentence in place of no rows
	Quota         bool   // Share is drawn
	Rows          []CustomerWeek
}

func (l CustomerWeeks) columns() []ui.Column {
	columns := []ui.Column{{Label: "Customer"}}
	if l.Quota {
		columns = append(columns, ui.Column{Label: "Share", Hide: ui.Tablet})
	}
	columns = append(columns, ui.Column{Label: l.Value, Num: true})
	if l.Beside != "" {
		columns = append(columns, ui.Column{Label: l.Beside, Num: true, Hide: ui.Phone})
	}
	return append(columns, ui.Column{Label: "Usage", Quiet: true})
}

// CustomerWeek is a customer in a list; Href is "" for keys of nobody.
type CustomerWeek struct {
	Name, Detail    string
	Href, UsageHref string
	Value, Beside   string
	Share           float64
}

// OperationRow is an operation on a stage.
type OperationRow struct {
	Verb, Path, Detail        string
	Href, LogHref, FailedHref string // LogHref and FailedHref may be empty
	Requests, Failed, Refused int64
	Rate                      string // of both
	P95, Upstream, Gateway    string
}

// CalledRow is something deprecated that keys still call.
type CalledRow struct {
	Name, API, Href string
	State           ui.BadgeProps
	Sunset, Last    time.Time
	Keys            string // "at least 1,000 keys"
	Callers         []Caller
}

// Caller is a key.
type Caller struct{ Name, Who, Href string }

func (v AnalyticsView) subtitle() string {
	if v.Through.IsZero() {
		return "Customers and operations to look at."
	}
	return "Customers in the seven days to " + v.Through.AddDate(0, 0, -1).Format("2 Jan 2006") + " (UTC) against the seven before, computed anew each hour."
}

// among says of a list how it is sorted, and of which operations it is.
func (v AnalyticsView) among(text string) string {
	if v.Capped {
		text += ", of the " + format.Count(v.Most) + " busiest"
	}
	return text + "."
}
