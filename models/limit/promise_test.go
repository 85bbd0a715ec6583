package limit_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"golang.org/x/time/rate"
	"pgregory.net/rapid"

	"gatehouse/models/limit"
)

// arrivals draws gaps that keep a bucket near its limits: bursts at one instant, gaps of about one interval, idle times.
func arrivals(t *rapid.T, r float64, unit int64) []int64 {
	interval := max(int64(1e9/r)/unit, 1)
	gap := rapid.OneOf(
		rapid.Just(int64(0)),
		rapid.Int64Range(0, 2*interval),
		rapid.Int64Range(max(interval-2, 0), interval+2),
		rapid.Int64Range(0, 200*interval),
	)
	var at []int64
	for now, gaps := int64(0), rapid.SliceOfN(gap, 1, 300).Draw(t, "gaps"); len(gaps) > 0; gaps = gaps[1:] {
		now += gaps[0] * unit
		at = append(at, now)
	}
	return at
}

func divisors(n int64) (d []int64) {
	for i := int64(1); i <= n; i++ {
		if n%i == 0 {
			d = append(d, i)
		}
	}
	return d
}

// For a rate that divides 10^9 the decisions are those of golang.org/x/time/rate. Arrivals are on whole microseconds, because
// x/time/rate cuts a wait of less than a nanosecond to nothing: with finer ones it sometimes admits 1 ns too early.
func TestBucketDecidesAsTimeRate(t *testing.T) {
	rates := divisors(1_000_000)
	rapid.Check(t, func(t *rapid.T) {
		r := float64(rapid.SampledFrom(rates).Draw(t, "rate"))
		if rapid.Bool().Draw(t, "slow") {
			r = rapid.SampledFrom([]float64{0.1, 0.2, 0.5, 0.01, 0.25}).Draw(t, "slow rate")
		}
		burst := rapid.Int64Range(1, 200).Draw(t, "burst")
		epoch := time.Unix(1_700_000_000, 0)
		theirs := rate.NewLimiter(rate.Limit(r), int(burst))
		ours := bucket{Bucket: limit.Throttle{Rate: r, Burst: burst}.Compile()}
		for i, at := range arrivals(t, r, 1000) {
			got, want := ours.allow(at), theirs.AllowN(epoch.Add(time.Duration(at)), 1)
			if got != want {
				t.Fatalf("arrival %d at %d ns: got %v, x/time/rate says %v", i, at, got, want)
			}
		}
	})
}

// exactBucket is a token bucket in fractions: slow and beyond doubt.
type exactBucket struct {
	rate, burst, tokens *big.Rat
	last                int64
}

func newExactBucket(t limit.Throttle) *exactBucket {
	perNano := new(big.Rat).SetFloat64(t.Rate)
	perNano.Quo(perNano, big.NewRat(second, 1))
	return &exactBucket{rate: perNano, burst: big.NewRat(t.Burst, 1), tokens: big.NewRat(t.Burst, 1)}
}

func (b *exactBucket) refill(now int64) {
	b.tokens.Add(b.tokens, new(big.Rat).Mul(b.rate, big.NewRat(now-b.last, 1)))
	if b.tokens.Cmp(b.burst) > 0 {
		b.tokens.Set(b.burst)
	}
	b.last = now
}

func (b *exactBucket) allow(now int64) bool {
	b.refill(now)
	left := new(big.Rat).Sub(b.tokens, big.NewRat(1, 1))
	if left.Sign() < 0 {
		return false
	}
	b.tokens.Set(left)
	return true
}

// To the nanosecond, for every rate that divides 10^9.
func TestBucketIsExactForRatesThatDivideASecond(t *testing.T) {
	rates := divisors(limit.MaxRate)
	rates = append(rates, 512_000, 128_000, 64_000, 1_953_125/125)
	rapid.Check(t, func(t *rapid.T) {
		r := float64(rapid.SampledFrom(rates).Draw(t, "rate"))
		throttle := limit.Throttle{Rate: r, Burst: rapid.Int64Range(1, 100).Draw(t, "burst")}
		ours, exact := bucket{Bucket: throttle.Compile()}, newExactBucket(throttle)
		for i, at := range arrivals(t, r, 1) {
			if got, want := ours.allow(at), exact.allow(at); got != want {
				t.Fatalf("arrival %d at %d ns: got %v, want %v", i, at, got, want)
			}
		}
	})
}

// anyThrottle draws from the whole range of settings that Validate accepts.
func anyThrottle() *rapid.Generator[limit.Throttle] {
	return rapid.Custom(func(t *rapid.T) limit.Throttle {
		throttle := limit.Throttle{
			Rate: rapid.OneOf(
				rapid.Float64Range(0, 10), rapid.Float64Range(0, limit.MaxRate),
				rapid.Map(rapid.IntRange(0, limit.MaxRate), func(i int) float64 { return float64(i) }),
			).Draw(t, "rate"),
			Burst: rapid.OneOf(rapid.Int64Range(0, 50), rapid.Int64Range(0, limit.MaxBurst)).Draw(t, "burst"),
		}
		if throttle.Validate() != nil {
			throttle.Burst = int64(throttle.Rate * limit.MaxFill.Seconds() / 2)
		}
		return throttle
	})
}

// A division of floats may round down to a whole number of ticks. The TAT of an empty bucket of 1 at time 0 is the interval in 1/32 ns.
func TestIntervalIsNeverRoundedDown(t *testing.T) {
	for _, r := range append(divisors(limit.MaxRate), 3, 7, 11, 13, 333_333) {
		for _, r := range []float64{float64(r), math.Nextafter(float64(r), 0), math.Nextafter(float64(r), limit.MaxRate), 1 / float64(r), math.Nextafter(1/float64(r), 0)} {
			interval := limit.Throttle{Rate: r, Burst: 1}.Compile().Empty(0)
			perSecond := new(big.Rat).Mul(big.NewRat(interval, 1), new(big.Rat).SetFloat64(r))
			if over := perSecond.Cmp(big.NewRat(32*second, 1)); over < 0 {
				t.Errorf("rate %v: %d ticks a token are too few", r, interval)
			}
		}
	}
}

// R5: a bucket that was taken from whenever it would give is never ahead of the exact one, whatever the rate.
func TestBucketNeverAdmitsMoreThanPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		throttle := anyThrottle().Filter(func(t limit.Throttle) bool { return !t.RefusesAll() }).Draw(t, "throttle")
		throttle.Burst = min(throttle.Burst, 100)
		ours, exact := bucket{Bucket: throttle.Compile()}, newExactBucket(throttle)
		for i, at := range arrivals(t, throttle.Rate, 1) {
			// The exact bucket is charged for what ours admits, and must always be able to pay.
			exact.refill(at)
			if ours.allow(at) && !exact.allow(at) {
				t.Fatalf("arrival %d at %d ns: admitted beyond %v", i, at, throttle)
			}
		}
	})
}

// R5 as it is written: admissions in any window t <= burst + rate*t.
func TestAdmissionsInAnyWindowAreAtMostBurstPlusRateTimesT(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		throttle := limit.Throttle{
			Rate:  rapid.Float64Range(0.001, 100_000).Draw(t, "rate"),
			Burst: rapid.Int64Range(1, 20).Draw(t, "burst"),
		}
		b := bucket{Bucket: throttle.Compile()}
		var admitted []int64
		for _, at := range arrivals(t, throttle.Rate, 1) {
			if b.allow(at) {
				admitted = append(admitted, at)
			}
		}
		for i := range admitted {
			for j := i; j < len(admitted); j++ {
				window := big.NewRat(admitted[j]-admitted[i], second)
				most := new(big.Rat).Mul(new(big.Rat).SetFloat64(throttle.Rate), window)
				most.Add(most, big.NewRat(throttle.Burst, 1))
				if n := int64(j - i + 1); big.NewRat(n, 1).Cmp(most) > 0 {
					t.Fatalf("%d admissions in %s s, most %s", n, window.FloatString(9), most.FloatString(6))
				}
			}
		}
	})
}

// Rounding the interval up costs at most 1 request in 10^6 up to 32,000 a second, and 32 at the largest rate.
func TestBucketRefusesAtMostOneInAMillionForRounding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.OneOf(rapid.Float64Range(0.0001, 32_000),
			rapid.Map(rapid.IntRange(1, 32_000), func(i int) float64 { return float64(i) })).Draw(t, "rate")
		b := limit.Throttle{Rate: r, Burst: 2}.Compile()
		// A caller who comes as soon as it may: always in debt, so that every rounding adds up.
		tat, now := int64(0), int64(0)
		const n = 1000
		for range n + 2 {
			next, ok, wait := b.Look(tat, now)
			if !ok {
				now += int64(wait)
				if next, ok, _ = b.Look(tat, now); !ok {
					t.Fatalf("refused at %d ns, the moment that was promised", now)
				}
			}
			tat = next
		}
		exact := n / r * 1e9
		// Now is in whole nanoseconds, the state is finer: only the last wait is rounded to them.
		if late := float64(now) - exact; late < -exact/1e15 || late > 1+exact/1e6 {
			t.Fatalf("%d requests took %d ns, want %.3f", n, now, exact)
		}
	})
}
