package enforcement_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"gatehouse/enforcement"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// h2c is a client that speaks HTTP/2 without TLS, all requests on one connection.
func h2c(t testing.TB) *http.Transport {
	t.Helper()
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &p}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// A key's end ends what it has open on a connection that it shares with others, and nothing of theirs: events, downloads, uploads, calls of gRPC, and what was
// not answered yet.
func TestAKeysEndEndsItsHTTP2StreamsAndNobodyElses(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		rpc := strings.HasSuffix(r.URL.Path, "/rpc")
		if rpc {
			http.NewResponseController(w).EnableFullDuplex()
			w.Header().Set("Content-Type", "application/grpc")
			w.WriteHeader(200)
			http.NewResponseController(w).Flush()
		}
		if rpc || strings.HasSuffix(r.URL.Path, "/upload") {
			io.Copy(io.Discard, r.Body)
			return
		}
		endless(w, r)
	})
	_, other := o.addKey(o.addPlan("Another", nil, o.stage))
	catchUp(t, o.g)
	client := h2c(t)
	type outcome struct {
		path string
		res  *http.Response
		err  error
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	open := func(key string) (ends chan outcome) {
		ends = make(chan outcome, 5)
		for _, path := range []string{"/events", "/file", "/upload", "/rpc", "/silent"} {
			before := len(o.up.requests())
			go func() {
				var body io.Reader
				verb := "GET"
				if path == "/upload" || path == "/rpc" {
					r, w := io.Pipe()
					body, verb = r, "POST"
					go func() {
						for {
							if _, err := w.Write([]byte("part")); err != nil {
								return
							}
							time.Sleep(20 * time.Millisecond)
						}
					}()
					context.AfterFunc(ctx, func() { r.CloseWithError(errors.New("the test is over")) })
				}
				r, _ := http.NewRequestWithContext(ctx, verb, url+"/echo/prod"+path, body)
				r.Header.Set("X-Api-Key", key)
				if path == "/rpc" {
					r.Header.Set("Content-Type", "application/grpc")
				}
				res, err := client.RoundTrip(r)
				if err == nil && res.StatusCode == 200 {
					_, err = io.Copy(io.Discard, res.Body)
				}
				ends <- outcome{path, res, err}
			}()
			for len(o.up.requests()) == before {
				time.Sleep(time.Millisecond)
			}
		}
		return ends
	}
	mine, others := open(o.value), open(other)
	o.change(o.key, func(c *models.Credential) { c.Revoked, c.Enabled = true, false })
	begun := time.Now()
	catchUp(t, o.g)
	for range 5 {
		select {
		case e := <-mine:
			switch {
			case e.res != nil && e.res.ProtoMajor != 2:
				t.Errorf("%s was not HTTP/2", e.path)
			case e.path == "/silent" || e.path == "/upload":
				if e.err != nil {
					t.Errorf("%s: %v", e.path, e.err)
				} else if p := problemOf(t, e.res.Header, e.res.Body); !strings.HasSuffix(p.Type, "/key-revoked") {
					t.Errorf("%s: %d %q", e.path, e.res.StatusCode, p.Type)
				}
			case e.err == nil:
				t.Errorf("%s ended as if it were whole", e.path)
			}
		case <-time.After(time.Minute):
			t.Fatal("something goes on after its key has ended")
		}
	}
	t.Logf("all ended within %v", time.Since(begun))
	select {
	case e := <-others:
		t.Errorf("another key's %s ended: %v", e.path, e.err)
	case <-time.After(200 * time.Millisecond):
	}
	stop()
	for range 5 {
		<-others
	}
	drain(t, o.g)
	if n := o.count(o.key, models.OutcomeAborted); n != 5 {
		t.Errorf("%d counted as aborted, want 5", n)
	}
}

// What is bounded over HTTP/1.1 is bounded over HTTP/2, where a connection goes on after it.
func TestBodiesAreBoundedOverHTTP2Too(t *testing.T) {
	o, url := bounded(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }, func(b *enforcement.Bounds) {
		short(b)
		b.MaxBody = 100_000
	})
	client := h2c(t)
	send := func(length int64, body io.Reader) *http.Response {
		r := newRequest(t, "POST", url+"/echo/prod/x", body)
		r.ContentLength = length
		r.Header.Set("X-Api-Key", o.value)
		res, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	o.refused(t, send(200_000, io.LimitReader(zeros{}, 200_000)), 413, "body-too-large")
	o.refused(t, send(-1, io.LimitReader(zeros{}, 200_000)), 413, "body-too-large")
	never, w := io.Pipe()
	o.refused(t, send(100, never), 408, "body-too-slow")
	w.Close()
	if res := send(-1, io.LimitReader(zeros{}, 100_000)); res.StatusCode != 200 || res.ProtoMajor != 2 {
		t.Errorf("%d by HTTP/%d", res.StatusCode, res.ProtoMajor)
	}
}

func TestTrailersOfGRPCPassOverHTTP2(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		w.Write(body)
		w.Header().Set("Grpc-Status", "5")
		w.Header().Set("Grpc-Message", "not found")
	})
	r := newRequest(t, "POST", url+"/echo/prod/svc.Api/Get", strings.NewReader("\x00\x00\x00\x00\x02hi"))
	r.Header = http.Header{"X-Api-Key": {o.value}, "Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	res, err := h2c(t).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || !bytes.HasSuffix(body, []byte("hi")) || res.Trailer.Get("Grpc-Status") != "5" || res.Trailer.Get("Grpc-Message") != "not found" {
		t.Errorf("%q, %v, trailers %v", body, err, res.Trailer)
	}
	if te := o.up.requests()[0].Header.Get("Te"); te != "trailers" {
		t.Errorf("the upstream got TE %q", te)
	}
}

// flood is how much the tests of floods send: a part of it, unless all is asked for (make test-all).
func flood(all int) int {
	if os.Getenv("GATEHOUSE_FLOODS") == "all" {
		return all
	}
	return all / 20
}

// frames is a client of HTTP/2 that sends what it likes.
type frames struct {
	*http2.Framer
	conn net.Conn
	head bytes.Buffer
	enc  *hpack.Encoder
}

func newFrames(t testing.TB, url string) *frames {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	f := &frames{conn: c, Framer: http2.NewFramer(c, c)}
	f.enc = hpack.NewEncoder(&f.head)
	io.WriteString(c, http2.ClientPreface)
	f.WriteSettings()
	return f
}

// drop reads and forgets what comes, until the connection ends.
func (f *frames) drop() (ended chan struct{}) {
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		io.Copy(io.Discard, f.conn)
	}()
	return ended
}

func (f *frames) fields(pairs ...string) []byte {
	f.head.Reset()
	for i := 0; i+1 < len(pairs); i += 2 {
		f.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return f.head.Bytes()
}

// probing asks for something all the time, on new connections, and says how often that went wrong, and how long it took at the longest.
func probing(t testing.TB, url, key string) (stop func() (asked, failed int, longest time.Duration)) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var asked, failed int
	var longest time.Duration
	go func() {
		defer close(done)
		client := &http.Transport{DisableKeepAlives: true}
		for ctx.Err() == nil {
			r, _ := http.NewRequest("GET", url, nil)
			r.Header.Set("X-Api-Key", key)
			begun := time.Now()
			res, err := client.RoundTrip(r)
			longest = max(longest, time.Since(begun))
			asked++
			if err != nil || res.StatusCode != 200 {
				failed++
				t.Errorf("a probe: %v, %v", res, err)
			}
			if err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return func() (int, int, time.Duration) {
		cancel()
		<-done
		return asked, failed, longest
	}
}

// SECURITY.md, GW-05 and R8: a request that is reset at once costs its key what any request does, and others are served meanwhile.
func TestRequestsThatAreResetAtOnceCountAndHurtNobody(t *testing.T) {
	o, url := through(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	plan := o.addPlan("Tight", throttle(0.001, 20), o.stage)
	attacker, value := o.addKey(plan)
	free := newUpstream(t, nil)
	st := o.addAPI("free", free.url, "GET /a")
	_, probe := o.addKey(o.addPlan("Probe", nil, st))
	catchUp(t, o.g)
	stop := probing(t, url+"/free/prod/a", probe)
	before := liveHeap()
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			var sent int
			for all := flood(15_000); sent < all; {
				f := newFrames(t, url)
				ended := f.drop()
				for id := uint32(1); sent < all; id += 2 {
					head := f.fields(":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/echo/prod/x", "x-api-key", value)
					if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head, EndStream: true, EndHeaders: true}) != nil || f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
						break // it was told to calm down; it comes again
					}
					sent++
				}
				f.conn.Close()
				<-ended
			}
		})
	}
	group.Wait()
	asked, failed, longest := stop()
	if asked == 0 || failed > 0 {
		t.Errorf("%d of %d probes failed", failed, asked)
	}
	if n := len(o.up.requests()); n > 20 {
		t.Errorf("%d requests reached the upstream past a throttle of 20", n)
	}
	grown := int64(liveHeap()) - int64(before)
	if grown > 20<<20 {
		t.Errorf("%d bytes more than before", grown)
	}
	t.Logf("%d probes, the longest %v, heap %+d", asked, longest, grown)
	drain(t, o.g)
	var counted int64
	for outcome := range models.NumOutcomes {
		counted += o.count(attacker, outcome)
	}
	if counted == 0 || o.count(attacker, models.OutcomeThrottled) == 0 {
		t.Errorf("%d of the attacker's requests are counted", counted)
	}
}

// SECURITY.md, GW-06: a head without an end is ended by us.
func TestAHeadWithoutAnEndIsEnded(t *testing.T) {
	o, url := through(t, nil)
	f := newFrames(t, url)
	ended := f.drop()
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.fields(":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/echo/prod/x"), EndStream: true}); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for ; sent < 1000; sent++ {
		if f.WriteContinuation(1, false, f.fields(fmt.Sprintf("x-%d", sent), strings.Repeat("a", 1000))) != nil {
			break
		}
		time.Sleep(100 * time.Microsecond)
	}
	if sent == 1000 {
		t.Error("it goes on after 1,000 frames")
	}
	<-ended
	if len(o.up.requests()) != 0 {
		t.Error("it reached the upstream")
	}
}

// A client that asks us to answer and never reads the answers has a queue that ends.
func TestFloodsOfControlFramesHurtNobody(t *testing.T) {
	o, url := through(t, nil)
	o.publish(o.plan, func(t *models.Terms) { t.Throttle = &limit.Throttle{Rate: 1e6, Burst: 1e6} })
	catchUp(t, o.g)
	before := liveHeap()
	stop := probing(t, url+"/echo/prod/x", o.value)
	for name, send := range map[string]func(f *frames) error{
		"pings": func(f *frames) error { return f.WritePing(false, [8]byte{}) },
		"settings": func(f *frames) error {
			return f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 16})
		},
		"resets":   func(f *frames) error { return f.WriteRSTStream(1, http2.ErrCodeCancel) },
		"empty":    func(f *frames) error { return f.WriteData(1, false, nil) },
		"priority": func(f *frames) error { return f.WritePriority(1, http2.PriorityParam{StreamDep: 3}) },
	} {
		f := newFrames(t, url)
		f.conn.SetDeadline(time.Now().Add(20 * time.Second))
		for range flood(300_000) {
			if send(f) != nil {
				break
			}
		}
		f.conn.Close()
		_ = name
	}
	if asked, failed, _ := stop(); asked == 0 || failed > 0 {
		t.Errorf("%d of %d probes failed", failed, asked)
	}
	if grown := int64(liveHeap()) - int64(before); grown > 20<<20 {
		t.Errorf("%d bytes more than before", grown)
	}
}

// SECURITY.md, GW-12: also what could become HTTP/2 is waited for no longer than a head.
func TestTheBeginningOfAConnectionIsNotWaitedForLong(t *testing.T) {
	o, _ := through(t, nil)
	b := enforcement.DefaultBounds()
	b.Head = 200 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := enforcement.NewServer(o.g, slog.New(slog.DiscardHandler))
	b.Apply(s)
	judged := listen(t, s, o.g, l, isFast())
	done := make(chan error)
	go func() { done <- s.Serve(judged) }()
	t.Cleanup(func() { s.Close(); <-done })
	var group sync.WaitGroup
	for _, begun := range []string{"", "P", "PRI * HT", http2.ClientPreface[:20], http2.ClientPreface, "GET /echo/prod/x HTTP/1.1\r\n", "\r\n"} {
		group.Go(func() {
			c := dialRaw(t, "http://"+l.Addr().String(), begun)
			c.SetDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%q: it is still open: %v", begun, err)
			}
		})
	}
	group.Wait()
}
