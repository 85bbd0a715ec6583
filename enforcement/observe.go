package enforcement

import (
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"gatehouse/enforcement/accesslog"
)

// told tells everybody who keeps something of requests that this one has ended.
func (q *request) told() {
	q.took = time.Duration(max(0, q.g.clock()-q.at.mono))
	q.log()
	q.logAccess()
	q.recordTrace()
	q.g.counts.add(q)
}

// own is how long the gateway itself had the request: all but the time from when the upstream was asked until the exchange was over.
func (q *request) own() time.Duration { return max(0, q.took-q.ended.exchange.Took) }

// status is what the client was answered with; 0: nothing.
func (q *request) status() int {
	switch p := q.decision.problem; {
	case p != problemNone:
		return p.entry().Status
	case q.proxied:
		return q.ended.exchange.Status
	case q.quoted:
		return http.StatusOK
	default:
		return http.StatusNoContent // a preflight
	}
}

// logAccess writes the request's line of the access log.
func (q *request) logAccess() {
	log := q.g.config.AccessLog
	if !log.On() {
		return
	}
	x := &q.ended.exchange
	e := accesslog.Entry{
		Time: time.Unix(0, q.at.wall), RequestID: q.id, ClientID: first(q.r.Header, headerRequestID), Trace: q.span.Trace, Address: q.r.RemoteAddr,
		Verb: q.r.Method, Path: q.prefix + q.path, Status: q.status(), Key: q.decision.call.Key, App: q.decision.app,
		In: x.BytesIn, Out: x.BytesOut + q.sent, Took: q.took, Agent: first(q.r.Header, "User-Agent"), Protocol: q.r.Proto, Secret: q.presented,
	}
	if q.prefix == "" { // it was refused before its path was understood
		e.Path, _, _ = strings.Cut(q.r.RequestURI, "?")
	}
	if q.api != nil {
		e.API = q.api.slug
	}
	if q.stage != nil {
		e.Stage = q.stage.name
	}
	if q.method != nil {
		e.Method = q.method.name
	}
	if p := q.decision.problem; p != problemNone {
		e.Problem = p.entry().Slug
	}
	if q.proxied {
		e.Outcome = q.ended.outcome.String()
		if e.Cached = q.kept != nil; !e.Cached {
			e.Upstream = x.Latency
		}
	}
	if q.r.TLS != nil {
		e.TLS = tls.VersionName(q.r.TLS.Version)
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
