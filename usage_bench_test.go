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
	"syscall"
	"testing"
	"time"

	"gatehouse/models"

	"gatehouse/models/store/storetest"
)

// BenchmarkUsageOfAnyKey reads 90 days of keys drawn at random among a million, by the store's method and as the page, and prints the median, the slowest
// of a hundred and the slowest. GATEHOUSE_USAGE_DATA names the folder, which is seeded if it is not yet; without it there is nothing to measure.
func BenchmarkUsageOfAnyKey(b *testing.B) {
	folder := os.Getenv("GATEHOUSE_USAGE_DATA")
	if folder == "" {
		b.Skip("GATEHOUSE_USAGE_DATA names no folder: see make seed-usage")
	}
	large := storetest.MillionKeys()
	p := openPortal(b, folder, largeFolder(b, folder, large))
	span := models.UsageRange{From: large.Through().AddDate(0, 0, -large.Days), To: large.Through(), Step: models.StepDay}
	b.Run("store", func(b *testing.B) {
		reads(b, large, func(key models.KeyID) {
			points, err := p.in.store.UsageSeries(b.Context(), models.UsageScope{Keys: []models.KeyID{key}}, span)
			if err != nil || len(points) != large.Days {
				b.Fatalf("key %s: %d days, %v", key, len(points), err)
			}
		})
	})
	b.Run("page", func(b *testing.B) {
		reads(b, large, func(key models.KeyID) {
			if w := p.get(owner, "/owner/usage?range=90d&key="+key.String()); w.Code != http.StatusOK {
				b.Fatalf("usage of key %s answers %d", key, w.Code)
			}
		})
	})
}

// BenchmarkStart opens what serve opens, with a million keys on one plan, until it could answer: all of the start but making the process. GATEHOUSE_START_DATA
// names the folder, which is seeded if it is not yet (1 GB); without it there is nothing to measure. Processor time is told beside the clock's: on a
// machine that does other things too it is what tells.
func BenchmarkStart(b *testing.B) {
	folder := os.Getenv("GATEHOUSE_START_DATA")
	if folder == "" {
		b.Skip("GATEHOUSE_START_DATA names no folder: see make bench-start")
	}
	largeFolder(b, folder, storetest.Large{Keys: 1_000_000, Days: 1})
	var took, processor []time.Duration
	for b.Loop() {
		began, before := time.Now(), processorTime(b)
		in, err := open(b.Context(), portalConfig(folder), slog.New(slog.DiscardHandler), false)
		if err != nil {
			b.Fatal(err)
		}
		took, processor = append(took, time.Since(began)), append(processor, processorTime(b)-before)
		if err := in.gateway.Ready(); err != nil {
			b.Fatal(err)
		}
		if err := in.close(); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(took)
	slices.Sort(processor)
	b.ReportMetric(took[len(took)/2].Seconds(), "s/start")
	b.ReportMetric(processor[len(processor)/2].Seconds(), "processor-s/start")
}

// processorTime is what this process has used of it.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// daysKept is how long the store keeps usage by the day.
const daysKept = 400

// BenchmarkPruneAtSize forgets the days of a million keys as time goes by, and prints how long the transactions of the one writer took that others had to
// wait for. Each round is a day older; the file is not what it was.
func BenchmarkPruneAtSize(b *testing.B) {
	folder := os.Getenv("GATEHOUSE_USAGE_DATA")
	if folder == "" {
		b.Skip("GATEHOUSE_USAGE_DATA names no folder: see make seed-usage")
	}
	large := storetest.MillionKeys()
	p := openPortal(b, folder, largeFolder(b, folder, large))
	first := large.Through().AddDate(0, 0, -large.Days)
	for round := 0; b.Loop(); round++ {
		now := first.AddDate(0, 0, round+1).AddDate(0, 0, daysKept)
		done := make(chan error)
		go func() { done <- p.in.store.PruneUsage(b.Context(), now) }()
		var waits []time.Duration
		for pruning := true; pruning; {
			began := time.Now()
			if err := p.in.store.CommitUsage(b.Context(), models.UsageBatch{LastUsed: []models.LastUse{{KeyID: large.Key(round), At: began}}}); err != nil {
				b.Fatal(err)
			}
			waits = append(waits, time.Since(began))
			select {
			case err := <-done:
				if pruning = false; err != nil {
					b.Fatal(err)
				}
			case <-time.After(5 * time.Millisecond):
			}
		}
		report(b, "commit beside", waits)
	}
}

// reads measures a read of random keys.
func reads(b *testing.B, large storetest.Large, read func(models.KeyID)) {
	dice := rand.New(rand.NewPCG(26, 11))
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		read(large.Key(dice.IntN(large.Keys)))
		took = append(took, time.Since(began))
	}
	report(b, "", took)
}

func report(b *testing.B, what string, took []time.Duration) {
	slices.Sort(took)
	ms := func(share float64) float64 { return float64(took[int(share*float64(len(took)-1))]) / 1e6 }
	b.Logf("%s%d times: median %.2f ms, 99 %% within %.2f ms, slowest %.2f ms", what, len(took), ms(.5), ms(.99), ms(1))
	b.ReportMetric(ms(.5), "ms(p50)")
	b.ReportMetric(ms(.99), "ms(p99)")
	b.ReportMetric(ms(1), "ms(max)")
}

// largeFolder returns what a folder was seeded with, which it is if it is not yet.
func largeFolder(b *testing.B, folder string, large storetest.Large) (made storetest.Seeded) {
	b.Helper()
	note := filepath.Join(folder, "seeded.json")
	text, err := os.ReadFile(note)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		made = seedFolder(b, folder, storetest.Few())
		storetest.SeedLarge(b, filepath.Join(folder, databaseFile), made, large)
		if text, err = json.Marshal(made); err == nil {
			err = os.WriteFile(note, text, 0o600)
		}
	case err == nil:
		err = json.Unmarshal(text, &made)
	}
	if err != nil {
		b.Fatal(err)
	}
	return made
}
