package chart

import (
	"math"

	"gatehouse/templates/format"
)

// Phrase is a piece of a sentence; the numbers that matter are strong.
type Phrase struct {
	Text   string
	Strong bool
}

// Explain says what a throttle means for a person: rate in requests a second,
// burst in requests. It has a sentence for every pair of numbers.
func Explain(rate, burst float64) []Phrase {
	if !(rate > 0) || math.IsInf(rate, 0) {
		return []Phrase{{Text: "A rate of "}, {"0", true}, {Text: " refuses every request with 429."}}
	}
	burst = math.Floor(burst)
	if !(burst >= 1) {
		return []Phrase{{Text: "A burst below "}, {"1", true}, {Text: " refuses every request: the bucket can never hold one."}}
	}
	out := []Phrase{{Text: "An idle key may send "}}
	if burst == 1 {
		out = append(out, Phrase{"1 request", true})
	} else {
		out = append(out, Phrase{requests(burst) + " at once", true})
	}
	out = append(out, Phrase{Text: ", then "}, Phrase{pace(rate), true})
	if burst > 1 {
		out = append(out, Phrase{Text: ". After a full burst it takes "}, Phrase{format.Seconds(burst / rate), true}, Phrase{Text: " to refill"})
	}
	out = append(out, Phrase{Text: ". Steady use is at most "})
	small, large := steady(rate)
	return append(out, Phrase{small, true}, Phrase{Text: " or "}, Phrase{large, true}, Phrase{Text: "."})
}

func requests(n float64) string {
	if n == 1 {
		return "1 request"
	}
	return format.Number(n) + " requests"
}

// pace is a rate after "then": "50 a second", "1 every 10 seconds".
func pace(rate float64) string {
	if rate <= .5 {
		return "1 every " + format.Seconds(1/rate)
	}
	return format.Number(rate) + " a second"
}

// steady is a rate over two spans that are long enough to count whole requests.
func steady(rate float64) (small, large string) {
	spans := []struct {
		seconds float64
		name    string
	}{{60, "a minute"}, {3600, "an hour"}, {86400, "a day"}, {30 * 86400, "a 30 day month"}, {365 * 86400, "a year"}}
	first := len(spans) - 2
	for i := range spans[:len(spans)-1] {
		if rate*spans[i].seconds >= 1 {
			first = i
			break
		}
	}
	second := first + 1
	if first == 0 {
		second = 2 // a minute, then a day
	}
	write := func(i int) string {
		n := rate * spans[i].seconds
		if n >= 100_000 {
			return short(n) + " " + spans[i].name
		}
		if n >= 10 {
			n = math.Floor(n + 1e-9)
		}
		return format.Number(n) + " " + spans[i].name
	}
	return write(first), write(second)
}

// short cuts to one decimal, because "at most" must not round up: "4.3M".
func short(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}} {
		if n >= unit.size {
			return format.Number(math.Floor(n/unit.size*10)/10) + unit.name
		}
	}
	return format.Number(n)
}

// Tick is a quarter of a second of sample traffic, in requests.
type Tick struct{ Served, Refused float64 }

// ticks of sample traffic, and their length in seconds.
const (
	simTicks = 120
	simTick  = 0.25
)

// Sample plays 30 seconds of made-up traffic through a token bucket that starts
// full: quiet, a long spike, a little too much, quiet, a short spike, nearly the
// limit. The traffic is scaled to the limits, so that each of them shows.
// Requests are taken as evenly spread within a tick.
func Sample(rate, burst float64) [simTicks]Tick {
	if !(rate > 0) || math.IsInf(rate, 0) {
		rate = 0
	}
	if !(burst >= 1) || math.IsInf(burst, 0) {
		rate, burst = 0, 0
	}
	base := rate
	if base == 0 {
		base, burst = 1, 0
	}
	peak := math.Max(3*base, base+burst/2)
	var out [simTicks]Tick
	tokens := burst
	for i := range out {
		want := simTick * demand(i, base, peak)
		have := tokens + rate*simTick
		out[i].Served = math.Min(want, have)
		out[i].Refused = want - out[i].Served
		tokens = math.Min(burst, have-out[i].Served)
	}
	return out
}

// demand is the sample traffic at tick i, in requests a second.
func demand(i int, base, peak float64) float64 {
	switch {
	case i < 18:
		return .6 * base
	case i < 30:
		return peak
	case i < 54:
		return 1.24 * base
	case i < 84:
		return .76 * base
	case i < 92:
		return .8 * peak
	}
	return .9 * base
}

// simWidth and simHeight are the view box of the drawing.
const simWidth, simHeight = 600.0, 92.0

// simulation is the drawing: served below, refused above, and the height of the
// rate.
func simulation(rate, burst float64) (served, refused string, limit float64) {
	ticks := Sample(rate, burst)
	top := 0.0
	for _, t := range ticks {
		top = math.Max(top, t.Served+t.Refused)
	}
	scale := func(v float64) float64 { return math.Max(1, v/(top*1.13)*simHeight) }
	for i, t := range ticks {
		x := float64(i)*5 + .5
		if t.Served > 0 {
			served += box(x, simHeight-scale(t.Served), 4, scale(t.Served))
		}
		if t.Refused > 0 {
			refused += box(x, simHeight-scale(t.Served+t.Refused), 4, scale(t.Refused))
		}
	}
	if !(rate > 0) || math.IsInf(rate, 0) {
		return served, refused, simHeight
	}
	return served, refused, simHeight - scale(rate*simTick)
}

// simulated says what the drawing shows.
func simulated(rate, burst float64) string {
	served, refused := 0.0, 0.0
	for _, t := range Sample(rate, burst) {
		served += t.Served
		refused += t.Refused
	}
	return "Thirty seconds of sample traffic: " + format.Percent(served/(served+refused)) + " is served; the rest comes while the bucket is empty and is refused."
}
