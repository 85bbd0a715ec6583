package wire

import "net/netip"

// form is how a request's target is written: RFC 9112, 3.2.
type form uint8

const (
	formOrigin    form = iota // /path?query
	formAbsolute              // http://host/path
	formAuthority             // host:port, of CONNECT
	formAsterisk              // *, of OPTIONS
)

// TargetFault says in words what is wrong with a request's target that no Judge has seen, because it came by HTTP/2; "": nothing.
func TargetFault(target string) string { return graphicFault(target) }

// graphicFault judges the bytes of a target. Bytes that are not ASCII pass: the path is made canonical later, and no reader takes them for an end.
func graphicFault[T string | []byte](target T) string {
	for i := range len(target) {
		switch c := target[i]; {
		case c == ' ':
			return "has a space in its target"
		case c < ' ' || c == 0x7f:
			return "has a control character in its target"
		case c == '#':
			return "has a fragment in its target"
		}
	}
	return ""
}

// targetOf judges a target and tells its form and, of one in absolute form, where its authority stands.
func targetOf(method, target []byte) (f form, authority Span, fault string) {
	if fault := graphicFault(target); fault != "" {
		return 0, Span{}, fault
	}
	switch {
	case string(method) == "CONNECT" && target[0] != '/':
		if host, port, ok := splitHost(target); !ok || len(host) == 0 || len(port) == 0 {
			return 0, Span{}, "asks for a tunnel to what is no host and port"
		}
		return formAuthority, Span{}, ""
	case target[0] == '/':
		return formOrigin, Span{}, percentFault(target)
	case len(target) == 1 && target[0] == '*':
		if string(method) != "OPTIONS" {
			return 0, Span{}, "has the target * with another verb than OPTIONS"
		}
		return formAsterisk, Span{}, ""
	}
	start := 0
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(target) > len(scheme) && equalFold(target[:len(scheme)], scheme) {
			start = len(scheme)
		}
	}
	if start == 0 {
		return 0, Span{}, "has a target that is neither a path nor an address"
	}
	end := start
	for end < len(target) && target[end] != '/' && target[end] != '?' {
		end++
	}
	if !isHost(target[start:end]) {
		return 0, Span{}, "has a target whose host is none"
	}
	return formAbsolute, Span{uint16(start), uint16(end)}, percentFault(target[end:])
}

// percentFault finds percent signs in a path that are not followed by two hexadecimal digits. The query is whoever reads it to judge.
func percentFault(path []byte) string {
	for i := 0; i < len(path) && path[i] != '?'; i++ {
		if path[i] == '%' && (i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2])) {
			return "has a percent sign in its path that is not followed by two hexadecimal digits"
		}
	}
	return ""
}

func isHex(c byte) bool { return hexValue(c) < 16 }

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

// HostFault says in words what is wrong with a host, such as the :authority of HTTP/2; "": nothing.
func HostFault(host string) string {
	if !isHost([]byte(host)) {
		return faultHost
	}
	return ""
}

const faultHost = "has a Host that is no name or address with or without a port"

// isHost reports whether a value is a name or an address, with or without a port. RFC 3986 would allow more, that no name has: sub-delimiters, which are
// separators elsewhere, user names, and percent signs.
func isHost(s []byte) bool {
	host, _, ok := splitHost(s)
	return ok && len(host) > 0
}

func splitHost(s []byte) (host, port []byte, ok bool) {
	end := 0
	if len(s) > 0 && s[0] == '[' {
		for end < len(s) && s[end] != ']' {
			end++
		}
		if end == len(s) || !isIPv6(s[1:end]) {
			return nil, nil, false
		}
		end++
	} else {
		for end < len(s) && isNameByte(s[end]) {
			end++
		}
	}
	host = s[:end]
	if end == len(s) {
		return host, nil, true
	}
	port = s[end+1:]
	return host, port, s[end] == ':' && isPort(port)
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// isIPv6 allocates; few clients name a host so.
func isIPv6(s []byte) bool {
	if len(s) > len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255") {
		return false
	}
	a, err := netip.ParseAddr(string(s))
	return err == nil && a.Is6() && a.Zone() == ""
}

func isPort(s []byte) bool {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
		if n > 65535 {
			return false
		}
	}
	return len(s) > 0
}
