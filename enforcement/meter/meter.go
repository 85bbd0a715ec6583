package meter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/crash"
	"gatehouse/enforcement/journal"
	"gatehouse/models"
)

// Sink keeps usage. A batch is committed whole or not at all, with its position in the journal: the same batch twice counts once.
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
	Window int32           // Unix day on which the quota's window begins that was charged; 0: none
}

// Result is how an admitted call ended.
type Result struct {
	Outcome  models.Outcome
	Refund   bool // it is not charged (DECISIONS 49)
	BytesIn  int64
	BytesOut int64
	Latency  time.Duration // until the answer began, from when the upstream was asked
	Gateway  time.Duration // from the request's beginning until the upstream was asked
}

// mostCells is how many cells a batch has at most, about: some megabytes. A batch has all that was written down since the one before, if that is not more: a key
// that calls ten times is one row then. The sink sees to it that nothing waits for a large one.
const mostCells = 20_000

// Meter counts. It is safe for concurrent use, but Commit and Recover must not run twice at once.
type Meter struct {
	journal  *journal.Journal
	sink     Sink
	recorder Recorder // nil: arrivals are not kept
	refusals refusals

	mu         sync.Mutex
	unfinished []journal.Record // for which the journal had no room

	pending  batch                  // folded, not committed; belongs to Commit
	from, to models.JournalPosition // committed up to, folded up to
	oldest   atomic.Int64
}

// New returns a meter that counts from where this process began to write. Recover comes first when there is something to recover. The recorder may be nil.
func New(j *journal.Journal, sink Sink, recorder Recorder) *Meter {
	m := &Meter{journal: j, sink: sink, recorder: recorder}
	m.pending.recorded = recorder != nil
	m.from = models.JournalPosition(j.Start())
	m.to = m.from
	m.pending.reset()
	return m
}

// Admit writes an admission down: it is counted as open and charged. Its error is journal.ErrFull.
func (m *Meter) Admit(r *journal.Record) (journal.Position, error) {
	crash.At("meter.admit")
	at, err := m.journal.Append(r)
	crash.At("meter.admitted")
	return at, err
}

// Finish moves an admitted call from open to its outcome.
func (m *Meter) Finish(c *Call, r *Result) {
	record := journal.Record{
		Kind: journal.Finished, Outcome: r.Outcome, Refund: r.Refund, Second: c.At, Window: c.Window,
		Key: c.Key, Plan: c.Plan, Stage: c.Stage, Method: c.Method, Latency: r.Latency, Gateway: r.Gateway, BytesIn: r.BytesIn, BytesOut: r.BytesOut,
	}
	crash.At("meter.finish")
	if _, err := m.journal.Append(&record); err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.unfinished = append(m.unfinished, record) // as many as there were open requests when it became full
	}
}

// Refuse counts a call that was not admitted.
func (m *Meter) Refuse(c *Call, outcome models.Outcome) { m.refusals.note(c, outcome) }

// Recover counts what an earlier process wrote down after a position, and says whether that is all. Levels are told as they were.
func (m *Meter) Recover(ctx context.Context, from models.JournalPosition, at Instant) (found journal.Recovery, err error) {
	found = m.journal.Recover(journal.Position(from), func(r *journal.Record) { m.pending.fold(r) })
	b := m.pending.usage(at)
	b.From, b.To = from, m.from
	m.record(b.From, b.To)
	if err := m.sink.CommitUsage(ctx, b); err != nil {
		return found, fmt.Errorf("commit %d records of the journal: %w", found.Records, err)
	}
	m.pending.reset()
	return found, m.journal.Release(journal.Position(m.from))
}

// Instant is one moment on two clocks.
type Instant struct {
	Wall time.Time
	Mono int64 // nanoseconds on the clock of throttles
}

// Commit folds what was written down before the call, and hands it to the sink. Ordered says that nothing comes after it.
func (m *Meter) Commit(ctx context.Context, at Instant, ordered bool) error {
	late := m.WriteDown(at.Wall)
	m.pending.forget(at.Wall.Unix())
	end := models.JournalPosition(m.journal.End())
	for {
		if err := m.foldMore(ctx, end); err != nil {
			return err
		}
		last := !before(m.to, end)
		if m.to == m.from && !ordered {
			m.oldest.Store(0)
			return late
		}
		m.oldest.CompareAndSwap(0, at.Wall.UnixNano())
		b := m.pending.usage(at)
		b.From, b.To, b.Ordered = m.from, m.to, ordered && last
		m.record(b.From, b.To)
		crash.At("meter.commit")
		if err := m.sink.CommitUsage(ctx, b); err != nil {
			return fmt.Errorf("commit usage of %d cells: %w", len(b.Cells), err)
		}
		crash.At("meter.committed")
		m.from = m.to
		m.pending.reset()
		if err := m.journal.Release(journal.Position(m.from)); err != nil {
			return fmt.Errorf("give back space of the journal: %w", err)
		}
		if last {
			m.oldest.Store(0)
			return late
		}
	}
}

// record tells the recorder what is about to be committed.
func (m *Meter) record(from, to models.JournalPosition) {
	if m.recorder != nil && from != to {
		m.recorder.Add(from, to, m.pending.arrivals.all)
	}
}

// foldMore folds records into the pending batch, unless it holds some already. A record that is being written at this moment is waited for.
func (m *Meter) foldMore(ctx context.Context, end models.JournalPosition) error {
	for m.to == m.from && before(m.to, end) {
		to, err := m.journal.Fold(journal.Position(m.from), func(r *journal.Record) bool {
			m.pending.fold(r)
			return len(m.pending.cells) < mostCells
		})
		if err != nil {
			return err
		}
		if m.to = models.JournalPosition(to); m.to != m.from {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Microsecond):
		}
	}
	return nil
}

func before(p, q models.JournalPosition) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

// WriteDown writes to the journal what was only counted until now, as Commit does first. What it has no room for waits for the next time. It must not run beside
// Commit.
func (m *Meter) WriteDown(now time.Time) error {
	append := func(r *journal.Record) error {
		_, err := m.journal.Append(r)
		return err
	}
	err := m.refusals.drain(append)
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.unfinished) > 0 && err == nil {
		if err = append(&m.unfinished[0]); err == nil {
			m.unfinished = m.unfinished[1:]
		}
	}
	if errors.Is(err, journal.ErrFull) {
		m.oldest.CompareAndSwap(0, now.UnixNano())
		return nil // what is in the journal can be committed, and that makes room
	}
	return err
}

// Lag is how long the oldest thing that should be committed has been waiting; 0 if there is none.
func (m *Meter) Lag(now time.Time) time.Duration {
	oldest := m.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return max(0, time.Duration(now.UnixNano()-oldest))
}
