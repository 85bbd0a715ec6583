package wire

import (
	"net/http"

	"gatehouse/enforcement/splice"
)

// DivertLeast is how much of a body must be asked for at once to be diverted, in bytes: more than any buffer between a reader of a body and its connection, so that
// what is asked for is the reader's own.
const DivertLeast = 64 << 10

// Diverted returns the connection whose reads give the body of r, if they can be diverted; nil: they cannot.
func Diverted(r *http.Request) *Conn {
	if c := ConnOf(r); c != nil && c.presence.raw != nil {
		return c
	}
	return nil
}

// Divert makes reads of a body with a length go into a pipe, which must be empty, from now on until nil is given: those for DivertLeast and more. They return how
// many bytes they took, as ever, and count for whoever counts, net/http's reader of the body among them; but the bytes are in the pipe and not in what was given
// for them. What is in the process already is read as ever, so that each read either leaves the pipe empty or has all that it read in it. Only who reads may
// call it, and whoever stands between him and the connection must not look at what passes.
func (c *Conn) Divert(to *splice.Pipe) { c.pipe = to }

// divert takes up to most bytes of the body into the pipe. It returns false, and has done nothing, when it cannot.
func (c *Conn) divert(most int) (n int, err error, ok bool) { //nolint:revive // as Read, and whether it is to be asked
	if c.presence.ahead != nil && c.presence.ahead.Ahead() {
		return 0, nil, false
	}
	for early := true; early && n == 0; early = c.reads.end(err) {
		_ = c.reads.begin(false)
		n, err = c.pipe.From(c.presence.raw, int(min(c.body, int64(most))))
	}
	if n == 0 {
		return 0, err, true
	}
	if c.body -= int64(n); c.body == 0 {
		c.next()
	}
	return n, nil, true
}
