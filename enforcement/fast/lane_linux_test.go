package fast

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/enforcement/front"
	"gatehouse/enforcement/transport"
)

// passing is a policy that sends every request as it came to one upstream, but for those whose path says otherwise.
type passing struct {
	address string
	dials   atomic.Int64
	ended   atomic.Int64
	cut     atomic.Bool
	mu      sync.Mutex
	ends    []transport.End
	events  []Event
}

func (p *passing) tell(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

func (p *passing) told() []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

func (p *passing) Dial(ctx context.Context) (net.Conn, error) {
	p.dials.Add(1)
	var d net.Dialer
	return d.DialContext(ctx, "tcp", p.address)
}

func (p *passing) NewCall(int) Call { return &passingCall{p: p} }

func (p *passing) lastEnd(t *testing.T) transport.End {
	t.Helper()
	for range 1000 {
		p.mu.Lock()
		if n := len(p.ends); n > 0 {
			defer p.mu.Unlock()
			return p.ends[n-1]
		}
		p.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	t.Fatal("no request has ended")
	return transport.End{}
}

type passingCall struct {
	p      *passing
	waited bool
}

func (c *passingCall) answer(r *Request, status int, text string) Step {
	r.Out = fmt.Appendf(r.Out, "HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s", status, len(text), text)
	return Answer
}

func (c *passingCall) Begin(r *Request) Step {
	target := string(r.Head.Target.Of(r.Bytes))
	switch {
	case strings.HasPrefix(target, "/leave"):
		return Leave
	case strings.HasPrefix(target, "/refused"):
		return c.answer(r, 429, "no")
	case strings.HasPrefix(target, "/panic"):
		panic("a mistake")
	case strings.HasPrefix(target, "/wait") && !c.waited:
		return Wait
	}
	r.Origin, r.Timeout = c.p, 300*time.Millisecond
	return Forward
}

func (c *passingCall) Await(ctx context.Context) {
	c.waited = true
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}

func (c *passingCall) AppendRequest(r *Request, to []byte) []byte {
	return append(to, r.Bytes...)
}

func (c *passingCall) Failed(r *Request, f transport.Failure, _ error, _, _ bool) Step {
	return c.answer(r, 502, fmt.Sprint("failed ", int(f)))
}

func (c *passingCall) Answered(r *Request, a *Answered) {
	if strings.HasPrefix(string(r.Head.Target.Of(r.Bytes)), "/mistake") {
		panic("a mistake")
	}
	r.Out = fmt.Appendf(r.Out, "HTTP/1.1 %d X\r\n", a.Status)
	for _, f := range a.Fields {
		switch strings.ToLower(string(f.Name)) {
		case "content-length", "transfer-encoding", "connection":
		default:
			r.Out = fmt.Appendf(r.Out, "%s: %s\r\n", f.Name, f.Value)
		}
	}
	if a.Told >= 0 {
		r.Out = fmt.Appendf(r.Out, "Content-Length: %d\r\n", a.Told)
	}
	if a.Chunked {
		r.Out = append(r.Out, "Transfer-Encoding: chunked\r\n"...)
	}
	if r.Close {
		r.Out = append(r.Out, "Connection: close\r\n"...)
	}
	r.Out = append(r.Out, "\r\n"...)
}

func (c *passingCall) IsOver(*Request) bool { return c.p.cut.Load() }

func (c *passingCall) End(_ *Request, e *transport.End) {
	c.waited = false
	c.p.ended.Add(1)
	c.p.mu.Lock()
	c.p.ends = append(c.p.ends, *e)
	c.p.mu.Unlock()
}

// serveLane serves an upstream's handler behind a lane, and what leaves the lane by a handler that says so. It returns the address.
func serveLane(t testing.TB, upstream string) (string, *passing, *Lane) {
	t.Helper()
	p := &passing{address: upstream}
	lane, err := New(Config{Policy: p, Loops: 2, Tell: p.tell, Log: slog.New(slog.DiscardHandler), Times: func() Times { return Times{Head: time.Second, Idle: time.Second, Stall: time.Second, StallBytes: 1} }})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := lane.Listen(front.Listen(tcp, front.Config{}))
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "left %s %d", r.URL.Path, len(body))
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		lane.Close(ctx)
		_ = s.Close()
	})
	return tcp.Addr().String(), p, lane
}

func httpUpstream(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

var large = func() []byte {
	b := make([]byte, 5_000_000)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	return b
}()

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/chunked":
		for range 3 {
			fmt.Fprint(w, "part ")
			_ = http.NewResponseController(w).Flush()
		}
	case "/large":
		w.Header().Set("Content-Length", "5000000")
		_, _ = w.Write(large)
	case "/slow":
		time.Sleep(time.Second)
	case "/end":
		conn, rw, _ := w.(http.Hijacker).Hijack()
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\n\r\nuntil the end")
		_ = rw.Flush()
		_ = conn.Close()
	case "/broken":
		conn, rw, _ := w.(http.Hijacker).Hijack()
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all")
		_ = rw.Flush()
		_ = conn.Close()
	case "/nothing":
		conn, _, _ := w.(http.Hijacker).Hijack()
		_ = conn.Close()
	default:
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Path, len(body))
	}
}

func get(t *testing.T, c net.Conn, r *bufio.Reader, request string) (*http.Response, string) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return next(t, r)
}

func next(t *testing.T, r *bufio.Reader) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return res, "broken: " + err.Error()
	}
	return res, string(body)
}

func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, bufio.NewReader(c)
}

func TestAConnectionServesOneRequestAfterAnother(t *testing.T) {
	address, p, _ := serveLane(t, httpUpstream(t, echo))
	c, r := dial(t, address)
	for _, step := range []struct{ request, want string }{
		{"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a 0"},
		{"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "POST /b 5"},
		{"GET /refused HTTP/1.1\r\nHost: x\r\n\r\n", "no"},
		{"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "no"},
		{"GET /chunked HTTP/1.1\r\nHost: x\r\n\r\n", "part part part "},
		{"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", "GET /wait 0"},
		{"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", string(large)},
		{"GET /end HTTP/1.1\r\nHost: x\r\n\r\n", "until the end"},
		{"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "failed 1"},
		{"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", "failed 3"},
		{"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a 0"},
		{"GET /leave HTTP/1.1\r\nHost: x\r\n\r\n", "left /leave 0"},
		{"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "left /a 0"},
	} {
		if _, body := get(t, c, r, step.request); body != step.want {
			t.Fatalf("%q: got %.40q, want %.40q", step.request, body, step.want)
		}
	}
	if n := p.ended.Load(); n != 11 {
		t.Errorf("%d requests have ended", n)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	address, _, _ := serveLane(t, httpUpstream(t, echo))
	c, r := dial(t, address)
	var all strings.Builder
	for i := range 100 {
		switch i % 4 {
		case 3:
			all.WriteString("GET /refused HTTP/1.1\r\nHost: x\r\n\r\n")
		default:
			fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", i)
		}
	}
	go func() { _, _ = io.WriteString(c, all.String()) }()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for i := range 100 {
		want := fmt.Sprintf("POST /%d 3", i)
		if i%4 == 3 {
			want = "no"
		}
		if _, body := next(t, r); body != want {
			t.Fatalf("request %d: %q, want %q", i, body, want)
		}
	}
}

func TestHowARequestIsCutChangesNothing(t *testing.T) {
	address, _, _ := serveLane(t, httpUpstream(t, echo))
	const request = "POST /cut HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
	for part := 1; part < len(request); part += 7 {
		c, r := dial(t, address)
		for at := 0; at < len(request); at += part {
			if _, err := io.WriteString(c, request[at:min(len(request), at+part)]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(200 * time.Microsecond)
		}
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, body := next(t, r); body != "POST /cut 5" && body != "left /cut 5" {
			t.Errorf("in parts of %d: %q", part, body)
		}
	}
}

func TestWhatIsNotPlainLeavesWithAllItsBytes(t *testing.T) {
	address, _, lane := serveLane(t, httpUpstream(t, echo))
	for _, request := range []string{
		"GET /x HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
		"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"GET http://x/x HTTP/1.1\r\nHost: x\r\n\r\n",
		fmt.Sprintf("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", MostBody+1, strings.Repeat("x", MostBody+1)),
	} {
		before := lane.Counts().Left
		c, r := dial(t, address)
		if _, body := get(t, c, r, request); !strings.HasPrefix(body, "left /x") {
			t.Errorf("%.40q: %q", request, body)
		}
		if lane.Counts().Left != before+1 {
			t.Errorf("%.40q did not leave", request)
		}
	}
}

func TestABodyThatDoesNotComeLeaves(t *testing.T) {
	address, _, _ := serveLane(t, httpUpstream(t, echo))
	c, r := dial(t, address)
	_, _ = io.WriteString(c, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe")
	time.Sleep(500 * time.Millisecond)
	if _, body := get(t, c, r, "llo"); body != "left /x 5" {
		t.Errorf("%q", body)
	}
}

func TestABrokenAnswerIsSeenToBeBroken(t *testing.T) {
	address, p, _ := serveLane(t, httpUpstream(t, echo))
	c, r := dial(t, address)
	if _, body := get(t, c, r, "GET /broken HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.HasPrefix(body, "broken: ") {
		t.Errorf("%q", body)
	}
	if e := p.lastEnd(t); e.Failure != transport.BrokeOff || e.Status != 200 || e.BytesOut != 7 {
		t.Errorf("%+v", e)
	}
}

func TestAClientThatGoesEndsItsRequest(t *testing.T) {
	address, p, _ := serveLane(t, httpUpstream(t, echo))
	for _, path := range []string{"/slow", "/wait"} {
		p.mu.Lock()
		p.ends = nil
		p.mu.Unlock()
		c, _ := dial(t, address)
		_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(5 * time.Millisecond)
		_ = c.Close()
		if e := p.lastEnd(t); e.Failure != transport.ClientGone {
			t.Errorf("%s: %+v", path, e)
		}
	}
}

func TestACutRequestIsToldSo(t *testing.T) {
	address, p, _ := serveLane(t, httpUpstream(t, echo))
	c, r := dial(t, address)
	p.cut.Store(true)
	if _, body := get(t, c, r, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"); body != "failed 6" {
		t.Errorf("%q", body)
	}
}

func TestAMistakeCostsOneConnection(t *testing.T) {
	address, _, lane := serveLane(t, httpUpstream(t, echo))
	for _, path := range []string{"/panic", "/mistake"} {
		c, _ := dial(t, address)
		_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err != io.EOF && !strings.Contains(fmt.Sprint(err), "reset") {
			t.Errorf("%s: %v", path, err)
		}
		if n := lane.Counts(); n.Busy != 0 || n.Open != 0 {
			t.Errorf("%s: %+v is left", path, n)
		}
		d, r := dial(t, address)
		if _, body := get(t, d, r, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"); body != "GET /a 0" {
			t.Errorf("%s: %q", path, body)
		}
		_ = d.Close()
		for range 1000 {
			if lane.Counts().Open == 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func TestIdleAndSilentConnectionsAreClosedInTime(t *testing.T) {
	address, _, lane := serveLane(t, httpUpstream(t, echo))
	silent, _ := dial(t, address)
	used, r := dial(t, address)
	get(t, used, r, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, c := range []net.Conn{silent, used} {
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%v", err)
		}
	}
	if n := lane.Counts().Open; n != 0 {
		t.Errorf("%d are open", n)
	}
}

func TestAClientThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	address, p, _ := serveLane(t, httpUpstream(t, echo))
	c, _ := dial(t, address)
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	_, _ = io.WriteString(c, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	for range 200 {
		if p.ended.Load() > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if e := p.lastEnd(t); e.Failure != transport.ClientGone {
		t.Errorf("%+v", e)
	}
}

func TestConnectionsToUpstreamsAreUsedAgain(t *testing.T) {
	address, p, _ := serveLane(t, httpUpstream(t, echo))
	c, r := dial(t, address)
	for range 50 {
		get(t, c, r, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	for range 30 { // a pump takes more than the event that it was called for told of
		if _, body := get(t, c, r, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"); len(body) != len(large) {
			t.Fatalf("%d bytes", len(body))
		}
	}
	if n := p.dials.Load(); n != 1 {
		t.Errorf("%d connections for one client", n)
	}
}

func TestALongAnswerReachesASlowReaderWhole(t *testing.T) {
	address, _, _ := serveLane(t, httpUpstream(t, echo))
	c, r := dial(t, address)
	_ = c.(*net.TCPConn).SetReadBuffer(256 << 10)
	for range 2 {
		_, _ = io.WriteString(c, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for range 20 {
			_, _ = io.CopyN(&got, res.Body, 30_000)
			time.Sleep(2 * time.Millisecond)
		}
		if _, err := io.Copy(&got, res.Body); err != nil || !bytes.Equal(got.Bytes(), large) {
			t.Fatalf("%d bytes, %v", got.Len(), err)
		}
	}
}

func TestConnectionsAreToldOfAsTheyComeAndGo(t *testing.T) {
	address, p, lane := serveLane(t, httpUpstream(t, echo))
	c, r := dial(t, address)
	get(t, c, r, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	left, r2 := dial(t, address)
	get(t, left, r2, "GET /leave HTTP/1.1\r\nHost: x\r\n\r\n")
	lane.Leave()
	for range 1000 {
		if lane.Counts().Deaf == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if got := lane.Counts(); got.Deaf != 1 || got.Open != 1 || got.Taken != 2 || got.Left != 1 {
		t.Errorf("%+v", got)
	}
	res, _ := get(t, c, r, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	if !res.Close {
		t.Error("the answer does not say that the connection ends")
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("it does not end: %v", err)
	}
	for range 1000 {
		if len(p.told()) == 4 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if diff := cmp.Diff([]Event{Opened, Opened, Left, Closed}, p.told()); diff != "" {
		t.Error(diff)
	}
	if got := lane.Counts(); got.Open != 0 || got.Deaf != 0 {
		t.Errorf("%+v", got)
	}
}
