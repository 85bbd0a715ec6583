package models

import "time"

// TargetState is what a running gateway says of a stage's target, of its own since it was started.
type TargetState struct {
	In       bool      // it gets requests
	Unwell   bool      // it does not answer checks as it should
	Trying   bool      // its pause is over: the next request tries it
	Since    time.Time // since when it is in or out; zero: since the start
	Failures int64     // for callers: not reachable, too slow, 502, 503, 504
}
