package enforcement

import (
	"context"
	"time"

	"gatehouse/enforcement/keyring"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// Limits is where a key stands on a plan at this instant.
type Limits struct {
	Quota    limit.Quota     // zero: none; its limit is of Window, with extra grants
	Used     int64           // charged in Window
	Left     int64           // of the quota; 0..Quota.Limit
	Window   limit.Span      // of the quota that is now
	Throttle *limit.Throttle // nil: none
	Level    float64         // tokens in the plan's bucket, 0..Burst
	Own      bool            // the key has limits in place of the plan's
}

// Limits returns where a key stands on a plan, for pages. What the gateway does not know for certain it asks the ledger. ok is false when it does not know
// the key on that plan, or the ledger does not answer in time.
func (g *Gateway) Limits(ctx context.Context, key models.KeyID, id models.PlanID) (l Limits, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, g.patience())
	defer cancel()
	for {
		l, known, ok := g.standing(key, id)
		if known || !ok {
			return l, ok
		}
		if g.escrow.wait(ctx, holding{key, id}, 0) != nil {
			return Limits{}, false
		}
	}
}

// standing is Limits as far as the gateway knows by itself.
func (g *Gateway) standing(key models.KeyID, id models.PlanID) (l Limits, known, ok bool) {
	s := g.current.Load()
	if s == nil || s.plans[id] == nil {
		return Limits{}, false, false
	}
	p, at := s.plans[id], g.now()
	if p.ended(at) {
		return Limits{}, false, false
	}
	e, ok := g.keys.ByKey(key)
	if !ok {
		return Limits{}, false, false
	}
	defer e.Unlock()
	m := e.Member(id)
	if m == nil || m.State == keyring.Gone {
		return Limits{}, false, false
	}
	p = g.limitsOf(e, p, at)
	l.Own = p.base != nil
	if p.throttle != nil {
		t := *p.throttle
		l.Throttle, l.Level = &t, p.bucket.Level(m.TAT, at.mono)
	}
	q := &p.quota
	if !q.IsSet() {
		return l, true, true
	}
	w := q.at(at.day())
	e.Enter(m, q.shape, w.first)
	if m.Version != p.version {
		return l, false, true
	}
	l.Quota, l.Used, l.Left = q.Quota, e.Spent(m), m.Held()+m.Beyond()
	l.Quota.Limit = m.Limit
	l.Window = limit.Span{Start: dayStart(w.first), End: dayStart(w.end)}
	return l, true, true
}

func dayStart(day int32) time.Time { return time.Unix(int64(day)*secondsPerDay, 0).UTC() }
