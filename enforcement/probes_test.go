package enforcement_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// probe is what a client sends, and how that must end: the statuses of the answers, and whether the connection serves another request behind them. P in it is
// the path of a method that needs no key, H the line that names the host.
type probe struct{ name, send, want string }

const (
	p1    = "GET P HTTP/1.1\r\nH\r\n"
	post1 = "POST P HTTP/1.1\r\nH\r\n"
	te    = post1 + "Transfer-Encoding: chunked\r\n\r\n"
	next  = "GET P HTTP/1.1\r\nH\r\n\r\n"
)

// probes are written from RFC 9110 and 9112; what they leave to the server is decided as docs/gateway.md says.
var probes = []probe{
	// Request line: RFC 9112, 2.2 and 3.
	{"a plain request", next, "200 open"},
	{"an empty line before it", "\r\n" + next, "200 open"},
	{"two empty lines before it", "\r\n\r\n" + next, "400 close"},
	{"LF before it", "\n" + next, "400 close"},
	{"CR before it", "\r" + next, "400 close"},
	{"a space before it", " " + next, "400 close"},
	{"a tab before it", "\t" + next, "400 close"},
	{"a NUL before it", "\x00" + next, "400 close"},
	{"LF at its end", "GET P HTTP/1.1\nH\r\n\r\n", "400 close"},
	{"CR at its end", "GET P HTTP/1.1\rH\r\n\r\n", "400 close"},
	{"CR CR LF at its end", "GET P HTTP/1.1\r\r\nH\r\n\r\n", "400 close"},
	{"a space at its end", "GET P HTTP/1.1 \r\nH\r\n\r\n", "400 close"},
	{"two spaces behind the verb", "GET  P HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"two spaces before the version", "GET P  HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a tab behind the verb", "GET\tP HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a tab before the version", "GET P\tHTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"no target", "GET HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"an empty target", "GET  HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"no version", "GET P\r\nH\r\n\r\n", "400 close"},
	{"HTTP/0.9", "GET P\r\n", "400 close"},
	{"version 0.9", "GET P HTTP/0.9\r\nH\r\n\r\n", "505 close"},
	{"version 1.2", "GET P HTTP/1.2\r\nH\r\n\r\n", "505 close"},
	{"version 2.0", "GET P HTTP/2.0\r\nH\r\n\r\n", "505 close"},
	{"version 9.9", "GET P HTTP/9.9\r\nH\r\n\r\n", "505 close"},
	{"half of the preface of HTTP/2", "PRI * HTTP/2.0\r\nH\r\n\r\n", "505 close"},
	{"version in lower case", "GET P http/1.1\r\nH\r\n\r\n", "400 close"},
	{"version with two digits", "GET P HTTP/1.10\r\nH\r\n\r\n", "400 close"},
	{"version with a zero", "GET P HTTP/01.1\r\nH\r\n\r\n", "400 close"},
	{"version without a minor", "GET P HTTP/1\r\nH\r\n\r\n", "400 close"},
	{"version with a space", "GET P HTTP/ 1.1\r\nH\r\n\r\n", "400 close"},
	{"version with a comma", "GET P HTTP/1,1\r\nH\r\n\r\n", "400 close"},
	{"another protocol", "GET P ICY/1.1\r\nH\r\n\r\n", "400 close"},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400 close"},
	{"binary", "\x80\xff\xfe", "400 close"},
	{"a verb in lower case", "get P HTTP/1.1\r\nH\r\n\r\n", "501 open"},
	{"a verb with a hyphen", "M-SEARCH P HTTP/1.1\r\nH\r\n\r\n", "501 open"},
	{"an unknown verb", "FROB P HTTP/1.1\r\nH\r\n\r\n", "200 open"},
	{"a verb with a colon", "GE:T P HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a verb with a slash", "GE/T P HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a verb with a NUL", "GE\x00T P HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a verb with a high byte", "G\xc9T P HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a very long verb", strings.Repeat("A", 9000) + " P HTTP/1.1\r\nH\r\n\r\n", "501 close"},
	{"TRACE", "TRACE P HTTP/1.1\r\nH\r\n\r\n", "501 open"},
	{"CONNECT to a host", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "501 open"},
	{"CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "400 close"},
	{"CONNECT to a path", "CONNECT P HTTP/1.1\r\nH\r\n\r\n", "501 open"},
	{"CONNECT with bytes of a tunnel", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\x16\x03\x01", "501,400 close"},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nH\r\n\r\n", "400 open"},
	{"GET *", "GET * HTTP/1.1\r\nH\r\n\r\n", "400 close"},

	// Target: RFC 9112, 3.2.
	{"a fragment", "GET P#x HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a fragment in the query", "GET P?a#x HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"no slash", "GET a/b HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a backslash", "GET \\a HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"authority form", "GET a:80 HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a NUL in it", "GET P\x00 HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"an escape character in it", "GET P\x1b HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"DEL in it", "GET P\x7f HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a broken percent sign", "GET P%zz HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"half a percent escape", "GET P%2 HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a percent sign in the query", "GET P?%zz HTTP/1.1\r\nH\r\n\r\n", "200 open"},
	{"bytes that are not ASCII", "GET P?\xc3\xa4 HTTP/1.1\r\nH\r\n\r\n", "200 open"},
	{"an encoded CR LF", "GET P%0d%0aX:%20y HTTP/1.1\r\nH\r\n\r\n", "200 open"},
	{"dot segments", "GET P/../../x HTTP/1.1\r\nH\r\n\r\n", "400 open"},
	{"absolute form", "GET http://a.exampleP HTTP/1.1\r\nH\r\n\r\n", "200 open"},
	{"absolute form in capitals", "GET HTTP://A.EXAMPLEP HTTP/1.1\r\nH\r\n\r\n", "200 open"},
	{"absolute form of https", "GET https://a.exampleP HTTP/1.1\r\nH\r\n\r\n", "200 open"},
	{"absolute form of another host", "GET http://b.exampleP HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"absolute form of another port", "GET http://a.example:81P HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"absolute form with a user", "GET http://u:p@a.exampleP HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"absolute form without a host", "GET http://P HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"absolute form without Host", "GET http://a.exampleP HTTP/1.1\r\n\r\n", "400 close"},
	{"another scheme", "GET ftp://a.exampleP HTTP/1.1\r\nH\r\n\r\n", "400 close"},
	{"a target of 8 KiB", "GET P?" + strings.Repeat("x", 8<<10-len(openPath)-1) + " HTTP/1.1\r\nH\r\n\r\n", "200 open"},
	{"a target of a byte more", "GET P?" + strings.Repeat("x", 8<<10-len(openPath)) + " HTTP/1.1\r\nH\r\n\r\n", "414 close"},
	{"a target of 100 KiB", "GET P?" + strings.Repeat("x", 100<<10) + " HTTP/1.1\r\nH\r\n\r\n", "414 close"},

	// Header fields: RFC 9110, 5 and RFC 9112, 5.
	{"no space behind the colon", "GET P HTTP/1.1\r\nHost:a.example\r\n\r\n", "200 open"},
	{"much whitespace around a value", p1 + "A: \t b \t \r\n\r\n", "200 open"},
	{"an empty value", p1 + "A:\r\n\r\n", "200 open"},
	{"a value with high bytes", p1 + "A: \xe4\xff\r\n\r\n", "200 open"},
	{"a tab in a value", p1 + "A: b\tc\r\n\r\n", "200 open"},
	{"every character of a token in a name", p1 + "!#$%&'*+-.^`|~09azAZ: b\r\n\r\n", "200 open"},
	{"a space before the colon", p1 + "A : b\r\n\r\n", "400 close"},
	{"a tab before the colon", p1 + "A\t: b\r\n\r\n", "400 close"},
	{"a space before a name", "GET P HTTP/1.1\r\n Host: a\r\nH\r\n\r\n", "400 close"},
	{"a folded line", p1 + "A: b\r\n c\r\n\r\n", "400 close"},
	{"a line folded by a tab", p1 + "A: b\r\n\tc\r\n\r\n", "400 close"},
	{"a folded line of blanks", p1 + "A: b\r\n \r\n\r\n", "400 close"},
	{"no colon", p1 + "A\r\n\r\n", "400 close"},
	{"no name", p1 + ": b\r\n\r\n", "400 close"},
	{"a name with a space", p1 + "A B: c\r\n\r\n", "400 close"},
	{"a name with a slash", p1 + "A/B: c\r\n\r\n", "400 close"},
	{"a name with a parenthesis", p1 + "A(B): c\r\n\r\n", "400 close"},
	{"a name with a quote", p1 + "\"A\": c\r\n\r\n", "400 close"},
	{"a name with an at sign", p1 + "A@B: c\r\n\r\n", "400 close"},
	{"a name with a NUL", p1 + "A\x00: c\r\n\r\n", "400 close"},
	{"a name with a high byte", p1 + "A\xff: c\r\n\r\n", "400 close"},
	{"a NUL in a value", p1 + "A: b\x00c\r\n\r\n", "400 close"},
	{"an escape character in a value", p1 + "A: b\x1bc\r\n\r\n", "400 close"},
	{"DEL in a value", p1 + "A: b\x7f\r\n\r\n", "400 close"},
	{"CR in a value", p1 + "A: b\rc\r\n\r\n", "400 close"},
	{"CR CR LF behind a value", p1 + "A: b\r\r\n\r\n", "400 close"},
	{"LF behind a value", p1 + "A: b\n\r\n", "400 close"},
	{"LF for the empty line", p1 + "A: b\r\n\n", "400 close"},
	{"CR for the empty line", p1 + "A: b\r\n\rX", "400 close"},
	{"LF alone everywhere", "GET P HTTP/1.1\nHost: a.example\n\n", "400 close"},
	{"128 fields", p1 + strings.Repeat("A: b\r\n", 127) + "\r\n", "200 open"},
	{"129 fields", p1 + strings.Repeat("A: b\r\n", 128) + "\r\n", "431 close"},
	{"10,000 fields", p1 + strings.Repeat("A: b\r\n", 10000) + "\r\n", "431 close"},
	{"a field of 40 KiB", p1 + "A: " + strings.Repeat("b", 40<<10) + "\r\n\r\n", "431 close"},
	{"a name of 40 KiB", p1 + strings.Repeat("b", 40<<10) + ": c\r\n\r\n", "431 close"},
	{"two Content-Types", post1 + "Content-Type: a/b\r\ncontent-type: c/d\r\nContent-Length: 0\r\n\r\n", "400 close"},
	{"two Accepts", p1 + "Accept: a/b\r\nAccept: c/d\r\n\r\n", "200 open"},
	{"Expect: 100-continue", post1 + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", "100,200 open"},
	{"Expect without a body", p1 + "Expect: 100-continue\r\n\r\n", "200 open"},
	{"an empty expectation", p1 + "Expect: \r\n\r\n", "200 open"},
	{"an empty expectation with a body", post1 + "Expect:\r\nContent-Length: 2\r\n\r\nhi", "200 open"},
	{"another expectation", p1 + "Expect: the-best\r\n\r\n", "417 close"},
	{"two expectations", p1 + "Expect: 100-continue, x\r\n\r\n", "417 close"},
	{"Upgrade: h2c", p1 + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "200 open"},
	{"Upgrade that Connection does not name", p1 + "Upgrade: websocket\r\n\r\n", "200 open"},

	// Host: RFC 9112, 3.2.
	{"no Host", "GET P HTTP/1.1\r\n\r\n", "400 close"},
	{"no Host in HTTP/1.0", "GET P HTTP/1.0\r\n\r\n", "200 close"},
	{"an empty Host", "GET P HTTP/1.1\r\nHost:\r\n\r\n", "400 close"},
	{"two Hosts", p1 + "Host: b\r\n\r\n", "400 close"},
	{"two equal Hosts", p1 + "H\r\n\r\n", "400 close"},
	{"two Hosts in HTTP/1.0", "GET P HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400 close"},
	{"a list of Hosts", "GET P HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 close"},
	{"a Host with a path", "GET P HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 close"},
	{"a Host with a user", "GET P HTTP/1.1\r\nHost: u@a\r\n\r\n", "400 close"},
	{"a Host with a scheme", "GET P HTTP/1.1\r\nHost: http://a\r\n\r\n", "400 close"},
	{"a Host with a space", "GET P HTTP/1.1\r\nHost: a b\r\n\r\n", "400 close"},
	{"a Host with a percent sign", "GET P HTTP/1.1\r\nHost: a%00\r\n\r\n", "400 close"},
	{"a Host with a question mark", "GET P HTTP/1.1\r\nHost: a?b\r\n\r\n", "400 close"},
	{"a Host with a port", "GET P HTTP/1.1\r\nHost: a:8080\r\n\r\n", "200 open"},
	{"a Host with an empty port", "GET P HTTP/1.1\r\nHost: a:\r\n\r\n", "400 close"},
	{"a Host with a port that is no number", "GET P HTTP/1.1\r\nHost: a:b\r\n\r\n", "400 close"},
	{"a Host with a port that is too large", "GET P HTTP/1.1\r\nHost: a:65536\r\n\r\n", "400 close"},
	{"a Host with two ports", "GET P HTTP/1.1\r\nHost: a:1:2\r\n\r\n", "400 close"},
	{"an address of IPv4", "GET P HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", "200 open"},
	{"an address of IPv6", "GET P HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "200 open"},
	{"an address that is none", "GET P HTTP/1.1\r\nHost: [::1\r\n\r\n", "400 close"},
	{"an address with letters", "GET P HTTP/1.1\r\nHost: [g::1]\r\n\r\n", "400 close"},

	// Content-Length: RFC 9110, 8.6 and RFC 9112, 6.3.
	{"a length", post1 + "Content-Length: 2\r\n\r\nhi", "200 open"},
	{"a length of 0", post1 + "Content-Length: 0\r\n\r\n", "200 open"},
	{"a length of GET", p1 + "Content-Length: 2\r\n\r\nhi", "200 open"},
	{"a POST without a length", post1 + "\r\n", "200 open"},
	{"two lengths", post1 + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", "400 close"},
	{"two equal lengths", post1 + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "400 close"},
	{"a list of lengths", post1 + "Content-Length: 2, 2\r\n\r\nhi", "400 close"},
	{"an empty length", post1 + "Content-Length:\r\n\r\n", "400 close"},
	{"a length with plus", post1 + "Content-Length: +2\r\n\r\nhi", "400 close"},
	{"a length with minus", post1 + "Content-Length: -2\r\n\r\nhi", "400 close"},
	{"a length with a zero before it", post1 + "Content-Length: 02\r\n\r\nhi", "400 close"},
	{"a length in hexadecimal", post1 + "Content-Length: 0x2\r\n\r\nhi", "400 close"},
	{"a length with a point", post1 + "Content-Length: 2.0\r\n\r\nhi", "400 close"},
	{"a length with an underscore", post1 + "Content-Length: 1_0\r\n\r\nhi", "400 close"},
	{"a length with a space in it", post1 + "Content-Length: 1 0\r\n\r\nhi", "400 close"},
	{"a length with whitespace around it", post1 + "Content-Length: \t2 \r\n\r\nhi", "200 open"},
	{"a length beyond 64 bits", post1 + "Content-Length: 18446744073709551618\r\n\r\nhi", "400 close"},
	{"a length that is not ASCII", post1 + "Content-Length: \xd9\xa2\r\n\r\nhi", "400 close"},

	// Transfer-Encoding: RFC 9112, 6.1.
	{"chunked", te + "2\r\nhi\r\n0\r\n\r\n", "200 open"},
	{"chunked in capitals", post1 + "Transfer-Encoding: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "200 open"},
	{"chunked of GET", p1 + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "200 open"},
	{"chunked and a length", post1 + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"a length and chunked", post1 + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"chunked in HTTP/1.0", "POST P HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 close"},
	{"chunked twice", post1 + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400 close"},
	{"chunked in two fields", post1 + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 close"},
	{"gzip, chunked", post1 + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501 close"},
	{"chunked, gzip", post1 + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400 close"},
	{"gzip alone", post1 + "Transfer-Encoding: gzip\r\n\r\n", "400 close"},
	{"identity", post1 + "Transfer-Encoding: identity\r\n\r\n", "400 close"},
	{"xchunked", post1 + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400 close"},
	{"chunked in quotes", post1 + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "400 close"},
	{"chunked with a parameter", post1 + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", "400 close"},
	{"chunked behind a vertical tab", post1 + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "400 close"},
	{"an empty coding", post1 + "Transfer-Encoding:\r\n\r\n", "400 close"},
	{"a comma before chunked", post1 + "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", "400 close"},
	{"an imitation of it", post1 + "Transfer_Encoding: chunked\r\n\r\n", "400 close"},

	// Chunks: RFC 9112, 7.1. The body is found broken while the request is on its way.
	{"capitals in a size", te + "A\r\n0123456789\r\n0\r\n\r\n", "200 open"},
	{"zeros before a size", te + "0002\r\nhi\r\n0000\r\n\r\n", "200 open"},
	{"an extension", te + "2;a=b;c=\"d;e\"\r\nhi\r\n0;f\r\n\r\n", "200 open"},
	{"a trailer", te + "2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n", "200 open"},
	{"an empty extension", te + "2;\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"an extension with LF", te + "2;a\nb\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"an extension with CR", te + "2;a\rb\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"an extension with NUL", te + "2;a\x00\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"an extension of 64 KiB", te + "2;a=" + strings.Repeat("b", 64<<10) + "\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"an extension that is longer than each chunk", te + strings.Repeat("1;a="+strings.Repeat("b", 100)+"\r\nx\r\n", 300) + "0\r\n\r\n", "400 close"},
	{"a size in C", te + "0x2\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"a size with plus", te + "+2\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"a size with minus", te + "-2\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"a size with an underscore", te + "0_2\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"a size with a space before it", te + " 2\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"a size with a space behind it", te + "2 \r\nhi\r\n0\r\n\r\n", "400 close"},
	{"a size of 16 digits", te + "8000000000000002\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"a size of 17 digits", te + "10000000000000002\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"no size", te + "\r\nhi\r\n0\r\n\r\n", "400 close"},
	{"LF behind a size", te + "2\nhi\r\n0\r\n\r\n", "400 close"},
	{"CR behind a size", te + "2\rhi\r\n0\r\n\r\n", "400 close"},
	{"LF behind data", te + "2\r\nhi\n0\r\n\r\n", "400 close"},
	{"CR behind data", te + "2\r\nhi\r0\r\n\r\n", "400 close"},
	{"nothing behind data", te + "2\r\nhi0\r\n\r\n", "400 close"},
	{"more data than the size", te + "2\r\nhello\r\n0\r\n\r\n", "400 close"},
	{"LF behind the last size", te + "0\n\r\n", "400 close"},
	{"LF for the last line", te + "0\r\n\n", "400 close"},
	{"a length in the trailers", te + "0\r\nContent-Length: 5\r\n\r\n", "400 close"},
	{"a coding in the trailers", te + "0\r\nTransfer-Encoding: chunked\r\n\r\n", "400 close"},
	{"Host in the trailers", te + "0\r\nHost: b\r\n\r\n", "400 close"},
	{"a key in the trailers", te + "0\r\nX-Api-Key: b\r\n\r\n", "400 close"},
	{"an identity in the trailers", te + "0\r\nX_Consumer_Id: b\r\n\r\n", "400 close"},
	{"a credential in the trailers", te + "0\r\nAuthorization: b\r\n\r\n", "400 close"},
	{"a key announced as a trailer", post1 + "Trailer: X-Api-Key\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 close"},
	{"a folded trailer", te + "0\r\nA: b\r\n c\r\n\r\n", "400 close"},
	{"a trailer without a colon", te + "0\r\nA\r\n\r\n", "400 close"},
	{"a trailer with a space before the colon", te + "0\r\nA : b\r\n\r\n", "400 close"},
	{"8 KiB of trailers", te + "0\r\nA: " + strings.Repeat("b", 8<<10) + "\r\n\r\n", "400 close"},

	// Connection: RFC 9110, 7.6.1; SECURITY.md, GW-01 and GW-24.
	{"Connection: close", p1 + "Connection: close\r\n\r\n" + next, "200 close"},
	{"HTTP/1.0", "GET P HTTP/1.0\r\nH\r\n\r\n" + next, "200 close"},
	{"HTTP/1.0 with keep-alive", "GET P HTTP/1.0\r\nH\r\nConnection: keep-alive\r\n\r\n", "200 open"},
	{"a name of the connection's own", p1 + "Connection: X-Hop\r\nX-Hop: 1\r\n\r\n", "200 open"},
	{"Connection: Host", p1 + "Connection: Host\r\n\r\n", "400 close"},
	{"Connection: Content-Length", post1 + "Connection: content-length\r\nContent-Length: 0\r\n\r\n", "400 close"},
	{"Connection: X-Api-Key", p1 + "Connection: close, X-API-KEY\r\n\r\n", "400 close"},
	{"Connection: Authorization", p1 + "Connection: authorization\r\n\r\n", "400 close"},
	{"Connection: X-Forwarded-For", p1 + "Connection: x-forwarded-for\r\n\r\n", "400 close"},
	{"Connection: X_Consumer_Id", p1 + "Connection: X_Consumer_Id\r\n\r\n", "400 close"},
	{"Connection: X-Request-Id in the second field", p1 + "Connection: keep-alive\r\nConnection: ,, X-Request-Id\r\n\r\n", "400 close"},
	{"Connection: Cache-Control", p1 + "Connection: cache-control\r\n\r\n", "400 close"},
	{"Connection that is no list", p1 + "Connection: \"close\"\r\n\r\n", "400 close"},
	{"X_Forwarded_For", p1 + "X_Forwarded_For: 1\r\n\r\n", "400 close"},
	{"X-Consumer_Id", p1 + "X-Consumer_Id: 1\r\n\r\n", "400 close"},
	{"Content_Length", p1 + "Content_Length: 1\r\n\r\n", "400 close"},
	{"x_api_key", p1 + "x_api_key: 1\r\n\r\n", "400 close"},
	{"an underscore in a name that says nothing of who calls", p1 + "User_Agent: 1\r\n\r\n", "200 open"},
	{"an underscore in another name", p1 + "X_Other: 1\r\n\r\n", "200 open"},
	{"X-Forwarded-For itself", p1 + "X-Forwarded-For: 1\r\n\r\n", "200 open"},

	// Pipelining: RFC 9112, 9.3.2.
	{"three at once", next + next + next, "200,200,200 open"},
	{"a body and the next", post1 + "Content-Length: 2\r\n\r\nhi" + next, "200,200 open"},
	{"chunks and the next", te + "2\r\nhi\r\n0\r\n\r\n" + next, "200,200 open"},
	{"a body with an empty line behind it", post1 + "Content-Length: 2\r\n\r\nhi\r\n" + next, "200,200 open"},
	{"a refusal of the handler between two", next + "GET /nothing HTTP/1.1\r\nH\r\n\r\n" + next, "200,404,200 open"},
	{"a refusal of the judge between two", next + "GET P HTTP/1.1\nH\r\n\r\n" + next, "200,400 close"},
	{"a body shorter than it is", post1 + "Content-Length: 1\r\n\r\nhi" + next, "200,501 open"},
	{"no key between two", next + "GET /echo/prod/secret HTTP/1.1\r\nH\r\n\r\n" + next, "200,403,200 open"},
	{"a body of what has no key", "POST /echo/prod/secret HTTP/1.1\r\nH\r\nContent-Length: 2\r\n\r\nhi" + next, "403,200 open"},
	{"chunks of what has no key", "POST /echo/prod/secret HTTP/1.1\r\nH\r\nTransfer-Encoding: chunked\r\n\r\n2;a\r\nhi\r\n0\r\n\r\n" + next, "403,200 open"},
	{"broken chunks of what has no key", "POST /echo/prod/secret HTTP/1.1\r\nH\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n" + next, "403 close"},
}

const openPath = "/echo/prod/open/x"

// wired is a gateway whose method /open/{proxy+} needs no key, behind its real listener.
func wired(t testing.TB, upstream string) string {
	o := newOne(t, nil)
	o.clock = nil
	o.world.stage(func() {
		o.stage.Upstream = upstream
		o.stage.Methods = append(o.stage.Methods, o.method("open ANY /open/{proxy+}"), o.method("ANY /secret"))
	})
	o.g = o.gateway(t)
	return strings.TrimPrefix(serve(t, o.g), "http://")
}

func TestHTTP11IsReadInOneWayOrNotAtAll(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			io.WriteString(w, "ok")
		}
	}))
	defer up.Close()
	address := wired(t, up.URL)
	seen := map[string]bool{}
	limit := make(chan struct{}, 16)
	var group sync.WaitGroup
	for _, p := range probes {
		if seen[p.name] {
			t.Errorf("two probes are named %q", p.name)
		}
		seen[p.name] = true
		group.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			send := strings.NewReplacer("\r\nH\r\n", "\r\nHost: a.example\r\n", " P", " "+openPath, "\tP", "\t"+openPath, "exampleP", "example"+openPath, "EXAMPLEP", "EXAMPLE"+openPath, "81P", "81"+openPath, "/P", "/"+openPath).Replace(p.send)
			if got := outcomeOf(address, send); got != p.want {
				t.Errorf("%s: got %s, want %s\n%.200q", p.name, got, p.want, send)
			}
		})
	}
	group.Wait()
	t.Logf("%d probes", len(probes))
}

// outcomeOf sends bytes and says what the answers were, and whether the connection serves another request behind them, and in step.
func outcomeOf(address, send string) string {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	const last = "GET /echo/prod/last-" + "%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	go io.WriteString(c, send+fmt.Sprintf(last, 1))
	in := bufio.NewReader(c)
	var statuses []string
	end := "open"
	for {
		if _, err := in.Peek(1); err == io.EOF {
			break
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return strings.Join(append(statuses, err.Error()), ",")
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return fmt.Sprintf("half an answer %d: %v", res.StatusCode, err)
		}
		if res.StatusCode >= 400 && (res.Header.Get("Content-Type") != "application/problem+json" || res.Header.Get("X-Request-Id") == "" || !strings.Contains(string(body), res.Header.Get("X-Request-Id"))) {
			return fmt.Sprintf("%d is no problem: %v %s", res.StatusCode, res.Header, body)
		}
		statuses = append(statuses, fmt.Sprint(res.StatusCode))
		if res.Close {
			end = "close"
		}
	}
	// The last request is one to no operation: its 404 shows that it was read as what it is.
	if n := len(statuses) - 1; n >= 0 && statuses[n] == "404" && end == "close" {
		return strings.Join(statuses[:n], ",") + " open"
	}
	return strings.Join(statuses, ",") + " " + end
}
