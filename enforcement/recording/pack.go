package recording

import (
	"fmt"
	"os"
	"slices"
	"time"

	"gatehouse/models"
)

// This file makes segments of tails, and keeps all of it within its bounds.

// rotate makes a segment of a tail that is large or old enough. Everything in it is committed, up to at.
func (r *Recorder) rotate(at models.JournalPosition) {
	r.seal()
	t := r.tail
	if t == nil || r.old != nil || len(t.arrivals) == 0 {
		return
	}
	if t.size < r.limit {
		if t.arrivals[0].Second > r.config.Now().Add(-tailAge).Unix() {
			return
		}
	}
	begins, settled, carried := t.split()
	if len(settled) == 0 || !r.room(int64(len(carried))*maxEncoded+tailHeaderSize) {
		return
	}
	r.begins = begins
	if err := r.begin(at, carried); err != nil {
		r.config.Log.Warn("begin a new part of the recording", "error", err) // the tail goes on
		r.tail = t
		return
	}
	t.arrivals, t.until = settled, begins
	r.old = t
	r.seal()
}

// maxEncoded is the most bytes that an arrival takes in a tail, but for counts of millions.
const maxEncoded = 64

// seal starts to make a segment of the old tail, if there is one and nobody is at it.
func (r *Recorder) seal() {
	if r.old == nil || r.sealing || r.config.Now().Before(r.retry) {
		return
	}
	r.sealing = true
	t := r.old
	r.workers.Go(func() {
		err := r.pack(t)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sealing, r.reserved = false, 0
		if err != nil {
			r.retry = r.config.Now().Add(retryEvery)
			r.config.Log.Warn("pack the recording", "error", err)
		}
	})
}

// pack makes a segment of t, which nobody changes any more, and forgets t.
func (r *Recorder) pack(t *tail) error {
	ordered := order(slices.Clone(t.arrivals))
	s := segment{number: t.number, since: t.since, until: t.until, lost: t.lost}
	if len(ordered) > 0 {
		b := encodeSegment(s, ordered)
		if err := r.writeSegment(t.number, b); err != nil {
			return err
		}
		var err error
		if s, err = statSegment(r.path(t.number, "segment"), t.number); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(ordered) > 0 {
		r.segments, r.reserved = append(r.segments, s), 0
	}
	r.old = nil
	_ = t.file.Close()
	return os.Remove(t.path)
}

func (r *Recorder) writeSegment(number uint64, b []byte) error {
	r.mu.Lock()
	room := r.room(int64(len(b)))
	if room {
		r.reserved = int64(len(b))
	}
	r.mu.Unlock()
	if !room {
		return fmt.Errorf("%d bytes are more than the recording may have", len(b))
	}
	return replaceFile(r.path(number, "segment"), b)
}

// room forgets the oldest segments until so many bytes are free of what the recording may have.
func (r *Recorder) room(n int64) bool {
	n += r.reserved
	for _, t := range []*tail{r.old, r.tail} {
		if t != nil {
			n += t.size
		}
	}
	for _, s := range r.segments {
		n += s.size
	}
	for n > r.config.Size && len(r.segments) > 0 {
		n -= r.segments[0].size
		r.drop()
	}
	return n <= r.config.Size
}

// drop removes the oldest segment. A reader that has it open reads on.
func (r *Recorder) drop() {
	if err := os.Remove(r.path(r.segments[0].number, "segment")); err != nil {
		r.config.Log.Warn("forget an old part of the recording", "error", err)
	}
	r.segments = r.segments[1:]
}

// Trim forgets what is older than Config.Age, a segment at a time: it holds a day at most. Now must be a time that has come for certain.
func (r *Recorder) Trim(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for bound := now.Add(-r.config.Age).Unix(); len(r.segments) > 0 && r.segments[0].last < bound; {
		r.drop()
	}
}
