package enforcement

import (
	"context"
	"errors"
	"time"

	"gatehouse/enforcement/journal"
	"gatehouse/enforcement/keyring"
	"gatehouse/enforcement/meter"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// instant is one moment on the two clocks: the wall's for windows and expiry, one that only goes forward for throttles.
type instant struct {
	wall    int64 // Unix nanoseconds
	mono    int64 // nanoseconds since the machine was started
	reached int64 // Unix nanoseconds: wall, or what is past for certain if that is later; for deadlines
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
	at := instant{wall: t.UnixNano(), mono: g.uptime + int64(t.Sub(g.start))}
	if g.config.Shift != nil {
		at.wall += int64(g.config.Shift())
	}
	at.reached = max(at.wall, g.horizon.mark.Load())
	return at
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
	used    int64            // of the quota, this request included
	since   int64            // Unix nanoseconds: when the key expired or its value stopped
	at      journal.Position // of the admission
	digest  [32]byte         // of the value that was presented
	stops   int64            // Unix nanoseconds: when that value stops or stopped; 0: it is the current one
}

// quota is the one that was asked, if any was.
func (d *decision) quota() *quota { return &d.plan.quota }

// decideOpen decides a request to a method that needs no key: the throttles that all callers share are all that limits it.
func (g *Gateway) decideOpen(d *decision, at instant, st *stage) {
	layers := limit.Layers{Stage: st.shared, Account: st.accountLayer(), Clock: g.clock}
	d.limits, d.decided = limit.Decide(at.mono, &layers), true
	if !d.limits.Allowed() {
		d.problem = problemThrottled
		return
	}
	_ = g.noteShared(at, st) // what nobody is charged for does not wait for room in the journal
}

// decideValue decides a request that presented a key's value, and notes what it decides.
func (g *Gateway) decideValue(ctx context.Context, d *decision, at instant, st *stage, m *method, value string) {
	if g.malformed(value) {
		d.problem = problemKeyMalformed
		return
	}
	digest := [32]byte(g.config.Keyring.Digest(value))
	var stops int64
	g.decideFound(ctx, d, at, st, m, func() (e *keyring.Entry, _ int64, ok bool) {
		e, stops, ok = g.keys.Find(&digest)
		return e, stops, ok
	})
	d.digest, d.stops = digest, stops
}

// decideKey decides a request in the name of a key whose value nobody presented.
func (g *Gateway) decideKey(ctx context.Context, d *decision, at instant, st *stage, m *method, id models.KeyID) {
	g.decideFound(ctx, d, at, st, m, func() (*keyring.Entry, int64, bool) {
		e, ok := g.keys.ByKey(id)
		return e, 0, ok
	})
}

// decideFound decides a request of a key. When all that is missing is a right in hand, it waits for one, and decides anew.
func (g *Gateway) decideFound(ctx context.Context, d *decision, at instant, st *stage, m *method, find func() (*keyring.Entry, int64, bool)) {
	for deadline := (context.Context)(nil); ; {
		e, stops, ok := find()
		if !ok {
			d.problem = problemKeyUnknown
			return
		}
		await := g.decideEntry(d, at, st, m, e, stops)
		h := holding{e.Key(), d.call.Plan}
		e.Unlock()
		if !await {
			break
		}
		if deadline == nil {
			var cancel func()
			deadline, cancel = context.WithTimeout(ctx, patience)
			defer cancel()
		}
		if p := awaited(g.escrow.wait(deadline, h, 1)); p != problemNone {
			d.problem = p
			return
		}
		*d, at = decision{}, g.now()
	}
	if d.problem == problemNone {
		g.onDisk(d)
	}
}

// awaited says what it means that no right came.
func awaited(err error) problem {
	switch {
	case err == nil:
		return problemNone
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return problemLedgerBusy
	default:
		return problemLedgerAway
	}
}

// onDisk waits until an admission cannot be lost by a power cut, if that is wanted. If it cannot be known, the request is charged, but not let through.
func (g *Gateway) onDisk(d *decision) {
	if err := g.config.Journal.Wait(d.at); err != nil {
		d.problem = problemJournalFull
		g.meter.Finish(&d.call, &meter.Result{Outcome: models.OutcomeAborted})
		g.config.Log.Error("an admission was not written to the disk", "error", err)
	}
}

// decideEntry decides under the entry's lock. Admission and count are noted under it too. Whatever refuses, nothing was spent (R7). It returns true, and
// has noted nothing, when all that is missing is a right of the quota.
func (g *Gateway) decideEntry(d *decision, at instant, st *stage, m *method, e *keyring.Entry, stops int64) (await bool) {
	d.app = e.App()
	d.call = meter.Call{Key: e.Key(), Stage: st.id, Method: m.id, At: at.second()}
	member, gr, p := membership(e, st, at)
	if gr != nil {
		d.plan, d.rule, d.call.Plan = gr.plan, gr.ruleOf(m), gr.plan.id
	}
	switch keyFault := d.judgeKey(e, stops, at); {
	case keyFault != problemNone:
		d.problem = keyFault
		g.horizon.passed(d.since, at)
	case p != problemNone:
		d.problem = p
		if p == problemPlanEnded {
			g.horizon.passed(gr.plan.endsAt, at)
		}
	case d.rule != nil && d.rule.excluded:
		d.problem = problemExcluded
	default:
		await = g.spend(d, at, st, m, e, member)
	}
	if o, ok := d.problem.refusal(); ok {
		g.meter.Refuse(&d.call, o)
	}
	return await
}

// judgeKey says what is wrong with the key itself.
func (d *decision) judgeKey(e *keyring.Entry, stops int64, at instant) problem {
	switch {
	case e.Status() == keyring.Revoked:
		return problemKeyRevoked
	case stops != 0 && at.reached >= stops:
		d.since = stops
		return problemKeyReplaced
	case e.Expires() != 0 && at.reached >= e.Expires():
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

// spend asks every layer, and takes one from each if all agree and the journal has it.
func (g *Gateway) spend(d *decision, at instant, st *stage, m *method, e *keyring.Entry, member *keyring.Member) (await bool) {
	layers := limit.Layers{
		Plan:    limit.OwnLayer{Bucket: d.plan.bucket, TAT: member.TAT},
		Stage:   st.shared,
		Account: st.accountLayer(),
		Clock:   g.clock,
	}
	ofMethod := d.rule != nil && d.rule.bucket.IsLimited()
	if ofMethod {
		layers.Method = limit.OwnLayer{Bucket: d.rule.bucket, TAT: e.MethodTAT(d.plan.id, st.id, m.id)}
	}
	limited := d.plan.quota.IsSet()
	if limited {
		if member.Version > d.plan.version {
			d.problem = problemNotReady // the ledger answered by newer terms than these: they are there by now
			return false
		}
		layers.Quota = d.allowance(at, e, member)
	}
	d.limits, d.decided = limit.Decide(at.mono, &layers), true
	switch {
	case d.limits.Verdict == limit.Await:
		return true
	case !d.limits.Allowed() && d.limits.Layer == limit.LayerQuota:
		d.problem = problemQuota
	case !d.limits.Allowed():
		d.problem = problemThrottled
	default:
		if err := g.writeDown(d, at, st, &layers); err != nil {
			layers.GiveBack(at.mono)
			d.problem = problemJournalFull
			return false
		}
		if limited && member.Spend() && !g.escrow.want(e.Key()) {
			member.Unasked()
		}
	}
	member.TAT = layers.Plan.TAT
	if ofMethod {
		e.SetMethodTAT(d.plan.id, st.id, m.id, layers.Method.TAT)
	}
	if limited {
		d.used = e.Spent(member)
	}
	return false
}

// writeDown puts an admission into the journal, which makes it one: what was written down is charged, whatever happens next.
func (g *Gateway) writeDown(d *decision, at instant, st *stage, l *limit.Layers) (err error) {
	if err := g.noteShared(at, st); err != nil {
		return err
	}
	d.at, err = g.meter.Admit(&journal.Record{
		Kind: journal.Admitted, Second: d.call.At, Window: d.call.Window,
		Key: d.call.Key, Plan: d.call.Plan, Stage: d.call.Stage, Method: d.call.Method, TAT: l.Plan.TAT, MethodTAT: l.Method.TAT,
	})
	return err
}

// noteShared writes down the levels of the buckets of the stage and of its owner's account, if they have any.
func (g *Gateway) noteShared(at instant, st *stage) error {
	if st.shared.Bucket.IsLimited() {
		if _, err := g.config.Journal.Append(&journal.Record{Kind: journal.Shared, Second: at.second(), Stage: st.id, TAT: st.shared.State.Load()}); err != nil {
			return err
		}
	}
	if a := st.api.account; a != nil {
		if _, err := g.config.Journal.Append(&journal.Record{Kind: journal.Shared, Second: at.second(), Account: a.id, TAT: a.shared.State.Load()}); err != nil {
			return err
		}
	}
	return nil
}

// allowance is what the key holds of its quota in the window that is now. What it holds by other terms than these does not count.
func (d *decision) allowance(at instant, e *keyring.Entry, member *keyring.Member) limit.Allowance {
	q := d.quota()
	w := q.at(at.day())
	e.Enter(member, q.shape, w.first)
	d.call.Window = w.first
	a := limit.Allowance{
		Limited: true,
		Limit:   member.Limit,
		Beyond:  member.Beyond(),
		ResetIn: time.Duration(int64(w.end)*secondsPerDay*int64(time.Second) - at.wall),
	}
	if member.Version == d.plan.version {
		a.Held, a.Final = member.Held(), member.Final()
	}
	return a
}

// refund gives a right back to the window of its admission (DECISIONS 49). That it was is in the journal already.
func (g *Gateway) refund(c *meter.Call) {
	e, ok := g.keys.ByKey(c.Key)
	if !ok {
		return
	}
	defer e.Unlock()
	if e.Refund(c.Plan, c.Window) {
		g.escrow.want(c.Key) // so that the ledger hears of it
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
