package journal

import (
	"errors"
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

// Wait returns when the record at a place is on disk, with SyncAlways, and at once without.
func (j *Journal) Wait(at Position) error {
	if !j.config.SyncAlways {
		return nil
	}
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
		if err := s.sync(begin, end); err != nil {
			return from, err
		}
	}
	return to, nil
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
