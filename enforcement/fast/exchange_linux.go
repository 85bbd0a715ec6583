package fast

import (
	"context"
	"errors"
	"net"
	"time"

	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/wire"
)

// exchange is a request under way.
type exchange struct {
	Request
	call   Call
	head   wire.Head
	fields [wire.MaxFields]wire.Field
	buf    []byte // head and body
	life   uint32 // rises with each use: what comes late is for another one
	index  int    // in loop.active

	client    *client  // nil: it has gone away
	backend   *backend // nil: there is none yet
	stop      func()   // ends what is waited for beside the loop; nil: nothing
	connected bool     // some of the request may have arrived
	answered  bool     // a byte of an answer came
	fresh     bool     // a connection of its own is due
	told      bool     // the client got the head of the answer
	isHead    bool
	interims  int

	begun   time.Time
	started int64 // the same on the loop's clock
	due     int64 // when patience with the upstream ends; 0: it is not waited for
	over    int64 // when it is asked whether it must end
	end     transport.End
	body    body
	pipe    *pipe // where the rest of the body passes; nil: it is copied
}

// mostKept is the largest buffer that an exchange keeps for the next request.
const mostKept = 8 << 10

// beginExchange serves the request that data begins with, whose head is in loop.judge.
func (o *loop) beginExchange(c *client, data []byte, size int) {
	o.hears(c)
	x := o.newExchange()
	j := &o.judge
	x.buf = append(x.buf[:0], data[:size]...)
	x.head = j.Head
	x.head.Fields = x.fields[:copy(x.fields[:], j.Fields)]
	x.isHead = string(j.Method.Of(x.buf)) == "HEAD"
	x.Request = Request{
		Head: &x.head, Bytes: x.buf[:j.Size], Fields: x.head.Fields, Remote: c.remote, Now: o.now, Out: o.space(),
		Close: x.head.Close || o.lane.leaving.Load(),
	}
	x.client = c
	switch step := x.call.Begin(&x.Request); step {
	case Leave:
		o.recycle(x)
		o.leave(c, data)
	case Answer:
		o.use(c, data, size)
		o.served.Add(1)
		c.state, c.since = idle, o.mono
		last := x.Close
		o.write(c, x.Out)
		x.call.End(&x.Request, &x.end)
		o.recycle(x)
		if last {
			o.hangUp(c)
		}
	default:
		o.use(c, data, size)
		o.served.Add(1)
		o.enlist(x)
		c.state, c.x = busy, x
		o.goOn(x, step)
	}
}

// newExchange returns one that is as new.
func (o *loop) newExchange() *exchange {
	if n := len(o.unused); n > 0 {
		x := o.unused[n-1]
		o.unused = o.unused[:n-1]
		return x
	}
	return &exchange{call: o.lane.config.Policy.NewCall(o.number)}
}

// mostUnused is how many exchanges are kept.
const mostUnused = 1 << 10

func (o *loop) recycle(x *exchange) {
	if x.pipe != nil {
		o.givePipe(x.pipe)
		x.pipe = nil
	}
	if len(o.unused) >= mostUnused {
		return
	}
	if cap(x.buf) > mostKept {
		x.buf = nil
	}
	x.life++
	x.Request, x.client, x.backend, x.stop, x.end, x.body = Request{}, nil, nil, nil, transport.End{}, body{}
	x.connected, x.answered, x.fresh, x.told, x.interims, x.due, x.started = false, false, false, false, 0, 0, 0
	o.unused = append(o.unused, x)
}

func (o *loop) enlist(x *exchange) {
	x.index = len(o.active)
	o.active = append(o.active, x)
	x.over = o.mono + overEvery
	o.busy.Store(int64(len(o.active)))
	o.hurry(busyTick)
}

// retire ends an exchange that is counted as under way.
func (o *loop) retire(x *exchange) {
	if x.started != 0 {
		x.end.Begun, x.end.Took = x.begun, max(1, time.Duration(o.clock()-x.started))
		if x.end.Latency == 0 {
			x.end.Latency = x.end.Took
		}
	}
	x.call.End(&x.Request, &x.end)
	o.delist(x)
}

// delist counts an exchange no more, and keeps it for another request.
func (o *loop) delist(x *exchange) {
	o.unlist(x)
	o.recycle(x)
}

// forsake gives up what is under way for a client on which a mistake of ours showed. What became of it is not known: its Call is asked no more, and neither is
// used again.
func (o *loop) forsake(c *client) {
	for i := len(o.active) - 1; i >= 0; i-- {
		x := o.active[i]
		if x.client != c {
			continue
		}
		if x.backend != nil {
			o.closeBackend(x.backend)
		}
		if x.stop != nil {
			x.stop()
		}
		x.client, x.backend = nil, nil
		x.life++ // what comes late is for nobody
		o.unlist(x)
	}
	c.x = nil
}

func (o *loop) unlist(x *exchange) {
	last := len(o.active) - 1
	o.active[x.index] = o.active[last]
	o.active[x.index].index = x.index
	o.active[last] = nil
	o.active = o.active[:last]
	o.busy.Store(int64(last))
}

// clock is now and not the beginning of the round: for what ends in it.
func (o *loop) clock() int64 { return int64(time.Since(o.lane.begin)) }

// goOn does what a Call said.
func (o *loop) goOn(x *exchange, step Step) {
	switch step {
	case Forward:
		if x.started == 0 {
			x.started = o.clock()
			x.begun = o.now.Add(time.Duration(x.started - o.mono))
		}
		x.due = o.mono + int64(x.Timeout)
		o.forward(x)
	case Wait:
		o.pause(x)
	default:
		o.finishWith(x)
	}
}

// finishWith ends an exchange with the answer that its Call has made.
func (o *loop) finishWith(x *exchange) {
	c, out, last := x.client, x.Out, x.Close
	if c != nil {
		c.x, c.state, c.since = nil, idle, o.mono
		o.write(c, out)
	}
	o.retire(x)
	if c != nil {
		o.proceed(c, last)
	}
}

// proceed goes on with a connection whose request has ended.
func (o *loop) proceed(c *client, last bool) {
	switch {
	case c.state == gone:
	case last:
		o.hangUp(c)
	case len(c.in) > 0 || c.readable:
		o.again.add(c)
	}
}

// pause waits beside the loop for what the policy lacks.
func (o *loop) pause(x *exchange) {
	ctx, cancel := context.WithCancel(context.Background())
	x.stop = cancel
	life := x.life
	go func() {
		x.call.Await(ctx)
		cancel()
		o.post(func() {
			if x.life == life {
				o.resume(x)
			}
		})
	}()
}

func (o *loop) resume(x *exchange) {
	x.stop = nil
	x.Now, x.Out = o.now, o.space()
	step := x.call.Begin(&x.Request)
	switch {
	case x.client == nil && step == Wait:
		o.pause(x)
		x.stop()
	case x.client == nil:
		x.end.Failure = transport.ClientGone
		o.retire(x)
	case step == Leave: // the stage is another one by now
		c := x.client
		c.x = nil
		unused := append(append([]byte(nil), x.buf...), c.in...)
		o.delist(x)
		o.leave(c, unused)
	default:
		o.goOn(x, step)
	}
}

// forward sends the request.
func (o *loop) forward(x *exchange) {
	for !x.fresh {
		b := o.takeIdle(x.Origin)
		if b == nil {
			break
		}
		if !x.mayRepeat() && !b.isQuiet() {
			o.closeBackend(b)
			continue
		}
		o.sendOn(b, x)
		return
	}
	o.dial(x)
}

// mayRepeat reports whether the request may be sent once more though some of it may have arrived: RFC 9110, 9.2.2. A body was read, and says no.
func (x *exchange) mayRepeat() bool {
	if len(x.buf) > len(x.Bytes) {
		return false
	}
	switch string(x.head.Method.Of(x.Bytes)) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// dial makes a connection beside the loop.
func (o *loop) dial(x *exchange) {
	ctx, cancel := context.WithCancel(context.Background())
	x.stop = cancel
	origin, life := x.Origin, x.life
	go func() {
		c, err := origin.Dial(ctx)
		cancel()
		fd := -1
		if err == nil {
			fd, err = takeFD(c)
		}
		if !o.post(func() { o.dialled(x, life, origin, fd, err) }) && err == nil {
			closeFD(fd)
		}
	}()
}

func (o *loop) dialled(x *exchange, life uint32, origin Origin, fd int, err error) {
	if x.life != life || x.backend != nil || x.client == nil { // it has ended meanwhile
		if err == nil {
			closeFD(fd)
		}
		return
	}
	x.stop = nil
	var b *backend
	if err == nil {
		b, err = o.newBackend(origin, fd)
	}
	if err != nil {
		o.fail(x, failureOf(err), err)
		return
	}
	o.sendOn(b, x)
}

func failureOf(err error) transport.Failure {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return transport.Timeout
	}
	return transport.Unreachable
}

// fail ends a try. Where nothing of an answer has reached the client, it is answered, or another try is made.
func (o *loop) fail(x *exchange, f transport.Failure, err error) {
	if b := x.backend; b != nil {
		reused := b.reused
		x.backend = nil
		o.closeBackend(b)
		if f == transport.Unreachable && reused && !x.fresh && !x.answered && !x.told && (x.mayRepeat() || !x.connected) {
			x.fresh = true // a connection that was kept and had ended is none of the request's business
			o.dial(x)
			return
		}
	}
	if x.stop != nil {
		x.stop()
		x.stop = nil
	}
	x.life++ // what is under way for it comes too late
	if x.told {
		x.end.Failure = f
		o.breakOff(x)
		return
	}
	x.end.Status, x.due = 0, 0
	x.end.Latency = 0
	x.Out = o.space()
	step := x.call.Failed(&x.Request, f, err, x.connected, x.answered)
	if step == Forward {
		x.connected, x.answered, x.fresh, x.interims = false, false, false, 0
		o.goOn(x, Forward)
		return
	}
	x.end.Failure = f
	o.finishWith(x)
}

// breakOff ends an answer that cannot be completed: the client must see that it is not whole.
func (o *loop) breakOff(x *exchange) {
	c := x.client
	c.x = nil
	o.retire(x)
	o.lose(c)
}

// abandon ends an exchange whose client is gone.
func (o *loop) abandon(x *exchange) {
	x.client = nil
	if b := x.backend; b != nil {
		x.backend = nil
		o.closeBackend(b)
	}
	if x.stop != nil {
		x.stop()
		if x.started == 0 {
			return // the policy is waited for: resume ends it
		}
	}
	x.end.Failure = transport.ClientGone
	o.retire(x)
}

// look ends an exchange whose time is over.
func (o *loop) look(x *exchange) {
	switch {
	case x.client == nil:
	case x.due != 0 && x.told && x.client.isBehind():
		x.due = o.mono + int64(orDefault(x.Idle)) // the client is waited for, not the upstream
	case x.due != 0 && o.mono >= x.due && x.told:
		o.fail(x, transport.BrokeOff, errIdle)
	case x.due != 0 && o.mono >= x.due:
		o.fail(x, transport.Timeout, errTooSlow)
	case o.mono >= x.over:
		x.over = o.mono + overEvery
		if x.started != 0 && x.call.IsOver(&x.Request) {
			o.fail(x, transport.Stopped, errCut)
		}
	}
}

var (
	errTooSlow = errors.New("the upstream did not begin to answer in time")
	errIdle    = errors.New("the upstream did not go on with its answer in time")
	errUnasked = errors.New("the upstream ended the connection, or said what it was not asked for")
	errCut     = errors.New("the exchange was cut")
)
