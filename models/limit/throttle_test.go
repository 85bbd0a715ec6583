package limit_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models/limit"
)

func TestBurstForIsOneSecondsWorth(t *testing.T) {
	for rate, want := range map[float64]int64{0: 1, 0.1: 1, 1: 1, 1.5: 2, 50: 50, 99.01: 100, -3: 1,
		math.Inf(1): limit.MaxBurst, math.NaN(): 1, 1e18: limit.MaxBurst} {
		if got := limit.BurstFor(rate); got != want {
			t.Errorf("BurstFor(%v) = %d, want %d", rate, got, want)
		}
	}
}

func TestThrottleValidateNamesTheField(t *testing.T) {
	tests := []struct {
		name     string
		throttle limit.Throttle
		want     map[string]string // field: part of the message
	}{
		{name: "ordinary", throttle: limit.Throttle{Rate: 50, Burst: 100}},
		{name: "fractional", throttle: limit.Throttle{Rate: 0.1, Burst: 1}},
		{name: "once a day", throttle: limit.Throttle{Rate: 1.0 / 86400, Burst: 10}},
		{name: "refuses everything", throttle: limit.Throttle{}},
		{name: "rate 0", throttle: limit.Throttle{Burst: 7}},
		{name: "burst 0", throttle: limit.Throttle{Rate: 7}},
		{name: "largest", throttle: limit.Throttle{Rate: limit.MaxRate, Burst: limit.MaxBurst}},
		{name: "negative", throttle: limit.Throttle{Rate: -1, Burst: -1},
			want: map[string]string{"rate": "cannot be negative", "burst": "cannot be negative"}},
		{name: "too large", throttle: limit.Throttle{Rate: 1e6 + 1, Burst: 1e9 + 1},
			want: map[string]string{"rate": "at most 1,000,000 requests a second", "burst": "at most 1,000,000,000"}},
		{name: "not a number", throttle: limit.Throttle{Rate: math.NaN(), Burst: 1}, want: map[string]string{"rate": "must be a number"}},
		{name: "infinite", throttle: limit.Throttle{Rate: math.Inf(1), Burst: 1}, want: map[string]string{"rate": "at most"}},
		{name: "never full", throttle: limit.Throttle{Rate: 0.1, Burst: 5_000_000},
			want: map[string]string{"burst": "At 0.1 a second an empty bucket of 5,000,000 takes 579 days"}},
		{name: "as good as never", throttle: limit.Throttle{Rate: 5e-324, Burst: 1}, want: map[string]string{"burst": "days to fill"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkProblems(t, tt.throttle.Validate(), tt.want) })
	}
}

func checkProblems(t *testing.T, err error, want map[string]string) {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Errorf("got %v, want no problem", err)
		}
		return
	}
	problems, _ := err.(limit.Problems)
	got := map[string]string{}
	for _, p := range problems {
		got[p.Field] = p.Message
		if part, ok := want[p.Field]; ok && strings.Contains(p.Message, part) {
			got[p.Field] = part
		}
		if !strings.Contains(err.Error(), p.Message) {
			t.Errorf("the error %q leaves out %q", err, p.Message)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestFillIsBurstOverRate(t *testing.T) {
	if got := (limit.Throttle{Rate: 50, Burst: 100}).Fill(); got != 2*time.Second {
		t.Errorf("got %v, want 2s", got)
	}
	if got := (limit.Throttle{Burst: 100}).Fill(); got != 0 {
		t.Errorf("a throttle that refuses everything: got %v, want 0", got)
	}
}
