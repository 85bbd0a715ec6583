package models

import (
	"time"

	"gatehouse/models/limit"
)

// Receipt says which rule answered one request of a known key, and with which numbers. It holds neither the key's value nor the query.
type Receipt struct {
	ID string // of the request, 32 hexadecimal digits
	At time.Time

	KeyID       KeyID
	AppID       AppID  // zero: the key belongs to no app
	PlanID      PlanID // zero: the key is on no plan for the stage
	PlanVersion int
	Overridden  bool // the key had limits of its own in place of the plan's
	APIID       APIID
	StageID     StageID
	MethodID    MethodID
	Method      string // verb and path template: "GET /users/{id}"; at most 200 bytes

	Outcome Outcome
	Problem string    // slug of the problem that the gateway answered; "": the upstream answered, or has not yet
	Status  int       // of the answer; 0: there is none yet
	Since   time.Time // when the key expired, or its value stopped; zero: neither

	Layer      limit.Layer   // the limit that refused; LayerNone: none did
	RetryAfter time.Duration // after which it would have passed; 0: waiting does not help, or no limit refused
	Limits     ReceiptLimits

	Latency  time.Duration // until the answer began; 0: it was not forwarded, or has not begun
	BytesIn  int64
	BytesOut int64
}

// ReceiptLimit is one limit as the answer told it: after an admitted request, or as it was when the request was refused.
type ReceiptLimit struct {
	Limited   bool          // false: the limit does not apply, and the rest is 0
	Rate      float64       // tokens a second; 0 for a quota
	Limit     int64         // burst, or the quota's limit with grants of extra quota
	Remaining int64         // requests that would pass at that instant
	Reset     time.Duration // until Remaining is Limit again; for a quota, until its window ends
	Period    limit.Period  // of a quota
}

// Used is what of the limit was spent.
func (l ReceiptLimit) Used() int64 { return max(0, l.Limit-l.Remaining) }

// Level is how many tokens a throttle's bucket held, with the fraction: 0..Limit.
func (l ReceiptLimit) Level() float64 {
	return min(max(float64(l.Limit)-l.Reset.Seconds()*l.Rate, 0), float64(l.Limit))
}

// ReceiptLimits are the limits of a request, in the order in which they answer.
type ReceiptLimits [5]ReceiptLimit

// Of returns the limit of a layer; LayerNone has none.
func (l *ReceiptLimits) Of(layer limit.Layer) *ReceiptLimit {
	if layer == limit.LayerNone || int(layer) > len(l) {
		return &ReceiptLimit{}
	}
	return &l[layer-1]
}

// PassesAfter is how long after a request that a limit refused the same one would have passed all of its limits, had no other come meanwhile. Ok is
// false where it never would.
func (r *Receipt) PassesAfter() (wait time.Duration, ok bool) {
	if r.Layer == limit.LayerNone || r.RetryAfter <= 0 {
		return 0, false
	}
	wait = r.RetryAfter
	for i := range r.Limits {
		l := &r.Limits[i]
		switch layer := limit.Layer(i + 1); {
		case !l.Limited || layer == r.Layer:
		case layer == limit.LayerQuota && l.Remaining <= 0 && l.Limit <= 0:
			return 0, false
		case layer == limit.LayerQuota && l.Remaining <= 0:
			wait = max(wait, l.Reset)
		case layer != limit.LayerQuota:
			b := limit.Throttle{Rate: l.Rate, Burst: l.Limit}.Compile()
			_, now, later := b.Look(b.Owing(0, l.Reset), 0)
			if !now && later == 0 {
				return 0, false
			}
			wait = max(wait, later)
		}
	}
	return wait, true
}

// ReceiptRow is a receipt in a list, for somebody who may see it.
type ReceiptRow struct {
	Receipt
	APIName, StageName string // empty: there is no such thing any more
}

// ReceiptDetail is a receipt's page, for somebody who may see it.
type ReceiptDetail struct {
	ReceiptRow
	OwnKey bool // the reader may change the key: the developer of its app, or the owner who made it
	OwnAPI bool // the reader is the owner of the API

	Key          Key    // empty for an API's owner on none of whose plans the key is: only its id is his to see
	AppName      string // empty: the key is of no app
	AccountEmail string // of the app's developer

	APISlug        string
	KeySource      KeySource       // of the API now
	Plan           Terms           // in the receipt's version; zero: the key was on none, or it is deleted
	PlanEndsAt     time.Time       // zero: no end is announced
	SubscriptionID SubscriptionID  // by which the key is on that plan now; zero: by none
	Member         MembershipState // there; empty: the key is not on that plan any more
}

// Receipts finds receipts by the ids of their requests, for pages.
type Receipts interface {
	// Receipt returns an error of KindNotFound for an id that no request had that left a receipt, and of KindGone for one whose receipt
	// is not kept any more.
	Receipt(id string) (Receipt, error)
	// Refusals returns the newest receipts of a key's refusals, at most n, the newest first. Older ones may be missing.
	Refusals(key KeyID, n int) []Receipt
}
