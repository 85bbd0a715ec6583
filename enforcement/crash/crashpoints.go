//go:build crashpoints

package crash

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Variable names a point and how many passes of it the process survives: GATEHOUSE_CRASH=journal.admit:120 ends it at the 121st.
const Variable = "GATEHOUSE_CRASH"

// BootVariable is the boot id that the process believes in, 32 hex digits: another one than before is a reboot of the machine.
const BootVariable = "GATEHOUSE_BOOT_ID"

// ClockVariable names a file that says by how much the wall clock is wrong, such as -1h. It is read each clockEvery.
const ClockVariable = "GATEHOUSE_CLOCK"

const clockEvery = 10 * time.Millisecond

// SegmentVariable is the size of a segment of the journal, in bytes.
const SegmentVariable = "GATEHOUSE_SEGMENT"

// SegmentSize is the size of a segment of the journal, in bytes; 0: the usual.
func SegmentSize() (bytes int, err error) {
	text := os.Getenv(SegmentVariable)
	if text == "" {
		return 0, nil
	}
	return strconv.Atoi(text)
}

// Clock is by how much the process takes the wall clock wrong; nil: not at all.
func Clock() (shift func() time.Duration) {
	file := os.Getenv(ClockVariable)
	if file == "" {
		return nil
	}
	var by atomic.Int64
	read := func() {
		text, _ := os.ReadFile(file)
		if d, err := time.ParseDuration(strings.TrimSpace(string(text))); err == nil { // else it is being written
			by.Store(int64(d))
		}
	}
	read()
	go func() {
		for range time.Tick(clockEvery) {
			read()
		}
	}()
	return func() time.Duration { return time.Duration(by.Load()) }
}

// Boot is the boot id of the machine that the process believes in; zero: the machine's own.
func Boot() (boot [16]byte, err error) {
	_, err = hex.Decode(boot[:], []byte(os.Getenv(BootVariable)))
	return boot, err
}

var (
	point, survive = read()
	passes         atomic.Int64
)

func read() (name string, survive int64) {
	name, count, _ := strings.Cut(os.Getenv(Variable), ":")
	survive, _ = strconv.ParseInt(count, 10, 64)
	return name, survive
}

// At ends the process as kill -9 does when it is the point's turn.
func At(name string) {
	if name == point && passes.Add(1) > survive {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	}
}
