package enforcement

import (
	"fmt"
	"net/netip"
	"strings"

	"gatehouse/enforcement/front"
	"gatehouse/enforcement/keyring"
)

// This file bounds what is under way at once: requests and streams of a key, counted in the key's own entry; requests to methods that need no key, counted
// by address; and how long a stream may last and be silent. No lock is shared by all callers.

// opening is what a request is counted as while it is under way.
type opening uint8

const (
	notCounted opening = iota // there is no request, only a decision
	anyRequest
	aStream // it asks for a WebSocket or for a stream of events
)

// opening says what the request would be.
func (q *request) opening() opening {
	h := q.r.Header
	if strings.EqualFold(h.Get("Upgrade"), "websocket") || h.Get("Accept") == "text/event-stream" {
		return aStream
	}
	return anyRequest
}

// isCrowded reports whether the key has as much under way as it may have. It is asked under the entry's lock.
func (g *Gateway) isCrowded(d *decision, e *keyring.Entry) bool {
	if d.counts == notCounted {
		return false
	}
	requests, streams := e.Open()
	switch b := g.bounds.Load(); {
	case b.OpenPerKey > 0 && requests >= b.OpenPerKey:
		d.crowded = anyRequest
	case d.counts == aStream && b.StreamsPerKey > 0 && streams >= b.StreamsPerKey:
		d.crowded = aStream
	}
	return d.crowded != notCounted
}

// hold counts an admitted request for its key. It is called under the entry's lock.
func (d *decision) hold(e *keyring.Entry) {
	if d.counts == notCounted {
		return
	}
	d.held = e
	e.Begin()
	if d.counts == aStream && !e.BeginStream() {
		d.counts = anyRequest
	}
}

// becomeStream counts a request as a stream whose answer turned out to be one. It goes on even if there are many: it is charged already.
func (c *call) becomeStream() {
	d := &c.decision
	if d.held == nil || d.counts == aStream || !d.held.Lock(d.call.Key) {
		return
	}
	defer d.held.Unlock()
	if d.held.BeginStream() {
		d.counts = aStream
	}
}

// openFromAddress counts a request that needs no key for the address that it comes from, unless there are too many.
func (c *call) openFromAddress() bool {
	address, _ := netip.ParseAddrPort(c.peer)
	c.client = front.ClientOf(address.Addr())
	c.open = c.g.clients.Take(c.client, c.g.bounds.Load().OpenPerAddress)
	if !c.open {
		c.decision.crowded = anyRequest
	}
	return c.open
}

// close counts a call no more that has ended.
func (c *call) close() {
	if c.open {
		c.g.clients.Give(c.client)
	}
	if d := &c.decision; d.held != nil && d.held.Lock(d.call.Key) {
		d.held.Finish(d.counts == aStream)
		d.held.Unlock()
	}
}

// close does so, and leaves the request's connection alone.
func (q *request) close() {
	if q.body != nil {
		q.body.end()
	}
	q.call.close()
}

// crowdedLayer names the limit that was reached, as the layer of a 429.
func (c *call) crowdedLayer() string {
	switch {
	case c.decision.crowded == aStream:
		return "open-streams"
	case c.decision.call.Key == 0:
		return "open-requests-of-address"
	default:
		return "open-requests"
	}
}

func (c *call) explainCrowd() string {
	b := c.g.bounds.Load()
	switch c.crowdedLayer() {
	case "open-streams":
		return fmt.Sprintf("A key may have %s open at once, and this key has. Close one that is not needed.", counted(int64(b.StreamsPerKey), "stream"))
	case "open-requests":
		return fmt.Sprintf("A key may have %s under way at once, and this key has. Wait until one has ended.", counted(int64(b.OpenPerKey), "request"))
	default:
		return fmt.Sprintf("An address may have %s without a key under way at once, and yours has. Wait until one has ended.", counted(int64(b.OpenPerAddress), "request"))
	}
}

// movement is when something last moved on a stream.
type movement struct {
	bytes int64 // in both directions until then
	at    int64 // nanoseconds on the clock of throttles; 0: not looked at yet
}

// isOver reports whether a stream has lasted, or been silent, for as long as it may. It is asked under the lock of the request's shard.
func (q *request) isOver(now int64) bool {
	return (q.exchange.IsStream() || q.body != nil && q.body.stream) && q.hasLasted(q.exchange.Moved(), now)
}

// hasLasted is isOver for a stream on which so many bytes moved in both directions.
func (c *call) hasLasted(bytes, now int64) bool {
	m, b := &c.moved, c.g.bounds.Load()
	if m.at == 0 || bytes != m.bytes {
		m.bytes, m.at = bytes, now
	}
	longest := c.stage.streamMax
	if longest == 0 {
		longest = b.StreamMax
	}
	return b.StreamIdle > 0 && now-m.at >= int64(b.StreamIdle) || longest > 0 && now-c.at.mono >= int64(longest)
}
