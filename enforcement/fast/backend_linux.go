package fast

import (
	"errors"
	"io"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/wire"
)

// backend is a connection to an upstream.
type backend struct {
	fd            int
	origin        Origin
	x             *exchange // nil: it is idle
	since         int64     // when that began
	reused        bool
	in            []byte // of an answer's head that is not all there; nil: nothing
	seen          int    // of its bytes: they hold no end of a head
	pending       []byte // of the request, that the socket does not take
	readable, hup bool
}

// shelf is the idle connections to an upstream, the one that was used last at the end.
type shelf struct {
	origin Origin
	some   []*backend
}

// shelfOf returns the shelf of an upstream. That of the last one is at hand: most loops ask few.
func (o *loop) shelfOf(origin Origin) *shelf {
	if o.last != nil && o.last.origin == origin {
		return o.last
	}
	s := o.idle[origin]
	if s == nil {
		s = &shelf{origin: origin}
		o.idle[origin] = s
	}
	o.last = s
	return s
}

// mostIdle is how many idle connections to one upstream a loop keeps.
const mostIdle = 1 << 10

func closeFD(fd int) { _ = unix.Close(fd) }

func (o *loop) newBackend(origin Origin, fd int) (*backend, error) {
	b := &backend{fd: fd, origin: origin}
	if err := o.watch(fd, entry{backend: b}); err != nil {
		closeFD(fd)
		return nil, err
	}
	return b, nil
}

// takeIdle returns an idle connection; nil: there is none.
func (o *loop) takeIdle(origin Origin) *backend {
	s := o.shelfOf(origin)
	if len(s.some) == 0 {
		return nil
	}
	last := len(s.some) - 1
	b := s.some[last]
	s.some[last] = nil
	s.some = s.some[:last]
	b.reused = true
	return b
}

// putIdle keeps a connection on which nothing is under way.
func (o *loop) putIdle(b *backend) {
	s := o.shelfOf(b.origin)
	if b.hup || o.lane.stop.Load() || len(s.some) >= mostIdle {
		o.closeBackend(b)
		return
	}
	b.since = o.mono
	s.some = append(s.some, b)
}

// dropOld closes connections that were idle for long. The oldest come first.
func (o *loop) dropOld() {
	for origin, s := range o.idle {
		n := 0
		for n < len(s.some) && o.mono-s.some[n].since >= idleTime {
			o.closeFD(s.some[n].fd)
			n++
		}
		if n > 0 {
			s.some = append(s.some[:0], s.some[n:]...)
		}
		if len(s.some) == 0 {
			delete(o.idle, origin)
			if o.last == s {
				o.last = nil
			}
		}
	}
}

// closeBackend closes a connection that is not idle.
func (o *loop) closeBackend(b *backend) {
	if b.in != nil {
		o.spare.give(b.in)
	}
	if b.pending != nil {
		o.spare.give(b.pending)
	}
	b.in, b.pending, b.x, b.readable = nil, nil, nil, false
	o.closeFD(b.fd)
}

// isQuiet reports whether an idle connection is open and says nothing.
func (b *backend) isQuiet() bool {
	var one [1]byte
	_, e := recv(b.fd, one[:], unix.MSG_PEEK)
	return e == unix.EAGAIN
}

// sendOn sends a request on a connection.
func (o *loop) sendOn(b *backend, x *exchange) {
	b.x, x.backend = x, b
	o.writeUp(x, append(x.call.AppendRequest(&x.Request, o.space()), x.buf[len(x.Bytes):]...))
	x.end.BytesIn = int64(len(x.buf) - len(x.Bytes))
	x.Moved = x.end.BytesIn
}

func (o *loop) backendEvent(b *backend, events uint32) {
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		b.hup = true
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		b.readable = true
	}
	if b.x == nil {
		if b.hup || b.readable && !b.isQuiet() { // it ended, or says what it was not asked for
			o.removeIdle(b)
			return
		}
		b.readable = false // the event is of what a pump took already
		return
	}
	if !b.x.connected { // nothing was asked yet
		if b.hup || b.readable && !b.isQuiet() {
			o.fail(b.x, transport.Unreachable, errUnasked)
		}
		b.readable = false
		return
	}
	if events&unix.EPOLLOUT != 0 && len(b.pending) > 0 {
		n, e := send(b.fd, b.pending)
		if e != 0 && e != unix.EAGAIN && e != unix.EINTR && !b.readable { // what it has said already may be an answer
			o.fail(b.x, transport.Unreachable, e)
			return
		}
		if b.pending = b.pending[:copy(b.pending, b.pending[n:])]; len(b.pending) == 0 {
			o.spare.give(b.pending)
			b.pending = nil
		}
	}
	if b.readable {
		o.readBackend(b)
	}
}

// removeIdle closes an idle connection.
func (o *loop) removeIdle(b *backend) {
	s := o.shelfOf(b.origin)
	for i, one := range s.some {
		if one == b {
			s.some = append(s.some[:i], s.some[i+1:]...)
			break
		}
	}
	o.closeBackend(b)
}

// readBackend takes what there is of an answer, as far as the client takes it.
func (o *loop) readBackend(b *backend) {
	if b.x != nil {
		o.serving = b.x.client
	}
	for began := false; b.x != nil && b.readable && !b.x.client.isBehind(); began = true {
		if began && b.x.client.queued > 0 { // what was read is to be sent before more is
			o.unpumped.add(b)
			return
		}
		if o.isLong(b.x) {
			o.pump(b)
			return
		}
		n, e := recv(b.fd, o.in[:], 0)
		switch {
		case n > 0:
			b.readable = n == len(o.in) || b.hup
			data := o.in[:n]
			if b.in != nil {
				b.in = append(b.in, data...)
				data = b.in
				if len(data) <= mostAnswerHead && !hasEnd(data[max(0, b.seen-2):]) {
					b.seen = len(data)
					continue
				}
			}
			o.takeAnswer(b, data)
		case e == unix.EAGAIN:
			b.readable = false
		case e == unix.EINTR:
		case n == 0:
			o.answerEnds(b)
		default:
			o.readFails(b, e)
		}
	}
}

// answerEnds is for a connection that ended while something of an answer was awaited.
func (o *loop) answerEnds(b *backend) {
	x := b.x
	switch {
	case x.told && x.body.kind == untilEnd:
		x.body.keep = false
		x.Out = o.space()
		x.Out = append(x.Out, "0\r\n\r\n"...)
		o.complete(b)
	case x.told:
		o.fail(x, transport.BrokeOff, io.ErrUnexpectedEOF)
	case len(b.in) > 0:
		x.answered = true
		o.fail(x, transport.Invalid, malformed("it ends in the head"))
	default:
		o.fail(x, transport.Unreachable, io.EOF)
	}
}

func (o *loop) readFails(b *backend, e unix.Errno) {
	x := b.x
	switch {
	case x.told:
		o.fail(x, transport.BrokeOff, e)
	case len(b.in) > 0:
		x.answered = true
		o.fail(x, transport.Invalid, malformed("it ends in the head"))
	default:
		o.fail(x, transport.Unreachable, e)
	}
}

// takeAnswer takes the next bytes of an answer.
func (o *loop) takeAnswer(b *backend, data []byte) {
	x := b.x
	x.Out = o.space()
	for !x.told {
		used, err := o.takeHead(x, data)
		if err != nil {
			x.answered = true
			o.write(x.client, x.Out) // interim answers before it
			if b.x != nil {          // else the client was lost
				o.fail(x, transport.Invalid, err)
			}
			return
		}
		if used == 0 { // more is to come
			if b.in == nil {
				b.in = o.spare.keep(data)
			} else {
				b.in = b.in[:copy(b.in, data)]
			}
			b.seen = len(b.in)
			o.write(x.client, x.Out) // interim answers
			return
		}
		data = data[used:]
	}
	done, rest, err := x.take(data)
	x.Moved = x.end.BytesIn + x.end.BytesOut
	if b.in != nil {
		o.spare.give(b.in) // its bytes are in Out
		b.in = nil
	}
	switch {
	case err != nil:
		o.write(x.client, x.Out)
		if b.x != nil { // else the client was lost
			o.fail(x, transport.BrokeOff, err)
		}
	case done:
		x.body.keep = x.body.keep && rest == 0
		o.complete(b)
	default:
		x.due = o.mono + int64(orDefault(x.Idle))
		o.write(x.client, x.Out)
	}
}

// defaultPart is how long each part of an answer may take.
const defaultPart = 5 * time.Minute

func orDefault(idle time.Duration) time.Duration {
	if idle > 0 {
		return idle
	}
	return defaultPart
}

// complete ends an exchange whose last bytes for the client are in Out.
func (o *loop) complete(b *backend) {
	x := b.x
	x.backend = nil
	if x.body.keep && len(b.pending) == 0 {
		b.x = nil
		o.putIdle(b)
	} else {
		o.closeBackend(b)
	}
	o.finishWith(x)
}

// takeHead takes the head of an answer, if it is all there: how long it is, else 0.
func (o *loop) takeHead(x *exchange, data []byte) (used int, err error) {
	a := &o.answer
	if used, err = a.read(data); used == 0 || err != nil {
		return 0, err
	}
	x.answered = true
	told := Answered{Status: a.status, Fields: a.fields, Told: -1, Date: o.dateText()}
	if a.status < 200 {
		if a.status == 101 {
			return 0, malformed("protocol switched without being asked")
		}
		if x.interims++; x.interims > mostInterim {
			return 0, malformed("too many 1xx answers")
		}
		x.call.Answered(&x.Request, &told)
		return used, nil
	}
	if err := a.frame(); err != nil {
		return 0, err
	}
	x.body = body{kind: withLength, keep: a.keep}
	switch {
	case x.isHead:
		told.Told = a.length
		x.body.keep = a.minor == 1 && !a.close
	case a.status == 204 || a.status == 304:
		x.body.keep = a.minor == 1 && !a.close
	case a.chunked:
		x.body.kind, told.Chunked = inChunks, true
		x.body.chunks.Padded = true
	case a.length < 0:
		x.body.kind, told.Chunked = untilEnd, true
	default:
		x.body.left, told.Told = a.length, a.length
	}
	x.told = true
	x.end.Status = a.status
	x.end.Latency = time.Duration(o.mono - x.started) // the answer was there when the round began
	if x.end.Latency <= 0 {
		x.end.Latency = max(1, time.Duration(o.clock()-x.started))
	}
	x.Close = x.Close || o.lane.leaving.Load()
	x.call.Answered(&x.Request, &told)
	return used, nil
}

// bodyKind is how the end of an answer's body is known.
type bodyKind byte

const (
	withLength bodyKind = iota
	inChunks
	untilEnd // of the connection
)

// body is where an answer's body stands.
type body struct {
	kind   bodyKind
	left   int64 // of withLength
	keep   bool  // the connection may be used again
	chunks wire.Chunks
}

// take appends to Out what the client gets for the next bytes of the body. Rest is how many bytes stand behind the end.
func (x *exchange) take(data []byte) (done bool, rest int, err error) {
	y := &x.body
	switch y.kind {
	case withLength:
		n := int(min(y.left, int64(len(data))))
		x.Out = append(x.Out, data[:n]...)
		y.left -= int64(n)
		x.end.BytesOut += int64(n)
		return y.left == 0, len(data) - n, nil
	case inChunks:
		if len(data) == 0 {
			return false, 0, nil
		}
		before := y.chunks.Looked()
		kept, used, v, done := y.chunks.Clean(data)
		x.Out = append(x.Out, data[:kept]...)
		x.end.BytesOut += int64(used) - (y.chunks.Looked() - before)
		if v.Kind != wire.Passed {
			x.end.BytesOut++ // the byte that was refused was looked at, and is not used
			return false, 0, errors.New("the answer " + v.Reason)
		}
		return done, len(data) - used, nil
	default:
		if len(data) > 0 {
			x.Out = strconv.AppendInt(x.Out, int64(len(data)), 16)
			x.Out = append(x.Out, "\r\n"...)
			x.Out = append(x.Out, data...)
			x.Out = append(x.Out, "\r\n"...)
			x.end.BytesOut += int64(len(data))
		}
		return false, 0, nil
	}
}
