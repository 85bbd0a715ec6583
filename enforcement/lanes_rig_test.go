package enforcement_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/enforcement"
	"gatehouse/enforcement/accesslog"
	"gatehouse/enforcement/wire"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// twins are two gateways that know the same: before one stands the fast lane, the other is net/http's alone. Whatever is sent to both, clients get the same of
// both, upstreams get the same, and the same is written down.
type twins struct {
	standard, fast *side
	again          int // plays that were the same only when they were played again, with more time
}

// side is one of them.
type side struct {
	*world
	g       *enforcement.Gateway
	address string
	up      *scripted
	text    *safeBuffer // of the access log
	log     *accesslog.Log
	read    int // bytes of it
}

// safeBuffer is written and read at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// after returns what was written behind the first n bytes.
func (s *safeBuffer) after(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b.Bytes()[n:])
}

// laneKeys are the keys that a request can name by these words, and what differs about them.
var laneKeys = []struct {
	word  string
	terms func(*models.Terms)
	key   func(*models.Credential)
}{
	{"KEY-FREE", nil, nil},
	{"KEY-COUNTED", func(t *models.Terms) { throttle(1000, 500)(t); quota(1_000_000, limit.PeriodMonth)(t) }, nil},
	{"KEY-DELIVERED", func(t *models.Terms) { quota(1_000_000, limit.PeriodDay)(t); t.Charge = models.ChargeDelivered }, nil},
	{"KEY-THROTTLED", throttle(0, 0), nil},
	{"KEY-ONCE", throttle(0.02, 1), nil}, // once in each play
	{"KEY-DRY", quota(0, limit.PeriodDay), nil},
	{"KEY-OFF", nil, func(c *models.Credential) { c.Enabled = false }},
	{"KEY-ALONE", nil, func(c *models.Credential) { c.Plans = nil }},
}

func newTwins(t testing.TB) *twins {
	t.Helper()
	values := map[string]string{}
	for _, k := range laneKeys {
		values[k.word] = secret.Generate(secret.Prefix{}).Reveal()
	}
	return &twins{standard: newSide(t, values, false), fast: newSide(t, values, true)}
}

func newSide(t testing.TB, values map[string]string, fast bool) *side {
	t.Helper()
	s := &side{world: newWorld(), up: newScripted(t, values), text: &safeBuffer{}}
	s.clock = newClock("2026-03-10 12:00:00")
	stages := s.laneStages("http://" + s.up.address)
	for _, k := range laneKeys {
		id, _ := s.addKey(s.addPlan(k.word, k.terms, stages...))
		s.change(id, func(c *models.Credential) {
			c.Secrets[0].Digest = s.ring.Digest(values[k.word])
			if k.key != nil {
				k.key(c)
			}
		})
	}
	s.log = accesslog.New(accesslog.Config{Stdout: s.text, Log: slog.New(slog.DiscardHandler)})
	if err := s.log.Use(accesslog.Output); err != nil {
		t.Fatal(err)
	}
	s.g = s.gateway(t, func(c *enforcement.Config) { c.AccessLog = s.log })
	url := serveOn(t, s.g, fast)
	s.address = strings.TrimPrefix(url, "http://")
	return s
}

// laneStages are stages that the fast lane serves, and such that it leaves.
func (w *world) laneStages(upstream string) (all []*models.GatewayStage) {
	methods := []string{"ANY /{proxy+}", "GET /only", "open ANY /open/{proxy+}", "open GET /open"}
	kinds := map[string]func(s *models.GatewayStage){
		"echo":   func(*models.GatewayStage) {},
		"based":  func(s *models.GatewayStage) { s.Upstream += "/base/v1" },
		"hasty":  func(s *models.GatewayStage) { s.Timeout = 150 * time.Millisecond },
		"bearer": func(s *models.GatewayStage) { s.KeySource = models.KeySource{Place: models.KeyInBearer} },
		"asked":  func(s *models.GatewayStage) { s.KeySource = models.KeySource{Place: models.KeyInQuery, Name: "key"} },
		"shown": func(s *models.GatewayStage) {
			s.KeySource = models.KeySource{Place: models.KeyInHeader, Name: "X-Token", Forward: true}
		},
		"small":  func(s *models.GatewayStage) { s.Settings.Limits.MaxBody = 1000 },
		"idle":   func(s *models.GatewayStage) { s.Settings.Timeouts.Idle = 200 * time.Millisecond },
		"crowd":  func(s *models.GatewayStage) { s.Throttle = &limit.Throttle{Rate: 0.04, Burst: 2} },
		"closed": func(s *models.GatewayStage) { s.Settings.Maintenance = &models.Maintenance{Message: "We move house."} },
		"broken": func(s *models.GatewayStage) { s.Broken = "its certificate cannot be opened" },
		"away":   func(s *models.GatewayStage) { s.Upstream = "http://127.0.0.1:1" },
		"never":  func(s *models.GatewayStage) { s.Upstream = "http://10.0.0.1:80" },
		"ruled": func(s *models.GatewayStage) {
			s.Settings.Request = []models.HeaderRule{{Action: models.HeaderSet, Name: "X-Team", Value: "blue"}}
			s.Settings.Response = []models.HeaderRule{{Action: models.HeaderRemove, Name: "Server"}}
		},
		"worded": func(s *models.GatewayStage) {
			s.Parts.Responses = map[string]models.GatewayResponse{
				"DEFAULT_4XX": {Templates: map[string]string{"application/json": `{"message":$context.error.messageString,"agent":"$context.identity.userAgent"}`}},
				"DEFAULT_5XX": {Status: 299},
			}
		},
		"wanted": func(s *models.GatewayStage) {
			s.Parts.Validators = map[string]models.RequestValidator{"v": {Parameters: true}}
			s.Methods[1].Request = models.MethodRequest{Validator: "v", Parameters: map[string]bool{"method.request.header.X-Team": true}}
		},
		"worded-broken": func(s *models.GatewayStage) {
			s.Broken = "its certificate cannot be opened"
			s.Parts.Responses = map[string]models.GatewayResponse{"DEFAULT_5XX": {Status: 555}}
		},
		"pages": func(s *models.GatewayStage) {
			s.Settings.CORS = &models.CORS{Origins: []string{"https://app.example.com"}, Credentials: true}
		},
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) { // ids are the same in both worlds
		s := w.addAPI(name, upstream, methods...)
		s.Settings.Targets.Breaker.Off = true
		kinds[name](s)
		all = append(all, s)
	}
	return all
}

// play is what a client sends on one connection, and what upstreams do.
type play struct {
	name    string
	parts   []string // sent one after the other, with a moment between them
	cut     cut
	scripts []script // of requests with n=0, n=1, …
	every   *script  // of all others; nil: they are answered plainly
	unlike  string   // why lanes may differ in what is written down of it; empty: they may not
}

// cut is how a play's parts are divided on their way.
type cut uint8

const (
	whole        cut = iota
	byteWise         // one by one
	inCRLF           // behind each CR
	inHalves         //
	numCuts      = iota
	mostByteWise = 4096 // that are not sent one by one
)

func (c cut) divide(b []byte) (all [][]byte) {
	switch c {
	case byteWise:
		if len(b) > mostByteWise {
			return cut(inHalves).divide(b)
		}
		for i := range b {
			all = append(all, b[i:i+1])
		}
	case inCRLF:
		for len(b) > 0 {
			n := bytes.IndexByte(b, '\r') + 1
			if n == 0 || len(all) > 200 {
				n = len(b)
			}
			all, b = append(all, b[:n]), b[n:]
		}
	case inHalves:
		all = append(all, b[:len(b)/2], b[len(b)/2:])
	default:
		all = append(all, b)
	}
	return all
}

// outcome is all that a play came to. Ids, times and addresses are taken out.
type outcome struct {
	Answers  []string
	End      string // of the connection: open, closed, or it waits
	Upstream []string
	Log      []string
}

// same plays on both, and fails if they are not the same.
func (w *twins) same(t testing.TB, p play) (standard outcome) {
	t.Helper()
	begun := time.Now()
	defer func() {
		if d := time.Since(begun); d > 300*time.Millisecond {
			t.Logf("SLOW %s: %v %v", p.name, d, standard.End)
		}
	}()
	standard, fast := w.play(t, &p, usualPatience)
	if !cmp.Equal(standard, fast) {
		w.again++
		standard, fast = w.play(t, &p, greatPatience)
	}
	if d := cmp.Diff(standard, fast); d != "" {
		t.Errorf("%s: the fast lane differs (+) from the standard lane (-) in\n%s\nof %.400q", p.name, d, p.parts)
	}
	return standard
}

// patience is how long more is waited for: behind a request that is whole, and behind one that is not.
type patience struct{ answer, quiet time.Duration }

var (
	usualPatience = patience{2 * time.Second, 30 * time.Millisecond}
	greatPatience = patience{4 * time.Second, 500 * time.Millisecond}
)

func (w *twins) play(t testing.TB, p *play, wait patience) (standard, fast outcome) {
	t.Helper()
	var group sync.WaitGroup
	sides, outcomes := [...]*side{w.standard, w.fast}, [2]outcome{}
	clients := [2]*laneClient{}
	for i, s := range sides {
		s.up.rehearse(p.scripts, p.every)
		group.Go(func() { clients[i] = s.send(p, wait) })
	}
	group.Wait()
	// What is left to be written down and received by the others when the client has its answer comes a moment later.
	for deadline := time.Now().Add(wait.answer / 3); ; time.Sleep(time.Millisecond) {
		for i, s := range sides {
			outcomes[i] = clients[i].outcome(s)
			if p.unlike != "" {
				outcomes[i].Log = nil
			}
		}
		if cmp.Equal(outcomes[0], outcomes[1]) || time.Now().After(deadline) {
			break
		}
	}
	for _, s := range sides {
		s.read += len(s.text.after(s.read))
		s.up.forget()
		s.clock.advance(time.Minute)
	}
	return outcomes[0], outcomes[1]
}

// sentinel is the request behind a play: its answer shows that the connection is open and in step.
const sentinel = "GET /echo/prod/open/last HTTP/1.1\r\nHost: a\r\n\r\n"

// laneClient is a client's connection.
type laneClient struct {
	came []byte
	eof  bool
	err  error
	end  string
	asks []string // verbs of what was asked
}

// send plays the client's part.
func (s *side) send(p *play, wait patience) *laneClient {
	c := &laneClient{end: "waits"}
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		c.err = err
		return c
	}
	defer conn.Close()
	came := make(chan []byte, 1024)
	go func() {
		defer close(came)
		for {
			b := make([]byte, 32<<10)
			n, err := conn.Read(b)
			if n > 0 {
				came <- b[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	text := s.up.reveal(strings.Join(p.parts, ""))
	asks, complete := heads([]byte(text))
	c.asks = asks
	go func() {
		for i, part := range p.parts {
			if i > 0 {
				time.Sleep(5 * time.Millisecond)
			}
			for _, b := range p.cut.divide([]byte(s.up.reveal(part))) {
				if _, err := conn.Write(b); err != nil {
					return
				}
			}
		}
	}()
	if !complete {
		c.await(came, len(asks)+1, wait.quiet) // more than there can be
		return c
	}
	if c.await(came, len(asks), wait.answer); !c.eof {
		c.asks = append(c.asks, "GET")
		_, _ = io.WriteString(conn, sentinel)
		if c.await(came, len(c.asks), wait.answer) {
			c.end = "open"
		}
	}
	return c
}

// await reads until so many answers have come whole, the connection ended, or nothing came for a while.
func (c *laneClient) await(came <-chan []byte, answers int, quiet time.Duration) bool {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		if _, n := parseReplies(c.came, c.asks, c.eof); n >= answers {
			return true
		}
		select {
		case b, more := <-came:
			if !more {
				c.eof, c.end = true, "closed"
				return false
			}
			c.came = append(c.came, b...)
			timer.Reset(quiet)
		case <-timer.C:
			return false
		}
	}
}

// heads returns the verbs of the requests in b, with that of one that will be refused at the wire, and whether nothing is missing of the last.
func heads(b []byte) (verbs []string, complete bool) {
	for len(b) > 0 {
		var j wire.Judge
		v, done := j.Feed(b)
		if !done {
			return verbs, false
		}
		verbs = append(verbs, string(j.Method.Of(b)))
		if v.Kind != wire.Passed {
			return verbs, true
		}
		b = b[j.Size:]
		switch {
		case j.Chunked:
			chunks := wire.Chunks{}
			_, used, v, ended := chunks.Clean(bytes.Clone(b))
			if v.Kind != wire.Passed || !ended {
				return verbs, v.Kind != wire.Passed
			}
			b = b[used:]
		case j.ContentLength > int64(len(b)):
			return verbs, false
		case j.ContentLength > 0:
			b = b[j.ContentLength:]
		}
	}
	return verbs, true
}

// outcome takes out of everything what cannot be the same twice.
func (c *laneClient) outcome(s *side) (o outcome) {
	names := map[string]string{} // of ids
	replies, _ := parseReplies(c.came, c.asks, c.eof)
	for _, r := range replies {
		if id := r.value("x-request-id"); id != "" && names[id] == "" {
			names[id] = fmt.Sprintf("ID%d", len(names)+1)
		}
	}
	neutral := func(text string) string {
		for id, name := range names {
			text = strings.ReplaceAll(text, id, name)
		}
		return s.up.conceal(text)
	}
	for _, r := range replies {
		o.Answers = append(o.Answers, neutral(r.String()))
	}
	if o.End = c.end; c.err != nil {
		o.End = c.err.Error()
	}
	for _, r := range s.up.received() {
		if id := r.value("x-request-id"); names[id] == "" && id != "" {
			names[id] = "ID?" // nobody was answered so
		}
		o.Upstream = append(o.Upstream, neutral(r.String()))
	}
	s.log.Flush()
	for line := range bytes.Lines(s.text.after(s.read)) {
		o.Log = append(o.Log, neutral(told(line, names)))
	}
	slices.Sort(o.Log) // it keeps lines in several places until it writes them
	return o
}

// told is a line of the access log without its times.
func told(line []byte, names map[string]string) string {
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Sprintf("%v: %s", err, line)
	}
	for _, name := range []string{"time", "seconds", "upstream_seconds"} {
		if m[name] != nil {
			delete(m, name)
		}
	}
	if id, _ := m["request_id"].(string); names[id] == "" {
		m["request_id"] = "ID?"
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s=%v ", name, m[name])
	}
	return b.String()
}
