package rehearsal_test

import (
	"math/rand/v2"
	"testing"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/rehearsal"
)

// BenchmarkRehearsal replays single requests, the most that there are to an arrival, of 1,000 keys with segments of some days.
func BenchmarkRehearsal(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []models.Arrival
	for part := range int64(4) {
		for key := range int64(1000) {
			second := part * 250_000
			for range 100 {
				second += random.Int64N(5000)
				all = append(all, arrival(key+1, 1, random.Int64N(8), second, 1))
			}
		}
	}
	today := opening(func(t *models.Terms) {
		t.Throttle, t.Quota = &limit.Throttle{Rate: 50, Burst: 100}, &limit.Quota{Limit: 1_000_000, Period: limit.PeriodMonth}
	})
	draft := opening(func(t *models.Terms) {
		t.Throttle, t.Quota = &limit.Throttle{Rate: 0.0002, Burst: 2}, &limit.Quota{Limit: 100, Period: limit.PeriodMonth}
	})
	b.ReportAllocs()
	for b.Loop() {
		r := rehearsal.New(today, draft, from)
		for rest := all; len(rest) > 0; rest = rest[min(1024, len(rest)):] {
			r.Add(rest[:min(1024, len(rest))])
		}
		if r.Result(100).Total.Requests != int64(len(all)) {
			b.Fatal("not all")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(all)), "ns/arrival")
}
