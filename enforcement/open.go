package enforcement

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	openShards = 64
	// drainStep is how often a stop looks whether the requests under way have ended.
	drainStep = 10 * time.Millisecond
)

// openRequests is the requests under way, so that a stop can wait for them and cut off the ones that do not end by themselves.
type openRequests struct {
	shards  [openShards]openShard
	closing atomic.Bool // every shard is closed, or is about to be: connections end behind their answers
	closed  atomic.Bool // nothing is let in any more
}

// openShard holds some of them. Its padding keeps two shards' locks off one cache line.
type openShard struct {
	mu     sync.Mutex
	closed bool
	some   map[*request]struct{}
	_      [40]byte
}

// shardOf spreads requests at random.
func (o *openRequests) shardOf(q *request) *openShard {
	return &o.shards[q.shard%openShards]
}

// enter returns false once the gateway is stopping.
func (o *openRequests) enter(q *request) bool {
	s := o.shardOf(q)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.some == nil {
		s.some = map[*request]struct{}{}
	}
	s.some[q] = struct{}{}
	return true
}

func (o *openRequests) leave(q *request) {
	s := o.shardOf(q)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.some, q)
}

func (o *openRequests) isClosing() bool { return o.closing.Load() }

func (o *openRequests) isClosed() bool { return o.closed.Load() }

func (o *openRequests) len() (n int) {
	for i := range o.shards {
		o.shards[i].each(func(*request) { n++ })
	}
	return n
}

func (s *openShard) each(fn func(q *request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for q := range s.some {
		fn(q)
	}
}

// cut ends streams, or everything.
func (o *openRequests) cut(all bool) {
	for i := range o.shards {
		o.shards[i].each(func(q *request) {
			if all || q.exchange.IsStream() {
				q.exchange.Cut()
			}
		})
	}
}

// drain lets no request in any more and waits until none is under way. Streams are cut at once, all others when ctx ends.
func (o *openRequests) drain(ctx context.Context) {
	o.closing.Store(true)
	o.closed.Store(true)
	for i := range o.shards {
		s := &o.shards[i]
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
	}
	tick := time.NewTicker(drainStep)
	defer tick.Stop()
	for {
		o.cut(ctx.Err() != nil)
		if o.len() == 0 {
			return
		}
		<-tick.C
	}
}
