package enforcement

import (
	"gatehouse/enforcement/requestlog"
	"gatehouse/models"
)

// log keeps an entry of a request that has ended, if one is due: of each that found a stage, but for quotes and preflights, which are no calls.
func (c *call) log(by lane) {
	log := c.g.config.RequestLog
	if log == nil || c.stage == nil || c.id == "" || c.purpose != forAnswer {
		return
	}
	slug, status := "", c.ended.exchange.Status
	if p := c.decision.problem; p != problemNone {
		slug, status = p.entry().Slug, c.statusOf(p)
	}
	outcome := c.ended.outcome
	if !c.proxied {
		outcome = models.OutcomeDenied
		if o, ok := c.decision.problem.refusal(); ok {
			outcome = o
		}
	}
	if !c.due(log, outcome, status) {
		return
	}
	e := requestlog.Entry{
		ID: c.raw, Verb: c.verb, Prefix: c.mainPrefix(), Path: c.path, Query: c.query, Peer: c.peer, Sent: c.sent,
		KeyHeader: keyHeader(c.stage.key), Secret: c.presented,
	}
	e.Request, e.Response = by.headers()
	x := &c.ended.exchange
	e.Receipt = c.receiptOf(outcome, slug, status)
	e.Receipt.Latency, e.Receipt.BytesIn, e.Receipt.BytesOut = x.Latency, x.BytesIn, x.BytesOut
	e.Total = c.took
	e.Gateway = max(0, e.Total-x.Took)
	log.Write(&e)
}

// due asks for the request's share of the log. What needs attention has one of its own, so that traffic that passes never pushes it out; callers who are
// not known share one for each stage, so that a flood of them does not either.
func (c *call) due(log *requestlog.Log, o models.Outcome, status int) bool {
	key := c.decision.call.Key
	switch {
	case key == 0:
		return log.Admission(uint64(c.stage.id), c.at.mono)
	case !o.Admitted() || o == models.OutcomeUpstream || status >= 500:
		return log.Refusal(uint64(key), c.at.mono)
	}
	return log.Admission(uint64(key), c.at.mono)
}

// mainPrefix is what stands before the path at the gateway's main address, also where the request came by another name.
func (c *call) mainPrefix() string {
	if !c.named {
		return c.prefix
	}
	return "/" + c.api.slug + "/" + c.stage.name
}
