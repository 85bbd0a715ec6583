package enforcement_test

import (
	"io"
	"net/http"
	"testing"

	"gatehouse/models"
)

// canaryOf gives the stage a canary with its own methods and upstream.
func (o *one) canaryOf(t testing.TB, percent float64, source models.KeySource, methods ...models.Method) {
	t.Helper()
	o.world.stage(func() {
		o.stage.Upstream = o.up.url + "/${stageVariables.version}"
		o.stage.Settings.Variables = map[string]string{"version": "v1"}
		o.stage.Settings.Canary = &models.Canary{Percent: percent, Deployment: 9, Variables: map[string]string{"version": "v2"}}
		o.stage.Canary = &models.GatewayCanary{KeySource: source, Methods: methods}
	})
	catchUp(t, o.g)
}

func TestACanaryGetsItsShareOfKeysAndKeepsThem(t *testing.T) {
	o := newOne(t, nil)
	o.up = newUpstream(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })
	o.canaryOf(t, 25, models.DefaultKeySource(), o.stage.Methods...)
	const keys = 400
	served := 0
	for range keys {
		id, value := o.addKey(o.plan)
		catchUp(t, o.g)
		var first string
		for i := range 3 {
			w := in(o.g, "GET", "/echo/prod/a", value)
			if told := w.Header().Get("X-Gatehouse-Canary"); (told != "") != (w.Body.String() == "/v2/a") {
				t.Fatalf("key %s: %s, told %q", id, w.Body, told)
			}
			if i == 0 {
				first = w.Body.String()
			} else if w.Body.String() != first {
				t.Fatalf("key %s got %s after %s", id, w.Body, first)
			}
		}
		if first == "/v2/a" {
			served++
		}
	}
	if served < keys/4-50 || served > keys/4+50 {
		t.Errorf("%d of %d keys", served, keys)
	}
}

func TestACanarysCallsAreMeteredAndLimitedAlike(t *testing.T) {
	o := newOne(t, throttle(0.001, 5))
	o.canaryOf(t, 100, models.DefaultKeySource(), o.stage.Methods...)
	if n := o.spend(t, "/a"); n != 5 {
		t.Errorf("%d passed", n)
	}
	o.canaryOf(t, 0, models.DefaultKeySource(), o.stage.Methods...)
	if n := o.spend(t, "/a"); n != 0 {
		t.Errorf("%d passed after the canary", n)
	}
	drain(t, o.g)
	if n := o.chargedTo(o.key, o.plan); n != 5 {
		t.Errorf("charged %d", n)
	}
}

// Whichever a request gets, no method of it that needs a key is reached without one, wherever the two read keys.
func TestNeitherACanaryNorItsStageIsReachedWithoutAKey(t *testing.T) {
	o := newOne(t, nil)
	bearer := models.KeySource{Place: models.KeyInBearer}
	open := o.stage.Methods[0]
	open.KeyRequired = false
	keyed := o.stage.Methods[0]
	o.canaryOf(t, 50, bearer, keyed)
	// Without any key, or with one in the wrong place, chance chooses: all that passes is what passes by the rules of the chosen one.
	for range 200 {
		if got := o.get(t, "/b"); got != "" && got != "path-unknown" {
			t.Fatalf("the stage alone has this method: %q", got)
		}
		if w := in(o.g, "GET", "/echo/prod/a", ""); w.Code != 403 {
			t.Fatalf("without a key: %d", w.Code)
		}
		w := in(o.g, "GET", "/echo/prod/a", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+o.value) })
		if canary := w.Header().Get("X-Gatehouse-Canary") != ""; canary && w.Code != 200 || !canary && w.Code != 403 {
			t.Fatalf("with a key as the canary reads it: %d, canary %v", w.Code, canary)
		}
		w = in(o.g, "GET", "/echo/prod/a", o.value)
		if canary := w.Header().Get("X-Gatehouse-Canary") != ""; !canary && w.Code != 200 || canary && w.Code != 403 {
			t.Fatalf("with a key as the stage reads it: %d, canary %v", w.Code, canary)
		}
	}
	o.canaryOf(t, 100, bearer, open)
	if w := in(o.g, "GET", "/echo/prod/a", ""); w.Code != 200 {
		t.Errorf("the canary needs no key: %d", w.Code)
	}
	drain(t, o.g)
}
