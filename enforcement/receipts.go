package enforcement

import (
	"time"

	"gatehouse/enforcement/transport"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// keepRefusal leaves a receipt of the refusal of a known key's request, if one is due, before the request gets its name.
func (c *call) keepRefusal(p problem) {
	ring := c.g.config.Receipts
	if ring == nil || c.decision.call.Key == 0 || c.id != "" || c.isQuote() {
		return
	}
	outcome, ok := c.decision.problem.refusal()
	if !ok {
		outcome = models.OutcomeDenied
	}
	if c.receipt, ok = ring.Refusal(c.decision.call.Key, c.at.mono); ok {
		r := c.receiptOf(outcome, p.entry().Slug, c.statusOf(p))
		ring.Write(c.receipt, &r)
	}
}

// keepAdmission does so for a request that is about to be forwarded.
func (c *call) keepAdmission() {
	if ring := c.g.config.Receipts; ring != nil && c.decision.call.Key != 0 {
		var ok bool
		if c.receipt, ok = ring.Admission(c.decision.call.Key, c.at.mono); ok {
			r := c.receiptOf(models.OutcomeOpen, "", 0)
			ring.Write(c.receipt, &r)
		}
	}
	c.name()
}

// settle writes down how a forwarded request ended.
func (c *call) settle(o models.Outcome, e *transport.End) {
	if !c.receipt.IsSet() {
		return
	}
	slug, status := "", e.Status
	if p := c.decision.problem; p != problemNone {
		slug, status = p.entry().Slug, c.statusOf(p)
	}
	r := c.receiptOf(o, slug, status)
	r.Latency, r.BytesIn, r.BytesOut = e.Latency, e.BytesIn, e.BytesOut
	c.g.config.Receipts.Write(c.receipt, &r)
}

func (c *call) receiptOf(o models.Outcome, slug string, status int) models.Receipt {
	d := &c.decision
	r := models.Receipt{
		At: time.Unix(0, c.at.wall), KeyID: d.call.Key, AppID: d.app, APIID: c.api.id, StageID: c.stage.id,
		Outcome: o, Problem: slug, Status: status, Limits: c.limits(),
	}
	if c.method != nil { // it was looked for
		r.MethodID, r.Method = c.method.id, c.method.name
	}
	if d.plan != nil {
		r.PlanID, r.PlanVersion, r.Overridden = d.plan.id, int(d.plan.version), d.plan.base != nil
	}
	if d.since != 0 {
		r.Since = time.Unix(0, d.since)
	}
	if d.decided && !d.limits.Allowed() {
		r.Layer, r.RetryAfter = d.limits.Layer, d.limits.RetryAfter
	}
	return r
}

// limits is what every layer answered; nothing where none was asked.
func (c *call) limits() (out models.ReceiptLimits) {
	d := &c.decision
	if !d.decided || d.plan == nil {
		return out
	}
	for layer := limit.LayerMethod; layer <= limit.LayerQuota; layer++ {
		if g := d.layers.Gauge(layer); g.Limited {
			*out.Of(layer) = models.ReceiptLimit{Limited: true, Rate: c.rateOf(layer), Limit: g.Limit, Remaining: g.Remaining, Reset: g.Reset}
		}
	}
	out.Of(limit.LayerQuota).Period = d.plan.quota.Period
	return out
}

func (c *call) rateOf(layer limit.Layer) float64 {
	switch d := &c.decision; layer {
	case limit.LayerMethod:
		return d.rule.throttle.Rate
	case limit.LayerPlan:
		return d.plan.throttle.Rate
	case limit.LayerStage:
		return c.stageThrottle().Rate
	case limit.LayerAccount:
		return c.api.account.throttle.Rate
	default:
		return 0
	}
}
