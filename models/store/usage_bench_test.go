package store_test

import (
	"fmt"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// BenchmarkCommitUsage commits what a busy second brings: n cells of n keys on ten plans. Run with -benchtime=20x.
func BenchmarkCommitUsage(b *testing.B) {
	for _, n := range []int{10, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := storetest.Open(b)
			batch := models.UsageBatch{}
			minute := storetest.Now().Unix()
			for i := range n {
				key, plan := models.KeyID(i+1), models.PlanID(i%10+1)
				cell := models.UsageCell{KeyID: key, PlanID: plan, StageID: 1, MethodID: models.MethodID(i%7 + 1), Minute: minute,
					Outcome: models.OutcomeSuccess, Count: 3, BytesOut: 1000}
				cell.Latency[4] = 3
				batch.Cells = append(batch.Cells, cell)
				batch.Charged = append(batch.Charged, models.QuotaUse{KeyID: key, PlanID: plan, Day: minute / 86400, Used: 3})
				batch.LastUsed = append(batch.LastUsed, models.LastUse{KeyID: key, At: storetest.Now()})
			}
			for round := 0; b.Loop(); round++ {
				for i := range batch.Cells {
					batch.Cells[i].Minute = minute + int64(round/30)*60 // a new row for each key every 30 rounds
				}
				if err := s.CommitUsage(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
