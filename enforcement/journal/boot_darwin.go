package journal

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// bootID identifies this run of the kernel.
func bootID() (id [16]byte, err error) {
	text, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return id, fmt.Errorf("read the boot id: %w", err)
	}
	n, err := hex.Decode(id[:], []byte(strings.ReplaceAll(text, "-", "")))
	if err != nil || n != len(id) {
		return id, fmt.Errorf("the boot id %q is not a UUID", text)
	}
	return id, nil
}

// Uptime is how long the machine has been running, also asleep.
func Uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // macOS has had it since 10.12
	}
	return time.Duration(t.Nano())
}
