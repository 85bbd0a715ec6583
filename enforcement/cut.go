package enforcement

import (
	"context"
	"time"

	"gatehouse/enforcement/keyring"
)

// This file ends requests under way whose key may not call any more. Whatever would refuse the key if it came now, for a reason of its own, ends what it
// has open: revoked, disabled or expired, its value replaced, off the plan, the subscription suspended or ended, the plan over. Limits end nothing: what was
// admitted was charged. A change of a plan's methods ends nothing either.
//
// A stream (a WebSocket, server-sent events) ends, too, when the token does that it was opened with. Other requests are finished: they were judged when they came.
//
// Nothing is noted per key: all requests under way are looked at, after each change and every cutEvery for what time ends. A look-up per open request costs
// less than a list per key would on every request.

// cutEvery and transport's time for a client that does not read make together less than the second that is promised.
const cutEvery = 250 * time.Millisecond

// cutInTime ends what time has ended, until ctx ends.
func (g *Gateway) cutInTime(ctx context.Context) {
	tick := time.NewTicker(cutEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.horizon.look(g.now())
			// While a change is applied a key may be off its old plan and not on the new one yet. Who applies it will look, too.
			settled := g.changes.TryLock()
			g.cutRefused(settled)
			if settled {
				g.changes.Unlock()
			}
		}
	}
}

// cutRefused ends what may not go on. Unless all is settled, the keys' places on plans are not looked at.
func (g *Gateway) cutRefused(settled bool) {
	s := g.current.Load()
	if s == nil {
		return
	}
	at := g.now()
	for i := range g.open.shards {
		g.open.shards[i].each(func(q *request) {
			if !q.underWay.Load() {
				return
			}
			if q.isOver(at.mono) {
				q.exchange.Cut()
				return
			}
			if p := g.judgeAgain(q, s, at, settled); p != problemNone {
				q.cut.CompareAndSwap(uint32(problemNone), uint32(p))
				q.exchange.Cut()
			}
		})
	}
}

// judgeAgain says why the key of a request under way would be refused now.
func (g *Gateway) judgeAgain(q *request, s *snapshot, at instant, settled bool) problem {
	var e *keyring.Entry
	var stops int64
	var known bool
	switch {
	case q.outlived(at):
		return problemUnauthorized
	case q.decision.call.Key == 0:
		return problemNone // the method needs no key
	case q.as != 0:
		e, known = g.keys.ByKey(q.as)
	case q.authorization != nil && q.authorization.key != 0 && q.isNamed():
		e, known = g.keys.ByKey(q.authorization.key)
	default:
		e, stops, known = g.keys.Find(&q.decision.digest)
	}
	if !known {
		return problemKeyUnknown
	}
	defer e.Unlock()
	return q.judgeKeyAgain(e, stops, s, at, settled)
}

// judgeKeyAgain does so of the key whose entry is locked.
func (c *call) judgeKeyAgain(e *keyring.Entry, stops int64, s *snapshot, at instant, settled bool) problem {
	var d decision
	if p := d.judgeKey(e, stops, at); p != problemNone {
		return p
	}
	st := s.stages[c.stage.id]
	switch {
	case !settled:
		return problemNone
	case st == nil:
		return problemStageUnknown
	}
	_, _, p := membership(e, st, at)
	if p == problemNotReady {
		return problemNone // none of the key's doing
	}
	return p
}
