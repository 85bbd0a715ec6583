package enforcement_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// SECURITY.md, GW-42 and R10: whatever strangers invent (keys, hosts, paths, addresses), nothing of it is kept.
func TestFloodsOfStrangersLeaveNothingBehind(t *testing.T) {
	o, _ := through(t, nil)
	o.world.stage(func() {
		o.stage.Methods = append(o.stage.Methods, o.method("open GET /free"))
		o.stage.Throttle = &limit.Throttle{Rate: 0, Burst: 0} // so that nobody reaches the upstream
	})
	o.g = o.gateway(t)
	kinds := []func(i int) *http.Request{
		func(int) *http.Request { return httptest.NewRequest("GET", "/echo/prod/x", nil) },
		func(i int) *http.Request { return httptest.NewRequest("GET", fmt.Sprintf("/api-%d/prod/x", i), nil) },
		func(i int) *http.Request {
			return httptest.NewRequest("POST", fmt.Sprintf("/echo/prod/free/%d", i), nil)
		},
		func(int) *http.Request { return httptest.NewRequest("GET", "/echo/prod/free", nil) },
		func(i int) *http.Request {
			r := httptest.NewRequest("OPTIONS", "/echo/prod/x", nil)
			r.Header.Set("Origin", fmt.Sprintf("https://page-%d.example", i))
			r.Header.Set("Access-Control-Request-Method", "GET")
			return r
		},
	}
	answers := map[int]int{}
	send := func(from, n int) {
		for i := from; i < from+n; i++ {
			r := kinds[i%len(kinds)](i)
			r.Host = fmt.Sprintf("host-%d.example", i)
			r.RemoteAddr = fmt.Sprintf("[2001:db8:%x:%x::1]:%d", i>>16, i&0xffff, 1024+i%60000)
			r.Header.Set("X-Api-Key", secret.Generate(secret.Prefix{}).Reveal())
			r.Header.Set("User-Agent", fmt.Sprintf("agent/%d", i))
			w := httptest.NewRecorder()
			o.g.ServeHTTP(w, r)
			answers[w.Code]++
		}
	}
	send(0, 1000)
	before := liveHeap()
	send(1000, flood(1_000_000))
	if grown := int64(liveHeap()) - int64(before); grown > 1<<20 {
		t.Errorf("%d strangers left %d bytes", flood(1_000_000), grown)
	}
	for status := range answers {
		if status == 200 || status >= 500 {
			t.Errorf("answers: %v", answers)
			break
		}
	}
	if n := len(o.up.requests()); n != 0 {
		t.Errorf("%d of them reached the upstream", n)
	}
}
