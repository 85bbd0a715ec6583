package enforcement_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/enforcement"
	"gatehouse/enforcement/fast"
	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/wire"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// rawUpstream answers each request with the same bytes, and keeps heads.
type rawUpstream struct {
	address string
	mu      sync.Mutex
	heads   []string
	answer  string
}

func newRawUpstream(t testing.TB) *rawUpstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	u := &rawUpstream{address: l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go u.serve(c)
		}
	}()
	return u
}

func (u *rawUpstream) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		head := ""
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			head += line
		}
		if m := regexp.MustCompile(`(?i)\r\ncontent-length: (\d+)\r\n`).FindStringSubmatch(head); m != nil {
			var n int64
			fmt.Sscan(m[1], &n)
			io.CopyN(io.Discard, r, n)
		}
		u.mu.Lock()
		u.heads = append(u.heads, head)
		answer := u.answer
		u.mu.Unlock()
		if answer == "" {
			return
		}
		io.WriteString(c, answer)
		if !strings.Contains(answer, "ength: ") && !strings.Contains(answer, "hunked") && !strings.Contains(answer, " 204") && !strings.Contains(answer, " 304") {
			return
		}
	}
}

func (u *rawUpstream) take() (heads []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	heads, u.heads = u.heads, nil
	return heads
}

func (u *rawUpstream) answers(s string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = s
}

// fastRequest is a request as a loop of the fast lane reads it.
func fastRequest(t testing.TB, raw string) *fast.Request {
	t.Helper()
	var j wire.Judge
	j.Reset(make([]wire.Field, 0, wire.MaxFields))
	if v, done := j.Feed([]byte(raw)); !done || v.Kind != wire.Passed {
		t.Fatalf("%q: %v", raw, v)
	}
	return &fast.Request{Head: &j.Head, Bytes: []byte(raw[:j.Size]), Fields: j.Head.Fields, Remote: "127.0.0.1:1", Close: j.Head.Close}
}

// inFastLane serves a request as a loop does; left: it is the standard lane's.
func inFastLane(t testing.TB, call fast.Call, raw string) (answer string, left bool) {
	t.Helper()
	r := fastRequest(t, raw)
	step := call.Begin(r)
	for step == fast.Wait {
		call.Await(t.Context())
		step = call.Begin(r)
	}
	e := transport.End{}
	begun := time.Now()
	for step == fast.Forward {
		var out []byte
		if out, e, step = tryFast(t, call, r, raw); step == fast.Leave {
			r.Out = append(r.Out, out...)
		}
		e.Begun, e.Took = begun, max(1, time.Since(begun))
		if e.Latency == 0 {
			e.Latency = e.Took
		}
	}
	if step == fast.Leave && e.Status == 0 {
		return "", true
	}
	answer = string(r.Out)
	call.End(r, &e)
	return answer, false
}

// tryFast makes one try; what it says last is Leave when there is an answer.
func tryFast(t testing.TB, call fast.Call, r *fast.Request, raw string) (body []byte, e transport.End, step fast.Step) {
	t.Helper()
	c, err := r.Origin.Dial(context.Background())
	if err != nil {
		e.Failure = transport.Unreachable
		return nil, e, call.Failed(r, e.Failure, err, false, false)
	}
	defer c.Close()
	sent := raw[len(r.Bytes):]
	c.Write(append(call.AppendRequest(r, nil), sent...))
	e.BytesIn = int64(len(sent))
	in := bufio.NewReader(c)
	for {
		a := fast.Answered{Told: -1, Date: time.Now().UTC().Format(http.TimeFormat)}
		line, err := in.ReadString('\n')
		if err != nil {
			e.Failure = transport.Unreachable
			return nil, e, call.Failed(r, e.Failure, io.EOF, true, false)
		}
		if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &a.Status); err != nil {
			e.Failure = transport.Invalid
			return nil, e, call.Failed(r, e.Failure, err, true, true)
		}
		for {
			line, _ := in.ReadString('\n')
			if line = strings.TrimRight(line, "\r\n"); line == "" {
				break
			}
			name, value, _ := strings.Cut(line, ":")
			value = strings.Trim(value, " \t")
			a.Fields = append(a.Fields, fast.Field{Name: []byte(name), Value: []byte(value)})
			switch strings.ToLower(name) {
			case "content-length":
				fmt.Sscan(value, &a.Told)
			case "transfer-encoding":
				a.Chunked = true
			}
		}
		if a.Status < 200 {
			call.Answered(r, &a)
			continue
		}
		isHead := strings.HasPrefix(raw, "HEAD ")
		bodiless := isHead || a.Status == 204 || a.Status == 304
		if !isHead && bodiless {
			a.Told = -1
		}
		untilEnd := a.Told < 0 && !a.Chunked && !bodiless
		a.Chunked = (a.Chunked || untilEnd) && !bodiless
		call.Answered(r, &a)
		e.Status = a.Status
		switch {
		case bodiless:
		case untilEnd:
			some, _ := io.ReadAll(in)
			body = fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(some), some)
			e.BytesOut = int64(len(some))
		case a.Chunked:
			for !bytes.HasSuffix(body, []byte("0\r\n\r\n")) {
				line, _ := in.ReadBytes('\n')
				body = append(body, line...)
			}
			e.BytesOut = int64(len(body)) - 10
		default:
			body = make([]byte, a.Told)
			io.ReadFull(in, body)
			e.BytesOut = a.Told
		}
		return body, e, fast.Leave
	}
}

// sides are two worlds that are alike: one is served by the standard lane, one by the fast lane.
type sides struct {
	standard, quick *one
	address         string // of the standard lane
	call            fast.Call
	up              *rawUpstream
}

func newSides(t testing.TB, up *rawUpstream, with func(o *one)) *sides {
	t.Helper()
	made := func() *one {
		o := &one{world: newWorld()}
		o.clock = newClock("2026-03-10 12:00:00")
		o.stage = o.addAPI("echo", "http://"+up.address+"/base", "GET /a", "ANY /b", "POST /a", "open GET /open", "GET /only/{id}", "open ANY /any/{rest+}")
		o.plan = o.addPlan("Free", nil, o.stage)
		o.key, o.value = o.addKey(o.plan)
		if with != nil {
			with(o)
		}
		return o
	}
	s := &sides{standard: made(), quick: made(), up: up}
	s.open(t)
	return s
}

// open makes both gateways, again or for the first time.
func (s *sides) open(t testing.TB, options ...func(*enforcement.Config)) {
	t.Helper()
	s.standard.g, s.quick.g = s.standard.gateway(t, options...), s.quick.gateway(t, options...)
	s.address = strings.TrimPrefix(serve(t, s.standard.g), "http://")
	policy, ok := s.quick.g.FastLane()
	if !ok {
		t.Fatal("there is no fast lane")
	}
	s.call = policy.NewCall(0)
}

var (
	ids   = regexp.MustCompile(`[0-9a-f]{32}`)
	dates = regexp.MustCompile(`(?m)^Date: .*$`)
)

// plainHead sorts a head's lines under their canonical names, and takes out what differs each time.
func plainHead(head string) string {
	lines := strings.Split(strings.TrimRight(head, "\r\n"), "\r\n")
	for i, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		lines[i+1] = textproto.CanonicalMIMEHeaderKey(name) + ": " + strings.Trim(value, " \t")
	}
	slices.Sort(lines[1:])
	return dates.ReplaceAllString(ids.ReplaceAllString(strings.Join(lines, "\n"), "ID"), "Date: DATE")
}

// plainAnswers does so with all heads of an answer, interim ones too, and adds its body.
func plainAnswers(answer string) string {
	out := ""
	for {
		head, rest, _ := strings.Cut(answer, "\r\n\r\n")
		out += plainHead(head) + "\n\n"
		if !strings.HasPrefix(head, "HTTP/1.1 1") {
			if strings.Contains(strings.ToLower(head), "transfer-encoding: chunked") {
				all, _ := io.ReadAll(newChunkReader(rest))
				rest = string(all)
			}
			return out + ids.ReplaceAllString(rest, "ID")
		}
		answer = rest
	}
}

func newChunkReader(s string) io.Reader {
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+s)), nil)
	if err != nil {
		return strings.NewReader(err.Error())
	}
	return r.Body
}

// compare sends a request through both lanes; {key} stands for the key.
func (s *sides) compare(t *testing.T, name, raw string) {
	t.Helper()
	want := exchangeRaw(t, s.address, strings.ReplaceAll(raw, "{key}", s.standard.value))
	wantHeads := s.up.take()
	got, left := inFastLane(t, s.call, strings.ReplaceAll(raw, "{key}", s.quick.value))
	if left {
		t.Errorf("%s: it was left to the standard lane", name)
		return
	}
	gotHeads := s.up.take()
	if diff := cmp.Diff(plainAnswers(want), plainAnswers(got)); diff != "" {
		t.Errorf("%s: answers (-standard +fast):\n%s", name, diff)
	}
	for i := range wantHeads {
		wantHeads[i] = strings.ReplaceAll(plainHead(wantHeads[i]), s.standard.value, "{key}")
	}
	for i := range gotHeads {
		gotHeads[i] = strings.ReplaceAll(plainHead(gotHeads[i]), s.quick.value, "{key}")
	}
	// On a connection that was kept the standard lane tries once more by itself: the loops' part of the fast lane.
	wantHeads, gotHeads = slices.Compact(wantHeads), slices.Compact(gotHeads)
	if diff := cmp.Diff(wantHeads, gotHeads); diff != "" {
		t.Errorf("%s: the upstream's requests (-standard +fast):\n%s", name, diff)
	}
}

// readAnswer reads the bytes of one answer.
func readAnswer(t *testing.T, name string, r *bufio.Reader, isHead bool) (all string) {
	t.Helper()
	for {
		head := ""
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %q: %v", name, all+head, err)
			}
			head += line
		}
		all += head
		if strings.HasPrefix(head, "HTTP/1.1 1") {
			continue
		}
		lower := strings.ToLower(head)
		if m := regexp.MustCompile(`\r\ncontent-length: (\d+)\r\n`).FindStringSubmatch(lower); m != nil && !isHead {
			var n int
			fmt.Sscan(m[1], &n)
			body := make([]byte, n)
			io.ReadFull(r, body)
			return all + string(body)
		}
		if strings.Contains(lower, "transfer-encoding: chunked") {
			for {
				line, err := r.ReadString('\n')
				if all += line; err != nil || strings.HasSuffix(all, "\r\n0\r\n\r\n") {
					return all
				}
			}
		}
		return all
	}
}

const plainOK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func get(path string, fields ...string) string {
	return "GET /echo/prod" + path + " HTTP/1.1\r\nHost: gateway.example\r\n" + strings.Join(fields, "\r\n") + strings.Repeat("\r\n", min(1, len(fields))) + "\r\n"
}

// Both lanes send an upstream the same, and answer the same.
func TestTheLanesDifferInNothing(t *testing.T) {
	up := newRawUpstream(t)
	s := newSides(t, up, nil)
	up.answers(plainOK)
	const key = "X-Api-Key: {key}"
	for name, raw := range map[string]string{
		"plain":                  get("/a", key),
		"query":                  get("/a?x=1&y=%20;", key),
		"canonical path":         get("/only/%7euser%2a", key),
		"spaces around values":   get("/a", "x-api-key:  {key} \t", "X-One:\t1 ", "X-Empty:"),
		"same name twice":        get("/a", key, "X-One: 1", "x-one: 2"),
		"host with a port":       "GET /echo/prod/a HTTP/1.1\r\nhost: Gateway.example:8080\r\n" + key + "\r\n\r\n",
		"private":                get("/a", key, "X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "x-consumer-id: me", "X-Request-Id: mine", "Forwarded: for=1", "X-Original-Url: /", "Proxy: x", "X-HTTP-Method-Override: DELETE", "X-Gatehouse-Thing: 1"),
		"nearly private":         get("/a", key, "X-Forward: 1", "Forwarded-By: x", "Proxied: 1", "True-Client: x", "X-Client-Ips: 1"),
		"underscores":            get("/a", key, "X_One: 1", "X_Two_: 2", "__: 3"),
		"hop by hop":             get("/a", key, "Connection: keep-alive", "Keep-Alive: timeout=5", "Proxy-Connection: close", "Proxy-Authorization: x"),
		"close":                  get("/a", key, "Connection: close"),
		"cookies":                get("/a", key, "Cookie: a=1; gatehouse=x; b=2", "Cookie: __Host-Gatehouse=y", "Cookie: c=3"),
		"an empty cookie":        get("/a", key, "Cookie:"),
		"cookies that stay":      get("/a", key, `Cookie: a="x;y" ; gatehouse2=1;;b`),
		"pragma":                 get("/a", key, "Pragma: no-cache"),
		"pragma, cache-control":  get("/a", key, "Pragma: no-cache", "Cache-Control: max-age=0"),
		"another pragma":         get("/a", key, "Pragma: x"),
		"trace":                  get("/a", key, "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate: a=1", "tracestate: b=2"),
		"a bad trace":            get("/a", key, "Traceparent: 00-0", "Tracestate: a=1"),
		"a trace twice":          get("/a", key, "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate: a=1"),
		"a state alone":          get("/a", key, "Tracestate: a=1"),
		"much state":             get("/a", key, "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate: "+strings.Repeat("a", 5000)),
		"range":                  get("/a", key, "Range: bytes=0-1", "If-None-Match: *", "Accept: */*", "Accept-Encoding: gzip", "User-Agent: test", "Authorization: Basic x"),
		"origin":                 get("/a", key, "Origin: https://page.example"),
		"open":                   get("/open"),
		"open with a key":        get("/open", key),
		"HEAD":                   "HEAD /echo/prod/a HTTP/1.1\r\nHost: gateway.example\r\n" + key + "\r\n\r\n",
		"OPTIONS":                "OPTIONS /echo/prod/b HTTP/1.1\r\nHost: gateway.example\r\n" + key + "\r\n\r\n",
		"POST":                   "POST /echo/prod/a HTTP/1.1\r\nHost: gateway.example\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n" + key + "\r\n\r\nabcd",
		"POST without a body":    "POST /echo/prod/a HTTP/1.1\r\nHost: gateway.example\r\n" + key + "\r\n\r\n",
		"POST of nothing":        "POST /echo/prod/a HTTP/1.1\r\nHost: gateway.example\r\nContent-Length: 0\r\n" + key + "\r\n\r\n",
		"DELETE":                 "DELETE /echo/prod/b HTTP/1.1\r\nHost: gateway.example\r\n" + key + "\r\n\r\n",
		"another verb":           "PURGE /echo/prod/b HTTP/1.1\r\nHost: gateway.example\r\n" + key + "\r\n\r\n",
		"below":                  get("/any/x/y/", "X-One: 1"),
		"by ids":                 "GET /" + s.quick.apis[0].ID.String() + "/prod/a HTTP/1.1\r\nHost: gateway.example\r\n" + key + "\r\n\r\n",
		"no key":                 get("/a"),
		"no key, from a page":    get("/a", "Origin: https://page.example"),
		"an empty key":           get("/a", "X-Api-Key:"),
		"two keys":               get("/a", key, "X-API-KEY: {key}"),
		"a key that is none":     get("/a", "X-Api-Key: x"),
		"another key":            get("/a", "X-Api-Key: gwk1_0000000000000000000000000000000000000000"),
		"two authorizations":     get("/a", key, "Authorization: Basic x", "Authorization: Basic y"),
		"no such API":            "GET /other/prod/a HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
		"no such stage":          "GET /echo/test/a HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
		"no such path":           get("/zzz", key),
		"no such path, HEAD":     "HEAD /echo/prod/zzz HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
		"no such verb":           "POST /echo/prod/only/1 HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
		"the root":               "GET / HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
		"an asterisk":            "OPTIONS * HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
		"a dot segment":          get("/../a", key),
		"an encoded slash":       get("/only/%2f", key),
		"lower case":             "get /echo/prod/a HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
		"TRACE":                  "TRACE /echo/prod/a HTTP/1.1\r\nHost: gateway.example\r\n\r\n",
		"a refusal, and close":   get("/zzz", "Connection: close"),
		"a refusal of a body":    "POST /echo/prod/zzz HTTP/1.1\r\nHost: gateway.example\r\nContent-Length: 4\r\n\r\nabcd",
		"X-Gatehouse-Quote of 0": get("/a", key),
	} {
		s.compare(t, name, raw)
	}
	for name, answer := range map[string]string{
		"fields":           "HTTP/1.1 201 Made\r\nContent-Length: 2\r\nX-One: 1\r\nx-one:2\r\nServer: x\r\nVary: a\r\nLocation: /x\r\nContent-Type: text/plain\r\n\r\nok",
		"ours":             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: 1\r\nx-amzn-requestid: 2\r\nRateLimit: x\r\nX-Ratelimit-Limit: 7\r\nDeprecation: @1\r\nSunset: x\r\nLink: <a>\r\n\r\nok",
		"hop by hop":       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Two\r\nX-Two: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: x\r\nProxy-Authenticate: x\r\nTE: x\r\nTrailer: x\r\n\r\nok",
		"host's":           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAlt-Svc: x\r\nClear-Site-Data: *\r\nStrict-Transport-Security: x\r\n\r\nok",
		"cookies":          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: gatehouse=1\r\nSet-Cookie: a=1\r\nset-cookie: __HOST-gatehouse =x\r\n\r\nok",
		"a date":           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\n\r\nok",
		"no content":       "HTTP/1.1 204 No Content\r\nX-One: 1\r\n\r\n",
		"not modified":     "HTTP/1.1 304 Not Modified\r\nEtag: x\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\n",
		"chunks":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"until the end":    "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\nok",
		"a stranger":       "HTTP/1.1 299 Whatever\r\nContent-Length: 2\r\n\r\nok",
		"an error":         "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nok",
		"early hints":      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nAlt-Svc: x\r\nX-Request-Id: 1\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"not HTTP":         "hello\r\n\r\n",
		"nothing":          "",
		"empty":            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"a type of events": "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n",
	} {
		up.answers(answer)
		s.compare(t, "answer with "+name, get("/a", key))
		s.compare(t, "POST, answer with "+name, "POST /echo/prod/a HTTP/1.1\r\nHost: gateway.example\r\nContent-Length: 4\r\n"+key+"\r\n\r\nabcd")
	}
	s.sameMetrics(t)
}

// sameMetrics compares all that is counted but times.
func (s *sides) sameMetrics(t *testing.T) {
	t.Helper()
	of := func(o *one) map[string][]string {
		all := metrics(t, o.g)
		for name := range all {
			if strings.Contains(name, "seconds") || strings.Contains(name, "journal_bytes") {
				delete(all, name)
			}
		}
		return all
	}
	if diff := cmp.Diff(of(s.standard), of(s.quick)); diff != "" {
		t.Errorf("metrics (-standard +fast):\n%s", diff)
	}
	if diff := cmp.Diff(s.standard.counts(t), s.quick.counts(t)); diff != "" {
		t.Errorf("usage (-standard +fast):\n%s", diff)
	}
}

// What a limit refuses, it refuses alike, and says the same.
func TestTheLanesRefuseAlike(t *testing.T) {
	for name, with := range map[string]func(o *one){
		"throttle":         func(o *one) { o.publish(o.plan, throttle(0.5, 2)) },
		"throttle of 0":    func(o *one) { o.publish(o.plan, throttle(0, 0)) },
		"fast throttle":    func(o *one) { o.publish(o.plan, throttle(1234.5, 1)) },
		"quota":            func(o *one) { o.publish(o.plan, quota(2, limit.PeriodDay)) },
		"quota of a month": func(o *one) { o.publish(o.plan, quota(1, limit.PeriodMonth)) },
		"quota of 0":       func(o *one) { o.publish(o.plan, quota(0, limit.PeriodWeek)) },
		"stage":            func(o *one) { o.world.stage(func() { o.stage.Throttle = &limit.Throttle{Rate: 1, Burst: 2} }) },
		"stage method": func(o *one) {
			rate := 1.0
			o.world.stage(func() {
				o.stage.Settings.Methods = map[string]models.MethodSetting{"GET /a": {Rate: &rate}, "GET /open": {Rate: &rate}}
			})
		},
		"account": func(o *one) { o.limitOwner(&limit.Throttle{Rate: 1, Burst: 2}) },
		"method":  func(o *one) { o.publish(o.plan, methodThrottle(o)) },
		"excluded": func(o *one) {
			o.publish(o.plan, func(t *models.Terms) { t.Stages[0].Excluded = []models.MethodID{methodOf(o.stage, "GET /a")} })
		},
		"no plan":     func(o *one) { o.change(o.key, func(c *models.Credential) { c.Plans = nil }) },
		"revoked":     func(o *one) { o.change(o.key, func(c *models.Credential) { c.Enabled, c.Revoked = false, true }) },
		"disabled":    func(o *one) { o.change(o.key, func(c *models.Credential) { c.Enabled = false }) },
		"no upstream": func(o *one) { o.world.stage(func() { o.stage.Upstream = "http://127.0.0.1:1" }) },
		"another key field": func(o *one) {
			o.world.stage(func() {
				o.stage.KeySource = models.KeySource{Place: models.KeyInHeader, Name: "X-Weather", Forward: true}
			})
		},
		"bearer": func(o *one) {
			o.world.stage(func() { o.stage.KeySource = models.KeySource{Place: models.KeyInBearer} })
		},
		"a small body": func(o *one) { o.world.stage(func() { o.stage.Settings.Limits.MaxBody = 3 }) },
	} {
		t.Run(name, func(t *testing.T) {
			up := newRawUpstream(t)
			up.answers(plainOK)
			s := newSides(t, up, with)
			for range 4 {
				s.compare(t, "GET", get("/a", "X-Api-Key: {key}"))
			}
			s.compare(t, "open", get("/open"))
			s.compare(t, "X-Weather", get("/a", "X-Weather: {key}", "X_Weather: {key}", "x-api-key: x"))
			s.compare(t, "bearer", get("/a", "Authorization: bearer  {key}"))
			s.compare(t, "basic", get("/a", "Authorization: Basic {key}"))
			s.compare(t, "two", get("/a", "Authorization: Bearer {key}", "authorization: Bearer {key}"))
			s.compare(t, "POST", "POST /echo/prod/a HTTP/1.1\r\nHost: gateway.example\r\nContent-Length: 4\r\nX-Api-Key: {key}\r\n\r\nabcd")
			s.sameMetrics(t)
		})
	}
}

func methodThrottle(o *one) func(*models.Terms) {
	return func(t *models.Terms) {
		t.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methodOf(o.stage, "GET /a"), Throttle: limit.Throttle{Rate: 0.1, Burst: 1}}}
	}
}
