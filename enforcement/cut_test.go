package enforcement_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/models"
)

// streams are requests of a key that do not end by themselves: server-sent events, a download, a WebSocket, and one that is not answered yet.
type streams struct {
	url    string
	value  string
	events *http.Response
	file   *http.Response
	socket *websocket.Conn
	silent chan *http.Response
}

// endless is an upstream that begins every kind of answer and ends none.
func endless(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Upgrade") != "":
		if c, err := websocket.Accept(w, r, nil); err == nil {
			c.Read(r.Context())
			c.CloseNow()
		}
		return
	case strings.HasSuffix(r.URL.Path, "/events"):
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n")
	case strings.HasSuffix(r.URL.Path, "/file"):
		w.Header().Set("Content-Length", "1000000000")
		io.WriteString(w, "the first part\n")
	}
	if !strings.HasSuffix(r.URL.Path, "/silent") {
		http.NewResponseController(w).Flush()
	}
	<-r.Context().Done()
}

func openStreams(t *testing.T, url, value string, up *upstream) *streams {
	t.Helper()
	s := &streams{url: url, value: value, silent: make(chan *http.Response, 1)}
	s.events, s.file = s.get(t, "/events"), s.get(t, "/file")
	for _, res := range []*http.Response{s.events, s.file} {
		if line, err := bufio.NewReaderSize(res.Body, 16).ReadString('\n'); err != nil {
			t.Fatalf("%q, %v", line, err)
		}
	}
	var err error
	s.socket, _, err = websocket.Dial(t.Context(), url+"/echo/prod/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {value}}})
	if err != nil {
		t.Fatal(err)
	}
	before := len(up.requests())
	go func() { s.silent <- s.get(t, "/silent") }()
	for len(up.requests()) == before {
		time.Sleep(time.Millisecond)
	}
	return s
}

func (s *streams) get(t *testing.T, path string) *http.Response {
	r := newRequest(t, "GET", s.url+"/echo/prod"+path, nil)
	r.Header.Set("X-Api-Key", s.value)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Error(err)
		return &http.Response{Body: http.NoBody}
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// end waits until all have ended, the unanswered one with a problem.
func (s *streams) end(t *testing.T, slug string) {
	t.Helper()
	for name, res := range map[string]*http.Response{"events": s.events, "download": s.file} {
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("the %s ended as if they were whole", name)
		}
	}
	if _, _, err := s.socket.Read(t.Context()); err == nil {
		t.Error("the WebSocket is still open")
	}
	res := <-s.silent
	if p := problemOf(t, res.Header, res.Body); !strings.HasSuffix(p.Type, "/"+slug) {
		t.Errorf("the request that was not answered yet: %d %q, want %s", res.StatusCode, p.Type, slug)
	}
}

// goOn checks that nothing has ended. The upstream answers pings until it has got a message.
func (s *streams) goOn(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(s.socket.CloseRead(t.Context()), time.Minute)
	defer cancel()
	if err := s.socket.Ping(ctx); err != nil {
		t.Errorf("the WebSocket has ended: %v", err)
	}
	select {
	case res := <-s.silent:
		t.Errorf("the request that was not answered yet has ended: %d", res.StatusCode)
	default:
	}
}

func TestWhatEndsAKeyEndsItsOpenRequestsAndNobodyElses(t *testing.T) {
	tests := []struct {
		name string
		end  func(o *one)
		want string
	}{
		{"revoked", func(o *one) { o.change(o.key, func(c *models.Credential) { c.Revoked, c.Enabled = true, false }) }, "key-revoked"},
		{"disabled", func(o *one) { o.change(o.key, func(c *models.Credential) { c.Enabled = false }) }, "key-disabled"},
		{"deleted", func(o *one) { o.change(o.key, nil) }, "key-unknown"},
		{"expiry put into the past", func(o *one) {
			o.change(o.key, func(c *models.Credential) { c.ExpiresAt = time.Now().Add(-time.Minute) })
		}, "key-expired"},
		{"rotated without overlap", func(o *one) {
			o.change(o.key, func(c *models.Credential) {
				c.Secrets[0].StopsAt = time.Now()
				c.Secrets = []models.CredentialSecret{{Digest: [32]byte{1}}, c.Secrets[0]}
			})
		}, "key-replaced"},
		{"off its plan", func(o *one) { o.change(o.key, func(c *models.Credential) { c.Plans = nil }) }, "no-plan"},
		{"suspended", func(o *one) {
			o.change(o.key, func(c *models.Credential) { c.Plans[0].State = models.MemberSuspended })
		}, "subscription-suspended"},
		{"blocked", func(o *one) {
			o.change(o.key, func(c *models.Credential) { c.Plans[0].State = models.MemberBlocked })
		}, "key-blocked"},
		{"plan over", func(o *one) { o.end(o.plan, time.Now().Add(-time.Minute)) }, "plan-ended"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, url := through(t, endless)
			_, other := o.addKey(o.addPlan("Another", nil, o.stage))
			catchUp(t, o.g)
			mine := openStreams(t, url, o.value, o.up)
			others := openStreams(t, url, other, o.up)
			tt.end(o)
			catchUp(t, o.g)
			mine.end(t, tt.want)

			others.goOn(t)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := stopGateway(ctx, o.g); err != nil { // does not wait for the other key's
				t.Fatal(err)
			}
			if n := o.count(o.key, models.OutcomeAborted); n != 4 {
				t.Errorf("%d counted as aborted, want 4", n)
			}
		})
	}
}

// Nobody tells the gateway that time has passed.
func TestTimeEndsOpenRequestsToo(t *testing.T) {
	tests := []struct {
		name string
		set  func(c *models.Credential, at time.Time)
		want string
	}{
		{"expiry", func(c *models.Credential, at time.Time) { c.ExpiresAt = at }, "key-expired"},
		{"end of an overlap", func(c *models.Credential, at time.Time) {
			c.Secrets[0].StopsAt = at
			c.Secrets = []models.CredentialSecret{{Digest: [32]byte{1}}, c.Secrets[0]}
		}, "key-replaced"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := through(t, endless)
			o.clock = newClock("2026-03-02 12:00:00")
			o.change(o.key, func(c *models.Credential) { tt.set(c, o.clock.now().Add(time.Minute)) })
			o.g = o.gateway(t)
			ctx, stop := context.WithCancel(t.Context())
			ran := make(chan error)
			go func() { ran <- o.g.Run(ctx) }()
			open := openStreams(t, serve(t, o.g), o.value, o.up)
			o.clock.advance(59 * time.Second)
			o.note(models.ChangeKey, int64(o.key))
			catchUp(t, o.g) // and with it a look at what is open
			open.goOn(t)
			o.clock.advance(time.Second)
			open.end(t, tt.want)
			stop()
			if err := <-ran; err != nil {
				t.Error(err)
			}
		})
	}
}

// A key that is moved to another plan for the same stage may go on.
func TestAMoveToAnotherPlanEndsNothing(t *testing.T) {
	o, url := through(t, endless)
	open := openStreams(t, url, o.value, o.up)
	to := o.addPlan("Another", nil, o.stage)
	o.change(o.key, func(c *models.Credential) {
		c.Plans = []models.CredentialPlan{{PlanID: to, State: models.MemberActive}}
	})
	catchUp(t, o.g)
	open.goOn(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := stopGateway(ctx, o.g); err != nil {
		t.Fatal(err)
	}
}
