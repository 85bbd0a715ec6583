package callers

import (
	"time"

	"gatehouse/templates/format"
)

// View is what became of a key's old values.
type View struct {
	Now    time.Time
	Key    string // its name
	Href   string // of the key's page
	Values []Value
}

// Value is one value that was replaced.
type Value struct {
	Hint     string
	Replaced time.Time
	Works    bool
	Stops    time.Time // or stopped
	Unused   bool      // Stops is for nobody using it: a call puts it off
	Latest   time.Time // when it stops however much it is used; Stops unless Unused
	Words    string    // "3 callers still use the old value."
	Callers  []Caller
}

// Caller is one line.
type Caller struct {
	Address  string // empty: all that are not told apart
	Agent    string
	First    time.Time
	Last     time.Time
	Requests string
	Refused  bool // the last request came after the value had stopped
}

// newest is the value that the key's page tells of.
func (v View) newest() Value { return v.Values[0] }

func (v View) stopHref() string { return v.Href + "/stop-old" }

// CallersHref is the page of the callers.
func (v View) CallersHref() string { return v.Href + "/callers" }

// until says how long the value works still, on the key's page.
func (v Value) until(now time.Time) string {
	switch {
	case !v.Works:
		return "The value from before the rotation stopped on " + format.DateTime(v.Stops) + "."
	case v.Unused:
		return "The value from before the rotation works until two hours after its last call, at the latest until " + format.DateTime(v.Latest) + ". Both values share the key's limits."
	}
	return "The value from before the rotation works until " + format.DateTime(v.Stops) + ", for " + format.Duration(v.Stops.Sub(now).Truncate(time.Minute)) +
		" more. Both values share the key's limits."
}

// life says when the value was replaced, and when it stops.
func (v Value) life() string {
	replaced := "Replaced on " + format.DateTime(v.Replaced) + ". "
	switch {
	case !v.Works:
		return replaced + "It stopped on " + format.DateTime(v.Stops) + "; calls with it get 403."
	case v.Unused:
		return replaced + "It stops on " + format.DateTime(v.Stops) + " unless it is used before: two hours after its last call, at the latest on " + format.DateTime(v.Latest) + "."
	}
	return replaced + "It works until " + format.DateTime(v.Stops) + "."
}
