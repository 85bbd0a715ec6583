package fast

import (
	"testing"
	"time"
)

// window is what one loop used, and over how many loops connections are spread then.
type window struct {
	loop int
	used float64
	over int
}

func TestConnectionsAreSpreadOverAsFewLoopsAsKeepUp(t *testing.T) {
	repeat := func(n int, round ...window) (all []window) {
		for range n {
			all = append(all, round...)
		}
		return all
	}
	const calmRounds = int(calmTime / shareWindow)
	for name, c := range map[string]struct {
		loops, over int
		windows     []window
	}{
		"one that keeps up is enough":        {4, 1, repeat(100, window{0, 0.7, 1})},
		"a moment is none":                   {4, 1, []window{{0, 1, 1}, {0, 0.5, 1}, {0, 1, 1}, {0, 0.5, 1}}},
		"two windows in a row are":           {4, 1, []window{{0, 0.75, 1}, {0, 0.8, 2}}},
		"each step counts anew":              {4, 1, []window{{0, 1, 1}, {0, 1, 2}, {0, 1, 2}, {0, 1, 4}}},
		"any of those in use":                {4, 2, []window{{1, 1, 2}, {0, 0.1, 2}, {1, 1, 4}}},
		"none of the others":                 {4, 1, []window{{2, 1, 1}, {2, 1, 1}, {2, 1, 1}}},
		"not more than there are":            {3, 2, []window{{0, 1, 2}, {0, 1, 3}, {0, 1, 3}, {0, 1, 3}}},
		"where there is one, it is all":      {1, 1, repeat(5, window{0, 1, 1})},
		"half of them would do for seconds":  {4, 4, append(repeat(calmRounds-1, window{0, 0.5, 4}, window{3, 0.5, 4}), window{0, 0.5, 2})},
		"then half of those, and no less":    {4, 2, append(repeat(calmRounds-1, window{0, 0.2, 2}), repeat(3*calmRounds, window{0, 0.2, 1})...)},
		"half of them would hardly do":       {4, 2, repeat(3*calmRounds, window{0, 0.31, 2}, window{1, 0.31, 2})},
		"a moment of work is no calm":        {4, 2, append(repeat(calmRounds-1, window{0, 0.2, 2}), append([]window{{0, 0.65, 2}}, repeat(calmRounds-1, window{0, 0.2, 2})...)...)},
		"one with a connection that is full": {8, 8, repeat(3*calmRounds, window{0, 0.95, 8}, window{1, 0, 8})},
		"one that sleeps uses nothing":       {2, 2, append([]window{{1, 0.7, 2}}, append(repeat(calmRounds+8, window{0, 0.2, 2}), window{0, 0.2, 1})...)},
	} {
		t.Run(name, func(t *testing.T) {
			s := spreading{over: c.over, shares: make([]share, c.loops)}
			now := int64(time.Hour)
			s.calm = now
			for i, w := range c.windows {
				if w.loop == 0 {
					now += shareWindow
				}
				if over := s.note(w.loop, w.used, freeShare, now); over != w.over {
					t.Fatalf("window %d: spread over %d, want %d", i, over, w.over)
				}
			}
		})
	}
}

func TestNoOtherLoopTakesPartWhereNoProcessorIsFree(t *testing.T) {
	s := spreading{over: 1, shares: make([]share, 4)}
	for now := range int64(10) {
		if over := s.note(0, 1, freeShare-0.01, now*shareWindow); over != 1 {
			t.Fatalf("spread over %d", over)
		}
	}
	if over := s.note(0, 1, freeShare, 10*shareWindow); over != 2 {
		t.Errorf("spread over %d when one is", over)
	}
}
