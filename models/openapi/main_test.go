package openapi

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

// TestMain lets the test binary be the child of its own tests, as the program is of itself.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case ChildArgument:
			syscall.Exit(ChildMain(os.Stdin, os.Stdout)) // at once: with the race detector, os.Exit waits for a second
		case "isolated-child":
			os.Exit(tryOutside())
		case "hanging-child":
			select {}
		}
	}
	os.Exit(m.Run())
}

// tryOutside is a child that tries to reach files and the network when it should not be able to.
func tryOutside() int {
	if limit() != nil || isolate() != nil {
		return 1
	}
	if _, err := os.Open("/etc/hostname"); err == nil {
		fmt.Println("opened a file")
	}
	if _, err := net.Dial("tcp", os.Args[0]); err == nil {
		fmt.Println("dialled")
	}
	if _, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		fmt.Println("listened")
	}
	return 0
}
