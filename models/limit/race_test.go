//go:build race

package limit

// The race detector has nothing to find in the explorer, and makes it ten times as slow.
const exploredDepth = 10
