package secret

import (
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"strings"
	"unsafe"
)

// Lengths of a key's value, in characters. Imported values may have any length from MinLength to MaxLength, as on AWS.
const (
	MinLength = 20
	MaxLength = 128
	Length    = prefixLength + randomLength + checkLength // of a generated value

	prefixLength = 4
	randomLength = 32 // 190 bits
	checkLength  = 6  // 62^6 > 2^32

	alphabet      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	defaultPrefix = "gwk1"
)

// Prefix is the 4 letters or digits with which every generated value of an installation begins, so that people and leak
// scanners recognise it. The zero Prefix is "gwk1".
type Prefix struct{ letters string }

// ParsePrefix checks s.
func ParsePrefix(s string) (Prefix, error) {
	if len(s) != prefixLength || strings.Trim(s, alphabet) != "" {
		return Prefix{}, fmt.Errorf("the key prefix %q must be %d letters or digits", s, prefixLength)
	}
	return Prefix{s}, nil
}

// String is the 4 characters.
func (p Prefix) String() string {
	if p.letters == "" {
		return defaultPrefix
	}
	return p.letters
}

// Generate makes a key's value: prefix, 32 random characters, 6 of checksum, all of [0-9A-Za-z].
func Generate(p Prefix) Value {
	value := appendRandom(append(make([]byte, 0, Length), p.String()...), randomLength)
	sum := checksum(string(value))
	return NewValue(string(append(value, sum[:]...)))
}

// accessSecretLength is that of the secrets of access keys: 40 as on AWS, 238 bits.
const accessSecretLength = 40

// GenerateAccessSecret makes the secret of an access key: 40 random characters of [0-9A-Za-z].
func GenerateAccessSecret() Value {
	return NewValue(string(appendRandom(make([]byte, 0, accessSecretLength), accessSecretLength)))
}

// appendRandom appends n random characters of the alphabet.
func appendRandom(text []byte, n int) []byte {
	for random, end := [48]byte{}, len(text)+n; len(text) < end; {
		rand.Read(random[:]) // never fails: it ends the program instead
		for _, b := range random {
			// Rejected, not reduced: 64 does not divide evenly into 62.
			if b &= 63; b < byte(len(alphabet)) && len(text) < end {
				text = append(text, alphabet[b])
			}
		}
	}
	return text
}

// Verdict is what can be said of a presented value without looking it up.
type Verdict uint8

// The verdicts. The zero value is the worst.
const (
	Malformed Verdict = iota // not 20..128 printable ASCII characters without spaces: never a key
	Typo                     // begins with our prefix but was not generated here: mistyped or cut off
	Plausible                // worth a look-up
)

// String is "malformed", "typo" or "plausible".
func (v Verdict) String() string {
	switch v {
	case Malformed:
		return "malformed"
	case Typo:
		return "typo"
	case Plausible:
		return "plausible"
	default:
		return fmt.Sprintf("Verdict(%d)", uint8(v))
	}
}

// Check judges a presented value without allocating. Its time tells of the value's form alone.
func Check(value string, p Prefix) Verdict {
	if len(value) < MinLength || len(value) > MaxLength {
		return Malformed
	}
	ours := strings.HasPrefix(value, p.String())
	if ours && len(value) == Length {
		// No look at each character: a right checksum says more, and this is the path of every good request.
		if sum := checksum(value[:Length-checkLength]); value[Length-checkLength:] == string(sum[:]) {
			return Plausible
		}
	}
	for i := range len(value) {
		if value[i] <= ' ' || value[i] > '~' {
			return Malformed
		}
	}
	if ours {
		return Typo
	}
	return Plausible
}

// CheckImport returns nil, or a Refusal if value cannot become a key. A value that begins with our prefix must have been generated
// here, or no request with it would ever reach the look-up.
func CheckImport(value string, p Prefix) error {
	switch Check(value, p) {
	case Plausible:
		return nil
	case Typo:
		return refuse("A key that begins with %s must be one that was made here; this one is mistyped or cut off.", p)
	default:
		return refuse("A key must be %d to %d printable ASCII characters without spaces.", MinLength, MaxLength)
	}
}

// checksum is the CRC-32 (IEEE) of text in base 62. It finds every change within 32 bits in a row, so every wrong character
// and every two neighbours exchanged.
func checksum(text string) (sum [checkLength]byte) {
	// The bytes of the text itself: a copy would go to the heap, the only allocation of a request's look-up.
	crc := crc32.ChecksumIEEE(unsafe.Slice(unsafe.StringData(text), len(text)))
	for i := checkLength - 1; i >= 0; i-- {
		sum[i] = alphabet[crc%uint32(len(alphabet))]
		crc /= uint32(len(alphabet))
	}
	return sum
}
