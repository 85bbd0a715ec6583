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
func (q *request) becomeStream() {
	d := &q.decision
	if d.held == nil || d.counts == aStream || !d.held.Lock(d.call.Key) {
		return
	}
	defer d.held.Unlock()
	if d.held.BeginStream() {
		d.counts = aStream
	}
}

// openFromAddress counts a request that needs no key for the address that it comes from, unless there are too many.
func (q *request) openFromAddress() bool {
	address, _ := netip.ParseAddrPort(q.r.RemoteAddr)
	q.client = front.ClientOf(address.Addr())
	q.open = q.g.clients.Take(q.client, q.g.bounds.Load().OpenPerAddress)
	if !q.open {
		q.decision.crowded = anyRequest
	}
	return q.open
}

// close counts a request no more that has ended, and leaves its connection alone.
func (q *request) close() {
	if q.body != nil {
		q.body.end()
	}
	if q.open {
		q.g.clients.Give(q.client)
	}
	if d := &q.decision; d.held != nil && d.held.Lock(d.call.Key) {
		d.held.Finish(d.counts == aStream)
		d.held.Unlock()
	}
}

// crowdedLayer names the limit that was reached, as the layer of a 429.
func (q *request) crowdedLayer() string {
	switch {
	case q.decision.crowded == aStream:
		return "open-streams"
	case q.decision.call.Key == 0:
		return "open-requests-of-address"
	default:
		return "open-requests"
	}
}

func (q *request) explainCrowd() string {
	b := q.g.bounds.Load()
	switch q.crowdedLayer() {
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
	if !q.exchange.IsStream() && (q.body == nil || !q.body.stream) {
		return false
	}
	m, b := &q.moved, q.g.bounds.Load()
	if bytes := q.exchange.Moved(); m.at == 0 || bytes != m.bytes {
		m.bytes, m.at = bytes, now
	}
	longest := q.stage.streamMax
	if longest == 0 {
		longest = b.StreamMax
	}
	return b.StreamIdle > 0 && now-m.at >= int64(b.StreamIdle) || longest > 0 && now-q.at.mono >= int64(longest)
}
