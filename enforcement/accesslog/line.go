package accesslog

import (
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"

	"gatehouse/enforcement/redact"
	"gatehouse/models"
)

// Entry is a request that has ended. Empty texts and ids are left out of its line.
type Entry struct {
	Time      time.Time // when it came
	RequestID string
	ClientID  string   // what the client itself calls the request: any text, and nobody's word
	Trace     [16]byte // id of the trace that it belongs to; zero: none
	Address   string   // of the client, with or without its port
	API       string   // short name
	Stage     string
	Method    string // verb and template, such as "GET /users/{id}"
	Verb      string
	Path      string // without its query
	Status    int    // 0: the client was gone before there was an answer
	Problem   string // slug
	Outcome   string
	Cached    bool // answered by what was kept
	Key       models.KeyID
	App       models.AppID
	In, Out   int64         // bytes of the bodies
	Took      time.Duration // all of it
	Upstream  time.Duration // until the upstream began to answer, or failed; 0: it was not asked
	Agent     string
	Protocol  string // such as "HTTP/1.1"
	TLS       string // version; empty: none

	Secret string // the key's value that was presented; it is taken out of everything
}

// Limits of what is kept of a text, in bytes; the rest is left out.
const (
	maxPath  = 1024
	maxAgent = 256
	maxWord  = 128
)

// maxLine bounds a line: a byte of a text becomes six at most.
const maxLine = 6*(maxPath+maxAgent+12*maxWord) + 1024

// line appends an entry's line. There is room for maxLine bytes.
func line(b []byte, e *Entry, prefix string) []byte {
	w := writer{b: append(b, `{"time":"`...), keys: redact.Keys{Presented: e.Secret, Prefix: prefix}}
	w.b = e.Time.UTC().AppendFormat(w.b, "2006-01-02T15:04:05.000000Z")
	w.b = append(w.b, '"')
	w.own("request_id", e.RequestID)
	w.text("client_request_id", e.ClientID, maxWord)
	if e.Trace != [16]byte{} {
		w.name("trace_id")
		w.b = append(w.b, '"')
		w.b = hex.AppendEncode(w.b, e.Trace[:])
		w.b = append(w.b, '"')
	}
	w.own("address", host(e.Address))
	w.own("api", e.API)
	w.own("stage", e.Stage)
	w.own("method", e.Method)
	w.text("verb", e.Verb, maxWord)
	w.text("path", e.Path, maxPath)
	w.number("status", int64(e.Status))
	w.own("problem", e.Problem)
	w.own("outcome", e.Outcome)
	if e.Cached {
		w.name("cached")
		w.b = append(w.b, "true"...)
	}
	w.id("key", int64(e.Key))
	w.id("app", int64(e.App))
	w.number("bytes_in", e.In)
	w.number("bytes_out", e.Out)
	w.seconds("seconds", e.Took)
	if e.Upstream > 0 {
		w.seconds("upstream_seconds", e.Upstream)
	}
	w.text("user_agent", e.Agent, maxAgent)
	w.own("protocol", e.Protocol)
	w.own("tls", e.TLS)
	return append(w.b, '}', '\n')
}

// writer writes members of an object.
type writer struct {
	b    []byte
	keys redact.Keys
}

func (w *writer) name(name string) {
	w.b = append(w.b, ',', '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

func (w *writer) number(name string, n int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *writer) seconds(name string, d time.Duration) {
	w.name(name)
	w.b = strconv.AppendFloat(w.b, float64(d.Microseconds())/1e6, 'f', -1, 64)
}

func (w *writer) id(name string, id int64) {
	if id == 0 {
		return
	}
	w.name(name)
	w.b = append(w.b, '"')
	w.b = strconv.AppendInt(w.b, id, 36)
	w.b = append(w.b, '"')
}

// own writes a text that the gateway itself chose or checked.
func (w *writer) own(name, s string) {
	if s == "" {
		return
	}
	w.name(name)
	w.b = appendQuoted(w.b, s[:min(len(s), maxWord)])
}

// text writes at most max bytes of a text, without key values.
func (w *writer) text(name, s string, max int) {
	if s == "" {
		return
	}
	w.name(name)
	if at, _ := w.keys.Find(s); at < 0 {
		w.b = appendQuoted(w.b, s[:min(len(s), max)])
		return
	}
	var clean [maxPath + len(redact.Redacted)]byte
	w.b = appendQuoted(w.b, w.keys.Append(clean[:0], s, max))
}

const digits = "0123456789abcdef"

// appendQuoted appends a JSON string. Control characters are escaped, those of Unicode above ASCII too, and bytes that are no UTF-8 replaced.
func appendQuoted[text string | []byte](b []byte, s text) []byte {
	b = append(b, '"')
	plain := 0
	for plain < len(s) && s[plain] >= ' ' && s[plain] < 0x7f && s[plain] != '"' && s[plain] != '\\' {
		plain++
	}
	b = append(b, s[:plain]...)
	for i := plain; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c >= ' ' && c < 0x7f:
			b = append(b, c)
			i++
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			i++
		default:
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			switch {
			case r == utf8.RuneError && size == 1:
				b = append(b, `\ufffd`...)
			case r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069': // ends of lines, and what turns text around
				b = append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
			default:
				b = append(b, s[i:i+size]...)
			}
			i += size
		}
	}
	return append(b, '"')
}

// host is an address without its port, without allocating.
func host(peer string) string {
	for i := len(peer) - 1; i >= 0; i-- {
		switch c := peer[i]; {
		case c == ':' && i > 0 && peer[i-1] == ']':
			return peer[1 : i-1] // [::1]:80
		case c == ':' && !hasColon(peer[:i]):
			return peer[:i]
		case c < '0' || c > '9':
			return peer
		}
	}
	return peer
}

func hasColon(s string) bool {
	for i := range len(s) {
		if s[i] == ':' {
			return true
		}
	}
	return false
}
