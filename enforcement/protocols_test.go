package enforcement_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/http2"

	"gatehouse/models"
)

// dial connects to a server by hand.
func dial(t testing.TB, url string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c, bufio.NewReader(c)
}

// GW-08: an answer that comes before the body was sent leaves neither the client's connection nor an upstream's to a later request.
func TestAnEarlyAnswerNeverBecomesAnothers(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "" {
			w.WriteHeader(413)
			return
		}
		fmt.Fprint(w, r.URL.Path)
	})
	for i := range 20 {
		c, in := dial(t, url)
		fmt.Fprintf(c, "POST /echo/prod/e%d HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n", i, o.value)
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != 413 {
			t.Fatalf("%v, %v", res, err)
		}
		path := fmt.Sprintf("/next%d", i)
		if body, err := io.ReadAll(o.do(t, newRequest(t, "GET", url+"/echo/prod"+path, nil)).Body); string(body) != "/base"+path || err != nil {
			t.Fatalf("got %q, %v", body, err)
		}
	}
}

func TestAnswersWithoutOrWithPartsOfABodyAreUntouched(t *testing.T) {
	content := strings.Repeat("0123456789", 1000)
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/base/204":
			w.WriteHeader(204)
		case "/base/304":
			w.Header().Set("ETag", `"v1"`)
			w.WriteHeader(304)
		case "/base/103":
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(103)
			w.WriteHeader(200)
		default:
			http.ServeContent(w, r, "file", time.Time{}, strings.NewReader(content))
		}
	})
	ranged := newRequest(t, "GET", url+"/echo/prod/file", nil)
	ranged.Header.Set("Range", "bytes=10-19")
	res := o.do(t, ranged)
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 206 || string(body) != "0123456789" || res.Header.Get("Content-Range") != "bytes 10-19/10000" {
		t.Errorf("range: %d %q %v", res.StatusCode, body, res.Header)
	}
	res = o.do(t, newRequest(t, "HEAD", url+"/echo/prod/file", nil))
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || len(body) != 0 || res.ContentLength != 10000 {
		t.Errorf("head: %d %q, length %d", res.StatusCode, body, res.ContentLength)
	}
	for _, code := range []string{"204", "304"} {
		c, in := dial(t, url)
		for range 2 { // the second one shows that nothing was left on the connection
			fmt.Fprintf(c, "GET /echo/prod/%s HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\n\r\n", code, o.value)
			res, err := http.ReadResponse(in, nil)
			if err != nil || fmt.Sprint(res.StatusCode) != code {
				t.Fatalf("%s: %v, %v", code, res, err)
			}
		}
	}
	c, in := dial(t, url)
	fmt.Fprintf(c, "GET /echo/prod/103 HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\n\r\n", o.value)
	early, err := http.ReadResponse(in, nil)
	if err != nil || early.StatusCode != 103 || early.Header.Get("Link") == "" {
		t.Fatalf("%v, %v", early, err)
	}
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 200 {
		t.Errorf("after the hints: %v, %v", res, err)
	}
}

// An upstream that restarts closes the connections that were kept. No caller notices, also one with a body.
func TestARestartOfTheUpstreamIsNoFailure(t *testing.T) {
	o, url := through(t, nil)
	var l net.Listener
	start := func(address string) *http.Server {
		var err error
		for range 100 {
			if l, err = net.Listen("tcp", address); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })}
		go s.Serve(l)
		return s
	}
	s := start("127.0.0.1:0")
	address := l.Addr().String()
	o.world.stage(func() { o.stage.Upstream = "http://" + address })
	catchUp(t, o.g)
	for i := range 5 {
		for _, verb := range []string{"GET", "POST"} {
			res := o.do(t, newRequest(t, verb, url+"/echo/prod/x", strings.NewReader("body")))
			if body, err := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != "body" || err != nil {
				t.Fatalf("round %d: %s %d %q, %v", i, verb, res.StatusCode, body, err)
			}
		}
		s.Close()
		s = start(address)
	}
	s.Close()
}

func TestWebSocketsCarryEarlyDataAndHalvesThatClose(t *testing.T) {
	blob := make([]byte, 1<<20)
	rand.Read(blob)
	o, url := through(t, nil)
	address := listener(t, func(c net.Conn) {
		defer c.Close()
		if !readHead(c) {
			return
		}
		// It speaks first, and ends when the client has.
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		c.Write(blob)
		got, _ := io.ReadAll(c)
		c.Write(got)
	})
	o.world.stage(func() { o.stage.Upstream = "http://" + address })
	catchUp(t, o.g)
	c, in := dial(t, url)
	const early = 16 << 10 // behind the head, before the protocol is switched
	switched := make(chan struct{})
	go func() {
		fmt.Fprintf(c, "GET /echo/prod/ws HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n", o.value)
		c.Write(blob[:early])
		<-switched
		c.Write(blob[early:])
		c.(*net.TCPConn).CloseWrite()
	}()
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 101 {
		t.Fatalf("%v, %v", res, err)
	}
	close(switched)
	got, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(got, append(bytes.Clone(blob), blob...)) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestWebSocketsPassToUpstreamsWithTLS(t *testing.T) {
	o, url := through(t, nil)
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		kind, data, err := c.Read(r.Context())
		if err == nil {
			_ = c.Write(r.Context(), kind, data)
		}
		c.Read(r.Context())
	}))
	up.EnableHTTP2 = true
	up.StartTLS()
	t.Cleanup(up.Close)
	o.world.stage(func() { o.stage.Upstream, o.stage.Settings.TLS.CA = up.URL, pemOf(up) })
	catchUp(t, o.g)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, _, err := websocket.Dial(ctx, url+"/echo/prod/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {o.value}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.Read(ctx); string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	c.Close(websocket.StatusNormalClosure, "")
}

func TestAnAnswerThatDoesNotGoOnIsCut(t *testing.T) {
	for name, head := range map[string]string{
		"with a length": "Content-Length: 1000000", "with a length, behind what the kernel carries": "Content-Length: 10000000", "chunked": "Transfer-Encoding: chunked",
	} {
		t.Run(name, func(t *testing.T) {
			o, url := through(t, nil)
			address := listener(t, func(c net.Conn) {
				defer c.Close()
				if !readHead(c) {
					return
				}
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n%s\r\n\r\n", head)
				if name == "chunked" {
					io.WriteString(c, "5\r\nhello\r\n")
				} else if strings.Contains(name, "kernel") {
					c.Write(make([]byte, 4<<20))
				} else {
					io.WriteString(c, "hello")
				}
				io.Copy(io.Discard, c)
			})
			o.world.stage(func() { o.stage.Upstream, o.stage.Settings.Timeouts.Idle = "http://"+address, 200*time.Millisecond })
			catchUp(t, o.g)
			res := o.do(t, newRequest(t, "GET", url+"/echo/prod/x", nil))
			if n, err := io.Copy(io.Discard, res.Body); err == nil || n == 0 {
				t.Errorf("%d bytes, %v", n, err)
			}
			if ends := o.counted(t, 1); ends[models.OutcomeUpstream] != 1 {
				t.Errorf("ended as %v", ends)
			}
		})
	}
}

// A slow answer whose parts keep coming is no failure, and neither is a client that reads late.
func TestAnAnswerThatGoesOnMayLast(t *testing.T) {
	t.Parallel()
	const idle = 2 * time.Second // of which a busy machine may need the most for nothing
	o, url := through(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		for range 10 {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
			time.Sleep(idle / 8)
		}
	})
	o.world.stage(func() { o.stage.Settings.Timeouts.Idle = idle })
	catchUp(t, o.g)
	body, err := io.ReadAll(o.do(t, newRequest(t, "GET", url+"/echo/prod/x", nil)).Body)
	if string(body) != "xxxxxxxxxx" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
}

// SECURITY.md, GW-13 and GW-32: an upstream that breaks the rules of HTTP/2 fails its request, in time.
func TestUpstreamsThatBreakHTTP2(t *testing.T) {
	settings := func(s ...http2.Setting) func(*http2.Framer) {
		return func(f *http2.Framer) { _ = f.WriteSettings(s...) }
	}
	for name, say := range map[string]func(*http2.Framer){
		"nothing":            func(*http2.Framer) {},
		"no frames":          nil,
		"frames of size 0":   settings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 0}),
		"too large a window": settings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31}),
		"no streams":         settings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0}),
		"an answer unasked":  func(f *http2.Framer) { _ = f.WriteSettings(); _ = f.WriteData(99, true, []byte("x")) },
		"a push": func(f *http2.Framer) {
			_ = f.WriteSettings()
			_ = f.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2})
		},
		"good bye at once":       func(f *http2.Framer) { _ = f.WriteSettings(); _ = f.WriteGoAway(0, http2.ErrCodeNo, nil) },
		"unknown kinds of frame": func(f *http2.Framer) { _ = f.WriteSettings(); _ = f.WriteRawFrame(0xee, 0, 0, make([]byte, 100)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOne(t, nil)
			address := listener(t, func(c net.Conn) {
				defer c.Close()
				if say == nil {
					io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				} else {
					say(http2.NewFramer(c, nil))
				}
				io.Copy(io.Discard, c)
			})
			o.world.stage(func() { o.stage.Upstream, o.stage.Timeout = "h2c://"+address, 200*time.Millisecond })
			catchUp(t, o.g)
			if w := in(o.g, "GET", "/echo/prod/a", o.value); w.Code != 502 && w.Code != 504 {
				t.Errorf("status %d", w.Code)
			}
		})
	}
}

// Neither an answer without end nor one in drops takes memory, or outlives its client.
func TestAnAnswerWithoutEndEndsWithItsClient(t *testing.T) {
	o, url := through(t, nil)
	ended := make(chan struct{})
	var sent atomic.Int64
	address := listener(t, func(c net.Conn) {
		defer c.Close()
		if !readHead(c) {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
		for part := make([]byte, 64<<10); ; {
			n, err := c.Write(part)
			if sent.Add(int64(n)); err != nil {
				close(ended)
				return
			}
		}
	})
	o.world.stage(func() { o.stage.Upstream = "http://" + address })
	catchUp(t, o.g)
	c, in := dial(t, url)
	fmt.Fprintf(c, "GET /echo/prod/x HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\n\r\n", o.value)
	if _, err := io.CopyN(io.Discard, in, 8<<20); err != nil {
		t.Fatal(err)
	}
	c.Close()
	<-ended
	if n := sent.Load(); n > 200<<20 {
		t.Errorf("it sent %d bytes", n)
	}
	if ends := o.counted(t, 1); ends[models.OutcomeAborted] != 1 {
		t.Errorf("ended as %v", ends)
	}
}

func TestBodiesPassToUpstreamsInHTTP2(t *testing.T) {
	o, url := through(t, nil)
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(r.Proto, n, r.Trailer.Get("X-Check")))
	}))
	up.Config.Protocols = new(http.Protocols)
	up.Config.Protocols.SetUnencryptedHTTP2(true)
	up.Start()
	t.Cleanup(up.Close)
	o.world.stage(func() { o.stage.Upstream = "h2c://" + up.Listener.Addr().String() })
	catchUp(t, o.g)
	blob := make([]byte, 1<<20)
	rand.Read(blob)
	r := newRequest(t, "POST", url+"/echo/prod/x", io.NopCloser(bytes.NewReader(blob)))
	r.Trailer = http.Header{"X-Check": {"7"}}
	res := o.do(t, r)
	got, err := io.ReadAll(res.Body)
	if !bytes.Equal(got, blob) || err != nil || res.Trailer.Get("X-Sum") != "HTTP/2.010485767" {
		t.Errorf("%d bytes, %v, trailer %v", len(got), err, res.Trailer)
	}
}
