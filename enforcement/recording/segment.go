package recording

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"slices"

	"gatehouse/models"
)

// A segment file is a header, a part for each plan, and an index of the parts.
//
//	header  magic 8 | since i64 | until i64 | first i64 | last i64 | lost i64 | index at u64 | index length u32 | index checksum u32 | checksum u32
//	part    routes: count, (stage, method)… | keys: count, (key less the one before, count, first second, arrivals…)…
//	arrival seconds since the one before << 1 | plain, route; if not plain: the four counts
//	index   (plan, offset, length, checksum, arrivals)…, each u64
//
// A plain arrival is one admitted request. Keys ascend, and each key's arrivals are in the order of time.
const (
	segmentMagic      = "GHsegm\x00\x01"
	segmentHeaderSize = 8 + 6*8 + 3*4
	indexEntrySize    = 5 * 8
)

// segment is what is known of a segment file.
type segment struct {
	number      uint64
	size        int64
	since       int64 // nothing is missing from this second
	until       int64 // to this one; the next segment goes on behind it, or there is a gap
	first, last int64 // seconds
	lost        int64
	indexAt     int64
	indexSize   uint32
	indexSum    uint32
}

// part is where a plan's arrivals stand in a segment.
type part struct {
	plan     models.PlanID
	at, size int64
	sum      uint32
	arrivals int64
}

// order sorts arrivals as segments have them, and adds up those of one cell.
func order(all []models.Arrival) []models.Arrival {
	slices.SortFunc(all, func(a, b models.Arrival) int {
		return cmp.Or(cmp.Compare(a.PlanID, b.PlanID), cmp.Compare(a.KeyID, b.KeyID), cmp.Compare(a.Second, b.Second),
			cmp.Compare(a.StageID, b.StageID), cmp.Compare(a.MethodID, b.MethodID))
	})
	kept := 0
	for i := range all {
		if last := &all[max(0, kept-1)]; kept > 0 && same(last, &all[i]) {
			last.Admitted += all[i].Admitted
			last.Throttled += all[i].Throttled
			last.OverQuota += all[i].OverQuota
			last.Failed += all[i].Failed
			continue
		}
		all[kept] = all[i]
		kept++
	}
	return all[:kept]
}

func same(a, b *models.Arrival) bool {
	return a.Second == b.Second && a.KeyID == b.KeyID && a.MethodID == b.MethodID && a.StageID == b.StageID && a.PlanID == b.PlanID
}

// encodeSegment makes a segment file of arrivals in order; there is at least one.
func encodeSegment(s segment, all []models.Arrival) []byte {
	b := make([]byte, segmentHeaderSize, segmentHeaderSize+4*len(all))
	var index []byte
	s.first, s.last = math.MaxInt64, 0
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].PlanID == all[0].PlanID {
			n++
		}
		at := len(b)
		b = appendPart(b, all[:n])
		for _, v := range []uint64{uint64(all[0].PlanID), uint64(at), uint64(len(b) - at), uint64(crc32.Checksum(b[at:], castagnoli)), uint64(n)} {
			index = binary.LittleEndian.AppendUint64(index, v)
		}
		for i := range all[:n] {
			s.first, s.last = min(s.first, all[i].Second), max(s.last, all[i].Second)
		}
		all = all[n:]
	}
	h := append(b[:0:segmentHeaderSize], segmentMagic...)
	for _, v := range []int64{s.since, s.until, s.first, s.last, s.lost, int64(len(b))} {
		h = binary.LittleEndian.AppendUint64(h, uint64(v))
	}
	h = binary.LittleEndian.AppendUint32(h, uint32(len(index)))
	h = binary.LittleEndian.AppendUint32(h, crc32.Checksum(index, castagnoli))
	binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
	return append(b, index...)
}

// appendPart packs one plan's arrivals.
func appendPart(b []byte, all []models.Arrival) []byte {
	type route struct {
		stage  models.StageID
		method models.MethodID
	}
	numbers := map[route]uint64{}
	var routes []byte
	for i := range all {
		r := route{all[i].StageID, all[i].MethodID}
		if _, ok := numbers[r]; !ok {
			numbers[r] = uint64(len(numbers))
			routes = binary.AppendUvarint(binary.AppendUvarint(routes, uint64(r.stage)), uint64(r.method))
		}
	}
	b = append(binary.AppendUvarint(b, uint64(len(numbers))), routes...)
	var keys uint64
	for i := range all {
		if i == 0 || all[i].KeyID != all[i-1].KeyID {
			keys++
		}
	}
	b = binary.AppendUvarint(b, keys)
	key := models.KeyID(0)
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].KeyID == all[0].KeyID {
			n++
		}
		second := all[0].Second
		b = binary.AppendUvarint(b, uint64(all[0].KeyID-key))
		b = binary.AppendUvarint(b, uint64(n))
		b = binary.AppendUvarint(b, uint64(second))
		for i := range all[:n] {
			a := &all[i]
			plain := *a == models.Arrival{KeyID: a.KeyID, PlanID: a.PlanID, StageID: a.StageID, MethodID: a.MethodID, Second: a.Second, Admitted: 1}
			flag := uint64(0)
			if plain {
				flag = 1
			}
			b = binary.AppendUvarint(b, uint64(a.Second-second)<<1|flag)
			b = binary.AppendUvarint(b, numbers[route{a.StageID, a.MethodID}])
			if !plain {
				b = appendCounts(b, a)
			}
			second = a.Second
		}
		key, all = all[0].KeyID, all[n:]
	}
	return b
}

// visitArrivals is called with some of one plan's arrivals; they are its own until it returns.
type visitArrivals func([]models.Arrival) error

// readPart unpacks what a plan's part has of some keys from a second on, in batches that fill the given one.
func readPart(b []byte, plan models.PlanID, some keyFilter, from int64, batch []models.Arrival, visit visitArrivals) error {
	r := reader{b: b}
	routes := make([]models.Arrival, 0, min(r.count(), int64(len(b))))
	for range cap(routes) {
		routes = append(routes, models.Arrival{StageID: models.StageID(r.count()), MethodID: models.MethodID(r.count())})
	}
	a := models.Arrival{PlanID: plan}
	for keys := r.count(); keys > 0 && !r.bad; keys-- {
		a.KeyID += models.KeyID(r.count())
		n := r.count()
		a.Second = r.count()
		if !some.has(a.KeyID) {
			r.skipArrivals(n)
			continue
		}
		for ; n > 0 && !r.bad; n-- {
			step, route := r.count(), r.count()
			if route >= int64(len(routes)) {
				return errDamaged
			}
			a.Second += step >> 1
			a.StageID, a.MethodID = routes[route].StageID, routes[route].MethodID
			a.Admitted, a.Throttled, a.OverQuota, a.Failed = 1, 0, 0, 0
			if step&1 == 0 {
				r.counts(&a)
			}
			if a.Second < from {
				continue
			}
			if batch = append(batch, a); len(batch) == cap(batch) {
				if err := visit(batch); err != nil {
					return err
				}
				batch = batch[:0]
			}
		}
	}
	if r.bad {
		return errDamaged
	}
	if len(batch) == 0 {
		return nil
	}
	return visit(batch)
}

// skipArrivals passes over a key's arrivals.
func (r *reader) skipArrivals(n int64) {
	var a models.Arrival
	for ; n > 0 && !r.bad; n-- {
		step := r.count()
		r.count()
		if step&1 == 0 {
			r.counts(&a)
		}
	}
}

// statSegment reads the header of a segment file.
func statSegment(path string, number uint64) (s segment, err error) {
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return s, err
	}
	h := make([]byte, segmentHeaderSize)
	if _, err := io.ReadFull(f, h); err != nil {
		return s, fmt.Errorf("%s: %w", path, errDamaged)
	}
	end := segmentHeaderSize - 4
	if string(h[:8]) != segmentMagic || crc32.Checksum(h[:end], castagnoli) != binary.LittleEndian.Uint32(h[end:]) {
		return s, fmt.Errorf("%s: %w", path, errDamaged)
	}
	word := func(i int) int64 { return int64(binary.LittleEndian.Uint64(h[8+8*i:])) }
	s = segment{number: number, size: info.Size(), since: word(0), until: word(1), first: word(2), last: word(3), lost: word(4), indexAt: word(5),
		indexSize: binary.LittleEndian.Uint32(h[56:]), indexSum: binary.LittleEndian.Uint32(h[60:])}
	if s.indexAt+int64(s.indexSize) != s.size {
		return s, fmt.Errorf("%s: %w", path, errDamaged)
	}
	return s, nil
}

// find looks a plan's part up. ok is false when there is none.
func (s *segment) find(f io.ReaderAt, plan models.PlanID) (p part, ok bool, err error) {
	index := make([]byte, s.indexSize)
	if _, err := f.ReadAt(index, s.indexAt); err != nil {
		return p, false, err
	}
	if crc32.Checksum(index, castagnoli) != s.indexSum {
		return p, false, errDamaged
	}
	for ; len(index) >= indexEntrySize; index = index[indexEntrySize:] {
		word := func(i int) int64 { return int64(binary.LittleEndian.Uint64(index[8*i:])) }
		if word(0) == int64(plan) {
			return part{plan, word(1), word(2), uint32(word(3)), word(4)}, true, nil
		}
	}
	return p, false, nil
}

// read returns the bytes of a part, in buffer if they fit.
func (p part) read(f io.ReaderAt, buffer []byte) ([]byte, error) {
	buffer = slices.Grow(buffer[:0], int(p.size))[:p.size]
	if _, err := f.ReadAt(buffer, p.at); err != nil {
		return buffer, err
	}
	if crc32.Checksum(buffer, castagnoli) != p.sum {
		return buffer, errDamaged
	}
	return buffer, nil
}
