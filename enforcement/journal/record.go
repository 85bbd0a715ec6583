package journal

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"gatehouse/models"
)

// recordSize is one cache line: an append touches one, and records tell everything themselves, without a dictionary.
const recordSize = 64

// Kind is what a Record says.
type Kind uint8

// The kinds. They are on disk: append only.
const (
	Admitted Kind = iota + 1 // a request is about to be let through: one right of the quota and one token of each throttle are spent
	Finished                 // its answer ended; names the admission's key, plan, stage, method and second
	Refused                  // Count requests of one second were not let through
	Shared                   // TAT is the level of a bucket from which many keys take: of Stage, of its Method alone if there is one, or of Account when Stage is 0
)

// Record is one thing that happened. Which fields a kind uses is said beside them; the others are 0.
type Record struct {
	Kind    Kind
	Outcome models.Outcome // Finished, Refused
	Refund  bool           // Finished: the quota right came back (DECISIONS 49)
	Second  int64          // all: Unix seconds of the admission or refusal, 0..2^32-1
	Window  int32          // Admitted, Finished: the Unix day on which the quota's window begins that was charged
	Count   uint32         // Refused

	Key    models.KeyID
	Plan   models.PlanID
	Stage  models.StageID
	Method models.MethodID

	Account models.AccountID // Shared; it stands in the place of the key

	TAT       int64 // Admitted: of the plan's throttle after it, 0 = none. Shared: of the bucket
	MethodTAT int64 // Admitted: of the method's throttle after it, 0 = none

	Latency  time.Duration // Finished: until the answer began, in microseconds, at most 71 minutes
	Gateway  time.Duration // Finished: what the gateway needed before it asked the upstream, in microseconds, at most 8 seconds
	BytesIn  int64         // Finished; at most 1 TiB
	BytesOut int64         // Finished
}

// The layout, little-endian. Word 0 is stored last and in one piece, so that a record is there whole or not at all, and is never 0 in a
// record.
//
//	 0  checksum u32: CRC-32C of bytes 4..63, xor the segment's nonce
//	 4  kind u8 | refund bit 7
//	 5  outcome u8
//	 6  window i16: in days from the second's day
//	 8  second u32
//	12  count or latency u32
//	16  key or account, 24 plan, 32 stage, 40 method
//	48  TAT, or bytes in (bits 0..39) and the gateway's microseconds (40..62)
//	56  method's TAT or bytes out
const (
	refundBit   = 0x80
	bytesInBits = 40
	maxBytesIn  = 1<<bytesInBits - 1
	maxGateway  = 1<<(63-bytesInBits) - 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// slot is the place of one record in a mapped segment. It is aligned to its size.
type slot [recordSize]byte

func (s *slot) word() *uint64 { return (*uint64)(unsafe.Pointer(s)) }

// encode writes all of r but word 0, which it returns.
func (s *slot) encode(r *Record, nonce uint32) (word uint64) {
	span, a, b := r.Count, r.TAT, r.MethodTAT
	kind, key := uint64(r.Kind), uint64(r.Key)
	if r.Kind == Shared {
		key = uint64(r.Account)
	}
	if r.Kind == Finished {
		span, a, b = uint32(min(max(r.Latency.Microseconds(), 0), math.MaxUint32)), min(r.BytesIn, maxBytesIn)|min(max(r.Gateway.Microseconds(), 0), maxGateway)<<bytesInBits, r.BytesOut
		if r.Refund {
			kind |= refundBit
		}
	}
	binary.LittleEndian.PutUint64(s[8:], uint64(uint32(r.Second))|uint64(span)<<32)
	binary.LittleEndian.PutUint64(s[16:], key)
	binary.LittleEndian.PutUint64(s[24:], uint64(r.Plan))
	binary.LittleEndian.PutUint64(s[32:], uint64(r.Stage))
	binary.LittleEndian.PutUint64(s[40:], uint64(r.Method))
	binary.LittleEndian.PutUint64(s[48:], uint64(a))
	binary.LittleEndian.PutUint64(s[56:], uint64(b))
	word = kind | uint64(r.Outcome)<<8 | uint64(uint16(windowShift(r)))<<16
	return word<<32 | uint64(s.sum(uint32(word))^nonce)
}

// windowShift is how many days the window begins before (or, after the clock went back, after) the second's day.
func windowShift(r *Record) int16 {
	return int16(min(max(int64(r.Window)-r.Second/secondsPerDay, math.MinInt16), math.MaxInt16))
}

const secondsPerDay = 86400

// sum is the checksum of bytes 8..63 and of the upper half of word 0.
func (s *slot) sum(upper uint32) uint32 {
	return crc32.Update(upper, castagnoli, s[8:])
}

// decode reads a record. state is whether there is one.
func (s *slot) decode(r *Record, nonce uint32) state {
	word := atomic.LoadUint64(s.word())
	if word == 0 {
		return empty
	}
	upper := uint32(word >> 32)
	if s.sum(upper)^nonce != uint32(word) {
		return damaged
	}
	kind := Kind(upper &^ refundBit & 0xff)
	if kind == 0 || kind > Shared || models.Outcome(upper>>8) >= models.NumOutcomes {
		return damaged
	}
	second := binary.LittleEndian.Uint32(s[8:])
	span := binary.LittleEndian.Uint32(s[12:])
	a, b := int64(binary.LittleEndian.Uint64(s[48:])), int64(binary.LittleEndian.Uint64(s[56:]))
	*r = Record{
		Kind: kind, Outcome: models.Outcome(upper >> 8), Refund: upper&refundBit != 0, Second: int64(second),
		Key: models.KeyID(binary.LittleEndian.Uint64(s[16:])), Plan: models.PlanID(binary.LittleEndian.Uint64(s[24:])),
		Stage: models.StageID(binary.LittleEndian.Uint64(s[32:])), Method: models.MethodID(binary.LittleEndian.Uint64(s[40:])),
	}
	switch kind {
	case Finished:
		r.Latency, r.BytesIn, r.BytesOut = time.Duration(span)*time.Microsecond, a&maxBytesIn, b
		r.Gateway = time.Duration(a>>bytesInBits) * time.Microsecond
	case Refused:
		r.Count = span
	case Shared:
		r.Key, r.Account, r.TAT = 0, models.AccountID(r.Key), a
	default:
		r.TAT, r.MethodTAT = a, b
	}
	if kind == Admitted || kind == Finished {
		r.Window = int32(int64(second)/secondsPerDay) + int32(int16(upper>>16))
	}
	return present
}

// state is what stands in a slot.
type state uint8

const (
	empty   state = iota // nothing, or what a writer began that died before it was let through
	present              // a record
	damaged              // bytes that no writer of this journal left there
)
