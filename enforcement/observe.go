package enforcement

import (
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"gatehouse/enforcement/accesslog"
	"gatehouse/enforcement/requestlog"
)

// lane is asked for what only the lane that a call came by knows, when the call has ended and somebody keeps something of it.
type lane interface {
	// field is the first value of a header that the client sent, by its canonical name; "": there is none.
	field(name string) string
	// headers are all that the client sent, and all that it was answered with, good until the call ends.
	headers() (request, answer []requestlog.Header)
	// protocol is such as "HTTP/1.1", and the version of TLS, if there is any.
	protocol() (version, tls string)
	// rawPath is the path as the client wrote it, without its query.
	rawPath() string
}

// told tells everybody who keeps something of requests that this one has ended.
func (c *call) told(by lane) {
	c.took = max(0, c.ends()-time.Duration(c.at.mono))
	c.log(by)
	c.logAccess(by)
	c.recordTrace(by)
	c.g.counts.add(c)
}

// ends is when the request ended, on the clock of throttles: with its exchange, where there was one and nothing came behind it.
func (c *call) ends() time.Duration {
	if x := &c.ended.exchange; c.isFast && !x.Begun.IsZero() && !c.g.virtual {
		return time.Duration(c.g.uptime) + x.Begun.Sub(c.g.start) + x.Took
	}
	return time.Duration(c.g.clock())
}

func (q *request) told() { q.call.told(q) }

func (q *request) field(name string) string { return first(q.r.Header, name) }

func (q *request) headers() (request, answer []requestlog.Header) {
	return requestlog.AppendHeaders(nil, q.r.Header), requestlog.AppendHeaders(nil, q.w.Header())
}

func (q *request) protocol() (version, secure string) {
	if q.r.TLS != nil {
		secure = tls.VersionName(q.r.TLS.Version)
	}
	return q.r.Proto, secure
}

func (q *request) rawPath() string {
	path, _, _ := strings.Cut(q.r.RequestURI, "?")
	return path
}

// own is how long the gateway itself had the request: all but the time from when the upstream was asked until the exchange was over.
func (c *call) own() time.Duration { return max(0, c.took-c.ended.exchange.Took) }

// status is what the client was answered with; 0: nothing.
func (c *call) status() int {
	switch p := c.decision.problem; {
	case p != problemNone:
		return c.statusOf(p)
	case c.proxied:
		return c.ended.exchange.Status
	case c.isQuote():
		return http.StatusOK
	default:
		return http.StatusNoContent // a preflight
	}
}

// statusOf is what a problem is answered with.
func (c *call) statusOf(p problem) int {
	if c.instead != 0 {
		return c.instead
	}
	return p.entry().Status
}

// logAccess writes the request's line of the access log.
func (c *call) logAccess(by lane) {
	log := c.g.config.AccessLog
	if !log.On() {
		return
	}
	x := &c.ended.exchange
	e := accesslog.Entry{
		Time: time.Unix(0, c.at.wall), RequestID: c.id, ClientID: by.field(headerRequestID), Trace: c.span.Trace, Address: c.peer,
		Verb: c.verb, Path: c.prefix + c.path, Status: c.status(), Key: c.decision.call.Key, App: c.decision.app,
		In: x.BytesIn, Out: x.BytesOut + c.sent, Took: c.took, Agent: by.field("User-Agent"), Secret: c.presented,
	}
	e.Protocol, e.TLS = by.protocol()
	if c.prefix == "" { // it was refused before its path was understood
		e.Path = by.rawPath()
	}
	if c.api != nil {
		e.API = c.api.slug
	}
	if c.stage != nil {
		e.Stage = c.stage.name
	}
	if c.method != nil {
		e.Method = c.method.name
	}
	if p := c.decision.problem; p != problemNone {
		e.Problem = p.entry().Slug
	}
	if c.proxied {
		e.Outcome = c.ended.outcome.String()
		if e.Cached = c.kept != nil && !c.made; c.kept == nil {
			e.Upstream = x.Latency
		}
	}
	log.Write(&e)
}

// first is the first value of a field, by its canonical name.
func first(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}
