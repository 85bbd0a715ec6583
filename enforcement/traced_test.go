package enforcement_test

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"gatehouse/enforcement"
	"gatehouse/enforcement/trace"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func withTrace(parent string, state ...string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Traceparent", parent)
		r.Header["Tracestate"] = state
	}
}

func TestATraceIsPassedOnAsItIsAndAMalformedOneIsNot(t *testing.T) {
	w := newWorld()
	up := newUpstream(t, nil)
	w.addAPI("echo", up.url, "open GET /a")
	log, lines := accessLog(t)
	g := w.gateway(t, func(c *enforcement.Config) { c.AccessLog = log })
	in(g, "GET", "/echo/prod/a", "", withTrace(traceparent, "a=1", "b=2"))
	in(g, "GET", "/echo/prod/a", "", withTrace(traceparent+"x", "a=1"))
	in(g, "GET", "/echo/prod/a", "")
	got := up.requests()
	if h := got[0].Header; h.Get("Traceparent") != traceparent || strings.Join(h["Tracestate"], ",") != "a=1,b=2" {
		t.Errorf("a good one: %v", h)
	}
	for _, r := range got[1:] {
		if r.Header["Traceparent"] != nil || r.Header["Tracestate"] != nil {
			t.Errorf("no good one: %v", r.Header)
		}
	}
	var ids []any
	for _, line := range lines() {
		if id := line["trace_id"]; id != nil {
			ids = append(ids, id)
		}
	}
	if len(ids) != 1 || ids[0] != traceparent[3:35] {
		t.Errorf("the access log has the traces %v", ids)
	}
}

func TestSpansTellOfARequestAndItsUpstreamAndOfNothingSecret(t *testing.T) {
	var mu sync.Mutex
	var got []*spans.Span
	var raw strings.Builder
	collect := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var in collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		raw.Write(body)
		for _, of := range in.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				got = append(got, scope.GetSpans()...)
			}
		}
	}))
	defer collect.Close()
	tracer := trace.New(trace.Config{Endpoint: collect.URL, Ratio: 0, Log: slog.New(slog.DiscardHandler)})

	w := newWorld()
	up := newUpstream(t, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusTeapot) })
	st := w.addAPI("echo", up.url, "GET /users/{id}")
	key, value := w.addKey(w.addPlan("all", nil, st))
	g := w.gateway(t, func(c *enforcement.Config) { c.Tracer = tracer })
	in(g, "GET", "/echo/prod/users/canary-7?q=canary-query", value, withTrace(traceparent, "a=1"), func(r *http.Request) { r.Header.Set("X-Other", "canary-header") })
	in(g, "GET", "/echo/prod/users/8", "", withTrace(traceparent))                            // refused
	in(g, "GET", "/echo/prod/users/9", value, withTrace(traceparent[:53]+"00"))               // the client does not want it sampled
	in(g, "GET", "/echo/prod/users/9", value)                                                 // nor do we
	in(g, "GET", "/echo/prod/users/9", value, withTrace(strings.ToUpper(traceparent), "a=1")) // no trace: ours begins
	tracer.Close(context.Background())

	if len(got) != 3 {
		t.Fatalf("%d spans: %v", len(got), got)
	}
	attributes := func(s *spans.Span) map[string]any {
		m := map[string]any{}
		for _, a := range s.GetAttributes() {
			if m[a.GetKey()] = a.GetValue().GetStringValue(); m[a.GetKey()] == "" {
				m[a.GetKey()] = a.GetValue().GetIntValue()
			}
		}
		return m
	}
	server, client, refused := got[0], got[1], got[2]
	seen := up.requests()
	if want := traceparent[:36] + hex.EncodeToString(client.GetSpanId()) + "-01"; seen[0].Header.Get("Traceparent") != want || seen[0].Header.Get("Tracestate") != "a=1" {
		t.Errorf("the upstream is in %q, want %q", seen[0].Header.Get("Traceparent"), want)
	}
	if hex.EncodeToString(server.GetTraceId()) != traceparent[3:35] || hex.EncodeToString(server.GetParentSpanId()) != traceparent[36:52] || string(client.GetParentSpanId()) != string(server.GetSpanId()) ||
		server.GetKind() != spans.Span_SPAN_KIND_SERVER || client.GetKind() != spans.Span_SPAN_KIND_CLIENT || server.GetName() != "GET /users/{id}" || server.GetTraceState() != "a=1" {
		t.Errorf("spans: %v\n%v", server, client)
	}
	for name, want := range map[string]any{"http.route": "/users/{id}", "http.response.status_code": int64(418), "gatehouse.key_id": key.String(), "gatehouse.api": "echo", "gatehouse.stage": "prod", "gatehouse.request_id": seen[0].Header.Get("X-Request-Id")} {
		if attributes(server)[name] != want {
			t.Errorf("%s: got %v, want %v", name, attributes(server)[name], want)
		}
	}
	if a := attributes(refused); a["gatehouse.problem"] != "key-missing" || a["http.response.status_code"] != int64(403) {
		t.Errorf("a refusal: %v", a)
	}
	if text := raw.String(); strings.Contains(text, "canary") || strings.Contains(text, value[:12]) {
		t.Errorf("a span tells what nobody asked for: %q", text)
	}
	for i, flags := range map[int]string{1: "00", 2: "02", 3: "02"} {
		parent := seen[i].Header.Get("Traceparent")
		if c := trace.Parse(parent); !c.IsSet() || parent[53:] != flags || seen[i].Header["Tracestate"] != nil || (i > 1) == (parent[3:35] == traceparent[3:35]) {
			t.Errorf("request %d: the upstream is in %q", i, parent)
		}
	}
}
