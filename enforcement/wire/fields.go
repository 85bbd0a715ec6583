package wire

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// This file is the one place that knows names of header fields by what they mean to the gateway. All names are in lower case.

// private are what clients cannot send to an upstream: fields that say who is calling from where, that would make a request another one than was
// judged, and that only concern the connection.
var private = map[string]bool{
	"x-api-key-id": true, "x-consumer-id": true, "x-request-id": true, "x-amzn-requestid": true,
	"forwarded": true, "x-real-ip": true, "true-client-ip": true, "x-client-ip": true, "x-cluster-client-ip": true,
	"cf-connecting-ip": true, "fastly-client-ip": true, "proxy": true, "http2-settings": true,
	"x-rewrite-url": true, "x-http-method-override": true, "x-http-method": true, "x-method-override": true,
}

// privatePrefixes begin the names of more such fields.
var privatePrefixes = [...]string{"x-forwarded", "x-original-", "x-envoy-", "x-gatehouse-", "x-authorizer-"}

// guarded are fields that clients may send, and that must be the same to whoever reads the request, since they say where it goes, where it ends, what it
// is and who sends it: no token of Connection takes them away, no underscore imitates them, no trailer adds them.
var guarded = map[string]bool{
	"host": true, "content-length": true, "content-type": true, "content-encoding": true, "transfer-encoding": true, "authorization": true, "cookie": true,
	"x-api-key": true,
}

// lasting are fields besides that go from end to end, and in the head: no token of Connection takes them away (RFC 9110, 7.6.1), no trailer adds them.
var lasting = map[string]bool{
	"content-range": true, "expect": true, "origin": true, "range": true, "cache-control": true, "via": true, "date": true, "user-agent": true, "accept": true,
}

// untrailed are fields besides that say how a message is framed, sent on or taken, and cannot come behind it: RFC 9110, 6.5.1.
var untrailed = map[string]bool{
	"connection": true, "trailer": true, "te": true, "upgrade": true, "keep-alive": true, "proxy-connection": true, "proxy-authorization": true,
	"proxy-authenticate": true, "www-authenticate": true, "set-cookie": true, "max-forwards": true, "pragma": true, "age": true, "expires": true,
	"location": true, "retry-after": true, "vary": true, "warning": true, "if-match": true, "if-none-match": true, "if-modified-since": true,
	"if-unmodified-since": true, "if-range": true,
}

// mostName is how much of a name decides what a field means: longer names are not in any list, and begin as the prefixes do or not.
const mostName = 40

// Private returns the names of the fields that clients cannot send to an upstream, and what the names of more such fields begin with.
func Private() (names, prefixes []string) {
	return slices.Sorted(maps.Keys(private)), slices.Clone(privatePrefixes[:])
}

// IsPrivate reports whether clients cannot send a field to an upstream. The name is in lower case, with hyphens for underscores.
func IsPrivate(folded string) bool {
	if private[folded] {
		return true
	}
	for _, prefix := range privatePrefixes {
		if strings.HasPrefix(folded, prefix) {
			return true
		}
	}
	return false
}

// isProtected reports whether nobody may remove or imitate a field; the name is folded.
func isProtected(folded []byte) bool { return guarded[string(folded)] || isPrivateBytes(folded) }

func isPrivateBytes(folded []byte) bool {
	if private[string(folded)] {
		return true
	}
	for _, prefix := range privatePrefixes {
		if len(folded) >= len(prefix) && string(folded[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// isRemovable reports whether a token of Connection may name a field. HTTP2-Settings comes with requests to upgrade to HTTP/2, which are ignored.
func isRemovable(token []byte) bool {
	folded := foldInto(make([]byte, 0, mostName), token)
	return string(folded) == "http2-settings" || !isProtected(folded) && !lasting[string(folded)]
}

// MayTrail reports whether a field may stand behind a body: it does not say how a message is framed, sent on or taken.
func MayTrail(name string) bool {
	return mayTrail(foldInto(make([]byte, 0, mostName), []byte(name)))
}

func mayTrail(folded []byte) bool {
	return !isProtected(folded) && !lasting[string(folded)] && !untrailed[string(folded)]
}

// foldInto appends at most mostName bytes of a name in lower case with hyphens for underscores: many upstreams (CGI, WSGI, PHP) cannot tell them apart.
func foldInto(to, name []byte) []byte {
	for _, c := range name[:min(len(name), mostName)] {
		if c == '_' {
			c = '-'
		} else if l := lowerToken[c]; l != 0 {
			c = l
		}
		to = append(to, c)
	}
	return to
}

// single are the fields of which a request has no more than one. A second key is refused too, by the gateway, which knows where an API reads it.
var single = [...]string{"Host", "Content-Length", "Content-Type", "Expect"}

// FieldsFault says in words what is wrong with the header fields of a request that no Judge has seen, because it came by HTTP/2; "": nothing. Names and
// values are valid already. It does not allocate unless a name has an underscore.
func FieldsFault(h map[string][]string) string {
	for _, name := range single {
		if len(h[name]) > 1 {
			return faultRepeated
		}
	}
	for name := range h {
		if strings.IndexByte(name, '_') >= 0 && isProtected(foldInto(make([]byte, 0, mostName), []byte(name))) {
			return faultAlias
		}
	}
	return ""
}

const (
	faultRepeated = "has a header twice that a request can have once"
	faultAlias    = "has a header that imitates one of the gateway's or of HTTP's own with underscores"
)

// lowerToken is, for each byte that a token may have (RFC 9110, 5.6.2), the byte in lower case; 0 for all others.
var lowerToken = func() (t [256]byte) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
		t[c] = c
		if c >= 'a' && c <= 'z' {
			t[c-'a'+'A'] = c
		}
	}
	return t
}()

// IsToken reports whether s is a token (RFC 9110, 5.6.2), such as the name of a header.
func IsToken[S string | []byte](s S) bool {
	for i := range len(s) {
		if lowerToken[s[i]] == 0 {
			return false
		}
	}
	return len(s) > 0
}

// IsTokenByte reports whether a token may have a byte.
func IsTokenByte(c byte) bool { return lowerToken[c] != 0 }

// IsFieldValue reports whether a header's value may be s: it has no control characters but tabs.
func IsFieldValue(s []byte) bool { return badFieldByte(s) < 0 }

// isFieldByte reports whether a value may have a byte: RFC 9110, 5.5.
func isFieldByte(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }

// badFieldByte returns where the first byte is that a value cannot have, or -1. Eight at a time are looked at: with high bits of bytes that are control
// characters set (Hacker's Delight, 6-1), a tab among them, which is why one of eight then decides.
func badFieldByte(s []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := binary.LittleEndian.Uint64(s[i:])
		del := x ^ ones*0x7f
		if ((x-ones*0x20)&^x|(del-ones)&^del)&highs == 0 {
			continue
		}
		for k, c := range s[i : i+8] {
			if !isFieldByte(c) {
				return i + k
			}
		}
	}
	for ; i < len(s); i++ {
		if !isFieldByte(s[i]) {
			return i
		}
	}
	return -1
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// trim takes optional whitespace off both ends, and says how much at the beginning.
func trim(s []byte) (inner []byte, before int) {
	for before < len(s) && isBlank(s[before]) {
		before++
	}
	end := len(s)
	for end > before && isBlank(s[end-1]) {
		end--
	}
	return s[before:end], before
}

// nextItem cuts the first item off a list; empty ones are skipped (RFC 9110, 5.6.1). It returns nil, nil at the end.
func nextItem(list []byte) (item, rest []byte) {
	for len(list) > 0 {
		end := 0
		for end < len(list) && list[end] != ',' {
			end++
		}
		item, _ = trim(list[:end])
		list = list[min(end+1, len(list)):]
		if len(item) > 0 {
			return item, list
		}
	}
	return nil, nil
}

// equalFold compares with a text in lower case.
func equalFold(s []byte, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i, c := range s {
		if lowerASCII(c) != lower[i] {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
