package enforcement

import "sync/atomic"

// inboxSize is how many keys can be about to run out of rights at once without one having to say it again.
const inboxSize = 1 << 12

// inbox takes numbers from many and gives them to one, without a lock. It may refuse one, never lose one.
type inbox struct {
	slots []atomic.Uint64
	next  atomic.Uint64
}

func newInbox() *inbox { return &inbox{slots: make([]atomic.Uint64, inboxSize)} }

// put returns false if there was no room. Numbers are not 0.
func (b *inbox) put(n uint64) bool {
	return b.slots[b.next.Add(1)%inboxSize].CompareAndSwap(0, n)
}

// drain takes out everything that was put in before the call.
func (b *inbox) drain(fn func(n uint64)) {
	for i := range b.slots {
		if b.slots[i].Load() != 0 {
			fn(b.slots[i].Swap(0))
		}
	}
}
