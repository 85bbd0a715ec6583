package enforcement_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/models"
)

// hasty is an upstream that answers each request as soon as it has read its head, and tells how much of each body came behind it.
func hasty(t testing.TB, answer string) (url string, bodies chan int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	bodies = make(chan int64, 10)
	serve := func(c net.Conn) {
		defer c.Close()
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
			if strings.Contains(answer, "close") {
				bodies <- 0
				return
			}
			n, err := io.Copy(io.Discard, r.Body)
			bodies <- n
			if err != nil {
				return
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return "http://" + l.Addr().String(), bodies
}

// before is a world whose upstream is another one.
func before(t testing.TB, upstream string, with func(*enforcement.Bounds)) (o *one, url string) {
	t.Helper()
	o, url = bounded(t, nil, with)
	o.world.stage(func() { o.stage.Upstream = upstream })
	catchUp(t, o.g)
	return o, url
}

func asUsual(*enforcement.Bounds) {}

const manyBytes = 4 << 20

// wrk, ab and many a library send the whole body before they read: a connection that is closed under them is an error to them, though they were answered.
func TestAClientWhoseAnswerCameEarlyMayGoOnSending(t *testing.T) {
	for name, answer := range map[string]string{"with a body": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly", "without": "HTTP/1.1 204 No Content\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			upstream, bodies := hasty(t, answer)
			o, url := before(t, upstream, asUsual)
			c, in := dial(t, url)
			for range 2 { // on one connection
				fmt.Fprintf(c, "POST /echo/prod/x HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %d\r\n\r\n", o.value, manyBytes)
				if n, err := io.Copy(c, io.LimitReader(zeros{}, manyBytes)); err != nil {
					t.Fatalf("%d bytes were sent: %v", n, err)
				}
				res, err := http.ReadResponse(in, nil)
				if err != nil || res.Close {
					t.Fatalf("%v, %v", res, err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					t.Fatal(err)
				}
				if n := <-bodies; n != manyBytes {
					t.Errorf("the upstream got %d bytes", n)
				}
			}
			if ends := o.counted(t, 2); ends[models.OutcomeSuccess] != 2 {
				t.Errorf("ended as %v", ends)
			}
		})
	}
}

// The answer comes while the client sends, though nobody takes the rest any more.
func TestAnEarlyAnswerOfAnUpstreamThatClosesReachesTheClient(t *testing.T) {
	upstream, _ := hasty(t, "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge")
	o, url := before(t, upstream, asUsual)
	c, in := dial(t, url)
	fmt.Fprintf(c, "POST /echo/prod/x HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %d\r\n\r\n", o.value, 64<<20)
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, io.LimitReader(zeros{}, 64<<20))
		sent <- err
	}()
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 413 || !res.Close {
		t.Fatalf("%v, %v", res, err)
	}
	if text, err := io.ReadAll(res.Body); string(text) != "large" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if err := <-sent; err == nil {
		t.Error("all of it was taken in for nobody")
	}
}

// A client that has its answer and stops in the middle of its body is not waited for, and was answered well.
func TestAClientThatStopsSendingBehindAnEarlyAnswerIsNotWaitedFor(t *testing.T) {
	for name, length := range map[string]int{"little is missing": 1000, "much is missing": manyBytes} {
		t.Run(name, func(t *testing.T) {
			upstream, _ := hasty(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
			o, url := before(t, upstream, short)
			c, in := dial(t, url)
			fmt.Fprintf(c, "POST /echo/prod/x HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %d\r\n\r\nabc", o.value, length)
			res, err := http.ReadResponse(in, nil)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("%v, %v", res, err)
			}
			if text, err := io.ReadAll(res.Body); string(text) != "early" || err != nil {
				t.Errorf("%q, %v", text, err)
			}
			if b, err := in.ReadByte(); err != io.EOF {
				t.Errorf("behind it came %q, %v", b, err)
			}
			if ends := o.counted(t, 1); ends[models.OutcomeSuccess] != 1 {
				t.Errorf("ended as %v", ends)
			}
		})
	}
}

// An upstream that answers and takes no more is waited for as long as one that does not begin to answer.
func TestAnUpstreamThatTakesNoMoreBehindItsAnswerIsNotWaitedForLong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			_ = c.(*net.TCPConn).SetReadBuffer(1 << 10)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
		}
	}()
	o, url := before(t, "http://"+l.Addr().String(), asUsual)
	o.world.stage(func() { o.stage.Timeout = 200 * time.Millisecond })
	catchUp(t, o.g)
	c, in := dial(t, url)
	fmt.Fprintf(c, "POST /echo/prod/x HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %d\r\n\r\n", o.value, 64<<20)
	go io.Copy(c, io.LimitReader(zeros{}, 64<<20))
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%v, %v", res, err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection is not closed: %v", err)
	}
}
