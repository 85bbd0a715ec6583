package enforcement_test

import (
	"fmt"
	"maps"
	"strings"
)

// upstreamScripts are answers that are usual, odd and hostile.
func upstreamScripts() map[string]script {
	const ok, chunked = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	const hi = "Content-Length: 2\r\n\r\nhi"
	all := map[string]script{}
	says := func(name, text string) { all[name] = script{says: text} }
	then := func(name, text string, then after) { all[name] = script{says: text, then: then} }

	says("a length", ok+hi)
	says("a length of 0", ok+"Content-Length: 0\r\n\r\n")
	for _, n := range []int{1, 4095, 4096, 16 << 10, 64 << 10, 300 << 10, 1 << 20} {
		says(fmt.Sprintf("%d bytes", n), fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", ok, n, strings.Repeat("0123456789abcdef", n/16+1)[:n]))
		then(fmt.Sprintf("%d bytes until the end", n), ok+"\r\n"+strings.Repeat("0123456789abcdef", n/16+1)[:n], closes)
		says(fmt.Sprintf("a chunk of %d bytes", n), fmt.Sprintf("%s%x\r\n%s\r\n0\r\n\r\n", chunked, n, strings.Repeat("0123456789abcdef", n/16+1)[:n]))
	}
	then("nothing until the end", ok+"\r\n", closes)
	then("until the end in HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhi", closes)
	then("until a reset", ok+"\r\nhi", resets)
	says("a length in HTTP/1.0", "HTTP/1.0 200 OK\r\n"+hi)
	says("a length in HTTP/1.0 that stays", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"+hi)
	then("a length in HTTP/1.0 that ends", "HTTP/1.0 200 OK\r\n"+hi, closes)
	then("the last", ok+"Connection: close\r\n"+hi, closes)
	says("the last that stays", ok+"Connection: close\r\n"+hi)
	then("a close unsaid", ok+hi, closes)
	then("a reset unsaid", ok+hi, resets)
	then("a chunk and a close unsaid", chunked+"2\r\nhi\r\n0\r\n\r\n", closes)

	says("chunks", chunked+"2\r\nhi\r\n3\r\nyou\r\n0\r\n\r\n")
	says("no chunks", chunked+"0\r\n\r\n")
	says("chunks with extensions", chunked+"2;a=b;c=\"d\"\r\nhi\r\n0;e\r\n\r\n")
	says("chunks in capitals", ok+"Transfer-Encoding: CHUNKED\r\n\r\n00A\r\n0123456789\r\n0\r\n\r\n")
	says("trailers", chunked+"2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-Two: 2\r\n\r\n")
	says("trailers that are announced", ok+"Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n")
	says("trailers that are announced and do not come", ok+"Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
	says("trailers that are none", chunked+"2\r\nhi\r\n0\r\nnonsense\r\n\r\n")
	says("trailers that frame", chunked+"2\r\nhi\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n")
	says("a chunk without a size", chunked+"\r\nhi\r\n0\r\n\r\n")
	says("a chunk of no number", chunked+"xyz\r\nhi\r\n0\r\n\r\n")
	says("a chunk of less than 0", chunked+"-2\r\nhi\r\n0\r\n\r\n")
	says("a chunk with 0x", chunked+"0x2\r\nhi\r\n0\r\n\r\n")
	says("a chunk that is too long", chunked+"2\r\nhigh\r\n0\r\n\r\n")
	says("a chunk of 17 digits", chunked+"00000000000000002\r\nhi\r\n0\r\n\r\n")
	says("a chunk of 2^64", chunked+"10000000000000000\r\nhi\r\n0\r\n\r\n")
	says("chunks that end with LF", chunked+"2\nhi\n0\n\n")
	says("a chunk with a space", chunked+"2 \r\nhi\r\n0\r\n\r\n")
	says("a second broken chunk", chunked+"2\r\nhi\r\nz\r\n")
	then("chunks that end early", chunked+"2\r\nhi\r\n", closes)
	then("a chunk that ends early", chunked+"a\r\nhi", closes)
	then("chunks that end before the last line", chunked+"2\r\nhi\r\n0\r\n", closes)
	then("chunks that end by reset", chunked+"a\r\nhi", resets)
	says("chunks and a length", ok+"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
	says("chunks twice", ok+"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
	says("gzip and chunks", ok+"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
	says("identity", ok+"Transfer-Encoding: identity\r\n"+hi)
	says("no coding", ok+"Transfer-Encoding:\r\n"+hi)
	says("chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")

	for _, n := range []string{"9223372036854775807", "9223372036854775808", "18446744073709551618", "2\r\nContent-Length: 3"} {
		then("the length "+n, ok+"Content-Length: "+n+"\r\n\r\nhi", closes)
	}
	for _, n := range []string{"+2", "-2", "2, 2", "02", "2 ", "0x2", "", "two", "2\r\nContent-Length: 2", "2\r\ncontent-length: 02"} {
		says("the length "+n, ok+"Content-Length: "+n+"\r\n\r\nhi")
	}
	then("a body that ends early", ok+"Content-Length: 10\r\n\r\nhi", closes)
	then("a body that ends by reset", ok+"Content-Length: 10\r\n\r\nhi", resets)
	then("a long body that ends early", ok+"Content-Length: 1000000\r\n\r\n"+strings.Repeat("x", 400_000), closes)
	then("a head without its body", ok+"Content-Length: 10\r\n\r\n", closes)
	says("more than its length", ok+hi+"more")
	says("two answers", ok+hi+ok+"Content-Length: 3\r\n\r\nyou")
	says("more than its chunks", chunked+"2\r\nhi\r\n0\r\n\r\nmore")

	for _, interim := range []string{"100 Continue\r\n", "102 Processing\r\n", "103 Early Hints\r\nLink: </a.css>; rel=preload\r\n", "103 Early Hints\r\nConnection: X-A\r\nX-A: b\r\nKeep-Alive: x\r\nDate: x\r\n", "110 Odd\r\nX-Request-Id: mine\r\n", "199 X\r\nContent-Length: 5\r\n", "103 X\r\nTransfer-Encoding: chunked\r\n", "100\r\n"} {
		says("before it "+interim, "HTTP/1.1 "+interim+"\r\n"+ok+hi)
		then("only "+interim, "HTTP/1.1 "+interim+"\r\n", closes)
	}
	says("three before it", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", 3)+ok+hi)
	says("32 before it", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 32)+ok+hi)
	says("33 before it", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 33)+ok+hi)
	says("a switch that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhi")

	for _, status := range []string{"200", "201", "202", "203", "206", "204", "205", "304", "300", "301", "302", "307", "308", "400", "401", "403", "404", "405", "407", "408", "409", "410", "416", "418", "421", "429", "431", "451", "500", "501", "502", "503", "504", "505", "511", "599", "600", "999"} {
		says("status "+status, "HTTP/1.1 "+status+" Its reason\r\n"+hi)
		if status[0] == '2' || status == "304" {
			says("status "+status+" without a body", "HTTP/1.1 "+status+" Its reason\r\nContent-Length: 0\r\n\r\n")
			then("status "+status+" without a length", "HTTP/1.1 "+status+" Its reason\r\n\r\n", closes)
			says("status "+status+" in chunks", "HTTP/1.1 "+status+" Its reason\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
			then("status "+status+" that only tells a length", "HTTP/1.1 "+status+" Its reason\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n", closes)
		}
	}
	for _, line := range []string{
		"HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 X", "HTTP/1.1 abc X", "HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK", " HTTP/1.1 200 OK", "http/1.1 200 OK", "HTTP/2 200 OK", "HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "HTTP/0.9 200 OK", "ICY 200 OK", "200 OK", "", "HTTP/1.1",
		"HTTP/1.1 200 \xe4\xff", "HTTP/1.1 200 O\x00K", "HTTP/1.1 200 O\rK", "HTTP/1.1 -20 X", "HTTP/1.1 +20 X", "HTTP/1.1 2 0 X", "HTTP/1.1 200 " + strings.Repeat("x", 9000), "GET / HTTP/1.1",
	} {
		says(fmt.Sprintf("the line %.50q", line), line+"\r\n"+hi)
	}
	for _, field := range []string{
		"A: b", "a:b", "A:", "A: \t b \t ", "A: b\r\nA: c\r\na: d", "A: \xe4\xff", "A: b\tc", "A : b", " A: b", "A: b\r\n c", "A: b\r\n\tc", "A: b\x00", "A: b\x7f", "A: b\x01", "A: b\nB: c", "A: b\rB: c", "A: b\r", "A", ": b", "A_B: c", "A B: c", "\xe4: b", "!#$%&'*+-.^`|~: c",
		"Connection: keep-alive", "Connection: X-A\r\nX-A: b", "Connection: x-a, Close\r\nX-A: b", "Connection: Content-Type\r\nContent-Type: a/b", "Connection: Content-Length", "Connection: Date\r\nDate: x", "Connection: X-Request-Id", "Keep-Alive: timeout=5", "Proxy-Connection: x", "Proxy-Authenticate: x", "TE: x", "Trailer: X-A", "Upgrade: h2c", "Connection: upgrade\r\nUpgrade: h2c",
		"Set-Cookie: a=b", "Set-Cookie: gatehouse=x", "Set-Cookie: a=b\r\nSet-Cookie: __Host-gatehouse=x\r\nSet-Cookie: c=d", "Set-Cookie: GATEHOUSE =x", "Set-Cookie: gatehouse", "Alt-Svc: h2=\":443\"", "Clear-Site-Data: *", "X-Request-Id: mine", "X-Amzn-Requestid: mine", "RateLimit: \"x\";r=1", "RateLimit-Policy: x", "X-RateLimit-Limit: 5", "X-RateLimit-Remaining: 5", "X-RateLimit-Reset: 5", "Retry-After: 5",
		"Date: Tue, 01 Jan 2019 00:00:00 GMT", "Date: x\r\nDate: y", "Date:", "Server: x", "Via: 1.1 x", "Content-Type: text/html", "Content-Type:", "Content-Type: a/b\r\nContent-Type: c/d", "Content-Type: text/event-stream", "Content-Type: text/event-stream; charset=utf-8", "Content-Type: application/x-event-stream", "Content-Type: application/grpc", "Content-Encoding: gzip", "ETag: \"a\"", "Vary: Accept", "Location: http://a/", "WWW-Authenticate: Basic", "Access-Control-Allow-Origin: *",
		"Deprecation: @1", "Sunset: x", "Link: <a>; rel=b", "Cache-Status: x", "X-Gatehouse-Canary: x", "Strict-Transport-Security: max-age=1", "X-Cache: HIT", "Age: 5", "Cache-Control: max-age=5", "X-Amzn-Errortype: x", "Host: a", "X-Content-Type-Options: nosniff",
		"A: " + strings.Repeat("b", 100_000), "A: " + strings.Repeat("b", 300_000), strings.Repeat("A: b\r\n", 997) + "A: b", strings.Repeat("A: b\r\n", 1001) + "A: b",
	} {
		says(fmt.Sprintf("with %.60q", field), ok+field+"\r\n"+hi)
	}
	says("lines that end with LF", "HTTP/1.1 200 OK\nContent-Length: 2\nA: b\n\nhi")
	says("html of no type", ok+"Content-Length: 15\r\n\r\n<html></html>\r\n")
	says("events", ok+"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n")
	then("events until the end", ok+"Content-Type: text/event-stream\r\n\r\ndata: 1\n\n", closes)

	then("nothing", "", closes)
	then("a reset", "", resets)
	then("half a line", "HTTP/1.1 20", closes)
	then("half a head", ok+"Content-Le", closes)
	then("half a head and a reset", ok+"Content-Le", resets)
	then("no end of the head", ok+"A: b\r\n", closes)
	all["nothing, once"] = script{then: closes, only: 1}
	all["a reset, once"] = script{then: resets, only: 1}
	all["half a line, once"] = script{says: "HTTP/1.1 20", then: closes, only: 1}
	all["an interim answer, once"] = script{says: "HTTP/1.1 103 Early Hints\r\n\r\n", then: closes, only: 1}
	all["503, once"] = script{says: "HTTP/1.1 503 Away\r\n" + hi, only: 1}
	all["nonsense, once"] = script{says: "nonsense\r\n\r\n", only: 1}
	for name, s := range maps.Clone(all) {
		// What comes behind an answer, and what comes before a reset, is seen or not as it happens.
		if len(s.says) > 0 && len(s.says) < 300 && s.then != resets && !s.saysMore() {
			s.part = 1
			all[name+", byte by byte"] = s
		}
	}
	return all
}

// saysMore reports whether something stands behind the answer.
func (s script) saysMore() bool {
	final := 0
	all, _ := parseReplies([]byte(s.says), []string{"GET"}, true)
	for _, m := range all {
		if !strings.HasPrefix(m.first, "HTTP/1.1 1") {
			final++
		}
	}
	return final > 1
}

// withoutBody is what a script says to HEAD.
func (s script) withoutBody() script {
	end := 0
	for {
		n := strings.Index(s.says[end:], "\r\n\r\n")
		if n < 0 {
			return s
		}
		interim := strings.HasPrefix(s.says[end:], "HTTP/1.1 1")
		if end += n + 4; !interim {
			s.says = s.says[:end]
			return s
		}
	}
}
