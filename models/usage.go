package models

import (
	"math"
	"slices"
	"time"
)

// Outcome is how a request of a known key ended.
type Outcome uint8

// The outcomes. The order is the one in which the database stores them; append only.
const (
	OutcomeOpen        Outcome = iota // admitted, not answered yet
	OutcomeSuccess                    // upstream 1xx, 2xx (also 101)
	OutcomeRedirect                   // upstream 3xx
	OutcomeClientError                // upstream 4xx
	OutcomeServerError                // upstream 5xx
	OutcomeUpstream                   // 502, 504: the upstream was unreachable, too slow or broke off
	OutcomeAborted                    // the caller went away, its key was stopped, or the process ended, before the answer was complete
	OutcomeThrottled                  // 429 by a throttle
	OutcomeQuota                      // 429 by the quota
	OutcomeDenied                     // 403: the key is known but may not call this
	NumOutcomes
)

var outcomeNames = [NumOutcomes]string{"open", "success", "redirect", "client_error", "server_error", "upstream_failed", "aborted", "throttled", "over_quota", "denied"}

// String returns the outcome's one name in pages, metrics and documents.
func (o Outcome) String() string {
	if o < NumOutcomes {
		return outcomeNames[o]
	}
	return "unknown"
}

// ParseOutcome reads an outcome's name.
func ParseOutcome(name string) (o Outcome, ok bool) {
	i := slices.Index(outcomeNames[:], name)
	return Outcome(max(0, i)), i >= 0
}

// Admitted reports whether the gateway let the request pass.
func (o Outcome) Admitted() bool { return o < OutcomeThrottled }

// LatencyBounds are the upper bounds of the latency histogram's buckets in milliseconds; the last bucket has no bound. Roughly 1.6 apart,
// so that a percentile read from it is at most 30 % off, and small enough to be columns.
var LatencyBounds = [NumLatencies - 1]int64{1, 2, 3, 5, 8, 13, 20, 32, 50, 80, 130, 200, 320, 500, 800, 1300, 2000, 5000, 15000}

// NumLatencies is the number of buckets of a latency histogram.
const NumLatencies = 20

// Histogram counts answers by latency.
type Histogram [NumLatencies]int64

// LatencyBucket returns the bucket of a latency.
func LatencyBucket(d time.Duration) int {
	ms := int64((d + time.Millisecond - 1) / time.Millisecond)
	for i, bound := range LatencyBounds {
		if ms <= bound {
			return i
		}
	}
	return NumLatencies - 1
}

// Add sums another histogram into h.
func (h *Histogram) Add(o *Histogram) {
	for i := range h {
		h[i] += o[i]
	}
}

// Count returns the number of answers.
func (h *Histogram) Count() (n int64) {
	for _, c := range h {
		n += c
	}
	return n
}

// Percentile returns the latency in milliseconds below which the share p (0..1) of the answers lies, interpolated within its bucket.
// ok is false when there are no answers.
func (h *Histogram) Percentile(p float64) (ms float64, ok bool) {
	total := h.Count()
	if total == 0 {
		return 0, false
	}
	rank := p * float64(total)
	var below float64
	var lower float64
	for i, c := range h {
		upper := float64(30000)
		if i < len(LatencyBounds) {
			upper = float64(LatencyBounds[i])
		}
		if c > 0 && below+float64(c) >= rank {
			return lower + (upper-lower)*math.Max(0, (rank-below)/float64(c)), true
		}
		below += float64(c)
		lower = upper
	}
	return lower, true
}

// UsageCell is what happened to one key on one method of one stage and plan in one minute with one outcome. In a batch the numbers are
// changes to what is stored, and Count may be negative: an answered request leaves OutcomeOpen.
type UsageCell struct {
	KeyID    KeyID
	PlanID   PlanID // zero when the key is on no plan for the stage
	StageID  StageID
	MethodID MethodID // zero when the request matched no method
	Minute   int64    // Unix seconds of the minute's start
	Outcome  Outcome

	Count            int64
	BytesIn          int64 // request bodies
	BytesOut         int64 // response bodies
	Latency          Histogram
	Upstream         time.Duration // summed over answers: until the upstream began to answer, in microseconds
	Gateway          time.Duration // summed over answers: what the gateway itself needed before it asked the upstream, in microseconds
	Timed            int64         // answers in the two sums
	ThrottledSeconds int64         // seconds of the minute with at least one refusal by a throttle
}

// QuotaUse is what one key was charged on one plan on one UTC day. In a batch it is a change, else a sum.
type QuotaUse struct {
	KeyID  KeyID
	PlanID PlanID
	Day    int64 // Unix days
	Used   int64
}

// UsageBatch is what the gateway commits at once: what its journal says From a position To another.
type UsageBatch struct {
	From, To JournalPosition
	Cells    []UsageCell
	Charged  []QuotaUse
	LastUsed []LastUse
	Levels   []ThrottleLevel // of buckets that were taken from and are not full
	Ordered  bool            // nothing comes after it: the gateway stops in order
}

// LastUse is when a key was last seen, and on which method.
type LastUse struct {
	KeyID KeyID
	At    time.Time
}

// Step is the length of one point of a chart.
type Step time.Duration

// The stored resolutions; charts use a multiple of one of them. (An hour is two half hours: charts of a day have steps of half an hour.)
const (
	StepMinute   = Step(time.Minute)
	StepHalfHour = Step(30 * time.Minute)
	StepDay      = Step(24 * time.Hour)

	StepHour = 2 * StepHalfHour
)

// Resolution returns the coarsest stored resolution that divides the step.
func (s Step) Resolution() Step {
	switch {
	case s%StepDay == 0:
		return StepDay
	case s%StepHalfHour == 0:
		return StepHalfHour
	default:
		return StepMinute
	}
}

// UsageScope selects whose usage is read: of Keys, of Consumers or of a Developer, each on Plans or on any, of Plans, or of an Owner; Stages narrow it unless
// nil (none are nothing), and Method when not zero. Owner and Developer cost the same however many plans and keys they have.
type UsageScope struct {
	Keys      []KeyID
	Consumers []ConsumerID
	Plans     []PlanID
	Owner     AccountID // all plans of an owner
	Developer AccountID // all keys of a developer's apps, revoked ones too
	Stages    []StageID
	Method    MethodID
}

// UsageRange is a span of time cut into steps. From and To lie on multiples of Step.
type UsageRange struct {
	From, To time.Time // half-open
	Step     Step
}

// UsagePoint sums one step.
type UsagePoint struct {
	Start            time.Time
	Counts           [NumOutcomes]int64
	BytesIn          int64
	BytesOut         int64
	Latency          Histogram
	Upstream         time.Duration // as UsageCell.Upstream
	Gateway          time.Duration // as UsageCell.Gateway
	Timed            int64         // as UsageCell.Timed
	ThrottledSeconds int64
}

// MeanTimes returns how long an answer took on average: the upstream until it began to answer, and the gateway before it asked the upstream. ok is false when
// nothing was answered, or nothing since times are summed.
func (p *UsagePoint) MeanTimes() (upstream, gateway time.Duration, ok bool) {
	n := time.Duration(p.Timed)
	if n <= 0 {
		return 0, 0, false
	}
	return p.Upstream / n, p.Gateway / n, true
}

// Total returns the number of requests in the point.
func (p UsagePoint) Total() (n int64) {
	for _, c := range p.Counts {
		n += c
	}
	return n
}

// Sum adds up points; Start is the first one's.
func Sum(points []UsagePoint) UsagePoint {
	var s UsagePoint
	for i := range points {
		if i == 0 {
			s.Start = points[0].Start
		}
		for o, c := range points[i].Counts {
			s.Counts[o] += c
		}
		s.BytesIn += points[i].BytesIn
		s.BytesOut += points[i].BytesOut
		s.ThrottledSeconds += points[i].ThrottledSeconds
		s.Upstream += points[i].Upstream
		s.Gateway += points[i].Gateway
		s.Timed += points[i].Timed
		s.Latency.Add(&points[i].Latency)
	}
	return s
}

// UsageRow is one line of a breakdown: by key, by customer, by method, by stage or by plan; the ids that were grouped by are set.
type UsageRow struct {
	KeyID      KeyID
	ConsumerID ConsumerID
	PlanID     PlanID
	StageID    StageID
	MethodID   MethodID
	Label      string // a person's name for it: key name, "GET /users", "Echo API · prod", plan name
	Detail     string // hint of the key, stage of the method …
	UsagePoint
}

// UsagePlace is a stage that a developer's subscriptions open, or opened once.
type UsagePlace struct {
	PlanID    PlanID
	PlanName  string
	StageID   StageID
	StageName string
	APISlug   string
	APIName   string
}
