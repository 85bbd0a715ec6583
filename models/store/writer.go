package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"

	"gorm.io/gorm"
)

// writer is the one connection that writes, behind a queue: who waits for rights of a quota goes before everybody else, for a caller waits behind him.
type writer struct {
	*sql.DB
	queue queue
}

var (
	_ gorm.ConnPool         = (*writer)(nil)
	_ gorm.ConnPoolBeginner = (*writer)(nil)
	_ gorm.GetDBConnector   = (*writer)(nil)
	_ gorm.TxCommitter      = (*queuedTx)(nil)
)

// queueUp puts a writer between gorm and its connection.
func queueUp(db *gorm.DB, pool *sql.DB) {
	w := &writer{DB: pool}
	db.ConnPool, db.Statement.ConnPool = w, w
}

type urgentKey struct{}

// urgently lets what is written with the context go first.
func urgently(ctx context.Context) context.Context { return context.WithValue(ctx, urgentKey{}, true) }

// GetDBConn implements gorm.GetDBConnector.
func (w *writer) GetDBConn() (*sql.DB, error) { return w.DB, nil }

func (w *writer) enter(ctx context.Context) error {
	return w.queue.enter(ctx, ctx.Value(urgentKey{}) != nil)
}

// BeginTx implements gorm.ConnPoolBeginner.
func (w *writer) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	if err := w.enter(ctx); err != nil {
		return nil, err
	}
	tx, err := w.DB.BeginTx(ctx, opts)
	if err != nil {
		w.queue.leave()
		return nil, err
	}
	return &queuedTx{Tx: tx, leave: sync.OnceFunc(w.queue.leave)}, nil
}

// ExecContext implements gorm.ConnPool.
func (w *writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := w.enter(ctx); err != nil {
		return nil, err
	}
	defer w.queue.leave()
	return w.DB.ExecContext(ctx, query, args...)
}

// QueryContext implements gorm.ConnPool. The connection stays in use until the rows are closed.
func (w *writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := w.enter(ctx); err != nil {
		return nil, err
	}
	defer w.queue.leave()
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
