package journal

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// syncer lets requests wait for the disk together: while one write is under way, those that come wait for the next one.
type syncer struct {
	mu     sync.Mutex
	turn   *sync.Cond
	busy   bool
	closed bool
	done   Position // everything before it is on disk
}

var errClosed = errors.New("the journal is closed")

// SyncsAlways reports whether Wait waits.
func (j *Journal) SyncsAlways() bool { return j.config.SyncAlways }

// Wait returns when the record at a place is on disk, with SyncAlways, and at once without.
func (j *Journal) Wait(at Position) error {
	if !j.config.SyncAlways {
		return nil
	}
	return j.wait(at)
}

func (j *Journal) wait(at Position) error {
	d := &j.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	for !at.before(d.done) {
		if d.closed {
			return errClosed
		}
		if d.busy {
			d.turn.Wait()
			continue
		}
		if err := d.alone(j.write); err != nil {
			return err
		}
	}
	return nil
}

// flush writes to the disk what is not there yet.
func (j *Journal) flush() error {
	d := &j.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.busy {
		d.turn.Wait()
	}
	return d.alone(j.write)
}

// alone runs a write without the lock, but as the only one. d.mu is held before and after.
func (d *syncer) alone(write func(from Position) (Position, error)) error {
	d.busy = true
	from := d.done
	d.mu.Unlock()
	to, err := write(from)
	d.mu.Lock()
	d.busy = false
	d.turn.Broadcast()
	if err == nil {
		d.done = to
	}
	return err
}

func (d *syncer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.turn.Broadcast()
}

// write writes what was appended since from, and returns up to where.
func (j *Journal) write(from Position) (to Position, err error) {
	j.mu.Lock()
	used := slices.Clone(j.used)
	j.mu.Unlock()
	for _, s := range used {
		end := min(s.next.Load(), uint64(len(s.data)))
		to = Position{s.number, end}
		var begin uint64
		if s.number == from.Segment {
			begin = from.Offset
		}
		if s.number < from.Segment || begin >= end {
			continue
		}
		if j.config.SyncAlways {
			s.settled(begin, end)
		}
		if err := j.sync(s, begin, end); err != nil {
			j.note(err)
			return from, err
		}
	}
	j.note(nil)
	return to, nil
}

// sync writes to the disk what is in memory between two bytes of a segment. After a write that failed the kernel may take the pages for clean: the next one
// would find nothing to write, and succeed. So they are made dirty again, and the next one tells the truth.
func (j *Journal) sync(s *segment, begin, end uint64) error {
	if err := j.config.sync(s.pages(begin, end)); err != nil {
		s.dirty(begin, end)
		return fmt.Errorf("write %s to the disk: %w", s.path, err)
	}
	return nil
}

// note keeps for Err whether the disk takes what is written.
func (j *Journal) note(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err != nil && j.unsafe == nil:
		j.config.Log.Error("the journal is not written to the disk; it is tried again", "error", err)
	case err == nil && j.unsafe != nil:
		j.config.Log.Info("the journal is written to the disk again")
	}
	j.unsafe = err
}

// settled waits until every record that has its place between two bytes is there. It is being written at this moment.
func (s *segment) settled(begin, end uint64) {
	for at := begin; at < end; at += recordSize {
		for at >= recordSize && atomic.LoadUint64(s.slot(at).word()) == 0 {
			time.Sleep(time.Microsecond)
		}
	}
}

func (p Position) before(q Position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}
