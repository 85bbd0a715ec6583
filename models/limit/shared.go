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

// giveBack returns a token that take took at now.
func (s *Shared) giveBack(b Bucket, now int64, clock func() int64) {
	for {
		old := s.tat.Load()
		next := b.GiveBack(old, time.Duration(clock()-now))
		if next == old || s.tat.CompareAndSwap(old, next) {
			return
		}
	}
}
