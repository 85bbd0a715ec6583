package models

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// A user agent is written by anybody, and read by the owner of a key.
func TestAUserAgentIsBoundedAndShowsAllOfItself(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"none", "", ""},
		{"usual", "curl/8.5.0", "curl/8.5.0"},
		{"other scripts", "Überwacher 监控", "Überwacher 监控"},
		{"line breaks", "a\r\nX-Admin: 1", "a��X-Admin: 1"},
		{"right to left", "exe\u202Efdp", "exe�fdp"},
		{"no UTF-8", "a\xff\xfeb", "a��b"},
		{"zero width", "a\u200bb", "a�b"},
		{"blanks around", "  a ", "a"},
		{"long", strings.Repeat("x", 1000), strings.Repeat("x", 200)},
		{"long, cut within a character", strings.Repeat("x", 199) + "é", strings.Repeat("x", 199)},
		{"long, cut after a character", strings.Repeat("x", 198) + "éé", strings.Repeat("x", 198) + "é"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := CleanUserAgent(tt.in); got != tt.want || !utf8.ValidString(got) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
