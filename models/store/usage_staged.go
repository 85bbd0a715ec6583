package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/gob"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file adds a large batch of usage without holding the writer long. The batch is stored as it is, with the place in the journal that it reaches to: that
// is when it is committed. Then its parts are added to the tables, each in a transaction of its own that counts it. Whoever comes after an interruption goes on
// with the next part.

// partCells is how many cells, or rows of other kinds, a transaction adds: it holds the writer for 20 ms at most on a busy machine (DECISIONS 50).
const partCells = 110

// partsOf is how many parts a batch has.
func partsOf(b *models.UsageBatch) int {
	rows := max(len(b.Cells), len(b.Charged), len(b.LastUsed), len(b.Levels))
	return (rows + partCells - 1) / partCells
}

// partOf returns a part of a batch, without a place in the journal.
func partOf(b *models.UsageBatch, i int) models.UsageBatch {
	return models.UsageBatch{Cells: sliceOf(b.Cells, i), Charged: sliceOf(b.Charged, i), LastUsed: sliceOf(b.LastUsed, i), Levels: sliceOf(b.Levels, i)}
}

func sliceOf[T any](all []T, i int) []T {
	return all[min(i*partCells, len(all)):min((i+1)*partCells, len(all))]
}

// commitInParts is CommitUsage for a large batch.
func (s *Store) commitInParts(ctx context.Context, b *models.UsageBatch) error {
	// Rows of a key lie together: each part touches few pages of the file.
	slices.SortStableFunc(b.Cells, func(x, y models.UsageCell) int { return cmp.Compare(x.KeyID, y.KeyID) })
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(b); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	s.stagedUsage.Store(true)
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		pool, ctx := db.Statement.ConnPool, context.WithoutCancel(ctx)
		if err := moveOn(ctx, pool, *b); err != nil {
			return err
		}
		_, err := pool.ExecContext(ctx, `INSERT INTO staged_usage (holder, batch, added) VALUES (?, ?, 0)`, theHolder, text.Bytes())
		return err
	})
	if err != nil {
		return err
	}
	return s.addParts(ctx, b, 0)
}

// addStaged adds what an interruption left of a batch.
func (s *Store) addStaged(ctx context.Context) error {
	if !s.stagedUsage.Load() {
		return nil
	}
	var text []byte
	var added int
	err := s.read.WithContext(ctx).Statement.ConnPool.QueryRowContext(ctx, `SELECT batch, added FROM staged_usage WHERE holder = ?`, theHolder).Scan(&text, &added)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		s.stagedUsage.Store(false)
		return nil
	case err != nil:
		return fmt.Errorf("read staged usage: %w", err)
	}
	var b models.UsageBatch
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&b); err != nil {
		return fmt.Errorf("decode staged usage: %w", err)
	}
	return s.addParts(ctx, &b, added)
}

var errStopped = errors.New("stopped by a test")

// addParts adds the parts of a staged batch from one on, and ends it.
func (s *Store) addParts(ctx context.Context, b *models.UsageBatch, from int) error {
	parts := partsOf(b)
	for i := from; i < parts; i++ {
		if s.stopAdding != nil && s.stopAdding(i) {
			return errStopped
		}
		err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			pool, ctx := db.Statement.ConnPool, context.WithoutCancel(ctx)
			if err := addBatch(ctx, pool, partOf(b, i)); err != nil {
				return err
			}
			next := `UPDATE staged_usage SET added = added + 1 WHERE holder = ? AND added = ?`
			if i == parts-1 {
				next = `DELETE FROM staged_usage WHERE holder = ? AND added = ?`
			}
			done, err := pool.ExecContext(ctx, next, theHolder, i)
			if err != nil {
				return err
			}
			if n, err := done.RowsAffected(); err != nil || n != 1 {
				return errors.Join(err, fmt.Errorf("part %d of staged usage is not the next one", i))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("part %d of %d: %w", i+1, parts, err)
		}
	}
	s.stagedUsage.Store(false)
	return nil
}
