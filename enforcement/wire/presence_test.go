package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// absentee tells a test.
type absentee chan struct{}

func (a absentee) ClientGone() { close(a) }

func TestAHandlerLearnsThatItsClientHasGone(t *testing.T) {
	for name, leave := range map[string]func(*client){
		"closed":      func(c *client) { c.Close() },
		"reset":       func(c *client) { _ = c.SetLinger(0); c.Close() },
		"half closed": func(c *client) { _ = c.CloseWrite() },
	} {
		for _, request := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"} {
			t.Run(name+" "+request[:4], func(t *testing.T) {
				come, told, ended := make(chan struct{}), make(absentee), make(chan error, 1)
				address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.ReadAll(r.Body)
					if !ConnOf(r).Tell(told) {
						t.Error("the connection is not looked at")
					}
					close(come)
					<-r.Context().Done()
					<-told
					ended <- r.Context().Err()
				})
				c := dial(t, address)
				c.send(request)
				<-come
				leave(c)
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
	}
}

func TestWhoeverAsksLateIsToldThatTheClientHasGone(t *testing.T) {
	told := make(absentee)
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ConnOf(r).Tell(told)
	})
	c := dial(t, address)
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	c.Close()
	<-told
}

func TestAClientThatWaitsOrSendsMoreIsThere(t *testing.T) {
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			t.Error("the client has not gone")
		case <-time.After(4 * lookEvery):
		}
		echo(w, r)
	})
	c := dial(t, address)
	c.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
	if got := c.answer(); got != "200 GET /1 " {
		t.Error(got)
	}
	c.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4 HTTP/1.1\r\nHo")
	for _, want := range []string{"200 GET /2 ", "200 GET /3 "} {
		if got := c.answer(); got != want {
			t.Error(got)
		}
	}
	c.send("st: a\r\n\r\n")
	if got := c.answer(); got != "200 GET /4 " {
		t.Error(got)
	}
}

func TestTheWatchEndsWithItsConnections(t *testing.T) {
	l := &listener{}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	var conns []*Conn
	for range 3 {
		dial(t, inner.Addr().String())
		in, err := inner.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c := newConn(in, l)
		c.attached(t.Context())
		conns = append(conns, c)
	}
	for _, i := range []int{1, 0, 2} {
		conns[i].Close()
		conns[i].Close()
	}
	if l.watch.round() || len(l.watch.conns) > 0 {
		t.Errorf("%d connections are left", len(l.watch.conns))
	}
}

// told counts how often a connection was told of a deadline, and waits like one.
type told struct {
	times int
	at    time.Time
}

func (d *told) tell(at time.Time) error {
	d.times++
	d.at = at
	return nil
}

func (d *told) wait() error {
	time.Sleep(time.Until(d.at))
	return os.ErrDeadlineExceeded
}

func TestADeadlineIsToldWhereItMakesADifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &told{}
		d := deadline{tell: inner.tell}
		begun := time.Now()
		for range 10 {
			_ = d.set(time.Time{})
			_ = d.set(time.Now().Add(time.Minute))
			_ = d.begin(false)
			d.end(nil)
			time.Sleep(time.Second)
		}
		if inner.times != 1 {
			t.Errorf("it was told %d times, want once", inner.times)
		}
		// The first one is reached, and is not meant any more.
		_ = d.begin(false)
		if !d.end(inner.wait()) || !inner.at.Equal(begun.Add(9*time.Second+time.Minute)) {
			t.Errorf("it ends %s behind its beginning", inner.at.Sub(begun))
		}
		_ = d.begin(false)
		if d.end(inner.wait()) || time.Since(begun) != 9*time.Second+time.Minute {
			t.Errorf("it ended %s behind its beginning", time.Since(begun))
		}
		// An earlier one ends who waits.
		_ = d.set(time.Now().Add(time.Hour))
		_ = d.begin(false)
		_ = d.set(time.Unix(1, 0))
		if d.end(inner.wait()) {
			t.Error("who waits goes on")
		}
		_ = d.set(time.Time{})
		_ = d.begin(false)
		if !d.end(inner.wait()) || !inner.at.IsZero() {
			t.Error("a deadline that was taken away is still there")
		}
	})
}

func TestATimeThatWasTakenAwayEndsNothing(t *testing.T) {
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		client := http.NewResponseController(w)
		_ = client.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		some := make([]byte, 1)
		_, _ = io.ReadFull(r.Body, some)
		_ = client.SetReadDeadline(time.Now().Add(time.Hour))
		_ = client.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = io.WriteString(w, strings.Repeat("x", 8<<10))
		_ = client.SetWriteDeadline(time.Time{})
		time.Sleep(60 * time.Millisecond)
		rest, err := io.ReadAll(r.Body)
		_, _ = w.Write(append(append(some, rest...), strings.Repeat("y", 8<<20)...))
		if err != nil {
			t.Error(err)
		}
	}, func(s *http.Server, _ *Config) {
		h := s.Handler
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			h.ServeHTTP(w, r)
		})
	})
	c := dial(t, address)
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nh")
	time.Sleep(100 * time.Millisecond)
	c.send("ello")
	if got := c.answer(); !strings.HasPrefix(got, "200 xxx") || strings.Count(got, "y") != 8<<20 || !strings.Contains(got, "helloy") {
		t.Errorf("%.20q, %d bytes", got, len(got))
	}
}
