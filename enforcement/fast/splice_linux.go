package fast

import (
	"io"

	"golang.org/x/sys/unix"

	"gatehouse/enforcement/transport"
)

const (
	// spliceFrom is how much of an answer's body must be left to have the kernel carry it from socket to socket. Below, a copy is cheaper than two more calls.
	spliceFrom = 128 << 10
	pipeSize   = 1 << 20
	mostPipes  = 16 // that a loop keeps
	mostPumped = 4  // times that a pipe is filled before others have their turn
)

// pipe is where the kernel keeps what is between two sockets.
type pipe struct {
	r, w int
	n    int // bytes in it
}

func (o *loop) newPipe() *pipe {
	if n := len(o.pipes); n > 0 {
		p := o.pipes[n-1]
		o.pipes = o.pipes[:n-1]
		return p
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC) != nil {
		return nil // too many descriptors: what is there is copied
	}
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeSize) // it works with less
	return &pipe{r: fds[0], w: fds[1]}
}

func (o *loop) givePipe(p *pipe) {
	if p.n > 0 || len(o.pipes) >= mostPipes {
		closeFD(p.r)
		closeFD(p.w)
		return
	}
	o.pipes = append(o.pipes, p)
}

// isLong reports whether the rest of the body is worth a pipe, and gives it one.
func (o *loop) isLong(x *exchange) bool {
	if x.pipe == nil && x.told && x.body.kind == withLength && x.body.left >= spliceFrom {
		x.pipe = o.newPipe()
	}
	return x.pipe != nil
}

// pump carries the rest of a body with a length, as far as both sides go along.
func (o *loop) pump(b *backend) {
	x := b.x
	p, c := x.pipe, x.client
	for filled := 0; ; {
		for p.n > 0 {
			n, err := unix.Splice(p.r, nil, c.fd, nil, p.n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			switch {
			case n > 0:
				p.n -= int(n)
				x.end.BytesOut += n
				c.pendings += n
			case err == unix.EAGAIN:
				if !c.blocked {
					c.blocked, c.stalled, c.pendings = true, o.mono, 0
				}
				return
			case err != unix.EINTR:
				o.lose(c)
				return
			}
		}
		c.blocked = false
		x.Moved = x.end.BytesIn + x.end.BytesOut
		x.due = o.mono + int64(orDefault(x.Idle))
		switch {
		case x.body.left == 0:
			x.Out = o.space()
			o.complete(b)
			return
		case filled == mostPumped:
			o.unpumped.add(b)
			return
		case !b.readable:
			return
		}
		n, err := unix.Splice(b.fd, nil, p.w, nil, int(min(x.body.left, pipeSize)), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		switch {
		case n > 0:
			filled++
			p.n += int(n)
			x.body.left -= n
		case err == unix.EAGAIN:
			b.readable = b.hup
			if b.hup { // nothing is left: the next read tells what ended it
				o.fail(x, transport.BrokeOff, io.ErrUnexpectedEOF)
			}
			return
		case n == 0 && err == nil:
			o.fail(x, transport.BrokeOff, io.ErrUnexpectedEOF)
			return
		case err != unix.EINTR:
			o.fail(x, transport.BrokeOff, err)
			return
		}
	}
}
