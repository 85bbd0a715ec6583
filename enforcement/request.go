package enforcement

import (
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/cache"
	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/validation"
	"gatehouse/models"
)

// request is a request on its way through the standard lane: a call, with what net/http and the features that a stage may have know of it.
type request struct {
	call
	w  http.ResponseWriter
	r  *http.Request
	as models.KeyID // the key in whose name the portal calls; 0: whoever presents a value

	exchange transport.Exchange
	answer   writer // where w leads
	answered bool   // an answer has begun

	authorization *authorization     // nil: nobody was asked
	fill          *cache.Fill        // where the upstream's answer may be kept; nil: nowhere
	stored        *cache.Answer      // what is answered since no upstream is in service; nil: one is, or there is nothing
	passage       string             // what the cache did, for Cache-Status; empty: the stage has none
	taken         []byte             // the whole body, if it was compared with the document
	untaken       bool               // it was too large for that
	template      *template          // of the integration: makes the upstream's body, or says what a mock answers; nil: there is none
	remade        *template          // makes the body of the answer of the upstream's
	faults        []validation.Fault // what the document does not allow in the request
	verdict       problem            // of a quote: what the request would be answered with
	quoteWait     time.Duration

	body      *upload       // that is forwarded; nil: there is none
	bodyFault atomic.Uint32 // the problem for which the body is not read any further; problemNone: none
	underWay  atomic.Bool   // admitted: what cut.go reads of the decision stays as it is
	cut       atomic.Uint32 // the problem that ended it; problemNone: it may go on
}

func (q *request) begin() {
	q.shard = uint8(rand.Uint32())
	q.at = q.g.now()
	q.verb, q.peer = q.r.Method, q.r.RemoteAddr
	switch {
	case asksForPreflight(q.r):
		q.purpose = forPreflight
	case asksForQuote(q.r.Header):
		q.purpose = forQuote
	}
	q.answer = writer{ResponseWriter: q.w, pace: q.g.paceOf(&q.answer)}
	q.w = &q.answer
	q.beginTrace()
}

// judge says whether the request may pass. If so, and it is no preflight, it is charged and counted. What a stage under maintenance is asked stays unread,
// but for preflights: else pages could not read that it is.
func (q *request) judge() problem {
	if p := q.judgeWire(); p != problemNone {
		return p
	}
	for {
		s := q.g.current.Load()
		if s == nil {
			return problemNotReady
		}
		p := q.route(s)
		switch preflight := q.isPreflight(); {
		case p == problemNone && preflight:
			p = q.judgePreflight()
		case (p == problemNone || p == problemPathUnknown) && q.inMaintenance() && !preflight:
			p = problemMaintenance
		case p == problemNone && q.bodyTooLarge(q.r.ContentLength):
			p = problemBodyTooLarge
		case p == problemNone:
			p = q.decide()
		}
		if p != problemNotReady || s == q.g.current.Load() {
			return p
		}
		// The key knows more than this snapshot does: a change was applied meanwhile. Nothing was spent.
		q.decision = decision{}
	}
}

// route finds the stage, or its canary, and the methods of the path.
func (q *request) route(s *snapshot) problem {
	raw, query := rawTarget(q.r)
	at, p := q.locate(s, raw, query, q.r.Host, fields(q.r.Header))
	if p != problemNone {
		return p
	}
	q.stage = q.serving(q.stage)
	if p := q.judgeCredentials(len(q.r.Header["Authorization"]), len(q.r.Header["X-Api-Key"])); p != problemNone {
		return p
	}
	if at.outside {
		return problemPathUnknown
	}
	return q.findPath(q.path)
}

func fields(h http.Header) (n int) {
	for _, values := range h {
		n += len(values)
	}
	return n
}

// decide finds method and key, and asks every limit. If it returns problemNone, the request is admitted and counted, or is a quote.
func (q *request) decide() problem {
	d := &q.decision
	if q.method = q.methods.method(q.verb); q.method == nil {
		return problemVerbUnknown
	}
	if q.method.broken != "" {
		q.fault = q.method.broken
		q.warnOfIntegration()
		return problemIntegration
	}
	value, query, p := presented(q.stage.key, q.r.Header, q.query)
	q.presented, q.query = value, query
	d.counts = q.opening()
	if q.stored = nil; q.stage.keeping() != nil {
		d.keeps = q
	}
	switch {
	case p == problemQueryInvalid:
		d.problem = p // the key could not be taken out of it, needed or not
	case q.method.authorizer != nil:
		return q.decideAuthorized(value, p)
	case q.isQuote():
		q.quote(value, p)
	case q.isInvalid(value, p), q.isUnfit(value, p):
		// noted
	case !q.method.keyRequired && !q.openFromAddress():
		d.problem = problemTooManyOpen
	case !q.method.keyRequired:
		q.g.decideOpen(d, q.at, q.stage, q.method)
	case q.as != 0:
		q.g.decideKey(q.r.Context(), d, q.at, q.stage, q.method, q.as)
	case p != problemNone:
		d.problem = p
	default:
		q.g.decideValue(q.r.Context(), d, q.at, q.stage, q.method, value)
		if d.stops != 0 {
			q.g.callers.note(&q.call, q.r.UserAgent())
		}
	}
	return d.problem
}

// toUpstream makes the exchange of an admitted request.
func (q *request) toUpstream() *transport.Exchange {
	d := &q.decision
	q.keepAdmission()
	q.proxied = true
	x := &q.exchange // not as a whole: a stop may be looking at it
	x.Pick, x.Path, x.Query, x.Prefix = d.pick, q.path, q.upstreamQuery(), q.prefix
	x.Timeout, x.Idle = q.stage.timeout, q.stage.idle
	x.RequestID, x.KeyID, x.ConsumerID = q.id, d.call.Key.String(), d.app.String()
	x.KeyHeader, x.ForwardKey = keyHeader(q.stage.key), q.stage.key.Forward
	x.Forwarded = q.forwarded
	if i := q.method.integration; i != nil {
		q.toIntegration(x, i)
	}
	x.Body = q.guardedBody()
	x.Caller, x.Plain = q, q.preparesNothing()
	q.traceUpstream()
	q.underWay.Store(true)
	return x
}

// end counts an admitted request once, however it ended. A panic that is not net/http's own is a mistake of ours: it is logged, and
// costs this one request.
func (q *request) end() {
	mistake := recover()
	defer q.told()
	if q.proxied {
		q.finishExchange()
	} else {
		q.decision.release()
	}
	switch {
	case mistake == nil:
	case mistake == http.ErrAbortHandler: //nolint:errorlint // net/http compares it so
		panic(mistake)
	default:
		q.name()
		q.g.config.Log.Error("request panicked", "request_id", q.id, "panic", mistake, "stack", string(debug.Stack()))
		if q.answered {
			panic(http.ErrAbortHandler)
		}
		q.refuse(problemInternal)
	}
}

func (q *request) finishExchange() {
	e := q.exchange.End()
	if q.kept != nil {
		e = *q.kept
	}
	o := outcomeOf(e)
	if problem(q.cut.Load()) != problemNone {
		o = models.OutcomeAborted // a WebSocket does not tell
	}
	q.finish(e, o)
}
