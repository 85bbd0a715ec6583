package limit

import (
	"fmt"
	"time"
)

// Layer names one of the limits that a request must pass, in the order in which they answer.
type Layer uint8

// The layers. LayerNone, the zero value, refused nothing.
const (
	LayerNone    Layer = iota
	LayerMethod        // the plan's throttle for this method: one bucket per (plan, key, stage, method)
	LayerPlan          // the plan's throttle: one bucket per (plan, key) over all its stages
	LayerStage         // the stage's throttle for this method, shared by all callers
	LayerAccount       // the throttle of everything
	LayerQuota         // the plan's quota: one count per (plan, key, window)
)

// String is the layer's one name in headers, logs and pages: "method", "plan", "stage", "account", "quota", or "none".
func (l Layer) String() string {
	switch l {
	case LayerNone:
		return "none"
	case LayerMethod:
		return "method"
	case LayerPlan:
		return "plan"
	case LayerStage:
		return "stage"
	case LayerAccount:
		return "account"
	case LayerQuota:
		return "quota"
	default:
		return fmt.Sprintf("Layer(%d)", uint8(l))
	}
}

// OwnLayer is a throttle of one key: the caller holds the lock that guards TAT.
type OwnLayer struct {
	Bucket Bucket
	TAT    int64
}

// SharedLayer is a throttle of many keys. State may be nil if Bucket is unlimited.
type SharedLayer struct {
	Bucket Bucket
	State  *Shared
	seen   int64 // the TAT behind the decision
}

// Allowance is a quota as the key's holder knows it. The zero Allowance is no quota.
//
// A holder that counts by itself sets Held to what is left and Final to true. One that gets rights in blocks from a ledger sets
// Held to those in hand and Final to whether the ledger said that there are no more in this window.
type Allowance struct {
	Limited bool
	Final   bool          // there is nothing to be had beyond Held
	Limit   int64         // requests a window, with grants of extra quota
	Held    int64         // rights in hand; an admitted request takes one
	Beyond  int64         // rights that are not in hand but left, as far as is known; for Gauge alone
	ResetIn time.Duration // until the window ends
}

// Layers are the limits that apply to one request and their state. Decide changes the state: an admitted request takes one
// from each, a refused one nothing from any. Kept, they are what there is to tell about the decision (Gauge).
type Layers struct {
	Method, Plan   OwnLayer
	Stage, Account SharedLayer
	Quota          Allowance

	// Clock reads the clock of now again, for the rare token that must go back to a shared bucket. Nil: time stands
	// still, as in a simulation.
	Clock func() int64

	now int64 // of the decision
}

// Verdict is what is to be done with a request.
type Verdict uint8

// The verdicts. The zero value refuses.
const (
	Refuse Verdict = iota
	Admit
	Await // every throttle would pass, but no quota right is in hand: get some from the ledger and decide again
)

// String is "refuse", "admit" or "await".
func (v Verdict) String() string {
	switch v {
	case Refuse:
		return "refuse"
	case Admit:
		return "admit"
	case Await:
		return "await"
	default:
		return fmt.Sprintf("Verdict(%d)", uint8(v))
	}
}

// Gauge is what a caller is told of one layer, as it is after the decision.
type Gauge struct {
	Limited   bool          // false: the layer does not apply and the rest is 0
	Limit     int64         // burst, or the quota's limit
	Remaining int64         // requests that would pass at this instant
	Reset     time.Duration // until Remaining is Limit again
}

// Decision is the answer of Decide.
type Decision struct {
	Verdict    Verdict
	Layer      Layer         // that refused
	RetryAfter time.Duration // after a refusal: when to try again; 0 = waiting does not help (rate or limit is 0)
}

// Allowed reports whether the request may go on.
func (d *Decision) Allowed() bool { return d.Verdict == Admit }

// Seconds is d in whole seconds, rounded up, as the headers Retry-After and RateLimit want it.
func Seconds(d time.Duration) int64 {
	return int64((max(d, 0) + time.Second - 1) / time.Second)
}

// Decide asks every layer of a request at one now, in nanoseconds, and if all admit it, takes one from each.
//
// The shared layers are taken one after the other without a lock. If the account refuses after the stage was taken, because
// another request won the last token meanwhile, the stage's token is given back; for that moment it may wrongly refuse
// another caller, and never admits one too many.
func Decide(now int64, l *Layers) Decision {
	l.now = now
	method, ok, wait := l.Method.Bucket.Look(l.Method.TAT, now)
	if !ok {
		l.Method.TAT = method
		return l.refused(LayerMethod, wait)
	}
	plan, ok, wait := l.Plan.Bucket.Look(l.Plan.TAT, now)
	if !ok {
		l.Plan.TAT = plan
		return l.refused(LayerPlan, wait)
	}
	shared := l.Stage.Bucket.IsLimited() || l.Account.Bucket.IsLimited()
	if shared {
		if layer, wait := l.lookAtShared(now); layer != LayerNone {
			return l.refused(layer, wait)
		}
	}
	if l.Quota.Limited && l.Quota.Held <= 0 {
		return l.withoutRight()
	}
	if shared {
		if layer, wait := l.takeFromShared(now); layer != LayerNone {
			return l.refused(layer, wait)
		}
	}
	l.Method.TAT, l.Plan.TAT = method, plan
	if l.Quota.Limited {
		l.Quota.Held--
	}
	return Decision{Verdict: Admit}
}

// lookAtShared returns the layer that would refuse.
func (l *Layers) lookAtShared(now int64) (Layer, time.Duration) {
	if ok, wait := l.Stage.look(now); !ok {
		return LayerStage, wait
	}
	if ok, wait := l.Account.look(now); !ok {
		return LayerAccount, wait
	}
	return LayerNone, 0
}

// takeFromShared returns the layer that refuses, and has taken nothing then.
func (l *Layers) takeFromShared(now int64) (Layer, time.Duration) {
	if ok, wait := l.Stage.take(now); !ok {
		return LayerStage, wait
	}
	if ok, wait := l.Account.take(now); !ok {
		l.Stage.giveBack(now, l.Clock)
		return LayerAccount, wait
	}
	return LayerNone, 0
}

// GiveBack undoes for the shared layers what Decide took from them at now, for a request that was admitted and cannot go on after all. The
// caller keeps the state of the other layers as it was before.
func (l *Layers) GiveBack(now int64) {
	l.Stage.giveBack(now, l.Clock)
	l.Account.giveBack(now, l.Clock)
}

// withoutRight answers a request that passes every throttle, but for which no quota right is in hand.
func (l *Layers) withoutRight() Decision {
	if !l.Quota.Final {
		d := l.refused(LayerNone, 0)
		d.Verdict = Await
		return d
	}
	wait := l.Quota.ResetIn
	if l.Quota.Limit <= 0 {
		wait = 0
	}
	return l.refused(LayerQuota, wait)
}

// refused is the decision against a request that has spent nothing.
func (l *Layers) refused(layer Layer, retryAfter time.Duration) Decision {
	l.Stage.see()
	l.Account.see()
	return Decision{Layer: layer, RetryAfter: retryAfter}
}

// Gauge is what a caller is told of a layer: as it is behind the decision, at its instant. It is worked out when somebody asks, since dividing takes
// longer than deciding.
func (l *Layers) Gauge(layer Layer) Gauge {
	switch layer {
	case LayerMethod:
		return l.Method.Bucket.Gauge(l.Method.TAT, l.now)
	case LayerPlan:
		return l.Plan.Bucket.Gauge(l.Plan.TAT, l.now)
	case LayerStage:
		return l.Stage.Bucket.Gauge(l.Stage.seen, l.now)
	case LayerAccount:
		return l.Account.Bucket.Gauge(l.Account.seen, l.now)
	case LayerQuota:
		if q := &l.Quota; q.Limited {
			return Gauge{Limited: true, Limit: q.Limit, Remaining: max(0, q.Held) + max(0, q.Beyond), Reset: q.ResetIn}
		}
	}
	return Gauge{}
}

// Gauge is what a caller is told of b.
func (b Bucket) Gauge(tat, now int64) Gauge {
	if !b.IsLimited() {
		return Gauge{}
	}
	return Gauge{Limited: true, Limit: b.Burst(), Remaining: b.Remaining(tat, now), Reset: b.ResetIn(tat, now)}
}

// see notes the level for Gauge.
func (s *SharedLayer) see() {
	if s.Bucket.IsLimited() {
		s.seen = s.State.Load()
	}
}

func (s *SharedLayer) look(now int64) (bool, time.Duration) {
	if !s.Bucket.IsLimited() {
		return true, 0
	}
	return s.State.look(s.Bucket, now)
}

func (s *SharedLayer) take(now int64) (ok bool, wait time.Duration) {
	if !s.Bucket.IsLimited() {
		return true, 0
	}
	s.seen, ok, wait = s.State.take(s.Bucket, now)
	return ok, wait
}

func (s *SharedLayer) giveBack(now int64, clock func() int64) {
	if !s.Bucket.IsLimited() {
		return
	}
	if clock == nil {
		clock = func() int64 { return now }
	}
	s.State.giveBack(s.Bucket, now, clock)
}
