package enforcement_test

import (
	"strings"
	"testing"
)

// FuzzLanes plays what a client sends on one connection, and what the upstream answers each of its requests, to both lanes.
func FuzzLanes(f *testing.F) {
	const key = " HTTP/1.1\r\nHost: a\r\nx-api-key: KEY-FREE\r\n"
	for _, client := range []string{
		"GET /echo/prod/a" + key + "\r\n", "HEAD /echo/prod/a?b" + key + "\r\n", "POST /echo/prod/a" + key + "Content-Length: 5\r\n\r\nhello", "GET /echo/prod/a HTTP/1.0\r\n\r\n", "GET /echo/prod/open/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		strings.Repeat("GET /echo/prod/open/a HTTP/1.1\r\nHost: a\r\n\r\n", 3), "GET /echo/prod/a" + key + "Connection: close\r\n\r\n", "POST /echo/prod/a" + key + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "GET /ruled/prod/a" + key + "\r\nGET /echo/prod/a" + key + "\r\n",
		"GET /echo/prod/a" + key + "Cookie: a=b; gatehouse=c\r\nConnection: X-A\r\nX-A: b\r\nX-Forwarded-For: c\r\nTE: trailers\r\n\r\n", "GET /asked/prod/a?x=1&key=KEY-FREE HTTP/1.1\r\nHost: a\r\n\r\n", "GET /bearer/prod/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer KEY-FREE\r\n\r\n",
		"PUT /small/prod/%61" + key + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", "OPTIONS /echo/prod/a HTTP/1.1\r\nHost: a\r\nOrigin: b\r\nAccess-Control-Request-Method: GET\r\n\r\n", "GET http://a/echo/prod/open/a HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		f.Add([]byte(client), []byte(""), byte(0))
	}
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\r\nhi\r\n0\r\nX: y\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: X\r\nX: y\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nhi",
		"HTTP/1.1 304 X\r\nContent-Length: 5\r\nETag: a\r\n\r\n", "HTTP/1.1 200 OK\r\nSet-Cookie: gatehouse=a\r\nAlt-Svc: b\r\nDate: c\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 05\r\n\r\n",
	} {
		for cut := range byte(numCuts) {
			f.Add([]byte("GET /echo/prod/a"+key+"\r\nGET /echo/prod/a"+key+"\r\n"), []byte(answer), cut)
		}
	}
	w := newTwins(f)
	f.Fuzz(func(t *testing.T, client, answer []byte, cuts byte) {
		p := play{name: "fuzz", parts: []string{string(client)}, cut: cut(cuts % numCuts)}
		if len(answer) > 0 {
			// What stands behind an answer is seen or not as it happens: the connection ends behind it.
			p.every = &script{says: string(answer), then: closes}
		}
		if len(client) < mostByteWise && len(answer) < mostByteWise {
			w.same(t, p)
		}
	})
}
