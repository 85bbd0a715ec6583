package limit

import (
	"errors"
	"math"
	"time"
)

// Block sizes follow guided self-scheduling (Polychronopoulos and Kuck, 1987), capped by the holder's own rate: far from the
// limit a block lasts a while, near it blocks shrink to 1 by themselves.
const (
	blockShare = 16               // a block is at most 1/(blockShare * holders) of what is available
	blockTime  = 30 * time.Second // and no more than a holder spends in this time,
	blockLeast = 16               // but this much to begin with
)

// Stock is the ledger's side of one quota bucket, a (plan, key, window). Its rights are requests.
type Stock struct {
	Granted int64 // to all holders together: the sum of Holding.Granted
	Base    int64 // spent outside the holders' rights: carried from another plan, or counted when the period was changed
	Doubt   int64 // taken from holders that lost their journal: nobody knows how much of it was spent
	Extra   int64 // granted beyond the plan's limit for this window; may be negative
}

// Available is how many rights the ledger can still hand out under limit. It is negative when the limit was lowered under what
// is spent or held.
func (s *Stock) Available(limit int64) int64 { return limit + s.Extra - s.Base - s.Doubt - s.Granted }

// Holding is the ledger's record of one holder in a bucket. Used and Refunded are what the holder reported, so that
// Used - Refunded <= Granted at every commit. The zero Holding is of a holder that was never heard of.
type Holding struct {
	Granted  int64  // every right that this holder ever got here and has not given back
	Used     int64  // every right that it ever spent here
	Refunded int64  // of those, the ones that came back because the request was not to be charged
	Seq      uint64 // of the newest ask
}

// Ask is what a holder tells the ledger of one bucket, and how many rights it would like. All numbers about the past are
// cumulative and Seq rises with each ask, so that repeating, losing or reordering asks and answers does no harm.
type Ask struct {
	Seq      uint64
	Used     int64   // ever spent here
	Refunded int64   // ever refunded here
	Keep     int64   // rights in hand that the holder goes on spending; what it holds beyond them is given back
	Want     int64   // requests that wait for a right, or 1 for a block in advance; 0 = report and give back only
	Rate     float64 // requests a second that the holder sees, for the size of the block; 0 = unknown
	Holders  int     // that share the bucket, at least 1
}

// Grant is the ledger's answer to an Ask. The holder may spend until its Used - Refunded is Granted.
type Grant struct {
	Seq       uint64 // of the ask that is answered: an answer older than another one is worth nothing
	Granted   int64  // the holding's, cumulative
	Available int64  // left in the ledger for everybody; at least 0
	Limit     int64  // the limit of this window, with extra grants
}

// Errors of Exchange. Nothing was changed then. Each means that the holder is not to be trusted with rights until it is rebuilt from
// its journal.
var (
	ErrForgot    = errors.New("the holder reports less than it reported before")
	ErrOverclaim = errors.New("the holder claims more rights than it was granted")
	ErrAsk       = errors.New("the ask has a negative number, or refunds more than was spent")
)

// Exchange is the ledger's one verb (RELIABILITY 2.2): it books what a holder spent, takes back what it does not keep, and hands out
// a block of what is available under limit. The caller holds the bucket's lock and stores h and s when err is nil.
//
// Never over: s.Granted is the sum of all h.Granted before and after, and grows by no more than what is available; so what
// all holders together spend never passes limit + extra - base, as long as each writes down what it spends before it spends it.
func Exchange(s *Stock, h *Holding, limit int64, a Ask) (Grant, error) {
	if !a.sound() {
		return Grant{}, ErrAsk
	}
	if a.Seq <= h.Seq {
		return answer(s, h, limit, a.Seq), nil // a replay changes nothing
	}
	if a.Used < h.Used || a.Refunded < h.Refunded {
		return Grant{}, ErrForgot
	}
	spent := a.Used - a.Refunded
	back := h.Granted - spent - a.Keep // includes grants whose answer was lost
	if back < 0 {
		return Grant{}, ErrOverclaim
	}
	block := Block(s.Available(limit)+back, a)
	s.Granted += block - back
	h.Granted += block - back
	h.Used, h.Refunded, h.Seq = a.Used, a.Refunded, a.Seq
	return answer(s, h, limit, a.Seq), nil
}

// Close ends a holding whose holder was started anew: it spent, net of refunds, so many rights, and holds none any more. Exact says
// that this is known from a journal that is whole; else the rest is not handed out again but booked as in doubt, which is returned:
// at least 0, at most what the holder had in hand. A holder that spent more than it was granted is believed; so is one that forgot.
// A journal that lost an admission but not its refund makes spent negative; it counts as 0.
//
// The caller sees to it that no ask of before is heard later: either none can be under way any more, or it raises h.Seq beyond them.
func Close(s *Stock, h *Holding, spent int64, exact bool) (doubt int64) {
	spent = max(0, spent)
	if rest := h.Granted - spent; rest > 0 && !exact {
		doubt = rest
	}
	s.Granted += spent - h.Granted
	s.Doubt += doubt
	h.Granted = spent
	if more := spent - (h.Used - h.Refunded); more >= 0 {
		h.Used += more
	} else {
		h.Refunded -= more
	}
	return doubt
}

// sound reports whether a's numbers can be true at all, and small enough to be added up.
func (a *Ask) sound() bool {
	const most = math.MaxInt64 / 4
	return a.Refunded >= 0 && a.Used >= a.Refunded && a.Used <= most && a.Keep >= 0 && a.Keep <= most && a.Want >= 0 && a.Rate >= 0
}

func answer(s *Stock, h *Holding, limit int64, seq uint64) Grant {
	return Grant{Seq: seq, Granted: h.Granted, Available: max(0, s.Available(limit)), Limit: max(0, limit+s.Extra)}
}

// Block is how many of the available rights an ask gets: none beyond available, at least those that are waited for, and otherwise a
// share that shrinks with what is left:
//
//	clamp(ceil(available / (16 * holders)), want, max(16, rate * 30 s))
func Block(available int64, a Ask) int64 {
	if available <= 0 || a.Want <= 0 {
		return 0
	}
	parts := blockShare * int64(max(1, a.Holders))
	share := (available-1)/parts + 1
	most := int64(min(max(blockLeast, a.Rate*blockTime.Seconds()), MaxQuota))
	return min(available, max(a.Want, min(share, most)))
}
