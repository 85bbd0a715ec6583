package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kills is how often TestKill kills: make kill-test says how often in a long run.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("GATEHOUSE_KILLS")); err == nil {
		return n
	}
	return 30
}

// No admission is lost by kill -9, and none passes a limit, wherever it falls.
func TestKillsLoseNoAdmissionAndOpenNoQuota(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	k := newKilled(t, int64(kills())*100)
	ctx, cancel := context.WithCancel(t.Context())
	wait := k.call(ctx, 2)
	for range kills() {
		k.serveAt(path)
		time.Sleep(100*time.Millisecond + rand.N(400*time.Millisecond))
		k.kill()
	}
	k.serveAt(path)
	k.useUp()
	cancel()
	wait()
	k.check()
	k.checkRecording()
}

// useUp waits until the quotas are used up.
func (k *killed) useUp() {
	k.Helper()
	before := map[*caller]int64{}
	for _, c := range k.keys {
		before[c] = c.refused.Load()
	}
	const often = 20                                      // a right of a call under way may still be given back behind a first refusal
	k.eventually("quotas that are used up", func() bool { // as this server says, too
		return !slices.ContainsFunc(k.keys, func(c *caller) bool { return c.limit != 0 && c.refused.Load() < before[c]+often })
	})
}

// crashPoints are the places where something could be half done.
func crashPoints() []string {
	return []string{"meter.admit", "meter.admitted", "meter.finish", "meter.commit", "meter.committed", "escrow.ask", "escrow.granted"}
}

// The same at each place where something could be half done: once at all of them, one after the other, or as often as make kill-test says, in a world for each.
func TestCrashesAtEachPointLoseNoAdmissionAndOpenNoQuota(t *testing.T) {
	path, err := crashBinary()
	if err != nil {
		t.Fatal(err)
	}
	times, err := strconv.Atoi(os.Getenv("GATEHOUSE_CRASHES"))
	if err != nil {
		crashAt(t, path, 1, crashPoints()...)
		return
	}
	for _, point := range crashPoints() {
		t.Run(point, func(t *testing.T) { crashAt(t, path, times, point) })
	}
}

// crashAt has a server end so many times at each of the points.
func crashAt(t *testing.T, path string, times int, points ...string) {
	t.Helper()
	k := newKilled(t, int64(times*len(points))*100)
	ctx, cancel := context.WithCancel(t.Context())
	wait := k.call(ctx, 2)
	for _, point := range points {
		crashed, missed := 0, 0
		for crashed < times && missed < times+3 {
			passes := rand.IntN(100)
			if !strings.HasPrefix(point, "meter.admit") && point != "meter.finish" {
				passes = rand.IntN(3)
			}
			k.serveAt(path, fmt.Sprintf("GATEHOUSE_CRASH=%s:%d", point, passes))
			select {
			case <-k.exited:
				k.exited <- nil
				k.gateway.Store(nil)
				crashed++
			case <-time.After(5 * time.Second): // it did not pass there so often: there is little left to admit
				missed++
				k.kill()
			}
		}
		if crashed < times {
			t.Errorf("%d crashes at %s, want %d", crashed, point, times)
		}
	}
	k.serveAt(path)
	k.useUp()
	cancel()
	wait()
	k.check()
	k.checkRecording()
}
