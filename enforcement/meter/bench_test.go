package meter

import (
	"fmt"
	"testing"

	"gatehouse/enforcement/journal"
	"gatehouse/models"
)

// BenchmarkFold folds a second of 20 keys that call four methods each: for every request an admission and an answer.
func BenchmarkFold(b *testing.B) {
	const requests = 10_000
	var records []journal.Record
	for i := range int64(requests) {
		r := journal.Record{
			Kind: journal.Admitted, Key: models.KeyID(i%20 + 1), Plan: models.PlanID(i%3 + 1), Stage: 1, Method: models.MethodID(i%4 + 1), Second: 1_000_000 + i*2/requests, TAT: 1 + i,
		}
		records = append(records, r)
		r.Kind, r.Outcome = journal.Finished, models.OutcomeSuccess
		if i%50 == 0 {
			r.Outcome = models.OutcomeServerError
		}
		records = append(records, r)
	}
	for _, recorded := range []bool{false, true} {
		b.Run(fmt.Sprintf("recorded=%t", recorded), func(b *testing.B) {
			batch := batch{recorded: recorded}
			batch.reset()
			b.ReportAllocs()
			for b.Loop() {
				for i := range records {
					batch.fold(&records[i])
				}
				batch.reset()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/requests, "ns/request")
		})
	}
}
