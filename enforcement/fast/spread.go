package fast

import "time"

// How connections are spread: over as few loops as keep up. Two loops that are half idle cost more than one that is busy: each wakes for itself, serves less at a
// time, and takes the lines of the keys out of the other's cache. Before one is a ceiling, more take part.
const (
	shareWindow = int64(100 * time.Millisecond) // in which a loop measures what part of a processor it used
	fullShare   = 0.75                          // of a loop that may not keep up: of some kernels' clocks, what interrupts take is nobody's
	fullWindows = 2                             // in a row have others take part
	freeShare   = 0.4                           // of a processor that nobody uses: without, more loops would not serve more
	calmShare   = 0.6                           // of half of the loops: they would do
	calmTime    = int64(5 * time.Second)        // for which they must have done
	shareAge    = int64(time.Second)            // from which on a share tells nothing: its loop sleeps
)

// spreading decides over how many loops connections are spread.
//
// How long a loop waited for a processor does not matter. Where one is free, the system gives it to the loop; where all are busy, a second loop would make each
// request dearer, and fewer of them, and what the gateway gets of such a machine is for the system's weights to say, not for the number of its threads.
type spreading struct {
	over   int     // loops
	shares []share // of each loop
	calm   int64   // since when half of the loops would do, or their number changed
}

// share is what a loop used in its newest window.
type share struct {
	used float64 // 1: a processor
	at   int64   // when the window ended
	full int     // windows in a row
}

// note takes what a loop used in a window that ends now, on the lane's clock, and what was free on the machine, in processors. That matters for a full loop alone. It
// returns over how many loops connections are to be spread.
func (s *spreading) note(loop int, used, free float64, now int64) int {
	one := &s.shares[loop]
	one.used, one.at = used, now
	if one.full++; used < fullShare {
		one.full = 0
	}
	switch {
	case one.full >= fullWindows && free >= freeShare && loop < s.over && s.over < len(s.shares):
		s.change(min(2*s.over, len(s.shares)), now)
	case s.over == 1 || !s.isCalm(now):
		s.calm = now
	case now-s.calm >= calmTime:
		s.change(s.over/2, now)
	}
	return s.over
}

// isCalm reports whether half of the loops would do.
func (s *spreading) isCalm(now int64) bool {
	var all float64
	for _, one := range s.shares {
		switch {
		case now-one.at >= shareAge:
		case one.used >= fullShare:
			return false // one connection may have it all to itself
		default:
			all += one.used
		}
	}
	return all < calmShare*float64(s.over/2)
}

func (s *spreading) change(over int, now int64) {
	s.over, s.calm = over, now
	for i := range s.shares {
		s.shares[i].full = 0
	}
}
