package requestlog

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
)

// A block, little-endian. Its summary is read without its body.
//
//	magic u32, size of the summary u32, size of the body u32, entries u32, first time i64, last time i64, outcomes u32, checksum of the body u32
//	Bloom filter
//	checksum of the summary u32
//	body: strings: how many, their sizes, their bytes | ids: how many, each 8 bytes | records: size, record
const (
	blockMagic  = 0x4c524847 // "GHRL"
	blockHead   = 4*4 + 2*8 + 2*4
	maxBloom    = 1 << 16
	maxBody     = 64 << 20
	bloomBits   = 10 // for each thing
	bloomHashes = 5
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = errors.New("damaged")
	errTorn    = errors.New("torn: its end is missing")
)

// summary is what is known of a block without reading it.
type summary struct {
	at          int64 // in its segment
	size        int64 // of all of it
	body        int64 // where that begins
	count       int
	first, last int64 // times of requests, Unix nanoseconds
	outcomes    uint32
	sum         uint32 // of the body
	bloom       []byte
}

// mayHold is false where the block certainly has no entry with that.
func (s *summary) mayHold(thing uint64) bool {
	n := uint64(len(s.bloom)) * 8
	if n == 0 {
		return true
	}
	for step, h := bloomHash(thing); step.left > 0; step.left-- {
		if bit := h % n; s.bloom[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
		h += step.by
	}
	return true
}

type bloomStep struct {
	left int
	by   uint64
}

// bloomHash begins a walk over the bits of a thing (double hashing; Kirsch and Mitzenmacher).
func bloomHash(thing uint64) (bloomStep, uint64) {
	h := thing * 0x9e3779b97f4a7c15
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return bloomStep{bloomHashes, h>>17 | 1}, h
}

func addTo(bloom []byte, thing uint64) {
	n := uint64(len(bloom)) * 8
	for step, h := bloomHash(thing); step.left > 0; step.left-- {
		bit := h % n
		bloom[bit/8] |= 1 << (bit % 8)
		h += step.by
	}
}

// What a Bloom filter holds beside ids, which are larger than all of these.
func statusThing(status int) uint64 { return uint64(status) }

// classThing is 200..299 and so on.
func classThing(status int) uint64 { return 1<<20 + uint64(status/100) }

func verbThing(verb string) uint64 {
	h := uint64(0)
	for _, b := range []byte(verb) {
		h = h*31 + uint64(b)
	}
	return 1<<40 | h&(1<<40-1)
}

// packer makes blocks of records.
type packer struct {
	strings map[string]int64
	bytes   []byte
	sizes   []byte
	ids     map[int64]int64
	idBytes []byte
	things  map[uint64]struct{}
	records []byte
	record  []byte
}

func newPacker() *packer {
	return &packer{strings: map[string]int64{}, ids: map[int64]int64{}, things: map[uint64]struct{}{}}
}

func (p *packer) reset() {
	clear(p.strings)
	clear(p.ids)
	clear(p.things)
	p.bytes, p.sizes, p.idBytes, p.records = p.bytes[:0], p.sizes[:0], p.idBytes[:0], p.records[:0]
	p.idOf(0)
}

func (p *packer) u(v int64) { p.record = binary.AppendUvarint(p.record, uint64(v)) }

func (p *packer) str(s []byte) {
	i, found := p.strings[string(s)]
	if !found {
		i = int64(len(p.strings))
		p.strings[string(s)] = i
		p.bytes = append(p.bytes, s...)
		p.sizes = binary.AppendUvarint(p.sizes, uint64(len(s)))
	}
	p.u(i)
}

func (p *packer) idOf(id int64) int64 {
	i, found := p.ids[id]
	if !found {
		i = int64(len(p.ids))
		p.ids[id] = i
		p.idBytes = binary.LittleEndian.AppendUint64(p.idBytes, uint64(id))
	}
	return i
}

// block makes one of raw records, which are whole.
func (p *packer) block(records []byte, count int) (out []byte, s summary) {
	p.reset()
	s = summary{count: count, first: math.MaxInt64}
	for b := records; len(b) > 0; {
		_, b = cutRecord(b, func(r *reader) { s.first = min(s.first, r.time()) })
	}
	for b := records; len(b) > 0; {
		_, b = cutRecord(b, func(r *reader) {
			p.record = p.record[:0]
			p.pack(r, &s)
			p.records = binary.AppendUvarint(p.records, uint64(len(p.record)))
			p.records = append(p.records, p.record...)
		})
	}
	bloom := make([]byte, min(len(p.things)*bloomBits/8+8, maxBloom))
	for thing := range p.things {
		addTo(bloom, thing)
	}
	body := binary.AppendUvarint(nil, uint64(len(p.strings)))
	body = append(append(body, p.sizes...), p.bytes...)
	body = binary.AppendUvarint(body, uint64(len(p.ids)))
	body = append(append(body, p.idBytes...), p.records...)
	s.bloom, s.sum = bloom, crc32.Checksum(body, castagnoli)
	out = s.encode(len(body))
	s.body, s.size = int64(len(out)), int64(len(out)+len(body))
	return append(out, body...), s
}

// pack copies one record, and adds it to the summary.
func (p *packer) pack(r *reader, s *summary) {
	at := r.time()
	s.last = max(s.last, at)
	p.u(at - s.first)
	outcome := r.byte()
	s.outcomes |= 1 << (outcome & 31)
	p.record = append(p.record, outcome)
	status := r.u()
	p.things[statusThing(int(status))], p.things[classThing(int(status))] = struct{}{}, struct{}{}
	p.u(status)
	for range 3 { // timings
		p.u(r.u())
	}
	for range 6 { // ids
		id := int64(r.fixed())
		p.things[uint64(id)] = struct{}{}
		p.u(p.idOf(id))
	}
	verb := r.text()
	p.things[verbThing(string(verb))] = struct{}{}
	p.str(verb)
	p.str(r.text()) // path
	p.record = append(p.record, r.take(16)...)
	p.u(r.u()) // plan's version
	p.str(r.text())
	p.str(r.text())
	p.u(r.u()) // since
	p.record = append(p.record, r.byte())
	p.u(r.u()) // retry after
	applies := r.byte()
	p.record = append(p.record, applies, r.byte())
	for ; applies != 0; applies &= applies - 1 {
		p.record = append(p.record, r.take(8)...)
		for range 3 {
			p.u(r.u())
		}
	}
	for range 3 { // sizes
		p.u(r.u())
	}
	for range 3 { // query, address, agent
		p.str(r.text())
	}
	for range 2 {
		n := r.byte()
		p.record = append(p.record, n)
		for range n {
			p.str(r.text())
			shown := r.byte()
			p.record = append(p.record, shown)
			if shown != 0 {
				p.str(r.text())
			}
		}
	}
}

// cutRecord calls fn with a reader of the first raw record behind its head, and returns when it ended, and what is behind it.
func cutRecord(b []byte, fn func(*reader)) (end int64, rest []byte) {
	size := int(binary.LittleEndian.Uint32(b)) + 4
	if fn != nil {
		fn(&reader{b: b[recordHead:size]})
	}
	return int64(binary.LittleEndian.Uint64(b[4:])), b[size:]
}

func (s *summary) encode(body int) []byte {
	size := blockHead + len(s.bloom) + 4
	b := make([]byte, 0, size+body)
	for _, v := range []uint32{blockMagic, uint32(size), uint32(body), uint32(s.count)} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(s.first))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.last))
	b = binary.LittleEndian.AppendUint32(b, s.outcomes)
	b = binary.LittleEndian.AppendUint32(b, s.sum)
	b = append(b, s.bloom...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// summarySize reads how long a summary is from its head.
func summarySize(head []byte) (int, error) {
	size := int(binary.LittleEndian.Uint32(head[4:]))
	if binary.LittleEndian.Uint32(head) != blockMagic || size < blockHead+4 || size > blockHead+maxBloom+4 {
		return 0, errDamaged
	}
	return size, nil
}

// parseSummary reads a whole summary.
func parseSummary(b []byte, at int64) (s summary, err error) {
	end := len(b) - 4
	if crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
		return s, errDamaged
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	body := int64(u32(8))
	s = summary{
		at: at, body: int64(len(b)), size: int64(len(b)) + body, count: int(u32(12)), first: int64(binary.LittleEndian.Uint64(b[16:])),
		last: int64(binary.LittleEndian.Uint64(b[24:])), outcomes: u32(32), sum: u32(36), bloom: b[blockHead:end],
	}
	if body > maxBody {
		return s, errDamaged
	}
	return s, nil
}

// unpacked is a block that was read: what its records share, and the records. It is used for one block after the other.
type unpacked struct {
	tables
	records [][]byte
}

// unpack finds the records of a body, which they go on to use.
func (t *unpacked) unpack(b []byte, s *summary) error {
	if crc32.Checksum(b, castagnoli) != s.sum {
		return errDamaged
	}
	r := reader{b: b}
	n := int(r.u())
	if n < 0 || n > len(b) {
		return errDamaged
	}
	sizes, total := reader{b: r.b}, 0
	for range n {
		total += int(r.u())
	}
	all := string(r.take(total)) // entries that are found keep parts of it
	t.base, t.strings = s.first, slices.Grow(t.strings[:0], n)
	for range n {
		size := int(sizes.u())
		if size < 0 || size > len(all) {
			return errDamaged
		}
		t.strings, all = append(t.strings, all[:size]), all[size:]
	}
	if n = int(r.u()); n < 0 || n > len(b) {
		return errDamaged
	}
	t.ids = slices.Grow(t.ids[:0], n)
	for range n {
		t.ids = append(t.ids, int64(r.fixed()))
	}
	t.records = t.records[:0]
	for range min(s.count, len(b)) {
		t.records = append(t.records, r.take(int(r.u())))
	}
	if r.bad {
		return errDamaged
	}
	return nil
}
