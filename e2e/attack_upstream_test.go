package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// rogue is an upstream that answers with the bytes that the query says, and then closes.
func rogue(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				if r.URL.Query().Get("as") != "slow" {
					_, _ = io.Copy(io.Discard, r.Body) // what is unread when a connection is closed resets it
				}
				switch r.URL.Query().Get("as") {
				case "garbage":
					fmt.Fprint(c, "\x16\x03\x01 hello\r\n\r\n")
				case "close":
				case "reset":
					_ = c.(*net.TCPConn).SetLinger(0)
				case "half":
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
				case "half chunk":
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe")
				case "huge head":
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("a", 1<<20)+"\r\n\r\n")
				case "many 1xx":
					fmt.Fprint(c, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 5000), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				case "two lengths":
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello")
				case "status":
					fmt.Fprint(c, "HTTP/1.1 99999 Odd\r\n\r\n")
				case "split":
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nX-A: b\r\n\tfolded\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nX-Second: yes\r\nContent-Length: 0\r\n\r\n")
				case "switch":
					fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
				case "slow":
					_, _ = io.Copy(io.Discard, c)
				case "ours":
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nX-RateLimit-Limit: 9\r\nRateLimit: x\r\nX-Request-Id: theirs\r\nSet-Cookie: gatehouse=stolen\r\nSet-Cookie: own=1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
				case "redirect":
					fmt.Fprint(c, "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestAttackABrokenUpstreamIsNamedAndCountedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad := rogue(t)
	s := w.api(w.owner, "shop", "ANY /{proxy+}")
	// Without its circuit breaker: each of these answers is one that would take it out.
	w.done(w.owner, "/owner/apis/"+s.id+"/stages/"+s.stage+"/upstream", "upstream", bad, "timeout", "1")
	plan := w.plan(w.owner, "P", []service{s}, "limited", "on", "quota", "1000", "period", "month", "month_day", "1")
	g := w.subscribe(w.dev, s, plan)
	client := &http.Transport{DisableKeepAlives: true}            // on a kept connection, net/http would send a request again that broke off
	w.expect("GET", "/shop/prod/x?as=redirect", g.value, 302, "") // from here on there are rights in hand
	n := 1
	for _, c := range []struct {
		as, problem string
		status      int // 0: the answer breaks off
	}{
		{"garbage", "upstream-invalid", 502}, {"close", "upstream-unreachable", 502}, {"reset", "upstream-unreachable", 502}, {"half", "", 0}, {"half chunk", "", 0}, {"huge head", "upstream-invalid", 502}, {"many 1xx", "upstream-invalid", 502}, {"two lengths", "upstream-invalid", 502},
		{"status", "upstream-invalid", 502}, {"switch", "upstream-invalid", 502}, {"slow", "upstream-timeout", 504}, {"redirect", "", 302}, {"ours", "", 200}, {"split", "upstream-invalid", 502},
	} {
		for _, verb := range []string{"GET", "POST"} {
			n++
			r, _ := http.NewRequest(verb, w.gateway+"/shop/prod/x?as="+strings.ReplaceAll(c.as, " ", "+"), strings.NewReader("body"))
			r.Header.Set("x-api-key", g.value)
			answer, err := client.RoundTrip(r)
			if err != nil {
				if c.status != 0 {
					t.Errorf("%s %s: %v", verb, c.as, err)
				}
				continue
			}
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if c.status == 0 {
				if err == nil {
					t.Errorf("%s %s: half an answer looks whole: %q", verb, c.as, body)
				}
				continue
			}
			if answer.StatusCode != c.status || c.problem != "" && !strings.Contains(string(body), "/problems/"+c.problem+`"`) {
				t.Errorf("%s %s: got %s %s", verb, c.as, answer.Status, body)
			}
			if want := fmt.Sprint(1000 - n); answer.Header.Get("X-Ratelimit-Remaining") != want || len(answer.Header["X-Request-Id"]) != 1 || answer.Header.Get("X-Request-Id") == "theirs" || len(answer.Header["X-Ratelimit-Limit"]) != 1 {
				t.Errorf("%s %s: %s of quota left, want %s; %v", verb, c.as, answer.Header.Get("X-Ratelimit-Remaining"), want, answer.Header)
			}
			if strings.Contains(fmt.Sprint(answer.Header["Set-Cookie"]), "gatehouse=") || strings.Contains(string(body), bad[7:]) || answer.Header.Get("X-Second") != "" {
				t.Errorf("%s %s: %v %s", verb, c.as, answer.Header, body)
			}
		}
	}
	for line := range strings.Lines(w.stderr.String()) {
		if !json.Valid([]byte(line)) || strings.Contains(line, "panic") || strings.Contains(line, g.value) {
			t.Errorf("a line of the log: %s", line)
		}
	}
}

func TestAttackBodiesPassWholeInBothDirections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.api(w.owner, "shop", "ANY /{proxy+}")
	w.done(w.owner, "/owner/apis/"+s.id+"/stages/"+s.stage, "upstream", upstream(t), "timeout", "30")
	g := w.subscribe(w.dev, s, w.plan(w.owner, "P", []service{s}))
	mirror := newMirror(t)
	w.done(w.owner, "/owner/apis/"+s.id+"/stages/"+s.stage, "upstream", mirror, "timeout", "30")
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MB
	for name, body := range map[string]func() io.Reader{
		"with a length": func() io.Reader { return bytes.NewReader(big) },
		"in chunks":     func() io.Reader { return io.MultiReader(bytes.NewReader(big)) },
	} {
		for _, expect := range []string{"", "100-continue"} {
			r, _ := http.NewRequest(http.MethodPost, w.gateway+"/shop/prod/mirror", body())
			r.Header.Set("x-api-key", g.value)
			if expect != "" {
				r.Header.Set("Expect", expect)
			}
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.New()
			size, err := io.Copy(sum, answer.Body)
			answer.Body.Close()
			want := sha256.Sum256(big)
			if err != nil || !bytes.Equal(sum.Sum(nil), want[:]) {
				t.Errorf("%s, Expect %q: %d bytes came back, %v", name, expect, size, err)
			}
		}
	}
}

// newMirror sends bodies back as they come.
func newMirror(t *testing.T) string {
	o := newOrigin(t)
	o.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})
	return o.URL
}
