package chart

import (
	"math"
	"strconv"
	"strings"
)

// width of the drawing in its own units; the page stretches it.
const width = 1000.0

// least is the height of the smallest bar, so that a single error is seen.
const least = 0.6

// num writes a coordinate with one decimal at most: drawings are about as many
// pixels wide as they have units, and a page of them is to stay small. What is
// not a number is drawn at 0 and can break nothing.
func num(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		x = 0
	}
	return strconv.FormatFloat(math.Round(x*10)/10+0, 'f', -1, 64)
}

// box is the path of a rectangle.
func box(x, y, w, h float64) string {
	return "M" + num(x) + " " + num(y) + "h" + num(w) + "v" + num(h) + "h" + num(-w) + "z"
}

// bars are the paths of a stack of bars: for each series one of all segments
// that lead where their bar leads, and one of those that lead to the calls of
// the series alone; and one over the bucket that is not over yet.
type bars struct {
	series, narrow []string
	partial        string
}

// stack draws values upwards in the order of the series; negative values and NaN
// count as 0.
func stack(c Chart, a axis) bars {
	out := bars{series: make([]string, len(c.Series)), narrow: make([]string, len(c.Series))}
	height, slot := c.height(), width/float64(max(1, len(c.Points)))
	paths, narrow := make([]strings.Builder, len(c.Series)), make([]strings.Builder, len(c.Series))
	for i, point := range c.Points {
		if point.Missing {
			continue
		}
		x, w, y := (float64(i)+.12)*slot, slot*.76, height
		for j := range paths {
			if j >= len(point.Values) || !(point.Values[j] > 0) {
				continue
			}
			h := math.Max(least, point.Values[j]/a.Top*height)
			y -= h
			if point.Narrow && c.Series[j].Query != "" {
				narrow[j].WriteString(box(x, y, w, h))
			} else {
				paths[j].WriteString(box(x, y, w, h))
			}
		}
		if c.partial(i) && y < height {
			out.partial = box(x, y, w, height-y)
		}
	}
	for j := range paths {
		out.series[j], out.narrow[j] = paths[j].String(), narrow[j].String()
	}
	return out
}

// highest is the largest sum of a bucket when stacked, else the largest value;
// never less than the limit that is drawn.
func highest(c Chart, stacked bool) float64 {
	top := c.Limit
	for _, v := range c.Before {
		if v > top && !math.IsInf(v, 0) {
			top = v
		}
	}
	for _, point := range c.Points {
		sum := 0.0
		for _, v := range point.Values {
			if point.Missing || !(v > 0) || math.IsInf(v, 0) {
				continue
			}
			sum += v
			if !stacked {
				top = math.Max(top, v)
			}
		}
		if stacked {
			top = math.Max(top, sum)
		}
	}
	return top
}

// whole tells whether a chart counts things.
func whole(c Chart) bool {
	if c.Unit != "" {
		return false
	}
	for _, point := range c.Points {
		for _, v := range point.Values {
			if v != math.Trunc(v) {
				return false
			}
		}
	}
	return true
}

// runs are the unbroken pieces of series j: buckets that have a value.
func runs(c Chart, j int) [][2]int {
	var out [][2]int
	open := false
	for i, point := range c.Points {
		switch has := !point.Missing && j < len(point.Values) && !math.IsNaN(point.Values[j]); {
		case has && open:
			out[len(out)-1][1] = i
		case has:
			out = append(out, [2]int{i, i})
			open = true
		default:
			open = false
		}
	}
	return out
}

// line is the path of series j, broken where there is no data; a bucket that
// stands alone is a dot. With fill it is the area below.
func line(c Chart, a axis, j int, fill bool) string {
	var b strings.Builder
	dx, height := width/float64(max(1, len(c.Points)-1)), c.height()
	for _, run := range runs(c, j) {
		for i := run[0]; i <= run[1]; i++ {
			step := "L"
			if i == run[0] {
				step = "M"
			}
			y := height - math.Max(0, c.Points[i].Values[j])/a.Top*height
			b.WriteString(step + num(float64(i)*dx) + " " + num(y))
		}
		switch {
		case fill:
			b.WriteString("L" + num(float64(run[1])*dx) + " " + num(height) + "L" + num(float64(run[0])*dx) + " " + num(height) + "Z")
		case run[0] == run[1]:
			b.WriteString("h.01")
		}
	}
	return b.String()
}

// before is the line of the sums before, through the middle of the bars.
func before(c Chart, a axis) string {
	var b strings.Builder
	slot, height, step := width/float64(max(1, len(c.Points))), c.height(), "M"
	for i, v := range c.Before[:min(len(c.Before), len(c.Points))] {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			step = "M"
			continue
		}
		b.WriteString(step + num((float64(i)+.5)*slot) + " " + num(height-math.Max(0, v)/a.Top*height))
		step = "L"
	}
	return b.String()
}

// sparkWidth and sparkHeight are the view box of a sparkline.
const sparkWidth, sparkHeight = 100.0, 36.0

// spark is the line and the area of a sparkline, broken where a value is no
// number: nothing is known there. Its lowest value is 0 or below.
func spark(values []float64) (stroke, area string) {
	if len(values) < 2 {
		return "", ""
	}
	known := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	low, high := 0.0, 0.0
	for _, v := range values {
		if known(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	if high *= 1.08; high <= low {
		high = low + 1
	}
	dx, height := sparkWidth/float64(len(values)-1), num(sparkHeight)
	var lines, fills strings.Builder
	for i := 0; i < len(values); i++ {
		first, piece, step := i, "", "M"
		for ; i < len(values) && known(values[i]); i++ {
			piece += step + num(float64(i)*dx) + " " + num(sparkHeight-2-(values[i]-low)/(high-low)*(sparkHeight-6))
			step = "L"
		}
		if piece == "" {
			continue
		}
		lines.WriteString(piece)
		if i-first == 1 {
			lines.WriteString("h.01") // a dot
		}
		fills.WriteString(piece + "L" + num(float64(i-1)*dx) + " " + height + "L" + num(float64(first)*dx) + " " + height + "Z")
	}
	return lines.String(), fills.String()
}
