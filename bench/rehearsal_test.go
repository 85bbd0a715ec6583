package bench

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"gatehouse/enforcement/recording"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/rehearsal"
)

// BenchmarkRehearsal replays a month of 10 million recorded arrivals of 2,000 keys from the disk, single requests all of them: issue 3 asks for less
// than 5 s.
func BenchmarkRehearsal(b *testing.B) {
	const arrivals, batch, keys = 10_000_000, 100_000, 2000
	month := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	r, err := recording.Open(b.TempDir(), recording.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range int64(arrivals / batch) {
		some := make([]models.Arrival, batch)
		for j := range some {
			some[j] = models.Arrival{KeyID: models.NewID[models.Key](random.Uint64N(keys)), PlanID: 1, StageID: 1, MethodID: models.MethodID(random.Int64N(8)), Admitted: 1,
				Second: month.Unix() + i*30*86400*batch/arrivals + random.Int64N(30*86400*batch/arrivals)}
		}
		if err := r.Keep(some); err != nil {
			b.Fatal(err)
		}
	}
	today := models.NewTerms("Growth")
	today.Throttle, today.Quota = &limit.Throttle{Rate: 50, Burst: 100}, &limit.Quota{Limit: 1_000_000, Period: limit.PeriodMonth}
	today.Stages = []models.PlanStage{{StageID: 1}}
	draft := today
	draft.Throttle, draft.Quota = &limit.Throttle{Rate: 0.001, Burst: 1}, &limit.Quota{Limit: 100, Period: limit.PeriodDay}
	b.ReportAllocs()
	steps := 0
	for b.Loop() {
		replay, last := rehearsal.New(today, draft, month), 0.0
		covered, err := r.Read(b.Context(), 1, month, func(some []models.Arrival, share float64) error {
			replay.Add(some)
			if share > last {
				steps, last = steps+1, share
			}
			return nil
		})
		if err != nil || covered.Requests != arrivals || last < 0.9 {
			b.Fatal(covered.Requests, last, err)
		}
		if result := replay.Result(100); result.Total.Draft.Refused.Low == 0 {
			b.Fatal("nothing was refused")
		}
	}
	b.ReportMetric(float64(steps)/float64(b.N), "steps")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/arrivals, "ns/arrival")
}
