//go:build !linux

package disk

import "os"

// Allocate gives a file all its blocks.
func Allocate(file *os.File, size int64) error { return fill(file, size) }
