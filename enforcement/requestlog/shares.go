package requestlog

import (
	"sync/atomic"

	"gatehouse/models/limit"
)

// shares is how many entries of a kind each key may leave: a second's worth at once.
type shares struct {
	bucket atomic.Pointer[limit.Bucket]
	cells  [1 << 16]atomic.Int64
}

func (s *shares) set(perSecond int) {
	b := limit.Throttle{Rate: float64(perSecond), Burst: int64(perSecond)}.Compile()
	s.bucket.Store(&b)
}

// take counts one entry of a share. Now is in nanoseconds on a clock that does not go back.
func (s *shares) take(share uint64, now int64) bool {
	b, cell := s.bucket.Load(), &s.cells[share*0x9e3779b97f4a7c15>>(64-16)]
	for {
		old := cell.Load()
		next, ok, _ := b.Look(old, now)
		if !ok || cell.CompareAndSwap(old, next) {
			return ok
		}
	}
}
