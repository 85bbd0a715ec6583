package enforcement

import (
	"cmp"
	"net/http"
	"strconv"
	"sync"
	"time"

	"gatehouse/enforcement/transport"
	"gatehouse/models/limit"
)

// This file is the one place where the gateway names headers of its answers and their values. docs/gateway.md describes them.

const (
	headerRequestID      = "X-Request-Id"
	headerAmznRequestID  = "X-Amzn-Requestid"
	headerAmznErrorType  = "X-Amzn-Errortype"
	headerRetryAfter     = "Retry-After"
	headerRateLimit      = "Ratelimit"        // draft-ietf-httpapi-ratelimit-headers-10
	headerRatePolicy     = "Ratelimit-Policy" // the same
	headerRateLimitLimit = "X-Ratelimit-Limit"
	headerRateLimitLeft  = "X-Ratelimit-Remaining"
	headerRateLimitReset = "X-Ratelimit-Reset"
	headerDeprecation    = "Deprecation"  // RFC 9745
	headerSunset         = "Sunset"       // RFC 8594
	headerLink           = "Link"         // RFC 8288
	headerCacheStatus    = "Cache-Status" // RFC 9211

	problemType = "application/problem+json" // RFC 9457
)

// refuse answers with a problem.
func (q *request) refuse(p problem) {
	q.dismissBody()
	q.refuseWith(q.w, p, q.explain(p))
}

// dismissBody bounds the wait for a body that nobody will read: net/http takes in what is left of a small one before it sends the answer, so that
// the connection can be used again. In time it closes the connection instead.
func (q *request) dismissBody() {
	if q.r.Body != nil && q.r.Body != http.NoBody && !q.proxied {
		_ = http.NewResponseController(q.w).SetReadDeadline(time.Now().Add(unreadTimeout)) // in memory there is none to set
	}
}

func (q *request) refuseWith(w http.ResponseWriter, p problem, detail string) {
	q.answered = true
	q.decision.problem = p
	own, kind := q.replacement(p)
	if q.instead = 0; own != nil {
		q.instead = cmp.Or(own.status, p.entry().Status)
	}
	q.keepRefusal(p)
	h := w.Header()
	q.identify(h)
	q.tellLimits(h)
	q.tellLife(h)
	q.tellOriginOwn(h)
	values := make([]string, 0, 9) // of all that follow
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if wait := q.retryAfter(p); wait > 0 {
		set(headerRetryAfter, strconv.FormatInt(wait, 10))
	}
	if p == problemUnauthorized || p == problemScope {
		set("Www-Authenticate", q.challenge(p))
	}
	if p == problemVerbUnknown {
		set("Allow", q.methods.allow)
	}
	if p.endsConnection() {
		set("Connection", "close")
	}
	_, errorType := p.amazon()
	set(headerAmznErrorType, errorType)
	if own != nil {
		q.answerReplaced(w, own, p, kind)
		return
	}
	set("Content-Type", problemType)
	set("Cache-Control", "no-store")
	set("X-Content-Type-Options", "nosniff")
	room := bodies.Get().(*[]byte)
	defer bodies.Put(room)
	text := append(q.appendBody((*room)[:0], p, detail), '\n')
	*room = text
	q.sent = int64(len(text))
	set("Content-Length", strconv.FormatInt(q.sent, 10))
	w.WriteHeader(p.entry().Status)
	_, _ = w.Write(text) // the client may be gone; there is nobody else to tell
}

// bodies are buffers for the bodies of refusals.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}

// endsConnection reports whether what follows on a connection of HTTP/1.1 cannot or shall not be read.
func (p problem) endsConnection() bool {
	switch p {
	case problemHeadInvalid, problemHeadTooLarge, problemBodyInvalid, problemBodyTooLarge, problemBodyTooSlow:
		return true
	default:
		return false
	}
}

// amazon is what AWS's gateway says in such a case: the body's message and the header x-amzn-ErrorType.
func (p problem) amazon() (message, errorType string) {
	switch p {
	case problemThrottled, problemQuotes, problemPreflights, problemTooManyOpen:
		return "Too Many Requests", "TooManyRequestsException"
	case problemQuota:
		return "Limit Exceeded", "LimitExceededException"
	case problemUnauthorized:
		return "Unauthorized", "UnauthorizedException"
	case problemAuthorizerDenied, problemScope:
		return "User is not authorized to access this resource", "AccessDeniedException"
	case problemParametersMissing:
		return "Missing required request parameters", "BadRequestException" // and which: request.message
	case problemBodyUnfit:
		return "Invalid request body", "BadRequestException"
	case problemUpstreamTimeout:
		return "Endpoint request timed out", "InternalServerErrorException"
	}
	switch status := p.entry().Status; status {
	case http.StatusForbidden, http.StatusMisdirectedRequest:
		return "Forbidden", "ForbiddenException"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return http.StatusText(status), "NotFoundException"
	case http.StatusGone:
		return http.StatusText(status), "NotFoundException"
	case http.StatusServiceUnavailable:
		return "Service Unavailable", "ServiceUnavailableException"
	case http.StatusRequestEntityTooLarge:
		return "Request Too Long", "BadRequestException"
	case http.StatusUnsupportedMediaType:
		return "Unsupported Media Type", "BadRequestException"
	case http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge, http.StatusNotImplemented,
		http.StatusExpectationFailed, http.StatusHTTPVersionNotSupported:
		return http.StatusText(status), "BadRequestException"
	default:
		return "Internal server error", "InternalServerErrorException"
	}
}

// retryAfter is the whole seconds after which trying again may help; 0: not said.
func (c *call) retryAfter(p problem) int64 {
	switch p {
	case problemThrottled, problemQuota:
		return limit.Seconds(c.decision.limits.RetryAfter)
	case problemMaintenance:
		return limit.Seconds(c.reopens())
	case problemPreflights:
		return limit.Seconds(preflightWait)
	case problemBrownout:
		return limit.Seconds(time.Duration(c.decision.since - c.at.wall))
	case problemNotReady, problemJournalFull, problemLedgerAway, problemLedgerBusy, problemTooManyOpen, problemAuthorizerFailed:
		return 1
	case problemStageBroken:
		return 30
	case problemUpstreamOut:
		return limit.Seconds(c.decision.wait)
	default:
		return 0
	}
}

// retryAfter knows of quotes, too.
func (q *request) retryAfter(p problem) int64 {
	if p == problemQuotes {
		return limit.Seconds(q.quoteWait)
	}
	return q.call.retryAfter(p)
}

// Decorate adds the gateway's headers to an answer of the upstream, in place of the upstream's own of these names.
func (q *request) Decorate(h http.Header) {
	q.answered = true
	if q.exchange.IsStream() {
		q.becomeStream()
	}
	if p := q.stage.policies; p != nil {
		if q.fill != nil {
			q.fill.Came(h)
		}
		if q.passage != "" {
			h.Add(headerCacheStatus, q.passage)
		}
		p.response.apply(h, q.id)
		q.tellOrigin(h)
	}
	q.identify(h)
	q.tellLimits(h)
	q.tellLife(h)
}

// Fail answers instead of an upstream that did not.
func (q *request) Fail(w http.ResponseWriter, f transport.Failure, err error) {
	if cut := problem(q.cut.Load()); cut != problemNone && f == transport.Stopped {
		q.refuseWith(w, cut, cut.entry().Explanation)
		return
	}
	// net/http takes a client whose body does not come in time for one that has gone.
	if p := problem(q.bodyFault.Load()); p != problemNone && (f == transport.BadBody || f == transport.ClientGone) {
		q.refuseWith(w, p, q.explain(p))
		return
	}
	p := failed(f, err)
	if p == problemNone {
		q.hangUp() // nobody is there to read an answer
		return
	}
	if q.stage.mayWarn(q.at.second()) {
		q.g.config.Log.Warn("upstream failed", "request_id", q.id, "stage", q.stage.id.String(), "problem", p.entry().Slug, "error", err)
	}
	q.refuseWith(w, p, q.explainFailure(p, err))
}

// hangUp ends the connection without an answer: net/http would make a handler that says nothing a 200, and a client that only ended its half of the
// connection reads on. A request made in process has no connection.
func (q *request) hangUp() {
	if q.r.Context().Value(http.ServerContextKey) != nil {
		panic(http.ErrAbortHandler)
	}
}

func (q *request) identify(h http.Header) {
	q.name()
	id := []string{q.id}
	h[headerRequestID], h[headerAmznRequestID] = id[:1:1], id[:1:1]
	if q.stage != nil && q.stage.deployment != "" {
		h.Set(headerCanary, q.stage.deployment)
	}
	if q.g.open.isClosing() && h.Get("Connection") == "" { // there is one on a connection that becomes a WebSocket
		h.Set("Connection", "close")
	}
}
