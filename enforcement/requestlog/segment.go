package requestlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A segment file is a head and blocks.
const (
	segmentMagic = "GHrqlg\x00\x01"
	segmentHead  = int64(len(segmentMagic))
	tailName     = "tail"
)

// segment is what is known of a segment file.
type segment struct {
	number  uint64
	path    string
	size    int64
	blocks  []summary // only appended to
	file    *os.File  // of the last one; nil: of another
	damaged bool      // something behind its last block cannot be read
}

// last is the latest time that it knows of.
func (s *segment) last() int64 {
	last := int64(math.MinInt64)
	for i := range s.blocks {
		last = max(last, s.blocks[i].last)
	}
	return last
}

func (l *Log) path(number uint64) string {
	return filepath.Join(l.config.Dir, fmt.Sprintf("%010d.segment", number))
}

// beginSegment makes the segment that grows from now on.
func (l *Log) beginSegment() error {
	number := uint64(1)
	if n := len(l.segments); n > 0 {
		number = l.segments[n-1].number + 1
	}
	path := l.path(number)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(segmentMagic); err != nil {
		return errors.Join(err, f.Close(), os.Remove(path))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	list := slices.Clone(l.segments)
	if n := len(list); n > 0 && list[n-1].file != nil {
		err = list[n-1].file.Close()
		list[n-1].file = nil
	}
	l.segments = append(list, segment{number: number, path: path, size: segmentHead, file: f})
	return err
}

// load finds what an earlier process left.
func (l *Log) load() (err error) {
	entries, err := os.ReadDir(l.config.Dir) // by name, so by number
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, found := strings.CutSuffix(e.Name(), ".segment")
		number, err := strconv.ParseUint(name, 10, 64)
		if !found || err != nil {
			continue
		}
		s, err := loadSegment(l.path(number), number)
		if err != nil {
			l.config.Log.Warn("a part of the request log cannot be read", "file", e.Name(), "kept_blocks", len(s.blocks), "error", err)
		}
		l.segments = append(l.segments, s)
	}
	if l.tail, err = os.OpenFile(filepath.Join(l.config.Dir, tailName), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if n := len(l.segments); n > 0 {
		if err := l.resume(&l.segments[n-1]); err != nil {
			return errors.Join(err, l.tail.Close())
		}
	} else if err := l.beginSegment(); err != nil {
		return errors.Join(err, l.tail.Close())
	}
	if err := l.loadTail(); err != nil {
		return errors.Join(err, l.tail.Close())
	}
	l.makeRoom(0)
	return nil
}

// resume opens the last segment for writing, and cuts off what is torn. A damaged one is left as it is, and another begun.
func (l *Log) resume(s *segment) (err error) {
	if n := len(s.blocks); n > 0 && !s.damaged {
		last := s.blocks[n-1]
		_, err := s.read(&last)
		number, at, _ := l.tailBelongs()
		if errors.Is(err, errDamaged) && number == s.number && at == last.at { // it was being written: the tail has all of it
			s.size, s.blocks = last.at, s.blocks[:n-1]
		}
	}
	if s.damaged {
		return l.beginSegment()
	}
	if s.file, err = os.OpenFile(s.path, os.O_RDWR, 0o600); err != nil {
		return err
	}
	return s.file.Truncate(s.size)
}

// tailBelongs tells behind which place of which segment the tail's records belong.
func (l *Log) tailBelongs() (number uint64, at int64, ok bool) {
	b := make([]byte, tailHead)
	if _, err := l.tail.ReadAt(b, 0); err != nil || string(b[:8]) != tailMagic || crc32.Checksum(b[:tailHead-4], castagnoli) != binary.LittleEndian.Uint32(b[tailHead-4:]) {
		return 0, 0, false
	}
	return binary.LittleEndian.Uint64(b[8:]), int64(binary.LittleEndian.Uint64(b[16:])), true
}

// loadSegment reads the summaries of a segment's blocks. Also with an error, what it returns is what can be read.
func loadSegment(path string, number uint64) (s segment, err error) {
	s = segment{number: number, path: path}
	f, err := os.Open(path)
	if err != nil {
		s.damaged = true
		return s, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		s.damaged = true
		return s, err
	}
	magic := make([]byte, segmentHead)
	if _, err := f.ReadAt(magic, 0); err != nil || string(magic) != segmentMagic {
		s.damaged = true
		return s, fmt.Errorf("its beginning: %w", errDamaged)
	}
	for s.size = segmentHead; s.size < info.Size(); {
		b, err := readSummary(f, s.size, info.Size())
		if err != nil {
			s.damaged = !errors.Is(err, errTorn)
			return s, fmt.Errorf("from byte %d: %w", s.size, err)
		}
		s.blocks = append(s.blocks, b)
		s.size += b.size
	}
	return s, nil
}

func readSummary(f io.ReaderAt, at, end int64) (s summary, err error) {
	if end-at < blockHead {
		return s, errTorn
	}
	b := make([]byte, blockHead)
	if _, err := f.ReadAt(b, at); err != nil {
		return s, err
	}
	size, err := summarySize(b)
	if err != nil {
		return s, err
	}
	if int64(size) > end-at {
		return s, errTorn
	}
	b = make([]byte, size)
	if _, err := f.ReadAt(b, at); err != nil {
		return s, err
	}
	if s, err = parseSummary(b, at); err == nil && at+s.size > end {
		err = errTorn
	}
	return s, err
}

// read returns the body of a block.
func (s *segment) read(b *summary) ([]byte, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBody(f, b)
}

func readBody(f io.ReaderAt, b *summary) ([]byte, error) {
	body := make([]byte, b.size-b.body)
	if _, err := f.ReadAt(body, b.at+b.body); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if crc32.Checksum(body, castagnoli) != b.sum {
		return nil, errDamaged
	}
	return body, nil
}

// loadTail takes up the block that an earlier process had open, if the tail is of it.
func (l *Log) loadTail() error {
	b, err := os.ReadFile(l.tail.Name())
	if err != nil {
		return err
	}
	last := &l.segments[len(l.segments)-1]
	if number, at, ok := l.tailBelongs(); !ok || number != last.number || at != last.size {
		return l.beginTail() // it is in the segment already, or there is none
	}
	size := tailHead
	for {
		chunk, whole := tailChunk(b[size:])
		if !whole {
			break
		}
		for rest := chunk; len(rest) > 0; {
			record := rest
			_, rest = cutRecord(rest, nil)
			l.open.starts = append(l.open.starts, len(l.open.records))
			l.open.records = append(l.open.records, record[:len(record)-len(rest)]...)
		}
		size += tailChunkHead + len(chunk)
	}
	l.open.written, l.open.since, l.tailSize = len(l.open.records), l.config.Now(), int64(size)
	if cut := len(b) - size; cut > 0 {
		l.config.Log.Info("the end of the request log was torn, and is cut", "bytes", cut)
	}
	return l.tail.Truncate(int64(size))
}

// tailChunk is the chunk at the beginning of b, if it is whole.
func tailChunk(b []byte) (chunk []byte, whole bool) {
	if len(b) < tailChunkHead {
		return nil, false
	}
	size := int(binary.LittleEndian.Uint32(b))
	if size == 0 || size > len(b)-tailChunkHead {
		return nil, false
	}
	chunk = b[tailChunkHead : tailChunkHead+size]
	if crc32.Checksum(chunk, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, false
	}
	for rest := chunk; len(rest) > 0; {
		if len(rest) < recordHead || int(binary.LittleEndian.Uint32(rest))+4 < recordHead || int(binary.LittleEndian.Uint32(rest)) > len(rest)-4 {
			return nil, false
		}
		_, rest = cutRecord(rest, nil)
	}
	return chunk, true
}
