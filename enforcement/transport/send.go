package transport

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/splice"
	"gatehouse/enforcement/wire"
)

// outgoing is a request as an upstream gets it.
type outgoing struct {
	x       *Exchange
	verb    string
	target  *Target
	path    string // behind the target's
	query   string
	by      *Proxy
	in      *http.Request // the client's; nil: there is header
	header  http.Header   // without what the connection and the body need; nil: it is made from the client's
	length  int64         // of the body; -1: not told; 0: there is none
	expect  bool          // the body waits for 100
	upgrade string        // to which protocol; empty: to none
}

// reply is an upstream's answer.
type reply struct {
	status  int
	header  http.Header
	length  int64 // of the body; -1: not told
	body    io.ReadCloser
	trailer func() http.Header // when the body has been read
	promise http.Header        // trailers that are announced: their names
	line    *lineBody          // body, where it is on a connection of our own
	tunnel  io.ReadWriteCloser // of a protocol that was switched to
}

// expectTime is how long a body waits for an upstream that does not say 100.
const expectTime = time.Second

// heads are buffers for heads of requests.
var heads = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// send makes one request on a connection of its own for as long as it takes. A connection that was kept and has ended meanwhile is none of the request's business,
// if it can be sent again: another one is taken.
func (l *lines) send(o *outgoing, a *attempt) (*reply, error) {
	for fresh := false; ; fresh = true {
		c, err := l.get(o.x, fresh)
		if err != nil {
			return nil, err
		}
		a.connected = true
		rep, err := l.sendOn(c, o, a)
		if err == nil || !c.reused || a.answered || o.x.interrupted() != None || !o.mayRepeat() {
			return rep, err
		}
	}
}

// mayRepeat reports whether the request can be sent once more though some of it may have arrived.
func (o *outgoing) mayRepeat() bool { return isIdempotent(o.verb) && !o.x.bodyRead.Load() }

// sendOn makes one request on a connection. That is closed unless an answer came.
func (l *lines) sendOn(c *line, o *outgoing, a *attempt) (*reply, error) {
	var up *uploading
	err := c.begin(o.x)
	if err == nil {
		up, err = c.write(o)
	}
	if err == nil {
		var rep *reply
		if rep, err = l.receive(c, o, a, up); err == nil {
			return rep, nil
		}
	}
	o.x.leave()
	o.x.forget()
	up.go100(false)
	_ = c.Close()
	return nil, err
}

// uploading is a body on its way beside the answer.
type uploading struct {
	proceed chan bool     // tells a body that waits for 100 whether to go
	last    atomic.Bool   // the last of it is being sent
	done    chan struct{} // closed when all of it was sent, or cannot be
	err     error         // set before done
}

// isLeft reports whether some of the body is still to be sent.
func (u *uploading) isLeft() bool { return u != nil && !u.last.Load() }

// end stops what has not ended yet, and reports whether the body was sent whole.
func (u *uploading) end() bool {
	if u == nil {
		return true
	}
	u.go100(false)
	if !u.last.Load() {
		return false
	}
	<-u.done
	return u.err == nil
}

func (u *uploading) go100(yes bool) {
	if u != nil && u.proceed != nil {
		select {
		case u.proceed <- yes:
		default:
		}
	}
}

// write sends the head, and what is there of the body with it. It returns nil when that was all, else what sends the rest.
func (c *line) write(o *outgoing) (*uploading, error) {
	buf := heads.Get().(*[]byte)
	head := o.appendHead((*buf)[:0])
	defer func() { *buf = head[:0]; heads.Put(buf) }()
	if o.length == 0 {
		return nil, c.sendHead(head)
	}
	var left int64
	if o.length > 0 && !o.expect && cap(head)-len(head) >= 1<<10 {
		// A small body leaves with the head: one system call.
		n, err := o.x.upload.Read(head[len(head):min(int64(cap(head)), int64(len(head))+o.length)])
		head = head[:len(head)+n]
		left = o.length - int64(n)
		if left > 0 && err != nil {
			return nil, noEOF(err)
		}
		if left == 0 {
			_, err := c.Conn.Write(head)
			return nil, err
		}
	} else {
		left = o.length
	}
	if _, err := c.Conn.Write(head); err != nil {
		return nil, err
	}
	up := &uploading{done: make(chan struct{})}
	if o.expect {
		up.proceed = make(chan bool, 1)
	}
	go func() {
		defer close(up.done)
		if up.err = c.writeBody(o, up, left); up.err != nil && Failure(o.x.broken.Load()) == BadBody {
			_ = c.SetDeadline(longAgo) // nobody waits for an answer any more
		}
	}()
	return up, nil
}

func noEOF(err error) error {
	if err == io.EOF { //nolint:errorlint // bare
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeBody sends a body, or what is left of one with a length.
func (c *line) writeBody(o *outgoing, up *uploading, left int64) error {
	if up.proceed != nil {
		timer := time.NewTimer(expectTime)
		defer timer.Stop()
		select {
		case yes := <-up.proceed:
			if !yes {
				return io.ErrClosedPipe
			}
		case <-timer.C:
		}
	}
	if left >= spliceFrom && o.x.upload.conn != nil && c.raw != nil {
		if pipe := splice.Get(); pipe != nil {
			defer pipe.Put()
			buf := largeBuffers.Get().(*[splice.Size]byte)
			defer largeBuffers.Put(buf)
			return c.writeSome(o, up, pipe, buf[:], left)
		}
	}
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	if left >= 0 {
		return c.writeSome(o, up, nil, buf[:], left)
	}
	return c.writeChunks(o, up, buf)
}

// largeBuffers are for what is read of a body beside a pipe: most of one is never touched.
var largeBuffers = sync.Pool{New: func() any { return new([splice.Size]byte) }}

// writeSome sends what is left of a body with a length, by way of a pipe where there is one: but for what net/http has read ahead, it goes from the client's
// connection to this one in the kernel.
func (c *line) writeSome(o *outgoing, up *uploading, pipe *splice.Pipe, buf []byte, left int64) error {
	for left > 0 {
		n, err := o.x.upload.readInto(pipe, buf[:min(int64(len(buf)), left)])
		left -= int64(n)
		up.last.Store(left == 0)
		switch {
		case pipe != nil && pipe.Len() > 0:
			if err := pipe.To(c.raw); err != nil {
				return err
			}
		case n > 0:
			if _, err := c.Conn.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil && left > 0 {
			return noEOF(err)
		}
	}
	return nil
}

// chunkRoom is how long the line before a chunk may be.
const chunkRoom = 8

func (c *line) writeChunks(o *outgoing, up *uploading, buf *[copyBuffer]byte) error {
	for {
		n, err := o.x.upload.Read(buf[chunkRoom : copyBuffer-2])
		if n > 0 {
			size := strconv.AppendInt(make([]byte, 0, chunkRoom), int64(n), 16)
			size = append(size, '\r', '\n')
			start := chunkRoom - len(size)
			copy(buf[start:], size)
			copy(buf[chunkRoom+n:], "\r\n")
			if _, err := c.Conn.Write(buf[start : chunkRoom+n+2]); err != nil {
				return err
			}
		}
		if err == io.EOF { //nolint:errorlint // bare
			break
		}
		if err != nil {
			return err
		}
	}
	up.last.Store(true)
	end := append(buf[:0], "0\r\n"...)
	end = appendFields(end, o.x.upload.trailer)
	_, err := c.Conn.Write(append(end, '\r', '\n'))
	return err
}

// appendHead writes the head of a request.
func (o *outgoing) appendHead(b []byte) []byte {
	b = append(b, o.verb...)
	b = append(b, ' ')
	b = o.appendTarget(b)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, o.target.base.Host...)
	b = append(b, '\r', '\n')
	if o.header == nil && o.in != nil {
		b = o.by.appendHeader(b, o.in, o.x)
	} else {
		b = appendFields(b, o.header)
	}
	switch {
	case o.length > 0 || o.length == 0 && (o.verb == http.MethodPost || o.verb == http.MethodPut || o.verb == http.MethodPatch):
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, o.length, 10)
		b = append(b, '\r', '\n')
	case o.length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		names := 0
		for name := range o.x.upload.trailer {
			if names++; names == 1 {
				b = append(b, "Trailer: "...)
			} else {
				b = append(b, ", "...)
			}
			b = append(b, name...)
		}
		if names > 0 {
			b = append(b, '\r', '\n')
		}
	}
	if o.upgrade != "" {
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		b = append(b, o.upgrade...)
		b = append(b, '\r', '\n')
	}
	return append(b, '\r', '\n')
}

// appendTarget writes path and query. Both were made canonical, and are escaped.
func (o *outgoing) appendTarget(b []byte) []byte {
	if len(o.target.path)+len(o.path) == 0 {
		b = append(b, '/')
	}
	b = append(b, o.target.path...)
	b = append(b, o.path...)
	if o.query != "" {
		b = append(b, '?')
		b = append(b, o.query...)
	}
	return b
}

// appendFields writes headers. Names and values with bytes that would end a line were never let in; if one is there all the same it is left out.
func appendFields(b []byte, h http.Header) []byte {
	for name, values := range h {
		for _, value := range values {
			b = appendField(b, name, value)
		}
	}
	return b
}

func appendField(b []byte, name, value string) []byte {
	if !wire.IsToken(name) {
		return b
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return b
		}
	}
	return wire.AppendField(b, name, value)
}

// receive reads the answer's head.
func (l *lines) receive(c *line, o *outgoing, a *attempt, up *uploading) (*reply, error) {
	room := maxAnswerHead
	for interims := 0; ; interims++ {
		head, err := c.readHead()
		if err != nil {
			if _, ok := err.(malformed); ok { //nolint:errorlint // bare
				a.answered = true
			}
			return nil, err
		}
		a.answered = true
		if room -= len(head); room < 0 {
			return nil, malformed("its heads are too long")
		}
		status, minor, lines, err := parseStatus(head)
		if err != nil {
			return nil, err
		}
		h := o.x.header()
		if err := parseFields(lines, h); err != nil {
			return nil, err
		}
		switch {
		case status == http.StatusSwitchingProtocols:
			return c.switched(o, h)
		case status < 200 && interims == maxInterim:
			return nil, malformed("too many 1xx answers")
		case status < 200:
			if status == http.StatusContinue {
				up.go100(true)
			}
			o.x.interim(status, h)
			continue
		}
		return l.reply(c, o, up, status, minor, h)
	}
}

func (l *lines) reply(c *line, o *outgoing, up *uploading, status, minor int, h http.Header) (*reply, error) {
	length, chunked, err := framing(o.verb, status, minor, h)
	if err != nil {
		return nil, err
	}
	if status != http.StatusContinue {
		up.go100(false)
	}
	b, rep := &o.x.body, &o.x.reply
	*b = lineBody{c: c, owner: l, up: up, left: length, ended: length == 0}
	b.keep = minor == 1 && (length >= 0 || chunked) && !hasToken(h["Connection"], "close")
	*rep = reply{status: status, header: h, length: length, body: b, line: b}
	if chunked {
		b.in = newChunks(c)
		rep.promise = promised(h)
		rep.trailer = func() http.Header { return b.trailer }
	}
	delete(h, "Trailer")
	return rep, nil
}

// promised are the trailers that a head announces.
func promised(h http.Header) http.Header {
	var t http.Header
	for _, line := range h["Trailer"] {
		for _, name := range splitTokens(line) {
			name = http.CanonicalHeaderKey(name)
			if name == "Transfer-Encoding" || name == "Content-Length" || name == "Trailer" {
				continue
			}
			if t == nil {
				t = http.Header{}
			}
			t[name] = nil
		}
	}
	return t
}

// lineTunnel is a connection whose protocol was switched.
type lineTunnel struct{ *line }

func (t lineTunnel) Read(p []byte) (int, error) { return t.r.Read(p) }

func (t lineTunnel) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return t.Conn.Close()
}

func (t lineTunnel) Close() error { return t.Conn.Close() }

func (c *line) switched(o *outgoing, h http.Header) (*reply, error) {
	if o.upgrade == "" || o.length != 0 {
		return nil, malformed("protocol switched without being asked")
	}
	c.unbound()
	if Failure(o.x.ended.Load()) != None {
		return nil, errEnded
	}
	return &reply{status: http.StatusSwitchingProtocols, header: h, tunnel: lineTunnel{c}}, nil
}
