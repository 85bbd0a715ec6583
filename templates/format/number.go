package format

import (
	"math"
	"strconv"
	"strings"
)

// nbsp keeps a number and its unit on one line.
const nbsp = "\u00a0"

// Count is a whole number with thousands marked: 1,284,067.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Number is a number with at most two decimals and thousands marked: 1,284.5. A
// smaller number keeps two significant digits: 0.0012.
func Number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case math.IsInf(x, 0) || math.Abs(x) >= 1e15:
		return "∞"
	case x != 0 && math.Abs(x) < 0.01:
		digits := min(20, 1-int(math.Floor(math.Log10(math.Abs(x)))))
		return strings.Replace(trim(strconv.FormatFloat(x, 'f', digits, 64)), "-", "−", 1)
	}
	s := trim(strconv.FormatFloat(math.Abs(x), 'f', 2, 64))
	whole, fraction, found := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return s
	}
	out := Count(n)
	if found {
		out += "." + fraction
	}
	if x < 0 && out != "0" {
		out = "−" + out
	}
	return out
}

// Short is a number in three or four figures: 999, 8.2k, 14k, 1.28M, 12.8M, 4.32B.
// From 10^15 on all numbers are "∞".
func Short(x float64) string {
	abs := math.Abs(x)
	if !(abs < 1e15) {
		return Number(x)
	}
	if abs < 1000 {
		return Number(math.Round(x*10) / 10)
	}
	for _, unit := range []struct {
		size float64
		name string
	}{{1e3, "k"}, {1e6, "M"}, {1e9, "B"}, {1e12, "T"}} {
		value := x / unit.size
		digits := 0
		switch {
		case math.Abs(value) < 10 && unit.size > 1e3:
			digits = 2
		case math.Abs(value) < 10 || math.Abs(value) < 100 && unit.size > 1e3:
			digits = 1
		}
		s := strconv.FormatFloat(value, 'f', digits, 64)
		// 999,950 rounds to 1,000k: the next unit says it better.
		if rounded, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(rounded) < 1000 || unit.size == 1e12 {
			return strings.Replace(trim(s), "-", "−", 1) + unit.name
		}
	}
	return Number(x)
}

// Rate is a rate in prose: "50 requests a second", "1 request every 10 seconds".
func Rate(perSecond float64) string {
	switch {
	case perSecond > 0 && perSecond <= .5:
		return "1 request every " + Seconds(1/perSecond)
	case perSecond == 1:
		return "1" + nbsp + "request a second"
	}
	return Number(perSecond) + nbsp + "requests a second"
}

// RPS is a rate in a table: "50 rps", "0.1 rps".
func RPS(perSecond float64) string { return Number(perSecond) + nbsp + "rps" }

// Requests is a count with its noun: "1 request", "1,200 requests".
func Requests(n int64) string { return Plural(n, "request") }

// Plural is a count with a regular noun: "1 key", "31 keys".
func Plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Count(n) + nbsp + noun
}

// Percent is a ratio as a percentage: 0.642 is "64.2 %", 0.0042 "0.42 %". What
// is above 0 is never shown as 0, and what is below 1 never as 100.
func Percent(ratio float64) string {
	p := ratio * 100
	s := Number(p)
	switch {
	case math.IsNaN(ratio) || math.IsInf(ratio, 0):
		return "–"
	case p > 0 && p < 0.01:
		return "<\u2009" + "0.01" + nbsp + "%"
	case p >= 99.9 && p < 100:
		s = trim(strconv.FormatFloat(math.Floor(p*100)/100, 'f', 2, 64))
	case math.Abs(p) >= 1:
		s = Number(math.Round(p*10) / 10)
	}
	return s + nbsp + "%"
}

// PercentOf is Percent of part in whole, and a dash if there is no whole.
func PercentOf(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return Percent(float64(part) / float64(whole))
}

// Bytes is a size: "512 B", "1.2 kB", "256 MB" (steps of 1000).
func Bytes(n int64) string {
	x, unit := float64(n), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if math.Abs(x) < 999.5 {
			break
		}
		x, unit = x/1000, next
	}
	if math.Abs(x) < 10 && unit != "B" {
		x = math.Round(x*10) / 10
	} else {
		x = math.Round(x)
	}
	return Number(x) + nbsp + unit
}

// Initials are up to two capitals for an avatar: "Mira Okafor" is "MO".
func Initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '.' || r == '@' || r == '-' || r == '_' })
	var out []rune
	for _, word := range words {
		for _, r := range word {
			out = append(out, r)
			break
		}
	}
	if len(words) == 1 {
		out = []rune(words[0])
	}
	return strings.ToUpper(string(out[:min(2, len(out))]))
}

func trim(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}
