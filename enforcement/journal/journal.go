package journal

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// SegmentSize is the size of a segment, in bytes: 262,143 records.
	SegmentSize = 16 << 20
	// SyncEvery is how often what is in memory is written to the disk.
	SyncEvery = time.Second

	maxSegment  = 1 << 30
	mostDefault = 1 << 30 // bytes
	mostFree    = 2       // segments that are kept for reuse beside the spare one
	retryEvery  = time.Second
)

// ErrFull says that there is no room for a record, because the disk is full or because what is in the journal cannot be committed.
var ErrFull = errors.New("the journal is full")

// Config is how a journal is kept.
type Config struct {
	Dir         string
	SyncAlways  bool         // Wait waits for the disk
	Most        int64        // bytes that the journal may take; 0: 1 GiB
	SegmentSize int          // 0: SegmentSize; a multiple of 64
	Boot        [16]byte     // of this run of the machine; zero: the kernel's
	Log         *slog.Logger // nil: slog.Default()

	sync func(pages []byte) error // writes pages of a mapped file to the disk; nil: msync
}

// Position is a place in the journal, in the order of appending. The zero Position is its beginning.
type Position struct {
	Segment uint64 // number
	Offset  uint64 // bytes
}

// Journal is open for appending. Append and Wait are safe for concurrent use; Fold, Release and Recover are for one goroutine.
type Journal struct {
	config  Config
	left    []*segment // by an earlier process, in order; closed by Release
	broken  []string   // files of an earlier process that cannot be read
	copies  []string   // files that say they are a segment that another file is; none counts
	current atomic.Pointer[segment]
	wake    chan struct{} // the keeper has something to do
	stop    chan struct{}
	stopped sync.WaitGroup
	disk    syncer

	making sync.Mutex // held by whoever makes the spare segment

	mu     sync.Mutex // of what follows; Append takes it when a segment is full
	used   []*segment // in order, the current one last
	spare  *segment   // ready to be the next one
	free   []*segment
	last   uint64 // the highest number that was given
	fault  error  // why there is no spare one
	unsafe error  // why the disk did not take what is in memory; nil: it did
}

// Open opens the journal in a folder, which it makes if it is not there, and begins a new segment. The caller makes sure that no other process
// has it open.
func Open(c Config) (*Journal, error) {
	if c.Most == 0 {
		c.Most = mostDefault
	}
	if c.SegmentSize == 0 {
		c.SegmentSize = SegmentSize
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.sync == nil {
		c.sync = func(pages []byte) error { return unix.Msync(pages, unix.MS_SYNC) }
	}
	if c.Boot == [16]byte{} {
		boot, err := bootID()
		if err != nil {
			return nil, fmt.Errorf("open the journal: %w", err)
		}
		c.Boot = boot
	}
	j := &Journal{config: c, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	j.disk.turn = sync.NewCond(&j.disk.mu)
	if err := j.open(); err != nil {
		for _, s := range j.left {
			err = errors.Join(err, s.close())
		}
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	j.stopped.Go(j.keep)
	return j, nil
}

func (j *Journal) open() error {
	if err := os.MkdirAll(j.config.Dir, 0o700); err != nil {
		return err
	}
	names, unfinished, err := j.files()
	if err != nil {
		return err
	}
	for _, name := range names {
		s, err := openSegment(name)
		switch {
		case errors.Is(err, errHead):
			j.broken = append(j.broken, name)
			j.last = max(j.last, numberOf(name))
		case err != nil:
			return err
		default:
			j.left = append(j.left, s)
			j.last = max(j.last, s.number, numberOf(name))
		}
	}
	if err := j.setCopiesAside(); err != nil {
		return err
	}
	for _, name := range unfinished { // never had a record
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	first, err := j.prepare()
	if err != nil {
		return err
	}
	first.open()
	j.used = []*segment{first}
	j.current.Store(first)
	return nil
}

// setCopiesAside sorts the segments, and sees to it that each counts once: somebody may have copied a file within the folder. The segment is the file that has
// its name.
func (j *Journal) setCopiesAside() (err error) {
	slices.SortFunc(j.left, func(a, b *segment) int {
		switch {
		case a.number != b.number:
			return cmp.Compare(a.number, b.number)
		case a.isNamed() == b.isNamed():
			return cmp.Compare(a.path, b.path)
		case a.isNamed():
			return -1
		default:
			return 1
		}
	})
	once := j.left[:0]
	for _, s := range j.left {
		if n := len(once); n == 0 || once[n-1].number != s.number {
			once = append(once, s)
			continue
		}
		j.config.Log.Warn("a file of the journal is a copy of another, and does not count", "copy", s.path, "of", once[len(once)-1].path)
		j.copies = append(j.copies, s.path)
		err = errors.Join(err, s.close())
	}
	j.left = once
	return err
}

// files are the segments in the folder, in order, and what was on its way to be one.
func (j *Journal) files() (segments, unfinished []string, err error) {
	entries, err := os.ReadDir(j.config.Dir)
	for _, e := range entries {
		switch path := filepath.Join(j.config.Dir, e.Name()); {
		case strings.HasSuffix(e.Name(), suffix):
			segments = append(segments, path)
		case strings.HasPrefix(e.Name(), "new-"):
			unfinished = append(unfinished, path)
		}
	}
	return segments, unfinished, err
}

// numberOf is the number in a file's name, 0 if there is none.
func numberOf(path string) (n uint64) {
	_, _ = fmt.Sscanf(strings.TrimSuffix(filepath.Base(path), suffix), "%x", &n)
	return n
}

// Start is where this process began to append.
func (j *Journal) Start() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Position{j.used[0].number, recordSize}
}

// Boot identifies the run of the machine that the records of this process belong to.
func (j *Journal) Boot() string { return hex.EncodeToString(j.config.Boot[:]) }

// Append writes a record and returns its place. When it returns, the record survives the process. Its error is ErrFull.
func (j *Journal) Append(r *Record) (Position, error) {
	for {
		s := j.current.Load()
		if at, ok := s.append(r); ok {
			return at, nil
		}
		if err := j.rotate(s); err != nil {
			return Position{}, err
		}
	}
}

// rotate puts the spare segment in the place of a full one.
func (j *Journal) rotate(full *segment) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.isCurrent(full) && j.spare == nil && j.fault == nil {
		// The keeper is late. Whoever needs the space makes it, and again if others have filled it and all that was there before by then.
		j.mu.Unlock()
		j.provide()
		j.mu.Lock()
	}
	switch {
	case !j.isCurrent(full):
		return nil // another request did it
	case j.spare == nil:
		j.call()
		return ErrFull
	}
	j.used = append(j.used, j.spare)
	j.spare.open()
	j.current.Store(j.spare)
	j.spare = nil
	j.call()
	return nil
}

// isCurrent reports whether a segment that was full still is, and is the one that records go to. It may have been given up and begun anew while its caller
// waited; who left it then would leave slots behind that nobody fills, and Fold waits for each.
func (j *Journal) isCurrent(full *segment) bool {
	return j.current.Load() == full && full.next.Load() >= uint64(len(full.data))
}

// call wakes the keeper.
func (j *Journal) call() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Err is why the journal cannot grow, or is not written to the disk; or nil. There may be room in it still.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fault != nil {
		return j.fault
	}
	return j.unsafe
}

// keep has a spare segment ready and writes to the disk, until Close.
func (j *Journal) keep() {
	ticks := time.NewTicker(min(SyncEvery, retryEvery))
	defer ticks.Stop()
	for {
		j.provide()
		select {
		case <-j.stop:
			return
		case <-j.wake:
		case <-ticks.C:
			_ = j.flush() // Err tells, and it is logged
		}
	}
}

// provide prepares a spare segment if there is none.
func (j *Journal) provide() {
	j.making.Lock()
	defer j.making.Unlock()
	j.mu.Lock()
	need := j.spare == nil
	j.mu.Unlock()
	if !need {
		return
	}
	s, err := j.prepare()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil && j.fault == nil {
		j.config.Log.Error("the journal cannot grow", "error", err)
	} else if err == nil && j.fault != nil {
		j.config.Log.Info("the journal can grow again")
	}
	j.spare, j.fault = s, err
}

// prepare makes an empty segment with the next number, of a free one if there is one.
func (j *Journal) prepare() (*segment, error) {
	j.mu.Lock()
	var s *segment
	if n := len(j.free); n > 0 {
		s, j.free = j.free[n-1], j.free[:n-1]
	}
	segments := int64(len(j.used) + len(j.left) + 1)
	number := j.last + 1
	first := len(j.used) == 0 // without it nothing could be committed, and no room made
	j.mu.Unlock()
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	if s == nil {
		if segments > 1 && !first && segments*int64(j.config.SegmentSize) > j.config.Most {
			return nil, fmt.Errorf("it has %d MB that are not committed, and may have no more", j.config.Most>>20)
		}
		var err error
		if s, err = createSegment(filepath.Join(j.config.Dir, fmt.Sprintf("new-%x", random)), int64(j.config.SegmentSize)); err != nil {
			return nil, err
		}
	}
	if err := j.begin(s, number, binary.LittleEndian.Uint32(random[:])); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	j.mu.Lock()
	j.last = number
	j.mu.Unlock()
	return s, nil
}

// begin makes s the segment with this number: empty, with every page in memory. The file gets its new name last.
func (j *Journal) begin(s *segment, number uint64, nonce uint32) error {
	s.reset(number, nonce, j.config.Boot, j.config.SyncAlways)
	end := uint64(recordSize)
	if s.synced {
		end = uint64(len(s.data)) // after a power cut a slot is empty or what was written, and nothing older
	}
	if err := j.sync(s, 0, end); err != nil {
		return err
	}
	return s.rename(j.config.Dir)
}

// Release gives up what is before a position, for its space to be used again. Segments of an earlier process go whole.
func (j *Journal) Release(to Position) (err error) {
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	for j.disk.busy { // with a segment that would go
		j.disk.turn.Wait()
	}
	keep := j.left[:0]
	for _, s := range j.left {
		if s.number < to.Segment {
			err = errors.Join(err, s.remove())
		} else {
			keep = append(keep, s)
		}
	}
	j.mu.Lock()
	j.left = keep
	j.mu.Unlock()
	for _, name := range j.broken {
		if numberOf(name) < to.Segment {
			err = errors.Join(err, os.Rename(name, name+".damaged")) // somebody may want to look at it
		}
	}
	for _, name := range j.copies {
		err = errors.Join(err, os.Rename(name, name+".copy"))
	}
	j.copies = nil
	j.broken = slices.DeleteFunc(j.broken, func(name string) bool { return numberOf(name) < to.Segment })

	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.used) > 1 && j.used[0].number < to.Segment {
		s := j.used[0]
		j.used = j.used[1:]
		if len(j.free) < mostFree {
			j.free = append(j.free, s)
		} else {
			err = errors.Join(err, s.remove())
		}
	}
	if j.spare == nil {
		j.call()
	}
	return err
}

// remove closes a segment and deletes its file.
func (s *segment) remove() error { return errors.Join(s.close(), os.Remove(s.path)) }

// Close writes everything to the disk. Nothing may be appended or folded any more; an Append that comes too late is lost, and does no other harm.
func (j *Journal) Close() error {
	close(j.stop)
	j.stopped.Wait()
	err := j.flush()
	j.disk.close()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range slices.Concat(j.left, j.free) {
		err = errors.Join(err, s.close())
	}
	last := j.used
	if j.spare != nil {
		last = append(last, j.spare)
		j.spare = nil
	}
	for _, s := range last {
		err = errors.Join(err, s.file.Close()) // it stays mapped: an Append may be late
	}
	return err
}

// Size is what its files have, in bytes, used or not.
func (j *Journal) Size() (n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, some := range [...][]*segment{j.left, j.used, j.free} {
		for _, s := range some {
			n += int64(len(s.data))
		}
	}
	if j.spare != nil {
		n += int64(len(j.spare.data))
	}
	return n
}

// End is behind everything whose Append has returned.
func (j *Journal) End() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.used[len(j.used)-1]
	return Position{s.number, min(s.next.Load(), uint64(len(s.data)))}
}
