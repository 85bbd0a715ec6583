package meter

import (
	"sync"

	"gatehouse/enforcement/journal"
	"gatehouse/models"
)

const numShards = 64

// refusals counts by (cell, second), in memory.
type refusals struct {
	shards [numShards]shard
}

// shard counts for some of the keys. The padding keeps two shards' locks off one cache line.
type shard struct {
	mu     sync.Mutex
	counts map[refusal]uint32
	_      [48]byte
}

type refusal struct {
	call    Call
	outcome models.Outcome
}

func (f *refusals) note(c *Call, outcome models.Outcome) {
	// The upper bits of a product are spread well (Knuth, multiplicative hashing); ids are random, but not in their lowest bits alone.
	s := &f.shards[uint64(c.Key)*0x9e3779b97f4a7c15>>(64-6)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[refusal]uint32{}
	}
	s.counts[refusal{*c, outcome}]++
}

// drain passes on what was counted. What to does not take stays.
func (f *refusals) drain(to func(*journal.Record) error) error {
	for i := range f.shards {
		if err := f.shards[i].drain(to); err != nil {
			return err
		}
	}
	return nil
}

func (s *shard) drain(to func(*journal.Record) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f, n := range s.counts {
		c := &f.call
		err := to(&journal.Record{
			Kind: journal.Refused, Outcome: f.outcome, Second: c.At, Count: n, Key: c.Key, Plan: c.Plan, Stage: c.Stage, Method: c.Method,
		})
		if err != nil {
			return err
		}
		delete(s.counts, f)
	}
	return nil
}
