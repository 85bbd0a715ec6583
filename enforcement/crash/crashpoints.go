//go:build crashpoints

package crash

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Variable names a point and how many passes of it the process survives: GATEHOUSE_CRASH=journal.admit:120 ends it at the 121st.
const Variable = "GATEHOUSE_CRASH"

// BootVariable is the boot id that the process believes in, 32 hex digits: another one than before is a reboot of the machine.
const BootVariable = "GATEHOUSE_BOOT_ID"

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
