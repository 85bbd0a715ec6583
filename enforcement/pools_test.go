package enforcement_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/models"
)

// targets gives the stage further upstreams, by their addresses.
func (o *one) targets(t testing.TB, with func(*models.StageTargets), others ...string) {
	t.Helper()
	o.world.stage(func() {
		for _, url := range others {
			o.stage.Settings.Targets.Others = append(o.stage.Settings.Targets.Others, models.Target{URL: url, Weight: 1})
		}
		if with != nil {
			with(&o.stage.Settings.Targets)
		}
	})
	catchUp(t, o.g)
}

func answers(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestAnUpstreamIsReachedByEachFormOfAddress(t *testing.T) {
	says := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Proto+" "+r.Host+" "+r.URL.RequestURI())
	})
	o := newOne(t, nil)
	plain := httptest.NewServer(says)
	socket := filepath.Join(t.TempDir(), "app.sock")
	onSocket := httptest.NewUnstartedServer(says)
	var err error
	if onSocket.Listener, err = net.Listen("unix", socket); err != nil {
		t.Fatal(err)
	}
	onSocket.Start()
	h2c := httptest.NewUnstartedServer(says)
	h2c.Config.Protocols = new(http.Protocols)
	h2c.Config.Protocols.SetUnencryptedHTTP2(true)
	h2c.Start()
	secure := httptest.NewUnstartedServer(says)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	for _, s := range []*httptest.Server{plain, onSocket, h2c, secure} {
		t.Cleanup(s.Close)
	}
	o.policy.Sockets = []string{socket}
	o.g = o.gateway(t)
	host := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	tests := []struct{ address, want string }{
		{plain.URL, "HTTP/1.1 " + host(plain) + " /a"},
		{plain.URL + "/base", "HTTP/1.1 " + host(plain) + " /base/a"},
		{"http://${stageVariables.host}/${stageVariables.version}", "HTTP/1.1 " + host(plain) + " /v2/a"},
		{"unix://" + socket, "HTTP/1.1 localhost /a"},
		{"unix://" + socket + ":/v1", "HTTP/1.1 localhost /v1/a"},
		{"h2c://" + host(h2c), "HTTP/2.0 " + host(h2c) + " /a"},
		{secure.URL, "HTTP/2.0 " + host(secure) + " /a"},
	}
	for _, tt := range tests {
		o.world.stage(func() {
			o.stage.Upstream = tt.address
			o.stage.Settings.Variables = map[string]string{"host": host(plain), "version": "v2"}
			o.stage.Settings.TLS.CA = pemOf(secure)
		})
		catchUp(t, o.g)
		if w := in(o.g, "GET", "/echo/prod/a", o.value); w.Body.String() != tt.want {
			t.Errorf("%s: %d %q, want %q", tt.address, w.Code, w.Body, tt.want)
		}
	}
}

func TestASocketNeedsTheOperatorsWord(t *testing.T) {
	o := newOne(t, nil)
	o.world.stage(func() { o.stage.Upstream = "unix:///run/other.sock" })
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "upstream-forbidden" {
		t.Errorf("got %q", got)
	}
}

func TestAStageWithAnUnknownVariableIsBroken(t *testing.T) {
	o := newOne(t, nil)
	o.world.stage(func() { o.stage.Upstream = "https://${stageVariables.host}" })
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "stage-broken" {
		t.Errorf("got %q", got)
	}
}

func TestRequestsAreSpreadByWeight(t *testing.T) {
	o := newOne(t, nil)
	second, third, none := newUpstream(t, nil), newUpstream(t, nil), newUpstream(t, nil)
	o.targets(t, func(s *models.StageTargets) { s.Weight, s.Others[1].Weight, s.Others[2].Weight = 5, 2, 0 }, second.url, third.url, none.url)
	for range 80 {
		o.get(t, "/a")
	}
	if a, b, c, d := len(o.up.requests()), len(second.requests()), len(third.requests()), len(none.requests()); a != 50 || b != 10 || c != 20 || d != 0 {
		t.Errorf("got %d, %d, %d, %d of 80", a, b, c, d)
	}
}

func TestATargetThatFailsIsLeftOutUntilOneRequestSucceeds(t *testing.T) {
	o := newOne(t, nil)
	var good atomic.Bool
	second := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if !good.Load() {
			w.WriteHeader(503)
		}
	})
	o.targets(t, func(s *models.StageTargets) { s.Breaker = models.Breaker{Failures: 3, Pause: time.Minute} }, second.url)
	send := func() {
		for range 20 {
			o.get(t, "/a")
		}
	}
	send()
	if n := len(second.requests()); n != 3 {
		t.Errorf("got %d requests, want 3", n)
	}
	o.clock.advance(time.Minute)
	send()
	if n := len(second.requests()); n != 4 {
		t.Errorf("after the pause: got %d requests, want one more", n)
	}
	good.Store(true)
	o.clock.advance(time.Minute)
	send()
	if n := len(second.requests()); n < 13 {
		t.Errorf("after it works: got %d requests", n)
	}
}

func TestWithoutAnUpstreamInServiceNothingIsCharged(t *testing.T) {
	o := newOne(t, nil)
	up := newUpstream(t, hangsUp)
	o.world.stage(func() { o.stage.Upstream, o.stage.Settings.Targets.Retries = up.url, models.NoRetries })
	catchUp(t, o.g)
	var refused atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				if w := in(o.g, "GET", "/echo/prod/a", o.value); w.Code == 503 && w.Header().Get("Retry-After") == "1" {
					refused.Add(1)
				}
			}
		})
	}
	group.Wait()
	sent := int64(len(up.requests()))
	if sent < 5 || sent > 12 || sent+refused.Load() != 200 {
		t.Errorf("%d were sent and %d refused of 200", sent, refused.Load())
	}
	if w := in(o.g, "GET", "/echo/prod/a", "no key"); w.Code != 403 {
		t.Errorf("without a key: %d", w.Code)
	}
	drain(t, o.g)
	if n := o.chargedTo(o.key, o.plan); n != sent {
		t.Errorf("charged %d, sent %d", n, sent)
	}
}

// hangsUp is an upstream's handler that closes the connection.
func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Else one caller who asks for what the upstream cannot do would take it away from all others.
func TestTheOnlyUpstreamIsNotTakenOutByWhatItAnswers(t *testing.T) {
	o := newOne(t, nil)
	up := newUpstream(t, answers(503))
	o.world.stage(func() { o.stage.Upstream = up.url })
	catchUp(t, o.g)
	for range 20 {
		o.get(t, "/a")
	}
	if n := len(up.requests()); n != 20 {
		t.Errorf("it got %d requests of 20", n)
	}
}

func TestOneRequestTriesAnUpstreamThatWasOut(t *testing.T) {
	o := newOne(t, nil)
	release, arrived := make(chan struct{}), make(chan struct{}, 100)
	var n atomic.Int64
	up := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) <= 5 {
			hangsUp(w, r)
		}
		arrived <- struct{}{}
		<-release
	})
	o.world.stage(func() { o.stage.Upstream, o.stage.Settings.Targets.Retries = up.url, models.NoRetries })
	catchUp(t, o.g)
	for range 5 {
		o.get(t, "/a")
	}
	o.clock.advance(10 * time.Second)
	var group sync.WaitGroup
	group.Go(func() { o.get(t, "/a") })
	<-arrived
	for range 10 {
		if got := o.get(t, "/a"); got != "upstream-out" {
			t.Errorf("beside the one that tries: %q", got)
		}
	}
	close(release)
	group.Wait()
	if got := o.get(t, "/a"); got != "" {
		t.Errorf("after it succeeded: %q", got)
	}
}

func TestHealthOfATargetOutlivesOtherChanges(t *testing.T) {
	o := newOne(t, nil)
	up := newUpstream(t, hangsUp)
	o.world.stage(func() { o.stage.Upstream = up.url })
	catchUp(t, o.g)
	for range 5 {
		o.get(t, "/a")
	}
	other := newUpstream(t, answers(200))
	o.targets(t, func(s *models.StageTargets) { s.Weight = 9 }, other.url)
	for range 20 {
		if w := in(o.g, "GET", "/echo/prod/a", o.value); w.Code != 200 {
			t.Fatalf("status %d", w.Code)
		}
	}
	if n := len(up.requests()); n != 5 {
		t.Errorf("the one that is out got %d", n)
	}
}

func TestTargetsAreAskedAndLeftOut(t *testing.T) {
	o := newOne(t, nil)
	o.clock = nil
	var sick atomic.Bool
	paths := make(chan string, 1000)
	second := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.UserAgent(), "Gatehouse-Health-Check") {
			select {
			case paths <- r.URL.Path:
			default:
			}
			if sick.Load() {
				w.WriteHeader(500)
			}
		}
	})
	o.g = o.gateway(t)
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { defer close(ran); o.g.Run(ctx) }()
	o.targets(t, func(s *models.StageTargets) {
		s.Health = &models.HealthCheck{Path: "/up", Interval: 5 * time.Millisecond, Timeout: time.Second, Unhealthy: 2, Healthy: 2}
	}, second.url+"/v1")
	if got := <-paths; got != "/v1/up" {
		t.Errorf("asked %q", got)
	}
	in := func() float64 { return samples(t, o.g)["gatehouse_upstream_target_in{echo,prod,1}"] }
	sick.Store(true)
	for in() != 0 {
		time.Sleep(time.Millisecond)
	}
	before := len(second.requests())
	for range 10 {
		o.get(t, "/a")
	}
	for _, r := range second.requests()[before:] {
		if r.URL.Path != "/v1/up" {
			t.Errorf("it got %s", r.URL.Path)
		}
	}
	sick.Store(false)
	for in() != 1 {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-ran
	n := len(second.requests())
	time.Sleep(30 * time.Millisecond)
	if m := len(second.requests()); m != n {
		t.Errorf("asked %d times after the end", m-n)
	}
}

func TestARequestIsSentAgainOnlyWhereNothingCanHappenTwice(t *testing.T) {
	tests := []struct {
		name, verb, body string
		dead             string // what the first upstream does
		want             int
		calls            int // of the first upstream
	}{
		{"GET, nothing listens", "GET", "", "closed", 200, 0},
		{"POST with a body, nothing listens", "POST", "body", "closed", 200, 0},
		{"GET, it hangs up before an answer", "GET", "", "hang up", 200, 1},
		{"DELETE without a body, it hangs up before an answer", "DELETE", "", "hang up", 200, 1},
		{"POST, it hangs up before an answer", "POST", "", "hang up", 502, 1},
		{"PUT with a body, it hangs up before an answer", "PUT", "body", "hang up", 502, 1},
		{"GET, it hangs up in the head", "GET", "", "half a head", 502, 1},
		{"GET, it answers 502", "GET", "", "502", 502, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, url := through(t, nil)
			var calls atomic.Int64
			first := "http://" + closedPort(t)
			if tt.dead != "closed" {
				first = "http://" + listener(t, func(c net.Conn) {
					defer c.Close()
					if !readHead(c) {
						return
					}
					calls.Add(1)
					switch tt.dead {
					case "half a head":
						io.WriteString(c, "HTTP/1.1 200 O")
					case "502":
						io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
					}
				})
			}
			o.world.stage(func() { o.stage.Upstream = o.up.url })
			o.targets(t, nil, first) // the others' turn comes first
			r := newRequest(t, tt.verb, url+"/echo/prod/x", strings.NewReader(tt.body))
			if tt.body == "" {
				r.Body, r.ContentLength = nil, 0
			}
			if res := o.do(t, r); res.StatusCode != tt.want {

				t.Errorf("status %d", res.StatusCode)
			}
			if n := int(calls.Load()); n != tt.calls {
				t.Errorf("the first got %d", n)
			}
			o.counted(t, 1)
			if n := o.chargedTo(o.key, o.plan); n != 1 {
				t.Errorf("charged %d", n)
			}
		})
	}
}

func TestRetriesDoNotMultiplyAnOutage(t *testing.T) {
	o := newOne(t, nil)
	var calls atomic.Int64
	up := "http://" + listener(t, func(c net.Conn) {
		defer c.Close()
		if readHead(c) {
			calls.Add(1)
		}
	})
	o.world.stage(func() { o.stage.Upstream = up })
	o.targets(t, func(s *models.StageTargets) { s.Breaker.Off, s.Retries = true, 5 })
	for range 300 {
		o.get(t, "/a")
	}
	if n := calls.Load(); n < 400 || n > 300+100+150 {
		t.Errorf("300 requests became %d", n)
	}
}

// listener serves connections by hand.
func listener(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

// readHead reads a request's head, byte by byte, and no more; false: it did not come.
func readHead(c net.Conn) bool {
	var head []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, b...) {
		if _, err := c.Read(b); err != nil {
			return false
		}
	}
	return true
}

func pemOf(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

func TestACertificateIsShownToUpstreamsThatAsk(t *testing.T) {
	o := newOne(t, nil)
	var shown atomic.Pointer[string]
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		shown.Store(&r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	up.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	up.StartTLS()
	t.Cleanup(up.Close)
	mine := selfSigned(t, "gatehouse of the test")
	o.world.stage(func() {
		o.stage.Upstream = up.URL
		o.stage.Settings.TLS = models.UpstreamTLS{CA: pemOf(up), ServerName: "example.com", Certificate: 1}
	})
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "stage-broken" {
		t.Errorf("without the certificate: %q", got)
	}
	o.world.stage(func() { o.stage.Certificate = mine })
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "" || *shown.Load() != "gatehouse of the test" {
		t.Errorf("got %q, %v", got, shown.Load())
	}
	if end := samples(t, o.g)["gatehouse_client_certificate_expiry_seconds{echo,prod}"]; int64(end) != endOf(t, mine).Unix() {
		t.Errorf("metrics say that it ends at %v", end)
	}
	o.world.stage(func() { o.stage.Settings.TLS.ServerName = "other.example" })
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "upstream-unreachable" {
		t.Errorf("another name: %q", got)
	}
	o.world.stage(func() { o.stage.Settings.TLS.Insecure = true })
	catchUp(t, o.g)
	if n := o.g.Unchecked(); n != 1 {
		t.Errorf("%d stages are said not to look", n)
	}
	if got := o.get(t, "/a"); got != "" {
		t.Errorf("without looking: %q", got)
	}
}

func endOf(t testing.TB, c *tls.Certificate) time.Time {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.NotAfter
}

func selfSigned(t testing.TB, name string) *tls.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

func TestConnectionsOfARemovedUpstreamAreClosed(t *testing.T) {
	o := newOne(t, nil)
	closed := make(chan struct{})
	up := "http://" + listener(t, func(c net.Conn) {
		defer c.Close()
		for readHead(c) {
			io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}
		close(closed)
	})
	o.world.stage(func() { o.stage.Upstream = up })
	catchUp(t, o.g)
	for range 3 {
		o.get(t, "/a")
	}
	o.world.stage(func() { o.stage.Upstream = o.up.url })
	catchUp(t, o.g)
	<-closed
}

// TestAnOnlyUpstreamThatIsBackIsUsedSoon: nobody does better meanwhile, so that a restart of it does not cost callers the whole pause.
func TestAnOnlyUpstreamThatIsBackIsUsedSoon(t *testing.T) {
	o := newOne(t, nil)
	var back atomic.Bool
	up := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if !back.Load() {
			hangsUp(w, r)
		}
	})
	o.world.stage(func() {
		o.stage.Upstream, o.stage.Settings.Targets.Retries = up.url, models.NoRetries
		o.stage.Settings.Targets.Breaker = models.Breaker{Failures: 3, Pause: 10 * time.Second}
	})
	catchUp(t, o.g)
	for range 5 {
		o.get(t, "/a")
	}
	tries := len(up.requests())
	for i, pause := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second} {
		o.clock.advance(pause - time.Millisecond)
		if got := o.get(t, "/a"); got != "upstream-out" {
			t.Fatalf("pause %d: got %q a moment before its end", i, got)
		}
		o.clock.advance(time.Millisecond)
		o.get(t, "/a")
		if n := len(up.requests()); n <= tries {
			t.Fatalf("pause %d, of %v: no request tries it", i, pause)
		} else {
			tries = n
		}
	}
	back.Store(true)
	o.clock.advance(10 * time.Second)
	if got := o.get(t, "/a"); got != "" {
		t.Errorf("it is back: got %q", got)
	}
}
