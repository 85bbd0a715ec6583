package main

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// What a service manager is told (sd_notify(3)); where there is none, nobody.
const (
	ready     = daemon.SdNotifyReady
	stopping  = daemon.SdNotifyStopping
	reloading = daemon.SdNotifyReloading
)

// tellManager tells the service manager how the server is, and, with more, in words.
func (in *instance) tellManager(state string, more ...string) {
	if state == reloading {
		state += "\n" + monotonic()
	}
	if _, err := daemon.SdNotify(false, strings.Join(append([]string{state}, more...), "\n")); err != nil {
		in.log.Warn("the service manager cannot be told", "error", err)
	}
}

// inherited are the sockets that the service manager holds, by the names of our listeners.
type inherited map[string]net.Listener

// inherit takes the sockets that were handed to this process (sd_listen_fds(3)). Each needs the name of a listener: FileDescriptorName= of its unit.
func inherit() (inherited, error) {
	given, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("take the sockets of the service manager: %w", err)
	}
	taken := inherited{}
	for name, some := range given {
		switch {
		case len(some) == 0:
		case !slices.Contains([]string{portalListener, gatewayListener, managementListener, opsListener, redirectListener}, name):
			err = fmt.Errorf("the service manager hands over a socket that is called %q: call it portal, gateway, management, ops or http-redirect, by FileDescriptorName=", name)
		case len(some) > 1:
			err = fmt.Errorf("the service manager hands over %d sockets that are called %q: one is enough", len(some), name)
		default:
			taken[name] = some[0]
		}
	}
	if err != nil {
		for _, some := range given {
			for _, l := range some {
				_ = l.Close()
			}
		}
		return nil, err
	}
	return taken, nil
}
