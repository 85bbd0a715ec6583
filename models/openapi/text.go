package openapi

import (
	"strings"
	"unicode/utf8"
)

// Bounds on single texts, in bytes. They are far above what people write: they keep a row and a page small when the
// author is not a person.
const (
	maxName    = 256
	maxSummary = 1_000
	maxProse   = 64 << 10
	maxValue   = 1_000 // a default, an enum value, the example of one field
	maxExample = 16 << 10
)

// word makes a text fit for one line: no control characters, no line breaks, no runs of spaces, at most limit bytes.
func word(s string, limit int) string {
	s = cut(s, 4*limit) // before the work, so that its cost is bounded
	return cut(strings.Join(strings.Fields(strings.Map(visible, s)), " "), limit)
}

// prose keeps the line breaks and the indentation of Markdown, and drops other control characters.
func prose(s string) string {
	s = strings.ReplaceAll(cut(s, maxProse), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if r == '\r' {
			return '\n'
		}
		return visible(r)
	}, s))
}

// visible turns control characters into spaces and drops the marks that reverse the direction of the text around them,
// with which a document could show one thing and mean another.
func visible(r rune) rune {
	switch {
	case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029:
		return ' '
	case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == utf8.RuneError:
		return -1
	}
	return r
}

// cut shortens s to at most limit bytes, at a character, and shows that it did.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const mark = "…"
	end := max(0, limit-len(mark))
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}

// short is a text of the document as it stands in our sentences.
func short(s string) string { return word(s, 80) }
