package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serve runs a server with the listener that is under test, and returns its address.
func serve(t *testing.T, c *Certificates) string {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var said logged
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, r.TLS != nil) })}
	done := make(chan error, 1)
	go func() { done <- server.Serve(Listen(raw, c.TLS(), logTo(&said), nil)) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	return raw.Addr().String()
}

func openOne(t *testing.T) (*authority, *Certificates) {
	t.Helper()
	a, pair := newAuthority(t), pairAt(t.TempDir(), "one")
	a.write(pair, time.Hour, "one.example.com")
	c, err := Open(Config{Pairs: []Pair{pair}})
	if err != nil {
		t.Fatal(err)
	}
	return a, c
}

func TestAListenerSpeaksHTTP2AndHTTP1AndResumesSessions(t *testing.T) {
	a, c := openOne(t)
	address := serve(t, c)
	get := func(protocols ...string) string {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.pool(), ServerName: "one.example.com", NextProtos: protocols})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().NegotiatedProtocol
	}
	if got := get("h2", "http/1.1"); got != "h2" {
		t.Errorf("a client that prefers HTTP/2 gets %q", got)
	}
	if got := get("http/1.1"); got != "http/1.1" {
		t.Errorf("a client of HTTP/1.1 gets %q", got)
	}
	for _, h2 := range []bool{false, true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool(), ServerName: "one.example.com", ClientSessionCache: tls.NewLRUClientSessionCache(4)}, ForceAttemptHTTP2: h2, DisableKeepAlives: !h2}
		for i := range 2 {
			answer, err := (&http.Client{Transport: transport}).Get("https://" + address)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if want := map[bool]string{false: "HTTP/1.1true", true: "HTTP/2.0true"}[h2]; string(text) != want {
				t.Errorf("got %s, want %s", text, want)
			}
			if !h2 && answer.TLS.DidResume != (i == 1) {
				t.Errorf("request %d: resumed %v", i, answer.TLS.DidResume)
			}
		}
		transport.CloseIdleConnections()
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	a, c := openOne(t)
	conn, err := tls.Dial("tcp", serve(t, c), &tls.Config{RootCAs: a.pool(), ServerName: "one.example.com", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

func TestAHandshakeThatNeverEndsHoldsUpNobody(t *testing.T) {
	a, c := openOne(t)
	address := serve(t, c)
	for range 20 {
		silent, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.pool(), ServerName: "one.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestPlainHTTPOnAListenerOfTLSIsToldSo(t *testing.T) {
	_, c := openOne(t)
	conn, err := net.Dial("tcp", serve(t, c))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: one.example.com\r\n\r\n")
	text, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(text), "HTTP/1.1 400 ") || !strings.Contains(string(text), "speaks HTTPS") {
		t.Errorf("got %q", text)
	}
}

func TestPlainHTTPIsLedToThePortalAloneAndNeverWithASecret(t *testing.T) {
	d := Redirect{Portal: "https://dev.example.com:8443", Gateway: func(host string) bool { return host == "api.example.com" }}
	for _, tt := range []struct {
		verb, host, target string
		status             int
		location           string
	}{
		{"GET", "dev.example.com", "/apis?q=a%20b", 308, "https://dev.example.com:8443/apis?q=a%20b"},
		{"HEAD", "DEV.example.com.:80", "/", 308, "https://dev.example.com:8443/"},
		{"GET", "dev.example.com", "//evil.example/x", 308, "https://dev.example.com:8443//evil.example/x"},
		{"POST", "dev.example.com", "/signin", 403, ""},
		{"GET", "api.example.com:80", "/echo/prod/get", 403, ""},
		{"GET", "evil.example", "/", 404, ""},
		{"GET", "", "/", 404, ""},
		{"OPTIONS", "dev.example.com", "*", 403, ""},
	} {
		r := httptest.NewRequest(tt.verb, "/", nil)
		r.Host, r.RequestURI = tt.host, tt.target
		path, query, _ := strings.Cut(tt.target, "?")
		r.URL.Path, r.URL.RawQuery = path, query
		if unescaped, ok := strings.CutSuffix(path, "%20"); ok {
			r.URL.Path = unescaped
		}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != tt.status || w.Header().Get("Location") != tt.location {
			t.Errorf("%s %s%s: got %d %q, want %d %q", tt.verb, tt.host, tt.target, w.Code, w.Header().Get("Location"), tt.status, tt.location)
		}
	}
}
