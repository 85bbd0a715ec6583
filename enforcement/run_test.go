package enforcement

import (
	"testing"
	"time"
)

func TestCommittingTakesAThirtiethOfACoreAtMost(t *testing.T) {
	for commit, want := range map[time.Duration]time.Duration{
		0:                      0, // the next second
		5 * time.Millisecond:   150 * time.Millisecond,
		150 * time.Millisecond: 4500 * time.Millisecond,
		time.Minute:            10 * time.Second,
	} {
		if got := pauseAfter(commit); got != want {
			t.Errorf("behind a commit of %v it waits %v, want %v", commit, got, want)
		}
	}
}
