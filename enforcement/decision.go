package enforcement

import (
	"time"

	"gatehouse/enforcement/keyring"
	"gatehouse/enforcement/meter"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// instant is one moment on the two clocks: the wall's for windows and expiry, one that only goes forward for throttles.
type instant struct {
	wall int64 // Unix nanoseconds
	mono int64 // nanoseconds since the gateway was made
}

func (i instant) second() int64 { return floorDiv(i.wall, int64(time.Second)) }
func (i instant) day() int32    { return int32(floorDiv(i.wall, secondsPerDay*int64(time.Second))) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// now reads the clock once for a whole decision.
func (g *Gateway) now() instant {
	t := g.config.Now()
	return instant{wall: t.UnixNano(), mono: int64(t.Sub(g.start))}
}

// decision is what was decided about one request, with what an answer needs to explain it. A refusal is a value, not an error.
type decision struct {
	problem problem // none: the request may pass
	call    meter.Call
	app     models.AppID
	limits  limit.Decision
	decided bool // limits are meant: every layer was asked
	plan    *plan
	rule    *rule
	quota   *quota
	used    int64    // of the quota, this request included
	since   int64    // Unix nanoseconds: when the key expired or its value stopped
	digest  [32]byte // of the value that was presented
	stops   int64    // Unix nanoseconds: when that value stops or stopped; 0: it is the current one
}

// decideOpen decides a request to a method that needs no key: the stage's throttle is all that limits it.
func (g *Gateway) decideOpen(d *decision, at instant, st *stage) {
	layers := limit.Layers{Stage: st.shared, Clock: g.clock}
	d.limits, d.decided = limit.Decide(at.mono, &layers), true
	if !d.limits.Allowed() {
		d.problem = problemThrottled
	}
}

// decideValue decides a request that presented a key's value, and notes what it decides.
func (g *Gateway) decideValue(d *decision, at instant, st *stage, m *method, value string) {
	if g.malformed(value) {
		d.problem = problemKeyMalformed
		return
	}
	d.digest = g.config.Keyring.Digest(value)
	e, stops, ok := g.keys.Find(&d.digest)
	if !ok {
		d.problem = problemKeyUnknown
		return
	}
	d.stops = stops
	g.decideEntry(d, at, st, m, e, stops)
	e.Unlock()
}

// decideKey decides a request in the name of a key whose value nobody presented.
func (g *Gateway) decideKey(d *decision, at instant, st *stage, m *method, id models.KeyID) {
	e, ok := g.keys.ByKey(id)
	if !ok {
		d.problem = problemKeyUnknown
		return
	}
	g.decideEntry(d, at, st, m, e, 0)
	e.Unlock()
}

// decideEntry decides under the entry's lock. Admission and count are noted under it too: a quota that is taken anew meanwhile
// misses neither. Whatever refuses, nothing was spent (R7).
func (g *Gateway) decideEntry(d *decision, at instant, st *stage, m *method, e *keyring.Entry, stops int64) {
	d.app = e.App()
	d.call = meter.Call{Key: e.Key(), Stage: st.id, Method: m.id, At: at.second(), Day: at.day()}
	member, gr, p := membership(e, st, at)
	if gr != nil {
		d.plan, d.rule, d.call.Plan = gr.plan, gr.ruleOf(m), gr.plan.id
	}
	switch keyFault := d.judgeKey(e, stops, at); {
	case keyFault != problemNone:
		d.problem = keyFault
	case p != problemNone:
		d.problem = p
	case d.rule != nil && d.rule.excluded:
		d.problem = problemExcluded
	default:
		d.quota = d.plan.quotaOf(member)
		if d.quota == nil {
			d.problem = problemNotReady
		}
	}
	if d.problem == problemNone {
		g.spend(d, at, st, m, e, member)
	}
	if o, ok := d.problem.refusal(); ok {
		g.meter.Refuse(&d.call, o)
	}
}

// judgeKey says what is wrong with the key itself.
func (d *decision) judgeKey(e *keyring.Entry, stops int64, at instant) problem {
	switch {
	case e.Status() == keyring.Revoked:
		return problemKeyRevoked
	case stops != 0 && at.wall >= stops:
		d.since = stops
		return problemKeyReplaced
	case e.Expires() != 0 && at.wall >= e.Expires():
		d.since = e.Expires()
		return problemKeyExpired
	case e.Status() != keyring.Enabled:
		return problemKeyDisabled
	default:
		return problemNone
	}
}

// membership finds the one plan by which a key may call a stage (R1). If there are two, which the records do not allow, neither is
// chosen. A plan that has ended is found only where there is no other.
func membership(e *keyring.Entry, st *stage, at instant) (member *keyring.Member, found *grant, p problem) {
	p = problemNoPlan
	e.Members(func(m *keyring.Member) {
		gr := st.grants[m.Plan]
		switch {
		case gr == nil || m.State == keyring.Gone:
		case gr.plan.ended(at):
			if found == nil {
				member, found, p = m, gr, problemPlanEnded
			}
		case found != nil && p != problemPlanEnded:
			p = problemNotReady
		default:
			member, found, p = m, gr, problemOf(m.State)
		}
	})
	return member, found, p
}

func problemOf(s keyring.State) problem {
	switch s {
	case keyring.Active:
		return problemNone
	case keyring.Pending:
		return problemPending
	case keyring.Blocked:
		return problemBlocked
	case keyring.Suspended:
		return problemSuspended
	default:
		return problemNoPlan
	}
}

// spend asks every layer, and takes one from each if all agree.
func (g *Gateway) spend(d *decision, at instant, st *stage, m *method, e *keyring.Entry, member *keyring.Member) {
	layers := limit.Layers{
		Plan:  limit.OwnLayer{Bucket: d.plan.bucket, TAT: member.TAT},
		Stage: st.shared,
		Clock: g.clock,
	}
	if d.rule != nil && d.rule.bucket.IsLimited() {
		layers.Method = limit.OwnLayer{Bucket: d.rule.bucket, TAT: e.MethodTAT(d.plan.id, st.id, m.id)}
	}
	if d.quota.IsSet() {
		layers.Quota = d.allowance(at, member)
	}
	d.limits, d.decided = limit.Decide(at.mono, &layers), true
	member.TAT = layers.Plan.TAT
	if layers.Method.Bucket.IsLimited() {
		e.SetMethodTAT(d.plan.id, st.id, m.id, layers.Method.TAT)
	}
	switch {
	case d.limits.Allowed():
		member.Charge(1, g.meter.Admit(&d.call))
	case d.limits.Layer == limit.LayerQuota:
		d.problem = problemQuota
	default:
		d.problem = problemThrottled
	}
	d.used = member.Used
}

// allowance is what the quota has left in the window that is now, or in the later one that the key has counted in already.
func (d *decision) allowance(at instant, member *keyring.Member) limit.Allowance {
	w := d.quota.at(at.day())
	member.Turn(w.first)
	if member.Day > w.first {
		w = d.quota.at(member.Day)
		d.call.Day = max(d.call.Day, w.first)
	}
	return limit.Allowance{
		Limited: true,
		Final:   true,
		Limit:   d.quota.Limit,
		Held:    d.quota.Limit - member.Used,
		ResetIn: time.Duration(int64(w.end)*secondsPerDay*int64(time.Second) - at.wall),
	}
}

// refund gives a right back to the window of its admission (DECISIONS 49).
func (g *Gateway) refund(c *meter.Call) {
	e, ok := g.keys.ByKey(c.Key)
	if !ok {
		g.meter.Refund(c)
		return
	}
	defer e.Unlock()
	generation := g.meter.Refund(c)
	if member := e.Member(c.Plan); member != nil && c.Day >= member.Day {
		member.Charge(-1, generation)
	}
}

// refusal is how the refusal of a known key is counted; ok is false for one that is not: of an unknown key, or none of the key's doing.
func (p problem) refusal() (o models.Outcome, ok bool) {
	switch p {
	case problemThrottled:
		return models.OutcomeThrottled, true
	case problemQuota:
		return models.OutcomeQuota, true
	case problemKeyRevoked, problemKeyReplaced, problemKeyExpired, problemKeyDisabled,
		problemNoPlan, problemPlanEnded, problemPending, problemSuspended, problemBlocked, problemExcluded:
		return models.OutcomeDenied, true
	default:
		return 0, false
	}
}
