package chart

import (
	"math"
	"time"
)

// Level says how near a limit is.
type Level string

// Levels, from calm to alarming.
const (
	Calm Level = ""
	Warn Level = "warn"
	Bad  Level = "bad"
)

// LevelOf is the level of a share of a limit: Warn from 0.8, Bad from 1.
func LevelOf(share float64) Level {
	switch {
	case share >= 1:
		return Bad
	case share >= .8:
		return Warn
	}
	return Calm
}

// Meter is a limit and how much of it is used.
type Meter struct {
	Label     string  // "Monthly quota"
	Used      string  // as a person reads it, "6.42M"
	Limit     string  // "10M" or "50 rps"
	Share     float64 // used / limit; drawn up to 1
	Projected float64 // share at the end of the period at this pace; 0 for none
	Level     Level
	Note      string // a sentence below; may be empty
	Icon      string // of the note; calendar-clock if empty, triangle-alert above Calm
}

func (m Meter) icon() string {
	switch {
	case m.Icon != "":
		return m.Icon
	case m.Level != Calm:
		return "triangle-alert"
	}
	return "calendar-clock"
}

// percent is a share as the width of a bar, 0 to 100.
func percent(share float64) float64 {
	if math.IsNaN(share) {
		return 0
	}
	return math.Round(math.Max(0, math.Min(1, share))*1000) / 10
}

// Burn is the use of a quota over its period.
type Burn struct {
	ID         string
	Start, End time.Time // of the period
	Now        time.Time
	Limit      float64
	Used       []float64 // running total at equal steps from Start; the last is at Now
	Forecast   float64   // total at End at this pace; 0 for none
	Finding    string    // one sentence: used, forecast, limit
}

// burnWidth and burnHeight are the view box of a burn-down.
const burnWidth, burnHeight = 300.0, 84.0

// past is the share of the period that is over.
func (b Burn) past() float64 {
	whole := b.End.Sub(b.Start)
	if whole <= 0 {
		return 1
	}
	return math.Max(0, math.Min(1, float64(b.Now.Sub(b.Start))/float64(whole)))
}

// until names the moment of a total: the last one is of now.
func (b Burn) until(i int) string {
	if i == len(b.Used)-1 {
		return b.Now.UTC().Format("2 Jan, 15:04")
	}
	return b.Start.AddDate(0, 0, i).UTC().Format("2 Jan, 15:04")
}

// y is the height of a total; a tenth stays free above the limit or the forecast.
func (b Burn) y(total float64) float64 {
	top := math.Max(b.Limit, b.Forecast)
	for _, v := range b.Used {
		top = math.Max(top, v)
	}
	if !(top > 0) {
		return burnHeight
	}
	return burnHeight - math.Max(0, total)/(top*1.1)*burnHeight
}

// paths are the line so far, the area below it, and the dotted line of the
// forecast.
func (b Burn) paths() (used, area, forecast string) {
	if len(b.Used) == 0 {
		return "", "", ""
	}
	end := b.past() * burnWidth
	dx := 0.0
	if len(b.Used) > 1 {
		dx = end / float64(len(b.Used)-1)
	}
	for i, total := range b.Used {
		step := "L"
		if i == 0 {
			step = "M"
		}
		used += step + num(float64(i)*dx) + " " + num(b.y(total))
	}
	area = used + "L" + num(end) + " " + num(burnHeight) + "L0 " + num(burnHeight) + "Z"
	if b.Forecast > 0 {
		forecast = "M" + num(end) + " " + num(b.y(b.Used[len(b.Used)-1])) + "L" + num(burnWidth) + " " + num(b.y(b.Forecast))
	}
	return used, area, forecast
}
