package requestlog

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/redact"
	"gatehouse/enforcement/requestid"
	"gatehouse/models"
	"gatehouse/models/secret"
)

// Sizes of all files of a log together, in bytes.
const (
	DefaultSize = 2 << 30
	MinSize     = 4 << 20
)

const (
	numShards  = 8
	bufferSize = 512 << 10 // of each shard, twice
	flushEvery = 200 * time.Millisecond

	blockEntries = 1024
	blockBytes   = 512 << 10 // of records as they come
	segmentSize  = 32 << 20
)

// Config is how a log is kept.
type Config struct {
	Dir      string
	Size     int64              // of all files together; 0: DefaultSize; at least MinSize
	Settings models.LogSettings // zero: models.DefaultLogSettings
	Prefix   secret.Prefix      // of generated keys, none of which is ever kept
	Names    *requestid.Names   // of requests; nil: the log has its own
	Log      *slog.Logger       // nil: slog.Default()
	Now      func() time.Time   // nil: time.Now
}

// Log is open for writing and reading. All methods are safe for concurrent use.
type Log struct {
	config     Config
	names      *requestid.Names
	refusals   shares
	admissions shares
	settings   atomic.Pointer[models.LogSettings]

	shards  [numShards]shard
	kept    atomic.Int64
	dropped atomic.Int64
	wake    chan struct{} // some buffer is half full
	stop    chan struct{}
	stopped chan struct{}

	writing sync.Mutex // held by who writes files; before mu
	packer  *packer
	failing atomic.Bool // logged
	scratch []byte

	mu       sync.Mutex // guards what readers see
	segments []segment  // oldest first; the last one grows
	open     open
	tail     *os.File
	tailSize int64
	closed   bool
}

// shard is a buffer of records. Its padding keeps two of them off one cache line.
type shard struct {
	mu     sync.Mutex
	b      []byte
	spare  []byte // empty; the writer's
	closed bool
	_      [64]byte
}

// Open opens the log in a folder, or begins one, and starts writing. What cannot be read is left out and logged. The caller makes sure that no other
// process has it open.
func Open(c Config) (*Log, error) {
	if c.Size == 0 {
		c.Size = DefaultSize
	}
	if c.Settings == (models.LogSettings{}) {
		c.Settings = models.DefaultLogSettings()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Size = max(c.Size, MinSize)
	l := &Log{config: c, names: c.Names, wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}), packer: newPacker()}
	for i := range l.shards {
		l.shards[i].b, l.shards[i].spare = make([]byte, 0, bufferSize), make([]byte, 0, bufferSize)
	}
	l.Configure(c.Settings)
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the request log: %w", err)
	}
	if err := l.ownNames(); err != nil {
		return nil, fmt.Errorf("open the request log: %w", err)
	}
	if err := l.load(); err != nil {
		return nil, fmt.Errorf("open the request log: %w", err)
	}
	go l.run()
	return l, nil
}

// ownNames makes the key of ids that no ring of receipts gives.
func (l *Log) ownNames() (err error) {
	if l.names != nil {
		return nil
	}
	path := filepath.Join(l.config.Dir, "names")
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(key) != requestid.KeySize {
		key = make([]byte, requestid.KeySize)
		_, _ = rand.Read(key) // never fails
		err = os.WriteFile(path, key, 0o600)
	}
	if err != nil {
		return err
	}
	l.names, err = requestid.New(key)
	return err
}

// Names makes the ids by which entries are found.
func (l *Log) Names() *requestid.Names { return l.names }

// Configure changes what is kept, from now on; s has passed Check.
func (l *Log) Configure(s models.LogSettings) {
	l.settings.Store(&s)
	l.refusals.set(s.Refusals)
	l.admissions.set(s.Admissions)
}

// Settings are what is kept now.
func (l *Log) Settings() models.LogSettings { return *l.settings.Load() }

// Refusal says whether the entry of a refused or failed request is kept. Share is the key's id; now is in nanoseconds on a clock that does not go back.
func (l *Log) Refusal(share uint64, now int64) bool { return l.refusals.take(share, now) }

// Admission is Refusal for other requests, and for those without a known key, whose share is their stage's id.
func (l *Log) Admission(share uint64, now int64) bool { return l.admissions.take(share, now) }

// Write keeps an entry. It does not wait, allocate or call the system.
func (l *Log) Write(e *Entry) {
	from := int(e.ID[15])
	for i := range numShards {
		if s := &l.shards[(from+i)%numShards]; s.mu.TryLock() {
			l.put(s, e)
			s.mu.Unlock()
			return
		}
	}
	l.dropped.Add(1)
}

// put encodes an entry into a buffer that is the caller's.
func (l *Log) put(s *shard, e *Entry) {
	before := len(s.b)
	if s.closed || cap(s.b)-before < maxRecord {
		l.dropped.Add(1)
		return
	}
	w := raw{s.b, cleaner{redact.Keys{Presented: e.Secret, Prefix: l.config.Prefix.String()}}}
	w.entry(e)
	s.b = w.b
	l.kept.Add(1)
	if before < bufferSize/2 && len(s.b) >= bufferSize/2 {
		select {
		case l.wake <- struct{}{}:
		default: // somebody did already
		}
	}
}

// Counts tells how many entries were kept and dropped since Open.
func (l *Log) Counts() (kept, dropped int64) { return l.kept.Load(), l.dropped.Load() }

// Size is what all files have, in bytes.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size()
}

// Failing reports whether entries are lost because they cannot be written.
func (l *Log) Failing() bool {
	return l.failing.Load()
}

// Limit is what all files may have.
func (l *Log) Limit() int64 { return l.config.Size }

// run writes until Close.
func (l *Log) run() {
	defer close(l.stopped)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		case <-l.wake:
		}
		l.Flush()
	}
}

// Flush writes what is in the buffers, so that readers find it.
func (l *Log) Flush() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.flush()
}

// Close writes what is in the buffers, and ends writing and reading. Entries that come later are dropped.
func (l *Log) Close() error {
	close(l.stop)
	<-l.stopped
	l.writing.Lock()
	defer l.writing.Unlock()
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
	}
	l.flush()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	err := l.tail.Close()
	if n := len(l.segments); n > 0 && l.segments[n-1].file != nil {
		err = errors.Join(err, l.segments[n-1].file.Close())
	}
	if err != nil {
		return fmt.Errorf("close the request log: %w", err)
	}
	return nil
}
