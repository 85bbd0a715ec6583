package chart

import (
	"bytes"
	"context"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/templates/htmlcheck"
)

var update = flag.Bool("update", false, "rewrite golden files")

var start = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

// hour is a chart of the last hour by ten minutes, the last bucket still open.
func hour(points ...Point) Chart {
	return Chart{ID: "c", Caption: "Requests, last hour", Start: start, Step: 10 * time.Minute, Now: start.Add(10*time.Minute*time.Duration(len(points)) - time.Minute), Series: Outcomes(), Points: points}
}

func point(values ...float64) Point { return Point{Values: values} }

func TestNiceReachesTheTopInRoundSteps(t *testing.T) {
	tests := []struct {
		max   float64
		whole bool
		want  axis
	}{
		{0, true, axis{4, 1}},
		{math.NaN(), false, axis{4, 1}},
		{math.Inf(1), false, axis{4, 1}},
		{1, true, axis{4, 1}},
		{1, false, axis{1, .25}},
		{5, true, axis{8, 2}},
		{5, false, axis{6, 1.5}},
		{47_000, true, axis{60_000, 15_000}},
		{100, true, axis{100, 25}},
		{800, false, axis{800, 200}},
	}
	for _, tt := range tests {
		if got := nice(tt.max, tt.whole); got != tt.want {
			t.Errorf("nice(%v, %v) is %v, want %v", tt.max, tt.whole, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		top := rapid.Float64Range(1e-9, 1e15).Draw(t, "max")
		whole := rapid.Bool().Draw(t, "whole")
		a := nice(top, whole)
		if a.Top < top*(1-1e-9) || a.Top != a.Step*axisSteps || whole && a.Step != math.Trunc(a.Step) {
			t.Fatalf("nice(%v, %v) is %v", top, whole, a)
		}
		if top > 8 && a.Top > top*2.6 {
			t.Fatalf("nice(%v) leaves most of the chart empty: %v", top, a)
		}
	})
}

var number = regexp.MustCompile(`-?\d*\.?\d+`)

// Whatever the numbers are, the geometry stays finite and inside its box.
func TestGeometryStaysInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1e6), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), -1}))
		points := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Point {
			return Point{Values: rapid.SliceOfN(value, 0, 6).Draw(t, "values"), Missing: rapid.Bool().Draw(t, "missing")}
		}), 0, 20).Draw(t, "points")
		c := hour(points...)
		a := nice(highest(c, false), whole(c))
		paths := []string{line(c, a, 0, true), line(c, a, 2, false)}
		for _, path := range paths {
			if strings.ContainsAny(path, "NIe") {
				t.Fatalf("path %q", path)
			}
		}
		a = nice(highest(c, true), whole(c))
		drawn := stack(c, a)
		if len(drawn.series) != len(c.Series) {
			t.Fatalf("%d paths for %d series", len(drawn.series), len(c.Series))
		}
		for _, path := range append(drawn.series, drawn.partial) {
			for _, box := range strings.SplitAfter(path, "z") {
				n := number.FindAllString(box, -1)
				if len(n) < 4 {
					continue
				}
				x, _ := strconv.ParseFloat(n[0], 64)
				w, _ := strconv.ParseFloat(n[2], 64)
				if x < 0 || x+w > width+.02 {
					t.Fatalf("bar %q leaves the box", box)
				}
			}
		}
		stroke, area := spark(values(points))
		if strings.ContainsAny(stroke+area, "NIe") {
			t.Fatalf("spark %q", stroke)
		}
	})
}

func values(points []Point) []float64 {
	var out []float64
	for _, p := range points {
		out = append(out, p.Values...)
	}
	return out
}

// A sparkline falls to the ground only where the value does.
func TestSparksHaveGaps(t *testing.T) {
	nan := math.NaN()
	stroke, area := spark([]float64{nan, 1, 2, nan, 3, nan, 0, 1})
	if n := strings.Count(stroke, "M"); n != 3 || strings.Count(area, "Z") != n || !strings.Contains(stroke, "h.01") {
		t.Errorf("%q and %q, want three pieces, one of them a dot", stroke, area)
	}
	if stroke, area := spark([]float64{nan, nan}); stroke != "" || area != "" {
		t.Errorf("%q and %q of nothing", stroke, area)
	}
}

// No data is a gap; nothing happened is a zero.
func TestGapsAreGaps(t *testing.T) {
	c := hour(point(1), point(2), Point{Missing: true}, point(4), Point{Missing: true}, point(0))
	a := nice(4, false)
	got := line(c, a, 0, false)
	if n := strings.Count(got, "M"); n != 3 {
		t.Errorf("%q has %d pieces, want 3", got, n)
	}
	if !strings.Contains(got, "h.01") {
		t.Errorf("%q does not draw the bucket that stands alone", got)
	}
	if n := strings.Count(stack(c, a).series[0], "M"); n != 3 {
		t.Errorf("%d bars, want 3: a missing bucket and a zero have none", n)
	}
	if got := c.cell(2, 0); got != "–" {
		t.Errorf("missing value is written %q", got)
	}
	if got := c.cell(5, 0); got != "0" {
		t.Errorf("zero is written %q", got)
	}
}

func TestSingleErrorIsSeen(t *testing.T) {
	c := hour(point(1e6, 0, 0, 0, 1))
	if got := stack(c, nice(1e6, true)).series[4]; !strings.Contains(got, "v0.6") {
		t.Errorf("one error in a million is drawn %q", got)
	}
}

func TestOpenBucketIsHatched(t *testing.T) {
	c := hour(point(1), point(2))
	if stack(c, nice(2, true)).partial == "" {
		t.Error("the bucket that is not over is drawn like the others")
	}
	if got := c.label(1); got != "15:10 (so far)" {
		t.Errorf("it is called %q", got)
	}
	c.Now = c.Now.Add(time.Hour)
	if stack(c, nice(2, true)).partial != "" {
		t.Error("a bucket that is over is hatched")
	}
}

func TestTicksFitTheRange(t *testing.T) {
	tests := []struct {
		name string
		n    int
		step time.Duration
		now  time.Duration // after the start
		want []string
	}{
		{"hour", 60, time.Minute, 59*time.Minute + 30*time.Second, []string{"15:00", "15:10", "15:20", "15:30", "15:40", "15:50", "now"}},
		{"day", 48, 30 * time.Minute, 24 * time.Hour, []string{"15:00", "19:00", "23:00", "03:00", "07:00", "11:00", "now"}},
		{"week", 56, 3 * time.Hour, 0, []string{"23 Nov", "24 Nov", "25 Nov", "26 Nov", "27 Nov", "28 Nov", "29 Nov", "30 Nov"}},
		{"month", 30, 24 * time.Hour, 0, []string{"23 Nov", "28 Nov", "3 Dec", "8 Dec", "13 Dec", "18 Dec", "23 Dec"}},
		{"prime", 31, 24 * time.Hour, 0, []string{"23 Nov", "24 Dec"}},
		{"none", 0, time.Hour, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Chart{Start: start, Step: tt.step, Now: start.Add(tt.now), Points: make([]Point, tt.n)}
			if diff := cmp.Diff(tt.want, c.ticks()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBurnDownKeepsItsProportions(t *testing.T) {
	b := Burn{Start: start, End: start.AddDate(0, 0, 30), Now: start.AddDate(0, 0, 15), Limit: 100, Used: []float64{0, 20, 40}, Forecast: 80}
	used, area, forecast := b.paths()
	if used != "M0 84L75 68.7L150 53.5" {
		t.Errorf("used is %q", used)
	}
	if !strings.HasSuffix(area, "L150 84L0 84Z") || forecast != "M150 53.5L300 22.9" {
		t.Errorf("area %q, forecast %q", area, forecast)
	}
	if used, _, _ := (Burn{}).paths(); used != "" {
		t.Errorf("no data is drawn as %q", used)
	}
}

func TestLevels(t *testing.T) {
	for share, want := range map[float64]Level{0: Calm, .79: Calm, .8: Warn, .999: Warn, 1: Bad, 3: Bad} {
		if got := LevelOf(share); got != want {
			t.Errorf("LevelOf(%v) is %q", share, got)
		}
	}
	for share, want := range map[float64]float64{-1: 0, .642: 64.2, 1.4: 100, math.Inf(1): 100} {
		if got := percent(share); got != want {
			t.Errorf("percent(%v) is %v", share, got)
		}
	}
}

var figures = map[string]templ.Component{
	"narrowed": Bars(func() Chart {
		c := hour(Point{Values: []float64{5, 0, 0, 1, 2}, Href: "/log?from=1", Narrow: true}, Point{Values: []float64{3, 1, 0, 0, 0}, Href: "/usage?zoom"})
		for i, series := range c.Series {
			c.Series[i].Query = "outcome=" + strings.ReplaceAll(strings.ToLower(series.Name), " ", "_")
		}
		return c
	}()),
	"bars": Bars(func() Chart {
		c := hour(Point{Values: []float64{30, 1, 2, 0, 1}, Href: "/log?at=1"}, Point{Missing: true}, point(50, 0, 0, 9, 0))
		c.Finding, c.Limit = "Busiest at 15:20.", 40
		return c
	}()),
	"lines": Lines(func() Chart {
		c := hour(point(40.2, 140, 271), Point{Missing: true}, point(44, 148, 260))
		c.Series, c.Unit, c.Small = Percentiles(), "ms", true
		return c
	}()),
	"empty":    Bars(Chart{ID: "e", Caption: "Nothing yet", Series: Outcomes()}),
	"legend":   templ.Join(Legend([]Series{{Name: "Success", Total: "1.2M"}, {Name: "Throttled", Kind: Throttled}}), LineLegend(Percentiles())),
	"spark":    templ.Join(Spark([]float64{1, 3, 2}, Throttled), Spark([]float64{1}, ""), Mini(.52, Warn)),
	"gauge":    templ.Join(Gauge(Meter{Label: "Quota", Used: "6.42M", Limit: "10M", Share: .642, Projected: .91, Note: "Resets 1 Dec."}), Gauge(Meter{Label: "Rate", Used: "74", Limit: "50 rps", Share: 1.48, Level: Bad, Note: "Over."})),
	"burndown": BurnDown(Burn{ID: "b", Start: start, End: start.AddDate(0, 0, 30), Now: start.AddDate(0, 0, 15), Limit: 100, Used: []float64{0, 20, 40}, Forecast: 80, Finding: "40 of 100 used."}),
	"heat":     templ.Join(HeatMap(Heat{ID: "h", Caption: "Requests by weekday and hour", Finding: "Busiest: Tue 13:00.", Hours: [7][24]int64{1: {13: 50, 14: 1, 15: 26}}}), HeatScale()),
	"compared": Bars(func() Chart {
		c := hour(point(30, 1), point(20), point(50, 0, 0, 9))
		c.Before, c.Zoom = []float64{10, math.NaN(), 70}, "/usage?key=1"
		return c
	}()),
	"rate": templ.Join(Lines(func() Chart {
		c := hour(point(3), point(9))
		c.Series, c.Unit, c.Small, c.Limit = []Series{{Name: "Requests per second"}}, "rps", true, 5
		return c
	}()), LimitLegend("The plan's rate", "5 rps"), BeforeLegend("100")),
	"throttle": Throttle("t", 50, 100),
}

func TestFigures(t *testing.T) {
	for name, c := range figures {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := c.Render(context.Background(), &out); err != nil {
				t.Fatal(err)
			}
			for _, problem := range htmlcheck.Fragment(out.String()) {
				t.Error(problem)
			}
			got := strings.ReplaceAll(out.String(), "><", ">\n<") + "\n"
			path := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
