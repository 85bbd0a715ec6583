package meter

import (
	"math/bits"
	"time"

	"gatehouse/models"
)

const (
	secondsPerMinute = 60
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

// batch is folded records.
type batch struct {
	cells    []models.UsageCell
	index    map[cellName]int32 // of cells
	charged  map[chargeName]int64
	lastUsed map[models.KeyID]int64 // Unix seconds
	// throttled has a bit for each second of a minute that had a refusal by a throttle. It outlives commits: a second counts once.
	throttled map[place]uint64
}

// reset begins an empty batch. The cells are not used again: the sink may keep them.
func (b *batch) reset() {
	if b.index == nil || len(b.index) > spareRecords {
		b.index, b.charged, b.lastUsed = map[cellName]int32{}, map[chargeName]int64{}, map[models.KeyID]int64{}
	}
	clear(b.index)
	clear(b.charged)
	clear(b.lastUsed)
	b.cells = nil
	if b.throttled == nil {
		b.throttled = map[place]uint64{}
	}
}

func (b *batch) fold(r *record) {
	c := &r.call
	at := place{c.Key, c.Plan, c.Stage, c.Method, c.At - c.At%secondsPerMinute}
	switch r.kind {
	case admitted:
		b.cell(at, models.OutcomeOpen).Count++
		b.charge(c, 1)
		b.see(c)
	case finished:
		b.cell(at, models.OutcomeOpen).Count--
		cell := b.cell(at, r.result.Outcome)
		cell.Count++
		cell.BytesIn += r.result.BytesIn
		cell.BytesOut += r.result.BytesOut
		cell.Latency[models.LatencyBucket(r.result.Latency)]++
	case refused:
		cell := b.cell(at, r.result.Outcome)
		cell.Count++
		if r.result.Outcome == models.OutcomeThrottled {
			cell.ThrottledSeconds += b.newSecond(at, c.At)
		}
		b.see(c)
	case refunded:
		b.charge(c, -1)
	}
}

func (b *batch) see(c *Call) { b.lastUsed[c.Key] = max(b.lastUsed[c.Key], c.At) }

// cell returns a cell, good until the next one is asked for.
func (b *batch) cell(at place, o models.Outcome) *models.UsageCell {
	name := cellName{at, o}
	i, ok := b.index[name]
	if !ok {
		i = int32(len(b.cells))
		b.index[name] = i
		b.cells = append(b.cells, models.UsageCell{
			KeyID: at.key, PlanID: at.plan, StageID: at.stage, MethodID: at.method, Minute: at.minute, Outcome: o,
		})
	}
	return &b.cells[i]
}

func (b *batch) charge(c *Call, n int64) {
	if c.Plan != 0 {
		b.charged[chargeName{c.Key, c.Plan, c.Day}] += n
	}
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
func (b *batch) usage() (u models.UsageBatch) {
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
	return u
}
