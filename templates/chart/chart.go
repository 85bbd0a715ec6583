package chart

import (
	"math"
	"time"

	"gatehouse/templates/format"
)

// Kind is a series of fixed meaning: it has one colour on every page. The zero
// Kind has the colour of success.
type Kind string

// The five outcomes of a request.
const (
	Success     Kind = "2xx"
	Redirect    Kind = "3xx"
	ClientError Kind = "4xx"
	Throttled   Kind = "429"
	ServerError Kind = "5xx"
)

func (k Kind) orSuccess() Kind {
	if k == "" {
		return Success
	}
	return k
}

// Series is one of the values that each Point holds.
type Series struct {
	Name  string
	Kind  Kind   // colour of bars and areas; Lines tells its series apart by position
	Total string // written in the legend; may be empty
	Query string // of Bars: what narrows a Point's Href to this series, as "outcome=redirect"; "" for nothing
}

// Outcomes are the series of a chart by outcome, in the order in which Bars
// stacks them from the bottom. Total stays to be filled in.
func Outcomes() []Series {
	return []Series{
		{Name: "Success", Kind: Success},
		{Name: "Redirect", Kind: Redirect},
		{Name: "Client error", Kind: ClientError},
		{Name: "Throttled", Kind: Throttled},
		{Name: "Server error", Kind: ServerError},
	}
}

// Percentiles are the series of a latency chart: p50, p95, p99.
func Percentiles() []Series {
	return []Series{{Name: "p50"}, {Name: "p95"}, {Name: "p99"}}
}

// Point is one bucket of time.
type Point struct {
	Values  []float64 // one for each series
	Missing bool      // nothing is known: a gap is drawn
	Href    string    // the calls of this bucket; a click on the bar goes there
	Narrow  bool      // of Bars: Href has a query that takes a Series' Query, and a click on a segment goes there
}

// Chart is what Bars and Lines draw: equal buckets of time from Start.
type Chart struct {
	ID      string    // of the figure, unique in the page; a live update targets it
	Caption string    // what is seen, as a title: "Requests by outcome, last 24 hours"
	Finding string    // a sentence that states the finding, for those who do not see it; may be empty
	Unit    string    // of the values, such as "ms"; empty for counts
	Start   time.Time // in the zone in which times are written; UTC where Step is a day or more
	Step    time.Duration
	Now     time.Time // the bucket that holds it is hatched: it is not over yet
	Series  []Series
	Points  []Point
	Limit   float64   // drawn as a dashed line where it is above 0
	Before  []float64 // the sums of as many buckets before, drawn as a line over the bars to compare with; nil for none, NaN for a gap
	Zoom    string    // the page for a span that is dragged over, which appends from= and to= (RFC 3339); "" for none
	Small   bool      // less high
}

// partial tells whether bucket i is still being filled.
func (c Chart) partial(i int) bool {
	from := c.Start.Add(time.Duration(i) * c.Step)
	return !c.Now.Before(from) && c.Now.Before(from.Add(c.Step))
}

func (c Chart) height() float64 {
	if c.Small {
		return 168
	}
	return 224
}

// label names bucket i in the table.
func (c Chart) label(i int) string {
	at := c.Start.Add(time.Duration(i) * c.Step)
	text := at.Format(c.layout())
	if c.shifts() {
		text += " " + format.ZoneName(at)
	}
	if c.partial(i) {
		text += " (so far)"
	}
	return text
}

// shifts tells whether clocks change within the chart, so that an hour may come twice.
func (c Chart) shifts() bool {
	return c.Step < 24*time.Hour && format.ZoneName(c.Start) != format.ZoneName(c.Start.Add(time.Duration(len(c.Points))*c.Step))
}

// head is what the labels of the buckets are.
func (c Chart) head() string {
	if c.Step >= 24*time.Hour {
		return "Day (UTC)"
	}
	return "Time"
}

// layout says as much of a time as the range needs.
func (c Chart) layout() string {
	switch whole := c.Step * time.Duration(len(c.Points)); {
	case c.Step >= 24*time.Hour:
		return "2 Jan"
	case whole > 25*time.Hour:
		return "Mon 2 Jan, 15:04"
	}
	return "15:04"
}

// ticks are the labels under a chart, evenly spaced from its left edge to its
// right one, which is the end of the last bucket.
func (c Chart) ticks() []string {
	n := len(c.Points)
	if n == 0 {
		return nil
	}
	parts := 1
	for _, k := range []int{6, 7, 5, 4, 8, 3, 2} {
		if n%k == 0 {
			parts = k
			break
		}
	}
	layout := c.layout()
	if layout != "15:04" {
		layout = "2 Jan"
	}
	out := make([]string, 0, parts+1)
	for i := range parts {
		out = append(out, c.Start.Add(time.Duration(i*n/parts)*c.Step).Format(layout))
	}
	end := c.Start.Add(time.Duration(n) * c.Step)
	if c.partial(n-1) || end.Equal(c.Now) {
		return append(out, "now")
	}
	return append(out, end.Format(layout))
}

// cell writes value j of bucket i.
func (c Chart) cell(i, j int) string {
	point := c.Points[i]
	if point.Missing || j >= len(point.Values) {
		return "–"
	}
	value := point.Values[j]
	if c.Unit == "" {
		return format.Number(value)
	}
	// A measured value has about three figures that mean something.
	if math.Abs(value) >= 10 {
		value = math.Round(value)
	}
	return format.Number(value) + "\u00a0" + c.Unit
}

// cellBefore writes the sum of the bucket as long before.
func (c Chart) cellBefore(i int) string {
	if i >= len(c.Before) || math.IsNaN(c.Before[i]) {
		return "–"
	}
	return format.Number(c.Before[i])
}

// summary is what a screen reader says of the whole.
func (c Chart) summary() string {
	text := c.Caption + ". "
	if c.Finding != "" {
		text += c.Finding + " "
	}
	return text + "Use the arrow keys to read values; the same numbers are in the table below."
}

// axis is the scale of a chart: Steps equal steps from 0 to Top.
type axis struct{ Top, Step float64 }

const axisSteps = 4

// nice picks round steps that reach max: 1, 1.5, 2, 2.5, 3, 4, 5, 7.5 or 10 times
// a power of ten. Whole values get whole steps.
func nice(max float64, whole bool) axis {
	if !(max > 0) || math.IsInf(max, 0) {
		return axis{Top: axisSteps, Step: 1}
	}
	raw := max / axisSteps
	if whole && raw < 1 {
		return axis{Top: axisSteps, Step: 1}
	}
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, k := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10} {
		step := k * power
		if step >= raw*(1-1e-12) && !(whole && step != math.Trunc(step)) {
			return axis{Top: step * axisSteps, Step: step}
		}
	}
	return axis{Top: power * 10 * axisSteps, Step: power * 10}
}

// marks are the numbers beside the axis from the top down; the unit stands at the
// top alone.
func (a axis) marks(unit string) []string {
	out := make([]string, 0, axisSteps+1)
	for i := axisSteps; i >= 0; i-- {
		mark := format.Short(a.Step * float64(i))
		if a.Top < 10_000 {
			mark = format.Number(a.Step * float64(i))
		}
		if i == axisSteps && unit != "" {
			mark += "\u00a0" + unit
		}
		out = append(out, mark)
	}
	return out
}
