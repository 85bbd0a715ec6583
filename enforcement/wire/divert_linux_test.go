package wire

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"

	"gatehouse/enforcement/splice"
)

// The bytes of a body take another way than through net/http, which counts them all the same: the next request of the connection begins where the body ends.
func TestADivertedBodyIsReadByNetHTTPAllTheSame(t *testing.T) {
	body := make([]byte, 2<<20+3)
	rand.Read(body)
	diverted := 0
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength <= 0 {
			fmt.Fprint(w, r.URL.Path)
			return
		}
		c, pipe, buf := Diverted(r), splice.Get(), make([]byte, splice.Size)
		var got bytes.Buffer
		for err := error(nil); err == nil; {
			var n int
			c.Divert(pipe)
			n, err = r.Body.Read(buf)
			c.Divert(nil)
			if pipe.Len() == 0 {
				got.Write(buf[:n])
				continue
			}
			if pipe.Len() != n {
				t.Errorf("%d bytes in the pipe, %d read", pipe.Len(), n)
			}
			diverted += n
			got.Write(drained(t, pipe))
		}
		pipe.Put()
		fmt.Fprint(w, bytes.Equal(got.Bytes(), body))
	})
	c := dial(t, address)
	const first = 20_000 // comes with the head
	c.send(fmt.Sprintf("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:first]))
	go func() {
		_, _ = c.Write(body[first:])
		_, _ = io.WriteString(c.TCPConn, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
	}()
	for _, want := range []string{"true", "/b"} {
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(res.Body); string(text) != want || err != nil {
			t.Errorf("%q, %v, want %s", text, err, want)
		}
	}
	if diverted < len(body)/2 {
		t.Errorf("%d bytes of %d were diverted", diverted, len(body))
	}
}

// drained is what a pipe holds.
func drained(t *testing.T, p *splice.Pipe) []byte {
	t.Helper()
	n := p.Len()
	near, far := tcpPair(t)
	read := make(chan []byte)
	go func() {
		b := make([]byte, n)
		_, _ = io.ReadFull(far, b)
		read <- b
	}()
	raw, err := near.SyscallConn()
	if err != nil {
		t.Error(err)
	}
	if err := p.To(raw); err != nil {
		t.Error(err)
	}
	return <-read
}

// A small read would be one of the buffers in between.
func TestSmallReadsAreNotDiverted(t *testing.T) {
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		pipe := splice.Get()
		Diverted(r).Divert(pipe)
		text, err := io.ReadAll(r.Body)
		Diverted(r).Divert(nil)
		if len(text) != 100_000 || err != nil || bytes.Count(text, []byte("x")) != len(text) {
			t.Errorf("%d bytes, %v", len(text), err)
		}
		if pipe.Len() != 0 {
			t.Errorf("%d bytes were diverted", pipe.Len())
		}
	})
	c := dial(t, address)
	c.send(fmt.Sprintf("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n%s", bytes.Repeat([]byte("x"), 100_000)))
	if _, err := http.ReadResponse(c.in, nil); err != nil {
		t.Fatal(err)
	}
}

func tcpPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

// What the fast lane hands over was read from already. It is looked after and diverted all the same, once that has been read again.
func TestAConnectionThatWasBegunElsewhereIsDivertedToo(t *testing.T) {
	near, _ := tcpPair(t)
	if rawOf(begun{near}) == nil {
		t.Error("nobody looks after it")
	}
}

// begun is a connection of which some is to be read again.
type begun struct{ *net.TCPConn }

func (begun) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }
func (b begun) NetConn() net.Conn                   { return b.TCPConn }
func (begun) Ahead() bool                           { return true }
