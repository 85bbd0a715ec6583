package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// startServer serves h behind a Listener, and returns its address.
func startServer(t testing.TB, h http.HandlerFunc, with ...func(*http.Server, *Config)) string {
	t.Helper()
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: MaxHead, ErrorLog: log.New(io.Discard, "", 0)}
	c := Config{HeadTimeout: 10 * time.Second}
	for _, fn := range with {
		fn(s, &c)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	Attach(s)
	go s.Serve(Listener(inner, c))
	t.Cleanup(func() { s.Close() })
	return inner.Addr().String()
}

// client is a connection that does not wait for ever.
type client struct {
	testing.TB
	*net.TCPConn
	in *bufio.Reader
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	t.Cleanup(func() { c.Close() })
	return &client{t, c.(*net.TCPConn), bufio.NewReader(c)}
}

func (c *client) send(s string) {
	c.Helper()
	if _, err := io.WriteString(c.TCPConn, s); err != nil {
		c.Fatal(err)
	}
}

// answer reads one, and says what it is and its body.
func (c *client) answer() string {
	c.Helper()
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.Fatalf("half an answer: %q, %v", body, err)
	}
	if r.Close {
		return fmt.Sprintf("%d close %s", r.StatusCode, body)
	}
	return fmt.Sprintf("%d %s", r.StatusCode, body)
}

func (c *client) ended() {
	c.Helper()
	if rest, err := io.ReadAll(c.in); len(rest) > 0 || err != nil {
		c.Errorf("behind the last answer: %q, %v", rest, err)
	}
}

// echo answers with what it got, and for the judge.
func echo(w http.ResponseWriter, r *http.Request) {
	if v, refused := RefusalOf(r); refused {
		w.WriteHeader(v.Status())
		io.WriteString(w, v.Reason)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "%s: %s", r.RequestURI, BodyFault(r))
		return
	}
	fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
}

func TestARefusalIsAnsweredBehindTheRequestsBeforeItAndOnce(t *testing.T) {
	address := startServer(t, echo)
	c := dial(t, address)
	c.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\n\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n" +
		"GET /4 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /5 HTTP/1.1\r\nHost: a\r\n\r\n" + strings.Repeat("x", 200<<10))
	for i, want := range []string{"200 GET /1 ", "200 POST /2 hi", "200 GET /3 ", "400 close has more than one Host"} {
		if got := c.answer(); got != want {
			t.Errorf("answer %d: %q, want %q", i, got, want)
		}
	}
	c.ended()
}

func TestNoBodyAnswersAHEADThatIsRefused(t *testing.T) {
	address := startServer(t, echo)
	for _, s := range []string{"HEAD /# HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"} {
		c := dial(t, address)
		c.send(s)
		all, err := io.ReadAll(c.in)
		head, body, _ := strings.Cut(string(all), "\r\n\r\n")
		if !strings.HasPrefix(head, "HTTP/1.1 4") || body != "" || err != nil {
			t.Errorf("%.40q: %.40q %q %v", s, head, body, err)
		}
	}
}

func TestABrokenBodyIsToldToItsHandlerAndEndsTheConnection(t *testing.T) {
	address := startServer(t, echo)
	for body, want := range map[string]string{
		"5\r\nhelloX": "has a chunk that is longer than its size",
		"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n": "has a trailer that may only be a header",
		"5\nhello\r\n0\r\n\r\n":                        "has a chunk line that ends with LF alone",
	} {
		c := dial(t, address)
		c.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body + "GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
		if got := c.answer(); got != "400 close /a: "+want {
			t.Errorf("%q: %q", body, got)
		}
		c.ended()
	}
}

// A client that only looks like one of the refused must not be taken for it.
func TestNoClientCanSendWhatStandsForARefusal(t *testing.T) {
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		if v, refused := RefusalOf(r); refused {
			http.Error(w, v.Reason, v.Status())
			return
		}
		t.Errorf("reached: %s %s", r.Method, r.RequestURI)
	})
	for _, s := range []string{refusedGet, refusedHead, strings.Replace(refusedGet, "1.1", "1.0", 1)} {
		c := dial(t, address)
		c.send(s)
		if got, err := io.ReadAll(c.in); !strings.HasPrefix(string(got), "HTTP/1.1 400 ") || !strings.Contains(string(got), "Connection: close\r\n") || err != nil {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	if _, refused := RefusalOf(httptest.NewRequest("GET", "*", nil)); refused {
		t.Error("a request without a judge is taken for a refusal")
	}
}

// Behind a request for an upgrade nobody knows yet whose the next bytes are.
func TestBytesBehindAnUpgradeAreHeldUntilItIsDecided(t *testing.T) {
	const upgrade = "GET %s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	decide := make(chan bool)
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/yes" && r.URL.Path != "/no" {
			echo(w, r)
			return
		}
		<-decide // the early bytes are there
		if r.Context().Err() != nil {
			t.Error("early bytes ended the request")
		}
		if r.URL.Path == "/no" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		if n := rw.Reader.Buffered(); n != 0 {
			t.Errorf("net/http holds %d bytes", n)
		}
		if _, err := io.Copy(conn, conn); err != nil {
			t.Error(err)
		}
	})
	t.Run("switched", func(t *testing.T) {
		c := dial(t, address)
		c.send("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n" + fmt.Sprintf(upgrade, "/yes") + "\x81\x00early\n")
		if got := c.answer(); got != "200 GET /plain " {
			t.Error(got)
		}
		decide <- true
		if got := c.answer(); !strings.HasPrefix(got, "101 ") {
			t.Error(got)
		}
		c.send("and late: GET / HTTP/1.1\n\n\r\x00")
		c.CloseWrite()
		if got, err := io.ReadAll(c.in); string(got) != "\x81\x00early\nand late: GET / HTTP/1.1\n\n\r\x00" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		c := dial(t, address)
		c.send(fmt.Sprintf(upgrade, "/no") + "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\nHost: a\n\n")
		decide <- false
		for _, want := range []string{"403 no\n", "200 GET / ", "400 close has a line that ends with LF alone"} {
			if got := c.answer(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
	t.Run("switched, late bytes alone", func(t *testing.T) {
		c := dial(t, address)
		c.send(fmt.Sprintf(upgrade, "/yes"))
		decide <- true
		c.answer()
		c.send("x")
		c.CloseWrite()
		if got, err := io.ReadAll(c.in); string(got) != "x" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestAHandlerLearnsThatItsClientIsGone(t *testing.T) {
	gone := make(chan struct{})
	address := startServer(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(gone)
	})
	for _, more := range []string{"", "GET /next HT"} { // a part of a head behind it changes nothing
		gone = make(chan struct{})
		c := dial(t, address)
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + more)
		c.Close()
		select {
		case <-gone:
		case <-time.After(time.Minute):
			t.Fatal("not told")
		}
	}
}

// net/http starts the clock of a head only once it has been read.
func TestASlowHeadBehindAnotherRequestHasTheTimeOfAHeadNotOfAnIdleConnection(t *testing.T) {
	address := startServer(t, echo, func(_ *http.Server, c *Config) { c.HeadTimeout = 50 * time.Millisecond })
	c := dial(t, address)
	c.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
	c.answer()
	c.send("GET /2 HTTP/1.1\r\nHo")
	if got := c.answer(); got != "408 close did not come whole in its time" { // or dial's deadline is over, which is less than that of an idle connection
		t.Error(got)
	}
	c.ended()
}

// Who has begun a head and is too slow is told; who has not begun one would take that for the answer to his next request, and who is gone hears nothing.
func TestAHeadThatIsCutIsAnsweredOnlyWhereItHasBegunAndTimeIsOver(t *testing.T) {
	const late = "408 close did not come whole in its time"
	short := func(s *http.Server, c *Config) {
		s.ReadHeaderTimeout, s.IdleTimeout, c.HeadTimeout, c.H2C = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond, true
	}
	address := startServer(t, echo, short)
	for _, tt := range []struct {
		sent, want string
		eof        bool
	}{
		{"", "", false}, {"\r\n", "", false}, {"G", late, false}, {"GET / HTTP/1.1\r\nHost: a\r\nX: ", late, false}, {"\r\nPOST / HT", late, false},
		{"PRI * HT", "", false}, {"GET / HTTP/1.1\r\nHost: a\r\n", "", true}, {"G", "", true}, {"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n", "200 GET / ", false},
	} {
		c := dial(t, address)
		c.send(tt.sent)
		if tt.eof {
			c.CloseWrite()
		}
		if tt.want != "" {
			if got := c.answer(); got != tt.want {
				t.Errorf("%q: %q, want %q", tt.sent, got, tt.want)
			}
		}
		c.ended()
	}
}

func TestHTTP2FromTheFirstBytePassesWhereItIsAllowed(t *testing.T) {
	versions := make(chan string, 1)
	h2c := func(allow bool) func(*http.Server, *Config) {
		return func(s *http.Server, c *Config) {
			c.H2C = allow
			s.Protocols = new(http.Protocols)
			s.Protocols.SetHTTP1(true)
			s.Protocols.SetUnencryptedHTTP2(true)
		}
	}
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) { versions <- r.Proto; echo(w, r) }, h2c(true))
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Post("http://"+address+"/a", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	if v := <-versions; v != "HTTP/2.0" || string(body) != "POST /a hello" {
		t.Errorf("%s %q", v, body)
	}
	for _, begin := range []string{"", "P", "PRI * HTTP/2"} { // HTTP/1.1 beside it, however it begins
		c := dial(t, address)
		if begin == "" {
			c.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
			if got := c.answer(); got != "200 POST /p x" {
				t.Error(got)
			}
			<-versions
			continue
		}
		c.send(begin)
		c.CloseWrite()
		c.ended()
	}
	address = startServer(t, echo, h2c(false))
	c := dial(t, address)
	c.send(preface)
	if got := c.answer(); got != "505 close is written in a version of HTTP that is not spoken here" {
		t.Error(got)
	}
}

func TestAboveTLSTheJudgeReadsWhatWasDecrypted(t *testing.T) {
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS()
	config := &tls.Config{Certificates: pair.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	pair.Close()
	s := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || r.TLS.NegotiatedProtocol == "" {
			t.Error("the request does not know of its TLS")
		}
		echo(w, r)
	})}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	Attach(s)
	go s.Serve(Listener(&shaken{inner, config}, Config{H2C: true}))
	t.Cleanup(func() { s.Close() })
	for proto, want := range map[string]string{"http/1.1": "400 close has more than one Host", "h2": ""} {
		raw, err := tls.Dial("tcp", inner.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{proto}})
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		_ = raw.SetDeadline(time.Now().Add(time.Minute))
		if proto == "h2" {
			io.WriteString(raw, preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
			var frame [9]byte
			if _, err := io.ReadFull(raw, frame[:]); err != nil || frame[3] != 4 {
				t.Errorf("no SETTINGS, but %v, %v", frame, err)
			}
			continue
		}
		io.WriteString(raw, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")
		c := &client{TB: t, in: bufio.NewReader(raw)}
		if got := c.answer(); got != "200 GET / " {
			t.Error(got)
		}
		if got := c.answer(); got != want {
			t.Error(got)
		}
		c.ended()
	}
}

// shaken is a listener of TLS whose connections had their handshake.
type shaken struct {
	net.Listener
	config *tls.Config
}

func (l *shaken) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := tls.Server(raw, l.config)
	return c, c.HandshakeContext(context.Background())
}

// counting is a TCP connection that knows whether net/http gave it a file.
type counting struct {
	*net.TCPConn
	files *atomic.Int64
}

func (c counting) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			c.files.Add(1)
		}
	}
	return c.TCPConn.ReadFrom(r)
}

type countingListener struct {
	net.Listener
	files *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return counting{c.(*net.TCPConn), l.files}, nil
}

// What the kernel can copy by itself still reaches it: files, and in the same way connections.
func TestAnAnswerFromAFileReachesTheSocketAsOne(t *testing.T) {
	path := t.TempDir() + "/file"
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var files atomic.Int64
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })}
	Attach(s)
	go s.Serve(Listener(countingListener{inner, &files}, Config{}))
	defer s.Close()
	res, err := http.Get("http://" + inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); n != 1<<20 || err != nil || files.Load() != 1 {
		t.Errorf("%d bytes, %v, %d files", n, err, files.Load())
	}
}

// answerBytes is what plainly answers, so that what a request costs can be counted.
func answerBytes(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = w.Write(typical[:64])
}

// oneRequest returns a function that makes one more request on one connection, without an allocation of its own.
func oneRequest(t testing.TB, address string, request []byte) func() {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	buffer := make([]byte, 4096)
	return func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		for n := 0; ; {
			m, err := c.Read(buffer[n:])
			if err != nil {
				t.Fatal(err)
			}
			if n += m; n > 64 && string(buffer[n-64:n]) == string(typical[:64]) {
				return
			}
		}
	}
}

func plainServer(t testing.TB) string {
	s := &http.Server{Handler: http.HandlerFunc(answerBytes)}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(inner)
	t.Cleanup(func() { s.Close() })
	return inner.Addr().String()
}

var (
	withLength = append(typical[:len(typical):len(typical)], "hello, world"...)
	chunked    = []byte(strings.Replace(string(typical), "Content-Length: 12", "Transfer-Encoding: chunked", 1) + "c\r\nhello, world\r\n0\r\n\r\n")
)

func TestARequestCostsNoMoreAllocationsThanWithoutTheJudge(t *testing.T) {
	for name, request := range map[string][]byte{"with a length": withLength, "chunked": chunked} {
		measure := func(address string) float64 {
			one := oneRequest(t, address, request)
			one()
			return testing.AllocsPerRun(200, one)
		}
		if plain, judged := measure(plainServer(t)), measure(startServer(t, answerBytes)); judged > plain {
			t.Errorf("%s: %v allocations, %v without", name, judged, plain)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, side := range []struct {
		name    string
		address string
	}{{"plain", plainServer(b)}, {"judged", startServer(b, answerBytes)}} {
		b.Run(side.name, func(b *testing.B) {
			one := oneRequest(b, side.address, withLength)
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
		})
	}
}

// What net/http does not wait for any more would be its next request.
func TestTheRestOfABodyThatWasGivenUpIsNoRequest(t *testing.T) {
	var served atomic.Int32
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		fmt.Fprint(w, "early")
		_ = control.SetReadDeadline(time.Now()) // net/http takes in what is left of a small body until then, and goes on
	})
	c := dial(t, address)
	c.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(res.Body); string(text) != "early" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if b, err := c.in.ReadByte(); err != io.EOF {
		t.Errorf("behind the answer came %q, %v", b, err)
	}
	_, _ = io.WriteString(c.TCPConn, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n") // it may be closed by now
	if n := served.Load(); n != 1 {
		t.Errorf("%d requests were served", n)
	}
}

// A client need not wait for an answer before it begins its next request.
func TestTheBodyOfTheNextRequestIsNoRestOfTheOneBefore(t *testing.T) {
	address := startServer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	for _, framing := range []string{"Content-Length: 10\r\n\r\n01234", "Transfer-Encoding: chunked\r\n\r\na\r\n01234"} {
		c := dial(t, address)
		c.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPOST /b HTTP/1.1\r\nHost: a\r\n" + framing)
		for _, want := range []string{"abc", "0123456789"} {
			res, err := http.ReadResponse(c.in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want == "abc" {
				c.send("56789\r\n0\r\n\r\n") // with a length, the last of it is no request, and refused
			}
			if text, err := io.ReadAll(res.Body); string(text) != want || err != nil {
				t.Errorf("%q, %v, want %s", text, err, want)
			}
		}
	}
}
