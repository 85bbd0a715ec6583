package requestlog

import (
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"slices"
	"time"

	"gatehouse/enforcement/redact"
)

// open is the block that is not full yet: its records stand in memory and in the tail.
type open struct {
	records []byte // only appended to: readers have parts of it
	starts  []int  // of each record; the same
	written int    // bytes of records that are in the tail
	since   time.Time
}

// taken is a record on its way from a buffer to a file.
type taken struct {
	end int64
	b   []byte
}

// flush empties the buffers. Entries that ended together come from several buffers: they are put in order by when they ended.
func (l *Log) flush() {
	var all []taken
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		b := s.b
		s.b, s.spare = s.spare[:0], nil
		s.mu.Unlock()
		for rest := b; len(rest) > 0; {
			record := rest
			var end int64
			end, rest = cutRecord(rest, nil)
			all = append(all, taken{end, record[:len(record)-len(rest)]})
		}
		defer func() { s.spare = b[:0] }()
	}
	if len(all) == 0 && l.open.written == len(l.open.records) {
		return
	}
	slices.SortStableFunc(all, func(a, b taken) int { return cmp.Compare(a.end, b.end) })
	failed, lost := error(nil), 0
	for _, r := range all {
		if failed == nil {
			failed = l.append(r.b)
		}
		if failed != nil { // the block is full, and could not be written: it will not be a moment later
			lost++
		}
	}
	l.note(errors.Join(failed, l.writeTail()), lost)
}

// note logs that writing fails, and that it works again, once each.
func (l *Log) note(err error, lost int) {
	l.dropped.Add(int64(lost))
	switch {
	case err != nil && !l.failing.Load():
		l.failing.Store(true)
		l.config.Log.Error("the request log cannot be written: entries are lost", "error", err)
	case err == nil && l.failing.Load():
		l.failing.Store(false)
		l.config.Log.Info("the request log is written again")
	}
}

// append adds a record to the open block, and packs it when it is full. Its error says that the record is lost.
func (l *Log) append(record []byte) error {
	if o := &l.open; len(o.starts) > 0 && (len(o.starts) >= blockEntries || len(o.records)+len(record) > l.blockLimit()) {
		if err := l.pack(); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	o := &l.open
	if len(o.starts) == 0 {
		o.since = l.config.Now()
		if o.records == nil {
			o.records, o.starts = make([]byte, 0, 64<<10), make([]int, 0, blockEntries)
		}
	}
	o.starts = append(o.starts, len(o.records))
	o.records = append(o.records, record...)
	return nil
}

func (l *Log) blockLimit() int { return int(min(blockBytes, l.config.Size/32)) }

// pack makes a block of the open one, and begins the next.
func (l *Log) pack() error {
	block, s := l.packer.block(l.open.records, len(l.open.starts))
	l.makeRoom(int64(len(block)))
	last := &l.segments[len(l.segments)-1]
	if _, err := last.file.WriteAt(block, last.size); err != nil {
		return err
	}
	s.at = last.size
	l.mu.Lock()
	last.blocks = append(last.blocks, s)
	last.size += s.size
	l.open = open{}
	l.mu.Unlock()
	if last.size >= min(segmentSize, l.config.Size/16) || l.old(last) {
		if err := l.beginSegment(); err != nil {
			return errors.Join(err, l.beginTail())
		}
	}
	return l.beginTail()
}

// old reports whether a segment's entries are of so long a time that they should not be forgotten together.
func (l *Log) old(s *segment) bool {
	return len(s.blocks) > 0 && l.config.Now().Sub(time.Unix(0, s.blocks[0].first)) > l.age()/8
}

// The tail: its head says behind which place of which segment its records belong, so that nobody takes them twice.
//
//	head   magic 8, segment u64, place i64, checksum of these u32
//	chunk  size u32, checksum u32, records
const (
	tailMagic     = "GHtail\x00\x01"
	tailHead      = 8 + 8 + 8 + 4
	tailChunkHead = 8
)

// beginTail empties the tail, for the block that is open now.
func (l *Log) beginTail() error {
	last := &l.segments[len(l.segments)-1]
	head := append(make([]byte, 0, tailHead), tailMagic...)
	head = binary.LittleEndian.AppendUint64(head, last.number)
	head = binary.LittleEndian.AppendUint64(head, uint64(last.size))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	if err := l.tail.Truncate(0); err != nil {
		return err
	}
	if _, err := l.tail.WriteAt(head, 0); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tailSize = tailHead
	return nil
}

// writeTail appends what of the open block is not in the tail. What fails is tried again with the next.
func (l *Log) writeTail() error {
	records := l.open.records[l.open.written:]
	if len(records) == 0 {
		return nil
	}
	b := binary.LittleEndian.AppendUint32(l.scratch[:0], uint32(len(records)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(records, castagnoli))
	b = append(b, records...)
	l.scratch = b
	if _, err := l.tail.WriteAt(b, l.tailSize); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tailSize += int64(len(b))
	l.open.written = len(l.open.records)
	return nil
}

// makeRoom deletes the oldest segments until some bytes more fit.
func (l *Log) makeRoom(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.size()+bytes > l.config.Size && len(l.segments) > 1 {
		l.forgetOldest()
	}
}

func (l *Log) forgetOldest() {
	if err := os.Remove(l.segments[0].path); err != nil && !errors.Is(err, os.ErrNotExist) {
		l.config.Log.Warn("forget the oldest part of the request log", "error", err)
	}
	l.segments = slices.Clone(l.segments[1:]) // readers have the old list
}

func (l *Log) size() (n int64) {
	for i := range l.segments {
		n += l.segments[i].size
	}
	return n + l.tailSize
}

// age is how long entries are kept.
func (l *Log) age() time.Duration { return time.Duration(l.Settings().Days) * 24 * time.Hour }

// openFor is how long a block is open at most: on a quiet day too, what is old can be forgotten.
const openFor = time.Hour

// Trim deletes what is older than the settings say, by a time that has come for certain.
func (l *Log) Trim(now time.Time) {
	l.writing.Lock()
	defer l.writing.Unlock()
	limit := now.Add(-l.age()).UnixNano()
	if len(l.open.starts) > 0 && l.config.Now().Sub(l.open.since) > openFor {
		if err := l.pack(); err != nil {
			l.note(err, 0)
			return
		}
	}
	if last := &l.segments[len(l.segments)-1]; len(l.open.starts) == 0 && len(last.blocks) > 0 && last.last() < limit {
		if err := errors.Join(l.beginSegment(), l.beginTail()); err != nil {
			l.note(err, 0)
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.segments) > 1 && l.segments[0].last() < limit {
		l.forgetOldest()
	}
}

// Keep writes an entry at once, wherever it stands in time, without asking for its share: to fill a log to which nothing else is written.
func (l *Log) Keep(e *Entry) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	w := raw{l.scratch[:0], cleaner{redact.Keys{Presented: e.Secret, Prefix: l.config.Prefix.String()}}}
	w.entry(e)
	l.scratch = w.b
	return l.append(w.b)
}
