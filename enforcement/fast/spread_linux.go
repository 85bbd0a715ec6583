package fast

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// home is the loop that a connection belongs to.
func (l *Lane) home(c *client) *loop { return l.loops[c.number%l.spread.Load()] }

// noteShare has a loop's share thought about, unless another loop is thinking: each has ten in a second.
func (l *Lane) noteShare(o *loop, used, free float64) {
	if l.thinking.TryLock() {
		defer l.thinking.Unlock()
		l.spread.Store(uint32(l.spreading.note(o.number, used, free, o.mono)))
	}
}

// threadTime is the processor time that the calling thread has used, in nanoseconds.
func threadTime() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return t.Nano()
}

// machineIdle is the time that the machine's processors have been idle, all together, in seconds; 0: the system does not tell.
func machineIdle() float64 {
	text, err := os.ReadFile("/proc/uptime")
	if fields := bytes.Fields(text); err == nil && len(fields) == 2 {
		idle, _ := strconv.ParseFloat(string(fields[1]), 64)
		return idle
	}
	return 0
}

// measure ends a window in which the loop measures what it uses.
func (o *loop) measure() {
	used, took := threadTime(), float64(o.mono-o.measured)
	share, free := float64(used-o.used)/took, 0.0
	if share >= fullShare {
		before := o.idled
		if o.idled = machineIdle(); o.idled > 0 {
			free = (o.idled - before) * 1e9 / took // too much in the first full window, which does not matter
		} else {
			free = 1
		}
	}
	o.used, o.measured = used, o.mono
	o.lane.noteShare(o, share, free)
}

// sendHome moves a connection that belongs to another loop. Nothing is under way on it; what was read of its next request goes along, and the other loop reads what
// has come since. An idle connection stays where it is until it speaks: where many are idle, moving them all would stop the others.
//
// No connection moves any more when the lane ends: Leave and Close find each in its loop, or on its way before them.
func (o *loop) sendHome(c *client) bool {
	home := o.lane.home(c)
	if home == o || o.lane.leaving.Load() {
		return false
	}
	moved := new(client)
	*moved = *c // whoever still has c, finds it gone
	o.unwatch(c.fd)
	o.remove(c)
	if !home.post(func() { home.takeOver(moved) }) {
		o.lane.shut(moved)
	}
	return true
}

// takeOver goes on with a connection that another loop had.
func (o *loop) takeOver(c *client) {
	if o.lane.leaving.Load() { // it was on its way when the others were counted
		c.deaf = true
		o.deaf.Add(1)
	}
	o.welcome(c)
}
