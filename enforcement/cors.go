package enforcement

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
)

const (
	headerAllowOrigin      = "Access-Control-Allow-Origin"
	headerAllowCredentials = "Access-Control-Allow-Credentials"
	headerAllowMethods     = "Access-Control-Allow-Methods"
	headerAllowHeaders     = "Access-Control-Allow-Headers"
	headerExposeHeaders    = "Access-Control-Expose-Headers"
	headerMaxAge           = "Access-Control-Max-Age"

	// exposed is what pages may read of every answer beside what the Fetch standard lets them: ids, limits, what is announced, and what the cache did.
	exposed = "X-Request-Id, X-Amzn-Requestid, X-Amzn-Errortype, Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, " +
		"X-RateLimit-Reset, Deprecation, Sunset, Link, Cache-Status"
)

// cors says which pages of browsers may call a stage (https://fetch.spec.whatwg.org/#http-cors-protocol).
type cors struct {
	every       bool
	exact       map[string]bool
	below       []models.OriginPattern
	credentials bool
	headers     string // that pages may send, for the header; empty: whatever they ask for
	expose      string
	maxAge      string // seconds
}

func compileCORS(in *models.CORS, key models.KeySource) (*cors, error) {
	if err := in.Check(); err != nil {
		return nil, err
	}
	c := &cors{credentials: in.Credentials, expose: exposed, maxAge: strconv.FormatInt(int64(in.MaxAge/time.Second), 10), exact: map[string]bool{}}
	for _, origin := range in.Origins {
		if origin == "*" {
			c.every = true
			continue
		}
		p, problem := models.ParseOrigin(origin)
		switch {
		case problem != "":
			return nil, errors.New(problem) // Check said so
		case p.Exact != "":
			c.exact[p.Exact] = true
		default:
			c.below = append(c.below, p)
		}
	}
	if len(in.Headers) > 0 {
		c.headers = strings.Join(in.Headers, ", ")
		if name := keyHeader(key); name != "" {
			c.headers += ", " + name // a page that may call may say with which key
		}
	}
	if len(in.Expose) > 0 {
		c.expose += ", " + strings.Join(in.Expose, ", ")
	}
	return c, nil
}

// allows reports whether pages of an origin may call.
func (c *cors) allows(origin string) bool {
	if c.every || c.exact[origin] {
		return true
	}
	for i := range c.below {
		if c.below[i].Matches(origin) {
			return true
		}
	}
	return false
}

// tell says on an answer who may read it, in place of whoever said so before.
func (c *cors) tell(h http.Header, origins []string) (allowed bool) {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	if !c.every {
		addVary(h, "Origin")
	}
	if len(origins) != 1 || !c.allows(origins[0]) {
		return false
	}
	if c.every {
		h.Set(headerAllowOrigin, "*")
	} else {
		h.Set(headerAllowOrigin, origins[0])
	}
	if c.credentials {
		h.Set(headerAllowCredentials, "true")
	}
	return true
}

// addVary names a request header in Vary, unless it stands there or all do.
func addVary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for item := range strings.SplitSeq(line, ",") {
			if item = strings.TrimSpace(item); item == "*" || strings.EqualFold(item, name) {
				return
			}
		}
	}
	old := h["Vary"]
	h["Vary"] = append(old[:len(old):len(old)], name)
}

// cors is that of the request's stage; nil: nothing is set, or there is no stage.
func (q *request) cors() *cors {
	if q.stage == nil || q.stage.policies == nil {
		return nil
	}
	return q.stage.policies.cors
}

// tellOrigin says on an answer of the upstream which pages may read it.
func (q *request) tellOrigin(h http.Header) {
	if c := q.cors(); c != nil && c.tell(h, q.r.Header["Origin"]) {
		h.Set(headerExposeHeaders, c.expose)
	}
}

// tellOriginOwn does so on an answer of the gateway's own. Where nothing is set, every page may read it: a page that can send a key deserves the reason
// why it was refused, and the answer depends on no cookie.
func (q *request) tellOriginOwn(h http.Header) {
	switch {
	case q.cors() != nil:
		q.tellOrigin(h)
	case q.r.Header.Get("Origin") != "":
		h.Set(headerAllowOrigin, "*")
		h.Set(headerExposeHeaders, exposed)
	}
}

// asksForPreflight reports whether a browser asks if a page may call. Such a question carries no key; the gateway answers it (DECISIONS 19).
func asksForPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// judgePreflight refuses those of pages that may not call, and floods: nobody is charged for asking.
func (q *request) judgePreflight() problem {
	if !q.g.preflights.take(q.peer, q.at.mono) {
		return problemPreflights
	}
	if c, origins := q.cors(), q.r.Header["Origin"]; c != nil && (len(origins) != 1 || !c.allows(origins[0])) {
		return problemOrigin
	}
	return problemNone
}

// answerPreflight says what pages may send; the browser compares. Where nothing is set any page may ask: a key is no cookie, so that a page of somebody
// else's has nothing to abuse, and it cannot send cookies along, since Access-Control-Allow-Credentials is not there.
func (q *request) answerPreflight() {
	q.dismissBody()
	q.answered = true
	h := q.w.Header()
	q.identify(h)
	q.tellLife(h)
	c := q.cors()
	if c == nil {
		c = &cors{every: true, maxAge: "600"}
	}
	c.tell(h, q.r.Header["Origin"])
	h.Set(headerAllowMethods, q.methods.allow)
	switch wanted := q.r.Header.Get("Access-Control-Request-Headers"); {
	case c.headers != "":
		h.Set(headerAllowHeaders, c.headers)
	case wanted != "":
		h.Set(headerAllowHeaders, wanted)
		fallthrough
	default:
		addVary(h, "Access-Control-Request-Headers")
	}
	h.Set(headerMaxAge, c.maxAge)
	q.w.WriteHeader(http.StatusNoContent)
}
