package requestlog

import (
	"sync/atomic"

	"gatehouse/models/limit"
)

// mostEntries is how many entries of a kind all keys together may leave in a second. With more, the log would turn over within minutes and hold nothing
// that anybody looks for, for much work: 2 GB are filled by both kinds in four hours.
const mostEntries = 500

var allOfAll = limit.Throttle{Rate: mostEntries, Burst: mostEntries}.Compile()

// shares is how many entries of a kind each key may leave: a second's worth at once.
type shares struct {
	bucket atomic.Pointer[limit.Bucket]
	cells  [1 << 16]atomic.Int64
	all    atomic.Int64 // what all keys together may
}

func (s *shares) set(perSecond int) {
	b := limit.Throttle{Rate: float64(perSecond), Burst: int64(perSecond)}.Compile()
	s.bucket.Store(&b)
}

// take counts one entry of a share. Now is in nanoseconds on a clock that does not go back. What all may is looked at first: under load it is used up nearly
// always, and at hand, where a key's own share is not.
func (s *shares) take(share uint64, now int64) bool {
	if _, ok, _ := allOfAll.Look(s.all.Load(), now); !ok {
		return false
	}
	return takeFrom(s.bucket.Load(), &s.cells[share*0x9e3779b97f4a7c15>>(64-16)], now) && takeFrom(&allOfAll, &s.all, now)
}

func takeFrom(b *limit.Bucket, cell *atomic.Int64, now int64) bool {
	for {
		old := cell.Load()
		next, ok, _ := b.Look(old, now)
		if !ok || cell.CompareAndSwap(old, next) {
			return ok
		}
	}
}
