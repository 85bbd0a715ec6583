package receipt

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"
	"unicode/utf8"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// The layout of a record, little-endian. A slot never crosses a page. Outcomes, layers and periods are on disk by their numbers.
//
//	  0  checksum u32: CRC-32C of the bytes behind it
//	  4  outcome u8, layer u8, bits u8 of limits that apply and, the highest, of an override, period u8
//	  8  position u64, 16 position of an earlier record of the same cell u64
//	 24  time i64, 32 since i64: Unix nanoseconds, 0 = none
//	 40  key, 48 app, 56 plan, 64 API, 72 stage, 80 method
//	 88  plan's version u32, 92 status u16, 94 length of the problem u8, 95 length of the method's name u8
//	 96  retry after, 104 latency: nanoseconds; 112 bytes in, 120 bytes out
//	128  five limits: rate f64, limit, remaining, reset in nanoseconds
//	288  problem, 24 bytes; 312 method's name, 200 bytes
const (
	slotSize   = 512
	limitsAt   = 128
	limitSize  = 32
	problemAt  = 288
	maxProblem = 24
	methodAt   = 312
	maxMethod  = slotSize - methodAt
)

// slot is the place of one record in the mapped file.
type slot []byte

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s slot) position() uint64 { return binary.LittleEndian.Uint64(s[8:]) }
func (s slot) before() uint64   { return binary.LittleEndian.Uint64(s[16:]) }

func (s slot) key() models.KeyID { return models.KeyID(s.get(40)) }

func (s slot) put(at int, v int64) { binary.LittleEndian.PutUint64(s[at:], uint64(v)) }
func (s slot) get(at int) int64    { return int64(binary.LittleEndian.Uint64(s[at:])) }

// whole reports whether s holds a record that was written to its end.
func (s slot) whole() bool {
	return s.position() != 0 && crc32.Checksum(s[4:], castagnoli) == binary.LittleEndian.Uint32(s)
}

func (s slot) encode(in *models.Receipt, position, before uint64) {
	quota := in.Limits.Of(limit.LayerQuota)
	s[4], s[5], s[6], s[7] = byte(in.Outcome), byte(in.Layer), 0, byte(quota.Period)
	s.put(8, int64(position))
	s.put(16, int64(before))
	s.put(24, nanos(in.At))
	s.put(32, nanos(in.Since))
	s.put(40, int64(in.KeyID))
	s.put(48, int64(in.AppID))
	s.put(56, int64(in.PlanID))
	s.put(64, int64(in.APIID))
	s.put(72, int64(in.StageID))
	s.put(80, int64(in.MethodID))
	binary.LittleEndian.PutUint32(s[88:], uint32(in.PlanVersion))
	binary.LittleEndian.PutUint16(s[92:], uint16(in.Status))
	s[94] = byte(copy(s[problemAt:problemAt+maxProblem], in.Problem))
	s[95] = byte(copy(s[methodAt:methodAt+maxMethod], cut(in.Method)))
	s.put(96, int64(in.RetryAfter))
	s.put(104, int64(in.Latency))
	s.put(112, in.BytesIn)
	s.put(120, in.BytesOut)
	for i := range in.Limits {
		l, at := &in.Limits[i], limitsAt+i*limitSize
		if l.Limited {
			s[6] |= 1 << i
		}
		s.put(at, int64(math.Float64bits(l.Rate)))
		s.put(at+8, l.Limit)
		s.put(at+16, l.Remaining)
		s.put(at+24, int64(l.Reset))
	}
	if in.Overridden {
		s[6] |= overridden
	}
	binary.LittleEndian.PutUint32(s, crc32.Checksum(s[4:], castagnoli))
}

// overridden is the bit of a receipt whose key had limits of its own.
const overridden = 1 << 7

// cut shortens a method's name to what a record holds, at the end of a character.
func cut(name string) string {
	if len(name) <= maxMethod {
		return name
	}
	end := maxMethod
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

// decode reads a record, but for its ID; ok is false where there is none, or only a part of one.
func (s slot) decode(out *models.Receipt) (ok bool) {
	if !s.whole() {
		return false
	}
	*out = models.Receipt{
		Outcome: models.Outcome(s[4]), Layer: limit.Layer(s[5]), At: timeOf(s.get(24)), Since: timeOf(s.get(32)),
		KeyID: models.KeyID(s.get(40)), AppID: models.AppID(s.get(48)), PlanID: models.PlanID(s.get(56)), APIID: models.APIID(s.get(64)),
		StageID: models.StageID(s.get(72)), MethodID: models.MethodID(s.get(80)),
		PlanVersion: int(binary.LittleEndian.Uint32(s[88:])), Status: int(binary.LittleEndian.Uint16(s[92:])),
		Problem: string(s[problemAt : problemAt+min(int(s[94]), maxProblem)]), Method: string(s[methodAt : methodAt+min(int(s[95]), maxMethod)]),
		Overridden: s[6]&overridden != 0,
		RetryAfter: time.Duration(s.get(96)), Latency: time.Duration(s.get(104)), BytesIn: s.get(112), BytesOut: s.get(120),
	}
	for i := range out.Limits {
		at := limitsAt + i*limitSize
		out.Limits[i] = models.ReceiptLimit{
			Limited: s[6]&(1<<i) != 0, Rate: math.Float64frombits(uint64(s.get(at))), Limit: s.get(at + 8), Remaining: s.get(at + 16),
			Reset: time.Duration(s.get(at + 24)),
		}
	}
	out.Limits.Of(limit.LayerQuota).Period = limit.Period(s[7])
	return true
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}
