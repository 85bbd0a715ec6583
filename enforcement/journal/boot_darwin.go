package journal

import (
	"encoding/hex"
	"fmt"
	"strings"

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
