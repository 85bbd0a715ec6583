package meter

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/models"
)

// Sink keeps usage. A batch is committed whole or not at all.
type Sink interface {
	CommitUsage(ctx context.Context, batch models.UsageBatch) error
}

// Call is what is counted: who called what, and when it was admitted or refused.
type Call struct {
	Key    models.KeyID
	Plan   models.PlanID // 0: on no plan
	Stage  models.StageID
	Method models.MethodID // 0: matched none
	At     int64           // Unix seconds
	Day    int32           // Unix day that it is charged to: that of At, or of the quota's window when the clock went back
}

// Result is how an admitted call ended.
type Result struct {
	Outcome  models.Outcome
	BytesIn  int64
	BytesOut int64
	Latency  time.Duration // until the answer began
}

// Meter counts. It is safe for concurrent use, but Commit must not run twice at once.
type Meter struct {
	shards  [numShards]shard
	pending batch // folded, not committed; belongs to Commit
	oldest  atomic.Int64
}

const (
	numShards = 64
	// spareRecords is the longest buffer that is kept for reuse: what a peak needed is given back.
	spareRecords = 1 << 14
)

// shard is a buffer for some of the keys. A key's records stay in order. The padding keeps two shards' locks off one cache line.
type shard struct {
	mu         sync.Mutex
	generation uint32
	records    []record
	spare      []record
	_          [64]byte
}

// record is one thing that happened. It holds no pointers.
type record struct {
	call   Call
	result Result
	kind   kind
}

type kind uint8

const (
	admitted kind = iota + 1
	finished
	refused
	refunded
)

// New returns an empty meter.
func New() *Meter {
	m := &Meter{}
	m.pending.reset()
	return m
}

// Admit counts a call as open and charges it. It returns the generation that this was noted in.
func (m *Meter) Admit(c *Call) (generation uint32) {
	return m.note(c, &Result{Outcome: models.OutcomeOpen}, admitted)
}

// Finish moves an admitted call from open to its outcome, in the minute of its admission.
func (m *Meter) Finish(c *Call, r *Result) { m.note(c, r, finished) }

// Refuse counts a call that was not admitted.
func (m *Meter) Refuse(c *Call, outcome models.Outcome) {
	m.note(c, &Result{Outcome: outcome}, refused)
}

// Refund takes back the charge of an admitted call (DECISIONS 49). It returns the generation that this was noted in.
func (m *Meter) Refund(c *Call) (generation uint32) { return m.note(c, &Result{}, refunded) }

func (m *Meter) note(c *Call, r *Result, k kind) (generation uint32) {
	// The upper bits of a product are spread well (Knuth, multiplicative hashing); ids are random, but not in their lowest bits alone.
	s := &m.shards[uint64(c.Key)*0x9e3779b97f4a7c15>>(64-6)]
	s.mu.Lock()
	s.records = append(s.records, record{*c, *r, k})
	generation = s.generation
	s.mu.Unlock()
	return generation
}

// Generation is the generation that is noted in now. It means something only while no Commit is under way.
func (m *Meter) Generation() uint32 {
	s := &m.shards[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation
}

// Commit folds what was noted and hands it to the sink. It begins a new generation whether it succeeds or not.
func (m *Meter) Commit(ctx context.Context, sink Sink, now time.Time) error {
	for i := range m.shards {
		records := m.shards[i].swap()
		for j := range records {
			m.pending.fold(&records[j])
		}
		m.shards[i].keep(records)
	}
	m.pending.forget(now.Unix())
	b := m.pending.usage()
	if len(b.Cells) == 0 && len(b.Charged) == 0 && len(b.LastUsed) == 0 {
		m.oldest.Store(0)
		return nil
	}
	m.oldest.CompareAndSwap(0, now.UnixNano())
	if err := sink.CommitUsage(ctx, b); err != nil {
		return fmt.Errorf("commit usage of %d cells: %w", len(b.Cells), err)
	}
	m.pending.reset()
	m.oldest.Store(0)
	return nil
}

// Lag is how long the oldest thing that was folded but not committed has been waiting; 0 if there is none.
func (m *Meter) Lag(now time.Time) time.Duration {
	oldest := m.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return max(0, time.Duration(now.UnixNano()-oldest))
}

// swap begins a new generation.
func (s *shard) swap() []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := s.records
	s.records, s.spare = s.spare[:0], nil
	s.generation++
	return records
}

// keep has a buffer used again in the generation after the next.
func (s *shard) keep(records []record) {
	if cap(records) > spareRecords {
		records = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = records
}
