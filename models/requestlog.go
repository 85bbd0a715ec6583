package models

import (
	"context"
	"time"
)

// LogEntry is one request of the request log: its receipt, and what was seen of it on the wire. It holds no key's value, no value of the query, no
// body, and of the headers the values of harmless ones alone.
type LogEntry struct {
	Receipt // its ID is the request's; KeyID is zero where no known key was presented

	Verb    string
	Path    string // canonical, as it was called: /{api}/{stage}/…
	Query   string // the names of its parameters: "city=…&units=…"; empty: there were none
	Address string // of the caller
	Agent   string // User-Agent

	Total   time.Duration // from the request's head to the end of the answer
	Gateway time.Duration // of it, what the gateway took itself; Latency is what the upstream took until it began to answer
	Sent    int64         // bytes of the gateway's own answer; 0: the upstream answered

	RequestHeaders  []LogHeader
	ResponseHeaders []LogHeader
}

// LogHeader is a header field that was seen. Hidden fields are listed by their names alone.
type LogHeader struct {
	Name, Value string
	Hidden      bool
}

// Transfer is how long the answer took from its beginning to its end.
func (e *LogEntry) Transfer() time.Duration { return max(0, e.Total-e.Gateway-e.Latency) }

// LogQuestion narrows the request log. Apps and APIs say whose entries may be seen at all: exactly one of them is not nil, and an empty one sees nothing.
// The zero value of every other field is all.
type LogQuestion struct {
	Apps []AppID
	APIs []APIID

	Callers    []AppID // nil: all; else requests of these apps alone
	Keys       []KeyID // nil: all; else requests of these alone
	API        APIID
	Stage      StageID
	Method     MethodID
	Plan       PlanID
	Outcomes   []Outcome
	StatusFrom int // 429..429, 400..499
	StatusTo   int
	Verb       string
	Path       string    // is in the path, whatever its letters' case
	From, To   time.Time // of the request, half-open
	Before     string    // LogPage.Next of the page before: older ones
	After      string    // LogPage.Newest of an earlier page: only what came since
	Limit      int       // 1..200; 0: 50
}

// LogPage is a part of the request log, newest first.
type LogPage struct {
	Entries []LogEntry
	// Next is where to go on further back; empty: there is nothing more. Newer entries that arrive meanwhile do not move it.
	Next string
	// Searched is how far back it was looked, when that ended before the page was full and before the log did; zero otherwise.
	Searched time.Time
	Oldest   time.Time // where the log begins; zero: it is empty
	Newest   string    // where it ended when it was read
	Damaged  int       // parts that could not be read on the way
}

// RequestLog finds entries, for pages.
type RequestLog interface {
	// Entries returns an error of KindInvalid, field "before", for a cursor that no page gave out.
	Entries(ctx context.Context, q LogQuestion) (LogPage, error)
	// Entry returns an error of KindNotFound where there is no entry of such a request, and of KindGone where it may have been forgotten.
	Entry(ctx context.Context, id string) (LogEntry, error)
	// Settings are what is kept now.
	Settings() LogSettings
	// Failing reports whether entries are lost at present, because they cannot be written.
	Failing() bool
}

// LogSettings say what the request log keeps. Each number is one that an administrator may change while requests are served.
type LogSettings struct {
	Days       int // 1..90: what is older is forgotten
	Refusals   int // 0..1000 a second and key: of refusals, and of requests that the upstream failed
	Admissions int // 0..1000 a second and key: of all others
}

// DefaultLogSettings are in force until an administrator changes them.
func DefaultLogSettings() LogSettings { return LogSettings{Days: 7, Refusals: 100, Admissions: 10} }

// Bounds of LogSettings.
const (
	MaxLogDays = 90
	MaxLogRate = 1000
)

// Check returns an error of KindInvalid with the fields "log_days", "log_refusals" and "log_admissions".
func (s LogSettings) Check() error {
	switch {
	case s.Days < 1 || s.Days > MaxLogDays:
		return Invalid("log_days", "Enter a number of days from 1 to 90.")
	case s.Refusals < 0 || s.Refusals > MaxLogRate:
		return Invalid("log_refusals", "Enter a number from 0 to 1,000.")
	case s.Admissions < 0 || s.Admissions > MaxLogRate:
		return Invalid("log_admissions", "Enter a number from 0 to 1,000.")
	}
	return nil
}

// LogAPI is an API whose name stands beside entries.
type LogAPI struct {
	ID         APIID
	Name, Slug string
}

// LogApp is an app whose requests a developer may choose.
type LogApp struct {
	ID   AppID
	Name string
}

// LogNames are what the filters of a log are called; "" for what is not asked for, is gone, or is not the reader's to know of.
type LogNames struct{ Plan, Stage, Method string }

// LogKey is a key whose name stands beside entries.
type LogKey struct {
	ID         KeyID
	Name, Hint string
	OfApp      bool // a developer's; else its owner made it for a customer
}
