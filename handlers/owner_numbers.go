package handlers

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var (
	decimalPattern = regexp.MustCompile(`^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$`)
	groupedPattern = regexp.MustCompile(`^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$`)
	spacedPattern  = regexp.MustCompile("^[+-]?\\d{1,3}(?:[ \u00a0\u202f_']\\d{3})+(?:\\.\\d*)?$")
	commaPattern   = regexp.MustCompile(`^[+-]?\d+,\d+$`)
)

// parseDecimal reads a number as people type it: decimals with a dot, thousands with commas, blanks or nothing between them. Problem is a sentence, or "".
func parseDecimal(text string) (n float64, problem string) {
	text = strings.TrimSpace(text)
	plain := text
	switch {
	case text == "":
		return 0, "Enter a number."
	case decimalPattern.MatchString(text):
	case groupedPattern.MatchString(text), spacedPattern.MatchString(text):
		plain = strings.NewReplacer(",", "", " ", "", "\u00a0", "", "\u202f", "", "_", "", "'", "").Replace(text)
	case commaPattern.MatchString(text):
		return 0, fmt.Sprintf("Write decimals with a dot: %s.", strings.Replace(text, ",", ".", 1))
	default:
		return 0, fmt.Sprintf("%q is not a number.", cut(text, 40))
	}
	n, err := strconv.ParseFloat(plain, 64)
	if err != nil || math.IsInf(n, 0) {
		return 0, fmt.Sprintf("%q is too large a number.", cut(text, 40))
	}
	return n, ""
}

// parseWhole reads a whole number as parseDecimal does.
func parseWhole(text string) (n int64, problem string) {
	x, problem := parseDecimal(text)
	switch {
	case problem != "":
		return 0, problem
	case x != math.Trunc(x):
		return 0, "Enter a whole number."
	case math.Abs(x) > 1<<53:
		return 0, fmt.Sprintf("%q is too large a number.", cut(strings.TrimSpace(text), 40))
	}
	return int64(x), ""
}

// cut shortens what a person typed, so that an answer does not repeat a megabyte.
func cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// plainNumber writes a rate as it is typed: 0.1, 50, 12.5.
func plainNumber(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
