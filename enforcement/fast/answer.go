package fast

import (
	"bytes"
	"unsafe"

	"gatehouse/enforcement/wire"
)

// This file reads the head of an upstream's answer, by the rules of transport's answer.go.

const (
	mostInterim    = 32
	mostAnswerHead = 256 << 10 // bytes
	mostFields     = 1000
)

// answer is the head of an answer.
type answer struct {
	status int
	minor  int
	fields []Field

	length  int64 // that it tells; -1: none
	chunked bool
	close   bool
	keep    bool // the connection may be used again when the body has been read
}

// read reads a head; used is how long it is, 0 if more of it is to come.
func (a *answer) read(data []byte) (used int, err error) {
	line, next := cutLine(data, 0)
	if next == 0 {
		return 0, tooLong(data)
	}
	if err := a.readStatus(line); err != nil {
		// Only a whole head is judged, as by the other lane.
		if !hasEnd(data) {
			return 0, tooLong(data)
		}
		return 0, err
	}
	a.fields = a.fields[:0]
	var fault error
	for at := next; ; {
		if line, next = cutLine(data, at); next == 0 {
			return 0, tooLong(data)
		}
		at = next
		switch {
		case len(line) == 0:
			if next > mostAnswerHead {
				return 0, malformed("its head is too long")
			}
			return next, fault
		case fault == nil:
			fault = a.readField(line)
		}
	}
}

func tooLong(data []byte) error {
	if len(data) > mostAnswerHead {
		return malformed("its head is too long")
	}
	return nil
}

// malformed is an answer that is not HTTP.
type malformed string

func (m malformed) Error() string { return "malformed HTTP response: " + string(m) }

func hasEnd(data []byte) bool {
	return bytes.Contains(data, []byte("\n\r\n")) || bytes.Contains(data, []byte("\n\n"))
}

// cutLine returns the line at a place, without its end, and where the next one begins; 0: its end has not come.
func cutLine(data []byte, at int) (line []byte, next int) {
	i := bytes.IndexByte(data[at:], '\n')
	if i < 0 {
		return nil, 0
	}
	line, next = data[at:at+i], at+i+1
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, next
}

// readStatus reads HTTP/1.x SP status [SP reason].
func (a *answer) readStatus(line []byte) error {
	const proto = "HTTP/1.1"
	switch {
	case len(line) < len(proto) || string(line[:len(proto)-1]) != proto[:len(proto)-1]:
		return malformed("it does not begin with HTTP/1.1")
	case line[len(proto)-1] != '1' && line[len(proto)-1] != '0', len(line) > len(proto) && line[len(proto)] != ' ':
		return malformed("it does not begin with HTTP/1.1")
	}
	a.minor = int(line[len(proto)-1] - '0')
	code, _, _ := bytes.Cut(line[min(len(line), len(proto)+1):], []byte(" "))
	if len(code) != 3 {
		return malformed("its status is none")
	}
	a.status = 0
	for _, c := range code {
		if c < '0' || c > '9' {
			return malformed("its status is none")
		}
		a.status = a.status*10 + int(c-'0')
	}
	if a.status < 100 {
		return malformed("its status is none")
	}
	return nil
}

func (a *answer) readField(line []byte) error {
	i := 0
	for i < len(line) && wire.IsTokenByte(line[i]) {
		i++
	}
	if i == 0 || i == len(line) || line[i] != ':' || len(a.fields) == mostFields {
		return malformed("a header is none")
	}
	name, value := line[:i], line[i+1:]
	for len(value) > 0 && isBlank(value[0]) {
		value = value[1:]
	}
	for len(value) > 0 && isBlank(value[len(value)-1]) {
		value = value[:len(value)-1]
	}
	if !wire.IsFieldValue(value) {
		return malformed("a header's value has a control character")
	}
	a.fields = append(a.fields, Field{name, value})
	return nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// frame says where the body ends.
func (a *answer) frame() error {
	a.length, a.chunked, a.close, a.keep = -1, false, false, false
	var told []byte
	codings := 0
	for _, f := range a.fields {
		switch len(f.Name) {
		case len("Content-Length"):
			if !equalFold(f.Name, "content-length") {
				break
			}
			n, ok := number(f.Value)
			if !ok || told != nil && string(told) != string(f.Value) {
				return malformed("its Content-Length is none")
			}
			told, a.length = f.Value, n
		case len("Transfer-Encoding"):
			if !equalFold(f.Name, "transfer-encoding") {
				break
			}
			if codings++; codings > 1 || !equalFold(f.Value, "chunked") || a.minor == 0 {
				return malformed("its transfer encoding is none that is known here")
			}
			a.chunked = true
		case len("Connection"):
			if equalFold(f.Name, "connection") {
				a.close = a.close || hasToken(f.Value, "close")
			}
		}
	}
	if a.chunked && a.length >= 0 {
		return malformed("it has a length and chunks")
	}
	a.keep = a.minor == 1 && (a.length >= 0 || a.chunked) && !a.close
	return nil
}

// number reads digits below 2^63.
func number(s []byte) (n int64, ok bool) {
	if len(s) == 0 || len(s) > 24 {
		return 0, false
	}
	for _, c := range s {
		if c < '0' || c > '9' || n > (1<<63-1-int64(c-'0'))/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// hasToken reports whether a list has a token, which is in lower case.
func hasToken(list []byte, token string) bool {
	for len(list) > 0 {
		one, rest, _ := bytes.Cut(list, []byte(","))
		if equalFold(bytes.Trim(one, " \t"), token) {
			return true
		}
		list = rest
	}
	return false
}

// equalFold compares with a text in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// stringOf is b as a string, for as long as nobody changes b.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
