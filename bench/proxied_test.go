package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/enforcement"
	"gatehouse/enforcement/journal"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// through is records whose stage has an upstream that can be reached.
type through struct {
	*records
	upstream string
}

func (t through) Topology(ctx context.Context) (models.Topology, error) {
	all, err := t.records.Topology(ctx)
	all.APIs[0].Stages[0].Upstream = t.upstream
	return all, err
}

// slow is records whose plan lets one request a minute pass.
type slow struct{ through }

func (s slow) Topology(ctx context.Context) (models.Topology, error) {
	all, err := s.through.Topology(ctx)
	all.Plans[0].Terms.Throttle = &limit.Throttle{Rate: 1. / 60, Burst: 1}
	return all, err
}

// BenchmarkProxied is a whole request over sockets, keep-alive on both sides. Client and upstream are loops that allocate nothing, so that what is counted is the
// gateway's.
func BenchmarkProxied(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			r := newRecords(1)
			up := answering(b, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: bench\r\nContent-Length: "+fmt.Sprint(size)+"\r\n\r\n"+strings.Repeat("x", size))
			c := r.serve(b, through{r, "http://" + up})
			b.SetBytes(int64(size))
			for b.Loop() {
				c.ask("200")
			}
		})
	}
}

// BenchmarkRefused is a request that is answered with 429, in the same way.
func BenchmarkRefused(b *testing.B) {
	r := newRecords(1)
	c := r.serve(b, slow{through{r, "http://" + answering(b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}})
	c.ask("200")
	for b.Loop() {
		c.ask("429")
	}
}

// caller is one connection to the gateway.
type caller struct {
	*testing.B
	net.Conn
	request []byte
	in      *bufio.Reader
}

// ask sends the request and reads the answer, which must be of a status.
func (c *caller) ask(status string) {
	c.Helper()
	if _, err := c.Write(c.request); err != nil {
		c.Fatal(err)
	}
	size := 0
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil || first && string(line[len("HTTP/1.1 "):][:3]) != status {
			c.Fatalf("%q, %v", line, err)
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, digit := range bytes.TrimSpace(value) {
				size = size*10 + int(digit-'0')
			}
		}
		if len(line) <= 2 {
			break
		}
	}
	if _, err := c.in.Discard(size); err != nil {
		c.Fatal(err)
	}
}

// serve starts a gateway as it is served, and returns a connection to it.
func (r *records) serve(b *testing.B, source enforcement.Source) *caller {
	j, err := journal.Open(journal.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = j.Close() })
	g := enforcement.New(enforcement.Config{
		Source: source, Ledger: r, Books: r, Journal: j, Keyring: r.ring, Log: slog.New(slog.DiscardHandler),
		Policy: enforcement.AddressPolicy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	if err := g.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	ran := make(chan struct{})
	go func() { defer close(ran); _ = g.Run(ctx) }()
	b.Cleanup(func() { stop(); <-ran })
	s := httptest.NewUnstartedServer(g)
	s.Config = enforcement.NewServer(g, slog.New(slog.DiscardHandler))
	s.Listener = enforcement.Judged(s.Config, s.Listener)
	s.Start()
	b.Cleanup(s.Close)
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	b.ReportAllocs()
	return &caller{
		b, c, []byte("GET /echo/prod/users/7 HTTP/1.1\r\nHost: gateway.example\r\nUser-Agent: bench\r\nAccept: */*\r\nx-api-key: " + r.values[0] + "\r\n\r\n"),
		bufio.NewReaderSize(c, 64<<10),
	}
}

// answering says the same to each request without a body.
func answering(b *testing.B, says string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					line, err := in.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) <= 2 {
						if _, err := io.WriteString(c, says); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
