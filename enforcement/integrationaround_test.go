package enforcement_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/enforcement"
	"gatehouse/models"
)

// What a stage has beside its upstream holds for integrations, too.
func TestSettingsOfAStageHoldForItsIntegrations(t *testing.T) {
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Remove", "me")
		fmt.Fprintf(w, "%s for %s", r.RequestURI, r.Header.Get("X-Rule"))
	})
	o := newOne(t, nil)
	o.g = o.gateway(t, func(c *enforcement.Config) { c.CacheSize = 1 << 20 })
	varied := proxied(b.url+"/v?user={u}", "integration.request.path.u", "method.request.header.X-User")
	own := proxied(b.url+"/own", "integration.request.header.X-Id", "context.requestId")
	o.world.stage(func() {
		o.stage.Settings.Cache = &models.StageCache{TTL: time.Minute}
		o.stage.Settings.Request = []models.HeaderRule{{Action: models.HeaderSet, Name: "X-Rule", Value: "ruled"}}
		o.stage.Settings.Response = []models.HeaderRule{{Action: models.HeaderRemove, Name: "X-Remove"}}
	})
	o.integrate(t, map[string]*models.Integration{"GET /varied": varied, "GET /own": own})
	as := func(user string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("X-User", user) }
	}
	for i, user := range []string{"ann", "bob", "ann", "bob"} {
		w := in(o.g, "GET", "/echo/prod/varied", o.value, as(user))
		if want := "/v?user=" + user + " for ruled"; w.Body.String() != want || w.Header().Get("X-Remove") != "" {
			t.Errorf("%d: %q %v, want %q", i, w.Body, w.Header(), want)
		}
	}
	if n := len(b.heard()); n != 2 {
		t.Errorf("the upstream got %d requests, not one for each user", n)
	}
	for range 2 {
		in(o.g, "GET", "/echo/prod/own", o.value)
	}
	if n := len(b.heard()); n != 2 {
		t.Errorf("the upstream got %d of 2 requests that are each another", n)
	}
	o.world.stage(func() { o.stage.Settings.Maintenance = &models.Maintenance{} })
	catchUp(t, o.g)
	if got := o.get(t, "/own"); got != "maintenance" {
		t.Errorf("got %q", got)
	}
}

func TestACanaryHasItsOwnIntegrations(t *testing.T) {
	b, o := newBackend(t, nil), newOne(t, nil)
	o.integrate(t, map[string]*models.Integration{"GET /c": proxied("http://${stageVariables.host}/${stageVariables.way}")})
	o.world.stage(func() {
		o.stage.Settings.Variables = map[string]string{"host": b.host, "way": "all"}
		o.stage.Settings.Canary = &models.Canary{Percent: 100, Deployment: 7, Variables: map[string]string{"way": "some"}}
		o.stage.Canary = &models.GatewayCanary{KeySource: o.stage.KeySource, Methods: o.stage.Methods}
	})
	catchUp(t, o.g)
	if got := o.get(t, "/c"); got != "" || b.last(t).target != "/some" {
		t.Errorf("got %q", got)
	}
}

func TestIntegrationsOverTLSAreCheckedUnlessTheirOwnerSaysOtherwise(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto+r.RequestURI) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	o := newOne(t, nil)
	insecure := proxied(s.URL + "/b/{id}?x=1")
	insecure.Insecure = true
	o.integrate(t, map[string]*models.Integration{"GET /checked": proxied(s.URL), "GET /insecure/{id}": insecure})
	if got := o.get(t, "/checked"); got != "upstream-unreachable" {
		t.Errorf("got %q", got)
	}
	if w := in(o.g, "GET", "/echo/prod/insecure/a%3Fb?y=2", o.value); w.Body.String() != "HTTP/2.0/b/a%3Fb?x=1&y=2" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	if o.g.Unchecked() != 1 {
		t.Error("nobody is told of the certificate that is not looked at")
	}
	o.world.stage(func() { o.stage.Settings.TLS.CA = pemOf(s) })
	catchUp(t, o.g)
	if got := o.get(t, "/checked"); got != "" {
		t.Errorf("with its CA: %q", got)
	}
}

func TestStreamsPassThroughProxiesAlone(t *testing.T) {
	o := newOne(t, nil)
	o.clock = nil
	o.g = o.gateway(t)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: 1\n\n")
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		if r.Header.Get("Upgrade") == "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		if kind, data, err := c.Read(r.Context()); err == nil {
			_ = c.Write(r.Context(), kind, data)
		}
		_ = c.Close(websocket.StatusNormalClosure, "")
	}))
	t.Cleanup(up.Close)
	mapped := proxied(up.URL)
	mapped.Kind, mapped.Responses = models.IntegrationHTTP, map[string]models.IntegrationResponse{"418": {}}
	o.integrate(t, map[string]*models.Integration{"GET /ws": proxied(up.URL), "GET /events": proxied(up.URL + "/events"), "GET /mapped": mapped})
	url := serve(t, o.g)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	with := &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {o.value}}}
	c, _, err := websocket.Dial(ctx, url+"/echo/prod/ws", with)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, data, err := c.Read(ctx); err != nil || string(data) != "hello" {
		t.Errorf("got %q, %v", data, err)
	}
	if _, res, err := websocket.Dial(ctx, url+"/echo/prod/mapped", with); err == nil || res == nil || res.StatusCode != http.StatusTeapot {
		t.Errorf("a mapped answer switched protocols: %v, %v", res, err)
	}
	events := o.do(t, newRequest(t, "GET", url+"/echo/prod/events", nil))
	if line, err := bufio.NewReader(events.Body).ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// Bodies that are larger than a template can be made of are refused before anything is spent, and answers that are, given back.
func TestTemplatesAreMadeOfBodiesOfBoundedSize(t *testing.T) {
	large := strings.Repeat("x", 1<<20+1)
	b, o := newBackend(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, large) }), newOne(t, nil)
	i := &models.Integration{Kind: models.IntegrationHTTP, Verb: "POST", URL: b.url, Templates: map[string]string{"application/json": "$input.body"},
		Responses: map[string]models.IntegrationResponse{"200": {Templates: map[string]string{"text/plain": "$input.body"}}}}
	o.integrate(t, map[string]*models.Integration{"POST /t": i})
	url := serve(t, o.g)
	if res := o.do(t, newRequest(t, "POST", url+"/echo/prod/t", strings.NewReader(large))); res.StatusCode != http.StatusRequestEntityTooLarge || len(b.heard()) != 0 {
		t.Errorf("a large body: %d", res.StatusCode)
	}
	if res := o.do(t, newRequest(t, "POST", url+"/echo/prod/t", strings.NewReader("x"))); res.StatusCode != http.StatusInternalServerError {
		t.Errorf("a large answer: %d", res.StatusCode)
	}
	if ends := o.counted(t, 1); ends[models.OutcomeUpstream] != 1 {
		t.Errorf("ended as %v", ends)
	}
}
