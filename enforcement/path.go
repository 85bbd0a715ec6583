package enforcement

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// canonicalPath returns the one form of a request's path that is routed, limited, metered and forwarded (DECISIONS 30), or says in
// words what makes the path ambiguous.
//
// Unreserved characters are written plainly, all others that a path may not hold as %XX in capitals. What servers read in different ways
// is refused: dot segments (also ones that only appear after a second decoding, or before or after a semicolon), empty segments,
// encoded slashes, backslashes, NUL, fragments, broken percent signs and bytes that are not UTF-8. A slash at the end stays.
// It does not allocate for a path that is canonical already.
func canonicalPath(raw string) (path, fault string) {
	if isSimple(raw) {
		return raw, ""
	}
	return canonicalForm(raw)
}

// canonicalForm is canonicalPath for any path.
func canonicalForm(raw string) (path, fault string) {
	if !strings.HasPrefix(raw, "/") {
		return "", "it does not begin with a slash"
	}
	path, fault = normalise(raw)
	if fault != "" {
		return "", fault
	}
	for rest := path[1:]; rest != ""; {
		segment, after, more := strings.Cut(rest, "/")
		if fault := segmentFault(segment); fault != "" {
			return "", fault
		}
		if more && after == "" {
			break
		}
		rest = after
	}
	return path, ""
}

// simpleBytes are those of which a path can be made in one way only, wherever they stand but for dots behind a slash.
var simpleBytes = func() (t [256]bool) {
	for c := byte(' ') + 1; c < 0x7f; c++ {
		t[c] = c != '%' && c != ';' && byteFault(c, false) == "" && (isUnreserved(c) || isPathByte(c))
	}
	return t
}()

// isSimple reports whether a path is canonical at first sight, as nearly all are: simple bytes alone, no empty segment, and none that begins with a dot.
func isSimple(raw string) bool {
	if raw == "" || raw[0] != '/' {
		return false
	}
	before := byte('a')
	for i := range len(raw) {
		c := raw[i]
		if !simpleBytes[c] || before == '/' && (c == '/' || c == '.') {
			return false
		}
		before = c
	}
	return true
}

const upperHex = "0123456789ABCDEF"

// normalise writes each byte of a path in its one form.
func normalise(raw string) (path, fault string) {
	var b []byte // nil as long as raw[:i] is as it must be
	for i := 0; i < len(raw); {
		c, width, encoded := raw[i], 1, false
		if c == '%' {
			value, ok := unhex(raw[i+1:])
			if !ok {
				return "", "it has a percent sign that is not followed by two hexadecimal digits"
			}
			c, width, encoded = value, 3, true
		}
		if fault := byteFault(c, encoded); fault != "" {
			return "", fault
		}
		plain := isUnreserved(c) || !encoded && isPathByte(c)
		asItIs := plain != encoded && !(encoded && (isLowerHex(raw[i+1]) || isLowerHex(raw[i+2])))
		if b == nil && !asItIs {
			b = append(make([]byte, 0, len(raw)+16), raw[:i]...)
		}
		switch {
		case b == nil:
		case plain:
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
		i += width
	}
	if b == nil {
		return raw, ""
	}
	return string(b), ""
}

// byteFault judges a byte that was written plainly or as %XX.
func byteFault(c byte, encoded bool) string {
	switch {
	case c == 0:
		return "it contains a NUL"
	case c == '\\':
		return "it contains a backslash"
	case c == '/' && encoded:
		return "it contains an encoded slash"
	case c == '#' && !encoded:
		return "it contains a fragment"
	case (c < ' ' || c == 0x7f) && !encoded:
		return "it contains a control character"
	default:
		return ""
	}
}

// segmentFault judges a segment of a normalised path.
func segmentFault(segment string) string {
	if segment == "" {
		return "it contains an empty segment"
	}
	if !strings.ContainsAny(segment, "%;") {
		if isDots(segment) {
			return "it contains a dot segment"
		}
		return ""
	}
	var space [128]byte
	decoded := appendDecoded(space[:0], segment)
	if !utf8.Valid(decoded) {
		return "it contains bytes that are not UTF-8"
	}
	twice := string(appendDecoded(nil, string(decoded)))
	if strings.HasPrefix(twice, ";") {
		return "it contains a segment that begins with a semicolon"
	}
	for _, piece := range strings.FieldsFunc(twice, isSeparator) {
		if isDots(strings.TrimFunc(piece, isBlank)) {
			return "it contains a dot segment"
		}
	}
	return ""
}

func isDots(s string) bool { return s == "." || s == ".." }

// isSeparator and isBlank are what some server or other takes for the end of a segment, and trims from one.
func isSeparator(r rune) bool { return r == '/' || r == '\\' || r == ';' }
func isBlank(r rune) bool     { return r <= ' ' }

// appendDecoded decodes each %XX; a percent sign without digits stands for itself.
func appendDecoded(to []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if c, ok := unhex(s[i+1:]); ok {
				to = append(to, c)
				i += 2
				continue
			}
		}
		to = append(to, s[i])
	}
	return to
}

// unhex reads two hexadecimal digits at the beginning of s.
func unhex(s string) (c byte, ok bool) {
	if len(s) < 2 {
		return 0, false
	}
	high, low := hexValue(s[0]), hexValue(s[1])
	return high<<4 | low, high < 16 && low < 16
}

func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	default:
		return 16
	}
}

func isLowerHex(c byte) bool { return c >= 'a' && c <= 'f' }

// isUnreserved is RFC 3986, 2.3.
func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// isPathByte is what may stand in a path beside unreserved characters: RFC 3986, 3.3.
func isPathByte(c byte) bool { return strings.IndexByte("/!$&'()*+,;=:@", c) >= 0 }

// rawTarget splits what the request line said into path and query, without net/url's reading of it: that forgets how some characters
// were written. A request made in process has no request line.
func rawTarget(r *http.Request) (path, query string) {
	target := r.RequestURI
	if target == "" {
		return r.URL.EscapedPath(), r.URL.RawQuery
	}
	if !strings.HasPrefix(target, "/") { // absolute form: http://host/path
		if _, rest, ok := strings.Cut(target, "://"); ok {
			target = rest[strings.IndexAny(rest+"/", "/?"):]
			if !strings.HasPrefix(target, "/") {
				target = "/" + target
			}
		}
	}
	path, query, _ = strings.Cut(target, "?")
	return path, query
}
