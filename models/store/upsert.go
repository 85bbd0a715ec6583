package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// upsertRows is how many rows go into the database by one statement: enough that the driver's work per statement does not count.
const upsertRows = 32

// upsert is an INSERT of many rows.
type upsert struct {
	head, row, tail string
	width           int
}

func newUpsert(head string, width int, tail string) upsert {
	return upsert{head: head + " VALUES ", row: "(?" + strings.Repeat(", ?", width-1) + ")", tail: " " + tail, width: width}
}

// run adds rows of the width, one after the other in values.
func (u *upsert) run(ctx context.Context, db gorm.ConnPool, values []any) error {
	for chunk := range slices.Chunk(values, upsertRows*u.width) {
		n := len(chunk) / u.width
		if _, err := db.ExecContext(ctx, u.head+strings.Repeat(u.row+", ", n-1)+u.row+u.tail, chunk...); err != nil {
			return fmt.Errorf("%s: %w", u.head, err)
		}
	}
	return nil
}
