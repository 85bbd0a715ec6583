package enforcement_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/enforcement/wire"
)

// message is a request that an upstream got, or an answer that a client got.
type message struct {
	first   string // line
	fields  [][2]string
	framing string
	body    []byte
	trouble string // what is wrong with it; empty: it is whole
}

func (m *message) value(name string) string {
	for _, f := range m.fields {
		if f[0] == name {
			return f[1]
		}
	}
	return ""
}

// String writes it so that two can be compared: the order of different fields is none of anybody's business.
func (m *message) String() string {
	fields := slices.Clone(m.fields)
	slices.SortStableFunc(fields, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", m.first)
	for _, f := range fields {
		if at, err := time.Parse(time.RFC1123, f[1]); f[0] == "date" && err == nil && time.Since(at).Abs() < time.Hour {
			f[1] = "NOW"
		}
		fmt.Fprintf(&b, "%s: %.300s\n", f[0], f[1])
	}
	body := string(m.body)
	if len(body) > 1000 {
		body = fmt.Sprintf("%d bytes, %x", len(body), sha256.Sum256(m.body))
	}
	fmt.Fprintf(&b, "%s %q", m.framing, body)
	if m.trouble != "" {
		fmt.Fprintf(&b, " %s", m.trouble)
	}
	return b.String()
}

// parseReplies reads a client's answers as strictly as can be, and returns how many of them are whole but for interim ones.
func parseReplies(b []byte, asks []string, eof bool) (all []message, n int) {
	for len(b) > 0 {
		verb := ""
		if n < len(asks) {
			verb = asks[n]
		}
		m, used, interim := parseReply(b, verb, eof)
		all = append(all, m)
		if m.trouble != "" {
			return all, n
		}
		if b = b[used:]; !interim {
			n++
		}
	}
	return all, n
}

var statusLine = regexp.MustCompile(`^HTTP/1\.[01] (\d{3}) [^\r\n]*$`)

func parseReply(b []byte, verb string, eof bool) (m message, used int, interim bool) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return message{trouble: fmt.Sprintf("half a head: %.200q", b)}, 0, false
	}
	lines := strings.Split(string(b[:end]), "\r\n")
	m.first = lines[0]
	s := statusLine.FindStringSubmatch(m.first)
	if s == nil {
		m.trouble = "no status line"
		return m, 0, false
	}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !wire.IsToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			m.trouble = fmt.Sprintf("a broken line: %q", line)
			return m, 0, false
		}
		m.fields = append(m.fields, [2]string{strings.ToLower(name), textproto.TrimString(value)})
	}
	rest := b[end+4:]
	status, _ := strconv.Atoi(s[1])
	lengths, codings := 0, 0
	for _, f := range m.fields {
		switch f[0] {
		case "content-length":
			lengths++
		case "transfer-encoding":
			codings++
		}
	}
	if lengths+codings > 1 {
		m.trouble = "framed more than once"
		return m, 0, false
	}
	n, bad := 0, false
	switch {
	case verb == "HEAD" || status < 200 || status == 204 || status == 304:
		m.framing = "no body"
	case codings == 1:
		m.framing = "chunks"
		n, bad = m.readChunks(rest)
	case lengths == 1:
		m.framing = "length"
		length, err := strconv.ParseUint(m.value("content-length"), 10, 63)
		n, bad = int(min(length, uint64(len(rest)))), err != nil || length > uint64(len(rest))
		m.body = rest[:n]
	default:
		m.framing = "until the end"
		n, bad = len(rest), !eof
		m.body = rest
	}
	if bad {
		m.trouble = "broken off"
	}
	return m, end + 4 + n, status < 200 && status != 101
}

// readChunks reads a chunked body with its trailers.
func (m *message) readChunks(b []byte) (used int, bad bool) {
	for {
		line, rest, ok := bytes.Cut(b[used:], []byte("\r\n"))
		size, err := strconv.ParseUint(string(line), 16, 31)
		if !ok || err != nil {
			return used, true
		}
		used += len(line) + 2
		if size == 0 {
			break
		}
		m.body = append(m.body, rest[:min(int(size), len(rest))]...)
		if int(size)+2 > len(rest) || string(rest[size:size+2]) != "\r\n" {
			return used, true
		}
		used += int(size) + 2
	}
	for {
		line, _, ok := bytes.Cut(b[used:], []byte("\r\n"))
		if !ok {
			return used, true
		}
		if used += len(line) + 2; len(line) == 0 {
			return used, false
		}
		m.framing += fmt.Sprintf(", trailer %q", line)
	}
}

// script is what an upstream does with a request.
type script struct {
	says  string
	part  int   // it says so many bytes at a time; 0: all at once
	early bool  // before the body has come
	then  after //
	only  int   // the first so many such requests, later ones are answered plainly; 0: all
}

// after is what an upstream does behind its answer.
type after uint8

const (
	goesOn after = iota
	closes
	resets
	hangs
)

// scripted is an upstream that does as it is told, and keeps what it gets, read as strictly as can be.
type scripted struct {
	address string
	words   [2]*strings.Replacer // of keys to their values, and back

	mu      sync.Mutex
	got     []message
	scripts []script
	every   *script
	times   map[int]int
	open    map[net.Conn]bool // that hang
}

func newScripted(t testing.TB, values map[string]string) *scripted {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &scripted{address: l.Addr().String(), times: map[int]int{}, open: map[net.Conn]bool{}}
	there, back := []string{}, []string{l.Addr().String(), "UPSTREAM"}
	for word, value := range values {
		there, back = append(there, word, value), append(back, value, word)
	}
	u.words = [2]*strings.Replacer{strings.NewReplacer(there...), strings.NewReplacer(back...)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go u.serve(c)
		}
	}()
	return u
}

func (u *scripted) reveal(text string) string  { return u.words[0].Replace(text) }
func (u *scripted) conceal(text string) string { return u.words[1].Replace(text) }

func (u *scripted) rehearse(scripts []script, every *script) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.scripts, u.every, u.got = scripts, every, nil
	clear(u.times)
}

// forget ends what hangs.
func (u *scripted) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.open {
		c.Close()
	}
	clear(u.open)
}

func (u *scripted) received() []message {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.got)
}

func (u *scripted) note(m message) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.got = append(u.got, m)
}

var numbered = regexp.MustCompile(`[?&]n=(\d+)`)

// scriptOf returns what is to be done with a request; nil: it is answered plainly.
func (u *scripted) scriptOf(line string) *script {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := numbered.FindStringSubmatch(line)
	if m == nil {
		if u.every != nil && !strings.Contains(line, "/open/last") {
			return u.every
		}
		return nil
	}
	n, _ := strconv.Atoi(m[1])
	if n >= len(u.scripts) {
		return nil
	}
	if u.times[n]++; u.scripts[n].only > 0 && u.times[n] > u.scripts[n].only {
		return nil
	}
	return &u.scripts[n]
}

// serve reads one request after the other.
func (u *scripted) serve(c net.Conn) {
	defer c.Close()
	var b []byte
	more := func() bool {
		part := make([]byte, 32<<10)
		n, err := c.Read(part)
		b = append(b, part[:n]...)
		return err == nil
	}
	for {
		m, j, ok := readHeadOf(&b, more)
		if m.trouble != "" {
			u.note(m)
		}
		if !ok {
			return
		}
		s := u.scriptOf(m.first)
		if s != nil && s.early && !s.perform(c) {
			u.note(m)
			return
		}
		if m.readBody(&b, j, more); m.trouble != "" {
			u.note(m)
			return
		}
		u.note(m)
		switch {
		case s == nil:
			text := fmt.Sprintf("%s, %d bytes", m.first, len(m.body))
			if _, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\nX-Seen: yes\r\n\r\n%s", len(text), text[:plainLength(&m, text)]); err != nil {
				return
			}
		case !s.early && !s.perform(c):
			return
		case s.then == hangs:
			u.mu.Lock()
			u.open[c] = true
			u.mu.Unlock()
			for more() {
			}
			return
		}
	}
}

func plainLength(m *message, text string) int {
	if strings.HasPrefix(m.first, "HEAD ") {
		return 0
	}
	return len(text)
}

// perform says what there is to say, and reports whether the connection goes on.
func (s *script) perform(c net.Conn) bool {
	if s.part == 0 {
		_, _ = io.WriteString(c, s.says)
	} else {
		for part := range slices.Chunk([]byte(s.says), s.part) {
			if _, err := c.Write(part); err != nil {
				return false
			}
		}
	}
	if s.then == resets {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	return s.then == goesOn || s.then == hangs
}

func readHeadOf(b *[]byte, more func() bool) (m message, j *wire.Judge, ok bool) {
	j = &wire.Judge{}
	j.Reset(make([]wire.Field, 0, 200))
	for {
		v, done := j.Feed(*b)
		switch {
		case done && v.Kind != wire.Passed:
			m.trouble = "a request that " + v.Reason
			return m, j, false
		case done:
			head := (*b)[:j.Size]
			m.first = fmt.Sprintf("%s %s 1.%d", j.Method.Of(head), j.Target.Of(head), j.Minor)
			for _, f := range j.Fields {
				m.fields = append(m.fields, [2]string{strings.ToLower(string(f.Name.Of(head))), string(f.Value.Of(head))})
			}
			*b = (*b)[j.Size:]
			return m, j, true
		case !more():
			if len(*b) > 0 {
				m.trouble = "half a head"
			}
			return m, j, false
		}
	}
}

func (m *message) readBody(b *[]byte, j *wire.Judge, more func() bool) {
	if !j.Chunked {
		m.framing = "length"
		for int64(len(*b)) < j.ContentLength {
			if !more() {
				m.trouble = "broken off"
				return
			}
		}
		n := max(0, j.ContentLength)
		m.body, *b = bytes.Clone((*b)[:n]), (*b)[n:]
		return
	}
	for {
		m.framing, m.body = "chunks", nil
		used, bad := m.readChunks(*b)
		if !bad {
			*b = (*b)[used:]
			return
		}
		if !more() {
			m.trouble, m.body = "broken off", nil
			return
		}
	}
}
