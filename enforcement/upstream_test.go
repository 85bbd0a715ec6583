package enforcement_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

// GW-49: however an upstream fails, the caller learns why, and the request is counted once.
func TestUpstreamsThatFail(t *testing.T) {
	tests := []struct {
		name, says string
		slug       string // empty: an answer begins and breaks off
	}{
		{"nothing", "", "upstream-unreachable"},
		{"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "upstream-invalid"},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Le", "upstream-invalid"},
		{"a head that is too long", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300<<10) + "\r\n\r\n", "upstream-invalid"},
		{"a broken header", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "upstream-invalid"},
		{"a status that is none", "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", "upstream-invalid"},
		{"a broken length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "upstream-invalid"},
		{"nothing but interim answers", strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", 100), "upstream-invalid"},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", ""},
		{"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf", ""},
		{"a broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, url := through(t, nil)
			o.world.stage(func() { o.stage.Upstream = "http://" + rawServer(t, tt.says) })
			catchUp(t, o.g)
			r := newRequest(t, "POST", url+"/echo/prod/a", nil) // POST: net/http does not try it again
			r.Header.Set("x-api-key", o.value)
			res, err := http.DefaultTransport.RoundTrip(r)
			var body []byte
			if err == nil {
				body, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if tt.slug == "" {
				if err == nil {
					t.Errorf("half an answer looks like a whole one: %d %q", res.StatusCode, body)
				}
				if res == nil || res.Header.Get("X-Request-Id") == "" {
					t.Errorf("no head came, though the upstream sent one: %v", err)
				}
			} else if err != nil {
				t.Errorf("no answer: %v", err)
			} else if p := problemOf(t, res.Header, bytes.NewReader(body)); !strings.HasSuffix(p.Type, "/"+tt.slug) || res.StatusCode != 502 || p.RequestID == "" {
				t.Errorf("got %d %s, want %s", res.StatusCode, body, tt.slug)
			}
			if ends := o.counted(t, 1); ends[models.OutcomeUpstream] != 1 {
				t.Errorf("ended as %v", ends)
			}
			if n := o.chargedTo(o.key, o.plan); n != 1 {
				t.Errorf("charged %d", n)
			}
		})
	}
}

func TestAnUpstreamIsGivenItsTimeToBegin(t *testing.T) {
	t.Run("a slow answer", func(t *testing.T) {
		o, url := through(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		o.world.stage(func() { o.stage.Timeout = 30 * time.Millisecond })
		catchUp(t, o.g)
		res := o.do(t, newRequest(t, "GET", url+"/echo/prod/a", nil))
		if res.StatusCode != 504 {
			t.Errorf("status = %d", res.StatusCode)
		}
		if ends := o.counted(t, 1); ends[models.OutcomeUpstream] != 1 {
			t.Errorf("ended as %v", ends)
		}
	})
	t.Run("an answer that begins in time and lasts", func(t *testing.T) {
		t.Parallel()
		const timeout = 2 * time.Second // of which a busy machine may need the most for nothing
		o, url := through(t, func(w http.ResponseWriter, _ *http.Request) {
			for range 10 {
				io.WriteString(w, "x")
				http.NewResponseController(w).Flush()
				time.Sleep(timeout / 8)
			}
		})
		o.world.stage(func() { o.stage.Timeout = timeout })
		catchUp(t, o.g)
		body, err := io.ReadAll(o.do(t, newRequest(t, "GET", url+"/echo/prod/a", nil)).Body)
		if string(body) != "xxxxxxxxxx" || err != nil {
			t.Errorf("body = %q, %v", body, err)
		}
	})
	t.Run("a client that sends slowly", func(t *testing.T) {
		t.Parallel()
		const timeout = 2 * time.Second
		o, url := through(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
		o.world.stage(func() { o.stage.Timeout = timeout })
		catchUp(t, o.g)
		body, send := io.Pipe()
		go func() {
			for range 10 {
				io.WriteString(send, "x")
				time.Sleep(timeout / 8)
			}
			send.Close()
		}()
		res := o.do(t, newRequest(t, "POST", url+"/echo/prod/a", body))
		if got, err := io.ReadAll(res.Body); string(got) != "xxxxxxxxxx" || err != nil {
			t.Errorf("%d %q, %v", res.StatusCode, got, err)
		}
	})
}

func TestAClientThatGoesAwayIsCountedAsSuch(t *testing.T) {
	for _, begun := range []bool{false, true} {
		t.Run(fmt.Sprintf("answer begun %v", begun), func(t *testing.T) {
			arrived, ended := make(chan struct{}), make(chan struct{})
			o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
				if begun {
					io.WriteString(w, "x")
					http.NewResponseController(w).Flush()
				}
				close(arrived)
				<-r.Context().Done()
				close(ended)
			})
			ctx, cancel := context.WithCancel(context.Background())
			r := newRequest(t, "GET", url+"/echo/prod/a", nil).WithContext(ctx)
			r.Header.Set("x-api-key", o.value)
			go func() {
				if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}()
			<-arrived
			cancel()
			<-ended // the upstream learns of it too
			if ends := o.counted(t, 1); ends[models.OutcomeAborted] != 1 {
				t.Errorf("ended as %v", ends)
			}
		})
	}
}

// An upstream's certificate is checked, always.
func TestAnUpstreamWithoutATrustedCertificateIsNotReached(t *testing.T) {
	o := newOne(t, nil)
	called := false
	up := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	t.Cleanup(up.Close)
	for url, want := range map[string]string{
		up.URL: "its certificate is not trusted", strings.Replace(o.up.url, "http:", "https:", 1): "it does not speak TLS as it should",
	} {
		o.world.stage(func() { o.stage.Upstream = url })
		catchUp(t, o.g)
		w := in(o.g, "GET", "/echo/prod/a", o.value)
		if p := problemOf(t, w.Header(), w.Body); !strings.Contains(p.Detail, want) {
			t.Errorf("%s: %q, want %q", url, p.Detail, want)
		}
	}
	if called {
		t.Error("it was called")
	}
}
