package cache

import (
	"context"
	"sync"
	"time"
)

const (
	flightShards = 64
	// Patience is how long a request waits at most for another one's answer. An upstream that fails or is slow for one does so to the others no longer than that.
	Patience = 3 * time.Second
)

// flightShard holds some of the requests to upstreams that others may wait for.
type flightShard struct {
	mu   sync.Mutex
	some map[Key]*Flight
}

// Flight is a request to the upstream that others wait for.
type Flight struct {
	c      *Cache
	key    Key
	landed chan struct{}
}

// Lead returns true for the one who is to ask the upstream, and must call Land then; all others may Wait.
func (c *Cache) Lead(key Key) (f *Flight, leads bool) {
	s := &c.flights[key[0]%flightShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.some[key]; f != nil {
		return f, false
	}
	if s.some == nil {
		s.some = map[Key]*Flight{}
	}
	f = &Flight{c, key, make(chan struct{})}
	s.some[key] = f
	return f, true
}

// Land says that there is nothing to wait for any more, whatever came of it.
func (f *Flight) Land() {
	s := &f.c.flights[f.key[0]%flightShards]
	s.mu.Lock()
	delete(s.some, f.key)
	s.mu.Unlock()
	close(f.landed)
}

// Wait waits for the flight to land, at most Patience.
func (f *Flight) Wait(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	select {
	case <-f.landed:
	case <-ctx.Done():
	}
}
