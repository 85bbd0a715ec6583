package models_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/models"
)

func TestLatencyBucketHoldsItsLatency(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "latency"))
		i := models.LatencyBucket(d)
		if i < models.NumLatencies-1 && d > time.Duration(models.LatencyBounds[i])*time.Millisecond {
			t.Fatalf("%v is above bucket %d", d, i)
		}
		if i > 0 && d <= time.Duration(models.LatencyBounds[i-1])*time.Millisecond {
			t.Fatalf("%v is below bucket %d", d, i)
		}
	})
}

// A percentile must lie in the bucket of the answer that it names: the promise of at most 30 % off rests on that.
func TestPercentileLiesInTheBucketOfItsAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.SliceOfN(rapid.Int64Range(0, 14_000), 1, 200).Draw(t, "milliseconds")
		var h models.Histogram
		for _, v := range ms {
			h[models.LatencyBucket(time.Duration(v)*time.Millisecond)]++
		}
		share := rapid.Float64Range(0.01, 1).Draw(t, "share")
		got, ok := h.Percentile(share)
		if !ok {
			t.Fatal("no percentile of answers that are there")
		}
		below, rank := int64(0), share*float64(len(ms))
		for i, n := range h {
			if below += n; n > 0 && float64(below) >= rank {
				low := float64(0)
				if i > 0 {
					low = float64(models.LatencyBounds[i-1])
				}
				if got < low || got > float64(models.LatencyBounds[i])+1e-6 {
					t.Fatalf("%v is not in bucket %d", got, i)
				}
				return
			}
		}
	})
}

func TestNoAnswersHaveNoPercentile(t *testing.T) {
	var h models.Histogram
	if got, ok := h.Percentile(0.5); ok || got != 0 {
		t.Errorf("got %v, %t", got, ok)
	}
	h[models.NumLatencies-1] = 1
	if got, ok := h.Percentile(0.99); !ok || got < 15_000 || math.IsInf(got, 0) {
		t.Errorf("got %v, %t for an answer above all bounds", got, ok)
	}
}

// Outcomes are stored by number and known by name: neither may move.
func TestOutcomesKeepTheirNumbersAndNames(t *testing.T) {
	names := []string{"open", "success", "redirect", "client_error", "server_error", "upstream_failed", "aborted", "throttled", "over_quota", "denied"}
	if int(models.NumOutcomes) != len(names) {
		t.Fatalf("%d outcomes, want %d", models.NumOutcomes, len(names))
	}
	for i, name := range names {
		o := models.Outcome(i)
		if o.String() != name || o.Admitted() != (i < 7) {
			t.Errorf("outcome %d is %s, admitted %t", i, o, o.Admitted())
		}
	}
	if models.NumOutcomes.String() != "unknown" {
		t.Error("a number without an outcome has a name")
	}
}

func TestResolutionDividesTheStep(t *testing.T) {
	for step, want := range map[models.Step]models.Step{
		models.StepMinute: models.StepMinute, 5 * models.StepMinute: models.StepMinute, 45 * models.StepMinute: models.StepMinute,
		models.StepHalfHour: models.StepHalfHour, 6 * models.StepHour: models.StepHalfHour, models.StepDay: models.StepDay, 7 * models.StepDay: models.StepDay,
	} {
		if got := step.Resolution(); got != want {
			t.Errorf("%v: got %v, want %v", time.Duration(step), time.Duration(got), time.Duration(want))
		}
	}
}

func TestSumAddsEveryNumber(t *testing.T) {
	a := models.UsagePoint{Start: noon, BytesIn: 1, BytesOut: 2, ThrottledSeconds: 3}
	a.Counts[models.OutcomeSuccess], a.Latency[4] = 5, 6
	b := models.UsagePoint{Start: noon.Add(time.Hour), BytesIn: 10, BytesOut: 20, ThrottledSeconds: 30}
	b.Counts[models.OutcomeDenied], b.Latency[4] = 50, 60
	got := models.Sum([]models.UsagePoint{a, b})
	if got.Start != noon || got.BytesIn != 11 || got.BytesOut != 22 || got.ThrottledSeconds != 33 || got.Total() != 55 || got.Latency[4] != 66 {
		t.Errorf("got %+v", got)
	}
}
