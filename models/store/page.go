package store

import (
	"math"
	"strconv"
	"strings"

	"gatehouse/models"
)

// Pages of a list hold defaultLimit items unless the caller says otherwise, and never more than maxLimit.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// limitOf returns how many items the page holds. Queries ask for one more, so that cut can tell whether there is another page.
func limitOf(p models.Page) int {
	if p.Limit <= 0 {
		return defaultLimit
	}
	return min(p.Limit, maxLimit)
}

// cursor is the place of the last item of a page in a list that is ordered by two numbers, the second one unique (time and id, or a
// count and an id). Lists go on behind it, so that a page costs the same wherever it lies and a new row moves none to another page.
type cursor struct{ sort, id int64 }

// String is the form of Page.After and List.Next.
func (c cursor) String() string {
	return strconv.FormatInt(c.sort, 36) + "." + strconv.FormatInt(c.id, 36)
}

// errCursor says that Page.After was not made here; field "after".
var errCursor = models.Invalid("after", "This place in the list does not exist. Begin at the first page.")

// parseCursor reads Page.After; ok is false for the first page.
func parseCursor(after string) (c cursor, ok bool, err error) {
	if after == "" {
		return cursor{}, false, nil
	}
	sort, id, _ := strings.Cut(after, ".")
	var sortErr, idErr error
	c.sort, sortErr = strconv.ParseInt(sort, 36, 64)
	c.id, idErr = strconv.ParseInt(id, 36, 64)
	if sortErr != nil || idErr != nil {
		return cursor{}, false, errCursor
	}
	return c, true, nil
}

// newestFirst returns the bounds of a list in descending order: its rows are those with (sort, id) < (c.sort, c.id). The first page has
// bounds too, so that one query serves all pages and starts in the index.
func newestFirst(p models.Page) (cursor, error) {
	c, ok, err := parseCursor(p.After)
	if err == nil && !ok {
		c = cursor{sort: math.MaxInt64, id: math.MaxInt64}
	}
	return c, err
}

// cut makes a list of rows that were asked for with limitOf(p)+1: the row too many says that there is a next page.
func cut[R, T any](rows []R, p models.Page, at func(R) cursor, item func(R) T) models.List[T] {
	var next string
	if limit := limitOf(p); len(rows) > limit {
		rows = rows[:limit]
		next = at(rows[limit-1]).String()
	}
	list := models.List[T]{Items: make([]T, len(rows)), Next: next}
	for i, r := range rows {
		list.Items[i] = item(r)
	}
	return list
}

// prefixRange returns the bounds of the texts that begin with prefix, for `column >= low AND column < high`. Unlike LIKE it needs no
// escaping and always uses the index; whether case matters is the column's collation. (U+10FFFF is the last code point and no character.)
func prefixRange(prefix string) (low, high string) {
	return prefix, prefix + "\U0010FFFF"
}
