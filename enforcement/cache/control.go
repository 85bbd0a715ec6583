package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxLife bounds how long anything is kept, whatever an upstream says.
const maxLife = 24 * time.Hour

// control is what Cache-Control says (RFC 9111, 5.2). Seconds are -1 where a directive is absent, 0 where it cannot be read.
type control struct {
	noStore, noCache, private, public bool
	maxAge, sMaxAge                   int64
}

func parseControl(lines []string) control {
	c := control{maxAge: -1, sMaxAge: -1}
	for _, line := range lines {
		for rest := line; rest != ""; {
			var item string
			item, rest = nextItem(rest)
			name, value, _ := strings.Cut(item, "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "no-store":
				c.noStore = true
			case "no-cache":
				c.noCache = true // also of some fields alone: what would be left is not worth the risk
			case "private":
				c.private = true
			case "public":
				c.public = true
			case "max-age":
				c.maxAge = shorter(c.maxAge, seconds(value))
			case "s-maxage":
				c.sMaxAge = shorter(c.sMaxAge, seconds(value))
			}
		}
	}
	return c
}

// nextItem cuts a list at the first comma that is not in quotes.
func nextItem(list string) (item, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

// shorter takes the stricter of two that contradict each other.
func shorter(old, next int64) int64 {
	if old < 0 {
		return next
	}
	return min(old, next)
}

func seconds(s string) int64 {
	s = strings.Trim(strings.TrimSpace(s), `"`)
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > 1<<31 {
		return 1 << 31 // RFC 9111, 1.2.2
	}
	return n
}

// Ask is what a request wants of a cache.
type Ask struct {
	Store    bool          // its answer may be kept
	Look     bool          // it may be answered from what is kept
	MaxAge   time.Duration // how old an answer may be; -1: it does not say
	Personal bool          // it says by itself who asks: an answer is kept only where that is said to be public
}

// AskOf reads a request; personal are the headers, canonical, by which it says who asks. Only where bypass is set may callers ask past the cache; that they
// want nothing kept is obeyed in any case.
func AskOf(h http.Header, personal []string, bypass bool) Ask {
	a := Ask{Store: true, Look: true, MaxAge: -1}
	for _, name := range personal {
		a.Personal = a.Personal || len(h[name]) > 0
	}
	lines := h["Cache-Control"]
	if len(lines) == 0 && strings.Contains(strings.ToLower(h.Get("Pragma")), "no-cache") {
		lines = []string{"no-cache"}
	}
	if len(lines) == 0 {
		return a
	}
	c := parseControl(lines)
	a.Store = !c.noStore
	if bypass {
		a.Look = !c.noCache && !c.noStore
		if c.maxAge >= 0 {
			a.MaxAge = time.Duration(c.maxAge) * time.Second
		}
	}
	return a
}

// Rules say what a stage keeps.
type Rules struct {
	TTL     time.Duration // of answers that do not say it themselves
	MaxBody int64         // bytes
}

// statuses are those that are kept; true: also by the stage's TTL, where the answer does not say for how long.
var statuses = map[int]bool{
	http.StatusOK: true, http.StatusNonAuthoritativeInfo: true, http.StatusNoContent: true, http.StatusMultipleChoices: true, http.StatusMovedPermanently: true,
	http.StatusPermanentRedirect: true, http.StatusGone: true,
	http.StatusFound: false, http.StatusTemporaryRedirect: false, http.StatusNotFound: false, http.StatusMethodNotAllowed: false, http.StatusRequestURITooLong: false,
}

// Life says for how long an answer may be kept, and how old it is already; 0: not at all (RFC 9111, 3 and 4.2).
func (r Rules) Life(ask Ask, status int, h http.Header, now time.Time) (life, age time.Duration) {
	byTTL, known := statuses[status]
	c := parseControl(h["Cache-Control"])
	switch {
	case !known || !ask.Store || c.noStore || c.noCache || c.private:
		return 0, 0
	case !c.public && (ask.Personal || len(h["Set-Cookie"]) > 0):
		return 0, 0
	case len(h["Content-Range"]) > 0 || len(h["Trailer"]) > 0 || strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/event-stream"):
		return 0, 0
	}
	if names := varyOf(h); len(names) > maxVary || len(names) > 0 && names[0] == "*" {
		return 0, 0
	}
	switch {
	case c.sMaxAge >= 0:
		life = time.Duration(c.sMaxAge) * time.Second
	case c.maxAge >= 0:
		life = time.Duration(c.maxAge) * time.Second
	case len(h["Expires"]) > 0:
		life = untilExpiry(h, now)
	case byTTL:
		life = r.TTL
	}
	if text := h.Get("Age"); text != "" {
		age = time.Duration(seconds(text)) * time.Second
	}
	return min(max(0, life-age), maxLife), age
}

func untilExpiry(h http.Header, now time.Time) time.Duration {
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return expires.Sub(now)
}

// NotModified reports whether a request with conditions needs no more than to hear that its copy is still good (RFC 9110, 13.2.2).
func (a *Answer) NotModified(request http.Header) bool {
	if a.Status != http.StatusOK {
		return false
	}
	if lines := request["If-None-Match"]; len(lines) > 0 {
		return matches(lines, a.Header.Get("ETag"))
	}
	since, err := http.ParseTime(request.Get("If-Modified-Since"))
	if err != nil {
		return false
	}
	modified, err := http.ParseTime(a.Header.Get("Last-Modified"))
	return err == nil && !modified.After(since)
}

// matches compares entity tags weakly.
func matches(lines []string, tag string) bool {
	for _, line := range lines {
		if strings.TrimSpace(line) == "*" {
			return true
		}
		for rest := line; rest != "" && tag != ""; {
			var item string
			item, rest = nextItem(rest)
			if strings.TrimPrefix(strings.TrimSpace(item), "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}
