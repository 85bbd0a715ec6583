package enforcement

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
)

// life is what an owner has announced of an operation: its own deprecation, that of its stage, or both. A nil life is of an operation that just goes on.
type life struct {
	deprecation []string // the value of the header, and so on; never changed, and no room to append
	sunset      []string // empty: there is no sunset
	links       []string
	gone        int64 // Unix nanoseconds; 0: never
	dark        []models.Deprecation
	page        string // about it
	note        string // the owner's own words
}

// lifeOf puts deprecations together, the operation's own first; nil: there is none. Base is the beginning of the addresses of APIs' public pages.
func lifeOf(base, slug string, all ...*models.Deprecation) *life {
	var l *life
	var since, sunset time.Time
	var links []string
	for _, d := range all {
		if d == nil {
			continue
		}
		page := d.Link
		if page == "" {
			page = base + slug + "/changes#" + d.ID.String()
		}
		if l == nil {
			l, since = &life{page: page, note: d.Note}, d.Since
		}
		if d.Since.Before(since) {
			since = d.Since
		}
		links = append(links, fmt.Sprintf(`<%s>; rel="deprecation"; type="text/html"`, page))
		if !d.Sunset.IsZero() {
			links = append(links, fmt.Sprintf(`<%s>; rel="sunset"; type="text/html"`, page))
			if sunset.IsZero() || d.Sunset.Before(sunset) {
				sunset = d.Sunset
			}
		}
		if d.Successor != "" {
			links = append(links, fmt.Sprintf(`<%s>; rel="successor-version"`, d.Successor))
		}
		if len(d.Brownouts) > 0 {
			l.dark = append(l.dark, *d)
		}
	}
	if l == nil {
		return nil
	}
	l.deprecation = []string{"@" + strconv.FormatInt(since.Unix(), 10)} // RFC 9745
	l.links = []string{strings.Join(links, ", ")}
	if !sunset.IsZero() {
		l.gone = sunset.UnixNano()
		l.sunset = []string{sunset.UTC().Format(http.TimeFormat)} // RFC 8594
	}
	return l
}

// closed says whether calls are refused now, and which moment it is about: since when the operation is gone, or until when it is dark.
func (l *life) closed(at instant) (p problem, moment int64) {
	switch {
	case l == nil:
		return problemNone, 0
	case l.gone != 0 && at.reached >= l.gone:
		return problemGone, l.gone
	case len(l.dark) == 0:
		return problemNone, 0
	}
	now := time.Unix(0, at.wall)
	until, dark := now, false
	for again := true; again; { // one may begin where another ends
		again = false
		for i := range l.dark {
			if next, ok := l.dark[i].DarkUntil(until); ok {
				until, dark, again = next, true, true
			}
		}
	}
	if !dark {
		return problemNone, 0
	}
	return problemBrownout, until.UnixNano()
}

// closedFor refuses what is gone or dark. Nothing was spent.
func (g *Gateway) closedFor(d *decision, at instant, m *method) bool {
	p, moment := m.life.closed(at)
	if p == problemNone {
		return false
	}
	d.problem, d.since = p, moment
	if p == problemGone {
		g.horizon.passed(moment, at)
	}
	return true
}

// life is what is announced of what the request is for; where there is no operation yet, of its stage.
func (t *target) life() *life {
	switch {
	case t.method != nil:
		return t.method.life
	case t.stage != nil:
		return t.stage.life
	}
	return nil
}

// tellLife adds what is announced to an answer, in place of what the upstream says of these names; its links stay.
func (q *request) tellLife(h http.Header) {
	l := q.life()
	if l == nil {
		return
	}
	h[headerDeprecation] = l.deprecation
	if len(l.sunset) > 0 {
		h[headerSunset] = l.sunset
	} else {
		h.Del(headerSunset)
	}
	h[headerLink] = append(h[headerLink][:len(h[headerLink]):len(h[headerLink])], l.links...)
}

// explainLife says why an operation is gone or dark, and where to read on.
func (c *call) explainLife(p problem) string {
	l, what := c.life(), c.method.name
	var text string
	if p == problemGone {
		text = fmt.Sprintf("%s was taken away on %s.", what, dateTime(c.decision.since))
	} else {
		text = fmt.Sprintf("%s goes on %s. Until %s it is switched off, as a rehearsal; nothing was charged.", what, dateTime(l.gone), dateTime(c.decision.since))
	}
	if l.note != "" {
		text += " " + l.note
	}
	return text + " Read on at " + l.page + ", where the header Link leads, too."
}
