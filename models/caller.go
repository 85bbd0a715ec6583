package models

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The bounds of what is kept about callers that present a value which was replaced (DECISIONS 66).
const (
	MaxCallers   = 20                 // told apart, of one value
	CallersKept  = 7 * 24 * time.Hour // after the value stopped
	maxUserAgent = 200                // bytes
)

// UnusedFor is how long nobody may have used a value that stops for that (DECISIONS 40).
const UnusedFor = 2 * time.Hour

// Rotation says what becomes of a key's value when it gets a new one.
type Rotation struct {
	Overlap     Overlap // how long the old value works on
	UntilUnused bool    // at most until nobody has used it for UnusedFor
}

// Caller is who presented a key's value: an address and what it calls itself. Both are as they came: anybody can write anything into a user agent.
type Caller struct {
	Address   string // of the connection, without its port; empty: all that are not told apart
	UserAgent string // as CleanUserAgent leaves it
	First     time.Time
	Last      time.Time
	Requests  int64
}

// Add counts another's requests as c's.
func (c *Caller) Add(o Caller) {
	if c.Requests == 0 || o.First.Before(c.First) {
		c.First = o.First
	}
	if o.Last.After(c.Last) {
		c.Last = o.Last
	}
	c.Requests += o.Requests
}

// ValueUse is what came with a value that was replaced since it was told last.
type ValueUse struct {
	Digest  [32]byte // of the value
	Last    time.Time
	Callers []Caller // at most MaxCallers and one without an address
}

// OldValue is a value that was replaced, for whoever wants to know whether it is still in use.
type OldValue struct {
	Hint     string
	Replaced time.Time
	StopsAt  time.Time // or stopped
	// UnusedSince is since when nobody has used it, if it stops for that; zero: it does not.
	UnusedSince time.Time
	Callers     []Caller // last seen first
	Others      Caller   // those who came after there were MaxCallers; without requests: nobody
}

// Stops returns when the value stops if nobody uses it any more.
func (v OldValue) Stops() time.Time {
	if unused := v.UnusedSince.Add(UnusedFor); !v.UnusedSince.IsZero() && unused.Before(v.StopsAt) {
		return unused
	}
	return v.StopsAt
}

// CleanUserAgent makes a text of what a client says of itself: of bounded length, without characters that would not be seen or that would move others.
func CleanUserAgent(s string) string {
	if len(s) > maxUserAgent {
		n := maxUserAgent
		for n > maxUserAgent-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s))
}
