package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"
)

// This file folds the write-ahead log into the database file. SQLite would have the transaction do it that makes the log long, on the writer's connection:
// everybody else would wait for two fsyncs, and for pages all over the file.

const (
	foldEvery = time.Second
	// longLog is the length of the log, in pages, from which on it is begun anew.
	longLog = 1000
	// fewPages is how many pages may be left to fold while nobody writes, and foldPasses how often that is tried for.
	fewPages   = 200
	foldPasses = 5
	// longestLog is the length from which on transactions fold it themselves, so that it cannot grow without end.
	longestLog = 50 * longLog
)

// folder folds the log in the background, on a connection of its own.
type folder struct {
	writer  *writer
	pool    *sql.DB
	written atomic.Bool // there is something to fold
	stop    context.CancelFunc
	stopped chan struct{}
}

// startFolding takes over what the writer's connection would do.
func (s *Store) startFolding(ctx context.Context, w *writer, pool *sql.DB) error {
	if _, err := w.DB.ExecContext(ctx, fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", longestLog)); err != nil {
		return fmt.Errorf("set length of log: %w", err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	f := &folder{writer: w, pool: pool, stop: stop, stopped: make(chan struct{})}
	w.folder, s.folder = f, f
	go f.run(ctx, s)
	return nil
}

func (f *folder) run(ctx context.Context, s *Store) {
	defer close(f.stopped)
	ticks := time.NewTicker(foldEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if !f.written.Swap(false) {
			continue
		}
		if err := s.FoldLog(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the write-ahead log is not folded into the file; it grows meanwhile", "error", err)
			f.written.Store(true)
		}
	}
}

// FoldLog writes the pages of the write-ahead log to the file, beside those who read and write; a store does it by itself each second. A log is begun anew only
// by a write that finds all of it folded; so a long one is folded to its end while nobody writes, which is little by then.
func (s *Store) FoldLog(ctx context.Context) error {
	f := s.folder
	for before, pass := int64(0), 0; pass < foldPasses; pass++ {
		pages, err := f.pass(ctx)
		if err != nil || pages < longLog {
			return err
		}
		if pages-before < fewPages { // as many as were written during the pass before
			break
		}
		before = pages
	}
	leave, err := f.writer.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	_, err = f.pass(ctx)
	return err
}

// pass folds what is there to fold, and returns the length of the log.
func (f *folder) pass(ctx context.Context) (pages int64, err error) {
	var busy, folded int64
	err = f.pool.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &folded)
	return pages, err
}

// end stops folding; the connection that closes last folds the rest.
func (f *folder) end() {
	f.stop()
	<-f.stopped
}
