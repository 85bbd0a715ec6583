package enforcement_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gatehouse/enforcement/wire"
)

// recorder is an upstream that keeps what it got byte by byte, read as strictly as can be.
type recorder struct {
	address string
	mu      sync.Mutex
	heads   []string // of whole requests
	faults  []string
}

func newRecorder(t testing.TB) *recorder {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &recorder{address: l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
	return r
}

// serve reads one request after the other until the connection ends or cannot be read in one way.
func (r *recorder) serve(c net.Conn) {
	defer c.Close()
	var b []byte
	more := func() bool {
		part := make([]byte, 8<<10)
		n, err := c.Read(part)
		b = append(b, part[:n]...)
		return err == nil
	}
	for {
		var j wire.Judge
		for {
			v, done := j.Feed(b)
			if done && v.Kind != wire.Passed {
				r.note("", fmt.Sprintf("a request that %s: %.200q", v.Reason, b))
				return
			}
			if done {
				break
			}
			if !more() {
				if len(b) > 0 {
					r.note("", fmt.Sprintf("half a head: %q", b))
				}
				return
			}
		}
		head := string(b[:j.Size])
		b = b[j.Size:]
		for left := j.ContentLength; left > 0; {
			n := min(left, int64(len(b)))
			b, left = b[n:], left-n
			if left > 0 && !more() {
				return // a body that broke off is no request
			}
		}
		for chunks, done := (wire.Chunks{}), !j.Chunked; !done; {
			_, used, v, ended := chunks.Clean(bytes.Clone(b))
			b, done = b[used:], ended
			if v.Kind != wire.Passed {
				r.note("", "a body that "+v.Reason)
				return
			}
			if !done && !more() {
				return
			}
		}
		r.note(head, "")
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

func (r *recorder) note(head, fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if head != "" {
		r.heads = append(r.heads, head)
	} else {
		r.faults = append(r.faults, fault)
	}
}

// payload is a request to an open method in whose body a request to a keyed one hides.
type payload struct {
	text string
	may  bool // be forwarded, once
}

func payloads() (all []payload) {
	const inner = "GET /echo/prod/secret HTTP/1.1\r\nHost: a\r\nX-Smuggled: yes\r\n\r\n"
	const upstreams = "GET /secret HTTP/1.1\r\nHost: a\r\nX-Smuggled: yes\r\n\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)
	bodies := []string{"0\r\n\r\n" + inner, chunk, inner, "0\n\n" + upstreams, "0;a\n\r\n\r\n" + inner, "1\r\nZ\r\n0\r\nTransfer-Encoding: x\r\n\r\n" + upstreams, "5;a\nb\r\nhello\r\n0\r\n\r\n" + inner,
		"00000000000000000\r\n\r\n" + upstreams}
	codings := []struct {
		text    string
		chunked bool // chunked and nothing else
		other   bool // another field altogether
	}{
		{"", false, true}, {"TE: chunked\r\n", false, true}, {"X-Transfer-Encoding: chunked\r\n", false, true}, {"Transfer-Encoding: chunked\r\n", true, false}, {"transfer-encoding:\tCHUNKED \r\n", true, false},
		{"Transfer-Encoding : chunked\r\n", false, false}, {"Transfer-Encoding: xchunked\r\n", false, false}, {"Transfer-Encoding: chunked, identity\r\n", false, false}, {"Transfer-Encoding: identity, chunked\r\n", false, false},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", false, false}, {"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", false, false}, {"Transfer-Encoding:\x0bchunked\r\n", false, false}, {"Transfer-Encoding: chunk\r\n ed\r\n", false, false},
		{"X: y\nTransfer-Encoding: chunked\r\n", false, false}, {"X: y\rTransfer-Encoding: chunked\r\n", false, false}, {"Transfer_Encoding: chunked\r\n", false, false}, {"Transfer-Encoding: \"chunked\"\r\n", false, false},
		{"\r\nTransfer-Encoding: chunked\r\n", false, true}, {" Transfer-Encoding: chunked\r\n", false, false}, {"Transfer-Encoding: chunked;q=1\r\n", false, false}, {"Transfer-Encoding\x00: chunked\r\n", false, false},
		{"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", false, false},
	}
	for _, body := range bodies {
		lengths := map[string]bool{
			"": true, "Content-Length: 0\r\n": true, "Content-Length: 4\r\n": true, fmt.Sprintf("Content-Length: %d\r\n", len(body)): true, fmt.Sprintf("content-length:%d\t\r\n", len(body)): true,
			"Content-Length: +4\r\n": false, "Content-Length: 0x4\r\n": false, "Content-Length: 4, 5\r\n": false, "Content-Length: 4\r\nContent-Length: 4\r\n": false, "Content-Length: 4\r\nContent-Length: 5\r\n": false,
			"Content-Length: -1\r\n": false, "Content-Length: 18446744073709551620\r\n": false, "Content-Length : 4\r\n": false, "Content_Length: 4\r\n": false, "Content-Length: 04\r\n": false, "Content-Length:\x0b4\r\n": false,
			"Connection: Content-Length\r\nContent-Length: 4\r\n": false, "X: y\r\n Content-Length: 4\r\n": false,
		}
		for length, good := range lengths {
			for _, c := range codings {
				may := good && c.other || length == "" && c.chunked
				head := fmt.Sprintf("POST /echo/prod/open/x?case=%d HTTP/1.1\r\nHost: a\r\n", len(all))
				all = append(all, payload{head + length + c.text + "\r\n" + body, may})
			}
		}
	}
	return all
}

func TestNothingIsSmuggledPastTheGateway(t *testing.T) {
	up := newRecorder(t)
	address := wired(t, "http://"+up.address)
	all := payloads()
	outcomes := map[string]int{}
	var mu sync.Mutex
	var group sync.WaitGroup
	next := make(chan string)
	for range 24 {
		group.Go(func() {
			for text := range next {
				got := outcomeOf(address, text)
				if !regexp.MustCompile(`^(\d{3},)*(\d{3})? ?(open|close)$`).MatchString(got) {
					t.Errorf("%s: %.300q", got, text)
				}
				mu.Lock()
				outcomes[got]++
				mu.Unlock()
			}
		})
	}
	for _, p := range all {
		next <- p.text
	}
	close(next)
	group.Wait()
	up.mu.Lock()
	defer up.mu.Unlock()
	for _, fault := range up.faults {
		t.Errorf("the upstream got %s", fault)
	}
	times := map[int]int{}
	for _, head := range up.heads {
		m := regexp.MustCompile(`^POST /open/x\?case=(\d+) HTTP/1\.1\r\n`).FindStringSubmatch(head)
		if m == nil || strings.Contains(head, "X-Smuggled") {
			t.Errorf("the upstream got %q", head)
			continue
		}
		n, _ := strconv.Atoi(m[1])
		if times[n]++; times[n] > 1 || !all[n].may {
			t.Errorf("the upstream got, %d times, %q", times[n], all[n].text)
		}
	}
	t.Logf("%d payloads, %d forwarded; %v", len(all), len(up.heads), outcomes)
	if len(all) < 700 || len(up.heads) < 50 {
		t.Error("the attack missed")
	}
}
