package chart

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func sentence(rate, burst float64) string {
	var b strings.Builder
	for _, phrase := range Explain(rate, burst) {
		b.WriteString(phrase.Text)
	}
	return strings.ReplaceAll(b.String(), "\u00a0", " ")
}

func TestExplainSaysWhatLimitsMean(t *testing.T) {
	tests := []struct {
		rate, burst float64
		want        string
	}{
		{50, 100, "An idle key may send 100 requests at once, then 50 a second. After a full burst it takes 2 seconds to refill. Steady use is at most 3,000 a minute or 4.3M a day."},
		{0.1, 10, "An idle key may send 10 requests at once, then 1 every 10 seconds. After a full burst it takes 1 minute 40 seconds to refill. Steady use is at most 6 a minute or 8,640 a day."},
		{1, 1, "An idle key may send 1 request, then 1 a second. Steady use is at most 60 a minute or 86,400 a day."},
		{1.5, 2, "An idle key may send 2 requests at once, then 1.5 a second. After a full burst it takes 1.3 seconds to refill. Steady use is at most 90 a minute or 129.6k a day."},
		{0.001, 5, "An idle key may send 5 requests at once, then 1 every 16 minutes 40 seconds. After a full burst it takes 1 hour 23 minutes to refill. Steady use is at most 3.6 an hour or 86 a day."},
		{10_000, 5_000, "An idle key may send 5,000 requests at once, then 10,000 a second. After a full burst it takes 0.5 seconds to refill. Steady use is at most 600k a minute or 864M a day."},
		{0, 100, "A rate of 0 refuses every request with 429."},
		{-1, 100, "A rate of 0 refuses every request with 429."},
		{math.NaN(), 1, "A rate of 0 refuses every request with 429."},
		{5, 0.5, "A burst below 1 refuses every request: the bucket can never hold one."},
		{5, math.NaN(), "A burst below 1 refuses every request: the bucket can never hold one."},
		{0.97, 2.9, "An idle key may send 2 requests at once, then 0.97 a second. After a full burst it takes 2.1 seconds to refill. Steady use is at most 58 a minute or 83,808 a day."},
	}
	for _, tt := range tests {
		if got := sentence(tt.rate, tt.burst); got != tt.want {
			t.Errorf("%v, %v:\n got %s\nwant %s", tt.rate, tt.burst, got, tt.want)
		}
	}
}

// The drawing must promise nothing that the gateway would refuse: in any span,
// what is served is at most burst + rate * time.
func TestSampleNeverServesMoreThanTheBucketHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.OneOf(rapid.Float64Range(0.001, 1e5), rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1)})).Draw(t, "rate")
		burst := rapid.OneOf(rapid.Float64Range(0, 1e6), rapid.SampledFrom([]float64{0, .5, math.NaN(), math.Inf(1)})).Draw(t, "burst")
		ticks := Sample(rate, burst)
		none := !(rate > 0) || math.IsInf(rate, 0) || !(burst >= 1) || math.IsInf(burst, 0)
		for from := range ticks {
			sum := 0.0
			for i := from; i < len(ticks); i++ {
				if ticks[i].Served < 0 || ticks[i].Refused < 0 || math.IsNaN(ticks[i].Served+ticks[i].Refused) {
					t.Fatalf("tick %d is %v", i, ticks[i])
				}
				sum += ticks[i].Served
				limit := burst + rate*simTick*float64(i-from+1)
				if none {
					limit = 0
				}
				if sum > limit*(1+1e-9) {
					t.Fatalf("ticks %d to %d serve %v, the limit is %v", from, i, sum, limit)
				}
			}
		}
	})
}

// A drawing in which nothing is refused, or nothing served, would explain nothing.
func TestSampleShowsBothSides(t *testing.T) {
	for _, limits := range [][2]float64{{50, 100}, {0.1, 10}, {1, 1}, {10_000, 5_000}, {5, 100_000}, {1000, 1}} {
		served, refused := 0.0, 0.0
		for _, tick := range Sample(limits[0], limits[1]) {
			served += tick.Served
			refused += tick.Refused
		}
		if share := served / (served + refused); share < .3 || share > .97 {
			t.Errorf("%v serves %.2f of the sample", limits, share)
		}
	}
}
