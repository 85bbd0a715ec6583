package enforcement

import (
	"context"
	"errors"
	"time"

	"gatehouse/enforcement/journal"
	"gatehouse/enforcement/keyring"
	"gatehouse/enforcement/meter"
	"gatehouse/enforcement/transport"
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
func (g *Gateway) now() instant { return g.instantOf(g.config.Now()) }

func (g *Gateway) instantOf(t time.Time) instant {
	at := instant{wall: t.UnixNano(), mono: g.uptime + int64(t.Sub(g.start))}
	if g.config.Shift != nil {
		at.wall += int64(g.config.Shift())
	}
	at.reached = max(at.wall, g.horizon.mark.Load())
	return at
}

// before returns how long a request was with the gateway before its upstream was asked; 0 if that is not to be told.
func (g *Gateway) before(at instant, begun time.Time) time.Duration {
	return max(0, time.Duration(g.uptime+int64(begun.Sub(g.start))-at.mono))
}

// decision is what was decided about one request, with what an answer needs to explain it. A refusal is a value, not an error.
type decision struct {
	problem problem // none: the request may pass
	call    meter.Call
	app     models.AppID
	limits  limit.Decision
	layers  limit.Layers // what limits was decided by
	decided bool         // limits are meant: every layer was asked
	plan    *plan
	rule    *rule
	used    int64            // of the quota, this request included
	since   int64            // Unix nanoseconds: when the key expired, its value stopped or the operation went, or until when it is dark
	at      journal.Position // of the admission
	pick    transport.Pick   // where an admitted request goes
	wait    time.Duration    // until an upstream may be back in service
	digest  [32]byte         // of the value that was presented
	stops   int64            // Unix nanoseconds: when that value stops or stopped; 0: it is the current one

	counts  opening        // what the request is counted as while it is under way; notCounted: it has none of that
	held    *keyring.Entry // of the key for which it is counted; nil: it is not
	crowded opening        // of which there were too many; notCounted: there were not

	keeps *request // of a stage that keeps answers: this one may be given without an upstream; nil: of another

	ahead bool // limits are looked at only: an authorizer is asked before anything is spent
	named bool // the key was named by an authorizer: one that the stage is not open to is not known
}

// quota is the one that was asked, if any was.
func (d *decision) quota() *quota { return &d.plan.quota }

// decideOpen decides a request to a method that needs no key: the throttles that all callers share are all that limits it.
func (g *Gateway) decideOpen(d *decision, at instant, st *stage, m *method) {
	if g.closedFor(d, at, m) || !d.choose(at, m) {
		return
	}
	d.layers.Stage, d.layers.Account, d.layers.Clock = st.layerOf(m), st.accountLayer(), g.clock
	d.limits, d.decided = limit.Decide(at.mono, &d.layers), true
	if !d.limits.Allowed() {
		d.problem = problemThrottled
		d.release()
		return
	}
	_ = g.noteShared(at, st, m) // what nobody is charged for does not wait for room in the journal
}

// decideValue decides a request that presented a key's value, and notes what it decides.
func (g *Gateway) decideValue(ctx context.Context, d *decision, at instant, st *stage, m *method, value string) {
	if g.malformed(value) {
		d.problem = problemKeyMalformed
		return
	}
	d.digest = g.config.Keyring.Digest(value)
	g.decideKey(ctx, d, at, st, m, 0)
}

// decideKey decides a request of a key, and notes what it decides: of the key with this id, or, when that is 0, of the one with d.digest. When all
// that is missing is a right in hand, it waits for one, and decides anew.
func (g *Gateway) decideKey(ctx context.Context, d *decision, at instant, st *stage, m *method, id models.KeyID) {
	if await := g.decideNow(d, at, st, m, id); await {
		g.decideLater(ctx, d, st, m, id)
	}
	if d.problem == problemNone {
		if err := g.config.Journal.Wait(d.at); err != nil {
			g.notOnDisk(d, err)
		}
	}
}

// decideNow returns true, and has noted nothing, when all that is missing is a right of the quota.
func (g *Gateway) decideNow(d *decision, at instant, st *stage, m *method, id models.KeyID) (await bool) {
	e, ok := g.find(d, id)
	if !ok {
		d.problem = problemKeyUnknown
		return false
	}
	if d.named && !opens(e, st) {
		e.Unlock()
		d.problem = problemKeyUnknown
		return false
	}
	await = g.decideEntry(d, at, st, m, e)
	e.Unlock()
	return await
}

// find returns the entry of the key that calls, locked.
func (g *Gateway) find(d *decision, id models.KeyID) (e *keyring.Entry, ok bool) {
	if id != 0 {
		return g.keys.ByKey(id)
	}
	e, d.stops, ok = g.keys.Find(&d.digest)
	return e, ok
}

// decideLater decides when the ledger has answered, again and again if others are quicker to use the right.
func (g *Gateway) decideLater(ctx context.Context, d *decision, st *stage, m *method, id models.KeyID) {
	ctx, cancel := context.WithTimeout(ctx, g.patience())
	defer cancel()
	for {
		if p := awaited(g.escrow.wait(ctx, holding{d.call.Key, d.call.Plan}, 1)); p != problemNone {
			d.problem = p
			return
		}
		*d = decision{digest: d.digest, counts: d.counts, named: d.named, keeps: d.keeps}
		if await := g.decideNow(d, g.now(), st, m, id); !await {
			return
		}
	}
}

// patience is how long a request waits for a right now.
func (g *Gateway) patience() time.Duration {
	if g.config.Warm > 0 && g.clock() < g.warm.Load() {
		return max(warmPatience, g.config.Patience)
	}
	return g.config.Patience
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

// notOnDisk is for an admission that a power cut may take back, where that must not be: it is charged, but not let through.
func (g *Gateway) notOnDisk(d *decision, err error) {
	d.problem = problemJournalFull
	d.release()
	g.meter.Finish(&d.call, &meter.Result{Outcome: models.OutcomeAborted})
	g.config.Log.Error("an admission was not written to the disk", "error", err)
}

// decideEntry decides under the entry's lock. Admission and count are noted under it too. Whatever refuses, nothing was spent (R7). It returns true, and
// has noted nothing, when all that is missing is a right of the quota.
func (g *Gateway) decideEntry(d *decision, at instant, st *stage, m *method, e *keyring.Entry) (await bool) {
	d.app = e.App()
	d.call = meter.Call{Key: e.Key(), Stage: st.id, Method: m.id, At: at.second()}
	member, gr, p := membership(e, st, at)
	if gr != nil {
		d.plan, d.rule, d.call.Plan = g.limitsOf(e, gr.plan, at), gr.ruleOf(m), gr.plan.id
	}
	switch keyFault := d.judgeKey(e, d.stops, at); {
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
	case g.closedFor(d, at, m):
	case g.isCrowded(d, e):
		d.problem = problemTooManyOpen
	case d.ahead:
		d.problem, _ = g.lookAt(d, at, st, m, e, member)
	case !d.choose(at, m):
	default:
		if await = g.spend(d, at, st, m, e, member); await || d.problem != problemNone {
			d.release()
		} else {
			d.hold(e)
		}
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
	l := &d.layers
	limited := d.plan.quota.IsSet()
	if limited && member.Version > d.plan.version || !limited && g.isReplaced(d.plan) {
		d.problem = problemNotReady // the ledger answered, or may be asked, by newer terms than these: they are there by now
		return false
	}
	if limited {
		d.allowance(&l.Quota, at, e, member)
	}
	l.Plan = limit.OwnLayer{Bucket: d.plan.bucket, TAT: member.TAT}
	l.Stage, l.Account, l.Clock = st.layerOf(m), st.accountLayer(), g.clock
	ofMethod := d.rule != nil && d.rule.bucket.IsLimited()
	if ofMethod {
		l.Method = limit.OwnLayer{Bucket: d.rule.bucket, TAT: e.MethodTAT(d.plan.id, st.id, m.id)}
	}
	d.limits, d.decided = limit.Decide(at.mono, l), true
	switch {
	case d.limits.Verdict == limit.Await:
		return true
	case !d.limits.Allowed() && d.limits.Layer == limit.LayerQuota:
		d.problem = problemQuota
	case !d.limits.Allowed():
		d.problem = problemThrottled
	default:
		if err := g.writeDown(d, at, st, m); err != nil {
			l.GiveBack(at.mono)
			d.problem = problemJournalFull
			return false
		}
		if limited && member.Spend() && !g.escrow.want(e.Key()) {
			member.Unasked()
		}
	}
	member.TAT = l.Plan.TAT
	if ofMethod {
		e.SetMethodTAT(d.plan.id, st.id, m.id, l.Method.TAT)
	}
	if limited {
		d.used = e.Spent(member)
	}
	return false
}

// isReplaced reports whether the plan that a request found has other terms by now. Asked under the lock of a key's entry it closes the gap between them: the
// ledger counts what a key was charged by older terms when the newer ones are installed and the lock was taken once more, and so after whatever was admitted
// by the older ones. A quota needs none of this, for no right that the key holds is of two versions.
func (g *Gateway) isReplaced(p *plan) bool {
	s := g.current.Load()
	if s.number == p.snapshot {
		return false
	}
	now := s.plans[p.id]
	return now == nil || now.version != p.version
}

// writeDown puts an admission into the journal, which makes it one: what was written down is charged, whatever happens next.
func (g *Gateway) writeDown(d *decision, at instant, st *stage, m *method) (err error) {
	if err := g.noteShared(at, st, m); err != nil {
		return err
	}
	d.at, err = g.meter.Admit(&journal.Record{
		Kind: journal.Admitted, Second: d.call.At, Window: d.call.Window,
		Key: d.call.Key, Plan: d.call.Plan, Stage: d.call.Stage, Method: d.call.Method, TAT: d.layers.Plan.TAT, MethodTAT: d.layers.Method.TAT,
	})
	return err
}

// noteShared writes down the levels of the buckets of the method or its stage and of its owner's account, if they have any.
func (g *Gateway) noteShared(at instant, st *stage, m *method) error {
	if shared := st.layerOf(m); shared.Bucket.IsLimited() {
		r := journal.Record{Kind: journal.Shared, Second: at.second(), Stage: st.id, TAT: shared.State.Load()}
		if m.limit != nil {
			r.Method = m.id
		}
		if _, err := g.config.Journal.Append(&r); err != nil {
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
func (d *decision) allowance(a *limit.Allowance, at instant, e *keyring.Entry, member *keyring.Member) {
	q := d.quota()
	w := q.at(at.day())
	e.Enter(member, q.shape, w.first)
	d.call.Window = w.first
	a.Limited, a.Limit, a.Beyond = true, member.Limit, member.Beyond()
	a.ResetIn = time.Duration(int64(w.end)*secondsPerDay*int64(time.Second) - at.wall)
	if member.Version == d.plan.version {
		a.Held, a.Final = member.Held(), member.Final()
	}
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
	case problemThrottled, problemTooManyOpen:
		return models.OutcomeThrottled, true
	case problemQuota:
		return models.OutcomeQuota, true
	case problemKeyRevoked, problemKeyReplaced, problemKeyExpired, problemKeyDisabled,
		problemUnauthorized, problemAuthorizerDenied, problemScope,
		problemNoPlan, problemPlanEnded, problemPending, problemSuspended, problemBlocked, problemExcluded, problemGone, problemBrownout, problemRequestInvalid,
		problemMediaType, problemParametersMissing, problemBodyUnfit:
		return models.OutcomeDenied, true
	default:
		return 0, false
	}
}
