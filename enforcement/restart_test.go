package enforcement_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// restart stops in order and starts again, after some time.
func (o *one) restart(t testing.TB, after time.Duration) {
	t.Helper()
	drain(t, o.g)
	o.clock.advance(after)
	o.g = o.gateway(t)
}

// R4, R5 and R6 over an ordered stop and start: counts and levels are what they were, the time between included.
func TestCountsAndLevelsSurviveAnOrderedStop(t *testing.T) {
	o := newOne(t, func(t *models.Terms) { throttle(0.1, 6)(t); quota(20, limit.PeriodMonth)(t) })
	o.publish(o.plan, func(terms *models.Terms) {
		terms.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methodOf(o.stage, "GET /b"), Throttle: limit.Throttle{Rate: 0.1, Burst: 2}}}
	})
	o.world.stage(func() { o.stage.Throttle = &limit.Throttle{Rate: 0.1, Burst: 9} })
	_, other := o.addKey(o.plan)
	catchUp(t, o.g)
	if got := o.spend(t, "/b"); got != 2 {
		t.Fatalf("%d passed GET /b, want 2", got)
	}
	if got := o.spend(t, "/a"); got != 4 {
		t.Fatalf("%d passed GET /a, want 4", got)
	}
	before, _ := o.g.Limits(t.Context(), o.key, o.plan)
	o.restart(t, 0)
	if after, _ := o.g.Limits(t.Context(), o.key, o.plan); !cmp.Equal(before, after) {
		t.Errorf("limits changed (-before +after):\n%s", cmp.Diff(before, after))
	}
	for _, path := range []string{"/a", "/b"} {
		if got := o.get(t, path); got != "throttled" {
			t.Errorf("%s after the start: %q", path, got)
		}
	}
	o.restart(t, 10*time.Second) // one token of the plan's 0.1 a second, of the method's too
	if got := o.spend(t, "/b"); got != 1 {
		t.Errorf("after 10 s %d passed, want 1", got)
	}
	o.value = other
	if got := o.spend(t, "/a"); got != 3 {
		t.Errorf("%d of the other key passed, want the stage's rest of 3", got)
	}
	drain(t, o.g)
	if got := o.chargedTo(o.key, o.plan); got != 7 {
		t.Errorf("charged %d, want 7", got)
	}
}

// A bucket that nobody has taken from is full, whenever it is looked at first: one that began empty refused 170 of 200 requests (RELIABILITY 2.12, 4).
func TestRegressionABucketBeginsFull(t *testing.T) {
	o := newOne(t, throttle(0.001, 6))
	o.publish(o.plan, func(terms *models.Terms) {
		terms.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methodOf(o.stage, "GET /b"), Throttle: limit.Throttle{Rate: 0.001, Burst: 2}}}
	})
	o.world.stage(func() { o.stage.Throttle = &limit.Throttle{Rate: 0.001, Burst: 12} })
	o.limitOwner(&limit.Throttle{Rate: 0.001, Burst: 12})
	catchUp(t, o.g)
	_, later := o.addKey(o.plan) // its first request comes after another start
	catchUp(t, o.g)
	if got := o.spend(t, "/b") + o.spend(t, "/a"); got != 6 {
		t.Errorf("%d passed, want all of the burst of 6", got)
	}
	o.restart(t, 0)
	o.value = later
	if got := o.spend(t, "/b") + o.spend(t, "/a"); got != 6 {
		t.Errorf("%d of a key that calls first after another start passed, want all of the burst of 6", got)
	}
}

func TestRestartsNeverOpenAQuota(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := newOne(t, quota(10, limit.PeriodWeek)) // its start and 10 days on touch three weeks
		admitted := map[time.Time]int{}
		for range 60 {
			o.clock.advance(time.Duration(rapid.IntRange(0, 6).Draw(rt, "hours")) * time.Hour)
			if o.g.Admit("echo", "prod", "GET", "/a", o.value) == "" {
				admitted[limit.Window(limit.PeriodWeek, 0, o.clock.now()).Start]++
			}
			if rapid.IntRange(0, 5).Draw(rt, "restart") == 0 {
				o.restart(t, 0)
			}
		}
		for week, n := range admitted {
			if n > 10 {
				rt.Fatalf("%d admitted in the week of %v, want at most 10", n, week)
			}
		}
	})
}

// A client that keeps its connection learns that it ends before it sends another request into it.
func TestAStopIsAnnouncedOnEveryAnswerBeforeAnyIsRefused(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			return
		}
		if c, err := websocket.Accept(w, r, nil); err == nil {
			c.CloseNow()
		}
	})
	if res := o.do(t, newRequest(t, "GET", url+"/echo/prod/a", nil)); res.Close || res.StatusCode != 200 {
		t.Errorf("before the stop: status %d, close %v", res.StatusCode, res.Close)
	}
	o.g.Leave()
	if o.g.Ready() == nil {
		t.Error("it is ready")
	}
	preflight := newRequest(t, "OPTIONS", url+"/echo/prod/a", nil)
	preflight.Header.Set("Origin", "https://app.example")
	preflight.Header.Set("Access-Control-Request-Method", "GET")
	for status, r := range map[int]*http.Request{
		200: newRequest(t, "GET", url+"/echo/prod/a", nil), 404: newRequest(t, "GET", url+"/nothing", nil), 204: preflight,
	} {
		if res := o.do(t, r); !res.Close || res.StatusCode != status {
			t.Errorf("%s %s: status %d, close %v, want %d and close", r.Method, r.URL.Path, res.StatusCode, res.Close, status)
		}
	}
	c, res, err := websocket.Dial(t.Context(), url+"/echo/prod/a", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {o.value}}})
	if err != nil || res.Header.Get("Connection") != "Upgrade" {
		t.Fatalf("a WebSocket: %v, %v", err, res)
	}
	c.CloseNow()
}

// Nothing is lost: a request that is under way when the stop begins is answered and counted, and no new one is let in.
func TestAnOrderedStopWaitsForRequestsUnderWay(t *testing.T) {
	o := newOne(t, nil)
	arrived, answer := make(chan struct{}), make(chan struct{})
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-answer
	})
	o.world.stage(func() { o.stage.Upstream = up.url })
	catchUp(t, o.g)
	got := make(chan string)
	go func() { got <- o.get(t, "/a") }()
	<-arrived
	stopped := make(chan error)
	go func() { stopped <- o.g.Drain(context.Background()) }()
	for o.g.Ready() == nil {
		time.Sleep(time.Millisecond)
	}
	w := in(o.g, "GET", "/echo/prod/a", o.value)
	if slug := slugOf(t, w); slug != "not-ready" || w.Header().Get("Connection") != "close" {
		t.Errorf("a new request: %q, %v", slug, w.Header())
	}
	select {
	case err := <-stopped:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	close(answer)
	if slug := <-got; slug != "" {
		t.Errorf("the request under way: %q", slug)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if n := o.count(o.key, models.OutcomeSuccess); n != 1 {
		t.Errorf("%d counted, want 1", n)
	}
}

func TestAStopWhoseTimeIsOverCutsRequestsOffAndStillSaves(t *testing.T) {
	o := newOne(t, throttle(0.001, 5))
	arrived := make(chan struct{})
	up := newUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	o.world.stage(func() { o.stage.Upstream = up.url })
	catchUp(t, o.g)
	got := make(chan string)
	go func() { got <- o.get(t, "/a") }()
	<-arrived
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := stopGateway(ctx, o.g); err != nil {
		t.Error(err)
	}
	if slug := <-got; slug != "not-ready" {
		t.Errorf("the request that was cut off: %q", slug)
	}
	if n := o.count(o.key, models.OutcomeAborted); n != 1 {
		t.Errorf("%d counted as aborted, want 1", n)
	}
	if len(o.levels) != 1 {
		t.Errorf("levels = %v, want the plan's", o.levels)
	}
}

func TestAStopThatCannotSaveSaysSo(t *testing.T) {
	o := newOne(t, nil)
	o.get(t, "/a")
	o.breakDown(errAway)
	if err := o.g.Drain(context.Background()); err == nil {
		t.Error("no error")
	}
}

// What a receipt says of the requests before it needs buckets that were not emptied meanwhile: after a machine that stopped they were.
func TestItIsKnownSinceWhenNoBucketWasEmptied(t *testing.T) {
	o := newOne(t, throttle(0.1, 6))
	began := o.g.LevelsSince()
	o.restart(t, time.Minute)
	if got := o.g.LevelsSince(); !got.Equal(began) || !got.Before(o.clock.now()) {
		t.Errorf("an ordered stop moves it from %v to %v", began, got)
	}
	o.boot = [16]byte{1} // another run of the machine, and nobody stopped this one in order
	o.clock.advance(time.Minute)
	if g := o.gateway(t); !g.LevelsSince().Equal(o.clock.now()) {
		t.Errorf("buckets were emptied at %v, it says %v", o.clock.now(), g.LevelsSince())
	}
}
