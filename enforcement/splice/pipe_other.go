//go:build !linux

package splice

import (
	"errors"
	"syscall"
)

// Size is what a Pipe takes at once, in bytes.
const Size = 256 << 10

// Pipe holds nothing: this system has none of its kind.
type Pipe struct{}

// Get returns nil.
func Get() *Pipe { return nil }

// Put does nothing.
func (*Pipe) Put() {}

// Len is 0.
func (*Pipe) Len() int { return 0 }

// From always fails.
func (*Pipe) From(syscall.RawConn, int) (int, error) { return 0, errors.ErrUnsupported }

// To always fails.
func (*Pipe) To(syscall.RawConn) error { return errors.ErrUnsupported }
