package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Value is a secret text. However it is printed, logged or encoded, only its hint comes out; Reveal is the one way to the text.
// The zero Value is no secret. Compare with Equal: == is always false for two Values made apart.
type Value struct {
	// A pointer, because fmt prints the fields of a struct that it may not call methods on.
	text *string
}

// NewValue hides text.
func NewValue(text string) Value { return Value{&text} }

// NewToken is a random token of 256 bits: 43 characters that need no escaping in a URL or a cookie. Only its
// Keyring.TokenDigest is to be stored.
func NewToken() Value {
	var b [32]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	return NewValue(base64.RawURLEncoding.EncodeToString(b[:]))
}

// Reveal is the secret text.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// IsZero reports whether there is no secret.
func (v Value) IsZero() bool { return v.text == nil }

// Equal compares in a time that depends on the lengths alone.
func (v Value) Equal(other Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(other.Reveal())) == 1
}

// Hint is what pages, logs and rows show of v: "abcd…wxyz", or "…" of a text too short to lose 8 characters.
func (v Value) Hint() string {
	s := v.Reveal()
	switch {
	case s == "":
		return ""
	case len(s) < MinLength:
		return "…"
	default:
		return s[:4] + "…" + s[len(s)-4:]
	}
}

// String is the hint.
func (v Value) String() string { return v.Hint() }

// GoString is the hint.
func (v Value) GoString() string { return v.Hint() }

// Format writes the hint, whatever the verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.Hint()) } // fmt has no place for an error

// MarshalText writes the hint.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.Hint()), nil }

// MarshalJSON writes the hint.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.Hint()) }

// LogValue is the hint.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.Hint()) }
