package main

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestDemoPastGoesOnAsItsTrafficDoes would fail if a chart of the demo showed a step where its made-up past ends.
func TestDemoPastGoesOnAsItsTrafficDoes(t *testing.T) {
	if sum := total(demoCalls, func(c demoCall) float64 { return c.share }); math.Abs(sum-1) > 1e-9 {
		t.Errorf("the shares of what is called sum to %v", sum)
	}
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for _, c := range []demoCaller{{key: 1, perDay: 28_000}, {key: 2, perDay: 2400, burst: demoBurst}} {
		for _, step := range []time.Duration{time.Minute, time.Hour} {
			past := demoPast{recorded: true, seconds: rand.New(rand.NewPCG(3, 4))}
			r := rand.New(rand.NewPCG(1, 2))
			for at := noon; at.Before(noon.Add(24 * time.Hour)); at = at.Add(step) {
				past.add(r, c, nil, at, step)
			}
			want := 0.0 // what traffic sends in as long, on average
			for at := noon; at.Before(noon.Add(24 * time.Hour)); at = at.Add(time.Minute) {
				want += c.perSecond(at)*60 + float64(c.burst)*60/demoBurstSeconds
			}
			got := 0.0
			cells := map[int64]int64{}
			for _, cell := range past.usage.Cells {
				got += float64(cell.Count)
				cells[cell.Minute] += cell.Count
			}
			for _, a := range past.arrivals {
				cells[a.Second-a.Second%int64(step.Seconds())] -= a.Requests()
			}
			for minute, n := range cells {
				if n != 0 {
					t.Errorf("%d requests of the step at %d are in the usage and not in the recording of caller %d", n, minute, c.key)
				}
			}
			if math.Abs(got/want-1) > 0.03 {
				t.Errorf("a day of caller %d by steps of %s holds %.0f calls, its traffic sends %.0f", c.key, step, got, want)
			}
		}
	}
}
