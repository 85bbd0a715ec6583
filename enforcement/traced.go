package enforcement

import (
	"net/http"
	"time"

	"gatehouse/enforcement/trace"
	"gatehouse/enforcement/transport"
)

// beginTrace takes the trace that the request came with, and begins the gateway's part of it. Without a tracer what came is passed on as it is.
func (q *request) beginTrace() {
	q.parent = trace.Take(q.r.Header)
	q.span = q.parent
	if t := q.g.config.Tracer; t != nil {
		q.span = t.Begin(q.parent)
	}
}

// traceUpstream makes the place in the trace that the upstream is called from.
func (q *request) traceUpstream() {
	if q.g.config.Tracer == nil {
		return
	}
	if q.onward = q.span; q.span.Sampled {
		q.onward = q.span.Next()
	}
	q.r.Header[trace.Header] = []string{q.onward.String()}
}

// recordTrace tells the collector of a request that is over.
func (q *request) recordTrace() {
	t := q.g.config.Tracer
	if t == nil || !q.span.Sampled {
		return
	}
	status := q.status()
	s := &trace.Span{
		Context: q.span, Parent: q.parent.Span, State: first(q.r.Header, "Tracestate"), Name: "HTTP", Begun: time.Unix(0, q.at.wall), Took: q.took, Failed: status >= 500 || status == 0,
		With: []trace.Attribute{
			{Name: "http.request.method", Text: verbOf(q.r.Method)}, {Name: "http.response.status_code", Number: int64(status)}, {Name: "url.scheme", Text: q.scheme()},
			{Name: "network.protocol.version", Text: protocolVersion(q.r)}, {Name: "gatehouse.request_id", Text: q.id},
		},
	}
	add := func(name, value string) {
		if value != "" {
			s.With = append(s.With, trace.Attribute{Name: name, Text: value})
		}
	}
	if q.api != nil {
		add("gatehouse.api", q.api.slug)
	}
	if q.stage != nil {
		add("gatehouse.stage", q.stage.name)
	}
	if q.method != nil {
		s.Name = q.method.name
		add("http.route", routeOf(q.method.name))
	}
	if q.decision.call.Key != 0 {
		add("gatehouse.key_id", q.decision.call.Key.String())
	}
	if p := q.decision.problem; p != problemNone {
		add("gatehouse.problem", p.entry().Slug)
		if s.Failed {
			add("error.type", p.entry().Slug)
		}
	}
	t.Record(s)
	if q.proxied && q.kept == nil {
		t.Record(q.upstreamSpan())
	}
}

// upstreamSpan is the part in which the upstream was called.
func (q *request) upstreamSpan() *trace.Span {
	x := &q.ended.exchange
	s := &trace.Span{
		Context: q.onward, Parent: q.span.Span, State: first(q.r.Header, "Tracestate"), Name: verbOf(q.r.Method), Client: true, Begun: x.Begun, Took: x.Took,
		Failed: x.Failure != transport.None || x.Status >= 400, // a client's view: semantic conventions, "HTTP client spans"
		With:   []trace.Attribute{{Name: "http.request.method", Text: verbOf(q.r.Method)}, {Name: "gatehouse.outcome", Text: q.ended.outcome.String()}},
	}
	if x.Status != 0 {
		s.With = append(s.With, trace.Attribute{Name: "http.response.status_code", Number: int64(x.Status)})
	}
	if s.Failed {
		s.With = append(s.With, trace.Attribute{Name: "error.type", Text: q.ended.outcome.String()})
	}
	return s
}

func (q *request) scheme() string {
	if q.r.TLS != nil {
		return "https"
	}
	return "http"
}

// verbOf keeps whatever a client calls a verb out of spans, as the conventions want it.
func verbOf(verb string) string {
	switch verb {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return verb
	}
	return "_OTHER"
}

func protocolVersion(r *http.Request) string {
	if r.ProtoMajor == 2 {
		return "2"
	}
	if r.ProtoMinor == 0 {
		return "1.0"
	}
	return "1.1"
}

// routeOf is the path's template of a method's name, such as "GET /users/{id}".
func routeOf(name string) string {
	for i := range len(name) {
		if name[i] == ' ' {
			return name[i+1:]
		}
	}
	return name
}
