package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// hammer sends n requests, many at once, and returns how often each status came and every answer's headers.
func (w *world) hammer(n int, path, key string) (map[int]int, []http.Header) {
	w.Helper()
	client := &http.Transport{MaxIdleConnsPerHost: 64}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var group sync.WaitGroup
	statuses, heads := map[int]int{}, []http.Header{}
	next := make(chan struct{}, n)
	for range n {
		next <- struct{}{}
	}
	close(next)
	for range 64 {
		group.Go(func() {
			for range next {
				r, _ := http.NewRequest(http.MethodGet, w.gateway+path, nil)
				r.Header.Set("x-api-key", key)
				answer, err := client.RoundTrip(r)
				if err != nil {
					mu.Lock()
					statuses[0]++
					mu.Unlock()
					continue
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				mu.Lock()
				statuses[answer.StatusCode]++
				heads = append(heads, answer.Header)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return statuses, heads
}

func TestAttackLimitsAreExactHoweverManyCallAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.api(w.owner, "shop", "GET /items\nGET /other")
	never := "0.00001" // a rate at which nothing refills while the test runs

	t.Run("a quota of N admits N", func(t *testing.T) {
		plan := w.plan(w.owner, "Quota", []service{s}, "limited", "on", "quota", "137", "period", "month", "month_day", "1")
		g := w.subscribe(w.dev, s, plan)
		w.origin.take()
		statuses, heads := w.hammer(1000, "/shop/prod/items", g.value)
		if reached := len(w.origin.take()); statuses[200] != 137 || statuses[429] != 863 || reached != 137 {
			t.Errorf("%v, %d reached the upstream; want 137 of each", statuses, reached)
		}
		left := map[string]int{}
		for _, h := range heads {
			left[h.Get("X-Ratelimit-Remaining")]++
			if h.Get("X-Ratelimit-Limit") != "137" || h.Get("X-Ratelimit-Reset") == "" || !strings.Contains(h.Get("Ratelimit-Policy"), `"quota";q=137`) {
				t.Fatalf("limit headers: %v", h)
			}
		}
		for i := 1; i < 137; i++ {
			if left[strconv.Itoa(i)] != 1 {
				t.Fatalf("%d answers say that %d are left", left[strconv.Itoa(i)], i)
			}
		}
		// Rotating does not wash the quota: another value of the key has the same count.
		w.done(w.dev, "/keys/"+g.key+"/rotate", "overlap", "0")
		w.expect("GET", "/shop/prod/items", find(t, valuePattern, w.dev.page("/keys/"+g.key+"?new=1")), 429, "quota-exceeded")
		if status, _ := w.call("GET", "/shop/prod/items", g.value); status != http.StatusForbidden {
			t.Errorf("the old value: %d", status)
		}
	})
	t.Run("a burst of N admits N, and what it refuses spends no quota", func(t *testing.T) {
		plan := w.plan(w.owner, "Burst", []service{s}, "throttled", "on", "rate", never, "burst", "50", "limited", "on", "quota", "1000", "period", "day")
		g := w.subscribe(w.dev, s, plan)
		statuses, heads := w.hammer(400, "/shop/prod/items", g.value)
		if statuses[200] != 50 || statuses[429] != 350 {
			t.Errorf("%v", statuses)
		}
		for _, h := range heads {
			if left, _ := strconv.Atoi(h.Get("X-Ratelimit-Remaining")); left < 950 {
				t.Fatalf("a refused request spent quota: %d left", left)
			}
			if (h.Get("Retry-After") != "") != (h.Get("Content-Type") == "application/problem+json") {
				t.Fatalf("Retry-After: %v", h)
			}
		}
	})
	t.Run("two values and two stages share one bucket", func(t *testing.T) {
		at := w.owner.done(w.owner.post("/owner/apis/"+s.id+"/stages", "name", "beta", "upstream", w.origin.URL, "timeout", "5", "deploy", "on"))
		beta := service{stage: find(t, "/stages/"+anID+`"[^>]*>[^<]*beta`, w.owner.page(at))}
		plan := w.plan(w.owner, "Both", []service{s, beta}, "throttled", "on", "rate", never, "burst", "40")
		g := w.subscribe(w.dev, s, plan)
		w.done(w.dev, "/keys/"+g.key+"/rotate", "overlap", "1h")
		second := find(t, valuePattern, w.dev.page("/keys/"+g.key+"?new=1"))
		var mu sync.Mutex
		var group sync.WaitGroup
		sum := 0
		for _, call := range [][2]string{{"/shop/prod/items", g.value}, {"/shop/beta/items", g.value}, {"/shop/prod/other", second}, {"/" + s.id + "/beta/items", second}} {
			group.Go(func() {
				statuses, _ := w.hammer(30, call[0], call[1])
				mu.Lock()
				defer mu.Unlock()
				sum += statuses[200]
			})
		}
		group.Wait()
		if sum != 40 {
			t.Errorf("%d admitted, want 40", sum)
		}
	})
	t.Run("a stage's throttle holds for all its callers together", func(t *testing.T) {
		tight := w.api(w.owner, "tight", "GET /items")
		w.done(w.owner, "/owner/apis/"+tight.id+"/stages/"+tight.stage, "upstream", w.origin.URL, "timeout", "5", "rate", never, "burst", "30")
		plan := w.plan(w.owner, "Tight", []service{tight}, "limited", "on", "quota", "25", "period", "day")
		sum, over := 0, 0
		for _, who := range []*person{w.dev, w.other} {
			statuses, heads := w.hammer(100, "/tight/prod/items", w.subscribe(who, tight, plan).value)
			sum += statuses[200]
			for _, h := range heads {
				if strings.Contains(h.Get("X-Amzn-Errortype"), "LimitExceeded") {
					over++
				}
			}
		}
		if sum != 30 || over != 75 {
			t.Errorf("%d admitted, %d over quota; want 30 and 75", sum, over)
		}
	})
	t.Run("charge delivered gives back what the upstream failed", func(t *testing.T) {
		plan := w.plan(w.owner, "Delivered", []service{s}, "charge", "delivered", "limited", "on", "quota", "10", "period", "day")
		g := w.subscribe(w.dev, s, plan)
		if statuses, _ := w.hammer(60, "/shop/prod/items?status=500", g.value); statuses[500]+statuses[429] != 60 || statuses[500] < 10 {
			t.Errorf("%v", statuses)
		}
		if statuses, _ := w.hammer(60, "/shop/prod/items?status=404", g.value); statuses[404] != 10 || statuses[429] != 50 {
			t.Errorf("%v", statuses)
		}
	})
}

func TestAttackEveryProblemSaysWhatItIsAndHasAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.mixed()
	plan := w.plan(w.owner, "Tiny", []service{s}, "throttled", "on", "rate", "0.001", "burst", "1")
	g := w.subscribe(w.dev, s, plan)
	w.call("GET", "/mixed/prod/secret", g.value)
	seen := map[string]bool{}
	for _, c := range []struct {
		request string
		status  int
		message string
	}{
		{"GET /mixed/prod/secret", 403, "Forbidden"}, {"GET /mixed/prod/secret\r\nx-api-key: short", 403, "Forbidden"}, {"GET /mixed/prod/secret\r\nx-api-key: aaaaaaaaaabbbbbbbbbbccccccccccc", 403, "Forbidden"},
		{"GET /mixed/prod/secret\r\nx-api-key: " + g.value + "\r\nx-api-key: " + g.value, 403, "Forbidden"}, {"GET /mixed/prod/secret\r\nx-api-key: " + g.value, 429, "Too Many Requests"},
		{"GET /nothing/prod/x", 404, "Not Found"}, {"GET /mixed/nothing/x", 404, "Not Found"}, {"GET /mixed/prod/nothing", 404, "Not Found"}, {"DELETE /mixed/prod/both", 405, "Method Not Allowed"}, {"TRACE /mixed/prod/both", 501, "Not Implemented"},
		{"GET /mixed/prod/%2e%2e/x", 400, "Bad Request"}, {"GET /mixed/prod/open/" + strings.Repeat("a", 9000), 414, "Request URI Too Long"}, {"GET /mixed/prod/open/x" + strings.Repeat("\r\na: b", 200), 431, "Request Header Fields Too Large"},
	} {
		line, heads, _ := strings.Cut(c.request, "\r\n")
		if heads != "" {
			heads += "\r\n"
		}
		answer := raw(t, w.gateway, line+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+heads+"\r\n")
		head, body, _ := strings.Cut(answer, "\r\n\r\n")
		var p struct {
			Type, Title, Detail, Message, RequestID string
			Status                                  int
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Errorf("%.60q: %v: %.200q", c.request, err, answer)
			continue
		}
		id := find(t, `(?i)\r\nx-request-id: (\S+)`, head)
		if p.Status != c.status || !strings.HasPrefix(head, "HTTP/1.1 "+strconv.Itoa(c.status)) || p.Message != c.message || p.RequestID != id || p.Title == "" || p.Detail == "" || !strings.Contains(strings.ToLower(head), "content-type: application/problem+json") {
			t.Errorf("%.60q: %+v\n%s", c.request, p, head)
		}
		if strings.Contains(strings.ToLower(head), "retry-after") != (c.status == 429) {
			t.Errorf("%.60q: Retry-After\n%s", c.request, head)
		}
		if strings.Contains(body, g.value) || strings.Contains(answer, w.origin.URL) {
			t.Errorf("%.60q: tells too much: %s", c.request, body)
		}
		if seen[p.Type] {
			t.Errorf("%.60q: type %s came before", c.request, p.Type)
		}
		seen[p.Type] = true
		page, err := http.Get(p.Type)
		if err != nil || page.StatusCode != http.StatusOK || !strings.Contains(text(t, page), p.Title) {
			t.Errorf("%s: no page: %v", p.Type, err)
		}
	}
}
