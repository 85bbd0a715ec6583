//go:build !race

package limit

const exploredDepth = 14
