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
	"gatehouse/models/limit"
)

// This file writes answers of the fast lane, as reply.go does those of the standard lane: the names of headers are there.

// refuse answers with a problem.
func (c *fastCall) refuse(r *fast.Request, p problem) fast.Step {
	if p == problemThrottled {
		c.detail = c.appendWait(c.throttled.appendTo(c.detail[:0], c))
	} else {
		c.reason = c.appendReason(c.reason[:0], p)
		c.detail = appendText(c.detail[:0], textOf(c.reason))
	}
	c.refuseWith(r, p)
	return fast.Answer
}

// throttleText is what was said of a throttle that refused, as JSON has it, and of which: it is the same for all who call by the same terms.
type throttleText struct {
	terms
	layer limit.Layer
	text  []byte
}

// appendTo appends what appendThrottle does.
func (t *throttleText) appendTo(b []byte, c *fastCall) []byte {
	of, ok := c.terms()
	layer := c.decision.limits.Layer
	if ok && t.terms == of && t.layer == layer {
		return append(b, t.text...)
	}
	c.reason = c.appendThrottle(c.reason[:0])
	if ok {
		*t = throttleText{of, layer, appendText(t.text[:0], textOf(c.reason))}
	}
	return appendText(b, textOf(c.reason))
}

// explained has a text as the detail of a refusal.
func (c *fastCall) explained(text string) { c.detail = appendText(c.detail[:0], text) }

// fail answers instead of an upstream that did not, as request.Fail does.
func (c *fastCall) fail(r *fast.Request, f transport.Failure, err error) {
	r.Close = r.Close || f == transport.Stopped
	if c.cut != problemNone && f == transport.Stopped {
		c.explained(c.cut.entry().Explanation)
		c.refuseWith(r, c.cut)
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
	c.explained(c.explainFailure(p, err))
	c.refuseWith(r, p)
}

// refuseWith does what request.refuseWith does, with the detail that is there.
func (c *fastCall) refuseWith(r *fast.Request, p problem) {
	c.decision.problem = p
	c.keepRefusal(p)
	c.name()
	c.body = append(c.body[:0], c.g.refusals[p].before...)
	c.body = append(c.appendBehind(append(c.body, c.detail...), p), '\n')
	c.sent = int64(len(c.body))
	start := len(r.Out)
	out := append(r.Out, c.g.refusals[p].head...)
	out = c.identify(out)
	out = c.appendLimits(out)
	out = appendLife(out, c.life())
	if c.seen.origin {
		out = wire.AppendField(out, headerAllowOrigin, "*")
		out = wire.AppendField(out, headerExposeHeaders, exposed)
	}
	if wait := c.retryAfter(p); wait > 0 {
		out = appendNumber(out, headerRetryAfter, wait)
	}
	if p == problemVerbUnknown {
		out = wire.AppendField(out, "Allow", c.methods.allow)
	}
	r.Close = r.Close || p.endsConnection()
	out = c.appendClose(out, r)
	out = appendNumber(out, "Content-Length", c.sent)
	c.keepAnswer(out[start:])
	out = wire.AppendField(out, "Date", c.date.of(r.Now))
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
	s := &c.answered
	s.look(a)
	if a.Status < 200 {
		r.Out = append(c.appendPassing(out, a, nil), '\r', '\n')
		return
	}
	c.g.proxy.Answered(&c.plain, a.Status)
	if s.stream {
		r.Stream = true
		c.becomeStream()
	}
	life := c.life()
	out = c.appendPassing(out, a, life)
	out = c.identify(out)
	out = c.appendLimits(out)
	out = appendLife(out, life)
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
	if !s.dated || s.named["date"] {
		out = wire.AppendField(out, "Date", a.Date)
	}
	r.Out = append(out, '\r', '\n')
}

// answerFields are the fields of an upstream's answer that decide something, as they are found in one pass.
type answerFields struct {
	kinds  []answerKind    // of each field
	stream bool            // it is one of events
	dated  bool            // it says when it was made
	named  map[string]bool // fields that its Connection names, in lower case; nil: there are none, as nearly always
}

// answerKind is what a field of an answer is to the gateway.
type answerKind uint8

const (
	answerOther answerKind = iota
	answerConnection
	answerDate
	answerType  // not of an answer 304, as net/http has it
	answerID    // always the gateway's own
	answerLimit // the gateway's where it tells of limits
	answerLife  // the gateway's where something is announced
)

var answerKinds = func() *wire.Names[answerKind] {
	all := map[string]answerKind{
		strings.ToLower(headerRequestID): answerID, strings.ToLower(headerAmznRequestID): answerID, strings.ToLower(headerDeprecation): answerLife,
		strings.ToLower(headerSunset): answerLife, "content-type": answerType, "connection": answerConnection, "date": answerDate,
	}
	for _, name := range limitHeaders {
		all[strings.ToLower(name)] = answerLimit
	}
	return wire.NamesOf(all)
}()

func (s *answerFields) look(a *fast.Answered) {
	*s = answerFields{kinds: s.kinds[:0]}
	typed := false
	for i := range a.Fields {
		f := &a.Fields[i]
		kind := answerKinds.Of(f.Name)
		s.kinds = append(s.kinds, kind)
		switch kind {
		case answerConnection:
			s.note(f.Value)
		case answerDate:
			s.dated = true
		case answerType:
			s.stream = s.stream || !typed && isEvents(f.Value)
			typed = true
		default:
		}
	}
}

// note notes the fields that a Connection names.
func (s *answerFields) note(connection []byte) {
	if wire.OnlyPersists(connection) {
		return
	}
	if s.named == nil {
		s.named = map[string]bool{}
	}
	for item, rest := wire.NextItem(connection); item != nil; item, rest = wire.NextItem(rest) {
		s.named[strings.ToLower(string(item))] = true
	}
}

func isEvents(contentType []byte) bool {
	if !bytes.Contains(contentType, []byte("event-stream")) {
		return false
	}
	media, _, _ := mime.ParseMediaType(string(contentType))
	return media == "text/event-stream"
}

// appendPassing writes what the client gets of the upstream's fields; all that passes of an answer 1xx, which is not the gateway's to decorate.
func (c *fastCall) appendPassing(out []byte, a *fast.Answered, l *life) []byte {
	s := &c.answered
	final, tells := a.Status >= 200, c.tellsLimits()
	for i := range a.Fields {
		f := &a.Fields[i]
		drop := false
		switch s.kinds[i] {
		case answerOther, answerConnection:
			drop = !c.g.proxy.Passes(f.Name, f.Value, a.Status)
		case answerDate:
		case answerType:
			drop = a.Status == http.StatusNotModified
		case answerID:
			drop = final
		case answerLimit:
			drop = final && tells
		case answerLife:
			drop = final && l != nil
		}
		if drop || s.named != nil && s.named[strings.ToLower(string(f.Name))] {
			continue
		}
		out = wire.AppendField(out, textOf(f.Name), textOf(f.Value))
	}
	return out
}

// appendTrailers announces the trailers that the upstream does.
func (c *fastCall) appendTrailers(out []byte, a *fast.Answered) []byte {
	for i := range a.Fields {
		if !wire.IsFold(a.Fields[i].Name, "trailer") {
			continue
		}
		for item, rest := wire.NextItem(a.Fields[i].Value); item != nil; item, rest = wire.NextItem(rest) {
			if !wire.IsFold(item, "transfer-encoding") && !wire.IsFold(item, "content-length") && !wire.IsFold(item, "trailer") {
				out = wire.AppendField(out, "Trailer", textOf(item))
			}
		}
	}
	return out
}

func (c *fastCall) identify(out []byte) []byte {
	out = wire.AppendField(out, headerRequestID, c.id)
	return wire.AppendField(out, headerAmznRequestID, c.id)
}

// appendLimits writes what tellLimits says.
func (c *fastCall) appendLimits(out []byte) []byte {
	if !c.tellsLimits() {
		return out
	}
	t := c.limitTexts(c.limitRoom[:], &c.policy)
	for i, name := range limitHeaders {
		if value := t.of(i); len(value) > 0 {
			out = wire.AppendField(out, name, textOf(value))
		}
	}
	return out
}

// appendLife writes what tellLife says.
func appendLife(out []byte, l *life) []byte {
	if l == nil {
		return out
	}
	out = wire.AppendField(out, headerDeprecation, l.deprecation[0])
	if len(l.sunset) > 0 {
		out = wire.AppendField(out, headerSunset, l.sunset[0])
	}
	return wire.AppendField(out, headerLink, l.links[0])
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
