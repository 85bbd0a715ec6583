package models

import (
	"time"

	"gatehouse/models/limit"
)

// OverrideID names one setting of an override. It counts up and is never used again.
type OverrideID int64

// Override are limits that an owner gave one key on one of his plans, in place of those that the plan gives each key. What it does not name is the plan's, and
// limits of single methods always are.
type Override struct {
	ID             OverrideID
	KeyID          KeyID
	PlanID         PlanID
	SubscriptionID SubscriptionID  // it came with the subscription's; zero: it is the key's own
	Throttle       *limit.Throttle // nil: the plan's
	Quota          *limit.Quota    // nil: the plan's; else with windows of its own
	Reason         string
	SetBy          string
	SetAt          time.Time
	EndsAt         time.Time // from then on the plan's limits hold again; zero: it has no end
}

// IsSet reports whether there is one.
func (o *Override) IsSet() bool { return o.Throttle != nil || o.Quota != nil }

// Holds reports whether it is there and has not ended.
func (o *Override) Holds(now time.Time) bool {
	return o.IsSet() && (o.EndsAt.IsZero() || now.Before(o.EndsAt))
}

// On returns a plan's terms as they are for the key.
func (o *Override) On(t Terms) Terms {
	if o.Throttle != nil {
		t.Throttle = o.Throttle
	}
	if o.Quota != nil {
		t.Quota = o.Quota
	}
	return t
}

// NewOverride asks for one. Fields "rate", "burst", "quota", "period", "reason", "ends".
type NewOverride struct {
	Throttle *limit.Throttle
	Quota    *limit.Quota
	Reason   string // for the developer to read, too; 1 to 200 characters
	EndsAt   time.Time
}

// Clean trims and checks what an owner typed.
func (in NewOverride) Clean(now time.Time) (NewOverride, error) {
	var p Problems
	if in.Throttle == nil && in.Quota == nil {
		p.Add("rate", "Enter a rate, a quota, or both.")
	}
	if in.Throttle != nil {
		addThrottle(&p, "rate", "burst", *in.Throttle)
	}
	if in.Quota != nil {
		addQuota(&p, *in.Quota)
	}
	var err error
	in.Reason, err = CleanText("reason", in.Reason, 200)
	p.Join(err)
	if err == nil && in.Reason == "" {
		p.Add("reason", "Say why; the developer reads it.")
	}
	if !in.EndsAt.IsZero() && !in.EndsAt.After(now) {
		p.Add("ends", "Enter a day in the future.")
	}
	return in, p.Err()
}
