package enforcement_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/enforcement"
	"gatehouse/enforcement/accesslog"
	"gatehouse/models/limit"
)

// accessLog is an access log, and what stands in it.
func accessLog(t *testing.T) (*accesslog.Log, func() []map[string]any) {
	t.Helper()
	var text bytes.Buffer
	l := accesslog.New(accesslog.Config{Stdout: &text, Log: slog.New(slog.DiscardHandler)})
	if err := l.Use(accesslog.Output); err != nil {
		t.Fatal(err)
	}
	return l, func() (lines []map[string]any) {
		t.Helper()
		l.Flush()
		for line := range strings.Lines(text.String()) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			lines = append(lines, m)
		}
		return lines
	}
}

func TestEachRequestIsOneLineOfTheAccessLog(t *testing.T) {
	w := newWorld()
	up := newUpstream(t, func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		rw.WriteHeader(http.StatusCreated)
		_, _ = rw.Write(append(b, b...))
	})
	st := w.addAPI("echo", up.url, "ANY /things/{id}", "open GET /open")
	key, value := w.addKey(w.addPlan("small", quota(1, limit.PeriodDay), st))
	log, lines := accessLog(t)
	g := w.gateway(t, func(c *enforcement.Config) { c.AccessLog = log })

	send := func(verb, target, body string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(verb, target, strings.NewReader(body))
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		rec := httptest.NewRecorder()
		g.ServeHTTP(rec, r)
		return rec
	}
	answers := []*httptest.ResponseRecorder{
		send("POST", "/echo/prod/things/7?secret=1", "12345", "X-Api-Key", value, "X-Request-Id", "order-7", "User-Agent", "robot/1"),
		send("GET", "/echo/prod/things/7", "", "X-Api-Key", value),
		send("GET", "/echo/prod/things/"+value, "", "X-Api-Key", value, "X-Gatehouse-Quote", "1"),
		send("OPTIONS", "/echo/prod/open", "", "Origin", "https://a.example", "Access-Control-Request-Method", "GET"),
		send("GET", "/echo/prod/..%2fx?secret=1", ""),
		send("GET", "/nothing/here", ""),
	}
	got := lines()
	if len(got) != len(answers) {
		t.Fatalf("%d lines for %d requests: %v", len(got), len(answers), got)
	}
	// Lines of several buffers are in no order: they are found by their ids.
	for i, want := range []map[string]any{
		{"status": 201.0, "verb": "POST", "path": "/echo/prod/things/7", "method": "ANY /things/{id}", "api": "echo", "stage": "prod", "key": key.String(), "outcome": "success",
			"bytes_in": 5.0, "bytes_out": 10.0, "client_request_id": "order-7", "address": "192.0.2.1", "user_agent": "robot/1", "protocol": "HTTP/1.1"},
		{"status": 429.0, "problem": "quota-exceeded", "key": key.String(), "outcome": nil},
		{"status": 200.0, "path": "/echo/prod/things/[key]", "outcome": nil, "upstream_seconds": nil},
		{"status": 204.0, "verb": "OPTIONS", "key": nil},
		{"status": 400.0, "problem": "path-invalid", "path": "/echo/prod/..%2fx", "api": nil},
		{"status": 404.0, "problem": "api-unknown", "path": "/nothing/here"},
	} {
		id := answers[i].Header().Get("X-Request-Id")
		at := slices.IndexFunc(got, func(line map[string]any) bool { return line["request_id"] == id })
		if at < 0 {
			t.Fatalf("request %d: no line has the id %q", i, id)
		}
		for name, value := range want {
			if got[at][name] != value {
				t.Errorf("request %d: %s: got %v, want %v", i, name, got[at][name], value)
			}
		}
		if i > 0 && got[at]["bytes_out"] != float64(answers[i].Body.Len()) {
			t.Errorf("request %d: %v bytes out, want %d", i, got[at]["bytes_out"], answers[i].Body.Len())
		}
	}
	if sent := up.requests()[0].Header.Get("X-Request-Id"); sent != answers[0].Header().Get("X-Request-Id") || sent == "order-7" {
		t.Errorf("the upstream was told the id %q, the client %q", sent, answers[0].Header().Get("X-Request-Id"))
	}
}

// samples are the gateway's metrics by name and labels, such as a_total{x,y}.
func samples(t testing.TB, g *enforcement.Gateway) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	g.Register(r)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, label := range m.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			name := family.GetName() + "{" + strings.Join(labels, ",") + "}"
			found[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount()) + float64(m.GetSummary().GetSampleCount())
		}
	}
	return found
}

func TestStagesAreCountedApartAsLongAsTheyAreFew(t *testing.T) {
	w := newWorld()
	up := newUpstream(t, func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "four") })
	w.addAPI("first", up.url, "open GET /a", "GET /keyed")
	g := w.gateway(t)
	in(g, "GET", "/first/prod/a", "")
	in(g, "GET", "/first/prod/a", "")
	in(g, "GET", "/first/prod/keyed", "")
	for i := range 250 { // more than have metrics of their own
		w.addAPI("more"+strings.Repeat("x", i), up.url, "open GET /a")
	}
	catchUp(t, g)
	for i := range 250 {
		in(g, "GET", "/more"+strings.Repeat("x", i)+"/prod/a", "")
	}
	got := samples(t, g)
	for name, want := range map[string]float64{
		"gatehouse_stage_requests_total{2xx,first,prod}": 2, "gatehouse_stage_requests_total{refused,first,prod}": 1, "gatehouse_stage_bytes_total{first,out,prod}": 8,
		"gatehouse_stage_upstream_seconds{first,prod}": 2, "gatehouse_stage_requests_total{2xx,more,prod}": 1, "gatehouse_stage_requests_total{2xx,,}": 51,
		"gatehouse_gateway_seconds{}": 253, "gatehouse_bytes_total{in}": 0,
	} {
		if got[name] != want {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
	w.stage(func() { w.apis = w.apis[1:] }) // what was counted of a stage that is gone is not lost
	catchUp(t, g)
	if got := samples(t, g); got["gatehouse_stage_requests_total{2xx,,}"] != 53 || got["gatehouse_stage_requests_total{2xx,first,prod}"] != 0 {
		t.Errorf("after a stage went: %v", got["gatehouse_stage_requests_total{2xx,,}"])
	}
}
