package fast

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hold keeps a lane's loops busy until the returned function is called: all that comes meanwhile is of one round.
func hold(l *Lane) (release func()) {
	free := make(chan struct{})
	for _, o := range l.loops {
		held := make(chan struct{})
		o.post(func() { close(held); <-free })
		<-held
	}
	return func() { close(free) }
}

func TestWhatComesTogetherIsAnsweredInOrder(t *testing.T) {
	const connections, each = 20, 12
	address, _, lane := serveLane(t, httpUpstream(t, echo))
	var conns []net.Conn
	var readers []*bufio.Reader
	for range connections {
		c, r := dial(t, address)
		get(t, c, r, "GET /first HTTP/1.1\r\nHost: x\r\n\r\n")
		conns, readers = append(conns, c), append(readers, r)
	}
	release := hold(lane)
	for i, c := range conns {
		var sent strings.Builder
		for n := range each {
			path := fmt.Sprintf("/%d-%d", i, n)
			if n%3 == 2 {
				path = "/refused"
			}
			fmt.Fprintf(&sent, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		}
		if _, err := io.WriteString(c, sent.String()); err != nil {
			t.Fatal(err)
		}
	}
	release()
	for i, r := range readers {
		for n := range each {
			want := fmt.Sprintf("GET /%d-%d 0", i, n)
			if n%3 == 2 {
				want = "no"
			}
			if _, body := next(t, r); body != want {
				t.Fatalf("connection %d, answer %d: %q, want %q", i, n, body, want)
			}
		}
	}
}

func TestNothingIsServedBehindTheLastAnswer(t *testing.T) {
	var asked atomic.Int64
	address, _, _ := serveLane(t, httpUpstream(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); echo(w, r) }))
	for range 50 {
		c, r := dial(t, address)
		_, _ = io.WriteString(c, "GET /refused HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, body := next(t, r); body != "no" {
			t.Fatalf("%q", body)
		}
		if b, err := r.ReadByte(); err != io.EOF {
			t.Fatalf("behind it: %q, %v", b, err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

func TestAConnectionLeavesBehindItsAnswers(t *testing.T) {
	address, _, _ := serveLane(t, httpUpstream(t, echo))
	for range 50 {
		c, r := dial(t, address)
		_, _ = io.WriteString(c, "GET /refused HTTP/1.1\r\nHost: x\r\n\r\nGET /leave HTTP/1.1\r\nHost: x\r\n\r\nGET /refused HTTP/1.1\r\nHost: x\r\n\r\n")
		for _, want := range []string{"no", "left /leave 0", "left /refused 0"} {
			if _, body := next(t, r); body != want {
				t.Fatalf("%q, want %q", body, want)
			}
		}
	}
}

func TestAClientThatReadsNothingLeavesWithAllItsAnswers(t *testing.T) {
	address, _, _ := serveLane(t, httpUpstream(t, echo))
	c, r := dial(t, address)
	_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
	go func() {
		_, _ = io.WriteString(c, strings.Repeat("GET /refused HTTP/1.1\r\nHost: x\r\n\r\n", 150_000)+"GET /leave HTTP/1.1\r\nHost: x\r\n\r\n")
	}()
	time.Sleep(50 * time.Millisecond) // it is behind by now, mostly
	for i := range 150_000 {
		if _, body := next(t, r); body != "no" {
			t.Fatalf("answer %d: %q", i, body)
		}
	}
	if _, body := next(t, r); body != "left /leave 0" {
		t.Fatalf("%q", body)
	}
}

// A connection to an upstream may end in the very moment in which a request is about to be sent on it: the request finds another one, and is asked once.
func TestARequestThatWaitsToBeSentOutlivesItsConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conns, asked := make(chan net.Conn, 100), make(chan string, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
			go func() {
				r := bufio.NewReader(c)
				for {
					q, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					asked <- q.URL.Path
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	address, _, lane := serveLane(t, l.Addr().String())
	c, r := dial(t, address)
	get(t, c, r, "GET /0 HTTP/1.1\r\nHost: x\r\n\r\n")
	for i := 1; i <= 20; i++ {
		up := <-conns
		release := hold(lane)
		_, _ = fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
		time.Sleep(2 * time.Millisecond) // so that it is read first
		if i%2 == 0 {
			_, _ = io.WriteString(up, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil") // which nobody asked for
		} else {
			_ = up.Close()
		}
		time.Sleep(2 * time.Millisecond)
		release()
		if _, body := next(t, r); body != "ok" {
			t.Fatalf("request %d: %q", i, body)
		}
	}
	close(asked)
	seen := map[string]int{}
	for path := range asked {
		if seen[path]++; seen[path] > 1 {
			t.Errorf("%s was asked twice", path)
		}
	}
	if len(seen) != 21 {
		t.Errorf("%d requests came, want 21", len(seen))
	}
}
