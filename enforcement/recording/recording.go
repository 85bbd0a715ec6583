package recording

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"gatehouse/models"
)

// Defaults of a Config.
const (
	DefaultSize = 1 << 30
	DefaultAge  = 30 * 24 * time.Hour
)

// The least and the usual size of things.
const (
	MinSize = 1 << 16 // of all files

	tailSize   = 4 << 20        // at which a tail becomes a segment
	tailAge    = 24 * time.Hour // after which it does, too
	retryEvery = 10 * time.Second
	batchSize  = 1024 // arrivals that a reader gets at once
)

// Config is how a recording is kept.
type Config struct {
	Size      int64                  // bytes of all files together, at most; 0 = DefaultSize, at least MinSize
	Age       time.Duration          // what is older is forgotten by Trim; 0 = DefaultAge
	Committed models.JournalPosition // up to where usage is committed: what was recorded of later places did not happen yet
	Log       *slog.Logger
	Now       func() time.Time // nil = time.Now
}

// Recorder keeps arrivals.
type Recorder struct {
	folder string
	config Config
	limit  int64 // of a tail

	mu       sync.Mutex
	segments []segment // oldest first
	old      *tail     // becomes a segment; nil if none does
	sealing  bool      // somebody is at it
	reserved int64     // bytes of the segment that is being written
	retry    time.Time // not before then, after it failed
	tail     *tail     // nil until there is something to write, or when it could not be made
	next     uint64    // number of the next tail
	begins   int64     // where the next tail begins if there is none
	gap      bool      // before the next tail
	lost     int64     // requests since the last block that was written
	failing  bool      // logged
	last     lastAdd
	buffer   []byte
	workers  sync.WaitGroup
}

// lastAdd is what the last Add did: the next one says by its place whether it stands.
type lastAdd struct {
	set      bool
	from, to models.JournalPosition
	before   mark  // of the tail
	written  bool  // else it was lost
	requests int64 // if it was lost
	lost     int64 // before it, if it was written
}

// Open opens the recording in a folder, or begins one. What cannot be read is dropped and logged.
func Open(folder string, c Config) (*Recorder, error) {
	if c.Size == 0 {
		c.Size = DefaultSize
	}
	if c.Age == 0 {
		c.Age = DefaultAge
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Size = max(c.Size, MinSize)
	r := &Recorder{folder: folder, config: c, limit: min(tailSize, c.Size/8), next: 1}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the recording: %w", err)
	}
	if err := r.load(); err != nil {
		return nil, fmt.Errorf("open the recording: %w", err)
	}
	r.resume()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seal()
	return r, nil
}

// Add records what arrived from one place of the journal to another. It is to be called before usage of these places is committed. When that commit
// fails, the next Add has the same from and brings at least the same; any other from says that the commit stood. Arrivals are copied. Whatever goes
// wrong is logged and counted, and does not concern the caller.
func (r *Recorder) Add(from, to models.JournalPosition, arrivals []models.Arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.set && r.last.from == from {
		r.takeBack()
	} else {
		r.rotate(from)
	}
	if len(arrivals) == 0 && r.tail == nil { // it begins with the first arrival
		r.last = lastAdd{}
		return
	}
	requests := int64(0)
	for i := range arrivals {
		requests += arrivals[i].Requests()
	}
	k := block{from: from, to: to, lost: r.lost, arrivals: arrivals}
	r.last = lastAdd{set: true, from: from, to: to, requests: requests, lost: r.lost}
	if err := r.write(&k); err != nil {
		r.lost += requests
		if !r.failing {
			r.failing = true
			r.config.Log.Error("arrivals are not recorded: rehearsals of plans will miss them", "error", err)
		}
		return
	}
	r.last.written = true
	r.lost = 0
	if r.failing {
		r.failing = false
		r.config.Log.Info("arrivals are recorded again", "lost", k.lost)
	}
}

// takeBack undoes the last Add.
func (r *Recorder) takeBack() {
	if !r.last.written {
		r.lost -= r.last.requests
		return
	}
	r.lost = r.last.lost
	if err := r.tail.back(r.last.before); err != nil {
		r.config.Log.Warn("cut the recording", "error", err) // what is left there is overwritten, and told by its position
	}
}

// write appends a block to the tail.
func (r *Recorder) write(k *block) error {
	r.buffer = k.append(r.buffer[:0])
	size := int64(len(r.buffer))
	if cap(r.buffer) > tailSize {
		defer func() { r.buffer = nil }()
	}
	if r.tail != nil && r.tail.size > 4*r.limit {
		return fmt.Errorf("%s could not be packed, and is full", r.tail.path)
	}
	if !r.room(size + tailHeaderSize) {
		return fmt.Errorf("%d bytes are more than the recording may have", size)
	}
	if r.tail == nil {
		if err := r.begin(k.from, nil); err != nil {
			return err
		}
	}
	r.last.before = r.tail.mark()
	return r.tail.append(k, r.buffer)
}

// begin makes the next tail.
func (r *Recorder) begin(at models.JournalPosition, carried []models.Arrival) error {
	h := tailHeader{begins: r.begins, since: r.begins + 1}
	if r.begins == 0 || r.gap {
		h.since = r.config.Now().Unix()
	}
	t, err := createTail(r.path(r.next, "tail"), r.next, h, at, carried)
	if err != nil {
		return err
	}
	r.tail, r.gap = t, false
	r.next++
	return nil
}

// Keep records arrivals that are of no journal, to fill a recording to which nothing was added yet; each call is later than the one before.
func (r *Recorder) Keep(arrivals []models.Arrival) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tail != nil || r.old != nil {
		return fmt.Errorf("the recording has begun")
	}
	if len(arrivals) == 0 {
		return nil
	}
	ordered := order(slices.Clone(arrivals))
	s := segment{since: math.MaxInt64, until: r.begins}
	for i := range ordered {
		s.since, s.until = min(s.since, ordered[i].Second), max(s.until, ordered[i].Second)
	}
	if r.begins != 0 {
		s.since = r.begins + 1
	}
	b := encodeSegment(s, ordered)
	if !r.room(int64(len(b))) {
		return fmt.Errorf("%d bytes are more than the recording may have", len(b))
	}
	path := r.path(r.next, "segment")
	if err := replaceFile(path, b); err != nil {
		return err
	}
	s, err := statSegment(path, r.next)
	if err != nil {
		return err
	}
	r.segments = append(r.segments, s)
	r.next++
	r.begins = s.until
	return nil
}

// Close ends the recording in order. Nothing may be added or read after it.
func (r *Recorder) Close() error {
	r.workers.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	for _, t := range []*tail{r.old, r.tail} {
		if t == nil {
			continue
		}
		if syncErr := t.file.Sync(); err == nil {
			err = syncErr
		}
		if closeErr := t.file.Close(); err == nil {
			err = closeErr
		}
	}
	if err != nil {
		return fmt.Errorf("close the recording: %w", err)
	}
	return nil
}

func (r *Recorder) path(number uint64, kind string) string {
	return filepath.Join(r.folder, fmt.Sprintf("%010d.%s", number, kind))
}
