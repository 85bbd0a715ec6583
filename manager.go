package main

import (
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
)

// What a service manager is told (sd_notify(3)); where there is none, nobody.
const (
	ready     = daemon.SdNotifyReady
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
