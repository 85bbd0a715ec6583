package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement/receipt"
	"gatehouse/enforcement/requestlog"
	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// BenchmarkPages measures every page of a portal that has grown, beside a page that asks the database for nothing but its reader: `make seed-large`. Seeding
// takes minutes: GATEHOUSE_BENCH_DATA names a folder that is seeded once and used again.
func BenchmarkPages(b *testing.B) {
	p := grownPortal(b)
	trivial := page{route: "trivial", reader: developer, path: "/problems", status: 200}
	base := p.typical(b, trivial)
	for _, g := range slices.Concat([]page{trivial}, p.pages(b), p.variants()) {
		b.Run(strings.TrimPrefix(g.route, "/"), func(b *testing.B) {
			b.ReportAllocs()
			var took []time.Duration
			for b.Loop() {
				took = append(took, p.measure(b, g))
			}
			slices.Sort(took)
			median := took[len(took)/2]
			b.ReportMetric(float64(median)/1e6, "ms(median)")
			b.ReportMetric(float64(took[len(took)*99/100])/1e6, "ms(p99)")
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

// grownPortal opens the seeded folder, which it makes if need be.
func grownPortal(b *testing.B) *portal {
	b.Helper()
	folder := os.Getenv("GATEHOUSE_BENCH_DATA")
	if folder == "" {
		folder = b.TempDir()
	}
	var made storetest.Seeded
	note := filepath.Join(folder, "seeded.json")
	text, err := os.ReadFile(note)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		made = seedFolder(b, folder, storetest.Many())
		b.Logf("seeded in %v", made.Took.Round(time.Second))
		storetest.SeedLarge(b, filepath.Join(folder, databaseFile), made, storetest.GrownKeys())
		seedLog(b, folder, made)
		if text, err = json.Marshal(made); err == nil {
			err = os.WriteFile(note, text, 0o600)
		}
	case err == nil:
		err = json.Unmarshal(text, &made)
	}
	if err != nil {
		b.Fatal(err)
	}
	return openPortal(b, folder, made)
}

// seedLog fills the request log with 5 million entries of six days: of the developer's key one in a hundred, and of all the others' alike.
func seedLog(b *testing.B, folder string, made storetest.Seeded) {
	b.Helper()
	const entries, days = 5_000_000, 6
	began := time.Now()
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
		}
		if i%2 == 1 { // somebody else's
			e.Receipt.APIID += models.APIID(1 + dice.IntN(99))
		}
		if i%5000 == 0 {
			e.Receipt.Outcome, e.Receipt.Status = models.OutcomeServerError, 503
		}
		if err := log.Keep(&e); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(log.Close(), ring.Close()); err != nil {
		b.Fatal(err)
	}
	b.Logf("seed log   %8v", time.Since(began).Round(time.Second))
}
