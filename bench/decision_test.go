package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/enforcement/journal"
)

const (
	// turn is how many decisions one side makes before the next one is on: short, so that most turns are not interrupted, and long enough that the first
	// keys, which the others have pushed out of the caches, do not count for much.
	turn = 2000
	// commitEvery is how many turns lie between two commits of usage.
	commitEvery = 10
)

// BenchmarkDecision is the gateway's decision, from the digest of a key's value, beside what others do with the same digest.
func BenchmarkDecision(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		r := newRecords(n)
		for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
			b.Run(fmt.Sprintf("keys=%d/cores=%d", n, workers), func(b *testing.B) { compare(b, r, workers) })
		}
	}
	every := newRecords(1_000)
	every.everyLimit = true
	b.Run("keys=1000/limits=all", func(b *testing.B) { compare(b, every, 1) })
}

// side is one of those that are compared.
type side struct {
	name string
	rival
	took []float64 // ns a decision, of each turn
}

func compare(b *testing.B, r *records, workers int) {
	keys := r.keys()
	g := r.gateway(b)
	j := openJournal(b)
	route, slug := g.Route("echo", "prod", "GET", "/users/7")
	if slug != "" {
		b.Fatal(slug)
	}
	sides := []*side{
		{name: "ours", rival: func(k *key) bool { return route.Admit(k.digest) == "" }},
		{name: "journal", rival: newJournal(j)},
		{name: "xrate", rival: newXRate()},
		{name: "go-limiter", rival: newGoLimiter(b)},
		{name: "throttled", rival: newThrottled(b)},
		{name: "ulule", rival: newUlule()},
	}
	for _, s := range sides {
		warm(b, s.rival, keys)
		commit(b, g)
	}
	random := rand.New(rand.NewPCG(1, 2))
	next := make([][]key, workers)
	var commits []float64
	round := 0
	for b.Loop() {
		for i := range next {
			next[i] = presented(keys, random)
		}
		for _, s := range sides {
			s.took = append(s.took, s.turn(b, next))
		}
		if round++; round%commitEvery == 0 {
			commits = append(commits, commit(b, g)/float64(turn*workers*commitEvery))
			if err := j.Release(j.End()); err != nil {
				b.Fatal(err)
			}
		}
	}
	report(b, sides)
	b.ReportMetric(testing.AllocsPerRun(turn, func() { sides[0].rival(&next[0][0]) }), "ours-allocs")
	b.ReportMetric(median(commits), "commit-ns")
}

// presented is the keys of a turn, evenly at random. Their digests are new copies, one behind the other: a request's has just been computed.
func presented(keys []key, random *rand.Rand) []key {
	some := make([]key, turn)
	text := make([]byte, 0, 32*turn)
	for i := range some {
		some[i] = keys[random.IntN(len(keys))]
		text = append(text, some[i].digest[:]...)
	}
	all := string(text)
	for i := range some {
		some[i].text = all[32*i : 32*(i+1)]
	}
	return some
}

// warm has every key decided until it holds rights, and once more.
func warm(b *testing.B, r rival, keys []key) {
	for range 2 {
		var group sync.WaitGroup
		const hands = 64 // they wait for the ledger together
		for hand := range hands {
			group.Go(func() {
				for i := hand; i < len(keys); i += hands {
					passes := r(&keys[i])
					for try := 0; !passes && try < 100; try++ { // the ledger was busy for too long
						passes = r(&keys[i])
					}
					if !passes {
						b.Error("refused")
						return
					}
				}
			})
		}
		group.Wait()
	}
	if b.Failed() {
		b.FailNow()
	}
}

// turn returns how many nanoseconds a decision took when every worker decides its own keys.
func (s *side) turn(b *testing.B, next [][]key) float64 {
	var each [64]time.Duration
	var group sync.WaitGroup
	for i, some := range next[1:] {
		group.Go(func() { each[i+1] = s.run(b, some) })
	}
	each[0] = s.run(b, next[0])
	group.Wait()
	var sum time.Duration
	for _, d := range each {
		sum += d
	}
	return float64(sum) / float64(len(next)*turn)
}

func (s *side) run(b *testing.B, some []key) time.Duration {
	start := time.Now()
	for i := range some {
		if !s.rival(&some[i]) {
			b.Error("refused")
		}
	}
	return time.Since(start)
}

func commit(b *testing.B, g *enforcement.Gateway) float64 {
	start := time.Now()
	if err := g.Commit(context.Background()); err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(start))
}

// report tells ours as a multiple of each other's: the median of what the rounds give, and, in the log, between what a quarter and three quarters of
// them are.
func report(b *testing.B, sides []*side) {
	ours := sides[0]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ours.took), "ours-ns")
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-12s %8s  %s\n", "", "ns", "ours is so many times that")
	fmt.Fprintf(&table, "%-12s %8.1f\n", ours.name, median(ours.took))
	for _, s := range sides[1:] {
		ratios := make([]float64, len(s.took))
		for i := range ratios {
			ratios[i] = ours.took[i] / s.took[i]
		}
		slices.Sort(ratios)
		half := ratios[len(ratios)/2]
		b.ReportMetric(half, "ours/"+s.name)
		fmt.Fprintf(&table, "%-12s %8.1f  %.2f (%.2f to %.2f)\n", s.name, median(s.took), half, ratios[len(ratios)/4], ratios[len(ratios)*3/4])
	}
	b.Log(table.String())
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func openJournal(b *testing.B) *journal.Journal {
	j, err := journal.Open(journal.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = j.Close() })
	return j
}

// newJournal is the part of the decision that writes it down.
func newJournal(j *journal.Journal) rival {
	return func(k *key) bool {
		_, err := j.Append(&journal.Record{Kind: journal.Admitted, Second: 1767225600, Window: 20454, Key: k.id, Plan: 4, Stage: 2, Method: 3, TAT: 1})
		return err == nil
	}
}
