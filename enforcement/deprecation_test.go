package enforcement_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

// deprecate says what is announced of the API.
func (o *one) deprecate(t *testing.T, all ...models.Deprecation) {
	t.Helper()
	o.world.stage(func() { o.world.apis[0].Deprecations = all })
	catchUp(t, o.g)
}

// A deprecated operation says so on every answer, of the upstream's and of the gateway's own, and others do not.
func TestADeprecatedOperationSaysSoOnEveryAnswer(t *testing.T) {
	o := newOne(t, nil)
	since, sunset := o.clock.now(), o.clock.now().Add(240*time.Hour)
	d := models.Deprecation{ID: 12345678901234567, MethodID: methodOf(o.stage, "GET /a"), Since: since, Sunset: sunset, Successor: "https://example.com/v2"}
	o.deprecate(t, d)
	for name, h := range map[string]http.Header{
		"admitted": in(o.g, "GET", "/echo/prod/a", o.value).Header(),
		"refused":  in(o.g, "GET", "/echo/prod/a", o.value, func(r *http.Request) { r.Header.Del("X-Api-Key") }).Header(),
		"quote":    in(o.g, "GET", "/echo/prod/a", o.value, asQuote).Header(),
	} {
		if got, want := h.Get("Deprecation"), "@"+strconv.FormatInt(since.Unix(), 10); got != want {
			t.Errorf("%s: Deprecation is %q, want %q", name, got, want)
		}
		if got, want := h.Get("Sunset"), sunset.Format(http.TimeFormat); got != want {
			t.Errorf("%s: Sunset is %q, want %q", name, got, want)
		}
		links := strings.Join(h.Values("Link"), ", ")
		for _, rel := range []string{`rel="deprecation"`, `rel="sunset"`, `<https://example.com/v2>; rel="successor-version"`, "/changes#" + d.ID.String()} {
			if !strings.Contains(links, rel) {
				t.Errorf("%s: Link is %q, without %s", name, links, rel)
			}
		}
	}
	for _, path := range []string{"/echo/prod/b", "/echo/prod/c"} {
		if h := in(o.g, "GET", path, o.value).Header(); h.Get("Deprecation")+h.Get("Sunset") != "" {
			t.Errorf("%s is deprecated, too: %v", path, h)
		}
	}
	o.deprecate(t, models.Deprecation{StageID: o.stage.ID, Since: since, Link: "https://example.com/why"})
	for _, path := range []string{"/echo/prod/a", "/echo/prod/b", "/echo/prod/nowhere"} {
		h := in(o.g, "GET", path, o.value).Header()
		if h.Get("Deprecation") == "" || h.Get("Sunset") != "" || !strings.Contains(h.Get("Link"), "<https://example.com/why>") {
			t.Errorf("%s of a deprecated stage says %v", path, h)
		}
	}
}

// What the upstream itself says of deprecation gives way to what its owner announced, and its links stay.
func TestTheUpstreamsLinksStay(t *testing.T) {
	o := newOne(t, nil)
	up := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Deprecation", "@1")
		w.Header().Set("Sunset", "never")
		w.Header().Set("Link", `</next>; rel="next"`)
	})
	o.world.stage(func() { o.stage.Upstream = up.url })
	o.deprecate(t, models.Deprecation{StageID: o.stage.ID, Since: o.clock.now()})
	for range 2 {
		h := in(o.g, "GET", "/echo/prod/a", o.value).Header()
		if h.Get("Deprecation") == "@1" || h.Get("Sunset") != "" || len(h.Values("Link")) != 2 || h.Values("Link")[0] != `</next>; rel="next"` {
			t.Errorf("the answer says %v", h)
		}
	}
}

// From its sunset on an operation is gone, over restarts and for a clock that goes back; a key that may not call it is told that first, and nothing is spent.
func TestAnOperationIsGoneFromItsSunsetOn(t *testing.T) {
	o := newOne(t, throttle(1, 1))
	sunset := o.clock.now().Add(time.Hour)
	o.deprecate(t, models.Deprecation{MethodID: methodOf(o.stage, "GET /a"), Since: o.clock.now(), Sunset: sunset})
	o.clock.advance(time.Hour - time.Nanosecond)
	if got := o.get(t, "/a"); got != "" {
		t.Errorf("before the sunset: %q", got)
	}
	o.clock.advance(time.Nanosecond + time.Minute)
	for range 3 {
		if got := o.get(t, "/a"); got != "operation-gone" {
			t.Errorf("after the sunset: %q", got)
		}
	}
	if w := in(o.g, "GET", "/echo/prod/a", o.value); w.Code != http.StatusGone || w.Header().Get("Retry-After") != "" {
		t.Errorf("it answers %d, %v", w.Code, w.Header())
	}
	drain(t, o.g)
	o.g = o.gateway(t)
	if got := o.get(t, "/a"); got != "operation-gone" {
		t.Errorf("after a restart: %q", got)
	}
	o.change(o.key, func(c *models.Credential) { c.Enabled = false })
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "key-disabled" {
		t.Errorf("with a disabled key: %q", got)
	}
	o.change(o.key, func(c *models.Credential) { c.Enabled = true })
	o.deprecate(t)
	if got := o.get(t, "/a"); got != "" {
		t.Errorf("when it stays after all: %q; what was refused was charged", got)
	}
}

// In a brownout calls are refused until its end, to the nanosecond, with the seconds until then; between two they pass.
func TestBrownoutsAreDarkExactlyWhenTheySay(t *testing.T) {
	o := newOne(t, nil)
	begin := o.clock.now().Add(time.Hour)
	o.deprecate(t, models.Deprecation{StageID: o.stage.ID, Since: o.clock.now(), Sunset: begin.Add(240 * time.Hour), Note: "Use v2.",
		Brownouts: []models.Brownout{{From: begin, To: begin.Add(3 * time.Hour), Every: time.Hour, For: 5 * time.Minute}, {From: begin.Add(65 * time.Minute), To: begin.Add(66 * time.Minute)}}})
	for _, c := range []struct {
		after time.Duration // from the beginning of the first
		wait  string        // Retry-After; "": it passes
	}{
		{-time.Nanosecond, ""}, {0, "300"}, {5*time.Minute - time.Nanosecond, "1"}, {5 * time.Minute, ""}, {time.Hour - time.Nanosecond, ""},
		{time.Hour, "360"}, {65 * time.Minute, "60"}, {66 * time.Minute, ""}, {2 * time.Hour, "300"}, {3 * time.Hour, ""}, {4 * time.Hour, ""},
	} {
		o.clock.advance(begin.Add(c.after).Sub(o.clock.now()))
		for _, path := range []string{"/echo/prod/a", "/echo/prod/b"} { // b needs no key
			w := in(o.g, "GET", path, o.value)
			dark := w.Code == http.StatusServiceUnavailable && strings.Contains(w.Body.String(), "/brownout") && strings.Contains(w.Body.String(), "Use v2.")
			if got := w.Header().Get("Retry-After"); got != c.wait || dark != (c.wait != "") {
				t.Errorf("%s after %v: %d, Retry-After %q, want %q; %s", path, c.after, w.Code, got, c.wait, w.Body)
			}
		}
	}
}
