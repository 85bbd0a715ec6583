package store_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// largeBatch is one of 500 keys, from one place in the journal to the next.
func largeBatch(from uint64) models.UsageBatch {
	b := models.UsageBatch{From: models.JournalPosition{Segment: from, Offset: from * 64}, To: models.JournalPosition{Segment: from + 1, Offset: (from + 1) * 64}}
	for i := range 500 {
		key := models.KeyID(i + 1)
		c := models.UsageCell{KeyID: key, PlanID: 1, StageID: 1, MethodID: 1, Minute: storetest.Now().Unix(), Outcome: models.OutcomeSuccess, Count: int64(i), BytesOut: 7}
		c.Latency[3] = int64(i)
		b.Cells = append(b.Cells, c)
		b.Charged = append(b.Charged, models.QuotaUse{KeyID: key, PlanID: 1, Day: storetest.Now().Unix() / 86400, Used: int64(i)})
		b.LastUsed = append(b.LastUsed, models.LastUse{KeyID: key, At: storetest.Now()})
	}
	return b
}

// tables are all rows of usage and of charges, as texts.
func tables(t *testing.T, s *store.Store) (all []string) {
	t.Helper()
	for _, table := range []string{"usage_minutes", "usage_half_hours", "usage_days", "usage_key_months", "quota_days", "staged_usage"} {
		var rows []map[string]any
		if err := store.Reader(s).Table(table).Find(&rows).Error; err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			all = append(all, fmt.Sprint(table, row))
		}
	}
	slices.Sort(all)
	return all
}

// TestALargeBatchOfUsageCountsOnceHoweverOftenItIsInterrupted kills it before each of its parts, as the caller repeats it or as another process goes on.
func TestALargeBatchOfUsageCountsOnceHoweverOftenItIsInterrupted(t *testing.T) {
	whole := storetest.Open(t)
	resume := func(s *store.Store) models.Resumption {
		t.Helper()
		r, err := s.Resume(t.Context(), "boot")
		ok(t, err)
		return r
	}
	resume(whole)
	for i := range uint64(3) {
		ok(t, whole.CommitUsage(t.Context(), largeBatch(i)))
	}
	want := tables(t, whole)
	if len(want) < 2000 {
		t.Fatalf("%d rows", len(want))
	}
	for parts := range 5 {
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		at := func(c *store.Config) { c.Path = path }
		first := storetest.Open(t, at)
		resume(first)
		ok(t, first.CommitUsage(t.Context(), largeBatch(0)))
		store.StopAdding(first, parts)
		if err := first.CommitUsage(t.Context(), largeBatch(1)); err == nil {
			t.Fatal("it was not interrupted")
		}
		if parts%2 == 0 { // the caller asks again
			store.StopAdding(first, -1)
			ok(t, first.CommitUsage(t.Context(), largeBatch(1)))
			ok(t, first.CommitUsage(t.Context(), largeBatch(1)))
			ok(t, first.CommitUsage(t.Context(), largeBatch(2)))
			if diff := cmp.Diff(want, tables(t, first)); diff != "" {
				t.Errorf("after %d parts, and asked again: %.2000s", parts, diff)
			}
			continue
		}
		second := storetest.Open(t, at) // as after a kill
		if r := resume(second); r.Position != largeBatch(1).To {
			t.Errorf("it resumes at %+v", r.Position)
		}
		ok(t, second.CommitUsage(t.Context(), largeBatch(2)))
		if diff := cmp.Diff(want, tables(t, second)); diff != "" {
			t.Errorf("after %d parts, and another start: %.2000s", parts, diff)
		}
	}
}
