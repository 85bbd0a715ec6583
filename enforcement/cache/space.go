package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// Space is what a stage keeps as it is set up and deployed now.
type Space struct {
	generation [sha256.Size]byte
	gone       atomic.Bool // what is kept here is never used again

	entries, bytes       atomic.Int64
	hits, misses, passed atomic.Int64
}

// Stats is where a space stands.
type Stats struct {
	Entries int64
	Bytes   int64
	Hits    int64 // since the space began: the gateway's start, or the last purge or change of the stage
	Misses  int64
	Passed  int64 // asked of the upstream without looking
}

// Stats returns where the space stands.
func (s *Space) Stats() Stats {
	return Stats{Entries: s.entries.Load(), Bytes: s.bytes.Load(), Hits: s.hits.Load(), Misses: s.misses.Load(), Passed: s.passed.Load()}
}

// Space returns that of a stage. Generation is a digest of everything that makes its answers what they are; what was kept under another one is forgotten.
func (c *Cache) Space(stage uint64, generation [sha256.Size]byte) *Space {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.spaces[stage]; s != nil {
		if s.generation == generation {
			return s
		}
		c.drop(stage)
	}
	s := &Space{generation: generation}
	c.spaces[stage] = s
	return s
}

// Retain forgets the spaces of all other stages.
func (c *Cache) Retain(stages map[uint64]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for stage := range c.spaces {
		if !stages[stage] {
			c.drop(stage)
		}
	}
}

// drop makes a space's entries unreachable at once; their memory is free a moment later.
func (c *Cache) drop(stage uint64) {
	s := c.spaces[stage]
	delete(c.spaces, stage)
	s.gone.Store(true)
	go func() {
		for key, a := range c.kept.All() {
			if a.space == s {
				c.kept.Invalidate(key)
			}
		}
	}()
}

// Key names what an answer is kept under.
type Key [sha256.Size]byte

// About is everything that makes two requests different, but for what an upstream names in Vary.
type About struct {
	Method   uint64 // its id
	APIKey   uint64 // 0: of nobody
	App      uint64
	Canary   bool
	TLS      bool
	Host     string // as the client named it: upstreams are told
	Prefix   string
	Path     string
	Query    string
	Vary     []string    // names of headers that the stage's owner adds
	Identity string      // of who asks, beyond the key
	Header   http.Header // of the request
}

// Key returns the key of requests in the space.
func (s *Space) Key(about *About) Key {
	var room [512]byte
	b := append(room[:0], s.generation[:]...)
	b = binary.LittleEndian.AppendUint64(b, about.Method)
	b = binary.LittleEndian.AppendUint64(b, about.APIKey)
	b = binary.LittleEndian.AppendUint64(b, about.App)
	b = append(b, flag(about.Canary)|flag(about.TLS)<<1)
	for _, field := range []string{about.Host, about.Prefix, about.Path, about.Query, about.Identity} {
		b = appendField(b, field)
	}
	return sha256.Sum256(appendValues(b, about.Vary, about.Header))
}

func flag(is bool) byte {
	if is {
		return 1
	}
	return 0
}

func (k Key) varied(names []string, h http.Header) Key {
	var room [512]byte
	return sha256.Sum256(appendValues(append(room[:0], k[:]...), names, h))
}

func appendField(b []byte, field string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(field))), field...)
}

// appendValues writes what a request says under some names; absent is not the same as empty.
func appendValues(b []byte, names []string, h http.Header) []byte {
	for _, name := range names {
		values := h.Values(name)
		b = binary.LittleEndian.AppendUint64(appendField(b, name), uint64(len(values)))
		for _, v := range values {
			b = appendField(b, v)
		}
	}
	return b
}

// varyOf is the headers that an answer names in Vary, canonical and in order.
func varyOf(h http.Header) (names []string) {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
