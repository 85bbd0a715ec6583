package authorizer

import (
	"container/list"
	"encoding/binary"
	"sync"
	"time"
)

// cache keeps verdicts by digest, the ones that were used last, within bounds of number and size. Its parts have locks of their own.
type cache struct {
	shards [cacheShards]shard
}

const (
	cacheShards = 32
	// entrySize is what an entry costs beside its texts.
	entrySize = 320
)

type shard struct {
	mu       sync.Mutex
	most     int
	mostSize int
	size     int
	entries  map[digest]*list.Element
	recent   list.List // of *entry, the one that was used last first
	_        [24]byte  // keeps the locks of two shards off one cache line
}

type entry struct {
	key     digest
	verdict *Verdict
	until   time.Time
	size    int
}

func newCache(most, mostSize int) *cache {
	c := &cache{}
	for i := range c.shards {
		c.shards[i] = shard{most: max(1, most/cacheShards), mostSize: mostSize / cacheShards, entries: map[digest]*list.Element{}}
	}
	return c
}

// shardOf takes bits of a digest, which nobody can choose.
func (c *cache) shardOf(k *digest) *shard {
	return &c.shards[binary.LittleEndian.Uint32(k[:])%cacheShards]
}

// get returns a verdict that still holds; nil: there is none.
func (c *cache) get(k digest, now time.Time) *Verdict {
	s := c.shardOf(&k)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.entries[k]
	if at == nil {
		return nil
	}
	e := at.Value.(*entry)
	if !now.Before(e.until) {
		s.drop(at)
		return nil
	}
	s.recent.MoveToFront(at)
	return e.verdict
}

// put keeps a verdict until a time.
func (c *cache) put(k digest, v *Verdict, until time.Time) {
	e := &entry{k, v, until, entrySize + v.size()}
	s := c.shardOf(&k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.entries[k]; at != nil {
		s.drop(at)
	}
	s.entries[k] = s.recent.PushFront(e)
	s.size += e.size
	for len(s.entries) > s.most || s.size > s.mostSize {
		s.drop(s.recent.Back())
	}
}

func (s *shard) drop(at *list.Element) {
	e := s.recent.Remove(at).(*entry)
	delete(s.entries, e.key)
	s.size -= e.size
}

func (c *cache) len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.entries)
		s.mu.Unlock()
	}
	return n
}

// size is the bytes of the texts of a verdict.
func (v *Verdict) size() int {
	n := len(v.Reason) + len(v.Principal) + len(v.KeyValue)
	for _, x := range v.Values {
		n += len(x.Header) + len(x.Text) + 32
	}
	for _, s := range v.scopes {
		n += len(s) + 16
	}
	if v.policy != nil {
		n += v.policy.size
	}
	return n
}
