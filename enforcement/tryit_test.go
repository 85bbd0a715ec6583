package enforcement_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/models"
)

// A call of the portal in the name of a key is like any other: limited, counted, answered.
func TestCallsInTheNameOfAKey(t *testing.T) {
	o := newOne(t, throttle(0.001, 2))
	up := newUpstream(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s", r.Method, r.RequestURI) })
	o.world.stage(func() { o.stage.Upstream = up.url })
	catchUp(t, o.g)
	call := func(target string) (*http.Response, string) {
		r := httptest.NewRequest("GET", target, nil)
		res, err := o.g.Call(context.Background(), o.key, r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		return res, string(body)
	}
	for _, want := range []int{200, 200, 429} {
		res, body := call("/echo/prod/a?x=1")
		if res.StatusCode != want || want == 200 && body != "GET /a?x=1" || res.Header.Get("X-RateLimit-Limit") != "2" || res.Header.Get("X-Request-Id") == "" {
			t.Errorf("got %d %q %v, want %d", res.StatusCode, body, res.Header, want)
		}
	}
	if got := up.requests()[0]; got.Header.Get("X-Api-Key-Id") != o.key.String() || got.Header.Get("X-Api-Key") != "" {
		t.Errorf("the upstream got %v", got.Header)
	}
	if res, _ := call("/echo/prod/nothing"); res.StatusCode != 404 {
		t.Errorf("an unknown path: %d", res.StatusCode)
	}
	o.change(o.key, func(c *models.Credential) { c.Enabled = false })
	catchUp(t, o.g)
	if res, _ := call("/echo/prod/a"); res.StatusCode != 403 {
		t.Errorf("a disabled key: %d", res.StatusCode)
	}
	if res, err := o.g.Call(context.Background(), 0, httptest.NewRequest("GET", "/echo/prod/a", nil)); err != nil || res.StatusCode != 403 {
		t.Errorf("a call in nobody's name: %v %v", res, err)
	}
	drain(t, o.g)
	if n := o.count(o.key, models.OutcomeSuccess); n != 2 {
		t.Errorf("%d counted, want 2", n)
	}
}

func TestACallKeepsABoundedAnswer(t *testing.T) {
	o := newOne(t, nil)
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, zeros{}) })
	o.world.stage(func() { o.stage.Upstream = up.url })
	catchUp(t, o.g)
	res, err := o.g.Call(context.Background(), o.key, httptest.NewRequest("GET", "/echo/prod/a", nil))
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); len(body) != 1<<20 {
		t.Errorf("%d bytes, want 1 MiB", len(body))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := o.g.Call(ctx, o.key, httptest.NewRequest("GET", "/echo/prod/a", nil)); err == nil {
		t.Error("a call whose time is over")
	}
}
