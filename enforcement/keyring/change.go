package keyring

import (
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

const secondsPerDay = 86400

// Book is what Put must know beside the credential.
type Book struct {
	Now   time.Time
	Quota func(models.PlanID) limit.Quota // in force; zero: none

	// Committed says that the credential was read after the meter's last commit, and that the meter has noted in Generation since.
	// Only then can a count be taken anew of a membership that charged requests before.
	Committed  bool
	Generation uint32
}

// Put makes a key what the credential says. What is left of the limits stays, also of plans that the key leaves or comes back
// to. It returns false if a count must be taken anew but b is not Committed: then that membership is refused (Uncounted) until
// Put is called again with a Book that is.
func (r *Ring) Put(c models.Credential, b Book) (counted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ref, known := r.byID(c.KeyID)
	if !known {
		ref = r.allocate()
		e = r.entry(ref)
		e.mu.Lock()
	}
	var space [2][4][32]byte
	before := e.digests(space[0][:0])
	e.describe(c)
	counted = e.join(c.Plans, b)
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
	return counted
}

// Remove forgets a key and what it had left.
func (r *Ring) Remove(id models.KeyID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ref, known := r.byID(id)
	if !known {
		return
	}
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
func (e *Entry) digests(to [][32]byte) [][32]byte {
	if e.value != (value{}) {
		to = append(to, e.value.digest)
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
	e.value = value{}
	if e.more != nil {
		e.more.values = nil
	}
	for i, s := range c.Secrets {
		v := value{digest: s.Digest, stops: nanos(s.StopsAt)}
		if i == 0 {
			e.value = v
		} else {
			m := e.extra()
			m.values = append(m.values, v)
		}
	}
}

// join takes over the memberships.
func (e *Entry) join(plans []models.CredentialPlan, b Book) (counted bool) {
	e.Members(func(m *Member) { m.State = Gone })
	counted = true
	for _, p := range plans {
		quota := b.Quota(p.PlanID)
		m := e.Member(p.PlanID)
		switch {
		case m == nil:
			// It never charged anything here that the store does not know.
			m = e.newMember(p.PlanID)
			m.count(quota, p.Used, 0, b.Now)
		case m.Shape == ShapeOf(quota):
		case b.Committed:
			m.count(quota, p.Used, m.pendingIn(b.Generation), b.Now)
		case quota.IsSet():
			m.Shape, counted = Uncounted, false
		default:
			m.Shape = 0
		}
		m.State = stateOf(p.State)
	}
	return counted
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
	e.value, e.member = value{}, Member{}
}

// count sums the days of the quota's window that is now, and what is not among them yet.
func (m *Member) count(q limit.Quota, days []models.QuotaUse, pending int64, now time.Time) {
	m.Shape, m.Day, m.Used = ShapeOf(q), 0, 0
	if !q.IsSet() {
		return
	}
	window := q.Window(now)
	m.Day = Day(window.Start)
	for _, d := range days {
		if d.Day >= int64(m.Day) && d.Day < int64(Day(window.End)) {
			m.Used += d.Used
		}
	}
	m.Used = max(0, m.Used+pending)
}

func (m *Member) pendingIn(generation uint32) int64 {
	if m.generation != generation {
		return 0
	}
	return int64(m.pending)
}

// Day is the Unix day of t.
func Day(t time.Time) int32 {
	s := t.Unix()
	if s < 0 {
		s -= secondsPerDay - 1
	}
	return int32(s / secondsPerDay)
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
