package store

import (
	"context"
	"database/sql"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
)

// writer is the one connection that writes, behind a queue: who waits for rights of a quota goes before everybody else, for a caller waits behind him.
type writer struct {
	*sql.DB
	queue queue
	held  func(useCase string, d time.Duration) // nil: nobody wants to know

	folder *folder // nil: transactions fold the log themselves
}

var (
	_ gorm.ConnPool         = (*writer)(nil)
	_ gorm.ConnPoolBeginner = (*writer)(nil)
	_ gorm.GetDBConnector   = (*writer)(nil)
	_ gorm.TxCommitter      = (*queuedTx)(nil)
)

// queueUp puts a writer between gorm and its connection.
func queueUp(db *gorm.DB, pool *sql.DB, held func(string, time.Duration)) {
	w := &writer{DB: pool, held: held}
	db.ConnPool, db.Statement.ConnPool = w, w
}

type urgentKey struct{}

// urgently lets what is written with the context go first.
func urgently(ctx context.Context) context.Context { return context.WithValue(ctx, urgentKey{}, true) }

// GetDBConn implements gorm.GetDBConnector.
func (w *writer) GetDBConn() (*sql.DB, error) { return w.DB, nil }

// enter waits for the connection; leave gives it back, and tells how long it was held.
func (w *writer) enter(ctx context.Context) (leave func(), err error) {
	if err := w.queue.enter(ctx, ctx.Value(urgentKey{}) != nil); err != nil {
		return nil, err
	}
	if w.folder != nil {
		w.folder.written.Store(true)
	}
	if w.held == nil {
		return w.queue.leave, nil
	}
	start, name := time.Now(), useCase()
	return func() {
		d := time.Since(start)
		w.queue.leave()
		w.held(name, d)
	}, nil
}

// useCase names the method of Store that is at work, by what called it: the name that it has in the code.
func useCase() string {
	const of = "gatehouse/models/store.(*Store)."
	var pcs [48]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	name := "other"
	for {
		f, more := frames.Next()
		if method, ok := strings.CutPrefix(f.Function, of); ok {
			method, _, _ = strings.Cut(method, ".") // a function inside it
			if method[0] >= 'A' && method[0] <= 'Z' {
				name = method // the outermost wins: one may call another
			}
		}
		if !more {
			return name
		}
	}
}

// BeginTx implements gorm.ConnPoolBeginner.
func (w *writer) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	leave, err := w.enter(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := w.DB.BeginTx(ctx, opts)
	if err != nil {
		leave()
		return nil, err
	}
	return &queuedTx{Tx: tx, leave: sync.OnceFunc(leave)}, nil
}

// ExecContext implements gorm.ConnPool.
func (w *writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	leave, err := w.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return w.DB.ExecContext(ctx, query, args...)
}

// QueryContext implements gorm.ConnPool. The connection stays in use until the rows are closed.
func (w *writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	leave, err := w.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return w.DB.QueryContext(ctx, query, args...)
}

// queuedTx is a transaction of the writer.
type queuedTx struct {
	*sql.Tx
	leave func()
}

// Commit implements gorm.TxCommitter.
func (t *queuedTx) Commit() error {
	defer t.leave()
	return t.Tx.Commit()
}

// Rollback implements gorm.TxCommitter.
func (t *queuedTx) Rollback() error {
	defer t.leave()
	return t.Tx.Rollback()
}

// queue lets one in at a time, urgent ones first, and otherwise in the order of their coming.
type queue struct {
	mu    sync.Mutex
	taken bool
	lines [2][]chan struct{} // who waits: urgent ones, others
}

// enter waits for its turn; the caller leaves when it is done, unless there was an error.
func (q *queue) enter(ctx context.Context, urgent bool) error {
	line := &q.lines[1]
	if urgent {
		line = &q.lines[0]
	}
	q.mu.Lock()
	if !q.taken {
		q.taken = true
		q.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	*line = append(*line, turn)
	q.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	at := slices.Index(*line, turn)
	if at >= 0 {
		*line = slices.Delete(*line, at, at+1)
	}
	q.mu.Unlock()
	if at < 0 { // the turn came at the same time
		q.leave()
	}
	return ctx.Err()
}

// leave lets the next one in.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.lines {
		if line := q.lines[i]; len(line) > 0 {
			close(line[0])
			q.lines[i] = slices.Delete(line, 0, 1)
			return
		}
	}
	q.taken = false
}
