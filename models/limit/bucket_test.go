package limit_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/models/limit"
)

// bucket is a Bucket with its state, as a caller keeps it.
type bucket struct {
	limit.Bucket
	tat int64
}

func (b *bucket) allow(now int64) bool {
	next, ok, _ := b.Look(b.tat, now)
	b.tat = next
	return ok
}

const second = int64(time.Second)

// The worked examples of AWS's documentation: 10,000 a second with a burst of 5,000.
func TestThrottleServesTheWorkedExamples(t *testing.T) {
	const ms = int64(time.Millisecond)
	evenly := func(n, from, to int64) (at []int64) {
		for i := range n {
			at = append(at, from+i*(to-from)/n)
		}
		return at
	}
	join := func(parts ...[]int64) (at []int64) {
		for _, p := range parts {
			at = append(at, p...)
		}
		return at
	}
	tests := []struct {
		name            string
		arrivals        []int64
		served, refused int
	}{
		{"10,000 evenly over 1 s", evenly(10_000, 0, second), 10_000, 0},
		// At the same instant: within the first ms up to 10 tokens come back, which the table rounds away.
		{"10,000 within the first ms", evenly(10_000, 0, 0), 5_000, 5_000},
		{"5,000 in ms 1, 5,000 evenly over the remaining 999 ms", join(evenly(5_000, 0, 0), evenly(5_000, ms, second)), 10_000, 0},
		{"5,000 in ms 1, 5,000 in ms 101", join(evenly(5_000, 0, 0), evenly(5_000, 100*ms, 100*ms)), 6_000, 4_000},
		{"5,000 in ms 1, 1,000 in ms 101, 4,000 evenly over the rest",
			join(evenly(5_000, 0, 0), evenly(1_000, 100*ms, 100*ms), evenly(4_000, 101*ms, second)), 10_000, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := bucket{Bucket: limit.Throttle{Rate: 10_000, Burst: 5_000}.Compile()}
			served, refused := 0, 0
			for _, at := range tt.arrivals {
				if b.allow(at) {
					served++
				} else {
					refused++
				}
			}
			if served != tt.served || refused != tt.refused {
				t.Errorf("got %d served, %d refused, want %d and %d", served, refused, tt.served, tt.refused)
			}
		})
	}
}

// A refusal names the first instant at which the request passes: not 1 ns sooner, not later.
func TestRetryAfterIsTheFirstInstantThatPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		throttle := limit.Throttle{Rate: rapid.Float64Range(0.01, limit.MaxRate).Draw(t, "rate"), Burst: rapid.Int64Range(1, 5).Draw(t, "burst")}
		b := throttle.Compile()
		now := rapid.Int64Range(0, 1<<50).Draw(t, "now")
		_, ok, wait := b.Look(b.Empty(now), now)
		if ok || wait <= 0 {
			t.Fatalf("an empty bucket: got %v after %v, want a refusal", ok, wait)
		}
		if _, ok, _ := b.Look(b.Empty(now), now+int64(wait)); !ok {
			t.Fatalf("refused after %v, as long as it was told to wait", wait)
		}
		if _, ok, _ := b.Look(b.Empty(now), now+int64(wait)-1); ok {
			t.Fatalf("admitted 1 ns before %v", wait)
		}
	})
}

func TestFractionalRatesRefill(t *testing.T) {
	b := bucket{Bucket: limit.Throttle{Rate: 0.1, Burst: 2}.Compile()}
	for i, step := range []struct {
		at   int64
		want bool
	}{{0, true}, {0, true}, {0, false}, {10*second - 1, false}, {10 * second, true}, {19 * second, false}, {20 * second, true}} {
		if got := b.allow(step.at); got != step.want {
			t.Errorf("step %d at %v: got %v, want %v", i, time.Duration(step.at), got, step.want)
		}
	}
}

func TestBucketOfRateOrBurstZeroRefusesEverything(t *testing.T) {
	for _, throttle := range []limit.Throttle{{}, {Rate: 5}, {Burst: 5}, {Rate: -1, Burst: 1}, {Rate: math.NaN(), Burst: 1}, {Rate: 1e-300, Burst: 1}} {
		b := throttle.Compile()
		for _, now := range []int64{0, second, limit.MaxNow} {
			if next, ok, wait := b.Look(0, now); ok || next != 0 || wait != 0 {
				t.Errorf("%v at %d: got %d, %v, %v, want a refusal that waiting does not cure", throttle, now, next, ok, wait)
			}
		}
		if !b.IsLimited() || !b.RefusesAll() || b.Burst() != 0 || b.Remaining(0, second) != 0 {
			t.Errorf("%v: not a bucket that refuses everything", throttle)
		}
	}
}

func TestZeroBucketIsUnlimited(t *testing.T) {
	var b limit.Bucket
	if next, ok, wait := b.Look(42, second); next != 42 || !ok || wait != 0 {
		t.Errorf("got %d, %v, %v", next, ok, wait)
	}
	if b.IsLimited() || b.RefusesAll() || b.Gauge(0, 0) != (limit.Gauge{}) {
		t.Error("the zero Bucket claims to be a limit")
	}
}

// No setting, state or clock reading makes a sum overflow: an overflow would admit, or block for years.
func TestBucketNeverOverflows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		throttle := limit.Throttle{
			Rate:  rapid.Float64().Draw(t, "rate"), // also what Validate refuses
			Burst: rapid.Int64().Draw(t, "burst"),
		}
		if rapid.Bool().Draw(t, "valid") {
			throttle = anyThrottle().Draw(t, "throttle")
		}
		b := throttle.Compile()
		tat, now := rapid.Int64().Draw(t, "tat"), rapid.Int64().Draw(t, "now")
		next, ok, wait := b.Look(tat, now)
		if throttle.RefusesAll() && ok {
			t.Fatal("admitted by a throttle that refuses everything")
		}
		if burst := b.Burst(); burst < 0 || burst > max(throttle.Burst, 0) {
			t.Fatalf("burst %d of %d", burst, throttle.Burst)
		}
		if b.RefusesAll() {
			return
		}
		if wait < 0 || wait > limit.MaxFill || ok == (wait > 0) {
			t.Fatalf("got %v, wait %v", ok, wait)
		}
		if n := b.Remaining(next, now); n < 0 || n > b.Burst() {
			t.Fatalf("remaining %d of %d", n, b.Burst())
		}
		if reset := b.ResetIn(next, now); reset < 0 || reset > limit.MaxFill || (ok && reset == 0) {
			t.Fatalf("reset in %v", reset)
		}
		if _, _, wait := b.Look(next, now); wait > limit.MaxFill {
			t.Fatalf("wait %v after one request", wait)
		}
	})
}

// Unix time instead of a clock of one's own must be found in the first test that anybody writes, not after years.
func TestTimeStandsStillAfterMaxNow(t *testing.T) {
	b := bucket{Bucket: limit.Throttle{Rate: 1000, Burst: 1}.Compile()}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	if !b.allow(now) || b.allow(now+second) {
		t.Error("a Unix time is taken for a time since start")
	}
}

func TestClockThatGoesBackNeitherOpensNorBlocks(t *testing.T) {
	throttle := limit.Throttle{Rate: 10, Burst: 5}
	b := bucket{Bucket: throttle.Compile()}
	for range 5 {
		b.allow(1000 * second)
	}
	// Back by 1000 s: a bucket that owes half a second must not owe 1000 s.
	if b.allow(0) {
		t.Error("opened")
	}
	for i := range int64(20) {
		if !b.allow((i + 1) * second / 10) {
			t.Errorf("blocked at %d00 ms after the clock went back", i+1)
		}
	}
}

func TestChangedThrottleHoldsAtOnce(t *testing.T) {
	b := bucket{Bucket: limit.Throttle{Rate: 0.001, Burst: 1000}.Compile()}
	for b.allow(0) {
	}
	// 1000 s for one token, 10^6 s to be full; now 10 a second.
	b.Bucket = limit.Throttle{Rate: 10, Burst: 3}.Compile()
	for i, step := range []struct {
		at   int64
		want bool
	}{{0, false}, {second/10 - 1, false}, {second / 10, true}, {second / 10, false}, {second, true}, {second, true}, {second, true}, {second, false}} {
		if got := b.allow(step.at); got != step.want {
			t.Errorf("step %d at %v: got %v, want %v", i, time.Duration(step.at), got, step.want)
		}
	}
}

// An ordered stop saves levels and a start reads them on another clock (DECISIONS 55): never more tokens than before.
func TestLevelSurvivesAnotherClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyThrottle().Draw(t, "throttle").Compile()
		before := rapid.Int64Range(0, 1<<50).Draw(t, "before")
		after := rapid.Int64Range(0, 1<<50).Draw(t, "after")
		spent := rapid.Float64Range(0, 1).Draw(t, "spent")
		tat := before<<5 + int64(spent*float64(b.Empty(before)-before<<5))
		restored := b.Owing(after, b.ResetIn(tat, before))
		if got, was := b.Level(restored, after), b.Level(tat, before); got > was || got < was-0.04 {
			t.Fatalf("level %v, was %v", got, was)
		}
		if got := b.Level(b.Empty(after), after); got != 0 {
			t.Fatalf("an empty bucket's level: %v", got)
		}
	})
}

// While a token is out the bucket refills without it. To return it whole would admit one request too many: the lazy cap of RELIABILITY 2.12, 1.
func TestRegressionRefillWhileATokenIsOutAdmitsNoneTooMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		throttle := limit.Throttle{Rate: 1000, Burst: rapid.Int64Range(1, 3).Draw(t, "burst")}
		b, exact := bucket{Bucket: throttle.Compile()}, newExactBucket(throttle)
		var taken []int64 // when, by requests that another layer will refuse
		now := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.SampledFrom([]int64{0, 1, second / 2000, second / 1000, second / 250}).Draw(t, "gap")
			switch {
			case len(taken) > 0 && rapid.Bool().Draw(t, "give back"):
				i := rapid.IntRange(0, len(taken)-1).Draw(t, "which")
				b.tat = b.GiveBack(b.tat, time.Duration(now-taken[i]))
				taken = append(taken[:i], taken[i+1:]...)
			case rapid.Bool().Draw(t, "to be given back"):
				if b.allow(now) {
					taken = append(taken, now)
				}
			default:
				if b.allow(now) && !exact.allow(now) {
					t.Fatalf("admitted one too many at %d ns", now)
				}
			}
		}
	})
}

// R7: a request that took and gave back has spent nothing; of the refill, it has cost no more than the time that it took.
func TestGiveBackUndoesATake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyThrottle().Filter(func(t limit.Throttle) bool { return !t.RefusesAll() }).Draw(t, "throttle").Compile()
		now := rapid.Int64Range(0, 1<<50).Draw(t, "now")
		tat := b.Owing(now, time.Duration(rapid.Int64Range(0, 1<<45).Draw(t, "debt")))
		taken, ok, _ := b.Look(tat, now)
		if !ok {
			return
		}
		if got, want := b.Level(b.GiveBack(taken, 0), now), b.Level(tat, now); got != want {
			t.Fatalf("at the same instant: level %v, want %v", got, want)
		}
		out := rapid.Int64Range(0, 1<<40).Draw(t, "out")
		if got, want := b.ResetIn(b.GiveBack(taken, time.Duration(out)), now+out), b.ResetIn(tat, now); got > want {
			t.Fatalf("full in %v, was full in %v when the token was taken", got, want)
		}
	})
}

func TestRemainingAndResetAreWhatWouldHappen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		throttle := limit.Throttle{Rate: rapid.Float64Range(0.1, 10_000).Draw(t, "rate"), Burst: rapid.Int64Range(1, 50).Draw(t, "burst")}
		b := bucket{Bucket: throttle.Compile()}
		now := int64(0)
		for _, now = range arrivals(t, throttle.Rate, 1) {
			b.allow(now)
		}
		full := now + int64(b.ResetIn(b.tat, now))
		if got := b.Remaining(b.tat, full); got != throttle.Burst {
			t.Fatalf("remaining %d at the reset, want %d", got, throttle.Burst)
		}
		if n := b.Remaining(b.tat, now); n != int64(b.Level(b.tat, now)) {
			t.Fatalf("remaining %d, level %v", n, b.Level(b.tat, now))
		}
		for n := b.Remaining(b.tat, now); n >= 0; n-- {
			if got := b.allow(now); got != (n > 0) {
				t.Fatalf("remaining %d, but the request got %v", n, got)
			}
		}
	})
}
