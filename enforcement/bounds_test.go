package enforcement_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/enforcement"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// bounded is through with bounds of its own.
func bounded(t testing.TB, h http.HandlerFunc, with func(b *enforcement.Bounds)) (o *one, url string) {
	t.Helper()
	o, _ = through(t, h)
	b := enforcement.DefaultBounds()
	with(&b)
	o.g = o.gateway(t, func(c *enforcement.Config) { c.Bounds = &b })
	return o, serve(t, o.g)
}

// short makes a client's patience a matter of moments.
func short(b *enforcement.Bounds) { b.Stall, b.StallBytes = 100*time.Millisecond, 1000 }

func (o *one) refused(t *testing.T, res *http.Response, status int, slug string) problemBody {
	t.Helper()
	p := problemOf(t, res.Header, res.Body)
	if res.StatusCode != status || !strings.HasSuffix(p.Type, "/"+slug) {
		t.Errorf("got %d %q, want %d %s", res.StatusCode, p.Type, status, slug)
	}
	return p
}

func TestABodyThatSaysThatItIsTooLargeCostsNothing(t *testing.T) {
	o, url := bounded(t, nil, func(b *enforcement.Bounds) { b.MaxBody = 1000 })
	o.publish(o.plan, quota(100, limit.PeriodDay))
	catchUp(t, o.g)
	for _, size := range []int{1000, 1001, 100 << 20} {
		r := newRequest(t, "POST", url+"/echo/prod/x", io.LimitReader(zeros{}, int64(size)))
		r.ContentLength = int64(size)
		res := o.do(t, r)
		if size == 1000 {
			if res.StatusCode != 200 {
				t.Errorf("%d bytes: %d", size, res.StatusCode)
			}
			continue
		}
		if p := o.refused(t, res, 413, "body-too-large"); !strings.Contains(p.Detail, "1,000 bytes") || p.Message != "Request Too Long" {
			t.Errorf("%+v", p)
		}
	}
	if n := len(o.up.requests()); n != 1 {
		t.Errorf("%d requests reached the upstream, want 1", n)
	}
	o.counted(t, 1)
}

// What tells no length is counted as it comes, and an upstream never takes a part for the whole.
func TestABodyThatTurnsOutToBeTooLargeIsBrokenOff(t *testing.T) {
	var mu sync.Mutex
	var whole int
	o, url := bounded(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/early") {
			http.NewResponseController(w).EnableFullDuplex()
			w.WriteHeader(200)
			http.NewResponseController(w).Flush()
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			mu.Lock()
			whole++
			mu.Unlock()
		}
	}, func(b *enforcement.Bounds) { b.MaxBody = 100_000 })
	send := func(path string, size int64) (*http.Response, error) {
		r := newRequest(t, "POST", url+"/echo/prod"+path, io.LimitReader(zeros{}, size))
		r.Header.Set("x-api-key", o.value)
		return http.DefaultTransport.RoundTrip(r)
	}
	if res, err := send("/x", 100_000); err != nil || res.StatusCode != 200 {
		t.Fatalf("as large as it may be: %v, %v", res, err)
	}
	res, err := send("/x", 300_000)
	if err != nil {
		t.Fatal(err)
	}
	o.refused(t, res, 413, "body-too-large")
	if res, err := send("/early", 300_000); err == nil {
		io.Copy(io.Discard, res.Body)
	}
	ends := o.counted(t, 3)
	mu.Lock()
	defer mu.Unlock()
	if whole != 1 || ends[models.OutcomeSuccess] != 1 || ends[models.OutcomeAborted] != 2 {
		t.Errorf("%d bodies looked whole; ended as %v", whole, ends)
	}
}

// dialRaw sends bytes and leaves the rest to the caller.
func dialRaw(t testing.TB, url, bytes string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

func TestABodyThatDoesNotComeEnds(t *testing.T) {
	o, url := bounded(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }, short)
	head := fmt.Sprintf("POST /echo/prod/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: %s\r\n", o.value)
	for name, rest := range map[string]string{
		"nothing of it": "Content-Length: 100\r\n\r\n", "a part": "Content-Length: 100\r\n\r\nabc", "half a chunk": "Transfer-Encoding: chunked\r\n\r\n64\r\nabc",
	} {
		c := dialRaw(t, url, head+rest)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		o.refused(t, res, 408, "body-too-slow")
		if !res.Close {
			t.Errorf("%s: the connection stays", name)
		}
	}
	// One that comes too slowly, though it never stops.
	c := dialRaw(t, url, head+"Content-Length: 100000\r\n\r\n")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.refused(t, res, 408, "body-too-slow")
	c.Close()
	<-done
	if ends := o.counted(t, 4); ends[models.OutcomeAborted] != 4 {
		t.Errorf("ended as %v", ends)
	}
}

// A client that has sent everything may wait for as long as the upstream needs, and an upstream that reads slowly is not the client's fault.
func TestASlowUpstreamIsNotTheClientsFault(t *testing.T) {
	t.Parallel()
	const stall = time.Second // a client on a busy machine may be late itself
	o, url := bounded(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(stall * 3 / 2)
		n, _ := io.Copy(io.Discard, r.Body)
		time.Sleep(stall * 3 / 2)
		fmt.Fprint(w, n)
	}, func(b *enforcement.Bounds) { b.Stall, b.StallBytes = stall, 1000 })
	const size = 8 << 20
	r := newRequest(t, "POST", url+"/echo/prod/x", io.LimitReader(zeros{}, size))
	r.ContentLength = size
	res := o.do(t, r)
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != fmt.Sprint(size) {
		t.Errorf("%d %q, %v", res.StatusCode, body, err)
	}
}

func TestAClientThatDoesNotReadItsAnswerIsLeft(t *testing.T) {
	o, url := bounded(t, func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, zeros{}) }, short)
	dialRaw(t, url, fmt.Sprintf("GET /echo/prod/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: %s\r\n\r\n", o.value))
	for o.up.requests() == nil {
		time.Sleep(time.Millisecond)
	}
	if ends := o.counted(t, 1); ends[models.OutcomeAborted] != 1 { // drains: waits for its end
		t.Errorf("ended as %v", ends)
	}
}

func TestAKeyHasNoMoreUnderWayThanItMay(t *testing.T) {
	goOn := make(chan struct{})
	o, url := bounded(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		<-goOn
	}, func(b *enforcement.Bounds) { b.OpenPerKey = 3 })
	_, other := o.addKey(o.plan)
	o.publish(o.plan, quota(100, limit.PeriodDay))
	catchUp(t, o.g)
	for range 3 {
		if res := o.do(t, newRequest(t, "GET", url+"/echo/prod/x", nil)); res.StatusCode != 200 {
			t.Fatal(res.Status)
		}
	}
	refused := o.do(t, newRequest(t, "GET", url+"/echo/prod/x", nil))
	p := o.refused(t, refused, 429, "too-many-open")
	if p.Layer != "open-requests" || p.Message != "Too Many Requests" || refused.Header.Get("Retry-After") != "1" || !strings.Contains(p.Detail, "3 requests") {
		t.Errorf("%+v %v", p, refused.Header)
	}
	r := newRequest(t, "GET", url+"/echo/prod/x", nil)
	r.Header.Set("x-api-key", other)
	if res, err := http.DefaultTransport.RoundTrip(r); err != nil || res.StatusCode != 200 {
		t.Errorf("another key: %v, %v", res, err)
	}
	close(goOn)
	var status int
	for status != 200 { // the three end
		status = in(o.g, "GET", "/echo/prod/x", o.value).Code
	}
	stopGateway(t.Context(), o.g)
	if n := o.count(o.key, models.OutcomeSuccess); n != 4 || o.chargedTo(o.key, o.plan) != 4 {
		t.Errorf("%d passed and %d charged, want 4", n, o.chargedTo(o.key, o.plan))
	}
	if o.count(o.key, models.OutcomeThrottled) == 0 {
		t.Error("the refusal is not counted")
	}
}

func TestAKeyHasNoMoreStreamsThanItMay(t *testing.T) {
	o, url := bounded(t, endless, func(b *enforcement.Bounds) { b.StreamsPerKey = 2 })
	dial := func() (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(t.Context(), url+"/echo/prod/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {o.value}}})
	}
	ws, _, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	// A stream that did not say that it would be one counts, too.
	events := o.do(t, newRequest(t, "GET", url+"/echo/prod/events", nil))
	if events.StatusCode != 200 {
		t.Fatal(events.Status)
	}
	_, res, err := dial()
	if err == nil {
		t.Fatal("a third stream opened")
	}
	if p := o.refused(t, res, 429, "too-many-open"); p.Layer != "open-streams" {
		t.Errorf("%+v", p)
	}
	if res := o.do(t, newRequest(t, "GET", url+"/echo/prod/file", nil)); res.StatusCode != 200 {
		t.Errorf("a request that is no stream: %s", res.Status)
	}
	ws.CloseNow()
	for ws = nil; ws == nil; {
		if ws, _, err = dial(); err != nil {
			time.Sleep(time.Millisecond)
		}
	}
	ws.CloseNow()
}

// Of callers without a key each address has its own share.
func TestAnAddressHasNoMoreUnderWayThanItMayWithoutAKey(t *testing.T) {
	goOn, inside := make(chan struct{}), make(chan struct{}, 2)
	o, _ := bounded(t, func(http.ResponseWriter, *http.Request) { inside <- struct{}{}; <-goOn }, func(b *enforcement.Bounds) { b.OpenPerAddress = 1 })
	o.world.stage(func() { o.stage.Methods = append(o.stage.Methods, o.method("open GET /free")) })
	catchUp(t, o.g)
	from := func(address string) func(*http.Request) {
		return func(r *http.Request) { r.RemoteAddr = address }
	}
	var group sync.WaitGroup
	open := func(address string) {
		group.Go(func() {
			if w := in(o.g, "GET", "/echo/prod/free", "", from(address)); w.Code != 200 {
				t.Errorf("%s: %d", address, w.Code)
			}
		})
		<-inside
	}
	open("192.0.2.1:1000")
	open("[2001:db8:1:1::1]:1000")
	for address, same := range map[string]bool{
		"192.0.2.1:2000": true, "[::ffff:192.0.2.1]:3000": true, "[2001:db8:1:1:ffff::9]:1": true, "192.0.2.2:1000": false, "[2001:db8:1:2::1]:1000": false,
	} {
		if !same {
			open(address)
			continue
		}
		w := in(o.g, "GET", "/echo/prod/free", "", from(address))
		if p := problemOf(t, w.Header(), w.Body); w.Code != 429 || p.Layer != "open-requests-of-address" {
			t.Errorf("%s: %d %+v", address, w.Code, p)
		}
	}
	close(goOn)
	group.Wait()
	go func() { <-inside }()
	if w := in(o.g, "GET", "/echo/prod/free", "", from("192.0.2.1:2000")); w.Code != 200 {
		t.Errorf("when it has ended: %d", w.Code)
	}
}

// Streams have bounds of their own: silence, and time in all.
func TestStreamsEndThatAreSilentOrVeryLong(t *testing.T) {
	for name, with := range map[string]func(*enforcement.Bounds){
		"silent": func(b *enforcement.Bounds) { b.StreamIdle = 300 * time.Millisecond },
		"long":   func(b *enforcement.Bounds) { b.StreamMax = 300 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			o, url := bounded(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Content-Type") == "application/grpc" {
					io.Copy(io.Discard, r.Body)
					return
				}
				endless(w, r)
			}, with)
			ran := make(chan error)
			go func() { ran <- o.g.Run(t.Context()) }()
			t.Cleanup(func() { <-ran })
			res := o.do(t, newRequest(t, "GET", url+"/echo/prod/events", nil))
			if body, err := io.ReadAll(res.Body); err == nil || string(body) != "data: 1\n" {
				t.Errorf("events: %q, %v", body, err)
			}
			ws, _, err := websocket.Dial(t.Context(), url+"/echo/prod/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {o.value}}})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := ws.Read(t.Context()); err == nil {
				t.Error("the WebSocket said something")
			}
			body, w := io.Pipe()
			defer w.Close()
			call := newRequest(t, "POST", url+"/echo/prod/silent", body)
			call.Header = http.Header{"Content-Type": {"application/grpc"}, "X-Api-Key": {o.value}}
			if res, err := http.DefaultTransport.RoundTrip(call); err == nil && res.StatusCode == 200 {
				t.Errorf("gRPC: %s", res.Status)
			}
		})
	}
}

// A stream on which something moves is not silent, in whichever direction.
func TestAStreamThatMovesGoesOn(t *testing.T) {
	t.Parallel()
	const idle = 2 * time.Second // of which a busy machine may need the most for nothing
	o, url := bounded(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 12 {
			io.WriteString(w, "data: 1\n")
			http.NewResponseController(w).Flush()
			time.Sleep(idle / 8)
		}
	}, func(b *enforcement.Bounds) { b.StreamIdle = idle })
	ran := make(chan error)
	go func() { ran <- o.g.Run(t.Context()) }()
	t.Cleanup(func() { <-ran })
	res := o.do(t, newRequest(t, "GET", url+"/echo/prod/events", nil))
	if body, err := io.ReadAll(res.Body); err != nil || len(body) != 12*len("data: 1\n") {
		t.Errorf("%q, %v", body, err)
	}
}

// tooManyOpen and the others are how problems_test meets these problems.
func tooManyOpen(t *testing.T, o *one) *httptest.ResponseRecorder {
	b := enforcement.DefaultBounds()
	b.OpenPerKey = 1
	inside, end := make(chan struct{}), make(chan struct{})
	up := newUpstream(t, func(http.ResponseWriter, *http.Request) { close(inside); <-end })
	o.world.stage(func() { o.stage.Upstream = up.url })
	o.g = o.gateway(t, func(c *enforcement.Config) { c.Bounds = &b })
	done := make(chan struct{})
	go func() { defer close(done); in(o.g, "GET", "/echo/prod/a", o.value) }()
	<-inside
	defer func() { close(end); <-done }()
	return in(o.g, "GET", "/echo/prod/a", o.value)
}

func bodyTooLarge(t *testing.T, o *one) *httptest.ResponseRecorder {
	return in(o.g, "POST", "/echo/prod/a", o.value, func(r *http.Request) { r.ContentLength, r.Body = 101<<20, io.NopCloser(zeros{}) })
}

func bodyTooSlow(t *testing.T, o *one) *httptest.ResponseRecorder {
	b := enforcement.DefaultBounds()
	short(&b)
	up := newUpstream(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	o.world.stage(func() { o.stage.Upstream = up.url })
	o.g = o.gateway(t, func(c *enforcement.Config) { c.Bounds = &b })
	return raw(t, serve(t, o.g), "POST /echo/prod/a HTTP/1.1\r\nHost: a\r\nX-Api-Key: "+o.value+"\r\nContent-Length: 5\r\n\r\nabc")
}
