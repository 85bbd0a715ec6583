package accesslog

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/models/secret"
)

const (
	numShards  = 8
	bufferSize = 256 << 10 // of each shard, twice
	flushEvery = 200 * time.Millisecond
	// tellEvery is how often lines that were dropped are told of at most.
	tellEvery = 10 * time.Second
)

// Output names the standard output.
const Output = "-"

// Config is how a log is kept.
type Config struct {
	Prefix secret.Prefix // of generated keys, none of which is ever written
	Stdout io.Writer     // nil: os.Stdout
	Log    *slog.Logger  // nil: slog.Default()
}

// Log writes lines. All methods are safe for concurrent use. A nil one writes nothing.
type Log struct {
	config  Config
	prefix  string
	on      atomic.Bool
	shards  [numShards]shard
	written atomic.Int64
	dropped atomic.Int64
	wake    chan struct{} // some buffer is half full
	stop    chan struct{}
	stopped chan struct{}

	writing sync.Mutex // guards what follows
	path    string
	out     io.Writer // nil: nothing is written
	file    *os.File  // nil: out is none
	failing bool      // logged
	told    int64     // of dropped, in the log
	toldAt  time.Time
}

// shard is a buffer of lines. Its padding keeps two of them off one cache line.
type shard struct {
	mu    sync.Mutex
	b     []byte
	lines int64
	spare []byte // empty; the writer's
	_     [64]byte
}

// New returns a log that writes nothing before Use.
func New(c Config) *Log {
	if c.Stdout == nil {
		c.Stdout = os.Stdout
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	l := &Log{config: c, prefix: c.Prefix.String(), wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{})}
	go l.run()
	return l
}

// On reports whether lines are written.
func (l *Log) On() bool { return l != nil && l.on.Load() }

// Use writes to another file from now on, at its end: Output, or "" for nothing. If it cannot be opened, everything stays as it was.
func (l *Log) Use(path string) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.use(path)
}

// Reopen opens the file again by its name: after it was moved away, lines go to a new one.
func (l *Log) Reopen() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.file == nil {
		return nil
	}
	return l.use(l.path)
}

func (l *Log) use(path string) error {
	var out io.Writer
	var file *os.File
	switch path {
	case "":
	case Output:
		out = l.config.Stdout
	default:
		var err error
		if file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return fmt.Errorf("open the access log: %w", err)
		}
		out = file
	}
	l.on.Store(out != nil)
	if out != nil && l.shards[0].spare == nil {
		for i := range l.shards {
			s := &l.shards[i]
			s.mu.Lock()
			s.b, s.spare = make([]byte, 0, bufferSize), make([]byte, 0, bufferSize)
			s.mu.Unlock()
		}
	}
	l.flush() // to where it was meant
	var err error
	if l.file != nil {
		err = l.file.Close()
	}
	l.path, l.out, l.file, l.failing = path, out, file, false
	if err != nil {
		l.config.Log.Error("close the access log", "error", err)
	}
	return nil
}

// Write writes an entry's line, of which it keeps nothing. It does not wait, allocate or call the system.
func (l *Log) Write(e *Entry) {
	if !l.On() {
		return
	}
	from := rand.IntN(numShards)
	for i := range numShards {
		if s := &l.shards[(from+i)%numShards]; s.mu.TryLock() {
			l.put(s, e)
			s.mu.Unlock()
			return
		}
	}
	l.dropped.Add(1)
}

func (l *Log) put(s *shard, e *Entry) {
	before := len(s.b)
	if cap(s.b)-before < maxLine {
		l.dropped.Add(1)
		return
	}
	s.b = line(s.b, e, l.prefix)
	s.lines++
	if before < bufferSize/2 && len(s.b) >= bufferSize/2 {
		select {
		case l.wake <- struct{}{}:
		default: // somebody did already
		}
	}
}

// Counts tells how many lines were written and dropped.
func (l *Log) Counts() (written, dropped int64) {
	if l == nil {
		return 0, 0
	}
	return l.written.Load(), l.dropped.Load()
}

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

// Flush writes what is in the buffers.
func (l *Log) Flush() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.flush()
}

func (l *Log) flush() {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		b, lines := s.b, s.lines
		if len(b) > 0 {
			s.b, s.lines, s.spare = s.spare[:0], 0, nil
		}
		s.mu.Unlock()
		if len(b) == 0 {
			continue
		}
		l.write(b, lines)
		s.spare = b[:0]
	}
	l.tell()
}

func (l *Log) write(b []byte, lines int64) {
	if l.out == nil {
		return // switched off a moment ago
	}
	_, err := l.out.Write(b)
	if err != nil {
		l.dropped.Add(lines)
	} else {
		l.written.Add(lines)
	}
	switch {
	case err != nil && !l.failing:
		l.config.Log.Error("the access log cannot be written: lines are lost", "error", err)
	case err == nil && l.failing:
		l.config.Log.Info("the access log is written again")
	}
	l.failing = err != nil
}

// tell logs how many lines were dropped since it did so last.
func (l *Log) tell() {
	dropped := l.dropped.Load()
	if now := time.Now(); dropped > l.told && now.Sub(l.toldAt) >= tellEvery {
		l.config.Log.Warn("lines of the access log were dropped", "lines", dropped-l.told, "all", dropped)
		l.told, l.toldAt = dropped, now
	}
}

// Close writes what is in the buffers, and ends the log.
func (l *Log) Close() error {
	close(l.stop)
	<-l.stopped
	l.writing.Lock()
	defer l.writing.Unlock()
	l.on.Store(false)
	l.flush()
	l.out = nil
	if l.file == nil {
		return nil
	}
	if err := errors.Join(l.file.Sync(), l.file.Close()); err != nil {
		return fmt.Errorf("close the access log: %w", err)
	}
	return nil
}
