package keyring

import (
	"math"
	"sync"

	"gatehouse/models"
)

// Entry is one key and what it has left. Its fields are read and changed under its lock only. Two cache lines long: see doc.go.
type Entry struct {
	mu     sync.Mutex
	more   *more
	key    models.KeyID // 0: the entry is free
	app    models.AppID
	digest digest // of the current value; zero: none
	expire int64
	member Member // its Plan is 0: on no plan
	open   uint32 // requests under way
	stream uint16 // of them
	status Status
}

// more is what few keys have.
type more struct {
	values  []value
	members []Member
	buckets []bucket
	refunds []refund
	closed  []Closed

	overrides []Override
}

// digest is the first half of a value's digest: 128 bits of a keyed hash cannot be met by chance or by trying.
type digest [16]byte

// value is a secret that the current one has replaced.
type value struct {
	digest digest
	stops  int64
}

// bucket is the throttle of one method of a plan's stage.
type bucket struct {
	plan   models.PlanID
	stage  models.StageID
	method models.MethodID
	tat    int64
}

// refund is what came back to a member in its window.
type refund struct {
	plan models.PlanID
	n    int64
}

// Status says whether a key works by itself.
type Status uint8

// The statuses. The zero value is not a key.
const (
	Absent Status = iota
	Enabled
	Disabled
	Revoked
)

// State says whether a key may use a plan that it is on.
type State uint8

// The states of a membership. Gone members stay, so that a key that leaves a plan and comes back has the count and the bucket that it
// left with (DECISIONS 9). The zero value is Gone.
const (
	Gone State = iota
	Active
	Pending
	Suspended
	Blocked
)

func stateOf(s models.MembershipState) State {
	switch s {
	case models.MemberActive:
		return Active
	case models.MemberPending:
		return Pending
	case models.MemberBlocked:
		return Blocked
	default:
		return Suspended // also a state that this version does not know: refused
	}
}

// Unlock lets go of an entry that Find or ByKey returned.
func (e *Entry) Unlock() { e.mu.Unlock() }

// Open is how many requests of the key are under way, and how many of them are streams.
func (e *Entry) Open() (requests, streams int) { return int(e.open), int(e.stream) }

// Begin counts a request as under way.
func (e *Entry) Begin() { e.open++ }

// BeginStream counts one that is under way as a stream too, and says whether it did.
func (e *Entry) BeginStream() bool {
	if e.stream == math.MaxUint16 {
		return false
	}
	e.stream++
	return true
}

// Finish is for a request that has ended. A key that went and came back meanwhile has forgotten it.
func (e *Entry) Finish(stream bool) {
	if e.open > 0 {
		e.open--
	}
	if stream && e.stream > 0 {
		e.stream--
	}
}

// Lock locks an entry that was found before; false, and it is not locked, if it is not the key's any more.
func (e *Entry) Lock(key models.KeyID) bool {
	e.mu.Lock()
	if e.key == key {
		return true
	}
	e.mu.Unlock()
	return false
}

// Key is the key's id.
func (e *Entry) Key() models.KeyID { return e.key }

// App is the app that the key belongs to; 0 for a key that an owner made.
func (e *Entry) App() models.AppID { return e.app }

// Status says whether the key works by itself at all.
func (e *Entry) Status() Status { return e.status }

// Expires is when the key stops working; 0 for never.
func (e *Entry) Expires() int64 { return e.expire }

// Member returns the membership in plan, also a gone one, or nil. It is the entry's own: good until Unlock.
func (e *Entry) Member(plan models.PlanID) *Member {
	if e.member.Plan == plan {
		return &e.member
	}
	if e.more != nil {
		for i := range e.more.members {
			if m := &e.more.members[i]; m.Plan == plan {
				return m
			}
		}
	}
	return nil
}

// Members calls fn with each membership, gone ones included.
func (e *Entry) Members(fn func(m *Member)) {
	if e.member.Plan != 0 {
		fn(&e.member)
	}
	if e.more != nil {
		for i := range e.more.members {
			fn(&e.more.members[i])
		}
	}
}

// MethodTAT is the TAT of a method's throttle; 0, a full bucket, if it was never used.
func (e *Entry) MethodTAT(plan models.PlanID, stage models.StageID, method models.MethodID) int64 {
	if b := e.bucket(plan, stage, method); b != nil {
		return b.tat
	}
	return 0
}

// SetMethodTAT keeps the TAT of a method's throttle. It allocates the first time a key uses the method.
func (e *Entry) SetMethodTAT(plan models.PlanID, stage models.StageID, method models.MethodID, tat int64) {
	if b := e.bucket(plan, stage, method); b != nil {
		b.tat = tat
	} else if tat != 0 {
		m := e.extra()
		m.buckets = append(m.buckets, bucket{plan, stage, method, tat})
	}
}

// MethodTATs calls fn with the TAT of each method's throttle that was used.
func (e *Entry) MethodTATs(fn func(plan models.PlanID, stage models.StageID, method models.MethodID, tat int64)) {
	if e.more != nil {
		for _, b := range e.more.buckets {
			fn(b.plan, b.stage, b.method, b.tat)
		}
	}
}

func (e *Entry) bucket(plan models.PlanID, stage models.StageID, method models.MethodID) *bucket {
	if e.more != nil {
		for i := range e.more.buckets {
			if b := &e.more.buckets[i]; b.method == method && b.stage == stage && b.plan == plan {
				return b
			}
		}
	}
	return nil
}

func (e *Entry) extra() *more {
	if e.more == nil {
		e.more = &more{}
	}
	return e.more
}

// stopsOf finds a value of the key and when it stops; 0 for the current one. It must be called under the entry's lock.
func (e *Entry) stopsOf(d digest) (stops int64, ok bool) {
	if e.digest == d {
		return 0, true
	}
	if e.more != nil {
		for _, v := range e.more.values {
			if v.digest == d {
				return v.stops, true
			}
		}
	}
	return 0, false
}
