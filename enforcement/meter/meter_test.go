package meter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/enforcement/journal"
	"gatehouse/models"
)

// cellName names a cell of what a sink has.
type cellName struct {
	place
	outcome models.Outcome
}

// books is a Sink that adds up what it is given, and a Recorder of what it was told before.
type books struct {
	fault   error
	told    told
	arrived map[arrivalName]models.Arrival
	cells   map[cellName]int64
	in, out int64
	answers int64
	seconds int64
	charged map[chargeName]int64
	seen    map[models.KeyID]int64
}

// told is what the last Add said.
type told struct {
	from, to models.JournalPosition
	arrivals []models.Arrival
}

func (b *books) Add(from, to models.JournalPosition, arrivals []models.Arrival) {
	b.told = told{from, to, slices.Clone(arrivals)}
}

// arrive adds up arrivals.
func (b *books) arrive(some ...models.Arrival) {
	for _, a := range some {
		name := arrivalName{a.KeyID, a.PlanID, a.StageID, a.MethodID, a.Second}
		sum := b.arrived[name]
		sum.Admitted, sum.Throttled, sum.OverQuota, sum.Failed = sum.Admitted+a.Admitted, sum.Throttled+a.Throttled, sum.OverQuota+a.OverQuota, sum.Failed+a.Failed
		b.arrived[name] = sum
	}
}

func newBooks() *books {
	return &books{arrived: map[arrivalName]models.Arrival{}, cells: map[cellName]int64{}, charged: map[chargeName]int64{}, seen: map[models.KeyID]int64{}}
}

func (b *books) CommitUsage(_ context.Context, u models.UsageBatch) error {
	if b.fault != nil {
		return b.fault
	}
	if b.told.from != u.From || b.told.to != u.To {
		return fmt.Errorf("committed %v to %v, but recorded %v to %v", u.From, u.To, b.told.from, b.told.to)
	}
	b.arrive(b.told.arrivals...)
	for _, c := range u.Cells {
		name := cellName{place{c.KeyID, c.PlanID, c.StageID, c.MethodID, c.Minute}, c.Outcome}
		if b.cells[name] += c.Count; b.cells[name] == 0 {
			delete(b.cells, name)
		}
		b.in += c.BytesIn
		b.out += c.BytesOut
		b.answers += c.Latency.Count()
		b.seconds += c.ThrottledSeconds
	}
	for _, c := range u.Charged {
		if b.charged[chargeName{c.KeyID, c.PlanID, int32(c.Day)}] += c.Used; b.charged[chargeName{c.KeyID, c.PlanID, int32(c.Day)}] == 0 {
			delete(b.charged, chargeName{c.KeyID, c.PlanID, int32(c.Day)})
		}
	}
	for _, l := range u.LastUsed {
		b.seen[l.KeyID] = l.At.Unix()
	}
	return nil
}

// meterOf returns a meter that commits to b.
func meterOf(t testing.TB, b *books) *Meter {
	t.Helper()
	j, err := journal.Open(journal.Config{Dir: t.TempDir(), SegmentSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return New(j, b, b)
}

func commit(t interface {
	Helper()
	Fatal(...any)
}, m *Meter, at int64) {
	t.Helper()
	if err := m.Commit(context.Background(), Instant{Wall: time.Unix(at, 0)}, false); err != nil {
		t.Fatal(err)
	}
}

func admit(t interface{ Fatal(...any) }, m *Meter, c *Call) {
	if _, err := m.Admit(&journal.Record{Kind: journal.Admitted, Key: c.Key, Plan: c.Plan, Stage: c.Stage, Method: c.Method, Second: c.At, Window: c.Window}); err != nil {
		t.Fatal(err)
	}
}

// R6: without it a commit that falls between an admission and its end, or that fails, would lose or double requests. What is recorded is what is committed.
func TestWhatIsCommittedIsWhatHappenedHoweverCommitsFall(outer *testing.T) {
	rapid.Check(outer, func(rt *rapid.T) {
		t, got, want := rt, newBooks(), newBooks()
		m := meterOf(outer, got)
		var open []Call
		now := int64(1_000_000)
		t.Repeat(map[string]func(*rapid.T){
			"admit": func(t *rapid.T) {
				c := Call{
					Key: models.KeyID(rapid.IntRange(1, 3).Draw(t, "key")), Plan: models.PlanID(rapid.IntRange(1, 2).Draw(t, "plan")), Stage: 1, Method: 2,
					At: now, Window: int32(now / 86400),
				}
				admit(t, m, &c)
				open = append(open, c)
				want.cells[cellName{place{c.Key, c.Plan, 1, 2, now - now%60}, models.OutcomeOpen}]++
				want.charged[chargeName{c.Key, c.Plan, c.Window}]++
				want.seen[c.Key] = now
				want.arrive(models.Arrival{KeyID: c.Key, PlanID: c.Plan, StageID: 1, MethodID: 2, Second: now, Admitted: 1})
			},
			"refuse": func(t *rapid.T) {
				c := Call{Key: 1, Plan: models.PlanID(rapid.IntRange(0, 1).Draw(t, "plan")), Stage: 1, Method: 2, At: now}
				o := rapid.SampledFrom([]models.Outcome{models.OutcomeThrottled, models.OutcomeQuota, models.OutcomeDenied}).Draw(t, "reason")
				m.Refuse(&c, o)
				want.cells[cellName{place{c.Key, c.Plan, 1, 2, now - now%60}, o}]++
				want.seen[1] = now
				a := models.Arrival{KeyID: 1, PlanID: c.Plan, StageID: 1, MethodID: 2, Second: now}
				switch {
				case c.Plan == 0, o == models.OutcomeDenied:
					return
				case o == models.OutcomeThrottled:
					a.Throttled = 1
				default:
					a.OverQuota = 1
				}
				want.arrive(a)
			},
			"finish": func(t *rapid.T) {
				if len(open) == 0 {
					t.Skip("nothing is open")
				}
				c := open[0]
				open = open[1:]
				o := models.Outcome(rapid.IntRange(1, int(models.OutcomeAborted)).Draw(t, "outcome"))
				refund := rapid.Bool().Draw(t, "refund")
				m.Finish(&c, &Result{Outcome: o, Refund: refund, BytesIn: 3, BytesOut: 5, Latency: time.Second})
				at := place{c.Key, c.Plan, 1, 2, c.At - c.At%60}
				if want.cells[cellName{at, models.OutcomeOpen}]--; want.cells[cellName{at, models.OutcomeOpen}] == 0 {
					delete(want.cells, cellName{at, models.OutcomeOpen})
				}
				want.cells[cellName{at, o}]++
				if o == models.OutcomeServerError || o == models.OutcomeUpstream {
					want.arrive(models.Arrival{KeyID: c.Key, PlanID: c.Plan, StageID: 1, MethodID: 2, Second: c.At, Failed: 1})
				}
				want.in += 3
				want.out += 5
				want.answers++
				if refund {
					name := chargeName{c.Key, c.Plan, c.Window}
					if want.charged[name]--; want.charged[name] == 0 {
						delete(want.charged, name)
					}
				}
			},
			"pass time": func(t *rapid.T) { now += int64(rapid.IntRange(1, 100).Draw(t, "seconds")) },
			"commit":    func(t *rapid.T) { commit(t, m, now) },
			"commit in vain": func(*rapid.T) {
				got.fault = errors.New("disk full")
				_ = m.Commit(context.Background(), Instant{Wall: time.Unix(now, 0)}, false) // nil if there is nothing to commit
				got.fault = nil
			},
		})
		commit(t, m, now)
		if diff := cmp.Diff(want.cells, got.cells, cmp.AllowUnexported(cellName{}, place{})); diff != "" {
			t.Fatalf("cells (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want.charged, got.charged, cmp.AllowUnexported(chargeName{})); diff != "" {
			t.Fatalf("charged (-want +got):\n%s", diff)
		}
		if !maps.Equal(want.arrived, got.arrived) {
			t.Fatalf("recorded %v, want %v", got.arrived, want.arrived)
		}
		if !maps.Equal(want.seen, got.seen) {
			t.Fatalf("last used: got %v, want %v", got.seen, want.seen)
		}
		if got.in != want.in || got.out != want.out || got.answers != want.answers {
			t.Fatalf("bytes and answers: got %d %d %d, want %d %d %d", got.in, got.out, got.answers, want.in, want.out, want.answers)
		}
	})
}

func TestASecondWithRefusalsCountsOnceAlsoOverCommits(t *testing.T) {
	b := newBooks()
	m := meterOf(t, b)
	const minute = 1_000_020
	for i, second := range []int64{0, 0, 1, 1, 1, 59, 60} {
		m.Refuse(&Call{Key: 1, Plan: 2, Stage: 3, Method: 4, At: minute + second}, models.OutcomeThrottled)
		if i%2 == 0 {
			commit(t, m, minute+second)
		}
	}
	m.Refuse(&Call{Key: 1, Plan: 2, Stage: 3, Method: 4, At: minute + 30}, models.OutcomeQuota)
	commit(t, m, minute+61)
	if b.seconds != 4 {
		t.Errorf("throttled seconds = %d, want 4", b.seconds)
	}
	commit(t, m, minute+1000)
	if n := len(m.pending.throttled); n != 0 {
		t.Errorf("%d minutes are remembered for ever", n)
	}
}

func TestConcurrentCallsAreAllCounted(t *testing.T) {
	b := newBooks()
	m := meterOf(t, b)
	const callers, each = 16, 500
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for range each {
				c := Call{Key: models.KeyID(i%5 + 1), Plan: 1, Stage: 1, Method: 1, At: 60}
				admit(t, m, &c)
				m.Finish(&c, &Result{Outcome: models.OutcomeSuccess})
			}
		})
	}
	for range 20 {
		commit(t, m, 60)
	}
	group.Wait()
	commit(t, m, 60)
	var total int64
	for name, n := range b.cells {
		if name.outcome != models.OutcomeSuccess {
			t.Errorf("%d requests are %v", n, name.outcome)
		}
		total += n
	}
	if total != callers*each {
		t.Errorf("counted %d, want %d", total, callers*each)
	}
}

func TestNotingDoesNotAllocate(t *testing.T) {
	m := meterOf(t, newBooks())
	c := Call{Key: 1, Plan: 1, Stage: 1, Method: 1, At: 60}
	r := journal.Record{Kind: journal.Admitted, Key: 1, Plan: 1, Stage: 1, Method: 1, Second: 60}
	got := testing.AllocsPerRun(300, func() {
		_, _ = m.Admit(&r)
		m.Finish(&c, &Result{Outcome: models.OutcomeSuccess})
		m.Refuse(&c, models.OutcomeThrottled)
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func TestLagIsTheAgeOfWhatCouldNotBeCommitted(t *testing.T) {
	b := newBooks()
	m := meterOf(t, b)
	admit(t, m, &Call{Key: 1, At: 60})
	b.fault = errors.New("disk full")
	if err := m.Commit(context.Background(), Instant{Wall: time.Unix(100, 0)}, false); !errors.Is(err, b.fault) {
		t.Errorf("error = %v, want the sink's", err)
	}
	if got := m.Lag(time.Unix(130, 0)); got != 30*time.Second {
		t.Errorf("Lag = %v, want 30s", got)
	}
	b.fault = nil
	commit(t, m, 131)
	if got := m.Lag(time.Unix(140, 0)); got != 0 {
		t.Errorf("Lag = %v after a commit", got)
	}
}

func TestRefusalsAreInTheJournalBeforeUsageIsCommitted(t *testing.T) {
	b := newBooks()
	m := meterOf(t, b)
	m.Refuse(&Call{Key: 1, Plan: 2, Stage: 3, Method: 4, At: 60}, models.OutcomeThrottled)
	before := m.journal.End()
	if err := m.WriteDown(time.Unix(61, 0)); err != nil {
		t.Fatal(err)
	}
	if m.journal.End() == before {
		t.Error("a process that is killed now forgets a refusal")
	}
	if len(b.cells) != 0 {
		t.Errorf("cells %v were committed, want none yet", b.cells)
	}
	commit(t, m, 70)
	var total int64
	for _, n := range b.cells {
		total += n
	}
	if total != 1 {
		t.Errorf("counted %d refusals, want 1", total)
	}
}
