//go:build !crashpoints

// Package crash marks the places at which a test ends the process, to prove that nothing is lost there, and lets it believe in another machine, clock
// or journal. A release has none of it: At is compiled to nothing, unless the build tag crashpoints is set.
package crash

import "time"

// At ends the process here when the environment says so; see crashpoints.go.
func At(string) {}

// Boot is the boot id of the machine that the process believes in; zero: the machine's own.
func Boot() (boot [16]byte, err error) { return boot, nil }

// Clock is by how much the process takes the wall clock wrong; nil: not at all.
func Clock() (shift func() time.Duration) { return nil }

// SegmentSize is the size of a segment of the journal, in bytes; 0: the usual.
func SegmentSize() (bytes int, err error) { return 0, nil }
