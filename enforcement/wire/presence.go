package wire

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// This file notices that a client goes away while its request is served. net/http has a goroutine for that, which reads a byte beside the handler, on each
// request: a read that finds nothing, a deadline to end it and two switches of goroutines cost as much as deciding the request. Here that goroutine is told at
// once that there is nothing, and ends. Instead one goroutine of a listener looks at all connections with a request that takes longer.

const (
	// lookEvery is how often the connections are looked at. A request that ends before is none of the watch's business.
	lookEvery = 100 * time.Millisecond
	// After lookOften rounds a request is looked at in every lookSeldom-th.
	lookOften  = 20
	lookSeldom = 5
)

// presence is whether the client of a connection is still there.
type presence struct {
	raw    syscall.RawConn // nil: the connection cannot be looked at
	ahead  ahead           // nil: all that comes is read from raw
	cancel context.CancelFunc
	place  int           // in the watch; belongs to it
	rounds atomic.Uint32 // of looking at the request that is served; 0: net/http does not ask

	mu   sync.Mutex
	gone bool
	told Absentee // nil: nobody
}

// Absentee is told that the client whose request it serves has gone, or that its connection was closed here. It must not block.
type Absentee interface{ ClientGone() }

// ahead is a connection of which something was read that is not handed over yet.
type ahead interface{ Ahead() bool }

// Tell has a be told when the client goes away, also if it has gone already, until it is called again; nil: nobody is told. It returns false where the
// request's context is all that tells.
func (c *Conn) Tell(a Absentee) bool {
	p := &c.presence
	if p.raw == nil || p.cancel == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told = a; p.gone && a != nil {
		a.ClientGone()
	}
	return true
}

// looks answers net/http when it reads a byte beside a handler: that nothing came. It returns false where net/http has to look itself.
func (c *Conn) looks() bool {
	p := &c.presence
	if p.raw == nil || p.cancel == nil || c.judged <= c.answered || c.stage != stageHead && c.stage != stageUpgrade || p.ahead != nil && p.ahead.Ahead() {
		return false
	}
	p.rounds.Store(1)
	return true
}

// attend ends looking: net/http is done with the request.
func (p *presence) attend() {
	if p.rounds.Load() != 0 {
		p.rounds.Store(0)
	}
}

// look is one round.
func (p *presence) look() {
	n := p.rounds.Load()
	if n == 0 || !p.rounds.CompareAndSwap(n, n+1) || n == 1 || n > lookOften && n%lookSeldom != 0 {
		return
	}
	gone := false
	err := p.raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR //nolint:errorlint // bare
	})
	if err == nil && gone {
		p.leave()
	}
}

// leave tells whoever serves the client that it has gone.
func (p *presence) leave() {
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told != nil && !p.gone {
		p.told.ClientGone()
	}
	p.gone = true
}

// watch is the goroutine that looks, as long as there are connections.
type watch struct {
	mu    sync.Mutex
	conns []*Conn
	runs  bool
}

func (w *watch) add(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.presence.place = len(w.conns)
	w.conns = append(w.conns, c)
	if !w.runs {
		w.runs = true
		go w.run()
	}
}

func (w *watch) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, last := c.presence.place, len(w.conns)-1
	if i > last || w.conns[i] != c {
		return // it was removed before
	}
	w.conns[i] = w.conns[last]
	w.conns[i].presence.place = i
	w.conns[last] = nil
	w.conns = w.conns[:last]
}

func (w *watch) run() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for range tick.C {
		if !w.round() {
			return
		}
	}
}

// round looks at all connections once; false: there are none, and nobody looks any more.
func (w *watch) round() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.presence.look()
	}
	w.runs = len(w.conns) > 0
	return w.runs
}

// rawOf returns what of a connection can be looked at; nil: nothing.
func rawOf(c net.Conn) syscall.RawConn {
	for {
		if s, ok := c.(syscall.Conn); ok {
			if raw, err := s.SyscallConn(); err == nil {
				return raw
			} // else something was read ahead, and ahead says how long
		}
		below, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = below.NetConn()
	}
}
