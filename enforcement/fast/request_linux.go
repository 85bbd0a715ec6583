package fast

import (
	"golang.org/x/sys/unix"

	"gatehouse/enforcement/wire"
)

// serve serves the requests that are there, until one is under way.
func (o *loop) serve(c *client) {
	o.serving = c
	if c.queued == 0 && c.isFree() && o.sendHome(c) {
		return
	}
	for range mostInTurn {
		if !c.isFree() {
			return
		}
		data := c.in
		if len(data) == 0 || c.partial != nil || c.want > len(data) {
			if !c.readable {
				return
			}
			n, e := recv(c.fd, o.in[:], 0)
			switch {
			case n > 0:
				c.readable = n == len(o.in) || c.hup
			case e == unix.EAGAIN:
				c.readable = false
				return
			case e == unix.EINTR:
				continue
			default:
				o.lose(c)
				return
			}
			data = o.in[:n]
			if c.in != nil {
				c.in = append(c.in, data...)
				data = c.in
			}
		}
		o.read(c, data)
	}
	o.again.add(c)
}

// isFree reports whether a request may be served.
func (c *client) isFree() bool {
	return c.state != gone && c.state != leaving && c.x == nil && len(c.pending) == 0 && !c.last
}

// read takes the request that data begins with, if it is all there.
func (o *loop) read(c *client, data []byte) {
	if c.want > len(data) {
		o.await(c, data)
		return
	}
	if c.partial != nil {
		if v, done := c.partial.Feed(data); !done {
			o.await(c, data)
			return
		} else if v.Kind != wire.Passed {
			o.leave(c, data)
			return
		}
		c.partial = nil // its fields were not kept: once more, now that all is there
	}
	j := &o.judge
	j.Reset(o.room[:0])
	v, done := j.Feed(data)
	switch {
	case !done:
		c.partial = new(wire.Judge)
		c.partial.Reset(nil)
		c.partial.Feed(data)
		o.await(c, data)
		return
	case v.Kind != wire.Passed || !isPlain(&j.Head):
		o.leave(c, data)
		return
	}
	size := j.Size + max(0, int(j.ContentLength))
	if len(data) < size {
		c.want = size
		o.await(c, data)
		return
	}
	c.want = 0
	o.beginExchange(c, data, size)
}

// isPlain reports whether a request is of the kind that this lane serves.
func isPlain(h *wire.Head) bool {
	return h.Minor == 1 && !h.Absolute && !h.Chunked && !h.Upgrade && !h.Continue && !h.TE && !h.Trailer && h.ContentLength <= MostBody
}

// await keeps the beginning of a request until more of it comes.
func (o *loop) await(c *client, data []byte) {
	if c.in == nil {
		c.in = o.spare.keep(data)
	}
	if c.state != begun {
		c.state, c.since = begun, o.mono
	}
	o.nextClients = min(o.nextClients, o.mono+bodyWait)
	o.hurry(busyTick)
}

// use drops the request that was read, whose size is told, and keeps what follows it.
func (o *loop) use(c *client, data []byte, size int) {
	rest := data[size:]
	switch {
	case c.in == nil && len(rest) > 0:
		c.in = o.spare.keep(rest)
	case c.in != nil && len(rest) > 0:
		c.in = c.in[:copy(c.in, rest)]
	case c.in != nil:
		o.spare.give(c.in)
		c.in = nil
	}
}
