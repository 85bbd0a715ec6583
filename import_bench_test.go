package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// importedKeys is how many keys the benchmark imports: make import-keys has a million.
func importedKeys() int {
	if n, err := strconv.Atoi(os.Getenv("GATEHOUSE_IMPORT_KEYS")); err == nil {
		return n
	}
	return 100_000
}

// BenchmarkImport sends a file to the server's own import and says how long it takes, what callers and other changes notice of it meanwhile, and what memory it takes.
func BenchmarkImport(b *testing.B) {
	for b.Loop() {
		importOnce(b, importedKeys())
	}
}

func importOnce(b *testing.B, n int) {
	folder := b.TempDir()
	c := portalConfig(folder)
	s, _, err := openRecords(b.Context(), c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		b.Fatal(err)
	}
	owner := storetest.Owner(b, s)
	actor := storetest.Actor(owner)
	now := time.Now()
	plan, value, key := benchmarkPlan(b, s, actor, now)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	in, err := open(b.Context(), c, slog.New(slog.DiscardHandler), false)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- in.run(ctx) }()
	before := highWater()

	refused := 0
	calls := every(ctx, time.Millisecond, func(int) {
		if in.gateway.Admit("bench", "prod", "GET", "/a", value) != "" {
			refused++
		}
	})
	changes := every(ctx, 20*time.Millisecond, func(i int) {
		if err := in.store.UpdateCustomerKey(ctx, actor, key, models.CustomerKeySettings{Name: fmt.Sprint("name ", i)}, time.Now()); err != nil && ctx.Err() == nil {
			b.Error(err)
		}
	})
	began := time.Now()
	received, err := in.imports.Receive("keys.csv", keysOf(n, plan))
	if err != nil {
		b.Fatal(err)
	}
	if err := in.imports.Submit(ctx, actor, received, false); err != nil {
		b.Fatal(err)
	}
	at := func(state models.ImportState) time.Duration {
		for {
			i, err := in.store.Import(ctx, owner.ID, received.ID)
			if err != nil || i.State == models.ImportFailed {
				b.Fatalf("%+v, %v", i, err)
			}
			if i.State == state {
				return time.Since(began)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	checked := at(models.ImportChecked)
	if err := in.store.StartImport(ctx, actor, received.ID, false, time.Now()); err != nil {
		b.Fatal(err)
	}
	in.imports.Wake()
	done := at(models.ImportDone)
	if problem := in.gateway.Admit("bench", "prod", "GET", "/a", fmt.Sprintf("benchmark-value-%08d", n-1)); problem != "" {
		b.Errorf("the last key is answered %s", problem)
	}
	stop()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	b.ReportMetric(checked.Seconds(), "s-to-check")
	b.ReportMetric(done.Seconds(), "s-to-done")
	b.ReportMetric(float64(highWater()-before)/1e6, "MB-more")
	report := func(what string, took []time.Duration) {
		slices.Sort(took)
		b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "ms-"+what+"-p99")
		b.ReportMetric(took[len(took)-1].Seconds()*1000, "ms-"+what+"-max")
	}
	report("call", calls())
	b.ReportMetric(float64(refused), "calls-refused")
	report("change", changes())
}

// every does something again and again, and returns how long each took, when ctx has ended.
func every(ctx context.Context, pause time.Duration, do func(i int)) (took func() []time.Duration) {
	result := make(chan []time.Duration, 1)
	go func() {
		var all []time.Duration
		for i := 0; ctx.Err() == nil; i++ {
			began := time.Now()
			do(i)
			if ctx.Err() == nil {
				all = append(all, time.Since(began))
			}
			time.Sleep(pause)
		}
		result <- all
	}()
	return func() []time.Duration { return <-result }
}

// benchmarkPlan makes a plan that opens one method, and two keys on it: one that calls, and one that is changed.
func benchmarkPlan(b *testing.B, s *store.Store, actor models.Actor, now time.Time) (models.PlanID, string, models.KeyID) {
	ctx := b.Context()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	api, err := s.CreateAPI(ctx, actor, models.NewAPI{Name: "Bench", Slug: "bench", KeySource: models.DefaultKeySource(), Methods: []models.Method{{Verb: "GET", Path: "/a", KeyRequired: true}}}, now)
	must(err)
	stage, err := s.CreateStage(ctx, actor, api.ID, models.Stage{Name: "prod", Upstream: "https://example.com"}, now)
	must(err)
	_, err = s.Deploy(ctx, actor, api.ID, stage.ID, "", now)
	must(err)
	terms := models.NewTerms("Bench")
	terms.Stages = []models.PlanStage{{StageID: stage.ID}}
	terms.Throttle, terms.Quota = nil, &limit.Quota{Limit: 1_000_000_000, Period: limit.PeriodDay}
	plan, err := s.CreatePlan(ctx, actor, terms, now)
	must(err)
	_, err = s.PublishPlan(ctx, actor, plan.ID, now)
	must(err)
	_, value, err := s.CreateCustomerKey(ctx, actor, models.NewCustomerKey{Name: "caller", Plans: []models.PlanID{plan.ID}}, now)
	must(err)
	changed, _, err := s.CreateCustomerKey(ctx, actor, models.NewCustomerKey{Name: "changed", Plans: []models.PlanID{plan.ID}}, now)
	must(err)
	return plan.ID, value.Reveal(), changed.ID
}

// keysOf is a file of n keys.
func keysOf(n int, plan models.PlanID) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.WriteString(w, "Name,Key,Description,Enabled,UsagePlanIds\n")
		for i := 0; i < n && err == nil; i++ {
			_, err = fmt.Fprintf(w, "Customer %08d,benchmark-value-%08d,,true,%s\n", i, i, plan)
		}
		w.CloseWithError(err)
	}()
	return r
}

// highWater is the most memory that the process has had, in bytes; 0 where the system does not tell.
func highWater() int64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}
