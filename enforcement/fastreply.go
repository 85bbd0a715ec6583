package enforcement

import (
	"bytes"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/enforcement/fast"
	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/wire"
)

// This file writes answers of the fast lane, as reply.go does those of the standard lane: the names of headers are there.

// refuse answers with a problem.
func (c *fastCall) refuse(r *fast.Request, p problem) fast.Step {
	c.reason = c.appendReason(c.reason[:0], p)
	c.refuseWith(r, p, textOf(c.reason))
	return fast.Answer
}

// fail answers instead of an upstream that did not, as request.Fail does.
func (c *fastCall) fail(r *fast.Request, f transport.Failure, err error) {
	r.Close = r.Close || f == transport.Stopped
	if c.cut != problemNone && f == transport.Stopped {
		c.refuseWith(r, c.cut, c.cut.entry().Explanation)
		return
	}
	p := failed(f, err)
	if p == problemNone {
		r.Close = true // nobody is there to read an answer
		return
	}
	if c.stage.mayWarn(c.at.second()) {
		c.g.config.Log.Warn("upstream failed", "request_id", strings.Clone(c.id), "stage", c.stage.id.String(), "problem", p.entry().Slug, "error", err)
	}
	c.refuseWith(r, p, c.explainFailure(p, err))
}

// refuseWith does what request.refuseWith does.
func (c *fastCall) refuseWith(r *fast.Request, p problem, detail string) {
	c.decision.problem = p
	c.keepRefusal(p.entry())
	c.name()
	c.body = append(c.appendBody(c.body[:0], p, detail), '\n')
	c.sent = int64(len(c.body))
	start := len(r.Out)
	out := append(r.Out, c.g.refusals[p].head...)
	out = c.identify(out)
	out = c.appendLimits(out)
	out = c.appendLife(out)
	if c.seen.origin {
		out = appendHeader(out, headerAllowOrigin, "*")
		out = appendHeader(out, headerExposeHeaders, exposed)
	}
	if wait := c.retryAfter(p); wait > 0 {
		out = appendNumber(out, headerRetryAfter, wait)
	}
	if p == problemVerbUnknown {
		out = appendHeader(out, "Allow", c.methods.allow)
	}
	r.Close = r.Close || p.endsConnection()
	out = c.appendClose(out, r)
	out = appendNumber(out, "Content-Length", c.sent)
	c.keepAnswer(out[start:])
	out = appendHeader(out, "Date", c.date.of(r.Now))
	out = append(out, '\r', '\n')
	if c.verb != http.MethodHead {
		out = append(out, c.body...)
	}
	r.Out, r.Sent = out, c.sent
}

// Answered implements fast.Call: what transport.Proxy and request.Decorate do to an answer of the upstream.
func (c *fastCall) Answered(r *fast.Request, a *fast.Answered) {
	start := len(r.Out)
	out := appendStatus(r.Out, a.Status)
	if a.Status < 200 {
		r.Out = append(c.appendPassing(out, a, nil), '\r', '\n')
		return
	}
	c.g.proxy.Answered(&c.plain, a.Status)
	if kind, ok := fieldOf(a, "content-type"); ok && bytes.Contains(kind, []byte("event-stream")) {
		if media, _, _ := mime.ParseMediaType(string(kind)); media == "text/event-stream" {
			r.Stream = true
			c.becomeStream()
		}
	}
	out = c.appendPassing(out, a, c.life())
	out = c.identify(out)
	out = c.appendLimits(out)
	out = c.appendLife(out)
	out = c.appendClose(out, r)
	bodiless := a.Status == http.StatusNoContent || a.Status == http.StatusNotModified
	if a.Chunked {
		out = c.appendTrailers(out, a)
	} else if a.Told >= 0 && !bodiless {
		out = appendNumber(out, "Content-Length", a.Told)
	}
	c.keepAnswer(out[start:])
	if a.Chunked {
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	}
	if _, dated := fieldOf(a, "date"); !dated || connectionNames(a)["date"] {
		out = appendHeader(out, "Date", a.Date)
	}
	r.Out = append(out, '\r', '\n')
}

// ownKind is what of the gateway's own stands in for a field of the upstream's.
type ownKind uint8

const (
	notOwn   ownKind = iota
	ownID            // always
	ownLimit         // where it tells of limits
	ownLife          // where something is announced
	ownType          // not of an answer 304, as net/http has it
)

var ownKinds = func() *wire.Names[ownKind] {
	all := map[string]ownKind{
		strings.ToLower(headerRequestID): ownID, strings.ToLower(headerAmznRequestID): ownID, strings.ToLower(headerDeprecation): ownLife,
		strings.ToLower(headerSunset): ownLife, "content-type": ownType,
	}
	for _, name := range limitHeaders {
		all[strings.ToLower(name)] = ownLimit
	}
	return wire.NamesOf(all)
}()

// appendPassing writes what the client gets of the upstream's fields; all that passes of an answer 1xx, which is not the gateway's to decorate.
func (c *fastCall) appendPassing(out []byte, a *fast.Answered, l *life) []byte {
	named := connectionNames(a)
	for i := range a.Fields {
		f := &a.Fields[i]
		if named != nil && named[strings.ToLower(string(f.Name))] || !c.g.proxy.Passes(f.Name, f.Value, a.Status) {
			continue
		}
		drop := false
		if a.Status >= 200 {
			switch ownKinds.Of(f.Name) {
			case notOwn:
			case ownID:
				drop = true
			case ownLimit:
				drop = c.tellsLimits()
			case ownLife:
				drop = l != nil
			case ownType:
				drop = a.Status == http.StatusNotModified
			}
		}
		if !drop {
			out = append(out, f.Name...)
			out = append(out, ':', ' ')
			out = append(out, f.Value...)
			out = append(out, '\r', '\n')
		}
	}
	return out
}

// connectionNames are the fields that an answer's Connection names, in lower case; nil: there are none, as nearly always.
func connectionNames(a *fast.Answered) (names map[string]bool) {
	for i := range a.Fields {
		f := &a.Fields[i]
		if !wire.IsFold(f.Name, "connection") || wire.OnlyPersists(f.Value) {
			continue
		}
		if names == nil {
			names = map[string]bool{}
		}
		for item, rest := wire.NextItem(f.Value); item != nil; item, rest = wire.NextItem(rest) {
			names[strings.ToLower(string(item))] = true
		}
	}
	return names
}

// fieldOf returns the first value of a field of an answer.
func fieldOf(a *fast.Answered, name string) (value []byte, ok bool) {
	for i := range a.Fields {
		if wire.IsFold(a.Fields[i].Name, name) {
			return a.Fields[i].Value, true
		}
	}
	return nil, false
}

// appendTrailers announces the trailers that the upstream does.
func (c *fastCall) appendTrailers(out []byte, a *fast.Answered) []byte {
	for i := range a.Fields {
		if !wire.IsFold(a.Fields[i].Name, "trailer") {
			continue
		}
		for item, rest := wire.NextItem(a.Fields[i].Value); item != nil; item, rest = wire.NextItem(rest) {
			if !wire.IsFold(item, "transfer-encoding") && !wire.IsFold(item, "content-length") && !wire.IsFold(item, "trailer") {
				out = appendHeader(out, "Trailer", textOf(item))
			}
		}
	}
	return out
}

func (c *fastCall) identify(out []byte) []byte {
	out = appendHeader(out, headerRequestID, c.id)
	return appendHeader(out, headerAmznRequestID, c.id)
}

// appendLimits writes what tellLimits says.
func (c *fastCall) appendLimits(out []byte) []byte {
	if !c.tellsLimits() {
		return out
	}
	t := c.limitTexts(c.limitRoom[:])
	for i, name := range limitHeaders {
		if value := t.of(i); len(value) > 0 {
			out = appendHeader(out, name, textOf(value))
		}
	}
	return out
}

// appendLife writes what tellLife says.
func (c *fastCall) appendLife(out []byte) []byte {
	l := c.life()
	if l == nil {
		return out
	}
	out = appendHeader(out, headerDeprecation, l.deprecation[0])
	if len(l.sunset) > 0 {
		out = appendHeader(out, headerSunset, l.sunset[0])
	}
	return appendHeader(out, headerLink, l.links[0])
}

// appendClose says that the connection ends, if it does.
func (c *fastCall) appendClose(out []byte, r *fast.Request) []byte {
	if r.Close = r.Close || c.g.open.isClosing(); r.Close {
		out = append(out, "Connection: close\r\n"...)
	}
	return out
}

// keepAnswer keeps the head of an answer for the request log, without what net/http would add to it.
func (c *fastCall) keepAnswer(head []byte) {
	if c.g.config.RequestLog != nil {
		c.answer = append(c.answer[:0], head...)
	}
}

func appendStatus(out []byte, status int) []byte {
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, ' ')
	if text := http.StatusText(status); text != "" {
		out = append(out, text...)
	} else { // as net/http says it
		out = append(out, "status code "...)
		out = strconv.AppendInt(out, int64(status), 10)
	}
	return append(out, '\r', '\n')
}

func appendHeader(out []byte, name, value string) []byte {
	out = append(out, name...)
	out = append(out, ':', ' ')
	out = append(out, value...)
	return append(out, '\r', '\n')
}

func appendNumber(out []byte, name string, n int64) []byte {
	out = append(out, name...)
	out = append(out, ':', ' ')
	out = strconv.AppendInt(out, n, 10)
	return append(out, '\r', '\n')
}

// fastDate is the date of a second, as it was written last.
type fastDate struct {
	second int64
	text   []byte
}

func (d *fastDate) of(now time.Time) string {
	if now.IsZero() {
		now = time.Now()
	}
	if second := now.Unix(); second != d.second || len(d.text) == 0 {
		d.second, d.text = second, now.UTC().AppendFormat(d.text[:0], http.TimeFormat)
	}
	return textOf(d.text)
}
