package models

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Deprecation is an operation, on all stages of its API, or a whole stage, that its owner takes away. Exactly one of MethodID and StageID is set.
type Deprecation struct {
	ID        DeprecationID
	APIID     APIID
	StageID   StageID
	MethodID  MethodID
	Since     time.Time // from when it is deprecated; may lie ahead
	Sunset    time.Time // from when it answers 410; zero: never
	Note      string    // to callers, at most 500 characters
	Link      string    // to more about it; "": the API's changelog
	Successor string    // address of what replaces it; "": nothing does
	Brownouts []Brownout
	CreatedAt time.Time
	CreatedBy string
}

// Brownout is a time of rehearsal before a sunset: calls answer 503 in it. With Every it is dark for the time For, again and again, beginning at From.
type Brownout struct {
	From  time.Time     `json:"from"`
	To    time.Time     `json:"to"`              // exclusive
	Every time.Duration `json:"every,omitempty"` // nanoseconds; 0: all of it is dark
	For   time.Duration `json:"for,omitempty"`   // shorter than Every
}

// DarkUntil returns the end of the darkness that a time is in; ok is false where it is in none.
func (b Brownout) DarkUntil(at time.Time) (until time.Time, ok bool) {
	if at.Before(b.From) || !at.Before(b.To) {
		return time.Time{}, false
	}
	if b.Every == 0 {
		return b.To, true
	}
	begun := b.From.Add(at.Sub(b.From) / b.Every * b.Every)
	if until = begun.Add(b.For); !at.Before(until) {
		return time.Time{}, false
	}
	if until.After(b.To) {
		until = b.To
	}
	return until, true
}

// Limits of a deprecation.
const (
	MaxBrownouts = 20
	maxAhead     = 5 // years
)

// Clean trims and checks what an owner typed; fields "since", "sunset", "note", "link", "successor", "brownouts".
func (d Deprecation) Clean(now time.Time) (Deprecation, error) {
	var p Problems
	var noteErr error
	d.Note, noteErr = CleanText("note", d.Note, 500)
	p.Join(noteErr)
	d.Link, d.Successor = strings.TrimSpace(d.Link), strings.TrimSpace(d.Successor)
	for field, link := range map[string]string{"link": d.Link, "successor": d.Successor} {
		if !isLink(link) {
			p.Add(field, "Enter an address that begins with https:// or http://.")
		}
	}
	far := now.AddDate(maxAhead, 0, 0)
	if d.Since.IsZero() || d.Since.After(far) || d.Since.Before(now.AddDate(-20, 0, 0)) {
		p.Add("since", "Choose a day within the next five years, or one that is past.")
	}
	switch {
	case d.Sunset.IsZero():
	case d.Sunset.Before(d.Since):
		p.Add("sunset", "The sunset comes after the day of the deprecation.")
	case d.Sunset.After(far):
		p.Add("sunset", "Choose a time within five years.")
	}
	d.Since, d.Sunset = d.Since.UTC().Truncate(time.Second), d.Sunset.UTC().Truncate(time.Second)
	d.checkBrownouts(&p)
	return d, p.Err()
}

func isLink(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && len(s) <= 500 && !strings.ContainsAny(s, "<>\"\\ \t\r\n")
}

func (d Deprecation) checkBrownouts(p *Problems) {
	if len(d.Brownouts) > MaxBrownouts {
		p.Add("brownouts", fmt.Sprintf("At most %d brownouts. Take one away first.", MaxBrownouts))
	}
	if len(d.Brownouts) > 0 && d.Sunset.IsZero() {
		p.Add("brownouts", "A brownout rehearses a sunset. Set its date first.")
		return
	}
	for _, b := range d.Brownouts {
		switch {
		case !b.From.Before(b.To):
			p.Add("brownouts", "A brownout ends after it begins.")
		case b.To.After(d.Sunset):
			p.Add("brownouts", "A brownout ends before the sunset, or with it.")
		case b.To.Sub(b.From) > 31*24*time.Hour:
			p.Add("brownouts", "A brownout lasts at most 31 days.")
		case b.Every != 0 && (b.For < time.Second || b.Every <= b.For || b.Every < time.Minute):
			p.Add("brownouts", "What comes again and again is shorter than the time between.")
		}
	}
}

// Gone reports whether the sunset has come.
func (d Deprecation) Gone(now time.Time) bool { return !d.Sunset.IsZero() && !now.Before(d.Sunset) }

// DarkUntil returns when calls pass again that answer 503 now; ok is false where they do not.
func (d Deprecation) DarkUntil(at time.Time) (until time.Time, ok bool) {
	until = at
	for slices.ContainsFunc(d.Brownouts, func(b Brownout) bool {
		next, dark := b.DarkUntil(until)
		if dark {
			until = next
		}
		return dark
	}) {
		ok = true
	}
	return until, ok
}

// reminders are how long before a sunset callers are told again.
var reminders = [...]time.Duration{14 * 24 * time.Hour, 3 * 24 * time.Hour, 24 * time.Hour}

// RemindAt returns when callers are to be told of the sunset again after a time; zero: not any more.
func (d Deprecation) RemindAt(after time.Time) time.Time {
	if d.Sunset.IsZero() {
		return time.Time{}
	}
	for _, before := range reminders {
		if at := d.Sunset.Add(-before); at.After(after) {
			return at
		}
	}
	return time.Time{}
}

// CalledDeprecation is something deprecated that is still called.
type CalledDeprecation struct {
	Deprecation
	APIName string
	Subject string            // "GET /users", "stage prod"
	Last    time.Time         // to the hour
	Keys    int               // that called it in the last 30 days, at most MaxCallersCounted
	Newest  []OperationCaller // who called last, first; at most three, with their calls left out
}

// MaxCallersCounted is how many keys are counted of each thing in a list of what is deprecated.
const MaxCallersCounted = 1000

// OperationCallers are the keys that called something in the last 30 days.
type OperationCallers struct {
	Keys   int
	Newest []OperationCaller // who called last, first
}

// OperationCaller is a key that called something.
type OperationCaller struct {
	KeyID      KeyID
	KeyName    string
	Hint       string
	AppName    string // "" for an owner's key
	Email      string // of the app's developer
	CustomerID string
	Last       time.Time // to the hour
	Calls      int64     // in the last 30 days, refused ones included
}
