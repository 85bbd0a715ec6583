package enforcement_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/models"
)

// keeping is a world whose stage keeps answers for a minute; its upstream answers "path?query n", n rising.
func keeping(t testing.TB, with http.HandlerFunc) *one {
	t.Helper()
	o := newOne(t, nil)
	var n atomic.Int64
	o.up = newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if with != nil {
			with(w, r)
		}
		fmt.Fprintf(w, "%s %d", r.URL.RequestURI(), n.Add(1))
	})
	o.g = o.gateway(t, func(c *enforcement.Config) { c.CacheSize = 8 << 20 })
	o.world.stage(func() {
		o.stage.Upstream = o.up.url
		o.stage.Settings.Cache = &models.StageCache{TTL: time.Minute}
	})
	catchUp(t, o.g)
	return o
}

func (o *one) body(path, key string, with ...func(*http.Request)) string {
	return in(o.g, "GET", "/echo/prod"+path, key, with...).Body.String()
}

func TestKeptAnswersAreChargedCountedAndTold(t *testing.T) {
	o := keeping(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("X-Upstream", "1")
		w.Header().Set("Cache-Status", "origin; hit")
	})
	first := in(o.g, "GET", "/echo/prod/a", o.value)
	o.clock.advance(7 * time.Second)
	second := in(o.g, "GET", "/echo/prod/a", o.value)
	if first.Body.String() != "/a 1" || second.Body.String() != "/a 1" || second.Code != 200 {
		t.Errorf("answers are %q and %q", first.Body, second.Body)
	}
	if got := strings.Join(first.Header()["Cache-Status"], ", "); got != "origin; hit, gatehouse; fwd=uri-miss" || first.Header().Get("Age") != "" {
		t.Errorf("the first one says %q, Age %q", got, first.Header().Get("Age"))
	}
	h := second.Header()
	if got := strings.Join(h["Cache-Status"], ", "); got != "origin; hit, gatehouse; hit; ttl=53" || h.Get("Age") != "7" || h.Get("Content-Length") != "4" ||
		h.Get("X-Upstream") != "1" || h.Get("Content-Type") != "text/plain" {
		t.Errorf("the second one says %v", h)
	}
	if first.Header().Get("X-Request-Id") == h.Get("X-Request-Id") || h.Get("X-Request-Id") == "" {
		t.Error("both have the same request id")
	}
	if head := in(o.g, "HEAD", "/echo/prod/a", o.value); head.Body.Len() != 0 || head.Header().Get("Content-Length") != "4" || head.Header().Get("Age") != "7" {
		t.Errorf("HEAD is answered %q %v", head.Body, head.Header())
	}
	if n := len(o.up.requests()); n != 1 {
		t.Errorf("the upstream was asked %d times", n)
	}
	if stats, ok := o.g.CacheStats(o.stage.ID); !ok || stats.Entries != 1 || stats.Hits != 2 || stats.Misses != 1 || stats.Bytes == 0 {
		t.Errorf("stats = %+v, %v", stats, ok)
	}
	o.clock.advance(53 * time.Second)
	if got := o.body("/a", o.value); got != "/a 2" {
		t.Errorf("when its time is over: %q", got)
	}
	drain(t, o.g)
	if n, charged := o.count(o.key, models.OutcomeSuccess), o.chargedTo(o.key, o.plan); n != 4 || charged != 4 {
		t.Errorf("%d were counted and %d charged, want 4", n, charged)
	}
}

// What is kept is answered without an upstream: that none is in service is no reason to refuse it.
func TestKeptAnswersAreGivenWhileNoUpstreamIsInService(t *testing.T) {
	var broken atomic.Bool
	o := keeping(t, func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			hangsUp(w, r)
		}
	})
	_, other := o.addKey(o.plan)
	o.settle(t, func(s *models.StageSettings) { s.Targets.Retries = models.NoRetries })
	kept, open := o.body("/a", o.value), o.body("/open", "")
	broken.Store(true)
	for range 5 {
		o.body("/b", o.value)
	}
	for _, tt := range []struct{ path, key, want string }{
		{"/b", o.value, "upstream-out"}, {"/a", o.value, kept}, {"/open", "", open}, {"/a", other, "upstream-out"}, {"/a?x", o.value, "upstream-out"},
	} {
		if got := o.body(tt.path, tt.key); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.path, got, tt.want)
		}
	}
	if got := o.body("/a", o.value, func(r *http.Request) { r.Header.Set("X-Gatehouse-Quote", "1") }); !strings.Contains(got, `"would":"admit"`) {
		t.Errorf("a quote says %q", got)
	}
	o.clock.advance(time.Minute) // the upstream's pause is over, too: one request tries it
	o.body("/b", o.value)
	if got := o.body("/a", o.value); !strings.Contains(got, "upstream-out") {
		t.Errorf("what is not fresh any more: %q", got)
	}
	drain(t, o.g)
	if n := o.count(o.key, models.OutcomeSuccess); n != 2 {
		t.Errorf("%d were counted as answered, want 2", n)
	}
}

func TestKeptAnswersAreLimitedLikeOthers(t *testing.T) {
	o := keeping(t, nil)
	o.publish(o.plan, throttle(1, 3))
	catchUp(t, o.g)
	if n := o.spend(t, "/a"); n != 3 {
		t.Errorf("%d passed, want 3", n)
	}
	if w := in(o.g, "GET", "/echo/prod/a", o.value); w.Header().Get("Cache-Status") != "" {
		t.Errorf("a refusal says %v", w.Header())
	}
}

// The key is part of what an answer is kept under, and so is everything that the upstream is told (SECURITY.md, GW-50).
func TestNothingThatIsKeptForOneCallerIsAnsweredToAnother(t *testing.T) {
	o := keeping(t, nil)
	_, other := o.addKey(o.plan)
	catchUp(t, o.g)
	seen := map[string]string{}
	for name, ask := range map[string]func() string{
		"one":           func() string { return o.body("/a", o.value) },
		"another key":   func() string { return o.body("/a", other) },
		"another query": func() string { return o.body("/a?b", o.value) },
		"another path":  func() string { return o.body("/b", o.value) },
		"another host":  func() string { return o.body("/a", o.value, func(r *http.Request) { r.Host = "evil.test" }) },
		"by the API's id": func() string {
			return in(o.g, "GET", "/"+o.apis[0].ID.String()+"/prod/a", o.value).Body.String()
		},
		"of nobody": func() string { return o.body("/open", "") },
	} {
		answer := ask()
		if by := seen[answer]; by != "" {
			t.Errorf("%s gets what was kept for %s: %q", name, by, answer)
		}
		seen[answer] = name
		if again := ask(); again != answer {
			t.Errorf("%s: %q is not kept, the next answer is %q", name, answer, again)
		}
	}
}

func TestWhatSaysWhoAsksIsKeptOnlyWhereItIsPublic(t *testing.T) {
	control := ""
	o := keeping(t, func(w http.ResponseWriter, _ *http.Request) {
		if control != "" {
			w.Header().Set("Cache-Control", control)
		}
	})
	for _, name := range []string{"Authorization", "Cookie"} {
		as := func(who string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(name, who) } }
		path := "/a?" + name
		if one, again := o.body(path, o.value, as("x=1")), o.body(path, o.value, as("x=1")); one == again {
			t.Errorf("%s: the answer of somebody is kept", name)
		}
		if common, mine := o.body(path, o.value), o.body(path, o.value); common != mine {
			t.Errorf("%s: what nobody asked for by name is not kept", name)
		}
		control = "public, max-age=60"
		if one, two := o.body(path+"2", o.value, as("x=1")), o.body(path+"2", o.value, as("x=2")); one != two {
			t.Errorf("%s: an answer that is public is not kept", name)
		}
		control = ""
		o.settle(t, func(s *models.StageSettings) { s.Cache.Vary = []string{name} })
		if one, again, two := o.body(path, o.value, as("x=1")), o.body(path, o.value, as("x=1")), o.body(path, o.value, as("x=2")); one != again || one == two {
			t.Errorf("%s makes answers different: %q, %q, %q", name, one, again, two)
		}
		o.settle(t, func(s *models.StageSettings) { s.Cache.Vary = nil })
	}
}

func TestConditionsAreAnsweredByWhatIsKept(t *testing.T) {
	o := keeping(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Etag", `"v1"`)
		w.Header().Set("Content-Type", "text/plain")
	})
	o.body("/a", o.value)
	w := in(o.g, "GET", "/echo/prod/a", o.value, func(r *http.Request) { r.Header.Set("If-None-Match", `W/"v1"`) })
	if w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("Etag") != `"v1"` || w.Header().Get("Content-Type") != "" || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if got := o.body("/a", o.value, func(r *http.Request) { r.Header.Set("If-None-Match", `"v2"`) }); got != "/a 1" {
		t.Errorf("for another copy: %q", got)
	}
	ranged := in(o.g, "GET", "/echo/prod/a", o.value, func(r *http.Request) { r.Header.Set("Range", "bytes=0-1") })
	if ranged.Header().Get("Cache-Status") != "gatehouse; fwd=bypass" || ranged.Body.String() != "/a 2" {
		t.Errorf("a range: %q %v", ranged.Body, ranged.Header())
	}
}

func TestCallersGetPastTheCacheOnlyWhereTheStageLetsThem(t *testing.T) {
	o := keeping(t, nil)
	says := func(control string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Cache-Control", control) }
	}
	o.body("/a", o.value)
	for _, control := range []string{"no-cache", "max-age=0", "no-store"} {
		if got := o.body("/a", o.value, says(control)); got != "/a 1" {
			t.Errorf("%s gets past: %q", control, got)
		}
	}
	o.settle(t, func(s *models.StageSettings) { s.Cache.Bypass = true })
	o.body("/a", o.value)
	if got, next := o.body("/a", o.value, says("no-cache")), o.body("/a", o.value); got != "/a 3" || next != got {
		t.Errorf("no-cache gets %q, and the next one %q", got, next)
	}
	if got, next := o.body("/a", o.value, says("no-store")), o.body("/a", o.value); got != "/a 4" || next != "/a 3" {
		t.Errorf("no-store gets %q, and the next one %q", got, next)
	}
	o.clock.advance(5 * time.Second)
	if got := o.body("/a", o.value, says("max-age=4")); got != "/a 5" {
		t.Errorf("who takes four seconds gets %q after five", got)
	}
}

func TestAPurgeAndAChangeOfTheStageHoldOnTheNextRequest(t *testing.T) {
	o := keeping(t, nil)
	for i, change := range []func(*models.StageSettings){
		func(s *models.StageSettings) { s.Cache.Epoch++ },
		func(s *models.StageSettings) {
			s.Request = []models.HeaderRule{{Action: models.HeaderSet, Name: "X-A", Value: "1"}}
		},
		func(s *models.StageSettings) { s.Variables = map[string]string{"a": "b"} },
		func(*models.StageSettings) { o.stage.Methods = append(o.stage.Methods, o.method("GET /new")) },
	} {
		before := o.body("/a", o.value)
		o.settle(t, change)
		if after := o.body("/a", o.value); after == before {
			t.Errorf("after change %d what was kept before is answered", i)
		}
	}
	before := o.body("/a", o.value)
	o.settle(t, func(s *models.StageSettings) {
		s.Response = []models.HeaderRule{{Action: models.HeaderSet, Name: "X-Rule", Value: "${requestId}"}}
		s.CORS = &models.CORS{Origins: []string{"*"}}
	})
	w := in(o.g, "GET", "/echo/prod/a", o.value, fromPage(page))
	if h := w.Header(); w.Body.String() != before || h.Get("X-Rule") != h.Get("X-Request-Id") || h.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("by new rules for answers: %q %v", w.Body, h)
	}
	o.settle(t, func(s *models.StageSettings) { s.Cache = nil })
	if w := in(o.g, "GET", "/echo/prod/a", o.value); w.Body.String() == before || w.Header().Get("Cache-Status") != "" {
		t.Errorf("without a cache: %q %v", w.Body, w.Header())
	}
}

func TestAWriteForgetsWhatIsKeptOfItsAddress(t *testing.T) {
	o := keeping(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Fail") != "" {
			w.WriteHeader(400)
		}
	})
	post := func(with ...func(*http.Request)) { in(o.g, "POST", "/echo/prod/a", o.value, with...) }
	before, other := o.body("/a", o.value), o.body("/b", o.value)
	post(func(r *http.Request) { r.Header.Set("X-Fail", "1") })
	if got := o.body("/a", o.value); got != before {
		t.Errorf("after a write that failed: %q", got)
	}
	post()
	if got := o.body("/a", o.value); got == before {
		t.Errorf("after a write: %q", got)
	}
	if got := o.body("/b", o.value); got != other {
		t.Errorf("of another address: %q", got)
	}
}

// Those who ask for the same at once make one request to the upstream, and none of them waits for long where that fails.
func TestRequestsForTheSameAnswerAreOneToTheUpstream(t *testing.T) {
	came, release := make(chan struct{}, 100), make(chan struct{})
	var broken atomic.Bool
	o := keeping(t, func(w http.ResponseWriter, _ *http.Request) {
		came <- struct{}{}
		<-release
		if broken.Load() {
			panic(http.ErrAbortHandler)
		}
	})
	o.clock = nil
	_, other := o.addKey(o.plan)
	catchUp(t, o.g)
	url := serve(t, o.g)
	ask := func(key string) (status int, body string) {
		r := newRequest(t, "GET", url+"/echo/prod/a", nil)
		r.Header.Set("X-Api-Key", key)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text) + res.Header.Get("Cache-Status")
	}
	var group sync.WaitGroup
	answers := make(chan string, 100)
	for range 10 {
		group.Go(func() { _, body := ask(o.value); answers <- body })
	}
	<-came
	group.Go(func() { _, body := ask(other); answers <- body })
	<-came                            // another key's request waits for nobody
	time.Sleep(50 * time.Millisecond) // let the others come to where they wait; too short is no failure
	close(release)
	group.Wait()
	close(answers)
	counts := map[string]int{}
	for a := range answers {
		counts[a]++
	}
	if n := len(o.up.requests()); n != 2 {
		t.Errorf("%d requests of two keys reached the upstream: %v", n, counts)
	}
	broken.Store(true)
	o.settle(t, func(s *models.StageSettings) { s.Cache.Epoch++ })
	for range 5 {
		group.Go(func() {
			if status, _ := ask(o.value); status != 502 && status != 503 { // after some of them it is out of service
				t.Errorf("where the upstream fails: %d", status)
			}
		})
	}
	group.Wait()
}

// What a caller does not take off the wire is not kept in the middle.
func TestAnAnswerThatTheUpstreamBreaksOffIsNotKept(t *testing.T) {
	var whole atomic.Bool
	o := keeping(t, func(w http.ResponseWriter, _ *http.Request) {
		if !whole.Load() {
			w.Header().Set("Cache-Control", "max-age=60")
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	url := serve(t, o.g)
	if res, err := http.DefaultClient.Do(o.request(t, url)); err == nil {
		if text, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("half an answer looks whole: %q", text)
		}
		res.Body.Close()
	}
	whole.Store(true)
	if got := o.body("/a", o.value); strings.HasPrefix(got, "half") {
		t.Errorf("half an answer is kept: %q", got)
	}
}

func (o *one) request(t testing.TB, url string) *http.Request {
	r := newRequest(t, "GET", url+"/echo/prod/a", nil).WithContext(context.Background())
	r.Header.Set("X-Api-Key", o.value)
	return r
}
