package fast

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/front"
)

// Config is what a Lane needs.
type Config struct {
	Policy Policy
	Loops  int          // 0: one for each core that the process may use
	Times  func() Times // in force now
	Tell   func(Event)  // is told of each connection; nil: nobody is
	Log    *slog.Logger // nil: slog.Default()
}

// Event is what becomes of a connection.
type Event uint8

// The events. Each connection is Opened, and in the end Closed or Left.
const (
	Opened Event = iota
	Closed
	Left // it went on to the standard lane
)

// Times are the bounds of a client's connection; of each 0 means none.
type Times struct {
	Head       time.Duration // from the connection's beginning until the first byte of a request
	Idle       time.Duration // between two requests
	Stall      time.Duration // of waiting for a client that does not read its answer, in which StallBytes must move
	StallBytes int64
}

// Lane serves connections by loops. It is safe for concurrent use.
type Lane struct {
	config  Config
	begin   time.Time
	loops   []*loop
	turn    atomic.Uint32 // connections that came
	spread  atomic.Uint32 // loops, the first ones, that connections are spread over
	leaving atomic.Bool   // answers say that their connection ends
	stop    atomic.Bool   // nothing new is begun

	taken, left atomic.Int64 // connections

	thinking  sync.Mutex // guards what follows
	spreading spreading
}

// counts are of one loop, which alone writes them.
type counts struct{ served, open, busy, deaf atomic.Int64 }

// Counts is what a lane has done and does.
type Counts struct {
	Taken    int64 // connections, ever
	Left     int64 // connections that went on to the standard lane, ever
	Requests int64 // ever
	Open     int64 // connections
	Busy     int64 // requests under way
	Deaf     int64 // connections that were open when Leave was called and have had no request since
	Loops    int64 // that connections are spread over
}

// Counts returns the counts of now.
func (l *Lane) Counts() Counts {
	c := Counts{Taken: l.taken.Load(), Left: l.left.Load(), Loops: int64(l.spread.Load())}
	for _, o := range l.loops {
		c.Requests += o.served.Load()
		c.Open += o.open.Load()
		c.Busy += o.busy.Load()
		c.Deaf += o.deaf.Load()
	}
	return c
}

// Leave has all answers from now on say that their connection ends.
func (l *Lane) Leave() {
	l.leaving.Store(true)
	for _, o := range l.loops {
		o.post(o.countDeaf)
	}
}

// closeStep is how often Close looks whether the requests under way have ended.
const closeStep = 5 * time.Millisecond

// Close begins nothing new, closes connections without a request under way at once, and all others when their request has ended, or ctx. Listeners must have been
// closed.
func (l *Lane) Close(ctx context.Context) {
	l.leaving.Store(true)
	l.stop.Store(true)
	for _, o := range l.loops {
		o.post(o.closeIdle)
	}
	tick := time.NewTicker(closeStep)
	defer tick.Stop()
	for l.Counts().Busy > 0 {
		select {
		case <-ctx.Done():
			for _, o := range l.loops {
				o.post(o.cutAll)
			}
			<-tick.C
		case <-tick.C:
		}
	}
	for _, o := range l.loops {
		o.end()
	}
}

// Listen takes the connections of a front.Listener into the lane. What it returns are those that left it, and those of other kinds.
func (l *Lane) Listen(inner net.Listener) net.Listener {
	return &listener{Listener: inner, lane: l, ready: make(chan struct{}, 1), closed: make(chan struct{})}
}

// listener hands out what leaves the lane.
type listener struct {
	net.Listener
	lane   *Lane
	once   sync.Once // begins to accept
	ready  chan struct{}
	closed chan struct{}
	end    sync.Once

	mu   sync.Mutex
	some []leaver
}

// leaver is a connection that is to be served by somebody else, or an error of accepting.
type leaver struct {
	conn net.Conn // nil: it is to be made of what follows
	err  error
	fd   int
	from front.Detached
	read []byte // that was read of it
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	l.once.Do(func() { go l.accept() })
	for {
		if one, ok := l.next(); ok {
			if one.conn != nil || one.err != nil {
				return one.conn, one.err
			}
			c, err := connOf(one.fd)
			if err != nil {
				one.from.Release()
				l.lane.config.Log.Error("a connection is lost between the lanes", "error", err)
				continue
			}
			return one.from.Attach(c, one.read), nil
		}
		select {
		case <-l.ready:
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
}

func (l *listener) next() (one leaver, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.some) == 0 {
		return leaver{}, false
	}
	one, l.some[0] = l.some[0], leaver{}
	if l.some = l.some[1:]; len(l.some) == 0 {
		l.some = nil
	}
	return one, true
}

// hand leaves a connection to whoever accepts.
func (l *listener) hand(one leaver) {
	l.mu.Lock()
	l.some = append(l.some, one)
	l.mu.Unlock()
	select {
	case l.ready <- struct{}{}:
	default: // Accept takes all that is there
	}
}

// accept takes connections into the lane as they come. Whoever accepts from us is told of errors, and waits after each as we do: too many descriptors are not fewer
// at once.
func (l *listener) accept() {
	var wait time.Duration
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.hand(leaver{err: err})
			if errors.Is(err, net.ErrClosed) {
				return
			}
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			time.Sleep(wait)
			continue
		}
		wait = 0
		if !l.lane.take(c, l) {
			l.hand(leaver{conn: c})
		}
	}
}

// Close implements net.Listener. Connections in the lane stay.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.end.Do(func() { close(l.closed) })
	return err
}
