package enforcement

import (
	"encoding/json"
	"strconv"

	"gatehouse/enforcement/validation"
	"gatehouse/enforcement/wire"
)

// body is a problem as callers get it. Message is what clients of AWS's gateway read.
type body struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Message   string `json:"message"`
	RequestID string `json:"requestId"`
	Instance  string `json:"instance,omitempty"` // the address of its receipt
	Layer     string `json:"layer,omitempty"`    // of a 429: which limit answered

	Errors []validation.Fault `json:"errors,omitempty"` // of a 400: what the document does not allow
}

func (c *call) bodyOf(p problem, detail string) body {
	entry := p.entry()
	message, _ := p.amazon()
	b := body{
		Type: c.g.config.ProblemURL + entry.Slug, Title: entry.Title, Status: entry.Status, Detail: detail, Message: message, RequestID: c.id, Layer: c.layerOf(p),
	}
	if c.receipt.IsSet() {
		b.Instance = c.g.config.ReceiptURL + c.id
	}
	return b
}

// bodyOf says what is wrong with the request, too.
func (q *request) bodyOf(p problem, detail string) body {
	b := q.call.bodyOf(p, detail)
	if p.isOfFaults() {
		b.Errors, b.Message = q.faults, q.message(p)
	}
	return b
}

// layerOf names the limit that a 429 is of; "" of all others.
func (c *call) layerOf(p problem) string {
	switch d := &c.decision; {
	case p == problemTooManyOpen:
		return c.crowdedLayer()
	case d.decided && !d.limits.Allowed():
		return d.limits.Layer.String()
	}
	return ""
}

// refusals are what refusals have in common, by problem: one is like the next, and many come at once.
type refusals [numProblems]struct {
	head   string // of HTTP/1.1, without what depends on the request
	before string // of the body, what comes before the detail, and behind it
	behind string
}

func refusalsOf(problemURL string) *refusals {
	all := &refusals{}
	for p := problemNone + 1; p < numProblems; p++ {
		entry := p.entry()
		message, errorType := p.amazon()
		head := appendStatus(nil, entry.Status)
		for _, h := range [...][2]string{
			{headerAmznErrorType, errorType}, {"Content-Type", problemType}, {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"},
		} {
			head = wire.AppendField(head, h[0], h[1])
		}
		before := appendText([]byte(`{"type":"`), problemURL+entry.Slug)
		before = appendText(append(before, `","title":"`...), entry.Title)
		before = strconv.AppendInt(append(before, `","status":`...), int64(entry.Status), 10)
		all[p].head, all[p].before = string(head), string(append(before, `,"detail":"`...))
		all[p].behind = `","message":"` + message + `","requestId":"`
	}
	return all
}

// appendBody writes bodyOf as JSON, without its errors.
func (c *call) appendBody(b []byte, p problem, detail string) []byte {
	b = append(b, c.g.refusals[p].before...)
	b = appendText(b, detail)
	return c.appendBehind(b, p)
}

// appendBehind writes what follows the detail.
func (c *call) appendBehind(b []byte, p problem) []byte {
	return c.appendEnd(append(b, c.g.refusals[p].behind...), p)
}

// appendEnd writes what follows the name of the request's id.
func (c *call) appendEnd(b []byte, p problem) []byte {
	b = append(b, c.id...)
	if c.receipt.IsSet() {
		b = append(b, `","instance":"`...)
		b = appendText(b, c.g.config.ReceiptURL)
		b = append(b, c.id...)
	}
	if layer := c.layerOf(p); layer != "" {
		b = append(b, `","layer":"`...)
		b = append(b, layer...)
	}
	return append(b, '"', '}')
}

// appendBody has its errors, too.
func (q *request) appendBody(b []byte, p problem, detail string) []byte {
	if !p.isOfFaults() || len(q.faults) == 0 {
		return q.call.appendBody(b, p, detail)
	}
	b = appendText(append(b, q.g.refusals[p].before...), detail)
	b = appendText(append(b, `","message":"`...), q.message(p))
	b = q.appendEnd(append(b, `","requestId":"`...), p)
	faults, err := json.Marshal(q.faults)
	if err != nil {
		panic(err) // not reachable: strings
	}
	b = append(b[:len(b)-1], `,"errors":`...)
	b = append(b, faults...)
	return append(b, '}')
}

// appendText writes what stands between the quotes of a JSON string, as encoding/json does.
func appendText(b []byte, s string) []byte {
	plain := 0
	for plain < len(s) && isPlain(s[plain]) {
		plain++
	}
	b = append(b, s[:plain]...)
	if plain == len(s) {
		return b
	}
	quoted, err := json.Marshal(s[plain:])
	if err != nil {
		panic(err) // not reachable: a string
	}
	return append(b, quoted[1:len(quoted)-1]...)
}

func isPlain(c byte) bool {
	return c >= ' ' && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}
