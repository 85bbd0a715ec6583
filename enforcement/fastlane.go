package enforcement

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/enforcement/fast"
	"gatehouse/enforcement/requestlog"
	"gatehouse/enforcement/trace"
	"gatehouse/enforcement/transport"
	"gatehouse/models"
)

// This file, and those whose names begin with fast, are the gateway's side of the fast lane: what is asked and answered there for each request. It is what a
// request of net/http goes through, for stages that are plain. Whatever else comes is left to the standard lane before anything is spent.
//
// Texts that come from the client lie in the lane's own memory: what is kept longer than the request is copied.

// FastLane returns the policy of the fast lane; ok is false where requests cannot be decided without waiting, because each admission goes to the disk first.
func (g *Gateway) FastLane() (p fast.Policy, ok bool) {
	return fastPolicy{g}, !g.config.Journal.SyncsAlways()
}

type fastPolicy struct{ g *Gateway }

// NewCall implements fast.Policy.
func (p fastPolicy) NewCall(loop int) fast.Call {
	return &fastCall{call: call{g: p.g, shard: uint8(loop), isFast: true}}
}

// fastCall is a request on its way through the fast lane.
type fastCall struct {
	call
	r        *fast.Request // nil: there is none
	seen     fastFields
	answered answerFields
	policy   policyText
	plain    transport.Plain
	cut      problem   // that ended it
	awaits   bool      // a right of the quota is waited for
	awaited  problem   // why none came
	until    time.Time // it is waited for; zero: it was not yet

	ids         [2][16]byte // of key and app
	traceparent [64]byte
	limitRoom   [512]byte
	reason      []byte // of a refusal
	detail      []byte // the same, as JSON has it
	throttled   throttleText
	body        []byte // of one
	answer      []byte // its head, if an entry of the request log may be kept
	date        fastDate
	logged      [2][]requestlog.Header // room for those of an entry of the request log
}

// reset makes c as new.
func (c *fastCall) reset() {
	c.call = call{g: c.g, shard: c.shard, isFast: true}
	c.r, c.plain = nil, transport.Plain{}
	c.cut, c.awaits, c.awaited, c.until = problemNone, false, problemNone, time.Time{}
	c.answer = c.answer[:0]
}

// isPlain reports whether requests of a stage may be served by the fast lane: nothing but keys, plans and limits is asked about them, and its upstreams are
// plain, too.
func (st *stage) isPlain() bool {
	atHand := st.key.Place == models.KeyInHeader || st.key.Place == models.KeyInBearer
	return atHand && st.broken == "" && st.policies == nil && st.canary == nil && !slices.ContainsFunc(st.methods, (*method).isJudged) && !st.hasIntegration() && st.pool != nil && st.pool.IsPlain()
}

// isJudged reports whether more is looked at in requests of a method than keys, plans and limits: who is asked about their callers, or what they must have.
func (m *method) isJudged() bool { return m.authorizer != nil || m.wanted != nil }

// Begin implements fast.Call.
func (c *fastCall) Begin(r *fast.Request) fast.Step {
	if c.awaits {
		return c.beginAgain(r)
	}
	c.r, c.at, c.peer = r, c.g.fastInstant(r.Now), r.Remote
	c.verb = verbText(r.Head.Method.Of(r.Bytes))
	if !c.seen.look(r) {
		return c.leave()
	}
	if proxies := c.g.config.Proxies; proxies.Believes(r.Remote) {
		c.forwarded = proxies.ResolveOf(r.Remote, copiesOf(r, "x-forwarded-for"), copiesOf(r, "x-forwarded-proto"), copiesOf(r, "x-forwarded-host"))
		c.peer = c.forwarded.Client
	}
	return c.judge(r)
}

// leave spent nothing.
func (c *fastCall) leave() fast.Step {
	c.reset()
	return fast.Leave
}

// judge does what request.judge does.
func (c *fastCall) judge(r *fast.Request) fast.Step {
	for {
		s := c.g.current.Load()
		if s == nil {
			return c.leave()
		}
		p, ok := c.route(s, r)
		if !ok {
			return c.leave()
		}
		c.beginTrace(r)
		if c.g.open.isClosed() {
			return c.refuse(r, problemNotReady)
		}
		if p == problemNone {
			if c.decide(r) {
				return c.wait()
			}
			p = c.decision.problem
		}
		if p != problemNotReady || s == c.g.current.Load() {
			return c.step(r, p)
		}
		c.decision = decision{} // as judge does
	}
}

// step is what becomes of a request about which all is decided.
func (c *fastCall) step(r *fast.Request, p problem) fast.Step {
	if p != problemNone {
		return c.refuse(r, p)
	}
	c.forward(r)
	return fast.Forward
}

// route finds what the request is for; ok is false for a stage that is not plain. One that is broken and yet says how its callers are answered is left, too.
func (c *fastCall) route(s *snapshot, r *fast.Request) (p problem, ok bool) {
	raw, query, _ := strings.Cut(textOf(r.Head.Target.Of(r.Bytes)), "?")
	at, p := c.locate(s, raw, query, textOf(r.Head.Host.Of(r.Bytes)), r.Head.Count)
	switch {
	case c.stage != nil && !c.stage.plain && (p == problemNone || c.stage.policies != nil):
		return p, false
	case p != problemNone:
		return p, true
	}
	if p = c.judgeCredentials(c.seen.authorizations.n, c.seen.keys.n); p != problemNone {
		return p, true
	}
	if at.outside {
		return problemPathUnknown, true
	}
	if p = c.findPath(c.path); p == problemNone && c.bodyTooLarge(r.Head.ContentLength) {
		p = problemBodyTooLarge
	}
	return p, true
}

// decide does what request.decide does. It returns true, and has spent nothing, if all that is missing is a right of the quota.
func (c *fastCall) decide(r *fast.Request) (await bool) {
	d := &c.decision
	if c.method = c.methods.method(c.verb); c.method == nil {
		d.problem = problemVerbUnknown
		return false
	}
	value, p := c.present(r)
	c.presented, d.counts = value, anyRequest
	switch {
	case !c.method.keyRequired && !c.openFromAddress():
		d.problem = problemTooManyOpen
	case !c.method.keyRequired:
		c.g.decideOpen(d, c.at, c.stage, c.method)
	case p != problemNone:
		d.problem = p
	case c.g.malformed(value):
		d.problem = problemKeyMalformed
	default:
		d.digest = c.g.config.Keyring.Digest(value)
		if await = c.g.decideNow(d, c.at, c.stage, c.method, 0); !await {
			c.noteCaller(r)
		}
	}
	return await
}

// noteCaller notes who presents a value that was replaced.
func (c *fastCall) noteCaller(r *fast.Request) {
	if c.decision.stops != 0 {
		c.g.callers.note(&c.call, strings.Clone(c.field("User-Agent")))
	}
}

// present reads the key where the stage does.
func (c *fastCall) present(r *fast.Request) (value string, p problem) {
	var room [2]string
	if c.stage.key.Place == models.KeyInBearer {
		return bearer(c.seen.authorizations.in(r, room[:0]))
	}
	key := c.seen.keys
	if name := c.stage.key.Name; !isDefaultKey(name) {
		key = fieldsNamed(r, name)
	}
	return single(key.in(r, room[:0]))
}

// wait has Await called.
func (c *fastCall) wait() fast.Step {
	if c.awaits = true; c.until.IsZero() {
		c.until = time.Now().Add(c.g.patience())
	}
	return fast.Wait
}

// Await implements fast.Call.
func (c *fastCall) Await(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, c.until)
	defer cancel()
	c.awaited = awaited(c.g.escrow.wait(ctx, holding{c.decision.call.Key, c.decision.call.Plan}, 1))
}

// beginAgain decides what the ledger was asked about, as decideLater does.
func (c *fastCall) beginAgain(r *fast.Request) fast.Step {
	c.awaits = false
	d := &c.decision
	if c.awaited != problemNone {
		d.problem = c.awaited
	} else {
		*d = decision{digest: d.digest, counts: d.counts}
		if c.g.decideNow(d, c.g.now(), c.stage, c.method, 0) {
			return c.wait()
		}
	}
	c.noteCaller(r)
	if d.problem == problemNotReady { // a change was applied meanwhile
		c.decision = decision{}
		return c.judge(r)
	}
	return c.step(r, d.problem)
}

// forward makes the exchange of an admitted request.
func (c *fastCall) forward(r *fast.Request) {
	d, x := &c.decision, &c.plain
	c.keepAdmission()
	c.proxied = true
	*x = transport.Plain{
		Pick: d.pick, Head: r.Bytes, Fields: r.Fields, Length: r.Head.ContentLength, Verb: c.verb, Peer: c.peer, Host: textOf(r.Head.Host.Of(r.Bytes)), Forwarded: c.forwarded,
		Path: c.path, Query: c.query, Prefix: c.prefix, KeyHeader: keyHeader(c.stage.key), ForwardKey: c.stage.key.Forward, RequestID: c.id,
		DropTrace: !c.parent.IsSet(), DropStates: !c.parent.IsSet() || c.seen.states > trace.MostState,
	}
	if d.call.Key != 0 {
		x.KeyID = strconv.AppendInt(c.ids[0][:0], int64(d.call.Key), 36)
	}
	if d.app != 0 {
		x.ConsumerID = strconv.AppendInt(c.ids[1][:0], int64(d.app), 36)
	}
	if c.traceUpstream() {
		x.Trace = c.call.onward.Append(c.traceparent[:0])
	}
	c.g.proxy.Begin(x)
	r.Origin, r.Timeout, r.Idle = x.Pick.Dialer(), c.stage.timeout, c.stage.idle
}

// AppendRequest implements fast.Call.
func (c *fastCall) AppendRequest(_ *fast.Request, to []byte) []byte {
	return c.g.proxy.AppendRequest(&c.plain, to)
}

// Failed implements fast.Call.
func (c *fastCall) Failed(r *fast.Request, f transport.Failure, err error, connected, answered bool) fast.Step {
	if c.cut == problemNone && c.g.proxy.Retry(&c.plain, f, err, connected, answered) {
		r.Origin = c.plain.Pick.Dialer()
		return fast.Forward
	}
	c.fail(r, f, err)
	return fast.Answer
}

// IsOver implements fast.Call: what cut.go does for all requests of the standard lane.
func (c *fastCall) IsOver(r *fast.Request) bool {
	g := c.g
	s := g.current.Load()
	if s == nil || !c.proxied {
		return false
	}
	at := g.now()
	if r.Stream && (g.open.isClosing() || c.hasLasted(r.Moved, at.mono)) {
		return true
	}
	if c.decision.call.Key == 0 {
		return false
	}
	settled := g.changes.TryLock() // as cutInTime does
	if settled {
		defer g.changes.Unlock()
	}
	p := problemKeyUnknown
	if e, stops, known := g.keys.Find(&c.decision.digest); known {
		p = c.judgeKeyAgain(e, stops, s, at, settled)
		e.Unlock()
	}
	c.cut = p
	return p != problemNone
}

// End implements fast.Call.
func (c *fastCall) End(r *fast.Request, e *transport.End) {
	if c.r == nil {
		return // it was left
	}
	if c.proxied {
		c.g.proxy.Release(&c.plain)
		end := *e
		if end.Begun.IsZero() { // the client went away before anything was sent
			end.Begun, end.Took, end.Latency = time.Now(), 1, 1
		}
		o := outcomeOf(end)
		if c.cut != problemNone {
			o = models.OutcomeAborted
		}
		c.finish(end, o)
	} else {
		c.decision.release()
	}
	c.told(c)
	c.close()
	c.reset()
}
