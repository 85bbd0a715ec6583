package handlers

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
	"gatehouse/templates/usage"
)

// rangeView is the span of time that a page of usage covers, cut into buckets. The last bucket of a named range holds now and is not over.
type rangeView struct {
	Name  string // "24h"; empty for a span that was zoomed into
	Words string // "the last 24 hours"
	models.UsageRange
	Now     time.Time // in the zone in which the reader reads times
	Compare bool      // the time before is drawn beside it
}

// ranges are what people choose from. Each fits into what is stored at its resolution twice, so that it can be compared with the time before.
var ranges = [...]struct {
	name, words string
	step        time.Duration
	buckets     int
}{
	{"1h", "the last hour", time.Minute, 60},
	{"24h", "the last 24 hours", 30 * time.Minute, 48},
	{"7d", "the last 7 days", 3 * time.Hour, 56},
	{"30d", "the last 30 days", 24 * time.Hour, 30},
	{"90d", "the last 90 days", 24 * time.Hour, 90},
}

const defaultRange = "24h"

// compareParam asks for the time before beside the range.
const compareParam = "compare"

// parseRange reads ?range=, or ?from= and ?to= (RFC 3339, as a form's field without a zone for the reader's, or Unix seconds), and ?compare=. What it cannot read is the default: a link that somebody edited by hand still shows a
// page. now is in the reader's zone.
func parseRange(query url.Values, now time.Time) rangeView {
	compare := query.Get(compareParam) != ""
	if v, ok := zoom(query.Get("from"), query.Get("to"), now); ok {
		v.Compare = compare
		return v
	}
	name := query.Get("range")
	for {
		for _, r := range ranges {
			if r.name == name {
				to := now.UTC().Truncate(r.step).Add(r.step)
				return rangeView{Name: r.name, Words: r.words, Now: now, Compare: compare,
					UsageRange: models.UsageRange{From: to.Add(-time.Duration(r.buckets) * r.step), To: to, Step: models.Step(r.step)}}
			}
		}
		name = defaultRange
	}
}

// zoomSteps are the bucket lengths of a zoomed span, with the age up to which their resolution is stored (a little less, for it is pruned by and by).
var zoomSteps = [...]struct{ step, kept time.Duration }{
	{time.Minute, 70 * time.Hour}, {2 * time.Minute, 70 * time.Hour}, {5 * time.Minute, 70 * time.Hour}, {15 * time.Minute, 70 * time.Hour},
	{30 * time.Minute, 34 * 24 * time.Hour}, {time.Hour, 34 * 24 * time.Hour}, {3 * time.Hour, 34 * 24 * time.Hour}, {6 * time.Hour, 34 * 24 * time.Hour},
	{24 * time.Hour, 400 * 24 * time.Hour},
}

// maxBuckets is how many bars a chart shows well.
const maxBuckets = 120

// stepFor returns the shortest bucket that is stored for all of the span and gives a chart that can be read.
func stepFor(from, to, now time.Time) time.Duration {
	for _, s := range zoomSteps {
		if to.Sub(from) <= maxBuckets*s.step && now.Sub(from) <= s.kept {
			return s.step
		}
	}
	return 24 * time.Hour
}

// formMoment is how a form's field has a moment, in the reader's zone.
const formMoment = "2006-01-02T15:04"

// unixOf reads a moment of a URL.
func unixOf(text string, zone *time.Location) (int64, error) {
	for _, layout := range []string{time.RFC3339, formMoment, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.Unix(), nil
		}
	}
	return strconv.ParseInt(text, 10, 64)
}

func zoom(fromText, toText string, now time.Time) (rangeView, bool) {
	a, errFrom := unixOf(fromText, now.Location())
	b, errTo := unixOf(toText, now.Location())
	const longest = 400 * 24 * 60 * 60
	if errFrom != nil || errTo != nil || a >= b || b-a > longest || b > now.Unix()+longest || a < now.Unix()-2*longest {
		return rangeView{}, false
	}
	from, to := time.Unix(a, 0).UTC(), time.Unix(b, 0).UTC()
	step := stepFor(from, to, now)
	from = from.Truncate(step)
	if end := to.Truncate(step); end.Before(to) {
		to = end.Add(step)
	}
	v := rangeView{Now: now, UsageRange: models.UsageRange{From: from, To: to, Step: models.Step(step)}}
	v.Words = spanWords(v.at(from), v.at(to), v.daily())
	return v, true
}

// daily tells whether the buckets are days: those are UTC, as usage is kept, whatever zone the reader has.
func (v rangeView) daily() bool { return time.Duration(v.Step)%(24*time.Hour) == 0 }

// at is a moment of the range as the page writes it.
func (v rangeView) at(t time.Time) time.Time {
	if v.daily() {
		return t.UTC()
	}
	return t.In(v.Now.Location())
}

// zoneNote says what is not in the reader's zone: "" for nothing.
func (v rangeView) zoneNote() string {
	if v.daily() && format.ZoneName(v.Now) != "UTC" {
		return " Days are UTC."
	}
	return ""
}

// spanWords names a span, so that it can stand after "in": "the 24 hours of 9 Mar 2026", "the 3 hours from 9 Mar 2026, 12:00 CET".
func spanWords(from, to time.Time, daily bool) string {
	length := to.Sub(from)
	day := 24 * time.Hour
	midnight := from.Hour() == 0 && from.Minute() == 0
	if midnight && to.Equal(from.AddDate(0, 0, 1)) { // 23 or 25 hours where the clock changes
		return "the " + format.Count(int64(length/time.Hour)) + " hours of " + format.Date(from)
	}
	words := format.Plural(int64(length/day), "day")
	switch {
	case length%day == 0 && length > day:
	case length%time.Hour == 0:
		words = format.Plural(int64(length/time.Hour), "hour")
	default:
		words = format.Plural(int64(length/time.Minute), "minute")
	}
	words = "the " + strings.TrimPrefix(words, "1\u00a0") + " from "
	if daily {
		return words + format.Date(from)
	}
	return words + format.DateTime(from)
}

// buckets is the number of points of a chart.
func (v rangeView) buckets() int { return int(v.To.Sub(v.From) / time.Duration(v.Step)) }

// complete is the number of buckets that are over.
func (v rangeView) complete() int {
	return max(0, min(v.buckets(), int(v.Now.Sub(v.From)/time.Duration(v.Step))))
}

// wanted is what to ask the store for: the range, and as long a time before it, to compare with.
func (v rangeView) wanted() models.UsageRange {
	w := v.UsageRange
	if v.Name != "" || v.Compare {
		w.From = w.From.Add(-v.To.Sub(v.From))
	}
	return w
}

// split cuts what the store gave for wanted into the range's own points and the ones before. Of those it leaves out what the buckets that are not over yet
// would be compared with.
func (v rangeView) split(points []models.UsagePoint) (before, own []models.UsagePoint) {
	end := v.From.Add(-time.Duration(v.buckets()-v.complete()) * time.Duration(v.Step))
	first := len(points)
	for i := range points {
		if !points[i].Start.Before(v.From) {
			first = i
			break
		}
		if points[i].Start.Before(end) {
			before = points[:i+1]
		}
	}
	return before, points[first:]
}

// Query returns the range as it stands in a URL.
func (v rangeView) query() url.Values {
	q := url.Values{"range": {v.Name}}
	if v.Name == "" {
		q = url.Values{"from": {format.Machine(v.From)}, "to": {format.Machine(v.To)}}
	}
	if v.Compare {
		q.Set(compareParam, "on")
	}
	return q
}

// with returns a URL of the page path with its other filters and this range.
func (v rangeView) with(path string, filters url.Values) string {
	q := url.Values{}
	for name, values := range filters {
		if name != "range" && name != "from" && name != "to" && name != compareParam && len(values) > 0 && values[0] != "" {
			q[name] = values
		}
	}
	for name, values := range v.query() {
		q[name] = values
	}
	return path + "?" + q.Encode()
}

// links are the ranges that people choose from, each with the page's other filters kept.
func (v rangeView) links(path string, filters url.Values) []ui.Range {
	out := make([]ui.Range, len(ranges))
	for i, r := range ranges {
		out[i] = ui.Range{Label: r.name, Href: rangeView{Name: r.name, Compare: v.Compare}.with(path, filters), Current: r.name == v.Name}
	}
	return out
}

// linkTo returns the URL of the page that shows a bucket in finer steps, or "" where nothing finer is stored.
type linkTo func(from time.Time) string

func (v rangeView) zoomLinks(path string, filters url.Values) linkTo {
	step := time.Duration(v.Step)
	return func(from time.Time) string {
		if from.After(v.Now) || stepFor(from, from.Add(step), v.Now) >= step {
			return ""
		}
		return rangeView{UsageRange: models.UsageRange{From: from, To: from.Add(step)}}.with(path, filters)
	}
}

// zoomBase is what a chart appends from= and to= to for a span that is dragged over.
func (v rangeView) zoomBase(path string, filters url.Values) string {
	q := url.Values{}
	for name, values := range filters {
		if len(values) > 0 && values[0] != "" {
			q[name] = values
		}
	}
	if v.Compare {
		q.Set(compareParam, "on")
	}
	return path + "?" + q.Encode()
}

// compareLink turns the time before on or off.
func (v rangeView) compareLink(path string, filters url.Values) string {
	v.Compare = !v.Compare
	return v.with(path, filters)
}

// custom is the form that chooses any span.
func (v rangeView) custom(path string, filters url.Values) usage.Custom {
	c := usage.Custom{Action: path, From: v.From.In(v.Now.Location()).Format(formMoment), To: v.To.In(v.Now.Location()).Format(formMoment), Current: v.Name == ""}
	for name, values := range filters {
		if len(values) > 0 && values[0] != "" {
			c.Hidden = append(c.Hidden, ui.Pair{Name: name, Value: values[0]})
		}
	}
	if v.Compare {
		c.Hidden = append(c.Hidden, ui.Pair{Name: compareParam, Value: "on"})
	}
	sortPairs(c.Hidden)
	return c
}

// sortPairs orders the hidden fields of a form, so that a page is the same each time.
func sortPairs(pairs []ui.Pair) {
	slices.SortFunc(pairs, func(a, b ui.Pair) int { return strings.Compare(a.Name, b.Name) })
}

// Live pages are drawn again every liveEvery; after liveFor the browser asks anew, and who may see the page is judged again.
const (
	liveEvery = 5 * time.Second
	liveFor   = 5 * time.Minute
	slowBeats = 6 // what is costly comes with every sixth
)

// asOf says of what is drawn anew more slowly when it was.
func asOf(now time.Time) string {
	return "As of " + now.Format("15:04:05") + ". Comes anew every " + format.Seconds((slowBeats * liveEvery).Seconds()) + "."
}

// live answers with a stream of what draw returns.
func (r *Request) live(draw func(ctx context.Context, now time.Time) (templ.Component, error)) Reply {
	return r.liveEach(liveEvery, draw)
}

// liveEach is live at another pace.
func (r *Request) liveEach(every time.Duration, draw func(ctx context.Context, now time.Time) (templ.Component, error)) Reply {
	return Live(func(ctx context.Context, send func(templ.Component) error) error {
		ticker, end := time.NewTicker(every), time.NewTimer(liveFor)
		defer ticker.Stop()
		defer end.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-end.C:
				return nil
			case <-ticker.C:
			}
			c, err := draw(ctx, format.Local(ctx, r.Site.Now()))
			if err != nil {
				return err
			}
			if err := send(c); err != nil {
				return err
			}
		}
	})
}
