package receipt

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gatehouse/enforcement/requestid"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// Sizes of a ring's file, in bytes.
const (
	MinSize     = 1 << 20
	DefaultSize = 64 << 20
	MaxSize     = 4 << 30
)

// What a key may leave: so many receipts at once, and then one a second.
const (
	refusalBurst   = 100
	admissionBurst = 10
	keyRate        = 1
)

// Place is where a receipt is to be written. The zero Place is none.
type Place struct {
	position uint64
	part     uint8 // 1 + its index in Ring.parts
}

// IsSet reports whether p is a place.
func (p Place) IsSet() bool { return p.part != 0 }

// Ring is open for writing and reading. All methods are safe for concurrent use. After Close nothing is written any more, and no receipt is there.
type Ring struct {
	file  *os.File
	data  []byte
	names *requestid.Names
	parts [2]part // refusals, admissions
}

const (
	refusals = iota
	admissions
)

// part is a ring by itself.
type part struct {
	data  []byte // of slots
	slots uint64
	share limit.Bucket // of one key
	next  atomic.Uint64
	cells [cells]cell
	locks [locks]lock
}

const (
	cells = 1 << 16
	locks = 64
)

// cell is what some keys have left of their share, and where the newest receipt of one of them is.
type cell struct {
	tat  atomic.Int64
	last atomic.Uint64 // position; 0: none
}

// lock guards every 64th slot. Its padding keeps two of them off one cache line.
type lock struct {
	sync.Mutex
	closed bool // the slots are not mapped any more
	_      [55]byte
}

// Refusal says whether the refusal of a key's request leaves a receipt. Now is in nanoseconds on a clock that does not go back.
func (r *Ring) Refusal(key models.KeyID, now int64) (Place, bool) { return r.place(refusals, key, now) }

// Admission is Refusal for a request that passed.
func (r *Ring) Admission(key models.KeyID, now int64) (Place, bool) {
	return r.place(admissions, key, now)
}

func (r *Ring) place(i uint8, key models.KeyID, now int64) (Place, bool) {
	p := &r.parts[i]
	if !p.cell(key).take(p.share, now) {
		return Place{}, false
	}
	return Place{p.next.Add(1) - 1, i + 1}, true
}

// cell is the one of a key: the upper bits of a product are spread well (Knuth, multiplicative hashing).
func (p *part) cell(key models.KeyID) *cell { return &p.cells[uint64(key)*0x9e3779b97f4a7c15>>(64-16)] }

func (c *cell) take(b limit.Bucket, now int64) bool {
	for {
		old := c.tat.Load()
		next, ok, _ := b.Look(old, now)
		if !ok || c.tat.CompareAndSwap(old, next) {
			return ok
		}
	}
}

// Name writes the id of the request whose receipt is at p, and which came in a Unix second: that of the receipt's At.
func (r *Ring) Name(p Place, second int64, to *[16]byte) {
	r.names.Write(requestid.ID{Part: p.part, Second: uint32(second), Number: p.position}, to)
}

// Names makes the ids of requests without a receipt.
func (r *Ring) Names() *requestid.Names { return r.names }

// placeOf is the place that an id names; ok is false for one that Name never wrote.
func (r *Ring) placeOf(id string) (p Place, ok bool) {
	name, ok := r.names.Read(id)
	if !ok || int(name.Part) > len(r.parts) || name.Number >= r.parts[name.Part-1].next.Load() {
		return Place{}, false
	}
	return Place{name.Number, name.Part}, true
}

// Write keeps a receipt at its place, but for its ID, which the place is. Written again it takes the place of what was there; if another receipt has that
// slot by then, nothing happens.
func (r *Ring) Write(at Place, in *models.Receipt) {
	p := &r.parts[at.part-1]
	s, l := p.slot(at.position), p.lock(at.position)
	l.Lock()
	defer l.Unlock()
	if l.closed {
		return
	}
	switch held := s.position(); {
	case held > at.position:
		return
	case held == at.position:
		s.encode(in, at.position, s.before())
	default:
		s.encode(in, at.position, p.cell(in.KeyID).last.Swap(at.position))
	}
}

func (p *part) slot(position uint64) slot {
	at := position % p.slots * slotSize
	return slot(p.data[at : at+slotSize])
}

// lock is the one of a position's slot: whoever comes to that slot a round later takes the same.
func (p *part) lock(position uint64) *lock { return &p.locks[position%p.slots%locks] }

var errGone = models.Gone("The receipt of this request is not kept any more: newer ones took its place. The request is still counted in usage.")

// Receipt implements models.Receipts.
func (r *Ring) Receipt(id string) (out models.Receipt, err error) {
	at, ok := r.placeOf(id)
	if !ok {
		return out, models.NotFound("request")
	}
	if _, ok = r.read(at, &out); !ok {
		return models.Receipt{}, errGone
	}
	out.ID = id
	return out, nil
}

// read reads the receipt at a place, if it is there still, and the position of an earlier one of its cell.
func (r *Ring) read(at Place, out *models.Receipt) (before uint64, ok bool) {
	p := &r.parts[at.part-1]
	s, l := p.slot(at.position), p.lock(at.position)
	l.Lock()
	defer l.Unlock()
	if l.closed || s.position() != at.position || !s.decode(out) {
		return 0, false
	}
	var id [16]byte
	r.Name(at, out.At.Unix(), &id)
	out.ID = hex.EncodeToString(id[:])
	return s.before(), true
}

// maxSteps bounds how far Refusals looks where many keys share a cell.
const maxSteps = 1000

// Refusals implements models.Receipts. It follows the chain of the key's cell, and so costs the same however large the ring is.
func (r *Ring) Refusals(key models.KeyID, n int) (out []models.Receipt) {
	at := Place{r.parts[refusals].cell(key).last.Load(), refusals + 1}
	for range maxSteps {
		if at.position == 0 || len(out) == n {
			break
		}
		var one models.Receipt
		before, ok := r.read(at, &one)
		if !ok {
			break
		}
		if one.KeyID == key {
			out = append(out, one)
		}
		at.position = before
	}
	return out
}

// Close writes everything to the disk. Pages that are still being made then find nothing.
func (r *Ring) Close() error {
	for i := range r.parts {
		for j := range r.parts[i].locks {
			l := &r.parts[i].locks[j]
			l.Lock()
			l.closed = true
			l.Unlock()
		}
	}
	err := unix.Msync(r.data, unix.MS_SYNC)
	if err = errors.Join(err, unix.Munmap(r.data), r.file.Close()); err != nil {
		return fmt.Errorf("close the receipts: %w", err)
	}
	return nil
}
