package fast

import (
	"errors"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// takeFD returns a socket of our own for a connection, which it closes: it leaves the runtime's poller.
func takeFD(c net.Conn) (fd int, err error) {
	defer func() { _ = c.Close() }()
	s, ok := c.(syscall.Conn)
	if !ok {
		return -1, errors.New("a connection that is not the system's")
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return -1, err
	}
	inner := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(inner, err)
}

// connOf makes the runtime's connection of a socket, which it closes.
func connOf(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "")
	defer func() { _ = f.Close() }()
	return net.FileConn(f)
}

// The calls of a request are made past the runtime: they never wait, so that there is nothing to tell its scheduler.

func recv(fd int, p []byte, flags int) (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), uintptr(flags), 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(n), 0
}

func send(fd int, p []byte) (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// pollHeld waits for events and keeps the thread's place in the runtime's scheduler: for waits that are about to end. Giving it up and asking for it again at each
// wait costs a quarter of the processor time of a request.
func pollHeld(epoll int, events []unix.EpollEvent, milliseconds int) int {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(milliseconds), 0, 0)
	if e != 0 {
		return 0 // EINTR: the collector wants the thread
	}
	return int(n)
}

// poll waits for events as any system call does; below 0 milliseconds are for ever.
func poll(epoll int, events []unix.EpollEvent, milliseconds int) int {
	n, err := unix.EpollWait(epoll, events, milliseconds)
	if err != nil {
		return 0
	}
	return n
}
