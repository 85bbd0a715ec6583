package transport

import (
	"math"
	"sync/atomic"
	"time"
)

// patience is how long the upstream is waited for: first until it begins its answer, then for each part of it. The first clock starts anew with each part of
// the body that the client delivers, and stands still while the client is waited for: a slow upload is not the upstream's fault, and neither is a slow reader. It runs
// once more behind an answer that came before the whole body was sent, for the upstream to take the rest.
//
// Moving the deadline is a store. Who waits for an upstream's connection, and for nothing else, looks when a deadline of the connection is over whether that was
// meant: see line.Read. In all other cases one timer does, which looks when it fires.
type patience struct {
	timer *time.Timer // nil: there is none
	start time.Time
	first time.Duration // for the answer to begin
	part  time.Duration // for each part of it
	due   atomic.Int64  // nanoseconds behind start; math.MaxInt64: nobody is waited for
	state atomic.Uint32
	still atomic.Bool // the client is waited for
}

const (
	notBegun uint32 = iota
	waiting         // for the answer to begin
	reading         // its parts
	resting         // for the rest of the body to be taken
	lost            // it took too long
	over
)

func (p *patience) begin(start time.Time, limit time.Duration) {
	p.start, p.first = start, limit
	p.due.Store(int64(limit))
	p.state.Store(waiting)
}

// watch has a timer interrupt x when patience is lost.
func (p *patience) watch(x *Exchange) {
	if p.timer != nil || p.state.Load() == notBegun {
		return
	}
	p.timer = time.AfterFunc(time.Hour, func() { p.fire(x) })
	p.timer.Reset(p.first - time.Since(p.start)) // which fire sees p.timer by
}

func (p *patience) fire(x *Exchange) {
	state := p.state.Load()
	if state != waiting && state != reading && state != resting {
		return
	}
	switch due, now := p.due.Load(), int64(time.Since(p.start)); {
	case due == math.MaxInt64:
		p.timer.Reset(min(time.Second, p.first)) // by then somebody may be waited for
	case now < due:
		p.timer.Reset(time.Duration(due - now))
	case p.lose(x) != nil:
	default: // the answer began just now
		p.timer.Reset(time.Millisecond)
	}
}

// lose interrupts x if patience is lost, and says why.
func (p *patience) lose(x *Exchange) error {
	state := p.state.Load()
	if state != waiting && state != reading && state != resting || int64(time.Since(p.start)) < p.due.Load() || !p.state.CompareAndSwap(state, lost) {
		return nil
	}
	if state != waiting {
		x.interrupt(BrokeOff)
		return errIdle
	}
	x.interrupt(Timeout)
	return errTooSlow
}

// until is when the upstream is not waited for any longer; where nobody waits for it, when to look again.
func (p *patience) until() time.Time {
	due := p.due.Load()
	if due == math.MaxInt64 {
		return time.Now().Add(min(time.Second, p.first))
	}
	return p.start.Add(time.Duration(due))
}

// pause and resume say that the client is waited for, and the upstream again; they do nothing while parts of the answer are.
func (p *patience) pause() {
	p.still.Store(true)
	if p.isForBody() {
		p.due.Store(math.MaxInt64)
	}
}

func (p *patience) resume() {
	p.still.Store(false)
	if p.isForBody() {
		p.due.CompareAndSwap(math.MaxInt64, int64(time.Since(p.start)+p.first))
	}
}

func (p *patience) isForBody() bool {
	state := p.state.Load()
	return state == waiting || state == resting
}

// rest says that the answer is over, and the upstream takes what is left of the body.
func (p *patience) rest() {
	if !p.state.CompareAndSwap(reading, resting) {
		return
	}
	if !p.still.Load() {
		p.due.Store(int64(time.Since(p.start) + p.first))
	}
	if p.timer != nil { // there is one where there is a body
		p.timer.Reset(p.first)
	}
}

// begun says that the answer began, and how long each part may take from now on. It returns false if that was too late.
func (p *patience) begun(part time.Duration) bool {
	p.part = part // read by who waits for parts alone
	p.due.Store(math.MaxInt64)
	if !p.state.CompareAndSwap(waiting, reading) {
		return false
	}
	if part < p.first && p.timer != nil {
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
