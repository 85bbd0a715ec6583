package wire

import "bytes"

// Span is a part of a head: the bytes from From to before To, counted from the head's first byte.
type Span struct{ From, To uint16 }

// Of returns the bytes of the span.
func (s Span) Of(head []byte) []byte { return head[s.From:s.To] }

func (s Span) moved(by int) Span { return Span{s.From + uint16(by), s.To + uint16(by)} }

// Field is a header field. Its value has no whitespace around it.
type Field struct{ Name, Value Span }

// Head is what a good head says.
type Head struct {
	Start    int // of the request line: what stands before it is an empty line, which is to be dropped
	Size     int // of all of it, the empty line at its end included
	Method   Span
	Target   Span
	Absolute bool // the target is in absolute form
	Minor    byte // of the version: HTTP/1.0 or HTTP/1.1

	Host   Span
	Fields []Field // the first ones, as many as Judge.Reset was given room for
	Count  int     // of all

	ContentLength int64 // -1: none was told
	Chunked       bool
	Close         bool // the connection ends behind this request
	Upgrade       bool // another protocol is asked for
	WebSocket     bool // and it is this one
	Continue      bool // Expect: 100-continue
	TE            bool
	Trailer       bool // announces trailers
}

// HasBody reports whether bytes of a body follow the head.
func (h *Head) HasBody() bool { return h.Chunked || h.ContentLength > 0 }

// Judge judges one head. The zero value is ready for a first one that keeps no fields.
type Judge struct {
	Head

	line      int // where the line begins that is not complete
	scanned   int // up to where its end was looked for
	visited   int // bytes that were looked at, each time counted
	inFields  bool
	skipped   bool // the one empty line before the request line
	upgrades  bool // Connection says so
	keepAlive bool
	coded     bool // there was a Transfer-Encoding
	hosts     bool
	kinds     bool // there was a Content-Type
	expects   bool
	authority Span
}

// Reset makes j ready for another head, whose fields it keeps in room.
func (j *Judge) Reset(room []Field) {
	*j = Judge{Head: Head{Fields: room[:0], ContentLength: -1}}
}

// Feed judges a head as far as it has come: head begins with its first byte, and with all that was given before. done says that it is good, or that the verdict
// is a refusal; otherwise it needs more bytes. What stands behind the head's end is not looked at.
func (j *Judge) Feed(head []byte) (v Verdict, done bool) {
	if j.line == 0 && j.scanned == 0 {
		j.ContentLength = -1
	}
	for {
		if !j.inFields && j.line < len(head) {
			if c := head[j.line]; lowerToken[c] == 0 && c != '\r' && c != '\n' {
				return bad("does not begin with a verb"), true // such as TLS: no need to wait for its end
			}
		}
		limit := min(len(head), MaxHead)
		i := -1
		if j.scanned < limit {
			i = bytes.IndexByte(head[j.scanned:limit], '\n')
		}
		if i < 0 {
			j.visited += max(0, limit-j.scanned)
			j.scanned = max(j.scanned, limit)
			return j.tooLong(head)
		}
		j.visited += i + 1
		end := j.scanned + i
		j.scanned = end + 1
		if v, done = j.takeLine(head, end); done {
			return v, true
		}
		j.line = j.scanned
	}
}

// maxLine is the longest request line.
const maxLine = MaxMethod + 1 + MaxTarget + 1 + len("HTTP/1.1\r\n")

// tooLong refuses a line whose end has not come and cannot come in time.
func (j *Judge) tooLong(head []byte) (Verdict, bool) {
	if !j.inFields && len(head)-j.line >= maxLine {
		return j.requestLine(head[j.line : j.line+maxLine]), true
	}
	if len(head) >= MaxHead {
		return Verdict{HeadTooLarge, "has a head of more than 32 KiB"}, true
	}
	return Verdict{}, false
}

// takeLine judges the line whose LF is at end.
func (j *Judge) takeLine(head []byte, end int) (v Verdict, done bool) {
	if !j.inFields && end-j.line >= maxLine {
		return j.requestLine(head[j.line : j.line+maxLine]), true
	}
	if end == j.line || head[end-1] != '\r' {
		return bad("has a line that ends with LF alone"), true
	}
	line := head[j.line : end-1]
	j.visited += len(line)
	switch {
	case j.inFields && len(line) == 0:
		j.Size = end + 1
		return j.finish(head), true
	case j.inFields:
		v = j.field(line)
	case len(line) == 0 && j.skipped:
		v = bad("begins with more than one empty line")
	case len(line) == 0:
		j.skipped, j.Start = true, 2
		return Verdict{}, false
	default:
		v, j.inFields = j.requestLine(line), true
	}
	return v, v.Kind != Passed
}

// requestLine judges METHOD SP target SP version, or the beginning of one that is too long.
func (j *Judge) requestLine(line []byte) Verdict {
	n := 0
	for n < len(line) && lowerToken[line[n]] != 0 {
		n++
	}
	switch {
	case n > MaxMethod:
		return Verdict{UnknownMethod, "has a verb of more than 32 letters"}
	case n == 0 || n == len(line) || line[n] != ' ':
		return bad("has a first line that is not verb, target and version")
	}
	method, rest := line[:n], line[n+1:]
	j.Method = Span{0, uint16(n)}.moved(j.line) // also of what is refused: no body answers HEAD
	m := 0
	for m < len(rest) && rest[m] != ' ' && rest[m] != '\r' {
		m++
	}
	switch {
	case m > MaxTarget:
		return Verdict{TargetTooLong, "has a target of more than 8 KiB"}
	case m == 0 || m == len(rest):
		return bad("has a first line that is not verb, target and version")
	case rest[m] == '\r':
		return bad(faultCR)
	}
	target, version := rest[:m], rest[m+1:]
	if v := j.version(version); v.Kind != Passed {
		return v
	}
	form, authority, fault := targetOf(method, target)
	if fault != "" {
		return Verdict{BadTarget, fault}
	}
	start := j.line
	j.Target = Span{uint16(n + 1), uint16(n + 1 + m)}.moved(start)
	j.Absolute = form == formAbsolute
	j.authority = authority.moved(start + n + 1)
	return Verdict{}
}

const faultCR = "has a CR that does not end a line"

func (j *Judge) version(s []byte) Verdict {
	switch string(s) {
	case "HTTP/1.1":
		j.Minor = 1
		return Verdict{}
	case "HTTP/1.0":
		return Verdict{}
	}
	isDigit := func(c byte) bool { return c >= '0' && c <= '9' }
	if len(s) == len("HTTP/x.y") && string(s[:5]) == "HTTP/" && isDigit(s[5]) && s[6] == '.' && isDigit(s[7]) {
		return Verdict{UnknownVersion, "is written in a version of HTTP that is not spoken here"}
	}
	return bad("has a first line that does not end with a version of HTTP")
}

// field judges a header field.
func (j *Judge) field(line []byte) Verdict {
	if j.Count++; j.Count > MaxFields {
		return Verdict{HeadTooLarge, "has more than 128 headers"}
	}
	if isBlank(line[0]) {
		return bad("has a header that is folded over lines")
	}
	var space [mostName]byte
	n, underscore := 0, false
	for ; n < len(line); n++ {
		c := lowerToken[line[n]]
		if c == 0 {
			break
		}
		underscore = underscore || c == '_'
		if n < mostName {
			space[n] = c
		}
	}
	if n == 0 || n == len(line) || line[n] != ':' {
		return bad(nameFault(line, n))
	}
	if i := badFieldByte(line[n+1:]); i >= 0 {
		return bad(valueFault(line[n+1+i]))
	}
	value, before := trim(line[n+1:])
	from := j.line + n + 1 + before
	at := Span{uint16(from), uint16(from + len(value))}
	if len(j.Fields) < cap(j.Fields) {
		j.Fields = append(j.Fields, Field{Span{uint16(j.line), uint16(j.line + n)}, at})
	}
	name := space[:min(n, mostName)]
	if underscore && isProtected(foldInto(make([]byte, 0, mostName), name)) {
		return bad(faultAlias)
	}
	if n > mostName {
		return Verdict{}
	}
	return j.known(name, value, at)
}

func nameFault(line []byte, n int) string {
	switch {
	case n == len(line):
		return "has a header without a colon"
	case line[n] == '\r':
		return faultCR
	case n == 0 && line[0] == ':':
		return "has a header without a name"
	case isBlank(line[n]):
		return "has whitespace before the colon of a header"
	default:
		return "has a header whose name has characters that none can have"
	}
}

func valueFault(c byte) string {
	switch c {
	case '\r':
		return faultCR
	case 0:
		return "has a NUL in a header"
	default:
		return "has a control character in a header"
	}
}

// known judges the fields that say how the request is read; name is in lower case.
func (j *Judge) known(name, value []byte, at Span) Verdict {
	switch string(name) {
	case "host":
		if j.hosts {
			return bad("has more than one Host")
		}
		j.hosts, j.Host = true, at
		if !isHost(value) {
			return bad(faultHost)
		}
	case "content-length":
		if j.ContentLength >= 0 {
			return bad("has more than one Content-Length")
		}
		if j.ContentLength = length(value); j.ContentLength < 0 {
			return bad("has a Content-Length that is no plain number")
		}
	case "transfer-encoding":
		return j.coding(value)
	case "connection":
		return j.connection(value)
	case "content-type":
		if j.kinds {
			return bad("has more than one Content-Type")
		}
		j.kinds = true
	case "upgrade":
		j.Upgrade, j.WebSocket = true, equalFold(value, "websocket")
	case "expect":
		if j.expects {
			return bad("has more than one Expect")
		}
		j.expects = true
		if j.Continue = equalFold(value, "100-continue"); !j.Continue && len(value) > 0 { // an empty list expects nothing: RFC 9110, 10.1.1 and 5.6.1.2
			return Verdict{UnknownExpectation, "expects something else than 100-continue"}
		}
	case "te":
		j.TE = true
	case "trailer":
		j.Trailer = true
		return announcement(value)
	}
	return Verdict{}
}

// length reads at most 18 digits without a zero before them; -1: it is something else.
func length(s []byte) int64 {
	if len(s) == 0 || len(s) > 18 || s[0] == '0' && len(s) > 1 {
		return -1
	}
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// coding takes chunked, once. With chunked as the last of several the body would have an end that is known, but a coding that is not: RFC 9112, 6.1.
func (j *Judge) coding(value []byte) Verdict {
	if j.coded {
		return bad("has more than one Transfer-Encoding")
	}
	j.coded = true
	if equalFold(value, "chunked") {
		j.Chunked = true
		return Verdict{}
	}
	codings, times, last := 0, 0, false
	for item, rest := nextItem(value); item != nil; item, rest = nextItem(rest) {
		if !IsToken(item) {
			return bad("has a Transfer-Encoding that cannot be read")
		}
		codings++
		if last = equalFold(item, "chunked"); last {
			times++
		}
	}
	if codings > 1 && last && times == 1 {
		return Verdict{UnknownCoding, "has a transfer coding other than chunked"}
	}
	return bad("has a Transfer-Encoding that does not end with chunked, once")
}

func (j *Judge) connection(value []byte) Verdict {
	for item, rest := nextItem(value); item != nil; item, rest = nextItem(rest) {
		switch {
		case equalFold(item, "close"):
			j.Close = true
		case equalFold(item, "keep-alive"):
			j.keepAlive = true
		case equalFold(item, "upgrade"):
			j.upgrades = true
		case !IsToken(item):
			return bad("has a Connection that is no list of names")
		case !isRemovable(item):
			return bad("names a header in Connection that is not the connection's")
		}
	}
	return Verdict{}
}

// announcement judges the names in a Trailer.
func announcement(value []byte) Verdict {
	var space [mostName]byte
	for item, rest := nextItem(value); item != nil; item, rest = nextItem(rest) {
		if !IsToken(item) {
			return bad("has a Trailer that is no list of names")
		}
		if !mayTrail(foldInto(space[:0], item)) {
			return bad("announces a trailer that may only be a header")
		}
	}
	return Verdict{}
}

// finish judges what only the whole head tells.
func (j *Judge) finish(head []byte) Verdict {
	switch {
	case !j.hosts && j.Minor == 1:
		return bad("has no Host")
	case j.coded && j.ContentLength >= 0:
		return bad("has both Content-Length and Transfer-Encoding")
	case j.coded && j.Minor == 0:
		return bad("has a Transfer-Encoding, which HTTP/1.0 does not know")
	case j.Absolute && j.hosts && !sameFold(j.authority.Of(head), j.Host.Of(head)):
		return bad("has a target for another host than its Host")
	}
	j.Close = j.Close || j.Minor == 0 && !j.keepAlive
	j.Upgrade = j.Upgrade && j.upgrades && j.Minor == 1
	j.WebSocket = j.WebSocket && j.Upgrade
	return Verdict{}
}

func sameFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}
