package cache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fill is an answer on its way from the upstream to a caller, and perhaps into the cache. It stands in the caller's place as an http.ResponseWriter.
type Fill struct {
	http.ResponseWriter
	cache *Cache
	space *Space
	key   Key
	rules Rules
	ask   Ask
	asked http.Header // the request's
	now   int64
	wall  time.Time
	leads bool // others wait for it

	answer   *Answer // nil: nothing can be kept
	header   http.Header
	status   int // of the final answer; 0: there is none yet
	reserved int
}

// Filling is what a Fill needs.
type Filling struct {
	Space  *Space
	Key    Key
	Rules  Rules
	Ask    Ask
	Header http.Header // of the request
	Leads  bool        // Lead said so
	Now    int64       // on the clock of Find
	Wall   time.Time
}

// Fill makes the writer of a request that goes to the upstream.
func (c *Cache) Fill(w http.ResponseWriter, f Filling) *Fill {
	return &Fill{ResponseWriter: w, cache: c, space: f.Space, key: f.Key, rules: f.Rules, ask: f.Ask, asked: f.Header, leads: f.Leads, now: f.Now, wall: f.Wall}
}

// Came notes the head of the upstream's answer, before the gateway adds its own.
func (f *Fill) Came(h http.Header) { f.header = h.Clone() }

// Unwrap lets http.ResponseController flush.
func (f *Fill) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// WriteHeader judges the answer by its status and the upstream's head.
func (f *Fill) WriteHeader(status int) {
	if status >= 200 && f.status == 0 {
		f.status = status
		f.begin(status)
	}
	f.ResponseWriter.WriteHeader(status)
}

func (f *Fill) begin(status int) {
	if f.header == nil || len(f.Header()["Trailer"]) > 0 {
		return
	}
	life, age := f.rules.Life(f.ask, status, f.header, f.wall)
	size, err := strconv.ParseInt(f.header.Get("Content-Length"), 10, 64)
	if life <= 0 || err == nil && size > f.rules.MaxBody {
		return
	}
	f.answer = &Answer{Status: status, Header: f.header, space: f.space, at: f.now, age: age, life: life}
	if err == nil && f.reserve(int(size)) {
		f.answer.Body = make([]byte, 0, size)
	}
}

// reserve makes room for n bytes in all, or gives up.
func (f *Fill) reserve(n int) bool {
	if n <= f.reserved {
		return true
	}
	if !f.cache.Reserve(n - f.reserved) {
		f.giveUp()
		return false
	}
	f.reserved = n
	return true
}

func (f *Fill) giveUp() {
	f.cache.Release(f.reserved)
	f.answer, f.reserved = nil, 0
}

// Write copies what the caller gets.
func (f *Fill) Write(p []byte) (int, error) {
	if f.status == 0 {
		f.WriteHeader(http.StatusOK)
	}
	n, err := f.ResponseWriter.Write(p)
	if f.answer == nil {
		return n, err
	}
	switch size := len(f.answer.Body) + n; {
	case err != nil || int64(size) > f.rules.MaxBody:
		f.giveUp()
	case size <= cap(f.answer.Body) || f.reserve(max(size, 2*cap(f.answer.Body))):
		if size > cap(f.answer.Body) {
			f.answer.Body = slices.Grow(f.answer.Body, f.reserved-len(f.answer.Body))
		}
		f.answer.Body = append(f.answer.Body, p[:n]...)
	}
	return n, err
}

// End keeps the answer if it came whole. It is to be called in any case.
func (f *Fill) End(whole bool) {
	defer func() {
		f.cache.Release(f.reserved)
		f.reserved = 0
	}()
	switch {
	case !whole || f.status == 0:
	case f.answer != nil && f.isComplete():
		if len(f.answer.Body) < cap(f.answer.Body) {
			f.answer.Body = append(make([]byte, 0, len(f.answer.Body)), f.answer.Body...)
		}
		f.answer.Header.Del("Content-Length") // made anew of the body
		f.cache.Keep(f.key, f.asked, f.answer)
	case f.leads && f.header != nil && f.status < 500:
		f.cache.NotKept(f.key, f.space, f.now)
	}
}

func (f *Fill) isComplete() bool {
	for name := range f.Header() {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return false
		}
	}
	size, err := strconv.Atoi(f.header.Get("Content-Length"))
	return err != nil || size == len(f.answer.Body)
}
