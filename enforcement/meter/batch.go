package meter

import (
	"math/bits"
	"time"

	"gatehouse/enforcement/journal"
	"gatehouse/models"
	"gatehouse/models/limit"
)

const (
	secondsPerMinute = 60
	secondsPerDay    = 86400
	// spareCells is the largest index that is kept for reuse: what a peak needed is given back.
	spareCells = 1 << 12
	// keepSeconds is how long the throttled seconds of a minute are remembered after it: a refusal is folded at most that late.
	keepSeconds = 120
)

// place is the part of a cell's name that outcomes share.
type place struct {
	key    models.KeyID
	plan   models.PlanID
	stage  models.StageID
	method models.MethodID
	minute int64 // Unix seconds of its start
}

type chargeName struct {
	key  models.KeyID
	plan models.PlanID
	day  int32
}

// levelName names a throttle's bucket: a plan's own when the method is 0, a stage's or an account's when the key is 0.
type levelName struct {
	key     models.KeyID
	plan    models.PlanID
	stage   models.StageID
	method  models.MethodID
	account models.AccountID
}

// tally is what was folded of a place. Records come by the hundred thousand and say everything anew each time: what is of a key, or of a key and its plan, is
// put together from its tallies when the batch is handed on.
type tally struct {
	place
	cells                  [models.NumOutcomes]int32 // 1 + an index into batch.cells; 0: there is none
	charged                int64                     // rights of the quota, less those that came back; all of one day
	seen                   int64                     // Unix second of the last request; 0: none
	planLevel, methodLevel level                     // of the plan's own throttle, and of the method's
}

// level is the newest TAT of a throttle, and when it was written down, in records; the zero level is none.
type level struct{ tat, order int64 }

func (l *level) set(tat, order int64) {
	if tat != 0 {
		*l = level{tat, order}
	}
}

// batch is folded records.
type batch struct {
	cells   []models.UsageCell
	tallies []tally
	index   map[place]int32     // of tallies
	shared  map[levelName]int64 // TATs of buckets from which many take
	folded  int64               // records, ever
	// throttled has a bit for each second of a minute that had a refusal by a throttle. It outlives commits: a second counts once.
	throttled map[place]uint64
	arrivals  arrivals
	recorded  bool // arrivals are folded
}

// reset begins an empty batch. The cells are not used again: the sink may keep them.
func (b *batch) reset() {
	if b.index == nil || len(b.index) > spareCells {
		b.index, b.shared, b.tallies = map[place]int32{}, map[levelName]int64{}, nil
	}
	clear(b.index)
	clear(b.shared)
	b.tallies, b.cells = b.tallies[:0], nil
	b.arrivals.reset()
	if b.throttled == nil {
		b.throttled = map[place]uint64{}
	}
}

func (b *batch) fold(r *journal.Record) {
	b.folded++
	if r.Kind == journal.Shared {
		name := levelName{stage: r.Stage, method: r.Method, account: r.Account}
		b.shared[name] = max(r.TAT, b.shared[name]) // many take from it: they may write in another order
		return
	}
	at := place{r.Key, r.Plan, r.Stage, r.Method, r.Second - r.Second%secondsPerMinute}
	t := b.tally(at)
	switch r.Kind {
	case journal.Admitted:
		i := b.cell(t, models.OutcomeOpen)
		b.cells[i].Count++
		b.record(i, r)
		t.charged++
		t.seen = max(t.seen, r.Second)
		t.planLevel.set(r.TAT, b.folded)
		t.methodLevel.set(r.MethodTAT, b.folded)
	case journal.Finished:
		b.cells[b.cell(t, models.OutcomeOpen)].Count--
		i := b.cell(t, r.Outcome)
		b.record(i, r)
		cell := &b.cells[i]
		cell.Count++
		cell.BytesIn += r.BytesIn
		cell.BytesOut += r.BytesOut
		cell.Latency[models.LatencyBucket(r.Latency)]++
		cell.Upstream += r.Latency
		cell.Gateway += r.Gateway
		cell.Timed++
		if r.Refund {
			t.charged--
		}
	case journal.Refused:
		i := b.cell(t, r.Outcome)
		b.record(i, r)
		cell := &b.cells[i]
		cell.Count += int64(r.Count)
		if r.Outcome == models.OutcomeThrottled {
			cell.ThrottledSeconds += b.newSecond(at, r.Second)
		}
		t.seen = max(t.seen, r.Second)
	case journal.Shared: // above
	}
}

// tally returns the tally of a place, good until the next one is asked for.
func (b *batch) tally(at place) *tally {
	i, ok := b.index[at]
	if !ok {
		i = int32(len(b.tallies))
		b.index[at] = i
		b.tallies = append(b.tallies, tally{place: at})
	}
	return &b.tallies[i]
}

// cell returns the index of a cell.
func (b *batch) cell(t *tally, o models.Outcome) int32 {
	i := &t.cells[o]
	if *i == 0 {
		b.cells = append(b.cells, models.UsageCell{
			KeyID: t.key, PlanID: t.plan, StageID: t.stage, MethodID: t.method, Minute: t.minute, Outcome: o,
		})
		*i = int32(len(b.cells))
	}
	return *i - 1
}

// newSecond returns 1 if the second was not marked before.
func (b *batch) newSecond(at place, second int64) int64 {
	before := b.throttled[at]
	after := before | 1<<(second-at.minute)
	b.throttled[at] = after
	return int64(bits.OnesCount64(after) - bits.OnesCount64(before))
}

// forget drops the throttled seconds of minutes that no refusal can come from any more.
func (b *batch) forget(now int64) {
	for at := range b.throttled {
		if at.minute+secondsPerMinute+keepSeconds < now {
			delete(b.throttled, at)
		}
	}
}

// usage is the batch as the sink takes it, without what sums to nothing.
func (b *batch) usage(at Instant) (u models.UsageBatch) {
	for i := range b.cells {
		if c := &b.cells[i]; c.Count != 0 || c.BytesIn != 0 || c.BytesOut != 0 || c.ThrottledSeconds != 0 {
			u.Cells = append(u.Cells, *c)
		}
	}
	charged, seen, levels := map[chargeName]int64{}, map[models.KeyID]int64{}, map[levelName]level{}
	for i := range b.tallies {
		t := &b.tallies[i]
		if t.charged != 0 {
			charged[chargeName{t.key, t.plan, int32(t.minute / secondsPerDay)}] += t.charged
		}
		if t.seen != 0 {
			seen[t.key] = max(seen[t.key], t.seen)
		}
		newest(levels, levelName{key: t.key, plan: t.plan}, t.planLevel)
		newest(levels, levelName{key: t.key, plan: t.plan, stage: t.stage, method: t.method}, t.methodLevel)
	}
	for name, n := range charged {
		if n != 0 {
			u.Charged = append(u.Charged, models.QuotaUse{KeyID: name.key, PlanID: name.plan, Day: int64(name.day), Used: n})
		}
	}
	for key, at := range seen {
		u.LastUsed = append(u.LastUsed, models.LastUse{KeyID: key, At: time.Unix(at, 0).UTC()})
	}
	for name, tat := range b.shared {
		newest(levels, name, level{tat, b.folded})
	}
	for name, l := range levels {
		if wait := limit.FullIn(l.tat, at.Mono); wait > 0 {
			u.Levels = append(u.Levels, models.ThrottleLevel{
				KeyID: name.key, PlanID: name.plan, StageID: name.stage, MethodID: name.method, AccountID: name.account,
				TAT: l.tat, FullAt: at.Wall.Add(wait).UTC(),
			})
		}
	}
	return u
}

// newest keeps the level of a bucket that was written down last.
func newest(levels map[levelName]level, name levelName, l level) {
	if l.tat != 0 && l.order > levels[name].order {
		levels[name] = l
	}
}
