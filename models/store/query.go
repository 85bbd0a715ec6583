package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// changeOwn is change for use cases that make things which belong to the actor: only somebody with an account can have any.
func (s *Store) changeOwn(ctx context.Context, actor models.Actor, now time.Time, fn func(*tx) error) error {
	if actor.AccountID == 0 {
		return models.Denied("Only somebody with an account can do this.")
	}
	return s.change(ctx, actor, now, fn)
}

// selectAll reads the rows of a query; what names them in a fault.
func selectAll[R any](db *gorm.DB, what, query string, args ...any) ([]R, error) {
	var rows []R
	if err := db.Raw(query, args...).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return rows, nil
}

// selectOne reads the one row of a query; without one it answers that there is no such thing.
func selectOne[R any](db *gorm.DB, what, query string, args ...any) (row R, err error) {
	rows, err := selectAll[R](db, what, query, args...)
	switch {
	case err != nil:
		return row, err
	case len(rows) == 0:
		return row, models.NotFound(what)
	}
	return rows[0], nil
}

// run executes a statement; doing says what for, in a fault.
func (t *tx) run(doing, statement string, args ...any) error {
	if err := t.Exec(statement, args...).Error; err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// runMany executes a statement for each set of values; doing says what for, in a fault.
func (t *tx) runMany(doing, statement string, values [][]any) error {
	if len(values) == 0 {
		return nil
	}
	ctx := t.Statement.Context
	prepared, err := t.Statement.ConnPool.PrepareContext(ctx, statement)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer prepared.Close()
	for _, v := range values {
		if _, err := prepared.ExecContext(ctx, v...); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	return nil
}

// nullID stores an id; the zero id is NULL.
func nullID[T any](id models.ID[T]) sql.NullInt64 {
	return sql.NullInt64{Int64: int64(id), Valid: id != 0}
}

// nullText stores a text; the empty text is NULL.
func nullText(text string) sql.NullString {
	return sql.NullString{String: text, Valid: text != ""}
}

// facts is what an event tells of a thing before or after.
type facts map[string]any

// groupBy orders rows by a key of theirs, keeping their order.
func groupBy[K comparable, R any](rows []R, key func(R) K) map[K][]R {
	groups := make(map[K][]R)
	for _, r := range rows {
		groups[key(r)] = append(groups[key(r)], r)
	}
	return groups
}
