package fast

import (
	"net"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/enforcement/front"
	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/wire"
)

// client is a connection of a client.
type client struct {
	fd       int
	index    int    // in loop.clients
	number   uint32 // of the connections that came: where its home is
	listener *listener
	from     front.Detached
	remote   string

	state    clientState
	since    int64 // when that began
	x        *exchange
	in       []byte      // read and not used; nil: nothing
	partial  *wire.Judge // of the head that in begins with, and that is not all there; nil: nothing is missing, or the body is
	want     int         // bytes of in that the request needs whose body is not all there; 0: its head is not known yet
	pending  []byte      // of answers, that the socket does not take; nil: nothing
	pendings int64       // bytes of them since stalled
	queued   int         // parcels for it that are to be sent at the end of the round
	stalled  int64       // since when the client is waited for
	readable bool        // there may be more to read
	hup      bool        // the client sends nothing more, or is gone: reading tells
	last     bool        // nothing follows what is pending
	blocked  bool        // the kernel's part of an answer waits for the client
	deaf     bool        // it has not heard yet that the lane ends
}

// clientState is what a client's connection waits for.
type clientState byte

const (
	fresh   clientState = iota // the first byte
	idle                       // another request
	begun                      // the rest of a request
	busy                       // an answer
	leaving                    // the client to hear that it ends
	gone
)

// take takes a connection of a listener. It returns false if it is to be served by others.
func (l *Lane) take(conn net.Conn, from *listener) bool {
	if l.stop.Load() {
		return false
	}
	below, d, ok := front.Detach(conn)
	if !ok {
		return false
	}
	fd, err := takeFD(below)
	if err != nil {
		d.Release()
		return true // it is closed
	}
	c := &client{fd: fd, number: l.turn.Add(1), since: int64(time.Since(l.begin)), listener: from, from: d, remote: d.RemoteAddr().String()}
	l.taken.Add(1)
	l.config.Tell(Opened)
	if o := l.home(c); !o.post(func() { o.welcome(c) }) {
		l.shut(c)
	}
	return true
}

// shut closes a connection that no loop has.
func (l *Lane) shut(c *client) {
	closeFD(c.fd)
	c.from.Release()
	l.config.Tell(Closed)
}

// welcome begins to serve a connection.
func (o *loop) welcome(c *client) {
	c.index = len(o.clients)
	o.clients = append(o.clients, c)
	o.open.Store(int64(len(o.clients)))
	if err := o.watch(c.fd, entry{client: c}); err != nil {
		o.lane.config.Log.Error("a connection cannot be served", "error", err)
		o.remove(c)
		o.drop(c)
		o.lane.shut(c)
		return
	}
	o.hurry(restTick)
	c.readable = true // most clients have said something by now
	o.serve(c)
}

// hurry sees to it that deadlines are looked at within some milliseconds.
func (o *loop) hurry(within int64) {
	o.next = min(o.next, o.mono+within*int64(time.Millisecond))
}

// remove takes a connection off the loop's list.
func (o *loop) remove(c *client) {
	last := len(o.clients) - 1
	o.clients[c.index] = o.clients[last]
	o.clients[c.index].index = c.index
	o.clients[last] = nil
	o.clients = o.clients[:last]
	o.open.Store(int64(last))
	c.state = gone
	o.hears(c)
}

// lose closes a connection, whatever it does.
func (o *loop) lose(c *client) {
	if c.queued > 0 {
		o.deliverTo(c)
	}
	if c.state == gone {
		return
	}
	x := c.x
	o.remove(c)
	o.drop(c)
	o.closeFD(c.fd)
	c.from.Release()
	o.lane.config.Tell(Closed)
	if x != nil {
		o.abandon(x)
	}
}

// drop gives back what is kept for a connection.
func (o *loop) drop(c *client) {
	if c.in != nil {
		o.spare.give(c.in)
	}
	if c.pending != nil {
		o.spare.give(c.pending)
	}
	c.in, c.pending, c.partial = nil, nil, nil
}

// hangUp ends a connection behind what is still to be sent. A client that may still be sending gets a moment to read the answer: closed at once, what it sent
// would reset the connection.
func (o *loop) hangUp(c *client) {
	c.last = true
	switch {
	case c.state == gone || len(c.pending) > 0 || c.queued > 0:
	case len(c.in) == 0 && !c.readable:
		o.lose(c)
	default:
		_ = unix.Shutdown(c.fd, unix.SHUT_WR)
		o.drop(c)
		c.state, c.since = leaving, o.mono
		o.discard(c)
	}
}

// discard reads what nobody wants to know any more.
func (o *loop) discard(c *client) {
	for {
		switch n, e := recv(c.fd, o.in[:], 0); {
		case n > 0:
		case e == unix.EAGAIN:
			return
		default:
			o.lose(c)
			return
		}
	}
}

// leave gives a connection to the standard lane, with what was read of it and not used.
func (o *loop) leave(c *client, unused []byte) {
	if c.queued > 0 {
		o.deliverTo(c)
	}
	switch {
	case c.state == gone:
		return
	case len(c.pending) > 0: // the client is behind: when it has all that was said before, the request is looked at once more
		kept := o.spare.keep(unused)
		if c.in != nil {
			o.spare.give(c.in)
		}
		c.in, c.want, c.partial = kept, 0, nil
		c.state, c.since = begun, o.mono
		return
	}
	one := leaver{fd: c.fd, from: c.from, read: append([]byte(nil), unused...)}
	o.unwatch(c.fd)
	o.remove(c)
	o.drop(c)
	o.lane.left.Add(1)
	o.lane.config.Tell(Left)
	c.listener.hand(one)
}

func (o *loop) clientEvent(c *client, events uint32) {
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.readable = true
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.hup = true
	}
	if events&unix.EPOLLOUT != 0 {
		o.serving = c
		switch {
		case len(c.pending) > 0:
			o.flush(c)
		case c.blocked:
			o.pump(c.x.backend)
		}
	}
	switch {
	case c.state == gone:
	case c.state == leaving:
		o.discard(c)
	case c.x != nil:
		if c.hup && o.isGone(c, events) {
			o.lose(c)
		}
	default:
		o.serve(c)
	}
}

// isGone reports whether a client who waits for an answer has gone away. One who has sent another request already has not.
func (o *loop) isGone(c *client, events uint32) bool {
	if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		return true
	}
	if len(c.in) > 0 {
		return false
	}
	var b [1]byte
	n, e := recv(c.fd, b[:], unix.MSG_PEEK)
	return n == 0 || n < 0 && e != unix.EAGAIN
}

// lookAfter ends a connection that is waited for too long.
func (o *loop) lookAfter(c *client, t *Times) {
	age := o.mono - c.since
	if c.isBehind() {
		if t.Stall > 0 && o.mono-c.stalled >= int64(t.Stall) {
			if c.pendings < t.StallBytes {
				o.lose(c)
				return
			}
			c.stalled, c.pendings = o.mono, 0
		}
		return
	}
	switch c.state {
	case fresh:
		if t.Head > 0 && age >= int64(t.Head) {
			o.lose(c)
		}
	case idle:
		if t.Idle > 0 && age >= int64(t.Idle) || o.lane.stop.Load() {
			o.lose(c)
		}
	case begun:
		if c.want == 0 && age >= headWait || c.want > 0 && age >= bodyWait {
			o.leave(c, c.in)
		}
	case leaving:
		if age >= lingerTime {
			o.lose(c)
		}
	default: // an exchange has its own deadlines
	}
}

// countDeaf counts who has to be told that the lane ends.
func (o *loop) countDeaf() {
	for _, c := range o.clients {
		if c.x == nil && !c.deaf {
			c.deaf = true
			o.deaf.Add(1)
		}
	}
}

// hears notes that a connection is told, or has ended.
func (o *loop) hears(c *client) {
	if c.deaf {
		c.deaf = false
		o.deaf.Add(-1)
	}
}

// closeIdle closes the connections that nothing is under way on.
func (o *loop) closeIdle() {
	for i := len(o.clients) - 1; i >= 0; i-- {
		if c := o.clients[i]; c.x == nil && len(c.pending) == 0 && c.state != begun && c.state != leaving {
			o.lose(c)
		}
	}
}

// cutAll ends all requests under way: those that have no answer yet by one that says why.
func (o *loop) cutAll() {
	for i := len(o.active) - 1; i >= 0; i-- {
		switch {
		case i >= len(o.active) || o.active[i].client == nil:
		case o.active[i].started != 0 && !o.active[i].told:
			o.fail(o.active[i], transport.Stopped, errCut)
		default:
			o.lose(o.active[i].client)
		}
	}
}
