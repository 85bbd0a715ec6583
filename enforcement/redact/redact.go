// Package redact takes values of API keys out of texts that are kept: a caller may have put his key anywhere.
//
//	k := redact.Keys{Presented: "gwk1…", Prefix: "gwk1"}
//	b = k.Append(b, "/users/gwk1…", 200)   // "/users/[key]"
//
// It knows the value that the request presented, whatever its form, and values of this installation's form. It never allocates for what it leaves out.
package redact

import (
	"strings"

	"gatehouse/models/secret"
)

// Redacted stands where a key's value stood.
const Redacted = "[key]"

// Keys are the values that are looked for.
type Keys struct {
	Presented string // by the request; too short to be a key: it is not looked for
	Prefix    string // of generated keys
}

// Append appends s without key values, max bytes at most.
func (k *Keys) Append(b []byte, s string, max int) []byte {
	end := len(b) + max
	for s != "" && len(b) < end {
		at, size := k.Find(s)
		if at < 0 {
			at, size = len(s), 0
		}
		b = append(b, s[:min(at, end-len(b))]...)
		if size > 0 {
			b = append(b, Redacted...)
		}
		s = s[at+size:]
	}
	return b[:min(len(b), end)]
}

// Find is where the first key value in s stands; -1: there is none.
func (k *Keys) Find(s string) (at, size int) {
	at = -1
	if len(k.Presented) >= secret.MinLength {
		at, size = strings.Index(s, k.Presented), len(k.Presented)
	}
	for from := 0; ; {
		i := strings.Index(s[from:], k.Prefix)
		if i < 0 || at >= 0 && from+i >= at {
			return at, size
		}
		from += i
		if n := word(s[from:]); n >= secret.MinLength {
			return from, n
		}
		from += len(k.Prefix)
	}
}

// word is the number of letters and digits at the beginning of s.
func word(s string) int {
	for i := range len(s) {
		if b := s[i]; (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') {
			return i
		}
	}
	return len(s)
}
