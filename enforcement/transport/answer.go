package transport

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"strings"

	"gatehouse/enforcement/wire"
)

// This file reads an upstream's answer in HTTP/1.1. Anything that two readers could understand differently is not read at all: malformed.

// Bounds of an answer's head.
const (
	maxInterim      = 32   // answers 1xx before the one that counts
	maxAnswerFields = 1000 // of a head
)

// malformed is an answer that is not HTTP.
type malformed string

func (m malformed) Error() string { return "malformed HTTP response: " + string(m) }

// readHead returns the next head, without its last empty line. It waits until all of it is there, and looks at each byte once.
func (c *line) readHead() (string, error) {
	var whole []byte // of a head that does not fit the buffer
	for seen := 0; ; {
		have, err := c.r.Peek(max(c.r.Buffered(), seen+1))
		if n := endOfHead(have, seen); n > 0 {
			head := string(whole) + string(have[:n])
			_, _ = c.r.Discard(n)
			return head, nil
		}
		switch {
		case err != nil && len(have) <= seen && len(whole)+len(have) > 0 && !isTimeout(err):
			return "", malformed("it ends in the head")
		case err != nil && len(have) <= seen:
			return "", err
		}
		seen = max(0, len(have)-2) // an end could begin there
		if len(have) == c.r.Size() {
			whole = append(whole, have[:seen]...)
			_, _ = c.r.Discard(seen)
			seen = 0
		} else {
			seen = len(have)
		}
		if len(whole)+c.r.Buffered() > maxAnswerHead {
			return "", malformed("its head is too long")
		}
	}
}

// endOfHead returns how long the head in b is, whose first seen bytes are known not to hold its end; 0: there is no end.
func endOfHead(b []byte, seen int) int {
	for i := max(0, seen-3); ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n + 1
		switch rest := b[i:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return i + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return i + 2
		}
	}
}

// parseStatus reads the first line of a head.
func parseStatus(head string) (status, minor int, rest string, err error) {
	first, rest, _ := strings.Cut(head, "\n")
	first = strings.TrimSuffix(first, "\r")
	proto, after, _ := strings.Cut(first, " ")
	code, _, _ := strings.Cut(after, " ")
	switch proto {
	case "HTTP/1.1":
		minor = 1
	case "HTTP/1.0":
	default:
		return 0, 0, "", malformed("it does not begin with HTTP/1.1")
	}
	if len(code) == 3 {
		status, err = strconv.Atoi(code)
	}
	if err != nil || status < 100 {
		return 0, 0, "", malformed("its status is none")
	}
	return status, minor, rest, nil
}

// parseFields reads the lines of a head or of trailers into h.
func parseFields(lines string, h http.Header) error {
	values := make([]string, strings.Count(lines, "\n"))
	for n := 0; ; n++ {
		one, rest, _ := strings.Cut(lines, "\n")
		one = strings.TrimSuffix(one, "\r")
		if one == "" {
			return nil
		}
		lines = rest
		name, value, ok := strings.Cut(one, ":")
		if !ok || !wire.IsToken(name) || n == maxAnswerFields {
			return malformed("a header is none")
		}
		value = strings.Trim(value, " \t")
		for i := range len(value) {
			if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
				return malformed("a header's value has a control character")
			}
		}
		name = canonicalName(name)
		if have := h[name]; have != nil {
			h[name] = append(have, value)
			continue
		}
		values[n] = value
		h[name] = values[n : n+1 : n+1]
	}
}

// canonicalName writes a header's name as http.Header has it.
func canonicalName(name string) string {
	if known, ok := usualNames[name]; ok {
		return known
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

var usualNames = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"Accept-Ranges", "Age", "Cache-Control", "Connection", "Content-Encoding", "Content-Language", "Content-Length", "Content-Type", "Date", "Etag", "Expires",
		"Keep-Alive", "Last-Modified", "Link", "Location", "Server", "Set-Cookie", "Strict-Transport-Security", "Trailer", "Transfer-Encoding", "Vary", "Via",
		"X-Content-Type-Options", "X-Frame-Options",
	} {
		m[name], m[strings.ToLower(name)] = name, name
	}
	m["ETag"] = "Etag"
	return m
}()

// framing says where the body of an answer ends; length -1: not told, chunked or until the connection ends.
func framing(verb string, status, minor int, h http.Header) (length int64, chunked bool, err error) {
	length = -1
	if lengths := h["Content-Length"]; len(lengths) > 0 {
		for _, l := range lengths {
			n, err := strconv.ParseUint(l, 10, 63)
			if err != nil || l[0] == '+' || l != lengths[0] {
				return 0, false, malformed("its Content-Length is none")
			}
			length = int64(n)
		}
		h["Content-Length"] = lengths[:1]
		if lengths[0][0] == '0' && len(lengths[0]) > 1 { // some readers take it for octal
			h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
		}
	}
	if codings := h["Transfer-Encoding"]; len(codings) > 0 {
		switch {
		case len(codings) != 1 || !strings.EqualFold(codings[0], "chunked") || minor == 0:
			return 0, false, malformed(fmt.Sprintf("its transfer encoding is %.40q", codings))
		case length >= 0:
			return 0, false, malformed("it has a length and chunks")
		}
		delete(h, "Transfer-Encoding")
		chunked = true
	}
	if verb == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified {
		return 0, false, nil
	}
	return length, chunked, nil
}

// lineBody is the body of an answer. Its Close gives the connection back, if nothing is left on it.
type lineBody struct {
	c       *line
	owner   *lines
	in      io.Reader // of chunks; nil: as it comes
	left    int64     // of a body with a length; -1: until the connection ends
	keep    bool      // the connection may be used again
	ended   bool
	trailer http.Header
	up      *uploading // what of the request may still be on its way; nil: nothing
}

// Read implements io.Reader.
func (b *lineBody) Read(p []byte) (n int, err error) {
	switch {
	case b.ended:
		return 0, io.EOF
	case b.in != nil:
		n, err = b.in.Read(p)
		if err == io.EOF { //nolint:errorlint // what ends the chunks, bare
			err = b.readTrailer()
		}
	case b.left < 0:
		n, err = b.c.r.Read(p)
		b.ended = err == io.EOF //nolint:errorlint // bare
	default:
		if int64(len(p)) > b.left {
			p = p[:b.left]
		}
		n, err = b.c.r.Read(p)
		b.took(int64(n))
		switch {
		case b.ended:
			err = io.EOF
		case err == io.EOF: //nolint:errorlint // bare
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

func (b *lineBody) took(n int64) {
	b.left -= n
	b.ended = b.left == 0
}

// readTrailer reads what follows the last chunk; io.EOF is success.
func (b *lineBody) readTrailer() error {
	start, err := b.c.r.Peek(2)
	if err == nil && string(start) == "\r\n" {
		_, _ = b.c.r.Discard(2)
		b.ended = true
		return io.EOF
	}
	lines := ""
	if err == nil {
		lines, err = b.c.readHead()
	}
	if err == nil {
		b.trailer = http.Header{}
		err = parseFields(lines, b.trailer)
	}
	for name := range b.trailer {
		if !wire.MayTrail(name) {
			err = malformed("a trailer may only be a header")
		}
	}
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	b.ended = true
	return io.EOF
}

// Close implements io.Closer.
func (b *lineBody) Close() error {
	if b.c == nil {
		return nil
	}
	c := b.c
	b.c = nil
	whole := b.up.end()
	if good := c.x.leave(); good && whole && b.ended && b.keep {
		b.owner.put(c)
		return nil
	}
	return c.Close()
}

// newChunks reads chunks up to the last one.
func newChunks(c *line) io.Reader { return httputil.NewChunkedReader(c.r) }
