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

type cellName struct {
	place
	outcome models.Outcome
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

// batch is folded records.
type batch struct {
	cells    []models.UsageCell
	index    map[cellName]int32 // of cells
	charged  map[chargeName]int64
	lastUsed map[models.KeyID]int64 // Unix seconds
	levels   map[levelName]int64    // TATs
	// throttled has a bit for each second of a minute that had a refusal by a throttle. It outlives commits: a second counts once.
	throttled map[place]uint64
	arrivals  arrivals
	recorded  bool // arrivals are folded
}

// reset begins an empty batch. The cells are not used again: the sink may keep them.
func (b *batch) reset() {
	if b.index == nil || len(b.index) > spareCells {
		b.index, b.charged, b.lastUsed, b.levels = map[cellName]int32{}, map[chargeName]int64{}, map[models.KeyID]int64{}, map[levelName]int64{}
	}
	clear(b.index)
	clear(b.charged)
	clear(b.lastUsed)
	clear(b.levels)
	b.cells = nil
	b.arrivals.reset()
	if b.throttled == nil {
		b.throttled = map[place]uint64{}
	}
}

func (b *batch) fold(r *journal.Record) {
	at := place{r.Key, r.Plan, r.Stage, r.Method, r.Second - r.Second%secondsPerMinute}
	switch r.Kind {
	case journal.Admitted:
		i := b.cell(at, models.OutcomeOpen)
		b.cells[i].Count++
		b.record(i, r)
		b.charge(r, 1)
		b.see(r)
		b.level(levelName{key: r.Key, plan: r.Plan}, r.TAT)
		b.level(levelName{key: r.Key, plan: r.Plan, stage: r.Stage, method: r.Method}, r.MethodTAT)
	case journal.Finished:
		b.cells[b.cell(at, models.OutcomeOpen)].Count--
		i := b.cell(at, r.Outcome)
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
			b.charge(r, -1)
		}
	case journal.Refused:
		i := b.cell(at, r.Outcome)
		b.record(i, r)
		cell := &b.cells[i]
		cell.Count += int64(r.Count)
		if r.Outcome == models.OutcomeThrottled {
			cell.ThrottledSeconds += b.newSecond(at, r.Second)
		}
		b.see(r)
	case journal.Shared:
		shared := levelName{stage: r.Stage, account: r.Account}
		b.level(shared, max(r.TAT, b.levels[shared])) // many take from it: they may write in another order
	}
}

func (b *batch) see(r *journal.Record) { b.lastUsed[r.Key] = max(b.lastUsed[r.Key], r.Second) }

// level notes a TAT; 0 is of no throttle.
func (b *batch) level(name levelName, tat int64) {
	if tat != 0 {
		b.levels[name] = tat
	}
}

// cell returns the index of a cell.
func (b *batch) cell(at place, o models.Outcome) int32 {
	name := cellName{at, o}
	i, ok := b.index[name]
	if !ok {
		i = int32(len(b.cells))
		b.index[name] = i
		b.cells = append(b.cells, models.UsageCell{
			KeyID: at.key, PlanID: at.plan, StageID: at.stage, MethodID: at.method, Minute: at.minute, Outcome: o,
		})
	}
	return i
}

func (b *batch) charge(r *journal.Record, n int64) {
	b.charged[chargeName{r.Key, r.Plan, int32(r.Second / secondsPerDay)}] += n
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
	for name, n := range b.charged {
		if n != 0 {
			u.Charged = append(u.Charged, models.QuotaUse{KeyID: name.key, PlanID: name.plan, Day: int64(name.day), Used: n})
		}
	}
	for key, at := range b.lastUsed {
		u.LastUsed = append(u.LastUsed, models.LastUse{KeyID: key, At: time.Unix(at, 0).UTC()})
	}
	for name, tat := range b.levels {
		if wait := limit.FullIn(tat, at.Mono); wait > 0 {
			u.Levels = append(u.Levels, models.ThrottleLevel{
				KeyID: name.key, PlanID: name.plan, StageID: name.stage, MethodID: name.method, AccountID: name.account,
				TAT: tat, FullAt: at.Wall.Add(wait).UTC(),
			})
		}
	}
	return u
}
