package enforcement

import (
	"net"
	"net/http"
	"strings"

	"gatehouse/enforcement/wire"
)

// Judged puts the strict judge of HTTP/1.1 in front of a server: serve what it returns, once. Connections of TLS must have had their handshake. What is
// refused reaches the server's handler as a request that stands for it: a Gateway answers that itself, another handler needs AnswerRefused around it.
func Judged(s *http.Server, l net.Listener) net.Listener {
	wire.Attach(s)
	return wire.Listener(l, wire.Config{HeadTimeout: s.ReadHeaderTimeout, H2C: s.Protocols != nil && s.Protocols.UnencryptedHTTP2()})
}

// AnswerRefused answers what the judge refused as a Gateway does, and hands everything else to next.
func AnswerRefused(next http.Handler, problemURL string) http.Handler {
	g := &Gateway{config: Config{ProblemURL: problemURL}, refusals: refusalsOf(problemURL)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, refused := wire.RefusalOf(r); !refused {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'") // it may be where pages are
		q := &request{call: call{g: g}, w: w, r: r}
		q.refuse(q.judgeWire())
	})
}

// judgeWire says what was wrong with the request on the wire. Of HTTP/2, which the judge does not see, it looks at what HTTP/1.1 would have been refused for.
func (q *request) judgeWire() problem {
	if v, refused := wire.RefusalOf(q.r); refused {
		q.r = q.r.WithContext(q.r.Context()) // logs say nothing of what stands for the request
		q.r.Method, q.r.RequestURI, q.r.Proto = "", "", ""
		q.verb = ""
		return q.blame(v.Kind, v.Reason)
	}
	if q.r.ProtoMajor != 2 {
		return problemNone
	}
	if fault := wire.TargetFault(q.r.RequestURI); fault != "" {
		return q.blame(wire.BadTarget, fault)
	}
	if fault := wire.HostFault(q.r.Host); fault != "" {
		return q.blame(wire.BadHead, fault)
	}
	if fault := wire.FieldsFault(q.r.Header); fault != "" {
		return q.blame(wire.BadHead, fault)
	}
	return problemNone
}

// judgeCredentials refuses a second credential that is the upstream's to read: it could take the other one. Where the API reads its key, that is said of
// the key. The request has so many fields of these names.
func (c *call) judgeCredentials(authorizations, keys int) problem {
	if authorizations > 1 && !strings.EqualFold("Authorization", keyHeader(c.stage.key)) {
		return c.blame(wire.BadHead, "has more than one Authorization")
	}
	if keys > 1 && !strings.EqualFold("X-Api-Key", keyHeader(c.stage.key)) {
		return c.blame(wire.BadHead, "has more than one X-Api-Key")
	}
	return problemNone
}

func (c *call) blame(kind wire.Kind, reason string) problem {
	c.fault = reason
	switch kind {
	case wire.BadTarget:
		c.fault = "it " + reason
		return problemPathInvalid
	case wire.TargetTooLong:
		return problemTargetTooLong
	case wire.HeadTooLarge:
		return problemHeadTooLarge
	case wire.UnknownMethod:
		return problemVerbUnsupported
	case wire.UnknownVersion:
		return problemVersionUnsupported
	case wire.UnknownCoding:
		return problemCodingUnsupported
	case wire.UnknownExpectation:
		return problemExpectationUnsupported
	case wire.TooSlow:
		return problemHeadTooSlow
	default:
		return problemHeadInvalid
	}
}
