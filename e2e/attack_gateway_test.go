package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"
)

// mixed is an API with open and keyed methods: what needs a key is where mistakes are dear.
func (w *world) mixed() (service, string) {
	w.Helper()
	s := w.api(w.owner, "mixed", "GET /open/{proxy+}\nPOST /open/{proxy+}\nGET /secret\nGET /secret/{id}\nANY /secret/{id}/{proxy+}\nGET /both\nPOST /both")
	page := w.owner.page("/owner/apis/" + s.id)
	methods := map[string]string{}
	for _, row := range strings.Split(page, "<tr")[1:] {
		row, _, _ = strings.Cut(row, "</tr>")
		for _, name := range []string{"GET /open/{proxy+}", "POST /open/{proxy+}", "GET /both"} {
			verb, template, _ := strings.Cut(name, " ")
			if text := words("<" + row); strings.Contains(row, template) && strings.Contains(text, verb+" ") {
				methods[name] = find(w.T, `name="shown" value="`+anID, row)
			}
		}
	}
	if len(methods) != 3 {
		w.Fatalf("found %v of the methods", methods)
	}
	var pairs []string
	for _, id := range methods {
		pairs = append(pairs, "shown", id)
	}
	w.owner.done(w.owner.post("/owner/apis/"+s.id+"/methods/key-required", pairs...))
	w.owner.done(w.owner.post("/owner/apis/"+s.id+"/stages/"+s.stage+"/deploy", "note", "open"))
	return s, w.plan(w.owner, "Mixed", []service{s})
}

// raw sends bytes to an address and returns what comes back until the other side closes or is quiet. It does not end its own half of the connection: a client
// that does is taken for one that went away.
func raw(t *testing.T, address, request string) string {
	t.Helper()
	return rawUntil(t, quiet, address, request)
}

// rawUntil is raw where the end of the connection is waited for, if nothing is heard for no longer than quiet.
func rawUntil(t *testing.T, quiet time.Duration, address, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Error(err)
		return ""
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		return ""
	}
	var answer []byte
	part := make([]byte, 16<<10)
	for {
		_ = c.SetReadDeadline(time.Now().Add(quiet))
		n, err := c.Read(part)
		answer = append(answer, part[:n]...)
		if err != nil {
			return string(answer)
		}
	}
}

// quiet is how long raw waits for more. A machine that is slower than that makes a test blind, not red.
const quiet = 400 * time.Millisecond

// quietAtLast is that where the server is told to close the connection, and does.
const quietAtLast = 20 * time.Second

// together runs many small attacks, some at a time.
func together(all []string, attack func(i int, payload string)) {
	var group sync.WaitGroup
	next := make(chan int)
	for range 48 {
		group.Go(func() {
			for i := range next {
				attack(i, all[i])
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	group.Wait()
}

// targets are spellings of ways to /secret that do not say so plainly, and ones that do.
func targets() []string {
	var out []string
	add := func(t ...string) { out = append(out, t...) }
	for _, base := range []string{"/mixed/prod", "/mixed/prod/open", "/mixed/prod/open/x", "//mixed/prod", "/%6dixed/prod"} {
		for _, up := range []string{"/", "//", "/./", "/../", "/../../", "/%2e/", "/%2e%2e/", "/%2E%2e/", "/.%2e/", "/..%2f", "/..%5c", "/%2e%2e%2f", "/..\\", "/%252e%252e/", "/%252e%252e%252f", "/..;/", "/..;a=b/", "/;/../", "/%2e%2e;/", "/..%00/", "/%00/../", "/. ./", "/..%20/", "/%20../", "/..%09/", "/%c0%ae%c0%ae/", "/%e0%80%ae./", "/..%c0%af", "/%uff0e./", "/x/%2e%2e/%2e%2e/", "/x//..//", "/x/..//../", "/..//", "/%2f../", "/%5c..%5c", "/\t../", "/#/../", "/?/../"} {
			for _, end := range []string{"secret", "secret/", "secret/7", "%73ecret", "SECRET", "secret;x", "secret%00", "secret?x=1", "secret#", "secret%2f7", "secret//7"} {
				add(base + up + end)
			}
		}
	}
	return out
}

// reached reports whether some server could take a path for one below /secret or the keyed verb of /both.
func reached(target string) bool {
	p, _, _ := strings.Cut(target, "?")
	for range 3 {
		for _, form := range []string{p, strings.ReplaceAll(p, "\\", "/"), cutParameters(p), cutParameters(strings.ReplaceAll(p, "\\", "/"))} {
			if !strings.HasPrefix(strings.ToLower(path.Clean(form)), "/open/") && path.Clean(form) != "/both" {
				return true
			}
		}
		decoded, err := url.PathUnescape(p)
		if err != nil {
			break
		}
		p = decoded
	}
	return false
}

// cutParameters is what Java servers do to each segment.
func cutParameters(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	return strings.Join(segments, "/")
}

func TestAttackNoSpellingOfAPathReachesAKeyedMethodWithoutAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mixed()
	shapes := targets()
	together(shapes, func(i int, target string) {
		version := []string{"HTTP/1.1", "HTTP/1.0"}[i%2]
		answer := raw(t, w.gateway, "GET "+target+" "+version+"\r\nHost: a\r\nConnection: close\r\n\r\n")
		if strings.HasPrefix(answer, version+" 5") && !strings.Contains(answer, " 501 ") || answer == "" {
			t.Errorf("%q %s: %.80q", target, version, answer)
		}
	})
	forwarded := w.origin.take()
	for _, r := range forwarded {
		if reached(r.RequestURI) {
			t.Errorf("the upstream got %s %s without a key", r.Method, r.RequestURI)
		}
	}
	if len(forwarded) == 0 {
		t.Error("nothing was forwarded at all: the attack missed")
	}
	t.Logf("%d shapes, %d of them forwarded to open methods", len(shapes), len(forwarded))
}

func TestAttackNoHeadersAndVerbsReachAKeyedMethodWithoutAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, plan := w.mixed()
	s := service{slug: "mixed"}
	g := w.subscribe(w.dev, s, plan)
	good, bad := g.value, g.value[:41]+"0"
	if bad == good {
		bad = g.value[:41] + "1"
	}
	values := []string{"", " ", bad, good[:41], good + "0", good[:20], strings.ToLower(good), strings.ToUpper(good), good + "," + good, good + " " + good, `"` + good + `"`, "Bearer " + good, good + "\x00", "\x00" + good,
		good + ";", "%" + good, strings.Repeat("A", 42), strings.Repeat("A", 128), strings.Repeat("A", 20000), "gwk1", "null", "*", "' OR 1=1 --", "../../", "\xff\xfe" + good, g.key, g.app, good[1:], " \t", "undefined"}
	names := []string{"x-api-key", "X-API-KEY", "X-Api-Key"}
	aliases := []string{"x_api_key", "X-Api_Key", "x-api-key ", "x-api-key\t", " x-api-key", "x-api-key\x00", "xapikey", "api-key", "x-api-key-id", "X-Consumer-Id", "authorization", "cookie", "x-forwarded-x-api-key", "x-original-url", "x-rewrite-url",
		"x-http-method-override", "x-forwarded-prefix", "x-authenticated", "trailer"}
	var requests []string
	try := func(_, request string) { requests = append(requests, request) }
	line := func(verb, target string, heads ...string) string {
		return verb + " " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + strings.Join(append(heads, "", ""), "\r\n")
	}
	for _, v := range values {
		for _, name := range names {
			try("value", line("GET", "/mixed/prod/secret", name+": "+v))
		}
	}
	for _, name := range aliases {
		try("alias "+name, line("GET", "/mixed/prod/secret", name+": "+good))
		try("alias in another line "+name, line("GET", "/mixed/prod/secret", name+": /mixed/prod/open/x"))
	}
	for _, two := range [][2]string{{good, good}, {good, bad}, {bad, good}, {"", good}, {good, ""}} {
		try("two keys", line("GET", "/mixed/prod/secret", "x-api-key: "+two[0], "x-api-key: "+two[1]))
		try("two keys, two spellings", line("GET", "/mixed/prod/secret", "x-api-key: "+two[0], "X-API-KEY: "+two[1]))
	}
	for _, q := range []string{"?x-api-key=" + good, "?api_key=" + good, "?key=" + good, "?X-Api-Key=" + good, "?x-api-key=" + good + "&x-api-key=" + good, "?apikey[]=" + good} {
		try("query", line("GET", "/mixed/prod/secret"+q))
	}
	for _, verb := range []string{"HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "Get", "G%45T", "PROPFIND", "PRI", "FOO", "GET\t", "M-SEARCH", "", "ANY", "*"} {
		for _, target := range []string{"/mixed/prod/secret", "/mixed/prod/secret/7", "/mixed/prod/secret/7/x", "http://a/mixed/prod/secret", "http://a:80/mixed/prod/secret", "https://a/mixed/prod/secret", "http://a", "*", "a:443", "mixed/prod/secret", "http:///mixed/prod/secret",
			"//a/mixed/prod/secret", "http://u:p@a/mixed/prod/secret", "?", "#", "/mixed/prod/secret#x", "/mixed/prod/both/"} {
			if verb == "HEAD" && strings.HasSuffix(target, "/both/") || verb == "" {
				continue
			}
			try("verb "+verb+" "+target, line(verb, target))
			try("override "+verb, line(verb, target, "X-HTTP-Method-Override: GET", "Content-Length: 0"))
			try("preflight "+verb, line(verb, strings.Replace(target, "both", "secret", 1), "Origin: null"))
		}
	}
	for _, token := range []string{"x-api-key", "X-Api-Key, close", "keep-alive, x-api-key", "host", "content-length", "transfer-encoding", "x-consumer-id", "upgrade"} {
		try("connection "+token, line("GET", "/mixed/prod/secret", "Connection: "+token))
	}
	for _, head := range []string{"Upgrade: websocket\r\nConnection: Upgrade", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "Expect: 100-continue", "TE: trailers", "Transfer-Encoding: chunked\r\nTrailer: x-api-key\r\n\r\n0\r\nx-api-key: " + good,
		"Via: 1.1 gatehouse", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1;proto=https", "X-Real-IP: 127.0.0.1", "User-Agent: kube-probe", "Cookie: gatehouse=x; x-api-key=" + good, "X-Amzn-Apigateway-Api-Id: x", "Authorization: Bearer " + good, "Authorization: Basic " + good} {
		try("head", line("GET", "/mixed/prod/secret", head))
	}
	together(requests, func(_ int, request string) {
		if answer := raw(t, w.gateway, request); strings.HasPrefix(answer, "HTTP/1.1 2") {
			t.Errorf("%.200q: %.100q", request, answer)
		}
	})
	for _, r := range w.origin.take() {
		t.Errorf("the upstream got %s %s %v", r.Method, r.RequestURI, r.Header)
	}
	t.Logf("%d shapes", len(requests))
}

// Every payload is one or more requests to an open method in one of whose folds a request to a keyed one hides.
func TestAttackNothingIsSmuggledBehindAnotherRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mixed()
	hidden := "GET /mixed/prod/secret HTTP/1.1\r\nHost: a\r\nX-Smuggled: yes\r\n\r\n"
	upstreamForm := "GET /secret HTTP/1.1\r\nHost: a\r\nX-Smuggled: yes\r\n\r\n"
	var payloads []string
	for _, inner := range []string{hidden, upstreamForm} {
		size := len(inner)
		for _, te := range []string{"Transfer-Encoding: chunked", "Transfer-Encoding : chunked", "Transfer-Encoding:\tchunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked", "Transfer-Encoding: gzip, chunked",
			"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "transfer-encoding: CHUNKED", "Transfer-Encoding:\x0bchunked", "Transfer-Encoding: chunk\r\n ed", "X: y\nTransfer-Encoding: chunked", "Transfer_Encoding: chunked", "Transfer-Encoding: \"chunked\"", "TE: chunked"} {
			for _, cl := range []string{"", "Content-Length: 4\r\n", fmt.Sprintf("Content-Length: %d\r\n", size+5), "Content-Length: 0\r\n", "Content-Length: +5\r\n", "Content-Length: 0x5\r\n", "Content-Length: 5, 6\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: -1\r\n", "Content-Length: 5 \r\n", "Content-Length: 99999999999999999999\r\n"} {
				for _, body := range []string{"0\r\n\r\n" + inner, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, inner), inner, "0\n\n" + inner, "0;" + strings.Repeat("x", 20) + "\r\n\r\n" + inner, "00000000000000000\r\n\r\n" + inner, "1\r\nZ\r\n0\r\nX-Api-Key: x\r\n\r\n" + inner, "-1\r\n" + inner, "0\r\n" + inner, "5\nhello\n0\n\n" + inner, "5;a\nb\r\nhello\r\n0\r\n\r\n" + inner} {
					payloads = append(payloads, "POST /mixed/prod/open/x HTTP/1.1\r\nHost: a\r\n"+cl+te+"\r\n\r\n"+body)
				}
			}
		}
		for _, target := range []string{"/mixed/prod/open/x HTTP/1.1\r\n\r\nGET /secret", "/mixed/prod/open/x%0d%0aX-Smuggled:%20yes", "/mixed/prod/open/x\rX-Smuggled: yes", "/mixed/prod/open/x\nX-Smuggled: yes", "/mixed/prod/open/x?a\r b", "/mixed/prod/open/x\x00", "/mixed/prod/open/x\x0bHTTP/1.1"} {
			payloads = append(payloads, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n", "GET "+target+" HTTP/1.0\r\n\r\n"+inner, "GET "+target+"\r\n"+inner)
		}
	}
	together(payloads, func(_ int, payload string) { raw(t, w.gateway, payload) })
	forwarded := w.origin.take()
	for _, r := range forwarded {
		if reached(r.RequestURI) || r.Header.Get("X-Smuggled") != "" {
			t.Errorf("the upstream got %s %s %v", r.Method, r.RequestURI, r.Header)
		}
	}
	if len(forwarded) == 0 {
		t.Error("nothing was forwarded at all: the attack missed")
	}
	t.Logf("%d payloads, %d requests forwarded", len(payloads), len(forwarded))
}

// What pipelines on one connection is judged request by request, and answered in order.
func TestAttackPipelinedRequestsAreJudgedOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, plan := w.mixed()
	g := w.subscribe(w.dev, s, plan)
	get := func(path, key string) string {
		if key != "" {
			key = "X-Api-Key: " + key + "\r\n"
		}
		return "GET /mixed/prod" + path + " HTTP/1.1\r\nHost: a\r\n" + key + "\r\n"
	}
	answer := raw(t, w.gateway, get("/secret", g.value)+get("/secret", "")+get("/open/1", "")+get("/secret/2", g.value)+get("/secret/3", ""))
	in := bufio.NewReader(strings.NewReader(answer))
	for i, want := range []int{200, 403, 200, 200, 403} {
		a, err := http.ReadResponse(in, nil)
		if err != nil || a.StatusCode != want {
			t.Fatalf("answer %d: %v %v, want %d", i, a, err, want)
		}
		text(t, a)
	}
	if n := len(w.origin.take()); n != 3 {
		t.Errorf("the upstream got %d requests", n)
	}
}

// net/http cancels a request when its client ends its half of the connection, and makes a handler that says nothing a 200.
func TestAttackAClientThatEndsItsHalfIsNotToldThatItsCallWasFine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, plan := w.mixed()
	g := w.subscribe(w.dev, s, plan)
	for range 20 {
		c, err := net.Dial("tcp", strings.TrimPrefix(w.gateway, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET /mixed/prod/secret HTTP/1.1\r\nHost: a\r\nX-Api-Key: %s\r\n\r\n", g.value)
		_ = c.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(c)
		c.Close()
		if len(answer) > 0 && !strings.Contains(string(answer), "origin GET") {
			t.Fatalf("%q", answer)
		}
	}
}
