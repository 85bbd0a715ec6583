package limit

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Bounds of a Throttle. Together they keep every sum in this package below the largest int64.
const (
	MaxRate  = 1_000_000     // tokens a second
	MaxBurst = 1_000_000_000 // tokens
	MaxFill  = 365 * 24 * time.Hour
)

// Throttle is a token bucket as people set it. Rate is in tokens a second and may be fractional; Burst is the capacity in tokens.
// Rate 0 or Burst 0 refuses everything; so does the zero Throttle.
type Throttle struct {
	Rate  float64 `json:"rate"`
	Burst int64   `json:"burst"`
}

// BurstFor is the burst of a throttle for which only a rate was given: one second's worth, at least 1.
func BurstFor(rate float64) int64 {
	if !(rate > 1) { // also NaN
		return 1
	}
	return int64(min(math.Ceil(rate), MaxBurst))
}

// RefusesAll reports whether no request can ever pass.
func (t Throttle) RefusesAll() bool { return !(t.Rate > 0) || t.Burst <= 0 }

// Fill is how long an empty bucket takes to be full: Burst/Rate. It is 0 for a throttle that refuses everything.
func (t Throttle) Fill() time.Duration {
	if t.RefusesAll() {
		return 0
	}
	return time.Duration(min(math.Ceil(float64(t.Burst)/t.Rate*1e9), math.MaxInt64/2))
}

// Validate returns nil or Problems, with the fields "rate" and "burst". Rate is 0..MaxRate, Burst 0..MaxBurst, and an empty
// bucket must be full again within MaxFill.
func (t Throttle) Validate() error {
	var p Problems
	switch {
	case math.IsNaN(t.Rate):
		p = p.add("rate", "The rate must be a number.")
	case t.Rate < 0:
		p = p.add("rate", "The rate cannot be negative. 0 refuses every request.")
	case t.Rate > MaxRate:
		p = p.add("rate", "The rate can be at most %s requests a second.", group(MaxRate))
	}
	switch {
	case t.Burst < 0:
		p = p.add("burst", "The burst cannot be negative. 0 refuses every request.")
	case t.Burst > MaxBurst:
		p = p.add("burst", "The burst can be at most %s requests.", group(MaxBurst))
	}
	if p == nil && t.Fill() > MaxFill {
		p = p.add("burst", "At %s a second an empty bucket of %s takes %s days to fill; at most 365 are allowed. "+
			"Lower the burst or raise the rate.", strconv.FormatFloat(t.Rate, 'f', -1, 64), group(t.Burst),
			group(int64(min(math.Ceil(float64(t.Burst)/t.Rate/86400), 1e18))))
	}
	return p.orNil()
}

// Problem is one field of a setting that cannot be accepted, with a sentence for people.
type Problem struct {
	Field   string // "rate", "burst", "limit", "period" or "offset"
	Message string
}

// Problems is the error that Validate returns: at least one problem.
type Problems []Problem

// Error joins the sentences.
func (p Problems) Error() string {
	s := ""
	for i, problem := range p {
		if i > 0 {
			s += " "
		}
		s += problem.Message
	}
	return s
}

func (p Problems) add(field, format string, args ...any) Problems {
	return append(p, Problem{Field: field, Message: fmt.Sprintf(format, args...)})
}

// orNil keeps an empty list from becoming an error that is not nil.
func (p Problems) orNil() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// group writes a number that is not negative with commas between thousands.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
