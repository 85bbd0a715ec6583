package enforcement

import (
	"gatehouse/enforcement/keyring"
)

// limitsOf returns the plan as it is for a key: itself, or with the limits that its owner gave this key in their place. It is called under the entry's lock.
func (g *Gateway) limitsOf(e *keyring.Entry, p *plan, at instant) *plan {
	o := e.Override(p.id)
	if o == nil {
		return p
	}
	ended := o.Ends != 0 && at.reached >= o.Ends
	e.End(o, ended)
	if ended {
		g.horizon.passed(o.Ends, at)
		return p
	}
	if made, ok := o.Made.(*plan); ok && made.base == p {
		return made
	}
	made := p.with(o)
	o.Made = made
	return made
}

// with makes the plan of a key that has limits of its own. It has the version of the plan: the ledger answers by both.
func (p *plan) with(o *keyring.Override) *plan {
	made := &plan{id: p.id, name: p.name, throttle: p.throttle, bucket: p.bucket, delivered: p.delivered, endsAt: p.endsAt, version: p.version, snapshot: p.snapshot, base: p}
	made.quota.Quota, made.quota.shape = p.quota.Quota, p.quota.shape
	if o.Throttle != nil {
		made.throttle, made.bucket = o.Throttle, o.Throttle.Compile()
	}
	if o.Quota != nil {
		made.quota.Quota, made.quota.shape = *o.Quota, keyring.ShapeOf(*o.Quota)
	}
	return made
}

// whom says whose limits these are.
func (p *plan) whom() string {
	if p.base != nil {
		return "this key, by limits of its own,"
	}
	return "each key"
}
