package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// scripted is an upstream that answers each request with the next of some texts, whatever it asks. It counts connections.
type scripted struct {
	net.Listener
	connections atomic.Int32
	next        chan string // "" ends the connection
}

func newScripted(t *testing.T, answers ...string) (*scripted, *lines) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &scripted{Listener: l, next: make(chan string, len(answers))}
	for _, a := range answers {
		s.next <- a
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			go s.serve(c)
		}
	}()
	return s, &lines{dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
	}}
}

func (s *scripted) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		answer := <-s.next
		if answer == "" {
			return
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

// get asks l, and reads the whole answer.
func get(t *testing.T, l *lines, o outgoing) (string, error) {
	t.Helper()
	return getIn(t.Context(), l, o, nil)
}

// getIn does so until ctx ends. Interim answers are told w, unless that is nil.
func getIn(ctx context.Context, l *lines, o outgoing, w http.ResponseWriter) (string, error) {
	if o.verb == "" {
		o.verb = http.MethodGet
	}
	x := &Exchange{client: ctx}
	x.answer = answer{ResponseWriter: w, x: x}
	defer context.AfterFunc(ctx, x.ClientGone)()
	o.x, o.target, o.path = x, &Target{base: url.URL{Host: "upstream.test"}}, "/a"
	rep, err := l.send(&o, &attempt{})
	if err != nil {
		return "", err
	}
	defer rep.close()
	text, err := io.ReadAll(rep.body)
	return string(text), err
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestAConnectionIsUsedAgainWhenItsAnswerHasBeenRead(t *testing.T) {
	s, d := newScripted(t, ok, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", ok)
	for i, want := range []string{"ok", "ok", "", "ok"} {
		if text, err := get(t, d, outgoing{}); err != nil || text != want {
			t.Fatalf("answer %d: %q, %v, want %q", i, text, err, want)
		}
	}
	if n := s.connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestWhatComesBehindAnAnswerIsNeverTheNextOne(t *testing.T) {
	for name, first := range map[string]string{"at once": ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", "closing": "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"} {
		t.Run(name, func(t *testing.T) {
			_, d := newScripted(t, first, ok)
			for range 2 {
				if text, err := get(t, d, outgoing{}); err != nil || text != "ok" {
					t.Fatalf("%q, %v", text, err)
				}
			}
		})
	}
	t.Run("later", func(t *testing.T) {
		_, d := newScripted(t, ok, ok)
		var conn net.Conn
		dial := d.dial
		d.dial = func(ctx context.Context) (_ net.Conn, err error) { conn, err = dial(ctx); return conn, err }
		if text, err := get(t, d, outgoing{}); err != nil || text != "ok" {
			t.Fatalf("%q, %v", text, err)
		}
		// The upstream of this test says what it is asked: an early question makes an early answer.
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		for look := newLine(conn); look.isQuiet(); { // until it is there; looking at it changes nothing
			time.Sleep(time.Millisecond)
		}
		_, d2 := newScripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh")
		d.dial = d2.dial
		if text, err := get(t, d, outgoing{}); err != nil || text != "fresh" {
			t.Errorf("%q, %v: the early answer became another request's", text, err)
		}
	})
}

func TestAConnectionThatTheUpstreamClosedIsNotACallersFailure(t *testing.T) {
	s, d := newScripted(t, ok, "", ok)
	for i := range 2 {
		if text, err := get(t, d, outgoing{}); err != nil || text != "ok" {
			t.Fatalf("request %d: %q, %v", i, text, err)
		}
	}
	if n := s.connections.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func TestARequestThatMayNotBeRepeatedIsNot(t *testing.T) {
	s, d := newScripted(t, ok, "", ok)
	if _, err := get(t, d, outgoing{}); err != nil {
		t.Fatal(err)
	}
	if text, err := get(t, d, outgoing{verb: http.MethodPost}); err == nil {
		t.Errorf("got %q", text)
	}
	if n := s.connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestAnAnswerThatIsNoneIsAnError(t *testing.T) {
	for name, answer := range map[string]string{
		"endless head":     "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswerHead) + "\r\n\r\n",
		"endless interim":  strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100) + ok,
		"unasked switch":   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"two lengths":      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
		"no HTTP":          "hello\r\n\r\n",
		"half a head":      "",
		"unknown transfer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			_, d := newScripted(t, answer)
			if text, err := get(t, d, outgoing{}); err == nil {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestInterimAnswersAreTold(t *testing.T) {
	_, d := newScripted(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+ok)
	told := &hints{ResponseRecorder: httptest.NewRecorder()}
	if text, err := getIn(t.Context(), d, outgoing{}, told); err != nil || text != "ok" || len(told.all) != 1 || told.all[0] != "103</a>" {
		t.Errorf("%q, %v, told %v", text, err, told.all)
	}
}

// hints notes the answers that it is told of.
type hints struct {
	*httptest.ResponseRecorder
	all []string
}

func (h *hints) WriteHeader(status int) {
	h.all = append(h.all, fmt.Sprint(status, h.Header().Get("Link")))
}

func TestAnEndedRequestEndsItsWaitAndItsBody(t *testing.T) {
	reason := errors.New("the caller left")
	_, d := newScripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(reason) })
	if text, err := getIn(ctx, d, outgoing{}, nil); err == nil {
		t.Errorf("half an answer looked like a whole one: %q", text)
	}
	s, d := newScripted(t) // never answers
	ctx, cancel = context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(reason) })
	if _, err := getIn(ctx, d, outgoing{}, nil); err == nil {
		t.Error("it was answered")
	}
	close(s.next)
	if c := d.idle.take(); c != nil {
		t.Error("a connection whose request was ended is kept")
	}
}

func TestManyAskAtOnceAndGetTheirOwnAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.RawQuery) })}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	d := &lines{dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
	}}
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			for j := range 100 {
				want := fmt.Sprintf("%d-%d", i, j)
				if text, err := get(t, d, outgoing{query: want}); err != nil || text != want {
					t.Errorf("got %q, %v, want %q", text, err, want)
					return
				}
			}
		})
	}
	group.Wait()
	d.close(true)
	if c := d.idle.take(); c != nil {
		t.Error("a connection was not closed")
	}
}

func TestNoHeaderEndsItsLine(t *testing.T) {
	h := http.Header{"X": {"a\r\nY: b"}, "X Y": {"a"}, "X\r\nY": {"a"}, "Z": {"a\x00"}, "Good": {"b"}}
	if got := string(appendFields(nil, h)); got != "Good: b\r\n" {
		t.Errorf("got %q", got)
	}
}
