package main

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// monotonic is when something begins, as a service of Type=notify-reload has to say.
func monotonic() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return ""
	}
	return "MONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10)
}
