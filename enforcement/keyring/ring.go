package keyring

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"gatehouse/models"
)

const chunkSize = 512

type chunk [chunkSize]Entry

// Ring is all keys. The zero Ring is empty and ready; it must not be copied. It is safe for concurrent use.
type Ring struct {
	byDigest index
	byKey    index
	chunks   atomic.Pointer[[]*chunk]
	keys     atomic.Int64

	mu   sync.Mutex // held by the one change at a time, never by a look-up
	next uint32     // the first reference that was never used
	free []uint32
}

// Len is the number of keys.
func (r *Ring) Len() int { return int(r.keys.Load()) }

// Find returns the entry of the value with the digest, locked, and when that value stops working: 0 for never.
func (r *Ring) Find(whole *[32]byte) (e *Entry, stops int64, ok bool) {
	d := digestOf(whole)
	t, hash := r.byDigest.Load(), digestHash(&d)
	if t == nil {
		return nil, 0, false
	}
	for i := t.start(hash); ; {
		ref, next, ok := t.seek(hash, i)
		if !ok {
			return nil, 0, false
		}
		// The slot may have been read just before its value was taken away, and the entry may be another key's by now: what stands in the
		// entry under its lock decides.
		e := r.entry(ref)
		e.mu.Lock()
		if stops, ok := e.stopsOf(d); ok {
			return e, stops, true
		}
		e.mu.Unlock()
		i = next
	}
}

// ByKey returns the entry of a key, locked.
func (r *Ring) ByKey(id models.KeyID) (*Entry, bool) {
	e, _, ok := r.byID(id)
	return e, ok
}

func (r *Ring) byID(id models.KeyID) (e *Entry, ref uint32, ok bool) {
	t, hash := r.byKey.Load(), keyHash(id)
	if t == nil || id == 0 {
		return nil, 0, false
	}
	for i := t.start(hash); ; {
		ref, next, ok := t.seek(hash, i)
		if !ok {
			return nil, 0, false
		}
		e := r.entry(ref)
		e.mu.Lock()
		if e.key == id {
			return e, ref, true
		}
		e.mu.Unlock()
		i = next
	}
}

// Each calls fn with each key's entry, locked, in no order. Keys that come or go meanwhile may be missed.
func (r *Ring) Each(fn func(e *Entry)) {
	chunks := r.chunks.Load()
	if chunks == nil {
		return
	}
	for _, c := range *chunks {
		for i := range c {
			e := &c[i]
			e.mu.Lock()
			if e.key != 0 {
				fn(e)
			}
			e.mu.Unlock()
		}
	}
}

func (r *Ring) entry(ref uint32) *Entry {
	return &(*r.chunks.Load())[ref/chunkSize][ref%chunkSize]
}

// allocate returns the reference of a free entry.
func (r *Ring) allocate() uint32 {
	if n := len(r.free); n > 0 {
		ref := r.free[n-1]
		r.free = r.free[:n-1]
		return ref
	}
	if r.next == maxKeys {
		panic("keyring: more than 67 million keys")
	}
	ref := r.next
	r.next++
	if ref%chunkSize == 0 {
		var chunks []*chunk
		if old := r.chunks.Load(); old != nil {
			chunks = *old
		}
		// append may write behind the end of the slice that look-ups are reading: they do not look there.
		chunks = append(chunks, new(chunk))
		r.chunks.Store(&chunks)
	}
	return ref
}

// index is a table that grows. A look-up that reads on in the table of before a change ran before the change.
type index struct{ atomic.Pointer[table] }

func (x *index) add(hash uint64, ref uint32) {
	t := x.Load()
	if t == nil {
		t = newTable(smallestTable)
		x.Store(t)
	}
	if t.isFull() {
		t = t.grown()
		t.add(hash, ref)
		x.Store(t)
		return
	}
	t.add(hash, ref)
}

func (x *index) remove(hash uint64, ref uint32) {
	if t := x.Load(); t != nil {
		t.remove(hash, ref)
	}
}

// digestHash needs no mixing: a keyed hash is as good as random, and nobody outside can choose it.
func digestHash(d *digest) uint64 { return binary.LittleEndian.Uint64(d[:8]) }

// keyHash spreads an id over 64 bits (the finalizer of MurmurHash3).
func keyHash(id models.KeyID) uint64 {
	h := uint64(id)
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
