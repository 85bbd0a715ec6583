package enforcement

import (
	"context"
	"fmt"
	"time"

	"gatehouse/enforcement/keyring"
	"gatehouse/enforcement/meter"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// moment is now for the meter.
func (g *Gateway) moment() meter.Instant {
	at := g.now()
	return meter.Instant{Wall: time.Unix(0, at.wall).UTC(), Mono: at.mono}
}

// recover counts what the process before wrote into the journal and did not commit, and takes back the rights that it held. Exact says that nothing
// of it is missing.
func (g *Gateway) recover(ctx context.Context) (exact bool, r models.Resumption, err error) {
	if r, err = g.config.Books.Resume(ctx, g.config.Journal.Boot()); err != nil {
		return false, r, fmt.Errorf("read where the gateway stopped: %w", err)
	}
	g.escrow.epoch = r.Epoch
	g.horizon.begin(r.Mark, g.now())
	found, err := g.meter.Recover(ctx, r.Position, g.moment())
	if err != nil {
		return false, r, err
	}
	exact = found.Exact || r.Ordered
	aborted, err := g.config.Books.AbortOpen(ctx)
	if err != nil {
		return false, r, fmt.Errorf("count the requests that were under way as aborted: %w", err)
	}
	settled, err := g.config.Books.SettleHoldings(ctx, exact)
	if err != nil {
		return false, r, fmt.Errorf("take back the rights that were held: %w", err)
	}
	switch log := g.config.Log.With("records", found.Records, "aborted", aborted, "holdings", settled.Holdings, "returned", settled.Returned); {
	case settled.Excess > 0:
		log.Error("more was admitted than rights were held", "excess", settled.Excess)
	case !exact:
		log.Warn("the gateway's last moments are not known for certain: rights that were held are not handed out again",
			"reason", found.Reason, "in_doubt_at_most", settled.Doubt)
	case found.Records > 0 || settled.Holdings > 0:
		log.Info("recovered what an earlier process had admitted")
	}
	return exact, r, nil
}

// loadLevels puts back the levels of throttles (DECISIONS 55): as they were in the same boot of the machine; by the wall clock after a stop in
// order; and otherwise nobody knows, so that every bucket that there was starts empty.
func (g *Gateway) loadLevels(ctx context.Context, s *snapshot, keys *keyring.Ring, exact bool, r models.Resumption) error {
	levels, err := g.config.Books.LoadLevels(ctx)
	if err != nil {
		return fmt.Errorf("levels of throttles: %w", err)
	}
	same := r.Boot == g.config.Journal.Boot() && exact
	g.since = g.start.Add(-time.Duration(g.uptime))
	if r.Boot != "" && !same && !r.Ordered {
		g.since = g.start
		g.emptyBuckets(s, keys)
		return nil
	}
	at := g.now()
	for _, l := range levels {
		level := func(b limit.Bucket) int64 {
			if same {
				return l.TAT
			}
			return b.Owing(at.mono, time.Duration(l.FullAt.UnixNano()-at.wall))
		}
		if l.KeyID == 0 {
			if shared := s.sharedBy(l); shared.Bucket.IsLimited() {
				shared.State.Store(level(shared.Bucket))
			}
			continue
		}
		e, ok := keys.ByKey(l.KeyID)
		if !ok {
			continue
		}
		if l.MethodID != 0 {
			e.SetMethodTAT(l.PlanID, l.StageID, l.MethodID, level(s.methodBucket(l.PlanID, l.StageID, l.MethodID)))
		} else if m, p := e.Member(l.PlanID), s.plans[l.PlanID]; m != nil && p != nil {
			m.TAT = level(g.limitsOf(e, p, at).bucket)
		}
		e.Unlock()
	}
	return nil
}

// LevelsSince is from when on the buckets of throttles have gone on without having been emptied: at the earliest since the machine started.
func (g *Gateway) LevelsSince() time.Time { return g.since }

// sharedBy is the bucket of many keys whose level l is; unlimited if there is none any more.
func (s *snapshot) sharedBy(l models.ThrottleLevel) limit.SharedLayer {
	if a := s.accounts[l.AccountID]; a != nil {
		return a.shared
	}
	st := s.stages[l.StageID]
	if st == nil {
		return limit.SharedLayer{}
	}
	if l.MethodID == 0 {
		return st.shared
	}
	for ; st != nil; st = st.canary {
		if shared := st.methodLayer(l.MethodID); shared.State != nil {
			return shared
		}
	}
	return limit.SharedLayer{}
}

func (g *Gateway) emptyBuckets(s *snapshot, keys *keyring.Ring) {
	at := g.now()
	now := at.mono
	for _, st := range s.stages {
		if st.shared.Bucket.IsLimited() {
			st.shared.State.Store(st.shared.Bucket.Empty(now))
		}
		for ; st != nil; st = st.canary {
			for _, m := range st.methods {
				if m.limit != nil && m.limit.shared.Bucket.IsLimited() {
					m.limit.shared.State.Store(m.limit.shared.Bucket.Empty(now))
				}
			}
		}
	}
	for _, a := range s.accounts {
		a.shared.State.Store(a.shared.Bucket.Empty(now))
	}
	keys.Each(func(e *keyring.Entry) {
		e.Members(func(m *keyring.Member) {
			p := s.plans[m.Plan]
			if p == nil {
				return
			}
			if b := g.limitsOf(e, p, at).bucket; b.IsLimited() {
				m.TAT = b.Empty(now)
			}
			for id, st := range s.stages {
				gr := st.grants[p.id]
				if gr == nil || gr.rules == nil {
					continue
				}
				for _, method := range st.methods {
					if b := gr.rules[method.index].bucket; b.IsLimited() {
						e.SetMethodTAT(p.id, id, method.id, b.Empty(now))
					}
				}
			}
		})
	})
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
