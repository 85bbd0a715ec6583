package journal

import (
	"fmt"
	"sync/atomic"
)

// Fold calls visit with the records that were appended since from, in order, until it wants no more, and returns the place after the
// last one that it saw. The record is visit's until it returns. A record that is being written at this moment ends it: the next Fold
// goes on there.
func (j *Journal) Fold(from Position, visit func(*Record) (more bool)) (Position, error) {
	j.mu.Lock()
	used := j.used[:len(j.used):len(j.used)]
	j.mu.Unlock()
	if from.before(Position{used[0].number, recordSize}) {
		from = Position{used[0].number, recordSize}
	}
	var r Record
	for _, s := range used {
		if s.number < from.Segment {
			continue
		}
		if s.number > from.Segment {
			from = Position{s.number, recordSize}
		}
		for ; from.Offset < uint64(len(s.data)); from.Offset += recordSize {
			switch s.slot(from.Offset).decode(&r, s.nonce) {
			case empty:
				return from, nil
			case damaged:
				return from, fmt.Errorf("the journal is damaged in memory, at byte %d of %s", from.Offset, s.path)
			}
			if !visit(&r) {
				from.Offset += recordSize
				return from, nil
			}
		}
	}
	return from, nil
}

// mostHoles is how many neighbouring slots can be empty because as many writers died in the same moment. A page that was lost has 64.
const mostHoles = 32

// Recovery is what was found of an earlier process.
type Recovery struct {
	Records int
	Exact   bool   // every record since the position was read: nothing that was admitted is missing
	Reason  string // why it is not exact
}

// Recover calls visit with the records that an earlier process appended since from, in order, and says whether they are all. What could not
// be read is left out. It is for once, before Release.
func (j *Journal) Recover(from Position, visit func(*Record)) (found Recovery) {
	doubt := func(format string, args ...any) {
		if found.Reason == "" {
			found.Reason = fmt.Sprintf(format, args...)
		}
	}
	for _, name := range j.broken {
		if numberOf(name) >= from.Segment { // what is before was committed, and its file may have been on its way to be used again
			doubt("%s is damaged", name)
		}
	}
	next := from.Segment // the number that is to come
	var r Record
	holes := 0 // in a row, also over the end of a segment: a segment is filled before the next one begins
	for _, s := range j.left {
		if s.number < from.Segment {
			continue
		}
		if next != 0 && s.number != next {
			doubt("segment %d of the journal is missing", next)
		}
		next = s.number + 1
		if s.boot != j.config.Boot && !s.synced {
			doubt("the machine was restarted, and the end of the journal may not have reached the disk")
		}
		start := uint64(recordSize)
		if s.number == from.Segment {
			start = max(start, from.Offset)
		}
		end := start
		for at := start; at+recordSize <= uint64(len(s.data)); at += recordSize {
			state := s.slot(at).decode(&r, s.nonce)
			if state == empty {
				holes++ // a writer that died
				continue
			}
			if holes >= mostHoles {
				doubt("records of the journal are missing before byte %d of %s", at, s.path)
			}
			holes, end = 0, at+recordSize
			if state == damaged {
				doubt("a record of the journal is damaged, at byte %d of %s", at, s.path)
				continue
			}
			found.Records++
			visit(&r)
		}
		if filled := min(atomic.LoadUint64(s.filled()), uint64(len(s.data))); filled > start && filled > end+mostHoles*recordSize {
			doubt("the last records of %s are missing", s.path)
		}
	}
	if next == from.Segment && from.Segment != 0 {
		doubt("segment %d of the journal is missing", next)
	}
	found.Exact = found.Reason == ""
	return found
}
