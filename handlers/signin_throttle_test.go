package handlers

import (
	"fmt"
	"testing"
	"time"
)

var throttleStart = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// fail is one wrong try; it returns how long to wait where it is not judged.
func fail(t *Throttle, account, address string, now time.Time) time.Duration {
	attempt, wait := t.Enter(account, address, now)
	if attempt != nil {
		attempt.Leave()
	}
	return wait
}

func succeed(t *testing.T, throttle *Throttle, account, address string, now time.Time) {
	t.Helper()
	attempt, wait := throttle.Enter(account, address, now)
	if attempt == nil {
		t.Fatalf("%s from %s has to wait %v", account, address, wait)
	}
	attempt.Succeed(now)
	attempt.Leave()
}

// TestThrottleDoublesTheWaitUpToItsLongest: five free tries, then 1 s, 2 s, 4 s … 15 min, never for ever.
func TestThrottleDoublesTheWaitUpToItsLongest(t *testing.T) {
	throttle, now := NewThrottle(throttleStart), throttleStart
	for i := range freeTries {
		if wait := fail(throttle, "ana@example.com", "192.0.2.1", now); wait != 0 {
			t.Fatalf("try %d waits %v", i+1, wait)
		}
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900} {
		want *= time.Second
		if got := fail(throttle, "ana@example.com", "192.0.2.1", now); got != want {
			t.Fatalf("wait %d is %v, want %v", i+1, got, want)
		}
		now = now.Add(want)
		if got := fail(throttle, "ana@example.com", "192.0.2.1", now); got != 0 {
			t.Fatalf("after wait %d: %v more", i+1, got)
		}
	}
}

// TestThrottleForgetsAfterSuccessAndAfterADay: a person who mistyped starts anew.
func TestThrottleForgetsAfterSuccessAndAfterADay(t *testing.T) {
	throttle := NewThrottle(throttleStart)
	for range freeTries - 1 {
		fail(throttle, "ana@example.com", "192.0.2.1", throttleStart)
	}
	succeed(t, throttle, "ana@example.com", "192.0.2.1", throttleStart)
	for range freeTries {
		if wait := fail(throttle, " ANA@example.com", "192.0.2.99", throttleStart); wait != 0 {
			t.Fatalf("after success: wait %v", wait)
		}
	}
	if wait := fail(throttle, "ana@example.com", "192.0.2.1", throttleStart); wait == 0 {
		t.Error("capitals and blanks made it another account")
	}
	tomorrow := throttleStart.Add(forgetTries + time.Second)
	for range freeTries {
		if wait := fail(throttle, "ana@example.com", "192.0.2.1", tomorrow); wait != 0 {
			t.Fatalf("a day later: wait %v", wait)
		}
	}
}

// TestThrottleKnowsNetworks: neighbours in a /24 or a /64 count as one, others do not.
func TestThrottleKnowsNetworks(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.0/24", "192.0.2.255": "192.0.2.0/24", "::ffff:192.0.2.7": "192.0.2.0/24", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "pipe": "pipe", "": "",
	} {
		if got := networkOf(address); got != want {
			t.Errorf("networkOf(%q) = %q, want %q", address, got, want)
		}
	}
}

// TestThrottleHoldsBackANetworkOverAllAccounts: who tries one password on many accounts waits, too.
func TestThrottleHoldsBackANetworkOverAllAccounts(t *testing.T) {
	throttle := NewThrottle(throttleStart)
	judged := 0
	for i := range 500 {
		if fail(throttle, fmt.Sprintf("person%d@example.com", i), "192.0.2.1", throttleStart) == 0 {
			judged++
		}
	}
	if judged != 60 {
		t.Errorf("%d tries at once, want 60", judged)
	}
	if wait := fail(throttle, "ana@example.com", "198.51.100.1", throttleStart); wait != 0 {
		t.Errorf("another network waits %v", wait)
	}
	if wait := fail(throttle, "", "192.0.2.1", throttleStart); wait == 0 {
		t.Error("a try that is about no account passes")
	}
}

// TestThrottleHoldsBackManyNetworksAndLetsKnownOnesIn: a crowd that guesses one account is slowed down, its person is not.
func TestThrottleHoldsBackManyNetworksAndLetsKnownOnesIn(t *testing.T) {
	throttle := NewThrottle(throttleStart)
	succeed(t, throttle, "ana@example.com", "203.0.113.5", throttleStart)
	judged := 0
	for i := range 1000 {
		if fail(throttle, "ana@example.com", fmt.Sprintf("10.%d.%d.1", i/250, i%250), throttleStart) == 0 {
			judged++
		}
	}
	if judged != 100 {
		t.Errorf("%d tries at once, want 100", judged)
	}
	succeed(t, throttle, "ana@example.com", "203.0.113.5", throttleStart)
	if wait := fail(throttle, "bob@example.com", "10.0.0.1", throttleStart); wait != 0 {
		t.Errorf("another account waits %v", wait)
	}
	if wait := fail(throttle, "ana@example.com", "10.9.9.9", throttleStart.Add(10*time.Second)); wait != 0 {
		t.Errorf("a stranger ten seconds later waits %v: that would be a lock", wait)
	}
}

// TestThrottleSuccessesCostNothing: an office behind one address signs in all day.
func TestThrottleSuccessesCostNothing(t *testing.T) {
	throttle := NewThrottle(throttleStart)
	for i := range 2000 {
		succeed(t, throttle, fmt.Sprintf("person%d@example.com", i), "192.0.2.1", throttleStart)
	}
}

// TestThrottleBoundsWhatIsJudgedAtOnce: a flood does not queue hashes without end, and what is judged counts before its answer.
func TestThrottleBoundsWhatIsJudgedAtOnce(t *testing.T) {
	throttle := NewThrottle(throttleStart)
	var open []*Attempt
	for i := range maxJudged {
		a, wait := throttle.Enter(fmt.Sprintf("person%d@example.com", i), fmt.Sprintf("10.0.%d.1", i), throttleStart)
		if a == nil {
			t.Fatalf("try %d waits %v", i, wait)
		}
		open = append(open, a)
	}
	if a, wait := throttle.Enter("ana@example.com", "192.0.2.1", throttleStart); a != nil || wait != fullHouse {
		t.Errorf("one more is judged (wait %v)", wait)
	}
	open[0].Leave()
	if wait := fail(throttle, "ana@example.com", "192.0.2.1", throttleStart); wait != 0 {
		t.Errorf("after one left: wait %v", wait)
	}
	fresh := NewThrottle(throttleStart)
	for range freeTries {
		fresh.Enter("ana@example.com", "192.0.2.1", throttleStart) // not answered yet
	}
	if a, _ := fresh.Enter("ana@example.com", "192.0.2.1", throttleStart); a != nil {
		t.Error("tries that run at the same time are not counted")
	}
}

// TestThrottleStaysBounded: strangers cannot fill the memory.
func TestThrottleStaysBounded(t *testing.T) {
	throttle := NewThrottle(throttleStart)
	for i := range 3 * maxTracked {
		fail(throttle, fmt.Sprintf("person%d@example.com", i), fmt.Sprintf("10.%d.%d.1", i/250, i%250), throttleStart)
	}
	for name, n := range map[string]int{"pairs": len(throttle.pairs.places), "accounts": len(throttle.accounts.places), "networks": len(throttle.networks.places)} {
		if n != maxTracked {
			t.Errorf("%d %s are kept, want %d", n, name, maxTracked)
		}
	}
	if throttle.pairs.order.Len() != len(throttle.pairs.places) {
		t.Error("the order and the places of what is kept disagree")
	}
}
