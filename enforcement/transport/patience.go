package transport

import (
	"sync"
	"time"
)

// patience is how long the upstream may take to begin its answer. Its clock starts anew with each part of the body that the
// client delivers, and stands still while the client is waited for: a slow upload is not the upstream's fault.
type patience struct {
	mu    sync.Mutex
	timer *time.Timer
	limit time.Duration
	state patienceState
}

type patienceState uint8

const (
	notBegun patienceState = iota
	waiting
	answered
	lost
)

// begin calls give once when patience is lost.
func (p *patience) begin(limit time.Duration, give func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit, p.state = limit, waiting
	p.timer = time.AfterFunc(limit, func() {
		if p.lose() {
			give()
		}
	})
}

func (p *patience) lose() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != waiting {
		return false
	}
	p.state = lost
	return true
}

func (p *patience) pause() { p.while(func() { p.timer.Stop() }) }

func (p *patience) resume() { p.while(func() { p.timer.Reset(p.limit) }) }

func (p *patience) while(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == waiting {
		fn()
	}
}

// end says that the answer began. It returns false if that was too late.
func (p *patience) end() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == waiting {
		p.state = answered
		p.timer.Stop()
	}
	return p.state != lost
}
