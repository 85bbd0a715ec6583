package enforcement

import (
	"gatehouse/enforcement/meter"
	"gatehouse/enforcement/transport"
	"gatehouse/models"
)

// ended is how an admitted request ended.
type ended struct {
	outcome  models.Outcome
	exchange transport.End
}

// finish counts an admitted call, once.
func (c *call) finish(e transport.End, o models.Outcome) {
	if c.kept == nil {
		c.g.counts.observeUpstream(c, e.Latency)
	}
	c.ended = ended{o, e}
	if c.decision.plan == nil {
		return
	}
	refund := c.decision.plan.delivered && (o == models.OutcomeServerError || o == models.OutcomeUpstream)
	c.g.meter.Finish(&c.decision.call, &meter.Result{Outcome: o, Refund: refund, BytesIn: e.BytesIn, BytesOut: e.BytesOut, Latency: e.Latency, Gateway: c.g.before(c.at, e.Begun)})
	c.settle(o, &e)
	if refund {
		c.g.refund(&c.decision.call)
	}
}

// outcomeOf says how an admitted request ended. A WebSocket that was opened is a success, whoever closes it.
func outcomeOf(e transport.End) models.Outcome {
	switch e.Failure {
	case transport.Unreachable, transport.Invalid, transport.Timeout, transport.BrokeOff, transport.Unmade:
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
