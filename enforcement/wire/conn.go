package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/splice"
)

// Conn is a connection to a client that lets through only what was judged. It is made by a Listener, and read by one net/http server that was attached.
type Conn struct {
	net.Conn
	config *Config
	watch  *watch

	reads, writes deadline
	presence      presence

	stage  stage
	judge  Judge
	chunks Chunks
	body   int64 // bytes of a body with a length to come

	judged   int    // heads that were let through
	answered int    // requests that net/http is done with, behind which it goes on
	held     *store // nil: nothing is held
	inject   string // what net/http gets next instead of the client's bytes
	timed    bool   // the time of the head under way is running
	verdict  Verdict
	pipe     *splice.Pipe // where reads of a body go; nil: to who reads
	refused  atomic.Bool
	unread   atomic.Bool // there is a body that was not read to its end
}

// stage is where in the client's stream a Conn stands.
type stage byte

const (
	stagePreface stage = iota // of the first bytes, where they may be HTTP/2's
	stageHead
	stageBody    // with a length
	stageChunks  //
	stageUpgrade // behind a request to switch protocols: not known yet whose bytes these are
	stageRaw     // the protocol was switched
	stageRefused
	stageAbandoned // net/http has answered a request without reading its body: nothing behind it is one
)

// preface begins every connection of HTTP/2: RFC 9113, 3.4.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// What net/http reads in place of a head that is refused. No Judge lets such a request through: see RefusalOf.
const (
	refusedGet  = "GET * HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n"
	refusedHead = "HEAD * HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n"
)

// store holds bytes of the client that net/http did not take yet, or that are not judged yet: data[from:judged] and data[judged:].
type store struct {
	data         []byte
	from, judged int
}

const storeSize = 4 << 10

var stores = sync.Pool{New: func() any { return &store{data: make([]byte, 0, storeSize)} }}

func newConn(inner net.Conn, l *listener) *Conn {
	c := &Conn{Conn: inner, config: &l.config, watch: &l.watch, stage: stageHead}
	c.reads.tell, c.writes.tell = inner.SetReadDeadline, inner.SetWriteDeadline
	if c.config.H2C {
		c.stage = stagePreface
	}
	return c
}

// NetConn returns the connection that is judged. What is read from it there is not.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.presence.attend()
	for {
		if c.stage == stageAbandoned {
			return 0, io.EOF
		}
		if n := c.hand(p); n > 0 {
			return n, nil
		}
		if len(p) == 1 && c.looks() {
			return 0, nil
		}
		switch {
		case c.stage == stageRaw:
			return c.receive(p)
		case c.stage == stageRefused:
			return c.discard()
		case c.stage == stageUpgrade && c.answered >= c.judged:
			c.stage = stageHead // the request was answered without a switch
			continue
		}
		if c.held == nil {
			if len(p) >= DivertLeast && c.pipe != nil && c.stage == stageBody { // in this order: net/http reads single bytes beside who diverts
				if n, err, ok := c.divert(len(p)); ok {
					return n, err
				}
			}
			n, err := c.receive(p)
			if n == 0 {
				return 0, err
			}
			if n = c.advance(p[:n]); n > 0 {
				return n, nil
			}
			continue
		}
		if c.held.judged < len(c.held.data) && c.advanceHeld() {
			continue
		}
		waits := len(p) > 1
		if err := c.fill(waits); err != nil && !(waits && c.timeOut(err)) {
			return 0, err
		}
	}
}

// receive reads from the inner connection.
func (c *Conn) receive(p []byte) (n int, err error) {
	for {
		_ = c.reads.begin(false) // a connection that cannot be told is read without
		n, err = c.Conn.Read(p)
		switch early := c.reads.end(err); {
		case !early:
			return n, err
		case n > 0:
			return n, nil
		}
	}
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (n int, err error) {
	for again := true; again; {
		_ = c.writes.begin(false)
		var part int
		part, err = c.Conn.Write(p[n:])
		n += part
		again = c.writes.end(err)
	}
	return n, err
}

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.reads.set(t), c.writes.set(t))
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.reads.set(t) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.writes.set(t) }

// hand gives p what is judged: the client's bytes first, and behind them what stands for those that were refused.
func (c *Conn) hand(p []byte) (n int) {
	if s := c.held; s != nil {
		n = copy(p, s.data[s.from:s.judged])
		s.from += n
		if n > 0 {
			if s.from == len(s.data) {
				c.drop()
			}
			return n
		}
		if c.stage == stageRaw || c.stage == stageRefused {
			c.drop()
		}
	}
	n = copy(p, c.inject)
	c.inject = c.inject[n:]
	return n
}

// drop forgets what is held.
func (c *Conn) drop() {
	s := c.held
	c.held = nil
	if cap(s.data) > storeSize {
		return
	}
	s.data, s.from, s.judged = s.data[:0], 0, 0
	stores.Put(s)
}

// advance judges bytes that were read while nothing was held. It returns how many of them, now at the beginning of p, can be handed over; the rest is held.
func (c *Conn) advance(p []byte) int {
	kept, used := c.pass(p)
	if used < len(p) && c.stage != stageRefused {
		s := stores.Get().(*store)
		s.data = append(s.data, p[used:]...)
		c.held = s
	}
	return kept
}

// advanceHeld judges what is held, and reports whether that led on.
func (c *Conn) advanceHeld() bool {
	s := c.held
	if s.from > 0 && s.from == s.judged { // all that was judged is handed over
		s.data = s.data[:copy(s.data, s.data[s.from:])]
		s.from, s.judged = 0, 0
	}
	before := c.stage
	kept, used := c.pass(s.data[s.judged:])
	if used > kept {
		s.data = append(s.data[:s.judged+kept], s.data[s.judged+used:]...)
	}
	s.judged += kept
	if len(s.data) == 0 {
		c.drop()
		return true
	}
	return used > 0 || c.stage != before
}

// pass judges bytes at the client's place in the stream. The first kept of them, closed up, can be handed over; those behind used need more to be judged.
func (c *Conn) pass(b []byte) (kept, used int) {
	move := func(n int) {
		if kept != used {
			copy(b[kept:], b[used:used+n])
		}
		kept, used = kept+n, used+n
	}
	for used < len(b) {
		switch rest := b[used:]; c.stage {
		case stagePreface:
			n := min(len(rest), len(preface))
			switch {
			case string(rest[:n]) != preface[:n]:
				c.stage = stageHead
			case n < len(preface):
				return kept, used
			default:
				c.stage = stageRaw
			}
		case stageHead:
			v, done := c.judge.Feed(rest)
			if !done {
				return kept, used
			}
			if v.Kind != Passed {
				c.refuse(v, c.stand(rest))
				return kept, used
			}
			used += c.judge.Start
			move(c.judge.Size - c.judge.Start)
			c.begin()
		case stageBody:
			n := int(min(c.body, int64(len(rest))))
			move(n)
			if c.body -= int64(n); c.body == 0 {
				c.next()
			}
		case stageChunks:
			k, u, v, done := c.chunks.Clean(rest)
			if kept != used {
				copy(b[kept:], rest[:k])
			}
			kept, used = kept+k, used+u
			switch {
			case v.Kind != Passed:
				c.refuse(v, c.chunks.Poison())
				return kept, used
			case done:
				c.next()
			}
		case stageRaw:
			move(len(rest))
		default: // stageUpgrade, stageRefused
			return kept, used
		}
	}
	return kept, used
}

// begin turns to the body of the request whose head was let through.
func (c *Conn) begin() {
	c.judged++
	c.timed = false
	switch h := &c.judge.Head; {
	case h.Chunked:
		c.stage, c.chunks = stageChunks, Chunks{}
		c.unread.Store(true)
	case h.ContentLength > 0:
		c.stage, c.body = stageBody, h.ContentLength
		c.unread.Store(true)
	default:
		c.next()
	}
}

// next turns to what comes behind a request.
func (c *Conn) next() {
	if c.stage != stageHead {
		c.unread.Store(false)
	}
	c.stage = stageHead
	if c.judge.Upgrade {
		c.stage = stageUpgrade
	}
	c.judge.Reset(nil)
}

// stand is what stands for a head that is refused.
func (c *Conn) stand(head []byte) string {
	if string(c.judge.Method.Of(head)) == "HEAD" {
		return refusedHead
	}
	return refusedGet
}

func (c *Conn) refuse(v Verdict, instead string) {
	c.stage, c.verdict, c.inject = stageRefused, v, instead
	c.refused.Store(true)
}

// errEarly ends a connection whose client sends more than a head's worth before it knows whether the protocol is switched.
var errEarly = errors.New("too much was sent before the protocol was switched")

// fill reads more behind what is held. Where net/http waits for a request, a head that has begun is given its time; reads of a single byte are how it
// looks whether a client is still there while it serves the request before, and ending them would end that.
func (c *Conn) fill(waits bool) error {
	s := c.held
	if waits && !c.timed && c.judged > 0 && c.stage == stageHead && c.config.HeadTimeout > 0 {
		c.timed = true
		_ = c.SetReadDeadline(time.Now().Add(c.config.HeadTimeout))
	}
	if c.stage == stageUpgrade && len(s.data) >= MaxHead {
		return errEarly
	}
	if len(s.data) == cap(s.data) {
		s.data = append(make([]byte, 0, min(2*cap(s.data), MaxHead+storeSize)), s.data...)
	}
	n, err := c.receive(s.data[len(s.data):cap(s.data)])
	s.data = s.data[:len(s.data)+n]
	if n > 0 {
		return nil
	}
	return err
}

// timeOut refuses a head that has begun and did not come in its time, and reports whether that is what a read ended with. Nothing, and empty lines, are no
// head: who is idle is not answered, since he would take that for the answer to his next request.
func (c *Conn) timeOut(err error) bool {
	if c.stage != stageHead || c.held == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	head := c.held.data[c.held.judged:]
	if len(bytes.Trim(head, "\r\n")) == 0 {
		return false
	}
	c.refuse(Verdict{TooSlow, "did not come whole in its time"}, c.stand(head))
	return true
}

// discard takes in what comes behind a refusal, so that the client finds the answer rather than a connection that was reset.
func (c *Conn) discard() (int, error) {
	s := stores.Get().(*store)
	defer stores.Put(s)
	for {
		if n, err := c.receive(s.data[:cap(s.data)]); n == 0 && err != nil {
			return 0, err
		}
	}
}

// hijacked makes c pass on everything from here on.
func (c *Conn) hijacked() {
	c.stage, c.timed = stageRaw, false
	c.presence.attend()
	if c.held != nil {
		c.held.judged = len(c.held.data)
	}
}

// done notes that net/http has answered a request and goes on. It does so, too, when what was left of the request's body did not come in time, or could not be
// read: what still comes of it would be the next request then.
func (c *Conn) done() {
	c.answered++
	if c.answered >= c.judged && (c.stage == stageBody || c.stage == stageChunks) { // else it is the body of the next one, which is here already
		c.stage = stageAbandoned
	}
}

// ReadFrom implements io.ReaderFrom, as net/http's answers use it: a file or a connection goes to a TCP connection without passing through the process.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	if to, ok := c.Conn.(io.ReaderFrom); ok {
		_ = c.writes.begin(true)
		n, err := to.ReadFrom(r)
		c.writes.end(nil)
		return n, err
	}
	return copyThrough(writer{c}, r)
}

// WriteTo implements io.WriterTo, as tunnels use it.
func (c *Conn) WriteTo(w io.Writer) (n int64, err error) {
	if c.stage == stageRaw {
		if s := c.held; s != nil {
			written, err := w.Write(s.data[s.from:])
			if s.from += written; err != nil {
				return int64(written), err
			}
			n = int64(written)
			c.drop()
		}
		if from, ok := c.Conn.(io.WriterTo); ok {
			_ = c.reads.begin(true)
			more, err := from.WriteTo(w)
			c.reads.end(nil)
			return n + more, err
		}
	}
	more, err := copyThrough(w, reader{c})
	return n + more, err
}

// reader and writer hide all but what they are named for.
type (
	reader struct{ io.Reader }
	writer struct{ io.Writer }
)

const copySize = 32 << 10

var copies = sync.Pool{New: func() any { return new([copySize]byte) }}

func copyThrough(w io.Writer, r io.Reader) (int64, error) {
	b := copies.Get().(*[copySize]byte)
	defer copies.Put(b)
	return io.CopyBuffer(w, r, b[:])
}

// CloseWrite ends our half of the connection.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Time and bytes that a client has for going on sending a request that was refused, or answered before its end, before the connection is reset under what it has
// not read.
const (
	lingerTime  = time.Second
	lingerBytes = 1 << 20
)

// Close implements net.Conn. Where the client may still be sending, the connection is closed a moment later, without waiting for it here: net/http may hold a lock.
func (c *Conn) Close() error {
	c.watch.remove(c)
	if c.presence.cancel != nil {
		c.presence.leave()
	}
	if unread := c.unread.Swap(false); !c.refused.Swap(false) && !unread {
		return c.Conn.Close()
	}
	if err := c.CloseWrite(); err != nil {
		return c.Conn.Close()
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) // without one the bound of bytes remains
	go func() {
		_, _ = io.CopyN(io.Discard, reader{c.Conn}, lingerBytes) // whatever ends it
		_ = c.Conn.Close()
	}()
	return nil
}
