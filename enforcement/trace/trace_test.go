package trace

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	good  = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	zeros = "00000000000000000000000000000000"
)

// https://www.w3.org/TR/trace-context/, 3.2.2
func TestOnlyWellFormedContextsAreTaken(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        string // "" : none
	}{
		{"as in the standard", good, good},
		{"not sampled", good[:53] + "00", good[:53] + "00"},
		{"with the flag for random ids", good[:53] + "03", good[:53] + "03"},
		{"flags that are not known", good[:53] + "fd", good[:53] + "01"},
		{"a later version", "cc" + good[2:], good},
		{"a later version with more behind", "cc" + good[2:] + "-what-the-future", good},
		{"a later version with something else behind", "cc" + good[2:] + ".what", ""},
		{"this version with more behind", good + "-01", ""},
		{"a forbidden version", "ff" + good[2:], ""},
		{"capitals", strings.ToUpper(good), ""},
		{"no trace", "00-" + zeros + good[35:], ""},
		{"no span", good[:36] + zeros[:16] + good[52:], ""},
		{"short", good[:54], ""},
		{"other separators", strings.ReplaceAll(good, "-", "_"), ""},
		{"no digits", good[:5] + "g" + good[6:], ""},
		{"spaces", " " + good, ""},
		{"too long", "cc" + good[2:] + "-" + strings.Repeat("a", 300), ""},
		{"empty", "", ""},
	} {
		c := Parse(tt.value)
		got := ""
		if c.IsSet() {
			got = c.String()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWhatIsMalformedIsNotPassedOn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header http.Header
		want   string // names that stay
	}{
		{"nothing", http.Header{}, ""},
		{"both", http.Header{"Traceparent": {good}, "Tracestate": {"a=1", "b=2"}}, "Traceparent Tracestate"},
		{"malformed", http.Header{"Traceparent": {good + "x"}, "Tracestate": {"a=1"}}, ""},
		{"twice", http.Header{"Traceparent": {good, good}, "Tracestate": {"a=1"}}, ""},
		{"state alone", http.Header{"Tracestate": {"a=1"}}, ""},
		{"much state", http.Header{"Traceparent": {good}, "Tracestate": {strings.Repeat("a", 5000)}}, "Traceparent"},
	} {
		c := Take(tt.header)
		var names []string
		for name := range tt.header {
			names = append(names, name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != tt.want || c.IsSet() != strings.Contains(tt.want, "Traceparent") {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, c.IsSet(), tt.want)
		}
	}
}

func TestWhoBeganATraceDecidesAndOfOthersTheRatioIsSampled(t *testing.T) {
	tracer := New(Config{Endpoint: "http://127.0.0.1:1", Ratio: 0, Log: slog.New(slog.DiscardHandler)})
	defer tracer.Close(context.Background())
	for flags, sampled := range map[string]bool{"00": false, "01": true} {
		parent := Parse(good[:53] + flags)
		if c := tracer.Begin(parent); c.Sampled != sampled || c.Trace != parent.Trace || c.Span == parent.Span {
			t.Errorf("flags %s: got %s", flags, c.String())
		}
	}
	share := func(ratio float64) (n int) {
		tracer.SetRatio(ratio)
		for range 2000 {
			if c := tracer.Begin(Context{}); c.Sampled {
				n++
			}
		}
		return n
	}
	if none, half, all := share(0), share(0.5), share(1); none != 0 || half < 850 || half > 1150 || all != 2000 {
		t.Errorf("of 2000: %d, %d, %d", none, half, all)
	}
}

// double is a collector.
type double struct {
	*httptest.Server
	mu     sync.Mutex
	got    []*spans.Span
	header http.Header
	calls  atomic.Int64
	answer func(call int64) (status int, rejected int64)
}

func newDouble(t *testing.T, answer func(call int64) (status int, rejected int64)) *double {
	t.Helper()
	d := &double{answer: answer}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var in collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &in)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s: %v", r.URL, err)
		}
		status, rejected := d.answer(d.calls.Add(1))
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.header = r.Header
		for _, of := range in.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				d.got = append(d.got, scope.GetSpans()...)
			}
		}
		out, _ := proto.Marshal(&collector.ExportTraceServiceResponse{PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: rejected}})
		_, _ = w.Write(out)
	}))
	t.Cleanup(d.Close)
	return d
}

func TestSpansReachTheCollectorAndWhatItDoesNotTakeIsCounted(t *testing.T) {
	d := newDouble(t, func(call int64) (int, int64) {
		switch call {
		case 1:
			return http.StatusOK, 1 // of the first batch one is not wanted
		default:
			return http.StatusBadRequest, 0
		}
	})
	tracer := New(Config{Endpoint: d.URL + "/", Header: http.Header{"Authorization": {"Bearer x"}}, Ratio: 1, Version: "7", Log: slog.New(slog.DiscardHandler)})
	c := tracer.Begin(Context{})
	for range batchSize + 3 {
		tracer.Record(&Span{Context: c, Name: "GET /a", Begun: time.Unix(1796083200, 5), Took: time.Second, Failed: true, With: []Attribute{{Name: "n", Number: 7}, {Name: "t", Text: "bad\xff"}}})
	}
	tracer.Close(context.Background())
	tracer.Record(&Span{Context: c}) // too late
	sent, dropped := tracer.Counts()
	if sent != batchSize-1 || dropped != 1+3+1 {
		t.Errorf("sent %d, dropped %d", sent, dropped)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.got[0]
	if len(d.got) != batchSize || s.GetName() != "GET /a" || s.GetEndTimeUnixNano()-s.GetStartTimeUnixNano() != 1e9 || string(s.GetTraceId()) != string(c.Trace[:]) || s.GetStatus().GetCode() != spans.Status_STATUS_CODE_ERROR ||
		s.GetAttributes()[0].GetValue().GetIntValue() != 7 || s.GetAttributes()[1].GetValue().GetStringValue() != "bad\ufffd" || d.header.Get("Authorization") != "Bearer x" {
		t.Errorf("%d spans, the first: %v", len(d.got), s)
	}
}

func TestACollectorThatIsAwayHoldsNobodyUp(t *testing.T) {
	held := make(chan struct{})
	d := newDouble(t, func(int64) (int, int64) {
		<-held
		return http.StatusServiceUnavailable, 0
	})
	tracer := New(Config{Endpoint: d.URL, Ratio: 1, Log: slog.New(slog.DiscardHandler)})
	const n = 3 * queueSize
	for range n {
		tracer.Record(&Span{Context: tracer.Begin(Context{})})
	}
	if _, dropped := tracer.Counts(); dropped < n-queueSize-2*batchSize {
		t.Errorf("dropped %d of %d", dropped, n)
	}
	close(held)
	tracer.Close(context.Background()) // does not try again
	if sent, dropped := tracer.Counts(); sent != 0 || dropped != n {
		t.Errorf("sent %d, dropped %d of %d", sent, dropped, n)
	}
}
