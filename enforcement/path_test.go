package enforcement

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPathsHaveOneForm(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"plain", "/a/b/c", "/a/b/c"},
		{"root", "/", "/"},
		{"slash at the end stays", "/a/", "/a/"},
		{"unreserved characters are decoded", "/%61%2D%2e%5F%7e1", "/a-._~1"},
		{"hexadecimal digits are capitals", "/%c3%a9/%3a", "/%C3%A9/%3A"},
		{"encoded reserved characters stay encoded", "/%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40", "/%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40"},
		{"plain reserved characters stay plain", "/!$&'()*+,;=:@", "/!$&'()*+,;=:@"},
		{"what a path may not hold is encoded", "/{a}|\"<b>^`[c]é", "/%7Ba%7D%7C%22%3Cb%3E%5E%60%5Bc%5D%C3%A9"},
		{"dots within a segment", "/...a/.well-known/a..b/....", "/...a/.well-known/a..b/...."},
		{"parameters of segments", "/a;v=1/b;c", "/a;v=1/b;c"},
		{"an encoded percent sign", "/100%25/%2525", "/100%25/%2525"},
		{"an encoded question mark", "/a%3Fb", "/a%3Fb"},
		{"an encoded number sign", "/a%23b", "/a%23b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, fault := canonicalPath(tt.raw)
			if got != tt.want || fault != "" {
				t.Errorf("canonicalPath(%q) = %q, %q, want %q", tt.raw, got, fault, tt.want)
			}
		})
	}
}

// The shapes behind most advisories on gateways: one server reads another path than the other (SECURITY.md, GW-17 to GW-21).
func TestAmbiguousPathsAreRefused(t *testing.T) {
	dots := []string{
		".", "..", "%2e", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e", "%252e%252e", "%252E.", ".%252e", "..%20", "%20..", "..%09", "..%0d%0a",
		"..;", "..;a=b", ";..", "a;..", "..%3b", "%2e%2e;", "%252e%252e;", "..%253b", "a;.", "..%252f", "%252e%252e%252fx", "..%255c", "x%252f..", "x%252f..%252fy",
		"%252e%252e%255c",
	}
	separators := []string{"%2f", "%2F", "a%2fb", "..%2f", "%5c", "%5C", "\\", "..\\", "a%5cb", "..%5c", "%2e%2e%2f"}
	bytes := []string{"%00", "a%00", "..%00", "\x00", "a\x01", "\x7f", "%", "%2", "%zz", "%u002e", "%c0%ae", "%c0%af", "%e0%80%af", "%c1%9c", "%ff", "a#b", "#", "%f0%80%80%af"}
	empty := []string{";", ";a", "%3b", "%3Ba", "%253b"}
	var all []string
	for _, list := range [][]string{dots, separators, bytes, empty} {
		all = append(all, list...)
	}
	n := 0
	for _, bad := range all {
		for _, around := range []string{"/X", "/X/", "/open/X/secret", "/open/secret/X", "/X/echo/prod", "/echo/prod/X", "/echo/prod/X/", "/a/%7e/X/b"} {
			raw := strings.Replace(around, "X", bad, 1)
			if got, fault := canonicalPath(raw); fault == "" {
				t.Errorf("canonicalPath(%q) = %q, want it refused", raw, got)
			}
			n++
		}
	}
	for _, raw := range []string{"", "a", "*", "//", "//a", "/a//", "/a//b", "///", "/echo//prod", "http://x/a"} {
		if got, fault := canonicalPath(raw); fault == "" {
			t.Errorf("canonicalPath(%q) = %q, want it refused", raw, got)
		}
	}
	t.Logf("%d ambiguous paths", n)
}

func TestACanonicalPathCostsNothing(t *testing.T) {
	if got := testing.AllocsPerRun(100, func() { canonicalPath("/echo/prod/users/7/orders/2026-01-01") }); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// checkPath is the property: what is accepted is read alike by everybody, and canonicalising again changes nothing.
func checkPath(t rapid.TB, raw string) {
	got, fault := canonicalPath(raw)
	if form, reason := canonicalForm(raw); form != got || reason != fault {
		t.Fatalf("canonicalPath(%q) = %q, %q at first sight, and %q, %q", raw, got, fault, form, reason)
	}
	if fault != "" {
		return
	}
	if again, fault := canonicalPath(got); again != got || fault != "" {
		t.Fatalf("canonicalPath(%q) = %q, and of that %q, %q", raw, got, again, fault)
	}
	before, err := url.PathUnescape(raw)
	if err != nil {
		t.Fatalf("canonicalPath(%q) accepts a broken escape", raw)
	}
	after, err := url.PathUnescape(got)
	if err != nil || after != before {
		t.Fatalf("canonicalPath(%q) = %q means %q, want %q", raw, got, after, before)
	}
	for _, read := range []string{after, strings.ReplaceAll(after, "\\", "/"), got} {
		if clean := path.Clean(read); clean != read && clean+"/" != read {
			t.Fatalf("canonicalPath(%q) = %q is read as %q by who cleans paths", raw, got, clean)
		}
	}
	if u := new(url.URL); true {
		if u.Path, u.RawPath = after, got; u.RequestURI() != got {
			t.Fatalf("%q is forwarded as %q", got, u.RequestURI())
		}
	}
	if u, err := url.ParseRequestURI(got); err != nil || u.EscapedPath() != got || u.RawQuery != "" {
		t.Fatalf("%q is parsed as %v, %v", got, u, err)
	}
	if strings.Count(got, "/") != strings.Count(after, "/") {
		t.Fatalf("canonicalPath(%q) = %q hides a slash", raw, got)
	}
}

// pathParts are what ambiguous paths are made of.
var pathParts = []string{
	"/", "/", "/", "a", "b", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", ";", "%3b", "%25", "25", "2e", "%", "é", "%c3", "%a9", "%C0%AF", " ", "%20", "~", "%7E", "#", "{", ":",
	"%00", "\t",
}

func TestWhatIsLimitedIsWhatIsForwarded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkPath(t, "/"+strings.Join(rapid.SliceOf(rapid.SampledFrom(pathParts)).Draw(t, "parts"), ""))
	})
}

func FuzzCanonicalPath(f *testing.F) {
	for _, s := range []string{"/a/b", "/%2e%2e/", "/%252e", "/a;b/..;/", "/é/%C3%A9", "//", "/a%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.ContainsAny(raw, "? ") {
			t.Skip("a request line ends there")
		}
		checkPath(t, raw)
	})
}

func TestTheTargetIsReadAsTheClientWroteIt(t *testing.T) {
	tests := []struct{ target, path, query string }{
		{"/a%2fb?x=1&y=%zz", "/a%2fb", "x=1&y=%zz"},
		{"/a{?b?c", "/a{", "b?c"},
		{"//a/b", "//a/b", ""},
		{"http://h:1/a%2Fb?q", "/a%2Fb", "q"},
		{"http://h", "/", ""},
		{"http://h?q=/", "/", "q=/"},
		{"*", "*", ""},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			path, query := rawTarget(&http.Request{RequestURI: tt.target})
			if path != tt.path || query != tt.query {
				t.Errorf("rawTarget(%q) = %q, %q, want %q, %q", tt.target, path, query, tt.path, tt.query)
			}
		})
	}
	u := &url.URL{Path: "/a b", RawQuery: "q"}
	if path, query := rawTarget(&http.Request{URL: u}); path != "/a%20b" || query != "q" {
		t.Errorf("in process: %q, %q", path, query)
	}
}
