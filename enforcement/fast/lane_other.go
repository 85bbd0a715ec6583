//go:build !linux

package fast

import (
	"errors"
	"net"
)

// Supported reports whether there is a fast lane on this system.
const Supported = false

// New fails: the loops wait for sockets in the way of Linux alone.
func New(Config) (*Lane, error) { return nil, errors.ErrUnsupported }

// loop does not exist here.
type loop struct{ counts }

func (*loop) post(func()) bool { return false }
func (*loop) closeIdle()       {}
func (*loop) cutAll()          {}
func (*loop) countDeaf()       {}
func (*loop) end()             {}

func (*Lane) take(net.Conn, *listener) bool { return false }

func connOf(int) (net.Conn, error) { return nil, errors.ErrUnsupported }
