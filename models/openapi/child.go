package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"syscall"
	"time"
)

// System limits of a child.
const (
	maxCPUSeconds = 10
	maxMemory     = 3 << 29 // 1.5 GB of data; the garbage collector works hard near it
	maxStack      = 256 << 20
)

// ChildMain is the whole life of a child: it gives up what it does not need, reads one document from stdin, writes the
// answer to stdout and returns the exit status. A process that calls it must do nothing else, before or after.
func ChildMain(stdin io.Reader, stdout io.Writer) int {
	if err := limit(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	document, err := io.ReadAll(io.LimitReader(stdin, MaxBytes+1))
	if err != nil {
		fmt.Fprintln(os.Stderr, "read the document:", err)
		return 1
	}
	if err := isolate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Stdout = os.Stderr // what a library prints must not stand in the answer
	answer, err := answer(document)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := stdout.Write(answer); err != nil {
		return 1
	}
	return 0
}

// answer is what a child writes: a pack, or why there is none.
func answer(document []byte) ([]byte, error) {
	d, err := read(document)
	var refused *ReadError
	if errors.As(err, &refused) {
		text, err := json.Marshal(refused)
		return append([]byte(refusedMark), text...), err
	}
	if err != nil {
		return nil, err
	}
	return d.Pack()
}

// limit bounds what the process may use. On macOS the kernel does not hold a process to its limit of data, so that
// memory is bounded there by the processor time that the garbage collector needs near its own limit.
func limit() error {
	time.AfterFunc(maxWall+5*time.Second, func() { os.Exit(1) }) // should the parent be gone
	debug.SetMemoryLimit(maxMemory / 10 * 9)
	debug.SetGCPercent(300) // half of the time is the collector's otherwise
	debug.SetMaxStack(maxStack)
	for _, l := range []struct {
		name      string
		resource  int
		soft, top uint64
	}{
		{"processor time", syscall.RLIMIT_CPU, maxCPUSeconds, maxCPUSeconds + 1},
		{"data", syscall.RLIMIT_DATA, maxMemory, maxMemory},
		{"core files", syscall.RLIMIT_CORE, 0, 0},
	} {
		if err := setLimit(l.resource, l.soft, l.top); err != nil {
			return fmt.Errorf("limit %s: %w", l.name, err)
		}
	}
	return nil
}

// isolate takes away every new file and socket. What is open stays open: the answer goes to stdout.
func isolate() error {
	if err := setLimit(syscall.RLIMIT_NOFILE, 0, 0); err != nil {
		return fmt.Errorf("give up files and sockets: %w", err)
	}
	return nil
}

// setLimit never raises a limit that is lower already.
func setLimit(resource int, soft, top uint64) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(resource, &now); err != nil {
		return err
	}
	now.Cur, now.Max = min(now.Cur, soft), min(now.Max, top)
	return syscall.Setrlimit(resource, &now)
}
