package main

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"gatehouse/models"
)

// seedHistory writes thirty days of made-up usage, by the hour, and the last day of it every ten minutes: charts have a past.
func (d *demoData) seedHistory(ctx context.Context, now time.Time) error {
	methods, err := d.in.store.Methods(ctx, d.api.OwnerID, d.api.ID)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(26, 11)) // the same past each time
	end := now.UTC().Truncate(time.Minute)
	for start := end.AddDate(0, 0, -30).Truncate(time.Hour); start.Before(end); {
		step := time.Hour
		if end.Sub(start) <= 24*time.Hour {
			step = 10 * time.Minute
		}
		var batch models.UsageBatch
		for _, caller := range d.callers {
			n := caller.perDay * step.Hours() / 24 * daylight(start) * (0.85 + 0.3*r.Float64())
			history(&batch, r, caller, methods, start, n)
		}
		if err := d.in.store.CommitUsage(ctx, batch); err != nil {
			return err
		}
		start = start.Add(step)
	}
	return nil
}

// daylight shapes a day: quiet nights, busy afternoons, slower weekends.
func daylight(t time.Time) float64 {
	hour := float64(t.Hour()) + float64(t.Minute())/60
	level := 1 + 0.75*math.Sin((hour-9)/24*2*math.Pi)
	if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		level *= 0.55
	}
	return level
}

func history(batch *models.UsageBatch, r *rand.Rand, c demoCaller, methods []models.Method, start time.Time, n float64) {
	shares := []struct {
		path    string
		outcome models.Outcome
		share   float64
		ms      int64
	}{
		{"/get", models.OutcomeSuccess, 0.52, 30}, {"/json", models.OutcomeSuccess, 0.26, 24}, {"/uuid", models.OutcomeSuccess, 0.15, 18},
		{"/status/{code}", models.OutcomeClientError, 0.035, 22}, {"/status/{code}", models.OutcomeServerError, 0.006, 60}, {"/get", models.OutcomeThrottled, 0.004, 0},
	}
	if c.burst > 0 {
		shares[5].share = 0.06
	}
	for _, s := range shares {
		count := int64(n*s.share + r.Float64())
		id := methodAt(methods, s.path)
		if count == 0 || id == 0 {
			continue
		}
		cell := models.UsageCell{KeyID: c.key, PlanID: c.plan, StageID: c.stage, MethodID: id, Minute: start.Unix(), Outcome: s.outcome, Count: count, BytesOut: count * 600}
		if s.outcome == models.OutcomeThrottled {
			cell.ThrottledSeconds = 1 + count/9
		} else {
			for range count {
				cell.Latency[models.LatencyBucket(time.Duration(float64(s.ms)*math.Exp(0.6*r.NormFloat64()))*time.Millisecond)]++
			}
			batch.Charged = append(batch.Charged, models.QuotaUse{KeyID: c.key, PlanID: c.plan, Day: start.Unix() / 86400, Used: count})
		}
		batch.Cells = append(batch.Cells, cell)
	}
	batch.LastUsed = append(batch.LastUsed, models.LastUse{KeyID: c.key, At: start})
}

func methodAt(methods []models.Method, path string) models.MethodID {
	for _, m := range methods {
		if m.Path == path && m.Verb == "GET" {
			return m.ID
		}
	}
	return 0
}
