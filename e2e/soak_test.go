//go:build soak

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestSoak sends all shapes of requests for GATEHOUSE_SOAK (30 minutes unless that says otherwise), while the upstream restarts all the time, and the gateway, stopped
// and killed, in the first third. Every answer is the right one; what is refused because something restarts says so. After the gateway's last start its memory and
// its file descriptors stay where they are.
func TestSoak(t *testing.T) {
	length := 30 * time.Minute
	if text := os.Getenv("GATEHOUSE_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newSoak(t)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var group sync.WaitGroup
	for _, shape := range s.shapes() {
		for range shape.callers {
			group.Go(func() { s.keepCalling(ctx, shape) })
		}
	}
	group.Go(func() { s.restartUpstream(ctx) })
	s.restartGateway(ctx, length/3)
	s.watch(ctx)
	group.Wait()
	s.judge()
}

// soak is a world with a gateway and an upstream that come and go.
type soak struct {
	*testing.T
	w        *world
	upstream *soakUpstream
	key      string // that may call as often as it likes
	few      string // that may call once a minute
	address  atomic.Pointer[string]
	ops      atomic.Pointer[string]

	mu      sync.Mutex
	away    []span // when something was restarted
	done    map[string]int
	wrong   []string
	samples []state
}

// span is a time in which answers may say that something is away; the end is zero while it lasts.
type span struct{ from, to time.Time }

// state is what the gateway's process has.
type state struct{ memory, files, goroutines float64 }

func newSoak(t *testing.T) *soak {
	w := newWorld(t)
	up := newSoakUpstream(t)
	w.origin.URL = "http://" + up.address
	api := w.api(w.owner, "soak", "ANY /{proxy+}")
	much := w.plan(w.owner, "Much", []service{api}, "rate", "100000", "burst", "100000")
	s := &soak{T: t, w: w, upstream: up, done: map[string]int{}}
	s.key = w.subscribe(w.dev, api, much).value
	other := w.api(w.owner, "few", "ANY /{proxy+}")
	s.few = w.subscribe(w.dev, other, w.plan(w.owner, "Few", []service{other}, "rate", "0.016", "burst", "1")).value
	s.serve(w.process)
	return s
}

func (s *soak) serve(p *process) {
	s.address.Store(&p.gateway)
	s.ops.Store(&p.ops)
}

// during notes that something is away while fn runs, and a little longer: what was under way then may end later.
func (s *soak) during(fn func()) {
	s.mu.Lock()
	i := len(s.away)
	s.away = append(s.away, span{from: time.Now()})
	s.mu.Unlock()
	fn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away[i].to = time.Now().Add(grace)
}

const grace = 2 * time.Second

// excused reports whether something was away at some time since a request began.
func (s *soak) excused(begun time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.away, func(a span) bool { return a.to.IsZero() || a.to.After(begun) })
}

func (s *soak) keepCalling(ctx context.Context, c soakShape) {
	for ctx.Err() == nil {
		begun := time.Now()
		err := c.call(ctx, *s.address.Load())
		s.mu.Lock()
		s.done[c.name]++
		s.mu.Unlock()
		if err != nil && ctx.Err() == nil && !s.excused(begun) {
			s.mu.Lock()
			s.wrong = append(s.wrong, c.name+": "+err.Error())
			s.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(c.pause):
		}
	}
}

func (s *soak) restartUpstream(ctx context.Context) {
	for wait(ctx, 20*time.Second) {
		s.during(s.upstream.restart)
	}
}

// restartGateway restarts the gateway for a while, in turns in order and by kill -9.
func (s *soak) restartGateway(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for i := 0; wait(ctx, d/5); i++ {
		s.during(func() {
			how := syscall.SIGTERM
			if i%2 == 1 {
				how = syscall.SIGKILL
			}
			_ = s.w.cmd.Process.Signal(how)
			<-s.w.exited
			s.w.process = s.w.serve()
			s.serve(s.w.process)
		})
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}

// watch takes samples until the end.
func (s *soak) watch(ctx context.Context) {
	for wait(ctx, 2*time.Second) {
		s.samples = append(s.samples, s.sample())
	}
}

func (s *soak) sample() (found state) {
	answer, err := http.Get(*s.ops.Load() + "/metrics")
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		value, _ := strconv.ParseFloat(text, 64)
		switch name {
		case "process_resident_memory_bytes":
			found.memory = value
		case "process_open_fds":
			found.files = value
		case "go_goroutines":
			found.goroutines = value
		}
	}
	return found
}

func (s *soak) judge() {
	for name, n := range s.done {
		s.Logf("%-12s %d requests", name, n)
	}
	for i, w := range s.wrong {
		if i == 20 {
			s.Errorf("and %d more", len(s.wrong)-i)
			break
		}
		s.Error(w)
	}
	if len(s.samples) < 12 {
		s.Fatalf("%d samples are too few to judge by", len(s.samples))
	}
	quarter := len(s.samples) / 4
	for name, of := range map[string]func(state) float64{
		"memory": func(x state) float64 { return x.memory / 1e6 }, "file descriptors": func(x state) float64 { return x.files }, "goroutines": func(x state) float64 { return x.goroutines },
	} {
		early, late := middle(s.samples[quarter:2*quarter], of), middle(s.samples[3*quarter:], of)
		s.Logf("%s: %.0f in the second quarter, %.0f in the last", name, early, late)
		if late > 1.2*early+20 {
			s.Errorf("%s grew from %.0f to %.0f", name, early, late)
		}
	}
}

// middle is the median.
func middle(samples []state, of func(state) float64) float64 {
	var v []float64
	for _, x := range samples {
		v = append(v, of(x))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// soakUpstream answers at the same address each time it starts.
type soakUpstream struct {
	*testing.T
	address string
	server  *http.Server
}

func newSoakUpstream(t *testing.T) *soakUpstream {
	u := &soakUpstream{T: t, address: freePort(t)}
	u.start()
	t.Cleanup(func() { _ = u.server.Close() })
	return u
}

func (u *soakUpstream) start() {
	l, err := net.Listen("tcp", u.address)
	for i := 0; err != nil && i < 50; i++ {
		time.Sleep(100 * time.Millisecond)
		l, err = net.Listen("tcp", u.address)
	}
	if err != nil {
		panic(fmt.Sprintf("the upstream cannot listen: %v", err)) // in a goroutine of the test's
	}
	u.server = &http.Server{Handler: soakHandler()}
	go u.server.Serve(l)
}

func (u *soakUpstream) restart() {
	_ = u.server.Close()
	time.Sleep(200 * time.Millisecond)
	u.start()
}
