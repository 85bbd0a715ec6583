package fast

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// holdSpread has the test alone say over how many loops connections are spread.
func holdSpread(t *testing.T, l *Lane) func(loops uint32) {
	t.Helper()
	l.thinking.Lock()
	t.Cleanup(l.thinking.Unlock)
	return l.spread.Store
}

// inLoops returns how many connections each loop has, and how many of those have another home.
func inLoops(l *Lane) (have []int, astray int) {
	for _, o := range l.loops {
		done := make(chan struct{})
		if !o.post(func() {
			defer close(done)
			have = append(have, len(o.clients))
			for _, c := range o.clients {
				if l.home(c) != o {
					astray++
				}
			}
		}) {
			return have, astray
		}
		<-done
	}
	return have, astray
}

// await waits for what is to become true.
func await(is func() bool) {
	for range 5000 {
		if is() {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// callers keep requests under way on connections of their own until stop is closed.
type callers struct {
	conns []net.Conn
	stop  chan struct{}
	group sync.WaitGroup
}

// call begins n callers. Each sends several requests at once, cut where it falls, and looks at the answers.
func call(t *testing.T, address string, n int) *callers {
	t.Helper()
	k := &callers{stop: make(chan struct{})}
	for i := range n {
		c, r := dial(t, address)
		k.conns = append(k.conns, c)
		k.group.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-k.stop:
					return
				default:
				}
				if err := callOnce(c, r, i, round); err != nil {
					t.Errorf("connection %d, round %d: %v", i, round, err)
					return
				}
			}
		})
	}
	return k
}

func callOnce(c net.Conn, r *bufio.Reader, i, round int) error {
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	var sent strings.Builder
	type want struct{ here, left string } // a machine that pauses may part what was sent together
	var wants []want
	for part := range 1 + (i+round)%5 {
		path := fmt.Sprintf("/%d-%d-%d", i, round, part)
		switch (i + round + part) % 3 {
		case 0:
			sent.WriteString("GET /refused HTTP/1.1\r\nHost: x\r\n\r\n")
			wants = append(wants, want{"no", "left /refused 0"})
		case 1:
			fmt.Fprintf(&sent, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
			wants = append(wants, want{"GET " + path + " 0", "left " + path + " 0"})
		default:
			fmt.Fprintf(&sent, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", path)
			wants = append(wants, want{"POST " + path + " 3", "left " + path + " 3"})
		}
	}
	cut := (i*7 + round*13) % sent.Len()
	for _, part := range []string{sent.String()[:cut], sent.String()[cut:]} {
		if _, err := io.WriteString(c, part); err != nil {
			return err
		}
	}
	for _, want := range wants {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != want.here && string(body) != want.left {
			return fmt.Errorf("got %q, %v, want %q", body, err, want)
		}
	}
	return nil
}

func TestConnectionsMoveUnderLoadAndLoseNothing(t *testing.T) {
	const connections = 24
	address, p, lane := serveLane(t, httpUpstream(t, echo))
	spread := holdSpread(t, lane)
	k := call(t, address, connections)
	for step := range 60 {
		spread(uint32(1 + step%2))
		time.Sleep(3 * time.Millisecond)
	}
	for _, over := range []uint32{2, 1} {
		spread(over)
		await(func() bool { _, astray := inLoops(lane); return astray == 0 })
		have, astray := inLoops(lane)
		if astray != 0 || int64(have[0]+have[1]) != connections-lane.Counts().Left || (over == 1) != (have[1] == 0) {
			t.Errorf("spread over %d: the loops have %v, %d astray", over, have, astray)
		}
	}
	close(k.stop)
	k.group.Wait()
	if n := lane.Counts(); n.Open != connections-n.Left || n.Busy != 0 || n.Taken != connections {
		t.Errorf("%+v", n)
	}
	for _, c := range k.conns {
		_ = c.Close()
	}
	await(func() bool { return len(p.told()) == 2*connections })
	told := map[Event]int64{}
	for _, e := range p.told() {
		told[e]++
	}
	if n := lane.Counts(); n.Open != 0 || told[Opened] != connections || told[Left] != n.Left || told[Closed] != connections-n.Left {
		t.Errorf("%+v, told %v", n, told)
	}
}

func TestAnIdleConnectionMovesWithItsNextRequest(t *testing.T) {
	address, _, lane := serveLane(t, httpUpstream(t, echo))
	spread := holdSpread(t, lane)
	first, r1 := dial(t, address) // number 1: of two loops its home is the second
	get(t, first, r1, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	spread(2)
	if have, _ := inLoops(lane); have[0] != 1 || have[1] != 0 {
		t.Errorf("before: %v", have)
	}
	if _, body := get(t, first, r1, "GET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n"); body != "GET /b 0" {
		t.Errorf("%q", body)
	}
	if _, body := next(t, r1); body != "GET /c 0" {
		t.Errorf("%q", body)
	}
	if have, _ := inLoops(lane); have[0] != 0 || have[1] != 1 {
		t.Errorf("behind it: %v", have)
	}
	spread(1)
	_ = first.Close() // that it went is heard by a loop which is not its home
	await(func() bool { return lane.Counts().Open == 0 })
	if n := lane.Counts(); n.Open != 0 || n.Left != 0 {
		t.Errorf("%+v", n)
	}
}

func TestEachConnectionHearsThatTheLaneEndsThoughItMoves(t *testing.T) {
	address, p, lane := serveLane(t, httpUpstream(t, echo))
	spread := holdSpread(t, lane)
	c, _ := dial(t, address)
	k := &client{}
	for k.fd == 0 {
		done := make(chan struct{})
		lane.loops[0].post(func() {
			defer close(done)
			if len(lane.loops[0].clients) > 0 {
				k = lane.loops[0].clients[0]
			}
		})
		<-done
	}
	from, to := lane.loops[0], lane.loops[1]
	spread(2)
	stopped, goOn := make(chan struct{}), make(chan struct{})
	to.post(func() { close(stopped); <-goOn }) // so that the connection stays on its way
	<-stopped
	moved := make(chan bool)
	from.post(func() { moved <- from.sendHome(k) })
	if !<-moved {
		t.Fatal("it does not move")
	}
	lane.Leave()
	close(goOn)
	await(func() bool { return lane.Counts().Deaf == 1 })
	if n := lane.Counts(); n.Deaf != 1 || n.Open != 1 {
		t.Errorf("%+v", n)
	}
	lane.Close(context.Background())
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("it is not closed: %v", err)
	}
	if n := lane.Counts(); n.Deaf != 0 || n.Open != 0 || fmt.Sprint(p.told()) != fmt.Sprint([]Event{Opened, Closed}) {
		t.Errorf("%+v, told %v", n, p.told())
	}
}

func TestAConnectionThatMovesToALoopThatHasEndedIsClosed(t *testing.T) {
	address, p, lane := serveLane(t, httpUpstream(t, echo))
	spread := holdSpread(t, lane)
	c, r := dial(t, address)
	get(t, c, r, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	lane.loops[1].end()
	spread(2)
	_, _ = io.WriteString(c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("it is not closed: %v", err)
	}
	await(func() bool { return len(p.told()) == 2 })
	if n := lane.Counts(); n.Open != 0 || fmt.Sprint(p.told()) != fmt.Sprint([]Event{Opened, Closed}) {
		t.Errorf("%+v, told %v", n, p.told())
	}
}

func TestCloseEndsConnectionsThatMove(t *testing.T) {
	for range 10 {
		address, p, lane := serveLane(t, httpUpstream(t, echo))
		spread := holdSpread(t, lane)
		const connections = 16
		var group sync.WaitGroup
		for range connections {
			c, r := dial(t, address)
			get(t, c, r, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
			group.Go(func() {
				_ = c.SetDeadline(time.Now().Add(30 * time.Second))
				for {
					if _, err := io.WriteString(c, "GET /refused HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
						return
					}
					for range 2 {
						res, err := http.ReadResponse(r, nil)
						if err != nil {
							return
						}
						_, _ = io.Copy(io.Discard, res.Body)
					}
				}
			})
		}
		for step := range 5 {
			spread(uint32(2 - step%2))
			time.Sleep(time.Millisecond)
		}
		go lane.Leave()
		lane.Close(context.Background())
		group.Wait()
		told := map[Event]int{}
		for _, e := range p.told() {
			told[e]++
		}
		if n := lane.Counts(); n.Open != 0 || n.Busy != 0 || n.Deaf != 0 || told[Opened] != connections || told[Closed] != connections {
			t.Fatalf("%+v, told %v", n, told)
		}
	}
}
