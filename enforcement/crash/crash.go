//go:build !crashpoints

// Package crash marks the places at which a test ends the process, to prove that nothing is lost there. A release has none: At is compiled to
// nothing, unless the build tag crashpoints is set.
package crash

// At ends the process here when the environment says so; see crashpoints.go.
func At(string) {}

// Boot is the boot id of the machine that the process believes in; zero: the machine's own.
func Boot() (boot [16]byte, err error) { return boot, nil }
