package wire

import (
	"errors"
	"os"
	"sync"
	"time"
)

// deadline is when reading or writing a connection ends. net/http and the handlers behind it set one several times a request, and take it away again, while
// hardly any is ever reached. Each time costs a timer of the runtime, so that what is wanted is only noted here, and the connection is told of it where that
// makes a difference: when somebody begins to wait, or waits, and nothing as early was told before. A deadline that was told and is reached too early is told anew.
type deadline struct {
	tell   func(time.Time) error // the connection
	strict bool                  // it is told of each at once: it does not survive one that is too early

	mu      sync.Mutex
	wanted  time.Time // zero: none
	told    time.Time // zero: none
	waiting int       // how many do
}

// set notes when to end. It is called by whoever, also while somebody waits.
func (d *deadline) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if d.strict || d.waiting > 0 && comesBefore(t, d.told) {
		return d.pass()
	}
	return nil
}

// begin is called before somebody waits. Exact: for something that does not call end, or cannot go on behind it.
func (d *deadline) begin(exact bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting++
	if comesBefore(d.wanted, d.told) || exact && !d.wanted.Equal(d.told) {
		return d.pass()
	}
	return nil
}

// end is called behind that, with the error that it ended with. It returns true if that says that the time was up, and it is not.
func (d *deadline) end(err error) (early bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting--
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !d.wanted.IsZero() && !time.Now().Before(d.wanted) {
		return false
	}
	return d.pass() == nil
}

func (d *deadline) pass() error {
	d.told = d.wanted
	return d.tell(d.wanted)
}

// comesBefore reports whether a deadline is earlier than another one. The zero time is none, which is the latest.
func comesBefore(t, other time.Time) bool {
	return !t.IsZero() && (other.IsZero() || t.Before(other))
}
