package recording

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"gatehouse/models"
)

// A tail file is a header and blocks. The header says after which second the tail begins: what the tail before it has of later seconds stands here again.
//
//	header  magic 8 | begins i64 | since i64 | checksum u32
//	block   length u32 | checksum u32 | from 16 | to 16 | lost | count | arrivals
//
// Fixed numbers are little-endian, the others varints. Checksums are CRC-32C.
const (
	tailMagic       = "GHtail\x00\x01"
	tailHeaderSize  = 8 + 8 + 8 + 4
	blockHeaderSize = 8
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = errors.New("damaged")
)

// tailHeader is how a tail begins, in Unix seconds.
type tailHeader struct {
	begins int64 // it has no arrivals of this second and before, but for stragglers
	since  int64 // nothing is missing from this second on
}

func (h tailHeader) append(b []byte) []byte {
	start := len(b)
	b = append(b, tailMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.begins))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.since))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

func parseTailHeader(b []byte) (h tailHeader, err error) {
	if len(b) < tailHeaderSize || string(b[:8]) != tailMagic || crc32.Checksum(b[:tailHeaderSize-4], castagnoli) != binary.LittleEndian.Uint32(b[tailHeaderSize-4:]) {
		return h, errDamaged
	}
	return tailHeader{int64(binary.LittleEndian.Uint64(b[8:])), int64(binary.LittleEndian.Uint64(b[16:]))}, nil
}

// block is what one Add brought.
type block struct {
	from, to models.JournalPosition
	lost     int64 // requests before it that could not be written
	arrivals []models.Arrival
}

func (k *block) append(b []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, blockHeaderSize)...)
	for _, n := range []uint64{k.from.Segment, k.from.Offset, k.to.Segment, k.to.Offset} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = binary.AppendUvarint(b, uint64(k.lost))
	b = binary.AppendUvarint(b, uint64(len(k.arrivals)))
	second := int64(0)
	for i := range k.arrivals {
		a := &k.arrivals[i]
		for _, id := range []int64{int64(a.KeyID), int64(a.PlanID), int64(a.StageID), int64(a.MethodID)} {
			b = binary.AppendUvarint(b, uint64(id))
		}
		b = binary.AppendVarint(b, a.Second-second)
		second = a.Second
		b = appendCounts(b, a)
	}
	body := b[start+blockHeaderSize:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(body, castagnoli))
	return b
}

// parseBlock reads the block that b begins with; its arrivals are appended to into. size is 0 at the end of what is whole.
func parseBlock(b []byte, into []models.Arrival) (k block, size int) {
	if len(b) < blockHeaderSize {
		return k, 0
	}
	length := uint64(binary.LittleEndian.Uint32(b))
	if length < 32 || length > uint64(len(b)-blockHeaderSize) {
		return k, 0
	}
	body := b[blockHeaderSize : blockHeaderSize+length]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return k, 0
	}
	position := func(at int) models.JournalPosition {
		return models.JournalPosition{Segment: binary.LittleEndian.Uint64(body[at:]), Offset: binary.LittleEndian.Uint64(body[at+8:])}
	}
	k.from, k.to = position(0), position(16)
	r := reader{b: body[32:]}
	k.lost, k.arrivals = r.count(), into
	second := int64(0)
	for n := r.count(); n > 0 && !r.bad; n-- {
		var a models.Arrival
		a.KeyID, a.PlanID = models.KeyID(r.count()), models.PlanID(r.count())
		a.StageID, a.MethodID = models.StageID(r.count()), models.MethodID(r.count())
		second += r.signed()
		a.Second = second
		r.counts(&a)
		k.arrivals = append(k.arrivals, a)
	}
	if r.bad {
		return block{}, 0
	}
	return k, blockHeaderSize + int(length)
}

func appendCounts(b []byte, a *models.Arrival) []byte {
	for _, n := range []int64{a.Admitted, a.Throttled, a.OverQuota, a.Failed} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// reader reads varints; what is not there is 0 and makes it bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) count() int64 {
	if len(r.b) > 0 && r.b[0] < 0x80 { // nearly all
		n := int64(r.b[0])
		r.b = r.b[1:]
		return n
	}
	return r.long()
}

func (r *reader) long() int64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || int64(n) < 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[size:]
	return int64(n)
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) counts(a *models.Arrival) {
	a.Admitted, a.Throttled, a.OverQuota, a.Failed = r.count(), r.count(), r.count(), r.count()
}
