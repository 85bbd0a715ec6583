package store

import (
	"errors"

	"gorm.io/gorm"

	"gatehouse/models"
)

// SQLite's extended result codes of a broken unique constraint (https://www.sqlite.org/rescode.html).
const (
	codeUnique     = 2067
	codePrimaryKey = 1555
)

// isDuplicate reports whether a unique index refused the row. gorm translates the error of the cgo driver only, so the code is asked too.
func isDuplicate(err error) bool {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return true
	}
	var coded interface{ Code() int }
	return errors.As(err, &coded) && (coded.Code() == codeUnique || coded.Code() == codePrimaryKey)
}

// translate turns the driver's errors into the vocabulary where people caused them. Use cases that can say more do so before.
func translate(err error) error {
	switch {
	case models.KindOf(err) != models.KindNone:
		return err
	case errors.Is(err, gorm.ErrRecordNotFound):
		return models.NotFound("record")
	case isDuplicate(err):
		return models.Conflict("Somebody else has just made the same thing. Reload the page and try again.")
	}
	return err
}
