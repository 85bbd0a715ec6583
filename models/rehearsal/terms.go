package rehearsal

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// terms are a plan's terms made ready for replaying.
type terms struct {
	of        models.Terms
	plan      limit.Bucket
	methods   []limit.Bucket // of single methods
	quota     limit.Quota
	delivered bool
	starts    int64 // Unix seconds of the window that was asked for last
	ends      int64
}

func compile(t models.Terms) terms {
	out := terms{of: t, delivered: t.Charge == models.ChargeDelivered}
	if t.Throttle != nil {
		out.plan = t.Throttle.Compile()
	}
	if t.Quota != nil {
		out.quota = *t.Quota
	}
	return out
}

// rule is what terms say of one method of one stage.
type rule struct {
	closed bool
	method int // its own bucket in terms.methods; -1 for none
}

// rule finds what the terms say, and makes the method's bucket.
func (t *terms) rule(r route) rule {
	i := slices.IndexFunc(t.of.Stages, func(s models.PlanStage) bool { return s.StageID == r.stage })
	if i < 0 || slices.Contains(t.of.Stages[i].Excluded, r.method) {
		return rule{closed: true, method: -1}
	}
	for _, m := range t.of.Stages[i].Throttles {
		if m.MethodID == r.method {
			t.methods = append(t.methods, m.Throttle.Compile())
			return rule{method: len(t.methods) - 1}
		}
	}
	return rule{method: -1}
}

// windowOf is the start of the quota's window that a second is in.
func (t *terms) windowOf(second int64) int64 {
	if second < t.starts || second >= t.ends {
		w := t.quota.Window(time.Unix(second, 0))
		t.starts, t.ends = w.Start.Unix(), w.End.Unix()
	}
	return t.starts
}

// left is how many requests the quota lets pass after used.
func (t *terms) left(used int64) int64 {
	if !t.quota.IsSet() {
		return math.MaxInt64
	}
	return t.quota.Remaining(0, used)
}

// Differ reports whether two terms could decide a request differently: whether a rehearsal can show a difference.
func Differ(today, draft models.Terms) bool { return Limits(today).Digest() != Limits(draft).Digest() }

// Limits is what of terms decides requests, in one order: no name, no price, nothing about who may subscribe.
func Limits(t models.Terms) models.Terms {
	out := models.Terms{Throttle: t.Throttle, Quota: t.Quota, Charge: t.Charge, Stages: slices.Clone(t.Stages)}
	if t.Quota == nil {
		out.Charge = "" // nothing is charged
	}
	slices.SortFunc(out.Stages, func(a, b models.PlanStage) int { return cmp.Compare(a.StageID, b.StageID) })
	for i := range out.Stages {
		s := &out.Stages[i]
		s.Throttles, s.Excluded = slices.Clone(s.Throttles), slices.Clone(s.Excluded)
		slices.Sort(s.Excluded)
		slices.SortFunc(s.Throttles, func(a, b models.MethodThrottle) int { return cmp.Compare(a.MethodID, b.MethodID) })
	}
	return out
}
