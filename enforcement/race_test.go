//go:build race

package enforcement_test

// Under the race detector sync.Pool drops things at random, so that allocations cannot be counted.
const raced = true
