package wire

import (
	"maps"
	"slices"
)

// Names are names of header fields with what each means; case does not matter. They stand in a table by length, first and last letter: most names that come are
// none of them, and meet an empty place.
type Names[V any] struct {
	table [tableSize]uint8 // 1 + an index into names; 0: empty
	names []string
	means []V
}

const (
	longestName = 48 // that Names can have
	tableSize   = 256
)

// NamesOf returns a set of names in lower case, which have a value each that is not zero: at most 100 of them.
func NamesOf[V any](all map[string]V) *Names[V] {
	n := &Names[V]{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := placeOf(name[0], name[len(name)-1], len(name))
		for n.table[at] != 0 {
			at++
		}
		n.names, n.means = append(n.names, name), append(n.means, all[name])
		n.table[at] = uint8(len(n.names))
	}
	return n
}

// placeOf is where a name is looked for first. The factors spread the names of header fields; a collision costs a comparison.
func placeOf(first, last byte, length int) uint8 {
	return (first|0x20)*7 + (last|0x20)*29 + uint8(length)*53
}

// Of returns the value of a name; zero: it has none. It does not allocate.
func (n *Names[V]) Of(name []byte) (v V) {
	if len(name) == 0 || len(name) > longestName {
		return v
	}
	for at := placeOf(name[0], name[len(name)-1], len(name)); n.table[at] != 0; at++ {
		if i := n.table[at] - 1; isLowerOf(n.names[i], name) {
			return n.means[i]
		}
	}
	return v
}

// isLowerOf reports whether lower is a name in lower case.
func isLowerOf(lower string, name []byte) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c != lower[i] && (c < 'A' || c > 'Z' || c|0x20 != lower[i]) {
			return false
		}
	}
	return true
}

// privateStarts are the first two letters of all private names.
var privateStarts = func() (t [32]uint32) {
	note := func(name string) { t[name[0]&31] |= 1 << (name[1] & 31) }
	for name := range private {
		note(name)
	}
	for _, prefix := range privatePrefixes {
		note(prefix)
	}
	return t
}()

// IsPrivateField is IsPrivate for a name as a client wrote it. It does not allocate.
func IsPrivateField(name []byte) bool {
	if len(name) < 2 {
		return false
	}
	second := name[1]
	if second == '_' {
		second = '-'
	}
	if privateStarts[name[0]&31]&(1<<(second&31)) == 0 {
		return false
	}
	return isPrivateBytes(foldInto(make([]byte, 0, mostName), name))
}

// IsFold reports whether a name is another one, whatever the case of their letters.
func IsFold[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

// AppendField appends a line of a head: a name that is a token, and a value that IsFieldValue. It copies once, and grows to at most once.
func AppendField[text string | []byte](to []byte, name, value text) []byte {
	at, size := len(to), len(name)+len(value)+len(": \r\n")
	if cap(to)-at < size {
		to = slices.Grow(to, size)
	}
	to = to[:at+size]
	at += copy(to[at:], name)
	to[at], to[at+1] = ':', ' '
	at += 2 + copy(to[at+2:], value)
	to[at], to[at+1] = '\r', '\n'
	return to
}

// NextItem cuts the first item off a list such as a Connection field has, without whitespace around it; nil, nil: there is none left.
func NextItem(list []byte) (item, rest []byte) { return nextItem(list) }

// OnlyPersists reports whether a Connection field names no field, but only says whether the connection goes on.
func OnlyPersists(connection []byte) bool {
	if string(connection) == "keep-alive" || string(connection) == "close" {
		return true
	}
	for item, rest := nextItem(connection); item != nil; item, rest = nextItem(rest) {
		if !equalFold(item, "close") && !equalFold(item, "keep-alive") {
			return false
		}
	}
	return true
}
