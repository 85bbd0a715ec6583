package enforcement_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/enforcement"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// one is a world with one API, plan and key, on a virtual clock, with a gateway in front.
type one struct {
	*world
	g     *enforcement.Gateway
	up    *upstream
	stage *models.GatewayStage
	plan  models.PlanID
	key   models.KeyID
	value string
}

func newOne(t testing.TB, terms func(*models.Terms)) *one {
	t.Helper()
	o := &one{world: newWorld()}
	o.clock = newClock("2026-03-10 12:00:00")
	o.up = newUpstream(t, nil)
	o.stage = o.addAPI("echo", o.up.url, "GET /a", "GET /b", "POST /a", "open GET /open")
	o.plan = o.addPlan("Free", terms, o.stage)
	o.key, o.value = o.addKey(o.plan)
	o.g = o.gateway(t)
	return o
}

// get returns the slug of the answer's problem, "" if it came from the upstream.
func (o *one) get(t testing.TB, path string) string {
	t.Helper()
	return slugOf(t, in(o.g, "GET", "/echo/prod"+path, o.value))
}

// spend sends requests until one is refused, and returns how many passed.
func (o *one) spend(t testing.TB, path string) (passed int) {
	t.Helper()
	for o.get(t, path) == "" {
		passed++
	}
	return passed
}

// The worked examples of AWS's documentation (spec 2.4): 10,000 a second with a burst of 5,000, through the whole policy.
func TestThrottleServesTheWorkedExamples(t *testing.T) {
	const ms = time.Millisecond
	evenly := func(n int, from, to time.Duration) (at []time.Duration) {
		for i := range n {
			at = append(at, from+time.Duration(i)*(to-from)/time.Duration(n))
		}
		return at
	}
	tests := []struct {
		name     string
		arrivals [][]time.Duration
		served   int
	}{
		{"10,000 evenly over 1 s", [][]time.Duration{evenly(10_000, 0, 1000*ms)}, 10_000},
		{"10,000 at once", [][]time.Duration{evenly(10_000, 0, 0)}, 5_000},
		{"5,000 at once, 5,000 evenly over the rest", [][]time.Duration{evenly(5_000, 0, 0), evenly(5_000, ms, 1000*ms)}, 10_000},
		{"5,000 at once, 5,000 after 100 ms", [][]time.Duration{evenly(5_000, 0, 0), evenly(5_000, 100*ms, 100*ms)}, 6_000},
		{"5,000 at once, 1,000 after 100 ms, 4,000 evenly", [][]time.Duration{evenly(5_000, 0, 0), evenly(1_000, 100*ms, 100*ms), evenly(4_000, 101*ms, 501*ms)}, 10_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOne(t, throttle(10_000, 5_000))
			start, served := o.clock.now(), 0
			for _, some := range tt.arrivals {
				for _, at := range some {
					o.clock.nanos.Store(start.Add(at).UnixNano())
					if o.g.Admit("echo", "prod", "GET", "/a", o.value) == "" {
						served++
					}
				}
			}
			if served != tt.served {
				t.Errorf("served %d, want %d", served, tt.served)
			}
		})
	}
}

// R5, with fractional rates.
func TestNoWindowAdmitsMoreThanBurstAndRate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rate := rapid.SampledFrom([]float64{0.1, 0.5, 1, 3, 7.5, 100}).Draw(rt, "rate")
		burst := rapid.Int64Range(1, 20).Draw(rt, "burst")
		w := newWorld()
		w.clock = newClock("2026-03-10 12:00:00")
		st := w.addAPI("echo", "http://192.0.2.1", "GET /a")
		_, value := w.addKey(w.addPlan("Free", throttle(rate, burst), st))
		g := w.gateway(t)
		var admitted []time.Time
		for range 200 {
			w.clock.advance(time.Duration(rapid.Int64Range(0, int64(float64(time.Second)*2/rate)).Draw(rt, "pause")))
			if g.Admit("echo", "prod", "GET", "/a", value) == "" {
				admitted = append(admitted, w.clock.now())
			}
		}
		for i := range admitted {
			for j := i; j < len(admitted); j++ {
				if most := float64(burst) + rate*admitted[j].Sub(admitted[i]).Seconds(); float64(j-i+1) > most+1e-6 {
					rt.Fatalf("%d admitted within %v, want at most %v", j-i+1, admitted[j].Sub(admitted[i]), most)
				}
			}
		}
	})
}

func TestQuotaWindowsRollOverByThemselves(t *testing.T) {
	tests := []struct {
		name   string
		quota  limit.Quota
		resets string // from 2026-03-10 12:00, a Tuesday
	}{
		{"day", limit.Quota{Limit: 3, Period: limit.PeriodDay}, "2026-03-11 00:00:00"},
		{"week", limit.Quota{Limit: 3, Period: limit.PeriodWeek}, "2026-03-16 00:00:00"},
		{"week from Thursday", limit.Quota{Limit: 3, Period: limit.PeriodWeek, Offset: 3}, "2026-03-12 00:00:00"},
		{"month", limit.Quota{Limit: 3, Period: limit.PeriodMonth}, "2026-04-01 00:00:00"},
		{"month from the 15th", limit.Quota{Limit: 3, Period: limit.PeriodMonth, Offset: 14}, "2026-03-15 00:00:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOne(t, func(t *models.Terms) { t.Quota = &tt.quota })
			resets, _ := time.Parse(time.DateTime, tt.resets)
			if got := o.spend(t, "/a"); got != 3 {
				t.Fatalf("%d passed, want 3", got)
			}
			w := in(o.g, "GET", "/echo/prod/a", o.value)
			if got, want := w.Header().Get("Retry-After"), strconv.Itoa(int(resets.Sub(o.clock.now())/time.Second)); got != want {
				t.Errorf("Retry-After = %q, want %q", got, want)
			}
			if l, _ := o.g.Limits(t.Context(), o.key, o.plan); !l.Window.End.Equal(resets) || l.Used != 3 || l.Left != 0 {
				t.Errorf("Limits = %+v", l)
			}
			o.clock.nanos.Store(resets.UnixNano() - 1)
			if got := o.get(t, "/a"); got != "quota-exceeded" {
				t.Errorf("just before the window ends: %q", got)
			}
			o.clock.nanos.Store(resets.UnixNano())
			if got := o.spend(t, "/a"); got != 3 {
				t.Errorf("%d passed in the new window, want 3", got)
			}
		})
	}
}

// A clock that was wrong by a month for a moment costs nobody a month.
func TestAClockThatWasFarAheadBlocksNoKeyForGood(t *testing.T) {
	o := newOne(t, quota(3, limit.PeriodMonth))
	o.clock.advance(31 * 24 * time.Hour)
	if got := o.spend(t, "/a"); got != 3 {
		t.Fatalf("%d passed, want 3", got)
	}
	o.clock.advance(-31 * 24 * time.Hour)
	if got := o.spend(t, "/a"); got != 3 {
		t.Errorf("%d passed when the clock was right again, want 3", got)
	}
}

// chargedOn is what the key was charged on a day, after a commit.
func (o *one) chargedOn(t testing.TB, day string) int64 {
	t.Helper()
	if err := o.g.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.charged[charge{o.key, o.plan, at.Unix() / 86400}]
}

// Each labelled window admits at most its limit, whatever the clock does (DECISIONS 60).
func TestAClockThatGoesBackOpensNoQuota(t *testing.T) {
	o := newOne(t, quota(3, limit.PeriodDay))
	o.clock.advance(13 * time.Hour) // the 11th, 01:00
	if got := o.spend(t, "/a"); got != 3 {
		t.Fatalf("%d passed, want 3", got)
	}
	for range 2 {
		o.clock.advance(-2 * time.Hour)
		o.spend(t, "/a")
		if n := o.chargedOn(t, "2026-03-10"); n != 3 {
			t.Errorf("%d on the 10th, want 3", n)
		}
		o.clock.advance(2 * time.Hour)
		if got := o.get(t, "/a"); got != "quota-exceeded" {
			t.Errorf("on the 11th again: %q", got)
		}
	}
	o.clock.advance(24 * time.Hour)
	if got := o.spend(t, "/a"); got != 3 {
		t.Errorf("on the 12th: %d passed, want 3", got)
	}
}

// R4: 64 callers at once get exactly what the quota holds.
func TestAQuotaAdmitsExactlyItsLimitHoweverManyCallAtOnce(t *testing.T) {
	const most, callers, each = 500, 64, 20
	o := newOne(t, quota(most, limit.PeriodMonth))
	url := serve(t, o.g)
	var mu sync.Mutex
	answers := map[int]int{}
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range each {
				r, _ := http.NewRequest("GET", url+"/echo/prod/a", nil)
				r.Header.Set("x-api-key", o.value)
				res, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
				mu.Lock()
				answers[res.StatusCode]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if diff := cmp.Diff(map[int]int{200: most, 429: callers*each - most}, answers); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if got := len(o.up.requests()); got != most {
		t.Errorf("the upstream got %d requests, want %d", got, most)
	}
	drain(t, o.g)
	if got := o.chargedTo(o.key, o.plan); got != most {
		t.Errorf("charged %d, want %d", got, most)
	}
	// R6: metered is admitted, and what was refused is counted as such.
	if ok, no := o.count(o.key, models.OutcomeSuccess), o.count(o.key, models.OutcomeQuota); ok != most || no != callers*each-most {
		t.Errorf("metered %d and %d refused", ok, no)
	}
	if open := o.count(o.key, models.OutcomeOpen); open != 0 {
		t.Errorf("%d are counted as open", open)
	}
}

// R7: whichever layer refuses, no other layer has given anything.
func TestARefusedRequestSpendsNothing(t *testing.T) {
	tests := []struct {
		name  string
		terms func(*models.Terms, *models.GatewayStage)
		stage *limit.Throttle
		owner *limit.Throttle
		layer string
		slug  string
	}{
		{"method", func(t *models.Terms, st *models.GatewayStage) {
			t.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methodOf(st, "GET /a"), Throttle: limit.Throttle{Rate: 1, Burst: 2}}}
		}, nil, nil, "method", "throttled"},
		{"plan", func(t *models.Terms, _ *models.GatewayStage) { t.Throttle.Burst = 2 }, nil, nil, "plan", "throttled"},
		{"stage", nil, &limit.Throttle{Rate: 1, Burst: 2}, nil, "stage", "throttled"},
		{"account", nil, &limit.Throttle{Rate: 1, Burst: 9}, &limit.Throttle{Rate: 1, Burst: 2}, "account", "throttled"},
		{"quota", func(t *models.Terms, _ *models.GatewayStage) { t.Quota.Limit = 2 }, nil, nil, "quota", "quota-exceeded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOne(t, nil)
			o.publish(o.plan, func(terms *models.Terms) {
				terms.Throttle = &limit.Throttle{Rate: 1, Burst: 50}
				terms.Quota = &limit.Quota{Limit: 50, Period: limit.PeriodDay}
				if tt.terms != nil {
					tt.terms(terms, o.stage)
				}
			})
			o.world.stage(func() { o.stage.Throttle = tt.stage })
			o.limitOwner(tt.owner)
			catchUp(t, o.g)
			if got := o.spend(t, "/a"); got != 2 {
				t.Fatalf("%d passed, want 2", got)
			}
			before, _ := o.g.Limits(t.Context(), o.key, o.plan)
			for range 10 {
				w := in(o.g, "GET", "/echo/prod/a", o.value)
				p := problemOf(t, w.Header(), w.Body)
				if w.Code != 429 || p.Layer != tt.layer || p.Type != "https://portal.example/problems/"+tt.slug {
					t.Fatalf("got %d %+v, want a refusal by %s", w.Code, p, tt.layer)
				}
			}
			after, _ := o.g.Limits(t.Context(), o.key, o.plan)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("refusals spent something (-before +after):\n%s", diff)
			}
			if got := len(o.up.requests()); got != 2 {
				t.Errorf("the upstream got %d requests, want 2", got)
			}
			if tt.owner == nil || tt.stage == nil {
				return
			}
			o.limitOwner(nil)
			catchUp(t, o.g)
			if got := o.spend(t, "/a"); got != 7 {
				t.Errorf("%d passed without the account's throttle, want the stage's rest of 7", got)
			}
		})
	}
}

func TestLayersAddUp(t *testing.T) {
	o := newOne(t, func(t *models.Terms) { throttle(1, 5)(t); quota(4, limit.PeriodDay)(t) })
	o.publish(o.plan, func(terms *models.Terms) {
		terms.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methodOf(o.stage, "GET /a"), Throttle: limit.Throttle{Rate: 0.1, Burst: 2}}}
	})
	catchUp(t, o.g)
	if got := o.spend(t, "/a"); got != 2 {
		t.Errorf("%d passed GET /a, want the method's 2", got)
	}
	if got := o.spend(t, "/b"); got != 2 {
		t.Errorf("%d passed GET /b, want the quota's rest of 2", got)
	}
	o.clock.advance(24 * time.Hour)
	if got := o.spend(t, "/b"); got != 4 {
		t.Errorf("%d passed the next day, want the quota's 4", got)
	}
}

func TestAStageIsSharedByAllCallersAndAPlanIsNot(t *testing.T) {
	o := newOne(t, throttle(1, 4))
	o.world.stage(func() { o.stage.Throttle = &limit.Throttle{Rate: 1, Burst: 6} })
	_, other := o.addKey(o.plan)
	catchUp(t, o.g)
	if got := o.spend(t, "/a"); got != 4 {
		t.Errorf("%d passed, want the plan's 4", got)
	}
	o.value = other
	if got := o.spend(t, "/a"); got != 2 {
		t.Errorf("%d of the other key passed, want the stage's rest of 2", got)
	}
	if w := in(o.g, "GET", "/echo/prod/open", ""); slugOf(t, w) != "throttled" {
		t.Errorf("a method without a key is not limited by its stage")
	}
}

func TestAnAccountsThrottleIsSharedByAllCallersOfAllItsAPIs(t *testing.T) {
	o := newOne(t, throttle(1, 4))
	second := o.addAPI("second", o.up.url, "GET /a", "open GET /open")
	_, other := o.addKey(o.addPlan("Second", throttle(1, 4), second))
	o.limitOwner(&limit.Throttle{Rate: 1, Burst: 6})
	catchUp(t, o.g)
	if got := o.spend(t, "/a"); got != 4 {
		t.Errorf("%d passed, want the plan's 4", got)
	}
	for range 2 {
		if w := in(o.g, "GET", "/second/prod/a", other); w.Code != 200 {
			t.Errorf("a call of the rest of the account's 6: %d", w.Code)
		}
	}
	w := in(o.g, "GET", "/second/prod/a", other)
	if p := problemOf(t, w.Header(), w.Body); p.Layer != "account" || !strings.Contains(p.Detail, "all its APIs together 6 requests at once and then 1 a second") {
		t.Errorf("the seventh: %+v", p)
	}
	if policy := w.Header().Get("RateLimit-Policy"); !strings.Contains(policy, `"account";q=6;w=6`) {
		t.Errorf("RateLimit-Policy = %s", policy)
	}
	if w := in(o.g, "GET", "/second/prod/open", ""); slugOf(t, w) != "throttled" {
		t.Errorf("a method without a key is not limited by its owner's account")
	}
	o.restart(t, 0)
	if w := in(o.g, "GET", "/second/prod/a", other); slugOf(t, w) != "throttled" {
		t.Error("the account's level was lost by an ordered stop")
	}
	o.clock.advance(time.Second)
	if w := in(o.g, "GET", "/second/prod/a", other); w.Code != 200 {
		t.Errorf("a second later: %d", w.Code)
	}
}

func TestEveryKeyedAnswerTellsTheLimits(t *testing.T) {
	o := newOne(t, func(t *models.Terms) { throttle(0.5, 10)(t); quota(100, limit.PeriodDay)(t) })
	o.world.stage(func() { o.stage.Throttle = &limit.Throttle{Rate: 1000, Burst: 2000} })
	o.publish(o.plan, func(terms *models.Terms) {
		terms.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methodOf(o.stage, "GET /b"), Throttle: limit.Throttle{Rate: 1, Burst: 2}}}
	})
	catchUp(t, o.g)
	read := func(h http.Header) map[string]string {
		got := map[string]string{}
		for _, name := range []string{"RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"} {
			if v := h.Get(name); v != "" {
				got[name] = v
			}
			if len(h.Values(name)) > 1 {
				t.Errorf("%s stands %d times", name, len(h.Values(name)))
			}
		}
		return got
	}
	want := map[string]string{
		"RateLimit":         `"plan";r=9;t=2, "stage";r=1999;t=1, "quota";r=99;t=43200`,
		"RateLimit-Policy":  `"plan";q=10;w=20, "stage";q=2000;w=2, "quota";q=100;w=86400`,
		"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "99", "X-RateLimit-Reset": "43200",
	}
	if diff := cmp.Diff(want, read(in(o.g, "GET", "/echo/prod/a", o.value).Header())); diff != "" {
		t.Errorf("answer of the upstream (-want +got):\n%s", diff)
	}
	o.spend(t, "/b")
	want = map[string]string{
		"RateLimit":         `"method";r=0;t=2, "plan";r=7;t=6, "stage";r=1997;t=1, "quota";r=97;t=43200`,
		"RateLimit-Policy":  `"method";q=2;w=2, "plan";q=10;w=20, "stage";q=2000;w=2, "quota";q=100;w=86400`,
		"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "97", "X-RateLimit-Reset": "43200", "Retry-After": "1",
	}
	if diff := cmp.Diff(want, read(in(o.g, "GET", "/echo/prod/b", o.value).Header())); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
	o.publish(o.plan, func(t *models.Terms) { t.Quota = nil })
	catchUp(t, o.g)
	if h := in(o.g, "GET", "/echo/prod/a", o.value).Header(); h.Get("X-RateLimit-Limit") != "10" || h.Get("X-RateLimit-Remaining") != "6" {
		t.Errorf("without a quota the plan's throttle is told: got %v", read(h))
	}
	if got := read(in(o.g, "GET", "/echo/prod/open", "").Header()); len(got) != 0 {
		t.Errorf("a method without a key tells of limits: %v", got)
	}
}

func TestRateOrQuotaOfZeroRefusesAndDoesNotAskToWait(t *testing.T) {
	for name, terms := range map[string]func(*models.Terms){
		"rate": throttle(0, 10), "burst": throttle(10, 0), "quota": quota(0, limit.PeriodDay),
	} {
		t.Run(name, func(t *testing.T) {
			o := newOne(t, terms)
			w := in(o.g, "GET", "/echo/prod/a", o.value)
			if w.Code != 429 || w.Header().Get("Retry-After") != "" {
				t.Errorf("got %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
		})
	}
}

// DECISIONS 5 and 49: under delivered, what the upstream failed to deliver is given back to the quota of its day.
func TestChargePolicies(t *testing.T) {
	tests := []struct {
		charge models.Charge
		status int
		want   int64
	}{
		{models.ChargeAccepted, 200, 1}, {models.ChargeAccepted, 404, 1}, {models.ChargeAccepted, 500, 1}, {models.ChargeAccepted, 0, 1},
		{models.ChargeDelivered, 200, 1}, {models.ChargeDelivered, 404, 1}, {models.ChargeDelivered, 500, 0}, {models.ChargeDelivered, 0, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %d", tt.charge, tt.status), func(t *testing.T) {
			o := newOne(t, func(t *models.Terms) { quota(10, limit.PeriodDay)(t); t.Charge = tt.charge })
			up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(tt.status)
			})
			o.world.stage(func() { o.stage.Upstream = up.url })
			catchUp(t, o.g)
			in(o.g, "GET", "/echo/prod/a", o.value)
			if l, _ := o.g.Limits(t.Context(), o.key, o.plan); l.Used != tt.want {
				t.Errorf("used %d, want %d", l.Used, tt.want)
			}
			drain(t, o.g)
			if got := o.chargedTo(o.key, o.plan); got != tt.want {
				t.Errorf("charged %d, want %d", got, tt.want)
			}
		})
	}
}

// An answer that fails in the next window is given back to the one in which its request was admitted, and not to the one that is open.
func TestAFailureAfterTheWindowIsGivenBackToIt(t *testing.T) {
	o := newOne(t, func(t *models.Terms) { quota(3, limit.PeriodMonth)(t); t.Charge = models.ChargeDelivered })
	arrived, fail := make(chan struct{}), make(chan struct{})
	slow := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/b" {
			close(arrived)
			<-fail
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	o.world.stage(func() { o.stage.Upstream = slow.url })
	catchUp(t, o.g)
	before, _ := time.Parse(time.DateTime, "2028-02-29 23:59:59")
	o.clock.nanos.Store(before.UnixNano())
	ended := make(chan string)
	go func() { ended <- o.get(t, "/b") }()
	<-arrived
	o.clock.advance(time.Second)
	if got := o.spend(t, "/a"); got != 3 {
		t.Errorf("in March %d passed, want 3", got)
	}
	close(fail)
	if slug := <-ended; slug != "" {
		t.Errorf("the upstream's failure: %q", slug)
	}
	if got := o.spend(t, "/a"); got != 0 {
		t.Errorf("what February gave back let %d pass in March", got)
	}
	drain(t, o.g)
	day := before.Unix() / 86400
	if feb, march := o.charged[charge{o.key, o.plan, day}], o.charged[charge{o.key, o.plan, day + 1}]; feb != 0 || march != 3 {
		t.Errorf("charged %d in February and %d in March, want 0 and 3", feb, march)
	}
}

func TestMethodsWithoutAKeyAreNotMetered(t *testing.T) {
	o := newOne(t, quota(1, limit.PeriodDay))
	for range 5 {
		if got := o.get(t, "/open"); got != "" {
			t.Fatalf("refused: %s", got)
		}
	}
	if got := o.get(t, "/a"); got != "" {
		t.Errorf("the key's quota was charged for methods that need no key: %s", got)
	}
	for _, r := range o.up.requests()[:5] {
		if r.Header.Get("X-Api-Key") != "" || r.Header.Get("X-Api-Key-Id") != "" {
			t.Errorf("the upstream of a method without a key got %v", r.Header)
		}
	}
}

func TestThrottledSecondsAreCounted(t *testing.T) {
	o := newOne(t, throttle(1, 1))
	for range 4 {
		o.spend(t, "/a") // one passes, one is refused
		o.get(t, "/a")
		o.clock.advance(time.Second)
	}
	drain(t, o.g)
	name := cell{o.key, o.plan, methodOf(o.stage, "GET /a"), models.OutcomeThrottled}
	if o.cells[name] != 8 || o.seconds[name] != 4 {
		t.Errorf("%d refusals in %d seconds, want 8 in 4", o.cells[name], o.seconds[name])
	}
}
