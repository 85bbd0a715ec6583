package e2e

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var inDoubt = regexp.MustCompile(`In doubt: ([0-9,]+) request`)

// A machine that was started anew, with the default --journal-sync: what was in hand is in doubt, no more than that, and its owner can release it.
func TestAfterARebootWhatWasInHandIsInDoubtAndCanBeReleased(t *testing.T) {
	t.Parallel()
	path, err := crashBinary()
	if err != nil {
		t.Fatal(err)
	}
	const quota = 3000
	k := newKilled(t, quota)
	ctx, cancel := context.WithCancel(t.Context())
	wait := k.call(ctx, 2)
	k.serveAt(path, bootID(1))
	k.served(30)
	k.kill()
	k.serveAt(path, bootID(2))
	k.useUp()
	cancel()
	wait()
	for _, c := range k.keys[:2] {
		page := words(k.owner.page("/owner/subscriptions/" + c.subscription))
		doubt, err := strconv.Atoi(strings.ReplaceAll(find(t, inDoubt.String(), page), ",", ""))
		// The bound of docs/guarantees.md: an eighth of what was left, and the requests of two clients.
		if most := quota/8 + 4; err != nil || doubt < 1 || doubt > most {
			t.Fatalf("%s: %d in doubt, want 1 to %d (%v)", c.name, doubt, most, err)
		}
		c.limit = quota - int64(doubt)
		k.expect("POST", c.path, c.value, http.StatusTooManyRequests, "quota-exceeded")
		k.owner.done(k.owner.post("/owner/subscriptions/" + c.subscription + "/keys/" + c.key + "/release"))
		if page := words(k.owner.page("/owner/subscriptions/" + c.subscription)); inDoubt.MatchString(page) {
			t.Errorf("%s: it is still in doubt: %s", c.name, page)
		}
		for i := range doubt {
			if status, _ := k.count(c); status != http.StatusOK {
				t.Fatalf("%s: the %d. of %d that were released: %d", c.name, i+1, doubt, status)
			}
		}
		if status, _ := k.count(c); status != http.StatusTooManyRequests {
			t.Errorf("%s: one more than was released: %d", c.name, status)
		}
		c.limit = quota
	}
	if log := words(k.owner.page("/owner/audit")); strings.Count(log, "released what was in doubt of") < 2 {
		t.Errorf("the log of changes does not tell of it: %.500s", log)
	}
	k.check()
}

// count sends one request of a key, and counts it.
func (k *killed) count(c *caller) (status int, problem string) {
	k.Helper()
	status, problem = k.world.call("POST", c.path, c.value)
	switch status {
	case http.StatusOK:
		c.answered.Add(1)
	case http.StatusTooManyRequests:
		c.refused.Add(1)
	}
	return status, problem
}

// With --journal-sync always nothing is in doubt: every admission was on the disk.
func TestAfterARebootNothingIsInDoubtWhenEachAdmissionWasOnTheDisk(t *testing.T) {
	t.Parallel()
	path, err := crashBinary()
	if err != nil {
		t.Fatal(err)
	}
	k := newKilled(t, 600)
	k.flags = []string{"--journal-sync", "always"}
	ctx, cancel := context.WithCancel(t.Context())
	wait := k.call(ctx, 2)
	for boot := range 3 {
		k.serveAt(path, bootID(boot+1))
		k.flow()
		k.kill()
	}
	k.serveAt(path, bootID(4))
	k.useUp()
	cancel()
	wait()
	k.check()
}

// A killed process and an ordered stop keep the levels of throttles. A machine that was started anew without an ordered stop knows none: every bucket that
// there was starts empty, the method's and the plan's, and a key that is new has full ones.
func TestThrottlesStartEmptyAfterARebootButNotAfterAStop(t *testing.T) {
	t.Parallel()
	path, err := crashBinary()
	if err != nil {
		t.Fatal(err)
	}
	k := newKilled(t, 1000)
	k.serveAt(path, bootID(1))
	s := k.api(k.owner, "slow", "GET /a\nGET /b")
	method := find(t, `name="rate\.`+s.stage+`\.`+anID, k.owner.page("/owner/plans/new"))
	never := "0.00001"
	plan := k.plan(k.owner, "Slow", []service{s}, "throttled", "on", "rate", never, "burst", "10", "rate."+s.stage+"."+method, never, "burst."+s.stage+"."+method, "4")
	join := func(app string) string {
		return k.granted(k.dev, k.dev.done(k.dev.post("/apis/slow/subscribe", "plan", plan, "app", "new", "app_name", app))).value
	}
	spend := func(what, key string, a, b int) {
		t.Helper()
		for path, most := range map[string]int{"/slow/prod/a": a, "/slow/prod/b": b} {
			for n := range most {
				if status, problem := k.world.call("GET", path, key); status != http.StatusOK {
					t.Errorf("%s: %s: the %d. of %d: %d %s", what, path, n+1, most, status, problem)
				}
			}
		}
	}
	spent := func(what, key string) {
		t.Helper()
		k.expect("GET", "/slow/prod/a", key, http.StatusTooManyRequests, "throttled")
		k.expect("GET", "/slow/prod/b", key, http.StatusTooManyRequests, "throttled")
	}
	killed, stopped, failed, idle := join("A"), join("B"), join("C"), join("D")
	for _, key := range []string{killed, stopped, failed} {
		spend("before", key, 1, 2)
	}

	k.kill()
	k.serveAt(path, bootID(1))
	spend("killed", killed, 3, 4)
	spent("killed", killed)

	k.stop()
	k.serveAt(path, bootID(2))
	spend("stopped in order", stopped, 3, 4)
	spent("stopped in order", stopped)

	k.kill()
	k.serveAt(path, bootID(3))
	spent("the machine failed", failed)
	spent("the machine failed, and nobody had called before", idle)
	fresh := join("E")
	spend("a new key", fresh, 4, 6)
	spent("a new key", fresh)
}
