package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/enforcement/receipt"
	"gatehouse/enforcement/requestlog"
	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// BenchmarkPages measures every page of a portal that has grown, beside a page that asks the database for nothing but its reader: `make seed-large`. Processor
// time is told beside the clock's: on a machine that does other things too it is what tells. Seeding takes minutes: GATEHOUSE_BENCH_DATA names a folder that is
// seeded once and used again.
func BenchmarkPages(b *testing.B) {
	p := grownPortal(b)
	trivial := page{route: "trivial", reader: developer, path: "/problems", status: 200}
	base := p.typical(b, trivial)
	for _, g := range slices.Concat([]page{trivial}, p.pages(b), p.variants()) {
		b.Run(strings.TrimPrefix(g.route, "/"), func(b *testing.B) {
			b.ReportAllocs()
			var took, processor []time.Duration
			for b.Loop() {
				before := processorTime(b)
				took = append(took, p.measure(b, g))
				processor = append(processor, processorTime(b)-before)
			}
			slices.Sort(took)
			slices.Sort(processor)
			median := took[len(took)/2]
			b.ReportMetric(float64(median)/1e6, "ms(median)")
			b.ReportMetric(float64(took[len(took)*99/100])/1e6, "ms(p99)")
			b.ReportMetric(float64(processor[len(processor)/2])/1e6, "processor-ms(median)")
			b.ReportMetric(float64(median)/float64(base), "x-trivial")
		})
	}
}

func (p *portal) measure(b *testing.B, g page) time.Duration {
	b.Helper()
	start := time.Now()
	w := p.get(g.reader, g.path)
	took := time.Since(start)
	if w.Code != g.status {
		b.Fatalf("GET %s answers %q %d, want %d", g.path, g.reader, w.Code, g.status)
	}
	return took
}

// typical is the median of what a page takes.
func (p *portal) typical(b *testing.B, g page) time.Duration {
	b.Helper()
	took := make([]time.Duration, 101)
	for i := range took {
		took[i] = p.measure(b, g)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// grownPortal opens the seeded folder, which it makes if need be, in steps: a seeding that was stopped goes on where it was.
func grownPortal(b *testing.B) *portal {
	b.Helper()
	folder := os.Getenv("GATEHOUSE_BENCH_DATA")
	if folder == "" {
		folder = b.TempDir()
	}
	var done struct {
		Made  storetest.Seeded
		Steps int
	}
	note := filepath.Join(folder, "seeded.json")
	text, err := os.ReadFile(note)
	if err == nil {
		err = json.Unmarshal(text, &done)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.Fatal(err)
	}
	steps := []func(){
		func() { done.Made = seedFolder(b, folder, storetest.Many()) },
		func() { storetest.SeedLarge(b, filepath.Join(folder, databaseFile), done.Made, storetest.GrownKeys()) },
		func() { closeMonths(b, folder, done.Made) },
		func() { seedLog(b, folder, done.Made) },
	}
	for ; done.Steps < len(steps); done.Steps++ {
		began := time.Now()
		steps[done.Steps]()
		b.Logf("step %d of %d took %v", done.Steps+1, len(steps), time.Since(began).Round(time.Second))
		after := done
		after.Steps++
		if text, err = json.Marshal(after); err == nil {
			err = os.WriteFile(note, text, 0o600)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return openPortal(b, folder, done.Made)
}

// closeMonths does what a server does in the background: statements, and how customers call.
func closeMonths(b *testing.B, folder string, made storetest.Seeded) {
	b.Helper()
	var mu sync.Mutex
	var longest time.Duration
	s, _, err := openLocked(b.Context(), portalConfig(folder), slog.New(slog.DiscardHandler), nil, lockData, func(c *store.Config) {
		c.Held = func(_ string, d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			longest = max(longest, d)
		}
	})
	if err == nil {
		err = errors.Join(s.CloseMonths(b.Context(), made.Now), s.RefreshCustomers(b.Context(), made.Now), s.Close())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("the writer was held for %v at most", longest)
}

// seedLog fills the request log with 5 million entries of six days: of the developer's busy key one in a hundred, of an owner's customer very few, and of all
// the others' alike; one in four is of another owner's API.
func seedLog(b *testing.B, folder string, made storetest.Seeded) {
	b.Helper()
	const entries, days = 5_000_000, 6
	if err := os.RemoveAll(filepath.Join(folder, logFolder)); err != nil {
		b.Fatal(err)
	}
	ring, err := receipt.Open(receipt.Config{Path: filepath.Join(folder, receiptsFile), Size: receipt.MinSize})
	if err != nil {
		b.Fatal(err)
	}
	log, err := requestlog.Open(requestlog.Config{Dir: filepath.Join(folder, logFolder), Names: ring.Names(), Now: func() time.Time { return made.Now }})
	if err != nil {
		b.Fatal(err)
	}
	dice, keys := rand.New(rand.NewPCG(26, 11)), storetest.GrownKeys()
	for i := range entries {
		e := seededEntry(log, made, made.Now.AddDate(0, 0, -days).Add(time.Duration(i)*days*24*time.Hour/entries), uint64(i))
		if i%100 != 0 {
			e.Receipt.KeyID, e.Receipt.AppID = keys.Key(dice.IntN(keys.Keys)), 0
			e.Receipt.APIID = made.APIs[dice.IntN(len(made.APIs))]
		}
		if i%4 == 1 {
			e.Receipt.APIID = made.StrangerAPI
		}
		if i%5000 == 0 {
			e.Receipt.Outcome, e.Receipt.Status = models.OutcomeServerError, 503
		}
		if i%100_000 == 3 {
			e.Receipt.KeyID, e.Receipt.AppID, e.Receipt.APIID, e.Verb = made.CustomerKey, 0, made.API, http.MethodDelete
		}
		if err := log.Keep(&e); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(log.Close(), ring.Close()); err != nil {
		b.Fatal(err)
	}
}
