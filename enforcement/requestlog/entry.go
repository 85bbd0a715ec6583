package requestlog

import (
	"encoding/binary"
	"math"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
)

// Entry is a request that has ended, as the gateway saw it. What must not be kept is taken out by Write, which reads it and keeps nothing of it.
type Entry struct {
	ID      [16]byte
	Receipt models.Receipt // but for its ID
	Verb    string
	Prefix  string // /{api}/{stage}
	Path    string // canonical, below it
	Query   string
	Peer    string // address and port of the caller

	Total   time.Duration
	Gateway time.Duration
	Sent    int64

	Request, Response []Header
	KeyHeader         string // where the key came in; it is never kept
	Secret            string // the value that was presented
}

// Header is a header field.
type Header struct{ Name, Value string }

// AppendHeaders appends the fields of h.
func AppendHeaders(to []Header, h http.Header) []Header {
	to = slices.Grow(to, len(h))
	for name, values := range h {
		for _, value := range values {
			to = append(to, Header{name, value})
		}
	}
	return to
}

// A record, as it stands in buffers, in the tail and in memory. Numbers of unknown size are varints, ids and floats 8 bytes, strings 2 bytes of length and
// their bytes. In a block ids and strings are indexes into its tables, and time is relative to the block.
//
//	size of what follows u32, end i64 (Unix nanoseconds)
//	time, outcome u8, status, total µs, gateway µs, latency µs, key, app, plan, API, stage, method, verb, path
//	id 16 bytes, plan's version, problem, method's name, since, layer u8, retry after
//	which limits apply u8, period u8, for each that does: rate, limit, remaining, reset
//	bytes in, bytes out, sent, query, address, user agent
//	headers of request and answer: how many u8, for each: name, shown u8, value if it is shown
const (
	recordHead = 4 + 8
	// maxRecord bounds a record: what is cut, 2 × 32 headers, and the numbers.
	maxRecord = 2*maxHeaders*(maxName+maxWord+8) + maxPath + maxQuery + maxAgent + maxAddress + 1024
)

// raw writes a record.
type raw struct {
	b []byte
	c cleaner
}

func (w *raw) byte(v byte)    { w.b = append(w.b, v) }
func (w *raw) u(v int64)      { w.b = binary.AppendUvarint(w.b, uint64(max(v, 0))) }
func (w *raw) fixed(v uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, v) }

// str writes a text that the gateway chose itself.
func (w *raw) str(s string) {
	s = s[:min(len(s), maxWord)]
	w.b = append(binary.LittleEndian.AppendUint16(w.b, uint16(len(s))), s...)
}

// begin leaves room for the length of a text; end fills it in.
func (w *raw) begin() (at int) {
	at = len(w.b)
	w.b = append(w.b, 0, 0)
	return at
}

func (w *raw) end(at int) { binary.LittleEndian.PutUint16(w.b[at:], uint16(len(w.b)-at-2)) }

func (w *raw) text(s string, max int) {
	at := w.begin()
	w.b = w.c.Append(w.b, s, max)
	w.end(at)
}

// entry appends a record. There is room for maxRecord bytes.
func (w *raw) entry(e *Entry) {
	at := len(w.b)
	r := &e.Receipt
	w.b = append(w.b, 0, 0, 0, 0)
	w.fixed(uint64(r.At.UnixNano() + int64(e.Total)))
	w.fixed(uint64(r.At.UnixNano()))
	w.byte(byte(r.Outcome))
	w.u(int64(r.Status))
	w.u(e.Total.Microseconds())
	w.u(e.Gateway.Microseconds())
	w.u(r.Latency.Microseconds())
	for _, id := range [...]int64{int64(r.KeyID), int64(r.AppID), int64(r.PlanID), int64(r.APIID), int64(r.StageID), int64(r.MethodID)} {
		w.fixed(uint64(id))
	}
	w.str(e.Verb)
	path := w.begin()
	w.b = w.c.Append(w.b, e.Prefix, maxPath/2)
	w.b = w.c.Append(w.b, e.Path, maxPath/2)
	w.end(path)

	w.b = append(w.b, e.ID[:]...)
	w.receipt(r)
	w.u(r.BytesIn)
	w.u(r.BytesOut)
	w.u(e.Sent)
	query := w.begin()
	w.b = w.c.query(w.b, e.Query)
	w.end(query)
	w.text(host(e.Peer), maxAddress)
	w.text(e.agent(), maxAgent)
	w.headers(e.Request, requestHeaders, e.KeyHeader)
	w.headers(e.Response, responseHeaders, e.KeyHeader)
	binary.LittleEndian.PutUint32(w.b[at:], uint32(len(w.b)-at-4))
}

// receipt appends why the request was answered so.
func (w *raw) receipt(r *models.Receipt) {
	w.u(int64(r.PlanVersion))
	w.str(r.Problem)
	w.str(r.Method)
	since := int64(0)
	if !r.Since.IsZero() {
		since = r.Since.UnixNano()
	}
	w.u(since)
	w.byte(byte(r.Layer))
	w.u(int64(r.RetryAfter))
	applies := byte(0)
	for i := range r.Limits {
		if r.Limits[i].Limited {
			applies |= 1 << i
		}
	}
	w.byte(applies)
	w.byte(byte(r.Limits[len(r.Limits)-1].Period))
	for i := range r.Limits {
		if l := &r.Limits[i]; l.Limited {
			w.fixed(math.Float64bits(l.Rate))
			w.u(l.Limit)
			w.u(l.Remaining)
			w.u(int64(l.Reset))
		}
	}
}

// agent is what the client calls itself.
func (e *Entry) agent() string {
	if strings.EqualFold(e.KeyHeader, "User-Agent") {
		return ""
	}
	for _, h := range e.Request {
		if strings.EqualFold(h.Name, "User-Agent") {
			return h.Value
		}
	}
	return ""
}

// headers appends fields by what is to be done with each.
func (w *raw) headers(all []Header, what map[string]keep, keyHeader string) {
	at, n := len(w.b), 0
	w.byte(0)
	for i, h := range all {
		name := textproto.CanonicalMIMEHeaderKey(h.Name)
		how := what[name]
		if strings.EqualFold(name, keyHeader) {
			how = hide
		}
		if how == leaveOut || how == hide && isNamedIn(all[:i], name) { // once is enough
			continue
		}
		if n == maxHeaders {
			break
		}
		n++
		w.text(name, maxName)
		switch how {
		case hide:
			w.byte(0)
			continue
		case showAddress:
			h.Value = address(h.Value)
		default:
		}
		w.byte(1)
		w.text(h.Value, maxWord)
	}
	w.b[at] = byte(n)
}

func isNamedIn(some []Header, name string) bool {
	for _, h := range some {
		if strings.EqualFold(h.Name, name) {
			return true
		}
	}
	return false
}

// host is an address without its port, as net.SplitHostPort tells it, without allocating.
func host(peer string) string {
	i := strings.LastIndexByte(peer, ':')
	if i < 0 {
		return peer
	}
	return strings.TrimSuffix(strings.TrimPrefix(peer[:i], "["), "]")
}
