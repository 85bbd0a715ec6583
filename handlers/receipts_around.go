package handlers

import (
	"context"
	"fmt"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/rehearsal"
	"gatehouse/templates/format"
)

// This file says of a request what the recording of its key's arrivals proves: which of the second's requests it was, and which other plan would have let it pass.

// Around is what one key sent on a plan; see enforcement/recording.
type Around interface {
	ReadAround(ctx context.Context, plan models.PlanID, key models.KeyID, from, until time.Time) ([]models.Arrival, models.Recorded, error)
}

// recordedAfter is how long after a request all of its second is recorded for certain.
const recordedAfter = 3 * time.Second

// around reads what the key of a refused request, which took so long in all, sent in the time before; nil where that is not known as a whole, or nothing to the reader.
func (h *Receipts) around(r *Request, d models.ReceiptDetail, took time.Duration) (*rehearsal.Around, error) {
	refused := d.Outcome == models.OutcomeThrottled || d.Outcome == models.OutcomeQuota
	if h.Arrivals == nil || !refused || d.Key.ID == 0 || d.PlanID == 0 || r.Now.Sub(d.At) < recordedAfter {
		return nil, nil
	}
	from := d.At.Add(-rehearsal.LookBack * time.Second)
	arrivals, covered, err := h.Arrivals.ReadAround(r.Context(), d.PlanID, d.KeyID, from, d.At)
	if err != nil {
		return nil, err
	}
	a, ok := rehearsal.NewAround(d.At, took, arrivals)
	own := a.InSecond(rehearsal.Which{Stage: d.StageID, Method: d.MethodID})
	recorded := own.Throttled > 0 && d.Outcome == models.OutcomeThrottled || own.OverQuota > 0 && d.Outcome == models.OutcomeQuota
	if !ok || !recorded || covered.Since.IsZero() || covered.Since.Unix() > from.Unix() || len(covered.Gaps) > 0 || covered.Lost > 0 || covered.Damaged > 0 {
		return nil, nil
	}
	return a, nil
}

// secondWords says what else came in the second of a request that a throttle of its key refused, and which of them it was at least; "" where it came alone, or that is not known.
func (h *Receipts) secondWords(r *Request, d models.ReceiptDetail, a *rehearsal.Around) (string, error) {
	if a == nil || d.Layer != limit.LayerPlan && d.Layer != limit.LayerMethod {
		return "", nil
	}
	var of rehearsal.Which
	what := "on the plan"
	if d.Layer == limit.LayerMethod {
		of, what = rehearsal.Which{Stage: d.StageID, Method: d.MethodID}, "of "+d.Method
	}
	sum := a.InSecond(of)
	if sum.Requests() < 2 {
		return "", nil
	}
	refused := sum.Throttled + sum.OverQuota
	text := fmt.Sprintf("In that second this key sent %s %s: %s passed, %s refused.", format.Requests(sum.Requests()), what, format.Count(sum.Admitted), wereWords(refused))
	from := d.At.Add(-rehearsal.LookBack * time.Second)
	changed, err := h.Store.LimitsChanged(r.Context(), d, from, d.At.Add(time.Second))
	if err != nil || changed || from.Before(h.Since) {
		return text, err
	}
	l := d.Limits.Of(d.Layer)
	low, high, ok := a.PassedBefore(of, limit.Throttle{Rate: l.Rate, Burst: l.Limit}, l.Level())
	switch {
	case !ok || low == 0:
	case low == high && refused == 1:
		text += fmt.Sprintf(" This was the %s of them.", ordinal(int(low+1)))
	default:
		text += fmt.Sprintf(" This was the %s of them or a later one.", ordinal(int(low+1)))
	}
	return text, nil
}

func wereWords(n int64) string {
	if n == 1 {
		return "1 was"
	}
	return format.Count(n) + " were"
}

// wouldPass reports whether a plan would have let a refused request pass for certain, had the key been on it since before: its throttles would have, whatever the order of what came, with all that
// was refused besides; and all that the key sent in the quota's window is not more than the quota.
func (h *Receipts) wouldPass(ctx context.Context, d models.ReceiptDetail, a *rehearsal.Around, p models.CatalogPlan, method *limit.Throttle) (bool, error) {
	if a == nil {
		return false, nil
	}
	for _, shared := range []limit.Layer{limit.LayerStage, limit.LayerAccount} {
		// What was refused before would have taken of these, too.
		if l := d.Limits.Of(shared); l.Limited && l.Remaining < a.Refused() {
			return false, nil
		}
	}
	if t := p.Terms.Throttle; t != nil && !a.WouldPass(rehearsal.Which{}, *t) {
		return false, nil
	}
	if method != nil && !a.WouldPass(rehearsal.Which{Stage: d.StageID, Method: d.MethodID}, *method) {
		return false, nil
	}
	if alone, err := h.onPlanAlone(ctx, d); err != nil || !alone {
		return false, err
	}
	q := p.Terms.Quota
	if q == nil || !q.IsSet() {
		return true, nil
	}
	day := d.At.UTC().Truncate(24 * time.Hour)
	points, err := h.Store.UsageSeries(ctx, models.UsageScope{Keys: []models.KeyID{d.KeyID}}, models.UsageRange{From: q.Window(d.At).Start, To: day.AddDate(0, 0, 1), Step: models.StepDay})
	sum := models.Sum(points)
	return sum.Total() > 0 && sum.Total() <= q.Limit, err
}

// onPlanAlone reports whether the key sent nothing in the half hours around a request but what the recording of its plan has: no requests by other plans, and none that met no limit, because
// something else refused them. Another plan might have let those pass, and counted them.
func (h *Receipts) onPlanAlone(ctx context.Context, d models.ReceiptDetail) (bool, error) {
	step := time.Duration(models.StepHalfHour)
	span := models.UsageRange{From: d.At.Add(-rehearsal.LookBack * time.Second).UTC().Truncate(step), To: d.At.UTC().Truncate(step).Add(step), Step: models.StepHalfHour}
	all, err := h.Store.UsageSeries(ctx, models.UsageScope{Keys: []models.KeyID{d.KeyID}}, span)
	if err != nil {
		return false, err
	}
	own, err := h.Store.UsageSeries(ctx, models.UsageScope{Keys: []models.KeyID{d.KeyID}, Plans: []models.PlanID{d.PlanID}}, span)
	every, mine := models.Sum(all), models.Sum(own)
	return every.Total() == mine.Total() && mine.Counts[models.OutcomeDenied] == 0 && mine.Total() > 0, err
}

// passingWords names the plans that would have let a request pass; "" for none.
func passingWords(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return "The plan " + names[0] + " would have passed it."
	}
	return "The plans " + andWords(names) + " would have passed it."
}
