package enforcement

import (
	"net/http"
	"strings"
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

// traceUpstream makes the place in the trace that the upstream is called from; ok is false where nothing is traced here.
func (c *call) traceUpstream() (ok bool) {
	if c.g.config.Tracer == nil {
		return false
	}
	if c.onward = c.span; c.span.Sampled {
		c.onward = c.span.Next()
	}
	return true
}

// traceUpstream tells the upstream.
func (q *request) traceUpstream() {
	if q.call.traceUpstream() {
		q.r.Header[trace.Header] = []string{q.onward.String()}
	}
}

// recordTrace tells the collector of a request that is over. Nothing of what it tells may be the lane's own memory.
func (c *call) recordTrace(by lane) {
	t := c.g.config.Tracer
	if t == nil || !c.span.Sampled {
		return
	}
	version, secure := by.protocol()
	status, state := c.status(), strings.Clone(by.field("Tracestate"))
	s := &trace.Span{
		Context: c.span, Parent: c.parent.Span, State: state, Name: "HTTP", Begun: time.Unix(0, c.at.wall), Took: c.took, Failed: status >= 500 || status == 0,
		With: []trace.Attribute{
			{Name: "http.request.method", Text: verbOf(c.verb)}, {Name: "http.response.status_code", Number: int64(status)}, {Name: "url.scheme", Text: schemeOf(secure)},
			{Name: "network.protocol.version", Text: protocolVersion(version)}, {Name: "gatehouse.request_id", Text: strings.Clone(c.id)},
		},
	}
	add := func(name, value string) {
		if value != "" {
			s.With = append(s.With, trace.Attribute{Name: name, Text: value})
		}
	}
	if c.api != nil {
		add("gatehouse.api", c.api.slug)
	}
	if c.stage != nil {
		add("gatehouse.stage", c.stage.name)
	}
	if c.method != nil {
		s.Name = c.method.name
		add("http.route", routeOf(c.method.name))
	}
	if c.decision.call.Key != 0 {
		add("gatehouse.key_id", c.decision.call.Key.String())
	}
	if p := c.decision.problem; p != problemNone {
		add("gatehouse.problem", p.entry().Slug)
		if s.Failed {
			add("error.type", p.entry().Slug)
		}
	}
	t.Record(s)
	if c.proxied && c.kept == nil {
		t.Record(c.upstreamSpan(state))
	}
}

// upstreamSpan is the part in which the upstream was called.
func (c *call) upstreamSpan(state string) *trace.Span {
	x := &c.ended.exchange
	s := &trace.Span{
		Context: c.onward, Parent: c.span.Span, State: state, Name: verbOf(c.verb), Client: true, Begun: x.Begun, Took: x.Took,
		Failed: x.Failure != transport.None || x.Status >= 400, // a client's view: semantic conventions, "HTTP client spans"
		With:   []trace.Attribute{{Name: "http.request.method", Text: verbOf(c.verb)}, {Name: "gatehouse.outcome", Text: c.ended.outcome.String()}},
	}
	if x.Status != 0 {
		s.With = append(s.With, trace.Attribute{Name: "http.response.status_code", Number: int64(x.Status)})
	}
	if s.Failed {
		s.With = append(s.With, trace.Attribute{Name: "error.type", Text: c.ended.outcome.String()})
	}
	return s
}

func schemeOf(tls string) string {
	if tls != "" {
		return "https"
	}
	return "http"
}

// verbs are those that are known, by themselves.
var verbs = func() map[string]string {
	all := map[string]string{}
	for _, verb := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace,
	} {
		all[verb] = verb
	}
	return all
}()

// verbOf keeps whatever a client calls a verb out of spans, as the conventions want it.
func verbOf(verb string) string {
	if known := verbs[verb]; known != "" {
		return known
	}
	return "_OTHER"
}

// protocolVersion is the number in such as HTTP/1.1; of what was refused before it was known, 1.1.
func protocolVersion(protocol string) string {
	switch protocol {
	case "HTTP/2.0":
		return "2"
	case "HTTP/1.0":
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
