package handlers

import (
	"fmt"
	"math"
	"net/url"
	"time"

	"gatehouse/models"
	"gatehouse/templates/chart"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
	"gatehouse/templates/usage"
)

// figuresOf makes tiles and charts from what the store gave for v.wanted().
func figuresOf(points []models.UsagePoint, v rangeView, link linkTo, log logPlace) usage.Figures {
	before, own := v.split(points)
	total := models.Sum(own)
	f := usage.Figures{
		Range:    v.Words,
		Tiles:    tiles(before, own, v),
		Requests: requestsChart(own, v, link, log),
		Latency:  latencyChart(own, v),
		Outcomes: outcomeRows(total, v, log),
		Empty:    total.Total() == 0,
	}
	if v.Compare {
		was := models.Sum(before)
		f.Requests.Before, f.Before = v.before(before), format.Short(float64(was.Total()))
	}
	return f
}

// before are the sums of the complete buckets' counterparts in the time before.
func (v rangeView) before(points []models.UsagePoint) []float64 {
	out := make([]float64, v.complete())
	step := time.Duration(v.Step)
	first := v.wanted().From
	for i := range points {
		if at := int(points[i].Start.Sub(first) / step); at >= 0 && at < len(out) {
			out[at] = float64(points[i].Total())
		}
	}
	return out
}

// timesChart shows how long answers took on average, and where; buckets without are gaps.
func timesChart(own []models.UsagePoint, v rangeView) chart.Chart {
	c := chart.Chart{ID: "times", Caption: "Mean time of the upstream and of the gateway, " + v.Words, Unit: "ms", Start: v.at(v.From), Step: time.Duration(v.Step), Now: v.Now, Small: true,
		Series: []chart.Series{{Name: "Upstream"}, {Name: "Gateway"}}}
	total := models.Sum(own)
	if upstream, gateway, ok := total.MeanTimes(); ok {
		c.Series[0].Total, c.Series[1].Total = format.Latency(upstream), shortTime(gateway)
		c.Finding = "An answer took the upstream " + format.Latency(upstream) + " on average, and the gateway " + shortTime(gateway) + "."
	}
	points := v.filled(own)
	c.Points = make([]chart.Point, len(points))
	for i := range points {
		upstream, gateway, ok := points[i].MeanTimes()
		c.Points[i] = chart.Point{Values: []float64{inMillis(upstream), inMillis(gateway)}, Missing: !ok}
	}
	return c
}

// inMillis is a duration in milliseconds, to the microsecond.
func inMillis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// shortTime is a duration that may be far below a millisecond: "84 µs".
func shortTime(d time.Duration) string {
	if d < time.Millisecond {
		return format.Count(d.Microseconds()) + "\u00a0µs"
	}
	return format.Latency(d)
}

// heatOf shows when requests come, from sums by weekday and hour.
func heatOf(hours [7][24]int64, words string) *chart.Heat {
	h := &chart.Heat{ID: "heat", Caption: "Requests by weekday and hour, " + words, Hours: hours}
	var most, least int64 = 0, math.MaxInt64
	var busiest, quietest string
	for day, row := range hours {
		for hour, n := range row {
			at := fmt.Sprintf("%s %02d:00", chart.Weekday(day), hour)
			if n > most {
				most, busiest = n, at
			}
			if n < least {
				least, quietest = n, at
			}
		}
	}
	if most == 0 {
		h.Finding = "No requests in " + words + "."
		return h
	}
	h.Finding = "Busiest: " + busiest + " with " + format.Requests(most) + ". Quietest: " + quietest + " with " + format.Count(least) + "."
	return h
}

// filled returns one point for every bucket; what the store has nothing for is zero.
func (v rangeView) filled(points []models.UsagePoint) []models.UsagePoint {
	step := time.Duration(v.Step)
	out := make([]models.UsagePoint, v.buckets())
	for i := range out {
		out[i].Start = v.From.Add(time.Duration(i) * step)
	}
	for i := range points {
		if at := int(points[i].Start.Sub(v.From) / step); at >= 0 && at < len(out) && !points[i].Start.Before(v.From) {
			out[at] = points[i]
		}
	}
	return out
}

// Outcomes are charted in five groups; each outcome belongs to one. A request that is still being answered stands with the successes until it is known.
var outcomeGroups = [models.NumOutcomes]int{
	models.OutcomeOpen: groupSuccess, models.OutcomeSuccess: groupSuccess, models.OutcomeRedirect: groupRedirect,
	models.OutcomeClientError: groupClientError, models.OutcomeAborted: groupClientError, models.OutcomeDenied: groupClientError,
	models.OutcomeThrottled: groupThrottled, models.OutcomeQuota: groupThrottled,
	models.OutcomeServerError: groupServerError, models.OutcomeUpstream: groupServerError,
}

// The groups, in the order of chart.Outcomes.
const (
	groupSuccess = iota
	groupRedirect
	groupClientError
	groupThrottled
	groupServerError
	numGroups
)

// grouped sums a point by group.
func grouped(p *models.UsagePoint) (out [numGroups]int64) {
	for o, n := range p.Counts {
		out[outcomeGroups[o]] += n
	}
	return out
}

// requestsChart shows requests by outcome. Its bars lead to the log, and where that reaches no more to a finer chart.
func requestsChart(own []models.UsagePoint, v rangeView, link linkTo, log logPlace) chart.Chart {
	total := models.Sum(own)
	series := chart.Outcomes()
	for i, n := range grouped(&total) {
		series[i].Total, series[i].Query = format.Short(float64(n)), url.Values{outcomeParam: {outcomeNames(outcomesOf(i))}}.Encode()
	}
	c := chart.Chart{ID: "requests", Caption: "Requests by outcome, " + v.Words, Finding: busiest(own, v), Start: v.at(v.From), Step: time.Duration(v.Step), Now: v.Now, Series: series}
	points := v.filled(own)
	c.Points = make([]chart.Point, len(points))
	for i := range points {
		groups := grouped(&points[i])
		values := make([]float64, numGroups)
		for j, n := range groups {
			values[j] = float64(max(n, 0))
		}
		c.Points[i].Values = values
		if points[i].Start.After(v.Now) {
			c.Points[i].Missing = true
		} else if points[i].Total() > 0 {
			c.Points[i].Href, c.Points[i].Narrow = barLink(points[i].Start, v, link, log)
		}
	}
	return c
}

// barLink is where a bar leads; inLog tells whether that is the log, which can be narrowed to an outcome.
func barLink(from time.Time, v rangeView, zoom linkTo, log logPlace) (href string, inLog bool) {
	if href = log.href(from, from.Add(time.Duration(v.Step))); href != "" {
		return href, true
	}
	if zoom != nil {
		href = zoom(from)
	}
	return href, false
}

// busiest is the finding of a chart of requests, one sentence.
func busiest(own []models.UsagePoint, v rangeView) string {
	var most *models.UsagePoint
	for i := range own {
		if most == nil || own[i].Total() > most.Total() {
			most = &own[i]
		}
	}
	if most == nil || most.Total() == 0 {
		return "No requests."
	}
	at := v.at(most.Start).Format("2 Jan")
	if !v.daily() {
		at = v.at(most.Start).Format("2 Jan, 15:04")
	}
	return "Busiest: " + at + " with " + format.Requests(most.Total()) + "."
}

// latencyChart shows percentiles; buckets without answers are gaps.
func latencyChart(own []models.UsagePoint, v rangeView) chart.Chart {
	total := models.Sum(own)
	series := chart.Percentiles()
	shares := [...]float64{.5, .95, .99}
	for i, share := range shares {
		series[i].Total = latencyText(total.Latency, share)
	}
	c := chart.Chart{ID: "latency", Caption: "Latency, " + v.Words, Unit: "ms", Start: v.at(v.From), Step: time.Duration(v.Step), Now: v.Now, Series: series}
	points := v.filled(own)
	c.Points = make([]chart.Point, len(points))
	for i := range points {
		c.Points[i].Values = make([]float64, len(shares))
		for j, share := range shares {
			ms, ok := points[i].Latency.Percentile(share)
			c.Points[i].Values[j], c.Points[i].Missing = math.Round(ms*10)/10, !ok
		}
	}
	if ms, ok := total.Latency.Percentile(.95); ok {
		c.Finding = "95 of 100 answers took at most " + milliseconds(ms) + "."
	}
	return c
}

func latencyText(h models.Histogram, share float64) string {
	ms, ok := h.Percentile(share)
	if !ok {
		return "–"
	}
	return milliseconds(ms)
}

func milliseconds(ms float64) string {
	return format.Latency(time.Duration(ms * float64(time.Millisecond)))
}

// tiles are the four numbers above the charts. Changes compare the complete buckets with as many before them.
func tiles(before, own []models.UsagePoint, v rangeView) []ui.Stat {
	total, was := models.Sum(own), models.Sum(before)
	complete := own
	if n := len(own); n > 0 && !own[n-1].Start.Before(v.From.Add(time.Duration(v.complete())*time.Duration(v.Step))) {
		complete = own[:n-1]
	}
	is := models.Sum(complete)
	filled := v.filled(own)[:v.complete()]
	spark := func(value func(p *models.UsagePoint) float64) []float64 {
		out := make([]float64, len(filled))
		for i := range filled {
			out[i] = value(&filled[i])
		}
		return out
	}
	refused := func(p *models.UsagePoint) int64 { return grouped(p)[groupThrottled] }

	requests := ui.Stat{Label: "Requests", Value: format.Short(float64(total.Total())), Exact: format.Count(total.Total()), Href: "#outcomes",
		Spark: spark(func(p *models.UsagePoint) float64 { return float64(p.Total()) })}
	compareCounts(&requests, was.Total(), is.Total(), v)

	success := ui.Stat{Label: "Success rate", Value: "–", Href: "#outcomes", Spark: spark(func(p *models.UsagePoint) float64 { return known(successRate(p)) })}
	if rate, ok := successRate(&total); ok {
		success.Value = format.Percent(rate)
		compareRates(&success, &was, &is)
	}

	throttled := ui.Stat{Label: "Refused with 429", Value: format.Short(float64(refused(&total))), Exact: format.Count(refused(&total)), Href: "#outcomes", Kind: chart.Throttled,
		Spark: spark(func(p *models.UsagePoint) float64 { return float64(refused(p)) })}
	if s := total.ThrottledSeconds; s > 0 {
		throttled.Note = "throttled in " + format.Plural(s, "second")
	} else if refused(&total) == 0 {
		throttled.Note = "nothing was refused"
	}

	latency := ui.Stat{Label: "Latency p95", Value: latencyText(total.Latency, .95), Href: "#latency",
		Spark: spark(func(p *models.UsagePoint) float64 { return known(p.Latency.Percentile(.95)) })}
	compareLatency(&latency, &was.Latency, &is.Latency)
	return []ui.Stat{requests, success, throttled, latency}
}

// successRate is the share of finished requests that ended well. Ok is false when none did finish.
// known is a value of a sparkline: none where nothing is known.
func known(value float64, ok bool) float64 {
	if !ok {
		return math.NaN()
	}
	return value
}

func successRate(p *models.UsagePoint) (float64, bool) {
	finished := p.Total() - p.Counts[models.OutcomeOpen]
	if finished <= 0 {
		return 0, false
	}
	return float64(p.Counts[models.OutcomeSuccess]+p.Counts[models.OutcomeRedirect]) / float64(finished), true
}

func compareCounts(s *ui.Stat, was, is int64, v rangeView) {
	switch {
	case v.Name == "" || was == 0 && is == 0:
		return
	case was == 0:
		s.Note = "none in the time before"
		return
	case is == was:
		s.Note = "as many as before"
		return
	}
	change := float64(is-was) / float64(was)
	s.Trend, s.Note = ui.Up, "vs the time before"
	if change < 0 {
		s.Trend = ui.Down
	}
	if s.Delta = format.Percent(math.Abs(change)); change >= 2 {
		s.Delta = format.Number(math.Round(float64(is)/float64(was)*10)/10) + "×"
	}
}

func compareRates(s *ui.Stat, was, is *models.UsagePoint) {
	before, ok1 := successRate(was)
	now, ok2 := successRate(is)
	points := math.Round((now-before)*10000) / 100
	if !ok1 || !ok2 || math.Abs(points) < .05 { // noise
		return
	}
	s.Trend, s.Good, s.Note = ui.Up, true, "vs the time before"
	if points < 0 {
		s.Trend, s.Good, s.Bad = ui.Down, false, true
	}
	s.Delta = format.Number(math.Abs(points)) + "\u00a0pt"
}

// compareLatency calls only a difference of a tenth a change: the histogram's buckets are no finer.
func compareLatency(s *ui.Stat, was, is *models.Histogram) {
	before, ok1 := was.Percentile(.95)
	now, ok2 := is.Percentile(.95)
	if !ok1 || !ok2 || math.Abs(now-before) < before/10 {
		return
	}
	s.Trend, s.Bad, s.Note = ui.Up, true, "slower than before"
	if now < before {
		s.Trend, s.Bad, s.Good, s.Note = ui.Down, false, true, "faster than before"
	}
	s.Delta = milliseconds(math.Abs(now - before))
}
