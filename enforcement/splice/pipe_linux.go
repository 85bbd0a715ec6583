package splice

import (
	"errors"
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// Size is what a Pipe takes at once, in bytes, if the system lets it.
const Size = 256 << 10

// maxKept is how many pipes are kept that nobody uses.
const maxKept = 64

// Pipe holds bytes on their way.
type Pipe struct {
	out, in  int // descriptors
	held     int // bytes
	most     int // of the read that is under way
	moved    int
	err      error
	fill     func(fd uintptr) bool
	drainOne func(fd uintptr) bool
}

// kept are pipes that nobody uses.
var kept = make(chan *Pipe, maxKept)

// Get returns an empty pipe; nil: the system has none.
func Get() *Pipe {
	select {
	case p := <-kept:
		return p
	default:
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil
	}
	_, _ = unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, Size) // a smaller one does, too
	p := &Pipe{out: ends[0], in: ends[1]}
	p.fill, p.drainOne = p.fillFrom, p.drainTo
	return p
}

// Put gives p back. What it holds is lost.
func (p *Pipe) Put() {
	if p.held == 0 {
		select {
		case kept <- p:
			return
		default:
		}
	}
	_ = unix.Close(p.out)
	_ = unix.Close(p.in)
}

// Len is how many bytes p holds.
func (p *Pipe) Len() int { return p.held }

// From takes bytes from a connection into p, which must be empty: 1 to most. It waits until there are some; io.EOF says that no more come.
func (p *Pipe) From(c syscall.RawConn, most int) (int, error) {
	p.most, p.moved, p.err = most, 0, nil
	if err := c.Read(p.fill); err != nil {
		return 0, err
	}
	if p.moved == 0 && p.err == nil {
		return 0, io.EOF
	}
	return p.moved, p.err
}

func (p *Pipe) fillFrom(fd uintptr) (done bool) {
	p.moved, p.err = spliced(int(fd), p.in, p.most)
	p.held += p.moved
	return !errors.Is(p.err, unix.EAGAIN)
}

// To gives all that p holds to a connection.
func (p *Pipe) To(c syscall.RawConn) error {
	p.err = nil
	if err := c.Write(p.drainOne); err != nil {
		return err
	}
	return p.err
}

func (p *Pipe) drainTo(fd uintptr) (done bool) {
	for p.held > 0 {
		n, err := spliced(p.out, int(fd), p.held)
		p.held -= n
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false
		case err == nil && n == 0:
			p.err = io.ErrShortWrite
			return true
		case err != nil:
			p.err = err
			return true
		}
	}
	return true
}

func spliced(from, to, most int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, most, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		}
		return int(n), nil
	}
}
