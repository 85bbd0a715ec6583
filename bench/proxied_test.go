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

// BenchmarkProxied is a whole request over sockets, keep-alive on both sides. Client and upstream are loops that allocate nothing, so that what is counted is the
// gateway's.
func BenchmarkProxied(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			r := newRecords(1)
			up := answering(b, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: bench\r\nContent-Length: "+fmt.Sprint(size)+"\r\n\r\n"+strings.Repeat("x", size))
			j, err := journal.Open(journal.Config{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			g := enforcement.New(enforcement.Config{
				Source: through{r, "http://" + up}, Ledger: r, Books: r, Journal: j, Keyring: r.ring, Log: slog.New(slog.DiscardHandler),
				Policy: enforcement.AddressPolicy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
			})
			if err := g.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithCancel(b.Context())
			ran := make(chan struct{})
			go func() { defer close(ran); _ = g.Run(ctx) }()
			defer func() { stop(); <-ran }()
			s := httptest.NewUnstartedServer(g)
			s.Config = enforcement.NewServer(g, slog.New(slog.DiscardHandler))
			s.Listener = enforcement.Judged(s.Config, s.Listener)
			s.Start()
			defer s.Close()
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			ask := []byte("GET /echo/prod/users/7 HTTP/1.1\r\nHost: gateway.example\r\nUser-Agent: bench\r\nAccept: */*\r\nx-api-key: " + r.values[0] + "\r\n\r\n")
			in := bufio.NewReaderSize(c, 64<<10)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := c.Write(ask); err != nil {
					b.Fatal(err)
				}
				for first := true; ; first = false {
					line, err := in.ReadSlice('\n')
					if err != nil || first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
						b.Fatalf("%q, %v", line, err)
					}
					if len(line) <= 2 {
						break
					}
				}
				if _, err := in.Discard(size); err != nil {
					b.Fatal(err)
				}
			}
		})
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
