package enforcement

import (
	"context"
	"fmt"
	"time"

	"gatehouse/enforcement/keyring"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// Limits is where a key stands on a plan at this instant.
type Limits struct {
	Quota    limit.Quota     // zero: none
	Used     int64           // charged in Window
	Left     int64           // of the quota; 0..Quota.Limit
	Window   limit.Span      // of the quota that is now
	Throttle *limit.Throttle // nil: none
	Level    float64         // tokens in the plan's bucket, 0..Burst
}

// Limits returns where a key stands on a plan, for pages. ok is false when the gateway does not know the key on that plan.
func (g *Gateway) Limits(key models.KeyID, id models.PlanID) (l Limits, ok bool) {
	s := g.current.Load()
	if s == nil || s.plans[id] == nil {
		return Limits{}, false
	}
	p, at := s.plans[id], g.now()
	if p.ended(at) {
		return Limits{}, false
	}
	e, ok := g.keys.ByKey(key)
	if !ok {
		return Limits{}, false
	}
	defer e.Unlock()
	m := e.Member(id)
	if m == nil || m.State == keyring.Gone {
		return Limits{}, false
	}
	if p.throttle != nil {
		t := *p.throttle
		l.Throttle, l.Level = &t, p.bucket.Level(m.TAT, at.mono)
	}
	if q := p.quotaOf(m); q != nil && q.IsSet() {
		m.Turn(q.at(at.day()).first)
		w := q.at(m.Day)
		l.Quota, l.Used, l.Left = q.Quota, m.Used, q.Remaining(0, m.Used)
		l.Window = limit.Span{Start: dayStart(w.first), End: dayStart(w.end)}
	}
	return l, true
}

func dayStart(day int32) time.Time { return time.Unix(int64(day)*secondsPerDay, 0).UTC() }

// saveLevels keeps the buckets that are not full (DECISIONS 55).
func (g *Gateway) saveLevels(ctx context.Context, s *snapshot) error {
	at := g.now()
	var levels []models.ThrottleLevel
	add := func(l models.ThrottleLevel, b limit.Bucket, tat int64) {
		if wait := b.ResetIn(tat, at.mono); b.IsLimited() && wait > 0 {
			l.FullAt = time.Unix(0, at.wall).Add(wait).UTC()
			levels = append(levels, l)
		}
	}
	for id, st := range s.stages {
		if st.shared.Bucket.IsLimited() {
			add(models.ThrottleLevel{StageID: id}, st.shared.Bucket, st.shared.State.Load())
		}
	}
	g.keys.Each(func(e *keyring.Entry) {
		e.Members(func(m *keyring.Member) {
			if p := s.plans[m.Plan]; p != nil {
				add(models.ThrottleLevel{KeyID: e.Key(), PlanID: m.Plan}, p.bucket, m.TAT)
			}
		})
		e.MethodTATs(func(plan models.PlanID, stage models.StageID, method models.MethodID, tat int64) {
			add(models.ThrottleLevel{KeyID: e.Key(), PlanID: plan, StageID: stage, MethodID: method}, s.methodBucket(plan, stage, method), tat)
		})
	})
	if err := g.config.Levels.SaveLevels(ctx, levels); err != nil {
		return fmt.Errorf("save %d levels of throttles: %w", len(levels), err)
	}
	return nil
}

// loadLevels puts back what saveLevels kept, as far as it still means something.
func (g *Gateway) loadLevels(ctx context.Context, s *snapshot, keys *keyring.Ring) error {
	levels, err := g.config.Levels.LoadLevels(ctx)
	if err != nil {
		return fmt.Errorf("levels of throttles: %w", err)
	}
	at := g.now()
	for _, l := range levels {
		left := time.Duration(l.FullAt.UnixNano() - at.wall)
		if l.KeyID == 0 {
			if st := s.stages[l.StageID]; st != nil && st.shared.Bucket.IsLimited() {
				st.shared.State.Store(st.shared.Bucket.Owing(at.mono, left))
			}
			continue
		}
		e, ok := keys.ByKey(l.KeyID)
		if !ok {
			continue
		}
		if l.MethodID != 0 {
			e.SetMethodTAT(l.PlanID, l.StageID, l.MethodID, s.methodBucket(l.PlanID, l.StageID, l.MethodID).Owing(at.mono, left))
		} else if m, p := e.Member(l.PlanID), s.plans[l.PlanID]; m != nil && p != nil {
			m.TAT = p.bucket.Owing(at.mono, left)
		}
		e.Unlock()
	}
	return nil
}

// methodBucket is the bucket that a plan gives a method of a stage; unlimited if it gives none.
func (s *snapshot) methodBucket(plan models.PlanID, stage models.StageID, id models.MethodID) limit.Bucket {
	st := s.stages[stage]
	if st == nil || st.grants[plan] == nil {
		return limit.Bucket{}
	}
	for _, m := range st.methods {
		if m.id == id {
			if r := st.grants[plan].ruleOf(m); r != nil {
				return r.bucket
			}
		}
	}
	return limit.Bucket{}
}
