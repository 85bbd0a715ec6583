package limit

import (
	"math"
	"time"
)

// A tick is 1/32 ns, the unit of a TAT. It is fine enough that rounding the interval up costs nothing that shows (see doc.go),
// and coarse enough that an int64 holds 9 years.
const (
	tickBits  = 5
	perSecond = 1e9 * (1 << tickBits)
	maxFill   = int64(MaxFill) << tickBits
)

// MaxNow is the latest now, in nanoseconds: 8 years on the caller's clock. Time stands still after it, and buckets with it: a
// caller that passes Unix time by mistake is refused at once instead of being wrong by a little.
const MaxNow = (math.MaxInt64 - maxFill) >> tickBits

func ticks(now int64) int64 { return min(max(now, 0), MaxNow) << tickBits }

// nanos rounds up: who waits that long is not refused for having come too early.
func nanos(ticks int64) time.Duration {
	return time.Duration((ticks-1)>>tickBits + 1)
}

// Bucket is a Throttle made ready for Look. The zero Bucket is unlimited: it stands for a layer that does not apply.
type Bucket struct {
	interval int64 // ticks between two tokens; 0 = unlimited
	capacity int64 // ticks that an empty bucket takes to be full, a multiple of interval; 0 = refuses everything
}

// Compile makes the Bucket of t. A throttle that Validate refuses is clamped to the stricter side, so that no value can overflow.
func (t Throttle) Compile() Bucket {
	if t.RefusesAll() {
		return Bucket{interval: 1}
	}
	rate := min(t.Rate, MaxRate)
	interval := math.Ceil(perSecond / rate)
	if interval > float64(maxFill) {
		return Bucket{interval: 1}
	}
	// The division was rounded, perhaps down. FMA rounds once, so the sign of its result is right.
	for math.FMA(interval, rate, -perSecond) < 0 {
		interval = max(interval+1, math.Nextafter(interval, math.Inf(1)))
	}
	b := Bucket{interval: int64(interval)}
	b.capacity = min(t.Burst, maxFill/b.interval) * b.interval
	return b
}

// IsLimited reports whether b is of a throttle at all.
func (b Bucket) IsLimited() bool { return b.interval != 0 }

// RefusesAll reports whether no request can ever pass.
func (b Bucket) RefusesAll() bool { return b.IsLimited() && b.capacity == 0 }

// Burst is the capacity in tokens, 0 for an unlimited bucket.
func (b Bucket) Burst() int64 {
	if b.capacity == 0 {
		return 0
	}
	return b.capacity / b.interval
}

// Look decides one request at now, in nanoseconds. The caller keeps next as the bucket's TAT, also after a refusal: then it is
// tat, or less when tat was further ahead than an empty bucket can be (the clock went back, or the throttle was changed), so that
// such a bucket counts as empty, not as years of debt. RetryAfter is above 0 on a refusal that time cures, and 0 otherwise.
func (b Bucket) Look(tat, now int64) (next int64, ok bool, retryAfter time.Duration) {
	if b.capacity == 0 {
		return tat, b.interval == 0, 0
	}
	t := ticks(now)
	start := min(max(tat, t), t+b.capacity)
	if early := start - t - (b.capacity - b.interval); early > 0 {
		return start, false, nanos(early)
	}
	return start + b.interval, true, 0
}

// GiveBack returns a token that was out for that long to tat, for a request that another layer refused. It is for a bucket from
// which others take meanwhile: tat must be read before the clock that ends out.
//
// While a token is out, a bucket refills to its brim without it, and to put the token on top would admit one request too many. The
// state does not tell whether that happened, so the bucket gets the token less what it may have gained meanwhile.
func (b Bucket) GiveBack(tat int64, out time.Duration) int64 {
	if b.capacity == 0 {
		return tat
	}
	return tat - max(0, b.interval-ticks(int64(out)))
}

// Remaining is how many requests would pass at this instant: 0..Burst. It is 0 for an unlimited bucket.
func (b Bucket) Remaining(tat, now int64) int64 {
	if b.capacity == 0 {
		return 0
	}
	return (b.capacity - b.debt(tat, now)) / b.interval
}

// ResetIn is the time until the bucket is full, at least 0. It is also the level to be saved, for Owing on another clock.
func (b Bucket) ResetIn(tat, now int64) time.Duration { return nanos(b.debt(tat, now)) }

// Level is Remaining with its fraction: 0..Burst tokens.
func (b Bucket) Level(tat, now int64) float64 {
	if b.capacity == 0 {
		return 0
	}
	return float64(b.capacity-b.debt(tat, now)) / float64(b.interval)
}

// FullIn is the time until the bucket with this TAT is full, 0 or less if it is: what ResetIn says of a bucket whose throttle was not changed.
func FullIn(tat, now int64) time.Duration { return nanos(tat - ticks(now)) }

// Owing is the TAT of a bucket whose ResetIn is resetIn, at most that of an empty one.
func (b Bucket) Owing(now int64, resetIn time.Duration) int64 {
	return ticks(now) + min(int64(max(0, min(resetIn, MaxFill)))<<tickBits, b.capacity)
}

// Empty is the TAT of an empty bucket.
func (b Bucket) Empty(now int64) int64 { return ticks(now) + b.capacity }

// debt is how far the bucket is from full: 0..capacity ticks.
func (b Bucket) debt(tat, now int64) int64 {
	return min(max(tat-ticks(now), 0), b.capacity)
}
