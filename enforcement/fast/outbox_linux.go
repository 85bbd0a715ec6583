package fast

import (
	"slices"

	"golang.org/x/sys/unix"

	"gatehouse/enforcement/transport"
)

// What a round makes for clients and upstreams is sent at its end, all in a row: whoever is woken by the first of it finds the rest there, instead of falling
// asleep between one part and the next and being woken for each. That saves a tenth of a request's processor time here, and more at the other ends.

const (
	// mostOut is how much may be made before it is sent, beside what one event, or one turn, makes: a round with many large answers must not hold them all.
	mostOut = 256 << 10
	// leastRoom is what is free of loop.out before something is made: nearly everything fits.
	leastRoom = 8 << 10
)

// parcel is bytes of loop.out that are to be sent: to a client, or, where x is set, to the upstream that it has.
type parcel struct {
	client   *client
	backend  *backend
	x        *exchange
	life     uint32
	from, to int
}

// space is where the next parcel is made: to be appended to and posted before anything else is.
func (o *loop) space() []byte {
	if cap(o.out)-len(o.out) < leastRoom {
		o.out = slices.Grow(o.out, leastRoom)
	}
	return o.out[len(o.out):]
}

// put keeps a parcel's bytes, which were made in space, or elsewhere if they outgrew it.
func (o *loop) put(b []byte) (from, to int) {
	from = len(o.out)
	if whole := o.out[:cap(o.out)]; from < len(whole) && &whole[from] == &b[0] {
		o.out = whole[:from+len(b)]
	} else {
		o.out = append(o.out, b...)
	}
	return from, len(o.out)
}

// write has a client get something.
func (o *loop) write(c *client, b []byte) {
	if len(b) == 0 || c.state == gone {
		return
	}
	from, to := o.put(b)
	c.queued++
	o.parcels.add(parcel{client: c, from: from, to: to})
}

// writeUp has an exchange's upstream get something.
func (o *loop) writeUp(x *exchange, b []byte) {
	from, to := o.put(b)
	o.parcels.add(parcel{backend: x.backend, x: x, life: x.life, from: from, to: to})
}

// deliver sends everything that was made. It must not be called while anything is being made.
func (o *loop) deliver() {
	for o.parcels.wait() {
		o.parcels.begin()
		for p, ok := o.parcels.take(); ok; p, ok = o.parcels.take() {
			switch {
			case p.x != nil:
				o.sendUp(&p)
			case p.client != nil: // else it was sent beforehand
				o.serving = p.client
				o.hand(p.client, o.out[p.from:p.to])
			}
		}
	}
	if o.out = o.out[:0]; cap(o.out) > 4*mostOut {
		o.out = nil
	}
}

// deliverMuch is deliver where much was made already.
func (o *loop) deliverMuch() {
	if len(o.out) >= mostOut {
		o.deliver()
	}
}

// deliverTo sends what a client is to get before the others' turn, because the connection ends or leaves.
func (o *loop) deliverTo(c *client) {
	o.parcels.each(func(p *parcel) {
		if p.client == c {
			p.client = nil
			o.hand(c, o.out[p.from:p.to])
		}
	})
}

// hand sends to a client what it can take, and keeps the rest.
func (o *loop) hand(c *client, b []byte) {
	c.queued--
	switch {
	case c.state == gone:
		return
	case len(c.pending) > 0:
		c.pending = append(c.pending, b...)
		return
	}
	n, e := send(c.fd, b)
	if e != 0 && e != unix.EAGAIN && e != unix.EINTR {
		o.lose(c)
		return
	}
	if n < len(b) {
		c.pending = o.spare.keep(b[n:])
		c.stalled, c.pendings = o.mono, 0
		o.hurry(busyTick)
		return
	}
	if c.last && c.queued == 0 {
		o.hangUp(c)
	}
}

// sendUp sends a request, if it is still to be sent there.
func (o *loop) sendUp(p *parcel) {
	x, b := p.x, p.backend
	if x.life != p.life || x.backend != b {
		return
	}
	o.serving, x.connected = x.client, true
	data := o.out[p.from:p.to]
	n, e := send(b.fd, data)
	switch {
	case e != 0 && e != unix.EAGAIN && e != unix.EINTR:
		o.fail(x, transport.Unreachable, e)
	case n < len(data):
		b.pending = o.spare.keep(data[n:])
	}
}

// flush sends what is kept, and goes on where that was waited for.
func (o *loop) flush(c *client) {
	n, e := send(c.fd, c.pending)
	if e != 0 {
		if e != unix.EAGAIN && e != unix.EINTR {
			o.lose(c)
		}
		return
	}
	c.pendings += int64(n)
	if n < len(c.pending) {
		c.pending = c.pending[:copy(c.pending, c.pending[n:])]
		return
	}
	o.spare.give(c.pending)
	c.pending = nil
	switch {
	case c.last:
		o.hangUp(c)
	case c.x != nil && c.x.backend != nil:
		o.readBackend(c.x.backend)
	}
}

// isBehind reports whether the client is waited for to read.
func (c *client) isBehind() bool { return len(c.pending) > 0 || c.blocked }
