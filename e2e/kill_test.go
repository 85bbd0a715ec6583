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
	k.eventually("quotas that are used up", func() bool { // as this server says, too
		return !slices.ContainsFunc(k.keys, func(c *caller) bool { return c.limit != 0 && c.refused.Load() == before[c] })
	})
}

// The same at each place where something could be half done. It needs a build of its own: make kill-test.
func TestCrashesAtEachPointLoseNoAdmissionAndOpenNoQuota(t *testing.T) {
	times, err := strconv.Atoi(os.Getenv("GATEHOUSE_CRASHES"))
	if err != nil {
		t.Skip("make kill-test runs it")
	}
	path, err := crashBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, point := range []string{
		"meter.admit", "meter.admitted", "meter.finish", "meter.commit", "meter.committed", "escrow.ask", "escrow.granted",
	} {
		t.Run(point, func(t *testing.T) {
			k := newKilled(t, int64(times)*100)
			ctx, cancel := context.WithCancel(t.Context())
			wait := k.call(ctx, 2)
			missed := 0
			for range times {
				passes := rand.IntN(100)
				if !strings.HasPrefix(point, "meter.admit") && point != "meter.finish" {
					passes = rand.IntN(3)
				}
				k.serveAt(path, fmt.Sprintf("GATEHOUSE_CRASH=%s:%d", point, passes))
				select {
				case <-k.exited:
					k.exited <- nil
					k.gateway.Store(nil)
				case <-time.After(3 * time.Second): // there is nothing left to admit
					missed++
					k.kill()
				}
			}
			k.serveAt(path)
			k.useUp()
			cancel()
			wait()
			k.check()
			k.checkRecording()
			t.Logf("%d of %d crashes at the point", times-missed, times)
		})
	}
}
