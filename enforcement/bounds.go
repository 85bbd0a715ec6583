package enforcement

import (
	"net/http"
	"time"
)

// Bounds are the operator's limits of what a client may hold of the gateway. Of each field 0 means no limit. docs/gateway.md, "Limits", says how each is
// answered.
type Bounds struct {
	Head time.Duration // for the head of a request, from the connection's beginning or the request's first byte
	Idle time.Duration // of a connection between two requests

	MaxBody int64 // bytes of a request's body, where the stage does not say it

	OpenPerKey     int // requests under way of one key, streams among them; at most MostOpen
	StreamsPerKey  int // WebSockets and streams of events of one key; at most MostStreams
	OpenPerAddress int // requests under way from one address to methods that need no key

	// Both directions of a request that is forwarded: in any time of Stall that is spent waiting for the client, StallBytes must move.
	Stall      time.Duration
	StallBytes int64

	StreamIdle time.Duration // of a stream on which nothing moves in either direction
	StreamMax  time.Duration // of a stream in all, where the stage does not say it
}

// MostOpen and MostStreams are how many open requests and streams a key can be allowed.
const (
	MostOpen    = 1 << 30
	MostStreams = 1<<16 - 1
)

// DefaultBounds are the bounds of an operator who chooses none.
func DefaultBounds() Bounds {
	return Bounds{
		Head: 10 * time.Second, Idle: time.Minute,
		MaxBody:    100 << 20,
		OpenPerKey: 1000, StreamsPerKey: 100, OpenPerAddress: 1000,
		Stall: 10 * time.Second, StallBytes: 10 << 10,
		StreamIdle: 10 * time.Minute, StreamMax: 24 * time.Hour,
	}
}

// Apply sets what of the bounds is net/http's to keep.
func (b *Bounds) Apply(s *http.Server) {
	s.ReadHeaderTimeout, s.IdleTimeout = b.Head, b.Idle
	if s.HTTP2 != nil && b.Stall > 0 {
		s.HTTP2.WriteByteTimeout = 2 * b.Stall
	}
}
