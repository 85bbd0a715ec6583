package recording

import (
	"errors"
	"fmt"
	"os"

	"gatehouse/models"
)

// settled is after how many seconds nothing more is expected of a second: the gateway commits each second, and refusals a second late.
const settled = 3

// tail is the end of the recording: arrivals in the order in which they came, in a file and in memory.
type tail struct {
	tailHeader
	number   uint64
	path     string
	file     *os.File
	size     int64 // of its whole blocks
	lost     int64
	to       models.JournalPosition // of the last block
	until    int64                  // nothing is missing to this second; for one that is to become a segment
	arrivals []models.Arrival
}

// createTail makes a tail file that begins with carried arrivals; usage is committed up to at.
func createTail(path string, number uint64, h tailHeader, at models.JournalPosition, carried []models.Arrival) (*tail, error) {
	b := (&block{from: at, to: at, arrivals: carried}).append(h.append(nil))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(b); err != nil {
		_ = os.Remove(path) // else it is found at the next start, and cut
		return nil, errors.Join(err, f.Close())
	}
	return &tail{tailHeader: h, number: number, path: path, file: f, size: int64(len(b)), to: at, arrivals: carried}, nil
}

// openTail reads the tail that an earlier process left, and cuts off what is not whole or was not committed.
func openTail(path string, number uint64, committed models.JournalPosition) (t *tail, cut int64, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	t = &tail{number: number, path: path, size: tailHeaderSize}
	if t.tailHeader, err = parseTailHeader(b); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	for {
		k, size := parseBlock(b[t.size:], t.arrivals)
		if size == 0 || after(k.to, committed) {
			break
		}
		t.size += int64(size)
		t.lost += k.lost
		t.to, t.arrivals = k.to, k.arrivals
	}
	if t.file, err = os.OpenFile(path, os.O_RDWR, 0o600); err != nil {
		return nil, 0, err
	}
	if cut = int64(len(b)) - t.size; cut > 0 {
		if err := t.file.Truncate(t.size); err != nil {
			return nil, 0, errors.Join(err, t.file.Close())
		}
	}
	return t, cut, nil
}

// append writes a block.
func (t *tail) append(k *block, encoded []byte) error {
	if _, err := t.file.WriteAt(encoded, t.size); err != nil {
		return err
	}
	t.size += int64(len(encoded))
	t.lost += k.lost
	t.to = k.to
	t.arrivals = append(t.arrivals, k.arrivals...)
	return nil
}

// mark is a place in a tail to go back to.
type mark struct {
	size  int64
	count int
	lost  int64
	to    models.JournalPosition
}

func (t *tail) mark() mark { return mark{t.size, len(t.arrivals), t.lost, t.to} }

// back forgets what was appended since. What stays in the file is overwritten, or cut at the next start for its position.
func (t *tail) back(to mark) error {
	t.size, t.arrivals, t.lost, t.to = to.size, t.arrivals[:to.count], to.lost, to.to
	return t.file.Truncate(t.size)
}

// last is the latest second that it knows of.
func (t *tail) last() int64 {
	last := t.begins
	for i := range t.arrivals {
		last = max(last, t.arrivals[i].Second)
	}
	return last
}

// split says where the next tail should begin, and returns what is for each.
func (t *tail) split() (begins int64, settledOnes, carried []models.Arrival) {
	last := t.last()
	begins = last - settled
	if settledOnes, carried = splitAt(t.arrivals, begins); len(carried) > len(settledOnes) {
		return last, t.arrivals, nil // all of it is of these few seconds: the tail would never shrink
	}
	return begins, settledOnes, carried
}

// splitAt returns the arrivals up to a second, and those after it.
func splitAt(all []models.Arrival, begins int64) (before, later []models.Arrival) {
	for i := range all {
		if all[i].Second <= begins {
			before = append(before, all[i])
		} else {
			later = append(later, all[i])
		}
	}
	return before, later
}

func after(a, b models.JournalPosition) bool {
	return a.Segment > b.Segment || a.Segment == b.Segment && a.Offset > b.Offset
}
