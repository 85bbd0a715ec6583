package requestlog

import (
	"cmp"
	"strconv"
	"strings"

	"gatehouse/models"
)

// place is between two entries: behind all before it. A block that is packed has the place at which it was open, so that places last.
type place struct {
	segment uint64
	block   int64 // where it begins in the segment
	entry   int   // how many of the block's entries are before
}

func (p place) String() string {
	return strconv.FormatUint(p.segment, 36) + "." + strconv.FormatInt(p.block, 36) + "." + strconv.FormatInt(int64(p.entry), 36)
}

// errPlace says that a cursor was not made here; field "before".
var errPlace = models.Invalid("before", "This place in the log does not exist. Begin at the first page.")

func parsePlace(s string) (p place, err error) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return p, errPlace
	}
	segment, err1 := strconv.ParseUint(parts[0], 36, 64)
	block, err2 := strconv.ParseInt(parts[1], 36, 64)
	entry, err3 := strconv.ParseInt(parts[2], 36, 32)
	if err1 != nil || err2 != nil || err3 != nil || block < 0 || entry < 0 {
		return p, errPlace
	}
	return place{segment, block, int(entry)}, nil
}

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.segment, o.segment), cmp.Compare(p.block, o.block), cmp.Compare(p.entry, o.entry))
}
