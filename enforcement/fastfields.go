package enforcement

import (
	"bytes"
	"net/http"
	"strings"
	"time"
	"unsafe"

	"gatehouse/enforcement/fast"
	"gatehouse/enforcement/requestlog"
	"gatehouse/enforcement/trace"
	"gatehouse/enforcement/wire"
)

// fastFields are the fields of a request that decide something, as they are found in one pass.
type fastFields struct {
	authorizations, keys, parents fieldPlace // of x-api-key, traceparent
	states                        int        // bytes of tracestate; -1: there is none
	origin                        bool       // a page of a browser asks
}

// fieldPlace is where the fields of a name stand.
type fieldPlace struct{ n, first, second int }

func (f *fieldPlace) note(i int) {
	switch f.n++; f.n {
	case 1:
		f.first = i
	case 2:
		f.second = i
	}
}

// in appends the first two values.
func (f fieldPlace) in(r *fast.Request, to []string) []string {
	for k, i := range [...]int{f.first, f.second} {
		if k < f.n {
			to = append(to, valueOf(r, i))
		}
	}
	return to
}

func valueOf(r *fast.Request, i int) string { return textOf(r.Fields[i].Value.Of(r.Bytes)) }

// fieldKind is what a field has to do with the lanes.
type fieldKind uint8

const (
	fieldOther fieldKind = iota
	fieldAuthorization
	fieldKey
	fieldParent
	fieldState
	fieldOrigin
	fieldAccept
	fieldContentType
	fieldConnection
	fieldStandard // the standard lane's
)

const defaultKey = "x-api-key"

func isDefaultKey(name string) bool { return strings.EqualFold(name, defaultKey) }

var fieldKinds = wire.NamesOf(map[string]fieldKind{
	"authorization": fieldAuthorization, defaultKey: fieldKey, "traceparent": fieldParent, "tracestate": fieldState, "origin": fieldOrigin, "accept": fieldAccept,
	"content-type": fieldContentType, "connection": fieldConnection,
	strings.ToLower(headerQuote): fieldStandard, "upgrade": fieldStandard, "access-control-request-method": fieldStandard,
})

// look reads the fields. It returns false for a request that is the standard lane's: a quote, a preflight, one for a stream, and one that names fields in
// Connection.
func (s *fastFields) look(r *fast.Request) bool {
	*s = fastFields{states: -1}
	for i := range r.Fields {
		f := &r.Fields[i]
		value := f.Value.Of(r.Bytes)
		switch fieldKinds.Of(f.Name.Of(r.Bytes)) {
		case fieldOther:
		case fieldAuthorization:
			s.authorizations.note(i)
		case fieldKey:
			s.keys.note(i)
		case fieldParent:
			s.parents.note(i)
		case fieldState:
			s.states = max(s.states, 0) + len(value)
		case fieldOrigin:
			s.origin = s.origin || len(value) > 0
		case fieldAccept:
			if string(value) == "text/event-stream" {
				return false
			}
		case fieldContentType:
			if bytes.HasPrefix(value, []byte("application/grpc")) {
				return false
			}
		case fieldConnection:
			if !wire.OnlyPersists(value) {
				return false
			}
		case fieldStandard:
			return false
		}
	}
	return true
}

// fieldsNamed finds the fields of a name.
func fieldsNamed(r *fast.Request, name string) (p fieldPlace) {
	for i := range r.Fields {
		if wire.IsFold(r.Fields[i].Name.Of(r.Bytes), name) {
			p.note(i)
		}
	}
	return p
}

// copiesOf returns the values of all fields of a name.
func copiesOf(r *fast.Request, name string) (values []string) {
	for i := range r.Fields {
		if wire.IsFold(r.Fields[i].Name.Of(r.Bytes), name) {
			values = append(values, strings.Clone(valueOf(r, i)))
		}
	}
	return values
}

// beginTrace does what request.beginTrace does, and changes no header: see forward.
func (c *fastCall) beginTrace(r *fast.Request) {
	if c.seen.parents.n == 1 {
		c.parent = trace.Parse(valueOf(r, c.seen.parents.first))
	}
	c.span = c.parent
	if t := c.g.config.Tracer; t != nil {
		c.span = t.Begin(c.parent)
	}
}

// field implements lane.
func (c *fastCall) field(name string) string {
	if p := fieldsNamed(c.r, name); p.n > 0 {
		return valueOf(c.r, p.first)
	}
	return ""
}

// headers implements lane.
func (c *fastCall) headers() (request, answer []requestlog.Header) {
	request, answer = c.logged[0][:0], c.logged[1][:0]
	for i := range c.r.Fields {
		if name := textOf(c.r.Fields[i].Name.Of(c.r.Bytes)); !strings.EqualFold(name, "Host") {
			request = append(request, requestlog.Header{Name: name, Value: valueOf(c.r, i)})
		}
	}
	_, lines, _ := strings.Cut(textOf(c.answer), "\r\n")
	for lines != "" {
		var line string
		line, lines, _ = strings.Cut(lines, "\r\n")
		if name, value, ok := strings.Cut(line, ": "); ok {
			answer = append(answer, requestlog.Header{Name: name, Value: value})
		}
	}
	c.logged = [...][]requestlog.Header{request, answer}
	return request, answer
}

// protocol implements lane.
func (c *fastCall) protocol() (version, tls string) { return "HTTP/1.1", "" }

// rawPath implements lane.
func (c *fastCall) rawPath() string {
	path, _, _ := strings.Cut(textOf(c.r.Head.Target.Of(c.r.Bytes)), "?")
	return path
}

// verbText is a verb, by itself if it is a usual one.
func verbText(verb []byte) string {
	switch string(verb) {
	case http.MethodGet:
		return http.MethodGet
	case http.MethodPost:
		return http.MethodPost
	case http.MethodPut:
		return http.MethodPut
	case http.MethodPatch:
		return http.MethodPatch
	case http.MethodDelete:
		return http.MethodDelete
	case http.MethodHead:
		return http.MethodHead
	case http.MethodOptions:
		return http.MethodOptions
	default:
		return textOf(verb)
	}
}

// textOf is b as a string, for as long as nobody changes b.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// fastInstant is now for a request that came at a time on the system's clock.
func (g *Gateway) fastInstant(came time.Time) instant {
	if g.virtual || came.IsZero() {
		return g.now()
	}
	return g.instantOf(came)
}
