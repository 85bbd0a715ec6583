package journal

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

// bootID identifies this run of the kernel.
func bootID() (id [16]byte, err error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id, fmt.Errorf("read the boot id: %w", err)
	}
	n, err := hex.Decode(id[:], []byte(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", "")))
	if err != nil || n != len(id) {
		return id, fmt.Errorf("the boot id %q is not a UUID", text)
	}
	return id, nil
}
