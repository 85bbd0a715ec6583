package rehearsal

import (
	"math"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// LookBack is how many seconds before a request an Around covers.
const LookBack = 120

// Around is what one key sent on one plan in the second of one of its requests and in the LookBack seconds before. The order within a second is not known (DECISIONS 57), and of requests that
// come at once the gateway may decide a later one first: what an Around says are bounds that hold for every order, as long as each request is decided within a second of its coming. It is for
// throttles of the key alone: what others send is not in it.
type Around struct {
	at       time.Time
	took     float64 // seconds
	arrivals []models.Arrival
}

// NewAround returns what arrivals say of the time up to a request, which was decided when it had taken so long at the latest; those of other seconds are left out. Ok is false for a request that may
// have been decided in another second than it came in: it cannot be told which of them it was counted in.
func NewAround(at time.Time, took time.Duration, arrivals []models.Arrival) (a *Around, ok bool) {
	a, last := &Around{at: at, took: took.Seconds()}, at.Unix()
	for _, one := range arrivals {
		if one.Second >= last-LookBack && one.Second <= last {
			a.arrivals = append(a.arrivals, one)
		}
	}
	return a, took >= 0 && at.Add(took).Unix() == last
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

// first is how far back the looks begin: a second later than what is covered, so that late ones of the one before are known.
const first = LookBack - 1

// since bounds a sum over the requests that were decided after one of the second back seconds before the request's own, and before the request: it was of that second or a later one, or of the one before and
// late. The request's own second is not in it.
func since(perSecond []int64, back int) (n int64) {
	for _, one := range perSecond[max(0, LookBack-back-1):LookBack] {
		n += one
	}
	return n
}

// gain is how many tokens flow in from the latest moment of a second to the request, at the least: below 0 in the request's own second, where another may have come later and been decided first.
func (a *Around) gain(t limit.Throttle, back int) float64 {
	if back == 0 {
		return -t.Rate * a.took
	}
	return t.Rate * (a.into() + float64(back) - 1)
}

// PassedBefore bounds how many requests a throttle had admitted in the second of the request before it refused the request, with so many tokens left: at least low, at most all of the second. It
// holds where the throttle was the same in all the time that is covered, and its bucket was not emptied. Ok is false where arrivals and level contradict each other.
//
// What a bucket owes goes back to one request that found it full: since then as many were admitted as tokens are missing, and as flowed in. Whichever request that was, those that were counted in
// seconds before do not count here. If there was none, the bucket was not full in all the time.
func (a *Around) PassedBefore(of Which, t limit.Throttle, left float64) (low, high int64, ok bool) {
	if t.RefusesAll() {
		return 0, 0, false
	}
	_, admitted := a.perSecond(of)
	high = admitted[LookBack]
	atLeast := t.Rate*(first+a.into()) - left - float64(since(admitted[:], first))
	for back := range first + 1 {
		atLeast = min(atLeast, float64(t.Burst)-left+a.gain(t, back)-float64(since(admitted[:], back)))
	}
	low = int64(max(0, math.Ceil(atLeast-rounding)))
	return low, high, low <= high
}

// rounding is what a level may have lost by being told.
const rounding = 1e-6

// WouldPass reports whether a throttle would have let the request pass for certain, had it met all that came from LookBack seconds before on, beginning with an empty bucket.
func (a *Around) WouldPass(of Which, t limit.Throttle) bool {
	if t.RefusesAll() {
		return false
	}
	came, _ := a.perSecond(of)
	own := came[LookBack] // with the request itself
	passes := float64(since(came[:], first)+own) <= t.Rate*(first+a.into())-rounding
	for back := 0; back <= first && passes; back++ {
		passes = float64(since(came[:], back)+own) <= float64(t.Burst)+a.gain(t, back)-rounding
	}
	return passes
}
