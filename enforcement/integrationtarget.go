package enforcement

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/validation"
	"gatehouse/models"
)

// This file makes the request to an integration's upstream.

// isUnfit notes why an integration does not take an admissible request, before anything is spent: its media type has no template, or what it gives for a part of
// the path is none. Value and p are as isInvalid has them.
func (q *request) isUnfit(value string, p problem) bool {
	q.template = nil // of another snapshot
	i := q.method.integration
	if i == nil || i.takesAll() || q.verdictAhead(value, p) != problemNone {
		return false
	}
	d := &q.decision
	q.faults = nil
	if i.kind != models.IntegrationHTTPProxy && !q.findTemplate(i) {
		d.problem = problemMediaType
	}
	for n := range i.path {
		if p := &i.path[n]; d.problem == problemNone && p.value != nil {
			q.checkPlace(p)
		}
	}
	if len(q.faults) > 0 {
		d.problem = problemRequestInvalid
	}
	if d.call.Key != 0 && (d.problem == problemRequestInvalid || d.problem == problemMediaType) {
		q.g.meter.Refuse(&d.call, models.OutcomeDenied)
	}
	return d.problem != problemNone
}

// takesAll reports whether an integration takes every request.
func (i *integration) takesAll() bool {
	if i.kind != models.IntegrationHTTPProxy {
		return i.kind == models.IntegrationHTTP && len(i.templates) == 0 && i.passthrough != models.PassNever && !i.isPickyAboutPaths()
	}
	return !i.isPickyAboutPaths()
}

// isPickyAboutPaths reports whether a part of the path comes from elsewhere than the request's own path, which is canonical.
func (i *integration) isPickyAboutPaths() bool {
	for n := range i.path {
		if s := i.path[n].value; s != nil && s.from != models.FromPath {
			return true
		}
	}
	return false
}

// checkPlace notes what is wrong with the value of a part of the path. The key's id is not known yet, and is good.
func (q *request) checkPlace(p *urlPart) {
	if p.value.from == models.FromPath || p.value.from == models.FromContext {
		return
	}
	value, _ := q.value(p.value, nil, nil)
	if _, fault := canonicalForm("/" + string(appendAsData(nil, value))); value != "" && fault == "" {
		return
	}
	in := map[models.MappingPlace]string{models.FromQuery: "query", models.FromHeader: "header"}[p.value.from]
	q.faults = append(q.faults, validation.Fault{In: in, Name: p.value.name, Detail: "must be there, and a name that can stand in a path"})
}

// findTemplate finds the template of the request's body, and takes the body for it. It returns false for a media type that is not passed on.
func (q *request) findTemplate(i *integration) bool {
	kind, _, err := mime.ParseMediaType(q.r.Header.Get("Content-Type"))
	if err != nil || kind == "" {
		kind = "application/json" // as AWS takes it
	}
	t := i.templates[kind]
	mock := i.kind == models.IntegrationMock
	switch {
	case t != nil:
	case i.passthrough == models.PassNever && (mock || q.hasBody()), i.passthrough == models.PassNoTemplates && len(i.templates) > 0 && (mock || q.hasBody()):
		return false
	case mock:
		t = i.templates["application/json"]
	}
	if t != nil && !mock && !mayHaveBody(q.verbOf(i)) {
		t = nil
	}
	if t != nil && q.hasBody() && (!mock || t.refersToBody()) && !q.takeBody() {
		return true // the problem is noted
	}
	q.template = t
	return true
}

// verbOf is the verb of the upstream's request.
func (q *request) verbOf(i *integration) string {
	if i.verb != "" {
		return i.verb
	}
	return q.r.Method
}

// toIntegration makes an exchange one with the upstream of the method's integration.
func (q *request) toIntegration(x *transport.Exchange, i *integration) {
	x.Verb, x.Timeout = i.verb, i.timeout
	x.Path, x.Query = q.pathOf(i), q.queryOf(i)
	if i.kind == models.IntegrationHTTP {
		x.Remake = q
	}
	if q.template != nil {
		body := string(q.render(q.template, q.taken))
		q.r.Body, q.r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
}

// pathOf makes the path of the upstream's request. A value is one segment of it, or of a greedy parameter several, whatever it is.
func (q *request) pathOf(i *integration) string {
	b := make([]byte, 0, 128)
	for n := range i.path {
		p := &i.path[n]
		switch {
		case p.value == nil:
			b = append(b, p.text...)
		case p.value.from != models.FromPath:
			value, _ := q.value(p.value, nil, nil)
			b = appendAsData(b, value)
		case p.last:
			b = append(b, q.rawParameter(p.value)...)
		default:
			b = append(b, strings.TrimSuffix(q.rawParameter(p.value), "/")...)
		}
	}
	return string(b)
}

// queryOf makes the query of the upstream's request: the URL's own, what is mapped, and of a proxy what the caller wrote. What the owner says of a name is all
// that the upstream hears of it.
func (q *request) queryOf(i *integration) string {
	var b []byte
	for n := range i.query {
		if p := &i.query[n]; p.value == nil {
			b = append(b, p.text...)
		} else {
			value, _ := q.value(p.value, nil, nil)
			b = appendAsData(b, value)
		}
	}
	for n := range i.parameters {
		value, ok := q.value(&i.parameters[n].source, nil, nil)
		if !ok {
			continue
		}
		b = appendPair(b, appendAsData(nil, i.parameters[n].name), '=')
		b = appendAsData(b, value)
	}
	if i.kind != models.IntegrationHTTPProxy {
		return string(b)
	}
	query := q.upstreamQuery()
	if len(i.fixed) == 0 {
		if len(b) == 0 || query == "" {
			return string(b) + query
		}
		return string(b) + "&" + query
	}
	for pair := range strings.SplitSeq(query, "&") {
		if pair != "" && !i.fixed[parameterRead(pair)] {
			b = appendPair(b, strings.ReplaceAll(pair, ";", "%3B")) // which some servers take for another &
		}
	}
	return string(b)
}

// parameterRead is the name of a parameter as the most generous servers read it.
func parameterRead(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	name, _, _ = strings.Cut(name, "[")
	return strings.ToLower(strings.TrimSpace(name))
}

// appendPair appends a pair to a query, or its beginning and what follows that.
func appendPair[S string | []byte](b []byte, text S, then ...byte) []byte {
	if len(b) > 0 && b[len(b)-1] != '&' {
		b = append(b, '&')
	}
	b = append(b, text...)
	return append(b, then...)
}

// appendAsData writes a value as a part of a URL that has no meaning there.
func appendAsData(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; isUnreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

// mapHeaders puts what is mapped into the headers of the upstream's request. One of kind HTTP gets nothing else of the client's than the type of the body.
func (q *request) mapHeaders(h http.Header, i *integration) {
	own := q.headersOf(i.headers, nil)
	if i.kind == models.IntegrationHTTP {
		kept := http.Header{"Accept": {"application/json"}, "User-Agent": {"AmazonAPIGateway_" + q.api.id.String()}}
		names := []string{"Content-Type"}
		if q.g.config.Tracer != nil {
			names = append(names, "Traceparent", "Tracestate")
		}
		for _, name := range names {
			if values := h[name]; len(values) > 0 && (name != "Content-Type" || q.hasBody() || q.template != nil) {
				kept[name] = values
			}
		}
		if q.template != nil && kept["Content-Type"] == nil {
			kept["Content-Type"] = []string{"application/json"}
		}
		clear(h)
		for name, values := range kept {
			h[name] = values
		}
	}
	for name, values := range own {
		h[name] = values
	}
}
