package trace

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
)

// Fields of Trace Context, as net/http writes them (https://www.w3.org/TR/trace-context/).
const (
	Header      = "Traceparent"
	headerState = "Tracestate"
)

// Context is a place in a trace. The zero Context is none.
type Context struct {
	Trace   [16]byte
	Span    [8]byte
	Sampled bool
	random  bool // the flag that says so of the trace's id; passed on
}

// IsSet reports whether there is one.
func (c *Context) IsSet() bool { return c.Trace != [16]byte{} }

// TraceID is the trace's 32 digits, "" where there is none.
func (c *Context) TraceID() string {
	if !c.IsSet() {
		return ""
	}
	return hex.EncodeToString(c.Trace[:])
}

const (
	parentSize = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	// mostParent and MostState bound what is passed on, in bytes.
	mostParent = 256
	MostState  = 4 << 10

	flagSampled = 1
	flagRandom  = 2
)

// Take reads the context that a request came with. What is malformed, there twice, or a state without a context, is taken out of the header: whoever is called
// next must not believe it.
func Take(h http.Header) (c Context) {
	values := h[Header]
	if len(values) == 1 {
		c = Parse(values[0])
	}
	if c.IsSet() {
		size := 0
		for _, state := range h[headerState] {
			size += len(state)
		}
		if size > MostState {
			delete(h, headerState)
		}
		return c
	}
	if len(values) > 0 {
		delete(h, Header)
	}
	if len(h[headerState]) > 0 {
		delete(h, headerState)
	}
	return c
}

// Parse reads a traceparent; the zero Context: it is malformed.
func Parse(s string) (c Context) {
	if len(s) < parentSize || len(s) > mostParent || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return Context{}
	}
	var version, flags [1]byte
	if !unhex(version[:], s[:2]) || !unhex(c.Trace[:], s[3:35]) || !unhex(c.Span[:], s[36:52]) || !unhex(flags[:], s[53:55]) {
		return Context{}
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(s) != parentSize, len(s) > parentSize && s[parentSize] != '-':
		return Context{}
	case c.Trace == [16]byte{}, c.Span == [8]byte{}:
		return Context{}
	}
	c.Sampled, c.random = flags[0]&flagSampled != 0, flags[0]&flagRandom != 0
	return c
}

// unhex reads digits, of which capitals are none.
func unhex(to []byte, s string) bool {
	for i := range len(s) {
		if b := s[i]; (b < '0' || b > '9') && (b < 'a' || b > 'f') {
			return false
		}
	}
	_, err := hex.Decode(to, []byte(s))
	return err == nil
}

// String is the traceparent.
func (c *Context) String() string { return string(c.Append(make([]byte, 0, parentSize))) }

// Append writes the traceparent.
func (c *Context) Append(b []byte) []byte {
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, c.Trace[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, c.Span[:])
	flags := byte(0)
	if c.Sampled {
		flags |= flagSampled
	}
	if c.random {
		flags |= flagRandom
	}
	b = append(b, '-')
	return hex.AppendEncode(b, []byte{flags})
}

// Next is another place in the same trace. Ids need not be secret, only different.
func (c Context) Next() Context {
	for c.Span = [8]byte{}; c.Span == [8]byte{}; {
		binary.LittleEndian.PutUint64(c.Span[:], rand.Uint64())
	}
	return c
}

func newTrace() (c Context) {
	for c.Trace == [16]byte{} {
		binary.LittleEndian.PutUint64(c.Trace[:], rand.Uint64())
		binary.LittleEndian.PutUint64(c.Trace[8:], rand.Uint64())
	}
	c.random = true
	return c.Next()
}
