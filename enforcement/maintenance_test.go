package enforcement_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

func TestAStageInMaintenanceAnswersEveryCallTheSameAndChargesNothing(t *testing.T) {
	o := newOne(t, nil)
	until := o.clock.now().Add(90 * time.Minute)
	o.settle(t, func(s *models.StageSettings) {
		s.Maintenance = &models.Maintenance{Until: until, Message: "We move house."}
	})
	for name, call := range map[string][3]string{
		"with a key": {"GET", "/a", o.value}, "without one": {"GET", "/a", ""}, "with an unknown key": {"GET", "/a", "nonsense"},
		"to an open method": {"GET", "/open", ""}, "to a path that is not there": {"GET", "/none", o.value}, "with another verb": {"DELETE", "/a", o.value},
	} {
		w := in(o.g, call[0], "/echo/prod"+call[1], call[2])
		p := problemOf(t, w.Header(), w.Body)
		if w.Code != 503 || !strings.HasSuffix(p.Type, "/maintenance") || w.Header().Get("Retry-After") != "5400" ||
			!strings.Contains(p.Detail, "10 March 2026 13:30:00 UTC") || !strings.HasSuffix(p.Detail, "We move house.") {
			t.Errorf("%s: %d, Retry-After %q, %+v", name, w.Code, w.Header().Get("Retry-After"), p)
		}
	}
	if slug := o.g.Admit("echo", "prod", "GET", "/a", o.value); slug != "maintenance" {
		t.Errorf("Admit says %q", slug)
	}
	o.clock.advance(2 * time.Hour) // it goes on until it is switched off; when, nobody knows any more
	if w := in(o.g, "GET", "/echo/prod/a", o.value); w.Code != 503 || w.Header().Get("Retry-After") != "60" {
		t.Errorf("after its end: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if code := in(o.g, "OPTIONS", "/echo/prod/a", "", fromPage(page), func(r *http.Request) { r.Header.Set("Access-Control-Request-Method", "GET") }).Code; code != 204 {
		t.Errorf("a preflight, without which no page can read the reason: %d", code)
	}
	if n := len(o.up.requests()); n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
	o.settle(t, func(s *models.StageSettings) { s.Maintenance = nil })
	if slug := o.get(t, "/a"); slug != "" {
		t.Errorf("when it is over: %q", slug)
	}
	drain(t, o.g)
	if n := o.chargedTo(o.key, o.plan); n != 1 {
		t.Errorf("%d were charged, want the one after it", n)
	}
}
