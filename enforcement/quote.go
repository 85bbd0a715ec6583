package enforcement

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"gatehouse/enforcement/keyring"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// A request with this header is a question: would it pass? It is judged as without it, but on a copy of what a decision changes: it spends nothing, is no
// usage, leaves no receipt and never reaches the upstream.
const headerQuote = "X-Gatehouse-Quote"

// mostQuotes is how many quotes a second a key may ask for (DECISIONS 58).
const mostQuotes = 10

// asksForQuote takes every value but 0 for a yes: whoever meant to ask must not be charged.
func asksForQuote(h http.Header) bool {
	values := h[headerQuote]
	return len(values) > 1 || len(values) == 1 && values[0] != "0"
}

// quoteBody is the answer to a quote.
type quoteBody struct {
	Would      string      `json:"would"`                // "admit" or "refuse"
	Problem    *body       `json:"problem,omitempty"`    // that the request would be answered with
	Layer      string      `json:"layer,omitempty"`      // the limit that would refuse
	RetryAfter int64       `json:"retryAfter,omitempty"` // seconds after which it would pass; absent: waiting does not help
	Limits     []quoteItem `json:"limits"`
	RequestID  string      `json:"requestId"`
}

// quoteItem is a limit as the answer's headers tell it: as it would be behind the request.
type quoteItem struct {
	Layer     string `json:"layer"`
	Limit     int64  `json:"limit"`
	Remaining int64  `json:"remaining"`
	Reset     int64  `json:"reset"`  // seconds until all are there again
	Window    int64  `json:"window"` // seconds for which limit is
}

// quote notes in verdict what would be decided. A problem of the decision is why there is no quote: it is of a key that is not known, or there were too
// many.
func (q *request) quote(value string, p problem) {
	d := &q.decision
	if !q.method.keyRequired {
		if q.isClosed() || q.isOut() {
			return
		}
		d.layers.Stage, d.layers.Account = copied(q.stage.layerOf(q.method)), copied(q.stage.accountLayer())
		d.limits, d.decided = limit.Decide(q.at.mono, &d.layers), true
		if !d.limits.Allowed() {
			q.verdict = problemThrottled
		}
		return
	}
	e, stops, p := q.findKey(value, p)
	if p != problemNone {
		d.problem = p
		return
	}
	known := q.quoteEntry(e, stops)
	h := holding{e.Key(), d.call.Plan}
	e.Unlock()
	if known {
		return
	}
	// What is left of the quota is for the ledger to say; nothing is taken.
	ctx, cancel := context.WithTimeout(q.r.Context(), q.g.patience())
	defer cancel()
	if p := awaited(q.g.escrow.wait(ctx, h, 0)); p != problemNone {
		d.problem = p
		return
	}
	if e, ok := q.g.keys.ByKey(h.key); ok {
		defer e.Unlock()
		if member := e.Member(h.plan); member == nil || !q.quoteLimits(e, member) {
			d.problem = problemNotReady // it changed meanwhile
		}
	}
}

// findKey returns the entry of the key that calls, locked.
func (q *request) findKey(value string, p problem) (e *keyring.Entry, stops int64, _ problem) {
	var ok bool
	switch {
	case q.as != 0:
		e, ok = q.g.keys.ByKey(q.as)
	case p != problemNone:
		return nil, 0, p
	case q.authorization != nil && q.isNamed() && q.authorization.key != 0:
		e, ok = q.g.keys.ByKey(q.authorization.key)
	case q.isNamed() && value == "":
		return nil, 0, problemKeyMissing
	case q.g.malformed(value):
		return nil, 0, problemKeyMalformed
	default:
		digest := [32]byte(q.g.config.Keyring.Digest(value))
		e, stops, ok = q.g.keys.Find(&digest)
	}
	if ok && q.isNamed() && !opens(e, q.stage) {
		e.Unlock()
		ok = false
	}
	if !ok {
		return nil, 0, problemKeyUnknown
	}
	return e, stops, problemNone
}

// quoteEntry is decideEntry without consequences. It returns false when the ledger must be asked first what is left of the quota.
func (q *request) quoteEntry(e *keyring.Entry, stops int64) (known bool) {
	d := &q.decision
	d.app, d.call.Key = e.App(), e.Key()
	member, gr, p := membership(e, q.stage, q.at)
	if gr != nil {
		d.plan, d.rule, d.call.Plan = q.g.limitsOf(e, gr.plan, q.at), gr.ruleOf(q.method), gr.plan.id
	}
	if ok, wait := q.g.quotes.take(e.Key(), quoteThrottle(d.plan), q.at.mono); !ok {
		d.problem, q.quoteWait = problemQuotes, wait
		return true
	}
	switch fault := d.judgeKey(e, stops, q.at); {
	case fault != problemNone:
		q.verdict = fault
	case p == problemNotReady:
		d.problem = p
	case p != problemNone:
		q.verdict = p
	case d.rule != nil && d.rule.excluded:
		q.verdict = problemExcluded
	case q.isClosed(), q.isOut():
	default:
		return q.quoteLimits(e, member)
	}
	return true
}

// quoteLimits notes in verdict which limit would refuse.
func (q *request) quoteLimits(e *keyring.Entry, member *keyring.Member) (known bool) {
	q.verdict, known = q.g.lookAt(&q.decision, q.at, q.stage, q.method, e, member)
	return known
}

// lookAt asks every layer of a copy. It is not known what they would say when the ledger must be asked first what is left of the quota.
func (g *Gateway) lookAt(d *decision, at instant, st *stage, m *method, e *keyring.Entry, member *keyring.Member) (p problem, known bool) {
	l := &d.layers
	l.Plan = limit.OwnLayer{Bucket: d.plan.bucket, TAT: member.TAT}
	l.Stage, l.Account = copied(st.layerOf(m)), copied(st.accountLayer())
	if d.rule != nil && d.rule.bucket.IsLimited() {
		l.Method = limit.OwnLayer{Bucket: d.rule.bucket, TAT: e.MethodTAT(d.plan.id, st.id, m.id)}
	}
	if d.plan.quota.IsSet() {
		d.allowance(&l.Quota, at, e, member)
		if member.Version != d.plan.version {
			return problemNone, false
		}
		// What is left in the ledger could be had.
		l.Quota.Held, l.Quota.Beyond, l.Quota.Final = l.Quota.Held+l.Quota.Beyond, 0, true
		d.used = e.Spent(member)
	}
	d.limits, d.decided = limit.Decide(at.mono, l), true
	switch {
	case d.limits.Allowed():
		return problemNone, true
	case d.limits.Layer == limit.LayerQuota:
		return problemQuota, true
	default:
		return problemThrottled, true
	}
}

// isClosed notes in verdict that the operation is gone or dark.
func (q *request) isClosed() bool {
	q.verdict, q.decision.since = q.method.life.closed(q.at)
	return q.verdict != problemNone
}

// isOut notes in verdict that no upstream is in service.
func (q *request) isOut() bool {
	if q.decision.isOut(q.at, q.method) && (q.decision.keeps == nil || !q.isKept()) {
		q.verdict = problemUpstreamOut
	}
	return q.verdict != problemNone
}

// copied is a bucket of its own with the level of s.
func copied(s limit.SharedLayer) limit.SharedLayer {
	if s.State != nil {
		level := s.State.Load()
		s.State = new(limit.Shared)
		s.State.Store(level)
	}
	return s
}

func (q *request) answerQuote() {
	q.answered = true
	q.dismissBody()
	d := &q.decision
	h := q.w.Header()
	q.identify(h)
	q.tellLimits(h)
	q.tellLife(h)
	q.tellOriginOwn(h)
	answer := quoteBody{Would: "admit", Limits: []quoteItem{}, RequestID: q.id}
	if q.verdict != problemNone {
		b := q.bodyOf(q.verdict, q.explain(q.verdict))
		answer.Would, answer.Problem, answer.Layer, answer.RetryAfter = "refuse", &b, b.Layer, q.retryAfter(q.verdict)
	}
	for _, layer := range toldLayers {
		if g := d.layers.Gauge(layer); g.Limited && d.plan != nil {
			answer.Limits = append(answer.Limits, quoteItem{
				layer.String(), g.Limit, g.Remaining, limit.Seconds(g.Reset), limit.Seconds(q.windowOf(layer)),
			})
		}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // not reachable: strings and numbers
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	q.sent = int64(len(text) + 1)
	h.Set("Content-Length", strconv.FormatInt(q.sent, 10))
	q.w.WriteHeader(http.StatusOK)
	_, _ = q.w.Write(append(text, '\n')) // the client may be gone
}

// quoteThrottle is what limits the quotes of a key on a plan, which may be nil. A plan that lets nothing pass answers one a second: to say so.
func quoteThrottle(p *plan) limit.Throttle {
	rate := float64(mostQuotes)
	if p != nil && p.throttle != nil && p.throttle.Rate < rate {
		if rate = p.throttle.Rate; rate <= 0 {
			rate = 1
		}
	}
	return limit.Throttle{Rate: rate, Burst: max(1, int64(math.Ceil(rate)))}
}

// quoteShares is what the keys that ask for quotes have left of them.
type quoteShares struct {
	mu   sync.Mutex
	tats map[models.KeyID]int64
	most int // length at which full buckets are dropped
}

const fewQuotes = 1024

func (s *quoteShares) take(key models.KeyID, t limit.Throttle, now int64) (ok bool, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tats == nil {
		s.tats, s.most = map[models.KeyID]int64{}, fewQuotes
	}
	b := t.Compile()
	next, ok, wait := b.Look(s.tats[key], now)
	s.tats[key] = next
	if len(s.tats) >= s.most {
		for key, tat := range s.tats {
			if b.ResetIn(tat, now) == 0 {
				delete(s.tats, key)
			}
		}
		s.most = max(fewQuotes, 2*len(s.tats))
	}
	return ok, wait
}
