package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// cleanAll judges a chunked body in parts of a size. Behind a refusal stands what makes every reader fail.
func cleanAll(body []byte, part int) (out string, c *Chunks) {
	c = new(Chunks)
	var b bytes.Buffer
	for rest := body; len(rest) > 0; {
		p := bytes.Clone(rest[:min(part, len(rest))])
		kept, used, v, done := c.Clean(p)
		b.Write(p[:kept])
		switch {
		case v.Kind != Passed:
			return b.String() + c.Poison() + "|" + v.Reason, c
		case done:
			return b.String() + "|end " + fmt.Sprint(len(rest)-used), c
		}
		rest = rest[len(p):]
	}
	return b.String() + "|more", c
}

// script is a connection whose client sends parts of a size.
type script struct {
	net.Conn
	rest []byte
	part int
}

func (s *script) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), s.part)], s.rest)
	if s.rest = s.rest[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *script) SetReadDeadline(time.Time) error { return nil }

// through is what net/http reads of a client's bytes that come in parts, by reads of a size.
func through(b []byte, part, read int, c Config) (out []byte, v Verdict) {
	conn := newConn(&script{rest: b, part: part}, &listener{config: c})
	p := make([]byte, read)
	for {
		n, err := conn.Read(p)
		out = append(out, p[:n]...)
		if err != nil {
			return out, conn.verdict
		}
	}
}

var cuts = [][2]int{{1, 4096}, {1, 1}, {2, 3}, {7, 64}, {4096, 1}, {1 << 20, 4096}, {61, 14}}

// sameThrough checks that it does not matter where the client's bytes are cut.
func sameThrough(t *testing.T, b []byte, c Config) ([]byte, Verdict) {
	t.Helper()
	whole, v := through(b, 1<<20, 1<<20, c)
	for _, cut := range cuts {
		if len(b)*len(b)/cut[0] > 1<<24 {
			continue
		}
		if got, gotV := through(b, cut[0], cut[1], c); !bytes.Equal(got, whole) || gotV != v {
			t.Fatalf("in parts of %d, read by %d: %+v\n%q\nwhole: %+v\n%q", cut[0], cut[1], gotV, got, v, whole)
		}
	}
	return whole, v
}

// A head is judged the same wherever it is cut; one that passes is one to net/http too, and the same one.
func FuzzHead(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", string(typical), "\r\nGET / HTTP/1.0\r\n\r\n", "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET * HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxx", "PRI * HTTP/2.0\r\n\r\nSM\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
		"GET http://[::1]:80/?x HTTP/1.1\r\nHost: [::1]:80\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00", "OPTIONS * HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: b\r\n\r\n", "HEAD /%zz HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, , X-Forwarded-For\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X, Host\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b\"\r\nx\r\n0\r\nX_Other: y\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n", "GET https://A:443/?%zz HTTP/1.1\r\nhOsT:\ta:443 \r\n!#$%&'*+-.^_`|~: \xff\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, whole, done := judgeAll(b, 1<<20)
		for _, part := range []int{1, 2, 13} {
			if _, v, d := judgeAll(b, part); v != whole || d != done {
				t.Fatalf("in parts of %d: %v %+v, whole: %v %+v", part, d, v, done, whole)
			}
		}
		sameThrough(t, b, Config{})
		sameThrough(t, b, Config{H2C: true})
		if j, v, done := judgeAll(b, 1<<20); done && v.Kind == Passed {
			sameToNetHTTP(t, &j.Head, b)
		}
	})
}

func sameToNetHTTP(t *testing.T, h *Head, b []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(b[h.Start:h.Size]), 4096))
	if err != nil {
		t.Fatalf("net/http does not read what passed: %v\n%q", err, b[:h.Size])
	}
	length := h.ContentLength
	if length < 0 {
		length = 0
	}
	if h.Chunked {
		length = -1
	}
	host := string(h.Host.Of(b))
	if r.URL.Host != "" {
		host = r.URL.Host
	}
	if r.Method != string(h.Method.Of(b)) || r.RequestURI != string(h.Target.Of(b)) || r.ProtoMinor != int(h.Minor) || r.ContentLength != length || !strings.EqualFold(r.Host, host) {
		t.Fatalf("net/http reads %s %s 1.%d %d %s of %q", r.Method, r.RequestURI, r.ProtoMinor, r.ContentLength, r.Host, b[:h.Size])
	}
	if r.Close != h.Close && h.Minor == 1 {
		t.Fatalf("net/http takes close for %v in %q", r.Close, b[:h.Size])
	}
	n := 0
	for _, values := range r.Header {
		n += len(values)
	}
	if h.Count < n || h.Count > n+4 { // Host, Transfer-Encoding, Trailer are taken out
		t.Fatalf("net/http reads %d fields, not %d, of %q", n, h.Count, b[:h.Size])
	}
}

// A chunked body is judged the same wherever it is cut; what is left of it is to net/http what it was, or cannot be read.
func FuzzChunks(f *testing.F) {
	for _, s := range []string{
		"5\r\nhello\r\n0\r\n\r\n", "5;a\r\nhello\r\n0;b=\"c\\\"d\"\r\nX: y\r\n\r\nGET /", "5 ; a = b ; c\r\nhello\r\n00\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5;\r\nhello", "5\r\nhelloX", "0\r\nContent-Length: 1\r\n\r\n",
		"0\r\nX_Consumer_Id: 1\r\n\r\n", "000000000000005\r\nhello\r\n0\r\n\r\n", "0000000000000005\r\n", "0\r\nA: b\r\n\rX", "0\r\nA: b\rX", "1\r\nx\r\n0\r\nA: b\r\nB:c\r\n\r\n", "5;a=\r\n", "5;a=\"\r\n\"", "-1\r\n", "0x5\r\n", "5\r\nhello\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, _ := cleanAll(b, 1<<20)
		for _, part := range []int{1, 2, 13} {
			if got, _ := cleanAll(b, part); got != whole {
				t.Fatalf("in parts of %d: %q, whole: %q", part, got, whole)
			}
		}
		cleaned, end := whole[:strings.LastIndexByte(whole, '|')], whole[strings.LastIndexByte(whole, '|')+1:]
		read := func(body string) (string, error) {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r.Body)
			return fmt.Sprintf("%q %v", got, r.Trailer), err
		}
		got, err := read(cleaned)
		if strings.HasPrefix(end, "end") {
			asSent, sentErr := read(string(b))
			// net/http refuses the whitespace before a semicolon that RFC 9112, 7.1.1 makes us take out.
			if err != nil || sentErr == nil && got != asSent {
				t.Fatalf("%q was cleaned to %q: %s %v, want %s %v", b, cleaned, got, err, asSent, sentErr)
			}
			return
		}
		if err == nil {
			t.Fatalf("%q is %q, cleaned to %q, but net/http reads it: %s", b, end, cleaned, got)
		}
	})
}
