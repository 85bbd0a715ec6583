package models

import (
	"time"

	"gatehouse/models/limit"
)

// QuotaBucket names one count of a quota: a key on a plan, in one window. Another period or offset of the plan is another bucket.
type QuotaBucket struct {
	KeyID  KeyID
	PlanID PlanID
	Period limit.Period
	Offset int
	Window int64 // the Unix day on which the window begins
}

// QuotaAsk is what the gateway tells the ledger of one bucket, and how many rights it would like.
type QuotaAsk struct {
	Bucket QuotaBucket
	limit.Ask

	// Join says that the gateway was started anew since its last ask: it holds nothing, and Used and Refunded go on from what the ledger
	// has. They and Keep are 0 in the ask.
	Join bool
	// Override says by which override of the key's limits the gateway decides: its id; less than 0 when it has ended; 0 when it knows none.
	Override OverrideID
	// Recount says that everything that was admitted until now is committed (Store.CommitUsage), so that the count may be taken anew from
	// what is metered. It is the answer to QuotaGrant.Recount.
	Recount bool
	At      int64 // the version of the plan's terms for which Recount says so, if it is not 0: under later ones it does not
}

// QuotaGrant is the ledger's answer to a QuotaAsk.
type QuotaGrant struct {
	limit.Grant

	Err      error // limit.ErrForgot, limit.ErrOverclaim or limit.ErrAsk: nothing was changed
	Recount  bool  // nothing was changed, because the count must be taken anew first: commit, and ask again with Recount
	Stale    bool  // the override of the ask is not there any more: nothing was granted
	Used     int64 // by the asker, cumulative, as the ledger has it now
	Refunded int64 // to the asker, cumulative, as the ledger has it now

	// Elsewhere is what the asker did not spend but cannot have: spent on other terms or another plan, in doubt, or held by others.
	Elsewhere int64
	Extra     int64       // of this window, beyond the plan's limit
	Version   int64       // of the plan, in force at this moment
	Quota     limit.Quota // in force at this moment; of other windows than the bucket's, or not set: nothing was granted
}

// JournalPosition is a place in the gateway's journal: everything before it is committed.
type JournalPosition struct{ Segment, Offset uint64 }

// Resumption is where the gateway stopped.
type Resumption struct {
	Position JournalPosition // the zero value: it never ran
	Boot     string          // the machine's boot id at that time
	Ordered  bool            // it stopped in order
	Epoch    uint32          // rises with each start: the upper half of the numbers of asks
	Mark     TimeMark        // of the clock
}

// TimeMark is the latest time that has come for certain, though the clock be set back.
type TimeMark struct {
	Time   time.Time     // zero: none was kept
	Behind time.Duration // for how long the clock has stood behind it
}

// Settlement is what became of the rights that the gateway held when it ended.
type Settlement struct {
	Holdings int   // buckets with rights in hand
	Returned int64 // rights that can be handed out again
	Doubt    int64 // rights that cannot, because nobody knows whether they were spent
	Excess   int64 // requests that were admitted without a right; 0 unless something is broken
}

// Add sums another settlement into s.
func (s *Settlement) Add(o Settlement) {
	s.Holdings += o.Holdings
	s.Returned += o.Returned
	s.Doubt += o.Doubt
	s.Excess += o.Excess
}
