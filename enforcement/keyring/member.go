package keyring

import (
	"math"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// Member is a key on a plan: the level of its throttle, and what it holds of its quota in one window. The gateway is one of the
// ledger's holders (RELIABILITY 2.3); what it may spend is Held, and only while Version is that of the plan it decides by.
type Member struct {
	Plan      models.PlanID
	TAT       int64  // of the plan's throttle, on the clock of this boot of the machine
	Used      int64  // rights that were ever spent here in this window
	granted   int64  // rights that were ever granted here, and came back by refunds
	elsewhere int64  // what others spent or hold
	Limit     int64  // of the window, with extra grants
	Version   uint32 // of the plan by which the ledger answered last; 0: it must be asked before anything is admitted
	low       uint32 // rights in hand at which more are asked for
	Day       int32  // Unix day on which the window begins
	Shape     Shape  // of the window; 0: none yet
	State     State
	flags     flags
}

type flags uint8

const (
	joined flags = 1 << iota // Used and granted are the ledger's numbers for this window
	final                    // the ledger has no more rights in this window
	asking                   // the escrow knows that more rights are wanted
)

// Shape is the part of a quota that says which days make a window.
type Shape uint16

// ShapeOf returns the shape of q; 0 for no quota.
func ShapeOf(q limit.Quota) Shape {
	if !q.IsSet() {
		return 0
	}
	return Shape(q.Period)<<8 | Shape(q.Offset)
}

// Quota is a quota of this shape, without a limit.
func (s Shape) Quota() limit.Quota {
	return limit.Quota{Period: limit.Period(s >> 8), Offset: int(s & 0xff)}
}

// Closed is a window that a member has left, with what the ledger was not told yet.
type Closed struct {
	Plan     models.PlanID
	Shape    Shape
	Day      int32
	Used     int64
	Refunded int64
}

// Held is how many rights are in hand.
func (m *Member) Held() int64 { return m.granted - m.Used }

// Beyond is how many rights are left that are not in hand, when the ledger answered last.
func (m *Member) Beyond() int64 { return max(0, m.Limit-m.elsewhere-m.granted) }

// Final reports whether the ledger has nothing beyond what is in hand.
func (m *Member) Final() bool { return m.flags&final != 0 }

// Spend takes a right in hand. It returns true when more should be asked for: once, until the ledger has answered.
func (m *Member) Spend() (ask bool) {
	m.Used++
	if m.Held() > int64(m.low) || m.flags&(asking|final) != 0 {
		return false
	}
	m.flags |= asking
	return true
}

// Wants reports whether more rights should be asked for without anybody waiting for them.
func (m *Member) Wants() bool { return m.flags&asking != 0 }

// Enter moves a member to the window that its key is in now. What it holds in the one before is left to the next Asks.
func (e *Entry) Enter(m *Member, shape Shape, day int32) {
	if m.Shape != shape || m.Day != day {
		e.enter(m, shape, day)
	}
}

func (e *Entry) enter(m *Member, shape Shape, day int32) {
	refunded := e.takeRefunds(m.Plan)
	if m.flags&joined != 0 {
		x := e.extra()
		x.closed = append(x.closed, Closed{m.Plan, m.Shape, m.Day, m.Used, refunded})
	}
	*m = Member{Plan: m.Plan, TAT: m.TAT, State: m.State, Shape: shape, Day: day}
}

// Refund gives back a right that was spent in the window that begins on day. It returns false if that window is not known any more: then it is
// counted, and not handed out again.
func (e *Entry) Refund(plan models.PlanID, day int32) bool {
	if m := e.Member(plan); m != nil && m.Day == day && m.flags&joined != 0 && m.Used > e.Refunded(m) {
		m.granted++
		*e.refundsOf(plan)++
		return true
	}
	if e.more != nil {
		for i := range e.more.closed {
			if c := &e.more.closed[i]; c.Plan == plan && c.Day == day && c.Used > c.Refunded {
				c.Refunded++
				return true
			}
		}
	}
	return false
}

// Refunded is what came back to a member in its window.
func (e *Entry) Refunded(m *Member) int64 {
	if e.more != nil {
		for _, r := range e.more.refunds {
			if r.plan == m.Plan {
				return r.n
			}
		}
	}
	return 0
}

// Spent is what was charged in the member's window, here and elsewhere.
func (e *Entry) Spent(m *Member) int64 { return m.elsewhere + m.Used - e.Refunded(m) }

func (e *Entry) refundsOf(plan models.PlanID) *int64 {
	x := e.extra()
	for i := range x.refunds {
		if x.refunds[i].plan == plan {
			return &x.refunds[i].n
		}
	}
	x.refunds = append(x.refunds, refund{plan: plan})
	return &x.refunds[len(x.refunds)-1].n
}

func (e *Entry) takeRefunds(plan models.PlanID) (n int64) {
	if e.more == nil {
		return 0
	}
	for i, r := range e.more.refunds {
		if r.plan == plan {
			e.more.refunds = append(e.more.refunds[:i], e.more.refunds[i+1:]...)
			return r.n
		}
	}
	return 0
}

// Closed returns the windows of a plan that the ledger has not been told of to the end. It is the entry's own: good until Unlock.
func (e *Entry) Closed() []Closed {
	if e.more == nil {
		return nil
	}
	return e.more.closed
}

// Reported forgets a closed window of which the ledger knows everything.
func (e *Entry) Reported(done Closed) {
	if e.more == nil {
		return
	}
	for i, c := range e.more.closed {
		if c == done {
			e.more.closed = append(e.more.closed[:i], e.more.closed[i+1:]...)
			return
		}
	}
}

// Ask says what the member spent and keeps. What it does not keep it holds no more from here on.
func (e *Entry) Ask(m *Member, keep bool, want int64) models.QuotaAsk {
	q := m.Shape.Quota()
	a := models.QuotaAsk{Bucket: models.QuotaBucket{KeyID: e.key, PlanID: m.Plan, Period: q.Period, Offset: q.Offset, Window: int64(m.Day)}}
	a.Want, a.Override = want, e.by(m.Plan)
	if m.flags&joined == 0 {
		a.Join = true
		return a
	}
	if !keep {
		m.granted = m.Used
	}
	a.Used, a.Refunded, a.Keep = m.Used, e.Refunded(m), m.Held()
	return a
}

// AskOf says what was spent in a window that is left.
func (e *Entry) AskOf(c Closed) models.QuotaAsk {
	q := c.Shape.Quota()
	return models.QuotaAsk{
		Bucket: models.QuotaBucket{KeyID: e.key, PlanID: c.Plan, Period: q.Period, Offset: q.Offset, Window: int64(c.Day)},
		Ask:    limit.Ask{Used: c.Used, Refunded: c.Refunded}, Override: e.by(c.Plan),
	}
}

// Take takes over the ledger's answer to an ask of the member. The answer is of no use when the member has gone to another window meanwhile.
func (e *Entry) Take(m *Member, a *models.QuotaAsk, g *models.QuotaGrant) {
	if q := m.Shape.Quota(); q.Period != a.Bucket.Period || q.Offset != a.Bucket.Offset || int64(m.Day) != a.Bucket.Window {
		return
	}
	if m.flags&joined == 0 {
		m.Used = g.Used
		if g.Refunded > 0 {
			*e.refundsOf(m.Plan) = g.Refunded
		}
	}
	m.granted = g.Granted + e.Refunded(m)
	m.elsewhere, m.Limit, m.Version = g.Elsewhere, g.Limit, uint32(g.Version)
	if g.Stale || a.Override != e.by(m.Plan) {
		m.Version = 0 // it answered by limits that are not the key's any more
	}
	m.low = uint32(min(max(m.Held()/2, 0), math.MaxUint32))
	m.flags = joined
	if g.Available == 0 {
		m.flags |= final
	}
}

// Forsake makes a member ask anew, from what the ledger knows: the ledger did not believe it.
func (e *Entry) Forsake(m *Member) {
	e.takeRefunds(m.Plan)
	*m = Member{Plan: m.Plan, TAT: m.TAT, State: m.State, Shape: m.Shape, Day: m.Day}
}

// Unasked notes that an ask was not answered.
func (m *Member) Unasked() { m.flags &^= asking }

// Day is the Unix day of t.
func Day(t time.Time) int32 {
	s := t.Unix()
	if s < 0 {
		s -= secondsPerDay - 1
	}
	return int32(s / secondsPerDay)
}
