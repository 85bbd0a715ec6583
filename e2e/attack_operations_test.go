package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// again starts the world's data folder anew; sessions go on.
func (w *world) again(more ...string) {
	w.Helper()
	w.process = w.serve(more...)
	for _, p := range []*person{w.admin, w.owner, w.rival, w.dev, w.other} {
		if p != nil {
			p.base = w.portal
		}
	}
}

// requests is the sum that the usage page of a key tells in its table.
func (w *world) remaining(path, key string) int {
	w.Helper()
	r, _ := http.NewRequest(http.MethodGet, w.gateway+path, nil)
	r.Header.Set("x-api-key", key)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.Fatal(err)
	}
	text(w.T, answer)
	n, err := strconv.Atoi(answer.Header.Get("X-Ratelimit-Remaining"))
	if err != nil {
		w.Fatalf("%s: %v", answer.Status, answer.Header)
	}
	return n
}

func TestAttackAnOrderedRestartUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.api(w.owner, "shop", "GET /items")
	quota := w.subscribe(w.dev, s, w.plan(w.owner, "Q", []service{s}, "limited", "on", "quota", "100000", "period", "month", "month_day", "1"))
	tight := w.subscribe(w.other, s, w.plan(w.owner, "T", []service{s}, "throttled", "on", "rate", "0.00001", "burst", "20"))
	w.hammer(15, "/shop/prod/items", tight.value)
	admitted := 0
	for range 2 {
		w.origin.take()
		done := make(chan struct{})
		go func() { defer close(done); w.hammer(6000, "/shop/prod/items", quota.value) }()
		for len(w.snapshot()) < 500 { // in full flow
			time.Sleep(time.Millisecond)
		}
		w.stop()
		<-done
		admitted += len(w.origin.take())
		w.again()
		if left := w.remaining("/shop/prod/items", quota.value); left != 100000-admitted-1 {
			t.Errorf("%d left after %d admitted requests", left, admitted)
		}
		admitted++
	}
	if statuses, _ := w.hammer(15, "/shop/prod/items", tight.value); statuses[200] != 5 {
		t.Errorf("a throttle's level after two restarts: %v, want 5 left", statuses)
	}
	// The page tells the same number.
	w.stop()
	w.again()
	if page := words(w.owner.page("/owner/usage?key=" + quota.key + "&range=24h")); !regexp.MustCompile(fmt.Sprintf(`\b%s\b`, comma(admitted))).MatchString(page) {
		t.Errorf("usage does not say %s: %s", comma(admitted), page)
	}
	w.nowhere(quota.value)
	w.nowhere(password)
}

func comma(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

func (w *world) snapshot() []*http.Request {
	w.origin.mu.Lock()
	defer w.origin.mu.Unlock()
	return w.origin.seen
}

func TestAttackAKilledServerComesUpCleanWithTheSameKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.api(w.owner, "shop", "GET /items")
	g := w.subscribe(w.dev, s, w.plan(w.owner, "Q", []service{s}, "limited", "on", "quota", "100000", "period", "month", "month_day", "1"))
	for range 3 {
		done := make(chan struct{})
		go func() { defer close(done); w.hammer(3000, "/shop/prod/items", g.value) }()
		w.done(w.owner, "/owner/keys/"+g.key+"/enabled", "enabled", "true")
		for len(w.snapshot()) < 300 {
			time.Sleep(time.Millisecond)
		}
		_ = w.cmd.Process.Kill()
		<-w.exited
		w.exited <- nil
		<-done
		w.origin.take()
		w.again()
		w.expect("GET", "/shop/prod/items", g.value, 200, "")
		if !strings.Contains(w.dev.page("/keys/"+g.key), "gwk1") {
			t.Error("the developer's session or key is gone")
		}
	}
	if out, stderr, status := command(t, "", "check", "--data", w.data, "--json"); status != 0 && !strings.Contains(stderr, "another") {
		t.Errorf("check: %d %s %s", status, out, stderr)
	}
}

func TestAttackTheServerRefusesWhatItCannotHonour(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	fails := func(what, says string, args ...string) {
		t.Helper()
		args = append([]string{"serve", "--ops-listen", ""}, args...)
		for _, flag := range []string{"--portal-listen", "--gateway-listen"} {
			if !strings.Contains(strings.Join(args, " "), flag) {
				args = append(args, flag, "127.0.0.1:0")
			}
		}
		out, stderr, status := command(t, "", args...)
		if status != 1 && status != 2 || !strings.Contains(stderr, says) || strings.Contains(stderr, "panic") || strings.Contains(stderr, "goroutine") {
			t.Errorf("%s: status %d, want it to say %q: %s%s", what, status, says, out, stderr)
		}
	}
	fails("a second server", "another Gatehouse is serving", "--data", w.data)
	fails("ports that are taken", "--portal-listen", "--data", t.TempDir(), "--portal-listen", taken.Addr().String())
	fails("both at once", "--gateway-listen", "--data", t.TempDir(), "--portal-listen", taken.Addr().String(), "--gateway-listen", taken.Addr().String())
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails("a data folder that is a file", file, "--data", file)
	fails("an address without a port", "--portal-listen", "--data", t.TempDir(), "--portal-listen", "nonsense")
	fails("a network that is none", "--allow-upstream", "--data", t.TempDir(), "--allow-upstream", "300.0.0.0/8")
	fails("a public URL with a path", "--public-url", "--data", t.TempDir(), "--public-url", "https://example.com/portal")
	fails("all problems at once", "--allow-upstream", "--data", t.TempDir(), "--allow-upstream", "x", "--public-url", "ftp://x")

	w.stop()
	keyring := filepath.Join(w.data, "keyring.json")
	content, err := os.ReadFile(keyring)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(keyring); err != nil {
		t.Fatal(err)
	}
	s := []string{"--data", w.data}
	fails("a keyring that is missing", "keyring", s...)
	if _, err := os.Stat(keyring); err == nil {
		t.Error("a new keyring was made in its place")
	}
	for what, broken := range map[string][]byte{"empty": {}, "cut": content[:len(content)/2], "garbage": []byte("not json")} {
		_ = os.WriteFile(keyring, broken, 0o600)
		fails("a keyring that is "+what, "keyring", s...)
	}
	_ = os.WriteFile(keyring, content, 0o644)
	_ = os.Chmod(keyring, 0o644)
	fails("a keyring that others can read", "keyring", s...)
	_ = os.Chmod(keyring, 0o600)
	database := filepath.Join(w.data, "gatehouse.db")
	whole, _ := os.ReadFile(database)
	_ = os.WriteFile(database, []byte(strings.Repeat("this is no database ", 500)), 0o600)
	fails("a database that is none", "database", s...)
	_ = os.WriteFile(database, whole, 0o600)
	w.again()
}

func TestAttackThePortalAnswersEveryVerbAndSizeWithItsHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := 0
	for _, verb := range []string{"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "FOO", "get", "CONNECT", "POST"} {
		for _, target := range []string{"/", "*", "/signin", "/apis", "/owner", "/admin/accounts", "/static/../signin", "/static/%2e%2e/", "/static/", "/%", "/%00", "//evil.example", "/" + strings.Repeat("a", 20_000), "/?" + strings.Repeat("a=b&", 5000), "/apis/%ff", "/apis/" + strings.Repeat("%41", 1000), "/keys/..%2f..", "http://evil.example/", "/\\evil", "/problems/../owner", "/setup/x", "/usage/live", "/owner/usage/live"} {
			n++
			answer := rawUntil(t, quietAtLast, w.portal, verb+" "+target+" HTTP/1.1\r\nHost: "+strings.TrimPrefix(w.portal, "http://")+"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			head, body, _ := strings.Cut(answer, "\r\n\r\n")
			status, _ := strconv.Atoi(strings.TrimPrefix(head[:min(12, len(head))], "HTTP/1.1 "))
			if status == 0 || status >= 500 || !strings.Contains(head, "Content-Security-Policy: default-src 'none'") || !strings.Contains(head, "X-Content-Type-Options: nosniff") || !strings.Contains(head, "X-Request-Id: ") {
				t.Errorf("%s %.60s: %.400q", verb, target, answer)
			}
			if verb == "HEAD" && body != "" || strings.Contains(head, "Location: http") || strings.Contains(head, "Location: //") || verb == "TRACE" && strings.Contains(body, "Connection: close") {
				t.Errorf("%s %.60s: %.400q", verb, target, answer)
			}
		}
	}
	t.Logf("%d requests", n)
	// A page for somebody must not be kept by a cache.
	for _, path := range []string{"/home", "/keys", "/me", "/apps", "/", "/apis", "/signin"} {
		if got := w.dev.get(path).Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
			t.Errorf("%s: Cache-Control: %q", path, got)
		}
	}
	// A question about a live page's headers is answered, not streamed.
	r, _ := http.NewRequest(http.MethodHead, w.portal+"/usage/live", nil)
	head := *w.dev.client
	head.Timeout = time.Minute
	if answer, err := head.Do(r); err != nil {
		t.Errorf("HEAD of a live page: %v", err)
	} else {
		_, err := io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Errorf("HEAD of a live page: %v", err)
		}
	}
	// Nothing of operations is on the public listeners.
	for _, base := range []string{w.portal, w.gateway} {
		for _, path := range []string{"/metrics", "/debug/pprof/", "/healthz", "/readyz", "/debug/vars"} {
			answer, err := http.Get(base + path)
			if err != nil || answer.StatusCode != http.StatusNotFound && answer.StatusCode != http.StatusBadRequest {
				t.Errorf("%s%s: %v %v", base, path, answer.Status, err)
			}
			answer.Body.Close()
		}
	}
}

func TestAttackAnOwnerCannotAimAtThisMachine(t *testing.T) {
	t.Parallel()
	w := &world{T: t, data: t.TempDir(), origin: &origin{}}
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	defer inner.Close()
	w.process = start(t, "serve", "--data", w.data)
	if _, stderr, status := command(t, password+"\n", "account", "create", "--data", w.data, "--email", "ana@example.com", "--password-stdin", "--role", "owner"); status != 0 {
		t.Fatal(stderr)
	}
	w.owner = w.signIn("ana")
	_, port, _ := net.SplitHostPort(inner.Listener.Addr().String())
	own := strings.TrimPrefix(w.ops, "http://")
	_, ops, _ := net.SplitHostPort(own)
	n := 0
	for _, host := range []string{"127.0.0.1", "127.1", "localhost", "LOCALHOST.", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "0.0.0.0", "[::]", "169.254.169.254", "[fe80::1%25eth0]", "10.0.0.1", "192.168.0.1", "100.64.0.1", "127.0.0.1.", "①②⑦.0.0.1", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "user@127.0.0.1", "127.0.0.1%2f", "127.0.0.1#", "127.0.0.1?x", "224.0.0.1", "255.255.255.255"} {
		for _, p := range []string{port, ops} {
			for _, scheme := range []string{"http://", "HTTP://", "file://", "unix:", "//"} {
				n++
				answer := w.owner.post("/owner/apis", "source", "form", "name", "Evil", "slug", "evil-"+strconv.Itoa(n), "methods", "GET /x\nGET /metrics", "key_place", "header", "key_name", "x-api-key", "stage", "prod", "upstream", scheme+host+":"+p)
				text(t, answer)
				if answer.StatusCode == http.StatusUnprocessableEntity {
					continue
				}
				// A name that has no address yet may get one: what counts is the address that is dialled.
				api := answer.Header.Get("Location")
				w.done(w.owner, api+"/methods/key-required", "action", "none")
				w.done(w.owner, find(t, "("+api+"/stages/"+anID+")", w.owner.page(api))+"/deploy")
				for _, path := range []string{"/x", "/metrics"} {
					if status, problem := w.call("GET", "/evil-"+strconv.Itoa(n)+"/prod"+path, ""); status != http.StatusBadGateway {
						t.Errorf("%s%s:%s: the gateway answers %d %s", scheme, host, p, status, problem)
					}
				}
			}
		}
	}
	t.Logf("%d addresses", n)
}
