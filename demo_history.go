package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"gatehouse/models"
)

// demoDays is how many days before today the demo's made-up past begins.
const demoDays = 89 // with today they fill the longest chart

// seedHistory writes usage as the demo's traffic would have left it, less the longer ago: by the hour, and the latest by the minute, so that
// what happens from now on goes on where the past ends.
func (d *demoData) seedHistory(ctx context.Context, now time.Time) error {
	methods, err := d.in.store.Methods(ctx, d.api.OwnerID, d.api.ID)
	if err != nil {
		return err
	}
	ids := map[string]models.MethodID{}
	for _, m := range methods {
		if m.Verb == http.MethodGet {
			ids[m.Path] = m.ID
		}
	}
	r := rand.New(rand.NewPCG(26, 11)) // the same past each time
	const day = 24 * time.Hour
	end := now.UTC().Truncate(time.Minute)
	for start := end.Truncate(day).Add(-demoDays * day); start.Before(end); start = start.Add(day) {
		next := start.Add(day)
		if next.After(end) {
			next = end
		}
		age := end.Sub(next)
		step, grown := time.Hour, 1-0.4*age.Hours()/24/demoDays
		if age < day {
			step = time.Minute
		}
		var batch models.UsageBatch
		for _, c := range d.callers {
			if age > 0 {
				c.perDay *= grown * (0.9 + 0.2*r.Float64())
			}
			for at := start; at.Before(next); at = at.Add(step) {
				history(&batch, r, c, ids, at, step)
			}
			batch.LastUsed = append(batch.LastUsed, models.LastUse{KeyID: c.key, At: next})
		}
		if err := d.in.store.CommitUsage(ctx, batch); err != nil {
			return fmt.Errorf("write the past until %s: %w", next, err)
		}
	}
	return nil
}

// history adds what c called in the step that begins at start.
func history(batch *models.UsageBatch, r *rand.Rand, c demoCaller, ids map[string]models.MethodID, start time.Time, step time.Duration) {
	expected := c.perSecond(start) * step.Seconds()
	for _, call := range demoCalls {
		done := models.UsageCell{
			KeyID: c.key, PlanID: c.plan, StageID: c.stage, MethodID: ids[call.method], Minute: start.Unix(),
			Outcome: call.outcome, Count: int64(expected*call.share + r.Float64()),
		}
		if call.path == demoBurstCall.path && c.burst > 0 {
			bursts := start.Add(step).Unix()/demoBurstSeconds - start.Unix()/demoBurstSeconds
			done.Count += bursts * demoFreeBurst
			if bursts > 0 {
				refused := done
				refused.Outcome, refused.Count, refused.ThrottledSeconds = models.OutcomeThrottled, bursts*int64(c.burst-demoFreeBurst), bursts
				batch.Cells = append(batch.Cells, refused)
			}
		}
		if done.Count == 0 {
			continue
		}
		done.BytesOut = done.Count * 600
		for range done.Count {
			done.Latency[models.LatencyBucket(call.latency(r))]++
		}
		batch.Cells = append(batch.Cells, done)
		batch.Charged = append(batch.Charged, models.QuotaUse{KeyID: c.key, PlanID: c.plan, Day: start.Unix() / 86400, Used: done.Count})
	}
}
