package management

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"testing"

	"gatehouse/enforcement"
	"gatehouse/enforcement/journal"
	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
)

// withGateway is a rig with a gateway that serves what it makes. Ask asks it.
func withGateway(t *testing.T) (r *rig, ask func(path string) *httptest.ResponseRecorder) {
	t.Helper()
	var g *enforcement.Gateway
	ring := secret.NewKeyring()
	r = newRig(t, func(c *store.Config) {
		c.Keyring = ring
		c.Changed = func(ctx context.Context) error {
			if g == nil {
				return nil
			}
			return g.CatchUp(ctx)
		}
	})
	j, err := journal.Open(journal.Config{Dir: filepath.Join(t.TempDir(), "journal"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	g = enforcement.New(enforcement.Config{Source: r.Store, Ledger: r.Store, Books: r.Store, Journal: j, Keyring: ring, Log: slog.New(slog.DiscardHandler), CacheSize: 8 << 20,
		Policy: enforcement.AddressPolicy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	if err := g.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Drain(context.WithoutCancel(t.Context())) })
	return r, func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
}

func TestWhatTheWireSetsHoldsOnTheNextRequest(t *testing.T) {
	upstreams := map[string]*httptest.Server{}
	for _, name := range []string{"a", "b"} {
		upstreams[name] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) }))
		t.Cleanup(upstreams[name].Close)
	}
	r, ask := withGateway(t)
	api, err := r.CreateAPI(t.Context(), r.actor(), models.NewAPI{Name: "pets", Slug: "pets", KeySource: models.DefaultKeySource(), Methods: []models.Method{{Verb: "GET", Path: "/pets"}, {Verb: "GET", Path: "/dogs"}}}, r.now)
	if err != nil {
		t.Fatal(err)
	}
	host := func(name string) string { return upstreams[name].Listener.Addr().String() }
	if _, err = r.CreateStage(t.Context(), r.actor(), api.ID, models.Stage{Name: "prod", Upstream: "http://${stageVariables.host}", Settings: models.StageSettings{Variables: map[string]string{"host": host("a")}}}, r.now); err != nil {
		t.Fatal(err)
	}
	path := "/restapis/" + api.ID.String()
	stage := path + "/stages/prod"
	says := func(at string, status int, body string) {
		t.Helper()
		if w := ask("/pets/prod" + at); w.Code != status || body != "" && w.Body.String() != body {
			t.Errorf("%s: got %d %s, want %d %s", at, w.Code, w.Body, status, body)
		}
	}
	r.call("POST", path+"/deployments", `{"stageName":"prod"}`).is(201)
	says("/pets", 200, "a")
	r.patch(stage, "replace /variables/host "+host("b")).is(200)
	says("/pets", 200, "b")
	r.patch(stage, "replace /pets/GET/throttling/burstLimit 0", "replace /pets/GET/throttling/rateLimit 0").is(200)
	says("/pets", 429, "")
	says("/dogs", 200, "b")
	r.patch(stage, "remove /pets/GET").is(200)
	says("/pets", 200, "b")
	// Answers of one method are kept, of the other they are not.
	r.patch(stage, "replace /cacheClusterEnabled true", "replace /pets/GET/caching/enabled true").is(200)
	says("/pets", 200, "b")
	upstreams["b"].Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("c")) })
	says("/pets", 200, "b")
	says("/dogs", 200, "c")
	r.call("DELETE", stage+"/cache/data", "").is(202)
	says("/pets", 200, "c")
	// The canary gets everybody, and is then promoted.
	r.call("POST", path+"/deployments", map[string]any{"stageName": "prod", "canarySettings": map[string]any{"percentTraffic": 100, "stageVariableOverrides": map[string]string{"host": host("a")}}}).is(201)
	says("/dogs", 200, "a")
	r.call("PATCH", stage, `{"patchOperations":[{"op":"copy","from":"/canarySettings/deploymentId","path":"/deploymentId"},{"op":"remove","path":"/canarySettings"}]}`).is(200)
	says("/dogs", 200, "c")
	r.call("DELETE", stage, "").is(202)
	says("/dogs", 404, "")
}
