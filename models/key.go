package models

import "time"

// Key is an API key: a stable id and settings. Its value lives apart, as a keyed hash.
type Key struct {
	ID          KeyID
	OwnerID     AccountID // the API owner who made it for a customer; zero for keys of a developer's app
	AppID       AppID     // zero for keys that an owner made
	Name        string
	Description string
	CustomerID  string // an owner's own reference; searched by prefix
	Enabled     bool
	Hint        string // first four and last four characters of the current value: "gwk1…8Pz2"
	Sealed      bool   // the value can be read again by its owner (imported keys)
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero: never
	RevokedAt   time.Time // zero: not revoked
	RotatedAt   time.Time // zero: never rotated
	OldStopsAt  time.Time // when the value before this one stops, or stopped; zero: there was none
	LastUsedAt  time.Time // zero: never; to the second
}

// KeyStatus is a key's state in one word.
type KeyStatus string

// The states of a key by itself, worst first. Whether it may call a stage depends on its memberships too.
const (
	KeyRevoked  KeyStatus = "revoked"
	KeyExpired  KeyStatus = "expired"
	KeyDisabled KeyStatus = "disabled"
	KeyRotating KeyStatus = "rotating" // works, and so does its old value until OldStopsAt
	KeyActive   KeyStatus = "active"
)

// Status returns the key's state at now.
func (k Key) Status(now time.Time) KeyStatus {
	switch {
	case !k.RevokedAt.IsZero():
		return KeyRevoked
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return KeyExpired
	case !k.Enabled:
		return KeyDisabled
	case now.Before(k.OldStopsAt):
		return KeyRotating
	}
	return KeyActive
}

// CheckAlive says whether the key can still be changed: a revoked one cannot.
func (k Key) CheckAlive() error {
	if !k.RevokedAt.IsZero() {
		return Conflict("This key is revoked, and that is final. Create a new one.")
	}
	return nil
}

// CheckRotate says whether the key can have a new value.
func (k Key) CheckRotate(now time.Time) error {
	if k.Status(now) == KeyExpired {
		return Conflict("This key has expired. Give it a later expiry first, or create a new one.")
	}
	return k.CheckAlive()
}

// Check validates an overlap; field "overlap".
func (o Overlap) Check() error {
	switch o {
	case OverlapNone, OverlapHour, OverlapDay, OverlapWeek:
		return nil
	}
	return Invalid("overlap", "Choose when the old value stops: now, in an hour, in a day or in a week.")
}

// Overlap is how long an old value works on after a rotation.
type Overlap time.Duration

// The overlaps that people choose from (DECISIONS 17, 40); DefaultOverlap is preselected.
const (
	OverlapNone    Overlap = 0
	OverlapHour            = Overlap(time.Hour)
	OverlapDay             = Overlap(24 * time.Hour)
	OverlapWeek            = Overlap(7 * 24 * time.Hour)
	DefaultOverlap         = OverlapDay
)

// CheckExpiry validates a key's expiry; field "expires". Zero (never) is fine.
func CheckExpiry(expires, now time.Time) error {
	switch {
	case expires.IsZero():
		return nil
	case !expires.After(now):
		return Invalid("expires", "Choose a time in the future; to stop the key now, revoke it.")
	case expires.After(now.AddDate(10, 0, 0)):
		return Invalid("expires", "Choose a time within ten years, or leave it empty.")
	}
	return nil
}

// MembershipState is whether a key may use a plan that it is on.
type MembershipState string

// The states of a membership.
const (
	MemberActive    MembershipState = "active"
	MemberPending   MembershipState = "pending"   // the subscription waits for the owner
	MemberSuspended MembershipState = "suspended" // the owner suspended the subscription
	MemberBlocked   MembershipState = "blocked"   // the owner disabled this one key on his plans
	MemberEnded     MembershipState = "ended"     // the plan has ended
)

// Membership is a key on a plan.
type Membership struct {
	PlanID         PlanID
	PlanName       string
	KeyID          KeyID
	SubscriptionID SubscriptionID // zero when an owner put the key on the plan himself
	State          MembershipState
	AddedAt        time.Time
	PlanEndsAt     time.Time // zero: no end is announced
	Override       *Override // what the key has in place of the plan's limits, perhaps ended; nil: nothing
}

// Terms are a plan's terms as they are for the key now.
func (m Membership) Terms(t Terms, now time.Time) Terms {
	if m.Override == nil || !m.Override.Holds(now) {
		return t
	}
	return m.Override.On(t)
}

// MemberState returns whether a key may use a plan, from the state of the subscription that put it there ("" for none) and whether the plan's
// owner blocked this key.
func MemberState(s SubscriptionState, blocked bool) MembershipState {
	switch {
	case blocked:
		return MemberBlocked
	case s == "":
		return MemberActive
	}
	return s.Member()
}

// App is a developer's container of keys.
type App struct {
	ID        AppID
	AccountID AccountID
	Name      string
	CreatedAt time.Time
}

// SubscriptionState is where a subscription stands.
type SubscriptionState string

// The states of a subscription. Refused and ended are final.
const (
	SubscriptionPending   SubscriptionState = "pending"
	SubscriptionActive    SubscriptionState = "active"
	SubscriptionSuspended SubscriptionState = "suspended"
	SubscriptionRefused   SubscriptionState = "refused"
	SubscriptionEnded     SubscriptionState = "ended"
)

// Open reports whether the subscription occupies its plan: pending, active or suspended.
func (s SubscriptionState) Open() bool {
	return s == SubscriptionPending || s == SubscriptionActive || s == SubscriptionSuspended
}

// Member returns the state that the app's keys have on the plan.
func (s SubscriptionState) Member() MembershipState {
	switch s {
	case SubscriptionActive:
		return MemberActive
	case SubscriptionPending:
		return MemberPending
	case SubscriptionSuspended:
		return MemberSuspended
	default:
		return MemberEnded
	}
}

// Subscription is an app on a plan.
type Subscription struct {
	ID          SubscriptionID
	AppID       AppID
	PlanID      PlanID
	State       SubscriptionState
	Message     string // the developer's words to the owner
	Reason      string // the owner's words: why refused, suspended or ended
	RequestedAt time.Time
	DecidedAt   time.Time // zero: not yet
	EndedAt     time.Time // zero: open
}

// Decision is what an owner does with a subscription.
type Decision string

// The decisions, each with the states that it starts from.
const (
	Approve Decision = "approve" // pending -> active
	Refuse  Decision = "refuse"  // pending -> refused; needs a reason
	Suspend Decision = "suspend" // active -> suspended
	Resume  Decision = "resume"  // suspended -> active
	End     Decision = "end"     // pending, active, suspended -> ended
)

// Decide returns the state that a decision leads to; fields "reason".
func (s Subscription) Decide(d Decision, reason string) (SubscriptionState, error) {
	type step struct {
		from SubscriptionState
		d    Decision
	}
	next, ok := map[step]SubscriptionState{
		{SubscriptionPending, Approve}:  SubscriptionActive,
		{SubscriptionPending, Refuse}:   SubscriptionRefused,
		{SubscriptionActive, Suspend}:   SubscriptionSuspended,
		{SubscriptionSuspended, Resume}: SubscriptionActive,
		{SubscriptionPending, End}:      SubscriptionEnded,
		{SubscriptionActive, End}:       SubscriptionEnded,
		{SubscriptionSuspended, End}:    SubscriptionEnded,
	}[step{s.State, d}]
	if !ok {
		return "", Conflict("This subscription is " + string(s.State) + " now; reload the page to see what can be done.")
	}
	if d == Refuse && reason == "" {
		return "", Invalid("reason", "Say why, so that the developer can do better.")
	}
	return next, nil
}
