package trace

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	queueSize  = 4096
	batchSize  = 512
	batchEvery = time.Second
	sendTime   = 10 * time.Second // one try
	tries      = 4
	firstPause = time.Second // between tries, doubled each time
	mostPause  = 30 * time.Second
)

// Config is what a Tracer needs.
type Config struct {
	Endpoint string      // of the collector; spans go to /v1/traces below it
	Header   http.Header // of each request to it
	Ratio    float64     // of traces that begin here, 0 to 1, which are sampled; of others whoever began them decided
	Version  string      // of the program
	Log      *slog.Logger
}

// Tracer samples, and sends spans. All methods are safe for concurrent use.
type Tracer struct {
	config  Config
	bound   atomic.Uint64 // traces whose number is below are sampled
	queue   chan *Span
	sent    atomic.Int64
	dropped atomic.Int64
	failing bool // logged; the sender's
	client  *http.Client
	end     context.CancelFunc // of tries
	context context.Context
	once    sync.Once
	closed  chan struct{}
	stopped chan struct{}
}

// New returns a tracer that sends.
func New(c Config) *Tracer {
	t := &Tracer{
		config: c, queue: make(chan *Span, queueSize), closed: make(chan struct{}), stopped: make(chan struct{}),
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConns: 1, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: sendTime, ForceAttemptHTTP2: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // its headers may hold a secret
		},
	}
	t.context, t.end = context.WithCancel(context.Background())
	t.SetRatio(c.Ratio)
	go t.run()
	return t
}

// SetRatio changes how many of the traces that begin here are sampled.
func (t *Tracer) SetRatio(ratio float64) {
	switch {
	case ratio >= 1:
		t.bound.Store(math.MaxUint64)
	case ratio > 0:
		t.bound.Store(uint64(ratio * math.MaxUint64))
	default:
		t.bound.Store(0)
	}
}

// Begin is the place of a request that came with parent, which need not be set.
func (t *Tracer) Begin(parent Context) Context {
	if parent.IsSet() {
		return parent.Next()
	}
	c := newTrace()
	// By the id's lower half, as all who sample by ratio do: they agree about a trace.
	bound := t.bound.Load()
	c.Sampled = bound == math.MaxUint64 || binary.BigEndian.Uint64(c.Trace[8:]) < bound
	return c
}

// Record sends a span later. It never waits.
func (t *Tracer) Record(s *Span) {
	select {
	case <-t.closed:
		t.dropped.Add(1)
		return
	default:
	}
	select {
	case t.queue <- s:
	default:
		t.dropped.Add(1)
	}
}

// Counts tells how many spans were sent and dropped. A nil Tracer has none.
func (t *Tracer) Counts() (sent, dropped int64) {
	if t == nil {
		return 0, 0
	}
	return t.sent.Load(), t.dropped.Load()
}

// Close sends what is in the queue, until ctx ends.
func (t *Tracer) Close(ctx context.Context) {
	t.once.Do(func() { close(t.closed) })
	stop := context.AfterFunc(ctx, t.end)
	<-t.stopped
	stop()
	t.end()
	t.client.CloseIdleConnections()
}

// run collects spans, and sends them, until Close.
func (t *Tracer) run() {
	defer close(t.stopped)
	tick := time.NewTicker(batchEvery)
	defer tick.Stop()
	batch := make([]*Span, 0, batchSize)
	send := func() {
		if len(batch) > 0 {
			t.send(batch)
			clear(batch)
			batch = batch[:0]
		}
	}
	for {
		select {
		case s := <-t.queue:
			if batch = append(batch, s); len(batch) == batchSize {
				send()
			}
		case <-tick.C:
			send()
		case <-t.closed:
			for {
				select {
				case s := <-t.queue:
					if batch = append(batch, s); len(batch) == batchSize {
						send()
					}
					continue
				default:
				}
				send()
				return
			}
		}
	}
}
