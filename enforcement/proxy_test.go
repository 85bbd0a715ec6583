package enforcement_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"gatehouse/enforcement"
	"gatehouse/models"
)

// through is a world whose upstream is h, behind real HTTP.
func through(t testing.TB, h http.HandlerFunc) (o *one, url string) {
	t.Helper()
	o = newOne(t, nil)
	o.clock = nil
	o.up = newUpstream(t, h)
	o.world.stage(func() {
		o.stage.Upstream = o.up.url + "/base"
		o.stage.Methods = append(o.stage.Methods, o.method("ANY /{proxy+}"))
	})
	o.g = o.gateway(t)
	return o, serve(t, o.g)
}

func (o *one) do(t testing.TB, r *http.Request) *http.Response {
	t.Helper()
	r.Header.Set("x-api-key", o.value)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func newRequest(t testing.TB, verb, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequest(verb, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// counted waits until the gateway has counted n requests of the key, and returns how they ended.
func (o *one) counted(t testing.TB, n int64) map[models.Outcome]int64 {
	t.Helper()
	drain(t, o.g)
	ends := map[models.Outcome]int64{}
	var sum int64
	for outcome := range models.NumOutcomes {
		if c := o.count(o.key, outcome); c != 0 {
			ends[outcome] = c
			sum += c
		}
	}
	if sum != n || ends[models.OutcomeOpen] != 0 {
		t.Errorf("counted %v, want %d requests and none open", ends, n)
	}
	return ends
}

func TestWebSocketsCarryEveryByte(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		c.SetReadLimit(-1)
		for {
			kind, data, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, data) != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, res, err := websocket.Dial(ctx, url+"/echo/prod/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {o.value}}})
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(-1)
	if res.Header.Get("X-Request-Id") == "" {
		t.Error("the answer that switches protocols has no request id")
	}
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		sent := make([]byte, size)
		rand.Read(sent)
		if err := c.Write(ctx, websocket.MessageBinary, sent); err != nil {
			t.Fatal(err)
		}
		kind, got, err := c.Read(ctx)
		if err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, sent) {
			t.Fatalf("%d bytes: got %d, %v, %v", size, len(got), kind, err)
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
	if ends := o.counted(t, 1); ends[models.OutcomeSuccess] != 1 {
		t.Errorf("ended as %v", ends)
	}
	for _, b := range o.bytes {
		if b[0] > 0 && (b[0] < 1<<20 || b[1] < 1<<20) {
			t.Errorf("bytes = %v, want more than a megabyte both ways", b)
		}
	}
	if r := o.up.requests()[0]; r.Header.Get("X-Api-Key") != "" || r.URL.Path != "/base/ws" {
		t.Errorf("the upstream got %s %v", r.URL.Path, r.Header)
	}
}

// Other protocols would be a tunnel past the gateway (SECURITY.md, GW-04 and GW-35).
func TestOnlyWebSocketsMaySwitchProtocols(t *testing.T) {
	o, url := through(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" || r.Header.Get("Http2-Settings") != "" {
			t.Errorf("the upstream got %v", r.Header)
		}
	})
	r := newRequest(t, "GET", url+"/echo/prod/a", nil)
	r.Header = http.Header{"Connection": {"Upgrade, HTTP2-Settings"}, "Upgrade": {"h2c"}, "Http2-Settings": {"AAMAAABkAARAAAAAAAIAAAAA"}}
	if res := o.do(t, r); res.StatusCode != 200 {
		t.Errorf("status = %d", res.StatusCode)
	}
	address := rawServer(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	o.world.stage(func() { o.stage.Upstream = "http://" + address })
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "upstream-invalid" {
		t.Errorf("an upstream that switches without being asked: %q", got)
	}
}

func TestServerSentEventsArriveOneByOne(t *testing.T) {
	next := make(chan struct{})
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			http.NewResponseController(w).Flush()
			<-next
		}
	})
	lines := bufio.NewReader(o.do(t, newRequest(t, "GET", url+"/echo/prod/events", nil)).Body)
	for i := range 3 {
		// The upstream does not go on before this event has arrived.
		line, err := lines.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); line != want || err != nil {
			t.Fatalf("got %q, %v, want %q", line, err, want)
		}
		lines.ReadString('\n')
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(lines); len(rest) != 0 || err != nil {
		t.Errorf("rest = %q, %v", rest, err)
	}
	if ends := o.counted(t, 1); ends[models.OutcomeSuccess] != 1 {
		t.Errorf("ended as %v", ends)
	}
}

// Both directions at once: the upstream answers each chunk before the next one is sent.
func TestBodiesStreamBothWays(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		rc.EnableFullDuplex()
		w.WriteHeader(200)
		rc.Flush()
		lines := bufio.NewReader(r.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(w, strings.ToUpper(line))
			rc.Flush()
		}
	})
	body, send := io.Pipe()
	r := newRequest(t, "POST", url+"/echo/prod/stream", body)
	res := o.do(t, r)
	lines := bufio.NewReader(res.Body)
	for i := range 5 {
		fmt.Fprintf(send, "line %d\n", i)
		got, err := lines.ReadString('\n')
		if want := fmt.Sprintf("LINE %d\n", i); got != want || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	send.Close()
	if rest, err := io.ReadAll(lines); len(rest) != 0 || err != nil {
		t.Errorf("rest = %q, %v", rest, err)
	}
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Sum", fmt.Sprintf("%d %x", n, h.Sum(nil)))
		io.Copy(w, io.LimitReader(zeros{}, n))
	})
	const size = 20 << 20
	for name, length := range map[string]int64{"Content-Length": size, "chunked": -1} {
		t.Run(name, func(t *testing.T) {
			h := sha256.New()
			r := newRequest(t, "PUT", url+"/echo/prod/big", io.TeeReader(io.LimitReader(rand.Reader, size), h))
			r.ContentLength = length
			res := o.do(t, r)
			n, err := io.Copy(io.Discard, res.Body)
			if want := fmt.Sprintf("%d %x", size, h.Sum(nil)); res.Header.Get("X-Sum") != want || n != size || err != nil {
				t.Errorf("upload %s, want %s; download %d, %v", res.Header.Get("X-Sum"), want, n, err)
			}
		})
	}
	o.counted(t, 2)
	for _, b := range o.bytes {
		if b != ([2]int64{2 * size, 2 * size}) && b != ([2]int64{}) {
			t.Errorf("bytes = %v", b)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestTrailersPassBothWays(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.Copy(w, r.Body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-Check"))
		w.Header().Set(http.TrailerPrefix+"X-Late", "late")
	})
	r := newRequest(t, "POST", url+"/echo/prod/t", io.NopCloser(strings.NewReader("hello")))
	r.Trailer = http.Header{"X-Check": {"42"}}
	res := o.do(t, r)
	body, err := io.ReadAll(res.Body)
	if string(body) != "hello" || err != nil {
		t.Fatalf("body = %q, %v", body, err)
	}
	if diff := cmp.Diff(http.Header{"X-Sum": {"42"}, "X-Late": {"late"}}, res.Trailer); diff != "" {
		t.Errorf("trailers (-want +got):\n%s", diff)
	}
}

func TestExpectContinueAsksTheUpstreamFirst(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Size") == "too much" {
			w.WriteHeader(413)
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	for size, want := range map[string]int{"too much": 413, "fine": 200} {
		body := &counter{Reader: strings.NewReader(strings.Repeat("x", 1000))}
		r := newRequest(t, "POST", url+"/echo/prod/e", body)
		r.ContentLength = 1000
		r.Header.Set("Expect", "100-continue")
		r.Header.Set("X-Size", size)
		r.Header.Set("x-api-key", o.value)
		res, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want || want == 413 && body.n != 0 {
			t.Errorf("%s: status %d, %d bytes sent", size, res.StatusCode, body.n)
		}
	}
}

type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// What the upstream gets is what was judged, with our word about who is calling and nobody else's.
func TestTheUpstreamGetsOurWordAboutTheCallerAndNobodyElses(t *testing.T) {
	o, url := through(t, nil)
	r := newRequest(t, "GET", url+"/echo/prod/a%7e/b%3ac/?q=1;2&x=%zz&y=ä", nil)
	r.Host = "api.example.com"
	r.Header = http.Header{
		"Accept": {"text/plain"}, "Cookie": {"a=1; gatehouse=SESSION; b=2; __Host-gatehouse=SESSION"}, "Authorization": {"Basic eDp5"},
		"User-Agent": {"curl/8"}, "Accept-Encoding": {"br"},
		"Connection": {"close, X-Secret-Hop"}, "X-Secret-Hop": {"hop"},
		"Keep-Alive": {"x"}, "Proxy-Authorization": {"x"}, "Te": {"trailers"},
	}
	for _, name := range []string{
		"X-Api-Key-Id", "X-Consumer-Id", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-User",
		"Forwarded", "X-Real-Ip", "X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override", "True-Client-Ip", "Proxy", "x-envoy-original-path",
	} {
		r.Header[name] = []string{"forged"}
	}
	res := o.do(t, r)
	got := o.up.requests()[0]
	want := http.Header{
		"Accept": {"text/plain"}, "Cookie": {"a=1; b=2"}, "Authorization": {"Basic eDp5"}, "User-Agent": {"curl/8"}, "Accept-Encoding": {"br"}, "Te": {"trailers"},
		"X-Api-Key-Id": {o.key.String()}, "X-Consumer-Id": {o.keys[o.key].AppID.String()}, "X-Request-Id": {res.Header.Get("X-Request-Id")},
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"api.example.com"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Prefix": {"/echo/prod"},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if want := "/base/a~/b%3Ac/?q=1;2&x=%zz&y=ä"; got.RequestURI != want {
		t.Errorf("target = %q, want %q", got.RequestURI, want)
	}
	if host := strings.TrimPrefix(o.up.url, "http://"); got.Host != host {
		t.Errorf("Host = %q, want the upstream's own %q", got.Host, host)
	}
}

func TestTheAnswerIsTheUpstreamsButForWhatIsOurs(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["X-Ratelimit-Limit"], h["Ratelimit"], h["Ratelimit-Policy"], h["X-Ratelimit-Remaining"] = []string{"7"}, []string{"x"}, []string{"x"}, []string{"6"}
		h["X-Request-Id"], h["X-Amzn-Requestid"] = []string{"theirs"}, []string{"theirs"}
		h["Set-Cookie"] = []string{"a=1; Path=/", "gatehouse=planted; Path=/", "__Host-gatehouse=planted"}
		h["Alt-Svc"], h["Clear-Site-Data"] = []string{`h3=":443"`}, []string{`"*"`}
		h["X-Theirs"], h["Location"], h["Server"] = []string{"1", "2"}, []string{"/elsewhere"}, []string{"theirs/1"}
		w.WriteHeader(302)
	})
	o.publish(o.plan, throttle(10, 10))
	catchUp(t, o.g)
	res := o.do(t, newRequest(t, "GET", url+"/echo/prod/a", nil))
	id := res.Header.Get("X-Request-Id")
	want := http.Header{
		"X-Theirs": {"1", "2"}, "Location": {"/elsewhere"}, "Server": {"theirs/1"}, "Set-Cookie": {"a=1; Path=/"}, "Content-Length": {"0"},
		"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Remaining": {"9"}, "X-Ratelimit-Reset": {"1"},
		"Ratelimit": {`"plan";r=9;t=1`}, "Ratelimit-Policy": {`"plan";q=10;w=1`}, "X-Request-Id": {id}, "X-Amzn-Requestid": {id},
	}
	res.Header.Del("Date")
	if diff := cmp.Diff(want, res.Header); diff != "" || res.StatusCode != 302 || len(id) != 32 {
		t.Errorf("status %d, headers (-want +got):\n%s", res.StatusCode, diff)
	}
}

// A guess would make a page of what the upstream did not call one.
func TestNoTypeIsGuessedForTheUpstreamsAnswer(t *testing.T) {
	o, url := through(t, nil)
	o.world.stage(func() {
		o.stage.Upstream = "http://" + rawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
	})
	catchUp(t, o.g)
	res := o.do(t, newRequest(t, "GET", url+"/echo/prod/a", nil))
	if kind, told := res.Header["Content-Type"]; told || res.StatusCode != 200 {
		t.Errorf("status %d, Content-Type %q", res.StatusCode, kind)
	}
}

// Anybody could hold connections by announcing a body and not sending it.
func TestAnAnswerOfTheGatewaysOwnDoesNotWaitForABodyThatDoesNotCome(t *testing.T) {
	o, url := through(t, nil)
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(c, "POST /echo/prod/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 403 || !res.Close {
		t.Errorf("status %d, close %v: what comes late would be taken for a request", res.StatusCode, res.Close)
	}
	if n := len(o.up.requests()); n != 0 {
		t.Errorf("%d requests were forwarded", n)
	}
}

func TestAStopClosesStreamsAtOnce(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			io.WriteString(w, "data: 1\n\n")
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		if c, err := websocket.Accept(w, r, nil); err == nil {
			c.Read(r.Context())
		}
	})
	events := o.do(t, newRequest(t, "GET", url+"/echo/prod/events", nil))
	bufio.NewReader(events.Body).ReadString('\n')
	c, _, err := websocket.Dial(context.Background(), url+"/echo/prod/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {o.value}}})
	if err != nil {
		t.Fatal(err)
	}
	drain(t, o.g)
	if _, err := io.ReadAll(events.Body); err == nil {
		t.Error("the events ended as if they were whole")
	}
	if _, _, err := c.Read(context.Background()); err == nil {
		t.Error("the WebSocket is still open")
	}
	o.counted(t, 2)
}

func TestPreflightsAreAnsweredHere(t *testing.T) {
	o := newOne(t, nil)
	w := in(o.g, "OPTIONS", "/echo/prod/a", "", func(r *http.Request) {
		r.Header = http.Header{"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"x-api-key"}}
	})
	h := w.Header()
	if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != "GET, HEAD, POST" ||
		h.Get("Access-Control-Allow-Headers") != "x-api-key" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("got %d %v", w.Code, h)
	}
	if got := slugOf(t, in(o.g, "OPTIONS", "/echo/prod/a", o.value)); got != "verb-unknown" {
		t.Errorf("OPTIONS that is no preflight: %q", got)
	}
	if n := len(o.up.requests()); n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
}

func TestInterimAnswersAreKeptFromOldClients(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</x>; rel=preload")
		w.WriteHeader(103)
		w.WriteHeader(200)
	})
	request := func(version string) string {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /echo/prod/a %s\r\nHost: x\r\nConnection: close\r\nx-api-key: %s\r\n\r\n", version, o.value)
		all, _ := io.ReadAll(c)
		return string(all)
	}
	if got := request("HTTP/1.0"); strings.Contains(got, "103") {
		t.Errorf("HTTP/1.0 got %q", got)
	}
	if got := request("HTTP/1.1"); !strings.Contains(got, "103") {
		t.Errorf("HTTP/1.1 got %q", got)
	}
}

// What is logged and counted never tells a key (R10).
func TestNoLogAndNoMetricTellsAKey(t *testing.T) {
	var log bytes.Buffer
	o := newOne(t, nil)
	c := o.config(t)
	c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g := enforcement.New(c)
	o.world.stage(func() { o.stage.KeySource = models.KeySource{Place: models.KeyInQuery, Name: "key"} })
	o.world.stage(func() { o.stage.Upstream = "http://" + closedPort(t) })
	if err := g.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{o.value, o.value[:30]} {
		in(g, "GET", "/echo/prod/a?key="+value, value)
		in(g, "GET", "/echo/"+value+"?key="+value, value)
	}
	if log.Len() == 0 || strings.Contains(log.String(), o.value[:20]) {
		t.Errorf("log: %s", log.String())
	}
	all := metrics(t, g)
	for name, labels := range all {
		for _, label := range labels {
			if strings.Contains(label, o.value[:8]) || strings.Contains(label, o.key.String()) {
				t.Errorf("%s tells %q", name, label)
			}
		}
	}
}
