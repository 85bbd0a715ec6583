package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"gatehouse/models"
)

// How many days before today the demo's made-up past begins, and how many of them are recorded for rehearsals.
const (
	demoDays         = 89 // with today they fill the longest chart
	demoRecordedDays = 30
)

// seedHistory writes usage as the demo's traffic would have left it, less the longer ago: by the hour, and the latest by the minute, so that
// what happens from now on goes on where the past ends. The recording of the latest days is of the same requests.
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
		step := time.Hour
		if age < day {
			step = time.Minute
		}
		past := demoPast{recorded: age < demoRecordedDays*day, seconds: rand.New(rand.NewPCG(11, uint64(start.Unix())))}
		for _, c := range d.callers {
			if age > 0 {
				c.perDay *= (1 - c.growth*age.Hours()/24/demoDays) * (0.9 + 0.2*r.Float64())
			}
			for at := start; at.Before(next); at = at.Add(step) {
				past.add(r, c, ids, at, step)
			}
			past.usage.LastUsed = append(past.usage.LastUsed, models.LastUse{KeyID: c.key, At: next})
		}
		if err := d.in.store.CommitUsage(ctx, past.usage); err != nil {
			return fmt.Errorf("write the past until %s: %w", next, err)
		}
		if d.in.recorder != nil {
			if err := d.in.recorder.Keep(past.arrivals); err != nil {
				return fmt.Errorf("record the past until %s: %w", next, err)
			}
		}
	}
	return nil
}

// demoPast is a made-up past: usage, and the same requests by the second.
type demoPast struct {
	usage    models.UsageBatch
	recorded bool
	seconds  *rand.Rand
	arrivals []models.Arrival
}

// arrive records the requests of a cell, at any seconds of its step.
func (p *demoPast) arrive(c models.UsageCell, n int64, step time.Duration) {
	if !p.recorded {
		return
	}
	for range n {
		a := models.Arrival{KeyID: c.KeyID, PlanID: c.PlanID, StageID: c.StageID, MethodID: c.MethodID, Second: c.Minute + p.seconds.Int64N(int64(step/time.Second)), Admitted: 1}
		if c.Outcome == models.OutcomeServerError {
			a.Failed = 1
		}
		p.arrivals = append(p.arrivals, a)
	}
}

// burst records the bursts of a step: what is allowed of each, and what is refused.
func (p *demoPast) burst(c models.UsageCell, bursts, refused int64) {
	if !p.recorded {
		return
	}
	first := (c.Minute/demoBurstSeconds + 1) * demoBurstSeconds
	for i := range bursts { // the second before: a burst at the end of a step is counted in it
		p.arrivals = append(p.arrivals, models.Arrival{KeyID: c.KeyID, PlanID: c.PlanID, StageID: c.StageID, MethodID: c.MethodID,
			Second: first + i*demoBurstSeconds - 1, Admitted: demoFreeBurst, Throttled: refused})
	}
}

// add adds what c called in the step that begins at start.
func (p *demoPast) add(r *rand.Rand, c demoCaller, ids map[string]models.MethodID, start time.Time, step time.Duration) {
	expected := c.perSecond(start) * step.Seconds()
	for _, call := range demoCalls {
		done := models.UsageCell{
			KeyID: c.key, PlanID: c.plan, StageID: c.stage, MethodID: ids[call.method], Minute: start.Unix(),
			Outcome: call.outcome, Count: int64(expected*call.share + r.Float64()),
		}
		p.arrive(done, done.Count, step)
		if call.path == demoBurstCall.path && c.burst > 0 {
			bursts := start.Add(step).Unix()/demoBurstSeconds - start.Unix()/demoBurstSeconds
			done.Count += bursts * demoFreeBurst
			p.burst(done, bursts, int64(c.burst-demoFreeBurst))
			if bursts > 0 {
				refused := done
				refused.Outcome, refused.Count, refused.ThrottledSeconds = models.OutcomeThrottled, bursts*int64(c.burst-demoFreeBurst), bursts
				p.usage.Cells = append(p.usage.Cells, refused)
			}
		}
		if done.Count == 0 {
			continue
		}
		done.BytesOut = done.Count * 600
		for range done.Count {
			latency := call.latency(r)
			done.Latency[models.LatencyBucket(latency)]++
			done.Upstream += latency
			done.Gateway += time.Duration(60+r.IntN(120)) * time.Microsecond
		}
		done.Timed = done.Count
		p.usage.Cells = append(p.usage.Cells, done)
		p.usage.Charged = append(p.usage.Charged, models.QuotaUse{KeyID: c.key, PlanID: c.plan, Day: start.Unix() / 86400, Used: done.Count})
	}
}
