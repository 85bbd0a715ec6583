package store_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// The busiest methods are found among the busiest stages; they are those that adding everything up finds.
func TestTheBusiestMethodsOfManyStagesAreExact(t *testing.T) {
	w := newWorld(t)
	var batch models.UsageBatch
	type method struct {
		stage models.StageID
		id    models.MethodID
		n     int64
	}
	var all []method
	var stages []models.Stage
	for i := range 40 {
		stages = append(stages, w.stage(fmt.Sprintf("stage%02d", i)))
	}
	p := w.plan("Wide", stages...)
	key := w.customerKey("key", p)
	methods, err := w.Methods(t.Context(), w.owner.ID, w.api.ID)
	ok(t, err)
	for i, st := range stages {
		for j := range 3 {
			// Most stages have much of little; some that are called less have one method of much.
			m := method{st.ID, methods[0].ID + models.MethodID(j), int64(100 + (i*37+j*11)%50)}
			if i%10 == 9 {
				m.n = []int64{140 + int64(i), 0, 1}[j]
			}
			if m.n == 0 {
				continue
			}
			all = append(all, m)
			batch.Cells = append(batch.Cells, models.UsageCell{KeyID: key.ID, PlanID: p.ID, StageID: m.stage, MethodID: m.id, Minute: w.now.Truncate(time.Minute).Unix(), Outcome: models.OutcomeSuccess, Count: m.n})
		}
	}
	ok(t, w.CommitUsage(t.Context(), batch))
	slices.SortFunc(all, func(a, b method) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.stage, b.stage), cmp.Compare(a.id, b.id))
	})
	day := w.now.Truncate(24 * time.Hour)
	for _, limit := range []int{1, 5, 20, 50, 200} {
		rows, err := w.UsageBreakdown(t.Context(), models.UsageScope{Owner: w.owner.ID}, models.UsageRange{From: day, To: day.AddDate(0, 0, 1), Step: models.StepHour}, models.ByMethod, limit)
		ok(t, err)
		if len(rows) != min(limit, len(all)) {
			t.Fatalf("%d methods, want %d", len(rows), min(limit, len(all)))
		}
		for i, row := range rows {
			if row.StageID != all[i].stage || row.MethodID != all[i].id || row.Total() != all[i].n {
				t.Fatalf("of %d, place %d has %d requests of %s, want %+v", limit, i, row.Total(), row.MethodID, all[i])
			}
		}
	}
}

// Where nearly all of very many keys called, the few others stand on the pages behind them, however far apart they are.
func TestKeysThatDidNotCallAreAllFoundAmongManyThatDid(t *testing.T) {
	s, c := storetest.SeedCrowd(t, filepath.Join(t.TempDir(), "gatehouse.db"), 10_300)
	now := storetest.Now()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC).Unix() / 86400
	idle := []models.KeyID{c.Key(3), c.Key(10_000), c.Key(10_200)}
	ok(t, store.Writer(s).Exec(`INSERT INTO usage_key_months (plan_id, month, key_id, requests, refused) SELECT plan_id, ?, key_id, 5, 0 FROM plan_keys WHERE plan_id = ? AND key_id NOT IN ?`,
		month, c.Crowded.ID, idle).Error)
	seen := map[models.KeyID]int{}
	pages := 0
	for p := (models.Page{Limit: 200}); ; pages++ {
		list, err := s.PlanKeys(t.Context(), c.Owner.ID, c.Crowded.ID, now, p)
		ok(t, err)
		for _, k := range list.Items {
			seen[k.ID]++
		}
		if p.After = list.Next; p.After == "" {
			break
		}
	}
	if len(seen) != c.Keys || pages > c.Keys/200+3 {
		t.Errorf("%d keys on %d pages, want %d", len(seen), pages, c.Keys)
	}
	for _, id := range idle {
		if seen[id] != 1 {
			t.Errorf("a key that did not call is there %d times", seen[id])
		}
	}
	found, err := s.PlanKeys(t.Context(), c.Owner.ID, c.Crowded.ID, now, models.Page{Search: "key-" + fmt.Sprint(int64(idle[0]))})
	ok(t, err)
	if len(found.Items) != 1 || found.Items[0].ID != idle[0] || found.Next != "" {
		t.Errorf("a search for one key finds %+v", found)
	}
}
