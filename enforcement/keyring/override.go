package keyring

import (
	"gatehouse/models"
)

// Override is what stands in place of a plan's limits for one key. The gateway keeps in it what it made of it.
type Override struct {
	models.Override
	Ends  int64 // Unix nanoseconds; 0: it has no end
	Ended bool  // the gateway decides by the plan's limits again
	Made  any   // by the gateway, of this and of the plan's limits
}

// Override returns the one that the key has on a plan, or nil. It is the entry's own: good until Unlock.
func (e *Entry) Override(plan models.PlanID) *Override {
	if e.more != nil {
		for i := range e.more.overrides {
			if o := &e.more.overrides[i]; o.PlanID == plan {
				return o
			}
		}
	}
	return nil
}

// End says that an override has ended, or, when the clock was wrong, that it has not. Before the key is admitted again, the ledger is asked by the other limits.
func (e *Entry) End(o *Override, ended bool) {
	if o.Ended == ended {
		return
	}
	o.Ended = ended
	if m := e.Member(o.PlanID); m != nil {
		m.Version = 0
	}
}

// by is the override by which a key is decided on a plan, as asks say it.
func (e *Entry) by(plan models.PlanID) models.OverrideID {
	o := e.Override(plan)
	switch {
	case o == nil:
		return 0
	case o.Ended:
		return -o.ID
	}
	return o.ID
}

// override takes over the overrides.
func (e *Entry) override(plans []models.CredentialPlan) {
	if e.more != nil {
		e.more.overrides = nil
	}
	for _, p := range plans {
		if p.Override != nil {
			x := e.extra()
			x.overrides = append(x.overrides, Override{Override: *p.Override, Ends: nanos(p.Override.EndsAt)})
		}
	}
}
