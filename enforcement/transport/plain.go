package transport

import (
	"bytes"
	"cmp"
	"context"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"unsafe"

	"gatehouse/enforcement/front"
	"gatehouse/enforcement/wire"
)

// This file is for whoever carries bytes by himself: which requests he may send where, and which header fields pass. It says the same as Serve does of
// http.Header, for fields as they came.

// Plain is a request whose bytes come and go elsewhere: of HTTP/1.1 to an upstream of a pool that IsPlain, with a body of a known length or none. What it refers
// to must stay as it is until the request has ended.
type Plain struct {
	Pick Pick // where to

	Head   []byte       // of the client's request, judged
	Fields []wire.Field // of Head, all of them
	Length int64        // of the body
	Verb   string
	Peer   string // address and port
	Host   string // as the client wrote it

	Forwarded *front.Forwarded // as Exchange has it

	Path, Query, Prefix   string // as Exchange has them
	KeyHeader             string
	ForwardKey            bool
	RequestID             string
	KeyID, ConsumerID     []byte
	Trace                 []byte // value of Traceparent in place of the client's; nil: the client's
	DropTrace, DropStates bool   // what the client says of a trace is not passed on

	tries int
}

// Dialer makes connections to an upstream. It is comparable: what is equal may share connections.
type Dialer interface {
	Dial(ctx context.Context) (net.Conn, error)
}

// Dial implements Dialer.
func (l *lines) Dial(ctx context.Context) (net.Conn, error) { return l.dial(ctx) }

// IsPlain reports whether all upstreams of the pool speak HTTP/1.1 without TLS.
func (p *Pool) IsPlain() bool {
	for _, t := range p.targets {
		if t.carrier.lines == nil {
			return false
		}
	}
	return true
}

// Dialer is that of the target, whose pool IsPlain.
func (k Pick) Dialer() Dialer { return k.target.carrier.lines }

// Begin is called before a request is sent for the first time.
func (p *Proxy) Begin(x *Plain) {
	x.tries = 0
	x.Pick.pool.retries.earn()
}

// Answered is called when the head of the answer has come.
func (p *Proxy) Answered(x *Plain, status int) {
	if isDeclined(status) {
		x.Pick.declined(p.clock())
	} else {
		x.Pick.worked()
	}
	x.Pick = Pick{}
}

// Release is called when a request has ended, however it did.
func (p *Proxy) Release(x *Plain) {
	x.Pick.Release()
	x.Pick = Pick{}
}

// Retry is called when a try failed. It returns true if there is to be another one, to a Pick that may be another one.
func (p *Proxy) Retry(x *Plain, f Failure, err error, connected, answered bool) bool {
	failed := x.Pick
	failed.failed(f, err, p.clock())
	x.Pick = Pick{}
	switch {
	case x.tries >= failed.pool.retriesAllowed(), f != Unreachable && f != Invalid:
		return false
	case connected && (answered || f != Unreachable || x.Length > 0 || !isIdempotent(x.Verb)):
		return false
	case !failed.pool.retries.spend():
		return false
	}
	next, _ := failed.pool.pick(p.clock(), failed.target)
	if next.target == nil {
		return false
	}
	if next.target == failed.target && isRefused(err) {
		next.Release()
		return false
	}
	x.Pick = next
	x.tries++
	p.retried.Add(1)
	return true
}

// fate is what becomes of a field.
type fate uint8

const (
	passes fate = iota
	isDropped
	isCookie
	isTrace
	isState
	isPragma
	isCacheControl
	isSetCookie
	isHosts // would speak for the gateway's whole host
)

// requestFates are those of fields of a request, answerFates of an answer.
var requestFates, answerFates = func() (request, answer *wire.Names[fate]) {
	r := map[string]fate{
		"content-length": isDropped, "host": isDropped, "expect": isDropped, "cookie": isCookie, "traceparent": isTrace, "tracestate": isState, "pragma": isPragma,
		"cache-control": isCacheControl,
	}
	a := map[string]fate{"content-length": isDropped, "alt-svc": isHosts, "clear-site-data": isHosts, "set-cookie": isSetCookie}
	for _, name := range hopByHop {
		r[strings.ToLower(name)], a[strings.ToLower(name)] = isDropped, isDropped
	}
	return wire.NamesOf(r), wire.NamesOf(a)
}()

// Passes reports whether a client gets a field of an upstream's answer, whose Connection does not name it. Of an answer 1xx only what concerns the connection
// or a body stays here.
func (p *Proxy) Passes(name, value []byte, status int) bool {
	switch answerFates.Of(name) {
	case passes:
		return true
	case isHosts:
		return status < 200
	case isSetCookie:
		if status < 200 {
			return true
		}
		cookie, _, _ := bytes.Cut(value, []byte("="))
		return !isNamed(textproto.TrimString(textOf(cookie)), p.hide)
	default:
		return false
	}
}

// AppendRequest writes the head of the request as its target gets it. No token of the client's Connection may name a field.
func (p *Proxy) AppendRequest(x *Plain, to []byte) []byte {
	t := x.Pick.target
	to = append(to, x.Verb...)
	to = append(to, ' ')
	if len(t.path)+len(x.Path) == 0 {
		to = append(to, '/')
	}
	to = append(to, t.path...)
	to = append(to, x.Path...)
	if x.Query != "" {
		to = append(to, '?')
		to = append(to, x.Query...)
	}
	to = append(to, " HTTP/1.1\r\nHost: "...)
	to = append(to, t.base.Host...)
	to = append(to, '\r', '\n')
	to = p.appendFields(x, to)
	return append(x.introduce(to), '\r', '\n')
}

// appendFields writes what passes of the client's fields.
func (p *Proxy) appendFields(x *Plain, to []byte) []byte {
	uncached, cached := false, false
	for i := range x.Fields {
		name, value := x.Fields[i].Name.Of(x.Head), x.Fields[i].Value.Of(x.Head)
		if x.KeyHeader != "" && wire.IsFold(name, x.KeyHeader) {
			if !x.ForwardKey {
				continue
			}
		} else if x.isHidden(name) {
			continue
		}
		switch requestFates.Of(name) {
		case isDropped:
			continue
		case isCookie:
			to = p.appendCookie(to, name, value)
			continue
		case isTrace:
			if x.DropTrace || x.Trace != nil {
				continue
			}
		case isState:
			if x.DropStates {
				continue
			}
		case isPragma:
			uncached = uncached || string(value) == "no-cache"
		case isCacheControl:
			cached = true
		}
		to = wire.AppendField(to, name, value)
	}
	if uncached && !cached {
		to = append(to, "Cache-Control: no-cache\r\n"...) // as net/http has it of an old client
	}
	return to
}

func (x *Plain) isHidden(name []byte) bool {
	return wire.IsPrivateField(name) || x.KeyHeader != "" && isAlias(name, x.KeyHeader)
}

// isAlias reports whether a name is another one but for underscores, which many upstreams take for hyphens.
func isAlias(name []byte, of string) bool {
	if len(name) != len(of) || bytes.IndexByte(name, '_') < 0 {
		return false
	}
	var room [64]byte
	plain := append(room[:0], name...)
	for i, c := range plain {
		if c == '_' {
			plain[i] = '-'
		}
	}
	return wire.IsFold(plain, of)
}

// appendCookie writes a line of cookies without those that are hidden.
func (p *Proxy) appendCookie(to, name, value []byte) []byte {
	start := len(to)
	to = append(to, name...)
	to = append(to, ':', ' ')
	from := len(to)
	first := true
	for rest, more := value, len(value) > 0; more; {
		var pair []byte
		pair, rest, more = bytes.Cut(rest, []byte(";"))
		cookie, _, _ := bytes.Cut(pair, []byte("="))
		if isNamed(textproto.TrimString(textOf(cookie)), p.hide) {
			continue
		}
		if !first {
			to = append(to, ';')
		}
		first = false
		to = append(to, pair...)
	}
	kept := textproto.TrimBytes(to[from:])
	if len(kept) == 0 {
		return to[:start]
	}
	to = to[:from+copy(to[from:], kept)]
	return append(to, '\r', '\n')
}

// introduce tells the upstream who is calling, and what of the body comes.
func (x *Plain) introduce(to []byte) []byte {
	peer, _, err := net.SplitHostPort(x.Peer)
	host, proto := x.Host, "http"
	if f := x.Forwarded; f != nil {
		peer, err = f.For, nil
		host, proto = cmp.Or(f.Host, host), cmp.Or(f.Proto, proto)
	}
	if err == nil {
		to = wire.AppendField(to, "X-Forwarded-For", peer)
	}
	to = wire.AppendField(to, "X-Forwarded-Host", host)
	to = wire.AppendField(to, "X-Forwarded-Proto", proto)
	if x.Prefix != "" {
		to = wire.AppendField(to, headerPrefix, x.Prefix)
	}
	to = wire.AppendField(to, headerRequestID, x.RequestID)
	if len(x.KeyID) > 0 {
		to = wire.AppendField(to, headerKeyID, textOf(x.KeyID))
	}
	if len(x.ConsumerID) > 0 {
		to = wire.AppendField(to, headerConsumer, textOf(x.ConsumerID))
	}
	if x.Trace != nil {
		to = wire.AppendField(to, "Traceparent", textOf(x.Trace))
	}
	if x.Length > 0 || x.Verb == "POST" || x.Verb == "PUT" || x.Verb == "PATCH" {
		to = append(to, "Content-Length: "...)
		to = strconv.AppendInt(to, max(0, x.Length), 10)
		to = append(to, '\r', '\n')
	}
	return to
}

// textOf is b as a string, for as long as nobody changes b.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
