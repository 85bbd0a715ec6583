package front

import (
	"encoding/binary"
	"net/netip"
	"sync"
)

const tallyShards = 64

// Tally counts what clients have open. The zero Tally is ready; it must not be copied. It is safe for concurrent use, allocates nothing but the room
// for more clients at once than there ever were, and no lock of it is shared by all.
type Tally struct {
	shards [tallyShards]tallyShard
}

// tallyShard holds some clients. Its padding keeps two shards' locks off one cache line.
type tallyShard struct {
	mu sync.Mutex
	n  map[Client]int
	_  [48]byte
}

// Client is an address as clients are counted.
type Client [16]byte

// ClientOf returns whose address it is. All that is no address is one client.
func ClientOf(a netip.Addr) (c Client) {
	if !a.IsValid() {
		return c
	}
	c = a.As16() // IPv4 as ::ffff:a.b.c.d, however it was written
	if !a.Is4() && !a.Is4In6() {
		clear(c[8:])
	}
	return c
}

func (t *Tally) shardOf(c Client) *tallyShard {
	h := binary.LittleEndian.Uint64(c[:8]) ^ binary.LittleEndian.Uint64(c[8:])
	h *= 0x9e3779b97f4a7c15 // of two addresses that differ in one byte the shards differ
	return &t.shards[h>>58]
}

// Take counts one more of a client, unless it has as many as most already; 0 is no limit.
func (t *Tally) Take(c Client, most int) bool {
	s := t.shardOf(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if most > 0 && s.n[c] >= most {
		return false
	}
	if s.n == nil {
		s.n = map[Client]int{}
	}
	s.n[c]++
	return true
}

// Give takes back what Take counted.
func (t *Tally) Give(c Client) {
	s := t.shardOf(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n[c]--; s.n[c] <= 0 {
		delete(s.n, c)
	}
}

// Len is how many clients have something open.
func (t *Tally) Len() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.n)
		s.mu.Unlock()
	}
	return n
}
