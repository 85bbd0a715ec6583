package store

import (
	"errors"
	"slices"

	"gorm.io/gorm"

	"gatehouse/models"
)

// SQLite's extended result codes of broken constraints (https://www.sqlite.org/rescode.html).
const (
	codeUnique     = 2067
	codePrimaryKey = 1555
	codeForeignKey = 787
)

// isDuplicate reports whether a unique index refused the row. gorm translates the error of the cgo driver only, so the code is asked too.
func isDuplicate(err error) bool {
	return errors.Is(err, gorm.ErrDuplicatedKey) || hasCode(err, codeUnique, codePrimaryKey)
}

// isForeign reports whether a row was refused because what it refers to is not there (any more).
func isForeign(err error) bool {
	return errors.Is(err, gorm.ErrForeignKeyViolated) || hasCode(err, codeForeignKey)
}

func hasCode(err error, codes ...int) bool {
	var coded interface{ Code() int }
	return errors.As(err, &coded) && slices.Contains(codes, coded.Code())
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

// conflictAt is a conflict that a form shows at one of its fields.
func conflictAt(field, message string) *models.Error {
	return &models.Error{Kind: models.KindConflict, Message: message, Fields: map[string]string{field: message}}
}
