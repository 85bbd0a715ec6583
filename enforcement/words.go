package enforcement

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/wire"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// explain says in words, with the caller's own numbers, why there is a problem.
func (c *call) explain(p problem) string {
	d := &c.decision
	switch p {
	case problemNotReady:
		return "The gateway is starting, stopping or applying a change. Nothing was charged; try again in a second."
	case problemTargetTooLong:
		return "The path and the query together may have 8,192 bytes."
	case problemHeadInvalid, problemHeadTooLarge, problemVersionUnsupported, problemCodingUnsupported, problemExpectationUnsupported, problemHeadTooSlow:
		return "The request " + c.fault + "."
	case problemVerbUnsupported:
		return "The gateway does not forward this verb."
	case problemPathInvalid:
		return "The path is refused because " + c.fault + "."
	case problemHostUnknown:
		return "No API is served under the host name of this request."
	case problemAPIUnknown:
		if c.named {
			return "The first part of the host name must be the id or the short name of an API."
		}
		return "The first segment of the path must be the id or the short name of an API."
	case problemStageUnknown:
		if c.named {
			return "The first segment of the path must be the name of a stage of the API that something is deployed to."
		}
		return "The second segment of the path must be the name of a stage of the API that something is deployed to."
	case problemStageBroken:
		return fmt.Sprintf("The stage %s of %s cannot be served as it is set up. Its owner can see why.", c.stage.name, c.api.name)
	case problemMaintenance:
		return c.explainMaintenance()
	case problemOrigin:
		return fmt.Sprintf("The stage %s of %s is not called by pages of this origin.", c.stage.name, c.api.name)
	case problemIntegration:
		return fmt.Sprintf("%s of the stage %s of %s cannot be answered as it is set up: %s.", c.method.name, c.stage.name, c.api.name, c.fault)
	case problemPathUnknown:
		return fmt.Sprintf("Nothing that is deployed to the stage %s of %s has this path.", c.stage.name, c.api.name)
	case problemVerbUnknown:
		return fmt.Sprintf("This path is served for %s.", c.methods.allow)
	case problemQueryInvalid:
		return fmt.Sprintf("The query must be plain pairs of name=value, because the key is read from its parameter %s.", c.stage.key.Name)
	case problemKeyMissing:
		if c.stage.key.Place == models.KeyInAuthorizer {
			return "The operation needs an API key, which the API's authorizer names, and it named none."
		}
		return "Send your API key " + keyPlace(c.stage.key) + "."
	case problemKeyAmbiguous:
		return "Send your API key once, " + keyPlace(c.stage.key) + "."
	case problemKeyExpired:
		return fmt.Sprintf("The key expired on %s.", dateTime(d.since))
	case problemKeyReplaced:
		return fmt.Sprintf("This value of the key was replaced by rotation and stopped working on %s.", dateTime(d.since))
	case problemNoPlan:
		return fmt.Sprintf("The key is on no plan that opens the stage %s of %s.", c.stage.name, c.api.name)
	case problemPlanEnded:
		return fmt.Sprintf("The plan %s, by which the key called the stage %s of %s, ended on %s. Put the key on another plan.",
			d.plan.name, c.stage.name, c.api.name, dateTime(d.plan.endsAt))
	case problemPending:
		return fmt.Sprintf("The subscription to the plan %s has not been approved yet.", d.plan.name)
	case problemSuspended:
		return fmt.Sprintf("The subscription to the plan %s is suspended by the plan's owner.", d.plan.name)
	case problemBlocked:
		return fmt.Sprintf("The owner of the plan %s has blocked this key.", d.plan.name)
	case problemExcluded:
		return fmt.Sprintf("The plan %s does not include %s.", d.plan.name, c.method.name)
	case problemUpstreamOut:
		return fmt.Sprintf("No server behind the stage %s of %s is in service. Nothing was charged; try again in %s.", c.stage.name, c.api.name,
			counted(max(1, limit.Seconds(d.wait)), "second"))
	case problemGone, problemBrownout:
		return c.explainLife(p)
	case problemBodyTooLarge:
		return c.explainSize(c.maxBody())
	case problemBodyTooSlow:
		return fmt.Sprintf("While the gateway waited for the body, less than %s came in %s.", counted(c.g.bounds.Load().StallBytes, "byte"), c.g.bounds.Load().Stall)
	case problemTooManyOpen:
		return c.explainCrowd()
	case problemThrottled, problemQuota:
		var room [256]byte
		return string(c.appendReason(room[:0], p))
	default:
		return p.entry().Explanation
	}
}

// explain says of what only the standard lane knows.
func (q *request) explain(p problem) string {
	switch p {
	case problemUnauthorized, problemAuthorizerDenied, problemScope, problemAuthorizerFailed:
		return q.explainAuthorizer(p)
	case problemBodyTooLarge:
		return q.explainSize(q.maxBody())
	case problemRequestInvalid, problemParametersMissing, problemBodyUnfit:
		return q.explainInvalid()
	case problemThrottled:
		if !q.decision.decided {
			return fmt.Sprintf("The authorizer of the stage %s of %s is asked about new callers at most as often as the stage's throttle lets requests pass. Try again in a second.", q.stage.name, q.api.name)
		}
	case problemQuotes:
		return fmt.Sprintf("A key may ask for quotes as often as its plan lets it call, at most %d times a second. Try again in %s.", mostQuotes,
			counted(max(1, limit.Seconds(q.quoteWait)), "second"))
	}
	return q.call.explain(p)
}

func (c *call) explainSize(most int64) string {
	return fmt.Sprintf("The stage %s of %s takes bodies of at most %s.", c.stage.name, c.api.name, counted(most, "byte"))
}

func tooManyHeaders(n int) string {
	return fmt.Sprintf("has %d headers; %d are allowed", n, wire.MaxFields)
}

// explainAuthorizer says what the authorizer said, in words that are ours.
func (q *request) explainAuthorizer(p problem) string {
	if p == problemScope {
		return fmt.Sprintf("%s asks for a token with one of these scopes: %s.", q.method.name, strings.Join(q.method.scopes, ", "))
	}
	if p == problemAuthorizerFailed {
		return "The authorizer of the stage " + q.stage.name + " of " + q.api.name + " is no help now. " + q.authorization.verdict.Reason
	}
	return q.authorization.verdict.Reason
}

func keyPlace(source models.KeySource) string {
	switch source.Place {
	case models.KeyInBearer:
		return "as Authorization: Bearer KEY"
	case models.KeyInQuery:
		return "in the query parameter " + source.Name
	case models.KeyInAuthorizer:
		return "by way of the API's authorizer"
	default:
		return "in the header " + source.Name
	}
}

// appendReason appends what explain says. It does not allocate for what many requests at once are refused for.
func (c *call) appendReason(b []byte, p problem) []byte {
	switch p {
	case problemThrottled:
		return c.appendWait(c.appendThrottle(b))
	case problemQuota:
		return c.appendQuota(b)
	default:
		return append(b, c.explain(p)...)
	}
}

func (c *call) appendThrottle(b []byte) []byte {
	d := &c.decision
	noun, t := "request", c.throttle()
	switch d.limits.Layer {
	case limit.LayerMethod:
		b = appendAll(b, "The plan ", d.plan.name, " lets each key call ", c.method.name)
		noun = "time"
	case limit.LayerPlan:
		b = appendAll(b, "The plan ", d.plan.name, " lets ", d.plan.whom(), " send")
	case limit.LayerAccount:
		b = appendAll(b, "The account that publishes ", c.api.name, " takes from all callers of all its APIs together")
	default:
		b = appendAll(b, "The stage ", c.stage.name, " of ", c.api.name, " takes ")
		if c.method.limit != nil {
			b = appendAll(b, "for ", c.method.name, " ")
		}
		b = append(b, "from all callers together"...)
	}
	b = append(b, ' ')
	if t.RefusesAll() {
		return appendAll(b, "0 ", noun, "s: its rate or burst is 0. Waiting does not help.")
	}
	b = appendCounted(b, t.Burst, noun)
	b = append(b, " at once and then "...)
	b = appendRate(b, t.Rate)
	return append(b, " a second."...)
}

// appendWait says when to try again, where that helps.
func (c *call) appendWait(b []byte) []byte {
	if c.throttle().RefusesAll() {
		return b
	}
	b = append(b, " Try again in "...)
	b = appendCounted(b, max(1, limit.Seconds(c.decision.limits.RetryAfter)), "second")
	return append(b, '.')
}

// throttle is the one that refused the request.
func (c *call) throttle() *limit.Throttle {
	switch d := &c.decision; d.limits.Layer {
	case limit.LayerMethod:
		return &d.rule.throttle
	case limit.LayerPlan:
		return d.plan.throttle
	case limit.LayerAccount:
		return &c.api.account.throttle
	default:
		return c.stageThrottle()
	}
}

func (c *call) appendQuota(b []byte) []byte {
	d := &c.decision
	per := ""
	switch d.quota().Period {
	case limit.PeriodDay:
		per = "day"
	case limit.PeriodWeek:
		per = "week"
	case limit.PeriodMonth:
		per = "month"
	case limit.PeriodNone:
	}
	b = appendAll(b, "The plan ", d.plan.name, " includes ")
	if d.quota().Limit <= 0 {
		return append(b, "no requests: its quota is 0. Waiting does not help."...)
	}
	b = appendCounted(b, d.quota().Limit, "request")
	b = appendAll(b, " a ", per, " for ")
	if d.plan.base != nil {
		b = append(b, "this key, by limits of its own, and it"...)
	} else {
		b = append(b, "each key, and this key"...)
	}
	b = append(b, " has used "...)
	b = appendGroup(b, d.used)
	b = appendAll(b, ". The next ", per, " begins on ")
	b = appendDateTime(b, time.Unix(int64(d.quota().at(d.call.Window).end)*secondsPerDay, 0).UnixNano())
	b = append(b, ", in "...)
	b = appendCounted(b, limit.Seconds(d.limits.RetryAfter), "second")
	return append(b, '.')
}

// failed names the problem of a failed exchange; problemNone: nobody is there to be told.
func failed(f transport.Failure, err error) problem {
	var refused *RefusedError
	switch {
	case f == transport.ClientGone:
		return problemNone
	case f == transport.Stopped:
		return problemNotReady
	case f == transport.BadBody:
		return problemBodyInvalid
	case f == transport.Timeout:
		return problemUpstreamTimeout
	case f == transport.Invalid:
		return problemUpstreamInvalid
	case f == transport.Unmade:
		return problemIntegration
	case errors.As(err, &refused):
		return problemUpstreamForbidden
	default:
		return problemUpstreamUnreachable
	}
}

// explainFailure tells callers what failed, but not the upstream's address: that is its owner's.
func (c *call) explainFailure(p problem, err error) string {
	where := fmt.Sprintf("behind the stage %s of %s", c.stage.name, c.api.name)
	switch p {
	case problemUpstreamTimeout:
		return fmt.Sprintf("The server %s did not begin to answer within %s.", where, c.patience())
	case problemUpstreamUnreachable:
		return fmt.Sprintf("The server %s cannot be reached: %s.", where, reason(err))
	case problemUpstreamInvalid:
		return fmt.Sprintf("The server %s answered something that is not HTTP.", where)
	case problemIntegration:
		c.fault = err.Error()
		return c.explain(p)
	default:
		return c.explain(p)
	}
}

// patience is how long an upstream has to begin its answer, in words.
func (c *call) patience() string {
	t := c.stage.timeout
	if i := c.method.integration; i != nil {
		t = i.timeout
	}
	if t%time.Second != 0 {
		return counted(t.Milliseconds(), "millisecond")
	}
	return counted(int64(t/time.Second), "second")
}

// explainFailure says of a body, too, what is wrong with it.
func (q *request) explainFailure(p problem, err error) string {
	if p == problemBodyInvalid {
		if fault := wire.BodyFault(q.r); fault != "" {
			return "The request's body " + fault + "."
		}
	}
	return q.call.explainFailure(p, err)
}

func reason(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &dns):
		return "its name cannot be looked up"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to it"
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &verify):
		return "its certificate is not trusted"
	case errors.As(err, &record), errors.As(err, &alert):
		return "it does not speak TLS as it should"
	default:
		return "the connection broke before an answer came"
	}
}

func dateTime(unixNano int64) string { return string(appendDateTime(nil, unixNano)) }

func appendDateTime(b []byte, unixNano int64) []byte {
	return time.Unix(0, unixNano).UTC().AppendFormat(b, "2 January 2006 15:04:05 UTC")
}

func appendAll(b []byte, texts ...string) []byte {
	for _, text := range texts {
		b = append(b, text...)
	}
	return b
}

// counted is "1 request", "1,000 requests".
func counted(n int64, noun string) string { return string(appendCounted(nil, n, noun)) }

func appendCounted(b []byte, n int64, noun string) []byte {
	b = append(appendGroup(b, n), ' ')
	b = append(b, noun...)
	if n != 1 {
		b = append(b, 's')
	}
	return b
}

func appendRate(b []byte, r float64) []byte {
	if r >= 1 && r == float64(int64(r)) {
		return appendGroup(b, int64(r))
	}
	return strconv.AppendFloat(b, r, 'f', -1, 64)
}

// appendGroup writes a number with commas between thousands.
func appendGroup(b []byte, n int64) []byte {
	var room [20]byte
	digits := strconv.AppendInt(room[:0], n, 10)
	if n < 0 {
		b, digits = append(b, '-'), digits[1:]
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b = append(b, ',')
		}
		b = append(b, d)
	}
	return b
}
