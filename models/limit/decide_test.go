package limit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models/limit"
)

func compile(rate float64, burst int64) limit.Bucket {
	return limit.Throttle{Rate: rate, Burst: burst}.Compile()
}

// layers is a request under every limit there is, with room in each.
func layers() *limit.Layers {
	return &limit.Layers{
		Method:  limit.OwnLayer{Bucket: compile(1, 10)},
		Plan:    limit.OwnLayer{Bucket: compile(2, 20)},
		Stage:   limit.SharedLayer{Bucket: compile(3, 30), State: new(limit.Shared)},
		Account: limit.SharedLayer{Bucket: compile(4, 40), State: new(limit.Shared)},
		Quota:   limit.Allowance{Limited: true, Final: true, Limit: 50, Held: 50, ResetIn: time.Hour},
	}
}

// exhaust makes layer refuse.
func exhaust(l *limit.Layers, layer limit.Layer, now int64) {
	switch layer {
	case limit.LayerMethod:
		l.Method.TAT = l.Method.Bucket.Empty(now)
	case limit.LayerPlan:
		l.Plan.TAT = l.Plan.Bucket.Empty(now)
	case limit.LayerStage:
		l.Stage.State.Store(l.Stage.Bucket.Empty(now))
	case limit.LayerAccount:
		l.Account.State.Store(l.Account.Bucket.Empty(now))
	case limit.LayerQuota:
		l.Quota.Held = 0
	}
}

var allLayers = []limit.Layer{limit.LayerMethod, limit.LayerPlan, limit.LayerStage, limit.LayerAccount, limit.LayerQuota}

// state is all that Decide may change.
func state(l *limit.Layers) [5]int64 {
	s := [5]int64{l.Method.TAT, l.Plan.TAT, 0, 0, l.Quota.Held}
	if l.Stage.State != nil {
		s[2] = l.Stage.State.Load()
	}
	if l.Account.State != nil {
		s[3] = l.Account.State.Load()
	}
	return s
}

func TestDecideTakesOneFromEveryLayer(t *testing.T) {
	l := layers()
	d := limit.Decide(5*second, l)
	if !d.Allowed() || d.Layer != limit.LayerNone || d.RetryAfter != 0 {
		t.Fatalf("got %v by %v, retry after %v", d.Verdict, d.Layer, d.RetryAfter)
	}
	want := map[limit.Layer]limit.Gauge{
		limit.LayerNone:    {},
		limit.LayerMethod:  {Limited: true, Limit: 10, Remaining: 9, Reset: time.Second},
		limit.LayerPlan:    {Limited: true, Limit: 20, Remaining: 19, Reset: time.Second / 2},
		limit.LayerStage:   {Limited: true, Limit: 30, Remaining: 29, Reset: 333333334},
		limit.LayerAccount: {Limited: true, Limit: 40, Remaining: 39, Reset: time.Second / 4},
		limit.LayerQuota:   {Limited: true, Limit: 50, Remaining: 49, Reset: time.Hour},
		limit.Layer(77):    {},
	}
	for layer, want := range want {
		if diff := cmp.Diff(want, l.Gauge(layer)); diff != "" {
			t.Errorf("gauge of %v (-want +got):\n%s", layer, diff)
		}
	}
}

// The first layer that refuses answers: method, plan, stage, account, quota.
func TestDecideAnswersWithTheFirstLayerThatRefuses(t *testing.T) {
	waits := map[limit.Layer]time.Duration{limit.LayerMethod: time.Second, limit.LayerPlan: time.Second / 2,
		limit.LayerStage: 333333334, limit.LayerAccount: time.Second / 4, limit.LayerQuota: time.Hour}
	for i, first := range allLayers {
		l := layers()
		for _, layer := range allLayers[i:] {
			exhaust(l, layer, second)
		}
		d := limit.Decide(second, l)
		if d.Verdict != limit.Refuse || d.Layer != first || d.RetryAfter != waits[first] {
			t.Errorf("%v and what follows are exhausted: got %v by %v, retry after %v", first, d.Verdict, d.Layer, d.RetryAfter)
		}
		if got := l.Gauge(first); got.Remaining != 0 {
			t.Errorf("%v refused with %d remaining", first, got.Remaining)
		}
	}
}

func TestDecideWithoutLayersAdmits(t *testing.T) {
	var l limit.Layers
	if d := limit.Decide(second, &l); !d.Allowed() || l.Gauge(limit.LayerStage).Limited {
		t.Errorf("got %v", d)
	}
}

func TestDecideOfZeroLimitsTellsThatWaitingDoesNotHelp(t *testing.T) {
	l := layers()
	l.Plan.Bucket = compile(0, 5)
	if d := limit.Decide(second, l); d.Layer != limit.LayerPlan || d.RetryAfter != 0 {
		t.Errorf("rate 0: got %v, retry after %v", d.Layer, d.RetryAfter)
	}
	l = layers()
	l.Quota = limit.Allowance{Limited: true, Final: true, ResetIn: time.Hour}
	if d := limit.Decide(second, l); d.Layer != limit.LayerQuota || d.RetryAfter != 0 {
		t.Errorf("quota 0: got %v, retry after %v", d.Layer, d.RetryAfter)
	}
}

// Without a right in hand the ledger is asked, but only for a request that every throttle would pass, and it has spent nothing.
func TestDecideAsksTheLedgerLast(t *testing.T) {
	l := layers()
	l.Quota = limit.Allowance{Limited: true, Limit: 50, Beyond: 7}
	before := state(l)
	d := limit.Decide(second, l)
	if d.Verdict != limit.Await || d.Layer != limit.LayerNone || l.Gauge(limit.LayerQuota).Remaining != 7 {
		t.Errorf("got %v by %v", d.Verdict, d.Layer)
	}
	if after := state(l); after != before {
		t.Errorf("asking has spent: %v, was %v", after, before)
	}
	for _, layer := range allLayers[:4] {
		l := layers()
		l.Quota = limit.Allowance{Limited: true, Limit: 50}
		exhaust(l, layer, second)
		if d := limit.Decide(second, l); d.Verdict != limit.Refuse || d.Layer != layer {
			t.Errorf("%v exhausted: got %v by %v", layer, d.Verdict, d.Layer)
		}
	}
}

func anyLayers(t *rapid.T, now int64) *limit.Layers {
	bucket := func(name string) (limit.Bucket, int64) {
		if rapid.Bool().Draw(t, "no "+name) {
			return limit.Bucket{}, rapid.Int64Range(0, 1<<40).Draw(t, name+" tat")
		}
		b := compile(float64(rapid.IntRange(0, 5).Draw(t, name+" rate")), rapid.Int64Range(0, 5).Draw(t, name+" burst"))
		return b, b.Owing(now, time.Duration(rapid.Int64Range(0, 6*second).Draw(t, name+" debt")))
	}
	var l limit.Layers
	l.Method.Bucket, l.Method.TAT = bucket("method")
	l.Plan.Bucket, l.Plan.TAT = bucket("plan")
	for name, shared := range map[string]*limit.SharedLayer{"stage": &l.Stage, "account": &l.Account} {
		var tat int64
		shared.State = new(limit.Shared)
		shared.Bucket, tat = bucket(name)
		shared.State.Store(tat)
	}
	if rapid.Bool().Draw(t, "quota") {
		l.Quota = limit.Allowance{Limited: true, Final: rapid.Bool().Draw(t, "final"), Limit: 9,
			Held: rapid.Int64Range(0, 3).Draw(t, "held"), ResetIn: time.Minute}
	}
	return &l
}

// R7: a refused request has spent nothing in any layer, and an admitted one exactly one in each.
func TestRefusedRequestSpendsNothingInAnyLayer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := rapid.Int64Range(0, 100*second).Draw(t, "now")
		l := anyLayers(t, now)
		for range rapid.IntRange(1, 20).Draw(t, "requests") {
			now += rapid.Int64Range(0, second).Draw(t, "gap")
			before := state(l)
			buckets := [4]limit.Bucket{l.Method.Bucket, l.Plan.Bucket, l.Stage.Bucket, l.Account.Bucket}
			want := before
			room := !l.Quota.Limited || l.Quota.Held > 0
			for i, b := range buckets {
				next, ok, _ := b.Look(before[i], now)
				room = room && ok
				if b.IsLimited() {
					want[i] = next
				}
			}
			if l.Quota.Limited {
				want[4]--
			}
			if !room {
				want = before
			}
			d := limit.Decide(now, l)
			if d.Allowed() != room {
				t.Fatalf("got %v, room in every layer: %v", d.Verdict, room)
			}
			if after := state(l); after != want {
				t.Fatalf("%v: state is %v, want %v", d.Verdict, after, want)
			}
		}
	})
}

// A shared bucket whose state is beyond an empty one (throttle changed, clock gone back) counts as empty from the first look on.
func TestSharedLayerOutOfRangeHealsOnRefusal(t *testing.T) {
	l := layers()
	l.Stage.State.Store(l.Stage.Bucket.Empty(1000 * second))
	if d := limit.Decide(second, l); d.Layer != limit.LayerStage || d.RetryAfter != 333333334 {
		t.Errorf("got %v, retry after %v", d.Layer, d.RetryAfter)
	}
	if d := limit.Decide(2*second, l); !d.Allowed() {
		t.Errorf("a second later: got %v by %v, retry after %v", d.Verdict, d.Layer, d.RetryAfter)
	}
}

// The account's last token goes between the look and the take. Here it is the stage's take that wins it: both are one bucket of 1.
func TestStageGetsItsTokenBackWhenTheAccountRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		clock func() int64
		full  time.Duration // after the decision
	}{
		{"at the same instant", nil, 0},
		{"a little later: less what it gained meanwhile", func() int64 { return second + 100 }, 100},
		{"after it was full again: nothing", func() int64 { return 9 * second }, time.Second},
	} {
		both := limit.SharedLayer{Bucket: compile(1, 1), State: new(limit.Shared)}
		l := layers()
		l.Stage, l.Account, l.Clock = both, both, tt.clock
		own, quota := [2]int64{l.Method.TAT, l.Plan.TAT}, l.Quota
		d := limit.Decide(second, l)
		if d.Verdict != limit.Refuse || d.Layer != limit.LayerAccount || d.RetryAfter != time.Second {
			t.Errorf("%s: got %v by %v, retry after %v", tt.name, d.Verdict, d.Layer, d.RetryAfter)
		}
		if got := both.Bucket.ResetIn(both.State.Load(), second); got != tt.full {
			t.Errorf("%s: full in %v, want %v", tt.name, got, tt.full)
		}
		if own != [2]int64{l.Method.TAT, l.Plan.TAT} || quota != l.Quota {
			t.Errorf("%s: the key's own layers were charged", tt.name)
		}
	}
}

// Many goroutines, two shared buckets: never one admission more than the tighter one holds, and what the other gave is only what
// was admitted (R7), although the two are taken one after the other.
func TestSharedLayersAdmitExactlyTheirBurstUnderContention(t *testing.T) {
	for _, bursts := range [][2]int64{{3000, 2000}, {2000, 3000}, {2000, 2000}} {
		stage := limit.SharedLayer{Bucket: compile(0.001, bursts[0]), State: new(limit.Shared)}
		account := limit.SharedLayer{Bucket: compile(0.001, bursts[1]), State: new(limit.Shared)}
		var admitted atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				own := limit.OwnLayer{Bucket: compile(1, 1_000_000)}
				for range 1000 {
					l := limit.Layers{Plan: own, Stage: stage, Account: account}
					if d := limit.Decide(second, &l); d.Allowed() {
						admitted.Add(1)
					}
					own = l.Plan
				}
			})
		}
		wg.Wait()
		want := min(bursts[0], bursts[1])
		if got := admitted.Load(); got != want {
			t.Errorf("bursts %v: %d admitted", bursts, got)
		}
		for i, shared := range []limit.SharedLayer{stage, account} {
			if got := shared.Bucket.Remaining(shared.State.Load(), second); got != bursts[i]-want {
				t.Errorf("bursts %v: %d left in bucket %d, want %d", bursts, got, i, bursts[i]-want)
			}
		}
	}
}

func TestSecondsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]int64{0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, -time.Hour: 0, time.Hour: 3600} {
		if got := limit.Seconds(d); got != want {
			t.Errorf("Seconds(%v) = %d, want %d", d, got, want)
		}
	}
}

func TestNamesOfLayersAndVerdicts(t *testing.T) {
	got := []string{limit.LayerNone.String(), limit.Layer(9).String(), limit.Refuse.String(), limit.Admit.String(), limit.Await.String(), limit.Verdict(9).String()}
	for _, layer := range allLayers {
		got = append(got, layer.String())
	}
	want := []string{"none", "Layer(9)", "refuse", "admit", "await", "Verdict(9)", "method", "plan", "stage", "account", "quota"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// The hot path: a decision must not make garbage, whatever its answer.
func TestDecideDoesNotAllocate(t *testing.T) {
	l := layers()
	now := int64(0)
	allowed := 0
	if n := testing.AllocsPerRun(200, func() {
		now += second / 10
		if d := limit.Decide(now, l); d.Allowed() {
			allowed++
		}
	}); n != 0 {
		t.Errorf("%v allocations a decision", n)
	}
	if allowed == 0 || allowed == 201 {
		t.Errorf("%d of 201 allowed: want some of each answer", allowed)
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, bm := range []struct {
		name   string
		layers *limit.Layers
	}{
		{"plan", &limit.Layers{Plan: limit.OwnLayer{Bucket: compile(1000, 1000)}}},
		{"plan+quota", &limit.Layers{Plan: limit.OwnLayer{Bucket: compile(1000, 1000)},
			Quota: limit.Allowance{Limited: true, Limit: 1 << 40, Held: 1 << 40}}},
		{"all", &limit.Layers{
			Method: limit.OwnLayer{Bucket: compile(1000, 1000)}, Plan: limit.OwnLayer{Bucket: compile(1000, 1000)},
			Stage:   limit.SharedLayer{Bucket: compile(1000, 1000), State: new(limit.Shared)},
			Account: limit.SharedLayer{Bucket: compile(1000, 1000), State: new(limit.Shared)},
			Quota:   limit.Allowance{Limited: true, Limit: 1 << 40, Held: 1 << 40}}},
		{"refused", &limit.Layers{Plan: limit.OwnLayer{Bucket: compile(0.0001, 1)}}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for now := int64(0); b.Loop(); now += 1_000_000 {
				d := limit.Decide(now, bm.layers)
				_ = d.Allowed()
			}
		})
	}
}
