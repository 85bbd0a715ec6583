package enforcement_test

import (
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/models"
)

// crooked is a world whose wall clock can be set wrong, while the machine's own goes on.
type crooked struct {
	*one
	shift atomic.Int64
}

func newCrooked(t *testing.T) *crooked {
	c := &crooked{one: newOne(t, nil)}
	c.start(t)
	return c
}

func (c *crooked) start(t *testing.T) {
	t.Helper()
	c.g = c.gateway(t, func(to *enforcement.Config) {
		to.Shift = func() time.Duration { return time.Duration(c.shift.Load()) }
	})
}

func (c *crooked) set(wrong time.Duration) { c.shift.Store(int64(wrong)) }

// pass lets time pass, and the gateway look at the clock meanwhile.
func (c *crooked) pass(d time.Duration) {
	for step := max(d/100, time.Second); d > 0; d -= step {
		c.clock.advance(min(step, d))
		c.g.Reached()
	}
}

// deadlines sets everything that has one to end after some time, and returns what a call of each answers.
func (c *crooked) deadlines(t *testing.T, after time.Duration) func() [3]string {
	t.Helper()
	end := c.clock.now().Add(after)
	expiring, value := c.addKey(c.plan)
	c.change(expiring, func(k *models.Credential) { k.ExpiresAt = end })
	rotated, old := c.addKey(c.plan)
	c.change(rotated, func(k *models.Credential) { k.Secrets[0].StopsAt = end })
	ending := c.addPlan("Ending", nil, c.stage)
	c.end(ending, end)
	_, last := c.addKey(ending)
	catchUp(t, c.g)
	return func() (got [3]string) {
		for i, key := range []string{value, old, last} {
			got[i] = slugOf(t, in(c.g, "GET", "/echo/prod/a", key))
		}
		return got
	}
}

var (
	works = [3]string{}
	ended = [3]string{"key-expired", "key-replaced", "plan-ended"}
)

func TestWhatHasEndedStaysEndedWhenTheClockGoesBack(t *testing.T) {
	for name, restart := range map[string]bool{"": false, "and the server is started anew": true} {
		t.Run(name, func(t *testing.T) {
			c := newCrooked(t)
			call := c.deadlines(t, 10*time.Minute)
			c.pass(9 * time.Minute)
			if got := call(); got != works {
				t.Errorf("before: %q", got)
			}
			c.clock.advance(time.Minute)
			if got := call(); got != ended {
				t.Errorf("at the end: %q", got)
			}
			if restart {
				drain(t, c.g)
			}
			c.set(-time.Hour)
			if restart {
				c.start(t)
			}
			for range 10 {
				if got := call(); got != ended {
					t.Fatalf("the clock went back, and there is %q", got)
				}
				c.pass(7 * time.Minute)
			}
		})
	}
}

// The other way: what a wrong clock ended works again when it is right.
func TestAClockThatIsAheadForAWhileEndsNothingForGood(t *testing.T) {
	c := newCrooked(t)
	call := c.deadlines(t, 30*time.Minute)
	c.pass(time.Minute)
	c.set(time.Hour)
	for range 5 {
		c.pass(10 * time.Second)
		if got := call(); got != ended {
			t.Fatalf("the clock says that it is over: %q", got)
		}
	}
	c.set(0)
	if got := call(); got != works {
		t.Errorf("it stood ahead for less than a minute: %q", got)
	}
	c.set(100 * 365 * 24 * time.Hour)
	c.pass(20 * time.Hour)
	c.set(-20 * time.Hour)
	if got := call(); got != works {
		t.Errorf("it stood a century ahead for less than a day: %q", got)
	}
}

func TestAClockThatStaysBackIsBelievedAfterADay(t *testing.T) {
	c := newCrooked(t)
	c.set(20 * 24 * time.Hour) // wrong from before the first look
	c.start(t)
	c.pass(2 * time.Minute)
	call := c.deadlines(t, 10*24*time.Hour)
	if got := call(); got != ended {
		t.Errorf("by the wrong clock: %q", got)
	}
	c.set(0)
	c.pass(12 * time.Hour)
	drain(t, c.g)
	c.start(t) // the time before counts
	c.pass(11 * time.Hour)
	if got := call(); got != ended {
		t.Errorf("before a day is over: %q", got)
	}
	c.pass(2 * time.Hour)
	if got := call(); got != works {
		t.Errorf("the clock has been right for a day: %q", got)
	}
}

// What is forgotten by age is forgotten for good: a clock that is wrong for a while must not do it.
func TestTimeThatHasComeDoesNotJump(t *testing.T) {
	c := newCrooked(t)
	c.pass(time.Minute)
	begin := c.clock.now()
	for _, jump := range []struct{ by, stays, moves time.Duration }{
		{90 * 24 * time.Hour, 23 * time.Hour, 0}, {time.Hour, 50 * time.Second, 0}, {-time.Hour, 23 * time.Hour, 0},
	} {
		c.set(jump.by)
		c.pass(jump.stays)
		if got := c.g.Reached(); got.After(c.clock.now()) || got.Before(begin) {
			t.Errorf("after %v for %v: %v, and it is %v", jump.by, jump.stays, got, c.clock.now())
		}
		c.set(0)
		c.pass(2 * time.Minute)
		if got := c.g.Reached(); !got.Equal(c.clock.now()) {
			t.Errorf("after %v for %v, and back: %v, and it is %v", jump.by, jump.stays, got, c.clock.now())
		}
	}
	c.set(time.Hour)
	c.pass(time.Minute + time.Second)
	if got := c.g.Reached(); !got.Equal(c.clock.now().Add(time.Hour)) {
		t.Errorf("a clock that stays where it was set is not believed: %v", got)
	}
}
