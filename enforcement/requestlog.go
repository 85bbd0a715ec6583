package enforcement

import (
	"time"

	"gatehouse/enforcement/requestlog"
	"gatehouse/enforcement/transport"
	"gatehouse/models"
)

// ended is how an admitted request ended.
type ended struct {
	outcome  models.Outcome
	exchange transport.End
}

// log keeps an entry of a request that has ended, if one is due: of each that found a stage, but for quotes and preflights, which are no calls.
func (q *request) log() {
	log := q.g.config.RequestLog
	if log == nil || q.stage == nil || q.id == "" || q.quoted || q.isQuote() || q.isPreflight() {
		return
	}
	slug, status := "", q.ended.exchange.Status
	if p := q.decision.problem; p != problemNone {
		slug, status = p.entry().Slug, p.entry().Status
	}
	outcome := q.ended.outcome
	if !q.proxied {
		outcome = models.OutcomeDenied
		if o, ok := q.decision.problem.refusal(); ok {
			outcome = o
		}
	}
	if !q.due(log, outcome, status) {
		return
	}
	e := requestlog.Entry{
		ID: q.raw, Verb: q.r.Method, Prefix: q.mainPrefix(), Path: q.path, Query: q.query, Peer: q.r.RemoteAddr, Sent: q.sent,
		Request: q.r.Header, Response: q.w.Header(), KeyHeader: keyHeader(q.stage.key), Secret: q.presented,
	}
	x := &q.ended.exchange
	e.Receipt = q.receiptOf(outcome, slug, status)
	e.Receipt.Latency, e.Receipt.BytesIn, e.Receipt.BytesOut = x.Latency, x.BytesIn, x.BytesOut
	e.Total = time.Duration(max(0, q.g.clock()-q.at.mono))
	e.Gateway = max(0, e.Total-x.Took)
	log.Write(&e)
}

// due asks for the request's share of the log. What needs attention has one of its own, so that traffic that passes never pushes it out; callers who are
// not known share one for each stage, so that a flood of them does not either.
func (q *request) due(log *requestlog.Log, o models.Outcome, status int) bool {
	key := q.decision.call.Key
	switch {
	case key == 0:
		return log.Admission(uint64(q.stage.id), q.at.mono)
	case !o.Admitted() || o == models.OutcomeUpstream || status >= 500:
		return log.Refusal(uint64(key), q.at.mono)
	}
	return log.Admission(uint64(key), q.at.mono)
}

// mainPrefix is what stands before the path at the gateway's main address, also where the request came by another name.
func (q *request) mainPrefix() string {
	if !q.named {
		return q.prefix
	}
	return "/" + q.api.slug + "/" + q.stage.name
}
