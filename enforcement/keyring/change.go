package keyring

import (
	"slices"
	"time"

	"gatehouse/models"
)

// Put makes a key what the credential says. Levels of throttles and rights in hand stay, also of plans that the key leaves or comes back
// to; but before any of them admits again, the ledger is asked (Member.Version is 0): the change may have been of what is left.
func (r *Ring) Put(c models.Credential) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ref, known := r.byID(c.KeyID)
	if !known {
		ref = r.allocate()
		e = r.entry(ref)
		e.mu.Lock()
	}
	var space [2][4]digest
	before := e.digests(space[0][:0])
	e.describe(c)
	e.join(c.Plans)
	e.override(c.Plans)
	after := e.digests(space[1][:0])
	e.mu.Unlock()

	if !known {
		r.byKey.add(keyHash(c.KeyID), ref)
		r.keys.Add(1)
	}
	// New values first: a key that changes its value is never without one.
	for _, d := range after {
		if !slices.Contains(before, d) {
			r.byDigest.add(digestHash(&d), ref)
		}
	}
	for _, d := range before {
		if !slices.Contains(after, d) {
			r.byDigest.remove(digestHash(&d), ref)
		}
	}
}

// Remove forgets a key and what it had left, after last has seen it.
func (r *Ring) Remove(id models.KeyID, last func(e *Entry)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ref, known := r.byID(id)
	if !known {
		return
	}
	last(e)
	digests := e.digests(nil)
	e.clear()
	e.mu.Unlock()

	r.keys.Add(-1)
	r.byKey.remove(keyHash(id), ref)
	for _, d := range digests {
		r.byDigest.remove(digestHash(&d), ref)
	}
	r.free = append(r.free, ref)
}

// digests appends the digests of the key's values.
func (e *Entry) digests(to []digest) []digest {
	if e.digest != (digest{}) {
		to = append(to, e.digest)
	}
	if e.more != nil {
		for _, v := range e.more.values {
			to = append(to, v.digest)
		}
	}
	return to
}

// describe takes over everything but the memberships.
func (e *Entry) describe(c models.Credential) {
	e.key, e.app, e.expire = c.KeyID, c.AppID, nanos(c.ExpiresAt)
	switch {
	case c.Revoked:
		e.status = Revoked
	case c.Enabled:
		e.status = Enabled
	default:
		e.status = Disabled
	}
	e.digest = digest{}
	if e.more != nil {
		e.more.values = nil
	}
	for _, s := range c.Secrets {
		whole := [32]byte(s.Digest)
		if d := digestOf(&whole); s.StopsAt.IsZero() {
			e.digest = d
		} else {
			m := e.extra()
			m.values = append(m.values, value{digest: d, stops: nanos(s.StopsAt)})
		}
	}
}

func digestOf(whole *[32]byte) digest { return digest(whole[:16]) }

// join takes over the memberships.
func (e *Entry) join(plans []models.CredentialPlan) {
	e.Members(func(m *Member) { m.State, m.Version = Gone, 0 })
	for _, p := range plans {
		m := e.Member(p.PlanID)
		if m == nil {
			m = e.newMember(p.PlanID)
		}
		m.State = stateOf(p.State)
	}
}

func (e *Entry) newMember(plan models.PlanID) *Member {
	if e.member.Plan == 0 {
		e.member.Plan = plan
		return &e.member
	}
	x := e.extra()
	x.members = append(x.members, Member{Plan: plan})
	return &x.members[len(x.members)-1]
}

// clear makes the entry free. Not *e = Entry{}: the lock is held.
func (e *Entry) clear() {
	e.more, e.key, e.app, e.expire, e.status = nil, 0, 0, 0, Absent
	e.open, e.stream = 0, 0
	e.digest, e.member = digest{}, Member{}
}

const secondsPerDay = 86400

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
