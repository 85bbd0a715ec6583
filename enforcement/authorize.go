package enforcement

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/authorizer"
	"gatehouse/enforcement/keyring"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// This file is for methods that have an authorizer. What can be said without it is said first, so that nobody can have it asked for nothing: a key that may not
// call is refused, and a throttle that would refuse the request does. Looking spends nothing (R7). Then it is asked, and what it allows is decided like any
// other request.

// authorization is what came of asking the authorizer of a request. It never changes once the request is under way.
type authorization struct {
	verdict *authorizer.Verdict
	key     models.KeyID // that it named by its id; 0: none
	until   int64        // Unix nanoseconds: from when on the caller's token does not hold; 0: not known
}

// asks bounds how often a stage's authorizers are asked, beside the throttle that what they allow spends: questions about callers who are refused spend
// nothing of it. Its rate and burst are the stage's own, or these.
const (
	asksRate  = 100 // a second
	asksBurst = 200
	asksWait  = time.Second // after which a refused caller may try again
)

type asks struct {
	bucket limit.Bucket
	level  *atomic.Int64 // outlives snapshots
}

// take spends one at a moment of the clock of throttles.
func (a *asks) take(now int64) bool {
	for {
		level := a.level.Load()
		next, ok, _ := a.bucket.Look(level, now)
		if !ok {
			return false
		}
		if a.level.CompareAndSwap(level, next) {
			return true
		}
	}
}

// compileAuthorizers makes an API's authorizers ready.
func (a *api) compileAuthorizers(in []models.GatewayAuthorizer, before *snapshot) {
	if len(in) == 0 {
		return
	}
	a.authorizers = make(map[models.AuthorizerID]*authorizer.Authorizer, len(in))
	for i := range in {
		var old *authorizer.Authorizer
		if before != nil {
			if was := before.apis[a.id.String()]; was != nil && was.id == a.id {
				old = was.authorizers[in[i].ID]
			}
		}
		a.authorizers[in[i].ID] = authorizer.Compile(in[i], old)
	}
}

// authorizerOf returns who is asked for a method; nil: nobody. One that is not there refuses everybody.
func (a *api) authorizerOf(id models.AuthorizerID) *authorizer.Authorizer {
	if id == 0 {
		return nil
	}
	if known := a.authorizers[id]; known != nil {
		return known
	}
	return &authorizer.Authorizer{GatewayAuthorizer: models.GatewayAuthorizer{Fault: "it is not there"}}
}

// asksOf is the bound of a stage's questions.
func (before *snapshot) asksOf(st *stage) *asks {
	t := st.throttle
	if t.Rate <= 0 || t.Burst <= 0 {
		t = limit.Throttle{Rate: asksRate, Burst: asksBurst}
	}
	a := &asks{t.Compile(), new(atomic.Int64)}
	if before != nil {
		if old := before.stages[st.id]; old != nil && old.asks != nil {
			a.level = old.asks.level
		}
	}
	return a
}

// isNamed reports whether the authorizer says which key calls. Who tries an API in the portal says it himself.
func (q *request) isNamed() bool { return q.stage.key.Place == models.KeyInAuthorizer && q.as == 0 }

// decideAuthorized is decide for a method with an authorizer; value and p are what was found where the key is read.
func (q *request) decideAuthorized(value string, p problem) problem {
	d := &q.decision
	if q.isQuote() {
		return q.quoteAuthorized(value, p)
	}
	switch {
	case q.method.keyRequired && !q.isNamed():
		q.foresee(value, p)
	case !q.open && !q.openFromAddress():
		d.problem = problemTooManyOpen
	default:
		q.g.foreseeOpen(d, q.at, q.stage, q.method)
	}
	if d.problem != problemNone {
		return d.problem
	}
	p = q.askAuthorizer()
	if q.open && q.method.keyRequired { // it is the key's from now on
		q.g.clients.Give(q.client)
		q.open = false
	}
	if p != problemNone {
		d.problem = p
		if o, ok := p.refusal(); ok && d.call.Key != 0 {
			q.g.meter.Refuse(&d.call, o)
		}
		return p
	}
	*d = decision{counts: d.counts, keeps: d.keeps}
	named := value
	if q.isNamed() {
		named = q.authorization.verdict.KeyValue
	}
	if q.isInvalid(named, problemNone) || q.isUnfit(named, problemNone) {
		return d.problem
	}
	q.g.decideAfter(q, value)
	if d.stops != 0 {
		q.g.callers.note(&q.call, q.r.UserAgent())
	}
	return d.problem
}

// decideAfter decides what the authorizer allowed. Time went by meanwhile.
func (g *Gateway) decideAfter(q *request, value string) {
	d, at, ctx := &q.decision, g.now(), q.r.Context()
	switch {
	case !q.method.keyRequired:
		g.decideOpen(d, at, q.stage, q.method)
	case q.as != 0:
		g.decideKey(ctx, d, at, q.stage, q.method, q.as)
	case !q.isNamed():
		g.decideValue(ctx, d, at, q.stage, q.method, value)
	case q.authorization.key != 0:
		d.named = true
		g.decideKey(ctx, d, at, q.stage, q.method, q.authorization.key)
	case q.authorization.verdict.KeyValue != "":
		d.named = true
		q.presented = q.authorization.verdict.KeyValue
		g.decideValue(ctx, d, at, q.stage, q.method, q.presented)
	default:
		d.problem = problemKeyMissing
	}
}

// foresee notes why the key may not call, or which limit would refuse the request.
func (q *request) foresee(value string, p problem) {
	d := &q.decision
	switch {
	case q.as != 0:
	case p != problemNone:
		d.problem = p
		return
	case q.g.malformed(value):
		d.problem = problemKeyMalformed
		return
	default:
		d.digest = q.g.config.Keyring.Digest(value)
	}
	d.ahead = true
	q.g.decideNow(d, q.at, q.stage, q.method, q.as)
}

// foreseeOpen does so for a request whose key, if it needs one, is not known yet.
func (g *Gateway) foreseeOpen(d *decision, at instant, st *stage, m *method) {
	if g.closedFor(d, at, m) || st.hasRoom(at, m) {
		return
	}
	d.layers.Stage, d.layers.Account, d.layers.Clock = copied(st.layerOf(m)), copied(st.accountLayer()), g.clock
	if d.limits, d.decided = limit.Decide(at.mono, &d.layers), true; !d.limits.Allowed() {
		d.problem = problemThrottled
	}
}

// hasRoom reports whether the throttles that all callers of a method share would let one more pass.
func (st *stage) hasRoom(at instant, m *method) bool {
	for _, l := range [...]limit.SharedLayer{st.layerOf(m), st.accountLayer()} {
		if !l.Bucket.IsLimited() {
			continue
		}
		if _, ok, _ := l.Bucket.Look(l.State.Load(), at.mono); !ok {
			return false
		}
	}
	return true
}

// quoteAuthorized says what would come of the request, by asking the authorizer, too.
func (q *request) quoteAuthorized(value string, p problem) problem {
	d := &q.decision
	if !q.isNamed() {
		q.quote(value, p)
		if d.problem == problemNone && q.verdict == problemNone {
			q.verdict = q.askAuthorizer()
		}
		return d.problem
	}
	if q.verdict = q.askAuthorizer(); q.verdict == problemNone {
		q.presented = q.authorization.verdict.KeyValue
		q.quote(q.presented, problemNone)
	}
	return d.problem
}

// askAuthorizer asks who calls, and whether he may.
func (q *request) askAuthorizer() problem {
	a := q.method.authorizer
	v := q.g.authorizers.Ask(q.r.Context(), a, &authorizer.Question{
		Now: time.Unix(0, q.at.wall), Header: q.r.Header, Query: q.query, Verb: q.r.Method, Path: q.path, API: q.api.id, APIName: q.api.slug, Stage: q.stage.id,
		StageName: q.stage.name, Epoch: q.stage.epoch, Method: q.method.id, Resource: q.method.path, Address: q.r.RemoteAddr, Scopes: q.method.scopes,
		MayAsk: func() bool { return q.stage.asks.take(q.g.clock()) },
	})
	q.authorization = &authorization{verdict: v, key: v.KeyID}
	if !v.Until.IsZero() {
		q.authorization.until = v.Until.UnixNano()
	}
	switch v.Outcome {
	case authorizer.Allowed:
		return problemNone
	case authorizer.Missing, authorizer.Invalid:
		return problemUnauthorized
	case authorizer.Denied:
		return problemAuthorizerDenied
	case authorizer.ScopeMissing:
		return problemScope
	case authorizer.Busy:
		q.decision.limits.RetryAfter = asksWait
		return problemThrottled
	default:
		if q.r.Context().Err() == nil && q.stage.mayWarn(q.at.second()) {
			q.g.config.Log.Warn("authorizer failed", "request_id", q.id, "stage", q.stage.id.String(), "authorizer", a.ID.String(), "reason", v.Reason, "fault", a.Fault, "error", v.Cause)
		}
		return problemAuthorizerFailed
	}
}

// TryAuthorizer asks an API's authorizer about values of its identity sources, in their order, as of a GET of the API's root. Nothing of it is kept.
func (g *Gateway) TryAuthorizer(ctx context.Context, api models.APIID, id models.AuthorizerID, values []string) (models.AuthorizerTrial, error) {
	s := g.current.Load()
	if s == nil {
		return models.AuthorizerTrial{}, models.Conflict("The gateway is not ready yet. Try again in a second.")
	}
	of := s.apis[api.String()]
	if of == nil || of.authorizers[id] == nil || len(values) != len(of.authorizers[id].Identity.Headers)+len(of.authorizers[id].Identity.Query) {
		return models.AuthorizerTrial{}, models.Conflict("The authorizer has changed. Look at its page again.")
	}
	fresh := *of.authorizers[id]
	fresh.TTL = 0
	q := authorizer.Question{Now: time.Unix(0, g.now().wall), Header: http.Header{}, Verb: http.MethodGet, Path: "/", Resource: "/", API: of.id, APIName: of.slug}
	for _, st := range of.stages {
		if q.StageName == "" || st.name < q.StageName {
			q.Stage, q.StageName = st.id, st.name
		}
	}
	for i, name := range fresh.Identity.Headers {
		q.Header.Set(name, values[i])
	}
	query := url.Values{}
	for i, name := range fresh.Identity.Query {
		query.Set(name, values[len(fresh.Identity.Headers)+i])
	}
	q.Query = query.Encode()
	begun := time.Now()
	v := g.authorizers.Ask(ctx, &fresh, &q)
	trial := models.AuthorizerTrial{
		Allowed: v.Outcome == authorizer.Allowed, Refused: v.Outcome == authorizer.Missing || v.Outcome == authorizer.Invalid || v.Outcome == authorizer.Denied,
		Reason: v.Reason, Principal: v.Principal, Scopes: v.Scopes(), HasKey: v.KeyValue != "" || v.KeyID != 0, Until: v.Until, Took: time.Since(begun), Fault: fresh.Fault,
	}
	if v.Cause != nil {
		trial.Fault = v.Cause.Error()
	}
	for _, one := range v.Values {
		trial.Told = append(trial.Told, models.HeaderRule{Action: models.HeaderSet, Name: one.Header, Value: one.Text})
	}
	return trial, nil
}

// opens reports whether a key is on a plan that opens the stage. Of a key that an authorizer names nothing else is ever said: it may be of other owners.
func opens(e *keyring.Entry, st *stage) (on bool) {
	e.Members(func(m *keyring.Member) { on = on || st.grants[m.Plan] != nil && m.State != keyring.Gone })
	return on
}

// outlived reports whether the token that a stream was opened with does not hold any more.
func (q *request) outlived(at instant) bool {
	return q.authorization != nil && q.authorization.until != 0 && at.wall >= q.authorization.until && q.exchange.IsStream()
}

// dropIdentity takes from the upstream's request what the caller was known by, unless the owner says otherwise.
func (q *request) dropIdentity(h http.Header) {
	if q.authorization == nil || q.method.authorizer.Forward {
		return
	}
	for _, name := range q.method.authorizer.Identity.Headers {
		folded := strings.ReplaceAll(strings.ToLower(name), "_", "-")
		for present := range h {
			if strings.ReplaceAll(strings.ToLower(present), "_", "-") == folded {
				delete(h, present)
			}
		}
	}
}

// upstreamQuery is the query without what the caller was known by. The authorizer read it: it can be taken apart.
func (q *request) upstreamQuery() string {
	if q.authorization == nil || q.method.authorizer.Forward || len(q.method.authorizer.Identity.Query) == 0 {
		return q.query
	}
	var kept []string
	for pair := range strings.SplitSeq(q.query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil || !contains(q.method.authorizer.Identity.Query, plain) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// introduceCaller tells the upstream who calls, as the authorizer says. Headers of these names from the client are gone already.
func (q *request) introduceCaller(h http.Header) {
	if q.authorization == nil {
		return
	}
	for _, v := range q.authorization.verdict.Values {
		if v.Header != authorizer.HeaderPrincipal {
			h[v.Header] = []string{v.Text}
		}
	}
	if name := q.authorization.verdict.Principal; name != "" {
		h[authorizer.HeaderPrincipal] = []string{name}
	}
}

// callerIdentity tells apart the callers whom the upstream could tell apart by what the authorizer makes of them; "" where nobody was asked.
func (q *request) callerIdentity() string {
	if q.authorization == nil {
		return ""
	}
	parts := []string{q.authorization.verdict.Principal}
	for _, v := range q.authorization.verdict.Values {
		parts = append(parts, v.Header, v.Text)
	}
	if a := q.method.authorizer; a.Forward {
		for _, name := range a.Identity.Headers {
			parts = append(parts, q.r.Header.Get(name))
		}
	}
	var b strings.Builder
	b.WriteString(q.method.authorizer.ID.String())
	for _, part := range parts {
		b.WriteString(strconv.Itoa(len(part)) + ":" + part)
	}
	return b.String()
}

// challenge is the header WWW-Authenticate of a refusal (RFC 6750 3).
func (q *request) challenge(p problem) string {
	text := `Bearer realm="` + q.api.slug + `"`
	switch {
	case p == problemScope:
		return text + `, error="insufficient_scope", scope="` + strings.Join(q.method.scopes, " ") + `"`
	case q.authorization.verdict.Outcome == authorizer.Invalid:
		return text + `, error="invalid_token", error_description="` + q.authorization.verdict.Reason + `"`
	}
	return text
}
