package enforcement_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// limitMethod gives a method of the stage a rate and a burst; -1 is none.
func (o *one) limitMethod(t testing.TB, name string, rate float64, burst int) {
	t.Helper()
	o.settle(t, func(s *models.StageSettings) {
		s.Methods = map[string]models.MethodSetting{name: {Rate: &rate, Burst: &burst}}
	})
}

func TestAMethodsRateIsSharedByAllCallersAndReplacesTheStages(t *testing.T) {
	o := newOne(t, nil)
	o.world.stage(func() { o.stage.Throttle = &limit.Throttle{Rate: 1, Burst: 3} })
	_, other := o.addKey(o.plan)
	o.limitMethod(t, "GET /a", 0.5, 4)
	if got := o.spend(t, "/a"); got != 4 {
		t.Errorf("%d passed GET /a, want the method's 4, not the stage's 3", got)
	}
	w := in(o.g, "GET", "/echo/prod/a", other)
	p := problemOf(t, w.Header(), w.Body)
	if w.Code != 429 || p.Layer != "stage" || !strings.Contains(p.Detail, "The stage prod of echo takes for GET /a from all callers together 4 requests at once and then 0.5 a second.") {
		t.Errorf("another key: %d %+v", w.Code, p)
	}
	if policy := w.Header().Get("RateLimit-Policy"); !strings.Contains(policy, `"stage";q=4;w=8`) {
		t.Errorf("RateLimit-Policy = %s", policy)
	}
	if got := o.spend(t, "/b"); got != 3 {
		t.Errorf("%d passed GET /b, want the stage's 3, of which GET /a took nothing", got)
	}
	o.clock.advance(2 * time.Second)
	if got := o.spend(t, "/a"); got != 1 {
		t.Errorf("%d passed GET /a two seconds later, want 1", got)
	}
}

func TestAMethodWithoutALimitOfItsOwnTakesNothingOfTheStages(t *testing.T) {
	o := newOne(t, nil)
	o.world.stage(func() { o.stage.Throttle = &limit.Throttle{Rate: 0, Burst: 0} })
	o.limitMethod(t, "GET /a", -1, -1)
	if slug := o.get(t, "/a"); slug != "" {
		t.Errorf("GET /a: %q", slug)
	}
	if slug := o.get(t, "/b"); slug != "throttled" {
		t.Errorf("GET /b: %q", slug)
	}
	o.settle(t, func(s *models.StageSettings) { s.Methods["GET /a"] = models.MethodSetting{Caching: true} })
	if slug := o.get(t, "/a"); slug != "throttled" {
		t.Errorf("a setting that says nothing of the rate: %q", slug)
	}
}

// R5 over changes, restarts and canaries: nothing fills a method's bucket but time.
func TestTheLevelOfAMethodsBucketOutlivesChangesAndRestarts(t *testing.T) {
	o := newOne(t, nil)
	o.limitMethod(t, "GET /open", 0.001, 5)
	spend := func() (passed int) {
		for slugOf(t, in(o.g, "GET", "/echo/prod/open", "")) == "" {
			passed++
		}
		return passed
	}
	for range 3 {
		in(o.g, "GET", "/echo/prod/open", "")
	}
	o.settle(t, func(s *models.StageSettings) { s.Limits.MaxBody = 7 })
	o.canaryOf(t, 50, models.DefaultKeySource(), o.stage.Methods...)
	in(o.g, "GET", "/echo/prod/open", "")
	o.restart(t, 0)
	if got := spend(); got != 1 {
		t.Errorf("%d passed, want the 1 that is left", got)
	}
	o.restart(t, 1000*time.Second)
	if got := spend(); got != 1 {
		t.Errorf("%d passed 1,000 s later, want 1", got)
	}
}

func TestAStageWhoseMethodHasARateThatContradictsItselfIsNotServed(t *testing.T) {
	o := newOne(t, nil)
	o.limitMethod(t, "GET /a", -3, 1)
	if slug := o.get(t, "/b"); slug != "stage-broken" {
		t.Errorf("got %q", slug)
	}
	o.limitMethod(t, "GET /gone", -3, 1) // a method that is not deployed
	if slug := o.get(t, "/b"); slug != "" {
		t.Errorf("of a method that is not deployed: %q", slug)
	}
}
