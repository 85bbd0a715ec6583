package transport

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	idleShards = 8
	idleTime   = 90 * time.Second
)

// idleConns are connections that carry no request, in shards: who takes one does not wait for all who do.
type idleConns struct {
	shards   [idleShards]idleShard
	over     atomic.Bool // what becomes idle is closed
	sweeping atomic.Bool // somebody will close what is idle for too long
}

// idleShard holds some, the one that was used last at the end. Its padding keeps two shards' locks off one cache line.
type idleShard struct {
	mu    sync.Mutex
	conns []*line
	_     [32]byte
}

// take returns a connection, or nil.
func (l *idleConns) take() *line {
	first := rand.Uint32N(idleShards)
	for i := range uint32(idleShards) {
		if c := l.shards[(first+i)%idleShards].pop(); c != nil {
			return c
		}
	}
	return nil
}

func (s *idleShard) pop() *line {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.conns) - 1
	if last < 0 {
		return nil
	}
	c := s.conns[last]
	s.conns[last] = nil
	s.conns = s.conns[:last]
	return c
}

// put keeps a connection, or closes it where there are enough.
func (l *idleConns) put(c *line) {
	c.since = time.Now()
	s := &l.shards[rand.Uint32N(idleShards)]
	s.mu.Lock()
	full := len(s.conns) >= maxIdle/idleShards
	if !full {
		s.conns = append(s.conns, c)
	}
	s.mu.Unlock()
	switch {
	case l.over.Load():
		l.closeOlder(0)
	case full:
		_ = c.Close()
	default:
		l.sweepLater()
	}
}

func (l *idleConns) sweepLater() {
	if !l.sweeping.Load() && l.sweeping.CompareAndSwap(false, true) {
		time.AfterFunc(idleTime/3, func() {
			left := l.closeOlder(idleTime)
			l.sweeping.Store(false)
			if left > 0 {
				l.sweepLater()
			}
		})
	}
}

// closeOlder closes what has been idle for longer than that, and returns how many are left.
func (l *idleConns) closeOlder(than time.Duration) (left int) {
	before := time.Now().Add(-than)
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		kept := s.conns[:0]
		for _, c := range s.conns {
			if c.since.Before(before) || than == 0 {
				_ = c.Close()
			} else {
				kept = append(kept, c)
			}
		}
		clear(s.conns[len(kept):])
		s.conns = kept
		left += len(kept)
		s.mu.Unlock()
	}
	return left
}
