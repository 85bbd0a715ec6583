package store

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm/clause"
)

// BindKeyring ties the database to its keyring the first time, and later refuses any other: with another one no key would be found and no sealed value
// could be read.
func (s *Store) BindKeyring(ctx context.Context) error {
	var known []string
	if err := s.read.WithContext(ctx).Table("settings").Where("name = ?", "keyring").Pluck("value", &known).Error; err != nil {
		return fmt.Errorf("read keyring's name: %w", err)
	}
	if len(known) == 1 && slices.Contains(s.keyring.Fingerprints(), known[0]) {
		return nil
	}
	if len(known) == 1 {
		return fmt.Errorf("this keyring (%s) is not the one that the database was made with (%s): name the right one with --keyring", s.keyring.Fingerprint(), known[0])
	}
	err := s.write.WithContext(ctx).Table("settings").Clauses(clause.OnConflict{DoNothing: true}).
		Create(map[string]any{"name": "keyring", "value": s.keyring.Fingerprint()}).Error
	if err != nil {
		return fmt.Errorf("note keyring's name: %w", err)
	}
	return nil
}
