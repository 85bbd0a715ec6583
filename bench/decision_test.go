package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/enforcement"
	"gatehouse/enforcement/journal"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// records is a Source with many keys on one plan, and a Sink that forgets.
type records struct {
	ring   *secret.Keyring
	values []string
}

func newRecords(n int) *records {
	r := &records{ring: secret.NewKeyring(), values: make([]string, n)}
	for i := range r.values {
		r.values[i] = secret.Generate(secret.Prefix{}).Reveal()
	}
	return r
}

func (r *records) Version(context.Context) (int64, error)                       { return 0, nil }
func (r *records) ChangesSince(context.Context, int64) ([]models.Change, error) { return nil, nil }
func (r *records) CommitUsage(context.Context, models.UsageBatch) error         { return nil }
func (r *records) KeepTime(context.Context, models.TimeMark) error              { return nil }

func (r *records) LoadLevels(context.Context) ([]models.ThrottleLevel, error) { return nil, nil }
func (r *records) AbortOpen(context.Context) (int64, error)                   { return 0, nil }
func (r *records) Resume(context.Context, string) (models.Resumption, error) {
	return models.Resumption{}, nil
}
func (r *records) SettleHoldings(context.Context, bool) (models.Settlement, error) {
	return models.Settlement{}, nil
}

// Exchange grants a million: what is compared is the decision with rights in hand.
func (r *records) Exchange(_ context.Context, asks []models.QuotaAsk) (grants []models.QuotaGrant, err error) {
	for _, a := range asks {
		g := models.QuotaGrant{Version: 1, Used: a.Used}
		g.Granted, g.Limit, g.Available = a.Used+a.Keep+1e6, limit.MaxQuota, limit.MaxQuota
		grants = append(grants, g)
	}
	return grants, nil
}

func (r *records) Topology(context.Context) (models.Topology, error) {
	terms := models.NewTerms("Free")
	terms.Throttle = &limit.Throttle{Rate: 1e6, Burst: 1e9 / 2}
	terms.Quota = &limit.Quota{Limit: limit.MaxQuota, Period: limit.PeriodMonth}
	terms.Stages = []models.PlanStage{{StageID: 2}}
	return models.Topology{
		APIs: []models.GatewayAPI{{ID: 1, Slug: "echo", Stages: []models.GatewayStage{{
			ID: 2, Name: "prod", Upstream: "http://192.0.2.1", KeySource: models.DefaultKeySource(),
			Methods: []models.Method{{ID: 3, Verb: "GET", Path: "/users/{id}", KeyRequired: true}},
		}}}},
		Plans: []models.GatewayPlan{{ID: 4, Version: 1, Terms: terms}},
	}, nil
}

func (r *records) credential(i int) models.Credential {
	return models.Credential{
		KeyID: models.NewID[models.Key](uint64(i)), Enabled: true,
		Secrets: []models.CredentialSecret{{Digest: r.ring.Digest(r.values[i])}},
		Plans:   []models.CredentialPlan{{PlanID: 4, State: models.MemberActive}},
	}
}

func (r *records) Credentials(_ context.Context, fn func(models.Credential) error) error {
	for i := range r.values {
		if err := fn(r.credential(i)); err != nil {
			return err
		}
	}
	return nil
}

func (r *records) CredentialsOf(context.Context, []models.KeyID, func(models.Credential) error) error {
	return nil
}

func (r *records) ImportedKeys(context.Context, models.ImportID, models.KeyID) ([]models.KeyID, error) {
	return nil, nil
}

func (r *records) gateway(tb testing.TB) *enforcement.Gateway {
	tb.Helper()
	j, err := journal.Open(journal.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = j.Close() })
	g := enforcement.New(enforcement.Config{Source: r, Ledger: r, Books: r, Journal: j, Keyring: r.ring})
	if err := g.Load(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return g
}

// order is which key calls next: evenly at random, the same for all that are compared.
func order(n int) []int32 {
	random := rand.New(rand.NewPCG(1, 2))
	order := make([]int32, 1<<20)
	for i := range order {
		order[i] = int32(random.IntN(n))
	}
	return order
}

const (
	// turn is how many decisions one side makes before the other is on: short, so that most turns are not interrupted.
	turn = 500
	// commitEvery is how many turns lie between two commits of usage.
	commitEvery = 20
)

func BenchmarkDecision(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) { compare(b, newRecords(n), order(n)) })
	}
}

func compare(b *testing.B, r *records, next []int32) {
	g := r.gateway(b)
	ours := func(value string) bool { return g.Admit("echo", "prod", "GET", "/users/7", value) == "" }
	var limiters sync.Map
	xrate := func(value string) bool {
		l, ok := limiters.Load(value)
		if !ok {
			l, _ = limiters.LoadOrStore(value, rate.NewLimiter(1e6, 1e9/2))
		}
		return l.(*rate.Limiter).Allow()
	}
	for _, v := range r.values {
		xrate(v)
	}
	var oursTook, xrateTook, commitTook []float64
	round := 0
	for b.Loop() {
		at := round * turn % (len(next) - turn)
		oursTook = append(oursTook, took(b, ours, r.values, next[at:at+turn]))
		xrateTook = append(xrateTook, took(b, xrate, r.values, next[at:at+turn]))
		if round++; round%commitEvery == 0 {
			start := time.Now()
			if err := g.Commit(context.Background()); err != nil {
				b.Fatal(err)
			}
			commitTook = append(commitTook, float64(time.Since(start))/(turn*commitEvery))
		}
	}
	allocs := testing.AllocsPerRun(turn, func() { ours(r.values[next[0]]) })
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(oursTook), "ours-ns")
	b.ReportMetric(median(xrateTook), "xrate-ns")
	b.ReportMetric(median(oursTook)/median(xrateTook), "ours/xrate")
	b.ReportMetric(allocs, "ours-allocs")
	b.ReportMetric(median(commitTook), "commit-ns")
}

// took returns the nanoseconds that a call takes.
func took(b *testing.B, call func(value string) bool, values []string, next []int32) float64 {
	start := time.Now()
	for _, i := range next {
		if !call(values[i]) {
			b.Fatal("refused")
		}
	}
	return float64(time.Since(start)) / float64(len(next))
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkMemory loads a million keys. Its time is that of a start without a database.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	r := newRecords(n)
	for b.Loop() {
		before := heap()
		start := time.Now()
		g := r.gateway(b)
		b.ReportMetric(time.Since(start).Seconds(), "s/load")
		b.ReportMetric(float64(heap()-before)/n, "B/key")
		runtime.KeepAlive(g)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
