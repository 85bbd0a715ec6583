package enforcement_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/enforcement"
	"gatehouse/enforcement/fast"
	"gatehouse/enforcement/front"
	"gatehouse/enforcement/transport"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// What a stage or a request has that the fast lane does not know is left, and nothing was spent.
func TestWhatIsNotPlainIsLeft(t *testing.T) {
	plain := func(*one) {}
	const key = "X-Api-Key: {key}"
	up := newRawUpstream(t)
	up.answers(plainOK)
	for name, tt := range map[string]struct {
		with func(o *one)
		raw  string
	}{
		"quote":            {plain, get("/a", key, "X-Gatehouse-Quote: 1")},
		"preflight":        {plain, "OPTIONS /echo/prod/a HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n\r\n"},
		"events":           {plain, get("/a", key, "Accept: text/event-stream")},
		"gRPC":             {plain, "POST /echo/prod/a HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc+proto\r\nContent-Length: 1\r\n\r\nx"},
		"upgrade":          {plain, get("/a", key, "Upgrade: websocket")},
		"connection names": {plain, get("/a", key, "Connection: close, x-one", "X-One: 1")},
		"query":            {func(o *one) { o.stage.KeySource = models.KeySource{Place: models.KeyInQuery, Name: "key"} }, get("/a?key={key}")},
		"maintenance":      {func(o *one) { o.stage.Settings.Maintenance = &models.Maintenance{} }, get("/a", key)},
		"CORS":             {func(o *one) { o.stage.Settings.CORS = &models.CORS{Origins: []string{"*"}} }, get("/a", key)},
		"rules": {func(o *one) {
			o.stage.Settings.Request = []models.HeaderRule{{Action: models.HeaderSet, Name: "X-One", Value: "1"}}
		}, get("/a", key)},
		"cache": {func(o *one) { o.stage.Settings.Cache = &models.StageCache{TTL: time.Minute} }, get("/a", key)},
		"integration": {func(o *one) {
			o.stage.Methods[1].Integration = &models.Integration{Kind: models.IntegrationMock}
		}, get("/a", key)},
		"TLS": {func(o *one) { o.stage.Upstream = "https://" + up.address }, get("/a", key)},
		"h2c": {func(o *one) { o.stage.Upstream = "h2c://" + up.address }, get("/a", key)},
		"one of TLS": {func(o *one) {
			o.stage.Settings.Targets.Others = []models.Target{{URL: "https://" + up.address, Weight: 1}}
		}, get("/a", key)},
		"broken": {func(o *one) { o.stage.Broken = "x" }, get("/a", key)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSides(t, up, func(o *one) { o.world.stage(func() { tt.with(o) }) })
			if answer, left := inFastLane(t, s.call, strings.ReplaceAll(tt.raw, "{key}", s.quick.value)); !left {
				t.Errorf("it was answered: %s", answer)
			}
			if n := s.quick.counts(t); len(n) > 0 {
				t.Errorf("%v was counted", n)
			}
		})
	}
}

func TestATrustedProxyIsBelievedInBothLanes(t *testing.T) {
	up := newRawUpstream(t)
	s := newSides(t, up, nil)
	trusting := func(network string) func(*enforcement.Config) {
		return func(c *enforcement.Config) {
			c.Proxies = front.NewTrust([]netip.Prefix{netip.MustParsePrefix(network)})
		}
	}
	for _, network := range []string{"127.0.0.1/32", "10.0.0.0/8"} {
		s.open(t, trusting(network))
		for i, fields := range [][]string{
			nil, {"X-Forwarded-For: 192.0.2.1"}, {"X-Forwarded-For: 203.0.113.9, 192.0.2.1, 127.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: api.example.com"},
			{"X-Forwarded-For: 203.0.113.9", "x-forwarded-for: 192.0.2.1:99"}, {"X-Forwarded-For: rubbish", "X-Forwarded-Proto: gopher", "X-Forwarded-Host: a b"},
			{"X-Forwarded-For: ::1, [2001:db8::1]:7", "X-Forwarded-Host: a", "X-Forwarded-Host: b"},
		} {
			s.compare(t, fmt.Sprint(network, i), get("/a", append(fields, "X-Api-Key: {key}")...))
		}
	}
}

// What both lanes keep of a request is the same: receipts, entries of the request log, lines of the access log.
func TestTheLanesKeepTheSame(t *testing.T) {
	up := newRawUpstream(t)
	up.answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nX-Ratelimit-Limit: 9\r\nSet-Cookie: a=1\r\n\r\nok")
	s := newSides(t, up, func(o *one) { o.publish(o.plan, quota(4, limit.PeriodDay)) })
	type kept struct {
		entries []models.LogEntry
		lines   []map[string]any
	}
	keep := func(o *one, send func(raw string)) (k kept) {
		withReceipts(t, o.world)
		log, option := withLog(t, o.world)
		access, lines := accessLog(t)
		o.g = o.gateway(t, option, func(c *enforcement.Config) { c.AccessLog = access })
		const key = "X-Api-Key: {key}"
		for i, raw := range []string{
			get("/a?x=1&key={key}", key, "User-Agent: test", "X-Request-Id: mine", "Cookie: b=1"), get("/zzz", key), get("/a"), get("/open"), get("/any/%7e"),
			"POST /echo/prod/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n" + key + "\r\n\r\nabcd", get("/a", key), get("/a", key), get("/a", key),
			get("/../a", key), "GET /none/x HTTP/1.1\r\nHost: a\r\n\r\n",
		} {
			o.clock.advance(time.Duration(i) * time.Second)
			send(strings.ReplaceAll(raw, "{key}", o.value))
		}
		return kept{entries(t, log, o.apis[0].ID), lines()}
	}
	standard := keep(s.standard, func(raw string) {
		address := strings.TrimPrefix(serve(t, s.standard.g), "http://")
		exchangeRaw(t, address, raw)
	})
	quick := keep(s.quick, func(raw string) {
		policy, _ := s.quick.g.FastLane()
		if _, left := inFastLane(t, policy.NewCall(0), raw); left {
			t.Errorf("left: %s", raw)
		}
	})
	for _, k := range []*kept{&standard, &quick} {
		for i := range k.entries {
			e := &k.entries[i]
			e.ID, e.Total, e.Gateway, e.Receipt.Latency = "", 0, 0, 0
		}
		for _, line := range k.lines {
			for _, name := range []string{"request_id", "time", "seconds", "address"} {
				if line[name] == nil {
					t.Errorf("a line has no %s: %v", name, line)
				}
				delete(line, name)
			}
			delete(line, "upstream_seconds") // the clock stands still
		}
		slices.SortFunc(k.lines, func(a, b map[string]any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	if len(standard.entries) == 0 || len(standard.lines) != 11 {
		t.Errorf("%d entries, %d lines", len(standard.entries), len(standard.lines))
	}
	if diff := cmp.Diff(standard.entries, quick.entries); diff != "" {
		t.Errorf("entries (-standard +fast):\n%s", diff)
	}
	if diff := cmp.Diff(standard.lines, quick.lines); diff != "" {
		t.Errorf("lines (-standard +fast):\n%s", diff)
	}
}

// A right that is not in hand is waited for beside the loop; one that does not come is the same refusal.
func TestTheFastLaneWaitsForTheLedger(t *testing.T) {
	up := newRawUpstream(t)
	up.answers(plainOK)
	s := newSides(t, up, func(o *one) { o.publish(o.plan, quota(3, limit.PeriodDay)) })
	raw := strings.ReplaceAll(get("/a", "X-Api-Key: {key}"), "{key}", s.quick.value)
	r := fastRequest(t, raw)
	if step := s.call.Begin(r); step != fast.Wait {
		t.Fatalf("the first request: step %d", step)
	}
	s.call.Await(t.Context())
	if step := s.call.Begin(r); step != fast.Forward {
		t.Fatalf("with a right: step %d", step)
	}
	s.call.End(r, &transport.End{Failure: transport.ClientGone})
	for _, want := range []string{"200", "200", "429"} {
		if answer, _ := inFastLane(t, s.call, raw); answer[9:12] != want {
			t.Errorf("%s, want %s", answer, want)
		}
	}
	away := newSides(t, up, func(o *one) { o.publish(o.plan, quota(3, limit.PeriodDay)); o.ledgerFails(errAway) })
	up.take()
	for range 2 {
		away.compare(t, "ledger away", get("/a", "X-Api-Key: {key}"))
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	r = fastRequest(t, strings.ReplaceAll(get("/a", "X-Api-Key: {key}"), "{key}", away.quick.value))
	if step := away.call.Begin(r); step != fast.Wait {
		t.Fatalf("step %d", step)
	}
	away.call.Await(gone)
	if step := away.call.Begin(r); step != fast.Answer || !strings.HasPrefix(string(r.Out), "HTTP/1.1 503") {
		t.Errorf("step %d, %s", step, r.Out)
	}
	away.call.End(r, &transport.End{})
	away.quick.ledgerFails(nil)
	if n := away.quick.counts(t); len(n) > 0 {
		t.Errorf("%v was counted", n)
	}
}

// A request is sent again where that can do no harm, as by the standard lane.
func TestTheFastLaneRetriesWhatMayBeRetried(t *testing.T) {
	up := newRawUpstream(t)
	const key, post = "X-Api-Key: {key}", "POST /echo/prod/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nX-Api-Key: {key}\r\n\r\nx"
	for name, tt := range map[string]struct {
		raw                 string
		failure             transport.Failure
		err                 error
		connected, answered bool
		again               bool
	}{
		"no connection":           {get("/a", key), transport.Unreachable, syscall.ECONNREFUSED, false, false, true},
		"no connection, POST":     {post, transport.Unreachable, syscall.ECONNREFUSED, false, false, true},
		"it broke":                {get("/a", key), transport.Unreachable, io.EOF, true, false, true},
		"it broke, POST":          {post, transport.Unreachable, io.EOF, true, false, false},
		"it broke in an answer":   {get("/a", key), transport.Unreachable, io.EOF, true, true, false},
		"it is no HTTP":           {get("/a", key), transport.Invalid, errors.New("x"), true, true, false},
		"too slow":                {get("/a", key), transport.Timeout, errors.New("x"), true, false, false},
		"too slow, no connection": {get("/a", key), transport.Timeout, errors.New("x"), false, false, false},
	} {
		s := newSides(t, up, nil)
		r := fastRequest(t, strings.ReplaceAll(tt.raw, "{key}", s.quick.value))
		if step := s.call.Begin(r); step != fast.Forward {
			t.Fatalf("%s: step %d", name, step)
		}
		want := map[bool]fast.Step{true: fast.Forward, false: fast.Answer}
		if step := s.call.Failed(r, tt.failure, tt.err, tt.connected, tt.answered); step != want[tt.again] {
			t.Errorf("%s: step %d", name, step)
		}
		if tt.again { // once
			if step := s.call.Failed(r, tt.failure, tt.err, tt.connected, tt.answered); step != fast.Answer {
				t.Errorf("%s: step %d the second time", name, step)
			}
		}
		s.call.End(r, &transport.End{Failure: tt.failure, Begun: time.Now(), Took: 1, Latency: 1})
		if n := s.quick.counts(t); n[models.OutcomeUpstream] != 1 || len(n) != 1 {
			t.Errorf("%s: counted as %v", name, n)
		}
	}
}

// Whoever may not call any more is cut off.
func TestTheFastLaneEndsWhatMayNotGoOn(t *testing.T) {
	up := newRawUpstream(t)
	for name, tt := range map[string]struct {
		change func(o *one)
		over   bool
	}{
		"nothing":   {func(*one) {}, false},
		"revoked":   {func(o *one) { o.change(o.key, func(c *models.Credential) { c.Enabled, c.Revoked = false, true }) }, true},
		"deleted":   {func(o *one) { o.change(o.key, nil) }, true},
		"off plan":  {func(o *one) { o.change(o.key, func(c *models.Credential) { c.Plans = nil }) }, true},
		"throttled": {func(o *one) { o.publish(o.plan, throttle(0, 0)) }, false},
	} {
		s := newSides(t, up, nil)
		r := fastRequest(t, strings.ReplaceAll(get("/a", "X-Api-Key: {key}"), "{key}", s.quick.value))
		if step := s.call.Begin(r); step != fast.Forward || s.call.IsOver(r) {
			t.Fatalf("%s: step %d", name, step)
		}
		tt.change(s.quick)
		catchUp(t, s.quick.g)
		if over := s.call.IsOver(r); over != tt.over {
			t.Errorf("%s: over %v", name, over)
		}
		want := models.OutcomeSuccess
		if tt.over {
			want = models.OutcomeAborted
			if step := s.call.Failed(r, transport.Stopped, errors.New("cut"), true, false); step != fast.Answer || !strings.HasPrefix(string(r.Out), "HTTP/1.1 403") || !r.Close {
				t.Errorf("%s: step %d, %s", name, step, r.Out)
			}
		}
		s.call.End(r, &transport.End{Status: 200, Begun: time.Now(), Took: 1, Latency: 1})
		if n := s.quick.counts(t); name != "deleted" && (n[want] != 1 || len(n) != 1) {
			t.Errorf("%s: counted as %v", name, n)
		}
	}
}

func TestAStreamOfTheFastLaneIsCountedAndEnds(t *testing.T) {
	up := newRawUpstream(t)
	s := newSides(t, up, nil)
	b := enforcement.DefaultBounds()
	b.StreamIdle, b.StreamMax, b.StreamsPerKey = time.Minute, time.Hour, 1
	s.quick.g.SetBounds(b)
	r := fastRequest(t, strings.ReplaceAll(get("/a", "X-Api-Key: {key}"), "{key}", s.quick.value))
	if step := s.call.Begin(r); step != fast.Forward {
		t.Fatalf("step %d", step)
	}
	s.call.Answered(r, &fast.Answered{Status: 200, Told: -1, Chunked: true, Fields: []fast.Field{{Name: []byte("Content-type"), Value: []byte("text/event-stream; charset=utf-8")}}})
	if !r.Stream || s.call.IsOver(r) {
		t.Error("it is no stream, or over at once")
	}
	if w := in(s.quick.g, "GET", "/echo/prod/a", s.quick.value, accepting("text/event-stream")); w.Code != 429 {
		t.Errorf("another stream: %d", w.Code)
	}
	s.quick.clock.advance(59 * time.Second)
	r.Moved++
	if s.call.IsOver(r) {
		t.Error("a stream that moves is over")
	}
	s.quick.clock.advance(61 * time.Second)
	if !s.call.IsOver(r) {
		t.Error("a stream that is silent goes on")
	}
	s.call.End(r, &transport.End{Status: 200, Failure: transport.Stopped, Begun: time.Now(), Took: 1, Latency: 1})
	if w := in(s.quick.g, "GET", "/echo/prod/a", s.quick.value, accepting("text/event-stream")); w.Code == 429 {
		t.Error("it is still counted")
	}
}

func TestTheFastLaneBeginsNothingOnceTheGatewayStops(t *testing.T) {
	up := newRawUpstream(t)
	s := newSides(t, up, nil)
	drain(t, s.quick.g)
	answer, left := inFastLane(t, s.call, strings.ReplaceAll(get("/a", "X-Api-Key: {key}"), "{key}", s.quick.value))
	if left || !strings.HasPrefix(answer, "HTTP/1.1 503") || !strings.Contains(answer, "\r\nConnection: close\r\n") {
		t.Errorf("left %v, %s", left, answer)
	}
}

func accepting(kind string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Accept", kind) }
}

// counts are how many requests of the key ended how. The gateway is stopped for it.
func (o *one) counts(t testing.TB) map[models.Outcome]int64 {
	t.Helper()
	drain(t, o.g)
	all := map[models.Outcome]int64{}
	for outcome := range models.NumOutcomes {
		if n := o.count(o.key, outcome); n != 0 {
			all[outcome] = n
		}
	}
	return all
}

// A request costs no memory: neither one that passes nor one that is refused.
func TestTheFastLaneDoesNotAllocate(t *testing.T) {
	for name, tt := range map[string]struct {
		terms func(*models.Terms)
		raw   string
		step  fast.Step
	}{
		"allowed":     {allowed, plainGet, fast.Forward},
		"no quota":    {nil, plainGet, fast.Forward},
		"open":        {nil, get("/open", "User-Agent: test"), fast.Forward},
		"throttled":   {throttle(0.001, 1), plainGet, fast.Answer},
		"quota":       {quota(1, limit.PeriodMonth), plainGet, fast.Answer},
		"no such key": {nil, get("/a", "X-Api-Key: gwk1_0000000000000000000000000000000000000000"), fast.Answer},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCost(t, tt.terms, tt.raw)
			for range 100 {
				c.do()
			}
			if n := testing.AllocsPerRun(1000, c.do); n != 0 && !raced {
				t.Errorf("it allocates %v times", n)
			}
			if c.step != tt.step {
				t.Errorf("step %d: %s", c.step, c.r.Out)
			}
		})
	}
}

func allowed(t *models.Terms) {
	throttle(1e9, 1e9)(t)
	quota(1e12, limit.PeriodMonth)(t)
}

var plainGet = get("/a?x=1", "X-Api-Key: {key}", "User-Agent: curl/8.0", "Accept: */*", "Accept-Encoding: gzip, deflate", "X-Custom: 1")

// cost is a Call that is asked about the same request again and again.
type cost struct {
	call fast.Call
	r    *fast.Request
	a    fast.Answered
	up   []byte
	out  []byte
	step fast.Step
	e    transport.End
}

func newCost(t testing.TB, terms func(*models.Terms), raw string) *cost {
	t.Helper()
	w := newWorld()
	st := w.addAPI("echo", "http://127.0.0.1:1", "GET /a", "open GET /open")
	_, value := w.addKey(w.addPlan("Free", terms, st))
	withReceipts(t, w)
	g := w.gateway(t)
	policy, _ := g.FastLane()
	c := &cost{call: policy.NewCall(0), r: fastRequest(t, strings.ReplaceAll(raw, "{key}", value)), up: make([]byte, 0, 4096), out: make([]byte, 0, 4096)}
	for _, f := range [][2]string{{"Server", "nginx"}, {"Date", "Mon, 02 Jan 2006 15:04:05 GMT"}, {"Content-Type", "application/json"}, {"Content-Length", "1021"}, {"Connection", "keep-alive"}} {
		c.a.Fields = append(c.a.Fields, fast.Field{Name: []byte(f[0]), Value: []byte(f[1])})
	}
	c.a.Status, c.a.Told = 200, 1021
	return c
}

func (c *cost) do() {
	r := c.r
	r.Out, r.Now = c.out[:0], time.Now()
	c.e = transport.End{}
	c.step = c.call.Begin(r)
	if c.step == fast.Wait {
		c.call.Await(context.Background())
		c.step = c.call.Begin(r)
	}
	if c.step == fast.Forward {
		c.up = c.call.AppendRequest(r, c.up[:0])
		c.call.Answered(r, &c.a)
		c.e = transport.End{Status: 200, BytesOut: 1021, Begun: r.Now, Took: time.Microsecond, Latency: time.Microsecond}
	}
	c.call.End(r, &c.e)
}

func BenchmarkFastCall(b *testing.B) {
	for name, terms := range map[string]func(*models.Terms){"allowed": allowed, "throttled": throttle(0.001, 1)} {
		b.Run(name, func(b *testing.B) {
			c := newCost(b, terms, plainGet)
			b.ReportAllocs()
			for b.Loop() {
				c.do()
			}
		})
	}
}

// exchangeRaw sends bytes, and returns the answer.
func exchangeRaw(t *testing.T, address, raw string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, raw)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	return readAnswer(t, raw, bufio.NewReader(c), strings.HasPrefix(raw, "HEAD "))
}
