package models

import "time"

// Consumer is a customer as usage knows him: who calls an owner's plans: a developer, or somebody for whom the owner made keys, by the reference that he gave them.
type Consumer struct {
	ID        ConsumerID
	AccountID AccountID // of a developer; 0: of the owner's own keys
	Name      string    // of the developer, or the reference; "" for keys without one
	Email     string    // of a developer
}

// Statement is what a customer called in a month (UTC) that is closed: it never changes.
type Statement struct {
	OwnerID  AccountID
	Owner    string // name, as it is now
	Month    time.Time
	ClosedAt time.Time // zero: the month is not closed, and the numbers are those until now
	Customer Consumer  // named as when the month was closed
	StatementSums
	Lines []StatementLine // of each plan and key, in the order of their names; nil in lists
}

// StatementLine is what one key called on one plan.
type StatementLine struct {
	PlanID PlanID
	KeyID  KeyID
	Plan   string // named as when the month was closed
	Key    string
	StatementSums
}

// StatementOperation is what a customer called of one operation on one stage.
type StatementOperation struct {
	StageID  StageID
	MethodID MethodID // zero: it matched no method
	Stage    string   // named as when the month was closed: "Echo API · prod"
	Method   string   // "GET /users"
	Admitted int64
	Refused  int64
}

// StatementSums are requests.
type StatementSums struct {
	Charged  int64 // against the quota, as the ledger has it; without a quota what would have been
	Admitted int64 // let through
	Refused  int64 // 429 and 403
	Extra    int64 // granted beyond the quota in the month; may be negative
}

// Refunded is what was let through and given back, because the upstream failed and the plan says so.
func (s StatementSums) Refunded() int64 { return s.Admitted - s.Charged }

// Add sums others into s.
func (s *StatementSums) Add(o StatementSums) {
	s.Charged += o.Charged
	s.Admitted += o.Admitted
	s.Refused += o.Refused
	s.Extra += o.Extra
}

// StatementMonth is a month of an owner's.
type StatementMonth struct {
	Month    time.Time
	ClosedAt time.Time // zero: not yet
	Open     int64     // requests that began in it and are not answered yet: what it waits for
}

// MonthOf returns the first moment of t's month (UTC).
func MonthOf(t time.Time) time.Time {
	year, month, _ := t.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

// CustomerOrder is how a list of customers is sorted.
type CustomerOrder string

// The orders. Those of usage compare the last seven whole days (UTC) with the seven before.
const (
	CustomersBusiest   CustomerOrder = "busiest"
	CustomersGrowing   CustomerOrder = "growing"
	CustomersDeclining CustomerOrder = "declining"
	CustomersThrottled CustomerOrder = "throttled"
	CustomersNearQuota CustomerOrder = "near-quota"
)

// CustomerWeek is how a customer called lately.
type CustomerWeek struct {
	Consumer
	Through   time.Time // the end of the last of the seven days
	Requests  int64     // in them
	Before    int64     // in the seven before
	Throttled int64     // 429, in the seven days
	Failed    int64     // 5xx by the upstream, or no answer
	Share     float64   // of the quota that the key nearest to one has used; 0: none has one
	KeyID     KeyID     // that key
	KeyName   string
	PlanID    PlanID // its plan
	PlanName  string
}
