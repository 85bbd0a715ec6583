package enforcement

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/cache"
	"gatehouse/enforcement/front"
	"gatehouse/enforcement/meter"
	"gatehouse/enforcement/receipt"
	"gatehouse/enforcement/requestid"
	"gatehouse/enforcement/trace"
	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/validation"
	"gatehouse/enforcement/wire"
	"gatehouse/models"
)

// target is what a request is for.
type target struct {
	api     *api
	stage   *stage
	methods *endpoint // of the path
	method  *method   // of path and verb
}

// request is one request on its way through the gateway.
type request struct {
	g  *Gateway
	w  http.ResponseWriter
	r  *http.Request
	as models.KeyID // the key in whose name the portal calls; 0: whoever presents a value

	id        string // "" until somebody is to be told it
	shard     uint8  // of the requests under way
	at        instant
	prefix    string // what stands before path, as the client wrote it: /{api}/{stage}, or less by a host name that leads further
	path      string // canonical, below the stage: empty or beginning with a slash
	named     bool   // the host leads to the API, or to the stage
	fault     string // of a path that is not
	query     string
	presented string // the key's value, if there was one

	authorization *authorization // nil: nobody was asked
	target
	decision decision
	exchange transport.Exchange
	receipt  receipt.Place
	address  string   // of the receipt; "" if there is none
	raw      [16]byte // of id
	ended    ended
	parent   trace.Context // what the client sent
	span     trace.Context // of the request; the same where nothing is traced here
	call     trace.Context // of the upstream's part of it
	took     time.Duration // all of it; set at its end
	sent     int64         // bytes of the gateway's own answer
	proxied  bool
	fill     *cache.Fill        // where the upstream's answer may be kept; nil: nowhere
	kept     *transport.End     // how the answer went that was kept; nil: the upstream was asked
	taken    []byte             // the whole body, if it was compared with the document
	untaken  bool               // it was too large for that
	faults   []validation.Fault // what the document does not allow in the request
	passage  string             // what the cache did, for Cache-Status; empty: the stage has none
	answered bool

	forwarded *front.Forwarded // what a proxy that is believed says of the client; nil: nobody says anything
	answer    writer           // where w leads
	body      *upload          // that is forwarded; nil: there is none
	bodyFault atomic.Uint32    // the problem for which the body is not read any further; problemNone: none
	client    front.Client     // of open: whose request it is
	open      bool             // the request is counted for its address
	moved     movement         // of its stream

	verdict   problem // of a quote: what the request would be answered with
	quoted    bool
	quoteWait time.Duration
	underWay  atomic.Bool   // admitted: what cut.go reads of the decision stays as it is
	cut       atomic.Uint32 // the problem that ended it; problemNone: it may go on
}

func (q *request) begin() {
	q.shard = uint8(rand.Uint32())
	q.at = q.g.now()
	q.answer = writer{ResponseWriter: q.w, pace: q.g.paceOf(http.NewResponseController(q.w).SetWriteDeadline)}
	q.w = &q.answer
	q.beginTrace()
}

// name gives the request an id, unless it has one: that of its receipt, or one that tells when it came, or, where nothing is kept, 128 random bits, which
// need not be secret, only different. Whatever id the client sent is not used: it could be another request's.
func (q *request) name() {
	if q.id != "" {
		return
	}
	var text [32]byte
	if q.receipt.IsSet() {
		q.g.config.Receipts.Name(q.receipt, q.at.second(), &q.raw)
		hex.Encode(text[:], q.raw[:])
		q.address = q.g.config.ReceiptURL + string(text[:])
		q.id = q.address[len(q.g.config.ReceiptURL):] // one string for both
		return
	}
	if names := q.g.config.Names; names != nil {
		names.Write(requestid.ID{Part: requestid.None, Second: uint32(q.at.second()), Number: rand.Uint64()}, &q.raw)
	} else {
		binary.LittleEndian.PutUint64(q.raw[:], rand.Uint64())
		binary.LittleEndian.PutUint64(q.raw[8:], rand.Uint64())
	}
	hex.Encode(text[:], q.raw[:])
	q.id = string(text[:])
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
		case p == problemNone && q.bodyTooLarge():
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

// route finds the stage and the methods of the path, in this order: sizes, path, API, stage, path of the method. What it does not
// understand it refuses.
func (q *request) route(s *snapshot) problem {
	raw, query := rawTarget(q.r)
	if len(raw)+len(query) > wire.MaxTarget {
		return problemTargetTooLong
	}
	if fields(q.r.Header) > wire.MaxFields {
		return problemHeadTooLarge
	}
	if !isVerb(q.r.Method) {
		return problemVerbUnsupported
	}
	path, fault := canonicalPath(raw)
	if strings.Contains(query, "#") {
		fault = "its query contains a fragment"
	}
	if fault != "" {
		q.fault = fault
		return problemPathInvalid
	}
	at, ok := s.hosts.locate(q.r.Host, path)
	q.path, q.query, q.named = at.path, query, at.named
	q.prefix = path[:len(path)-len(q.path)]
	switch {
	case !ok:
		return problemHostUnknown
	case at.domain != nil:
		q.stage, q.api = at.domain.stage, at.domain.stage.api
	default:
		if p := q.findStage(s, at.api, at.stage); p != problemNone {
			return p
		}
	}
	q.stage = q.serving(q.stage)
	if p := q.judgeCredentials(); p != problemNone {
		return p
	}
	if at.outside {
		return problemPathUnknown
	}
	return q.findPath(q.path)
}

// find finds all but the method, never in a canary.
func (t *target) find(s *snapshot, apiName, stageName, path string) problem {
	if p := t.findStage(s, apiName, stageName); p != problemNone {
		return p
	}
	return t.findPath(path)
}

func (t *target) findStage(s *snapshot, apiName, stageName string) problem {
	if t.api = s.apis[apiName]; t.api == nil {
		return problemAPIUnknown
	}
	if t.stage = t.api.stages[stageName]; t.stage == nil {
		return problemStageUnknown
	}
	return problemNone
}

func (t *target) findPath(path string) problem {
	if t.stage.broken != "" {
		return problemStageBroken
	}
	if t.methods = t.stage.routes.find(path); t.methods == nil {
		return problemPathUnknown
	}
	return problemNone
}

func fields(h http.Header) (n int) {
	for _, values := range h {
		n += len(values)
	}
	return n
}

// isVerb refuses CONNECT and TRACE, which no upstream shall see, and what an upstream could take for another verb, such as "get".
func isVerb(verb string) bool {
	return verb != "" && verb != http.MethodConnect && verb != http.MethodTrace &&
		strings.Trim(verb, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// decide finds method and key, and asks every limit. If it returns problemNone, the request is admitted and counted, or is a quote.
func (q *request) decide() problem {
	d := &q.decision
	if q.method = q.methods.method(q.r.Method); q.method == nil {
		return problemVerbUnknown
	}
	value, query, p := presented(q.stage.key, q.r.Header, q.query)
	q.presented, q.query = value, query
	d.counts = q.opening()
	switch {
	case p == problemQueryInvalid:
		d.problem = p // the key could not be taken out of it, needed or not
	case q.method.authorizer != nil:
		return q.decideAuthorized(value, p)
	case q.isQuote():
		q.quote(value, p)
	case q.isInvalid(value, p):
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
			q.g.callers.note(q)
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
	x.Body = q.guardedBody()
	x.Forwarded = q.forwarded
	x.Caller = q
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
		q.finish()
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

func (q *request) finish() {
	e := q.exchange.End()
	if q.kept != nil {
		e = *q.kept
	} else {
		q.g.counts.upstream.Observe(e.Latency.Seconds())
	}
	o := outcomeOf(e)
	if problem(q.cut.Load()) != problemNone {
		o = models.OutcomeAborted // a WebSocket does not tell
	}
	q.ended = ended{o, e}
	if q.decision.plan == nil {
		return
	}
	refund := q.decision.plan.delivered && (o == models.OutcomeServerError || o == models.OutcomeUpstream)
	q.g.meter.Finish(&q.decision.call, &meter.Result{Outcome: o, Refund: refund, BytesIn: e.BytesIn, BytesOut: e.BytesOut, Latency: e.Latency, Gateway: q.g.before(q.at, e.Begun)})
	q.settle(o, &e)
	if refund {
		q.g.refund(&q.decision.call)
	}
}

// outcomeOf says how an admitted request ended. A WebSocket that was opened is a success, whoever closes it.
func outcomeOf(e transport.End) models.Outcome {
	switch e.Failure {
	case transport.Unreachable, transport.Invalid, transport.Timeout, transport.BrokeOff:
		return models.OutcomeUpstream
	case transport.BadBody, transport.ClientGone, transport.Stopped:
		return models.OutcomeAborted
	case transport.None:
	}
	switch {
	case e.Status == 0:
		return models.OutcomeAborted // a panic before any answer
	case e.Status < 300:
		return models.OutcomeSuccess
	case e.Status < 400:
		return models.OutcomeRedirect
	case e.Status < 500:
		return models.OutcomeClientError
	default:
		return models.OutcomeServerError
	}
}
