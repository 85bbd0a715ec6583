package store_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// holds notes how long use cases hold the writer.
type holds struct {
	mu sync.Mutex
	of map[string][]time.Duration
}

func (h *holds) note(useCase string, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of[useCase] = append(h.of[useCase], d)
}

func (h *holds) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of = map[string][]time.Duration{}
}

// BenchmarkHolds reports how long use cases hold the writer on a plan with 100,000 keys, in ms, the median and the longest of the transactions of each; GATEHOUSE_HOLD_KEYS
// changes how many. Everybody who needs a right of a quota waits for the transaction under way: 20 ms are the aim (DECISIONS 50).
func BenchmarkHolds(b *testing.B) {
	keys, err := strconv.Atoi(os.Getenv("GATEHOUSE_HOLD_KEYS"))
	if err != nil {
		keys = 100_000
	}
	h := &holds{}
	h.reset()
	s, c := storetest.SeedCrowd(b, filepath.Join(b.TempDir(), "gatehouse.db"), keys, func(c *store.Config) { c.Held = h.note })
	ctx, owner, developer := b.Context(), storetest.Actor(c.Owner), storetest.Actor(c.Developer)
	now := storetest.Now().Add(time.Hour)
	publish := func(stages ...models.Stage) {
		b.Helper()
		terms := c.Crowded.InForce
		terms.Stages = nil
		for _, st := range stages {
			terms.Stages = append(terms.Stages, models.PlanStage{StageID: st.ID})
		}
		now = now.Add(time.Minute)
		terms.Name = "Crowded " + now.Format(time.TimeOnly)
		_, err := s.SaveDraft(ctx, owner, c.Crowded.ID, "", terms, now)
		ok(b, err)
		_, err = s.PublishPlan(ctx, owner, c.Crowded.ID, now)
		ok(b, err)
	}
	steps := []struct {
		name string
		do   func()
	}{
		{"publish, no stage changes", func() { publish(c.Opened) }},
		{"publish, opens a stage", func() { publish(c.Opened, c.Spare) }},
		{"publish, closes a stage", func() { publish(c.Opened) }},
		{"publish, opens it again", func() { publish(c.Opened, c.Spare) }},
		{"delete a stage", func() { ok(b, s.DeleteStage(ctx, owner, c.API.ID, c.Spare.ID, now)) }},
		{"revoke 100 keys", func() {
			for i := range 100 {
				ok(b, s.RevokeKey(ctx, developer, c.Key(i), now))
			}
		}},
		{"move 100 subscriptions", func() {
			for i := range 100 {
				_, err := s.MoveSubscription(ctx, owner, c.Subscription(1000+i), c.Next.ID, true, now)
				ok(b, err)
			}
		}},
		{"exchange 1,000 rights", func() { exchangeMany(b, s, c, 1000) }},
		{"commit usage of 150 cells", func() { commitMany(b, s, c, 150, now) }},
		{"fill 20,000 minutes", func() {
			for i := range 134 {
				commitMany(b, s, c, 150, now.Add(time.Duration(i)*time.Minute))
			}
		}},
		{"forget usage", func() { ok(b, s.PruneUsage(ctx, now.AddDate(3, 0, 0))) }},
		{"disable the developer", func() { ok(b, s.SetAccountDisabled(ctx, models.CommandLine(), c.Developer.ID, true, now)) }},
		{"retire the plan", func() { ok(b, s.RetirePlan(ctx, owner, c.Crowded.ID, now)) }},
		{"end the plan", func() { ok(b, s.EndPlan(ctx, owner, c.Crowded.ID, now, now)) }},
		{"note the end of plans", func() { ok(b, s.EndDuePlans(ctx, now)) }},
		{"delete the API", func() { ok(b, s.DeleteAPI(ctx, owner, c.API.ID, now)) }},
	}
	for range b.N {
		for _, step := range steps {
			h.reset()
			start := time.Now()
			step.do()
			took := time.Since(start)
			for _, useCase := range slices.Sorted(maps.Keys(h.of)) {
				all := slices.Sorted(slices.Values(h.of[useCase]))
				b.Logf("%-28s %-20s %4d holds: median %7.1f ms, longest %7.1f ms; %8.1f ms in all", step.name, useCase, len(all), ms(all[len(all)/2]), ms(all[len(all)-1]), ms(took))
			}
		}
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func exchangeMany(b *testing.B, s *store.Store, c storetest.Crowd, n int) {
	b.Helper()
	var asks []models.QuotaAsk
	for i := range n {
		a := models.QuotaAsk{Bucket: models.QuotaBucket{KeyID: c.Key(2000 + i), PlanID: c.Crowded.ID, Period: 1, Window: storetest.Now().Unix() / 86400}, Join: true}
		a.Want, a.Seq, a.Holders = 1, 1<<32+uint64(i), 1
		asks = append(asks, a)
	}
	_, err := s.Exchange(context.Background(), asks)
	ok(b, err)
}

func commitMany(b *testing.B, s *store.Store, c storetest.Crowd, n int, at time.Time) {
	b.Helper()
	var batch models.UsageBatch
	for i := range n {
		cell := models.UsageCell{KeyID: c.Key((i*7919 + int(at.Unix())) % c.Keys), PlanID: c.Crowded.ID, StageID: c.Opened.ID, Minute: at.Unix() / 60 * 60, Outcome: models.OutcomeSuccess, Count: 3}
		batch.Cells = append(batch.Cells, cell)
		batch.Charged = append(batch.Charged, models.QuotaUse{KeyID: cell.KeyID, PlanID: cell.PlanID, Day: at.Unix() / 86400, Used: 3})
		batch.LastUsed = append(batch.LastUsed, models.LastUse{KeyID: cell.KeyID, At: at})
	}
	ok(b, s.CommitUsage(context.Background(), batch))
}
