package main

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/enforcement/fast"
)

// gate is a listener that can stop to accept without an end of accepting: what stands on it, such as handshakes under way, goes on and is served. Connections
// that wait in the backlog of a socket that somebody else holds, too, are left to him.
type gate struct {
	net.Listener
	accepted atomic.Int64
	shut     atomic.Bool
	closed   chan struct{}
	close    sync.Once
}

func newGate(l net.Listener) *gate { return &gate{Listener: l, closed: make(chan struct{})} }

// Accept implements net.Listener. While the gate is shut it waits for Close.
func (g *gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err == nil {
		g.accepted.Add(1)
		return c, nil
	}
	if g.shut.Load() {
		<-g.closed
		return nil, net.ErrClosed
	}
	return nil, err
}

// Shut stops accepting.
func (g *gate) Shut() {
	g.shut.Store(true)
	_ = g.Listener.Close() // Close says so once more
}

// Close implements net.Listener.
func (g *gate) Close() error {
	err := g.Listener.Close()
	g.close.Do(func() { close(g.closed) })
	if g.shut.Load() {
		return nil // it was closed before
	}
	return err
}

// connections knows which connections a server has, and which of them have not heard that it stops. A request costs nothing of it, only a connection does.
type connections struct {
	gauge   prometheus.Gauge
	total   prometheus.Counter
	served  atomic.Int64 // that reached the server, ever
	leaving atomic.Bool
	coming  atomic.Int64 // from the fast lane, that the server has not seen yet

	mu   sync.Mutex
	open map[net.Conn]struct{}
	deaf map[net.Conn]struct{} // open when the stop began, and not used since
}

// watch makes c know the connections of s.
func (c *connections) watch(s *http.Server) {
	c.open = map[net.Conn]struct{}{}
	before := s.ConnState
	s.ConnState = func(conn net.Conn, state http.ConnState) {
		c.note(conn, state)
		if before != nil {
			before(conn, state)
		}
	}
}

func (c *connections) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.gauge.Inc()
		c.served.Add(1)
		if c.coming.Add(-1) < 0 {
			c.coming.Add(1)
			c.total.Inc()
		}
		c.mu.Lock()
		c.open[conn] = struct{}{}
		c.mu.Unlock()
	case http.StateClosed, http.StateHijacked:
		c.gauge.Dec()
		c.mu.Lock()
		delete(c.open, conn)
		delete(c.deaf, conn)
		c.mu.Unlock()
	case http.StateActive:
		if c.leaving.Load() { // the answer will tell
			c.mu.Lock()
			delete(c.deaf, conn)
			c.mu.Unlock()
		}
	case http.StateIdle:
	}
}

// noteLane knows the connections in the fast lane. One that leaves it comes to the server, and is not counted twice.
func (c *connections) noteLane(e fast.Event) {
	switch e {
	case fast.Opened:
		c.gauge.Inc()
		c.total.Inc()
		c.served.Add(1)
	case fast.Closed:
		c.gauge.Dec()
	case fast.Left:
		c.gauge.Dec()
		c.served.Add(-1)
		c.coming.Add(1)
	}
}

// leave begins the stop: from here on each answer tells its connection.
func (c *connections) leave() {
	c.leaving.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = make(map[net.Conn]struct{}, len(c.open))
	for conn := range c.open {
		c.deaf[conn] = struct{}{}
	}
}

// ending is how many are open but for the deaf ones: each ends with the answer that it waits for.
func (c *connections) ending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open) - len(c.deaf)
}

// unheard is how many connections were open when the stop began and had no request since.
func (c *connections) unheard() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.deaf)
}
