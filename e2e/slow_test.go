package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowly is how many slow clients there are, and how long each may be slow: a thousand of them for a second, or all that SECURITY.md demands with the limits that
// operators have who choose none (GATEHOUSE_FLOODS=all, make test-all).
func slowly(all int) (n int, within time.Duration, flags []string) {
	if os.Getenv("GATEHOUSE_FLOODS") == "all" {
		return all, 30 * time.Second, nil
	}
	return 1000, 15 * time.Second, []string{"--head-timeout", "1s", "--stall-timeout", "1s"}
}

// SECURITY.md, R6 and R7: clients that never finish are shed, and everybody else is served all the time.
func TestSlowClientsAreShedWhileOthersAreServed(t *testing.T) {
	for name, tt := range map[string]struct {
		all  int
		sent string // KEY is a key's value
	}{
		"heads":  {10_000, "GET /shop/prod/items HTTP/1.1\r\nHost: a\r\nX-Slow: "},
		"bodies": {5_000, "POST /shop/prod/items HTTP/1.1\r\nHost: a\r\nX-Api-Key: KEY\r\nContent-Length: 100000\r\n\r\nhalf"},
	} {
		t.Run(name, func(t *testing.T) {
			n, within, flags := slowly(tt.all)
			w := newWorld(t)
			s := w.api(w.owner, "shop", "GET /items\nPOST /items")
			plan := w.plan(w.owner, "P", []service{s}, "limited", "on", "quota", "1000000", "period", "month", "month_day", "1")
			probe, slow := w.subscribe(w.dev, s, plan), w.subscribe(w.other, s, plan)
			w.stop()
			w.again(append(flags, "--max-connections-per-address", "0")...)
			w.expect("GET", "/shop/prod/items", probe.value, 200, "") // from here on there are rights in hand
			before := w.rss()
			stop := w.probe(probe.value)
			begun := time.Now()
			var peak int
			closed, last := w.slowClients(n, within, strings.ReplaceAll(tt.sent, "KEY", slow.value), func() { peak = max(peak, w.rss()) })
			times, failed := stop()
			slices.Sort(times)
			p99 := times[len(times)*99/100]
			t.Logf("%s: %d of %d closed, the last after %v; %d probes, %d failed, p99 %v; memory %d -> %d MB", name, closed, n, last.Sub(begun), len(times), failed, p99, before>>20, peak>>20)
			if closed != n {
				t.Errorf("%d of %d were closed", closed, n)
			}
			if failed > 0 {
				t.Errorf("%d of %d probes failed", failed, len(times))
			}
			if peak-before > 200<<20 {
				t.Errorf("%d MB more than before", (peak-before)>>20)
			}
		})
	}
}

// slowClients opens n connections, sends the beginning of a request on each and then a byte now and again, and waits until they are closed.
func (w *world) slowClients(n int, within time.Duration, beginning string, watch func()) (closed int, last time.Time) {
	w.Helper()
	address := strings.TrimPrefix(w.gateway, "http://")
	var group sync.WaitGroup
	var count, end atomic.Int64
	room := make(chan struct{}, 200) // that dial at once
	for range n {
		room <- struct{}{}
		group.Go(func() {
			c, err := net.Dial("tcp", address)
			<-room
			if err != nil {
				return
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(within))
			_, _ = io.WriteString(c, beginning)
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, err := io.Copy(io.Discard, c)
				if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
					return
				}
				count.Add(1)
				end.Store(max(end.Load(), time.Now().UnixNano()))
			}()
			for {
				select {
				case <-done:
					return
				case <-time.After(500 * time.Millisecond):
					_, _ = c.Write([]byte("a"))
				}
			}
		})
	}
	finished := make(chan struct{})
	go func() { group.Wait(); close(finished) }()
	for {
		select {
		case <-finished:
			return int(count.Load()), time.Unix(0, end.Load())
		case <-time.After(250 * time.Millisecond):
			watch()
		}
	}
}

// probe asks for something all the time, each time on a new connection.
func (w *world) probe(key string) (stop func() (times []time.Duration, failed int)) {
	quit, done := make(chan struct{}), make(chan struct{})
	var times []time.Duration
	var failed int
	client := &http.Transport{DisableKeepAlives: true}
	go func() {
		defer close(done)
		for {
			r, _ := http.NewRequest(http.MethodGet, w.gateway+"/shop/prod/items", nil)
			r.Header.Set("x-api-key", key)
			begun := time.Now()
			answer, err := client.RoundTrip(r)
			if err != nil || answer.StatusCode != http.StatusOK {
				failed++
				w.Logf("a probe: %v, %v", answer, err)
			}
			if err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
			times = append(times, time.Since(begun))
			select {
			case <-quit:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() ([]time.Duration, int) {
		close(quit)
		<-done
		return times, failed
	}
}

var resident = regexp.MustCompile(`(?m)^process_resident_memory_bytes (\S+)$`)

// rss is the memory of the process in bytes, as its metrics tell.
func (w *world) rss() int {
	answer, err := http.Get(w.ops + "/metrics")
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	m := resident.FindSubmatch(b)
	if m == nil {
		return 0
	}
	f, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		w.Error(fmt.Errorf("memory: %w", err))
	}
	return int(f)
}
