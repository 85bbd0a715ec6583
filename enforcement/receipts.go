package enforcement

import (
	"time"

	"gatehouse/enforcement/transport"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// keepRefusal leaves a receipt of the refusal of a known key's request, if one is due, before the request gets its name.
func (q *request) keepRefusal(entry Problem) {
	ring := q.g.config.Receipts
	if ring == nil || q.decision.call.Key == 0 || q.id != "" || q.isQuote() {
		return
	}
	outcome, ok := q.decision.problem.refusal()
	if !ok {
		outcome = models.OutcomeDenied
	}
	if q.receipt, ok = ring.Refusal(q.decision.call.Key, q.at.mono); ok {
		r := q.receiptOf(outcome, entry.Slug, entry.Status)
		ring.Write(q.receipt, &r)
	}
}

// keepAdmission does so for a request that is about to be forwarded.
func (q *request) keepAdmission() {
	if ring := q.g.config.Receipts; ring != nil && q.decision.call.Key != 0 {
		var ok bool
		if q.receipt, ok = ring.Admission(q.decision.call.Key, q.at.mono); ok {
			r := q.receiptOf(models.OutcomeOpen, "", 0)
			ring.Write(q.receipt, &r)
		}
	}
	q.name()
}

// settle writes down how a forwarded request ended.
func (q *request) settle(o models.Outcome, e *transport.End) {
	if !q.receipt.IsSet() {
		return
	}
	slug, status := "", e.Status
	if p := q.decision.problem; p != problemNone {
		slug, status = p.entry().Slug, p.entry().Status
	}
	r := q.receiptOf(o, slug, status)
	r.Latency, r.BytesIn, r.BytesOut = e.Latency, e.BytesIn, e.BytesOut
	q.g.config.Receipts.Write(q.receipt, &r)
}

func (q *request) receiptOf(o models.Outcome, slug string, status int) models.Receipt {
	d := &q.decision
	r := models.Receipt{
		At: time.Unix(0, q.at.wall), KeyID: d.call.Key, AppID: d.app, APIID: q.api.id, StageID: q.stage.id,
		Outcome: o, Problem: slug, Status: status, Limits: q.limits(),
	}
	if q.method != nil { // it was looked for
		r.MethodID, r.Method = q.method.id, q.method.name
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
func (q *request) limits() (out models.ReceiptLimits) {
	d := &q.decision
	if !d.decided || d.plan == nil {
		return out
	}
	for layer := limit.LayerMethod; layer <= limit.LayerQuota; layer++ {
		if g := d.layers.Gauge(layer); g.Limited {
			*out.Of(layer) = models.ReceiptLimit{Limited: true, Rate: q.rateOf(layer), Limit: g.Limit, Remaining: g.Remaining, Reset: g.Reset}
		}
	}
	out.Of(limit.LayerQuota).Period = d.plan.quota.Period
	return out
}

func (q *request) rateOf(layer limit.Layer) float64 {
	switch d := &q.decision; layer {
	case limit.LayerMethod:
		return d.rule.throttle.Rate
	case limit.LayerPlan:
		return d.plan.throttle.Rate
	case limit.LayerStage:
		return q.stage.throttle.Rate
	case limit.LayerAccount:
		return q.api.account.throttle.Rate
	default:
		return 0
	}
}
