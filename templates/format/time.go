package format

import (
	"math"
	"time"
)

// Date is a day: "4 Mar 2026", in the zone of t. The zero time is "never".
func Date(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("2 Jan 2006")
}

// DateTime is a moment to the minute, in the zone of t: "4 Mar 2026, 15:04 UTC".
func DateTime(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("2 Jan 2006, 15:04") + nbsp + ZoneName(t)
}

// Moment is a moment to the second, in the zone of t, for titles and logs: "4 Mar
// 2026, 15:04:05 UTC".
func Moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("2 Jan 2006, 15:04:05") + nbsp + ZoneName(t)
}

// Machine is a moment for a datetime attribute (RFC 3339, UTC).
func Machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Ago says how long before now t was, or how long after: "just now", "3 minutes
// ago", "in 2 days". Past 30 days it is a date, in the zone of t. The zero time is
// "never".
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	gap := now.Sub(t)
	if gap.Abs() >= 30*24*time.Hour {
		return Date(t)
	}
	if gap > -time.Second && gap < time.Minute {
		return "just now"
	}
	words := span(gap.Abs())
	if gap < 0 {
		return "in " + words
	}
	return words + " ago"
}

// span is the largest unit that fits, cut down: "3 minutes".
func span(d time.Duration) string {
	for _, unit := range units[:3] {
		if d >= unit.size {
			return Plural(int64(d/unit.size), unit.noun)
		}
	}
	return Plural(int64(d/time.Second), "second")
}

var units = [...]struct {
	size       time.Duration
	noun, mark string
}{
	{24 * time.Hour, "day", "d"},
	{time.Hour, "hour", "h"},
	{time.Minute, "minute", "min"},
	{time.Second, "second", "s"},
}

// Duration is a length of time in its two largest units: "7 d 8 h", "41 min",
// "1 min 40 s". Below a second it is Latency.
func Duration(d time.Duration) string {
	if d < 0 {
		return "−" + Duration(-max(d, -math.MaxInt64))
	}
	if d < time.Second {
		if d == 0 {
			return "0" + nbsp + "s"
		}
		return Latency(d)
	}
	for i, unit := range units {
		if d < unit.size {
			continue
		}
		out := Count(int64(d/unit.size)) + nbsp + unit.mark
		if i+1 < len(units) {
			if rest := d % unit.size / units[i+1].size; rest > 0 {
				out += nbsp + Count(int64(rest)) + nbsp + units[i+1].mark
			}
		}
		return out
	}
	return "0" + nbsp + "s"
}

// Latency is a short time: "0.4 ms", "43 ms", "1.2 s".
func Latency(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case math.Abs(ms) < 9.95:
		return Number(math.Round(ms*10)/10) + nbsp + "ms"
	case math.Abs(ms) < 999.5:
		return Number(math.Round(ms)) + nbsp + "ms"
	}
	return Number(math.Round(d.Seconds()*10)/10) + nbsp + "s"
}

// Seconds is a number of seconds in prose: "2 seconds", "3.3 seconds", "1 minute
// 40 seconds", "3 hours". It keeps one decimal below ten seconds.
func Seconds(s float64) string {
	switch {
	case math.IsNaN(s) || math.IsInf(s, 0) || s >= 1e9:
		return "a very long time"
	case s <= 0:
		return "0" + nbsp + "seconds"
	case s < 1:
		return Number(math.Max(0.01, math.Round(s*100)/100)) + nbsp + "seconds"
	case s < 10:
		s = math.Round(s*10) / 10
		if s == 1 {
			return "1" + nbsp + "second"
		}
		return Number(s) + nbsp + "seconds"
	}
	d := time.Duration(math.Round(s)) * time.Second
	for i, unit := range units {
		if d < unit.size {
			continue
		}
		out := Plural(int64(d/unit.size), unit.noun)
		if i+1 < len(units) {
			if rest := d % unit.size / units[i+1].size; rest > 0 {
				out += " " + Plural(int64(rest), units[i+1].noun)
			}
		}
		return out
	}
	return "0" + nbsp + "seconds"
}
