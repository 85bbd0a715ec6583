package trace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	spans "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a part of a trace that is over.
type Span struct {
	Context
	Parent [8]byte // the span that it is a part of; zero: none
	State  string  // tracestate
	Name   string
	Client bool // somebody else is called; else somebody called us
	Begun  time.Time
	Took   time.Duration
	Failed bool
	With   []Attribute
}

// Attribute is a name of the semantic conventions, or one that begins with "gatehouse.", and a value: a text or, where that is "", a number.
type Attribute struct {
	Name, Text string
	Number     int64
}

// send sends a batch, and tries again where the collector may take it later (OTLP 1.x, "OTLP/HTTP response").
func (t *Tracer) send(batch []*Span) {
	body, err := proto.Marshal(t.request(batch))
	pause := firstPause
	for try := 1; err == nil; try++ {
		var again bool
		var rejected int64
		var wait time.Duration
		if rejected, wait, again, err = t.post(body); err == nil {
			t.note(nil, int64(len(batch))-rejected, rejected)
			return
		}
		if !again || try == tries {
			break
		}
		if !t.sleep(max(wait, pause+rand.N(pause/2))) {
			break
		}
		pause, err = min(2*pause, mostPause), nil
	}
	t.note(err, 0, int64(len(batch)))
}

// sleep returns false when it is time to end.
func (t *Tracer) sleep(d time.Duration) bool {
	timer := time.NewTimer(min(d, mostPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.closed:
		return false
	}
}

// note counts, and logs that sending fails and that it works again, once each.
func (t *Tracer) note(err error, sent, dropped int64) {
	t.sent.Add(sent)
	t.dropped.Add(dropped)
	switch {
	case err != nil && !t.failing:
		t.config.Log.Error("the collector of traces does not take spans: they are lost", "error", err)
	case err == nil && t.failing:
		t.config.Log.Info("the collector of traces takes spans again")
	}
	t.failing = err != nil
}

// mostAnswer bounds what is read of a collector's answer.
const mostAnswer = 64 << 10

// post tries once. Rejected is how many spans the collector does not want; again says that it may take them after a wait.
func (t *Tracer) post(body []byte) (rejected int64, wait time.Duration, again bool, err error) {
	ctx, cancel := context.WithTimeout(t.context, sendTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(t.config.Endpoint, "/")+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return 0, 0, false, err
	}
	for name, values := range t.config.Header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("User-Agent", "gatehouse/"+t.config.Version)
	answer, err := t.client.Do(r)
	if err != nil {
		return 0, 0, ctx.Err() == nil || !errors.Is(t.context.Err(), context.Canceled), err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	switch answer.StatusCode {
	case http.StatusOK:
		var said collector.ExportTraceServiceResponse
		if err == nil && proto.Unmarshal(text, &said) == nil {
			rejected = min(max(0, said.GetPartialSuccess().GetRejectedSpans()), int64(batchSize))
		}
		return rejected, 0, false, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
			wait = time.Duration(min(seconds, int(mostPause/time.Second))) * time.Second
		}
	}
	return 0, wait, again, fmt.Errorf("the collector answers %s", answer.Status)
}

func (t *Tracer) request(batch []*Span) *collector.ExportTraceServiceRequest {
	some := make([]*spans.Span, len(batch))
	for i, s := range batch {
		some[i] = s.message()
	}
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*spans.ResourceSpans{{
		Resource:   &resource.Resource{Attributes: []*common.KeyValue{text("service.name", "gatehouse"), text("service.version", t.config.Version)}},
		ScopeSpans: []*spans.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "gatehouse/enforcement", Version: t.config.Version}, Spans: some}},
	}}}
}

func (s *Span) message() *spans.Span {
	m := &spans.Span{
		TraceId: s.Trace[:], SpanId: s.Context.Span[:], TraceState: s.State, Name: s.Name, Kind: spans.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano: uint64(s.Begun.UnixNano()), EndTimeUnixNano: uint64(s.Begun.Add(s.Took).UnixNano()), Flags: 1,
	}
	if s.Parent != [8]byte{} {
		m.ParentSpanId = s.Parent[:]
	}
	if s.Client {
		m.Kind = spans.Span_SPAN_KIND_CLIENT
	}
	if s.Failed {
		m.Status = &spans.Status{Code: spans.Status_STATUS_CODE_ERROR}
	}
	for _, a := range s.With {
		if a.Text != "" {
			m.Attributes = append(m.Attributes, text(a.Name, a.Text))
		} else {
			m.Attributes = append(m.Attributes, &common.KeyValue{Key: a.Name, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: a.Number}}})
		}
	}
	return m
}

func text(name, value string) *common.KeyValue {
	return &common.KeyValue{Key: name, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: strings.ToValidUTF8(value, "\ufffd")}}}
}
