package enforcement

import (
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
)

// source is a mapping made ready for the requests of a method.
type source struct {
	from   models.MappingPlace // never a variable: its value is a literal by now
	name   string              // of headers canonical
	text   string              // of a literal
	index  int                 // of a path parameter: its segment
	greedy bool                // it is that segment and all behind it
}

// mapped is a name that gets a value.
type mapped struct {
	name string
	source
}

// mapper makes mappings ready. It keeps why that cannot be done, for the method's callers.
type mapper struct {
	template  string // of the method's path
	variables map[string]string
	fault     string          // the first one; empty: there is none
	varies    map[string]bool // headers of the request that answers depend on, canonical
	fleeting  bool            // answers depend on what is another thing with each request
}

func (c *mapper) fail(format string, args ...any) {
	if c.fault == "" {
		c.fault = fmt.Sprintf(format, args...)
	}
}

// parse reads a mapping's expression.
func (c *mapper) parse(expression string) source {
	m, ok := models.ParseMapping(expression)
	if !ok {
		c.fail("it maps %.100q, which the gateway cannot read", expression)
	}
	return c.ready(m)
}

func (c *mapper) ready(m models.Mapping) source {
	s := source{from: m.From, name: m.Name}
	switch m.From {
	case models.FromLiteral:
		s.text = m.Name
	case models.FromVariable:
		value, ok := c.variables[m.Name]
		if !ok {
			c.fail("it names the variable %s, which the stage does not have", m.Name)
		}
		s.from, s.text = models.FromLiteral, value
	case models.FromPath:
		var ok bool
		if s.index, s.greedy, ok = parameterIn(c.template, m.Name); !ok {
			c.fail("it names the path parameter %s, which the operation does not have", m.Name)
		}
	case models.FromParameter:
		var ok bool
		if s.index, s.greedy, ok = parameterIn(c.template, m.Name); !ok {
			s.index = -1
			c.varies[textproto.CanonicalMIMEHeaderKey(m.Name)] = true
		}
	case models.FromHeader:
		s.name = textproto.CanonicalMIMEHeaderKey(m.Name)
		c.varies[s.name] = true
	case models.FromAnswer:
		s.name = textproto.CanonicalMIMEHeaderKey(m.Name)
	case models.FromContext:
		switch m.Name {
		case "stage", "apiId", "httpMethod", "resourcePath", "path", "domainName", "identity.apiKeyId": // all in what answers are kept under
		default:
			c.fleeting = true
		}
	}
	return s
}

// parameterIn finds {name} or {name+} among the segments of a template.
func parameterIn(template, name string) (index int, greedy, ok bool) {
	for i, segment := range segments(template) {
		if segment == "{"+name+"}" || segment == "{"+name+"+}" {
			return i, strings.HasSuffix(segment, "+}"), true
		}
	}
	return 0, false, false
}

// rawParameter returns a path parameter as it stands in the canonical path: escaped, of a greedy one with its slashes, also one at the end.
func (q *request) rawParameter(s *source) string {
	rest := strings.TrimPrefix(q.path, "/")
	for range s.index {
		_, rest, _ = strings.Cut(rest, "/")
	}
	if !s.greedy {
		rest, _, _ = strings.Cut(rest, "/")
	}
	return rest
}

// value returns what a source has of a request; ok is false where there is nothing. Answer is the head of the upstream's answer, body what a template maps.
func (q *request) value(s *source, answer http.Header, body []byte) (value string, ok bool) {
	switch s.from {
	case models.FromLiteral:
		return s.text, true
	case models.FromPath:
		return string(appendDecoded(nil, q.rawParameter(s))), true
	case models.FromQuery:
		return q.visibleQuery(s.name)
	case models.FromHeader:
		return q.visibleHeader(s.name)
	case models.FromParameter:
		if s.index >= 0 {
			return string(appendDecoded(nil, q.rawParameter(s))), true
		}
		if value, ok = q.visibleQuery(s.name); ok {
			return value, true
		}
		return q.visibleHeader(textproto.CanonicalMIMEHeaderKey(s.name))
	case models.FromAnswer:
		if values := answer[s.name]; len(values) > 0 {
			return values[len(values)-1], true
		}
	case models.FromBody:
		return string(body), true
	case models.FromContext:
		value = q.contextValue(s.name)
		return value, value != ""
	}
	return "", false
}

// visibleQuery is the last value of a parameter, of what the upstream would get to see.
func (q *request) visibleQuery(name string) (value string, ok bool) {
	for pair := range strings.SplitSeq(q.upstreamQuery(), "&") {
		n, v, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(n)
		if err != nil || plain != name {
			continue
		}
		if v, err = url.QueryUnescape(v); err == nil {
			value, ok = v, true
		}
	}
	return value, ok
}

// visibleHeader is the last value of a header, of what the upstream would get to see.
func (q *request) visibleHeader(name string) (value string, ok bool) {
	if len(q.r.Header[name]) == 0 {
		return "", false
	}
	one := http.Header{name: q.r.Header[name]}
	if q.dropIdentity(one); len(one) == 0 {
		return "", false
	}
	return q.g.proxy.Visible(q.r.Header, name, keyHeader(q.stage.key), q.stage.key.Forward)
}

// contextValue is a variable of models.IsContextVariable; "" where the request has none.
func (q *request) contextValue(name string) string {
	switch name {
	case "requestId", "extendedRequestId":
		q.name()
		return q.id
	case "stage":
		return q.stage.name
	case "apiId":
		return q.api.id.String()
	case "httpMethod":
		return q.verb
	case "resourcePath":
		return q.method.path
	case "path":
		return q.prefix + q.path
	case "protocol":
		return q.r.Proto
	case "domainName":
		if host, _, err := net.SplitHostPort(q.r.Host); err == nil {
			return host
		}
		return q.r.Host
	case "requestTimeEpoch":
		return strconv.FormatInt(q.at.wall/int64(time.Millisecond), 10)
	case "identity.sourceIp":
		if host, _, err := net.SplitHostPort(q.peer); err == nil {
			return host
		}
		return q.peer
	case "identity.userAgent":
		return q.r.UserAgent()
	case "identity.apiKeyId":
		if key := q.decision.call.Key; key != 0 {
			return key.String()
		}
	}
	return ""
}

// headersOf evaluates mappings of headers, whose values may not end a line.
func (q *request) headersOf(all []mapped, answer http.Header) http.Header {
	h := make(http.Header, len(all)+2)
	for i := range all {
		m := &all[i]
		if m.from == models.FromAnswer { // all of its values: there may be several cookies
			if values := answer[m.source.name]; len(values) > 0 {
				h[m.name] = slices.Clone(values)
			}
			continue
		}
		if value, ok := q.value(&m.source, answer, nil); ok && isFieldValue(value) {
			h[m.name] = []string{value}
		}
	}
	return h
}

func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
