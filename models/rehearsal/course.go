package rehearsal

import (
	"math"

	"gatehouse/models/limit"
)

// course is the state of one key in one run under one terms.
type course struct {
	tat       int64
	used      int64 // of the quota, in the ledger's window
	throttled int64
	overQuota int64
}

// ledger is one key under one terms.
type ledger struct {
	even, once course
	window     int64
	closed     int64
	methods    []int64 // TATs of the methods with their own throttle: of each, even and once
}

// group is the requests of one second that the terms do not tell apart, or of one method.
type group struct {
	rules  [2]rule // today's and the draft's
	n      int64
	failed int64
}

const second = int64(1e9)

// second replays a second of one key, which begins at now. which says whose rules of the groups count.
func (l *ledger) second(t *terms, which int, groups []group, now int64, credits *[]int64) {
	var n, failed int64
	single := false
	for i := range groups {
		g := &groups[i]
		if g.rules[which].closed {
			l.closed += g.n
			continue
		}
		n += g.n
		failed += g.failed
		single = single || g.rules[which].method >= 0
	}
	if n == 0 {
		return
	}
	if single && len(l.methods) < 2*len(t.methods) {
		l.methods = append(l.methods, make([]int64, 2*len(t.methods)-len(l.methods))...)
	}
	even, once := l.even.used, l.once.used
	l.atOnce(t, which, groups, now)
	if single {
		l.mixed(t, which, groups, n, now, credits)
	} else {
		l.evenly(t, n, now)
	}
	if t.delivered && failed > 0 {
		l.even.used -= min(failed, l.even.used-even)
		l.once.used -= min(failed, l.once.used-once)
	}
}

// evenly spaces requests out over the second; only the plan's throttle and the quota are asked.
func (l *ledger) evenly(t *terms, n, now int64) {
	c := &l.even
	next, came, admitted := t.plan.Run(c.tat, now, second/n, n, t.left(c.used))
	c.tat = next
	c.used += admitted
	c.throttled += came - admitted
	c.overQuota += n - came
}

// mixed spaces requests out over the second, each method's in proportion.
func (l *ledger) mixed(t *terms, which int, groups []group, n, now int64, credits *[]int64) {
	c := &l.even
	credit := append((*credits)[:0], make([]int64, len(groups))...)
	*credits = credit
	gap := second / n
	for i := range n {
		if t.left(c.used) == 0 {
			c.overQuota += n - i
			return
		}
		turn := -1
		for j := range groups {
			if groups[j].rules[which].closed {
				continue
			}
			if credit[j] += groups[j].n; turn < 0 || credit[j] > credit[turn] {
				turn = j
			}
		}
		credit[turn] -= n
		l.one(t, groups[turn].rules[which].method, now+i*gap)
	}
}

// one decides a request for which the quota has a right, as limit.Decide does.
func (l *ledger) one(t *terms, method int, now int64) {
	c := &l.even
	next, ok, _ := t.plan.Look(c.tat, now)
	if method >= 0 {
		tat := &l.methods[2*method]
		nextOfMethod, passes, _ := t.methods[method].Look(*tat, now)
		if !passes || ok {
			*tat = nextOfMethod
		}
		if !passes {
			c.throttled++
			return
		}
	}
	c.tat = next
	if !ok {
		c.throttled++
		return
	}
	c.used++
}

// atOnce lets everything come at the beginning of the second, one method after the other.
func (l *ledger) atOnce(t *terms, which int, groups []group, now int64) {
	c := &l.once
	for i := range groups {
		g := &groups[i]
		if g.rules[which].closed {
			continue
		}
		left := t.left(c.used)
		pass := min(g.n, left, room(t.plan, c.tat, now))
		if m := g.rules[which].method; m >= 0 {
			tat := &l.methods[2*m+1]
			pass = min(pass, room(t.methods[m], *tat, now))
			*tat, _, _ = t.methods[m].Run(*tat, now, 0, pass, pass)
		}
		c.tat, _, _ = t.plan.Run(c.tat, now, 0, pass, pass)
		c.used += pass
		if pass == left {
			c.overQuota += g.n - pass
		} else {
			c.throttled += g.n - pass
		}
	}
}

// room is how many requests pass at this instant.
func room(b limit.Bucket, tat, now int64) int64 {
	if !b.IsLimited() {
		return math.MaxInt64
	}
	return b.Remaining(tat, now)
}
