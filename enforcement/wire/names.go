package wire

// Names are names of header fields with what each means; case does not matter. Most names that come are none of them: that is seen by length and first letter.
type Names[V any] struct {
	first [longestName + 1]uint32 // by length: the set of first letters
	all   map[string]V
}

// longestName is the longest that Names can have.
const longestName = 48

// NamesOf returns a set of names in lower case, which have a value each that is not zero.
func NamesOf[V any](all map[string]V) *Names[V] {
	n := &Names[V]{all: all}
	for name := range all {
		n.first[len(name)] |= 1 << (name[0] & 31)
	}
	return n
}

// Of returns the value of a name; zero: it has none. It does not allocate.
func (n *Names[V]) Of(name []byte) (v V) {
	if len(name) == 0 || len(name) > longestName || n.first[len(name)]&(1<<(name[0]&31)) == 0 {
		return v
	}
	var room [longestName]byte
	for i, c := range name {
		room[i] = lowerASCII(c)
	}
	return n.all[string(room[:len(name)])]
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

// NextItem cuts the first item off a list such as a Connection field has, without whitespace around it; nil, nil: there is none left.
func NextItem(list []byte) (item, rest []byte) { return nextItem(list) }

// OnlyPersists reports whether a Connection field names no field, but only says whether the connection goes on.
func OnlyPersists(connection []byte) bool {
	for item, rest := nextItem(connection); item != nil; item, rest = nextItem(rest) {
		if !equalFold(item, "close") && !equalFold(item, "keep-alive") {
			return false
		}
	}
	return true
}
