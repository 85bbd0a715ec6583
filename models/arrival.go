package models

import "time"

// Arrival is how often one key called one method of one stage on one plan within one second, and what became of it. Of one second there may be several,
// to be added up. Requests that were denied (403) are none.
type Arrival struct {
	KeyID    KeyID
	PlanID   PlanID
	StageID  StageID
	MethodID MethodID
	Second   int64 // Unix seconds, at least 0

	Admitted  int64
	Throttled int64 // refused by a throttle
	OverQuota int64 // refused by the quota

	// Failed are admitted requests of this second that ended as OutcomeServerError or OutcomeUpstream: those that ChargeDelivered gives back. They
	// are known when their answers end, perhaps in an arrival of their own.
	Failed int64
}

// Requests is how many arrived.
func (a *Arrival) Requests() int64 { return a.Admitted + a.Throttled + a.OverQuota }

// Recorded is what a recording of arrivals covers.
type Recorded struct {
	Since, Until time.Time // Since is zero when there is nothing
	Gaps         []Gap     // in which nothing was recorded, oldest first
	Requests     int64     // that were read
	Lost         int64     // requests of all plans in this time that could not be recorded
	Damaged      int       // parts that could not be read
}

// Gap is a time that a recording knows nothing of: the gateway served, or may have served, without it.
type Gap struct{ Since, Until time.Time }
