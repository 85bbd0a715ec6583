package rehearsal

import (
	"math"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// LookBack is how many seconds before a request an Around covers.
const LookBack = 120

// Around is what one key sent on one plan in the second of one of its requests and in the LookBack seconds before. The order within a second is not known (DECISIONS 57), so what it
// says are bounds that hold for every order. It is for throttles of the key alone: what others send is not in it.
type Around struct {
	at       time.Time
	arrivals []models.Arrival
}

// NewAround returns what arrivals say of the time up to a request; those of other seconds are left out.
func NewAround(at time.Time, arrivals []models.Arrival) *Around {
	a, last := &Around{at: at}, at.Unix()
	for _, one := range arrivals {
		if one.Second >= last-LookBack && one.Second <= last {
			a.arrivals = append(a.arrivals, one)
		}
	}
	return a
}

// Which are the requests that met a throttle: those of one method of one stage, or with the zero Which all of the plan.
type Which struct {
	Stage  models.StageID
	Method models.MethodID
}

func (w Which) has(a *models.Arrival) bool {
	return w == Which{} || a.StageID == w.Stage && a.MethodID == w.Method
}

// InSecond adds up what came in the request's own second, itself included, and what became of it.
func (a *Around) InSecond(of Which) (sum models.Arrival) {
	for i := range a.arrivals {
		if one := &a.arrivals[i]; one.Second == a.at.Unix() && of.has(one) {
			sum.Admitted, sum.Throttled, sum.OverQuota = sum.Admitted+one.Admitted, sum.Throttled+one.Throttled, sum.OverQuota+one.OverQuota
		}
	}
	return sum
}

// Refused is how many requests were refused in all the time, the request itself included where it was.
func (a *Around) Refused() (n int64) {
	for i := range a.arrivals {
		n += a.arrivals[i].Throttled + a.arrivals[i].OverQuota
	}
	return n
}

// perSecond lists, from LookBack seconds before the request to its own second, how many came, and how many of them were admitted.
func (a *Around) perSecond(of Which) (came, admitted [LookBack + 1]int64) {
	for i := range a.arrivals {
		if one := &a.arrivals[i]; of.has(one) {
			at := one.Second - a.at.Unix() + LookBack
			came[at], admitted[at] = came[at]+one.Requests(), admitted[at]+one.Admitted
		}
	}
	return came, admitted
}

// into is how far into its second the request came, in seconds.
func (a *Around) into() float64 { return float64(a.at.Nanosecond()) / 1e9 }

// slack is by how much the two clocks of a request may differ within a second (the wall's, by which seconds are counted, and the one that buckets are filled by), in seconds.
const slack = 1e-3

// least is a lower bound of a bucket's level at the end of seconds in which it spent so many tokens, beginning at 0: each spent token lowers a later level by one at most.
func least(t limit.Throttle, spent []int64) (level float64) {
	for _, n := range spent {
		level = max(0, min(float64(t.Burst), level+t.Rate*(1-slack))-float64(n))
	}
	return level
}

// PassedBefore bounds how many requests a throttle had admitted in the second of the request before it refused the request, with so many tokens left: at least low, at most high. It holds where
// the throttle was the same in all the time that is covered, and its bucket was not made anew. Ok is false where arrivals and level contradict each other.
func (a *Around) PassedBefore(of Which, t limit.Throttle, left float64) (low, high int64, ok bool) {
	if t.RefusesAll() {
		return 0, 0, false
	}
	_, admitted := a.perSecond(of)
	all, into := float64(admitted[LookBack]), a.into()
	// What was admitted later in the second had to be there, or to flow in.
	later := math.Floor(left + t.Rate*(1-into+slack))
	// What was there when the second began, and is not there any more, was spent.
	spent := math.Ceil(min(float64(t.Burst), least(t, admitted[:LookBack])+t.Rate*max(0, into-slack)) - left - t.Rate*slack)
	low = int64(max(0, all-later, spent))
	high = int64(min(all, math.Floor(float64(t.Burst)-left+t.Rate*(into+slack))))
	return low, high, low <= high
}

// WouldPass reports whether a throttle would have let the request pass for certain, whatever the order, had it met all that came from LookBack seconds before on, beginning with an empty bucket.
func (a *Around) WouldPass(of Which, t limit.Throttle) bool {
	if t.RefusesAll() {
		return false
	}
	came, _ := a.perSecond(of)
	others := max(0, came[LookBack]-1)
	there := min(float64(t.Burst), least(t, came[:LookBack])+t.Rate*max(0, a.into()-slack))
	return there-float64(others) >= 1
}
