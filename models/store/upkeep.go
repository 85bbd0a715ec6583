package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// Schema returns the number of the newest migration that the database has.
func (s *Store) Schema(ctx context.Context) (int64, error) {
	pool, err := s.read.DB()
	if err != nil {
		return 0, err
	}
	return schemaOf(ctx, pool)
}

// Check reads the whole database and returns all damage that SQLite finds: broken pages, broken indexes, rows that refer to nothing.
func (s *Store) Check(ctx context.Context) error { return soundness(ctx, s.read) }

func soundness(ctx context.Context, db *gorm.DB) error {
	var lines []string
	if err := db.WithContext(ctx).Raw("PRAGMA integrity_check(20)").Scan(&lines).Error; err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	var problems []error
	for _, line := range lines {
		if line != "ok" {
			problems = append(problems, fmt.Errorf("database: %s", line))
		}
	}
	var orphans int64
	if err := db.WithContext(ctx).Raw("SELECT count(*) FROM pragma_foreign_key_check").Scan(&orphans).Error; err != nil {
		return fmt.Errorf("check references: %w", err)
	}
	if orphans > 0 {
		problems = append(problems, fmt.Errorf("database: %d rows refer to rows that do not exist", orphans))
	}
	return errors.Join(problems...)
}
