package fast

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/enforcement/wire"
)

// Times of a loop.
const (
	heldWait   = 10 // milliseconds that a wait may keep the scheduler's place, while rounds are shorter than denseWait
	denseWait  = int64(time.Millisecond)
	busyTick   = 20  // between two looks at deadlines, in milliseconds, while requests are under way
	restTick   = 250 // while there are only connections
	overEvery  = int64(250 * time.Millisecond)
	bodyWait   = int64(100 * time.Millisecond) // for a body that did not come with its head
	headWait   = int64(time.Second)            // for a head that has begun: a slow one is the standard lane's
	lingerTime = int64(500 * time.Millisecond) // for a client that still sends to read its last answer
	idleTime   = int64(90 * time.Second)       // of a connection to an upstream
)

const (
	readSize = 64 << 10
	// mostInTurn is how many requests of one connection are served before others have their turn.
	mostInTurn = 16
)

// loop serves its connections, alone: nothing of it but post is for other goroutines.
type loop struct {
	lane   *Lane
	number int // in Lane.loops
	epoll  int
	alarm  int // an eventfd: something is in the inbox

	table []entry // by file descriptor
	life  uint32  // of the newest entry

	isDense bool // waits are short

	now         time.Time // of this round
	mono        int64     // the same, in nanoseconds since the lane began
	next        int64     // when deadlines are looked at
	nextClients int64     // when those of clients are
	measured    int64     // until when it is measured what the loop uses
	used        int64     // processor time that it had used then
	idled       float64   // idle time of the machine, when it was asked for

	in       [readSize]byte // what is read, until it is kept or used
	out      []byte         // what clients and upstreams get at the end of the round
	events   [256]unix.EpollEvent
	judge    wire.Judge
	room     [wire.MaxFields]wire.Field
	answer   answer
	date     [len(http.TimeFormat)]byte
	dated    int64 // Unix second that date tells
	spare    buffers
	pipes    []*pipe         // that are empty
	parcels  turns[parcel]   // of out
	unpumped turns[*backend] // that have more to be carried

	came, at int      // events of this round, and how many of them were dispatched
	todo     []func() // taken from the inbox
	clients  []*client
	active   []*exchange
	unused   []*exchange
	idle     map[Origin]*shelf
	last     *shelf         // of idle, that was asked for last; nil: none
	again    turns[*client] // that have more to be served
	serving  *client        // whom the loop is busy with
	counts

	mu    sync.Mutex
	inbox []func()
	over  bool // no loop takes anything from the inbox any more
	done  chan struct{}
}

// entry is who has a file descriptor. Events of an earlier life are of somebody else.
type entry struct {
	life    uint32
	client  *client
	backend *backend
}

func newLoop(l *Lane, number int) (*loop, error) {
	o := &loop{lane: l, number: number, idle: map[Origin]*shelf{}, done: make(chan struct{}), epoll: -1, alarm: -1}
	var err error
	if o.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	if o.alarm, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(o.epoll)
		return nil, fmt.Errorf("make an eventfd: %w", err)
	}
	if err := o.watch(o.alarm, entry{}); err != nil {
		o.closeOwn()
		return nil, err
	}
	return o, nil
}

func (o *loop) closeOwn() {
	_ = unix.Close(o.epoll)
	_ = unix.Close(o.alarm)
}

// watch has the loop told of everything on a descriptor, each time that it changes.
func (o *loop) watch(fd int, e entry) error {
	for fd >= len(o.table) {
		o.table = append(o.table, make([]entry, max(64, len(o.table)))...)
	}
	o.life++
	e.life = o.life
	o.table[fd] = e
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd), Pad: int32(e.life)}
	if err := unix.EpollCtl(o.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		o.table[fd] = entry{}
		return fmt.Errorf("watch a socket: %w", err)
	}
	return nil
}

// unwatch forgets a descriptor, which stays open.
func (o *loop) unwatch(fd int) {
	o.table[fd] = entry{}
	_ = unix.EpollCtl(o.epoll, unix.EPOLL_CTL_DEL, fd, nil)
}

// closeFD closes a descriptor, which also ends that it is watched.
func (o *loop) closeFD(fd int) {
	o.table[fd] = entry{}
	_ = unix.Close(fd)
}

// post has fn called by the loop. It returns false when the loop has ended.
func (o *loop) post(fn func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return false
	}
	if o.inbox = append(o.inbox, fn); len(o.inbox) == 1 {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		_, _ = unix.Write(o.alarm, one[:]) // it cannot be full
	}
	return true
}

// run serves until end.
func (o *loop) run() {
	runtime.LockOSThread() // and never unlocked: the thread ends with the loop
	defer close(o.done)
	o.used, o.measured = threadTime(), o.clock()
	for !o.ended() {
		if o.at == o.came {
			o.came, o.at = o.wait(), 0
		}
		o.round()
	}
	o.closeAll()
}

// round serves what came. A mistake of ours costs the connection on which it showed, and the next round goes on behind it.
func (o *loop) round() {
	defer func() {
		if mistake := recover(); mistake != nil {
			o.lane.config.Log.Error("the fast lane panicked", "panic", mistake, "stack", string(debug.Stack()))
			if c := o.serving; c != nil {
				o.serving = nil
				o.forsake(c)
				o.lose(c)
			}
		}
	}()
	o.now = time.Now()
	before := o.mono
	o.mono = int64(o.now.Sub(o.lane.begin))
	o.isDense = o.isDense || o.mono-before < denseWait
	for o.at < o.came {
		o.deliverMuch()
		o.at++
		o.dispatch(&o.events[o.at-1])
	}
	o.deliver()
	for len(o.todo) > 0 {
		fn := o.todo[0]
		o.todo[0], o.todo = nil, o.todo[1:]
		fn()
	}
	o.unpumped.begin()
	for b, ok := o.unpumped.take(); ok; b, ok = o.unpumped.take() {
		o.deliverMuch()
		switch {
		case b.x == nil:
		case b.x.pipe != nil:
			o.serving = b.x.client
			o.pump(b)
		default:
			o.readBackend(b)
		}
	}
	o.again.begin()
	for c, ok := o.again.take(); ok; c, ok = o.again.take() {
		o.deliverMuch()
		o.serve(c)
	}
	if o.mono >= o.next {
		o.tick()
	}
	o.deliver()
	if o.mono-o.measured >= shareWindow {
		o.measure()
	}
}

// wait returns how many events there are. While traffic is dense it does not give up its thread's place in between.
func (o *loop) wait() int {
	if o.again.wait() || o.unpumped.wait() || o.parcels.wait() || len(o.todo) > 0 {
		return pollHeld(o.epoll, o.events[:], 0)
	}
	left := int((o.next - o.mono + int64(time.Millisecond) - 1) / int64(time.Millisecond))
	if o.isDense {
		if n := pollHeld(o.epoll, o.events[:], min(heldWait, max(0, left))); n > 0 {
			return n
		}
		o.isDense = false
		left -= heldWait
	}
	switch {
	case len(o.active) == 0 && len(o.clients) == 0 && len(o.idle) == 0:
		left = -1
	case left < 0:
		left = 0
	}
	return poll(o.epoll, o.events[:], left)
}

func (o *loop) dispatch(ev *unix.EpollEvent) {
	if int(ev.Fd) == o.alarm {
		o.empty()
		return
	}
	e := &o.table[ev.Fd]
	switch {
	case e.life != uint32(ev.Pad):
	case e.client != nil:
		o.clientEvent(e.client, ev.Events)
	case e.backend != nil:
		o.backendEvent(e.backend, ev.Events)
	}
}

// empty takes what is in the inbox.
func (o *loop) empty() {
	var counter [8]byte
	_, _ = unix.Read(o.alarm, counter[:])
	o.mu.Lock()
	o.todo = append(o.todo, o.inbox...)
	o.inbox = nil
	o.mu.Unlock()
}

// end has run return, and waits for it.
func (o *loop) end() {
	if o.post(func() { o.mu.Lock(); o.over = true; o.mu.Unlock() }) {
		<-o.done
	}
}

func (o *loop) ended() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over && len(o.inbox) == 0 && len(o.todo) == 0
}

func (o *loop) closeAll() {
	for len(o.clients) > 0 {
		o.lose(o.clients[0])
	}
	for _, s := range o.idle {
		for _, b := range s.some {
			o.closeFD(b.fd)
		}
	}
	for _, p := range o.pipes {
		closeFD(p.r)
		closeFD(p.w)
	}
	o.closeOwn()
}

// tick looks at deadlines.
func (o *loop) tick() {
	for i := len(o.active) - 1; i >= 0; i-- { // what ends one puts the last one in its place
		if i < len(o.active) {
			o.serving = o.active[i].client
			o.look(o.active[i])
		}
	}
	if o.mono >= o.nextClients {
		o.nextClients = o.mono + restTick*int64(time.Millisecond)
		times := o.lane.config.Times()
		for i := len(o.clients) - 1; i >= 0; i-- {
			if i < len(o.clients) {
				o.lookAfter(o.clients[i], &times)
			}
		}
		o.dropOld()
	}
	wait := int64(restTick)
	if len(o.active) > 0 {
		wait = busyTick
	}
	o.next = o.mono + wait*int64(time.Millisecond)
}

// dateText is the value of the header Date for now.
func (o *loop) dateText() string {
	if s := o.now.Unix(); s != o.dated {
		o.dated = s
		copy(o.date[:], o.now.UTC().Format(http.TimeFormat))
	}
	return stringOf(o.date[:])
}
