package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// Resume tells where the gateway stopped, and notes that it starts anew, on a machine with this boot id. What it tells of the stop stays true until
// SettleHoldings says that everything is in order: a start that does not come so far does not make another one trust a journal that is not whole.
func (s *Store) Resume(ctx context.Context, boot string) (r models.Resumption, err error) {
	s.stagedUsage.Store(true) // perhaps
	if err := s.addStaged(ctx); err != nil {
		return r, fmt.Errorf("resume from journal: %w", err)
	}
	err = s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		pool := db.Statement.ConnPool
		var segment, offset, mark, behind int64
		err := pool.QueryRowContext(ctx, `SELECT segment, "offset", boot, ordered, epoch, mark, behind FROM journal WHERE holder = ?`, theHolder).
			Scan(&segment, &offset, &r.Boot, &r.Ordered, &r.Epoch, &mark, &behind)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		r.Position = models.JournalPosition{Segment: uint64(segment), Offset: uint64(offset)}
		if mark != 0 {
			r.Mark = models.TimeMark{Time: timeOf(mark), Behind: time.Duration(behind) * time.Millisecond}
		}
		r.Epoch++
		_, err = pool.ExecContext(ctx, `INSERT INTO journal (holder, segment, "offset", boot, starting, ordered, epoch) VALUES (?, 0, 0, '', ?, 0, ?)
			ON CONFLICT DO UPDATE SET starting = excluded.starting, epoch = excluded.epoch`, theHolder, boot, r.Epoch)
		return err
	})
	if err != nil {
		return models.Resumption{}, fmt.Errorf("resume from journal: %w", err)
	}
	return r, nil
}

// KeepTime keeps what Resume tells the next start of the clock.
func (s *Store) KeepTime(ctx context.Context, m models.TimeMark) error {
	err := s.write.WithContext(ctx).Exec(`UPDATE journal SET mark = ?, behind = ? WHERE holder = ?`, millis(m.Time), m.Behind.Milliseconds(), theHolder).Error
	if err != nil {
		return fmt.Errorf("keep time: %w", err)
	}
	return nil
}

// CommittedPosition is the place in the gateway's journal up to which usage is committed.
func (s *Store) CommittedPosition(ctx context.Context) (p models.JournalPosition, err error) {
	var segment, offset int64
	err = s.read.WithContext(ctx).Statement.ConnPool.QueryRowContext(ctx, `SELECT segment, "offset" FROM journal WHERE holder = ?`, theHolder).Scan(&segment, &offset)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("read place in journal: %w", err)
	}
	return models.JournalPosition{Segment: uint64(segment), Offset: uint64(offset)}, nil
}

// errCommitted says that a batch was committed before.
var errCommitted = errors.New("it is committed already")

// moveOn moves the position from the batch's beginning to its end; errCommitted when it is there already.
func moveOn(ctx context.Context, db gorm.ConnPool, b models.UsageBatch) error {
	var zero models.JournalPosition
	if b.From == zero && b.To == zero {
		return nil
	}
	if b.From == b.To && len(b.Cells)+len(b.Charged) > 0 {
		return errors.New("nothing in the journal stands for what is in the batch")
	}
	moved, err := db.ExecContext(ctx, `UPDATE journal SET segment = ?, "offset" = ?, ordered = ? WHERE holder = ? AND segment = ? AND "offset" = ?`,
		int64(b.To.Segment), int64(b.To.Offset), b.Ordered, theHolder, int64(b.From.Segment), int64(b.From.Offset))
	if err != nil {
		return fmt.Errorf("move on in journal: %w", err)
	}
	if n, err := moved.RowsAffected(); err != nil || n == 1 {
		return err
	}
	var segment, offset int64
	if err := db.QueryRowContext(ctx, `SELECT segment, "offset" FROM journal WHERE holder = ?`, theHolder).Scan(&segment, &offset); err != nil {
		return fmt.Errorf("read place in journal: %w", err)
	}
	at := models.JournalPosition{Segment: uint64(segment), Offset: uint64(offset)}
	if at == b.To {
		return errCommitted
	}
	return fmt.Errorf("the journal is committed up to %+v: a batch from %+v to %+v does not go on from there", at, b.From, b.To)
}
