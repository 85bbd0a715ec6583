package keyring

import "sync/atomic"

// table maps hashes to references: open addressing with linear probing. One writer at a time, any number of readers.
//
// A slot holds 38 bits of the hash and a reference+1 in 26. The place of a slot is taken from those same bits, so that a table can grow
// without the entries; at a million keys 17 bits are left to tell a stranger from a candidate.
type table struct {
	slots []atomic.Uint64 // a power of two of them, at least one empty
	used  int             // slots that are not empty, removed ones included
	live  int
}

const (
	refBits = 26
	refMask = 1<<refBits - 1
	maxKeys = refMask - 1 // 67 million

	emptySlot = 0
	// removedSlot is passed over by readers and used again by the writer. No reference is refMask-1, so it is none's.
	removedSlot = refMask

	smallestTable = 1 << 8
)

func newTable(size int) *table { return &table{slots: make([]atomic.Uint64, size)} }

func (t *table) start(hash uint64) int { return int(hash >> refBits & uint64(len(t.slots)-1)) }
func (t *table) after(i int) int       { return (i + 1) & (len(t.slots) - 1) }

// seek returns the next reference at or after place i that may be of hash, and the place behind it. An empty slot ends the search.
func (t *table) seek(hash uint64, i int) (ref uint32, next int, ok bool) {
	for ; ; i = t.after(i) {
		slot := t.slots[i].Load()
		if slot == emptySlot {
			return 0, 0, false
		}
		if (slot^hash)>>refBits == 0 && slot != removedSlot {
			return uint32(slot&refMask) - 1, t.after(i), true
		}
	}
}

// add must not be called on a full table.
func (t *table) add(hash uint64, ref uint32) {
	i := t.start(hash)
	for slot := t.slots[i].Load(); slot != emptySlot && slot != removedSlot; slot = t.slots[i].Load() {
		i = t.after(i)
	}
	if t.slots[i].Load() == emptySlot {
		t.used++
	}
	t.live++
	t.slots[i].Store(hash&^refMask | uint64(ref+1))
}

func (t *table) remove(hash uint64, ref uint32) {
	for i := t.start(hash); ; i = t.after(i) {
		switch t.slots[i].Load() {
		case emptySlot:
			return
		case hash&^refMask | uint64(ref+1):
			t.slots[i].Store(removedSlot)
			t.live--
			return
		}
	}
}

// isFull reports whether one more reference would fill more than three quarters.
func (t *table) isFull() bool { return (t.used+1)*4 > len(t.slots)*3 }

// grown returns a table with the live slots of t and room for as many again before it is half full, or so.
func (t *table) grown() *table {
	size := smallestTable
	for size < t.live*2 {
		size *= 2
	}
	larger := newTable(size)
	for i := range t.slots {
		if slot := t.slots[i].Load(); slot != emptySlot && slot != removedSlot {
			larger.add(slot, uint32(slot&refMask)-1)
		}
	}
	return larger
}
