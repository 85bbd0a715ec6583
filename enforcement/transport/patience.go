package transport

import (
	"math"
	"sync/atomic"
	"time"
)

// patience is how long the upstream is waited for: first until it begins its answer, then for each part of it. The first clock starts anew with each part of
// the body that the client delivers, and stands still while the client is waited for: a slow upload is not the upstream's fault, and neither is a slow reader.
//
// One timer does for both. Moving the deadline is a store; the timer looks when it fires whether that was meant.
type patience struct {
	timer *time.Timer
	start time.Time
	first time.Duration // for the answer to begin
	part  time.Duration // for each part of it
	due   atomic.Int64  // nanoseconds behind start; math.MaxInt64: nobody is waited for
	state atomic.Uint32
}

const (
	notBegun uint32 = iota
	waiting         // for the answer to begin
	reading         // its parts
	lost            // it took too long
	over
)

// begin calls lose, once, when patience is lost.
func (p *patience) begin(start time.Time, limit time.Duration, lose func(begun bool)) {
	p.start, p.first = start, limit
	p.due.Store(int64(limit))
	p.state.Store(waiting)
	p.timer = time.AfterFunc(time.Hour, func() { p.fire(lose) })
	p.timer.Reset(limit) // which fire sees p.timer by
}

func (p *patience) fire(lose func(begun bool)) {
	state := p.state.Load()
	if state != waiting && state != reading {
		return
	}
	switch due, now := p.due.Load(), int64(time.Since(p.start)); {
	case due == math.MaxInt64:
		p.timer.Reset(min(time.Second, p.first)) // by then somebody may be waited for
	case now < due:
		p.timer.Reset(time.Duration(due - now))
	case p.state.CompareAndSwap(state, lost):
		lose(state == reading)
	default: // the answer began just now
		p.timer.Reset(time.Millisecond)
	}
}

// pause and resume say that the client is waited for, and the upstream again; they do nothing once the answer has begun.
func (p *patience) pause() {
	if p.state.Load() == waiting {
		p.due.Store(math.MaxInt64)
	}
}

func (p *patience) resume() {
	if p.state.Load() == waiting {
		p.due.CompareAndSwap(math.MaxInt64, int64(time.Since(p.start)+p.first))
	}
}

// begun says that the answer began, and how long each part may take from now on. It returns false if that was too late.
func (p *patience) begun(part time.Duration) bool {
	p.part = part // read by who waits for parts alone
	p.due.Store(math.MaxInt64)
	if !p.state.CompareAndSwap(waiting, reading) {
		return false
	}
	if part < p.first {
		p.timer.Reset(part)
	}
	return true
}

// awaitPart says that a part of the answer is waited for, and gotPart that it is there.
func (p *patience) awaitPart() { p.due.Store(int64(time.Since(p.start) + p.part)) }

func (p *patience) gotPart() { p.due.Store(math.MaxInt64) }

// end stops the clock.
func (p *patience) end() {
	p.state.Store(over)
	if p.timer != nil {
		p.timer.Stop()
	}
}
