package enforcement_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// clientPlays are requests that are usual, odd and hostile.
func clientPlays() (all []play) {
	add := func(name string, parts ...string) {
		for i, p := range parts {
			parts[i] = strings.NewReplacer("\r\nH\r\nK\r\n", "\r\nHost: a.example\r\nx-api-key: KEY-FREE\r\n", "\r\nH\r\n", "\r\nHost: a.example\r\n", "\r\nK\r\n", "\r\nx-api-key: KEY-FREE\r\n").Replace(p)
		}
		all = append(all, play{name: name, parts: parts, cut: cut(len(all) % numCuts)})
	}
	for _, verb := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FROB", "TRACE", "get"} {
		add(verb, verb+" /echo/prod/a?b=c HTTP/1.1\r\nH\r\nK\r\n\r\n")
		add(verb+" in HTTP/1.0", verb+" /echo/prod/a?b=c HTTP/1.0\r\nH\r\nK\r\n\r\n")
		add(verb+" in HTTP/1.0 that stays", verb+" /echo/prod/a?b=c HTTP/1.0\r\nH\r\nK\r\nConnection: keep-alive\r\n\r\n")
		add(verb+" that is the last", verb+" /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nConnection: close\r\n\r\n")
		add(verb+" of what is not there", verb+" /echo/prod HTTP/1.1\r\nH\r\nK\r\n\r\n")
		add(verb+" without a key", verb+" /echo/prod/a HTTP/1.1\r\nH\r\n\r\n")
		add(verb+" without need of a key", verb+" /echo/prod/open/a HTTP/1.1\r\nH\r\n\r\n")
		add(verb+" where GET is", verb+" /echo/prod/open HTTP/1.1\r\nH\r\n\r\n")
		for _, n := range []int{0, 1, 4096, 64 << 10, 64<<10 + 1} {
			add(fmt.Sprintf("%s with %d bytes", verb, n), fmt.Sprintf("%s /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nContent-Length: %d\r\n\r\n", verb, n)+strings.Repeat("x", n))
		}
		add(verb+" with a body in parts", verb+" /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nContent-Length: 10\r\n\r\n", "01234", "56789")
		add(verb+" with chunks", verb+" /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	}
	for _, k := range laneKeys {
		for _, stage := range []string{"echo", "crowd", "closed", "broken", "away", "never", "ruled", "small", "pages", "based", "worded", "worded-broken", "wanted"} {
			add(k.word+" on "+stage, strings.Repeat("GET /"+stage+"/prod/a HTTP/1.1\r\nH\r\nx-api-key: "+k.word+"\r\n\r\n", 3))
		}
		add("POST by "+k.word, "POST /echo/prod/a HTTP/1.1\r\nH\r\nX-API-KEY: "+k.word+"\r\nContent-Length: 5\r\n\r\nhello")
		add("bearer "+k.word, "GET /bearer/prod/a HTTP/1.1\r\nH\r\nAuthorization: Bearer "+k.word+"\r\n\r\n")
		add("query "+k.word, "GET /asked/prod/a?x=1&key="+k.word+"&y=2 HTTP/1.1\r\nH\r\n\r\n")
		add("shown "+k.word, "GET /shown/prod/a HTTP/1.1\r\nH\r\nX-Token: "+k.word+"\r\n\r\n")
		add("a quote by "+k.word, "GET /echo/prod/a HTTP/1.1\r\nH\r\nX-Gatehouse-Quote: 1\r\nx-api-key: "+k.word+"\r\n\r\n")
	}
	for _, key := range []string{
		"x-api-key: nonsense", "x-api-key:", "x-api-key: KEY-FREE\r\nx-api-key: KEY-FREE", "x-api-key: KEY-FREE\r\nX-Api-Key: KEY-DRY", "x-api-key: KEY-FREE,KEY-FREE", "x-api-key: KEY-FREEx", "x-api-key: \tKEY-FREE \t",
		"x_api_key: KEY-FREE", "x-api-key: gwk1" + strings.Repeat("a", 38), "x-api-key: " + strings.Repeat("a", 129), "x-api-key: KEY\xffFREE", "Authorization: Bearer KEY-FREE", "Authorization: a\r\nAuthorization: b\r\nK",
	} {
		add("the key "+key, "GET /echo/prod/a HTTP/1.1\r\nH\r\n"+strings.ReplaceAll(key, "\r\nK", "\r\nx-api-key: KEY-FREE")+"\r\n\r\n")
		add("the key "+key+" of a post", "POST /echo/prod/a HTTP/1.1\r\nH\r\n"+strings.ReplaceAll(key, "\r\nK", "\r\nx-api-key: KEY-FREE")+"\r\nContent-Length: 5\r\n\r\nhello")
	}
	for _, key := range []string{"key=KEY-FREE&key=KEY-FREE", "Key=KEY-FREE", "key=", "key", "a=%zz&key=KEY-FREE", "key=KEY-FREE;x", "k%65y=KEY-FREE", "key=KEY%2dFREE", "a=b&&key=KEY-FREE&", "", "a;b&key=KEY-FREE"} {
		add("the query "+key, "GET /asked/prod/a?"+key+" HTTP/1.1\r\nH\r\n\r\n")
	}
	for _, key := range []string{"Bearer  KEY-FREE", "bearer KEY-FREE", "Basic KEY-FREE", "Bearer", "KEY-FREE", "Bearer KEY-FREE x"} {
		add("Authorization: "+key, "GET /bearer/prod/a HTTP/1.1\r\nH\r\nAuthorization: "+key+"\r\n\r\n")
	}
	for _, target := range []string{
		"/", "/echo", "/echo/", "/echo/prod", "/echo/prod/", "/nobody/prod/a", "/echo/test/a", "//echo/prod/a", "/echo//prod/a", "/echo/prod//a", "/echo/prod/a/", "/echo/prod/%61", "/echo/prod/%7e%2D", "/echo/prod/a%20b", "/echo/prod/a%2fb", "/echo/prod/%2e%2e/x",
		"/echo/prod/./x", "/echo/prod/../x", "/echo/prod/%252e", "/echo/prod/..;/x", "/echo/prod/a;b=c", "/echo/prod/%5c", "/echo/prod/%00", "/echo/prod/%zz", "/echo/prod/%ff", "/echo/prod/\xff", "/echo/prod/ä", "/echo/prod/a?%zz", "/echo/prod/a?", "/echo/prod/a??b", "/echo/prod/a?b#c", "/echo/prod/a#b",
		"/echo/prod/a?b c", "/echo/prod/a?<>\"{}|^`", "/echo/prod/<a>", "/echo/prod/a|b", "/ECHO/prod/a", "/echo/prod/a?" + strings.Repeat("x", 8000), "/echo/prod/" + strings.Repeat("x/", 3000), "/echo/prod/a?" + strings.Repeat("x", 9000), "/%65cho/prod/a", "/echo/pr%6fd/a",
		"http://a.example/echo/prod/a", "HTTP://A.EXAMPLE/echo/prod/a?x", "http://b.example/echo/prod/a", "https://a.example/echo/prod/a", "http://a.example", "*", "a.example:80", "/echo/prod/a:b", "/based/prod", "/based/prod/", "/based/prod/a%2Cb?c=d", "/echo/prod/only", "/echo/prod/a@b!$&'()*+,=", "/echo/prod/%41%5b%5D",
	} {
		for _, verb := range []string{"GET", "OPTIONS"} {
			add(verb+" "+target, verb+" "+target+" HTTP/1.1\r\nH\r\nK\r\n\r\n")
		}
	}
	for _, field := range []string{
		"A: b", "a:b", "A:", "A: \t b \t", "A: b\r\nA: c\r\na: d", "A: \xe4\xff", "A: b\tc", "!#$%&'*+-.^`|~09azAZ: b", "A : b", " A: b", "A: b\r\n c", "A: b\x00", "A: b\x7f", "A: b\nB: c", "A: b\rB: c", "A", ": b", "A_B: c", "A B: c", "\xe4: b", "A: b\x01",
		"Cookie: a=b; gatehouse=c; d=e", "Cookie: gatehouse=c", "Cookie: a=b\r\nCookie: __Host-gatehouse=x; c=d", "Cookie: GATEHOUSE=x", "Cookie: a=b;;c; =d;gatehouse", "Cookie:", "Cookie: ;", "Cookie: a=\"b; gatehouse=c\"",
		"Connection: keep-alive", "Connection: close", "Connection: Keep-Alive, close", "Connection: X-A\r\nX-A: b", "Connection: x-a, X-B\r\nX-A: b\r\nX-B: c\r\nX-C: d", "Connection: Host", "Connection: Authorization", "Connection: X-Api-Key", "Connection: X-Forwarded-For", "Connection: ,", "Connection: \"close\"", "Connection: close\r\nConnection: keep-alive",
		"Connection: User-Agent\r\nUser-Agent: x", "Connection: Accept-Encoding\r\nAccept-Encoding: gzip", "Connection: Cookie", "Connection: Te\r\nTe: trailers", "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "Proxy-Authorization: a", "TE: trailers", "TE: gzip", "TE: trailers, gzip", "Trailer: A", "Upgrade: h2c", "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: x",
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13", "Upgrade: websocket", "Connection: upgrade",
		"X-Forwarded-For: 1.1.1.1", "X_Forwarded_For: 1.1.1.1", "X-Forwarded-Anything: 1", "Forwarded: for=1", "X-Real-Ip: 1", "X-Request-Id: mine", "X-Amzn-Requestid: mine", "X-Api-Key-Id: 1", "X-Consumer-Id: 1", "X-Consumer_Id: 1", "X-Original-Url: /x", "X-Envoy-A: 1", "X-Authorizer-Principal: me", "X-Gatehouse-Quote: 0", "X-Gatehouse-Quote: 1", "X-Http-Method-Override: DELETE", "Proxy: x", "Http2-Settings: x", "Cf-Connecting-Ip: 1",
		"Host: b", "Host: a.example", "Content-Length: 0", "Content-Length: 00", "Content-Length: +1", "Content-Length: -1", "Content-Length: 1, 1", "Content-Length: 0\r\nContent-Length: 0", "Content-Length: 0\r\nTransfer-Encoding: chunked", "Content-Length: 1000000000000000000", "Content_Length: 5", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, gzip", "Transfer_Encoding: chunked", "Transfer-Encoding:",
		"Expect: 100-continue", "Expect: x", "Expect:", "Content-Type: a\r\nContent-Type: b", "Content-Encoding: gzip", "Range: bytes=0-1", "If-None-Match: \"x\"", "Accept: a/b\r\nAccept: c/d", "Origin: https://app.example.com", "Origin: https://app.example.com\r\nAccess-Control-Request-Method: GET", "Accept: text/event-stream", "User-Agent: " + strings.Repeat("u", 500), "User-Agent:",
		"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=1", "traceparent: nonsense\r\ntracestate: a=1", "Via: 1.0 x", "Max-Forwards: 0", "Pragma: no-cache", "Date: x", "Referer: http://x/?KEY-FREE", "Authorization: Basic eDp5", "Accept-Encoding: br",
		"A: " + strings.Repeat("b", 20_000), "A: " + strings.Repeat("b", 40_000), strings.Repeat("A: b\r\n", 120) + "A: b", strings.Repeat("A: b\r\n", 130) + "A: b", strings.Repeat("A: b\r\n", 124) + "A: b",
	} {
		for _, verb := range []string{"GET", "OPTIONS", "POST"} {
			add(fmt.Sprintf("%s with %.60s", verb, field), verb+" /echo/prod/a HTTP/1.1\r\nH\r\nK\r\n"+field+"\r\n\r\n")
		}
		add(fmt.Sprintf("a body with %.60s", field), "PUT /echo/prod/a HTTP/1.1\r\nH\r\nK\r\n"+field+"\r\nContent-Length: 5\r\n\r\nhello")
		add(fmt.Sprintf("open with %.60s", field), "GET /echo/prod/open/x HTTP/1.1\r\nH\r\n"+field+"\r\n\r\n")
		add(fmt.Sprintf("on a stage with rules %.60s", field), "GET /ruled/prod/a HTTP/1.1\r\nH\r\nK\r\n"+field+"\r\n\r\n")
		add(fmt.Sprintf("on a stage for pages %.60s", field), "GET /pages/prod/a HTTP/1.1\r\nH\r\nK\r\n"+field+"\r\n\r\n")
		add(fmt.Sprintf("refused with %.60s", field), "POST /echo/prod/a HTTP/1.1\r\nH\r\nx-api-key: KEY-THROTTLED\r\n"+field+"\r\nContent-Length: 5\r\n\r\nhello")
	}
	const one = "GET /echo/prod/a?one HTTP/1.1\r\nHost: a\r\nx-api-key: KEY-COUNTED\r\n\r\n"
	add("two at once", one+one)
	add("fifty at once", strings.Repeat(one, 50))
	add("bodies at once", strings.Repeat("POST /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nContent-Length: 5\r\n\r\nhello", 20))
	add("ten after each other", one, one, one, one, one, one, one, one, one, one)
	add("a refusal between", one+"GET /echo/prod/a HTTP/1.1\r\nH\r\n\r\n"+one)
	add("a 429 between", one+"GET /echo/prod/a HTTP/1.1\r\nH\r\nx-api-key: KEY-DRY\r\n\r\n"+one)
	add("a 404 between", one+"GET /none/prod/a HTTP/1.1\r\nH\r\n\r\n"+one)
	add("a refused body between", one+"POST /echo/prod/a HTTP/1.1\r\nH\r\nContent-Length: 5\r\n\r\nhello"+one)
	add("a large refused body between", one+"POST /echo/prod/a HTTP/1.1\r\nH\r\nContent-Length: 60000\r\n\r\n"+strings.Repeat("x", 60000)+one)
	add("what the judge refuses between", one+"GET /echo/prod/a HTTP/1.1\nH\r\n\r\n"+one)
	add("what leaves between", one+"GET /ruled/prod/a HTTP/1.1\r\nH\r\nK\r\n\r\n"+one+"POST /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"+one)
	add("what leaves later", one, "GET /ruled/prod/a HTTP/1.1\r\nH\r\nK\r\n\r\n", one)
	add("chunks that leave later", one, "POST /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "0\r\n\r\n", one)
	add("an empty line between", one+"\r\n"+one)
	add("two empty lines between", one+"\r\n\r\n"+one)
	add("close between", one+"GET /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nConnection: close\r\n\r\n"+one)
	add("HTTP/1.0 between", one+"GET /echo/prod/a HTTP/1.0\r\nH\r\nK\r\n\r\n"+one)
	add("a body too many", one+"GET /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nContent-Length: 1\r\n\r\nhi"+one)
	add("a hidden request", "POST /echo/prod/open/a HTTP/1.1\r\nH\r\nContent-Length: 40\r\n\r\nGET /echo/prod/a HTTP/1.1\r\nHost: a\r\nX: yz"+one)
	add("half a head", one+"GET /echo/prod/a HT")
	add("half a body", "POST /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nContent-Length: 10\r\n\r\nhello")
	add("half a body of what is refused", "POST /echo/prod/a HTTP/1.1\r\nH\r\nContent-Length: 10\r\n\r\nhello")
	add("half a long body of what is refused", "POST /echo/prod/a HTTP/1.1\r\nH\r\nContent-Length: 10000000\r\n\r\nhello")
	add("nothing of a body", "POST /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nContent-Length: 10\r\n\r\n")
	add("expected and sent", "POST /echo/prod/a HTTP/1.1\r\nH\r\nK\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "hello")
	add("too large a body", "POST /small/prod/a HTTP/1.1\r\nH\r\nK\r\nContent-Length: 1001\r\n\r\n"+strings.Repeat("x", 1001)+one)
	add("as large a body as may be", "POST /small/prod/a HTTP/1.1\r\nH\r\nK\r\nContent-Length: 1000\r\n\r\n"+strings.Repeat("x", 1000)+one)
	add("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
	add("nothing", "")
	add("an empty line", "\r\n")
	for _, host := range []string{"", "Host:\r\n", "Host: \r\n", "Host: a b\r\n", "Host: u@a\r\n", "Host: a:99999\r\n", "Host: [::1]:80\r\n", "Host: A.EXAMPLE.\r\n", "Host: a/b\r\n", "hOST: a\r\n", "Host: 127.0.0.1\r\n"} {
		add(fmt.Sprintf("host %q", host), "GET /echo/prod/a HTTP/1.1\r\n"+host+"x-api-key: KEY-FREE\r\n\r\n")
		add(fmt.Sprintf("host %q in HTTP/1.0", host), "GET /echo/prod/a HTTP/1.0\r\n"+host+"x-api-key: KEY-FREE\r\n\r\n")
	}
	return all
}

func TestBothLanesServeTheSame(t *testing.T) {
	w := newTwins(t)
	statuses := map[string]int{}
	plays := clientPlays()
	for _, p := range plays {
		for _, a := range w.same(t, p).Answers {
			statuses[a[:min(12, len(a))]]++
		}
	}
	t.Logf("%d plays, %d of them again: %v", len(plays), w.again, statuses)
}

func TestBothLanesCarryTheSameAnswers(t *testing.T) {
	w := newTwins(t)
	statuses := map[string]int{}
	scripts := upstreamScripts()
	const key, body = "\r\nHost: a\r\nx-api-key: KEY-DELIVERED\r\n", "Content-Length: 5\r\n\r\nhello"
	for _, name := range slices.Sorted(maps.Keys(scripts)) {
		for asks, text := range map[string]string{
			"GET": "GET /echo/prod/a?n=0 HTTP/1.1" + key + "\r\n", "HEAD": "HEAD /echo/prod/a?n=0 HTTP/1.1" + key + "\r\n", "POST": "POST /echo/prod/a?n=0 HTTP/1.1" + key + body,
			"the last GET": "GET /echo/prod/a?n=0 HTTP/1.1" + key + "Connection: close\r\n\r\n", "HTTP/1.0": "GET /echo/prod/a?n=0 HTTP/1.0" + key + "\r\n", "HTTP/1.0 that stays": "GET /echo/prod/a?n=0 HTTP/1.0" + key + "Connection: keep-alive\r\n\r\n",
		} {
			s := scripts[name]
			if asks == "HEAD" {
				s = s.withoutBody()
			}
			for _, a := range w.same(t, play{name: asks + ", answered by " + name, parts: []string{text}, scripts: []script{s}}).Answers {
				statuses[a[:min(12, len(a))]]++
			}
		}
	}
	t.Logf("%d scripts, %d of them again: %v", len(scripts), w.again, statuses)
}
