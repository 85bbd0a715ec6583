package limit

import (
	"sync/atomic"
	"time"
)

// Shared is the state of a bucket from which many keys take, without a lock: a stage's, or the account's. The zero Shared is a
// full bucket. It must not be copied.
type Shared struct{ tat atomic.Int64 }

// Load is the bucket's TAT.
func (s *Shared) Load() int64 { return s.tat.Load() }

// Store sets the bucket's TAT, at start.
func (s *Shared) Store(tat int64) { s.tat.Store(tat) }

// look is Look without taking. A refusal keeps next, as Look asks for; if that race is lost, another request has done it.
func (s *Shared) look(b Bucket, now int64) (ok bool, retryAfter time.Duration) {
	old := s.tat.Load()
	next, ok, wait := b.Look(old, now)
	if !ok && next != old {
		s.tat.CompareAndSwap(old, next)
	}
	return ok, wait
}

// take is Look, with the answer kept.
func (s *Shared) take(b Bucket, now int64) (tat int64, ok bool, retryAfter time.Duration) {
	for {
		old := s.tat.Load()
		next, ok, wait := b.Look(old, now)
		if next == old || s.tat.CompareAndSwap(old, next) {
			return next, ok, wait
		}
	}
}

// giveBack returns the token with which take answered taken. The clock is read after the load and again after a lost race: if it
// says that the bucket cannot have been full since, nobody's request in between was admitted from a full bucket.
func (s *Shared) giveBack(b Bucket, taken int64, clock func() int64) {
	for {
		old := s.tat.Load()
		next := b.GiveBack(old, taken, clock())
		if next == old || s.tat.CompareAndSwap(old, next) {
			return
		}
	}
}
